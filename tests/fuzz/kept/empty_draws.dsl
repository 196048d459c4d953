# A draw from a range that is empty in some records, or runs backwards.
# args --on-error skip
fn cut(x: u8[n], top: int, m: int) -> u8[m] = for i: x[top + i]
feature f()
from range(0, 12)
x = fill(u8(1), value + 2)
y = x |> cut(randint(0, value - 4), 2)
z = randint(3, value)
batch(6)
emit y, z
