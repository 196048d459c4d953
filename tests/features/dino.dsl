# One decode, eight outputs of two sizes, each with a part of its own.
import "std/image"

fn global_view(x: u8[h, w, 3], size: int) -> u8[3, size, size]
    = x |> random_resized_crop(size, scale = (.4, 1)) |> random_flip |> chw

fn local_view(x: u8[h, w, 3], size: int) -> u8[3, size, size]
    = x |> random_resized_crop(size, scale = (.05, .4)) |> random_flip |> chw

feature dino(root: path, large: int = 28, small: int = 12)

from files(root, "**/*.jpg")
image = decode_jpeg(data)
g0 = global_view(image, large)
g1 = global_view(image, large)
l0 = local_view(image, small)
l1 = local_view(image, small)
l2 = local_view(image, small)
l3 = local_view(image, small)
l4 = local_view(image, small)
l5 = local_view(image, small)
batch(2)
emit g0, g1, l0, l1, l2, l3, l4, l5
