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
# sample 2: wide: u8[2, 3]
# sample 2: joined = [[1, 2], [9, 9], [9, 9]]
# sample 0: joined = [[], []]
# sample 2: four: u8[4]
# sample 3: four fails: the result of `exactly` must be u8[4], dimension 0 differs: 4 and 5 are not equal
fn rows_of(a: T[n, ...s], b: T[m, ...s]) -> T[n + m, ...s] = for i: if i < n then a[i] else b[i - n]
fn wide_of(x: T[h, w], y: T[h, w]) -> T[h, w] = for i: if i == 0 then x[i] else y[i]
fn exactly(x: u8[n]) -> u8[4] = x
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
wide = wide_of(zeros(u8, 2, value + 1), for i in 0..2, j in 0..value + 1: u8(1))
joined = rows_of((for i in 0..1, j in 0..value: j + 1), for i in 0..if value > 0 then 2 else 1, j in 0..value: 9)
four = exactly(fill(u8(1), value + 2))
batch(1)
emit value
