"""Rows above and below of a part of a decoded picture, against Pillow and NumPy; all values are exact."""
import json

import numpy as np
from support import ROOT, decoded, equal, jpeg, need, picture

SIZES = [(40, 50), (33, 90), (64, 61), (23, 46)]
FILES = [jpeg(picture(h, w, i), subsampling=i % 3) for i, (h, w) in enumerate(SIZES)]


def data(bench):
    for i, content in enumerate(FILES):
        bench.file(f"in/{i}.jpg", content)
    return {"set": {"root": bench.dir / "in"}}


def check(run):
    for i, content in enumerate(FILES):
        x = np.pad(decoded(content)[3:23, 5:46].astype(np.float32), ((2, 2), (0, 0), (0, 0)), mode="reflect")
        y = sum(np.float32(.25) * x[t:t + 20] for t in range(5))
        equal(run.all("view")[i], y.transpose(2, 0, 1), f"view of {i}")


def more(bench):
    """Planes for a reader of columns, room for four where a resize gathers."""
    def layout(dsl):
        said = json.loads(bench.sh(bench.bin / "pipec", "explain", dsl, "--json").stdout)
        return [t["layout"] for t in said["tensors"] if "layout" in t]

    need(layout(__file__.replace(".py", ".dsl")) == ["planar"], "planes")
    need(layout(ROOT / "examples/imagenet.dsl") == ["rgbx"], "room for four")
