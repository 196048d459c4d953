"""Bad input: a clear exception, and the next load works."""
import gc
import json
import os
import pathlib
import re
import shutil
import pipec
from harness import LINES, RANGE, compiled, due, raises, script

PICKY = """feature picky(n: int = 64)
from range(0, n)
y = if value % 10 == 7 then fail("seven") else value
batch(8)
emit y
"""
PLUS = """#include "pipec_kernel.h"
int plus(pk_call *call, int64_t x, const pk_region *region, pk_tensor *out) {
    (void)call; (void)region;
    *(int64_t *)out->data = x + %d;
    return 0;
}
"""
FILES = """feature sizes(root: path)
from files(root, "**")
# of line 4
size = len(data)
batch(4, last = partial)
emit size
"""
MANIFEST = """type Row = (name: string)
feature rows(root: path)
from manifest(root, columns = Row, read = name)
size = len(data)
batch(4, last = partial)
emit size
"""
FEW = """
import os, resource, sys, pipec
so, root, options = sys.argv[1], sys.argv[2], eval(sys.argv[3])
most = 60
loader = pipec.load(so, root=root, **options).start()
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    while True:
        os.dup(0)
except OSError:
    pass
try:                                    # the first epoch may have been read by now
    print(sum(1 for _ in range(3) for _ in loader), "batches")
except pipec.SourceError as error:
    text = str(error)
    assert f"{most} (ulimit -n): raise that limit" in text and text.startswith("record "), text
    assert loader.stats()["bad_records"] == 0
    print("done")
"""
SPACE = """
import resource, sys, pipec
loader = pipec.load(sys.argv[1], threads=2, **eval(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[3]), resource.RLIM_INFINITY))
assert sum(1 for _ in loader) in (62, 100)
print("done")
"""
PARAMETERS = """feature p(a: i32 = 1, f: f32 = 0.5, b: bool = false, v: f32[2] = [1, 2], m: i32[?, ?] = [[1], [2]], s: string = "x", n: int, seed: int = 9)
from range(0, n)
y = f32(value * a) + f + (if b then 100.0 else 0.0) + v[0] + f32(m[0, 0]) + f32(len(s)) + f32(seed)
batch(2)
emit y
"""


def works():
    due(sum(1 for _ in pipec.load(compiled(RANGE))) == 62)


def test_libraries(folder):
    so = pathlib.Path(compiled(RANGE))
    whole = so.read_bytes()
    for n in (0, 1, 63, 64, 1000, len(whole) // 2, len(whole) - 1):
        (folder / "cut.so").write_bytes(whole[:n])
        raises(pipec.LoadError, lambda: pipec.load("cut.so"), "cut.so", "not a compiled feature")
    (folder / "text.so").write_text("hello " * 1000)
    raises(pipec.LoadError, lambda: pipec.load("text.so"), "text.so")
    raises(pipec.LoadError, lambda: pipec.load("absent.so"), "absent.so", "No such file")
    raises(pipec.LoadError, lambda: pipec.load(folder), str(folder))
    raises(pipec.LoadError, lambda: pipec.load("/lib/x86_64-linux-gnu/libz.so.1"), "without a feature")
    due(raises(pipec.LoadError, lambda: pipec.load("absent.so")).status == "LOAD")
    works()


def test_a_library_of_another_version(folder):
    """Older than 4, it has no version where it is looked for."""
    for abi, by in ((3, "an older pipec (ABI 3)"), (999, "pipec 9.8 (ABI 999)")):
        version = '(char *)1' if abi < 4 else '"9.8"'
        (folder / "f.c").write_text(f"struct {{ int abi; const char *version; char rest[1000]; }} pipec_feature = {{{abi}, {version}}};")
        due(os.system(f"gcc -shared -fPIC f.c -o f{abi}.so") == 0)
        raises(pipec.LoadError, lambda: pipec.load(f"f{abi}.so"), f"f{abi}.so was compiled by {by}, this is libpipert {pipec.__version__} (ABI ", f"compile it again with pipec {pipec.__version__}")
    works()


def test_parameters(folder):
    so = compiled(PARAMETERS)
    load = lambda **p: next(iter(pipec.load(so, **p))).y.tolist()[0]
    due(load(n=2) == 0.5 + 1 + 1 + 1 + 9 and load(n=2, params={"seed": 1}, seed=3) == 4.5)
    due(load(n=2, a=7, f=2, b=True, v=(3.5, 1), m=[[4, 4]], s="four") == 2 + 100 + 3.5 + 4 + 4 + 9)
    raises(pipec.ParameterError, lambda: load(), "`n`", "(i64)", "n=...")
    raises(TypeError, lambda: load(n=2, vv=1), "`vv`", "did you mean `v`", "parameters: a, f")
    raises(TypeError, lambda: load(n=2, sead=1), "did you mean `seed`")
    raises(TypeError, lambda: load(n=2, params={"n": 2}), "`n`", "twice")
    for name, values in dict(a=("1", 1.5, None, True, [1]), f=("x", None, [1.0]), b=(1, "true"), v=(1.0, "12", [[1]]), m=([1], 1), s=(1, None, ["x"])).items():
        for value in values:
            raises(TypeError, lambda: load(n=2, **{name: value}), f"`{name}`")
    for name, value in dict(a=2**31, v=[1.0], m=[[1], [1, 2]]).items():
        raises(pipec.ParameterError, lambda: pipec.load(so, n=2, **{name: value}), f"`{name}`")
    raises(ValueError, lambda: load(n=2, s="a\0b"), "`s`")
    raises(pipec.ParameterError, lambda: pipec.load(compiled(RANGE), batch=3), "batch", "fixed", 'D={"batch": 3}')
    works()


def test_options(folder):
    so = compiled(RANGE)
    for kind, options in ((ValueError, dict(seed=-1)), (TypeError, dict(seed="x")), (ValueError, dict(threads=-1)), (TypeError, dict(threads=1.5)), (ValueError, dict(mode="fast")),
                          (ValueError, dict(on_error="ignore")), (ValueError, dict(memory="lots")), (ValueError, dict(cpu="sparc")), (ValueError, dict(world=0)), (TypeError, dict(max_errors=0.5)),
                          (ValueError, dict(max_errors="5")), (ValueError, dict(max_errors="101%")), (ValueError, dict(max_error_rate=2)),
                          (TypeError, dict(max_errors="1%", max_error_rate=0.1))):
        raises(kind, lambda: pipec.load(so, **options), next(iter(options)))
    for kind, options in ((ValueError, dict(memory=10**30)), (ValueError, dict(memory="99999999999999GB")), (ValueError, dict(mode=[])), (ValueError, dict(cpu={})), (TypeError, dict(report=5)),
                          (TypeError, dict(params=[1])), (TypeError, dict(params={5: 5})), (TypeError, dict(D=[1])), (ValueError, dict(n=10**30)), (ValueError, dict(n=10**5000))):
        raises(kind, lambda: pipec.load(so, **options), f"{next(iter(options))}")
    due(next(iter(pipec.load(so.encode()))).rows == 16)
    raises(TypeError, lambda: pipec.load(5), "int")
    raises(TypeError, lambda: pipec.jit(5), "text")
    raises(TypeError, lambda: pipec.jit(RANGE, [1]), "D=[1]")
    raises(pipec.Error, lambda: pipec.load(so, rank=2, world=2), "rank 2 of 2")
    raises(TypeError, lambda: pipec.load(so, D={"n": 1}), "D")
    error = raises(pipec.MemoryBudgetError, lambda: list(pipec.load(so, memory=100)), "budget is 100", "raise memory=")
    due("--" not in str(error), str(error))
    works()


def test_sources(folder):
    so = compiled(LINES)
    raises(pipec.SourceError, lambda: pipec.load(so, root=folder / "absent").start(), "absent")
    os.mkdir("empty")
    raises(pipec.SourceError, lambda: list(pipec.load(so, root="empty/*.txt")), "empty/*.txt")
    due(raises(OSError, lambda: list(pipec.load(so, root="empty"))).status == "SOURCE")
    (folder / "a.txt").write_text("x\n")
    due(len(list(pipec.load(so, root="a.txt"))) == 1)


def test_records(folder):
    so = compiled(PICKY)
    for _ in range(2):
        error = raises(pipec.RecordError, lambda: list(pipec.load(so)), "seven", 'on_error="skip"')
        due((error.record, error.line, error.file, error.cause, error.status) == (7, 3, "feature.dsl", "seven", "RECORD") and error.operator, vars(error))
    loader = pipec.load(so, on_error="skip", report="bad.jsonl")
    due(len(list(loader)) == 8 and loader.stats()["bad_records"] == 6)
    due([json.loads(line)["index"] for line in pathlib.Path("bad.jsonl").read_text().splitlines()] == [7, 17, 27, 37, 47, 57])
    error = raises(pipec.RecordError, lambda: list(pipec.load(so, on_error="skip", max_errors=2)), "max_errors")
    raises(pipec.RecordError, lambda: list(pipec.load(so, on_error="skip", max_errors="9%")), "max_errors")
    due(len(list(pipec.load(so, on_error="skip", max_errors="10%"))) == len(list(pipec.load(so, on_error="skip"))))
    due((error.status, error.record) == ("TOO_MANY", 27), error.record)
    raises(pipec.RecordError, lambda: list(pipec.load(so, on_error="skip", max_error_rate=0.01)))
    due(len(list(pipec.load(so, on_error="skip", max_error_rate=0.1))) == 8)
    raises(pipec.Error, lambda: list(pipec.load(so, on_error="skip", report="absent/bad.jsonl")), "absent/bad.jsonl")
    works()


def test_too_few_descriptors(folder):
    """No property of a record: the run ends, whatever on_error is, and says why."""
    (folder / "d").mkdir()
    for i in range(3000):
        (folder / "d" / f"{i}").write_bytes(b"x")
    (folder / "m.csv").write_text("name\n" + "".join(f"d/{i}\n" for i in range(3000)))
    (folder / "l").mkdir()
    for i in range(140):                            # as many are not held open
        (folder / "l" / f"{i}").write_text("line\n" * 300)
    # in mode "debug" nothing is read before it is asked for
    for feature, root in ((FILES, "d"), (FILES.replace("batch", "where size > 0\nbatch"), "d"), (MANIFEST, "m.csv"), (LINES, "l/*")):
        for options in (dict(mode="debug"), {}, dict(on_error="skip")):
            p = script(FEW, folder, [compiled(feature), root, options])
            due(p.stdout == "done\n" and p.returncode == 0, (feature, options, p.stdout))


def test_little_address_space(folder):
    """A limit on it limits records first; then the message has the figures."""
    (folder / "a.txt").write_text("x\n" * 400)
    for so, options, limit in ((compiled(RANGE), {}, 2.5e9), (compiled(LINES), {"root": "a.txt", "memory": "50MB"}, 4e9)):
        p = script(SPACE, folder, [so, options, int(limit)])
        due("ulimit -v" in p.stdout and "a record may take" in p.stdout and p.stdout.endswith("done\n"), p.stdout)
    p = script(SPACE, folder, [compiled(LINES), {"root": "a.txt", "memory": "500MB"}, 10**9])
    due("MemoryBudgetError: the run needs " in p.stdout and "ulimit -v) leaves 1.0 GB" in p.stdout, p.stdout)


def test_messages_are_one_line(folder):
    """And can be read back, whatever the path is made of."""
    so = compiled(FILES.replace("size = len(data)", 'size = if len(data) == 1 then fail("a\\nb\\\\c") else len(data)'))
    for name in (b"plain (1).txt", b"new\nline", b"back\\slash", b"\xff\xfe.bin", "é\u2028".encode(), b"a) failed: b.dsl:3: c: d", b"\x01\x7f"):
        shutil.rmtree("d", ignore_errors=True)
        (folder / "d").mkdir()
        (folder / "d" / os.fsdecode(name)).write_bytes(b"x")
        error = raises(pipec.RecordError, lambda: next(iter(pipec.load(so, root=folder / "d"))))
        first = str(error).split("\n")[0]
        found = re.fullmatch(r"record 0 \((.*?)\) failed: feature.dsl:4: ([^:]*): (.*)", first)
        due(found and read_back(found[1]) == os.fsencode(folder) + b"/d/" + name, first)
        due(read_back(found[3]) == b"a\nb\\c", first)


def read_back(text):
    """What a message has escaped."""
    byte = lambda m: {b"n": b"\n", b"\\": b"\\"}.get(m[1]) or bytes.fromhex(m[1][1:].decode())
    return re.sub(rb"\\(n|\\|x[0-9a-f]{2})", byte, text.encode())


def test_a_failed_loader_stays_failed(folder):
    loader = pipec.load(compiled(PICKY))
    for _ in range(3):
        raises(pipec.RecordError, lambda: list(loader))
    works()


def test_a_consumer_that_raises(folder):
    loader = pipec.load(compiled(RANGE))
    raises(ZeroDivisionError, lambda: [1 // 0 for _ in loader])
    due(sum(1 for _ in loader) == 61)


def test_what_is_no_library(folder):
    os.mkfifo("fifo.so")
    (folder / "folder.so").mkdir()
    (folder / "empty.so").write_bytes(b"")
    for name, why in (("fifo.so", "no regular file"), ("folder.so", "is a folder"), ("/dev/null", "no regular file"), ("empty.so", "cut short"), ("n" * 5000, "too long")):
        raises(pipec.LoadError, lambda: pipec.load(name), name, why)
    works()


def adds(n):
    return compiled(f"feature adds()\nfrom range(0, 80)\ny = value // 80 + {n}\nbatch(8)\nemit y\n")


def test_a_library_that_was_compiled_again(folder):
    """Each load gets the file that is there, while those from before go on."""
    loaders = []
    for n in range(5):
        shutil.copy(adds(n), "new.so")
        os.replace("new.so", "f.so")
        os.utime("f.so", (0, 0))
        loaders += [pipec.load(path) for path in ("f.so", folder / "f.so", "f.so")]
    for _ in range(2):
        due([next(iter(x)).y.tolist()[0] for x in loaders] == [n for n in range(5) for _ in range(3)])
    del loaders[3:]
    due(next(iter(pipec.load("f.so"))).y.tolist()[0] == 4)


def test_kernels_that_were_compiled_again(folder):
    """A library of kernels too; but one feature has one of them at a time."""
    (folder / "f.dsl").write_text('kernel plus(x: int) -> int\n    from "libk.so"\nfeature f()\nfrom range(0, 80)\ny = plus(value // 80)\nbatch(8)\nemit y\n')
    include = pathlib.Path(__file__).parents[2] / "runtime"
    first = lambda loader: next(iter(loader)).y.tolist()[0]
    loaders = []
    for n in range(3):
        (folder / "k.c").write_text(PLUS % n)
        due(os.system(f"gcc -shared -fPIC -I{include} k.c -o new.so && mv new.so libk.so") == 0)
        if n < 2:
            due(os.system(f"{os.environ['PIPEC']} f.dsl -o new.so && mv new.so f.so") == 0)
            loaders.append(pipec.load("f.so"))
    due([first(x) for x in loaders] == [0, 1])
    raises(pipec.LoadError, lambda: pipec.load("f.so"), "libk.so", "was replaced while")
    loaders.pop().close()
    gc.collect()
    due(first(pipec.load("f.so")) == 2 and first(loaders[0]) == 0)
