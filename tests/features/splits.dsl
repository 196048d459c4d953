# Loops whose bodies choose by their index: in front, behind, in the middle, outside, of none.
feature splits()

from range(0, 60)
n = value % 9                             # how many
a = value % 7 - 3                         # the first index
v = value % 17 - 6                        # what it is compared with
huge = if value % 3 == 0 then 9223372036854775807 else -9223372036854775807 - 1
x = for i in 0..20: i * value
lt = for i in a..a + n: if i < v then i * 3 else i + value
le = for i in a..a + n: i64(f32(if i <= v then i * 3 else i + value) * 2)
gt = for i in a..a + n: if i > v then i * 3 else i + value
ge = for i in a..a + n: if v >= i then i * 3 else i + value
eq = for i in a..a + n: if v == i then i * 3 else i + value
far = for i in a..a + n: if i <= huge then i else 0 - i
further = for i in a..a + n: if i == huge then i else if i > huge then 2 * i else 0 - i
two = for i in 0..6, j in a..a + n: if j == v or j == 3 then i else j + value
padded = for i in 0..26: if i >= 3 and i < 23 then x[i - 3] else -1
first = for i in 0..n: if i == 0 then 7 else x[min(i - 1, 19)]
last = for i in 0..20: if i == 19 then x[0] else x[i + 1]
fails = for i in 0..n: if i == 40 // (value - 30) then x[i] else value
batch(7, last = partial)
emit lt = lt, le, gt, ge, eq, far, further, two, padded, first, last, fails
