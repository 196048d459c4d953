# args --seed 2 --epoch 2 --on-error skip
feature f()
from range(0, 5)
a = for i in 0..19: f32((value * 7 + i * 31) % 251)
b = if (if (index % 5 == 1) then fail("reason") else false) then a else a
m = argmax(b)
where i64(m) % 3 != 1
batch(1)
emit value
