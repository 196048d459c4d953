"""How the value of a field is shown: as a picture, a graph, a text or a number."""
import base64
import html
import math
from array import array

from . import _png
from ._png import BLUE, GREY, PAPER, Canvas, HIGH, WIDE

DOTS = "\N{HORIZONTAL ELLIPSIS}"
GRAPH_WIDTH, GRAPH_HEIGHT = 224, 96
BARS = 32                       # up to so many numbers are bars
LISTED = 8                      # up to so many are written
LETTERS, LINES = 40, 12         # of a text in a picture
MEAN, DEVIATION = (.485, .456, .406), (.229, .224, .225)


def number(v):
    return f"{v:.4g}" if isinstance(v, float) else str(int(v))


def numbers(values):
    """The first of them."""
    return " ".join(map(number, values[:LISTED])) + f" {DOTS}" * (len(values) > LISTED)


def shape_text(tensor):
    return f"{tensor.dtype}[{', '.join(map(str, tensor.shape))}]"


def range_text(found):
    return f" {number(found[0])} {DOTS} {number(found[1])}" if found else ""


def shortened(text, n):
    return text if len(text) <= n else text[:n - 1] + DOTS


def range_of(values):
    """(least, most) of those that are finite, or None."""
    if not math.isfinite(sum(values)):
        values = [v for v in values if math.isfinite(v)]
    return (min(values), max(values)) if values else None


def joined(ranges):
    """The range of all of them, or None."""
    known = [r for r in ranges if r]
    return (min(r[0] for r in known), max(r[1] for r in known)) if known else None


class Words:
    """A value that is said. `words` is its caption; `line` is for a terminal; `of`, what
    it is a part of, stands before both. Those that are drawn have `rows` of pixels."""

    rows = None
    of = ""

    def __init__(self, words, line=None):
        self.words, self.line = words, line or words


class Text(Words):
    def __init__(self, text):
        super().__init__("", shortened(repr(text), 60))
        self.text = text

    def draw(self):
        lines = [line[i:i + LETTERS] for line in self.text.expandtabs(4).split("\n")
                 for i in range(0, max(len(line), 1), LETTERS)][:LINES]
        canvas = Canvas(WIDE * max(map(len, lines)) + 2, HIGH * len(lines), PAPER)
        for i, line in enumerate(lines):
            canvas.text(line, 1, HIGH * i)
        self.rows = canvas.rows

    def html(self):
        return ("<pre style='white-space:pre-wrap;max-width:40em;min-height:1em;margin:0;"
                "text-align:left;background:#f2f2f2;color:#000'>"
                f"{html.escape(shortened(self.text, 2000))}</pre>")


class Drawn(Words):
    def html(self):
        data = base64.b64encode(_png.png(self.rows)).decode()
        return f"<img alt='' src='data:image/png;base64,{data}'>"


class Graph(Drawn):
    """A row of numbers: bars, or a line whose columns are the least and the most of
    what they stand for."""

    def __init__(self, tensor):
        values = tensor.tolist()
        words = shape_text(tensor) + range_text(range_of(values))
        super().__init__(words, f"{words}: {numbers(values)}")
        self.short = numbers(values) if len(values) <= LISTED else None
        self.bars = len(values) <= BARS
        n, columns = len(values), len(values) if self.bars else GRAPH_WIDTH
        at = [i * n // max(columns, 1) for i in range(columns + 1)]
        self.columns = [range_of(values[a:max(b, a + 1)]) for a, b in zip(at, at[1:])]

    def draw(self):
        canvas = Canvas(GRAPH_WIDTH, GRAPH_HEIGHT)
        low, high = joined(self.columns + [(0, 0)] * self.bars) or (0, 0)
        unit = (GRAPH_HEIGHT - 1) / ((high - low) or 1)

        def y(v):
            return round((high - v) * unit)
        if low <= 0 <= high:
            canvas.fill(0, y(0), GRAPH_WIDTH, 1, GREY)
        (self._bars if self.bars else self._line)(canvas, y)
        self.rows = canvas.rows

    def _bars(self, canvas, y):
        wide = GRAPH_WIDTH // max(len(self.columns), 1)
        for i, column in enumerate(self.columns):
            if column:
                top, bottom = sorted((y(column[0]), y(0)))
                canvas.fill(i * wide, top, wide * 3 // 4, bottom - top, BLUE)

    def _line(self, canvas, y):
        before = None
        for i, column in enumerate(self.columns):
            if column:
                low, high = before or column            # as far as the column before
                top, bottom = y(max(column[1], low)), y(min(column[0], high))
                canvas.fill(i, top, 1, bottom - top + 1, BLUE)
            before = column


class Picture(Drawn):
    """Planes of gray or RGB, each a list of rows: every step-th pixel of every step-th
    row, so that no side is longer than `side`."""

    def __init__(self, tensor, side):
        longest = max(size_of(tensor))
        self.step, self.zoom = -(-longest // side), max(96 // longest, 1)
        self.bytes = tensor.dtype == "u8"
        self.planes = planes(tensor, self.step)
        self.ranges = [joined(map(range_of, plane)) for plane in self.planes]
        words = shape_text(tensor)
        if not self.bytes:
            words += range_text(joined(self.ranges)) + self._odd()
        super().__init__(words + f", one pixel in {self.step} shown" * (self.step > 1))

    def _odd(self):
        n = sum(not math.isfinite(v) for plane in self.planes for row in plane
                if not math.isfinite(sum(row)) for v in row)
        return f", {n} not finite" * (n > 0)

    def draw(self, scale):
        """scale: (factor, addend) of each channel."""
        rows = []
        for y in range(len(self.planes[0])):
            row = bytearray(3 * len(self.planes[0][y]))
            for k in range(3):
                c = k % len(self.planes)
                row[k::3] = levels(self.planes[c][y], *scale[c])
            rows.append(row)
        self.rows, self.planes = _png.enlarged(rows, self.zoom), None


def levels(values, factor, addend):
    """To 0 … 255; NaN to 0."""
    try:
        return bytes([int(v * factor + addend + .5) for v in values])
    except (ValueError, OverflowError):         # outside, or not finite
        return bytes([int(min(max(0., v * factor + addend), 255.) + .5) for v in values])


def is_picture(tensor):
    """[h, w], [h, w, c] or [c, h, w] with c of 1, 3 or 4, more than a pixel wide; two
    long rows are signals."""
    dims = tensor.shape
    coloured = len(dims) == 3 and (dims[0] in (1, 3, 4) or dims[2] in (1, 3, 4))
    gray = len(dims) == 2 and (dims[0] > 2 or dims[1] <= 64)
    return (coloured or gray) and min(size_of(tensor)) > 1


def size_of(tensor):
    """(height, width)"""
    dims = tensor.shape
    return dims[1:] if len(dims) == 3 and dims[2] not in (1, 3, 4) else dims[:2]


def planes(tensor, step):
    """Of gray or RGB; a fourth channel is left out."""
    if tensor.ndim == 2:
        return [[array("d", row.tolist()[::step]) for row in every(tensor, step)]]
    if size_of(tensor) == tensor.shape[1:]:
        colours = [planes(tensor[c], step)[0] for c in range(tensor.shape[0])]
    else:
        rows = [row.tolist()[::step] for row in every(tensor, step)]
        colours = [[array("d", [pixel[c] for pixel in row]) for row in rows]
                   for c in range(tensor.shape[2])]
    return colours[:3]


def every(tensor, step):
    return (tensor[i] for i in range(0, len(tensor), step))


def text_of(tensor):
    """What bytes say, zeros after it left out; None if it is no text."""
    try:
        text = bytes(tensor).rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return None
    if any(not c.isprintable() and c not in "\t\n\r" for c in text):
        return None
    return text if text or not len(tensor) else None


def look(tensor, side):
    """How a sample's value is shown."""
    if tensor.ndim == 0:
        return Words(number(tensor.item()))
    if tensor.ndim == 1 and tensor.dtype == "u8" and text_of(tensor) is not None:
        return Text(text_of(tensor))
    if tensor.ndim == 1:
        return Graph(tensor)
    if is_picture(tensor):
        return Picture(tensor, side)
    if not tensor.size:
        return Words(shape_text(tensor))
    first = look(tensor[0], side)
    first.of = f"{shape_text(tensor)}, the first: " if len(tensor) > 1 else ""
    return first


# ---- all values of a field alike ----
def draw(looks):
    """Makes the pictures; numbers are written where there are few."""
    pictures = [x for x in looks if isinstance(x, Picture)]
    graphs = [x for x in looks if isinstance(x, Graph)]
    scale = scale_of(pictures) if pictures else None
    few = all(g.short is not None for g in graphs)
    for x in looks:
        if isinstance(x, Picture):
            x.draw(scale)
        elif isinstance(x, Graph) and few:
            x.words = x.line = x.short or x.words
        elif isinstance(x, (Text, Graph)):
            x.draw()


def scale_of(pictures):
    """(factor, addend) of each channel. Values that fit a range in use are shown as in
    it: 0 to 1, -1 to 1, ImageNet's mean and deviation, bytes; others from their least
    to their most, by channel."""
    channels = range(max(len(p.planes) for p in pictures))
    if all(p.bytes for p in pictures):
        return [(1, 0) for _ in channels]
    ranges = [joined(p.ranges[c % len(p.ranges)] for p in pictures) or (0, 0)
              for c in channels]
    least, most = joined(ranges)
    if 0 <= least and most <= 1:
        return [(255, 0) for _ in channels]
    if -1 <= least and most <= 1:
        return [(127.5, 127.5) for _ in channels]
    if len(ranges) == 3 and all(-.01 <= v * d + m <= 1.01 for r, m, d
                                in zip(ranges, MEAN, DEVIATION) for v in r):
        return [(255 * d, 255 * m) for m, d in zip(MEAN, DEVIATION)]
    if 0 <= least and 16 <= most <= 255:
        return [(1, 0) for _ in channels]
    return [stretch(*r) for r in ranges]


def stretch(low, high):
    factor = 255 / ((high - low) or 1)
    return factor, -low * factor
