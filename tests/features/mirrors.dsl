# Stencils behind and before flips from left to right: columns are read backwards, or
# backwards in some records.
kernel ripple(size: int[2], phase: int) -> u8[?h, ?w, 3]
    from "chain.c"
    peek h, w
    rows
    region h, w

fn chw(x: T[h, w, c]) -> T[c, h, w] = for k, i, j: x[i, j, k]
fn around(i: int, n: int) -> int = clamp(i, 0, n - 1)
fn across(x: f32[h, w, c]) -> f32[h, w, c]
    = for i, j, k: fold s = 0.0 for t in 0..5: s + f32(t + 1) * x[i, around(j + t - 2, w), k]
fn down(x: f32[h, w, c]) -> f32[h, w, c]
    = for i, j, k: fold s = 0.0 for t in 0..3: s + f32(t + 1) * x[around(i + t - 1, h), j, k]
fn soft(x: f32[h, w, c]) -> f32[h, w, c] = x |> across |> down
fn flip(x: T[h, w, c]) -> T[h, w, c] = for i, j, k: x[i, w - 1 - j, k]
fn flip_if(x: T[h, w, c], turned: bool) -> T[h, w, c] = if turned then flip(x) else x
fn flip_unless(x: T[h, w, c], kept: bool) -> T[h, w, c] = if kept then x else flip(x)
fn mixed(x: f32[h, w, 3]) -> f32[h, w, 3]
    = for i, j: [x[i, j, 0] + x[i, j, 1], x[i, j, 1] - x[i, j, 2], x[i, j, 2] * 3.0 + x[i, j, 0]]
fn view(x: T[h, w, c], rows: int, columns: int) -> T[rows, columns, c]
    = for i, j, k: x[i + 2, w - 4 - j, k]

feature mirrors(H: int = 20, W: int = 150)
from range(0, 6)
x = ripple([H + 4, W + 6], value) |> f32
odd = value % 2 == 1
third = value % 3 == 1
grey = for i in 0..H, j in 0..W, k in 0..1: x[i, j, 0] + x[i, j, 1]

always = x |> soft |> view(H, W)
chance = grey |> soft |> flip_if(odd) |> chw
forth = x |> soft |> flip_unless(odd) |> chw
twice = x |> soft |> flip_unless(third) |> view(H, W) |> chw
between = grey |> soft |> flip_if(odd) |> soft |> chw
listed = x |> soft |> flip_if(third) |> mixed |> view(H, W) |> chw
both = {
    a = soft(grey)
    b = down(grey)
    c = if odd then flip(a) else a
    d = if third then flip(b) else b
    for i, j, k: c[i, j, k] - d[i, j, k]
}
batch(2)
emit always, chance, forth, twice, between, listed, both
