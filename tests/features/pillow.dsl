# Pillow's bilinear resize, with its 22-bit integer weights, and its equalize.
import "std/image"

fn hat(t: f64) -> f64 = if abs(t) < 1 then 1 - abs(t) else 0

## Of n samples to m: where each begins to read, where it ends, and its weights.
fn weights(n: int, m: int, most: int) -> (int[m], int[m], i32[m, most]) {
    scale = f64(n) / m
    wide = max(scale, 1)
    first = for i in 0..m: max(int(trunc((i + .5) * scale - wide + .5)), 0)
    end = for i in 0..m: min(int(trunc((i + .5) * scale + wide + .5)), n)
    raw = for i in 0..m, t in 0..most:
        if t < end[i] - first[i] then hat((t + first[i] - (i + .5) * scale + .5) * (1 / wide)) else 0
    total = for i in 0..m: fold s = f64(0) for t in 0..most: s + raw[i, t]
    (first, end, for i in 0..m, t in 0..most: i32(trunc(.5 + raw[i, t] / total[i] * 4194304)))
}
fn most(n: int, m: int) -> int = 2 * int(ceil(max(f64(n) / m, 1))) + 1
fn level(v: i32) -> u8 = u8(shr(v, 22))

fn shrunk(x: u8[h, w, c], height: int, width: int) -> u8[height, width, c] {
    cf, ct, cw = weights(w, width, most(w, width))
    across = for i in 0..h, j in 0..width, k in 0..c:
        level(fold s = i32(2097152) for t in cf[j]..ct[j]: s + cw[j, t - cf[j]] * x[i, t, k])
    rf, rt, rw = weights(h, height, most(h, height))
    for i, j, k: level(fold s = i32(2097152) for t in rf[i]..rt[i]: s + rw[i, t - rf[i]] * across[t, j, k])
}

fn lookup(histogram: i32[256]) -> u8[256] {
    upto = scan s = 0 for v in 0..256: s + histogram[v]
    last = fold n = 0 for v in 0..256: if histogram[v] > 0 then int(histogram[v]) else n
    step = (upto[255] - last) // 255
    for v: if count(histogram > 0) < 2 or step == 0 then u8(v) else u8((step // 2 + upto[v] - histogram[v]) // step)
}
fn equalize(x: u8[h, w, c]) -> u8[h, w, c] {
    tables = for k in 0..c: lookup(scatter_add(zeros(i32, 256), for i, j: x[i, j, k], 1))
    for i, j, k: tables[k, x[i, j, k]]
}

feature pillow(root: path)
from files(root, "*.jpg")
image = decode_jpeg(data)
small = shrunk(image, 13, 17)
large = shrunk(image, 71, 63)
flat = equalize(image)
batch(3, last = partial)
emit small, large, flat
