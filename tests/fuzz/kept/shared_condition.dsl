# One condition chooses all subscripts of a read, and has a fold that a table is made for.
feature f()
from range(0, 5)
at = value % 2
x = for i in 0..9, j in 0..7, k in 0..2: f32(i * 7 + j * 3 + k + value) * .5
y = for i in 0..9, j in 0..2: (if (fold s = 0.0 for t in -2..3: s * .5 + x[i, clamp(clamp(j + t, 0, 1) + 1, 0, 6), 1]) < 40 then x[i, j, at] else x[i, 0, 0])
batch(2)
emit x, y
