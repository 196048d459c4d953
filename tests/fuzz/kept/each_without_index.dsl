# The number of rows needs no field that only their values need.
feature f()
from range(0, 5)
each e6, e7 in ((fill(i64(1), 3, 3))[index], fill(f32(1.5), 3, 2))
x17 = i64(1)
batch(2)
emit x17
