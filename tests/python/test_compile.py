"""compile and jit: from text to a library, through the tool's cache."""
import os
import pathlib
import time
import pipec
from harness import RANGE, due, raises, script


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
    error = raises(pipec.CompileError, lambda: pipec.jit(RANGE, {"bath": 3}), 'D={"bath": ...}', "did you mean `batch`?")
    due("-D bath" in error.diagnostics)
    raises(pipec.CompileError, lambda: pipec.jit(RANGE, {"n": 3}), 'D={"n": ...}', "`n=...`")
    due(error.status == 2)
    raises(TypeError, lambda: pipec.jit(RANGE, {"batch": object()}), "D={'batch':")
    raises(pipec.CompileError, lambda: pipec.jit("feature f("), "error[")


def test_where_no_cache_can_be_another_is(folder):
    """A home that cannot be written, or a folder that others can write into, is passed by."""
    open_ = folder / "open" / "pipec"
    open_.mkdir(parents=True)
    open_.chmod(0o777)
    (folder / "tmp").mkdir()
    (folder / "home").mkdir()
    text = f"import pipec\nprint(pipec.load(pipec.jit({RANGE!r})).start().name)\n"

    def said(home, cache, tmp="tmp"):
        env = {"HOME": home, "XDG_CACHE_HOME": cache, "TMPDIR": tmp if os.path.isabs(tmp) else str(folder / tmp)}
        return script(text, folder, env={**os.environ, **env}).stdout
    for home, cache in (("/proc/none", ""), ("/proc/none", str(folder / "open")), ("relative", "/dev/null")):
        due(said(home, cache) == "f\n", said(home, cache))
    due(os.listdir("tmp") == [f"pipec-{os.getuid()}"] and not list(open_.iterdir()) and not os.path.exists("relative"))
    due(said(str(folder / "home"), "") == "f\n" and len(os.listdir("home/.cache/pipec/jit")) == 1)
    none = said("", "", "/proc/none")
    due("CompileError: there is no folder for the cache: " in none and "set XDG_CACHE_HOME" in none, none)


UNICODE = r'''import os, sys, pipec
folder = os.fsencode(sys.argv[1]) + "/Stra\xdfe".encode()
os.makedirs(folder, exist_ok=True)
open(folder + b"/\xff", "wb").write("\u6f22\n\xe9\n".encode())
so = pipec.jit("""# \xe9\u6f22
feature f(root: path, s: string = "\xe9", t: string)
from lines(root)
x = for i in 0..len(text): text[i]
y = len(s) * 10 + len(t)
batch(2)
emit x, y
""")
for root in (folder + b"/\xff", os.fsdecode(folder + b"/\xff"), sys.argv[1] + "/Stra\xdfe/*"):
    loader = pipec.load(so, root=root, t="\u6f22")
    batch = next(iter(loader))
    print(bytes(memoryview(batch.x.values)) == "\u6f22\xe9".encode(), batch.y.tolist(), ascii(loader.parameters["t"]))
    due = loader.parameters["root"].encode("utf-8", "surrogateescape").startswith(folder)
    print(due, len(repr(loader)) > 0)
try:
    pipec.jit("feature f(k: string = \"\xe9\")\nfrom rang(0, 4)\n", {"k": "\u6f22"})
except pipec.CompileError as error:
    print("rang" in str(error))
'''


def test_text_is_utf8_in_any_locale(folder):
    for locale in ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"LC_ALL": "C.UTF-8"}):
        p = script(UNICODE, folder, [folder], env={**os.environ, **locale, "XDG_CACHE_HOME": str(folder / "cache")})
        due(p.stdout.splitlines() == ["True [23, 23] '\\u6f22'", "True True"] * 3 + ["True"], p.stdout)


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
