# range.dsl: a record that costs nothing.
feature range_add(n: int)

from range(0, n)
y = i32(value) + 1

batch(256)
emit y
