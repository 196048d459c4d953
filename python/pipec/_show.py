"""Samples of a stream as pictures and text: what Loader.show gives."""
import html
import math
import os

from . import _look, _png
from ._look import DOTS, Graph, Words, look
from ._png import Canvas, HIGH, WIDE
from ._ragged import Ragged

GAP = 6                         # between the pictures of a sample
MARGIN = 14                     # between samples
SHEET = 1000                    # a sheet is about so wide
NARROWEST = 96


class Samples:
    """What Loader.show gives: a notebook shows it, print() tells it, save("x.png")
    writes it."""

    def __init__(self, title, samples):
        self._title, self._samples = title, samples
        for name in samples[0] if samples else ():
            _look.draw([sample[name] for sample in samples])

    def __len__(self):
        return len(self._samples)

    def __repr__(self):
        lines = ("  ".join(f"{name} {x.of}{x.line}" for name, x in sample.items())
                 for sample in self._samples)
        return self._title + "".join(f"\n  {i:<3} {line}" for i, line in enumerate(lines))

    def _repr_html_(self):
        return (f"<div>{html.escape(self._title)}</div><div style='display:flex;"
                f"flex-wrap:wrap;gap:8px'>{''.join(map(html_tile, self._samples))}</div>")

    def _repr_png_(self):
        return _png.png(self._sheet().rows)

    def save(self, path):
        """Writes a PNG file. ValueError if the name says that it is something else."""
        path = os.fspath(path)
        if not os.fsdecode(path).lower().endswith(".png"):
            raise ValueError(f"{os.fsdecode(path)}: what is written is a PNG file: end "
                             "its name with .png")
        with open(path, "wb") as f:
            f.write(self._repr_png_())

    def _sheet(self):
        tiles = list(map(tile, self._samples))
        wide = max((t.width for t in tiles), default=0) + MARGIN
        high = max((t.height for t in tiles), default=0) + MARGIN
        across = max(min(len(tiles), SHEET // wide), 1)
        width = max(across * wide, SHEET // 2) + MARGIN
        head = wrapped(self._title, width - 2 * MARGIN)
        top = HIGH * len(head) + 2 * MARGIN
        sheet = Canvas(width, top + -(-len(tiles) // across) * high)
        write(sheet, head, MARGIN, MARGIN)
        for i, t in enumerate(tiles):
            sheet.paste(t.rows, MARGIN + i % across * wide, top + i // across * high)
        return sheet


def captions(sample):
    """{name: text} under the pictures, and the lines below them all."""
    drawn = {name: x for name, x in sample.items() if x.rows}
    single = len(drawn) == 1
    under = {name: f"{name} {x.of}{x.words}" if isinstance(x, Graph) or x.of
             else "" if single else name
             for name, x in drawn.items()}
    return under, [f"{name} {x.of}{x.words}" for name, x in sample.items() if not x.rows]


def html_tile(sample):
    under, below = captions(sample)
    panels = "".join(f"<div>{sample[name].html()}<div>{html.escape(text)}</div></div>"
                     for name, text in under.items())
    words = "".join(f"<div>{html.escape(line)}</div>" for line in below)
    return (f"<div style='border:1px solid #ddd;padding:4px'><div style='display:flex;"
            f"flex-wrap:wrap;gap:4px'>{panels}</div>{words}</div>")


def tile(sample):
    """A sample: its pictures side by side, and what is said of it."""
    under, below = captions(sample)
    widths = {name: max(len(sample[name].rows[0]) // 3, NARROWEST) for name in under}
    lines = {name: wrapped(text, widths[name]) for name, text in under.items()}
    width = max(sum(widths.values()) + GAP * (len(widths) - 1), NARROWEST)
    below = [part for line in below for part in wrapped(line, width)]
    high = max((len(sample[name].rows) + HIGH * len(lines[name]) for name in under),
               default=0)
    canvas = Canvas(width, high + HIGH * len(below))
    left = 0
    for name in under:
        canvas.paste(sample[name].rows, left, 0)
        write(canvas, lines[name], left, len(sample[name].rows))
        left += widths[name] + GAP
    write(canvas, below, 0, high)
    return canvas


def wrapped(text, width):
    """Lines of letters that fit so many pixels."""
    text, n = text.replace(DOTS, ".."), width // WIDE
    return [text[i:i + n] for i in range(0, len(text), n)]


def write(canvas, lines, left, top):
    for i, line in enumerate(lines):
        canvas.text(line, left, top + HIGH * i)


# ---- from the loader ----
def take(loader, n):
    """The next n samples of a loader, up to its epoch's end; it moves on."""
    side = max(32, min(256, int(1024 / math.sqrt(n))))
    title, samples, classes = f"{loader.name}, epoch {loader.epoch}", [], loader.classes
    for batch in loader:
        fields = {name: batch[name] for name in batch.keys()}
        rows = {name: field for name, field in fields.items() if has_rows(batch, field)}
        if not samples:
            title = ", ".join([title, f"batch {batch.number}"] + [
                f"{name} {_look.shape_text(field)}" if field.ndim else
                f"{name} {look(field, side).line}"
                for name, field in fields.items() if name not in rows])
        for i in range(min(batch.valid, n - len(samples))):
            samples.append({name: look(field[i], side) for name, field in rows.items()})
            name_class(samples[-1], classes)
        if len(samples) == n:
            break
    return Samples(f"{len(samples)} samples of {title}", samples)


def has_rows(batch, field):
    """Whether it has a row for each sample; else it is of the batch as a whole."""
    return isinstance(field, Ragged) or field.ndim > 0 and len(field) == batch.rows


def name_class(sample, classes):
    label = sample.get("label")
    if type(label) is Words and label.words.isdigit() and int(label.words) < len(classes):
        label.words = label.line = f"{label.words} {classes[int(label.words)]}"
