"""Mixup against NumPy f32; its draws belong to the number of the batch."""
import numpy as np
from support import Draws, equal, shuffled

F = np.float32


def data(bench):
    return {"args": ["--seed", 4, "--epoch", 1]}


def check(run):
    order = np.array(shuffled(22, 4, 1))[:20].reshape(4, 5)
    for k, values in enumerate(order):
        d = Draws(k, 4, 1)
        part, p = d.uniform("part/uniform#0", .5, 1), d.permutation("partner/permutation#0", 5)
        x = (values[:, None, None] * np.arange(1, 4)[:, None]).astype(F) / np.arange(1, 5, dtype=F)
        hot = (values[:, None] % 4 == np.arange(4)).astype(F)
        equal(run.fields["mixed"][k], part * x + (1 - part) * x[p], "mixed")
        equal(run.fields["target"][k], part * hot + (1 - part) * hot[p], "target")
        equal(np.ravel(run.fields["part"][k]), [part], "part")
