# imagenet.dsl: what ResNet-50 trains on. root holds a folder per class:
#   pipec imagenet.dsl -o imagenet.so && pipert run imagenet.so --set root=DIR
import "std/image"

feature imagenet(root: path, size: int = 224, batch: int = 256)

from files(root, "**/*.jpg")              # gives each record: path, data, label
shuffle                                   # a true permutation, no buffer

image = data
     |> decode_jpeg                       # u8[h, w, 3]
     |> random_resized_crop(size)         # u8[size, size, 3]
     |> random_flip
     |> normalize(mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225])
     |> chw                               # f32[3, size, size]

batch(batch, last = drop)
emit image, label
