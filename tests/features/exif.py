"""EXIF's orientation and what it does to a picture, against Pillow: both orders of bytes, other
segments before it, and files that have none, a wrong one, or one that is cut off."""
import io
import struct
import warnings
import numpy as np
from PIL import Image, ImageOps
from support import decoded, equal, jpeg, need, picture, resized, rounded_once

warnings.filterwarnings("ignore", module="PIL")      # of files that are cut off
WRONG = {"none", "cut", "nine", "zero", "far", "no tag", "garbled"}


def tiff(order, value, tag=0x0112, at=8):
    """A header and one table with two entries."""
    other = struct.pack(order + "HHIHH", 0x0100, 3, 1, 7, 0)
    entry = struct.pack(order + "HHIHH", tag, 3, 1, value, 0)
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at)
    return head + struct.pack(order + "H", 2) + other + entry + bytes(4)


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_exif(content, exif, before=b""):
    """The segment behind the start of the file; JFIF's own stays."""
    return content[:2] + before + segment(0xE1, b"Exif\0\0" + exif) + content[2:]


def files():
    content = [jpeg(picture(30 + i, 41 + 2 * i, i), subsampling=i % 3) for i in range(8)]
    made = {}
    for i in range(8):
        made[f"le{i}"] = with_exif(content[i], tiff("<", i + 1))
        made[f"be{i}"] = with_exif(content[i], tiff(">", i + 1),
                                   segment(0xE2, b"ICC_PROFILE\0" + bytes(300)) + segment(0xFE, b"a comment"))
    made["none"] = content[0]
    made["cut"] = content[1][:2] + segment(0xE1, b"Exif\0\0" + tiff("<", 6)[:20]) + content[1][2:]
    made["nine"] = with_exif(content[2], tiff("<", 9))
    made["zero"] = with_exif(content[3], tiff(">", 0))
    made["far"] = with_exif(content[4], tiff("<", 6, at=0xFFFFFFF0))
    made["no tag"] = with_exif(content[5], tiff("<", 6, tag=0x0110))
    made["garbled"] = with_exif(content[6], b"\x00" * 30)
    return dict(sorted(made.items()))


FILES = files()


def data(bench):
    for name, content in FILES.items():
        bench.file(f"in/{name}.jpg", content)
    return {"set": {"root": bench.dir / "in"}}


def check(run):
    for i, (name, content) in enumerate(FILES.items()):
        due = 1 if name in WRONG else int(name[2:]) + 1
        need(run.all("turn")[i] == due, f"{name}: orientation {run.all('turn')[i]}, not {due}")
        if name not in WRONG:
            need(Image.open(io.BytesIO(content)).getexif().get(0x0112) == due, f"Pillow reads another of {name}")
        picture = Image.fromarray(decoded(content))
        picture.getexif()[0x0112] = due
        upright = ImageOps.exif_transpose(picture)
        equal(run.rows("upright")[i], upright, f"{name} upright")
        rounded_once(run.all("small")[i], resized(np.asarray(upright), 24, 20), f"{name} small")
