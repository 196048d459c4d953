#!/usr/bin/python3
"""Files of which only what is used is read, by a feature that asks for pieces of them, against Python's own reads.
Usage: test_parts.py PIPERT FOLDER [space: address space may be limited]"""
import json, pathlib, random, resource, subprocess, sys
import numpy as np

pipert, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
here = pathlib.Path(__file__).resolve().parent
passed = 0
HEAD, LEAST = 65536, 256 << 10


def build(where, each):
    so = folder / f"part{where}{each}.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", f"-I{here}/../../runtime", f"-DWHERE={where}", f"-DEACH={each}", "-DBATCH=3",
                    here / "feature_part.c", "-o", so], check=True)
    return so


def run(so, root, *args, good=True, limit=None):
    """The pieces of each record and what the run told; or its status and message."""
    global passed
    passed += 1
    dump = folder / f"dump{passed}"
    argv = [pipert, "run", so, "--set", f"root={root}", "--json", "--dump", dump, "--report", folder / "report", *args]
    space = (lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))) if limit else None
    p = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=300, preexec_fn=space)
    if not good:
        return p.returncode, p.stderr
    assert not p.returncode, p.stderr
    out, k = [], 0
    while (dump / f"pieces.{k:04}.npy").exists():
        v, o = np.load(dump / f"pieces.{k:04}.npy"), np.load(dump / f"pieces.offsets.{k:04}.npy")
        out, k = out + [v[o[i]:o[i + 1]].tobytes() for i in range(len(o) - 1)], k + 1
    return out, json.loads([x for x in p.stdout.splitlines() if "bytes_read" in x][-1])["bytes_read"]


def make(root, name, how, size, ranges):
    """A file, and the bytes that it asks for."""
    text = (how + "".join(f" {a} {b}" for a, b in ranges) + "\n").encode()
    data = text + random.randbytes(max(size - len(text), 0))
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(data)
    return b"".join(data[max(a, 0):b] for a, b in ranges if max(a, 0) < min(b, len(data)))


def some_ranges(size, most):
    places = [0, 1, HEAD - 1, HEAD, HEAD + 1, size - 1, size, size + 1, -5, size // 2]
    out = []
    for _ in range(random.randrange(most)):
        a = random.choice(places) if random.random() < .4 else random.randrange(size)
        out.append((a, a + random.choice([0, 1, 7, 4096, 5000, 70000, -3])))
    return out


def test_pieces(so):
    root = folder / f"pieces{so.stem}"
    sizes = [30, HEAD - 1, HEAD, HEAD + 1, LEAST, LEAST + 1, LEAST + 4096, 1 << 20, 5000001]
    due = [make(root, f"{i:02}", random.choice(["go", "go", "suspect"]), n, some_ranges(n, 30))
           for i, n in enumerate(random.choices(sizes, k=40))]
    for args in ([], ["--threads", 2], ["--mode", "debug"], ["--mode", "batch"], ["--process"], ["--memory", "30000000"], ["--cpu", "plain"]):
        got, _ = run(so, root, *args)
        assert got == due, f"{so.stem} {args}: record {[a == b for a, b in zip(got, due)].index(False)} of {len(got)} differs"
    if "space" in sys.argv:
        got, _ = run(so, root, limit=6 << 30)
        assert got == due, "little address space"


def test_bytes(so):
    """What is read is the head and the pieces, by whole pages; what gives up is read whole."""
    root, size = folder / f"bytes{so.stem}", 4000000
    due = [make(root, f"{i}", "go", size, [(1000000, 1000010), (3000000, 3004096), (3000100, 3000200)]) for i in range(9)]
    got, read = run(so, root)
    assert got == due and read == 9 * (HEAD + 4096 + 2 * 4096), read
    got, read = run(so, root, "--cpu", "plain")
    assert got == due and read == 9 * size, read
    root = folder / f"suspect{so.stem}"
    due = [make(root, f"{i}", "suspect", size, [(1000000, 1000010)]) for i in range(9)]
    got, read = run(so, root)
    assert got == due and read == 9 * size, read


def test_most_is_used(so):
    """Files of which most is used are read whole after a while, ahead of what computes."""
    root = folder / f"most{so.stem}"
    due = [make(root, f"{i:02}", "go", 1 << 20, [(0, 900000)]) for i in range(40)]
    got, read = run(so, root, "--epochs", 4)
    assert got == 4 * due and read > 160 * 900000 + (10 << 20), read


def test_changed(so):
    """A file that changes between its head and what is needed is a record that cannot be read."""
    for how, why in ("shorten", "it was changed after"), ("remove", "No such file"), ("touch", "it was changed after"), ("replace", "it was changed after"):
        def again():
            root = folder / f"{how}{so.stem}"
            return root, [make(root, f"{i}", how if i % 3 == 1 else "go", 1 << 20, [(100, 200), (500000, 600000)]) for i in range(6)]
        root, due = again()
        got, _ = run(so, root, "--on-error", "skip")
        kept = [d for i, d in enumerate(due) if i % 3 != 1]
        assert [g for g in got if g in kept] == got and set(got) == set(kept), how
        report = list(map(json.loads, (folder / "report").read_text().splitlines()))
        assert [(r["index"], pathlib.Path(r["path"]).name, r["line"]) for r in report] == [(1, "1", 2), (4, "4", 2)], report
        assert all(f"cannot be read: {why}" in r["reason"] for r in report), report
        root, _ = again()
        status, said = run(so, root, good=False)
        assert status == 1 and f"{root}/1" in said and f"cannot be read: {why}" in said, said


folder.mkdir(parents=True, exist_ok=True)
random.seed(5)
for feature in (build(w, e) for w in (0, 1) for e in (0, 1)):
    test_pieces(feature)
    test_bytes(feature)
    test_most_is_used(feature)
    test_changed(feature)
print(f"{passed} passed, 0 failed")
