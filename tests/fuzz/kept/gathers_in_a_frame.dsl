# Rows are gathered twice, and read one row beyond the border, where something else counts.
fn half(x: T[h, w, c]) -> T[h // 2, w, c] = for i, j, k: x[2 * i + 0, j, k]
fn gathered(x: T[h, w, c]) -> T[h, w, c] {
    to = for i in 0..h: (i * 5 + 2) % h
    for i, j, k: x[to[i], j, k]
}
fn padded_by(x: T[h, w, c], p: int, v: T = 0) -> T[h + 2 * p, w + 2 * p, c] = for i, j, k: x[i - p, j - p, k else v]
fn mixed(x: T[h, w, c], q: int) -> f32[h, w, c] {
    o = permutation(3)
    fold y = f32(x) for t in 0..3:
        [y * 2 + 1, (for i, j, k: y[i, j, k] - y[max(i - 1, 0), j, k]), clamp(y, -50, 200)][o[t]]
}
feature f()
from range(0, 20)
h = (value * 3 + 5) % 4 + 3
w = (value * 1 + 1) % 7 + 3
p = for i in 0..h, j in 0..w, k in 0..2: i32((value * 7 + i * 11 + j * 5 + k * 40) % 256)
q = p |> half |> gathered |> gathered
r = q |> padded_by(1) |> mixed(value)
batch(2)
emit r
