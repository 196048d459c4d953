# Planes of columns, wide enough for vectors of all sizes and with columns left over:
# stencils of a length that the record draws, down to none, over mirrored borders, a
# switch before them, a mean, parts of a row, and floats that are rounded to levels.
import "std/math"
import "std/image"

fn across(x: f32[h, w, c], taps: int) -> f32[h, w, c]
    = for i in 0..h, j in 0..w, k in 0..c:
        fold s = 0.0 for t in 0..taps: s + 0.125 * x[i, reflect(j + t - taps // 2, w), k]

fn down(x: f32[h, w, c], taps: int) -> f32[h, w, c]
    = for i, j, k: fold s = 0.0 for t in 0..taps: s + 0.25 * x[reflect(i + t - taps // 2, h), j, k]

fn turned(x: f32[h, w, 3]) -> f32[h, w, 3] = for i, j: [x[i, j, 1], x[i, j, 2], x[i, j, 0]]

fn above(x: f32[h, w, 3]) -> f32[h, w, 3] {
    most = max(for i, j: x[i, j, 1])
    for i, j, k: most - x[i, j, k]
}

feature planes(n: int = 6, w: int = 150)
from range(0, n)
x = for i in 0..20, j in 0..w, k in 0..3: f32((i * 7 + j * 5 + k * 3 + value * 11) % 32) / 32
y = [turned(x), above(x), hflip(x)][value % 3]
taps = 2 * value - 1
soft = y |> across(taps) |> down(3)
first = soft |> chw
pixels = soft
part = crop(down(across(y, 3), taps), 2, 5, 7, 70)
levels = across(for i in 0..20, j in 0..w, k in 0..3: f32(u8((f32(j) - 3) * 0.75 / f32(k))), 5)
deep = for i in 0..20, j in 0..w, k in 0..3: f64(u16(f64(x[i, j, k]) * 100000 - 9.5 * i)) * 0.5
cut = u8(300 * down(across(y, 5), 3))
batch(3, last = partial)
emit first, pixels, part, levels, deep, cut
