# A row that is reduced and emitted, from a window that is read at the column and before it.
feature f()
from range(0, 5)
x = for i in 0..4, j in 0..9: f32((value * 7 + i * 31 + j * 17) % 256)
b = for i in 0..4, j in 0..9: x[i, j + 1 else 5]
y = for i in 0..4, j in 0..9: b[i, j] - b[i, max(j - 1, 0)]
m = min(y)
batch(2)
emit m, y
