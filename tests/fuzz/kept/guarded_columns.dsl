# Columns beyond the border: what a condition guards is not read beside it.
# args --seed 7 --epoch 1
fn step29(x: T[h, w, c]) -> T[h // 2, w, c] = for i, j, k: x[2 * i + 1, j, k]
fn step31(x: T[h, w, c]) -> T[h // 2, w, c] = for i, j, k: x[2 * i + 1, j, k]
fn step34(x: T[h, w, c]) -> f32[h, w, c] {
    y = for i in 0..h, j in 0..w, k in 0..c: f32(x[i, w - 1 - j, k]) * .5
    for i, j, k: y[i, j, k] + y[h - 1 - i, j, k]
}
fn step35(x: T[h, w, c]) -> T[c, h, w] = for k, i, j: x[i, j, k]
fn step37(x: T[h, w, c]) -> f32[h, w, c] {
    y = for i in 0..h, j in 0..w, k in 0..c: f32(x[i, w - 1 - j, k]) * .5
    for i, j, k: y[i, j, k] + y[h - 1 - i, j, k]
}
fn step39(x: T[h, w, c], p: int, v: T = 0) -> T[h + 2 * p, w + 2 * p, c] = for i, j, k: x[i - p, j - p, k else v]
feature f()
from range(5, 25)
shuffle
side21 = (value * 3 + 5) % 4 + 3
side22 = (value * 3 + 3) % 10 + 3
p20 = for ix23 in 0..side21, j24 in 0..side22, k25 in 0..2: i32((value * 7 + ix23 * 31 + j24 * 5 + k25 * 40) % 251)
p32 = p20 |> step29 |> step31
p36 = p32 |> step34 |> step35
p38 = p36 |> step37
p42 = p38 |> step39(2, v = 7)
batch(2)
emit p42
