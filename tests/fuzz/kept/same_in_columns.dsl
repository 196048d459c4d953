# A fold with a test inside that gives the same in all columns, for each channel.
feature f()
from range(0, 6)
odd = value % 2 == 1
side = 5 + value % 4
flat = for i in 0..side, j in 0..33, k in 0..3: f32(1.5)
y = [for i in 0..3, j in 0..33, k in 0..3: f32(1.5), for i in 0..3, j in 0..33, k in 0..3: f32(2.5), for i in 0..3, j in 0..33, k in 0..3: (fold s = 0.0 for t in 0..3: s + f32(t + 1) * flat[(i * 5 + t) % side, 0, 1])][value % 3]
z = for i in 0..2, j in 0..33, k in 0..3: u8(y[1, (if odd then 32 - j else j), 1])
batch(2)
emit z
