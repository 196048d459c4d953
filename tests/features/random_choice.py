"""A blur by chance, three functions in a drawn order, choices: with our draws in NumPy."""
import numpy as np
from support import Draws, close, equal

F = np.float32


def data(bench):
    return {"args": ["--seed", 8]}


def blur(x, taps, sigma):
    r = taps // 2
    k = np.exp(-.5 * (np.arange(-r, r + 1) / sigma) ** 2)
    for axis in (0, 1):
        p = np.pad(x, [(r, r) if a == axis else (0, 0) for a in range(3)], mode="reflect")
        x = sum(v * np.take(p, range(t, t + x.shape[axis]), axis) for t, v in enumerate(k / k.sum()))
    return x


STEPS = [lambda x: x * F(2), lambda x: x + F(1), lambda x: x[::-1] - F(3) * x]


def check(run):
    i, j, k = np.ogrid[0:12, 0:9, 0:2]
    blurred = 0
    for v in range(60):
        d, x = Draws(v, 8), ((v + 3 * i + 5 * j + 7 * k) % 11).astype(F)
        soft = d.chance("soft/random_apply#0", .3)
        blurred += soft
        close(run.all("soft")[v], blur(x.astype(float), 5, 1.5) if soft else x, 1e-5 if soft else 0, "soft")
        y = x
        for s in d.permutation("mixed/random_order3#0/permutation#0", 3):
            y = STEPS[s](y)
        equal(run.all("mixed")[v], y, "mixed")
        equal(run.all("pick")[v], [[1, 2], [30, 40], [500, v]][d.randint("pick/choice#0/randint#0", 0, 3)], "pick")
        u = d.uniform("likely/weighted_choice#0/uniform#0") * F(10)
        equal(run.all("likely")[v], np.searchsorted([1, 1, 4, 10], u, "right"), "likely")
    equal(8 < blurred < 30, True, f"{blurred} of 60 were blurred")
