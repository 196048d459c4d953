# seed 5
# place 0: i = shuffled(20, 0, 5)
# place 7: i = shuffled(20, 7, 5)
# place 7: u = uniform("u/uniform#0", shuffled(20, 7, 5), seed=5)
feature f()
from range(0, 20)
shuffle
skip 2
i = index
u = uniform(0, 1)
batch(2)
emit i, u
