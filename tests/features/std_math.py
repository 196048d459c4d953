"""dsl/std/math.dsl: what is compiled has the bits of its text evaluated by NumPy (tests/std/math_oracle.py says how near those are)."""
import numpy as np
from support import equal, std_math

ONE = "exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh sigmoid".split()
TWO = ["atan2", "pow", "hypot"]


def data(bench):
    return {}


def check(run):
    m = std_math()
    for field, x, y in (("single", "x", "y"), ("double", "xd", "yd")):
        x, y = run.all(x), run.all(y)
        equal(len(np.unique(x)) > 2900, True, "patterns")
        for k, name in enumerate(ONE + TWO):
            due = m.call(name, x) if name in ONE else m.call(name, x, y)
            equal(run.all(field)[:, k], due, f"{name} of {field}")
    with np.errstate(over="ignore"):
        equal(run.all("half"), m.call("exp", run.all("y").astype(np.float16)), "half")
