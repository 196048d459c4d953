"""std/tensor against NumPy."""
import numpy as np
from support import close, equal


def data(bench):
    return {}


def check(run):
    for v in range(12):
        x, f = (7 * np.arange(v + 3) + v) % 10, ((3 * np.arange(5) + v) % 7).astype(np.float32) / 2
        m = v * np.arange(2)[:, None] - np.arange(3)
        due = {"down": x[::-1], "around": np.roll(m, 1, 0), "turned": m.T, "both": np.append(x, [v, -1]), "fixed": np.append(x, [99] * 8)[:8] if v < 6 else x[:8],
               "few": x[:6], "hot": np.eye(4)[v % 4], "bucket": np.searchsorted([1, 4, 4, 8], x, "left"), "low": np.clip(x, 2, 6), "total": np.cumsum(x),
               "places": np.argsort(x, kind="stable"), "ordered": np.sort(f), "mirror": np.pad(np.arange(5), 3, mode="reflect")}
        for name, d in due.items():
            got = run.rows(name)[v] if name + ".offsets" in run.fields else run.all(name)[v]
            equal(got, d, f"{name} of {v}")
        close(run.all("line")[v], np.linspace(-1, v, 5), 1e-5, "line")
