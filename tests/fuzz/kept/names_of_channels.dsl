# Names in an element and in a fold hang on the channel; each channel is made in columns.
feature f()
from range(0, 5)
x = for i in 0..9, j in 0..79, k in 0..3: f32((value * 11 + i * 7 + j * 5 + k * 3) % 32)
y = for i in 0..9, j in 0..79, k in 0..3: {
    b = f32(k) * 2 + 1
    b * x[min(i + 1, 8), j, 2 - k]
}
z = for k in 0..3, i in 0..9, j in 0..70: fold s = 0.0 for t in 0..3: {
    b = f32(t + 2 * k) + value
    s + b * y[i, j + t, k]
}
p = [for i in 0..7, j in 0..65, k in 0..3: f32(1.5), for i in 0..7, j in 0..65, k in 0..3: {
    b = f32(k)
    b * b
}][value % 2]
batch(2)
emit x, z, p
