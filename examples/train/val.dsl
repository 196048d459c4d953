# val.dsl: the same pictures every epoch, none left out.
import "std/image"
import "recipe.dsl"

feature val(root: path, size: int = 64, batch: int = 100)

from files(root, "**/*.jpg")

image = data
     |> decode_jpeg
     |> resize_short(size + 8)                          # u8[?, ?, 3]
     |> center_crop(size)
     |> for_network

batch(batch, last = partial)
emit image, label = i64(label)             # torch counts classes in 64 bits
