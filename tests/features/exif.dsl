# Pictures as EXIF wants them seen, and one that is cut afterwards.
import "std/image"
feature exif(root: path)
from files(root, "*.jpg")
turn = orientation(data)
image = decode_jpeg(data)
upright = exif_rotate(image, turn)
small = resize(upright, 24, 20)
batch(4, last = partial)
emit turn, upright, small
