# 0 - 0 is +0, also where a compiler of C finds the first 0 by itself.
feature m()
from range(0, 4)
x = for i in 0..2: max(for j in 0..3: clamp(1.0, 1.0, 0.0) - f32(j))
batch(4)
emit x
