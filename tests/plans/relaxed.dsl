# Fewer elements first: what narrows a picture rises over what widens it, but not over a pin.
import "std/image"
fn halved(x: T[h, w, c]) -> T[h // 2, w // 2, c] = for i, j, k: x[2 * i, 2 * j, k]
fn brighter(x: f32[h, w, c]) -> f32[h, w, c] = for i, j, k: min(x[i, j, k] * 1.5, 1)

feature relaxed(root: path)
from files(root, "*.jpg")
free = decode_jpeg(data) |> to_float |> brighter |> halved
tied = decode_jpeg(data) |> to_float |> brighter @pin |> halved
batch(1)
emit free, tied
