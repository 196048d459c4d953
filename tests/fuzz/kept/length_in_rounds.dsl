# How many rows are kept, in every other round of a fold.
fn counted(y: f32[h, w]) -> f32[h, w] {
    m = f32(len(for i in 0..h where y[i, 0] > 20: i))
    for i, j: m * .5 + y[i, j]
}
feature f()
from range(0, 5)
a = value % 10
p = for i in 0..a, j in 0..7: f32((value * 7 + i * 31 + j * 5) % 256)
r = fold y = p for t in 0..4: [counted(y), y][t % 2]
m = count(for i in 0..a, j in 0..7: r[i, j] > 30)
batch(2)
emit m
