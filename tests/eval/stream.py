"""`--hash` runs the stream: batches, padding, ragged fields, `where`, `each`, draws below `batch`, against bytes put together here."""
import subprocess
import numpy as np
import xxhash
from run import Wrong, child, uniform


def stream(bench, text, *flags):
    dsl = bench.dir / "s.dsl"
    dsl.write_text(text)
    p = subprocess.run([str(bench.bin / "pipec"), "eval", str(dsl), "--hash", *flags], capture_output=True, text=True, timeout=300)
    if p.returncode:
        raise Wrong(p.stderr[-1500:])
    return p.stdout.split()[1]


def same(bench, name, text, parts, *flags):
    due = xxhash.xxh3_64_hexdigest(b"".join(np.ascontiguousarray(x).tobytes() for x in parts))
    got = stream(bench, text, *flags)
    if got != due:
        raise Wrong(f"{name}: hash {got}, {due} is due")


def ragged(rows, dtype):
    values = np.concatenate([np.ravel(r) for r in rows]).astype(dtype)
    offsets = np.cumsum([0] + [np.size(r) for r in rows], dtype=np.int64)
    return [values, offsets]


def check(bench):
    same(bench, "partial", "feature f()\nfrom range(0, 7)\ny = i32(value * value)\nbatch(3, last = partial)\nemit y\n",
         [np.int32([v * v for v in range(a, min(a + 3, 7))]) for a in (0, 3, 6)])
    same(bench, "pad", "feature f()\nfrom range(0, 5)\ny = [value, 1]\nbatch(3, last = pad)\nemit y, valid\n",
         [np.int64([[0, 1], [1, 1], [2, 1]]), np.int64(3), np.int64([[3, 1], [4, 1], [0, 0]]), np.int64(2)])
    parts = []
    for k in (0, 2):
        rows = [np.arange(v % 4) * .5 for v in (k, k + 1)]
        longest = -(-max(map(len, rows)) // 2) * 2
        padded = np.full((2, longest), -1, np.float32)
        for r, row in enumerate(rows):
            padded[r, :len(row)] = row
        parts += [*ragged(rows, np.float32), np.int64([len(r) for r in rows]), padded, np.float32(padded.sum(dtype=np.float32)) + uniform("s/uniform#0", k // 2, seed=9)]
    same(bench, "ragged", "feature f()\nfrom range(0, 4)\nx = for i in 0..value % 4: f32(i) * .5\nbatch(2)\np = padded(x, -1, 2)\ns = sum(p) + uniform(0, 1)\nemit x, lengths(x), p, s\n"
         .replace("emit x, lengths(x)", "emit x, n = lengths(x)"), parts, "--seed", "9")
    rows = [(v, k, uniform("u/uniform#0", child(v, k), seed=3, epoch=1)) for v in range(6) if v != 2 for k in range(v % 3)]
    kept = [r for r in rows if r[0] + r[1] != 4]
    parts = []
    for a in range(0, len(kept), 2):
        part = kept[a:a + 2]
        parts += [np.int64([r[0] * 10 + r[1] for r in part]), np.float32([r[2] for r in part])]
    same(bench, "each", "feature f()\nfrom range(0, 6)\nwhere value != 2\neach k in for k in 0..value % 3: k\nu = uniform(0, 1)\nwhere value + k != 4\ny = 10 * value + k\nbatch(2, last = partial)\nemit y, u\n",
         parts, "--seed", "3", "--epoch", "1")
    bad = "feature f()\nfrom range(0, 6)\ny = 12 // (value - 2)\nbatch(3)\nemit y\n"
    same(bench, "skip", bad, [np.int64([-6, -12, -6]), np.int64([12, 6, 4])], "--on-error", "skip")
    p = subprocess.run([str(bench.bin / "pipec"), "eval", str(bench.dir / "s.dsl"), "--hash"], capture_output=True, text=True)
    if p.returncode != 1 or "division by zero" not in p.stderr:
        raise Wrong(f"a failed record: status {p.returncode}, {p.stderr}")
    p = subprocess.run([str(bench.bin / "pipec"), "eval", str(bench.dir / "s.dsl"), "--sample", "6"], capture_output=True, text=True)
    if p.returncode != 1 or "no record 6" not in p.stderr:
        raise Wrong(f"no such record: status {p.returncode}, {p.stderr}")
