"""A stencil with clamped borders, the chain of validation, and index maps, against NumPy."""
import numpy as np
from support import decoded, equal, jpeg, picture, resized, rounded_once

SIZES = [(40, 50), (33, 90), (64, 31), (100, 47), (36, 36)]
FILES = [jpeg(picture(h, w, i), subsampling=i % 3) for i, (h, w) in enumerate(SIZES)]


def data(bench):
    for i, content in enumerate(FILES):
        bench.file(f"in/{i}.jpg", content)
    return {"set": {"root": bench.dir / "in"}}


def check(run):
    for i, content in enumerate(FILES):
        x = decoded(content)
        g = np.pad(x[..., 1].astype(int), 1, mode="edge")
        equal(run.rows("edges")[i], np.minimum(abs(g[2:, 1:-1] - g[:-2, 1:-1]) + abs(g[1:-1, 2:] - g[1:-1, :-2]), 255), f"edges of {i}")
        h, w = x.shape[:2]
        short = min(h, w)
        y = resized(x, 36 * h // short, 36 * w // short)
        top, left = (round((n - 30) / 2) for n in y.shape[:2])
        rounded_once(run.all("valid_view")[i], y[top:top + 30, left:left + 30], f"view of {i}")
        equal(run.rows("bordered")[i], np.pad(x, ((2, 2), (2, 2), (0, 0)), constant_values=9)[::-1, ::-1], f"bordered {i}")
