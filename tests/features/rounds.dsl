# Folds of more rounds than anybody can go through, which stop early or are not reached.
fn more(x: f32[h, w]) -> f32[h, w] = for i, j: x[max(i - 1, 0), j] + x[i, j]

feature rounds()
from range(0, 6)
n = (value + 1) * 18014398509481984
x = more(for i in 0..9, j in 0..8: f32(i * j + value))
y = more(for i in 0..9, j in 0..8: f32(i + j + value))
z = more(for i in 0..9, j in 0..8: f32(i * 2 + j + value))
w = more(for i in 0..9, j in 0..8: f32(i * 3 + j + value))
stops = for i in 0..3, j in 0..8:
    fold s = f32(0) for k in 0..n until s > 9: s + x[k % 5 + i, j] + 1
unreached = for i in 0..3, j in 0..8:
    if value > 100 then (fold s = f32(0) for k in 0..n: s + y[k + i, j]) else y[i + 1, j]
both = for i in 0..3, j in 0..8:
    fold s = f32(0) for a in 0..value + 10000000 until s > 20:
        (fold s = s for k in 0..value + 9000000 until s > 15: s + z[(k + a) % 5 + i, j] + 1)
written = for i in 0..3, j in 0..8:
    fold s = f32(0) for k in 0..1152921504606846976 until s > 9: s + w[k % 6 + i, j] + 1
batch(3)
emit stops, unreached, both, written
