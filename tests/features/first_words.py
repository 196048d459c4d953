"""The first words, parts and letters of lines against slices of lists; digits behind them harm nobody."""
import re

from support import equal, need

LINES = ["the quick  brown fox jumps over", "", "not this one", "a", "   ", "one two three", "four words are here", "letters 4 and 5",
         "lettersandmore 6", "x 7 y", "8", "no 9", "7 x", "end"]


def data(bench):
    return {"set": {"at": bench.file("t.txt", "\n".join(LINES) + "\n")}, "args": ("--on-error", "skip")}


def letters(line):
    """Those that are read, or None if a digit stands before one of them."""
    found = [(m.start(), m.group()) for m in re.finditer("[a-z]", line)]
    digit = re.search("[0-9]", line)
    wanted = found[:5]
    return None if digit and any(at > digit.start() for at, _ in wanted) else [ord(c) for _, c in wanted]


def check(run):
    lines = [line for i, line in enumerate(LINES) if i != 2]
    good = [line for line in lines if letters(line) is not None]
    equal(run.json["bad_records"], 2, "bad records")
    for i, line in enumerate(good):
        spans, stops = [m.span() for m in re.finditer(r"\S+", line)][:3], [m.start() for m in re.finditer(" |$", line)][:4]
        due = {"few": spans, "long": [b - a for a, b in spans], "parts": stops + [-1] * (4 - len(stops)), "first": letters(line) + [0] * (5 - len(letters(line))),
               "more": [len(re.findall("[a-z]", line)) > 7]}
        for name, d in due.items():
            got = run.rows(name)[i] if name + ".offsets" in run.fields else run.all(name)[i]
            equal(got.reshape(-1), sum(map(list, d), []) if name == "few" else d, f"{name} of {line}")


def more(bench):
    dsl, so = __file__.replace(".py", ".dsl"), bench.fresh("f").with_suffix(".so")
    graph = bench.sh(bench.bin / "pipec", dsl, "-o", so, "--dump=stops").stderr
    need(graph.count(" stop most") == 2 and graph.count(" stop 4") == 1 and graph.count(" stop 8") == 1, f"stops: {graph}")
