# Sums and products of numbers that are not negative come around 2^63: subscripts made of
# them are tested like others.
feature f()
from range(0, 40)
a = wrap(u32, value * 1000000007 + 4000000000)
x = for i in 0..30: sqrt(f32((i * 7 + value) % 32)) / f32(1 + i % 3)
y = x[min(i64(a) * i64(a), 9)]
z = x[min(i64(a) * i64(a) + i64(a) // 2 * i64(a), 19)]
s = fold s = 0.0 for t in 0..2: s + x[min(9223372036854775000 + t * (790 + value), 9)]
batch(20, last = partial)
emit y, z, s
