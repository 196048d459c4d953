"""process=True: the feature in a process of its own. The stream is that of a loader without one, and nothing of either process is left."""
import gc
import json
import os
import pathlib
import pickle
import shutil
import signal
import subprocess
import sys
import time
import warnings
import pipec
from harness import LINES, RANGE, compiled, due, raises, script

BELOW = """feature below(n: int = 100)
TABLE = for i in 0..5: f32(i) * 0.5
from range(0, n)
y = f32(value)
batch(8, last = pad)
total = sum(y)
same = TABLE
turned = for i in 0..8: y[7 - i]
emit y, total, same, turned
"""
FAILS = """feature fails()
from range(0, 100)
y = if value == 41 then fail("no good") else value
batch(10)
emit y
"""

OFTEN = """feature often()
from range(0, 800)
y = if value % 8 == 7 then fail("no good") else value
batch(8)
emit y
"""


def content(batch):
    """All that there is to see of a batch."""
    fields = []
    for f in batch:
        parts = (f.values, f.offsets, f.shapes) if isinstance(f, pipec.Ragged) else (f,)
        fields.append([None if p is None else (p.name, p.dtype, p.shape, bytes(p)) for p in parts])
    return batch.epoch, batch.number, batch.rows, batch.valid, fields


def served():
    """Processes of sidecars whose parent is this one, zombies too."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat[1]) == os.getpid() and (stat[0] == "Z" or is_served(int(folder.name))):
            found.append(int(folder.name))
    return found


def is_served(pid):
    try:
        return b"_pipec.serve" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def gone(pid):
    """Waits for the end of a process that is not this one's child."""
    for _ in range(3000):
        if not is_served(pid):
            return True
        time.sleep(0.01)
    return False


def test_the_stream_is_the_same(folder):
    (folder / "a.txt").write_text("".join("x" * (i % 7) + "\n" for i in range(50)))
    for text, arguments in ((RANGE, {}), (LINES, {"root": "a.txt"}), (BELOW, {})):
        feature = compiled(text)
        here, there = pipec.load(feature, **arguments), pipec.load(feature, process=True, **arguments)
        for _ in range(2):
            due(len(here) == len(there) and here.fields.keys() == there.fields.keys())
            due(list(map(content, here)) == list(map(content, there)), text)
        due(here.state_dict() == there.state_dict())
        there.close()
    due(not served())


def test_the_feature_is_replaced_before_it_starts(folder):
    for n, text in enumerate((RANGE.replace("+ a", "+ 2 * a"), RANGE.replace("emit y, z", "emit y"), RANGE.replace("i32 = 1", "i32 = 2"), RANGE.replace("= 16", "= 8"))):
        shutil.copy(compiled(RANGE), f"{n}.so")
        loader = pipec.load(f"{n}.so", process=True)
        shutil.copy(compiled(text), "new.so")
        os.replace("new.so", f"{n}.so")
        raises(pipec.LoadError, lambda: next(iter(loader)), f"{n}.so was replaced since it was opened: load it again")
        due(sum(1 for _ in pipec.load(f"{n}.so", process=True)) == (125 if n == 3 else 62))
    shutil.copy(compiled(RANGE), "same.so")
    loader = pipec.load("same.so", process=True)
    shutil.copy(compiled(RANGE), "new.so")
    os.replace("new.so", "same.so")
    due(sum(1 for _ in loader) == 62)


def test_the_folder_of_the_program_may_change(folder):
    (folder / "a").mkdir()
    shutil.copy(compiled(RANGE), folder / "a" / "f.so")
    os.chdir(folder / "a")
    loader = pipec.load("f.so", n=64, process=True)
    os.chdir(folder)
    due(len(list(loader)) == 4)


def test_a_state_is_that_of_the_batches_taken(folder):
    feature = compiled(RANGE)
    all_of_it = list(map(content, pipec.load(feature, seed=3)))
    loader = pipec.load(feature, seed=3, process=True)
    it = iter(loader)
    taken = [content(next(it)) for _ in range(17)]
    state = loader.state_dict()
    rest = list(map(content, it))
    for process in (False, True):
        due(list(map(content, pipec.load(feature, state=state, process=process))) == rest)
    due(taken + rest == all_of_it)
    due(pickle.loads(pickle.dumps(loader)).epoch == 1)


def test_a_batch_that_is_held_stays(folder):
    loader = pipec.load(compiled(RANGE), n=100000, process=True, memory="4MB")
    held = []
    error = raises(pipec.HeldError, lambda: [held.append(b) for b in loader], "drop")
    due(len(held) > 3 and error.status == "HELD")
    for i, b in enumerate(held):
        due(b.y.tolist() == list(range(16 * i + 1, 16 * i + 17)) or b.number == i)
    kept, seen = held[5], content(held[5])
    del held[:], b
    numbers = [b.number for b in loader]
    due(numbers[-1] == 6249 and content(kept) == seen)
    loader.close()
    due(content(kept) == seen and not served())


def test_the_budget_says_how_many_are_held(folder):
    """If it is stated. What is made ahead stays little."""
    (folder / "a.txt").write_text("".join("x" * (i % 7) + "\n" for i in range(8000)))
    for text, arguments in ((RANGE, {"n": 32000}), (LINES, {"root": "a.txt"})):
        due_all = list(map(content, pipec.load(compiled(text), **arguments)))
        for options in ({}, {"process": True}, {"mode": "debug"}):
            loader = pipec.load(compiled(text), memory="8MB", **arguments, **options).start()
            time.sleep(0.1)
            due(loader.stats()["memory_used"] < 3e6, loader.stats())
            held = []
            raises(pipec.HeldError, lambda: [held.append(b) for b in loader])
            due(len(held) > 100 and loader.stats()["memory_used"] < 8.5e6, (len(held), loader.stats()))
            del held[:50]
            held.append(next(iter(loader)))
            n = len(held) + 50
            due(list(map(content, held)) == due_all[50:n])
            held.clear()
            due([content(b) for b in loader] == due_all[n:])
    held = []
    loader = pipec.load(compiled(RANGE), n=32000)
    raises(pipec.HeldError, lambda: [held.append(b) for b in loader])
    due(len(held) == 64)


def test_the_sidecar_is_killed(folder):
    loader = pipec.load(compiled(RANGE), n=1000000, process=True)
    it = iter(loader)
    batch = [next(it) for _ in range(9)][-1]
    seen = content(batch)
    (pid,) = served()
    os.kill(pid, signal.SIGKILL)
    numbers = []
    raises(pipec.ProcessError, lambda: [numbers.append(b.number) for b in it], str(pid), "signal 9", "state")
    due(not served() and content(batch) == seen)
    raises(pipec.ProcessError, lambda: next(iter(loader)))
    loader.load_state_dict(loader.state_dict())
    due(next(iter(loader)).number == 9 + len(numbers))


def killed(folder, then):
    """The pid of a sidecar whose program was killed in mid-epoch, after `then`."""
    path = folder / "script.py"
    path.write_text("import os, sys, time, pipec\nloader = pipec.load(sys.argv[1], n=1000000, process=True)\nit = iter(loader)\nkept = [next(it) for _ in range(5)]\n"
                    + then + "\nprint('ready', flush=True)\ntime.sleep(1000)\n")
    p = subprocess.Popen([sys.executable, path, compiled(RANGE)], stdout=subprocess.PIPE, text=True)
    due(p.stdout.readline() == "ready\n")
    (pid,) = [int(n) for n in pathlib.Path(f"/proc/{p.pid}/task/{p.pid}/children").read_text().split() if is_served(int(n))]
    p.kill()
    p.communicate()
    return pid


def test_the_program_is_killed(folder):
    due(gone(killed(folder, "")))


def test_the_program_is_killed_and_a_fork_of_it_lives(folder):
    pid = killed(folder, "child = os.fork()\nif not child:\n    open('fork', 'w').write(str(os.getpid()))\n    os.close(1)\n    time.sleep(1000)")
    due(gone(pid))
    for _ in range(1000):
        if pathlib.Path("fork").exists() and pathlib.Path("fork").read_text():
            break
        time.sleep(0.01)
    os.kill(int(pathlib.Path("fork").read_text()), signal.SIGKILL)


def test_ctrl_c_while_waiting(folder):
    slow = "feature slow()\nfrom range(0, 100000)\ny = fold s = 0.0 for i in 0..20000000: s + sqrt(f32(i * value % 7))\nbatch(1000)\nemit y\n"
    path = folder / "script.py"
    path.write_text("import sys, pipec\nloader = pipec.load(sys.argv[1], process=True)\nloader.start()\nprint('ready', flush=True)\ntry:\n    next(iter(loader))\n"
                    "except KeyboardInterrupt:\n    print('interrupted')\nprint(len(list(pipec.load(sys.argv[2], process=True))))\n")
    p = subprocess.Popen([sys.executable, path, compiled(slow), compiled(RANGE)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         start_new_session=True)
    due(p.stdout.readline() == "ready\n")
    time.sleep(0.3)
    os.killpg(p.pid, signal.SIGINT)                 # as a terminal does: to both
    out = p.communicate()[0]
    due(out == "interrupted\n62\n" and p.returncode == 0, out)


def test_ctrl_c_while_it_starts(folder):
    """However early it comes, the sidecar knows nothing of it."""
    first = folder / "first"
    first.write_text(f'#!/bin/sh\nkill -INT $$\nexec {sys.executable} "$@"\n')
    first.chmod(0o755)
    p = script("import sys, pipec\nsys.executable = sys.argv[2]\nprint(sum(1 for _ in pipec.load(sys.argv[1], process=True)))\n",
               folder, [compiled(RANGE), first])
    due(p.stdout == "62\n", p.stdout)


def test_a_record_fails(folder):
    loader = pipec.load(compiled(FAILS), process=True)
    error = raises(pipec.RecordError, lambda: list(loader), "no good")
    due((error.record, error.line, error.operator) == (41, 3, "y"))
    loader = pipec.load(compiled(FAILS), process=True, on_error="skip", report="bad.jsonl")
    due(sum(1 for _ in loader) == 10 and loader.stats()["bad_records"] == 1)
    loader.close()
    due('"index": 41' in pathlib.Path("bad.jsonl").read_text())


def reported():
    lines = map(json.loads, pathlib.Path("bad.jsonl").read_text().splitlines())
    return [line["index"] for line in lines]


def test_the_report_is_that_of_the_batches_taken(folder):
    """Whatever the process is ahead; the same holds of the numbers."""
    for process in (False, True):
        loader = pipec.load(compiled(OFTEN), process=process, on_error="skip", report="bad.jsonl")
        loader.start()
        it = iter(loader)
        for n in range(1, 8):
            next(it)
            time.sleep(0.02)
            loader._handle.begin()                  # looks for the next one, takes none
            due(reported() == list(range(7, 8 * n, 8)), (process, n, reported()))
            due(loader.stats()["bad_records"] == n and f"batches {n}\n" in str(loader.state_dict()).replace("\\n", "\n"), process)
        states = [pipec.load(compiled(OFTEN), process=process, on_error="skip"), loader]
        for _ in range(3):
            next(iter(states[0]))
        loader.load_state_dict(states[0].state_dict())
        due([b.number for _, b in zip(range(5), loader)] == [3, 4, 5, 6, 7])
        due(reported() == [7, 15, 23, 31, 39, 47, 55, 31, 39, 47, 55, 63], reported())
        due(loader.stats()["bad_records"] == 12 and loader.stats()["batches"] == 12)
        loader.close()
        due(len(reported()) == 12)


def test_a_state_that_is_refused_changes_nothing(folder):
    other = pipec.load(compiled(FAILS))
    next(iter(other))
    for process in (False, True):
        loader = pipec.load(compiled(RANGE), process=process)
        it = iter(loader)
        numbers = [next(it).number for _ in range(5)]
        for _ in range(2):
            raises(pipec.StateError, lambda: loader.load_state_dict(other.state_dict()))
            due(len(loader) == 62, (process, len(loader)))
            numbers += [b.number for _, b in zip(range(5), loader)]
        due(numbers + [b.number for b in loader] == list(range(62)), process)


def test_the_length_of_an_empty_epoch(folder):
    for process in (False, True):
        due(len(pipec.load(compiled(RANGE), n=3, process=process)) == 0)
        loader = pipec.load(compiled(RANGE), n=3, process=process)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(5):
                loader._handle.begin()              # looks for a batch
                time.sleep(0.05)
            due(len(loader) == 0)
            due(list(loader) == [] and len(loader) == 0)


def test_ranks_that_share_a_report(folder):
    """Of loaders that write at once, the lines stay whole."""
    for process in (False, True):
        pathlib.Path("bad.jsonl").unlink(missing_ok=True)
        for epoch in (0, 1):
            ranks = [pipec.load(compiled(OFTEN), process=process, on_error="skip", report="bad.jsonl", rank=r, world=3, epoch=epoch) for r in range(3)]
            for _ in zip(*ranks):
                pass
            for loader in ranks:
                loader.close()
        lines = [json.loads(line) for line in pathlib.Path("bad.jsonl").read_text().splitlines()]
        due(sorted((x["epoch"], x["index"], x["rank"]) for x in lines) ==
            sorted((e, 8 * i + 7, i % 3) for e in (0, 1) for i in range(99)), lines)


def test_what_is_wrong_is_told_as_without(folder):
    loader = pipec.load(compiled(LINES), root="nowhere", process=True)
    raises(pipec.SourceError, loader.start, "nowhere")
    raises(pipec.SourceError, lambda: next(iter(loader)), "nowhere")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        due(list(pipec.load(compiled(RANGE), n=3, process=True)) == [])
    due(len(told) == 1 and "no batch" in str(told[0].message))
    raises(pipec.ParameterError, lambda: pipec.load(compiled(LINES), process=True), "root")
    state = pipec.load(compiled(FAILS)).state_dict()
    loader = pipec.load(compiled(RANGE), process=True, state=state)
    raises(pipec.StateError, loader.start, "changed")


def test_a_fork_is_told(folder):
    p = script("""
import os, sys, warnings, pipec
warnings.simplefilter('ignore')
loader = pipec.load(sys.argv[1], process=True)
batch = next(iter(loader))
pid = os.fork()
if not pid:
    try:
        next(iter(loader))
    except pipec.Error as error:
        assert 'another process' in str(error)
    del loader, batch
    sys.exit(7)
assert os.waitpid(pid, 0)[1] == 7 << 8
print(sum(1 for _ in loader))
""", folder, [compiled(RANGE)])
    due(p.stdout == "61\n" and p.returncode == 0, p.stdout)


def test_nothing_is_left(folder):
    gc.collect()
    files = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pipec.load(compiled(RANGE), process=True) as loader:
            for batch in loader:
                break
            maps = pathlib.Path("/proc/self/maps").read_text()
            due("/memfd:pipert (deleted)" in maps and "/dev/shm" not in maps)
        del batch
    gc.collect()
    due(len(os.listdir("/proc/self/fd")) <= files and not served())
