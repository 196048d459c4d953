# sample 3: each a has 3
# sample 3, row 1: a = [3, 1]
# sample 3, row 1: b = 1.5
# sample 3, row 2: a fails: row 2
# sample 2: each a fails at 13: `each` walks tensors of one length: 3 and 2 are not equal
fn some(n: int, value: int) -> int[?m, 2] = for i in 0..n: [if i == 2 and value == 3 then fail("row 2") else value, i]
feature f()
from range(0, 4)
x = some(3, value)
m = if value == 2 then 2 else 3
y = for i in 0..m: f64(i) * 1.5

each a, b in (x, y)
batch(4)
emit b
