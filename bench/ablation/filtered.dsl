# Two questions before a picture is decoded: the dear one, over all bytes of the file,
# stands first. It cannot fail, so the cheap one may overtake it.
import "std/image"

feature filtered(root: path, size: int = 160)

from files(root, "**/*.jpg")
checksum = fold s = 0 for i in 0..len(data): (s * 31 + int(data[i])) % 65521
where checksum % 16 != 3
where label % 4 != 1
image = data
    |> decode_jpeg
    |> to_float
    |> center_crop(size)
    |> random_flip
    |> chw

batch(4)
emit image, label
