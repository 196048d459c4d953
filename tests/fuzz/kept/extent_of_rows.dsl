# A choice whose arms are loops over whole rows: the second dimension is none of the loop's own.
fn half(x: T[h, w]) -> T[h // 2, w] = for i, j: x[2 * i, j]
fn coin(x: T[h, w]) -> T[h, w] = if chance(.5) then flip(x) else x
fn turn(x: T[h, w], q: int) -> T[h, w] = for i, j: x[if q % 2 == 0 then h - 1 - i else i, w - 1 - j]
feature f()
from range(0, 5)
a = value % 3
b = (value * 3 + 1) % 3
p = for i in 0..a, j in 0..b: i * 31 + j * 5
s = p |> half |> coin
t = if b % 5 == 1 then (s |> turn(value)) else s
batch(2)
y = padded(t, 1)
emit y
