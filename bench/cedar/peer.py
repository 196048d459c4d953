"""cedar's CV pipeline in torchvision: one process, one thread, a file after the other.

    peer.py about
    peer.py time v1|v2|cedar FOLDER      one epoch behind 32 records that are not timed
    peer.py check CASES.json             what pipec made against the same draws here

v1 and v2 are torchvision's two sets of transforms, in the order that cedar declares;
`cedar` is v2 in the order that cedar's optimizer chose, whose values are others.
CASES.json: [{file, box: [top, left, h, w], flip, order, factors: [b, c, s, hue], sigma,
made: a .npy of f32[1, 1, size, size]}]. Prints a JSON object."""
import json
import pathlib
import sys
import time

import numpy as np
import torch
import torchvision
from torchvision import transforms as v1
from torchvision.io import ImageReadMode, read_image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

SIDE, MEAN, STD = 244, (.1307,), (.3081,)


def to_float(x):
    return x.to(torch.float32)


def declared(t):
    return [to_float, t.RandomResizedCrop((SIDE, SIDE), antialias=False),
            t.RandomHorizontalFlip(), t.ColorJitter(.1, .1, .1, .1), t.Grayscale(1),
            t.GaussianBlur(11), t.Normalize(MEAN, STD)]


def steps(name):
    if name != "cedar":
        return declared({"v1": v1, "v2": v2}[name])
    number, crop, flip, jitter, gray, blur, normalize = declared(v2)
    return [gray, crop, blur, flip, jitter, number, normalize]


def timed(name, folder):
    files = [str(p) for p in sorted(pathlib.Path(folder).rglob("*.jpg"))]
    transform = v1.Compose(steps(name))

    def run(paths):
        for path in paths:
            x = transform(read_image(path, ImageReadMode.RGB))
            if x.shape != (1, SIDE, SIDE) or x.dtype != torch.float32:
                sys.exit(f"{path}: {x.dtype} {tuple(x.shape)}")
    run(files[:32])
    began = time.perf_counter()
    run(files)
    return dict(records=len(files), seconds=time.perf_counter() - began)


def with_draws(case):
    b, c, s, hue = case["factors"]
    adjust = [lambda x: F.adjust_brightness(x, b), lambda x: F.adjust_contrast(x, c),
              lambda x: F.adjust_saturation(x, s), lambda x: F.adjust_hue(x, hue)]
    x = to_float(read_image(case["file"], ImageReadMode.RGB))
    x = F.resized_crop(x, *case["box"], (SIDE, SIDE), antialias=False)
    x = F.horizontal_flip(x) if case["flip"] else x
    for k in case["order"]:
        x = adjust[k](x)
    x = F.gaussian_blur(F.rgb_to_grayscale(x, 1), [11, 11], [case["sigma"]] * 2)
    return F.normalize(x, MEAN, STD).numpy()


def checked(path):
    """off: the largest difference of each picture; spread: how much there is to see."""
    off, spread = [], []
    for case in json.loads(pathlib.Path(path).read_text()):
        due = with_draws(case)
        off.append(float(np.abs(np.load(case["made"])[0] - due).max()))
        spread.append(float(due.std()))
    return dict(off=off, spread=spread)


def about():
    version = [m.__version__.split("+")[0] for m in (torch, torchvision)]
    return dict(name=f"torch {version[0]}, torchvision {version[1]}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps({"about": about, "time": timed, "check": checked}[sys.argv[1]](
        *sys.argv[2:])))
