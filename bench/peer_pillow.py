#!/usr/bin/python3
"""peer_pillow.py DIR [N]: imagenet.dsl's recipe as people write it with Pillow and
NumPy, one thread. Prints one JSON object: records, seconds."""
import io
import json
import math
import pathlib
import random
import sys
import time

import numpy as np
from PIL import Image

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def crop_box(w, h):
    for _ in range(10):
        area = w * h * random.uniform(.08, 1)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        cw, ch = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < cw <= w and 0 < ch <= h:
            left, top = random.randint(0, w - cw), random.randint(0, h - ch)
            return left, top, left + cw, top + ch
    side = min(w, h)
    return (w - side) // 2, (h - side) // 2, (w + side) // 2, (h + side) // 2


def sample(data):
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image = image.crop(crop_box(*image.size)).resize((224, 224), Image.BILINEAR)
    if random.random() < .5:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    x = np.asarray(image, np.float32) / 255
    return ((x - MEAN) / STD).transpose(2, 0, 1)


def main(folder, n):
    random.seed(1)
    files = sorted(pathlib.Path(folder).rglob("*.jpg"))[:n]
    data = [f.read_bytes() for f in files]
    batch = np.zeros((256, 3, 224, 224), np.float32)
    for d in data[:20]:
        batch[0] = sample(d)
    began = time.perf_counter()
    for i, d in enumerate(data):
        batch[i % 256] = sample(d)
    print(json.dumps(dict(records=len(data), seconds=time.perf_counter() - began)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 512)
