# Every form of a declaration, statement and expression.
import "std/image"
import "x.dsl" as m
## Doc
## more
fn sobel(x: u8[h, w]) -> u8[h, w]
    = for i, j: u8(abs(i32(x[min(i+1, h-1), j]) - x[max(i-1, 0), j]) + abs(i32(x[i, min(j+1, w-1)]) - x[i, max(j-1, 0)]))

type Box = (top: int, left: int, height: int, width: int)
const K: u8 = 0x1F
const L = [1_000, .5, 1e-3, "a\n\u{e9}é\"\\"]
fn resample_rows(x: T[h, w, c], n: int) -> f32[n, w, c] where T is number {
    scale = f32(h) / n
    reach = max(scale, 1)
    for i, j, k: {
        centre = (i + .5) * scale
        a = max(int(floor(centre - reach + .5)), 0)
        b = min(int(floor(centre + reach + .5)), h)
        total = fold s = 0.0 for t in a..b: s + triangle((t + .5 - centre) / reach)
        fold s = 0.0 for t in a..b: s + triangle((t + .5 - centre) / reach) / total * x[t, j, k]
    }
}
fn split(x: bytes, sep: u8) -> int[?m, 2] {
    n = len(x)
    ends = for i in 0..n + 1 where i == n or x[i] == sep: i        # x[n] is not read: `or` is an if
    for m in 0..len(ends): [if m == 0 then 0 else ends[m - 1] + 1, ends[m]]
}
fn ap(f: fn(T[...s], int) -> (u8, b: f32), x: T[...s], y: u8[?], z: u8[2*n+1]) -> T[...s] = f(x, y)
## Decode
kernel decode_jpeg(data: bytes) -> u8[?h, ?w, 3]
    from "image/jpeg.c"
    cost 6.3 * len(data) + 1.7 * h * w
    peek h, w
    rows
    region h, w
    at open one at a time
    needs "libjpeg"
    layout rgb, rgbx
feature imagenet(root: path, @const size: int = 224, batch: int = 256)

from files(root, "**/*.jpg")              # gives each record: path, data, label
shuffle                                   # a true permutation, no buffer

image = data
     |> decode_jpeg                       # u8[h, w, 3]
     |> random_resized_crop(size) @pin @workers(3)         # u8[size, size, 3]
     |> random_flip
     |> normalize(mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225])
     |> chw                               # f32[3, size, size]
a, b = (y + 1, 2)
take = 5
take take - -1
@after(image)
where not (a == 3) and a is float or (if a then b else c) == 2
q = f((a, b) => (a |> g), y => y, z = (if x then (for i: 2) else 3) |> g())
each w in x[a..b, :, i - 1 else 0].foo.bar(2)(3)
cache(disk, limit = 8GiB, reuse_random = 5)
batch(batch, last = drop)
emit image, label = (label |> x) + 1
