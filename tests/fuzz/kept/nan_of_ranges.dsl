# What lies between two numbers may still be NaN: 0/0, inf - inf, 0 * inf, roots of what
# is below 0, sums that overflow; and what cannot be is not looked for.
feature f()
from range(0, 12)
a = for i in 0..5, j in 0..17, k in 0..3: f32(u8((value * 7 + i * 31 + j * 5 + k * 40) % 256))
zeros = for i, j, k: (a[i, j, k] - 200) / (a[i, j, k] - 200)
roots = for i, j, k: max(sqrt(a[i, j, k] - 100), 3 - a[i, j, k])
pure = for i, j, k: sqrt(a[i, j, k] - 100)
lost = for i, j, k: 1 / (min(pure[i, j, k], 300) - 300) - 1 / (min(pure[i, j, k], 300) - 300)
endless = for i, j, k: 1 / (a[i, j, k] - 101) - 1 / (a[i, j, k] - 101)
huge = for i, j, k: a[i, j, k] * 1e38 - a[i, j, k] * a[i, j, k] * 1e36
nothing = for i, j, k: min(zeros[i, j, k], roots[i, j, k]) * (1 / a[i, j, k])
kept = for i, j, k: min(max(roots[i, j, k], zeros[i, j, k]), 255 - a[i, j, k])
good = for i, j, k: max(a[i, j, k], 255 - a[i, j, k]) / (1 + a[i, j, k])
small = for i, j, k: f16(a[i, j, k]) * f16(300) - f16(a[i, j, k]) * f16(301)
folded = for i in 0..5, j in 0..17: fold s = 0.0 for k in 0..3: min(s, a[i, j, k] - 1) / max(a[i, j, k] - 99, s)
means = for i in 0..5: mean(for j in 0..17: a[i, j, 0] * 3) / mean(for j in 0..value + 1: f32(j) * 0)
batch(2)
emit zeros, roots, pure, lost, endless, huge, nothing, kept, good, small, folded, means
