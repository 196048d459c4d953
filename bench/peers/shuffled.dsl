# shuffled.dsl: an index set, to be resumed.
feature shuffled(n: int)

from range(0, n)
shuffle
y = value + 1

batch(256)
emit y
