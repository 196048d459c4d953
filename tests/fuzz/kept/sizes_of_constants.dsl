# args --on-error skip
fn turned(x: T[h, w, c]) -> T[c, h, w] = for k, i, j: x[i, j, k]
fn without(x: T[h, w, c], m: f32[c]) -> f32[h, w, c] {
    s = 1 / m
    for i, j, k: x[i, j, k] - s[k]
}
feature f()
from range(0, 9)
x = for i in 0..4, j in 0..1 + value, k in 0..3: f32(i)
y = without(turned(x), [1.0, 2.0, 4.0])
batch(2)
emit y
