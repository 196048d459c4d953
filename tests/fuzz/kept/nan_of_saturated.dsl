# All values lie beyond the integer's range: saturated they are its end, 0 / 0 is NaN.
feature f()
from range(0, 6)
a = for i in 0..19: f32(value) * 100 - 300.0 + f32(i)
low = for i: f32(i8(-clamp(a[i], 300, 400))) + 128
high = for i: f32(u8(i32(clamp(a[i], 300, 400)))) - 255
p = for i: max(5.0, low[i] / low[i])
q = for i: high[i] / high[i]
batch(2)
emit p, q
