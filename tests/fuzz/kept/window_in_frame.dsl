# A window of a kernel's result is made before `each` and read after it.
# args --seed 0 --epoch 2
# set corpus=text.txt
# file text.txt = 'a\nbc\n\nabc\nde, f\n0\n1'
kernel ramp(size: int[2], seed: int, mark: int, fails: int) -> u8[?h, ?w, 3]
    from "kernel.c"
    peek h, w
    rows
    region h, w
fn step(x: T[h, w, c]) -> T[h // 2, w, c] = for i, j, k: x[2 * i, j, k]
fn inner(x: T[h, w, c]) -> T[h - 2, w - 2, c] = for i, j, k: x[i + 1, j + 1, k]
feature f(corpus: path)
from lines(corpus)
side = (index * 3 + 5) % 4 + 3
p = ramp([side, side + 2], 21, index % 7, 0)
q = p |> step |> inner
n = (index * 5) % 4
each e in fill(f16(1.5), n, 1)
batch(2)
emit q
