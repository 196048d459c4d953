"""Stencils over pictures of one channel, against NumPy and Pillow; all values are exact."""
import io
import pathlib
import re

import numpy as np
from PIL import Image
from support import equal, jpeg, need, picture

H, W = 20, 150
FILES = [jpeg(picture(40 + 9 * i, 50 + 13 * i, i)) for i in range(5)]


def data(bench):
    for i, content in enumerate(FILES):
        bench.file(f"in/{i}.jpg", content)
    return {"set": {"root": bench.dir / "in"}}


def slide(x, taps, weight, axis):
    r = taps // 2
    wide = np.pad(x, [(r, r) if a == axis else (0, 0) for a in range(2)], mode="reflect")
    return sum(np.float32(weight) * np.take(wide, np.arange(t, t + x.shape[axis]), axis) for t in range(taps))


def soft(x):
    return slide(slide(x, 5, .125, 1), 3, .25, 0)


def luma(content):
    """As it lies in the file."""
    image = Image.open(io.BytesIO(content))
    image.draft("L", None)
    return np.asarray(image, np.float32)


def check(run):
    i, j, k = np.meshgrid(np.arange(H), np.arange(W), np.arange(3), indexing="ij")
    for n, content in enumerate(FILES):
        x = ((i * 7 + j * 5 + k * 3 + len(content) * 11) % 32 / 32).astype(np.float32)
        grey = x @ np.float32([.5, .25, .25])
        y = soft(grey[:, ::-1] if len(content) % 2 else grey)
        equal(run.all("first")[n], y[None], f"first of {n}")
        equal(run.all("pixels")[n], y[..., None], f"pixels of {n}")
        equal(run.all("total")[n], y[:, :64].sum(), f"total of {n}")
        steep = slide(grey, 5, .125, 1)
        equal(run.all("light")[n], (slide(steep, 3, .25, 0) - steep)[..., None], f"light of {n}")
        equal(run.all("view")[n], soft(luma(content)[3:23, 5:46])[None], f"view of {n}")


def more(bench):
    """Columns are made sixteen at once, for each that is emitted alone."""
    text = pathlib.Path(__file__).with_suffix(".dsl").read_text()
    for name in ("first", "pixels", "light", "view"):
        dsl = bench.file(f"{name}.dsl", re.sub("^emit .*", f"emit {name}", text, flags=re.M))
        loops = bench.sh(bench.bin / "pipec", dsl, "--emit=loops").stdout
        need("f32x16" in loops, f"{name}: no vectors of columns")
