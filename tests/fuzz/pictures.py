"""Features about pictures alone: nests over rows, columns and 1 to 4 channels whose elements are too dear to be put into their readers, so that
they are kept as rings, in planes, in lanes. A nest is of one of the ORDERS below; what it reads are one to three of the pictures above it, at
places that lie in them by construction (`sub`), but for a few features with records that fail."""
from tree import Dim, Expr, Program, Stmt, const

CALM = ["ijk"] * 14 + ["kij", "ij"]
ORDERS = ["ijk"] * 8 + ["kij"] * 4 + ["ij"] * 2 + ["jik", "ikj", "kji", "ji"]
WIDTHS = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 24, 31, 32, 33, 47, 48, 63, 64, 65, 70, 79, 80, 97, 130]
HEIGHTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 15, 16, 17, 20, 25]
# What subscripts of a dimension a stage may have: most stages have one kind, so that lanes can have it.
KINDS = ["plain"] * 8 + ["back"] * 2 + ["either"] * 2 + ["offset"] * 2 + ["shifted"] * 3 + ["mirrored", "mirrored", "table", "fixed", "scaled"]
THEMES = {"i": [["plain"]] * 8 + [["plain", "shifted"], ["back"], ["either"], ["table"], KINDS, KINDS],
          "j": [["plain"]] * 7 + [["plain", "offset"], ["plain", "plain", "fixed"], ["back"], ["back"], ["either"], ["either"], ["table"], ["table"], ["shifted"], KINDS, KINDS],
          "k": [["plain"]] * 8 + [["back"], ["fixed"], ["plain", "fixed"], ["table"], KINDS]}
DTYPES = ["u8", "f32", "f32", "f32", "i32"]
ODD = ["f64", "i16", "u16", "i64", "f16"]
MIRRORS = ["fn mirror(i: int, n: int) -> int = clamp(n - 1 - abs(n - 1 - abs(i)), 0, n - 1)"] * 3 + [
    "fn mirror(i: int, n: int) -> int {\n    a = abs(i) % max(2 * n - 2, 1)\n    min(a, 2 * n - 2 - a)\n}"]
I64 = "i64"


class Plane:
    """A picture: `axes` says what each of its dimensions is, rows `i`, columns `j` or channels `k`."""

    def __init__(self, name, dtype, axes, dims):
        self.name, self.dtype, self.axes, self.dims = name, dtype, axes, tuple(dims)


def flat(*parts):
    """Parts of an Expr with the texts between them joined."""
    out = []
    for p in parts:
        if isinstance(p, str) and out and isinstance(out[-1], str):
            out[-1] += p
        else:
            out.append(p)
    return out


class Pictures:
    """The methods v_NAME make a number (f32 or i32) of an element, s_NAME a subscript, w_NAME the bounds of a window and places in it."""

    def __init__(self, rng):
        self.rng, self.count, self.program, self.kernel = rng, 0, Program(), False
        self.planes, self.unread, self.keep, self.numbers, self.loops = [], [], [], [], {}
        self.window = None      # what the elements of a stage must be: a role and a kind of window
        self.may_fail = rng.random() < .12
        self.calm = rng.random() < .8    # bodies are short, channels are read as they are
        self.failing = 2 * self.may_fail

    def fresh(self, stem):
        self.count += 1
        return f"{stem}{self.count}"

    def feature(self):
        r = self.rng
        self.program.decls.append(Stmt("decl", ["mirror"], r.choice(MIRRORS)))
        self.layout = r.choice(["", "\n    layout rgb, rgbx", "\n    layout rgb, rgbx, planar", "\n    layout rgb, rgbx, planar"])
        records = r.choice([2, 3, 4, 6])
        self.program.source = f"range(0, {records})"
        self.conditions()
        for _ in range(r.choice([1, 1, 2])):
            self.origin()
        if self.calm and r.random() < .4:
            self.resample()
        for _ in range(r.choice([0, 1, 2, 3, 4, 5, 6, 8] if len(self.planes) > 2 else [2, 3, 4, 5, 6, 8])):
            self.stage()
        if self.calm and r.random() < .5:
            self.stage(last=True)
        self.finish(records)
        return self.program

    def line(self, name, *parts):
        self.program.stmts.append(Stmt("field", [name], *flat(f"{name} = ", *parts)))

    def conditions(self):
        """What a record chooses by: odd, third, a draw; an offset; how many taps."""
        r = self.rng
        for name, text in (("odd", "value % 2 == 1"), ("third", "value % 3 == 1"), ("coin", "chance(.5)"), ("late", "value > 1"),
                           ("at", f"value % {r.choice([2, 3, 5])}"), ("taps", r.choice(["2 * value - 1", "value % 3 + 1", "3 - value"]))):
            self.line(name, text)

    def origin(self):
        """Rows of a kernel, or a tensor made of its subscripts."""
        r, name = self.rng, self.fresh("p")
        h, w = const(self.side(HEIGHTS, 4)), const(self.side(WIDTHS, 16))
        if r.random() < .2:
            h = self.drawn_side(h)
        if r.random() < (.7 if self.calm else .4):
            self.kernel = True
            self.line(name, f"ramp([{h.text}, {w.text}], value * 13, 0, 0)")
            self.planes.append(Plane(name, "u8", "ijk", (h, w, const(3))))
        else:
            d, c = r.choice(DTYPES), const(r.choice([1, 2, 3, 3, 4]))
            axes, dims = r.choice([("ijk", (h, w, c)), ("ijk", (h, w, c)), ("kij", (c, h, w)), ("ij", (h, w))])
            loops = ", ".join(f"{v} in 0..{n.text}" for v, n in zip(axes, dims))
            body = f"(value * 11 + i * 7 + j * {r.choice([5, 17])} + {'k * 3' if 'k' in axes else '2'}) % {r.choice([32, 251])}"
            dear = {"f32": f"sqrt(f32({body})) * 2.5 - f32(j) / 3 + abs(f32(i) - 4)", "u8": f"u8({body})", "i32": f"i32({body}) * 9 - 400"}[d]
            if d == "f32":
                dear = r.choice([dear, dear, f"f32({body})", f"sqrt(f32({body}) - 4)", f"(f32(j) - 3) * .75 / ({body} % 3)"])    # NaN and infinities too
            self.line(name, f"for {loops}: {dear}")
            self.planes.append(Plane(name, d, axes, dims))
            if r.random() < .7:
                self.unread.append(self.planes[-1])    # read twice: it lies whole in memory
        self.unread.append(self.planes[-1])

    def side(self, sizes, enough):
        """Most often enough for vectors and for rings."""
        return self.rng.choice([n for n in sizes if n >= enough] if self.rng.random() < .75 else sizes)

    def drawn_side(self, n):
        """A side that differs from record to record, at most n."""
        least = max(1, n.const - 3)
        name = self.fresh("side")
        self.line(name, f"{least} + value % {n.const - least + 1}")
        return Dim(name, least, n.const)

    # ---- a stage ----
    def stage(self, last=False):
        """A nest, or one of two or three; what it reads is most often what nobody has read."""
        r, name = self.rng, self.fresh("p")
        some = [p for p in self.unread if r.random() < .6] + ([r.choice(self.planes)] if r.random() < .25 else [])
        self.reads = list(dict.fromkeys((some or self.unread[-1:] or self.planes[-1:])[:1 if self.calm and r.random() < .8 else 3]))
        for x in self.reads:
            if x in self.unread:
                self.unread.remove(x)
        first = r.choice(self.reads)
        if r.random() < .3:
            self.reduction(first)
        axes = "kij" if last else "ijk" if self.window else r.choice(CALM if self.calm else ORDERS)
        self.size(axes, first)
        self.themes = {v: r.choice(THEMES[v][:-2] if self.calm else THEMES[v]) for v in "ijk"}
        if self.window:
            self.themes = {"i": ["plain"], "j": ["table" if self.window[1] == "table" else "plain"], "k": ["plain"]}
        elif self.calm and r.random() < .7:
            self.themes["k"] = ["plain"]
        self.turned = r.choice(["odd", "odd", "third", "coin", "late"]), r.random() < .7
        d = r.choice(DTYPES) if self.calm or r.random() < .9 else r.choice(ODD)
        listed = "k" not in axes and r.random() < .5
        arms = r.choice([2, 2, 3]) if r.random() < .2 else 1
        same = arms > 1 and first.axes == axes and r.random() < .6    # one arm is what is read
        if same:
            d, listed, self.loops = first.dtype, False, dict(zip(axes, first.dims))
        arms = [self.nest(axes, d, listed) for _ in range(arms)]
        if same:
            arms[r.randrange(len(arms))] = [first.name]
        self.line(name, *self.chosen(arms))
        dims = [self.loops[v] for v in axes] + [const(self.listed)] * listed
        made = Plane(name, d, axes + "k" * listed, dims)
        self.planes.append(made)
        self.unread.append(made)
        if r.random() < .08:
            self.keep.append(name)

    def resample(self):
        """Rows, then columns: each stage is one window."""
        r = self.rng
        for role, kind in r.choice([[("i", "taps"), ("j", "resized")], [("i", "resized"), ("j", "resized")], [("j", "resized"), ("i", "resized")],
                                    [("j", "taps"), ("i", "taps")], [("i", "near"), ("j", "table")]]):
            self.window = role, kind
            self.stage(last=role == "j" and r.random() < .3)
        self.window = None

    def chosen(self, arms):
        if len(arms) == 1:
            return arms[0]
        if len(arms) == 2:
            return ["if ", self.condition(), " then (", *arms[0], ") else (", *arms[1], ")"]
        return ["[", *arms[0], ", ", *arms[1], ", ", *arms[2], "][value % 3]"]

    def size(self, axes, first):
        """The loops of the nest: as long as the dimensions of what is read, or not."""
        r, self.loops = self.rng, {}
        self.listed = r.choice([1, 2, 3, 3, 4])
        for v in axes:
            n = first.dims[first.axes.index(v)] if v in first.axes else const(r.choice([1, 2, 3, 4]))
            form = r.random() * (1.5 if self.calm else 1)
            if v == "k":
                n = n if self.calm and n.least > 1 else n if form < .8 and n.const else const(r.choice([1, 2, 3, 4]))
            elif form < .15:
                n = const(max(1, n.least - r.choice([1, 2, 3, n.least // 2])))
            elif form < .3:
                n = const(self.side(HEIGHTS, 4) if v == "i" else self.side(WIDTHS, 16))
            self.loops[v] = n

    def nest(self, axes, d, listed):
        loops = ", ".join(f"{v} in 0..{self.loops[v].text}" for v in axes)
        if not listed:
            return flat(f"for {loops}: ", self.element(d))
        parts = [x for _ in range(self.listed) for x in (", ", self.element(d))][1:]
        if self.rng.random() < .5:
            shared = self.value("f32", 2)
            parts = [x for k in range(self.listed) for x in (", ", Expr(d, (), f"{d}(", self.joined("f32", "a", self.value("f32", 1)), ")"))][1:]
            return flat(f"for {loops}: {{ a = ", shared, "\n    [", *parts, "] }")
        return flat(f"for {loops}: [", *parts, "]")

    def element(self, d):
        compute = "i32" if d in ("u8", "i32", "i16") and self.rng.random() < (.1 if self.calm else .35) else "f32"
        if self.window:
            value = self.v_read(compute, 0) if self.window[1] == "table" else self.v_window(compute, 1)
        else:
            value = self.value(compute, 1 if self.calm else self.rng.choice([1, 2, 2, 3]))
        return Expr(d, (), *flat(f"{d}(", value, ")"))

    # ---- numbers ----
    def value(self, d, depth):
        r = self.rng
        if self.calm:
            kinds = ["window"] * 8 + ["dear"] * 2 + ["sum"] * 2 + ["choice", "block", "block"] if depth > 0 else ["read"] * 15 + ["constant", "scalar", "scalar"]
        elif depth <= 0:
            kinds = ["read"] * 8 + ["constant", "index", "scalar"]
        else:
            kinds = ["read"] * 2 + ["window"] * 4 + ["sum"] * 4 + ["dear"] * 4 + ["choice"] * 2 + ["block", "extreme"]
        return getattr(self, "v_" + r.choice(kinds))(d, depth - 1)

    def joined(self, d, a, b):
        op = self.rng.choice(["+", "-", "+", "*"])
        return Expr(d, (), *flat("(", a, f" {op} ", b, ")"))

    def v_constant(self, d, depth):
        return Expr(d, (), self.rng.choice([".5", "2.25", "0.125", "-3.0"] if d == "f32" else ["2", "-7", "100"]))

    def v_index(self, d, depth):
        return Expr(d, (), f"{d}({self.index()})")

    def index(self):
        """Seldom that of columns, which would differ from lane to lane."""
        some = [v for v in self.loops if v != "j" or self.rng.random() < .15]
        return self.rng.choice(some or ["0"])

    def v_scalar(self, d, depth):
        """A number of a whole picture, or of each channel."""
        if not self.numbers:
            return self.v_read(d, depth)
        text, axis = self.rng.choice(self.numbers)
        if axis is None:
            return Expr(d, (), f"{d}({text})")
        n, v = axis[1], axis[0]
        return Expr(d, (), *flat(f"{d}({text}[", self.sub(v, n), "])"))

    def v_sum(self, d, depth):
        return self.joined(d, self.value(d, depth), self.value(d, depth))

    def v_dear(self, d, depth):
        r = self.rng
        a = self.value(d, depth)
        if d == "i32":
            return Expr(d, (), *flat("((", a, f" * 3 - {r.choice([7, 40])}) * 5 + {d}({self.index()}) * 2 - 9)"))
        if self.calm and r.random() < .4:
            factor = ", ".join(r.choice([".5", "2.25", "-1.5"]) for _ in range(4))
            return Expr(d, (), *flat("(", a, f" * [{factor}][k] - .25)" if "k" in self.loops else " * .75)"))
        forms = [("(sqrt(abs(", ") * 1.5 + 2) * .75 - 4)"), ("(floor(", " * .5 - 1.25) * 3 + .5)"), ("(1 / (abs(", ") + 1.5) * 8 - .25)"),
                 ("(clamp(", ", -50, 200) * 1.25 - 7 + .5 * 3)"), ("abs(round(", " * .25) * 2 - 9)"), ("f32(u8(", " * 1.5 + 20))"), ("f32(i32(", "))"),
                 ("fma(ceil(", " * .5), 1.5, -trunc(3.5) * .25)"), ("max(min(100, ", ") * .5 - 3 + 1.5, 2)"), ("(2.5 - 1 / max(", " * .5 - 4, -20))")]
        before, after = r.choice(forms)
        return Expr(d, (), before, a, after)

    def v_extreme(self, d, depth):
        return Expr(d, (), *flat(self.rng.choice(["max(", "min("]), self.value(d, depth), ", ", self.value(d, depth), ")"))

    def v_choice(self, d, depth):
        return Expr(d, (), *flat("(if ", self.test(d, depth), " then ", self.value(d, depth), " else ", self.value(d, depth), ")"))

    def v_block(self, d, depth):
        r, name = self.rng, self.fresh("b")
        inner = self.joined(d, Expr(d, (), name), self.value(d, depth))
        if "k" in self.loops and r.random() < .5:
            kept = Expr(d, (), f"{d}(k) * {r.choice(['2 + 1', '3', 'value - 4'])}")    # another for each channel
        else:
            kept = self.value(d, depth)
        return Expr(d, (), *flat(f"{{ {name} = ", kept, "\n    ", inner, " }"), binds=[name])

    def condition(self):
        return Expr("bool", (), self.rng.choice(["odd", "third", "coin", "late"]))

    def test(self, d, depth):
        """Of the record, of a place, of an element."""
        r = self.rng
        form = r.random()
        if form < .4:
            return self.condition()
        if form < .7:
            return Expr("bool", (), f"{self.index()} {r.choice(['<', '>', '=='])} {r.choice([0, 1, 2, 5])}")
        return Expr("bool", (), *flat(self.value(d, min(depth, 1)), r.choice([" > ", " < "]), "40"))

    def v_read(self, d, depth):
        """One element."""
        x = self.rng.choice(self.reads)
        return self.taken(d, x, [self.place(x, a) for a in range(len(x.axes))])

    def taken(self, d, x, subs):
        parts = [p for s in subs for p in (", ", s)][1:]
        text = flat(f"{x.name}[", *parts, "]")
        return Expr(d, (), *(text if x.dtype == d else flat(f"{d}(", *text, ")")))

    def place(self, x, axis):
        return self.sub(x.axes[axis], x.dims[axis])

    # ---- subscripts ----
    def sub(self, role, n):
        """Of a dimension of n, most often by the loop of its role."""
        r = self.rng
        v = role if role in self.loops and (self.calm or r.random() < .95) else None
        if v is None:
            others = [u for u in self.loops if u != role]
            if role == "k" or r.random() < .5 or not others:
                return self.s_fixed(n, role)
            v = r.choice(others)
        if self.failing and self.fits(n, v) and r.random() < .2:
            self.failing -= 1
            return Expr(I64, (), r.choice([f"{v} + at", f"{v} - at", f"{n.text} - 1 - {v} + at"]))
        return getattr(self, "s_" + r.choice(self.themes[v]))(n, v)

    def fits(self, n, v):
        m = self.loops[v]
        return m == n or m.most <= n.least

    def s_plain(self, n, v):
        return Expr(I64, (), v) if self.fits(n, v) else self.s_shifted(n, v)

    def s_back(self, n, v):
        return Expr(I64, (), f"{n.text} - 1 - {v}") if self.fits(n, v) else self.s_shifted(n, v)

    def s_either(self, n, v):
        if not self.fits(n, v):
            return self.s_scaled(n, v)
        on, turned = self.turned
        a, b = (f"{n.text} - 1 - {v}", v) if turned else (v, f"{n.text} - 1 - {v}")
        return Expr(I64, (), f"(if {on} then {a} else {b})")

    def s_offset(self, n, v):
        """A part, from a place that may differ from record to record."""
        room = n.least - self.loops[v].most
        if room < 1:
            return self.s_plain(n, v)
        at = self.rng.choice([str(self.rng.randrange(room + 1)), f"value % {room + 1}", f"min(at, {room})"])
        return Expr(I64, (), self.rng.choice([f"{v} + {at}", f"{at} + {v}", f"{at} + {self.loops[v].text} - 1 - {v}"]))

    def s_shifted(self, n, v):
        by = self.rng.choice(["+ 1", "- 1", "+ 2", "- 3", "+ at", "- at"])
        return Expr(I64, (), self.rng.choice([f"clamp({v} {by}, 0, {n.text} - 1)", f"min(max({v} {by}, 0), {n.text} - 1)"]))

    def s_mirrored(self, n, v):
        return Expr(I64, (), f"mirror({v} {self.rng.choice(['+ 2', '- 1', '- 2', '+ at'])}, {n.text})")

    def s_fixed(self, n, v):
        return Expr(I64, (), self.rng.choice(["0", f"{n.least - 1}", f"{n.text} - 1", f"{n.text} // 2", f"min(at, {n.text} - 1)"]))

    def s_scaled(self, n, v):
        m = self.loops[v]
        return Expr(I64, (), self.rng.choice([f"{v} * {n.text} // {m.text}", f"min(2 * {v}, {n.text} - 1)", f"{v} % {n.text}"]))

    def s_table(self, n, v):
        """Places kept in a table of the record, which may be neighbours or not."""
        r, name = self.rng, self.fresh("to")
        m = self.loops[v]
        forms = [f"clamp(e + {r.choice([0, 1, -2])}, 0, {n.text} - 1)", f"(e * 5 + 2) % {n.text}", f"max({n.text} - 1 - e, 0)", f"(e + value) % {n.text}",
                 f"if odd then clamp(e, 0, {n.text} - 1) else max({n.text} - 1 - e, 0)"]
        self.line(name, f"for e in 0..{m.text}: {r.choice(forms)}")
        return Expr(I64, (), f"{name}[{v}]")

    # ---- windows ----
    def v_window(self, d, depth):
        """A fold over places beside one another of one dimension, or of two."""
        r = self.rng
        x = r.choice(self.reads)
        axes = [a for a in range(len(x.axes)) if x.axes[a] in self.loops and (x.axes[a] != "k" or r.random() < .1)]
        if not axes:
            return self.v_read(d, depth)
        if len(axes) > 1 and self.themes["j"] in (["back"], ["either"]) and r.random() < .8:
            axes = [a for a in axes if x.axes[a] != "j"]
        if self.window and self.window[0] in x.axes and self.window[0] in self.loops:
            axes = [x.axes.index(self.window[0])]
        axis, t, s = r.choice(axes), self.fresh("t"), self.fresh("s")
        subs = [self.place(x, a) for a in range(len(x.axes))]
        kind = self.window[1] if self.window else r.choice(["taps"] * (6 if self.calm else 3) + ["near", "near", "drawn", "resized", "resized", "resized", "offset"])
        before, bounds, subs[axis] = getattr(self, "w_" + kind)(x.dims[axis], x.axes[axis], t)
        read = self.taken(d, x, subs)
        other = [a for a in axes if a != axis]
        if other and r.random() < .15:
            u, q = self.fresh("t"), self.fresh("s")
            _, more, subs[other[0]] = self.w_taps(x.dims[other[0]], x.axes[other[0]], u)
            step = Expr(d, (), *flat(f"(fold {q} = {s} for {u} in {more}: {q} + ", self.taken(d, x, subs), ")"), binds=[u, q])
        else:
            step = Expr(d, (), *flat(*self.step(d, s, t, read)))
        start = r.choice(["0.0", "0.0", "1.5"] if d == "f32" else ["i32(0)"])
        return Expr(d, (), *flat(f"{before}(fold {s} = {start} for {t} in {bounds}: ", step, ")" + "}" * bool(before)), binds=[t, s])

    def step(self, d, s, t, read):
        """The next state."""
        r = self.rng
        if r.random() < .15:
            return [r.choice(["max", "min"]), f"({s}, ", read, ")"]
        if r.random() < .15 and d == "f32":
            return [f"{s} * .5 + ", read]
        weights = [f"{d}({t} + 1)", f"{d}(2)"] + [f"{d}(k * 2 + 1)"] * ("k" in self.loops) + ([".125", "0.25", f"(1.5 - abs(f32({t})) / 8)"] if d == "f32" else [])
        if d == "f32" and r.random() < (.1 if self.calm else .3):
            weights = [f"max(1 - abs((f32({t}) - {v}) / 4), 0)" for v in [self.index()]]
        if r.random() < .2:
            return [f"{s} + ", read, " * ", self.value(d, 0)]
        return [f"{s} + {r.choice(weights)} * ", read]

    def w_taps(self, n, v, t):
        a, b, to = self.rng.choice([(-1, "", 2), (-2, "", 3), (-3, "", 4), (0, "", 3), (0, " - 1", 3), (0, " - 2", 5), (0, " - 2", 5), (0, " - 3", 7)])
        at = self.rng.choice([f"clamp({v} + {t}{b}, 0, {n.text} - 1)", f"mirror({v} + {t}{b}, {n.text})"])
        return "", f"{a}..{to}", Expr(I64, (), at)

    def w_drawn(self, n, v, t):
        return "", "0..taps", Expr(I64, (), self.rng.choice([f"clamp({v} + {t} - taps // 2, 0, {n.text} - 1)", f"mirror({v} + {t} - taps // 2, {n.text})", f"mirror({v} - {t}, {n.text})"]))

    def w_near(self, n, v, t):
        if not self.fits(n, v):
            return self.w_resized(n, v, t)
        a, b = self.rng.choice([(1, 2), (0, 3), (2, 1), ("at", 1)])
        return "", f"max({v} - {a}, 0)..min({v} + {b}, {n.text})", Expr(I64, (), t)

    def w_offset(self, n, v, t):
        """As many as there is room for."""
        room = n.least - self.loops[v].most
        if room < 1:
            return self.w_taps(n, v, t)
        at = self.rng.choice([f"{v} + {t}", f"{t} + {v}", f"{n.text} - 1 - {v} - {t}"])
        return "", f"0..{min(room + 1, self.rng.choice([2, 3, 5]))}", Expr(I64, (), at)

    def w_resized(self, n, v, t):
        """Bounds that hang on the row or the column."""
        r, m = self.rng, self.loops[v].text
        if r.random() < .5:
            return "", f"{v} * {n.text} // {m}..min(({v} + 1) * {n.text} // {m} + 1, {n.text})", Expr(I64, (), t)
        c, a, b = (self.fresh("b") for _ in range(3))
        reach = r.choice(["1.0", f"max(f32({n.text}) / {m}, 1)", "1.5"])
        before = (f"{{ {c} = ({v} + .5) * (f32({n.text}) / {m})\n    {a} = max(int(floor({c} - {reach} + .5)), 0)\n"
                  f"    {b} = min(int(floor({c} + {reach} + .5)), {n.text})\n    ")
        return before, f"{a}..{b}", Expr(I64, (), t)

    # ---- numbers of whole pictures ----
    def reduction(self, x):
        """For the stages below."""
        r, name = self.rng, self.fresh("m")
        axes = list(zip(x.axes, x.dims))
        turned = r.choice(["i", "i", "j"] + [""] * 6)
        e = f"{x.name}[{', '.join(f'{n.text} - 1 - {v}' if v == turned else v for v, n in axes)}]"
        if r.random() < .3:
            r.shuffle(axes)
        loops = ", ".join(f"{v} in 0..{n.text}" for v, n in axes)
        forms = [f"max({x.name})", f"mean({x.name})", f"min({x.name})", f"sum(for {loops}: f32({e}) * .5)", f"max(for {loops}: sqrt(abs(f32({e}))) * 2 - 1)",
                 f"count(for {loops}: {e} > 30)", f"argmin(for {loops}: abs(f32({e}) - 40))"]
        axis = None
        if r.random() < .35:
            axis = r.choice(list(zip(x.axes, x.dims)))
            inner = ", ".join(f"{v} in 0..{n.text}" for v, n in zip(x.axes, x.dims) if v != axis[0])
            forms = [f"for {axis[0]} in 0..{axis[1].text}: f32({r.choice(['max', 'mean', 'min'])}(for {inner}: {e}))"]
        self.line(name, r.choice(forms))
        self.numbers.append((name, axis))
        if r.random() < .1:
            self.keep.append(name)

    def finish(self, records):
        r, p = self.rng, self.program
        names = dict.fromkeys(self.keep + [x.name for x in self.unread] + [self.planes[-1].name])
        p.emits = list(names)
        n = records if self.may_fail else r.choice([1, 2, records])
        p.stmts.append(Stmt("batch", [], f"batch({n}, last = partial)"))
        p.args = ["--seed", str(r.randrange(9))] + ["--on-error", "skip"] * self.may_fail
