# The mean of a kernel's rows themselves, for the tensor that reads them.
kernel ramp(size: int[2], seed: int, mark: int, fails: int) -> u8[?h, ?w, 3]
    from "kernel.c"
    peek h, w
    rows
    region h, w
feature f()
from range(0, 12)
x = ramp([value % 4 + 1, 20], value, value % 5, 0)
g = mean(x)
y = for i, j, k: x[i, j, k] - g
batch(2)
emit y
