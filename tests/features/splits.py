"""Loops that are split where their bodies choose by the index, against lists of Python."""
from support import equal, need

HUGE = 2 ** 63


def data(bench):
    return {"args": ("--on-error", "skip")}


def due(value):
    n, a, v = value % 9, value % 7 - 3, value % 17 - 6
    huge = HUGE - 1 if value % 3 == 0 else -HUGE
    some, x = range(a, a + n), [i * value for i in range(20)]
    return {"lt": [i * 3 if i < v else i + value for i in some], "le": [2 * (i * 3 if i <= v else i + value) for i in some],
            "gt": [i * 3 if i > v else i + value for i in some], "ge": [i * 3 if v >= i else i + value for i in some],
            "eq": [i * 3 if i == v else i + value for i in some], "far": [i if huge > 0 else -i for i in some],
            "further": [-i if huge > 0 else 2 * i for i in some], "two": [i if j in (v, 3) else j + value for i in range(6) for j in some],
            "padded": [-1] * 3 + x + [-1] * 3, "first": [7 if i == 0 else x[i - 1] for i in range(n)], "last": x[1:] + x[:1],
            "fails": [x[i] if i == 40 // (value - 30) else value for i in range(n)]}


def check(run):
    values = [v if v != 30 else 31 for v in range(60)]      # 40 // 0 fails: the next record takes its place
    for name in due(1):
        rows = run.all(name) if name in ("padded", "last") else run.rows(name)
        equal(len(rows), len(values), name)
        for v, row in zip(values, rows):
            equal(row.ravel().tolist(), due(v)[name], f"{name} of {v}")
    equal(run.json["bad_records"], 1, "bad records")


def more(bench):
    dsl, so = __file__.replace(".py", ".dsl"), bench.fresh("f").with_suffix(".so")
    loops = [bench.sh(bench.bin / "pipec", dsl, "-o", so, "--dump=loops", *o).stderr.count("\n  for ") for o in ((), ("--no-pass=splits",))]
    need(loops[0] > loops[1], f"loops that stand outside of others: {loops}")
