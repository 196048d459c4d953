"""What a program does around its loader: signals, forks, other interpreters, its end."""
import os
import pathlib
import signal
import subprocess
import sys
import sysconfig
import time
import pipec
from harness import LINES, RANGE, Skip, compiled, due, script

SLOW = """feature slow()
from range(0, 100000)
y = fold s = 0.0 for i in 0..20000000: s + sqrt(f32(i * value % 7))
batch(1000)
emit y
"""


def test_ctrl_c_while_waiting(folder):
    path = folder / "script.py"
    path.write_text("import sys, pipec\nloader = pipec.load(sys.argv[1])\nprint('ready', flush=True)\ntry:\n    next(iter(loader))\n"
                    "except KeyboardInterrupt:\n    print('interrupted')\nloader = pipec.load(sys.argv[2])\nprint(sum(1 for _ in loader))\n")
    p = subprocess.Popen([sys.executable, path, compiled(SLOW), compiled(RANGE)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    due(p.stdout.readline() == "ready\n")
    time.sleep(0.3)
    p.send_signal(signal.SIGINT)
    out = p.communicate()[0]
    due(out == "interrupted\n62\n" and p.returncode == 0, out)


def test_ctrl_c_while_a_source_opens(folder):
    with open("long", "wb") as f:
        f.truncate(40 << 30)                        # a line of 40 GB, without a block on disk
    for process in ("False", "True"):
        p = script(f"""
import os, signal, sys, threading, pipec
loader = pipec.load(sys.argv[1], root='long', process={process})
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    loader.start()
except KeyboardInterrupt:
    print('interrupted')
try:
    next(iter(loader))
except pipec.SourceError as error:
    print('cancel' in str(error) or 'stopped' in str(error))
os.truncate('long', 3)
loader.epoch = 1
print(sum(1 for _ in loader))
os.truncate('long', 40 << 30)
""", folder, [compiled(LINES)])
        due(p.stdout == "interrupted\nTrue\n1\n", p.stdout)


def test_other_threads_run_while_one_waits(folder):
    p = script("import sys, threading, time, pipec, os\nn = 0\nit = iter(pipec.load(sys.argv[1]))\nthreading.Thread(target=lambda: next(it), daemon=True).start()\n"
               "for _ in range(50):\n    time.sleep(0.002)\n    n += 1\nprint(n, flush=True)\nos._exit(0)\n", folder, [compiled(SLOW)])
    due(p.stdout == "50\n", p.stdout)


def test_a_fork_is_told(folder):
    p = script("""
import os, sys, warnings, pipec
warnings.simplefilter('ignore')
def asleep(thread):
    return open(f'/proc/self/task/{thread}/stat').read().rsplit(')')[1].split()[0] == 'S'
loader = pipec.load(sys.argv[1])
batch = next(iter(loader))
sys.stdout.flush()
# The memory of AddressSanitizer (gcc 12) does not survive a fork while another thread takes some.
while 'SANITIZED' in os.environ and not all(map(asleep, os.listdir('/proc/self/task')[1:])):
    pass
pid = os.fork()
if not pid:
    for call in (lambda: next(iter(loader)), loader.stats, lambda: len(loader), loader.state_dict):
        try:
            call()
        except pipec.Error as error:
            assert 'another process' in str(error) and 'pipec.load' in str(error), error
        else:
            raise SystemExit(3)
    assert batch.y.tolist()[0] == 1
    del batch
    assert sum(1 for _ in pipec.load(sys.argv[1])) == 62
    loader.close()
    sys.exit(7)
assert os.waitpid(pid, 0)[1] == 7 << 8
print(sum(1 for _ in loader))
""", folder, [compiled(RANGE)])
    due(p.stdout == "61\n" and p.returncode == 0, p.stdout)


def test_spawned_processes_get_loaders_of_their_own(folder):
    p = script("""
import multiprocessing, sys, pipec
def count(loader):
    return sum(1 for _ in loader)
if __name__ == '__main__':
    loader = pipec.load(sys.argv[1])
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        print(pool.map(count, [loader]), count(loader))
""", folder, [compiled(RANGE)])
    due(p.stdout == "[62] 62\n", p.stdout)


def test_interpreters_beside_each_other(folder):
    p = script("""
import sys, threading, pipec
try:
    import _interpreters as interpreters
    run = interpreters.exec
except ImportError:
    import _xxsubinterpreters as interpreters
    run = interpreters.run_string
own_gil = sys.version_info >= (3, 13)
code = 'import pipec; assert sum(1 for _ in pipec.load(%r)) == 62\\nkept = next(iter(pipec.load(%r)))' % (sys.argv[1], sys.argv[1])
mine, told = next(iter(pipec.load(sys.argv[1]))), []
for _ in range(3):
    one, two = interpreters.create(), interpreters.create()
    if own_gil:
        threads = [threading.Thread(target=lambda i=i: told.append(run(i, code))) for i in (one, two)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    else:
        told += [run(one, code), run(two, code)]
    interpreters.destroy(one)
    interpreters.destroy(two)
assert told == [None] * 6, told
print(mine.y.tolist()[0], sum(1 for _ in pipec.load(sys.argv[1])))
""", folder, [compiled(RANGE)])
    due(p.stdout == "1 62\n" and p.returncode == 0, p.stdout)


def test_the_end_of_the_program_with_everything_open(folder):
    p = script("import sys, pipec\nloader = pipec.load(sys.argv[1])\nit = iter(loader)\nbatch = next(it)\nview = memoryview(batch.y)\ncapsule = batch.y.__dlpack__()\nprint('end')\n",
               folder, [compiled(RANGE)])
    due(p.stdout == "end\n" and p.returncode == 0, p.stdout)


def test_nothing_is_left_in_the_system(folder):
    threads = len(os.listdir("/proc/self/task"))
    for _ in range(20):
        with pipec.load(compiled(RANGE)) as loader:
            for batch in loader:
                break
            del batch
    due("/dev/shm" not in pathlib.Path("/proc/self/maps").read_text() and len(os.listdir("/proc/self/task")) == threads)
    files = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        pipec.load(compiled(RANGE)).start()
    due(len(os.listdir("/proc/self/fd")) == files)


def test_the_gil_stays_off(folder):
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise Skip("this Python has a GIL")
    next(iter(pipec.load(compiled(RANGE))))
    due(not sys._is_gil_enabled())
