"""harness.py FILE FOLDER [NAME ...]: runs the functions test_* of a file, each in a fresh
folder; prints what failed and ends with `N passed, N failed`."""
import importlib.util
import os
import pathlib
import sys
import traceback
import warnings

if os.environ.get("WITHOUT_NUMPY"):
    sys.modules["numpy"] = None

RANGE = """feature f(n: int = 1000, a: i32 = 1, batch: int = 16)
from range(0, n)
y = i32(value) + a
z = for i in 0..3: f16(f32(value) * f32(i))
batch(batch)
emit y, z
"""
LINES = """feature words(root: path, batch: int = 4)
from lines(root)
up = for i in 0..len(text): text[i]
grid = for i in 0..2, j in 0..len(text): i32(text[j]) + i32(i)
size = i32(len(text))
batch(batch, last = partial)
emit up, grid, size
"""


def due(condition, why=""):
    if not condition:
        raise AssertionError(why)


def raises(kind, call, *words):
    """The exception of that very kind that call() raises, whose text has the words."""
    try:
        call()
    except kind as error:
        for word in words:
            due(word in str(error), f"{word!r} is not in: {error}")
        return error
    raise AssertionError(f"no {kind.__name__}")


def compiled(text, **D):
    """The library of a feature."""
    import pipec
    return pipec.jit(text, D)


def script(text, folder, argv=(), **more):
    """A program of its own, in an interpreter like this one."""
    import subprocess
    path = pathlib.Path(folder, "script.py")
    path.write_text(text)
    return subprocess.run([sys.executable, str(path), *map(str, argv)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, **more)


def main(file, folder, *names):
    sys.modules["harness"] = sys.modules["__main__"]
    warnings.simplefilter("error")
    spec = importlib.util.spec_from_file_location("tests", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    passed = failed = 0
    for name, test in list(vars(module).items()):
        if not name.startswith("test_") or names and not any(n in name for n in names):
            continue
        own = pathlib.Path(folder, name)
        own.mkdir(parents=True)
        os.chdir(own)
        try:
            test(own)
        except BaseException:
            failed += 1
            print(f"FAIL {name} -- {traceback.format_exc()}")
        else:
            passed += 1
            print(f"ok {name}")
        sys.stdout.flush()
    print(f"{passed} passed, {failed} failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
