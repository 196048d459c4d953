# min and max pass over NaN; a lane without elements takes no part.
# sample 0: a = 1.0
# sample 0: b = 3.0
# sample 0: c = nan
# sample 0: d = 1
# sample 0: e = 2
# sample 0: g = 0
# sample 0: h = -0.0
# sample 0: k = 0.0
feature f()
from range(0, 1)
n = from_bits(f32, u32(0x7FC00000))
x = [n, 1.0, 3.0, n]
a = min(x)
b = max(x)
c = max([n, n])
d = argmin(x)
e = argmax(x)
g = argmin([n, n])
zeros_ = [0.0, -(0.0 * f32(1))]
h = min(zeros_)
k = min([-(0.0 * f32(1)), 0.0])
batch(1)
emit a
