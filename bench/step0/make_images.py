"""JPEG files of natural statistics for step0: make_images.py DIR [N]

Luma with a 1/f spectrum, chroma weaker and smoother, colours correlated;
500x375, 4:2:0, about 100 KB. Seeded: the same files on every machine."""
import io
import os
import sys
import numpy as np
from PIL import Image

W, H = 500, 375


def noise(rng, power):
    fy = np.fft.fftfreq(H)[:, None]
    fx = np.fft.rfftfreq(W)[None, :]
    f = np.sqrt(fy * fy + fx * fx)
    f[0, 0] = 1
    phase = rng.uniform(0, 2 * np.pi, f.shape)
    field = np.fft.irfft2(np.exp(1j * phase) * rng.rayleigh(1, f.shape) / f ** power, (H, W))
    return (field - field.mean()) / field.std()


def picture(rng):
    y = 118 + 50 * noise(rng, rng.uniform(0.95, 1.15))
    a = 18 * noise(rng, 1.2)
    b = 14 * noise(rng, 1.2)
    rgb = np.stack([y + a, y - 0.4 * a - 0.2 * b, y + b], axis=2)
    return Image.fromarray(np.clip(np.rint(rgb), 0, 255).astype(np.uint8))


def encode(image, quality):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=2)
    return out.getvalue()


def main():
    folder, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    os.makedirs(folder, exist_ok=True)
    for i in range(n):
        rng = np.random.default_rng(1000 + i)
        image, target = picture(rng), rng.normal(100e3, 20e3)
        best = min((encode(image, q) for q in range(78, 98, 3)), key=lambda d: abs(len(d) - target))
        with open(f"{folder}/{i:04}.jpg", "wb") as out:
            out.write(best)


main()
