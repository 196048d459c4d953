"""Large pictures are kept; small ones are cut off and would fail if they were decoded."""
from support import decoded, equal, jpeg, picture

SIZES = [(40, 50), (31, 90), (32, 32), (20, 20), (65, 33), (64, 31), (100, 47)]
WHOLE = [jpeg(picture(h, w, i), subsampling=i % 3) for i, (h, w) in enumerate(SIZES)]
FILES = [f if min(s) >= 32 else f[:len(f) * 2 // 3] for f, s in zip(WHOLE, SIZES)]


def data(bench):
    for i, content in enumerate(FILES):
        bench.file(f"in/{i}.jpg", content)
    return {"set": {"root": bench.dir / "in"}}


def check(run):
    kept = [i for i, s in enumerate(SIZES) if min(s) >= 32]
    equal(run.all("index"), kept, "index")
    equal(run.all("h"), [SIZES[i][0] for i in kept], "h")
    for got, i in zip(run.all("part"), kept):
        x = decoded(FILES[i])
        top, left = (round((n - 32) / 2) for n in x.shape[:2])
        equal(got, x[top:top + 32, left:left + 32], f"part of {i}")
    equal(run.json["bad_records"], 0, "bad records")
