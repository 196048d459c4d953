"""examples/imagenet.dsl against Pillow's decoder, torchvision's boxes with our draws, and resampling in f64."""
import json
import numpy as np
from support import HERE, MEAN, STD, Draws, close, crop_box, decoded, equal, jpeg, need, picture, resized, rounded_once, shuffled, std_math

DSL = "../../examples/imagenet.dsl"
SEED, SIZE, BATCH = 3, 24, 4
SIZES = [(90, 120), (61, 47), (20, 300), (300, 21), (33, 33), (128, 64), (50, 75), (75, 50), (48, 48), (40, 90), (100, 101)]
FILES = {f"{'cab'[i % 3]}/{i:02}.jpg": jpeg(picture(h, w, i), subsampling=i % 3, progressive=i % 4 == 1) for i, (h, w) in enumerate(SIZES)}


def data(bench):
    for name, content in FILES.items():
        bench.file("photos/" + name, content)
    return {"D": {"size": SIZE, "batch": BATCH}, "set": {"root": bench.dir / "photos"}, "args": ["--seed", SEED]}


def check(run):
    names, m = sorted(FILES), std_math()
    order = shuffled(len(names), SEED)[:len(names) // BATCH * BATCH]
    equal(run.all("label"), ["abc".index(names[i][0]) for i in order], "label")
    for image, i in zip(run.all("image"), order):
        d, x = Draws(i, SEED), decoded(FILES[names[i]])
        top, left, h, w = crop_box(d, "image/random_resized_crop#0/crop_box#0", *x.shape[:2], m)
        y = resized(x[top:top + h, left:left + w], SIZE, SIZE)
        y = y[:, ::-1] if d.chance("image/random_flip#0", .5) else y
        levels = (image.transpose(1, 2, 0) * STD + MEAN) * 255
        close(levels, np.rint(levels), 2e-3, f"{names[i]}: whole levels")
        rounded_once(levels, y, names[i])


def more(bench):
    """What a record costs: rows of the decoder and of the resize between it and the batch, no picture."""
    said = json.loads(bench.sh(bench.bin / "pipec", "explain", HERE / DSL, "--json").stdout)
    kept = [(x["way"], x["bytes"]) for x in said["tensors"] if x["way"] in ("slot", "window") or x["way"] == "whole" and len(x["shape"]) > 1]
    due = [("slot", 4 * 3 * 224 * 224), ("window", "12 * ? a row"), ("window", "3 * len(decode_jpeg, 1) a row")]
    need(sorted(kept, key=str) == due, f"bytes: {kept}")
    need([(c["kernel"], c["dimensions"]) for c in said["crops"]] == [("decode_jpeg", [0, 1])], f"crops: {said['crops']}")
    need(not [x for x in said["tensors"] if x["way"] == "whole" and (not isinstance(x["bytes"], int) or x["bytes"] > 64)], "a whole tensor")
