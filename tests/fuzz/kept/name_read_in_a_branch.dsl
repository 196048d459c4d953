# A name is read in one branch alone: beyond the border nothing is read.
kernel ramp(size: int[2], seed: int, mark: int, fails: int) -> u8[?h, ?w, 3]
    from "kernel.c"
    peek h, w
    rows
    region h, w
feature f()
from range(0, 12)
x = ramp([value % 4 + 1, 20], value, value % 5, 0)
y = for i in 0..len(x), j, k: {
    below = x[i + 1, j, k]
    if i + 1 < len(x) then below * 2 + x[i, j, k] else 3
}
batch(2)
emit y
