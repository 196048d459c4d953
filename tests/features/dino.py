"""Two global and six local views of one picture, each against its own box and flip."""
from support import Draws, crop_box, decoded, jpeg, picture, resized, rounded_once, std_math

FILES = [jpeg(picture(70 + 9 * i, 100 - 8 * i, i), subsampling=2) for i in range(4)]


def data(bench):
    for i, content in enumerate(FILES):
        bench.file(f"in/{i}.jpg", content)
    return {"set": {"root": bench.dir / "in"}}


def check(run):
    m = std_math()
    for field in ("g0", "g1", "l0", "l1", "l2", "l3", "l4", "l5"):
        kind, n, scale = ("global_view", 28, (.4, 1)) if field[0] == "g" else ("local_view", 12, (.05, .4))
        for i, got in enumerate(run.all(field)):
            d, x = Draws(i), decoded(FILES[i])
            top, left, h, w = crop_box(d, f"{field}/{kind}#0/random_resized_crop#0/crop_box#0", *x.shape[:2], m, scale)
            y = resized(x[top:top + h, left:left + w], n, n)
            y = y[:, ::-1] if d.chance(f"{field}/{kind}#0/random_flip#0", .5) else y
            rounded_once(got, y.transpose(2, 0, 1), f"{field} of {i}")
