#!/usr/bin/python3
"""The sources against Python's own readers. Usage: test_sources.py PIPERT FOLDER [CC ...]"""
import csv, ctypes, ctypes.util, io, json, os, pathlib, random, struct, subprocess, sys
import numpy as np

pipert, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
cc = sys.argv[3:] or ["cc"]
here = pathlib.Path(__file__).resolve().parent
passed = 0


def build(name, source, inputs, nargs=1, columns=None, read=None, **more):
    so = folder / f"{name}.so"
    rows = lambda l: ",".join('{"%s",PL_%s,%d}' % (n, t.upper() if t != "bytes" else "U8", t == "bytes") for n, t in l)
    d = dict(SOURCE=f'"{source}"', INPUTS=rows(inputs), NARGS=nargs, **more)
    if columns:
        d["COLUMNS"] = rows(columns)
    if read:
        d["READ"] = f'"{read}"'
    subprocess.run([*cc, "-O1", "-shared", "-fPIC", f"-I{here}/../../runtime", *[f"-D{k}={v}" for k, v in d.items()],
                    here / "feature_source.c", "-o", so], check=True)
    return so, [n for n, _ in inputs]


def run(so, root, *args, pattern=None, check=True):
    global passed
    passed += 1
    dump = folder / f"dump{passed}"
    argv = [pipert, "run", so[0], "--set", f"root={root}", "--json", "--quiet", "--dump", dump, "--report", folder / "report"]
    argv += ["--set", f"pattern={pattern}"] if pattern else []
    p = subprocess.run([str(a) for a in [*argv, *args]], capture_output=True, text=True, timeout=120)
    if p.returncode:
        if check:
            raise AssertionError(f"status {p.returncode}: {p.stderr}")
        return p.stderr
    out = {}
    for n in so[1]:
        rows, k = [], 0
        while (dump / f"{n}.{k:04}.npy").exists():
            v, o = np.load(dump / f"{n}.{k:04}.npy"), dump / f"{n}.offsets.{k:04}.npy"
            if o.exists():
                o = np.load(o)
                rows += [v[o[i]:o[i + 1]].tobytes() for i in range(len(o) - 1)]
            else:
                rows += v.tolist()
            k += 1
        out[n] = rows
    return out


def equal(got, due, what):
    if got != due:
        at = next((i for i, (a, b) in enumerate(zip(got, due)) if a != b), "the end")
        raise AssertionError(f"{what}: {len(got)} and {len(due)} records, first difference at {at}: {str(got)[:300]} due {str(due)[:300]}")


def write(name, data):
    p = folder / name
    p.parent.mkdir(parents=True, exist_ok=True)
    p.write_bytes(data if isinstance(data, bytes) else data.encode())
    return p


def index_of(folder, entries, names=None):
    """A .pipert-index as runtime/source/index.h has it: {name: (format, bytes, changes)}."""
    xxh = ctypes.CDLL(ctypes.util.find_library("xxhash"))
    xxh.XXH3_64bits.restype = ctypes.c_uint64

    def check(b):
        return xxh.XXH3_64bits(b, ctypes.c_size_t(len(b)))
    order = sorted(entries, key=os.fsencode)
    texts = [os.fsencode(n) + b"\0" for n in order]
    blob, table = b"", b""
    at = 40 + 64 * len(order) + sum(map(len, texts))
    pad = -at % 8
    for i, name in enumerate(order):
        form, content, changes = entries[name]
        data, st = (folder / name).read_bytes(), (folder / name).stat()
        hash_ = check(data[:4096])
        row = dict(format=form, size=len(data), modified=st.st_mtime_ns, hash=hash_, name=sum(map(len, texts[:i])),
                   at=at + pad + len(blob), bytes=len(content), check=check(content)) | changes
        table += struct.pack("<8sqqQQQQQ", *row.values())
        blob += content + bytes(-len(content) % 8)
    tables = table + b"".join(texts) + bytes(pad)
    return struct.pack("<8sIIQQQ", b"pipertix", 2, len(order), sum(map(len, texts)) + pad, 0, check(tables)) + tables + blob


def test_indexes():
    so = build("indexed", "files", [("data", "bytes")], nargs=2, INDEX='"test"')
    root = folder / "indexed"
    for i in range(9):
        write(f"indexed/d/{i}", bytes([i]) * (700 * i))
    write("indexed/d/e/5", b"below")
    write("indexed/top", b"no index beside it")
    entries = {str(i): (b"test", f"index of {i}".encode() * i, {}) for i in range(8)}
    entries["2"] = (b"test", b"stale", dict(modified=5))
    entries["3"] = (b"test", b"of another size", dict(size=1))
    entries["4"] = (b"test", b"of other bytes", dict(hash=7))
    entries["5"] = (b"other", b"of another format", {})
    entries["6"] = (b"test", b"damaged", dict(check=3))
    due = [b"" if i in (0, 2, 3, 4, 5, 6, 8) else f"index of {i}".encode() * i for i in range(9)] + [b"", b""]
    good = index_of(root / "d", entries)
    write("indexed/d/.pipert-index", good)
    write("indexed/d/e/.pipert-index", index_of(root / "d/e", {"5": (b"test", b"x" * 99999, {})}))      # larger than is any help
    equal(run(so, root, pattern="**")["data"], due, "indexes")
    write("indexed/d/e/.pipert-index", index_of(root / "d/e", {"5": (b"test", b"", dict(at=1 << 40, bytes=88))}))
    equal(run(so, root, pattern="**")["data"], due, "an index beyond its file")
    for claim in (struct.pack("<II", 2, 2**32 - 1), struct.pack("<IIQ", 2, 1, 2**60), struct.pack("<IIQ", 2, 0, 2**64 - 8)):
        write("indexed/d/.pipert-index", good[:8] + claim + good[8 + len(claim):])
        os.truncate(root / "d/.pipert-index", 1 << 40)          # a hole: nobody may read it all
        equal(run(so, root, pattern="**")["data"], [b""] * 11, "an index that claims much")
    r = random.Random(1)
    for _ in range(40):             # what it held, or none: nothing else, and nothing is touched that must not be
        bad = bytearray(good[:r.randrange(len(good))] if r.random() < .4 else good)
        for _ in range(r.randrange(1, 6) if bad else 0):
            bad[r.randrange(min(len(bad), 900))] = r.choice((0, 1, 127, 255))
        write("indexed/d/.pipert-index", bytes(bad))
        got = run(so, root, pattern="**")["data"]
        equal([g for g, d in zip(got, due) if g not in (d, b"")], [], "a damaged index")


def test_a_manifest_has_indexes():
    so = build("listed", "manifest", [("data", "bytes")], columns=[("name", "bytes")], read="name", INDEX='"test"')
    names = ["m/x/a", "m/x/b", "m/y/a", "m/none"]
    for n in names:
        write(n, n.encode() * 50)
    for d in "xy":
        write(f"m/{d}/.pipert-index", index_of(folder / "m" / d, {n: (b"test", f"of {d}/{n}".encode(), {}) for n in ("a", "b") if (folder / "m" / d / n).exists()}))
    write("m/list.csv", "name\n" + "\n".join(["x/b", "none", "y/a", str(folder / "m/x/a"), "x/../y/a"]) + "\n")
    equal(run(so, folder / "m/list.csv")["data"], [b"of x/b", b"", b"of y/a", b"of x/a", b"of y/a"], "indexes of a manifest")


def test_files():
    odd = build("odd", "files", [("data", "bytes")], nargs=2)
    write("odd/small", b"1")
    name = folder / os.fsdecode(b"odd/\xff\xc3(\xed\xa0\x80\xc3\xa9\"\n.bin")
    if not name.is_symlink():
        name.symlink_to("nowhere")
    run(odd, folder / "odd", "--on-error", "skip")
    line = json.loads((folder / "report").read_bytes().decode())
    equal(line["path"], f'{folder}/odd/\ufffd\ufffd(\ufffd\ufffd\ufffdé"\n.bin', "a name that is no text")
    equal(bytes.fromhex(line["path_bytes"]), os.fsencode(name), "its bytes")
    names = ["b/1.bin", "b/x/2.bin", "a/9.bin", "Z/0.bin", "a/10.bin", "é/3.bin", "b/skip.txt", "top.bin", "a-b/7.bin", ".hidden/1.bin", "a/.dot.bin", "a/[x].bin"]
    for k, n in enumerate(names):
        write("files/" + n, bytes([k]) * (k * 977))
    root = folder / "files"
    (root / "c").mkdir(exist_ok=True)
    for link, to in (("c/link.bin", "../a/9.bin"), ("c/dead.bin", "nowhere"), ("c/again", "../b"), ("c/loop", "..")):
        if not (root / link).is_symlink():
            (root / link).symlink_to(to)
    (root / "c/folder.bin").mkdir(exist_ok=True)
    if not (root / "c/pipe.bin").exists():
        os.mkfifo(root / "c/pipe.bin")
    f = build("files", "files", [("path", "bytes"), ("data", "bytes"), ("label", "i32"), ("index", "i64")], nargs=2)
    seen = [n for n in names if n.endswith(".bin") and "/." not in n and not n.startswith(".")]
    seen += ["c/link.bin", "c/dead.bin", "c/again/1.bin", "c/again/x/2.bin"]
    seen = sorted(seen, key=str.encode)
    classes = sorted({n.split("/")[0] for n in seen if "/" in n}, key=str.encode)
    r = run(f, f"{root}///", "--on-error", "skip", "--threads", 3, pattern="**/*.bin")
    bad = json.loads((folder / "report").read_text())
    assert bad["path"].endswith("c/dead.bin") and bad["operator"] == "files" and bad["index"] == seen.index("c/dead.bin"), bad
    due = [n if n != "c/dead.bin" else None for n in seen]
    at = due.index(None)
    block = range(at // 5 * 5, min(at // 5 * 5 + 5, len(due)))
    due[at] = next(due[block[(at - block[0] + d) % len(block)]] for d in range(1, 5) if due[block[(at - block[0] + d) % len(block)]])
    equal(r["path"], [f"{root}/{n}".encode() for n in due], "paths")
    equal(r["data"], [(root / n).read_bytes() for n in due], "data")
    equal(r["label"], [classes.index(n.split("/")[0]) if "/" in n else -1 for n in due], "labels")
    for pattern, some in (("*.bin", ["top.bin"]), ("b/**", ["b/1.bin", "b/skip.txt", "b/x/2.bin"]), ("?/[0-9].bin", ["Z/0.bin", "a/9.bin", "b/1.bin", "é/3.bin"]),
                          ("a/[!0-9]*", ["a/[x].bin"]), ("**/x/*", ["b/x/2.bin", "c/again/x/2.bin"]), ("a/.*", ["a/.dot.bin"]), ("./a/1*.bin", ["a/10.bin"])):
        r = run(f, root, pattern=pattern)
        equal(r["path"], [f"{root}/{n}".encode() for n in some], pattern)
    assert "nothing*" in run(f, root, pattern="nothing*", check=False)
    assert "absent" in run(f, root / "absent", check=False)
    assert "dead.bin" in run(f, root, pattern="c/d*", check=False)
    assert "has 1954 bytes" in run(f, root, "--max-bytes", "1KB", pattern="a/9.bin", check=False)


def some_lines(n, most, rng):
    return [bytes(rng.choice(b"abc \xff\x00\r\"") for _ in range(rng.randint(0, most))) for _ in range(n)]


def test_lines():
    rng = random.Random(7)
    f = build("lines", "lines", [("text", "bytes"), ("path", "bytes"), ("line", "i64"), ("index", "i64")], BATCH=100)
    g = build("lines_shuffled", "lines", [("text", "bytes"), ("index", "i64")], SHUFFLE=1, BATCH=64)
    texts = {"t/b.txt": b"one\n\nthree", "t/a.txt": b"\xff\x00x\nlast\r\n", "t/c.txt": b"", "t/d.txt": b"\n", "t/e.txt": b"\r\n\r\n",
             "t/f.txt": b"\n".join(some_lines(5000, 60, rng)), "t/g.txt": b"\n".join(some_lines(300, 3000, rng)) + b"\n",
             "t/h.txt": b"x" * 5000000 + b"\n" + b"y" * 9000000 + b"\nz\n"}
    for n, d in texts.items():
        write(n, d)
    due = []
    for n in sorted(texts):
        parts = texts[n].split(b"\n")
        parts = parts[:-1] if parts[-1] == b"" else parts
        due += [(x[:-1] if x.endswith(b"\r") else x, f"{folder}/{n}".encode(), i + 1) for i, x in enumerate(parts)]
    for args in (("--threads", 1), ("--threads", 3), ("--mode", "batch")):
        r = run(f, folder / "t/*.txt", *args)
        equal(list(zip(r["text"], r["path"], r["line"])), due, f"lines {args}")
        equal(r["index"], list(range(len(due))), "index")
    r = run(g, folder / "t/*.txt", "--seed", 3)
    equal(sorted(r["index"]), list(range(len(due))), "shuffled")
    equal(r["text"], [due[i][0] for i in r["index"]], "shuffled text")
    r = run(f, folder / "t/b.txt")
    equal(r["text"], [b"one", b"", b"three"], "one file")
    equal(run(f, folder / "t/c.txt")["text"], [], "empty file")
    assert "nothing" in run(f, folder / "nothing*.txt", check=False)
    assert "nothing.txt" in run(f, folder / "nothing.txt", check=False)
    assert "longer than the limit" in run(f, folder / "t/h.txt", "--max-bytes", "1MB", check=False)


def test_manifest():
    rng = random.Random(8)
    columns = [("name", "bytes"), ("x", "f32"), ("n", "i64"), ("on", "bool")]
    f = build("manifest", "manifest", columns + [("index", "i64")], columns=columns, BATCH=100)
    g = build("manifest_shuffled", "manifest", [("n", "i64"), ("name", "bytes")], columns=columns, SHUFFLE=1, BATCH=100)
    rows = [["".join(rng.choice('ab,"\n é') for _ in range(rng.randint(0, 12))), rng.randint(-999, 999) / 8, rng.randint(-2 ** 62, 2 ** 62), rng.random() < .5] for _ in range(3000)]
    due = {k: [r[i].encode() if i == 0 else r[i] for r in rows] for i, k in enumerate(("name", "x", "n", "on"))}
    text = io.StringIO()
    w = csv.writer(text, lineterminator="\r\n")
    w.writerow(["unused", "n", "name", "on", "x"])
    for r in rows:
        w.writerow(["?", r[2], r[0], str(r[3]).lower(), r[1]])
    names = [write("m.csv", "\ufeff" + text.getvalue()), write("m.jsonl", "\n".join(json.dumps(dict(zip(("name", "x", "n", "on"), r), more=[1, {"a": "]"}], no=None)) + ("\n\n" if i % 9 == 0 else "") for i, r in enumerate(rows)))]
    tabs = write("m.tsv", "name\tx\tn\ton\nab\t1.5\t7\ttrue\n\"c\td\"\t-0.25\t-3\t0\n")
    for m in names:
        for args in (("--threads", 2), ("--mode", "debug")):
            r = run(f, m, *args)
            for k in due:
                equal(r[k], due[k], f"{m.name} {k}")
        r = run(g, m)
        equal(sorted(r["n"]), sorted(due["n"]), "shuffled")
        equal(r["name"], [due["name"][due["n"].index(n)] for n in r["n"]], "shuffled names")
    equal(run(f, tabs)["name"], [b"ab", b"c\td"], "tabs")
    bad = write("bad.csv", "name,x,n,on\na,1,2,true\nb,one,2,true\nc,1\nd,1,2,false\n")
    equal(run(f, bad, "--on-error", "skip")["name"], [b"a", b"d", b"d", b"d"], "rows that do not fit")
    report = (folder / "report").read_text()
    assert "bad.csv:3" in report and "bad.csv:4" in report, report
    bad = write("quoted.csv", '\n\nname,x,n,on\n"a\n\n",1,2,true\n\n"b",one,2,true\n' + 'c,1,2,true\n\n' * 200 + '"d\n",1,no,true\n')
    run(f, bad, "--on-error", "skip")
    equal([json.loads(x)["path"].split(":")[-1] for x in (folder / "report").read_text().splitlines()], ["8", "409"], "lines of a manifest")
    assert "is no f32: one" in report and "`n` is missing" in report and report.count("\n") == 2, report
    bad = write("bad.jsonl", '{"name": "a", "x": 1, "n": 2, "on": true}\n{"name": "b"\n[1]\n{"name": 3, "x": 1, "n": 2, "on": true}\n{"name": "\\u00e9\\ud83d\\ude00\\n", "x": 1, "n": 2, "on": false}\n')
    equal(run(f, bad, "--on-error", "skip")["name"][-1], "é😀\n".encode(), "escapes")
    assert "`n`" in run(f, write("head.csv", "name,x,on\n"), check=False)
    h = build("manifest_read", "manifest", [("data", "bytes"), ("name", "bytes")], columns=columns[:1], read="name")
    write("below/one.bin", b"1")
    write("below/two.bin", b"22")
    m = write("below/m.csv", "name\none.bin\ntwo.bin\n")
    equal(run(h, m)["data"], [b"1", b"22"], "files that a column names")
    write("below/m2.csv", "name\none.bin\ngone.bin\n")
    assert "below/gone.bin" in run(h, folder / "below/m2.csv", check=False)


folder.mkdir(parents=True, exist_ok=True)
test_files()
test_indexes()
test_a_manifest_has_indexes()
test_lines()
test_manifest()
print(f"{passed} passed, 0 failed")
