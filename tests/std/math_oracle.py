#!/usr/bin/python3
"""math_oracle.py [--exhaustive] [--points N] [NAME …]: the largest error of the functions of dsl/std/math.dsl, in ulp.

The text of math.dsl is evaluated an operation at a time (evaluator.py) and compared with the C library's long double,
over random bit patterns and arguments of usual size; --exhaustive: every f32 of the functions that compute in f32.
Special values are those of C99. Status 1 if a function is worse than math.dsl states.
"""
import argparse
import pathlib
import re
import sys
import numpy as np

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from evaluator import Module                                            # noqa: E402

MATH = HERE.parent.parent / "dsl" / "std" / "math.dsl"
WIDE = np.longdouble
ONE = {"exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "sin": np.sin,
       "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
       "sigmoid": lambda x: 1 / (1 + np.exp(-x))}
TWO = {"atan2": np.arctan2, "pow": np.power, "hypot": np.hypot}
IN_F32 = ("exp", "exp2", "log", "log2", "log10", "sigmoid")
CIRCLE = ("sin", "cos", "tan")


def stated():
    """{(name, dtype): ulp} from the table at the head of math.dsl."""
    out = {}
    for names, single, double in re.findall(r"^#   ([a-z0-9 ]+?)  +([\d.]+) +([\d.]+)", MATH.read_text(), re.M):
        for n in names.split():
            out[n, np.float32], out[n, np.float64] = float(single), float(double)
    return out


def ulps(got, due):
    """The distance in units of the last place of the value that was due."""
    f = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        e = np.floor(np.log2(np.abs(due)))
        e = np.where(np.isfinite(e), np.maximum(e, f.minexp), f.minexp).astype(int)
        d = np.abs(got.astype(due.dtype) - due) / np.ldexp(due.dtype.type(1), e - f.nmant)
        r = due.astype(got.dtype)
    same = (np.isnan(r) & np.isnan(got)) | (np.isinf(r) & (r == got))
    return np.where(same, 0, np.where(np.isnan(d), np.inf, d))


def points(dtype, n, g):
    words = {np.float32: np.uint32, np.float64: np.uint64}[dtype]
    x = g.integers(0, np.iinfo(words).max, n, dtype=words, endpoint=True).view(dtype)
    usual = [g.uniform(-a, a, n // 4) for a in (1e-3, 1, 2, 10, 100, 800)] + [1 + g.uniform(-a, a, n // 8) for a in (1e-2, 1e-5)]
    x = np.concatenate([x[np.isfinite(x)], *[u.astype(dtype) for u in usual]])
    g.shuffle(x)
    return x


def worst(m, name, args, wide=WIDE):
    f = ONE.get(name) or TWO[name]
    with np.errstate(all="ignore"):
        due = f(*[a.astype(wide) for a in args])
    got = m.call(name, *args)
    assert got.dtype == args[0].dtype, name
    d = ulps(got, due)
    i = int(np.argmax(d))
    return float(d[i]), [a[i] for a in args], got[i]


def sampled(m, name, dtype, n):
    g = np.random.default_rng(sum(name.encode()))
    x, y = points(dtype, n, g), points(dtype, n, g)
    if name in TWO:
        k = min(len(x), len(y))
        x, y = x[:k], y[:k]
        if name == "pow":
            x[k // 2:] = abs(x[k // 2:])
        return worst(m, name, (x, y))
    if name in CIRCLE and dtype is np.float64:
        x = x[abs(x) < 2. ** 60]                  # where long double's own reduction is exact enough
    return worst(m, name, (x,))


def exhaustive(m, name):
    found = (0.,)
    for part in range(256):
        x = np.arange(part << 24, (part + 1) << 24, dtype=np.uint32).view(np.float32)
        found = max(found, worst(m, name, (x,), np.float64), key=lambda w: w[0])
    return found


def specials(m, dtype):
    """C99's answers, by the C library: the sign of a zero counts."""
    f = np.finfo(dtype)
    v = np.array([0, .1, .5, 1, 2, 2.5, 3, 1e9, 1e9 + 1, 2. ** 24, 2. ** 53, 709.7, 709.79, 745.2, 88.7, 88.73, 103.98, 87.5,
                  np.inf, np.nan, f.max, f.tiny, f.smallest_subnormal], dtype)
    v = np.concatenate([v, -v])
    pairs = [a.ravel() for a in np.meshgrid(v, v)]
    bad = []
    for name, fn in {**ONE, **TWO}.items():
        args = pairs if name in TWO else [v]
        if name in CIRCLE and dtype is np.float64:
            args = [v[~(abs(v) > 1e30) | np.isinf(v)]]
        with np.errstate(all="ignore"):
            due = fn(*[a.astype(WIDE) for a in args]).astype(dtype)
            got = m.call(name, *args)
            far = ~((np.isnan(got) & np.isnan(due)) | (np.signbit(got) == np.signbit(due)) & ((got == due) | (abs(got - due) <= 4 * np.spacing(abs(due)))))
        bad += [f"{name}({', '.join(str(a[i]) for a in args)}) is {got[i]}, {due[i]} is due" for i in np.flatnonzero(far)]
    return bad


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--exhaustive", action="store_true")
    a.add_argument("--points", type=int, default=200000)
    a.add_argument("names", nargs="*")
    o = a.parse_args()
    m, limits, passed, failed = Module(MATH), stated(), 0, 0
    for dtype in (np.float32, np.float64):
        rows = [] if o.names else [("special values", specials(m, dtype))]
        for name in o.names or [*ONE, *TWO]:
            whole = o.exhaustive and dtype is np.float32
            if o.exhaustive and not (whole and name in IN_F32):
                continue
            ulp, at, got = exhaustive(m, name) if whole else sampled(m, name, dtype, o.points)
            print(f"{name:8}{dtype.__name__:8} {ulp:7.4f} ulp at {', '.join(map(repr, at))}", flush=True)
            limit = limits[name, dtype]
            rows.append((name, [] if ulp <= limit else [f"{ulp} ulp at {at}: {got}, {limit} are stated"]))
        for name, bad in rows:
            passed, failed = passed + (not bad), failed + bool(bad)
            print(*[f"FAIL {name} {dtype.__name__} -- {b}" for b in bad], sep="\n", end="\n" if bad else "")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
