# Rows of `each` are read one by one; the size alone decides how many.
# sample 1: each x has 3
# sample 1, row 0: y = 1
# sample 1, row 1: y fails: row one
# sample 1, row 2: y = 3
# sample 1, row 1: z = 5
feature f()
from range(0, 4)
each x in for i in 0..3: if i == 1 then fail("row one") else value + i
y = x
z = 5
batch(2)
emit y
