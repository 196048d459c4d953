# A state that has failed is the value outside of a tensor.
# args --seed 8 --epoch 1 --on-error skip
feature f()
from range(0, 5)
none = for k in 1..1: 3.0
one = for k in 1..2: 3.0
x = fold s = none[index] for i in 0..1: one[index + 1 else s]
y = fold s = (if index % 2 == 0 then 1.0 else none[index]) for i in 0..2: one[i + index else s] * 2
batch(2)
emit x, y
