"""Two views of one decode with draws of their own; the last batch is padded with zeros."""
import numpy as np
from support import Draws, close, crop_box, decoded, equal, jpeg, picture, resized, rounded_once, shuffled, std_math

FILES = [jpeg(picture(50 + 9 * i, 64, i), subsampling=i % 3) for i in range(7)]


def data(bench):
    for i, content in enumerate(FILES):
        bench.file(f"in/{i}.jpg", content)
    return {"set": {"root": bench.dir / "in"}, "args": ["--seed", 5]}


def check(run):
    m, order = std_math(), shuffled(len(FILES), 5)
    equal([int(np.ravel(v)[0]) for v in run.fields["valid"]], [3, 3, 1], "valid")
    for p, i in enumerate(order):
        d, x = Draws(i, 5), decoded(FILES[i])
        rounded_once(run.all("thumb")[p], resized(x, 7, 9), f"thumb of {i}")
        for field in ("first", "second"):
            top, left, h, w = crop_box(d, f"{field}/view#0/random_resized_crop#0/crop_box#0", *x.shape[:2], m)
            y = resized(x[top:top + h, left:left + w], 16, 16)
            y = y[:, ::-1] if d.chance(f"{field}/view#0/random_flip#0", .5) else y
            levels = (run.all(field)[p].transpose(1, 2, 0) * [.2, .25, .5] + [.5, .4, .3]) * 255
            close(levels, np.rint(levels), 2e-3, "whole levels")
            rounded_once(levels, y, f"{field} of {i}")
    for field in ("first", "second", "thumb"):
        equal(run.all(field)[7:], np.zeros_like(run.all(field)[7:]), "padding")
