# A subscript that fails fails the read, although all elements are the same.
# args --on-error skip
feature f()
from range(0, 12)
x = (fill(f64(1.5), 2))[((if (value % 9 == 1) then fail("reason") else i64(1)) % 2)]
k = if value == 5 then fail("five") else 3
y = (for i in 0..4, j in 0..2: j)[k % 4, value % 2]
where (i64(x) % 3 != 1)
batch(2)
emit x, y
