# Two parts of one picture: it is decoded once, and no more of it than both of them need.
import "std/image"
feature shared(root: path)
from files(root, "*.jpg")
image = decode_jpeg(data)
where len(image) > 60
left = crop(image, 4, 0, 20, 20)
right = center_crop(image, 32)
unread = resize(image, 300, 300)
batch(2)
emit left, right
