"""Words of lines against bytes.split."""
from support import equal

TEXT = b"what the  quick\n\n brown Fox\n   \njumped; over 7 lazy-dogs  \n\xc3\xa9t\xc3\xa9 end"


def data(bench):
    return {"set": {"at": bench.file("t.txt", TEXT)}}


def check(run):
    due = [w for line in TEXT.split(b"\n") for w in line.split(b" ") if w]
    equal([bytes(w) for w in run.rows("word")], due, "word")
    equal([bytes(w) for w in run.rows("loud")], [w.upper() for w in due], "loud")
    equal(run.all("n"), [len(w) for w in due], "n")
