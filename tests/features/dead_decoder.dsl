# What no output needs is not computed: nothing here can fail.
import "std/image"

feature dead_decoder(root: path)
from files(root, "*.jpg")
image = decode_jpeg(data)
small = resize(image, 8, 8)
impossible = if len(data) >= 0 then fail("nobody reads this") else 1
n = len(data)
first = if n > 0 then int(data[0]) else -1
batch(2, last = partial)
emit n, first
