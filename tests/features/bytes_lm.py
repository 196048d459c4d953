"""examples/bytes_lm.dsl against slices of bytes."""
import numpy as np
from support import equal

DSL = "../../examples/bytes_lm.dsl"
LIMIT, BATCH = 11, 3
LINES = [b"", b"first line", b"x", b"much longer than the limit", b"\xff\x00\x80", b"", b"exactly 11!", b"and twelve??", b"tab\there", b"end"]


def data(bench):
    return {"set": {"corpus": bench.file("corpus.txt", b"\n".join(LINES)), "limit": LIMIT}, "D": {"batch": BATCH}}


def pairs():
    cut = [list(x[:LIMIT]) for x in LINES if x]
    return [([256] + x, x + [257]) for x in cut][:len(cut) // BATCH * BATCH]


def check(run):
    rows = pairs()
    for k in range(len(rows) // BATCH):
        part = rows[k * BATCH:(k + 1) * BATCH]
        most = max(len(a) for a, _ in part)
        for field, side, fill in (("input", 0, 0), ("target", 1, -1)):
            equal(run.fields[field][k], [p[side] + [fill] * (most - len(p[side])) for p in part], f"{field} {k}")
        equal(run.fields["length"][k], [len(a) for a, _ in part], f"length {k}")
    equal(len(run.fields["input"]), len(rows) // BATCH, "batches")
    equal(run.fields["input"][0].dtype == np.int16, True, "i16")
