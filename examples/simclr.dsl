# simclr.dsl: one augmented view of each picture, as SimCLR learns from.
# Two views: write the chain twice, as two fields; the decoder still runs once.
import "std/image"

feature simclr(root: path, size: int = 224, batch: int = 256)

from files(root, "**/*.jpg")
shuffle

view = data
    |> decode_jpeg                        # u8[h, w, 3]
    |> random_resized_crop(size)          # u8[size, size, 3]
    |> random_flip
    |> to_float                           # f32, 0 … 1
    |> random_apply(x => color_jitter(x, .8, .8, .8, .2), p = .8)
    |> random_grayscale(p = .2)
    |> random_gaussian_blur(23, sigma = (.1, 2))
    |> normalize(mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225])
    |> chw                                # f32[3, size, size]

batch(batch, last = drop)
emit view, label
