feature f()
form range(0, 3)
value + 1
each x of y
batch 3
emit 3
take
}
y = 1 2
= 3
shuffle 3
fn late(x: int) -> int = x
feature g()
y, z
