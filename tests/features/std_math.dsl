# The elementary functions over bit patterns from everywhere, and usual values.
feature std_math(n: int = 3000)
from range(0, n)
pattern = wrap(u64, value * 0x1F3D5B79A1C2E4F7 + 0x123456789)
x = if value % 2 == 0 then from_bits(f32, u32(shr(pattern, 32))) else f32(value - 1500) / 17
y = if value % 3 == 0 then from_bits(f32, u32(bitand(pattern, 0xFFFFFFFF))) else f32(value % 97) / 8 - 5
xd = if value % 2 == 0 then from_bits(f64, pattern) else f64(value - 1500) / 7
yd = f64(y) * 1.0000001
single = [exp(x), exp2(x), expm1(x), log(x), log2(x), log10(x), log1p(x), sin(x), cos(x), tan(x), asin(x), acos(x), atan(x), sinh(x), cosh(x), tanh(x),
          sigmoid(x), atan2(x, y), pow(x, y), hypot(x, y)]
double = [exp(xd), exp2(xd), expm1(xd), log(xd), log2(xd), log10(xd), log1p(xd), sin(xd), cos(xd), tan(xd), asin(xd), acos(xd), atan(xd), sinh(xd),
          cosh(xd), tanh(xd), sigmoid(xd), atan2(xd, yd), pow(xd, yd), hypot(xd, yd)]
half = exp(f16(y))
batch(500)
emit x, y, xd, yd, single, double, half
