# Rows of delimited text: numbers read from the bytes a … b - 1 of x.

## A decimal integer; of no bytes 0.
fn decimal(x: bytes, a: int, b: int) -> int {
    minus = a < b and x[a] == 45
    v = fold s = 0 for t in (if minus then a + 1 else a)..b:
        if x[t] >= 48 and x[t] <= 57 then 10 * s + (x[t] - 48) else fail("a digit is wanted")
    if minus then -v else v
}

fn hex_digit(c: u8) -> u32
    = if c >= 48 and c <= 57 then u32(c - 48)
      else if c >= 97 and c <= 102 then u32(c - 87)
      else if c >= 65 and c <= 70 then u32(c - 55)
      else fail("a hex digit is wanted")

## A hexadecimal number of at most 8 digits; of no bytes 0.
fn hexadecimal(x: bytes, a: int, b: int) -> u32 = fold s = u32(0) for t in a..b: 16 * s + hex_digit(x[t])

## The spans of the `count` columns between separators; fails if there are more or fewer.
fn columns(x: bytes, sep: u8, count: int) -> int[count, 2] {
    seps = for i in 0..len(x) where x[i] == sep: i
    n = if len(seps) == count - 1 then len(x) else fail("another number of columns")
    for f: [if f == 0 then 0 else seps[f - 1] + 1, if f == count - 1 then n else seps[f]]
}

## A row of the Criteo click logs: label, 13 counts, 26 hashed categories, tabs
## between them; what is missing is 0.
fn criteo_row(x: bytes) -> (label: i32, dense: f32[13], sparse: u32[26]) {
    at = columns(x, 9, 40)
    (i32(decimal(x, at[0, 0], at[0, 1])),
     for f in 0..13: f32(decimal(x, at[1 + f, 0], at[1 + f, 1])),
     for f in 0..26: hexadecimal(x, at[14 + f, 0], at[14 + f, 1]))
}
