"""examples/simclr.dsl against the same steps in f64."""
import colorsys
import json
import numpy as np
from support import MEAN, ROOT, STD, Draws, crop_box, decoded, equal, jpeg, need, picture, resized, shuffled, std_math

DSL = "../../examples/simclr.dsl"
SEED, SIZE, BATCH = 11, 20, 4
FILES = [jpeg(picture(60 + 7 * i, 90 - 4 * i, i), subsampling=i % 3) for i in range(12)]
GREY = np.array([.2989, .587, .114])


def data(bench):
    for i, content in enumerate(FILES):
        bench.file(f"photos/{i:02}.jpg", content)
    return {"D": {"size": SIZE, "batch": BATCH}, "set": {"root": bench.dir / "photos"}, "args": ["--seed", SEED, "--epoch", 2]}


def hue(x, by):
    out = np.empty_like(x)
    for at in np.ndindex(x.shape[:2]):
        h, s, v = colorsys.rgb_to_hsv(*x[at])
        out[at] = colorsys.hsv_to_rgb((h + by) % 1, s, v)
    return out


def jitter(x, d, path):
    b, c, s = (float(d.uniform(f"{path}/uniform#{k}", 1 - np.float32(.8), 1 + np.float32(.8))) for k in range(3))
    h = float(d.uniform(f"{path}/uniform#3", -.2, .2))
    steps = [lambda x: np.clip(b * x, 0, 1), lambda x: np.clip(c * x + (1 - c) * (x @ GREY).mean(), 0, 1),
             lambda x: np.clip(s * x + (1 - s) * (x @ GREY)[..., None], 0, 1), lambda x: hue(x, h)]
    for k in d.permutation(path + "/permutation#0", 4):
        x = steps[k](x)
    return x


def blur(x, taps, sigma):
    r = taps // 2
    k = np.exp(-.5 * (np.arange(-r, r + 1) / sigma) ** 2)
    for axis in (0, 1):
        wide = np.pad(x, [(r, r) if a == axis else (0, 0) for a in range(3)], mode="reflect")
        x = sum(v * np.take(wide, range(t, t + x.shape[axis]), axis) for t, v in enumerate(k / k.sum()))
    return x


def view(i, m):
    d, x = Draws(i, SEED, 2), decoded(FILES[i])
    top, left, h, w = crop_box(d, "view/random_resized_crop#0/crop_box#0", *x.shape[:2], m)
    x = np.rint(resized(x[top:top + h, left:left + w], SIZE, SIZE))
    x = (x[:, ::-1] if d.chance("view/random_flip#0", .5) else x) / 255
    x = jitter(x, d, "view/random_apply#0/f#0/color_jitter#0") if d.chance("view/random_apply#0", .8) else x
    x = np.repeat((x @ GREY)[..., None], 3, 2) if d.chance("view/random_grayscale#0", .2) else x
    x = blur(x, 23, float(d.uniform("view/random_gaussian_blur#0/uniform#0", .1, 2)))
    return ((x - MEAN) / STD).transpose(2, 0, 1)


def check(run):
    m, order = std_math(), shuffled(len(FILES), SEED, 2)
    equal(run.all("label"), [-1] * len(order), "label")
    exact = 0
    for got, i in zip(run.all("view"), order):
        off = np.abs(got - view(i, m))
        # a level of the crop on the edge of rounding may fall to the other side; jitter enlarges it, the blur spreads it
        need(np.quantile(off, .8) < 1e-4 and off.max() < .25, f"{i}: off by {np.quantile(off, .8)} in 80 of 100, {off.max()} at most")
        exact += off.max() < 1e-4
    need(exact >= len(order) * 3 // 4, f"only {exact} views of {len(order)} are near everywhere")


def more(bench):
    said = json.loads(bench.sh(bench.bin / "pipec", "explain", ROOT / "examples/simclr.dsl", "--json").stdout)
    whole = [x for x in said["tensors"] if x["way"] == "whole" and len(x["shape"]) > 1]
    need(not whole, f"pictures that are kept whole: {whole}")
