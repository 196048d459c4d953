# A test of `index` comes out of what only its length is read of: `index` is an input then.
feature f()
from range(0, 6)
n = (value * 3) % 2 + 1
x = max(fill(f32(1.5), n), (fill(f32(1.5), n) - ([fill(u32(1), n), fill(u32(1), n), fill(u32(1), n)][index // 2])))
m = len(x)
batch(2)
emit m
