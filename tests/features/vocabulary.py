"""Numbers of words against list.index; a missing vocabulary fails open."""
from support import equal, need

WORDS = "a the lazy quick fox over jumps".split()
LINES = ["the quick  fox", "", "over the lazy dog", " a ", "jumps jumps jumps over", "unknown words here", "fox"]


def data(bench):
    return {"set": {"at": bench.file("t.txt", "\n".join(LINES)), "words_file": bench.file("v.txt", "\n".join(WORDS) + "\n")}}


def check(run):
    due = [[WORDS.index(w) if w in WORDS else -1 for w in line.split()] for line in LINES]
    equal(run.all("n"), [len(d) for d in due], "n")
    for i, d in enumerate(due):
        got = run.fields["ids"][i // 3][i % 3]
        equal(got, d + [-2] * (len(got) - len(d)), LINES[i])


def more(bench):
    so = bench.compile(__file__.replace(".py", ".dsl"), {})
    run = bench.run(so, {"at": bench.dir / "t.txt", "words_file": bench.dir / "absent"}, check=False)
    need(0 < run.code < 128 and "there is no vocabulary at" in run.out + run.err, f"status {run.code}: {run.err[-300:]}")
