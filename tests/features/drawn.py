"""`sample`: splitmix64's values choose the records, and the place makes the id of a record that is drawn."""
import numpy as np
from support import GOLDEN, M64, Draws, equal, mix64, need

SEED, EPOCH, N = 7, 2, 13


def data(bench):
    return {"args": ["--seed", SEED, "--epoch", EPOCH, "--on-error", "skip"]}


def check(run):
    key = mix64((mix64(SEED) + EPOCH) & M64)
    drawn = [(p, mix64((key + (p + 1) * GOLDEN) & M64) * N >> 64) for p in range(3, 53)]
    need(len({i for _, i in drawn}) < len(drawn), "nothing is drawn twice")
    bad = [(i, p) for p, i in drawn if i == 4]
    need([(r["index"], r["place"]) for r in run.report] == bad, f"report: {run.report}, {bad}")
    rows = [(i, p) for p, i in drawn if i not in (4, 7)]
    equal(run.all("i"), np.array([i for i, _ in rows]), "i")
    ids = [mix64((i * GOLDEN + p + 1) & M64) for i, p in rows]
    equal(run.all("u"), np.array([Draws(d, SEED, EPOCH).uniform("u/uniform#0", 0, 1) for d in ids], np.float32), "u")
