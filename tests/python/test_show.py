"""Loader.show: pictures against Pillow and arithmetic, the stream against what the loader then gives."""
import base64
import html
import io
import os
import pickle
import re
import shutil
import subprocess
import pipec
from harness import LINES, RANGE, compiled, due, raises
from PIL import Image
from pipec._png import GLYPHS

SHUFFLED = RANGE.replace("from range(0, n)", "from range(0, n)\nshuffle")
WHITE, BLUE = (255, 255, 255), (0x1f, 0x5f, 0xbf)


def of(text, **given):
    return pipec.load(compiled(f"feature f()\nfrom range(0, 4)\n{text}\n"), **given)


def pictures(samples):
    """The pictures of the page, in its order."""
    found = re.findall(r"base64,([^']*)'", samples._repr_html_())
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def pixels(image, zoom=1):
    """Rows of (r, g, b), one of each block of zoom x zoom."""
    due(image.mode == "RGB" and image.width % zoom == image.height % zoom == 0, image)
    return [[image.getpixel((x, y)) for x in range(zoom // 2, image.width, zoom)] for y in range(zoom // 2, image.height, zoom)]


def shown(samples):
    return list(map(int, re.findall(r"\by (\d+)", repr(samples))))


def test_the_samples_are_those_that_come_next(folder):
    loader = pipec.load(compiled(SHUFFLED), n=320, seed=5)
    for batches in (0, 1, 5):
        for _, batch in zip(range(batches), loader):
            pass
        before = None if not batches else loader.state_dict()
        said = shown(loader.show(40))
        due(before is None or loader.state_dict() == before)
        it = iter(loader)
        came = sum((next(it).y.tolist() for _ in range(3)), [])
        due(said == came[:40] and len(set(said)) == 40, (batches, said, came))


def test_a_loader_that_was_not_used_stays_so(folder):
    loader = pipec.load(compiled(SHUFFLED), n=64)
    due(loader.show(3) is not None and loader.stats()["threads"] == 0 and loader.stats()["batches"] == 0)
    due(sum((b.y.tolist() for b in loader), []) == sum((b.y.tolist() for b in pipec.load(compiled(SHUFFLED), n=64)), []))


def test_it_ends_with_the_epoch(folder):
    loader = pipec.load(compiled(RANGE), n=40)
    due(len(loader.show(100)) == 32 and shown(loader.show(100)) == list(range(1, 33)))
    next(iter(loader))
    due(shown(loader.show(100)) == list(range(17, 33)) and "batch 1" in repr(loader.show(1)))
    due(len(list(loader)) == 1 and "epoch 1" in repr(loader.show(2)) and shown(loader.show(2)) == [1, 2])
    resumed = pipec.load(loader.path, n=40, state=loader.state_dict())
    due("epoch 1" in repr(resumed.show()) and len(resumed.show()) == 8)


def test_an_epoch_that_was_set_is_shown(folder):
    used = pipec.load(compiled(SHUFFLED), n=64, seed=5)
    next(iter(used))
    for loader in (pipec.load(used.path, n=64, seed=7), used, pipec.load(used.path, n=64, state=used.state_dict())):
        loader.epoch = 3
        other = pickle.loads(pickle.dumps(loader))
        said = shown(loader.show(20))
        due("epoch 3" in repr(loader.show(1)) and other.epoch == 3)
        due(said == sum((b.y.tolist() for b in loader), [])[:20] == sum((b.y.tolist() for b in other), [])[:20])


def test_it_is_this_ranks_part(folder):
    loaders = [pipec.load(compiled(RANGE), n=64, rank=r, world=2) for r in (0, 1)]
    due([shown(loader.show(2)) for loader in loaders] == [[1, 2], [17, 18]])


def test_what_is_shown_needs_no_loader(folder):
    with pipec.load(compiled(RANGE)) as loader:
        samples = loader.show(40)
    due(len(samples) == 40 and samples._repr_png_().startswith(b"\x89PNG"))
    raises(pipec.StateError, loader.show, "closed")


def test_rows_that_only_fill_up_are_not_shown(folder):
    for last, n in (("pad", 6), ("partial", 6), ("drop", 4), ("wrap", 8)):
        loader = pipec.load(compiled(RANGE.replace("batch(batch)", f"batch(4, last = {last})")), n=6)
        due(len(loader.show(100)) == n, last)


def test_bytes_are_drawn_as_they_are(folder):
    for text in ("for i in 0..7, j in 0..10, k in 0..3: u8(i * 30 + j * 2 + k + value)", "for k in 0..3, i in 0..7, j in 0..10: u8(i * 30 + j * 2 + k + value)"):
        found = pictures(of(f"x = {text}\nbatch(2)\nemit x").show(3))
        due(len(found) == 3 and found[0].size == (90, 63))
        for n, image in enumerate(found):
            due(pixels(image, 9) == [[tuple(i * 30 + j * 2 + k + n for k in range(3)) for j in range(10)] for i in range(7)])


def test_a_fourth_channel_is_left_out_and_one_is_gray(folder):
    rgba, gray, flat = pictures(of("a = for i in 0..2, j in 0..2, k in 0..4: u8(100 * i + 20 * j + k)\nb = for k in 0..1, i in 0..2, j in 0..2: u8(100 * i + 20 * j)\n"
                                   "c = for i in 0..2, j in 0..2: u8(100 * i + 20 * j)\nbatch(1)\nemit a, b, c").show(1))
    due(pixels(rgba, 48) == [[(100 * i + 20 * j, 100 * i + 20 * j + 1, 100 * i + 20 * j + 2) for j in range(2)] for i in range(2)])
    due(pixels(gray, 48) == pixels(flat, 48) == [[(100 * i + 20 * j,) * 3 for j in range(2)] for i in range(2)])


def test_ranges_in_use_are_undone(folder):
    """The same levels as bytes, and in each of the ranges: the same picture."""
    text = """level = for i in 0..5, j in 0..5, k in 0..3: u8(10 * (5 * i + j) + 3 * k)
one = for i in 0..5, j in 0..5, k in 0..3: f32(level[i, j, k]) / 255
two = for i in 0..5, j in 0..5, k in 0..3: f16(one[i, j, k] * 2 - 1)
imagenet = for k in 0..3, i in 0..5, j in 0..5: (one[i, j, k] - [.485, .456, .406][k]) / [.229, .224, .225][k]
as_is = for i in 0..5, j in 0..5, k in 0..3: f64(level[i, j, k])
short = for i in 0..5, j in 0..5, k in 0..3: bf16(level[i, j, k])
batch(2)
emit level, one, two, imagenet, as_is, short"""
    level, *others = [pixels(image, 19) for image in pictures(of(text).show(1))]
    due(level == [[tuple(10 * (5 * i + j) + 3 * k for k in range(3)) for j in range(5)] for i in range(5)], level)
    for name, image, slack in zip(("one", "two", "imagenet", "as_is", "short"), others, (0, 0, 0, 0, 1)):
        due(all(abs(a - b) <= slack for r, s in zip(image, level) for p, q in zip(r, s) for a, b in zip(p, q)), (name, image))


def test_other_floats_go_from_the_least_to_the_most_of_all_pictures(folder):
    found = pictures(of("x = for i in 0..2, j in 0..2: 1000 * f32(value) + f32(i) * 500 - 300\nbatch(2)\nemit x").show(2))
    due([pixels(image, 48) for image in found] == [[[(0,) * 3] * 2, [(85,) * 3] * 2], [[(170,) * 3] * 2, [(255,) * 3] * 2]])


def test_what_is_not_finite_does_not_spoil_the_rest(folder):
    text = "x = for i in 0..4, j in 0..4: if j == 3 then f32(i - 1) / f32(0) else f32(100 * i)\nbatch(1)\nemit x"
    samples = of(text).show(1)
    due(pixels(pictures(samples)[0], 24) == [[(85 * i,) * 3] * 3 + [((0, 0, 255, 255)[i],) * 3] for i in range(4)])
    due("0 … 300, 4 not finite" in repr(samples), repr(samples))


def test_large_pictures_are_shown_by_every_nth_pixel(folder):
    samples = of("x = for i in 0..1030, j in 0..600: u8(bitand(i, 15) * 16 + bitand(j, 15))\nbatch(1)\nemit x").show(1)
    image, = pictures(samples)
    due(image.size == (120, 206) and pixels(image) == [[((i % 16) * 16 + j % 16,) * 3 for j in range(0, 600, 5)] for i in range(0, 1030, 5)])
    due("one pixel in 5 shown" in repr(samples))


def test_ragged_pictures_keep_their_sizes(folder):
    samples = of("x = for i in 0..(value + 2), j in 0..20: u8(10 * i + j)\nbatch(4)\nemit x").show(4)
    found = pictures(samples)
    due([image.size for image in found] == [(80, 4 * (n + 2)) for n in range(4)], found)
    due(all(pixels(image, 4) == [[(10 * i + j,) * 3 for j in range(20)] for i in range(n + 2)] for n, image in enumerate(found)))


def test_the_file_is_a_sheet_of_the_pictures(folder):
    samples = of("x = for i in 0..40, j in 0..50, k in 0..3: u8(6 * i + value * 5 + k)\nbatch(4)\nemit x, value").show(4)
    samples.save(folder / "x.png")
    sheet = Image.open(folder / "x.png")
    due((folder / "x.png").read_bytes() == samples._repr_png_() and sheet.mode == "RGB")
    lines = [bytes(sum((sheet.getpixel((x, y)) for x in range(sheet.width)), ())) for y in range(sheet.height)]
    for image in pictures(samples):
        due(image.size == (50, 40))
        rows = [image.tobytes()[150 * y:150 * (y + 1)] for y in range(40)]
        top = next(y for y, line in enumerate(lines) if rows[0] in line)
        at = lines[top].find(rows[0])
        due(all(lines[top + y][at:at + 150] == row for y, row in enumerate(rows)))
        due(any(p != WHITE for p in sheet.crop((at // 3, top + 40, at // 3 + 50, top + 51)).getdata()), "no caption")
    raises(ValueError, lambda: samples.save("x.jpg"), "x.jpg", ".png")


def test_many_numbers_are_a_line(folder):
    """Half of them 0, then 1, and of 3000 wild ones the least and the most."""
    step, wild = pictures(of("x = for i in 0..448: if i < 224 then 0 else 1\ny = for j in 0..3000: f32(j % 7 - 3)\nbatch(1)\nemit x, y").show(1))
    high = {x: [y for y in range(step.height) if step.getpixel((x, y)) == BLUE] for x in (10, 100, 120, 220)}
    due(high == {10: [95], 100: [95], 120: [0], 220: [0]}, high)
    due(step.size == wild.size == (224, 96))
    due(all(wild.getpixel((x, y)) == BLUE for x in range(224) for y in range(96)))


def test_some_numbers_are_bars(folder):
    image, = pictures(of("x = for i in 0..16: f32(i) - 5\nbatch(1)\nemit x").show(1))
    heights = [sum(image.getpixel((14 * i + 4, y)) == BLUE for y in range(96)) for i in range(16)]
    unit = 95 / 15
    due(all(abs(h - max(abs(i - 5) * unit, 1)) <= 1 for i, h in enumerate(heights)), heights)


def test_few_numbers_are_written(folder):
    said = repr(of("box = [1.5, -2, 1e9, 0.123456]\nnone = for i in 0..0: i32(i)\nyes = value > 1\nbatch(4)\nemit box, none, yes, value").show(3)).splitlines()[1:]
    due(said[2] == "  2   box 1.5 -2 1e+09 0.1235  none i32[0]  yes 1  value 2", said)


def test_of_more_dimensions_the_first_is_shown(folder):
    samples = of("video = for t in 0..3, i in 0..4, j in 0..6, k in 0..3: u8(50 * t + 10 * i + j + k)\nstereo = for c in 0..2, t in 0..448: if t < 224 then 0 else 1\n"
                 "column = for i in 0..5, j in 0..1: i + j\nmaps = for c in 0..2, i in 0..4, j in 0..6: u8(100 * c + 10 * i + j)\nbatch(1)\nemit video, stereo, column, maps").show(1)
    video, stereo, maps = pictures(samples)
    due(pixels(video, 16) == [[tuple(10 * i + j + k for k in range(3)) for j in range(6)] for i in range(4)])
    due(pixels(maps, 16) == [[(10 * i + j,) * 3 for j in range(6)] for i in range(4)])
    due((stereo.getpixel((10, 95)), stereo.getpixel((200, 0)), stereo.getpixel((10, 0))) == (BLUE, BLUE, WHITE))
    due(all(word in repr(samples) for word in ("video u8[3, 4, 6, 3], the first: u8[4, 6, 3]", "stereo i64[2, 448], the first: i64[448]", "column i64[5, 1], the first: 0")), repr(samples))


def test_text_is_text(folder):
    (folder / "text").write_bytes("Grüße <b>\n\nfourteen bytes\n\xff\xfe\n".encode("latin-1").replace(b"Gr\xfc\xdfe", "Grüße".encode()))
    text = "feature f(root: path)\nfrom lines(root)\nfixed = for i in 0..6: if i < 3 then u8(97 + i) else u8(0)\nbatch(4, last = partial)\nemit text, fixed, line\n"
    samples = pipec.load(compiled(text), root=folder / "text").show()
    said, page = repr(samples).splitlines(), samples._repr_html_()
    due("text 'Grüße <b>'" in said[1] and "text ''" in said[2] and "line 3" in said[3] and "fixed 'abc'" in said[1], said)
    due("text 255 254" in said[4], said[4])
    due("Grüße &lt;b&gt;" in page and "fourteen bytes" in page and "<b>" not in page)
    samples.save(folder / "x.png")


def test_rows_that_differ(folder):
    (folder / "text").write_bytes(b"one\nthree\n\nfourteen\n")
    samples = pipec.load(compiled(LINES), root=folder / "text").show()
    said = repr(samples).splitlines()[1:]
    due(all(f"up {word!r}" in line for word, line in zip(("one", "three", "", "fourteen"), said)), said)
    due("grid i32[2, 0]" in said[2] and len(pictures(samples)) == 3)


def test_labels_have_their_names(folder):
    for name in ("ant/1.bin", "bee/1.bin", "bee/2.bin"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    said = repr(pipec.load(compiled('feature f(root: path)\nfrom files(root, "**/*.bin")\nbatch(3)\nemit label\n'), root=folder).show()).splitlines()[1:]
    due([line.split(None, 1)[1] for line in said] == ["label 0 ant", "label 1 bee", "label 1 bee"], said)


def test_what_is_of_the_batch_stands_above(folder):
    said = repr(of("x = f32(value)\nbatch(4)\nm = sum(x)\nemit x, m").show(2)).splitlines()
    due("m 6" in said[0] and len(said) == 3 and "m" not in said[1], said)


def test_records_that_fail_are_reported_once(folder):
    so = compiled("feature f()\nfrom range(0, 8)\nx = if value == 2 then fail(\"two\") else value\nbatch(4)\nemit x\n")
    raises(pipec.RecordError, pipec.load(so).show, "two")
    loader = pipec.load(so, on_error="skip", report=str(folder / "bad.jsonl"))
    due(len(loader.show(8)) == 8 and not (folder / "bad.jsonl").exists())
    due(len(list(loader)) == 2 and (folder / "bad.jsonl").read_text().count("\n") == 1)


def test_wrong_arguments(folder):
    loader = pipec.load(compiled(RANGE))
    raises(ValueError, lambda: loader.show(0), "n=0")
    raises(TypeError, lambda: loader.show("3"), "integer")


def test_an_epoch_of_nothing(folder):
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = pipec.load(compiled(RANGE), n=3).show()
    due(len(samples) == 0 and repr(samples).startswith("0 samples") and Image.open(io.BytesIO(samples._repr_png_())).width)


def test_the_page_of_a_loader_has_fields_shapes_and_plan(folder):
    text = "feature f(n: int = 8, a: i32 = 1)\nfrom range(0, 9)\nx = for i in 0..3, j in 0..n: f32(i + j) * f32(a) + uniform(0, 1)\nmiddle = for i in 0..3: sum(x[i])\nbatch(4)\nemit x, middle\n"
    (folder / "f.dsl").write_text(text)
    page = pipec.load(folder / "f.dsl", D={"n": 5})._repr_html_()
    tool = os.environ.get("PIPEC") or "pipec"
    said = subprocess.run([tool, "explain", "f.dsl", "-D", "n=5"], stdout=subprocess.PIPE, text=True, check=True).stdout
    due("middle" in said and html.escape(said) in page and page.count("<details>") == 1, page)
    due(all(f"<td>{word}</td>" in page for word in ("x", "middle", "f32", "4, 3, 5", "4, 3")), page)
    shutil.copy(pipec.compile(folder / "f.dsl", {"n": 5}), folder / "f.so")
    due("<details>" not in pipec.load(folder / "f.so")._repr_html_() and "middle" in pipec.load(folder / "f.so")._repr_html_())


def test_letters_differ(folder):
    glyphs = [GLYPHS[i:i + 9] for i in range(0, len(GLYPHS), 9)]
    due(len(GLYPHS) == 9 * 95 == 9 * len(set(glyphs)) and glyphs[0] == "0" * 9)
    due(all(0 <= int(digit, 32) < 32 for digit in GLYPHS))


try:
    import tqdm
except ImportError as why:
    tqdm = None
    print(f"tqdm is not there: its test is left out ({why})")

if tqdm:
    def test_a_bar_of_progress_knows_the_length(folder):
        so, quiet = compiled(RANGE), io.StringIO()
        loader = pipec.load(so, n=100)
        bar = tqdm.tqdm(loader, file=quiet)
        due(bar.total == 6 and sum(1 for _ in bar) == 6 and bar.n == 6)
        next(iter(loader))
        rest = tqdm.tqdm(pipec.load(so, n=100, state=loader.state_dict()), file=quiet)
        due(rest.total == 5 and sum(1 for _ in rest) == 5)
        unknown = tqdm.tqdm(pipec.load(compiled(RANGE.replace("y =", "where value % 2 == 0\ny ="))), file=quiet)
        due(unknown.total is None and sum(1 for _ in unknown) == 31)
