# Reductions that take elements in their order, of rows that come in another: backwards, or before their channels.
kernel ramp(size: int[2], seed: int, mark: int, fails: int) -> u8[?h, ?w, 3]
    from "kernel.c"
    peek h, w
    rows
    region h, w
feature f()
from range(0, 6)
x = ramp([29, 47], value * 7, 0, 0)
y = ramp([29, 47], value * 5, 0, 0)
z = ramp([value + 1, 47], value * 3, 0, 0)
u = ramp([9, 7], 29, 0, 0)
a = sum(for k in 0..3, i in 0..29, j in 0..47: sqrt(f32(x[i, j, k])))
b = argmin(for k in 0..3, i in 0..29, j in 0..47: abs(f32(y[28 - i, j, k]) - 100))
c = min(for i in 0..value + 1, j in 0..47, k in 0..3: z[value - i, j, k])
d = sum(for i in 0..9, j in 0..7, k in 0..3: u[8 - i, j, k])
batch(2)
emit a, b, c, d
