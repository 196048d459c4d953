"""compile and jit: from text to a library, through the tool's cache."""
import os
import pathlib
import time
import pipec
from harness import RANGE, due, raises


def test_a_file_is_compiled_once(folder):
    (folder / "f.dsl").write_text(RANGE)
    first = pipec.compile("f.dsl")
    born = os.stat(first).st_mtime_ns
    due(pipec.compile(folder / "f.dsl") == first and os.stat(first).st_mtime_ns == born)
    other = pipec.compile("f.dsl", D={"batch": 8})
    due(other != first and next(iter(pipec.load(other))).rows == 8)
    (folder / "f.dsl").write_text(RANGE.replace("+ a", "- a"))
    due(pipec.compile("f.dsl") not in (first, other))
    due(next(iter(pipec.load(pipec.compile("f.dsl", cpu="x86-64-v2", O=1, backend="c")))).y.tolist()[0] == -1)


def test_a_change_of_an_import_is_seen(folder):
    (folder / "k.dsl").write_text("const K = 1\n")
    (folder / "f.dsl").write_text('import "k.dsl" as k\nfeature f()\nfrom range(0, 8)\ny = value + k.K\nbatch(4)\nemit y\n')
    due(next(iter(pipec.load("f.dsl"))).y.tolist() == [1, 2, 3, 4])
    (folder / "k.dsl").write_text("const K = 5\n")
    due(next(iter(pipec.load("f.dsl"))).y.tolist() == [5, 6, 7, 8])


def test_load_takes_a_dsl(folder):
    (folder / "f.dsl").write_text(RANGE)
    loader = pipec.load("f.dsl", D={"batch": 4}, n=8)
    due(len(loader) == 2 and loader.path.endswith("f.so"))


def test_jit(folder):
    so = pipec.jit(RANGE, {"batch": 32})
    due(next(iter(pipec.load(so))).rows == 32 and pipec.jit(RANGE, {"batch": 32}) == so)


def test_what_is_wrong_is_shown(folder):
    (folder / "f.dsl").write_text(RANGE.replace("i32(value)", "valeu"))
    error = raises(pipec.CompileError, lambda: pipec.compile("f.dsl"), "f.dsl:3:", "valeu", "^")
    due("error[" in error.diagnostics and error.status == 1)
    raises(pipec.CompileError, lambda: pipec.compile("absent.dsl"), "absent.dsl")
    error = raises(pipec.CompileError, lambda: pipec.jit(RANGE, {"bath": 3}), "did you mean `batch`?")
    due(error.status == 2)
    raises(TypeError, lambda: pipec.jit(RANGE, {"batch": object()}), "-D")
    raises(pipec.CompileError, lambda: pipec.jit("feature f("), "error[")


def test_the_tool_is_named(folder):
    tool = os.environ["PIPEC"]
    try:
        os.environ["PIPEC"] = "/absent/pipec"
        raises(pipec.CompileError, lambda: pipec.jit(RANGE), "/absent/pipec")
        del os.environ["PIPEC"]
        path, os.environ["PATH"] = os.environ["PATH"], str(pathlib.Path(tool).parent)
        due(pipec.jit(RANGE).endswith(".so"))
        os.environ["PATH"] = "/absent"
        raises(pipec.CompileError, lambda: pipec.jit(RANGE), "PIPEC", "PATH")
    finally:
        os.environ["PIPEC"], os.environ["PATH"] = tool, path


def test_a_cached_feature_opens_at_once(folder):
    start = time.perf_counter()
    next(iter(pipec.load(pipec.jit(RANGE))))
    print(f"jit of a feature in the cache, load, first batch: {(time.perf_counter() - start) * 1e3:.1f} ms")
