"""examples/cedar/cv_torch.dsl against torchvision's definitions in f64: no antialias, values of 0 … 255, colours held to 0 … 1."""
import numpy as np
from support import Draws, crop_box, decoded, jpeg, need, picture, std_math

DSL = "../../examples/cedar/cv_torch.dsl"
SEED, SIZE = 5, 44
DARK = [1, .02, .004]           # most values of the first kind end as 1, few of the others
FILES = [jpeg((picture(70 + 9 * i, 110 - 5 * i, i) * DARK[i % 3]).astype(np.uint8), quality=95) for i in range(12)]
GREY = np.array([.2989, .587, .114])


def data(bench):
    for i, content in enumerate(FILES):
        bench.file(f"photos/{i:02}.jpg", content)
    return {"D": {"size": SIZE}, "set": {"root": bench.dir / "photos"}, "args": ["--seed", SEED, "--epoch", 1]}


def nearest_two(x, n):
    """f64[n, …]: between the two samples next to each place, along the first axis."""
    at = np.maximum((np.arange(n) + .5) * (len(x) / n) - .5, 0)
    low = at.astype(int)
    high = np.minimum(low + 1, len(x) - 1)
    t = (at - low).reshape(-1, *[1] * (x.ndim - 1))
    return (1 - t) * x[low] + t * x[high]


def hsv(x):
    r, g, b = np.moveaxis(x, -1, 0)
    high, low = x.max(-1), x.min(-1)
    chroma = high - low
    grey = chroma == 0
    by = np.where(grey, 1, chroma)
    rc, gc, bc = (high - r) / by, (high - g) / by, (high - b) / by
    h = np.select([high == r, high == g], [bc - gc, 2 + rc - bc], 4 + gc - rc)
    return (h / 6 + 1) % 1, np.where(grey, 0, chroma / np.where(grey, 1, high)), high


def rgb(h, s, v):
    sector = np.floor(6 * h)
    f = 6 * h - sector
    p, q, t = (np.clip(v * (1 - s * part), 0, 1) for part in (1, f, 1 - f))
    r, g, b = [v, q, p, p, t, v], [t, v, v, q, p, p], [p, p, t, v, v, q]
    return np.stack([np.choose(sector.astype(int) % 6, c) for c in (r, g, b)], -1)


def hue(x, by):
    h, s, v = hsv(x)
    return rgb((h + by) % 1, s, v)


def jitter(x, d, path):
    b, c, s = (float(d.uniform(f"{path}/uniform#{k}", np.float32(1) - np.float32(.1), np.float32(1) + np.float32(.1))) for k in range(3))
    h = float(d.uniform(f"{path}/uniform#3", -.1, .1))
    steps = [lambda x: np.clip(b * x, 0, 1), lambda x: np.clip(c * x + (1 - c) * (x @ GREY).mean(), 0, 1),
             lambda x: np.clip(s * x + (1 - s) * (x @ GREY)[..., None], 0, 1), lambda x: hue(x, h)]
    for k in d.permutation(path + "/permutation#0", 4):
        x = steps[k](x)
    return x


def blur(x, taps, sigma):
    """One kernel of taps x taps."""
    r = taps // 2
    k = np.exp(-.5 * (np.arange(-r, r + 1) / sigma) ** 2)
    k2 = np.outer(k, k) / k.sum() ** 2
    wide = np.pad(x, r, mode="reflect")
    return sum(k2[i, j] * wide[i:i + x.shape[0], j:j + x.shape[1]] for i in range(taps) for j in range(taps))


def due(i, m):
    d, x = Draws(i, SEED, 1), decoded(FILES[i]).astype(float)
    top, left, h, w = crop_box(d, "picture/random_resized_crop#0/crop_box#0", *x.shape[:2], m)
    x = nearest_two(nearest_two(x[top:top + h, left:left + w], SIZE).swapaxes(0, 1), SIZE).swapaxes(0, 1)
    x = x[:, ::-1] if d.chance("picture/random_horizontal_flip#0", .5) else x
    x = jitter(x, d, "picture/jitter#0") @ GREY
    x = blur(x, 11, float(d.uniform("picture/random_gaussian_blur#0/uniform#0", .1, 2)))
    return ((x - .1307) / .3081)[None]


def check(run):
    m, exact, moved = std_math(), 0, 0
    need(run.all("picture").shape == (len(FILES), 1, SIZE, SIZE), f"shape {run.all('picture').shape}")
    for i, got in enumerate(run.all("picture")):
        want = due(i, m)
        off = np.abs(got - want)
        # a hue on the edge of a sector falls to the other one; the blur spreads that pixel
        need(np.quantile(off, .9) < 1e-3, f"{i}: off by {np.quantile(off, .9)} in 90 of 100, {off.max()} at most")
        exact += off.max() < 1e-3
        moved += want.std() > .3
    need(exact >= len(FILES) * 3 // 4, f"only {exact} of {len(FILES)} are near everywhere")
    need(moved >= len(FILES) // 3, f"only {moved} pictures have anything to see")
