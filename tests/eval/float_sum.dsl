# Element e goes to lane e mod 16; then the tree. One lane would give other bits.
# sample 0: a = lanes(f32(1) / np.arange(1, 51, dtype=np.float32))
# sample 0: b = lanes(f32(1) / np.arange(1, 51, dtype=np.float32)) / f32(50)
# sample 0: c = lanes(f32(1.5) - f32(1) / np.arange(1, 41, dtype=np.float32), np.multiply, 1)
# sample 0: d = lanes(1 / np.arange(1, 34, dtype=np.float64))
# sample 0: zero = 0.0
# sample 0: nothing = 0.0
# sample 0: one = 1.0
# sample 0: m = lanes(np.float32([[i / 7 - j / 3 for j in range(5)] for i in range(9)]))
feature f()
from range(0, 1)
x = for i in 0..50: f32(1) / f32(i + 1)
a = sum(x)
b = mean(x)
c = product(for i in 0..40: 1.5 - f32(1) / f32(i + 1))
d = sum(for i in 0..33: 1 / f64(i + 1))
zero = sum(for i in 0..3: f32(0) * -1.0)
nothing = sum(for i in 0..0: 0.5)
one = product(for i in 0..0: 0.5)
grid = for i in 0..9, j in 0..5: f32(f64(i) / 7 - f64(j) / 3)
m = sum(grid)
batch(1)
emit a
