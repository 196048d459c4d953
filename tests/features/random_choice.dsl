# Lambdas and functions as arguments: one applied by chance, three in a random
# order; and the small functions of std/random.
import "std/image"

fn doubled(x: f32[h, w, c]) -> f32[h, w, c] = x * 2
fn raised(x: f32[h, w, c]) -> f32[h, w, c] = x + 1
fn mirrored(x: f32[h, w, c]) -> f32[h, w, c] = for i, j, k: x[h - 1 - i, j, k] - 3 * x[i, j, k]

feature random_choice(n: int = 60)
from range(0, n)
x = for i in 0..12, j in 0..9, k in 0..2: f32((value + 3 * i + 5 * j + 7 * k) % 11)
soft = x |> random_apply(y => gaussian_blur(y, 5, 1.5), p = .3)
mixed = random_order3(x, doubled, raised, mirrored)
pick = choice([[1, 2], [30, 40], [500, value]])
likely = weighted_choice([1, 0, 3, 6])
batch(7, last = partial)
emit soft, mixed, pick, likely
