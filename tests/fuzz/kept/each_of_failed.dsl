# The rows of `each` are counted even where no row is read.
# args --on-error skip
fn exactly(x: int[n]) -> int[3] = x
feature f()
from range(0, 12)
n = if value % 4 == 2 then 2 else 3
x = for i in 0..3: i
y = for i in 0..n: i
each a, b in (x, y)
each c in exactly(y)
each d in if 1 // (value % 5) == 0 then [1, 2] else [3, 4]
each e in if value == 7 then fail("seven") else [1, 2]
p, q = (if value == 9 then fail("nine") else ([1, 2], [3]))
each r in p
z = value
batch(2)
emit z
