"""What the oracles of tests/features share: running a feature everywhere, reading what it dumped, data, and the draws of docs/language.md section 9."""
import io
import json
import os
import pathlib
import struct
import subprocess
import sys
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "std"))
M64 = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
MEAN, STD = np.array([.485, .456, .406]), np.array([.229, .224, .225])


class Wrong(Exception):
    pass


# ---- running -------------------------------------------------------------
class Run:
    """What one `pipert run` left: fields {name: [an array for each batch]}, the JSON object, the hash, the report."""

    def __init__(self, process, dump, report):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr
        lines = self.out.splitlines()
        self.json = json.loads(next((x for x in lines if x.startswith("{")), "{}"))
        self.hash = next((x.split()[1] for x in lines if x.startswith("hash ")), None)
        self.report = [json.loads(x) for x in report.read_text().splitlines() if x] if report.exists() else []
        self.fields = {}
        for f in sorted(dump.glob("*.npy")):
            self.fields.setdefault(f.name.rsplit(".", 2)[0], []).append(np.load(f))

    def all(self, name):
        return np.concatenate(self.fields[name])

    def rows(self, name):
        """The tensors of a ragged field over all batches."""
        out = []
        for k, offsets in enumerate(self.fields[name + ".offsets"]):
            values = self.fields[name][k].reshape(-1)
            need(offsets[0] == 0 and offsets[-1] == len(values), f"{name}: offsets end at {offsets[-1]} of {len(values)}")
            shapes = self.fields[name + ".shapes"][k] if name + ".shapes" in self.fields else [(-1,)] * (len(offsets) - 1)
            out += [values[a:b].reshape(s) for a, b, s in zip(offsets, offsets[1:], shapes)]
        return out


class Bench:
    """A folder to work in, and the two tools."""

    def __init__(self, bin, folder):
        self.bin, self.dir, self.count = pathlib.Path(bin).resolve(), pathlib.Path(folder), 0

    def file(self, name, data):
        p = self.dir / name
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_bytes(data.encode() if isinstance(data, str) else bytes(data))
        return p

    def sh(self, *argv, check=True, timeout=600):
        p = subprocess.run([str(a) for a in argv], cwd=self.dir, capture_output=True, text=True, errors="replace", timeout=timeout)
        if check and p.returncode:
            raise Wrong(f"{' '.join(str(a) for a in argv)}\nstatus {p.returncode}\n{p.stdout[-800:]}{p.stderr[-2500:]}")
        return p

    def fresh(self, name):
        self.count += 1
        return self.dir / f"{name}{self.count}"

    def compile(self, dsl, D, *flags):
        so = self.fresh("f").with_suffix(".so")
        self.sh(self.bin / "pipec", dsl, "-o", so, *(f"-D{k}={v}" for k, v in D.items()), *flags)
        return so

    def run(self, so, set={}, args=(), check=True):
        dump, report = self.fresh("dump"), self.fresh("report")
        argv = [self.bin / "pipert", "run", so, "--quiet", "--json", "--hash", "--dump", dump, "--report", report]
        for k, v in set.items():
            argv += ["--set", f"{k}={v}"]
        return Run(self.sh(*argv, *args, check=check), dump, report)

    def eval_hash(self, dsl, D, set={}, args=()):
        argv = [self.bin / "pipec", "eval", dsl, "--hash", *(f"-D{k}={v}" for k, v in D.items())]
        for k, v in set.items():
            argv += ["--set", f"{k}={v}"]
        out = self.sh(*argv, *args).stdout
        return next((x.split()[1] for x in out.splitlines() if x.startswith("hash ")), None)


BUILDS = [["-O0"], ["--backend=c"], ["--backend=c", "-O0"], ["--fuse=off"], ["--reorder=off"], ["--cpu=x86-64-v2"]]


def cpu_builds():
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    return [[f"--cpu=x86-64-{v}"] for v, f in (("v3", "avx2"), ("v4", "avx512bw")) if f in flags]     # of the C back end: tests/fuzz


def everywhere(bench, dsl, D={}, set={}, args=(), threads=(1, 2, 3, 7), quick=False, interpret=True):
    """The run on one thread, after all executors gave its hash."""
    so = bench.compile(dsl, D)
    first = bench.run(so, set, ["--threads", 1, *args])
    need(first.hash, f"no hash: {first.out[-300:]}")
    seen = {}
    for n in threads[1:]:
        seen[f"threads {n}"] = bench.run(so, set, ["--threads", n, *args]).hash
    seen["process"] = bench.run(so, set, ["--process", "--threads", 2, *args]).hash
    for mode in ("batch", "debug"):
        seen[mode] = bench.run(so, set, ["--mode", mode, *args]).hash
    for flags in BUILDS[:4] if quick else BUILDS + cpu_builds():
        seen[" ".join(flags)] = bench.run(bench.compile(dsl, D, *flags), set, ["--threads", 2, *args]).hash
    if interpret:
        seen["interpreter"] = bench.eval_hash(dsl, D, set, args)
    other = {k: v for k, v in seen.items() if v != first.hash}
    need(not other, f"the hash is {first.hash} on one thread, but {other}")
    return first


# ---- comparing -----------------------------------------------------------
def need(truth, why):
    if not truth:
        raise Wrong(why)


def equal(got, due, what=""):
    got, due = np.asarray(got), np.asarray(due)
    need(got.shape == due.shape, f"{what}: shape {got.shape}, {due.shape} is due")
    bad = got != due
    if due.dtype.kind == "f":
        bad &= ~(np.isnan(got) & np.isnan(due))
    need(not bad.any(), f"{what}: {np.count_nonzero(bad)} of {bad.size} differ, first at {np.argwhere(bad)[:1].tolist()}: "
                        f"{got[bad].ravel()[:4]}, {due[bad].ravel()[:4]} is due")


def close(got, due, within, what=""):
    got, due = np.asarray(got, float), np.asarray(due, float)
    need(got.shape == due.shape, f"{what}: shape {got.shape}, {due.shape} is due")
    d = np.abs(got - due).max(initial=0)
    need(d <= within, f"{what}: off by {d}, {within} is allowed")


# ---- draws ---------------------------------------------------------------
def mix64(z):
    z &= M64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & M64
    z = (z ^ z >> 27) * 0x94D049BB133111EB & M64
    return z ^ z >> 31


def epoch_key(seed=0, epoch=0):
    return mix64(mix64(seed) + epoch)


def shuffled(n, seed=0, epoch=0):
    """The source index at each place below `shuffle`."""
    key, bits = epoch_key(seed, epoch), max(1, (n - 1).bit_length())
    low_bits = bits // 2
    masks = ((1 << low_bits) - 1, (1 << bits - low_bits) - 1)

    def turn(x):
        low, high = x & masks[0], x >> low_bits
        for r in range(6):
            if r & 1:
                low ^= mix64(high ^ mix64(key + r)) & masks[0]
            else:
                high ^= mix64(low ^ mix64(key + r)) & masks[1]
        return high << low_bits | low

    def place(x):
        x = turn(x)
        while x >= n:
            x = turn(x)
        return x
    return [place(p) for p in range(n)]


def philox(counter, key):
    a, b, c, d = counter
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        x, y = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = y >> 32 ^ b ^ k0, y & 0xFFFFFFFF, x >> 32 ^ d ^ k1, x & 0xFFFFFFFF
        k0, k1 = k0 + 0x9E3779B9 & 0xFFFFFFFF, k1 + 0xBB67AE85 & 0xFFFFFFFF
    return a, b, c, d


class Draws:
    """The draws of one record: uniform, randint and permutation by site path and element."""

    def __init__(self, record, seed=0, epoch=0):
        self.record, self.key = record, epoch_key(seed, epoch)

    def block(self, path, block):
        import xxhash
        site = xxhash.xxh3_64_intdigest(path.encode()) & 0xFFFFFFFF
        return philox((self.record & 0xFFFFFFFF, self.record >> 32, site, block), self.key)

    def uniform(self, path, a=0, b=1, e=0):
        a, b = np.float32(a), np.float32(b)
        return a + (b - a) * np.float32((self.block(path, e // 4)[e % 4] >> 8) * 2. ** -24)

    def randint(self, path, a, b, e=0):
        w = self.block(path, e // 2)
        return a + ((w[2 * (e % 2)] | w[2 * (e % 2) + 1] << 32) * (b - a) >> 64)

    def chance(self, path, p, e=0):
        return self.uniform(path + "/chance#0/uniform#0", e=e) < np.float32(p)

    def permutation(self, path, n, e=0):
        x = list(range(n))
        for i in range(n - 1, 0, -1):
            k = self.randint(path, 0, i + 1, e * n + i)
            x[i], x[k] = x[k], x[i]
        return x


def child(record, row):
    """The id of a row of `each`."""
    return mix64(record * GOLDEN + row + 1)


def std_math():
    """The elementary functions of dsl/std/math.dsl, bit by bit."""
    from evaluator import Module
    return Module(ROOT / "dsl" / "std" / "math.dsl")


# ---- pictures ------------------------------------------------------------
def picture(h, w, seed=0):
    """u8[h, w, 3] with slopes, edges, texture and colour."""
    g = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w] / max(h, w)
    f = g.uniform(4, 40, (3, 2))
    p = np.stack([.5 + .3 * np.sin(f[k, 0] * x + f[k, 1] * y) + .25 * ((x * f[k, 1]) % 1 > y) for k in range(3)], -1)
    return np.clip(255 * p + g.normal(0, 8, p.shape), 0, 255).astype(np.uint8)


def jpeg(pixels, **options):
    from PIL import Image
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", **{"quality": 88, **options})
    return out.getvalue()


def decoded(data):
    from PIL import Image
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def bilinear(n, m):
    """f64[m, n]: the weights of antialiased resampling of n samples to m."""
    scale = n / m
    at = (np.arange(m)[:, None] + .5) * scale
    w = np.clip(1 - np.abs(np.arange(n)[None] + .5 - at) / max(scale, 1), 0, None)
    return w / w.sum(1, keepdims=True)


def resized(x, h, w):
    return np.einsum("ai,bj,ijk->abk", bilinear(x.shape[0], h), bilinear(x.shape[1], w), np.asarray(x, float))


def rounded_once(got, exact, what=""):
    """u8 levels of exact real values, up to a hair of f32."""
    close(got, np.clip(exact, 0, 255), .52, what)


def crop_box(d, path, h, w, m, scale=(.08, 1), ratio=(.75, 4 / 3)):
    """torchvision's RandomResizedCrop.get_params with our draws, in f32 as std/image computes."""
    f = np.float32
    for t in range(10):
        area = f(h) * f(w) * d.uniform(path + "/uniform#0", *scale, e=t)
        low, high = (m.call("log", f(r))[()] for r in ratio)
        aspect = m.call("exp", d.uniform(path + "/uniform#1", low, high, e=t))[()]
        ch, cw = int(np.rint(np.sqrt(area / aspect))), int(np.rint(np.sqrt(area * aspect)))
        if 0 < ch <= h and 0 < cw <= w:
            return d.randint(path + "/randint#0", 0, h - ch + 1), d.randint(path + "/randint#1", 0, w - cw + 1), ch, cw
    ch = int(np.rint(f(w) / f(ratio[0]))) if w / h < ratio[0] else h
    cw = int(np.rint(f(ratio[1]) * f(h))) if w / h > ratio[1] else w
    return (h - ch) // 2, (w - cw) // 2, ch, cw


# ---- sound ---------------------------------------------------------------
def wav(samples, rate=16000, chunks=b"", bits=16, kind=1):
    """A RIFF file of i16[n] or i16[n, channels]; `chunks` stand before the format."""
    x = np.ascontiguousarray(samples, "<i2")
    channels = 1 if x.ndim == 1 else x.shape[1]
    body = chunks + struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    body += struct.pack("<4sI", b"data", x.nbytes) + x.tobytes()
    return struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WAVE") + body


def noise(n, seed=0, loud=6000, channels=None):
    g = np.random.default_rng(seed)
    t = np.arange(n)
    x = loud * np.sin(t * g.uniform(.05, 1)) + g.normal(0, loud / 20, n)
    x = x if channels is None else np.stack([x * (c + 1) / channels for c in range(channels)], 1)
    return np.clip(x, -32768, 32767).astype(np.int16)
