# cached.dsl: pictures are decoded and made small once. Later epochs begin at the crop:
#   pipec run cached.dsl --set root=DIR --epochs 5
# keeps them in memory; `cache(disk)`, or --cache FOLDER, in files that processes share.
import "std/image"

feature cached(root: path, batch: int = 256)

from files(root, "**/*.jpg")
shuffle

small = data |> decode_jpeg |> resize_short(256)

cache(ram, limit = 8GiB)                  # what is above is the same in every epoch

image = small
     |> random_crop(224)
     |> random_flip
     |> normalize(mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225])
     |> chw

batch(batch)
emit image, label
