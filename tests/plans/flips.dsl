# Flips, transposes and a crop behind pointwise work: places alone, nothing is stored.
import "std/image"
fn turned(x: T[h, w, c]) -> T[w, h, c] = for i, j, k: x[j, w - 1 - i, k]

feature flips(root: path)
from files(root, "*.jpg")
view = decode_jpeg(data) |> to_float |> hflip |> vflip |> crop(2, 3, 40, 50) |> chw
side = decode_jpeg(data) |> turned |> crop(2, 3, 40, 50)
batch(2)
emit view, side
