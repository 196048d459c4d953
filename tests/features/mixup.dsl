# Mixup: below `batch` an expression sees the whole batch.
feature mixup(n: int = 22)
from range(0, n)
shuffle
x = for i in 0..3, j in 0..4: f32(value * (i + 1)) / (j + 1)
label = value % 4
batch(5)
part = uniform(.5, 1)
partner = permutation(5)
mixed = for b, i, j: part * x[b, i, j] + (1 - part) * x[partner[b], i, j]
target = for b, k in 0..4: part * (if label[b] == k then 1.0 else 0.0) + (1 - part) * (if label[partner[b]] == k then 1.0 else 0.0)
emit mixed, target, part
