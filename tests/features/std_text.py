"""std/text and std/table against methods of bytes."""
import re
from support import equal

LINES = [b"abc,17,ff", b"  Banana,-4,0", b"ab na na,0,DEADbeef ".strip() + b"", b"\tX Y\t,123456789012,", b",,1", b"nab,-0,c0ffee"]


def data(bench):
    return {"set": {"at": bench.file("t.txt", b"\n".join(LINES))}}


def check(run):
    for i, x in enumerate(LINES):
        c = x.split(b",")
        equal(bytes(run.rows("bare")[i]), x.strip(), "bare")
        equal(bytes(run.rows("lower")[i]), x.lower(), "lower")
        equal([x[a:b] for a, b in run.rows("parts")[i]], c, "parts")
        equal([x[a:b] for a, b in run.rows("spans")[i]], re.findall(rb"\S+", x), "spans")
        equal(run.all("starts")[i], x.startswith(b"ab"), "starts")
        equal(run.all("where_is")[i], x.find(b"na"), "where_is")
        equal(run.all("number")[i], int(c[1] or 0), "number")
        equal(run.all("code")[i], int(c[2] or b"0", 16), "code")
