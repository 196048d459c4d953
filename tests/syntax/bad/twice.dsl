fn g(x: int, x: int) -> int = x
type R = (a: int, b: f32, a: int)
kernel k(x: int, x: int) -> int
    from "k.c"
const t = for i in 0..2, i in 0..3: i
fn h(x: T[n]) -> int = reduce((a, a) => a, x)
feature f(a: int, b: int, a: int)
from range(0, 4)
q, q = (1, 2)
each r, s, r in x
s = { u, u = (1, 2)
    u }
emit q
