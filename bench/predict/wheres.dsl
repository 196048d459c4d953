# wheres.dsl: a cheap where and a dear one, as a careless text has them.
feature wheres(n: int)

from range(0, n)
dear = sum(for i in 0..400: f32((value * (i + 3)) % 251) * 0.5)
where dear > 24900
where value % 5 < 2
y = for i in 0..256: f32(value % 1000 + i) * 0.5

batch(64)
emit y
