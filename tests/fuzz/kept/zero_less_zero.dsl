# 0 - x is +0 where x is 0, whatever the C compiler knows of x.
feature f()
from range(0, 5)
x = (zeros(f32, 2, 4) - max(fill(u16(0), 2, 4), fill(u64(0), 2, 4)))
y = f32(0) - f32(value // 3)
z = f64(0) - abs(f64(value // 3))
batch(2)
emit x, y, z
