"""What an exception says as attributes, whatever the names of files are."""
import os
import pipec
from harness import compiled, due, raises

FILES = """feature f(root: path)
from files(root, "*")
y = if len(data) == 3 then fail("three, of {a: b}") else len(data)
batch(1)
emit y
"""
NAMES = [b"plain", b"two words", b"a (b) c", b"a) failed: b.dsl:1: c: d", b"new\nline", b"back\\slash\\n", b"tab\t\x01\x7f", "Stra\xdfe \u6f22".encode(), b"\xff\xfe (x",
         b"record 7 failed: x:1: y: z", b"--set x=1", b")", b"\\x29"]


def test_the_path_of_a_record(folder):
    for process in (False, True):
        for i, name in enumerate(NAMES):
            root = os.fsencode(folder) + b"/%d%d" % (i, process)
            os.mkdir(root)
            with open(root + b"/" + name, "wb") as f:
                f.write(b"abc")
            error = raises(pipec.RecordError, lambda: next(iter(pipec.load(compiled(FILES), root=root, process=process))))
            due(error.path == os.fsdecode(root + b"/" + name) and os.path.getsize(error.path) == 3, (error.path, str(error)))
            due((error.record, error.place, error.row, error.line, error.cause) == (0, None, None, 3, "three, of {a: b}") and error.operator, vars(error))


def test_the_file_of_a_feature(folder):
    for name in ("plain", "a:7: b", "new\nline", "back\\n"):
        (folder / f"{name}.dsl").write_text(FILES)
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / "x").write_text("abc")
        error = raises(pipec.RecordError, lambda: next(iter(pipec.load(folder / f"{name}.dsl", root="data"))))
        due(os.path.basename(error.file) == f"{name}.dsl" and error.line == 3 and error.path.endswith("x"), (error.file, str(error)))


def test_rows_and_places(folder):
    so = compiled("feature f()\nfrom range(0, 9)\neach i in (for k in 0..3: k)\neach j in (for k in 0..2: k)\ny = if value == 4 and i == 2 and j == 1 then fail(\"no\") else i\nbatch(2)\nemit y\n")
    error = raises(pipec.RecordError, lambda: list(pipec.load(so)))
    due((error.record, error.row, error.place, error.path) == (4, (2, 1), None, None), vars(error))
    so = compiled("feature f()\nfrom range(0, 5)\nsample 40\ny = if value == 3 then fail(\"no\") else value\nbatch(1)\nemit y\n")
    loader, took = pipec.load(so, threads=1), []
    error = raises(pipec.RecordError, lambda: took.extend(b.y.item() for b in loader))
    due((error.record, error.row, error.place) == (3, None, len(took)), vars(error))


def test_what_fails_at_open(folder):
    so = compiled("feature f(k: int)\nt = for i in 0..4: if i == k then fail(\"no\") else i\nfrom range(0, 4)\ny = t[value]\nbatch(1)\nemit y\n")
    error = raises(pipec.RecordError, lambda: list(pipec.load(so, k=2)))
    due((error.status, error.record, error.file, error.line, error.cause) == ("MADE", None, "feature.dsl", 2, "no"), vars(error))
