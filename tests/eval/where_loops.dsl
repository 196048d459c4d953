# sample 3: odd = [3, 5]
# sample 3: n = 2
# sample 3: place = [0, 2]
# sample 3: pairs = [2, 3, 13]
# sample 3: none = []
# sample 3: steps = [0, 10, 11, 20, 21, 22]
# sample 3: broken fails: bad condition
# sample 3: size fails: bad condition
# sample 3: rows = [[0, 0], [2, 4]]
# sample 3: kept = 5
feature f()
from range(0, 4)
x = [3, 4, 5, 6]
odd, place = for i in 0..4 where x[i] % 2 == 1: (x[i], i)
n = len(odd)
pairs = for i in 0..2, j in 0..4 where j > i + 1: 10 * i + j
none = for i in 0..4 where x[i] > 9: if value == 3 then fail("never read") else 0
steps = for i in 0..3, j in 0..i + 1 where true: 10 * i + j
broken = for i in 0..4 where (if i == value then fail("bad condition") else true): i
size = len(broken)
rows = for i in 0..4 where i % 2 == 0: [i, 2 * i]
partly = for i in 0..4 where i != 1: if i == 0 then fail("an element") else x[i]
kept = partly[1]
batch(1)
emit n
