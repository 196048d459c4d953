# Places draw records with replacement: one that is drawn twice has other chance.
feature drawn(n: int = 13, m: int = 60)
from range(100, 100 + n)
sample m
skip 3
take 50
i = index
u = uniform(0.0, 1.0)
good = if value == 104 then fail("four") else value
where value != 107
batch(7, last = partial)
emit i, u, good
