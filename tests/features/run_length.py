"""Runs of equal bytes against itertools.groupby."""
import itertools
from support import equal

TEXT = [b"aaabccd", b"", b"q", b"abab" * 20, b"zz" * 200, b"  x  "]


def data(bench):
    return {"set": {"at": bench.file("t.txt", b"\n".join(TEXT) + b"\n")}}


def check(run):
    for value, length, x in zip(run.rows("value"), run.rows("length"), TEXT):
        due = [(k, len(list(g))) for k, g in itertools.groupby(x)]
        equal(value, [k for k, _ in due], x[:9])
        equal(length, [n for _, n in due], x[:9])
    equal(len(run.rows("value")), len(TEXT))
