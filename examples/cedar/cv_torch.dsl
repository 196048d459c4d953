# cv_torch.dsl: the image pipeline that cedar was measured with, step by step as it is
# declared. Its floats stay 0 … 255, and torchvision's ColorJitter holds floats to
# 0 … 1: most pixels end as 1. That is the pipeline as published; for pictures worth
# learning from put `to_float` and `color_jitter` in the places of `f32` and `jitter`.
import "std/image"

# ColorJitter where values exceed 1, as in torchvision: hue keeps the largest channel
# and holds the others to 1.
fn spoke(hue: f32, n: f32, high: f32, chroma: f32) -> f32 {
    k = hue + n
    m = k - 6 * floor(k * 0.16666667)
    if m >= 4 then high else min(high - chroma * min(min(m, 4 - m), 1), 1)
}

fn hue_held(x: f32[h, w, 3], by: f32) -> f32[h, w, 3]
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
        [spoke(turned, 5, high, chroma), spoke(turned, 3, high, chroma), spoke(turned, 1, high, chroma)]
    }

fn jitter(x: f32[h, w, 3], by: f32) -> f32[h, w, 3] {
    order = permutation(4)
    b = uniform(1 - by, 1 + by)
    c = uniform(1 - by, 1 + by)
    s = uniform(1 - by, 1 + by)
    d = uniform(-by, by)
    fold y = x for k in 0..4:
        [brightened(y, b, 1), contrasted(y, c, 1), saturated(y, s, 1), hue_held(y, d)][order[k]]
}

feature cv_torch(root: path, size: int = 244)

from files(root, "**/*.jpg")

picture = data
    |> decode_jpeg                        # u8[h, w, 3]
    |> f32                                # 0 … 255, not scaled
    |> random_resized_crop(size, antialias = false)
    |> random_horizontal_flip
    |> jitter(.1)
    |> grayscale                          # f32[size, size, 1]
    |> random_gaussian_blur(11, sigma = (.1, 2))
    |> normalize(mean = [0.1307], std = [0.3081])
    |> chw                                # f32[1, size, size]

batch(1)
emit picture
