"""The rules of exact reordering: where each must fire, where it must not, and random features
that it is about."""
import io
import re
import struct


class Wrong(Exception):
    pass


def due(truth, why):
    if not truth:
        raise Wrong(why)


# A kernel that can make a part. It tells what it was asked for, which no kernel should:
# asked(h, w)[i, j] is 1000 times the rows plus the columns, line(n)[i] the elements.
# tokens(n)[i] is the number of tokens that it makes; for n of 77 the 40th fails.
ASKED = """#include "pipec_kernel.h"
int asked(pk_call *call, int64_t h, int64_t w, const pk_region *r, pk_tensor *out) {
    int64_t rows = r ? r->to[0] - r->from[0] : h, columns = r ? r->to[1] - r->from[1] : w;
    (void)call;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            *(int32_t *)((char *)out->data + i * out->stride[0] + j * out->stride[1]) = (int32_t)(1000 * rows + columns);
    return 0;
}
int line(pk_call *call, int64_t n, const pk_region *r, pk_tensor *out) {
    int64_t m = r ? r->to[0] - r->from[0] : n;
    (void)call;
    for (int64_t i = 0; i < m; i++) *(int32_t *)((char *)out->data + i * out->stride[0]) = (int32_t)m;
    return 0;
}
int tokens(pk_call *call, int64_t n, const pk_region *r, pk_tensor *out) {
    int64_t m = r && r->to[0] < n ? r->to[0] : n;
    int32_t *to = pk_alloc(call, 4 * (size_t)m);
    for (int64_t i = 0; i < m; i++) to[i] = (int32_t)m;
    out->data = to;
    out->dim[0] = m;
    out->stride[0] = 4;
    return n == 77 && m > 40 ? pk_fail_rows(call, 40, "no token") : 0;
}
int xor_of(pk_call *call, const pk_tensor *x, pk_tensor *out) {
    uint8_t all = 0;
    (void)call;
    for (int64_t i = 0; i < x->dim[0]; i++) all ^= ((const uint8_t *)x->data)[i];
    *(int32_t *)out->data = all;
    return 0;
}
int solid(pk_call *call, int64_t h, int64_t w, const pk_region *r, pk_tensor *out) {
    return asked(call, h, w, r, out);
}
"""
KERNELS = """kernel asked(h: int, w: int) -> i32[h, w]
    from "asked.c"
    region h, w
kernel line(n: int) -> i32[n]
    from "asked.c"
    region n
kernel tokens(n: int) -> i32[?m]
    from "asked.c"
    region m
kernel solid(h: int, w: int) -> i32[h, w]
    from "asked.c"
"""


def picture(seed, h, w):
    from PIL import Image
    image = Image.new("RGB", (w, h))
    image.putdata([((seed * 7 + i * 3) % 256, (i // w * 5) % 256, (i % w * 4 + seed) % 256) for i in range(h * w)])
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def sound(seed, n):
    samples = struct.pack(f"<{n}h", *(((seed + i) * 2654435761 >> 8) % 60000 - 30000 for i in range(n)))
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16,
                       b"data", len(samples))
    return head + samples


def make_data(folder):
    folder.mkdir()
    for i, (h, w) in enumerate([(40, 60), (55, 33), (64, 64), (32, 90)]):
        (folder / f"{i}.jpg").write_bytes(picture(i, h, w))
        (folder / f"{i}.wav").write_bytes(sound(i, 300 + 90 * i))
    (folder / "large").mkdir()
    for i, n in enumerate([320000, 330000, 330001, 325000, 400000]):
        (folder / f"large/{i}.wav").write_bytes(sound(i, n))


def over_range(body, emit, n=12, head=""):
    return f"{head}feature f()\nfrom range(0, {n})\n{body}\nbatch(10, last = partial)\nemit {emit}\n"


def over_files(body, emit, kind="jpg"):
    library = {"jpg": "image", "wav": "audio"}[kind]
    return (f'import "std/{library}"\nfeature f(root: path)\nfrom files(root, "*.{kind}")\n{body}\n'
            f"batch(2, last = partial)\nemit {emit}\n")


# ---- where as early as its inputs exist ----

class EarlyWhere:
    """What a `where` does not read is made behind it: nobody can tell, but for the time
    that it takes, and for failures, which the language asks of records that stay alone."""
    name, passes = "early_where", "filters,normal,inline"

    def fires(bench):
        _, bad = bench.run(over_range('x = if value % 2 == 1 then fail("odd") else value\nwhere value % 2 == 0', "x"))
        due(bad == [], f"{bad} failed, though nobody wants them")

    def stays(bench):
        _, bad = bench.run(over_range('x = if value % 2 == 1 then fail("odd") else value\nwhere x % 2 == 0', "x"))
        due([r[0] for r in bad] == [1, 3, 5, 7, 9, 11], f"{bad} failed: the where reads what fails")

    def random(rng):
        body = []
        for i in range(rng.randrange(3, 7)):
            if rng.random() < .5:
                body.append(f"x{i} = if (value * {rng.randrange(1, 9)}) % {rng.randrange(3, 9)} == 1 then fail(\"x{i}\") else value + {i}")
            else:
                known = [f"x{k}" for k in range(i) if f"x{k} =" in "\n".join(body)] + ["value"]
                body.append(f"where ({rng.choice(known)} * {rng.randrange(1, 7)}) % {rng.randrange(2, 6)} != {rng.randrange(3)}")
        made = [b.split()[0] for b in body if b.startswith("x")] + ["value"]
        return over_range("\n".join(body), ", ".join(made), 40)


# ---- the cheap where first ----

DEAR = "dear = sum(for i in 0..50: f32(value * i % 7) * 0.5)\n"


def lines_of(bench, text):
    dump = bench.dumped(text, "filters").splitlines()
    return [dump[i + 1].strip() for i, line in enumerate(dump) if line == "where"]


class CheapWhere:
    """Of two wheres the cheap one is asked first, if the dear one cannot fail."""
    name, passes = "cheap_where", "filters"

    def fires(bench):
        asked = lines_of(bench, over_range(DEAR + "where dear > 70\nwhere value % 5 != 1", "value"))
        due(["5" in a for a in asked] == [True, False], asked)
        for some in ("max", "min", "mean", "argmax"):
            asked = lines_of(bench, over_range(DEAR.replace("sum(", f"{some}(") + "where dear < 7\nwhere value % 5 != 1", "value"))
            due("% 5" in asked[0], f"{some} of 50 elements cannot fail: {asked}")
        for safe in ("i == 0 or few[i - 1] > 3", "i >= 9 or few[i + 40] > 3", "few[min(i, 48)] > 3", "i == 49 or few[49 - i - 1] > 3", "few[value % 49] > i"):
            asked = lines_of(bench, over_range(f"few = for i in 0..49: i * value\nwhere count(for i in 0..50: {safe}) > 7\nwhere value % 5 != 1", "value"))
            due("% 5" in asked[0], f"{safe} cannot fail, but {asked}")

    def stays(bench):
        text = DEAR.replace("sum(", "max(").replace("0..50", "0..value % 50")
        asked = lines_of(bench, over_range(text + "where dear < 7\nwhere value % 5 != 1", "value"))
        due("% 5" in asked[1], f"of nothing it fails, but {asked}")
        for why, text in {"it may fail": "where 9 // (dear - dear + value - 3) > 0", "a place outside": "few = for i in 0..9: value\nwhere count(for i in 0..50: i >= 9 or few[i - 1] > 3) > 2", "it is pinned": "@pin where dear > 70"}.items():
            text = text.replace("dear - dear", "int(dear) % 1")
            asked = lines_of(bench, over_range(DEAR + text + "\nwhere value % 5 != 1", "value"))
            due("% 5" in asked[-1], f"{why}, but {asked}")

    def random(rng):
        body = [DEAR, "few = [4, 5, 6, 7, 8]"]
        for _ in range(rng.randrange(3, 7)):
            n = rng.randrange(2, 8)
            body.append(rng.choice(["", "", "@pin "]) + "where " + rng.choice([
                f"value % {n} != {rng.randrange(n)}", f"dear > {rng.randrange(60, 80)}.5", f"few[value % {n}] > 4",
                f"40 // (value - {rng.randrange(40)}) != 2", f"sum(for k in 0..value % {n}: few[k]) != 9",
                f"max(for k in 0..{n}: (k * value) % 7) < {rng.randrange(3, 7)}", f"mean(for k in 0..value % {n}: k * 3) < 9"]))
        return over_range("\n".join(body), "value", 60)


# ---- index maps and pointwise work ----

HOT = "hot = for i in 0..16, j in 0..12: sqrt(f32((i * 7 + j * 5 + value) % 32)) / (1 + j)\n"
STEPS = {
    "flip": "for i, j: {x}[{h} - 1 - i, j]", "mirror": "for i, j: {x}[i, {w} - 1 - j]",
    "inner": "for i in 0..{h} - 2, j in 0..{w} - 1: {x}[i + 1, j]",
    "dim": "for i, j: {x}[i, j] * 0.75 + i", "hot": "for i, j: sqrt(abs({x}[i, j])) / (1.5 + j)",
    "hold": "for i, j: min(max({x}[i, j], 0.25), 3)", "twice": "for i in 0..2 * {h}, j in 0..{w}: {x}[i // 2, j]",
    "turn": "for i in 0..{w}, j in 0..{h}: {x}[j, i]", "near": "for i in 0..{h}, j in 0..{w}: {x}[max(i - 1, 0), j] + {x}[i, min(j + 1, {w} - 1)]",
    "bytes": "for i, j: f32(u8({x}[i, j] * 9))", "part": "for i in 0..{h} - 1, j in 0..{w}: {x}[i + value % 2, j]",
    "level": "for i, j: {x}[i, j] - max({x})",
}


def chain(rng, names, steps):
    """Fields of HOT's shape onwards; the text and the last one's name."""
    text, x, h, w = HOT, "hot", 16, 12
    for k in range(steps):
        step = rng.choice(names)
        if step == "inner" and min(h, w) < 4 or step == "part" and h < 3 or step == "twice" and h > 60:
            continue
        bounds = STEPS[step].format(x=x, h=h, w=w).replace("for i, j:", f"for i in 0..{h}, j in 0..{w}:")
        h, w = {"inner": (h - 2, w - 1), "twice": (2 * h, w), "turn": (w, h), "part": (h - 1, w)}.get(step, (h, w))
        x = f"y{k}"
        text += f"{x} = {bounds}\n"
    return text, x


class Pointwise:
    """Pointwise work goes behind an index map, to where its elements are read, as long as
    each is made at most once or costs next to nothing: an element is the same wherever it
    is made, so no value changes; toward fewer elements, as others are not made at all."""
    name, passes = "pointwise", "inline,ways"

    def fires(bench):
        ways = bench.explained(over_range(HOT + "cut = for i in 0..4, j in 0..5: hot[i + 3, 11 - j]", "cut"))["ways"]
        due(ways["hot"] == {"inline"}, ways)

    def stays(bench):
        for cut in ("for i in 0..32, j in 0..24: hot[i // 2, j // 2]", "for i in 0..16, j in 0..12: hot[i, j] + hot[15 - i, j]"):
            ways = bench.explained(over_range(HOT + "cut = " + cut, "cut"))["ways"]
            due(ways["hot"] <= {"whole", "window"}, f"{cut}: {ways}")

    def random(rng):
        text, last = chain(rng, ["flip", "mirror", "inner", "dim", "hot", "hold", "twice", "turn", "near", "part", "level"], rng.randrange(2, 7))
        return over_range(text, f"{last}, hot" if rng.random() < .3 else last)


# ---- casts ----

class Casts:
    """A cast is pointwise work that costs next to nothing, so a widening one goes where its
    elements are read, and what is kept of a narrowing one is narrow. Rounding and
    saturation are part of the value. (A tensor that is made for a widening cast alone is
    kept wide: its readers would convert an element as often as they read it.)"""
    name, passes = "casts", "inline,levels,ways"
    bytes = "hot = for i in 0..16, j in 0..12: u8(sqrt(f32((i * 7 + j * 5 + value) % 32)) * 40)\n"

    def kept(said):
        return {t["name"] for t in said["tensors"] if t["way"] in ("whole", "window")}

    def fires(bench):
        twice = "wide[i, j] + wide[15 - i, j]"
        said = bench.explained(over_range(Casts.bytes + f"top = max(hot)\nwide = f32(hot)\ny = for i in 0..16, j in 0..12: {twice}", "y, top"))
        due(Casts.kept(said) == {"hot"} and said["ways"]["wide"] == {"inline"}, f"late: {said['ways']}")
        said = bench.explained(over_range(HOT + f"wide = u8(hot * 40)\ny = for i in 0..16, j in 0..12: i32({twice})", "y"))
        due(Casts.kept(said) == {"wide"}, f"early: {said['ways']}")

    def stays(bench):
        text = HOT + "small = u8(hot * 40)\ny = for i in 0..16, j in 0..12: hot[15 - i, j] + f32(small[i, j]) + small[15 - i, j]"
        due(bench.explained(over_range(text, "y"))["ways"]["hot"] != {"inline"}, "somebody reads the wide one")
        for d in ("i8", "u8"):
            dump = bench.dumped(over_range(f"x = for i in 0..4: f64({d}(f32(i) * 90.5))", "x"), "levels")
            due(d + "(" in dump, f"{d} rounds: {dump}")

    def random(rng):
        text, h = HOT, "hot"
        for k in range(rng.randrange(2, 6)):
            d = rng.choice(["u8", "i8", "i16", "f16", "bf16", "f32", "f64", "u16", "i32"])
            text += f"y{k} = " + rng.choice([
                f"for i in 0..16, j in 0..12: {d}({h}[15 - i, j])", f"for i in 0..16, j in 0..12: {d}(f32({h}[i, j]) * {rng.choice(['1.5', '-9.25', '60'])})",
                f"for i in 0..16, j in 0..12: {d}(f32({h}[i, j]) + f32({h}[i, 11 - j]))"]) + "\n"
            h = f"y{k}"
        return over_range(text, h)


# ---- crop before pointwise, crop into the kernel that makes it ----

class Crop:
    """A kernel that can make a part of its result is asked for the hull of what is read,
    found for each record from the subscripts: it gives the same values there."""
    name, passes = "crop", "regions,inline"

    def fires(bench):
        text = "x = asked(40, 30)\ny = for i in 0..40, j in 0..30: f32(x[i, 29 - j]) * 1\nz = for i in 0..7, j in 0..5: y[i + 3 + value % 2, j + 2]"
        check(bench, text, "sum(for i in 0..7, j in 0..5: z[i, j] - 7005) == 0")

    def stays(bench):
        due(not bench.explained(over_range("x = solid(40, 30)\nz = for i in 0..7, j in 0..5: x[i, j]", "z", head=KERNELS))["crops"], "solid cannot")
        check(bench, "x = asked(40, 30)\nmost = max(x)\nz = for i in 0..7, j in 0..5: x[i, j] - most", "most == 40030")

    def random(rng):
        h, w = rng.randrange(4, 24), rng.randrange(4, 24)
        body = rng.choice(["image = decode_jpeg(data)", "image = hflip(decode_jpeg(data))", "image = f32(decode_jpeg(data))"])
        steps = ["vflip", "to_float", f"pad({rng.randrange(1, 4)})", "hflip", "random_flip"]
        body += f"\npart = image |> {rng.choice(steps)} |> crop({rng.randrange(6)}, {rng.randrange(14)}, {h}, {w}) |> {rng.choice(steps)} |> chw"
        if rng.random() < .5:
            body += f"\nother = random_resized_crop(image, {rng.randrange(3, 20)})"
        return over_files(body, "part" + (", other" if "other" in body else ""))


def check(bench, body, truth):
    """The truth holds for every record: it is what another kernel would not tell."""
    _, bad = bench.run(over_range(body + f"\nok = if {truth} then 1 else fail(\"asked for more or less\")", "ok", head=KERNELS))
    due(bad == [], f"{truth}: {bad[:1]}")


# ---- flip and transpose into addressing ----

class Flips:
    """A tensor whose elements are those of another in other places is never made: its
    readers read the other one there."""
    name, passes = "flips", "inline,links,ways"

    def fires(bench):
        said = bench.explained(over_files("x = decode_jpeg(data) |> hflip |> vflip |> crop(1, 2, 20, 20) |> chw", "x"))
        due(not any(t["way"] == "whole" for t in said["tensors"]) and said["ways"]["decode_jpeg"] == {"window"}, said["ways"])

    def stays(bench):
        body = "x = scan s = 0.0 for i in 0..30: s * 0.5 + f32(i + value)\ny = for i in 0..30: x[29 - i]"
        due(bench.explained(over_range(body, "y"))["ways"]["x"] == {"whole"}, "a scan goes one way")

    def random(rng):
        text, last = chain(rng, ["flip", "mirror", "turn", "flip", "turn", "inner", "near", "twice"], rng.randrange(3, 8))
        if rng.random() < .5:
            text += f"z = if value % 3 == 0 then (for i, j: {last}[i, j] * 2) else {last}\n"
            last = "z"
        return over_range(text, last)


# ---- truncation before maps of tokens, and into what makes them ----

class Truncation:
    """A slice is an index map of one dimension."""
    name, passes = "truncation", "inline,regions,ways"

    def fires(bench):
        body = "id = for m in 0..200: sqrt(f32(m * value)) / (1 + m)\nfirst = id[0..8]"
        due(bench.explained(over_range(body, "first"))["ways"]["id"] == {"inline"}, "200 ids for 8")
        check(bench, "x = line(300)\nfirst = for k in 0..8: i32(x[k + 2]) * 2", "sum(for k in 0..8: first[k] - 16) == 0")

    def stays(bench):
        body = "id = for m in 0..200: sqrt(f32(m * value)) / (1 + m)\nfirst = id[0..8]\ntotal = sum(id)"
        due("inline" not in bench.explained(over_range(body, "first, total"))["ways"].get("id", set()), "made twice")
        check(bench, "x = line(300)\ntotal = sum(x)\nfirst = x[0..8]", "total == 90000")
        text = over_range("odd = for i in 0..9 + value where i % 2 == 1: i\nid = for m in 0..len(odd): sum(for k in 0..odd[m]: k + 1)\nfirst = pad_to(id, 12, -1)", "first")
        due(bench.run(text) == bench.run(text, "--fuse=off"), "how many a where keeps is not how many it asks")

    def random(rng):
        n = rng.randrange(5, 60)
        a = rng.randrange(n)
        b = rng.randrange(a, n + 1 + (rng.random() < .2))
        body = f"id = for m in 0..{n}: {rng.choice(['sqrt(f32(m * value)) / (1 + m)', 'i32(m * value % 7)', 'u8(m + 3 * value)'])}\n"
        body += f"first = id[{a}..{b}]\n" + rng.choice(["", "total = sum(id)\n"])
        body += f"again = for m in 0..{b - a}: first[{b - a} - 1 - m] + {rng.randrange(3)}"
        return over_range(body, "again" + (", total" if "total" in body else ""))


# ---- a list that ends early ----

class Stops:
    """Of a list whose length only the data tell, the first elements alone are read: what
    makes it ends with them, unless a condition behind them might fail."""
    name, passes = "stops", "stops"
    ODD = "odd = for i in 0..{n} where i % 2 == 1: i\n"
    ENDLESS = ODD.format(n="1000000000000000")

    def fires(bench):
        for first in ("first = pad_to(odd, 8)", "first = odd[0..min(len(odd), 8)]", "t = for m in 0..len(odd): odd[m] * 3\nfirst = pad_to(t, 8)",
                      "k = 3 + value % 2\nfirst = for m in 0..min(k, len(odd)): odd[m] - m", "first = for m in 0..9: if m < len(odd) and m < 8 then odd[m] else -1",
                      "other = for i in 0..len(odd) where i != 3: odd[i]\nfirst = pad_to(odd, 5)\nsecond = odd[2..4]", "where len(odd) > 6\nfirst = value"):
            text = over_range(Stops.ENDLESS + first, "first")
            due(bench.run(text)[1] == [] and " stop " in bench.dumped(text, "stops"), f"all of 10^15: {first}")
        spans = 'import "std/text"\nfeature f(root: path)\nfrom files(root, "0.jpg")\nspans = {}\nfirst = spans[0..min(len(spans), 128), 1]\nbatch(1)\nemit first\n'
        for made, lists in (("words(data)", 2), ("split(data, 32)", 1)):
            dump = bench.dumped(spans.format(made), "stops")
            due(dump.count(" stop 128:") == lists, f"{made}: {dump}")
        check(bench, "x = tokens(300)\nfirst = pad_to(x, 8)", "sum(for k in 0..8: first[k] - 8) == 0")
        check(bench, "x = tokens(300)\nfirst = for m in 0..min(len(x), value): x[m]", "all(first == value)")
        check(bench, "x = tokens(70 + value)\nfirst = pad_to(x, 40)", "all(first == 40)")

    def stays(bench):
        odd = Stops.ODD.format(n="60")
        for why, text in {"its length": "first = pad_to(odd, 8)\nn = len(odd)", "an element": "first = pad_to(odd, 8)\nn = odd[value + 11]",
                          "all": "first = pad_to(odd, 8)\nn = sum(odd)", "who knows how many": "first = pad_to(odd, 8)\nn = odd[odd[value]]"}.items():
            due(" stop " not in bench.dumped(over_range(odd + text, "first, n"), "stops"), f"{why} is read, too: {text}")
        for condition, bad in (("12 // (i - 51 - value) != 5", list(range(9))), ("other[i + value] > 0", [11]), ("i == 59 or other[i + 11] >= 0", [])):
            text = over_range(f"other = for i in 0..70: i % 3\nodd = for i in 0..60 where {condition}: i\nfirst = pad_to(odd, 3)", "first")
            _, seen = bench.run(text)
            due([r[0] for r in seen] == bad and (" stop " in bench.dumped(text, "stops")) == (bad == []), f"{condition}: {seen}")
        check(bench, "x = tokens(300)\ntotal = sum(x)\nfirst = pad_to(x, 8)", "total == 90000")
        _, bad = bench.run(over_range("x = tokens(70 + value)\nfirst = pad_to(x, 41)", "first", head=KERNELS))
        due([(r[0], r[2]) for r in bad] == [(7, "no token")], bad)

    def random(rng):
        n, text = rng.randrange(1, 40), "text = for i in 0..20 + value: u8((i * i * 7 + value * 3) % 11)\n"
        conditions = ["text[i] < 4", "text[i] < 4 or i % 5 == 2", "not (i == 0 or text[i - 1] == text[i])", "i == 0 or text[i - 1] < 6", "i == len(text) - 1 or text[i + 1] > 3",
                      "i + 2 < len(text) and text[i + 2] > 4", "chance(0.4)", "20 // (i - 30) != 3", "text[i + 1] < 9", "text[min(i * 2, len(text) - 1)] > 2", "true", "i > 9"]
        makers = ["for i in 0..len(text) where {c}: i", "for i in 0..len(text) where {c}: i // (i - 25)", "for i in 0..len(text), j in 0..3 where {c} and j != 1: i + j",
                  "for i in 1..len(text), j in 0..i where {c} and j % 2 == i % 2: i - j", "if value % 3 == 1 then (for i in 0..len(text) where {c}: i) else (for i in 0..9 where i != value: i)",
                  "scan s = 0 for i in 0..len(text) where {c}: s + i"]
        maker = rng.choice(makers)
        text += "x = " + maker.format(c=rng.choice([c for c in conditions if "chance" not in c or "j in" not in maker])) + "\n"
        if rng.random() < .3:
            text += f"y, z = for i in 0..len(text) where {rng.choice(conditions)}: (i, i + x[0 else 0])\nx = for m in 0..len(y): y[m] * 2 + z[m]\n".replace("x = for", "w = for")
        elif rng.random() < .6:
            text += f"w = for m in 0..len(x): {rng.choice(['x[m] + 1', '[x[m], m][m % 2]', 'x[m] + x[max(m - 1, 0)]', 'x[m] + x[m + 1 else 5]', 'x[len(x) - 1 - m]', 'sum(for k in 0..min(x[m], 4): k)'])}\n"
        else:
            text += f"w = for m in 0..len(x) where x[m] % {rng.randrange(2, 5)} != 1: x[m]\n"
        k = rng.choice([str(rng.randrange(12)), "value % 4", "(value // 3)", "5 - value"])
        uses = [f"pad_to(w, {n}, -1)", f"w[0..min(len(w), {n})]", f"for m in 0..min(len(w), {k}): w[m]", f"sum(for m in 0..min({k}, len(w)): w[m])", f"min(len(w) + 3, {n}) * 10 + max(min(len(x), 4), 2)",
                f"for m in 0..{n}: if m < len(w) then w[m] else len(x[0..min(3, len(x))])", f"if len(w) >= {n} then w[{n} - 1] else -2", f"w[{k}..min(len(w), {k} + 2)]",
                f"for m in 0..min(len(x), {n}): w[min(m, len(w) - 1)]", f"for m in 0..{n}: w[{k} else m]", "len(w)", "sum(x)"]
        picked = rng.sample(uses, rng.randrange(1, 3))
        for i, use in enumerate(picked):
            text += f"u{i} = {use}\n"
        if rng.random() < .2:
            text += f"where len(w) {rng.choice(['>', '<=', '!='])} {rng.randrange(8)}\n"
        return over_range(text, ", ".join(f"u{i}" for i in range(len(picked))), 30)


# ---- a slice of sound ----

class Sound:
    """Samples are bytes in other places: a slice makes its own alone."""
    name, passes = "sound", "inline,ways"

    def fires(bench):
        ways = bench.explained(over_files("x = wav_channel(data)\npart = x[40..140]", "part", "wav"))["ways"]
        due(ways["x"] == {"inline"} and "whole" not in ways.get("wav_channel", set()), ways)

    def stays(bench):
        ways = bench.explained(over_files("x = wav_channel(data)\nloudest = max(x)\npart = for i in 0..100: x[i] / loudest", "part", "wav"))["ways"]
        due("inline" not in ways["x"] or "whole" in set().union(*ways.values()), ways)

    def random(rng):
        a, n = rng.randrange(60), rng.randrange(1, 300)
        body = f"x = wav_channel(data)\npart = x[{a}..{a + n}]\n" + rng.choice(["", "top = max(x)\n", "top = sum(part)\n"])
        return over_files(body, "part" + (", top" if "top" in body else ""), "wav")


# ---- of a file only what is used is read ----

def over_large(body, emit, head='import "std/audio"\n'):
    return f'{head}feature f(root: path)\nfrom files(root, "large/*")\n{body}\nbatch(2, last = partial)\nemit {emit}\n'


class Seek:
    """Bytes that no subscript can reach are not read: the hull of the subscripts of a nest is,
    and what is read one by one; a field that is read all over, or leaves, comes whole."""
    name, passes = "seek", "seek"
    parts = ["part = data[500000..500100]",
             "start, frames, channels, rate = wav_header(data)\ns = randint(0, frames - 500)\npart = wav_channel(data)[s..s + 500]",
             "at = 3 * (256 * int(data[70]) + int(data[71]))\npart = for i in 0..40, j in 0..30: data[at + 100 * i + j]",
             "part = for i in 0..99: data[400000 - 3 * i]",
             "x, y = fold p, s = (7, 0) for i in 0..10: ((p * 31 + int(data[p])) % 600000, s + p)\npart = x + y",
             "part = for i in 0..300: data[300000 + 3 * int(data[200000 + i])]",
             "part = wav_channel(data)[0..1000] |> frames(400, 160)",
             "part = len(data) + int(data[12])"]
    wholes = ["part = sum(for i in 0..len(data): int(data[i]))",
              "part = data",
              "part = fold p = 0 for i in 0..len(data): (p * 31 + int(data[p])) % 600000",
              "part = xor_of(data)"]

    def fires(bench):
        for body in Seek.parts:
            text = over_large(body, "part")
            due(bench.explained(text)["seeks"] == ["data"], body)
            due(bench.read(text) < 700000 < 3000000 < bench.read(text, "--no-pass=seek"), f"{bench.read(text)} bytes are read by {body}")
        due(bench.run(text)[0] == bench.evaluated(text), "the interpreter disagrees")

    def stays(bench):
        for body in Seek.wholes:
            text = over_large(body, "part", 'import "std/audio"\nkernel xor_of(x: u8[n]) -> i32\n    from "asked.c"\n')
            due(bench.explained(text)["seeks"] == [], body)

    def random(rng):
        def n(*a):
            return rng.randrange(*a)

        def place():
            at = rng.choice([str(n(640000)), f"{n(9)} * (256 * int(data[{n(99)}]) + int(data[{n(99)}]))", f"len(data) - {n(1, 2000)}",
                             f"{n(9999)} * int(data[{n(600000)}])", f"randint(0, {n(1, 600000)})", f"min({n(500000)}, at)"])
            return f"({at})" if rng.random() < .1 else f"(1000 + ({at}) % 450000)"

        body, near = [f"at = {n(300000)} + 256 * int(data[{n(600000)}])"], ["at"]
        for k in range(n(1, 4)):
            if rng.random() < .1:
                body.append(f"each at{k} in for i in 0..{n(1, 4)}: at + {n(9999)} * i")
                near = [f"at{k}"]
            h, w, at = n(1, 90), n(1, 90), rng.choice([*near, place(), place()])
            body.append(f"x{k} = " + rng.choice([
                f"data[{at}..{at} + {h * w}]",
                f"for i in 0..{h}, j in 0..{w}: data[{at} + {n(-10, 2000)} * i {rng.choice('+-')} {n(9)} * j]",
                f"for i in 0..{h}: sum(for j in 0..{w}: int(data[{at} + {w} * i + j]) * {n(1, 9)})",
                f"for i in 0..{h}: data[(i * {n(1, 9999)} + {at}) % {n(1, 640000)}]",
                f"for i in 0..{h}: data[min({at} + {n(1, 9999)} * i, len(data) - 1)]",
                f"for i in 0..{h}: data[{n(300000)} + {n(1, 900)} * int(data[{at} + i])]",
                f"for i in 0..{h}: if int(data[i]) > {n(256)} then data[{at} + i] else data[{n(630000)} + {n(9)} * i]",
                f"for i in 0..{h}: if i * {n(1, 9000)} + {at} < {n(700000)} then data[i * {n(1, 9000)} + {at}] else u8(0)",
                f"for i in 0..{h}: data[{at} + 999 * (i // {n(1, 9)}) + i * i % {n(1, 9)}]",
                f"fold p = 0 for i in 0..{n(1, 30)}: (p * {n(1, 99)} + int(data[p])) % {n(1, 640000)}",
                f"fold p = {n(99)} for i in 0..{h}: p + sum(for j in 0..{n(1, 99)}: int(data[p + j]))",
                f"argmax(for i in 0..{h}: data[{at} + {n(1, 2000)} * i])",
                f"sum(for i in 0..{h}: mean(frames(data[at..at + 9000], {n(1, 500)}, {n(1, 200)})[i]))"]))
            if rng.random() < .2:
                body.append(f"where int(data[{place()}]) >= {n(200)}")
        made = [b.split()[0] for b in body if b.startswith("x")]
        return over_large("\n".join(body), ", ".join(made))


# ---- what nobody needs ----

def leaves_surely(bench, text):
    """Whether a fused function gives up whatever the record: each would be made twice."""
    loops = bench.loops(text)
    for function in re.findall(r"^function (?!plain_)(?!open).*?^}$", loops, re.S | re.M):
        sure = set(re.findall(r"^  (%\d+) = const i1 1$", function, re.M))
        if any(c in sure for c in re.findall(r"^  if (%\d+) \{$", function, re.M)):
            return True
    return False


class Unread:
    """What no output, where, each or batch needs is not made: it can neither fail a record
    nor take time."""
    name, passes = "unread", "normal,inline"

    def fires(bench):
        text = over_files("image = decode_jpeg(data)\nsmall = resize(image, 9, 9)\nn = len(data)", "n")
        due(set(bench.explained(text)["dead"]) == {"image", "small"}, "dead")
        _, bad = bench.run(over_range('x = if value >= 0 then fail("nobody reads this") else 1', "value"))
        due(bad == [], bad)
        text = over_range("a, b = pair(value)", "a, b", head='fn pair(v: int) -> (int, int) = if v < 100 then (v, 2 * v) else fail("large")\n')
        due(not leaves_surely(bench, text), "what fails in a branch is made before it")

    def stays(bench):
        _, bad = bench.run(over_range('x = if value == 4 then fail("a where reads this") else value\nwhere x >= 0', "value"))
        due([r[0] for r in bad] == [4], bad)

    def random(rng):
        n = rng.randrange(3, 7)
        body = [f"x{i} = " + rng.choice([f"{rng.choice([f'x{i - 1}', 'value']) if i else 'value'} * {i + 2} + uniform(0, 1)",
                                         f"if value % {i + 3} == 1 then fail(\"x{i}\") else f32(value)"]) for i in range(n)]
        return over_range("\n".join(body), ", ".join(rng.sample([f"x{i}" for i in range(n)], rng.randrange(1, n))), 30)


# ---- draws ----

class Draws:
    """A draw is keyed by its call site and the record, so whatever moves or vanishes around
    it leaves it alone; a tensor of draws that is read twice is drawn once."""
    name, passes = "draws", "inline,links,unroll"
    noise = "noise = for i in 0..16, j in 0..12: f32(i) + uniform(-1, 1)\n"

    def fires(bench):
        """A draw and its neighbours that come and go."""
        seen = {bench.run(over_range(before + Draws.noise + "y = for i in 0..4, j in 0..5: noise[i + 2, j]" + behind, emit))[0]
                for before in ("", "coin = chance(0.5)\nother = for i in 0..5: uniform(0, 1)\n") for behind in ("", "\nlast = randint(0, 9)")
                for emit in ("y",)}
        due(len(seen) == 1, f"{len(seen)} different streams")

    def stays(bench):
        text = Draws.noise + "y = for i in 0..16, j in 0..12: noise[i, j] - noise[i, j]"
        ways = bench.explained(over_range(text, "y"))["ways"]
        due("inline" not in ways["noise"], ways)
        _, bad = bench.run(over_range(text + "\nok = if max(y) == 0 and min(y) == 0 then 1 else fail(\"drawn twice\")", "ok"))
        due(bad == [], bad)

    def random(rng):
        text, last = chain(rng, ["flip", "near", "inner", "turn", "dim"], rng.randrange(1, 4))
        text = text.replace(HOT, Draws.noise.replace("noise", "hot"))
        text += f"z = if chance(0.5) then {last} else (for i, j: {last}[i, j] + uniform(0, 1))\n" if rng.random() < .6 else f"z = {last}\n"
        return over_range(text + "k = randint(0, 5)", rng.choice(["z", "z, k"]))


# ---- tests at the ends of loops ----

class Ends:
    """A subscript that only rises or only falls with each index lies in range everywhere if
    it does where it is least and greatest, so two tests before the loops take the place of
    one in each round; not of reads that a condition guards."""
    name, passes = "ends", "ends"

    def cut(bench, body):
        """What is made of `cut`, and which records are bad of those with at = 0, 1, … 19."""
        text = over_range(f"{HOT}at = value\ncut = {body}", "cut", 20)
        made = bench.dumped(text, "ends").split("\ncut: ")[1].split("\nbatch")[0]
        return made.partition("for ")[::2], [r[0] for r in bench.run(text)[1]]

    def fires(bench):
        for body, bad in (("for i in 0..4: hot[i + at, 3]", range(13, 20)), ("for i in 0..4: hot[18 - 2 * i - at, 3]", [0, 1, 2, *range(13, 20)]),
                          ("for i in at..at + 3: max(for j in 0..2: hot[i, j * 5])", range(14, 20))):
            (before, inside), seen = Ends.cut(bench, body)
            due("subscript" in before and "check" not in inside and "?" not in inside, f"{body}: {before} for {inside}")
            due(seen == list(bad), f"{body}: {seen}, not {list(bad)}")

    def stays(bench):
        for body, bad in (("for i in 0..16: if i + at < 16 then hot[i + at, 3] else 0.5", []), ("for i in 0..(at % 10) * (at % 10 - 4): hot[i + 12, 3]", [*range(5, 10), *range(15, 20)]),
                          ("for i in 0..3: hot[(at % 10 + i) * (2 - i), 3]", [8, 9, 18, 19])):
            (before, _), seen = Ends.cut(bench, body)
            due("check subscript" not in before or "% 10 -" in body, f"{body}: {before}")
            due(seen == list(bad), f"{body}: {seen}, not {list(bad)}")

    def random(rng):
        def sub(size, used):
            base = rng.choice(["{i} + at", "at + 2 * {i} - 3", "9 - {i} - at", "min({i} + at, 11)", "max({i} - at, 0)",
                               "(if value % 2 == 0 then {i} else 7 - {i})", "at * {i}", "{i}"]).format(i=used)
            return f"min({base}, {size - 1})" if rng.random() < .2 else base
        body = f"hot[{sub(16, 'i')}, {sub(12, 'j')}]"
        if rng.random() < .3:
            body = f"(if i > at then {body} else 0.25)"
        if rng.random() < .3:
            body = f"(fold s = f32(0) for t in 0..at: s + hot[i + t, j]) + {body}"
        return over_range(f"{HOT}at = value % {rng.randrange(1, 9)}\ny = for i in {rng.choice(['0', 'at'])}..{rng.randrange(3, 9)}, j in 0..{rng.randrange(1, 7)}: {body}", "y", 40)


# ---- loops that choose by their index ----

class Splits:
    """A loop whose body compares its index with what no round changes is several loops, none of which chooses; not if that
    changes with the index, or if there are loops in the body."""
    name, passes = "splits", "splits"

    def loops(bench, body):
        """Loops of `emit` that stand in no other, with and without."""
        def count(*off):
            so = bench.dir / "split.so"
            text = bench.sh(bench.bin / "pipec", bench.feature(over_range(f"at = value % 5\nx = for i in 0..20: i * value\ny = {body}", "y", 30)),
                            "--dump=loops", "-o", so, *off).stderr
            return text.split("\nfunction emit")[1].split("\n}")[0].count("\n  for ")
        return count(), count("--no-pass=splits")

    def fires(bench):
        for body, more in (("for i in 0..20: if i < at then x[i] else -1", 1), ("for i in 0..20: if at >= i then x[i] else -1", 1), ("for i in 0..20: if i == at then 7 else x[i]", 1),
                           ("for i in 0..20: if i == 0 then 7 else x[i - 1]", 0), ("for i in 0..9: (if i > at then x[i] else 3) * 2", 1)):
            seen = Splits.loops(bench, body)
            due(seen[0] - seen[1] == more, f"{body}: {seen} loops")

    def stays(bench):
        for body in ("for i in 0..20: if i < x[i] then x[i] else -1", "for i in 0..9: if i < at * i then x[i] else 3", "for i in 0..9: if i < at then sum(for t in 0..i: x[t] * x[t]) else 3"):
            seen = Splits.loops(bench, body)
            due(seen[0] == seen[1], f"{body}: {seen} loops")

    def random(rng):
        def condition(v):
            return f"{v} {rng.choice(['<', '<=', '>', '>=', '==', '!='])} {rng.choice(['at', 'at - 3', '0', '3', 'len(x)', 'big', '40 // (value - 20)', 'x[at]', 'at * j'])}"
        def value():
            return rng.choice(["x[min(j, 11)]", "x[j - 1]", "j * at", "value", "0", "x[at]"])
        choice = f"if {condition('j')} then {value()} else {value()}"
        if rng.random() < .3:
            choice = f"if {condition('j')} {rng.choice(['and', 'or'])} {condition('j')} then {value()} else {value()}"
        if rng.random() < .3:
            choice = f"({choice}) * 2 + ({value()})"
        loops = rng.choice(["j in 0..12", "j in at..at + 9", "j in 0..at", "i in 0..3, j in 0..12", "j in -2..5"])
        return over_range(f"at = value % {rng.randrange(1, 9)}\nbig = if value % 2 == 0 then 9223372036854775807 else -9223372036854775807 - 1\n"
                          f"x = for i in 0..12: i * value\ny = for {loops}: {choice}", "y", 40)


# ---- tests before the rows of a sweep ----

class Inputs:
    """Rows that are made one after the other read a tensor in memory at places that are known
    before: these are tested once, so that the rows need no test and are made in vectors; not
    reads that a condition guards, nor places that hang on what the rows give."""
    name, passes = "inputs", "sweeps"
    WHOLE = ("whole = for i in 0..20, j in 0..30, k in 0..3: sqrt(f32((i * 7 + j * 5 + k * 3 + value) % 32)) / f32(1 + j % 3)\n"
             "other = for i in 0..5, j in 0..6, k in 0..3: whole[2 * i, 3 * j, 2 - k] + whole[i, j, k]\n")
    WIDE = "y = for k in 0..3, i in 0..8, j in 0..9: fold s = f32(0) for t in 2 * j..2 * j + 3: s + {x}[i, t, k]"

    def rows(body):
        return over_range(f"at = value % 20\n{Inputs.WHOLE}rows = for i in 0..8, j in 0..20, k in 0..3: fold s = f32(0) for t in i..i + 1 + i % 3: {body}\n"
                          + Inputs.WIDE.format(x="rows"), "y, other", 20)

    def vectors(bench, text):
        return "f32x" in bench.sh(bench.bin / "pipec", bench.feature(text), "--emit=loops").stdout

    def fires(bench):
        for body, good in (("s + whole[at + t - 2, j + at // 2, k]", range(2, 14)), ("s + whole[19 - at - t, j, k] * whole[t, j + at, k]", range(12)),
                           ("s + whole[t + i, clamp(j - at, 0, 29), k] + whole[t, 29 - j - at, k]", range(12))):
            text = Inputs.rows(body)
            due(Inputs.vectors(bench, text), f"{body}: no vectors")
            seen = [r[0] for r in bench.run(text)[1]]
            due(seen == [v for v in range(20) if v not in good], f"{body}: bad are {seen}")

    def stays(bench):
        text = Inputs.rows("s + (if at < 12 then whole[at + t - 2, j, k] else 0.5)")
        due([r[0] for r in bench.run(text)[1]] == [0, 1], "a read that a condition guards")
        text = Inputs.rows("s + whole[t, j, k]").replace("s + rows[", "s + whole[i64(max(rows) * 0) + at % 10 + 15, j, k] * rows[")
        due([r[0] for r in bench.run(text)[1]] == [*range(5, 10), *range(15, 20)], "a place that hangs on the rows")

    def random(rng):
        def sub(size, *used):
            base = rng.choice(["{} + at", "at - {} + 3", "{} + at // 2 - 1", "min({} + at, 19)", "(if value % 2 == 0 then {} else 9 - {})", "{}",
                               "places[{} % 4] + {}"]).replace("{}", rng.choice(used))
            return f"clamp({base}, 0, {size - 1})" if rng.random() < .5 else base
        read = f"whole[{sub(20, 't', 'i')}, {sub(30, 'j', 'j', 't')}, k]"
        if rng.random() < .3:
            read = f"(if {rng.choice(['t > at', 'at > 3', 'i < 5'])} then {read} else 0.25)"
        text = Inputs.rows(f"s + {read}").replace("at = value % 20", f"at = value % {rng.randrange(1, 14)}\nplaces = [3, at, 1, 0]")
        if rng.random() < .3:
            text = text.replace("s + rows[", "s + f32(1 + i64(mean(rows)) % 2) * rows[")
        if rng.random() < .3:
            text = text.replace("s + rows[i, t, k]", "s + rows[i, t, k] * whole[i + at, t, k]")
        return text


RULES = [EarlyWhere, CheapWhere, Pointwise, Casts, Crop, Flips, Truncation, Stops, Sound, Seek, Unread, Draws, Ends, Splits, Inputs]
