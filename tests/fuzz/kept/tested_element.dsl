# A test of elements that hangs on a parameter, of a tensor whose length alone is read.
feature f(q2: i32 = 1)
from range(0, 5)
n3 = (value * 1) % 2 + 0
n4 = (value * 1) % 2 + 0
x7 = fill(f32(1.5), n3) + (fill(f32(1.5), 1, n4))[i64(q2)]
x8 = if value % 2 == 0 then len(x7) else 7
batch(2)
emit x8
