"""Which records pass wheres of different cost; a cheap one is asked first where nobody can tell."""
from support import equal, need


def data(bench):
    return {"args": ("--on-error", "skip")}


def passes(v):
    half = v // 2
    return sum(v * i % 7 for i in range(50)) * .5 > 73.4 and half % 3 != 0 and half % 4 < 3 and [4, 5, 6][half % 4] > 4 and v % 5 != 1


def fails(v):
    half = v // 2
    return sum(v * i % 7 for i in range(50)) * .5 > 73.4 and half % 3 != 0 and half % 4 == 3


def check(run):
    due = [v for v in range(900) if passes(v)]
    need(50 < len(due) < 800, f"{len(due)} records")
    equal(run.all("y"), due, "y")
    equal(run.json["bad_records"], sum(map(fails, range(900))), "bad records")


def more(bench):
    dsl, so = __file__.replace(".py", ".dsl"), bench.fresh("f").with_suffix(".so")
    graph = [bench.sh(bench.bin / "pipec", dsl, "-o", so, "--dump=filters", f"--reorder={o}").stderr.split("where\n") for o in ("exact", "off")]
    need(len(graph[1]) == 1, "the pass runs with --reorder=off")
    need("% 3" in graph[0][1] and "dear >" in graph[0][-1], f"order: {graph[0]}")
