"""decode_jpeg at 1/2, 1/4 and 1/8 of the size, and decode_jpeg_gray, against what Pillow decodes
with the same library."""
import io
import numpy as np
from PIL import Image
from support import equal, jpeg, picture

SIZES = [(50, 61), (64, 48), (41, 80), (97, 53), (48, 64), (120, 90)]
FILES = [jpeg(picture(h, w, i), subsampling=i % 3) for i, (h, w) in enumerate(SIZES)]
FILES.append(jpeg(picture(55, 71, 9), subsampling=2, progressive=True))


def data(bench):
    for i, content in enumerate(FILES):
        bench.file(f"in/{i}.jpg", content)
    return {"set": {"root": bench.dir / "in"}}


def drafted(content, mode, scale):
    image = Image.open(io.BytesIO(content))
    image.draft(mode, (image.width // scale, image.height // scale))
    return np.asarray(image).reshape(image.height, image.width, len(mode))


def check(run):
    for i, content in enumerate(FILES):
        for name, mode, scale in (("half", "RGB", 2), ("quarter", "RGB", 4), ("eighth", "RGB", 8), ("gray", "L", 1), ("gray_half", "L", 2)):
            equal(run.rows(name)[i], drafted(content, mode, scale), f"{name} of {i}")
        equal(run.all("corner")[i], drafted(content, "RGB", 2)[3:12, 5:16], f"corner of {i}")
        equal(run.all("middle")[i], drafted(content, "L", 1)[17:37, 9:40], f"middle of {i}")
