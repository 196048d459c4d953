# sample 1: a = 3
# sample 1: b fails: the subscript 3 is not below 3
# sample 1: c fails: the subscript -1 is not below 3
# sample 1: d = -9
# sample 1: e = [2, 3]
# sample 1: g fails: the slice 1..4 is outside of its dimension
# sample 1: h = []
# sample 1: k = [[4, 1], [5, 2]]
# sample 1: l = [3, 1]
# sample 1: m = [[1, 2, 3], [4, 5, 6]]
# sample 1: o = 8
# sample 1: p fails: the subscript 3 is not below 3
feature f()
from range(0, 3)
x = [value, 2, 3]
a = x[value + 1]
b = x[value + 2]
c = x[value - 2]
d = x[value + 2 else -9]
e = x[value..value + 2]
g = x[value..value + 3]
h = x[value + 5..value]
t = for i in 0..2, j in 0..3: 3 * i + j + 1
k = for j in 0..2, i in 0..2: t[1 - i, j]
l = x[[2, 0]]
m = t
o = [7, 8, 9][value]
p = [7, 8, 9][value + 2]
batch(1)
emit a
