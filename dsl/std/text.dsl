# Text as bytes.

fn is_space(c: u8) -> bool = c == 32 or (c >= 9 and c <= 13)
fn is_digit(c: u8) -> bool = c >= 48 and c <= 57
fn is_upper(c: u8) -> bool = c >= 65 and c <= 90
fn is_lower(c: u8) -> bool = c >= 97 and c <= 122

## ASCII letters only.
fn to_lower(c: u8) -> u8 = if is_upper(c) then u8(c + 32) else c
fn to_upper(c: u8) -> u8 = if is_lower(c) then u8(c - 32) else c

## The spans of the parts between separators: rows (from, to), the empty ones too.
fn split(x: bytes, sep: u8) -> int[?m, 2] {
    n = len(x)
    ends = for i in 0..n + 1 where i == n or x[i] == sep: i        # x[n] is not read: `or` is an if
    for m in 0..len(ends): [if m == 0 then 0 else ends[m - 1] + 1, ends[m]]
}

## The spans of what stands between white space; none is empty.
fn words(x: bytes) -> int[?m, 2] {
    n = len(x)
    begins = for i in 0..n where not is_space(x[i]) and (i == 0 or is_space(x[i - 1])): i
    ends = for i in 0..n where not is_space(x[i]) and (i == n - 1 or is_space(x[i + 1])): i + 1
    for m in 0..len(begins): [begins[m], ends[m]]
}

## x without the white space at its ends.
fn strip(x: bytes) -> u8[?m] {
    n = len(x)
    a = fold a = 0 for i in 0..n until a == i: if is_space(x[i]) then i + 1 else a
    b = fold b = n for i in 0..n - a until b == n - i: if is_space(x[n - 1 - i]) then n - 1 - i else b
    x[a..b]
}

fn starts_with(x: bytes, prefix: bytes) -> bool
    = len(x) >= len(prefix) and all(for i in 0..len(prefix): x[i] == prefix[i])

## Where `part` first stands in x; -1 if it does not.
fn find(x: bytes, part: bytes) -> int
    = fold at = -1 for i in 0..len(x) - len(part) + 1 until at >= 0:
        if all(for t in 0..len(part): x[i + t] == part[t]) then i else -1
