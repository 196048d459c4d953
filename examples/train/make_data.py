#!/usr/bin/python3
"""make_data.py DIR [--train 4000] [--val 1000] [--seed 1] [--jobs CORES]

DIR/train and DIR/val: small JPEG files, a folder for each of ten classes. A class is a
shape and what it is filled with: a disc, ring, square, triangle or star, striped or
spotted. Its place, size, turn and colours are drawn anew for each picture, in front of a
background with the statistics of photographs and behind blobs that may hide a part of it.
The same arguments give the same files with the same versions of NumPy and Pillow.
"""
import argparse
import multiprocessing
import os
import pathlib
import sys

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "data"))
import make_images as natural

SHAPES = ["disc", "ring", "square", "star", "triangle"]
FILLS = ["spotted", "striped"]
CLASSES = [f"{shape}_{fill}" for shape in SHAPES for fill in FILLS]
SIZES = [(160, 160), (160, 200), (140, 180), (180, 140), (150, 220), (200, 160)]


def polygon(u, v, corners, notch):
    """How far out a point lies, 1 at the edge, which goes from corners at radius 1 to
    points at radius `notch` between them."""
    half = np.pi / corners
    angle, r = np.arctan2(v, u) % (2 * half) - half, np.hypot(u, v)
    x, y = r * np.cos(angle), r * np.abs(np.sin(angle))     # folded onto half an edge
    return (x * np.sin(half) + y * (notch - np.cos(half))) / (notch * np.sin(half))


def outline(shape, u, v):
    """Where the shape of radius 1 is, as what is below 1."""
    r = np.hypot(u, v)
    if shape == "disc":
        return r / .9
    if shape == "ring":
        return 1 + (np.abs(r - .72) - .26)
    if shape == "square":
        return np.maximum(np.abs(u), np.abs(v)) / .78
    if shape == "star":
        return polygon(u, v, 5, .45)
    return polygon(u, v, 3, .5)


def pattern(rng, fill, u, v):
    """-1 … 1 over the shape."""
    waves, phase = rng.uniform(9, 14), rng.uniform(0, 2 * np.pi, 2)
    along, across = np.sin(waves * u + phase[0]), np.sin(waves * v + phase[1])
    return along if fill == "striped" else np.clip(2.2 * along * across - .4, -1, 1)


def blend(image, mask, over):
    image += mask * (over - image)


def put_object(rng, fields, image, name):
    """Draws the thing that the picture is of."""
    shape, fill = name.split("_")
    _, h, w = image.shape
    radius = min(h, w) * rng.uniform(.28, .44)
    top, left = rng.uniform(.35, .65) * h, rng.uniform(.35, .65) * w
    turn, squeeze = rng.uniform(0, 2 * np.pi), rng.uniform(.75, 1)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    y, x = (y - top) / radius, (x - left) / (radius * squeeze)
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    mask = np.clip((1 - outline(shape, u, v)) * radius * .5 + .5, 0, 1)
    over = natural.surface(rng, fields, h, w)
    over += pattern(rng, fill, u, v) * rng.uniform(40, 75) * rng.choice([-1, 1])
    blend(image, mask, over)


def put_blobs(rng, fields, image, n):
    for _ in range(n):
        mask, (top, bottom, left, right) = natural.blob(rng, fields, *image.shape[1:])
        part = image[:, top:bottom, left:right]
        blend(part, mask, natural.surface(rng, fields, bottom - top, right - left))


def picture(rng, fields, name):
    h, w = SIZES[rng.integers(len(SIZES))]
    image = natural.surface(rng, fields, h, w)
    put_blobs(rng, fields, image, rng.integers(1, 4))
    put_object(rng, fields, image, name)
    if rng.random() < .3:
        top, left = rng.integers(h // 2), rng.integers(w // 2)
        put_blobs(rng, fields, image[:, top:top + h // 2, left:left + w // 2], 1)
    return np.clip(image, 0, 255).astype(np.uint8).transpose(1, 2, 0)


def start_worker(seed):
    global FIELDS
    rng = np.random.default_rng([seed, 0])
    FIELDS = [natural.noise_field(rng) for _ in range(natural.FIELDS)]


def write_one(job):
    path, seed, part, index, name = job
    rng = np.random.default_rng([seed, part, index])
    Image.fromarray(picture(rng, FIELDS, name)).save(path, "JPEG", quality=90)


def jobs_of(folder, part, n, seed):
    for i in range(n):
        name = CLASSES[i % len(CLASSES)]
        (folder / name).mkdir(parents=True, exist_ok=True)
        yield folder / name / f"{i:05}.jpg", seed, part, i, name


def make(folder, train, val, seed, jobs):
    stamp, want = folder / "made", f"shapes 1 {train} {val} {seed}\n"
    if stamp.exists() and stamp.read_text() == want:
        return
    todo = [*jobs_of(folder / "train", 1, train, seed),
            *jobs_of(folder / "val", 2, val, seed)]
    with multiprocessing.Pool(jobs, start_worker, (seed,)) as pool:
        for done, _ in enumerate(pool.imap_unordered(write_one, todo, 16), 1):
            if sys.stderr.isatty():
                print(f"\r{done} of {len(todo)} pictures", end="", file=sys.stderr)
    stamp.write_text(want)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--train", type=int, default=4000)
    parser.add_argument("--val", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args()
    make(given.folder, given.train, given.val, given.seed, given.jobs)
