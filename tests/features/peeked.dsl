# A `where` on the size that the header tells: what it rejects is not decoded,
# so files that are cut off behind their header do not fail.
import "std/image"

fn sides(x: T[h, w, c]) -> (int, int) = (h, w)

feature peeked(root: path)
from files(root, "*.jpg")
image = decode_jpeg(data)
h, w = sides(image)
where min(h, w) >= 32
part = center_crop(image, 32)
batch(2, last = partial)
emit index, h, w, part
