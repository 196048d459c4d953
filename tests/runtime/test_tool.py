#!/usr/bin/python3
"""`pipert run` where things go wrong around it: full disks, wrong paths, interrupts. Usage: test_tool.py PIPERT FOLDER [CC ...]"""
import json, os, pathlib, re, signal, subprocess, sys, time

pipert, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
cc = sys.argv[3:] or ["cc"]
here = pathlib.Path(__file__).resolve().parent
passed = failed = 0


def check(good, *what):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(*what, flush=True)


def slow(name, **more):
    so = folder / f"{name}.so"
    more.setdefault("KEPT", 0)
    subprocess.run([*cc, "-O1", "-shared", "-fPIC", f"-I{here}/../../runtime", *[f"-D{k}={v}" for k, v in more.items()], here / "feature_slow.c", "-o", so], check=True)
    return so


def run(*args, out=subprocess.PIPE):
    p = subprocess.run([str(a) for a in (pipert, *args)], stdout=out, stderr=subprocess.PIPE, text=True, timeout=120)
    return p.returncode, p.stdout or "", p.stderr


def expect(status, text, *args, **more):
    got = run(*args, **more)
    check(got[0] == status and text in got[2] and "Sanitizer" not in got[2], args, got, "due:", status, text)
    return got


def test_files_that_cannot_be_written():
    bad, good = slow("bad", BATCH=10, BAD=3), slow("good", BATCH=10)
    few = ("--set", "n=100")
    expect(1, "report /dev/full cannot be written: No space", "run", bad, *few, "--on-error", "skip", "--report", "/dev/full")
    for option in ("--state", "--report", "--show", "--dump"):
        path = "/dev/null/x" if option == "--dump" else f"{folder}/absent/x"
        got = expect(1, "/dev/null" if option == "--dump" else path, "run", good, *few, option, path)
        check("cannot be written" in got[2] and not got[1], got)
    expect(1, "is no regular file", "run", good, *few, "--state", "/dev/null")
    check(os.path.exists("/dev/null") and not os.path.isfile("/dev/null"))
    expect(1, "no output holds", "run", good, *few, "--show", folder / "sheet.png")
    (folder / "dump/big.0001.npy").mkdir(parents=True, exist_ok=True)
    expect(1, f"{folder}/dump/big.0001.npy cannot be written", "run", good, *few, "--dump", folder / "dump")
    with open("/dev/full", "w") as full:
        for args in (("--help",), ("--version",), ("run", good, *few, "--hash", "--quiet"), ("run", good, *few, "--json"), ("run", good, *few)):
            expect(1, "output cannot be written: No space", *args, out=full)


def test_cache():
    """What is in a folder by the names of a cache goes; nothing else does."""
    at = folder / "values"
    at.mkdir(mode=0o700)
    names = ["pipec-0123456789abcdef.values", "pipec-0123456789abcdef.index", "notes.txt"]
    for name in names:
        (at / name).write_text("x" * 50)
    out = expect(0, "", "cache", at)[0:2]
    check(re.search(r"values: 100 B\n.*last used\n +0 +1 +100 B +20\d\d-.* of another version, or damaged\n$", out[1], re.S), out)
    check(sorted(os.listdir(at)) == sorted(names))
    check(run("cache", at, "--clear")[1] == f"{at}: empty\n" and os.listdir(at) == ["notes.txt"])
    expect(1, "No such file", "cache", folder / "absent")
    expect(2, "which folder?", "cache")
    expect(2, "`--clean` will not do", "cache", at, "--clean")
    expect(2, "`b` will not do", "cache", "a", "b")
    check(not (folder / "absent").exists())


def test_explain():
    """Where the time went: of two threads, so many seconds and shares that add up."""
    good = slow("explained", BATCH=10)
    for more in ((), ("--process",)):
        err = expect(0, "threads over time:", "run", good, "--set", "n=2000", "--set", "ns=100000", "--threads", 2, "--explain", *more)[2]
        shares = [float(n) for n in re.findall(r"([0-9.]+) %", err.split("time of the threads:")[1])]
        waited = float(re.search(r"the caller waited ([0-9.]+) %", err)[1])
        check(len(shares) == 4 and 98 < sum(shares) < 102 and 0 < waited <= 100, err)
    check("threads over time" not in run("run", good, "--set", "n=100")[2])
    for wrong in ("-1", "3601", "x", "nan"):
        expect(2, "--control-interval", "run", good, "--control-interval", wrong)


def test_a_report_that_cannot_be_closed():
    """A file system may tell of a full disk no sooner."""
    bad = slow("late", BATCH=10, BAD=3)
    (folder / "late.c").write_text("""#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
int fclose(FILE *f) {
    struct stat s, t;
    int late = !fstat(fileno(f), &s) && !stat(getenv("LATE"), &t) && s.st_ino == t.st_ino;
    int status = ((int (*)(FILE *))dlsym(RTLD_NEXT, "fclose"))(f);
    return late ? errno = ENOSPC, EOF : status;
}
""")
    subprocess.run(["cc", "-shared", "-fPIC", folder / "late.c", "-o", folder / "late_close.so", "-ldl"], check=True)
    os.environ.update(LD_PRELOAD=str(folder / "late_close.so"), LATE=str(folder / "late.json"))
    got = run("run", bad, "--set", "n=100", "--on-error", "skip", "--report", folder / "late.json")
    del os.environ["LD_PRELOAD"], os.environ["LATE"]
    if "does not come first" not in got[2]:                 # a sanitizer wants to be loaded first
        check(got[0] == 1 and got[2].count("late.json cannot be written: No space") == 1, got)


def catches_interrupts(process):
    """Whether it has set up what SIGINT does; before that it dies of it."""
    caught = re.search(r"SigCgt:\s*(\w+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())
    return bool(caught and int(caught[1], 16) >> (signal.SIGINT - 1) & 1)


# A batch takes 100 s: who ends before has not waited for it.
def test_an_interrupt_ends_the_run():
    for kept in (0, 1):
        so = slow(f"slow{kept}", BATCH=1000, KEPT=kept)
        for mode in ("debug", "streaming", "batch"):
            p = subprocess.Popen([pipert, "run", so, "--set", "ns=100000000", "--mode", mode, "--threads", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while p.poll() is None and not catches_interrupts(p):
                time.sleep(.05)
            time.sleep(.6)
            p.send_signal(signal.SIGINT)
            out, err = p.communicate(timeout=90)
            check(p.returncode == 130 and "0 records in 0 batches" in out, kept, mode, p.returncode, out, err)


def test_what_debug_computes_is_the_same_with_any_patience():
    for kept in (0, 1):
        so = slow(f"patient{kept}", BATCH=7, KEPT=kept)
        due = run("run", so, "--set", "n=60", "--hash", "--quiet")
        got = run("run", so, "--set", "n=60", "--set", "ns=30000000", "--hash", "--quiet", "--mode", "debug")
        check(due == got and due[0] == 0, due, got)


def test_a_batch_that_no_machine_holds():
    expect(1, "make the batch smaller, or the dimensions of `big`", "run", slow("huge", BATCH=1 << 20, BYTES=1 << 32))
    expect(1, "make the batch smaller, or the dimensions of `big`", "run", slow("huger", BATCH="(INT64_C(1)<<40)", BYTES="(INT64_C(1)<<40)"))


def test_an_epoch_without_a_batch():
    so = slow("few", BATCH=10)
    got = expect(0, "its 7 records are fewer than the 10 of one, and `last = drop` drops them", "run", so, "--set", "n=7")
    check(got[2].count("\n") == 1, got)
    expect(0, "its 1 record is fewer", "run", so, "--set", "n=1", "--epochs", "3")
    expect(1, "there was no batch to show", "run", so, "--set", "n=7", "--show", folder / "none.png")


def test_why_no_record_is_good():
    for kept in (0, 1):
        so = slow(f"none{kept}", BATCH=10, BAD=1, KEPT=kept)
        text = "none of 20 records is left" if kept else "no record of batch 0 is good; the first: record 0 failed: slow.dsl:3: sleep: 0 is bad"
        expect(1 - kept, text, "run", so, "--set", "n=20", "--on-error", "skip")
    expect(1, "the last: record 9 failed: slow.dsl:3: sleep: 9 is bad", "run", slow("third", BATCH=10, BAD=3), "--set", "n=20", "--on-error", "skip", "--max-errors", "3")


def test_summaries_and_states():
    so = slow("ten", BATCH=10)
    check(run("run", so, "--set", "n=10")[1].startswith("10 records in 1 batch, "))
    state = folder / "state"
    state.unlink(missing_ok=True)
    run("run", so, "--set", "n=100", "--batches", "3", "--state", state)
    text = state.read_text()
    for old, new in (("epoch 0", "epoch -1"), ("batches 3", "batches 11"), ("batches 3", "batches -2"), ("seed 0", "seed -5"), ("bad 0", "bad -1")):
        assert old in text
        state.write_text(text.replace(old, new))
        expect(1, f"{state}: the state" if new != "batches 11" else "the epoch of 100 places has no batch 11", "run", so, "--set", "n=100", "--state", state)


folder.mkdir(parents=True, exist_ok=True)
for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
