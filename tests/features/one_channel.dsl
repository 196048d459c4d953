# Pictures of one channel, wide enough for vectors of all sizes and with columns left
# over: stencils over mirrored borders, a switch before them, means, a decoder's grey.
import "std/math"
import "std/image"

fn across(x: T[h, w, c]) -> f32[h, w, c]
    = for i in 0..h, j in 0..w, k in 0..c:
        fold s = 0.0 for t in 0..5: s + 0.125 * f32(x[i, reflect(j + t - 2, w), k])

fn down(x: f32[h, w, c]) -> f32[h, w, c]
    = for i, j, k: fold s = 0.0 for t in 0..3: s + 0.25 * x[reflect(i + t - 1, h), j, k]

fn grey(x: f32[h, w, 3]) -> f32[h, w, 1] = for i, j: [x[i, j, 0] * 0.5 + x[i, j, 1] * 0.25 + x[i, j, 2] * 0.25]

feature one_channel(root: path, w: int = 150)
from files(root, "*.jpg")
x = for i in 0..20, j in 0..w, k in 0..3: f32((i * 7 + j * 5 + k * 3 + len(data) * 11) % 32) / 32
one = [grey(x), hflip(grey(x))][len(data) % 2]
soft = one |> across |> down
first = soft |> chw
pixels = soft
total = sum(for i in 0..20, j in 0..64, k in 0..1: soft[i, j, k])
steep = across(grey(x))
light = down(steep) - steep
view = decode_jpeg_gray(data) |> crop(3, 5, 20, 41) |> across |> down |> chw
batch(2, last = partial)
emit first, pixels, total, light, view
