# A field is emitted, and another name of it: its rows are made once.
feature f()
from range(1, 3)
p = for i in 0..4, j in 0..3, k in 0..2: u8(value * 7 + i * 31 + j * 5 + k * 40)
q = for i in 0..8, j in 0..3, k in 0..2: p[i // 2, 2 - j, k]
r = q
s = r
batch(1)
emit q, s
