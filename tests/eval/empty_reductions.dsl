# sample 0: a fails at 12: a reduction of nothing
# sample 0: b fails at 13: a reduction of nothing
# sample 0: c fails at 14: a reduction of nothing
# sample 0: d fails at 15: a reduction of nothing
# sample 0: e = 0
# sample 0: g = True
# sample 0: h = False
# sample 0: k = 0
feature f()
from range(0, 1)
x = for i in 0..value: i
a = min(x)
b = max(x)
c = mean(x)
d = argmin(x)
e = sum(x)
g = all(for i in 0..value: false)
h = any(for i in 0..value: true)
k = count(for i in 0..value: true)
batch(1)
emit e
