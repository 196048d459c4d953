# sample 2: a = (((0.0 * .5 + 1) * .5 + 2) * .5 + 3)
# sample 2: b = [4, 10]
# sample 2: c = 3
# sample 2: d = [2, 1, 0, 1]
# sample 2: e = [1, 3, 6]
# sample 2: g = [2, 3, 5, 8]
# sample 2: h = 6
# sample 2: k = 7
# sample 2: l = 0
# sample 2: m fails: until
# sample 2: o fails: where
# sample 2: p = 9
# sample 2: q = [1, 2, 0]
# sample 2: r = [0, 1, 3, 6, 10]
# sample 2: none = 5
# sample 2: nothing = []
feature f()
from range(0, 3)
a = fold s = 0.0 for i in 0..3: s * .5 + f32(i + 1)
low, high = fold p, q = (0, 0) for i in 0..5 where i > 0: (if i < value + 1 then p + i + value // 3 + (if i == 1 then 1 else 0) else p, q + i)
b = [low, high]
c = fold s = 0 for i in 0..9 until s == 3: s + 1
x = [0, 0, 1, 3]
d = fold h = zeros(int, 4) for i in 0..4: for k: h[k] + (if x[i] == k then 1 else 0)
e = scan s = 0 for i in 1..4: s + i
g, g2 = scan u, v = (value, 3) for i in 0..4 until u == 8: (if i == 0 then u else v, if i == 0 then v else u + v)
h = fold s = 0 for i in 0..3, j in 0..i + 1: s + j + (if j == 0 then 1 else 0) - (if i + j == 4 then 1 else 0)
k = fold s = 7 for i in 0..0: fail("never")
l = fold s = (if value == 2 then fail("start") else 1) for i in 0..3: 0
m = fold s = 0 for i in 0..3 until (if i == 1 then fail("until") else false): s
o = fold s = 0 for i in 0..3 where (if i == 1 then fail("where") else true): s + 1
p = fold s = 0 for i in 0..3 where (if i == 1 then fail("where") else true): if i == 2 then 9 else s
q = fold t = [0, 1, 2] for i in 0..2: [t[2], t[0], t[1]]
r = scan s = 0 for i in 0..5: s + i
none = fold s = 5 for i in 0..9 where false: s + 1
nothing = scan s = 0 for i in 0..0: s
batch(1)
emit a
