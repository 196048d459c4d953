"""The tables of bench/peers/run. A round is {(peer, mode, threads): what was said}."""
import statistics

OURS = ("pipec", "pipec_process")
OTHER_PICTURES = ("tf_plain",)      # a row, but no peer of the recipe


def over(value):
    return lambda said: said[value]


def rate(said):
    return said["records"] / said["seconds"]


def cpu(said):
    """Seconds for 1000 records."""
    return said["cpu_s"] / said["records"] * 1e3


def own(said):
    return said["own_s"] / said["seconds"] * 100


def median(rounds, job, value):
    values = [value(r[job]) for r in rounds if job in r]
    return statistics.median(values) if values else None


def show(value, form):
    return "" if value is None else form.format(value)


IMAGES = [
    ("epoch, s", 2, over("seconds"), "{:.2f}"),
    ("images/s, 1 thread", 1, rate, "{:,.0f}"),
    ("2 threads", 2, rate, "{:,.0f}"),
    ("CPU s for 1000", 2, cpu, "{:.2f}"),
    ("trainer's process, % of a core", 2, own, "{:.1f}"),
    ("memory, MB", 2, over("resident_mb"), "{:,.0f}"),
    ("first batch, s", 2, over("first_s"), "{:.2f}"),
    ("before decoding, s", 2, over("before_s"), "{:.2f}"),
]


def lines(head, rows):
    rows = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows).replace("| --- ", "|---")


def images_row(rounds, peer, about, failed):
    note = failed.get((peer, "images", 2)) or failed.get((peer, "images", 1))
    cells = [show(median(rounds, (peer, "images", threads), value), form)
             for _, threads, value, form in IMAGES]
    gives = [r[peer, "images", 2]["output"] for r in rounds if (peer, "images", 2) in r]
    return [about["name"], f"failed: {note}" if note else about["form"], *cells,
            gives[0] if gives else ""]


def images_table(rounds, here, absent, failed):
    rows = [images_row(rounds, peer, about, failed) for peer, about in here.items()]
    rows += [[peer, f"could not be had: {why}"] + [""] * (len(IMAGES) + 1)
             for peer, why in absent.items()]
    return lines(["", "", *(name for name, *_ in IMAGES), "gives"], rows)


OTHERS = [
    ("resumed at 63 % of 1,281,167, s", "resume", over("seconds"), "{:,.4f}"),
    ("begun anew, s", "resume", over("fresh_s"), "{:,.4f}"),
    ("integers, million/s", "cheap", lambda s: rate(s) / 1e6, "{:.3g}"),
]


def others_table(rounds, here, failed):
    rows = []
    for peer, about in here.items():
        cells = [failed.get((peer, mode, 0))
                 or show(median(rounds, (peer, mode, 0), value), form)
                 for _, mode, value, form in OTHERS]
        if any(cells):
            rows.append([about["name"], *cells])
    return lines(["", *(name for name, *_ in OTHERS)], rows)


def best(rounds, here, value, choose):
    """The peer whose median is the best; the pictures must be the recipe's."""
    found = {peer: median(rounds, (peer, "images", 2), value) for peer in here
             if peer not in OURS and peer not in OTHER_PICTURES}
    found = {peer: v for peer, v in found.items() if v is not None}
    return choose(found, key=found.get) if found else None


def asked(rounds, here):
    """(what, unit, value of a round, bound, whether it is a least one)."""
    def ours(mode, value, peer="pipec", threads=2):
        return lambda r: value(r[peer, mode, threads])

    def against(peer, value):
        return lambda r: value(r["pipec", "images", 2]) / value(r[peer, "images", 2])

    thrifty, fast = best(rounds, here, cpu, min), best(rounds, here, rate, max)
    if thrifty:
        yield (f"CPU-seconds per 1000 images / the best peer's, {here[thrifty]['name']}",
               "", against(thrifty, cpu), .4, False)
    if "tf_plain" in here:
        yield ("the same / tf.data's without antialias", "", against("tf_plain", cpu),
               None, False)
    if fast:
        yield (f"images/s with 2 threads / the best peer's, {here[fast]['name']}", "",
               against(fast, rate), 2, True)
    yield "start to first batch of 256", "s", ours("images", over("first_s")), .6, False
    yield ("start to the first decoding, NumPy imported", "s",
           ours("images", over("before_s")), .1, False)
    yield ("start to the first decoding, nothing else imported", "s",
           ours("first", over("before_s"), "pipec_bare"), .1, False)
    yield ("integers with one addition, batches of 256", "million/s",
           ours("cheap", lambda s: rate(s) / 1e6, threads=0), 20, True)
    yield ("the trainer's process with process=True", "% of a core",
           ours("images", own, "pipec_process"), 2, False)


def asked_table(rounds, here, row):
    """row: that of bench/run."""
    rows = []
    for what, unit, value, bound, least in asked(rounds, here):
        full = [r for r in rounds if works(value, r)]
        if not full:
            rows.append((what, "not measured", "", "", ""))
            continue
        middle = statistics.median(map(value, full))
        target = "" if bound is None else f"at {'least' if least else 'most'} {bound:g}"
        verdict = "" if bound is None else \
            "kept" if (middle >= bound if least else middle <= bound) else "lost"
        rows.append((*row(full, what, unit, value, target), verdict))
    return lines(["asked of pipec", "median", "least to most", "asked for", ""], rows)


def works(value, r):
    try:
        value(r)
    except KeyError:
        return False
    return True


NOTES = """The recipe of `examples/imagenet.dsl` over {files} files, {batches} batches of
256; page cache warm; an epoch that is not timed, then one that is; medians of {rounds}
rounds. Two threads or worker processes where no head says otherwise. The trainer reads a
number of every 64 KB of a batch and does nothing else. CPU seconds and memory (shared
pages divided) are those of the process tree. Start: of the process, imports and all;
before decoding: until the first record is decoded where that can be seen, else until the
first batch is asked for. Resumed, and begun anew: from constructing the loader to its
first batch. Integers: one addition each, in batches of 256, in NumPy."""


def notes(files, rounds, beton_seconds):
    text = NOTES.format(files=files, batches=files // 256, rounds=len(rounds))
    if beton_seconds:
        text += f"\nFFCV's own file was made in {beton_seconds} s."
    return text
