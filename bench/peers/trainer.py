"""The trainer of every peer: takes batches, does nothing with them, and says what they
cost. Nothing is imported here that a start would be charged for.

    peer_X.py about
    peer_X.py images ROOT THREADS
    peer_X.py first ROOT THREADS
    peer_X.py cheap
    peer_X.py resume

A peer gives run() a dict: `about`, a function that says the version and the form of the
loader; `images(root, threads)`, which gives a function that iterates an epoch of
(images, labels); where it can, `cheap()`, which iterates batches of a range with one
added; `resume(n, batches)`, which goes through so many batches of n shuffled integers
and gives its state and the batch behind them, and `open_at(n, state)`, a new loader's
first batch. Prints one JSON object. BEGAN in the environment is when the process was
started, on CLOCK_MONOTONIC; FIRST a file for decoding()."""
import os
import sys
import time

BATCH, SIDE = 256, 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RECORDS = 1_281_167         # of the index sets that are resumed
CHEAP = 1 << 30             # more integers than anybody gets through
TICK = 1 / os.sysconf("SC_CLK_TCK")
now = time.monotonic
seen = False


def decoding():
    """Called by what decodes a record, in any process: the first call is noted."""
    global seen
    if seen:
        return
    seen = True
    try:
        note = os.open(os.environ["FIRST"], os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return
    os.write(note, str(now()).encode())
    os.close(note)


def files(root):
    """Every path below a folder per class, and the number of its class."""
    classes = sorted(e.name for e in os.scandir(root) if e.is_dir())
    return [(f.path, label) for label, name in enumerate(classes)
            for f in sorted(os.scandir(os.path.join(root, name)), key=lambda f: f.name)
            if f.name.endswith(".jpg")]


def crop_box(h, w):
    """For peers without one of their own: top, left, height, width of a window of 8 to
    100 % of the area, its ratio 3:4 to 4:3."""
    import math
    import random

    for _ in range(10):
        area = w * h * random.uniform(.08, 1)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        cw, ch = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < cw <= w and 0 < ch <= h:
            return random.randint(0, h - ch), random.randint(0, w - cw), ch, cw
    return 0, 0, h, w


# ---- the process tree: everything in this session ----

def tree():
    """(process id, fields of /proc/PID/stat behind its name)."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == os.getsid(0):
            yield pid, fields


def cpu_seconds():
    """Of all that live, and of what they have waited for."""
    return sum(sum(map(int, fields[11:15])) for _, fields in tree()) * TICK


def resident_mb():
    """Pages that several share are divided among them."""
    kb = 0
    for pid, _ in tree():
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                kb += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except OSError:
            continue
    return kb * 1024 / 1e6


# ---- images ----

def check_images(x):
    import numpy as np
    x = np.asarray(x)
    assert x.dtype == np.float32, x.dtype
    assert x.shape in ((BATCH, 3, SIDE, SIDE), (BATCH, SIDE, SIDE, 3)), x.shape
    assert np.isfinite(x).all() and x.min() > -2.13 and x.max() < 2.65, (x.min(), x.max())
    assert abs(x.mean()) < .4 and .5 < x.std() < 1.5, (x.mean(), x.std())
    assert len(np.unique(x.mean((1, 2, 3)))) > BATCH - 6, "images come more than once"
    return f"f32 {'NCHW' if x.shape[1] == 3 else 'NHWC'}"


def check_labels(labels, root):
    """An epoch has every record once."""
    import numpy as np

    want = np.bincount([label for _, label in files(root)])
    got = np.bincount(labels.astype(int).ravel(), minlength=len(want))
    assert (got == want).all(), (got, want)


def first_batch(epoch):
    """The epoch's iterator, its first batch, and when that came, since BEGAN."""
    began = float(os.environ["BEGAN"])
    asked = now()
    batches = iter(epoch())
    batch = next(batches)
    got = now()
    decoded = asked
    if os.path.exists(os.environ["FIRST"]):
        with open(os.environ["FIRST"]) as f:
            decoded = float(f.read())
    return batches, batch, dict(first_s=got - began, before_s=decoded - began)


def touch(x):
    """A number of every 64 KB is read: what lies in the memory of another process is
    mapped then, all of it, as a fault maps what is around it."""
    x.ravel(order="K")[::1 << 14].max()


def warm_epoch(batches, first, root):
    import numpy as np

    said, labels = dict(output=check_images(first[0])), [np.array(first[1])]
    del first
    for i, (image, label) in enumerate(batches):
        touch(image)
        labels.append(np.array(label))
        if i < 4:
            said["resident_mb"] = max(said.get("resident_mb", 0), resident_mb())
    check_labels(np.concatenate(labels), root)
    return said


def timed_epoch(epoch):
    records = 0
    cpu = cpu_seconds()
    own, began = time.process_time(), now()
    for images, labels in epoch():
        touch(images)
        records += len(labels)
    seconds, own = now() - began, time.process_time() - own
    return dict(seconds=seconds, records=records, cpu_s=cpu_seconds() - cpu, own_s=own)


def measure_images(peer, root, threads):
    epoch = peer["images"](root, int(threads))
    batches, *first, said = first_batch(epoch)
    said |= warm_epoch(batches, first.pop(), root)
    return said | timed_epoch(epoch)


def measure_first(peer, root, threads):
    return first_batch(peer["images"](root, int(threads)))[2]


# ---- integers ----

def measure_cheap(peer, seconds=1.0):
    """After as much time that is not counted."""
    batches, records, began = iter(peer["cheap"]()), 0, now()
    first = next(batches)
    assert list(first) == list(range(1, BATCH + 1)), first
    while now() - began < seconds:
        next(batches)
    began = now()
    while now() - began < seconds:
        records += len(next(batches))
    return dict(records=records, seconds=now() - began)


def timed(call, *args):
    began = now()
    batch = call(*args)
    return batch, now() - began


def measure_resume(peer):
    """From nothing to the first batch, at 63 % of the epoch and at its beginning."""
    state, want = peer["resume"](RECORDS, int(RECORDS * .63) // BATCH)
    _, fresh = timed(peer["open_at"], RECORDS, None)
    got, resumed = timed(peer["open_at"], RECORDS, state)
    assert list(got) == list(want), (got, want)
    return dict(seconds=resumed, fresh_s=fresh)


def run(peer):
    mode = dict(about=lambda p: p["about"](), images=measure_images, first=measure_first,
                cheap=measure_cheap, resume=measure_resume)[sys.argv[1]]
    said = mode(peer, *sys.argv[2:])
    import json
    print(json.dumps(said), flush=True)
