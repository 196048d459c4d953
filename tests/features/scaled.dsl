# Smaller pictures by a smaller idct, luminance alone, and windows of both.
import "std/image"
feature scaled(root: path)
from files(root, "*.jpg")
half = decode_jpeg(data, scale = 2)
quarter = decode_jpeg(data, scale = 4)
eighth = decode_jpeg(data, scale = 8)
gray = decode_jpeg_gray(data)
gray_half = decode_jpeg_gray(data, scale = 2)
corner = crop(decode_jpeg(data, scale = 2), 3, 5, 9, 11)
middle = crop(decode_jpeg_gray(data), 17, 9, 20, 31)
batch(4, last = partial)
emit half, quarter, eighth, gray, gray_half, corner, middle
