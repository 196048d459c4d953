"""Files that are no JPEGs, under a decoder that nobody reads."""
from support import equal

FILES = [b"junk", b"", b"\xff\xd8\xff", bytes(1000), b"more junk"]


def data(bench):
    for i, content in enumerate(FILES):
        bench.file(f"in/{i}.jpg", content)
    return {"set": {"root": bench.dir / "in"}}


def check(run):
    equal(run.all("n"), [len(f) for f in FILES], "n")
    equal(run.all("first"), [f[0] if f else -1 for f in FILES], "first")
    equal(run.json["bad_records"], 0, "bad records")
