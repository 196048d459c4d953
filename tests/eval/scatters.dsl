# sample 3: a = [1, 0, 5, 0]
# sample 3: b = [9, 9, 2, 9]
# sample 3: c = [0, 0, 4, 0]
# sample 3: d fails: the place 4 is not below 4
# sample 3: e = 7
# sample 3: g fails: bad value
# sample 3: h = 3
# sample 3: k fails: bad place
# sample 3: l = 4
# sample 3: m = [5, 5, 0, 5]
feature f()
from range(0, 4)
start = zeros(int, 4)
a = scatter_add(start, [2, 0, 2], [2, 1, 3])
b = scatter_min([9, 9, 9, 9], [2, 2], [5, 2])
c = scatter_set(start, [2, 2], [3, 4])
d = scatter_add(start, [0, value + 1], 1)
values = for i in 0..3: if i == 1 then fail("bad value") else 7
partly = scatter_set(start, [0, 1, 2], values)
e = partly[0]
g = partly[1]
mended = scatter_set(partly, [1], [3])
h = mended[1]
places = for i in 0..3: if i == 1 then fail("bad place") else i
broken = scatter_add(start, places, 1)
k = broken[3]
l = len(broken)
m = scatter_max(start, [0, 1, 3], 5)
batch(1)
emit value
