# A stencil at its borders, rows of a decoder, and a validation chain.
import "std/image"

fn sobel(x: u8[h, w]) -> u8[h, w]
    = for i, j: u8(abs(i32(x[min(i+1, h-1), j]) - x[max(i-1, 0), j]) + abs(i32(x[i, min(j+1, w-1)]) - x[i, max(j-1, 0)]))

fn channel(x: T[h, w, c], k: int) -> T[h, w] = for i, j: x[i, j, k]

feature sobel_edges(root: path, size: int = 30)
from files(root, "*.jpg")
image = decode_jpeg(data)
edges = image |> channel(1) |> sobel
valid_view = image |> resize_short(36) |> center_crop(size)
bordered = image |> pad(2, fill = 9) |> vflip |> hflip
batch(2, last = partial)
emit edges, valid_view, bordered
