# The functions of std/tensor that are always there.
feature std_tensor(n: int = 12)
from range(0, n)
x = for i in 0..value + 3: (7 * i + value) % 10
f = for i in 0..5: f32((3 * i + value) % 7) / 2
m = for i in 0..2, j in 0..3: value * i - j
down = flip(x)
around = roll(m, 1)
turned = transpose(m)
both = concat(x, [value, -1])
fixed = pad_to(x, 8, 99)
few = truncate(x, 6)
hot = one_hot(value % 4, 4)
bucket = for i in 0..len(x): bucketize(x[i], [1, 4, 4, 8])
low = clip(x, 2, 6)
line = linspace(-1, f32(value), 5)
total = cumsum(x)
places = argsort(x)
ordered = sort(f)
mirror = for i in -3..8: reflect(i, 5)
batch(4)
emit down, around, turned, both, fixed, few, hot, bucket, low, line, total, places, ordered, mirror
