# Dims that hang on choices of choices: they are found once, not once in every branch.
kernel ramp(size: int[2], seed: int, mark: int, fails: int) -> u8[?h, ?w, 3]
    from "kernel.c"
    peek h, w
    rows
    region h, w
fn arm60(y: T[h, w, c], q: int) -> T[h, w, c] = {
    m = fold s = 0.0 for i in 0..h: s * .5 + y[i, 0, 0]
    for i in 0..h, j in 0..w, k in 0..c: T(m * .5 + y[i, j, k])
}
fn arm61(y: T[h, w, c], q: int) -> T[h, w, c] = {
    m = for i in 0..h: f32(sum(for j in 0..w: f32(y[i, j, 0]) * .25))
    for i in 0..h, j in 0..w, k in 0..c: T({ a = f32(y[i, j, k])
 a * .75 + m[i] })
}
fn step62(x: T[h, w, c], q: int) -> T[h, w, c] = if chance(.5) then arm60(x, q) else arm61(x, q)
fn arm64(y: T[h, w, c], q: int) -> T[h, w, c] = for i in 0..h, j in 0..w, k in 0..c: T(if y[i, j, k] > 120 then fail("brightr65") else f32(y[i, j, k]))
fn arm66(y: T[h, w, c], q: int) -> T[h, w, c] = for i in 0..h, j in 0..w, k in 0..c: T(y[h - 1 - i - q % 3, j, k])
fn arm68(y: T[h, w, c], q: int) -> T[h, w, c] = for i in 0..h, j in 0..w, k in 0..c: T(y[min(i + 1, h - 1), j, k] - f32(y[max(i - 1, 0), j, k]))
fn arm69(y: T[h, w, c], q: int) -> T[h, w, c] = {
    m = f32(argmin(for i, j: f32(y[i, j, 0])))
    if m > 40 then (for i in 0..h, j in 0..w, k in 0..c: T(f32(y[i, j, k]))) else y
}
fn step70(x: T[h, w, c], q: int) -> T[h, w, c] = random_order3(x, y => arm64(y, q), y => arm68(arm66(y, q), q), y => arm69(y, q))
fn step72(x: T[h, w, c], q: int) -> f32[h, w, c] {
    o = permutation(3)
    fold y = f32(x) for t in 0..3:
        [y * 2 + 1, (for i, j, k: y[i, j, k] - y[max(i - 1, 0), j, k]), clamp(y, -50, 200)][o[t]]
}
fn arm73(y: T[h, w, c], q: int) -> T[h, w, c] = for i in 0..h, j in 0..w, k in 0..c: T(if y[i, j, k] > 40 then f32(y[i, j, k]) else 3.5)
fn step74(x: T[h, w, c], q: int) -> T[h, w, c] {
    o = permutation(3)
    a, b = fold y, z = (x, x) for t in 0..1: ([y, arm73(y, q), y][o[t % 3]], T(f32(z) * .5 + f32(y)))
    for i, j, k: T(f32(a[i, j, k]) - b[i, j, k] * .5)
}
fn step81(x: T[h, w, c]) -> f32[h, w, c] {
    y = for i in 0..h, j in 0..w, k in 0..c: f32(x[i, w - 1 - j, k]) * .5
    for i, j, k: y[i, j, k] + y[h - 1 - i, j, k]
}
feature f()
from range(0, 5)
side7 = (value * 3 + 4) % 4 + 3
p59 = ramp([33, side7], 76, value % 7, 0)
p63 = p59 |> step62(value)
p71 = p63 |> step70(value)
p75 = p71 |> step72(value) |> step74(value)
p82 = p75 |> step81
batch(2)
emit p82
