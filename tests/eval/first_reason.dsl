# Of two failures the first in the order of reading is told.
# sample 0: a fails: left
# sample 0: b fails: left
# sample 0: c fails: condition
# sample 0: d fails: element 3
# sample 0: e fails: subscript
# sample 0: g fails: the subscript 9 is not below 2
# sample 0: h fails: one
# sample 0: k fails: row 1
feature f()
from range(0, 1)
n = if value == 0 then fail("left") else 1
r = if value == 0 then fail("right") else 1
a = n + r
b = n // value
c = if (if value == 0 then fail("condition") else true) then n else r
x = for i in 0..9: if i > 2 then (if i == 3 then fail("element 3") else fail("later")) else i
d = sum(x)
s = if value == 0 then fail("subscript") else 0
e = (for i in 0..n: i)[s]
y = for i in 0..2, j in 0..2: if value == 0 then fail("y") else i
g = y[value + 9, value + 9] + 0
h = max(if value == 0 then fail("one") else 1, if value == 0 then fail("two") else 1)
z = for i in 0..3, j in 0..3: if i == 1 then fail("row 1") else if j == 2 and i == 2 then fail("row 2") else 0
k = sum(z)
batch(1)
emit value
