# sample 2: x: i64[2, 3]
# sample 2: x = [[0, 1, 2], [1, 2, 3]]
# sample 2: z = [[1, 1], [1, 1]]
# sample 2: odd fails: a dimension below 0: -1
# sample 2: sum_ok = 6
# sample 2: differ fails: shapes differ: 3 and 2 are not equal
# sample 2: same = [0, 2, 4]
# sample 2: none = 0
# sample 2: none_2 = 3
# sample 2: grid: u8[2, 0, 3]
fn ones(h: int, w: int) -> int[h, w] = for i, j: 1
fn total(x: T[n], y: T[n]) -> int = sum(x) + sum(y)
feature f()
from range(0, 4)
x = for i in 0..value, j in 0..value + 1: i + j
z = ones(value, 2)
odd = ones(value - 3, 2)
sum_ok = total([1, 2], [3, 0])
a = for i in 0..value + 1: i
b = for i in 0..value: i
differ = a + b
same = a + a
e = for i in 5..value, j in 0..3: i
none = len(e)
none_2 = len(for j in 0..3, i in 5..value: i)
grid = for i in 0..value, j in 3..value, k in 0..3: u8(i)
batch(1)
emit value
