"""Columns against split, int and log1p; bad rows are named."""
import numpy as np
from support import close, equal, need


def row(i):
    g = np.random.default_rng(i)
    dense = [b"" if g.random() < .2 else b"%d" % g.integers(-3, 10 ** int(g.integers(1, 7))) for _ in range(13)]
    sparse = [b"" if g.random() < .2 else b"%x" % g.integers(0, 1 << 32) for _ in range(26)]
    return b"\t".join([b"%d" % (i % 2), *dense, *sparse])


ROWS = [row(i) for i in range(23)]


def data(bench):
    return {"set": {"at": bench.file("c.tsv", b"\r\n".join(ROWS) + b"\n")}}


def check(run):
    columns = [r.split(b"\t") for r in ROWS]
    equal(run.all("label"), [int(c[0]) for c in columns], "label")
    close(run.all("dense"), [[np.log1p(max(int(v or 0), 0)) for v in c[1:14]] for c in columns], 1e-5, "dense")
    equal(run.all("sparse"), [[int(v or b"0", 16) for v in c[14:]] for c in columns], "sparse")


def more(bench):
    bad = list(ROWS[:8])
    bad[2], bad[5] = bad[2] + b"\t", bad[5].replace(b"\t", b"\tz", 1)
    so = bench.compile(bench.file("c.dsl", open(__file__.replace(".py", ".dsl")).read()), {})
    run = bench.run(so, {"at": bench.file("bad.tsv", b"\n".join(bad) + b"\n")}, ["--on-error", "skip"])
    equal([(r["index"], r["line"]) for r in run.report], [(2, 6), (5, 6)], "report")
    need("number of columns" in run.report[0]["reason"] and "a digit is wanted" in run.report[1]["reason"], run.report)
    equal(run.all("label"), [0, 1, 1, 1, 0, 0, 0, 1], "the next good row of the batch takes the place")
