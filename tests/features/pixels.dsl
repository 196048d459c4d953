# Rows of pixels of two, three and four channels, with columns that fill no vector:
# states that are pictures, bodies that list channels, sums, stencils, gathers.
import "std/math"
import "std/image"

fn mixed(y: f32[h, w, 3], limit: f32) -> f32[h, w, 3]
    = for i, j: [y[i, j, 2], y[i, j, 0], if y[i, j, 1] > limit then y[i, j, 1] else 1 - y[i, j, 1]]

fn doubled(y: f32[h, w, c]) -> f32[h, w, c] = for i, j, k: min(y[i, j, k] * 2, 1)

fn smooth(x: f32[h, w, c]) -> f32[h, w, c] {
    weight = [0.125, 0.25, 0.25, 0.25, 0.125]
    across = for i in 0..h, j in 0..w, k in 0..c:
        fold s = 0.0 for t in 0..5: s + weight[t] * x[i, reflect(j + t - 2, w), k]
    for i, j, k: fold s = 0.0 for t in 0..5: s + weight[t] * across[reflect(i + t - 2, h), j, k]
}

feature pixels(n: int = 5, w: int = 37)
from range(0, n)
x = for i in 0..20, j in 0..w, k in 0..3: f32((i * 7 + j * 5 + k * 3 + value * 11) % 32) / 32
two = for i in 0..5, j in 0..w, k in 0..2: f32(i + j * 3 + k + value) * 0.5
four = for i in 0..5, j in 0..w, k in 0..4: u8((i * 9 + j * 3 + k * 50 + value) % 256)
step = fold y = x for t in 0..4: [doubled(y), mixed(y, .5), for i, j, k: y[i, w - 1 - j, k]][(t + value) % 3]
total = sum(for i in 0..20, j in 0..32: x[i, j, 0] + x[i, j, 2])
soft = smooth(step)
turned = for k, i, j: soft[i, j, k] - x[i, w - 1 - j, k]
grey = if value % 2 == 0 then (for i, j, k in 0..3: x[i, j, 0] * 0.5 + x[i, j, 1] * 0.25 + x[i, j, 2] * 0.25) else x
softer = smooth(grey)
pairs = for i in 0..5, j in 0..w: [two[i, j, 1], two[i, j, 0] * 2]
level = for i in 0..5, j in 0..w, k in 0..4: u8(f32(four[i, j, 3 - k]) * 0.5)
order = for i in 0..5, j in 0..w: [four[i, j, 2], four[i, j, 1], four[i, j, 0]]
batch(3, last = partial)
emit step, total, soft, turned, softer, pairs, level, order
