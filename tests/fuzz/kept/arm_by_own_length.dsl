# Which arm reads the kernel's rows hangs on a length that is made of them.
kernel ramp(size: int[2], seed: int, mark: int, fails: int) -> u8[?h, ?w, 3]
    from "kernel.c"
    peek h, w
    rows
    region h, w
fn arm9(y: T[h, w, c], q: int) -> T[h, w, c] = {
    m = f32(len(for i in 0..h where y[i, 0, 0] > 20: i))
    if m > 12 then (for i in 0..h, j in 0..w, k in 0..c: T(f32(y[i, j, k]))) else y
}
feature f()
from range(0, 9)
p = ramp([3, 19], 10, value % 7, 0)
q = if value % 2 == 0 then (fill(u8(1), 3, 19, 3)) else arm9(p, value)
r = for i, j, k: 255 - q[i, j, k]
batch(2)
emit r
