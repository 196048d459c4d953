"""Exact integers of Pillow: resize by BILINEAR, ImageOps.equalize."""
import numpy as np
from PIL import Image, ImageOps
from support import decoded, equal, jpeg, picture

SIZES = [(40, 31), (14, 60), (25, 25), (9, 10), (120, 90)]
FILES = [jpeg(picture(h, w, i) // (1 + i % 2), subsampling=0) for i, (h, w) in enumerate(SIZES)] + [jpeg(np.full((20, 30, 3), 77, np.uint8))]


def data(bench):
    for i, content in enumerate(FILES):
        bench.file(f"in/{i}.jpg", content)
    return {"set": {"root": bench.dir / "in"}}


def check(run):
    for i, content in enumerate(FILES):
        image = Image.fromarray(decoded(content))
        equal(run.all("small")[i], np.asarray(image.resize((17, 13), Image.BILINEAR)), f"small {i}")
        equal(run.all("large")[i], np.asarray(image.resize((63, 71), Image.BILINEAR)), f"large {i}")
        equal(run.rows("flat")[i], np.asarray(ImageOps.equalize(image)), f"flat {i}")
