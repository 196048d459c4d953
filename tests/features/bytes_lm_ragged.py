"""examples/bytes_lm_ragged.dsl: the same rows, one behind the other."""
import importlib.util
import pathlib
from support import equal

spec = importlib.util.spec_from_file_location("padded", pathlib.Path(__file__).with_name("bytes_lm.py"))
padded = importlib.util.module_from_spec(spec)
spec.loader.exec_module(padded)

DSL = "../../examples/bytes_lm_ragged.dsl"
data = padded.data


def check(run):
    rows = padded.pairs()
    for field, side in (("input", 0), ("target", 1)):
        got = run.rows(field)
        equal(len(got), len(rows), field)
        for k, x in enumerate(got):
            equal(x, rows[k][side], f"{field} {k}")
