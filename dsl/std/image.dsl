# Pictures: T[h, w, c], rows from the top, channels last. A picture of u8 has
# values 0 … 255, one of floats 0 … 1. Names, arguments and defaults are those
# of torchvision. Results that are no exact levels are computed in f32 and, for
# a picture of u8, rounded once at the end.

## Decode a JPEG to 8-bit RGB, at 1/scale of its size (1, 2, 4, 8; rounded up).
kernel decode_jpeg(data: bytes, scale: int = 1) -> u8[?h, ?w, 3]
    from "image/jpeg.a"
    cost 2.2 * len(data) + 1.3 * h * w      # ns
    peek h, w
    rows
    region h, w
    layout rgb, rgbx, planar
    needs "libjpeg"

## Its luminance alone, as the file has it: what was gray, or R, G and B weighted.
kernel decode_jpeg_gray(data: bytes, scale: int = 1) -> u8[?h, ?w, 1]
    from "image/jpeg.a"
    cost 1.8 * len(data) + 0.6 * h * w      # ns
    peek h, w
    rows
    region h, w
    needs "libjpeg"

# ---- EXIF ----------------------------------------------------------------
# Numbers of two and of four bytes; beyond the end of the file they are 0.

fn be16(x: bytes, at: int) -> int = 256 * int(x[at else 0]) + int(x[at + 1 else 0])
fn be32(x: bytes, at: int) -> int = 65536 * be16(x, at) + be16(x, at + 2)
fn tiff16(x: bytes, at: int, little: bool) -> int
    = if little then int(x[at else 0]) + 256 * int(x[at + 1 else 0]) else be16(x, at)
fn tiff32(x: bytes, at: int, little: bool) -> int
    = if little then tiff16(x, at, true) + 65536 * tiff16(x, at + 2, true) else be32(x, at)

## Where the EXIF data of a JPEG begin; -1: it has none before its picture.
fn exif_at(x: bytes) -> int {
    at, found = fold p, f = (2, 0) for i in 0..len(x) // 4 until f != 0: {
        marker = be16(x, p)
        next = p + 2 + be16(x, p + 2)
        if marker == 0xFFE1 and be32(x, p + 4) == 0x45786966 then (next, p + 10)   # "Exif"
        else if marker < 0xFFC0 or marker == 0xFFD9 or marker == 0xFFDA then (p, -1)
        else (next, 0)
    }
    if found == 0 then -1 else found
}

## How a JPEG wants to be turned, 1 … 8 as EXIF numbers it; 1, as it is, where it does
## not say.
fn orientation(x: bytes) -> int {
    start = exif_at(x)
    little = x[start else 0] == 0x49                        # "I"; else "M"
    tags = start + tiff32(x, start + 4, little)
    entries = if start < 0 then 0 else tiff16(x, tags, little)
    value = fold v = 0 for i in 0..entries until v > 0: {
        entry = tags + 2 + 12 * i
        if tiff16(x, entry, little) == 0x0112 then tiff16(x, entry + 8, little) else 0
    }
    if value >= 1 and value <= 8 then value else 1
}

## The picture as EXIF's orientation o wants it seen.
fn exif_rotate(x: T[h, w, c], o: int) -> T[?a, ?b, c]
    = if o < 2 or o > 8 then x
      else {
        turned = o >= 5
        up = o == 3 or o == 4 or o == 6 or o == 7
        back = o == 2 or o == 3 or o == 7 or o == 8
        for i in 0..(if turned then w else h), j in 0..(if turned then h else w), k in 0..c: {
            r = if turned then j else i
            s = if turned then i else j
            row = clamp(if up then h - 1 - r else r, 0, h - 1)
            column = clamp(if back then w - 1 - s else s, 0, w - 1)
            x[row, column, k]
        }
      }

type Box = (top: int, left: int, height: int, width: int)

# ---- moves: no value changes ---------------------------------------------

fn hflip(x: T[h, w, c]) -> T[h, w, c] = for i, j, k: x[i, w - 1 - j, k]
fn vflip(x: T[h, w, c]) -> T[h, w, c] = for i, j, k: x[h - 1 - i, j, k]

## Channels first, as convolutions want them; hwc is the way back.
fn chw(x: T[h, w, c]) -> T[c, h, w] = for k, i, j: x[i, j, k]
fn hwc(x: T[c, h, w]) -> T[h, w, c] = for i, j, k: x[k, i, j]

fn crop(x: T[h, w, c], top: int, left: int, height: int, width: int) -> T[height, width, c]
    = for i, j, k: x[top + i, left + j, k]

## The middle; a picture that is too small gets a border of 0.
fn center_crop(x: T[h, w, c], size: int) -> T[size, size, c]
    = if h >= size and w >= size
        then crop(x, int(f32(h - size) / 2), int(f32(w - size) / 2), size, size)
        else {
            top = if h >= size then int(f32(h - size) / 2) else -((size - h) // 2)
            left = if w >= size then int(f32(w - size) / 2) else -((size - w) // 2)
            for i, j, k: x[top + i, left + j, k else 0]
        }

fn pad(x: T[h, w, c], padding: int, fill: T = 0) -> T[h + 2 * padding, w + 2 * padding, c]
    = for i, j, k: x[i - padding, j - padding, k else fill]

fn random_flip(x: T[h, w, c], p: f32 = 0.5) -> T[h, w, c] = if chance(p) then hflip(x) else x
fn random_horizontal_flip(x: T[h, w, c], p: f32 = 0.5) -> T[h, w, c] = if chance(p) then hflip(x) else x
fn random_vertical_flip(x: T[h, w, c], p: f32 = 0.5) -> T[h, w, c] = if chance(p) then vflip(x) else x

fn random_crop(x: T[h, w, c], size: int) -> T[size, size, c]
    = crop(x, randint(0, h - size + 1), randint(0, w - size + 1), size, size)

# ---- values --------------------------------------------------------------

## u8 0 … 255 to f32 0 … 1; floats as they are.
fn to_float(x: T[...s]) -> f32[...s] = if T is integer then x * 0.003921569 else f32(x)

## (x - mean) / std of values 0 … 1: one multiplication and one subtraction.
fn normalize(x: T[h, w, c], mean: f32[c], std: f32[c]) -> f32[h, w, c] {
    full = if T is integer then 255.0 else 1.0
    scale = 1 / (full * std)
    shift = mean / std
    for i, j, k: x[i, j, k] * scale[k] - shift[k]
}

# ---- sizes ---------------------------------------------------------------
# Bilinear: output sample i of n lies at (i + .5) * scale of the input, and reads
# what is nearer than `reach` with weights that fall linearly. They are divided by
# their sum, since a border cuts some off. Without `antialias` a smaller picture is
# made of the two nearest samples, and skips others.

fn triangle(t: f32) -> f32 = max(1 - abs(t), 0)
fn tap_from(centre: f32, reach: f32) -> int = max(int(floor(centre - reach + .5)), 0)
fn tap_to(centre: f32, reach: f32, n: int) -> int = min(int(floor(centre + reach + .5)), n)

fn resample_rows(x: T[h, w, c], n: int, antialias: bool = true) -> f32[n, w, c] {
    scale = f32(h) / n
    reach = if antialias then max(scale, 1) else 1.0
    for i, j, k: {
        centre = (i + .5) * scale
        a = tap_from(centre, reach)
        b = tap_to(centre, reach, h)
        total = fold s = 0.0 for t in a..b: s + triangle((t + .5 - centre) / reach)
        fold s = 0.0 for t in a..b: s + triangle((t + .5 - centre) / reach) / total * x[t, j, k]
    }
}

fn resample_columns(x: T[h, w, c], n: int, antialias: bool = true) -> f32[h, n, c] {
    scale = f32(w) / n
    reach = if antialias then max(scale, 1) else 1.0
    for i, j, k: {
        centre = (j + .5) * scale
        a = tap_from(centre, reach)
        b = tap_to(centre, reach, w)
        total = fold s = 0.0 for t in a..b: s + triangle((t + .5 - centre) / reach)
        fold s = 0.0 for t in a..b: s + triangle((t + .5 - centre) / reach) / total * x[i, t, k]
    }
}

## To height x width.
fn resize(x: T[h, w, c], height: int, width: int, antialias: bool = true) -> T[height, width, c] {
    y = x |> resample_rows(height, antialias) |> resample_columns(width, antialias)
    T(y)
}

## The shorter side to `size`, the other in proportion.
fn resize_short(x: T[h, w, c], size: int, antialias: bool = true) -> T[?a, ?b, c] {
    short = min(h, w)
    resize(x, if h == short then size else size * h // short,
              if w == short then size else size * w // short, antialias)
}

fn resized_crop(x: T[h, w, c], box: Box, size: int, antialias: bool = true) -> T[size, size, c]
    = x |> crop(box.top, box.left, box.height, box.width) |> resize(size, size, antialias)

## A box of a share of the area in `scale` and a ratio of width to height in
## `ratio`: ten tries, then the largest in the middle whose ratio is allowed.
fn crop_box(h: int, w: int, scale: (f32, f32), ratio: (f32, f32)) -> Box {
    least, most = scale
    narrow, wide = ratio
    area = f32(h) * f32(w)
    ch, cw = fold a, b = (0, 0) for t in 0..10 until a > 0: {
        target = area * uniform(least, most)
        aspect = exp(uniform(log(narrow), log(wide)))
        a1 = int(sqrt(target / aspect))
        b1 = int(sqrt(target * aspect))
        if a1 > 0 and a1 <= h and b1 > 0 and b1 <= w then (a1, b1) else (0, 0)
    }
    mh = if f32(w) < narrow * h then int(f32(w) / narrow) else h
    mw = if f32(w) > wide * h then int(wide * h) else w
    if ch > 0
        then (randint(0, h - ch + 1), randint(0, w - cw + 1), ch, cw)
        else ((h - mh) // 2, (w - mw) // 2, mh, mw)
}

## A random part of the picture, resized to size x size.
fn random_resized_crop(x: T[h, w, c], size: int, scale: (f32, f32) = (0.08, 1),
                       ratio: (f32, f32) = (0.75, 1.3333334),
                       antialias: bool = true) -> T[size, size, c]
    = resized_crop(x, crop_box(h, w, scale, ratio), size, antialias)

# ---- colour --------------------------------------------------------------
# The functions with `top` work on f32 values 0 … top.

fn luma(r: f32, g: f32, b: f32) -> f32 = 0.2989 * r + 0.587 * g + 0.114 * b

fn brightened(x: f32[h, w, 3], factor: f32, top: f32) -> f32[h, w, 3]
    = for i, j, k: clamp(factor * x[i, j, k], 0, top)

fn contrasted(x: f32[h, w, 3], factor: f32, top: f32) -> f32[h, w, 3] {
    grey = mean(for i, j: luma(x[i, j, 0], x[i, j, 1], x[i, j, 2]))
    rest = (1 - factor) * grey
    for i, j, k: clamp(factor * x[i, j, k] + rest, 0, top)
}

fn saturated(x: f32[h, w, 3], factor: f32, top: f32) -> f32[h, w, 3]
    = for i, j: {
        rest = (1 - factor) * luma(x[i, j, 0], x[i, j, 1], x[i, j, 2])
        [clamp(factor * x[i, j, 0] + rest, 0, top),
         clamp(factor * x[i, j, 1] + rest, 0, top),
         clamp(factor * x[i, j, 2] + rest, 0, top)]
    }

# Hue counts 0 … 6; channel n of a colour of full chroma is 1 where the hue is
# far from n - 4, without a branch. A turn too many at k = 6 gives 0 as well.
fn wheel(hue: f32, n: f32) -> f32 {
    k = hue + n
    m = k - 6 * floor(k * 0.16666667)
    max(min(min(m, 4 - m), 1), 0)
}

fn hue_turned(x: f32[h, w, 3], by: f32) -> f32[h, w, 3]
    = for i, j: {
        r = x[i, j, 0]
        g = x[i, j, 1]
        b = x[i, j, 2]
        high = max(r, max(g, b))
        chroma = high - min(r, min(g, b))
        inverse = 1 / max(chroma, 1e-20)
        hue = if high == r then (g - b) * inverse
              else if high == g then 2 + (b - r) * inverse
              else 4 + (r - g) * inverse
        turned = hue + 6 * by
        [high - chroma * wheel(turned, 5), high - chroma * wheel(turned, 3), high - chroma * wheel(turned, 1)]
    }

## Each in the dtype of x.
fn adjust_brightness(x: T[h, w, 3], brightness_factor: f32) -> T[h, w, 3]
    = T(brightened(f32(x), brightness_factor, if T is float then 1 else 255))
fn adjust_contrast(x: T[h, w, 3], contrast_factor: f32) -> T[h, w, 3]
    = T(contrasted(f32(x), contrast_factor, if T is float then 1 else 255))
fn adjust_saturation(x: T[h, w, 3], saturation_factor: f32) -> T[h, w, 3]
    = T(saturated(f32(x), saturation_factor, if T is float then 1 else 255))
fn adjust_hue(x: T[h, w, 3], hue_factor: f32) -> T[h, w, 3] = T(hue_turned(f32(x), hue_factor))

## The four, each by a random factor, in a random order. A factor is drawn from
## 1 - v … 1 + v (not below 0), the hue's turn from -hue … hue, of at most .5.
fn color_jitter(x: T[h, w, 3], brightness: f32 = 0, contrast: f32 = 0, saturation: f32 = 0,
                hue: f32 = 0) -> T[h, w, 3] {
    top = if T is float then 1.0 else 255.0
    order = permutation(4)
    b = uniform(max(1 - brightness, 0), 1 + brightness)
    c = uniform(max(1 - contrast, 0), 1 + contrast)
    s = uniform(max(1 - saturation, 0), 1 + saturation)
    d = uniform(-hue, hue)
    T(fold y = f32(x) for k in 0..4:
        [brightened(y, b, top), contrasted(y, c, top), saturated(y, s, top), hue_turned(y, d)][order[k]])
}

fn grayscale(x: T[h, w, 3], num_output_channels: int = 1) -> T[h, w, num_output_channels]
    = for i, j, k: T(luma(f32(x[i, j, 0]), f32(x[i, j, 1]), f32(x[i, j, 2])))

## Grey in three channels, with probability p.
fn random_grayscale(x: T[h, w, 3], p: f32 = 0.1) -> T[h, w, 3] = if chance(p) then grayscale(x, 3) else x

# ---- blur ----------------------------------------------------------------

## Borders are mirrored. Weights below 1e-5 of the middle one are 0, so no value
## moves by more than 0.01 of a level.
fn gaussian_blur(x: T[h, w, c], kernel_size: int, sigma: f32) -> T[h, w, c] {
    r = min(kernel_size // 2, int(floor(4.8 * sigma)))
    raw = for t in 0..2 * r + 1: exp(-.5 * ((t - r) / sigma) * ((t - r) / sigma))
    weight = raw / sum(raw)
    across = for i in 0..h, j in 0..w, k in 0..c:
        fold s = 0.0 for t in 0..2 * r + 1: s + weight[t] * x[i, reflect(j + t - r, w), k]
    for i, j, k: T(fold s = 0.0 for t in 0..2 * r + 1: s + weight[t] * across[reflect(i + t - r, h), j, k])
}

## A blur whose sigma is drawn from `sigma`.
fn random_gaussian_blur(x: T[h, w, c], kernel_size: int, sigma: (f32, f32) = (0.1, 2)) -> T[h, w, c] {
    least, most = sigma
    gaussian_blur(x, kernel_size, uniform(least, most))
}
