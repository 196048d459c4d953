# Tall pictures upside down, read from a kernel that yields rows from the top:
# the sweep goes backwards, and few rows are kept.
kernel ripple(size: int[2], phase: int) -> u8[?h, ?w, 3]
    from "chain.c"
    peek h, w
    rows
    region h, w

fn edges(x: T[h, w, c]) -> i32[h, w, c]
    = for i, j, k: i32(x[min(i + 1, h - 1), j, k]) - x[max(i - 1, 0), j, k]
fn upside_down(x: T[h, w, c]) -> T[h, w, c] = for i, j, k: x[h - 1 - i, j, k]
fn each_nth(x: T[h, w, c], n: int, count: int, width: int) -> T[count, width, c] = for i, j, k: x[i * n, j, k]
fn softened(x: i32[h, w, c]) -> i32[h, w, c]
    = for i, j, k: fold s = 0 for t in 0..3: s + x[clamp(i + t - 1, 0, h - 1), j, k]

feature backwards(rows: int = 900, step: int = 30, turned: int = 1)
from range(0, 4)
up = ripple([rows + value, 64], value) |> edges |> softened
image = (if turned == 1 or value % 2 == 0 then upside_down(up) else up) |> each_nth(step, 24, 64)
batch(2)
emit image
