"""Flips from left to right among stencils, against NumPy; all values are exact."""
import pathlib
import re

import numpy as np
from support import equal, need

H, W = 20, 150


def data(bench):
    return {}


def slide(x, axis, taps):
    r = taps // 2
    wide = np.pad(x, [(r, r) if a == axis else (0, 0) for a in range(3)], mode="edge")
    return sum((t + 1) * np.take(wide, np.arange(t, t + x.shape[axis]), axis) for t in range(taps))


def soft(x):
    return slide(slide(x, 1, 5), 0, 3)


def view(x):
    return x[2:2 + H, ::-1][:, 3:3 + W]


def chw(x):
    return x.transpose(2, 0, 1)


def turned(x, condition):
    return x[:, ::-1] if condition else x


def mixed(x):
    r, g, b = x[..., 0], x[..., 1], x[..., 2]
    return np.stack([r + g, g - b, b * 3 + r], -1)


def check(run):
    for v in range(6):
        i, j, k = np.meshgrid(np.arange(H + 4), np.arange(W + 6), np.arange(3), indexing="ij")
        x = (i * (k + 3) + j * (7 - k) + v * 50).astype(np.uint8).astype(int)
        grey, odd, third = x[:H, :W, :1] + x[:H, :W, 1:2], v % 2 == 1, v % 3 == 1
        due = {"always": view(soft(x)), "chance": chw(turned(soft(grey), odd)),
               "forth": chw(turned(soft(x), not odd)), "twice": chw(view(turned(soft(x), not third))),
               "between": chw(soft(turned(soft(grey), odd))),
               "listed": chw(view(mixed(turned(soft(x), third)))),
               "both": turned(soft(grey), odd) - turned(slide(grey, 0, 3), third)}
        for name, value in due.items():
            got = run.rows(name) if name + ".offsets" in run.fields else run.all(name)
            equal(got[v], value, f"{name} of {v}")


def more(bench):
    """Columns are made sixteen at once, whichever way they are read."""
    text = pathlib.Path(__file__).with_suffix(".dsl").read_text()
    for name in ("always", "chance", "forth", "between", "listed"):
        dsl = bench.file(f"{name}.dsl", re.sub("^emit .*", f"emit {name}", text, flags=re.M))
        loops = bench.sh(bench.bin / "pipec", dsl, "--emit=loops").stdout
        need("f32x16" in loops, f"{name}: no vectors of columns")
