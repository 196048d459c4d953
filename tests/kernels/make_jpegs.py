#!/usr/bin/python3
"""make_jpegs.py FOLDER [--seed N] [--inputs]: some 600 small JPEG files with all
the odd properties, the same bytes for the same seed (and the same Pillow). A file's name
begins with what is to become of it:

    own     our decoder decodes it alone
    left    it is left to libjpeg-turbo, which decodes it
    bad     it fails, or some of its rows do
    other   left or bad: that is libjpeg-turbo's to say

Most files are written here from coefficients that are drawn, so there is no picture to
be seen; some by Pillow, and those of arithmetic coding by cjpeg where there is one.
With --inputs each file is an input of fuzz/ instead: the target and its choices first."""
import argparse
import io
import pathlib
import random
import shutil
import struct
import subprocess

import numpy as np
import progressive
from PIL import Image

GRAY, S444, S422, S420 = [(1, 1)], [(1, 1)] * 3, [(2, 1), (1, 1),
                                                  (1, 1)], [(2, 2), (1, 1), (1, 1)]
SHAPES = {"gray": GRAY, "444": S444, "422": S422, "420": S420}
SOI, EOI = b"\xff\xd8", b"\xff\xd9"
R = random.Random()


def segment(marker, body):
    return struct.pack(">BBH", 255, marker, len(body) + 2) + body


# ---- Huffman codes ----
def codes_of(counts, values):
    """{value: (code, length)} of the 16 counts of a table."""
    code, at, codes = 0, 0, {}
    for length in range(1, 17):
        for _ in range(counts[length - 1]):
            codes[values[at]] = code, length
            code, at = code + 1, at + 1
        code <<= 1
    return codes


def flat(values):
    """All codes of one length."""
    length = max(1, len(values).bit_length())
    return [len(values) if i == length else 0 for i in range(1, 17)], values


def steep(values):
    """1, 2, … 6 bits, and 16 for all others."""
    counts = [1] * min(6, len(values)) + [0] * 10
    counts += [0] * (16 - len(counts))
    counts[15] = len(values) - sum(counts)
    return counts, values


def dht(what, table):
    return segment(0xC4, bytes([what, *table[0], *table[1]]))


DC = list(range(12))
AC = [run << 4 | size for size in range(1, 11) for run in range(16)] + [0, 0xF0]
AC.sort(key=lambda s: (s != 0, s & 15, s >> 4))


# ---- a scan ----
class Bits:
    def __init__(self):
        self.text = []

    def put(self, value, n):
        if n:
            self.text.append(format(value & (1 << n) - 1, f"0{n}b"))

    def number(self, value, size):
        self.put(value if value >= 0 else value + (1 << size) - 1, size)

    def bytes(self):
        text = "".join(self.text)
        text += "1" * (-len(text) % 8)
        raw = bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))
        return raw.replace(b"\xff", b"\xff\x00")


class Picture:
    """What a file is made of. sampling: (h, v) of each component; fill: coefficients of
    a block, at most."""
    def __init__(self, width, height, sampling, fill=6, size=40, table=flat):
        self.width, self.height, self.sampling = width, height, sampling
        self.h, self.v = (max(s[k] for s in sampling) for k in (0, 1))
        self.tables = table(DC), table(AC)
        self.codes = [codes_of(*t) for t in self.tables]
        self.fill, self.size, self.ids = fill, size, range(1, len(sampling) + 1)
        self.block = [[[self.draw() for _ in range(self.across(c, 0, True))]
                       for _ in range(self.across(c, 1, True))]
                      for c in range(len(sampling))]

    def across(self, c, axis, whole):
        """Blocks of a component: of whole MCUs, or of a scan of its own."""
        size, factor, most = ((self.width, self.height)[axis], self.sampling[c][axis],
                              (self.h, self.v)[axis])
        if whole:
            return -(-size // (8 * most)) * factor
        return -(-(-(-size * factor // most)) // 8)

    def draw(self):
        block = [0] * 64
        block[0] = R.randint(-self.size, self.size)
        for _ in range(R.randint(0, self.fill)):
            block[R.choice(
                (R.randrange(64), R.randrange(1,
                                              10)))] = R.randint(-self.size, self.size)
        return block

    def put(self, bits, block, before, first=0, last=63):
        """A block, of the coefficients first … last. Returns its DC."""
        dc, ac = self.codes
        if first == 0:
            size = abs(block[0] - before).bit_length()
            bits.put(*dc[size])
            bits.number(block[0] - before, size)
        run = 0
        for k in range(max(first, 1), last + 1):
            if not block[k]:
                run += 1
                continue
            for _ in range(run // 16):
                bits.put(*ac[0xF0])
            size = abs(block[k]).bit_length()
            bits.put(*ac[run % 16 << 4 | size])
            bits.number(block[k], size)
            run = 0
        if run and last:
            bits.put(*ac[0])
        return block[0]

    def mcus(self, components):
        if len(components) == 1:
            c = components[0]
            return [[(c, x, y)] for y in range(self.across(c, 1, False))
                    for x in range(self.across(c, 0, False))]
        wide, high = -(-self.width // (8 * self.h)), -(-self.height // (8 * self.v))
        return [[(c, x * self.sampling[c][0] + i, y * self.sampling[c][1] + j)
                 for c in components for j in range(self.sampling[c][1])
                 for i in range(self.sampling[c][0])] for y in range(high)
                for x in range(wide)]

    def segments(self, components, restart=0, first=0, last=63):
        """The bytes between restart markers."""
        mcus, to = self.mcus(components), []
        for at in range(0, len(mcus), restart or len(mcus)):
            bits, before = Bits(), dict.fromkeys(components, 0)
            for mcu in mcus[at:at + (restart or len(mcus))]:
                for c, x, y in mcu:
                    before[c] = self.put(bits, self.block[c][y][x], before[c], first,
                                         last)
            to.append(bits.bytes())
        return to

    # ---- its parts as bytes ----
    def quant(self, step=3, wide=False):
        return segment(
            0xDB,
            bytes([16 if wide else 0]) +
            struct.pack(">64H" if wide else "64B", *[step] * 64))

    def frame(self, marker=0xC0, bits=8, size=None):
        height, width = size or (self.height, self.width)
        body = struct.pack(">BHHB", bits, height, width, len(self.sampling))
        return segment(
            marker, body + b"".join(
                bytes([i, h << 4 | v, 0]) for i, (h, v) in zip(self.ids, self.sampling)))

    def huffman(self):
        return dht(0, self.tables[0]) + dht(0x10, self.tables[1])

    def sos(self, components=None, first=0, last=63, approximation=0):
        components = range(len(self.sampling)) if components is None else components
        body = bytes([len(components)]) + b"".join(
            bytes([self.ids[c], 0]) for c in components)
        return segment(0xDA, body + bytes([first, last, approximation]))

    def data(self, restart=0):
        pieces = self.segments(range(len(self.sampling)), restart)
        return b"".join(p + (bytes([255, 0xD0 + i % 8]) if i + 1 < len(pieces) else b"")
                        for i, p in enumerate(pieces))

    def file(self,
             before=b"",
             quant=None,
             frame=None,
             huffman=None,
             restart=0,
             data=None,
             end=EOI):
        dri = segment(0xDD, struct.pack(">H", restart)) if restart else b""
        return (SOI + before + (self.quant() if quant is None else quant) +
                (frame or self.frame()) +
                (self.huffman() if huffman is None else huffman) + dri + self.sos() +
                (self.data(restart) if data is None else data) + end)


class Progressive(Picture):
    def __init__(self, *of, table=flat, **more):
        super().__init__(*of, **more)
        self.tables = table(DC), table(progressive.SYMBOLS)
        self.codes = [codes_of(*t) for t in self.tables]

    def dc_scan(self, mcus, scan):
        bits, before = Bits(), dict.fromkeys(scan[0], 0)
        for mcu in mcus:
            for c, x, y in mcu:
                dc = self.block[c][y][x][0] >> scan[4]
                if scan[3]:
                    bits.put(dc, 1)
                else:
                    before[c] = self.put(bits, [dc] + [0] * 63, before[c], 0, 0)
        return bits.bytes()

    def ac_scan(self, mcus, scan, most_run):
        bits = Bits()
        band = progressive.Band(bits, self.codes[1], scan, most_run)
        for [(c, x, y)] in mcus:
            band.block(self.block[c][y][x])
        band.flush()
        return bits.bytes()

    def pieces(self, scan, restart, most_run):
        mcus = self.mcus(scan[0])
        every = restart or len(mcus)
        for at in range(0, len(mcus), every):
            some_ = mcus[at:at + every]
            yield self.ac_scan(some_, scan, most_run) if scan[1] else self.dc_scan(
                some_, scan)

    def scan(self, scan, restart=0, most_run=progressive.MOST_RUN):
        components, first, last, high, low = scan
        data = list(self.pieces(scan, restart, most_run))
        marks = [bytes([255, 0xD0 + i % 8]) for i in range(len(data) - 1)] + [b""]
        return self.sos(components, first, last, high << 4 | low) + b"".join(
            a + b for a, b in zip(data, marks))

    def script(self):
        return progressive.USUAL if len(self.sampling) == 3 else progressive.USUAL_GRAY

    def head(self, restart=0):
        dri = segment(0xDD, struct.pack(">H", restart)) if restart else b""
        return SOI + self.quant() + self.frame(0xC2) + self.huffman() + dri

    def file(self, script=None, restart=0, between=b"", most_run=progressive.MOST_RUN):
        return self.head(restart) + between.join(
            self.scan(s, restart, most_run) for s in script or self.script()) + EOI


def some(shape="420", width=None, height=None, **more):
    return Picture(width or R.randint(5, 40), height or R.randint(3, 40), SHAPES[shape],
                   **more)


def by_pillow(mode="RGB", size=None, **options):
    width, height = size or (R.randint(5, 48), R.randint(3, 48))
    noise = np.random.default_rng(R.getrandbits(32)).normal(128, 50, (height, width, 4))
    pixels = np.clip(np.cumsum(noise - 128, 1) / 4 + noise, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels, "CMYK").convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


# ---- kinds of files: (class, name, bytes) ----
def sizes():
    for side in range(1, 34):
        for name, sampling in SHAPES.items():
            wide = side if R.random() < .5 else R.randint(5, 33)
            high = side if wide != side else R.randint(1, 33)
            narrow = name in ("422", "420") and wide <= 4
            table = R.choice((flat, steep))
            yield ("left" if narrow else "own", f"{name}_{wide}x{high}_{table.__name__}",
                   Picture(wide, high, sampling, R.choice((0, 2, 8, 63)),
                           table=table).file())


def samplings():
    for name in ("12_11_11 41_11_11 42_11_11 14_11_11 31_11_11 13_11_11 21_21_21 "
                 "12_12_12 22_21_21 22_12_11 11_22_22 21_11_21").split():
        factors = [(int(f[0]), int(f[1])) for f in name.split("_")]
        p = Picture(R.randint(5, 40), R.randint(3, 40), factors)
        yield "left", f"sampling_{name}", p.file()
    for h in range(1, 5):
        for v in range(1, 5):
            yield ("own" if v == 1 else "left", f"gray_{h}{v}",
                   Picture(R.randint(1, 40), R.randint(1, 40), [(h, v)]).file())
    yield "bad", "sampling_fractional", Picture(20, 20, [(3, 1), (2, 1), (2, 1)]).file()
    yield "bad", "sampling_zero", Picture(
        20, 20, S420).file(frame=some().frame().replace(b"\x22", b"\x02"))
    yield "bad", "sampling_5", some().file(frame=some().frame().replace(b"\x22", b"\x52"))
    yield "bad", "mcu_of_18_blocks", Picture(20, 20, [(4, 4), (1, 1), (1, 1)]).file()
    yield "bad", "mcu_of_12_blocks", Picture(20, 20, [(2, 2)] * 3).file()
    yield "other", "two_components", Picture(20, 20, [(1, 1), (1, 1)]).file()


def colours():
    jfif = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")

    def adobe(transform):
        return segment(0xEE, b"Adobe\0\144\0\0\0\0" + bytes([transform]))

    plain, no, one, two = b"\1\2\3", adobe(0), adobe(1), adobe(2)
    kinds = (("left", b"RGB", "plain", b""), ("left", b"\0\1\2", "plain", b""))
    kinds += (("own", b"RGB", "jfif", jfif), ("own", b"\0\1\2", "jfif", jfif))
    kinds += (("own", b"cde", "jfif", jfif), ("own", b"\0\1\2", "adobe_1", one))
    kinds += (("left", plain, "adobe_0", no), ("own", plain, "jfif_adobe_0", jfif + no))
    kinds += (("bad", plain, "adobe_2", two), )
    for what, ids, name, before in kinds:
        p = some("444")
        p.ids = list(ids)
        yield what, f"ids_{ids.hex()}_{name}", p.file(before)
    yield "other", "jfif_2", some().file(segment(0xE0, b"JFIF\0\2\1\0\0\1\0\1\0\0"))
    for ids in ([1, 1, 1], [1, 2, 2]):
        p = some("444")
        p.ids = ids
        yield "other", f"ids_{ids[0]}{ids[1]}{ids[2]}", p.file(jfif)
    for transform in (0, 1, 2):
        yield "bad", f"four_adobe_{transform}", Picture(18, 19, [(1, 1)] * 4).file(
            adobe(transform))
    yield "bad", "cmyk", by_pillow("CMYK")
    yield "bad", "four_420", Picture(18, 19, [(2, 2), (1, 1), (1, 1),
                                              (2, 2)]).file(adobe(2))


def restarts():
    for n in range(1, 10):
        p = some(R.choice(list(SHAPES)))
        yield "own", f"restart_{n}", p.file(restart=n)
    for n in (300, 65535):
        yield "own", f"restart_{n}", some().file(restart=n)
    yield "own", "restart_0", some().file(before=segment(0xDD, b"\0\0"))
    for i, name in enumerate(
        ("wrong", "missing", "double", "early", "twice_wrong", "filled", "stray")):
        p = some("420", 40, 40)
        pieces = p.segments(range(3), 1)
        marks = [bytes([255, 0xD0 + k % 8]) for k in range(len(pieces) - 1)] + [b""]
        if i == 0:
            marks[2] = b"\xff\xd6"
        elif i == 1:
            marks[3] = b""
        elif i == 2:
            marks[2] *= 2
        elif i == 3:
            pieces[3] = pieces[3][:1]
        elif i == 4:
            marks[1], marks[2] = b"\xff\xd5", b"\xff\xd1"
        elif i == 5:
            marks = [b"\xff\xff\xff" + m[1:] for m in marks]
        data = b"".join(a + b for a, b in zip(pieces, marks))
        if i == 6:
            data = p.data()[:-1] + b"\xff\xd0" + p.data()[-1:]
        yield ("own" if name == "filled" else "bad" if i != 6 else "other",
               f"restart_marker_{name}",
               p.file(restart=1, data=data) if i != 6 else p.file(data=data))


def applications():
    thumbnail = some().file()
    for n in range(1, 9):
        exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1" + struct.pack(
            ">HHI", n, 0, 0)
        yield "own", f"orientation_{n}", some().file(segment(0xE1, exif))
    yield "own", "thumbnail", some().file(segment(0xE1, b"Exif\0\0" + thumbnail))
    yield "own", "icc", some().file(b"".join(
        segment(0xE2, b"ICC_PROFILE\0" + bytes([i, 3]) + bytes(900)) for i in (1, 2, 3)))
    yield "own", "comment", some().file(
        segment(0xFE, b"a \xff\xd9 comment") + segment(0xFE, b""))
    yield "own", "all_applications", some().file(b"".join(
        segment(0xE0 + i, b"x" * i) for i in range(16)))
    yield "own", "many_comments", some().file(segment(0xFE, b"") * 2000)
    yield "own", "many_codes", (lambda p: p.file(huffman=p.huffman() * 60))(some())
    yield "own", "many_quants", (lambda p: p.file(quant=p.quant(7) * 60 + p.quant()))(
        some())
    yield "own", "pillow_exif", by_pillow(exif=b"Exif\0\0II\x2a\0\x08\0\0\0\0\0\0\0\0\0")
    yield "own", "pillow_icc", by_pillow(icc_profile=b"y" * 3000)


def markers():
    p = some("420", 40, 35)
    quant, frame, huffman, data = p.quant(), p.frame(), p.huffman(), p.data()
    for n in (1, 2, 40):
        yield "left", f"fill_{n}_before_a_segment", p.file(quant=b"\xff" * n + quant)
        yield "own", f"fill_{n}_before_the_end", p.file(end=b"\xff" * n + EOI)
    yield "own", "garbage_behind", p.file() + bytes(R.randrange(256) for _ in range(99))
    yield "own", "another_file_behind", p.file() + some("444").file()
    yield "bad", "two_begins", SOI + p.file()
    yield "bad", "begin_among_segments", p.file(quant=quant + SOI)
    yield "other", "garbage_between_segments", p.file(quant=quant + b"xyz")
    yield "other", "no_end", p.file(end=b"")
    yield "other", "half_an_end", p.file(end=b"\xff")
    yield "other", "zeros_for_an_end", p.file(end=bytes(20))
    yield "bad", "end_at_once", SOI + EOI
    yield "bad", "end_before_the_scan", SOI + quant + frame + huffman + EOI
    yield "bad", "empty", b""
    yield "bad", "one_byte", b"\xff"
    yield "bad", "begin_alone", SOI
    yield "bad", "no_begin", p.file()[2:]
    yield "bad", "another_begin", b"\xff\xd7" + p.file()[2:]
    yield "bad", "scan_without_data", p.file(data=b"")
    yield "left", "lines_behind", p.file(end=segment(0xDC, struct.pack(">H", p.height)) +
                                         EOI)
    yield "bad", "lines_told_later", p.file(
        frame=p.frame(size=(0, p.width)),
        end=segment(0xDC, struct.pack(">H", p.height)) + EOI)
    yield "left", "end_then_scan", p.file(end=segment(0xFE, b"late") + EOI)
    yield "other", "no_codes", p.file(huffman=b"")
    yield "left", "pillow_without_codes", strip(by_pillow(), 0xC4)
    yield "bad", "no_quants", p.file(quant=b"")
    yield "bad", "no_frame", SOI + quant + huffman + p.sos() + data + EOI
    yield "bad", "two_frames", p.file(frame=frame + frame)
    yield "own", "codes_before_the_frame", SOI + huffman + frame + quant + p.sos(
    ) + data + EOI
    yield "other", "restarts_after_the_frame", SOI + quant + frame + huffman + segment(
        0xDD, b"\0\1") + p.sos() + data + EOI
    for n in (0, 1):
        yield "bad", f"length_{n}", p.file(quant=b"\xff\xdb" + bytes([0, n]) + quant[4:])
    yield "bad", "length_beyond", p.file(quant=b"\xff\xfe\xff\xff" + quant)
    for first, last, low in ((1, 63, 0), (0, 62, 0), (0, 63, 1), (0, 63, 16), (63, 0, 0)):
        sos = p.sos(None, first, last, low)
        yield ("other", f"scan_{first}_{last}_{low}",
               SOI + quant + frame + huffman + sos + data + EOI)
    for name, sos in (("no_components", segment(0xDA, b"\0\0\77\0")),
                      ("unknown_component", segment(0xDA, b"\3\1\0\2\0\7\0\0\77\0")),
                      ("a_table_that_is_none", segment(0xDA, b"\3\1\x30\2\0\3\0\0\77\0")),
                      ("a_table_of_5", segment(0xDA, b"\3\1\x50\2\0\3\0\0\77\0")),
                      ("two_of_three", segment(0xDA, b"\2\1\0\2\0\0\77\0")),
                      ("long", segment(0xDA, b"\3\1\0\2\0\3\0\0\77\0\0"))):
        yield "other", f"scan_of_{name}", SOI + quant + frame + huffman + sos + data + EOI


def strip(data, marker):
    """Without the segments of a marker, up to the scan."""
    at, to = 2, data[:2]
    while data[at + 1] != 0xDA:
        n = 2 + int.from_bytes(data[at + 2:at + 4], "big")
        to += data[at:at + n] if data[at + 1] != marker else b""
        at += n
    return to + data[at:]


def frames():
    p = some()
    for height, width in ((0, 20), (20, 0), (0, 0), (65535, 65535), (65501, 8),
                          (8, 65501), (65500, 65500)):
        yield "bad", f"size_{height}_{width}", p.file(frame=p.frame(size=(height, width)))
    yield "bad", "taller_than_its_data", p.file(frame=p.frame(size=(700, p.width)))
    yield "own", "sizes_of_another_picture", some("gray", 16, 16, fill=0).file()
    for marker in (0xC3, 0xC5, 0xC6, 0xC7, 0xC8, 0xCB, 0xCD, 0xCE, 0xCF):
        yield "bad", f"frame_{marker:02x}", p.file(frame=p.frame(marker))
    for marker in (0xC9, 0xCA, 0xDE):
        yield "other", f"frame_{marker:02x}", p.file(frame=p.frame(marker))
    yield "left", "frame_c1", p.file(frame=p.frame(0xC1))
    for bits in (0, 7, 12, 16):
        yield "bad", f"precision_{bits}", p.file(frame=p.frame(0xC1, bits))
    for n in (0, 2, 5, 255):
        body = bytearray(p.frame()[4:])
        body[5] = n
        yield "bad", f"components_{n}", p.file(frame=segment(0xC0, bytes(body)))
    yield "bad", "frame_too_long", p.file(frame=segment(0xC0, p.frame()[4:] + b"\0"))


def tables():
    for step in (1, 2, 255):
        yield "own", f"quant_{step}", (lambda p: p.file(quant=p.quant(step)))(
            some(size=9))
    yield "left", "quant_of_16_bits", (lambda p: p.file(quant=p.quant(300, True)))(
        some(size=3))
    yield "left", "quant_16_bits_small", (lambda p: p.file(quant=p.quant(3, True)))(
        some())
    yield "own", "quant_0", (lambda p: p.file(quant=p.quant(0)))(some())
    yield "other", "quant_too_large", (lambda p: p.file(quant=p.quant(255)))(
        some(size=500))
    yield "bad", "quant_5", (lambda p: p.file(quant=segment(0xDB, b"\5" + bytes(64))))(
        some())
    yield "bad", "quant_too_short", (
        lambda p: p.file(quant=segment(0xDB, b"\0" + bytes(40))))(some())
    p = some()
    dc, ac = p.tables
    for name, table in (("too_many", ([255] * 16, [0] * 255)),
                        ("beyond", ([0] * 7 + [200] + [0] * 8,
                                    [0] * 20)), ("overflow", ([3] + [0] * 15, [0, 1, 2])),
                        ("all_ones", ([2] + [0] * 15, [0, 1])),
                        ("overflow_late", ([1, 1, 1, 9] + [0] * 12, list(range(12))))):
        yield "bad", f"codes_{name}", p.file(huffman=dht(0, table) + dht(0x10, ac))
    yield "bad", "codes_none", p.file(huffman=dht(0, ([0] * 16, [])) + dht(0x10, ac))
    yield "bad", "codes_dc_16", p.file(huffman=dht(0, (dc[0], [16] + dc[1][1:])) +
                                       dht(0x10, ac))
    yield "other", "codes_dc_15", p.file(huffman=dht(0, (dc[0], [15] + dc[1][1:])) +
                                         dht(0x10, ac))
    yield "other", "codes_ac_15", p.file(huffman=dht(0, dc) +
                                         dht(0x10, (ac[0], ac[1][:-1] + [0x0F])))
    yield "bad", "codes_5", p.file(huffman=dht(5, dc) + p.huffman())
    for q in (1, 30, 75, 95, 100):
        for s in (0, 1, 2):
            yield "own", f"pillow_{q}_{s}", by_pillow(quality=q, subsampling=s)
            yield "own", f"pillow_optimised_{q}_{s}", by_pillow(quality=q,
                                                                subsampling=s,
                                                                optimize=True)
    yield "own", "pillow_gray", by_pillow("L")


def scans():
    for sampling in (S444, S422, S420, [(1, 2), (1, 1), (1, 1)]):
        p = Picture(R.randint(5, 40), R.randint(3, 40), sampling)
        head = SOI + p.quant() + p.frame() + p.huffman()
        apart = [p.sos([c]) + p.segments([c])[0] for c in range(3)]
        yield "left", f"apart_{len(head)}_{sampling[0]}".replace(
            " ", ""), head + b"".join(apart) + EOI
        yield "left", f"apart_in_another_order_{sampling[0]}".replace(
            " ", ""), head + b"".join(reversed(apart)) + EOI
        yield "left", f"one_and_two_{sampling[0]}".replace(
            " ", ""), head + apart[0] + p.sos([1, 2]) + p.segments([1, 2])[0] + EOI
        yield "other", f"a_scan_missing_{sampling[0]}".replace(
            " ", ""), head + apart[0] + apart[2] + EOI
        yield "other", f"a_scan_twice_{sampling[0]}".replace(
            " ", ""), head + b"".join(apart) + apart[1] + EOI
    for s in 0, 1, 2, 0, 1, 2:
        yield "own", f"pillow_progressive_{s}", by_pillow(progressive=True, subsampling=s)
    yield "own", "pillow_progressive_gray", by_pillow("L", progressive=True)


def progressions():
    for i in range(60):
        shape, restart = R.choice(list(SHAPES)), R.choice((0, 0, 1, 3, 50))
        p = Progressive(R.randint(5, 40), R.randint(3, 40), SHAPES[shape],
                        R.choice((0, 2, 8, 63)), R.choice((1, 6, 40, 500)),
                        table=R.choice((flat, steep)))
        script = progressive.drawn(R, len(p.sampling)) if i % 3 else p.script()
        run = R.choice((1, 2, 7, progressive.MOST_RUN))
        yield "own", f"progressive_{shape}_{len(script)}_{restart}_{run}", p.file(
            script, restart, most_run=run)
    for sampling in ([(1, 2), (1, 1), (1, 1)], [(4, 1), (1, 1), (1, 1)]):
        p = Progressive(30, 30, sampling)
        yield "left", f"progressive_{sampling[0][0]}{sampling[0][1]}", p.file()
    yield "left", "progressive_many_scans", Progressive(9, 9, GRAY).file(
        [([0], 0, 0, 0, 0)] +
        [([0], k, k, *bits) for k in range(1, 64) for bits in ((0, 1), (1, 0))])
    yield "own", "progressive_large", Progressive(180, 140, S420, 63, 100).file()


def odd_progressions():
    p = Progressive(33, 28, S420)
    usual, between = p.script(), len(p.script()) // 2

    def without(i):
        return p.file(usual[:i] + usual[i + 1:])

    def with_(*scans, at=len(usual)):
        return p.file(usual[:at] + list(scans) + usual[at:])

    for i in range(len(usual)):
        yield "other", f"progression_without_{i}", without(i)
        yield "other", f"progression_twice_{i}", with_(usual[i])
        yield "other", f"progression_up_to_{i}", p.file(usual[:i + 1])[:-2] + EOI if (
            i + 1 < len(usual)) else p.file()[:-2]
        yield "other", f"progression_cut_behind_{i}", p.file(usual[:i + 1])[:-2]
        swapped = usual[:]
        swapped[i], swapped[i - 1] = swapped[i - 1], swapped[i]
        yield "any", f"progression_swapped_{i}", p.file(swapped)
    for name, scan in (("dc_and_ac", ([0], 0, 5, 0, 0)), ("backward", ([0], 9, 5, 0, 0)),
                       ("beyond", ([0], 1, 64, 0, 0)), ("far", ([0], 1, 63, 3, 1)),
                       ("up", ([0], 1, 63, 1, 2)), ("low_14", ([0], 1, 63, 0, 14))):
        data = p.scan(usual[1])
        sos = p.sos(scan[0], *scan[1:3], scan[3] << 4 | scan[4])
        yield "other", f"progression_{name}", p.head() + p.scan(usual[0]) + sos + data[
            10:] + EOI
    yield "left", "progression_low_4", p.file(
        [([0, 1, 2], 0, 0, 0, 0)] + [([c], 1, 63, 0, 4) for c in range(3)] +
        [([c], 1, 63, b, b - 1) for b in (4, 3, 2, 1) for c in range(3)])
    yield "other", "progression_ac_of_two", p.file(usual[:1])[:-2] + p.sos(
        [0, 1], 1, 63, 0) + b"\0" * 9 + EOI
    yield "other", "progression_of_another_order", p.head() + p.sos(
        [2, 1, 0], 0, 0, 1) + p.scan(usual[0])[14:] + EOI
    for what, name, more in (("own", "comment", segment(0xFE, b"between")),
                             ("own", "exif", segment(0xE1, b"Exif\0\0")),
                             ("own", "codes", p.huffman()),
                             ("own", "no_restarts", segment(0xDD, b"\0\0")),
                             ("left", "quant", p.quant()), ("own", "fill", b"\xff" * 3),
                             ("other", "garbage", b"xyz"), ("other", "zeros", bytes(3)),
                             ("other", "restart", b"\xff\xd0"),
                             ("other", "begin", SOI), ("other", "frame", p.frame(0xC2)),
                             ("other", "lines", segment(0xDC, b"\0\x1c"))):
        yield what, f"progression_with_{name}", p.file(between=more)
    tight = dht(0x10, flat(sorted(progressive.SYMBOLS, reverse=True)))
    other = Progressive(33, 28, S420)
    other.block, other.codes = p.block, [p.codes[0], codes_of(*flat(
        sorted(progressive.SYMBOLS, reverse=True)))]
    yield "own", "progression_with_other_codes", p.head() + b"".join(
        p.scan(s) for s in usual[:between]) + tight + b"".join(
            other.scan(s) for s in usual[between:]) + EOI
    yield "own", "progression_with_restarts_late", p.head() + b"".join(
        p.scan(s) for s in usual[:between]) + segment(0xDD, b"\0\2") + b"".join(
            p.scan(s, 2) for s in usual[between:]) + EOI
    yield "other", "progression_without_codes", p.file().replace(p.huffman(), b"")
    yield "other", "progression_too_large", Progressive(
        33, 28, S420, 9, 1000).file().replace(p.quant(), p.quant(255))


def odd_bands():
    """A band that ends for more blocks than there are, or too many coefficients."""
    p = Progressive(24, 24, GRAY, 0)
    dc, ac = p.scan(([0], 0, 0, 0, 0)), p.sos([0], 1, 63, 0)
    later = p.sos([0], 1, 63, 0x10)

    def band(*of):
        bits = Bits()
        for symbol, value, n in of:
            bits.put(*p.codes[1][symbol])
            bits.put(value, n)
        return bits.bytes()

    whole = band((0x30, 1, 3))
    for what, name, data in (("own", "right", whole), ("left", "late", band((0x30, 2, 3))),
                             ("bad", "early", band((0x30, 0, 3))),
                             ("left", "full_late", band((0xE0, 0x3FFF, 14))),
                             ("left", "beyond",
                              band(*[(0xF0, 0, 0)] * 3, (0xF1, 1, 1), (0x30, 0, 3))),
                             ("left", "zeros",
                              band(*[(0xF0, 0, 0)] * 4, (0x30, 0, 3))),
                             ("any", "none", b"")):
        yield what, f"band_{name}", p.head() + dc + ac + data + EOI
    first = p.sos([0], 1, 63, 1) + band((1, 1, 1), (0, 0, 0), (0x30, 0, 3))
    for what, name, data in (("own", "right", band((0, 0, 1), (0x30, 0, 3))),
                             ("bad", "of_2", band((2, 1, 2), (0, 0, 1), (0x30, 0, 3))),
                             ("other", "beyond",
                              band(*[(0xF0, 0, 0)] * 4, (0x30, 0, 3)))):
        yield what, f"next_band_{name}", p.head() + dc + first + later + data + EOI


def zeros_beyond(p, start, behind, more):
    """A block of the symbols `start` whose zeros go on beyond its end. libjpeg takes two
    of their codes; two of those behind are a block to it, DC of 1 and an end. more:
    blocks that stay at the end, for a reader that took more of the zeros."""
    bits, before, odd = Bits(), dict.fromkeys(range(3), 0), R.randrange(1, 6)
    blocks = [block for mcu in p.mcus(range(len(p.sampling))) for block in mcu]
    for i, (c, x, y) in enumerate(blocks):
        if i == odd:
            bits.put(*p.codes[0][0])
            for s in start + [0xF0] * (2 + behind):
                bits.put(*p.codes[1][s])
                bits.put(1, s & 15)
        elif not odd < i <= odd + behind // 2 - more:
            before[c] = p.put(bits, p.block[c][y][x], before[c])
    return p.file(data=bits.bytes())


def odd_blocks():
    """Six codes of 16 zeros, a look-up's, behind 32 coefficients and more."""
    for shape in SHAPES:
        for start in [0xF1, 0xF1], [0xF1, 0xF1, 0x61], [0xF1, 0xF1, 0xD1]:
            p = some(shape, 40, 24, table=steep)
            yield "left", f"zeros_beyond_{shape}_{start[-1]:x}", zeros_beyond(
                p, start, R.choice((6, 8)), R.choice((0, 2)))


def truncated():
    for shape in ("gray", "420"):
        data = some(shape, 40, 40).file(restart=3)
        at = 2
        while data[at + 1] != 0xDA:
            yield "bad", f"cut_at_{at}_{shape}", data[:at]
            yield "bad", f"cut_in_{at}_{shape}", data[:at + 3]
            at += 2 + int.from_bytes(data[at + 2:at + 4], "big")
        for k in range(at, len(data) - 1):
            if data[k] == 255 and data[k + 1]:
                yield "bad", f"cut_at_{k}_{shape}", data[:k]
                yield "bad", f"end_at_{k}_{shape}" if k < len(
                    data) - 2 else f"cut_{k}_{shape}", data[:k] + (EOI if k < len(data) -
                                                                   2 else b"")
    for i in range(20):
        data = bytearray(
            some(R.choice(list(SHAPES)), 33, 40, table=R.choice(
                (flat, steep))).file(restart=R.choice((0, 0, 2))))
        scan = data.index(b"\xff\xda") + 14
        for _ in range(R.randint(1, 3)):
            data[R.randrange(scan, len(data))] ^= 1 << R.randrange(8)
        yield "any", f"damaged_{i}", bytes(data)


def arithmetic():
    tool = shutil.which("cjpeg")
    for i, options in enumerate(((), ("-progressive", ), ("-sample", "1x1"),
                                 ("-restart", "1"), ("-grayscale", )) if tool else ()):
        image = io.BytesIO()
        Image.open(io.BytesIO(by_pillow())).save(image, "PPM")
        yield "left", f"arithmetic_{i}", subprocess.run([tool, "-arithmetic", *options],
                                                        input=image.getvalue(),
                                                        capture_output=True,
                                                        check=True).stdout


def input_of(i, data):
    """The header, window and index targets in turn; some bytes for the scan's."""
    def draw(n):
        return bytes(R.randrange(256) for _ in range(n))

    return (b"\0" + draw(1) + data, b"\2" + draw(16) + data, b"\3\0\0" + draw(5) + data,
            b"\3" + bytes([R.randrange(256), 60]) + draw(65) + data,
            b"\1" + draw(300),
            b"\4" + bytes([R.choice((0, 4, 12, 16, 1, 2)), 30]) + draw(35) + data)[i % 6]


def main():
    a = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("folder", type=pathlib.Path)
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--inputs", action="store_true")
    o = a.parse_args()
    R.seed(o.seed)
    o.folder.mkdir(parents=True, exist_ok=True)
    n = 0
    for kind in (sizes, samplings, colours, restarts, applications, markers, frames,
                 tables, scans, truncated, arithmetic, progressions, odd_progressions,
                 odd_bands, odd_blocks):
        for what, name, data in kind():
            (o.folder / f"{what}-{name}-{n:03}.jpg"
             ).write_bytes(input_of(n, data) if o.inputs else data)
            n += 1
    print(f"{n} files in {o.folder}")


main()
