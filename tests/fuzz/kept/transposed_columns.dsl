# args --seed 2 --epoch 1
import "std/image"
fn across(x: f32[h, w, c]) -> f32[h, w, c]
    = for i, j, k: fold s = 0.0 for t in 0..3: s + x[i, reflect(j + t - 1, w), k]
fn down(x: f32[h, w, c]) -> f32[h, w, c]
    = for i, j, k: fold s = 0.0 for t in 0..3: s + x[reflect(i + t - 1, h), j, k]
fn turned(x: f32[h, w, c]) -> f32[w, h, c] = for j, i, k: x[i, j, k]
fn planes(x: f32[h, w, c]) -> f32[c, w, h] = for k, j, i: x[i, j, k]
fn lines(x: f32[h, w, c]) -> f32[w, c, h] = for j, k, i: x[i, j, k]
feature f()
from range(0, 4)
x = for i in 0..17, j in 0..33, k in 0..3: f32((value * 7 + i * 31 + j * 5 + k * 40) % 256)
a = x |> across |> down |> turned
b = x |> across |> down |> planes
c = x |> across |> down |> lines
batch(2)
emit a, b, c
