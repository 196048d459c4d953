"""decode_jpeg against Pillow, which decodes with the same library: whole pictures
and windows, of files that Pillow writes."""
import ctypes
import io
import os
import sys

import numpy as np
from PIL import Image, ImageFile

KERNELS = ctypes.CDLL(os.environ["KERNELS"])
I64, RANK = ctypes.c_int64, 8
ImageFile.MAXBLOCK = 1 << 22       # the encoder's buffer: noise needs much


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("dim", I64 * RANK), ("stride", I64 * RANK)]


class Region(ctypes.Structure):
    _fields_ = [("first", I64 * RANK), ("end", I64 * RANK)]


HOST = ctypes.create_string_buffer(4096)
KERNELS.host_init(HOST, I64(1 << 26), I64(1 << 30))


def tensor(array):
    return Tensor(array.ctypes.data, (I64 * RANK)(*array.shape), (I64 * RANK)(*array.strides))


def peek(data):
    h, w = I64(), I64()
    KERNELS.host_reset(HOST)
    code = KERNELS.decode_jpeg_peek(HOST, ctypes.byref(tensor(data)), I64(1), ctypes.byref(h),
                                    ctypes.byref(w))
    return None if code else (h.value, w.value)


def decode(data, window=None):
    """The picture or a window (top, bottom, left, right); None where it fails."""
    top, bottom, left, right = window or (0, peek(data)[0], 0, peek(data)[1])
    out = np.zeros((bottom - top, right - left, 3), np.uint8)
    region = Region((I64 * RANK)(top, left, 0), (I64 * RANK)(bottom, right, 3))
    KERNELS.host_reset(HOST)
    code = KERNELS.decode_jpeg(HOST, ctypes.byref(tensor(data)), I64(1),
                               ctypes.byref(region) if window else None,
                               ctypes.byref(tensor(out)))
    return None if code else out


def photo(rng, h, w):
    """Noise of many sizes: every coefficient is used."""
    x = np.zeros((h, w, 3), np.float32)
    for step in (1, 3, 9, 27):
        noise = rng.normal(128, 60, (-(-h // step), -(-w // step), 3))
        x += np.kron(noise, np.ones((step, step, 1)))[:h, :w] / 4
    return Image.fromarray(np.clip(x, 0, 255).astype(np.uint8))


def encode(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return np.frombuffer(out.getvalue(), np.uint8)


def oriented(n):
    exif = Image.Exif()
    exif[0x0112] = n
    return dict(exif=exif)


OPTIONS = [dict(subsampling=s, quality=q, **more) for s in (0, 1, 2) for q in (25, 75, 93)
           for more in ({}, dict(progressive=True), dict(optimize=True))]
OPTIONS += [oriented(n) for n in (1, 3, 6, 8)] + [dict(dpi=(300, 300), icc_profile=b"x" * 150000)]


def pictures():
    rng = np.random.default_rng(5)
    for options in OPTIONS:
        for h, w in ((1, 1), (17, 33), (90, 71), (375, 500)):
            image = photo(rng, h, w)
            for mode in ("RGB", "L"):
                mine = {k: v for k, v in options.items() if mode == "RGB" or k != "subsampling"}
                yield encode(image.convert(mode), **mine), f"{mode} {h}x{w} {mine}"


def test_whole():
    for data, what in pictures():
        due = np.asarray(Image.open(io.BytesIO(data.tobytes())).convert("RGB"))
        assert peek(data) == due.shape[:2], what
        assert np.array_equal(decode(data), due), what


def test_windows():
    rng = np.random.default_rng(6)
    for data, what in pictures():
        due = np.asarray(Image.open(io.BytesIO(data.tobytes())).convert("RGB"))
        for _ in range(8):
            top, left = (int(rng.integers(n)) for n in due.shape[:2])
            bottom, right = (int(rng.integers(a + 1, n + 1)) for a, n in
                             zip((top, left), due.shape[:2]))
            got = decode(data, (top, bottom, left, right))
            assert np.array_equal(got, due[top:bottom, left:right]), (what, top, left)


def test_other_colours_fail():
    rng = np.random.default_rng(7)
    data = encode(photo(rng, 40, 50).convert("CMYK"))
    assert peek(data) == (40, 50)
    assert decode(data) is None


def test_a_file_of_one_byte_is_called_short():
    assert peek(np.frombuffer(b"x", np.uint8)) is None
    assert b"too short for a JPEG file" in HOST.raw, HOST.raw


if __name__ == "__main__":
    for name, test in [(k, v) for k, v in globals().items() if k.startswith("test_")]:
        try:
            test()
            print(f"ok jpeg_pillow{name[4:]}")
        except AssertionError as error:
            print(f"FAIL jpeg_pillow{name[4:]} -- {str(error)[:300]}")
    sys.stdout.flush()
