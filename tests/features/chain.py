"""A chain that is the user's own from end to end, against NumPy; `explain` keeps no picture."""
import json
import numpy as np
from support import equal, need

N = 6


def data(bench):
    return {"set": {}}


def check(run):
    for v in range(N):
        i, j, k = np.meshgrid(np.arange(300 + v), np.arange(250), np.arange(3), indexing="ij")
        x = (i * (k + 3) + j * (7 - k) + v * 50).astype(np.uint8).astype(int)
        y = np.pad(x, ((1, 1), (0, 0), (0, 0)), mode="edge")
        y = y[2:] - y[:-2] + np.pad(x, ((0, 0), (1, 0), (0, 0)), mode="edge")[:, :-1]
        top = (300 + v - 200) // 2
        equal(run.all("image")[v], (y[:, ::-1] + 255)[top:top + 200, 25:225] * np.float32(.5), f"image of {v}")


def more(bench):
    said = json.loads(bench.sh(bench.bin / "pipec", "explain", __file__.replace(".py", ".dsl"), "--json").stdout)
    kept = {x["name"]: x for x in said["tensors"] if x["way"] != "inline"}
    need([kept[n]["way"] for n in ("image", "ripple")] == ["slot", "window"], f"ways: {kept}")
    need(not [x for x in kept.values() if x["way"] in ("whole", "table") and len(x["shape"]) > 1], f"whole: {kept}")
    need([c["kernel"] for c in said["crops"]] == ["ripple"] and said["crops"][0]["dimensions"] == [0, 1], f"crops: {said['crops']}")
