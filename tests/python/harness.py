"""harness.py FILE FOLDER [NAME ...]: runs the functions test_* of a file, each in a fresh
folder; prints what failed and ends with `N passed, N failed`."""
import importlib.util
import os
import pathlib
import re
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


class Skip(Exception):
    """A test, or a file of them, that wants what is not there."""


def needs(name):
    """A module that not every machine has. Its own warnings are nobody's failure."""
    import importlib
    import pipec
    warnings.simplefilter("ignore")
    warnings.filterwarnings("error", category=pipec.PipecWarning)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as why:
        if why.name != name:
            raise
        raise Skip(f"there is no {name}: tests/python/setup.sh gets it") from why


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


def run(test, folder):
    """passed, failed or skipped, and why."""
    folder.mkdir(parents=True)
    os.chdir(folder)
    try:
        test(folder)
    except Skip as why:
        return "skipped", why
    except BaseException:
        return "failed", traceback.format_exc()
    return "passed", ""


def tests_of(file):
    """{name: test}; each of them skips if the file as a whole does."""
    spec = importlib.util.spec_from_file_location("tests", file)
    module = sys.modules["tests"] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Skip as why:
        def skip(folder, why=why):
            raise why
        found = re.findall(r"^def (test_\w+)", pathlib.Path(file).read_text(), re.M)
        return dict.fromkeys(found, skip)
    return {name: test for name, test in vars(module).items() if name.startswith("test_")}


def main(file, folder, *names):
    sys.modules["harness"] = sys.modules["__main__"]
    warnings.simplefilter("error")
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, test in tests_of(file).items():
        if names and not any(n in name for n in names):
            continue
        how, why = run(test, pathlib.Path(folder, name))
        counts[how] += 1
        word = {"passed": "ok", "failed": "FAIL", "skipped": "skip"}[how]
        print(f"{word} {name}" + f" -- {why}" * bool(str(why)), flush=True)
    print(f"{counts['skipped']} skipped")
    print(f"{counts['passed']} passed, {counts['failed']} failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
