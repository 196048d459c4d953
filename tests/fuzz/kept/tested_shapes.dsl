# Two shapes that are equal, and known to be only when the record runs.
# args --seed 4 --epoch 2
feature f()
from range(0, 5)
n = (value * 3) % 4
x = concat(fill(u8(1), 1, n), (for i in 1..2 + 1, j in 0..n: u8(2)))
y = (if value > 2 then x else flip(x))
batch(2)
emit x, y
