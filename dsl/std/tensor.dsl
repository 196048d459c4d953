# Shapes and orders. `x: T[n, ...s]` is a tensor of any rank above 0.

## x with its rows in reverse.
fn flip(x: T[n, ...s]) -> T[n, ...s] = for i: x[n - 1 - i]

## x with its rows moved down by `shifts`, the last ones coming first.
fn roll(x: T[n, ...s], shifts: int) -> T[n, ...s] = for i: x[(i - shifts) % n]

fn transpose(x: T[h, w]) -> T[w, h] = for i, j: x[j, i]

## The rows of a, then those of b.
fn concat(a: T[n, ...s], b: T[m, ...s]) -> T[n + m, ...s]
    = for i: if i < n then a[i] else b[i - n]

## The first `size` elements; `value` where x is shorter.
fn pad_to(x: T[n], size: int, value: T = 0) -> T[size] = for i: x[i else value]

## The first `max_seq_len` rows, or all; what makes x goes no further.
fn truncate(x: T[n, ...s], max_seq_len: int) -> T[min(n, max_seq_len), ...s] = for i: x[i]

## 1 at place x, 0 elsewhere; fails if x is no place.
fn one_hot(x: int, num_classes: int) -> int[num_classes] {
    at = if x >= 0 and x < num_classes then x else fail("a class outside of num_classes")
    for k: if k == at then 1 else 0
}

## The number of boundaries below x: boundaries[i - 1] < x <= boundaries[i].
fn bucketize(x: T, boundaries: T[n]) -> int = count(boundaries < x)

## NumPy's name of clamp.
fn clip(x: T, low: T, high: T) -> T = clamp(x, low, high)

## steps values from start to end, both included.
fn linspace(start: f32, end: f32, steps: int) -> f32[steps]
    = for i: if i == steps - 1 then end else start + (end - start) * (f32(i) / max(steps - 1, 1))

## The sums of the first 1, 2, … n elements. Integers saturate: widen them first.
fn cumsum(x: T[n]) -> T[n] where T is number = scan s = T(0) for i in 0..n: T(s + x[i])

## The places of x in increasing order, equal ones as they come; n² comparisons.
fn argsort(x: T[n]) -> int[n] {
    rank = for i: count(for j: x[j] < x[i] or (x[j] == x[i] and j < i))
    scatter_set(zeros(int, n), rank, for i in 0..n: i)
}

## x in increasing order; n² comparisons.
fn sort(x: T[n]) -> T[n] {
    order = argsort(x)
    for i: x[order[i]]
}

## The place of i in a border that mirrors a dimension of n: -1 is 1, n is n - 2.
## What lies n or more beyond an edge is at the edge.
fn reflect(i: int, n: int) -> int = clamp(n - 1 - abs(n - 1 - abs(i)), 0, n - 1)
