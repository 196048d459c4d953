# A loop that does not begin at 0, read by one arm of a switch in a dimension that is tested.
feature f()
from range(0, 5)
p = for j in 0..5: j * value + 9
r = for i in 3..8: p[i - 3]
m = min(if value % 2 == 0 then r else (for j in 0..5: sum(zeros(int, r[j] - value % 7)) + 3))
batch(2)
emit m
