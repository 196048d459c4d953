"""Rows of pixels of two, three and four channels, against NumPy; all values are exact in f32."""
import numpy as np
from support import equal

N, H, W = 5, 20, 37


def data(bench):
    return {"set": {}}


def doubled(y):
    return np.minimum(y * 2, 1)


def mixed(y):
    g = y[..., 1]
    return np.stack([y[..., 2], y[..., 0], np.where(g > .5, g, 1 - g)], -1)


def smooth(x):
    weight = np.array([.125, .25, .25, .25, .125], np.float32)
    h, w = x.shape[:2]
    y = np.pad(x, ((0, 0), (2, 2), (0, 0)), mode="reflect")
    across = sum(weight[t] * y[:, t:t + w] for t in range(5))
    y = np.pad(across, ((2, 2), (0, 0), (0, 0)), mode="reflect")
    return sum(weight[t] * y[t:t + h] for t in range(5))


def index(h, w, c):
    return np.meshgrid(np.arange(h), np.arange(w), np.arange(c), indexing="ij")


def check(run):
    i, j, k = index(H, W, 3)
    a, b, c = index(5, W, 2)
    p, q, r = index(5, W, 4)
    for v in range(N):
        x = ((i * 7 + j * 5 + k * 3 + v * 11) % 32 / 32).astype(np.float32)
        two = ((a + b * 3 + c + v) * .5).astype(np.float32)
        four = ((p * 9 + q * 3 + r * 50 + v) % 256).astype(np.uint8)
        y = x
        for t in range(4):
            y = [doubled, mixed, lambda y: y[:, ::-1]][(t + v) % 3](y)
        grey = x if v % 2 else np.repeat((x[..., :1] * .5 + x[..., 1:2] * .25 + x[..., 2:] * .25), 3, 2)
        equal(run.all("step")[v], y, f"step of {v}")
        equal(run.all("total")[v], (x[:, :32, 0] + x[:, :32, 2]).sum(), f"total of {v}")
        equal(run.all("soft")[v], smooth(y), f"soft of {v}")
        equal(run.all("turned")[v], (smooth(y) - x[:, ::-1]).transpose(2, 0, 1), f"turned of {v}")
        equal(run.all("softer")[v], smooth(grey), f"softer of {v}")
        equal(run.all("pairs")[v], np.stack([two[..., 1], two[..., 0] * 2], -1), f"pairs of {v}")
        equal(run.all("level")[v], np.rint(four[..., ::-1] * np.float32(.5)).astype(np.uint8), f"level of {v}")
        equal(run.all("order")[v], four[..., 2::-1], f"order of {v}")
