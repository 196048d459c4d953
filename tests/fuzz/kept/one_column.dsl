# An element beside that of one column, the same for all of its row, in lanes of several columns.
kernel ramp(size: int[2], seed: int, mark: int, fails: int) -> u8[?h, ?w, 3]
    from "kernel.c"
    peek h, w
    rows
    region h, w
    layout rgb, rgbx
feature f()
from range(0, 5)
x = ramp([9, 79], value * 13, 0, 0)
y = for i in 0..9, j in 0..79, k in 0..3: fold s = 0.0 for t in 0..3: s + f32(x[min(i + t, 8), j, k]) * f32(x[i, value, k])
z = for i in 0..9, j in 0..79, k in 0..3: fold s = 0.0 for t in 0..3: s + y[i, clamp(j + t - 1, 0, 78), k]
batch(2)
emit z
