"""Steps of a chain that choose: folds over pictures whose rounds are switches, coins, functions that are passed, reductions that one arm alone reads,
vertical flips by chance, arms that may fail. An arm is a function `(y: T[h, w, c], q: int) -> T[h, w, c]` of its own; q is a number of the record."""
from tree import Dim, Expr, Stmt

HWC = Dim("h"), Dim("w"), Dim("c")
LOOP = "for i in 0..h, j in 0..w, k in 0..c: "
POINT = ["y[i, j, k] * 1.5 + 2", "clamp(f32(y[i, j, k]), -50, 200)", "255 - f32(y[i, j, k])", "f32(y[i, j, k]) * .5 + q % 9", "f32(y[i, j, k]) - y[i, j, (k + 1) % c]",
         "if y[i, j, k] > 40 then f32(y[i, j, k]) else 3.5", "sqrt(abs(f32(y[i, j, k]))) * 2.5"]
STENCIL = ["y[min(i + 1, h - 1), j, k] - f32(y[max(i - 1, 0), j, k])", "f32(y[max(i - 2, 0), j, k]) * .5 + y[i, j, k]", "max(f32(y[i, j, k]), f32(y[min(i + 1, h - 1), max(j - 1, 0), k]))",
           "y[i, min(j + 1, w - 1), k] + f32(y[i, max(j - 2, 0), k]) * .25", "f32(y[i - 1, j + 1, k else 5])", "f32(y[i + 2, j, k else 0]) + i",
           "fold s = 0.0 for t in -2..3: s + y[clamp(i + t, 0, h - 1), j, k] * (.5 - abs(f32(t)) / 8)", "fold s = 0.0 for t in max(i - 1, 0)..min(i + 2, h): s * .5 + y[t, j, k]",
           "fold s = 0.0 for t in max(j - 1, 0)..min(j + q % 3, w): max(s, f32(y[i, t, k]))", "y[min(i + q % 3, h - 1), j, k] * .5 - i"]
TURN = ["y[h - 1 - i, j, k]", "y[h - 1 - i, j, k]", "y[i, w - 1 - j, k]", "y[h - 1 - i, w - 1 - j, k]", "y[h - 1 - max(i - 1, 0), j, k]", "y[(i + 1) % h, j, k]",
        "y[if q % 2 == 0 then h - 1 - i else i, j, k]", "y[h - 1 - i, j, k] - f32(y[max(h - 2 - i, 0), j, k])", "y[i, j, c - 1 - k]", "y[(i * 5 + 2) % h, j, k]"]
# Numbers made of a whole picture: (where m is subscripted, m), all f32.
COUNTED = [(0, "f32(count(for i, j, k: y[i, j, k] > 30))"), (0, "f32(sum(for i, j, k: f32(y[i, j, k]))) / 64"), (3, "for k in 0..c: f32(sum(for i in 0..h, j in 0..w: f32(y[i, j, k]))) / 32"),
           (0, "if all(for i, j, k: y[i, j, k] > 2) then 40.0 else .5")]
# The same, of at least one column and channel.
REDUCED = COUNTED + [(0, "if any(for i, j: y[i, j, 0] > 60) then 1.5 else .25"), (0, "f32(sum(for i, j: f32(y[i, j, 0]) * .3 + y[i, j, c - 1] * .6)) / 64"), (0, "f32(len(for i in 0..h where y[i, 0, 0] > 20: i))"),
           (0, "fold s = 0.0 for i in 0..h: s * .5 + y[i, 0, 0]"), (0, "f32(sum(for i in 0..h, j in 0..w: f32(y[min(i + 1, h - 1), j, 0]) - y[i, j, 0]))"),
           (1, "for i in 0..h: f32(sum(for j in 0..w: f32(y[i, j, 0]) * .25))"), (2, "for j in 0..w: f32(sum(for i in 0..h: f32(y[i, j, 0]) * .25))"),
           (4, "f32(scatter_add(zeros(i64, 8), for e in 0..h: clamp(int(y[e, 0, 0]) // 32, 0, 7), 1))")]
# And one row.
FILLED = REDUCED + [(0, "f32(mean(for i, j: f32(y[i, j, 0]) * .3 + y[i, j, c - 1] * .6))"), (0, "f32(mean(for i, j, k: f32(y[i, j, k])))"), (0, "f32(mean(y))"), (0, "f32(max(y))"), (0, "f32(min(y))"),
          (0, "f32(argmax(y) % 11)"), (0, "f32(argmin(for i, j: f32(y[i, j, 0])))"), (0, "f32(y[argmax(y) // (w * c), 0, 0])"), (0, "f32(max(y) - f32(min(y)))"), (1, "for i in 0..h: f32(max(y[i]))"),
          (2, "for j in 0..w: f32(mean(for i in 0..h: f32(y[i, j, 0])))"), (3, "for k in 0..c: f32(min(for i, j: f32(y[i, j, k])))")]
PLACES = ["", "[{turn}]", "[j]", "[k]", "[(i + j) % 8]"]
FAILING = ["y[i + q % 5 - 1, j, k]", "y[i, j + q % 4, k]", "y[h - 1 - i - q % 3, j, k]", 'if y[i, j, k] > 120 then fail("bright{n}") else f32(y[i, j, k])', "int(y[i, j, k]) // (i + q % 4 - 1)",
           "[1.5, 2, 4][(int(y[i, j, k]) + q) % 5]", 'if q % 5 == 2 then fail("five{n}") else f32(y[i, j, k]) + 1', "sum(zeros(int, int(y[i, j, k]) - q % 7)) + 3"]


class Arms:
    """c_NAME as in Chains, but the declaration may be a list of parts, so that it can be shrunk."""

    def full(self, p):
        return min(p.h.least, p.w.least, p.c.least) >= 1

    def wide(self, p):
        return min(p.w.least, p.c.least) >= 1

    # ---- arms ----
    def arm(self, p, y, depth=1):
        """A call of a new function, or a loop in its place, on the expression y."""
        r = self.rng
        if r.random() < .15:
            return self.nothing(y)
        kinds = ["point", "stencil", "stencil", "turn", "reduced", "reduced", "steps"] + ["coin"] * (self.draws and depth > 0) + ["failing"] * (2 * self.may_fail)
        name = self.fresh("arm")
        body = getattr(self, "arm_" + r.choice(kinds))(p, depth)
        self.declare(name, f"fn {name}(y: T[h, w, c], q: int) -> T[h, w, c] = {body}")
        return Expr("T", HWC, f"{name}(", y, ", q)")

    def nothing(self, y):
        return Expr("T", HWC, y)

    def value(self, body):
        """An element of the wanted dtype."""
        return f"T({body})"

    def arm_point(self, p, depth):
        return LOOP + self.value(self.rng.choice(POINT))

    def arm_stencil(self, p, depth):
        return LOOP + self.value(self.rng.choice(STENCIL))

    def arm_turn(self, p, depth):
        return LOOP + self.value(self.rng.choice(TURN))

    def arm_failing(self, p, depth):
        return LOOP + self.value(self.rng.choice(FAILING).replace("{n}", self.fresh("r")))

    def arm_reduced(self, p, depth):
        """The picture beside a number that all of it makes."""
        r = self.rng
        rank, what = r.choice(FILLED if self.full(p) or self.wide(p) and self.may_fail and r.random() < .3 else REDUCED if self.wide(p) else COUNTED)
        m = "m" + PLACES[rank].replace("{turn}", r.choice(["i", "i", "h - 1 - i"]))
        y = r.choice(POINT + STENCIL + TURN) if r.random() < .4 else "f32(y[i, j, k])"
        bodies = [f"{m} * .5 + y[i, j, k]", f"f32(y[i, j, k]) - {m}", f"if {m} > 30 then f32(y[i, j, k]) else 200 - f32(y[i, j, k])", f"{{ a = {y}\n a * .75 + {m} }}"]
        if rank == 0 and r.random() < .3:
            return f"{{\n    m = {what}\n    if m > {r.choice([1, 12, 40])} then ({LOOP}{self.value(y)}) else y\n}}"
        return f"{{\n    m = {what}\n    {LOOP}{self.value(r.choice(bodies))}\n}}"

    def arm_steps(self, p, depth):
        """Two or three loops, one after the other; the last one may read two of them."""
        r = self.rng
        lines, last = [], "y"
        for name in "abd"[:r.choice([1, 1, 2])]:
            kind = r.choice([POINT, STENCIL, STENCIL, TURN])
            lines.append(f"    {name} = {LOOP}f32({r.choice(kind).replace('y[', last + '[')})\n")
            last = name
        end = r.choice(r.choice([POINT, STENCIL, TURN])).replace("y[", last + "[")
        if r.random() < .3:
            end = f"{{ e = {end}\n e + y[i, j, k] * .5 }}"
        return "{\n" + "".join(lines) + f"    {LOOP}{self.value(end)}\n}}"

    def arm_coin(self, p, depth):
        a, b = (self.arm(p, self.y(), depth - 1).text() for _ in range(2))
        b = "y" if self.rng.random() < .6 else b
        return f"if chance({self.rng.choice(['.5', '.3', '.8'])}) then {a} else {b}"

    def y(self, name="y"):
        return Expr("T", HWC, name)

    def arms(self, p, n, name="y"):
        """[a(y), b(y), …] without brackets, as parts."""
        parts = []
        for k in range(n):
            e = self.arm(p, self.y(name))
            while self.rng.random() < .25:
                e = self.arm(p, e)
            parts += [", ", e] if k else [e]
        return parts

    def place(self, n, t):
        """(a line before, a subscript below n): which arm, in round t."""
        r = self.rng
        kinds = [("", f"(q + {t}) % {n}"), ("", f"{t} % {n}"), (f"    o = [{', '.join(str(r.randrange(n)) for _ in range(4))}]\n", f"o[{t} % 4]"),
                 (f"    o = for e in 0..{n}: (q + e * e) % {n}\n", f"o[{t} % {n}]")]
        if self.may_fail:
            kinds += [("", f"(q + {t}) % {n + 3}")]
        if self.draws:
            kinds += [(f"    o = permutation({n})\n", f"o[{t} % {n}]")] * 4 + [(f"    o = for e in 0..4: randint(0, {n})\n", f"o[{t} % 4]"), ("", f"randint(0, {n})")]
        return r.choice(kinds)

    # ---- steps ----
    def rounds(self, n):
        """How often; seldom the record's choice."""
        return self.rng.choice([str(n), str(n), str(n), "2", "4", "1", "q % 4"])

    def c_rounds(self, p):
        """A switch in every round: color_jitter."""
        r = self.rng
        n = r.choice([2, 3, 3, 4])
        before, at = self.place(n, "t")
        state = "T" if r.random() < .6 else "f32"
        start = "x" if state == "T" else "f32(x)"
        tail = r.choice([f" where (q + t) % 3 != 0"] + [""] * 5)
        if self.full(p) and r.random() < .25:
            tail += r.choice([" until mean(for i, j: f32(y[i, j, 0])) > 60", " until any(for i, j, k: y[i, j, k] > 90)", " until y[0, 0, 0] > 50", " until q % 3 == t"])
        text = [f"fn NAME(x: T[h, w, c], q: int) -> {state}[h, w, c] {{\n{before}    fold y = {start} for t in 0..{self.rounds(n)}{tail}: [", *self.arms(p, n), f"][{at}]\n}}"]
        return text, "value", p.dtype if state == "T" else "f32", p.h, p.w, p.c

    def c_same(self, p):
        """The same steps in every round: no switch."""
        a, = self.arms(p, 1)
        return ["fn NAME(x: T[h, w, c], q: int) -> T[h, w, c] = fold y = x for t in 0.." + self.rounds(3) + ": ", a], "value", p.dtype, p.h, p.w, p.c

    def c_states(self, p):
        """Two states, of which a round's arms read one or both."""
        r = self.rng
        n = r.choice([2, 3])
        before, at = self.place(n, "t")
        start, news, end = r.choice([("(x, x)", "T(f32(z) * .5 + f32(y))", "for i, j, k: T(f32(a[i, j, k]) - b[i, j, k] * .5)"), ("(x, x)", "y", "for i, j, k: T(f32(b[h - 1 - i, j, k]) + a[i, j, k])"),
                                     ("(x, f32(1))", "z * .5 + f32(sum(for i, j, k: f32(y[i, j, k])))", "for i, j, k: T(a[i, j, k] + b)"),
                                     ("(x, q)", "z + count(for i, j, k: y[i, j, k] > 20)", "if b % 2 == 0 then a else x"), ("(x, false)", "z or any(for i, j, k: y[i, j, k] > 70)", "if b then a else x")])
        text = [f"fn NAME(x: T[h, w, c], q: int) -> T[h, w, c] {{\n{before}    a, b = fold y, z = {start} for t in 0..{self.rounds(n)}: ([", *self.arms(p, n), f"][{at}], {news})\n    {end}\n}}"]
        return text, "value", p.dtype, p.h, p.w, p.c

    def c_switch(self, p):
        """One arm of several, for the record."""
        r = self.rng
        n = r.choice([2, 2, 3])
        before, at = self.place(n, "q")
        if n == 2 and r.random() < .7:
            a, _, b = self.arms(p, 2, "x")
            test = "chance(.5)" if self.draws else r.choice(["q % 2 == 0", "q % 3 == 1", "h > w"])
            return ["fn NAME(x: T[h, w, c], q: int) -> T[h, w, c] = if " + test + " then ", a, " else ", b if r.random() < .5 else self.y("x")], "value", p.dtype, p.h, p.w, p.c
        return [f"fn NAME(x: T[h, w, c], q: int) -> T[h, w, c] {{\n{before}    [", *self.arms(p, n, "x"), f"][{at}]\n}}"], "value", p.dtype, p.h, p.w, p.c

    def c_maybe(self, p):
        """A function that is passed and applied or not, one around another."""
        r = self.rng
        f, g, h = (e for e in self.arms(p, 3)[::2])
        on = "random_apply" if self.draws else "applied"
        test = (lambda: r.choice([".5", "p = .3", ".8"])) if self.draws else (lambda: r.choice(["q % 2 == 0", "q % 3 > 0", "h % 2 == 1"]))
        form = r.choice(["one", "nested", "chain"] + ["order"] * self.draws)
        head = "fn NAME(x: T[h, w, c], q: int) -> T[h, w, c] = "
        if form == "one":
            parts = [f"{on}(x, y => ", f, f", {test()})"]
        elif form == "nested":
            parts = [f"{on}(x, y => {on}(", f, ", y => ", g, f", {test()}), {test()})"]
        elif form == "chain":
            parts = [f"x |> {on}(y => ", f, f", {test()}) |> {on}(y => ", g, f", {test()})"]
        else:
            parts = ["random_order3(x, y => ", f, ", y => ", g, ", y => ", h, ")"]
        return [head, *parts], "value", p.dtype, p.h, p.w, p.c

    def c_coin(self, p):
        """Rows turned round by chance: a sweep that runs the other way."""
        r = self.rng
        test = "chance(.5)" if self.draws and r.random() < .8 else "q % 2 == 0"
        body = r.choice(["if on then (for i, j, k: x[h - 1 - i, j, k]) else x", "for i, j, k: x[if on then h - 1 - i else i, j, k]", "if on then flip(x) else x",
                         "for i, j, k: x[if on then h - 1 - i else i, w - 1 - j, k]", "if on then (for i, j, k: x[h - 1 - i, w - 1 - j, k]) else (for i, j, k: x[i, w - 1 - j, k])"])
        return f"fn NAME(x: T[h, w, c], q: int) -> T[h, w, c] {{\n    on = {test}\n    {body}\n}}", "value", p.dtype, p.h, p.w, p.c

    def c_down(self, p):
        """A vertical flip between two readers of neighbours."""
        r = self.rng
        a, b = (r.choice(STENCIL) for _ in range(2))
        turn = r.choice(["a[h - 1 - i, j, k]", "a[h - 1 - i, w - 1 - j, k]", "a[if q % 2 == 0 then h - 1 - i else i, j, k]"])
        return (f"fn NAME(x: T[h, w, c], q: int) -> f32[h, w, c] {{\n    y = x\n    a = {LOOP}f32({a})\n    b = {LOOP}f32({turn})\n    {LOOP}f32({b.replace('y[', 'b[')})\n}}",
                "value", "f32", p.h, p.w, p.c)

    def c_arm(self, p):
        """An arm that is always taken."""
        a, = self.arms(p, 1, "x")
        return ["fn NAME(x: T[h, w, c], q: int) -> T[h, w, c] = ", a], "value", p.dtype, p.h, p.w, p.c

    # ---- fields ----
    def reader(self, p):
        """Another field that reads a picture: a number of all of it, or a part."""
        r = self.rng
        y = p.name
        what = [("i64", f"count(for i in 0..{p.h.text}, j in 0..{p.w.text}: {y}[i, j, 0] > 30)"), ("bool", f"any({y} > 50)"), ("f32", f"f32(sum(for i in 0..{p.h.text}, j in 0..{p.w.text}: f32({y}[i, j, 0]) * .5))")]
        if self.full(p):
            what += [("f32", f"f32(mean({y}))"), (p.dtype, f"max({y})"), (p.dtype, f"min({y})"), ("i64", f"argmax({y})"), (p.dtype, f"{y}[{p.h.text} - 1, 0, 0]")]
        if not self.wide(p):
            return
        d, text = r.choice(what)
        name = self.fresh("m")
        self.add(Stmt("field", [name], f"{name} = {text}"), (name, d, ()))
        self.keep.append(name)
        if r.random() < .4:
            other = self.fresh("p")
            i, j, k = self.fresh("ix"), self.fresh("j"), self.fresh("k")
            at = r.choice([i, i, f"{p.h.text} - 1 - {i}"])
            body = f"f32({y}[{at}, {j}, {k}]) - {f'f32({name})' if d != 'bool' else f'(if {name} then 2.5 else 1.0)'}"
            self.add(Stmt("field", [other], f"{other} = for {i} in 0..{p.h.text}, {j} in 0..{p.w.text}, {k} in 0..{p.c.text}: {body}"), (other, "f32", p.dims()))
            self.keep.append(other)
