"""Every operation and conversion on random and special numbers of every dtype, against exact arithmetic (integers, Fraction) rounded once."""
import math
import random
from fractions import Fraction
import numpy as np
from run import NUMPY, Wrong, same

INTS = {"u8": (0, 8), "i8": (1, 8), "u16": (0, 16), "i16": (1, 16), "u32": (0, 32), "i32": (1, 32), "u64": (0, 64), "i64": (1, 64)}
# significant bits, least and greatest exponent, bits of the format
FLOATS = {"f16": (11, -14, 15, 16), "bf16": (8, -126, 127, 16), "f32": (24, -126, 127, 32), "f64": (53, -1022, 1023, 64)}
N = 96


def cut(d, n):
    signed, bits = INTS[d]
    n &= (1 << bits) - 1
    return n - (1 << bits) if signed and n >> (bits - 1) else n


def saturate(d, n):
    signed, bits = INTS[d]
    return max(min(n, (1 << (bits - signed)) - 1), -(1 << (bits - 1)) if signed else 0)


def rounded(d, x, sign=0):
    """A Fraction as the nearest float of the format, ties to even; sign: of a zero."""
    digits, least, most, _ = FLOATS[d]
    if x == 0:
        return -0.0 if sign else 0.0
    a = abs(x)
    e = a.numerator.bit_length() - a.denominator.bit_length()
    e = max(e - (a < Fraction(2) ** e), least)
    step = Fraction(2) ** (e - digits + 1)
    q, r = divmod(a, step)
    q += r * 2 > step or (r * 2 == step and q % 2)
    a = q * step
    y = math.inf if a >= Fraction(2) ** (most + 1) else float(a)
    return -y if x < 0 else y


def value_of(d, bits):
    digits, least, most, width = FLOATS[d]
    sign, exponent, fraction = bits >> (width - 1), bits >> (digits - 1) & (2 ** (width - digits) - 1), bits & (2 ** (digits - 1) - 1)
    if exponent == 2 ** (width - digits) - 1:
        x = math.nan if fraction else math.inf
    else:
        x = float(Fraction(fraction + (2 ** (digits - 1) if exponent else 0)) * Fraction(2) ** (max(exponent, 1) - most - digits + 1))
    return -x if sign and x == x else x


def numbers(rng, d):
    """Bits of numbers: special ones, then random."""
    if d in INTS:
        signed, bits = INTS[d]
        special = [0, 1, 2, 3, 7, 100, (1 << bits) - 1, (1 << bits) - 2, 1 << (bits - 1), (1 << (bits - 1)) - 1]
        return special + [rng.getrandbits(bits) >> rng.choice([0, 0, bits // 2, bits - 6]) for _ in range(N - len(special))]
    digits, least, most, width = FLOATS[d]
    one = most << (digits - 1)
    infinite = (2 * most + 1) << (digits - 1)
    special = [0, 1, one, one + 1, one - 1, infinite, infinite - 1, infinite | 1 << (digits - 2), 1 << (digits - 1), (1 << (digits - 1)) - 1]
    special += [s | 1 << (width - 1) for s in special if s != infinite | 1 << (digits - 2)]
    halves = [int_bits(d, k / 2) for k in (1, 3, 5, 7, 255, 511, 509)]
    near = [(most + rng.randrange(-8, 40 if most > 40 else 12)) << (digits - 1) | rng.getrandbits(digits - 1) | rng.getrandbits(1) << (width - 1) for _ in range(30)]
    x = special + halves + near
    return x + [rng.getrandbits(width) for _ in range(N - len(x))]


def int_bits(d, x):
    digits, _, most, _ = FLOATS[d]
    m, e = math.frexp(x)
    return (e - 1 + most) << (digits - 1) | int((2 * m - 1) * 2 ** (digits - 1))


def python(d, bits):
    return cut(d, bits) if d in INTS else value_of(d, bits)


def source(d, name, bits):
    take = f"from_bits({d}, wrap(u{FLOATS[d][3]}, {name}_bits[i]))" if d in FLOATS else f"wrap({d}, {name}_bits[i])"
    return f"{name}_bits = [{', '.join(f'u64({b})' for b in bits)}]\n{name} = for i in 0..{len(bits)}: {take}\n"


def array(d, values):
    if d == "bool":
        return np.array(values, bool)
    return np.array(values, NUMPY[d])


def compare(fields, due):
    for name, (d, values) in due.items():
        got = fields[name]
        if isinstance(got, str) or not same(got, array(d, values)):
            bad = "" if isinstance(got, str) else [(i, a, b) for i, (a, b) in enumerate(zip(got.tolist(), array(d, values).tolist())) if repr(a) != repr(b)][:4]
            raise Wrong(f"{name}: {got if isinstance(got, str) else got.dtype} {bad}")


def run(bench, text, due):
    text = f"feature f()\nfrom range(0, 1)\n{text}batch(1)\nemit index\n"
    compare(bench.fields(text), due)


# ---- conversions -----------------------------------------------------------
def converted(a, b, x):
    if b in FLOATS:
        if a in FLOATS and (math.isinf(x) or math.isnan(x)):
            return x
        return rounded(b, Fraction(x), sign=a in FLOATS and math.copysign(1, x) < 0)
    if a in FLOATS:
        if math.isnan(x):
            return 0
        return saturate(b, (1 << 70) * (1 if x > 0 else -1) if math.isinf(x) else round(x))
    return saturate(b, x)


def check_conversions(bench, rng):
    for a in [*INTS, *FLOATS]:
        bits = numbers(rng, a)
        if a in ("f32", "f64", "i64", "u64"):       # ties of narrower formats, and what is next to them
            for b in [f for f in FLOATS if f != a][:3]:
                for _ in range(12):
                    digits = FLOATS[b][0]
                    tie = (rng.getrandbits(digits - 1) | 1 << (digits - 1)) << 1 | 1
                    if a in INTS:
                        k = max(0, INTS[a][1] - INTS[a][0] - digits - 1 - rng.randrange(3))
                        bits.append((tie << k) + rng.choice([0, 0, 1, -1]))
                    elif FLOATS[a][0] > digits + 1:
                        bits.append(int_bits(a, float(tie)) + rng.choice([0, 0, 1, -1]))
        x = [python(a, b) for b in bits]
        text, due = source(a, "x", bits), {}
        for b in [*INTS, *FLOATS]:
            text += f"to_{b} = for i in 0..{len(bits)}: {b}(x[i])\n"
            due[f"to_{b}"] = (b, [converted(a, b, v) for v in x])
            if a in INTS and b in INTS:
                text += f"wrap_{b} = for i in 0..{len(bits)}: wrap({b}, x[i])\n"
                due[f"wrap_{b}"] = (b, [cut(b, v) for v in x])
        if a in FLOATS:
            digits, _, most, width = FLOATS[a]
            quiet = ((2 * most + 1) << 1 | 1) << (digits - 2)
            text += f"back = for i in 0..{len(bits)}: bits(x[i])\n"
            due["back"] = (f"u{width}", [quiet if v != v else b for b, v in zip(bits, x)])
        run(bench, text, due)


# ---- integers ----------------------------------------------------------------
def floor_div(a, b):
    return a // b


def integer_ops(d):
    bits = INTS[d][1]
    low = lambda n: n & ((1 << bits) - 1)
    shift = lambda n: None
    return {
        "a + b": lambda a, b: cut(d, a + b), "a - b": lambda a, b: cut(d, a - b), "a * b": lambda a, b: cut(d, a * b),
        "-a": lambda a, b: cut(d, -a), "abs(a)": lambda a, b: cut(d, abs(a)),
        "if b == 0 then a else a // b": lambda a, b: a if b == 0 else cut(d, floor_div(a, b)),
        "if b == 0 then a else a % b": lambda a, b: a if b == 0 else cut(d, a - b * floor_div(a, b)),
        "min(a, b)": lambda a, b: min(a, b), "max(a, b)": lambda a, b: max(a, b),
        "bitand(a, b)": lambda a, b: cut(d, low(a) & low(b)), "bitor(a, b)": lambda a, b: cut(d, low(a) | low(b)),
        "bitxor(a, b)": lambda a, b: cut(d, low(a) ^ low(b)),
        "shl(a, k)": lambda a, b, k: cut(d, a << k) if 0 <= k < bits else 0,
        "shr(a, k)": lambda a, b, k: a >> k if 0 <= k < bits else (-1 if a < 0 else 0),
    }


COMPARE = {"a == b": lambda a, b: a == b, "a != b": lambda a, b: a != b, "a < b": lambda a, b: a < b, "a <= b": lambda a, b: a <= b,
           "a > b": lambda a, b: a > b, "a >= b": lambda a, b: a >= b}


def check_integers(bench, rng):
    for d in ("i32", "u32", "i64", "u64"):
        one, two = numbers(rng, d), numbers(rng, d)
        rng.shuffle(two)
        shifts = [rng.choice([0, 1, 5, 31, 32, 33, 63, 64, 70, -1, -5]) for _ in one]
        text = source(d, "x", one) + source(d, "y", two) + f"by = {shifts}\n"
        due = {}
        pairs = list(zip([cut(d, v) for v in one], [cut(d, v) for v in two]))
        for k, (e, f) in enumerate([*integer_ops(d).items(), *COMPARE.items()]):
            text += f"r{k} = for i in 0..{N}: {{\n a = x[i]\n b = y[i]\n k = by[i]\n {e}\n}}\n"
            takes = f.__code__.co_argcount
            due[f"r{k}"] = ("bool" if e in COMPARE else d, [f(*p, s) if takes == 3 else f(*p) for p, s in zip(pairs, shifts)])
        run(bench, text, due)


# ---- floats ------------------------------------------------------------------
def exact(d, f):
    """f of Fractions, rounded once; special values are left to numpy."""
    t = NUMPY[d]

    def g(*v):
        if all(math.isfinite(x) for x in v):
            r = f(*map(Fraction, v))
            if r is not None and r != 0:
                return rounded(d, r)
        return None
    return g


def float_ops(d):
    t = NUMPY[d]
    div = exact(d, lambda a, b: a / b if b else None)
    ops = {
        "a + b": (exact(d, lambda a, b: a + b), lambda a, b: t(a) + t(b)), "a - b": (exact(d, lambda a, b: a - b), lambda a, b: t(a) - t(b)),
        "a * b": (exact(d, lambda a, b: a * b), lambda a, b: t(a) * t(b)), "a / b": (div, lambda a, b: t(a) / t(b)),
        "a // b": (lambda a, b: None, lambda a, b: np.floor(t(a) / t(b))),
        "a % b": (lambda a, b: None, lambda a, b: t(a) - t(b) * np.floor(t(a) / t(b))),
        "-a": (lambda a, b: None, lambda a, b: -t(a)), "abs(a)": (lambda a, b: None, lambda a, b: abs(t(a))),
        "min(a, b)": (lambda a, b: a if a < b or b != b else b, None), "max(a, b)": (lambda a, b: a if a > b or b != b else b, None),
        "sqrt(a)": (lambda a, b: None, lambda a, b: np.sqrt(t(a))),
        "fma(a, b, c)": (exact(d, lambda a, b, c: a * b + c), lambda a, b, c: t(a) * t(b) + t(c) if math.isfinite(c) or not math.isfinite(a * b) and not (math.isfinite(a) and math.isfinite(b)) else t(c)),
        "round(a)": (lambda a, b: None, lambda a, b: np.rint(t(a))), "floor(a)": (lambda a, b: None, lambda a, b: np.floor(t(a))),
        "ceil(a)": (lambda a, b: None, lambda a, b: np.ceil(t(a))), "trunc(a)": (lambda a, b: None, lambda a, b: np.trunc(t(a))),
    }

    def op(pair):
        def g(*v):
            r = pair[0](*v)
            return r if r is not None else pair[1](*v)
        g.takes = 3 if pair[0].__code__.co_argcount == 3 or pair[1] and pair[1].__code__.co_argcount == 3 else 2
        return g
    return {e: op(p) for e, p in ops.items()}


def check_floats(bench, rng):
    for d in ("f32", "f64"):
        sets = [numbers(rng, d) for _ in range(3)]
        for s in sets[1:]:
            rng.shuffle(s)
        for k in range(20):                            # fma that cancels
            i = N - 1 - k
            a, b = value_of(d, sets[0][i]), value_of(d, sets[1][i])
            with np.errstate(all="ignore"):
                p = -NUMPY[d](a) * NUMPY[d](b)
            sets[2][i] = int(p.view(np.uint32 if d == "f32" else np.uint64))
        text = "".join(source(d, n, s) for n, s in zip("xyz", sets))
        due = {}
        triples = list(zip(*[[value_of(d, b) for b in s] for s in sets]))
        for k, (e, f) in enumerate([*float_ops(d).items(), *COMPARE.items()]):
            text += f"r{k} = for i in 0..{N}: {{\n a = x[i]\n b = y[i]\n c = z[i]\n {e}\n}}\n"
            takes = getattr(f, "takes", 2)
            with np.errstate(all="ignore"):
                due[f"r{k}"] = ("bool" if e in COMPARE else d, [f(*t[:takes]) for t in triples])
        run(bench, text, due)


def check(bench):
    rng = random.Random(20)
    check_conversions(bench, rng)
    check_integers(bench, rng)
    check_floats(bench, rng)
