"""Chains over pictures T[h, w, c]: index maps, stencils, windows, tables, reductions, switches; what fusion is about. Each step is a function of
its own, so that the planner sees what a user would write."""
from arms import Arms
from tree import Dim, Expr, Stmt, const


class Picture:
    def __init__(self, name, dtype, h, w, c):
        self.name, self.dtype, self.h, self.w, self.c = name, dtype, h, w, c

    def dims(self):
        return (self.h, self.w, self.c)


HEAD = "(x: T[h, w, c]"
HALVES = {"f16": 2049, "bf16": 257}    # every other whole number from here on lies half way between two


class Chains(Arms):
    """Steps return (declaration of fn NAME, call's further arguments, dtype, h, w, c), or None where they do not fit."""

    def picture(self):
        """A field to start from."""
        r = self.rng
        name = self.fresh("p")
        if self.level >= 8 and r.random() < .5:
            h, w = self.side(), self.side()
            fails = r.choice([0, 0, 5]) if self.may_fail else 0
            self.kernel = True
            self.add(Stmt("field", [name], f"{name} = ramp([{h.text}, {w.text}], {r.randrange(99)}, value % 7, {fails})"), (name, "u8", (h, w, const(3))))
            return Picture(name, "u8", h, w, const(3))
        d, c = r.choice(["u8", "u8", "u8", "f32", "f32", "i32", "f16", "bf16", "i16"]), const(r.choice([1, 2, 3, 3]))
        h, w = self.side(), self.side()
        i, j, k = self.fresh("ix"), self.fresh("j"), self.fresh("k")
        body = f"(value * 7 + {i} * {r.choice([3, 11, 31])} + {j} * {r.choice([5, 17])} + {k} * 40) % {r.choice([251, 64, 256])}"
        if d in HALVES and r.random() < .5:
            body = f"{HALVES[d]} + {body}"
        self.add(Stmt("field", [name], f"{name} = for {i} in 0..{h.text}, {j} in 0..{w.text}, {k} in 0..{c.text}: {d}({body})"), (name, d, (h, w, c)))
        return Picture(name, d, h, w, c)

    def side(self):
        """A constant, or a size that differs from record to record."""
        r = self.rng
        if r.random() < .35:
            return const(r.choice([0, 1, 1, 2, 3, 3, 6, 8, 12, 16, 19, 33]))    # 16 columns fill a vector
        if self.sides and r.random() < .4:
            return r.choice(self.sides)
        least, most = r.choice([(3, 6), (3, 9), (3, 12), (3, 22), (3, 22), (0, 2), (1, 3), (0, 9)])
        name = self.fresh("side")
        self.add(Stmt("field", [name], f"{name} = (value * {r.choice([1, 3, 7])} + {r.randrange(9)}) % {most - least + 1} + {least}"), (name, "i64", ()))
        self.sides.append(Dim(name, least, most))
        return self.sides[-1]

    def chain(self):
        """Adds the fields of a chain; the last one is what is emitted."""
        r = self.rng
        p = self.picture()
        if "ramp(" in self.program.stmts[-1].text() and r.random() < .4:
            self.part(p)
        for _ in range(r.choice([1, 2, 3, 4, 5, 6])):
            calls = []
            q = p
            for _ in range(r.choice([1, 1, 2, 3])):
                step = self.step(q)
                if step is None:
                    continue
                call, q = step
                calls.append(call)
            if not calls:
                continue
            name = self.fresh("p")
            value = f"{p.name} |> " + " |> ".join(calls)
            if r.random() < .15 and q.dtype == p.dtype and q.dims() == p.dims():
                value = f"if {self.scalar('bool', 1).text()} then ({value}) else {p.name}"
            self.add(Stmt("field", [name], f"{name} = {value}"), (name, q.dtype, q.dims()))
            p = Picture(name, q.dtype, q.h, q.w, q.c)
            if r.random() < .25:
                self.keep.append(name)
            if r.random() < .15:
                self.reader(p)
        self.keep.append(p.name)
        return p

    def part(self, p):
        """Another field that reads a part of a kernel's result as it is: a window, kept for what follows."""
        calls, q = [], p
        for _ in range(self.rng.choice([1, 1, 2])):
            made = self.step(q, ["inner", "crop", "half", "inner", "hflip"])
            if made:
                calls.append(made[0])
                q = made[1]
        if calls:
            name = self.fresh("p")
            self.add(Stmt("field", [name], f"{name} = {p.name} |> " + " |> ".join(calls)), (name, q.dtype, q.dims()))
            self.keep.append(name)

    def step(self, p, steps=None):
        r = self.rng
        for _ in range(6):
            made = getattr(self, "c_" + r.choice(steps or STEPS))(p)
            if made:
                text, arguments, d, h, w, c = made
                name = self.fresh("step")
                head, *parts = [text] if isinstance(text, str) else text
                self.declare(name, head.replace("NAME", name, 1), *parts)
                return name + (f"({arguments})" if arguments else ""), Picture(None, d, h, w, c)
        return None

    def c_hflip(self, p):
        return f"fn NAME{HEAD}) -> T[h, w, c] = for i, j, k: x[i, w - 1 - j, k]", "", p.dtype, p.h, p.w, p.c

    def c_vflip(self, p):
        return f"fn NAME{HEAD}) -> T[h, w, c] = for i, j, k: x[h - 1 - i, j, k]", "", p.dtype, p.h, p.w, p.c

    def c_transpose(self, p):
        return f"fn NAME{HEAD}) -> T[w, h, c] = for i, j, k: x[j, i, k]", "", p.dtype, p.w, p.h, p.c

    def c_chw(self, p):
        return f"fn NAME{HEAD}) -> T[c, h, w] = for k, i, j: x[i, j, k]", "", p.dtype, p.c, p.h, p.w

    def c_crop(self, p):
        r = self.rng
        if p.h.least < 1 or p.w.least < 1:
            return None
        ch, cw = r.randrange(1, p.h.least + 1), r.randrange(1, p.w.least + 1)
        if self.may_fail and r.random() < .2:
            ch += 3
        if self.draws and r.random() < .4:
            at = f"randint(0, {p.h.text} - {ch} + 1), randint(0, {p.w.text} - {cw} + 1)"
        else:
            at = r.choice([f"0, 0", f"{p.h.text} - {ch}, {p.w.text} - {cw}", f"({p.h.text} - {ch}) // 2, ({p.w.text} - {cw}) // 2"])
        return (f"fn NAME{HEAD}, top: int, left: int, ch: int, cw: int) -> T[ch, cw, c] = for i, j, k: x[top + i, left + j, k]",
                f"{at}, {ch}, {cw}", p.dtype, const(ch), const(cw), p.c)

    def c_inner(self, p):
        """Without a border: a window that is a part."""
        if min(p.h.least, p.w.least) < 2:
            return None
        h, w = (const(d.const - 2) if d.const is not None else Dim(f"({d.text} - 2)", d.least - 2, d.most) for d in (p.h, p.w))
        return f"fn NAME{HEAD}) -> T[h - 2, w - 2, c] = for i, j, k: x[i + 1, j + 1, k]", "", p.dtype, h, w, p.c

    def c_pad(self, p):
        n = self.rng.choice([1, 2])
        h, w = (Dim(f"({d.text} + {2 * n})", d.least + 2 * n, const=d.const and d.const + 2 * n) if d.const is None else const(d.const + 2 * n) for d in (p.h, p.w))
        return (f"fn NAME{HEAD}, p: int, v: T = 0) -> T[h + 2 * p, w + 2 * p, c] = for i, j, k: x[i - p, j - p, k else v]",
                f"{n}{self.rng.choice(['', ', v = 7'])}", p.dtype, h, w, p.c)

    def c_stencil(self, p):
        a, b = self.rng.choice([(1, 1), (1, 0), (0, 2), (2, 1)])
        body = f"x[min(i + {a}, h - 1), j, k] - f32(x[max(i - {b}, 0), min(j + {b}, w - 1), k])"
        return f"fn NAME{HEAD}) -> f32[h, w, c] = for i, j, k: {body}", "", "f32", p.h, p.w, p.c

    def c_window(self, p):
        """A sum over a window of rows or columns whose bounds are clamped or mirrored."""
        r = self.rng
        n = r.choice([1, 2, 3])
        if r.random() < .5:
            at = r.choice(["x[clamp(i + t, 0, h - 1), j, k]", "x[i, clamp(j + t, 0, w - 1), k]"])
            return (f"fn NAME{HEAD}, r: int) -> f32[h, w, c] = for i, j, k: fold s = 0.0 for t in -r..r + 1: s + {at} * (1.5 - abs(f32(t)) / (r + 1))",
                    str(n), "f32", p.h, p.w, p.c)
        at = r.choice(["fold s = 0.0 for t in max(i - r, 0)..min(i + r + 1, h): s * .5 + x[t, j, k]", "fold s = f32(0) for t in max(j - r, 0)..min(j + r + 1, w): max(s, x[i, t, k])"])
        return f"fn NAME{HEAD}, r: int) -> f32[h, w, c] = for i, j, k: {at}", str(n), "f32", p.h, p.w, p.c

    def c_resample(self, p):
        """Rows or columns resampled, with weights that only the row knows."""
        n = self.rng.choice([1, 2, 4, 7, 9, 16, 18])
        rows = self.rng.random() < .5
        size, at, out = ("h", "x[t, j, k]", "n, w, c") if rows else ("w", "x[i, t, k]", "h, n, c")
        i = "i" if rows else "j"
        text = (f"fn NAME{HEAD}, n: int) -> f32[{out}] {{\n    scale = f32({size}) / n\n    reach = max(scale, 1)\n    for i, j, k: {{\n        centre = ({i} + .5) * scale\n"
                f"        a = max(int(floor(centre - reach + .5)), 0)\n        b = min(int(floor(centre + reach + .5)), {size})\n"
                f"        total = fold s = 0.0 for t in a..b: s + max(1 - abs((t + .5 - centre) / reach), 0)\n"
                f"        fold s = 0.0 for t in a..b: s + max(1 - abs((t + .5 - centre) / reach), 0) / total * {at}\n    }}\n}}")
        return text, str(n), "f32", const(n) if rows else p.h, p.w if rows else const(n), p.c

    def c_half(self, p):
        if p.h.const is not None:
            h = const(p.h.const // 2)
        else:
            h = Dim(f"({p.h.text} // 2)", p.h.least // 2)
        return f"fn NAME{HEAD}) -> T[h // 2, w, c] = for i, j, k: x[2 * i + {self.rng.choice([0, 1])}, j, k]", "", p.dtype, h, p.w, p.c

    def c_twice(self, p):
        if p.h.most > 22:
            return None
        h = const(2 * p.h.const) if p.h.const is not None else Dim(f"({p.h.text} * 2)", p.h.least * 2, 2 * p.h.most)
        return f"fn NAME{HEAD}) -> T[h * 2, w, c] = for i, j, k: x[i // 2, {self.rng.choice(['j', 'w - 1 - j'])}, k]", "", p.dtype, h, p.w, p.c

    def c_scale(self, p):
        """One factor for each channel, from a table."""
        items = ", ".join(self.rng.choice(["0.5", "2.25", "-1.5", "0.1"]) for _ in range(p.c.const or 0))
        if not items:
            return None
        return f"fn NAME{HEAD}, f: f32[c]) -> f32[h, w, c] = for i, j, k: x[i, j, k] * f[k] + .25", f"[{items}]", "f32", p.h, p.w, p.c

    def c_lookup(self, p):
        if p.dtype != "u8":
            return None
        return f"fn NAME{HEAD}) -> u8[h, w, c] {{\n    table = for v in 0..256: u8(255 - v // {self.rng.choice([1, 2, 3])})\n    for i, j, k: table[x[i, j, k]]\n}}", "", "u8", p.h, p.w, p.c

    def c_contrast(self, p):
        if min(p.h.least, p.w.least, p.c.least) < 1:
            return None
        what = self.rng.choice(["mean(x)", "f32(max(x))", "mean(for i, j: f32(x[i, j, 0]) * .5)", "f32(sum(for i: max(x[i])))"])
        return f"fn NAME{HEAD}, f: f32) -> f32[h, w, c] {{\n    m = {what}\n    for i, j, k: f * x[i, j, k] + (1 - f) * m\n}}", self.rng.choice([".5", "1.75"]), "f32", p.h, p.w, p.c

    def c_mix(self, p):
        """All channels of a pixel at once."""
        if p.c.const != 3:
            return None
        text = (f"fn NAME(x: T[h, w, 3]) -> f32[h, w, 3]\n    = for i, j: {{\n        a = f32(x[i, j, 0])\n        b = f32(x[i, j, 1])\n        m = max(a, b, f32(x[i, j, 2]))\n"
                f"        [m - a, if a > b then m * .5 else b, f32(x[i, j, 2]) + m]\n    }}")
        return text, "", "f32", p.h, p.w, p.c

    def c_narrow(self, p):
        d = self.rng.choice(["u8", "i16", "f16", "f16", "i32", "bf16"])
        value = f"x + {HALVES[d]}" if d in HALVES and self.rng.random() < .5 else "x"
        return f"fn NAME{HEAD}) -> {d}[h, w, c] = {d}({value})", "", d, p.h, p.w, p.c

    def c_chance(self, p):
        if not self.draws:
            return None
        return f"fn NAME{HEAD}, p: f32 = .5) -> T[h, w, c] = if chance(p) then (for i, j, k: x[i, w - 1 - j, k]) else x", self.rng.choice(["", ".3"]), p.dtype, p.h, p.w, p.c

    def c_order(self, p):
        """Three steps over f32 in an order that the record knows."""
        draw = "permutation(3)" if self.draws and self.rng.random() < .7 else "[(q + 1) % 3, q % 3, (q + 2) % 3]"
        text = (f"fn NAME{HEAD}, q: int) -> f32[h, w, c] {{\n    o = {draw}\n    fold y = f32(x) for t in 0..3:\n"
                f"        [y * 2 + 1, (for i, j, k: y[i, j, k] - y[max(i - 1, 0), j, k]), clamp(y, -50, 200)][o[t]]\n}}")
        return text, "value", "f32", p.h, p.w, p.c

    def c_gather(self, p):
        """Rows in an order from a table."""
        return f"fn NAME{HEAD}) -> T[h, w, c] {{\n    to = for i in 0..h: (i * 5 + 2) % h\n    for i, j, k: x[to[i], j, k]\n}}", "", p.dtype, p.h, p.w, p.c

    def c_noise(self, p):
        if not self.draws:
            return None
        return f"fn NAME{HEAD}) -> f32[h, w, c] = for i, j, k: x[i, j, k] + uniform(-1, 1)", "", "f32", p.h, p.w, p.c

    def c_integral(self, p):
        return f"fn NAME{HEAD}) -> f32[h, w, c] = for i, j, k: fold s = 0.0 for t in 0..i + 1: s + x[t, j, k]", "", "f32", p.h, p.w, p.c

    def c_offset(self, p):
        """Loops that do not begin at 0."""
        a, b = self.rng.choice([1, 3, -2]), self.rng.choice([0, 2])
        body = f"x[i - {a}, {b} + w - 1 - j, k]" if a > 0 else f"x[i + {-a}, {b} + w - 1 - j, k]"
        return f"fn NAME{HEAD}) -> T[h, w, c] = for i in {a}..h + {a}, j in {b}..w + {b}, k in 0..c: {body}", "", p.dtype, p.h, p.w, p.c

    def c_plus(self, p):
        """Two readers of one picture."""
        return f"fn NAME{HEAD}) -> f32[h, w, c] {{\n    y = for i in 0..h, j in 0..w, k in 0..c: f32(x[i, w - 1 - j, k]) * .5\n    for i, j, k: y[i, j, k] + y[h - 1 - i, j, k]\n}}", "", "f32", p.h, p.w, p.c

    def c_std(self, p):
        """Operators of std/image."""
        if self.level < 9 or p.c.const != 3 or min(p.h.least, p.w.least) < 3:
            return None
        r = self.rng
        self.image = True
        step, dtype, h, w = r.choice([("resize(x, 5, 4)", "T", "5", "4"), ("resize(x, 18, 20)", "T", "18", "20"), ("gaussian_blur(x, 3, .8)", "T", "h", "w"), ("adjust_hue(x, .1)", "T", "h", "w"), ("grayscale(x, 3)", "T", "h", "w"),
                                      ("normalize(x, [.5, .4, .3], [.2, .2, .3])", "f32", "h", "w"), ("center_crop(x, 3)", "T", "3", "3"),
                                      ("adjust_contrast(x, 1.5)", "T", "h", "w"), ("to_float(x)", "f32", "h", "w")]
                                     + ([("color_jitter(x, .5, .5, .5, .1)", "T", "h", "w"), ("random_resized_crop(x, 4)", "T", "4", "4")] if self.draws else []))
        if p.dtype not in ("u8", "f32"):
            return None
        side = {"18": const(18), "20": const(20), "5": const(5), "4": const(4), "3": const(3)}
        return f"fn NAME(x: T[h, w, 3]) -> {dtype}[{h}, {w}, 3] = {step}", "", p.dtype if dtype == "T" else dtype, side.get(h, p.h), side.get(w, p.w), p.c


STEPS = [n[2:] for k in (Chains, Arms) for n in vars(k) if n.startswith("c_")] + ["std", "crop", "resample", "window", "rounds", "rounds", "switch", "maybe", "coin"]
