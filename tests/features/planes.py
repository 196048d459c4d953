"""Stencils over planes, mirrored borders, switches and levels, against NumPy; all values are exact."""
import re

import numpy as np
from support import equal, need

N, H, W = 6, 20, 150


def data(bench):
    return {"set": {}}


def slide(x, taps, weight, axis):
    """Sums of `taps` neighbours, in order; NumPy's mirror is the language's as long as it is short."""
    out = np.zeros_like(x)
    places = np.arange(x.shape[axis])
    last = x.shape[axis] - 1
    for t in range(taps):
        at = last - abs(last - abs(places + t - taps // 2))
        out = out + np.float32(weight) * np.take(x, at, axis)
    return out


def rounded(x, most):
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(x), 0, np.clip(np.rint(x), 0, most))


def check(run):
    i, j, k = np.meshgrid(np.arange(H), np.arange(W), np.arange(3), indexing="ij")
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = rounded((j.astype(np.float32) - 3) * np.float32(.75) / k.astype(np.float32), 255).astype(np.float32)
    for v in range(N):
        x = ((i * 7 + j * 5 + k * 3 + v * 11) % 32 / 32).astype(np.float32)
        y = [x[..., [1, 2, 0]], x[..., 1].max() - x, x[:, ::-1]][v % 3]
        taps = 2 * v - 1
        soft = slide(slide(y, taps, .125, 1), 3, .25, 0)
        equal(run.all("first")[v], soft.transpose(2, 0, 1), f"first of {v}")
        equal(run.all("pixels")[v], soft, f"pixels of {v}")
        part = slide(slide(y, 3, .125, 1), taps, .25, 0)
        equal(run.all("part")[v], part[2:9, 5:75], f"part of {v}")
        equal(run.all("levels")[v], slide(levels, 5, .125, 1), f"levels of {v}")
        equal(run.all("deep")[v], rounded(x.astype(np.float64) * 100000 - 9.5 * i, 65535) * .5, f"deep of {v}")
        cut = slide(slide(y, 5, .125, 1), 3, .25, 0)
        equal(run.all("cut")[v], rounded(np.float32(300) * cut, 255).astype(np.uint8), f"cut of {v}")


PASSES = """import "std/math"
feature passes(n: int = 3)
from range(0, n)
x = for i in 0..4, j in 0..9, k in 0..3: sqrt(f32((i * 7 + j * 5 + k * 3 + value * 11) % 32)) / 32
slid = for i in 0..4, j in 0..9, k in 0..3: fold s = 0.0 for t in 0..3: s + x[i, reflect(j + t - 1, 9), k]
rows = for i in 0..4, j in 0..9, k in 0..3: fold s = 0.0 for t in 0..3: s + x[reflect(i + t - 1, 4), j, k]
plain = for i in 0..4, j in 0..7, k in 0..3: fold s = 0.0 for t in 0..3: s + x[i, j + t, k]
product = for i in 0..4, j in 0..9, k in 0..3: fold s = 0.0 for t in 0..3: s + x[i, reflect(j * t, 9), k]
guarded = for i in 0..4, j in 0..9, k in 0..3: fold s = 0.0 for t in 0..3: s + (if j + t < 9 then x[i, reflect(j + t, 9), k] else 1)
ended = for i in 0..4, j in 0..9, k in 0..3: fold s = 0.0 for t in 0..30 until t >= 2 + value: s + x[i, reflect(j + t - 1, 9), k]
same = for i in 0..4, j in 0..9, k in 0..3: x[i, j, k]
part = for i in 0..4, j in 0..8, k in 0..3: x[i, j, k]
stays = for i in 0..4: f32(u8(f32(i) * 0.75 + value))
narrow = for i in 0..4: f32(i8(f32(i) * 0.75 + value))
other = for i in 0..4: f64(u8(f32(i) * 0.75 + value))
at = for k in 0..4: (k * 5 + value) % 4
cut = for k in 0..4: f64(x)[at[k], 0, 0] * 2
twice = for k in 0..4: (x + x)[at[k], 0, 0]
batch(2)
emit cut, twice, slid, rows, plain, product, guarded, ended, same, part, stays, narrow, other
"""


def more(bench):
    """Where the passes must do something, and where they must not."""
    dsl = bench.file("passes.dsl", PASSES)

    def field(dump, name):
        argv = [bench.bin / "pipec", dsl, "-o", bench.fresh("f").with_suffix(".so"), f"--dump={dump}"]
        text = bench.sh(*argv).stderr
        return re.search(rf"^{name}: .*\n((?: .*\n)*)", text, re.M)[1]

    for name, wide in {"slid": True, "rows": False, "plain": False, "product": False, "guarded": False, "ended": False}.items():
        need(("wide" in field("slides", name)) == wide, f"slides: {name}")
    for name, loop in {"same": False, "part": True}.items():
        need(("for" in field("normal", name)) == loop, f"normal: {name}")
    for name, level in {"stays": "u8(", "narrow": "i8(", "other": "u8("}.items():
        need((level in field("levels", name)) == (name != "stays"), f"levels: {name}")
    for name, around in {"cut": False, "twice": True}.items():
        need(("check" in field("inline", name)) == around, f"inline: a test around the value of {name}")
        need(("?" in field("inline", name)) == (not around), f"inline: a test with the read in {name}")
