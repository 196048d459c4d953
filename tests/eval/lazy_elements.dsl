# Only what is read counts.
# sample 0: first = 10
# sample 0: third fails at 15: element 2
# sample 0: total fails at 15: element 2
# sample 0: length = 5
# sample 0: around = [10, 11, 13, 14]
# sample 0: chosen = 1
# sample 0: never = 7
# sample 0: pair_left = 4
# sample 0: column = [0, 10, 20]
# sample 0: short = True
# sample 0: whole fails at 15: element 2
feature f()
from range(0, 1)
x = for i in 0..5: if i == 2 then fail("element 2") else 10 + i
first = x[0]
third = x[2]
total = sum(x)
length = len(x)
around = [x[0], x[1], x[3], x[4]]
chosen = [1, 1 // value][value]
never = if value == 0 then 7 else x[2]
pair = (4, x[2])
pair_left, pair_right = pair
m = for i in 0..3, j in 0..2: if j == 1 then fail("column 1") else 10 * i
column = m[:, 0]
short = value == 0 or x[2] == 1
whole = x
batch(1)
emit first
