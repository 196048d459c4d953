# chain.dsl: steps over a square of numbers, of which one makes it smaller.
fn blurred(x: f32[h, w]) -> f32[h, w]
    = for i, j: (x[max(i - 1, 0), j] + x[i, j] + x[min(i + 1, h - 1), j]) * 0.33
fn curved(x: f32[h, w]) -> f32[h, w] = for i, j: sqrt(x[i, j] * x[i, j] + 1) - 1
fn half(x: f32[h, w]) -> f32[h // 2, w // 2] = for i, j: x[2 * i, 2 * j]

feature chain(n: int)

from range(0, n)
square = (for i in 0..256, j in 0..256: f32((value + i * 7 + j) % 255))
    |> curved
    |> blurred
    |> half

batch(16)
emit square
