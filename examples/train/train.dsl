# train.dsl: pictures of a folder per class, augmented.
import "std/image"
import "recipe.dsl"

feature train(root: path, size: int = 64, batch: int = 64)

from files(root, "**/*.jpg")
shuffle

image = data
     |> decode_jpeg                                     # u8[h, w, 3]
     |> random_resized_crop(size, scale = (.35, 1))     # u8[size, size, 3]
     |> random_flip
     |> for_network                                     # f32[3, size, size]

batch(batch, last = drop)
emit image, label = i64(label)             # torch counts classes in 64 bits
