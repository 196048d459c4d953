"""Rejection by fold … until against a loop with the same draws in f32."""
import numpy as np
from support import Draws, equal

F = np.float32


def data(bench):
    return {"args": ["--seed", 21]}


def area(b):
    return max(b[2] - b[0], F(0)) * max(b[3] - b[1], F(0))


def overlap(a, b):
    c = max(min(a[2], b[2]) - max(a[0], b[0]), F(0)) * max(min(a[3], b[3]) - max(a[1], b[1]), F(0))
    return c / (area(a) + area(b) - c)


def check(run):
    due = []
    for v in range(40):
        thing = (F(.1) + F(v % 5) * F(.1), F(.2), F(.6) + F(v % 7) * F(.05), F(.75))
        d = Draws(v, 21)
        for t in range(20):
            u = [d.uniform(f"box/uniform#{k}", a, b, t) for k, (a, b) in enumerate([(0, .5), (0, .5), (.2, .5), (.2, .5)])]
            box = [u[0], u[1], u[0] + u[2], u[1] + u[3]]
            iou = overlap(box, thing)
            if iou >= F(.4):
                break
        if iou >= F(.4):
            due.append((v, box, t + 1, iou))
    equal(run.all("index"), [x[0] for x in due], "index")
    equal(run.all("box"), np.array([x[1] for x in due], F), "box")
    equal(run.all("tries"), [x[2] for x in due], "tries")
    equal(run.all("iou"), np.array([x[3] for x in due], F), "iou")
