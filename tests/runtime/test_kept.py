#!/usr/bin/python3
"""Order, batches, lanes, failures and state of feature_kept.c against a model of a
few lines, over threads, modes and budgets. Usage: test_kept.py PIPERT FOLDER [CC ...]"""
import json, pathlib, random, subprocess, sys
import numpy as np

pipert, folder = sys.argv[1], pathlib.Path(sys.argv[2])
cc = sys.argv[3:] or ["cc"]
here = pathlib.Path(__file__).resolve().parent
M64 = (1 << 64) - 1
LAST = ["drop", "partial", "pad", "wrap"]


def mix64(z):
    z &= M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def permutation(n, seed, epoch):
    key, b = mix64((mix64(seed) + epoch) & M64), max((n - 1).bit_length(), 1)
    lo, hi = b // 2, b - b // 2

    def once(x):
        L, R = x >> lo, x & ((1 << lo) - 1)
        for r in range(6):
            if r % 2 == 0:
                L ^= mix64(R ^ mix64((key + r) & M64)) & ((1 << hi) - 1)
            else:
                R ^= mix64(L ^ mix64((key + r) & M64)) & ((1 << lo) - 1)
        return L << lo | R

    out = []
    for p in range(n):
        x = once(p)
        while x >= n:
            x = once(x)
        out.append(x)
    return out


def hits(x, by, at):
    return by and x % by == at


def events(v, f, g):
    """(s, index) of rows and None for failures of the record v, in order."""
    if hits(v, g["bad_enter"], 3):
        return [None]
    if f["KEPT"] and v % 3 == 1:
        return []
    out = []
    leaf = lambda s: None if hits(s, g["bad_emit"], 1) else (s, v)
    if f["LEVELS"] == 1:
        return [leaf(100 * v)]
    for k in range(v % 5):
        s = 100 * v + 10 * k
        if hits(s, g["bad_child"], 2):
            out.append(None)
        elif f["KEPT"] and k == 2:
            pass
        elif f["LEVELS"] == 2:
            out.append(leaf(s))
        else:
            for m in range((v + k) % 3):
                out.append(None if hits(s + m, g["bad_child"], 2) else leaf(s + m))
    return out


def kept(order, f, g):
    """The batches of a feature with where or each: (rows, valid); failures."""
    n, lanes, last = f["BATCH"], f["LANES"], f["LAST"]
    batches, ends, bad = [], [], []
    for l in range(lanes):
        flow = [(e, v) for v in order[l::lanes] for e in events(v, f, g)]
        rows = [e for e, _ in flow if e]
        b = [(rows[k:k + n], n) for k in range(0, len(rows) - n + 1, n)]
        rest = rows[len(b) * n:]
        if rest and last == 1:
            b.append((rest, len(rest)))
        if rest and last == 2:
            b.append((rest + [(0, 0)] * (n - len(rest)), len(rest)))
        if rest and last == 3:
            b.append(((rest + rows * n)[:n], n))
        batches.append(b)
        done, marks = 0, []                       # failures by the batch in the making
        for e, v in flow:
            done += e is not None
            if e is None:
                marks.append((done // n, v))
        bad.append(marks)
    out, k = [], 0
    while k // lanes < len(batches[k % lanes]):
        out.append(batches[k % lanes][k // lanes])
        k += 1
    seen = [v for t in range(k + 1) for b, v in bad[t % lanes]
            if b == t // lanes or t == k and b > t // lanes]
    return out, seen


def fixed(order, f, g):
    n, last, bad = f["BATCH"], f["LAST"], []
    out = []
    for k in range(0, len(order), n):
        places = order[k:k + n]
        real = len(places)
        if real < n and last == 0:
            break
        if real < n and last == 3:
            places = (places + order * n)[:n]
        rows = [events(v, f, g)[0] for v in places]
        bad += [v for v, r in zip(places[:real], rows) if r is None]
        good = [next((rows[(i + d) % len(rows)] for d in range(len(rows)) if rows[(i + d) % len(rows)]), None) for i in range(len(rows))]
        if None in good:
            return out, bad, True
        if last == 2:
            good += [(0, 0)] * (n - real)
        out.append((good, n if last == 3 else real))
    return out, bad, False


def ragged(s):
    return [float(np.float32(s + i + 10 * j)) for i in range(s % 4) for j in range(s % 3)]


def build(f):
    name = "_".join(f"{k}{v}" for k, v in f.items())
    so = folder / f"{name}.so"
    if not so.exists():
        subprocess.run([*cc, "-O1", "-shared", "-fPIC", f"-I{here}/../../runtime",
                        *[f"-D{k}={v}" for k, v in f.items()], here / "feature_kept.c", "-o", so], check=True)
    return so


def run(so, g, *args, dump=None):
    argv = [pipert, "run", so, "--json", "--hash", "--quiet", "--on-error", "skip"]
    if "CUT1" in so.name:                          # one folder for all: what is of another feature is not taken
        argv += ["--cache", folder / "values"]
    for k, v in g.items():
        argv += ["--set", f"{k}={v}"]
    if dump:
        argv += ["--dump", dump]
    return subprocess.run([str(a) for a in [*argv, *args]], capture_output=True, text=True, timeout=60)


def result(p):
    if p.returncode:
        raise AssertionError(f"status {p.returncode}: {p.stderr}")
    return json.loads(p.stdout.splitlines()[-1])


def compare(dump, want, what):
    for k, (rows, valid) in enumerate(want):
        s = np.load(f"{dump}/s.{k:04}.npy")
        assert list(s) == [r[0] for r in rows], (what, k, list(s), rows)
        assert list(np.load(f"{dump}/i.{k:04}.npy")) == [r[1] for r in rows], (what, k)
        x, o = np.load(f"{dump}/x.{k:04}.npy"), np.load(f"{dump}/x.offsets.{k:04}.npy")
        shapes = np.load(f"{dump}/x.shapes.{k:04}.npy")
        for i, (r, _) in enumerate(rows):
            due = ragged(r) if i < valid else []
            assert list(x[o[i]:o[i + 1]]) == due, (what, k, i)
            assert list(shapes[i]) == ([r % 4, r % 3] if i < valid else [0, 0]), (what, k, i)
        total = np.load(f"{dump}/total.{k:04}.npy")
        assert list(total) == [sum(r[0] for r in rows), valid, k], (what, k, total)


def check(f, g, seed, epoch, count):
    so, what = build(f), (f, g, seed, epoch)
    order = permutation(g["n"], seed, epoch) if f["SHUFFLE"] else list(range(g["n"]))
    whole_bad = False
    if f["KEPT"] or f["LEVELS"] > 1:
        want, bad = kept(order, f, g)
    else:
        want, bad, whole_bad = fixed(order, f, g)
    dump, report = folder / f"d{count}", folder / f"r{count}"
    base = ["--seed", seed, "--epoch", epoch]
    p = run(so, g, *base, "--report", report, "--threads", 1, dump=dump)
    if whole_bad:
        assert p.returncode == 1, what
        return
    first = result(p)
    assert first["batches"] == len(want), (what, first, len(want))
    compare(dump, want, what)
    lines = [json.loads(x) for x in report.read_text().splitlines()]
    got = [x["index"] for x in lines if x["index"] >= 0]
    assert got == bad, (what, got, bad)
    assert first["bad_records"] == len(set(bad)), (what, first, len(set(bad)))
    where = [(x["index"], x.get("row")) for x in lines if x["index"] >= 0]
    assert len({str(x) for x in where}) == len(where), (what, where)
    for args in (["--threads", 2], ["--threads", 3, "--memory", "60KB"], ["--threads", 7],
                 ["--mode", "batch"], ["--mode", "debug"], ["--cpu", "plain"]):
        r = folder / f"r{count}b"
        assert result(run(so, g, *base, *args, "--report", r))["hash"] == first["hash"], (what, args)
        assert r.read_text() == report.read_text(), (what, args)
    p = run(so, g, *base, "--on-error", "fail", "--threads", 3)
    if bad:
        assert p.returncode == 1 and f"record {bad[0]} " in p.stderr and "--on-error skip" in p.stderr, (what, bad[0], p.stderr)
    else:
        assert result(p)["hash"] == first["hash"], (what, "fail")
        for args in (["--threads", 1], ["--threads", 7, "--memory", "60KB"], ["--mode", "batch"], ["--mode", "debug"]):
            assert result(run(so, g, *base, "--on-error", "fail", *args))["hash"] == first["hash"], (what, "fail", args)
    state, at, part, told, total = folder / f"s{count}", 0, 0, "", 0
    while at < len(want):                          # in three parts
        take = random.randint(1, max(1, len(want) - 1))
        d = folder / f"d{count}_{part}"
        r = folder / f"r{count}_{part}"
        j = result(run(so, g, *base, "--state", state, "--batches", take, "--threads", random.randint(1, 4), "--report", r, dump=d))
        got, told, total = j["batches"], told + r.read_text(), total + j["bad_records"]
        assert got == min(take, len(want) - at), (what, at, take, got, state.read_text())
        for k in range(got):
            assert list(np.load(f"{d}/s.{k:04}.npy")) == [r[0] for r in want[at + k][0]], (what, at + k, len(want), list(np.load(f"{d}/s.{k:04}.npy")), want[at+k])
        assert state.stat().st_size < 1024
        at, part = at + got, part + 1
    parts = [x for x in (json.loads(y)["index"] for y in told.splitlines()) if x >= 0]
    assert parts == bad[:len(parts)] and total == len(set(parts)), (what, parts, bad, total)


def stepped(order, f, g):
    """The batches of a feature with steps: each lane goes on from its start."""
    lanes, n = f["LANES"], f["BATCH"]
    rows = [[e for v in order[l::lanes] for e in events(v, f, g) if e] for l in range(lanes)]
    return [([rows[k % lanes][(k // lanes * n + i) % len(rows[k % lanes])] for i in range(n)], n) for k in range(f["STEPS"])]


def taken(so, g, base, world, rank, state, batches, dump):
    """Rows of some batches of a rank that goes on from `state`."""
    args = ["--world", world, "--rank", rank, "--threads", random.randint(1, 4), *(["--batches", batches] if batches is not None else [])]
    j = result(run(so, g, *base, *args, "--state", state, dump=dump))
    return [list(np.load(f"{dump}/s.{k:04}.npy")) for k in range(j["batches"])]


def ranks(f, g, seed, epoch, count):
    """The union over ranks is one stream, also when the world changes in between, from the states of all ranks or of one."""
    so, base = build(f), ["--seed", seed, "--epoch", epoch]
    want = [[r[0] for r in rows] for rows, _ in stepped(permutation(g["n"], seed, epoch), f, g)]
    for world, later, whole in ((1, 1, True), (2, 4, True), (4, 2, True), (4, 1, False), (1, 4, True), (2, 2, False)):
        what, first = (f, g, seed, epoch, world, later), random.randint(0, max(0, f["STEPS"] - later) // world)
        folder_of = lambda kind, w, r: folder / f"{kind}{count}_{world}{later}{w}{r}"
        states = [folder_of("state", world, r) for r in range(world)]
        parts = [taken(so, g, base, world, r, states[r], first, folder_of("a", world, r)) for r in range(world)] if first else [[]] * world
        got = [parts[k % world][k // world] for k in range(first * world)]
        text = "".join(s.read_text() for s in states) if first and whole else states[-1].read_text() if first else ""
        rest = []
        for r in range(later):
            state = folder_of("next", later, r)
            state.unlink(missing_ok=True)
            if text:
                state.write_text(text)
            rest.append(taken(so, g, base, later, r, state, None, folder_of("b", later, r)))
        assert len({len(x) for x in rest}) == 1, (what, [len(x) for x in rest])
        got += [rest[k % later][k // later] for k in range(len(rest[0]) * later)]
        fill = f["LAST"] == 3
        assert got[:len(want)] == want[:len(got)], (what, first, len(got))
        assert len(want) - len(got) < later and (fill or len(got) <= len(want)), (what, first, len(got), len(want))


def refused():
    """Worlds that cannot be; a lane that keeps nothing."""
    f = dict(LEVELS=1, LAST=0, LANES=4, KEPT=1, BATCH=5, SHUFFLE=0)
    g = dict(n=120, bad_enter=0, bad_child=0, bad_emit=0, doubt=3)
    for more, g, args, say in ((dict(STEPS=8), g, ["--world", 3], "does not divide the 4 lanes"), ({}, g, ["--world", 2], "steps = N"),
                               (dict(STEPS=8), {**g, "n": 2}, [], "no record of lane"), (dict(STEPS=8), {**g, "n": 3}, ["--world", 4, "--rank", 3], "lane 3")):
        p = run(build({**f, **more}), g, *args)
        assert p.returncode in (1, 2) and say in p.stderr, (more, args, p.returncode, p.stderr)
    return 4


def served():
    """All that was kept comes from the cache, of every epoch but the first, in memory too."""
    f = dict(LEVELS=1, LAST=0, LANES=1, KEPT=0, BATCH=5, SHUFFLE=1, CUT=1)
    so, g = build(f), dict(n=100, bad_enter=0, bad_child=0, bad_emit=0, doubt=0)
    memory = so.with_name("served.so")
    memory.write_bytes(so.read_bytes())
    for threads in (1, 4):
        for args in (["--cache", folder / f"served{threads}"], []):
            j = result(run(memory, g, "--epochs", 3, "--threads", threads, *args))
            assert 120 <= j["from_cache"] <= 200, (threads, args, j)      # an epoch begins before the last one ends
    return 1


def main():
    random.seed(5)
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for levels, last, lanes, keep in ((1, 0, 1, 0), (1, 1, 1, 0), (1, 2, 1, 0), (1, 3, 1, 0), (1, 1, 1, 1), (2, 0, 1, 1), (2, 2, 1, 0),
                                      (3, 1, 1, 1), (3, 3, 1, 1), (3, 2, 3, 1), (2, 3, 2, 1), (3, 0, 4, 1), (1, 1, 2, 1)):
        for batch in (7, 64) if lanes == 1 else (5,):
            f = dict(LEVELS=levels, LAST=last, LANES=lanes, KEPT=keep, BATCH=batch, SHUFFLE=count % 3 > 0)
            f["SHUFFLE"] = int(f["SHUFFLE"])
            cut = batch == 7 and (levels, last, keep) in ((1, 1, 0), (1, 1, 1), (2, 0, 1), (3, 1, 1))
            for bad, f["CUT"] in ((0, 0), (1, 0), (1, 1))[:2 + cut]:
                g = dict(n=300 if bad or batch == 64 else random.choice((0, 1, 6, 50, 300)), bad_enter=bad * 11, bad_child=bad * 17, bad_emit=bad * 13, doubt=3)
                check(f, g, random.randint(0, 99), random.randint(0, 9), count)
                count += 1
    for levels, lanes in ((2, 1), (3, 3)):         # records so large that few of them make a part
        f = dict(LEVELS=levels, LAST=1, LANES=lanes, KEPT=1, BATCH=7, SHUFFLE=1, CUT=0, WASTE=5 << 20)
        check(f, dict(n=40, bad_enter=11, bad_child=17, bad_emit=13, doubt=3), 7, 1, count)
        count += 1
    for levels, last, keep, steps, bad in ((1, 0, 1, 8, 0), (2, 1, 1, 40, 1), (3, 3, 1, 170, 1), (2, 3, 0, 21, 0), (1, 0, 1, 3, 1)):
        f = dict(LEVELS=levels, LAST=last, LANES=4, KEPT=keep, BATCH=5, SHUFFLE=1, STEPS=steps, CUT=count % 2)
        g = dict(n=120, bad_enter=bad * 11, bad_child=bad * 17, bad_emit=bad * 13, doubt=3)
        ranks(f, g, random.randint(0, 99), random.randint(0, 9), count)
        count += 1
    count += refused() + served()
    print(f"{count} passed, 0 failed")


main()
