# A failure that is made in one round of a fold is read after it, when the round's memory is gone.
# args --seed 4 --epoch 1 --on-error skip
feature f()
from range(0, 5)
n = (value * 5) % 6 + 1
x = (fold s = fill(i32(1), n) for k in 0..3: (for i in 0..n: s[i - 1 else s[i64(1)]]))
m = (value * 3) % 6 + 1
each e in fill(f64(1.5), m, 1)
batch(2)
emit x, e
