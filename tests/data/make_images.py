#!/usr/bin/python3
"""make_images.py DIR [-n 2000] [--seed 1] [--classes 10] [--jobs CORES]

A folder of JPEG files with the statistics of photographs, in one sub-folder
per class: power that falls with the square of the frequency, objects with edges that
hide one another, correlated colours, 4:2:0, around 500 x 375 and 100 KB. A few
are gray, progressive, small, large, of another subsampling, or carry an EXIF
orientation. The same arguments give the same pixels; a folder that was made with
the same arguments is left alone.
"""
import argparse
import io
import multiprocessing
import os
import pathlib
import sys

import numpy as np
from PIL import Image, ImageFile

SIDE = 1536             # of a noise field; textures are cut out of them
FIELDS = 6
ImageFile.MAXBLOCK = 1 << 22        # the buffer of Pillow's encoder
SIZES = [(375, 500, 38), (500, 375, 14), (333, 500, 12), (500, 333, 4), (334, 500, 4),
         (500, 500, 6), (480, 640, 6), (400, 600, 3), (281, 500, 4), (240, 320, 3),
         (160, 213, 2), (375, 380, 2), (768, 1024, 2)]       # height, width, parts of 100


def noise_field(rng):
    """Gaussian noise of mean 0 and variance 1 whose amplitude falls as 1/f."""
    f = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    f[0, 0] = 1
    spectrum = rng.standard_normal(f.shape) + 1j * rng.standard_normal(f.shape)
    spectrum /= np.maximum(f, 2 / SIDE) ** 1.05
    spectrum[0, 0] = 0
    x = np.fft.irfft2(spectrum, (SIDE, SIDE))
    return (x / x.std()).astype(np.float32)


def cut(rng, fields, h, w):
    """A window of a random field, at a random place, turned one of eight ways."""
    field = fields[rng.integers(len(fields))]
    top, left = rng.integers(SIDE - h + 1), rng.integers(SIDE - w + 1)
    turn = rng.integers(8)
    part = field.T[top:top + h, left:left + w] if turn & 1 else field[top:top + h, left:left + w]
    return part[::-1 if turn & 2 else 1, ::-1 if turn & 4 else 1]


def colour(rng):
    """One for an object: luma spread wide, chroma narrow, as in photographs."""
    luma = rng.uniform(30, 215)
    blue, red = rng.normal(0, 11), rng.normal(0, 11)
    return np.array([luma + 1.4 * red, luma - .34 * blue - .71 * red, luma + 1.77 * blue],
                    np.float32)


def surface(rng, fields, h, w):
    """A coloured texture in planes: one field for luma, a weaker one for a hue."""
    luma = cut(rng, fields, h, w) * np.float32(rng.uniform(12, 38))
    hue = cut(rng, fields, h, w) * np.float32(rng.uniform(2, 9))
    tint = rng.normal(0, 1, 3).astype(np.float32)
    tint -= tint.mean()
    light = 1 + rng.normal(0, .06, 3).astype(np.float32)
    base = colour(rng)
    return np.stack([base[k] + luma * light[k] + hue * tint[k] for k in range(3)])


def blob(rng, fields, h, w):
    """A mask with an uneven outline, and its bounding box."""
    ch, cw = rng.uniform(0, h), rng.uniform(0, w)
    size = min(h, w) * rng.uniform(.08, .42)
    reach = int(size * 1.6) + 2
    top, left = max(int(ch) - reach, 0), max(int(cw) - reach, 0)
    bottom, right = min(int(ch) + reach, h), min(int(cw) + reach, w)
    y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
    angle, squeeze = rng.uniform(0, np.pi), rng.uniform(.5, 1)
    u = (x - cw) * np.cos(angle) + (y - ch) * np.sin(angle)
    v = ((y - ch) * np.cos(angle) - (x - cw) * np.sin(angle)) / squeeze
    edge = np.hypot(u, v) / size + .12 * cut(rng, fields, bottom - top, right - left)
    soft = np.float32(size * rng.choice([.9, .5, .08]))
    return np.clip((1 - edge) * soft + .5, 0, 1), (top, bottom, left, right)


def picture(rng, fields, h, w):
    image = surface(rng, fields, h, w)
    for _ in range(rng.integers(3, 11)):
        mask, (top, bottom, left, right) = blob(rng, fields, h, w)
        part = image[:, top:bottom, left:right]
        part += mask * (surface(rng, fields, bottom - top, right - left) - part)
    return np.clip(image, 0, 255, out=image).astype(np.uint8).transpose(1, 2, 0)


def options_of(rng):
    options = dict(quality=int(rng.choice([88, 92, 92, 92, 95])), subsampling=2)
    kind = rng.random()
    if kind < .02:
        options["progressive"] = True
    elif kind < .05:
        options["subsampling"] = int(rng.integers(2))
    elif kind < .08:
        options["optimize"] = True
    if rng.random() < .04:
        exif = Image.Exif()
        exif[0x0112] = int(rng.integers(2, 9))      # Orientation
        options["exif"] = exif
    return options


def encode(rng, fields):
    h, w, _ = SIZES[rng.choice(len(SIZES), p=[s[2] / 100 for s in SIZES])]
    image = Image.fromarray(picture(rng, fields, h, w))
    options = options_of(rng)
    if rng.random() < .02:
        image = image.convert("L")
        options.pop("subsampling")
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def start_worker(seed):
    global FIELD_POOL
    rng = np.random.default_rng([seed, 0])
    FIELD_POOL = [noise_field(rng) for _ in range(FIELDS)]


def write_one(job):
    path, seed, index = job
    data = encode(np.random.default_rng([seed, 1, index]), FIELD_POOL)
    path.write_bytes(data)
    return len(data)


def progress(done, n, bytes_so_far):
    if sys.stderr.isatty() and (done % 20 == 0 or done == n):
        end = "\n" if done == n else ""
        print(f"\r{done} of {n} images, {bytes_so_far / 1e6:.0f} MB", end=end,
              file=sys.stderr, flush=True)


def make(folder, n, seed, classes, jobs):
    stamp, want = folder / "made", f"images 1 {n} {seed} {classes}\n"
    if stamp.exists() and stamp.read_text() == want:
        return
    for k in range(classes):
        (folder / f"class_{k:02}").mkdir(parents=True, exist_ok=True)
    todo = [(folder / f"class_{i % classes:02}" / f"{i:06}.jpg", seed, i) for i in range(n)]
    total = 0
    with multiprocessing.Pool(jobs, start_worker, (seed,)) as pool:
        for done, size in enumerate(pool.imap_unordered(write_one, todo, 16), 1):
            total += size
            progress(done, n, total)
    stamp.write_text(want)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("-n", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args()
    make(given.folder, given.n, given.seed, given.classes, given.jobs)
