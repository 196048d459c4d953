# Two float views of one decode, and a thumbnail of the whole.
import "std/image"

fn view(x: u8[h, w, 3], size: int) -> f32[3, size, size]
    = x |> random_resized_crop(size) |> random_flip |> normalize(mean = [.5, .4, .3], std = [.2, .25, .5]) |> chw

feature two_views(root: path)
from files(root, "**/*.jpg")
shuffle
image = decode_jpeg(data)
first = view(image, 16)
second = view(image, 16)
thumb = resize(image, 7, 9)
batch(3, last = pad)
emit first, second, thumb, valid
