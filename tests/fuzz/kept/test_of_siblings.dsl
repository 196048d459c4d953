# Of two reads at one tested subscript the test of one is not the other's.
fn both(a: f32[n], b: f32[n]) -> f32[n] = for i: a[i] + b[i]
feature f(n: int = 4)
from range(0, n)
x = for i in 0..16: sqrt(f32(i + value))
w = for i in 0..16: sqrt(f32(i * 2 + value))
sums = sum(x) + sum(for i in 0..16: x[i] * 2) + sum(w) + sum(for i in 0..16: w[i] * 2)
at = for k in 0..6: k * value * 1000000000000
y = for k in 0..6: both(x, w)[at[k]]
batch(1)
emit y, sums
