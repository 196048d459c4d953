"""A flip from top to bottom over rows that come from the top: right values, and as little memory as without it."""
import numpy as np
from support import equal, need

TALL = {"rows": 150000, "step": 5000}     # 29 MB each, if they were kept


def data(bench):
    return {"set": {"turned": "0"}}


def check(run):
    for v in range(4):
        h = 900 + v
        i, j, k = np.meshgrid(np.arange(h), np.arange(64), np.arange(3), indexing="ij")
        x = (i * (k + 3) + j * (7 - k) + v * 50).astype(np.uint8).astype(int)
        y = np.pad(x, ((1, 1), (0, 0), (0, 0)), mode="edge")
        y = np.pad(y[2:] - y[:-2], ((1, 1), (0, 0), (0, 0)), mode="edge")
        y = y[2:] + y[1:-1] + y[:-2]
        equal(run.all("image")[v], (y[::-1] if v % 2 == 0 else y)[:24 * 30:30], f"image of {v}")


def more(bench):
    so = bench.compile(__file__.replace(".py", ".dsl"), {})
    rss = [bench.run(so, {**TALL, "turned": t}, ["--threads", "1"]).json["rss_peak_bytes"] for t in (0, 1)]
    need(max(rss) < 29e6, f"RSS of forwards and backwards: {rss}")
