# sample 0: a = [-3, 2, -3, 2]
# sample 0: b = [1, 1, -1, -1]
# sample 0: c fails at 13: division by zero
# sample 0: d fails at 14: division by zero
# sample 0: e = inf
# sample 0: g = nan
# sample 0: h = -9223372036854775808
# sample 0: k = 0
feature f()
from range(0, 1)
a = for i in 0..4: [-5, 5, 5, -5][i] // [2, 2, -2, -2][i]
b = for i in 0..4: [-5, 5, 5, -5][i] % [2, 2, -2, -2][i]
c = value // value
d = 5 % value
e = f32(1) / f32(value)
g = f32(value) % f32(value)
least = -9223372036854775807 - 1
h = least // (value - 1)
k = least % (value - 1)
batch(1)
emit a
