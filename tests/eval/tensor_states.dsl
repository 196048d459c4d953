# A state's failed element stays one; what is not read does no harm.
# sample 0: a = 6
# sample 0: b fails: at two
# sample 0: left = [1, 2]
# sample 0: right = [3, 4]
# sample 0: rows = [[1, 0], [1, 1], [2, 1]]
feature f()
from range(0, 1)
x = fold s = zeros(int, 3) for i in 0..3: for k: if k == 2 then fail("at two") else s[k] + i + (if k == 1 then 1 else 0)
a = x[1]
b = x[2]
left, right = fold p, q = ([3, 4], [1, 2]) for i in 0..3: (q, p)
rows = scan s = [0, 0] for i in 0..3: [if i % 2 == 0 then s[0] + 1 else s[0], if i == 1 then 1 else s[1]]
batch(1)
emit value
