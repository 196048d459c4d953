# seed 5
# epoch 2
# set m = 12
# place 9: i = drawn(20, 9, 5, 2)
# place 9: u = uniform("u/uniform#0", child(drawn(20, 9, 5, 2), 9), seed=5, epoch=2)
# place 11: i = drawn(20, 11, 5, 2)
feature f(m: int = 3)
from range(0, 20)
sample m
skip 4
i = index
u = uniform(0, 1)
batch(2)
emit i, u
