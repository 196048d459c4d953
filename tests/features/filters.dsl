# Wheres of different cost: whoever is asked first, the same records stay, and
# nobody is failed by a where that the text puts later.
feature filters(n: int = 900)
from range(0, n)
dear = sum(for i in 0..50: f32(value * i % 7) * 0.5)
where dear > 73.4
half = value // 2
where half % 3 != 0
where [4, 5, 6][half % 4] > 4
where value % 5 != 1
y = value
batch(4, last = partial)
emit y
