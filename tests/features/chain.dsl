# A stencil, a flip and a lookup of the user's own, over a kernel of the user's
# own that yields rows: nothing in it is known to the compiler by name.
kernel ripple(size: int[2], phase: int) -> u8[?h, ?w, 3]
    from "chain.c"
    peek h, w
    rows
    region h, w

fn edges(x: T[h, w, c]) -> i32[h, w, c]
    = for i, j, k: i32(x[min(i + 1, h - 1), j, k]) - x[max(i - 1, 0), j, k] + x[i, max(j - 1, 0), k]
fn mirrored(x: T[h, w, c]) -> T[h, w, c] = for i, j, k: x[i, w - 1 - j, k]
fn painted(x: i32[h, w, c], table: f32[766]) -> f32[h, w, c] = for i, j, k: table[x[i, j, k] + 255]
fn middle(x: T[h, w, c], n: int) -> T[n, n, c] = for i, j, k: x[i + (h - n) // 2, j + (w - n) // 2, k]

feature chain(n: int = 6)
table = for v in 0..766: f32(v) * 0.5
from range(0, n)
image = ripple([300 + value, 250], value) |> edges |> mirrored |> painted(table) |> middle(200)
batch(2)
emit image
