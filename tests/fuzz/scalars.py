"""Random scalar expressions of a wanted dtype."""
from tree import BITS, FLOATS, INTS, NARROW, SIGNED, Dim, Expr, compute, const

LIMITS = {d: (0 if d[0] == "u" else -(1 << BITS[d] - 1), (1 << BITS[d] - (d[0] == "i")) - 1) for d in INTS}
SPECIAL = ["0x7FC00000", "0x7FC00000", "0xFFC00001", "0x7F800000", "0xFF800000", "0x80000000", "1", "0x7F7FFFFF"]    # NaN, infinite, -0, least, most
UNARY_MATH = ["exp", "log", "log10", "log2", "log1p", "expm1", "sin", "cos", "tan", "tanh", "sigmoid", "atan", "asin", "sinh", "exp2"]


class Scalars:
    """Needs of the whole generator: rng, level, vars, fresh(), tensor(), draws, may_fail."""

    # ---- leaves ----
    def literal(self, d, naked=False):
        r = self.rng
        if d == "bool":
            return Expr(d, (), r.choice(["true", "false"]))
        if d in FLOATS and not naked and self.level >= 1 and r.random() < .15:
            return Expr(d, (), f"{d}(from_bits(f32, {r.choice(SPECIAL)}))")
        if d in FLOATS:
            text = r.choice(["0.5", "1.5", ".25", "3.0", "1e-3", "7.25", "100.5", "0.1", "2.0", "1e4", "0.0", "2049.0", "2051.0", "1.00048828125"])   # the last three: halves between two f16
            text = text if r.random() < .7 else f"-{text}"
        else:
            low, high = LIMITS[d]
            n = r.choice([0, 1, 1, 2, 3, 5, 7, 10, 100, -1, -2, -3, -7, high, low, high - 1, 1 << BITS[d] // 2])
            n = min(max(n, low + (d == "i64")), high)
            text = hex(n) if n > 255 and r.random() < .3 else str(n)
        if naked:
            return Expr(d, (), f"({text})" if text[0] == "-" else text)
        return Expr(d, (), f"{d}({text})" if d in ("f16", "bf16") or d in INTS else f"{d}({text})")

    def variable(self, d, dims=()):
        found = [v for v in self.vars if v.dtype == d and v.dims == tuple(dims)]
        return Expr(d, dims, self.rng.choice(found[-12:]).name) if found else None

    # ---- any ----
    def scalar(self, d, size=3):
        r = self.rng
        if size <= 0:
            return (r.random() < .8 and self.variable(d)) or self.converted(d) or self.literal(d)
        kinds = ["leaf", "leaf", "compute", "compute", "compute", "if", "convert"]
        if self.level >= 1:
            kinds += ["special", "special", "minmax", "block", "constant"]
        if self.level >= 2:
            kinds += ["element", "element", "element", "reduce", "reduce", "fold", "width"]
        if self.level >= 3:
            kinds += ["call", "switch", "higher", "length", "item", "pair_fold", "kept", "library"]
        if self.level >= 5 and self.draws:
            kinds += ["draw", "draw"]
        if self.level >= 7 and self.may_fail:
            kinds += ["fail", "fail", "unread", "width"]
        for _ in range(8):
            e = getattr(self, "s_" + r.choice(kinds))(d, size - 1)
            if e is not None:
                return e
        return self.scalar(d, 0)

    def s_leaf(self, d, size):
        return self.scalar(d, 0)

    def converted(self, d):
        """A variable of another dtype, converted."""
        other = [v for v in self.vars if v.dims == () and v.dtype != "bool" and v.dtype != d]
        if not other or d == "bool":
            return None
        return Expr(d, (), f"{d}({self.rng.choice(other[-12:]).name})")

    def operands(self, d):
        """Two dtypes that compute in d."""
        pairs = [(a, b) for a in INTS + FLOATS for b in INTS + FLOATS if compute(a, b) == d]
        plain = [p for p in pairs if d in p]
        return self.rng.choice(plain if self.level < 1 or self.rng.random() < .6 else pairs) if pairs else None

    def beside(self, d, size):
        """Two operands that compute in d; the second may be a literal without a dtype."""
        a, b = self.operands(d)
        x = self.scalar(a, size)
        if self.rng.random() < .3 and compute(a, a) == d:
            return x, self.literal(d if d in INTS else "f32", naked=True)
        return x, self.scalar(b, size)

    def s_compute(self, d, size):
        r = self.rng
        if d == "bool":
            return self.truth(size)
        if not self.operands(d):
            return Expr(d, (), f"{d}(", self.scalar(r.choice(["i32", "f32"] if d in INTS else ["f32", "f64"]), size), ")")
        op = r.choice("+ - * + - * / // %".split() if d in FLOATS else "+ - * + - * // %".split())
        x, y = self.beside(d, size)
        if op in ("//", "%") and d in INTS:
            return Expr(d, (), "(", self.scalar(d, size), f" {op} ", self.divisor(d, size), ")")
        if op == "/" and x.dtype in INTS and y.dtype in INTS:
            op = "*"
        return Expr(d, (), "(", x, f" {op} ", y, ")")

    def divisor(self, d, size):
        if self.may_fail and self.level >= 7 and self.rng.random() < .3:
            return Expr(d, (), "(", self.scalar(d, size), f" % {self.rng.choice([3, 4, 5])})")
        if self.rng.random() < .5:
            n = self.rng.choice([1, 2, 3, 5, 7, 16] + ([-1, -2, -5] if d in SIGNED else []))
            return Expr(d, (), f"({n})")
        return Expr(d, (), "max(", self.scalar(d, size), ", 1)")

    def truth(self, size):
        r = self.rng
        kind = r.choice(["compare", "compare", "compare", "and", "or", "not", "test"])
        if kind in ("and", "or"):
            return Expr("bool", (), "(", self.scalar("bool", size), f" {kind} ", self.scalar("bool", size), ")")
        if kind == "not":
            return Expr("bool", (), "(not ", self.scalar("bool", size), ")")
        if kind == "test" and self.level >= 2:
            t = self.tensor("bool", self.some_dims(1), size)
            return Expr("bool", (), r.choice(["any", "all"]) + "(", t, ")")
        while True:
            a, b = r.choice(INTS + FLOATS if self.level else ["i64", "i32", "f32"]), r.choice(INTS + FLOATS if self.level else ["i64", "i32", "f32"])
            if compute(a, b):
                break
        op = r.choice(["==", "!=", "<", "<=", ">", ">="])
        x = self.scalar(a, size)
        y = self.literal(compute(a, a) if a in INTS else "f32", naked=True) if r.random() < .4 else self.scalar(b, size)
        return Expr("bool", (), "(", x, f" {op} ", y, ")")

    def s_if(self, d, size):
        return Expr(d, (), "(if ", self.scalar("bool", size), " then ", self.scalar(d, size), " else ", self.scalar(d, size), ")")

    def s_convert(self, d, size):
        r = self.rng
        if d == "bool":
            return None
        if d in ("f16", "bf16") and r.random() < .3:    # half way between two
            return Expr(d, (), f"{d}(", self.scalar("i64", size), " % 1024 * 2 + 2049)" if d == "f16" else " % 128 * 2 + 257)")
        source = r.choice(INTS + FLOATS if self.level else ["i64", "i32", "f32", "f64"])
        if d in INTS and r.random() < .3 and self.level:
            return Expr(d, (), f"wrap({d}, ", self.scalar(r.choice(INTS), size), ")")
        return Expr(d, (), f"{d}(", self.scalar(source, size), ")")

    def s_special(self, d, size):
        r = self.rng
        if d in ("f32", "f64"):
            kind = r.choice(["fma", "round", "sqrt", "abs", "neg", "from_bits", "math"])
            if kind == "fma":
                return Expr(d, (), "fma(", self.scalar(d, size), ", ", self.scalar(d, size), ", ", self.scalar(d, size), ")")
            if kind == "round":
                return Expr(d, (), r.choice(["floor", "ceil", "round", "trunc"]) + "(", self.scalar(d, size), ")")
            if kind == "from_bits":
                return Expr(d, (), f"from_bits({d}, ", self.scalar({"f32": "u32", "f64": "u64"}[d], size), ")")
            if kind == "math" and self.level >= 9:
                if r.random() < .3:
                    return Expr(d, (), r.choice(["pow", "atan2", "hypot"]) + "(", self.scalar(d, size), ", ", self.scalar(d, size), ")")
                return Expr(d, (), r.choice(UNARY_MATH) + "(", self.scalar(d, size), ")")
            return Expr(d, (), {"sqrt": "sqrt(", "abs": "abs(", "neg": "(-", "math": "abs("}[kind], self.scalar(d, size), ")")
        if d in ("i32", "i64", "u32", "u64"):
            kind = r.choice(["bitand", "bitor", "bitxor", "shl", "shr", "abs", "neg", "bits"])
            if kind == "shr" and d in ("i32", "i64") and r.random() < .5:
                return Expr(d, (), "shr((-abs(", self.scalar(d, size), f")), {r.choice([1, 3, 8, 31])})")
            if kind in ("shl", "shr"):
                by = Expr("i64", (), str(r.choice([0, 1, 3, 8, 31, 32, 63, 64, 70, -1]))) if r.random() < .7 else self.scalar(r.choice(["i32", "i64", "u8"]), size)
                return Expr(d, (), kind + "(", self.scalar(d, size), ", ", by, ")")
            if kind == "bits" and d in ("u32", "u64"):
                return Expr(d, (), "bits(", self.scalar({"u32": "f32", "u64": "f64"}[d], size), ")")
            if kind in ("abs", "neg", "bits"):
                return Expr(d, (), "abs(" if kind == "abs" else "(-", self.scalar(d, size), ")")
            return Expr(d, (), kind + "(", self.scalar(d, size), ", ", self.scalar(d, size), ")")
        if d == "u16":
            return Expr(d, (), "bits(", self.scalar(r.choice(["f16", "bf16"]), size), ")")
        return None

    def s_constant(self, d, size):
        """Literals alone: folded when the feature is checked."""
        r = self.rng
        a, b = self.literal(d).text(), self.literal(d).text()
        if d == "bool":
            c, e = self.literal("i32").text(), self.literal("i32").text()
            return Expr(d, (), f"({c} {r.choice(['<', '<=', '==', '!='])} {e})")
        if d in ("i32", "i64", "u32", "u64") and r.random() < .4:
            return Expr(d, (), f"shr({a}, {r.choice([1, 3, 31])})")
        if compute(d, d) != d or r.random() < .4:
            return Expr(d, (), f"{r.choice(['min', 'max'])}({a}, {b})")
        if d in FLOATS and r.random() < .4:
            return Expr(d, (), f"({d}({r.randrange(1, 999) / 10}) / {d}({r.randrange(3, 99)}.0))")
        return Expr(d, (), f"({a} {r.choice('+-*')} {b})")

    def s_minmax(self, d, size):
        r = self.rng
        if d == "bool":
            return None
        if r.random() < .3:
            return Expr(d, (), "clamp(", self.scalar(d, size), ", ", self.scalar(d, size), ", ", self.scalar(d, size), ")")
        return Expr(d, (), r.choice(["min", "max"]) + "(", self.scalar(d, size), ", ", self.scalar(d, size), ")")

    def s_block(self, d, size):
        other = self.rng.choice(INTS + FLOATS)
        if self.level >= 2 and self.rng.random() < .4:
            value = self.tensor(other, self.some_dims(self.rng.choice([1, 1, 2])), size)
        else:
            value = self.scalar(other, size)
        name = self.fresh("a")
        with self.scope((name, value.dtype, value.dims)):
            return Expr(d, (), "{ " + name + " = ", value, "\n", self.scalar(d, size), "\n}", binds=[name])

    # ---- tensors ----
    def some_dims(self, rank):
        """Dims of tensors in scope now and then, else small constants."""
        known = [v.dims for v in self.vars if len(v.dims) == rank and all(d.least > 0 for d in v.dims)]
        if known and self.rng.random() < .6:
            return self.rng.choice(known)
        return tuple(const(self.rng.choice([1, 2, 3, 4, 5, 17] if rank == 1 else [1, 2, 3, 4])) for _ in range(rank))

    def subscript(self, dim, size):
        """An int inside of the dimension."""
        r = self.rng
        near = [v for v in self.vars if v.extent == dim]
        if near and r.random() < .75:
            i = r.choice(near).name
            kind = r.random()
            if kind < .55:
                return Expr("i64", (), i)
            if kind < .75:
                return Expr("i64", (), f"({dim.text} - 1 - {i})")
            if dim.least > 0:
                return Expr("i64", (), f"clamp({i} {r.choice('+-')} {r.choice([1, 2])}, 0, {dim.text} - 1)")
            return Expr("i64", (), i)
        if dim.const is not None and r.random() < .4:
            return Expr("i64", (), str(r.randrange(dim.const))) if dim.const else None
        if dim.least < 1:
            return None
        if r.random() < .5:
            return Expr("i64", (), "(", self.scalar("i64", size), f" % {dim.text})")
        return Expr("i64", (), "clamp(", self.scalar("i64", size), f", 0, {dim.text} - 1)")

    def outside(self, dim, size):
        """An int that may be outside of the dimension."""
        near = [v for v in self.vars if v.extent is not None]
        if near and self.rng.random() < .8:
            return Expr("i64", (), f"({self.rng.choice(near).name} {self.rng.choice('+-')} {self.rng.choice([1, 2, 3])})")
        v = self.variable("i64")
        return v and Expr("i64", (), "(", v, f" % {self.rng.choice([4, 6])} - 1)")

    def s_element(self, d, size):
        """An element of a tensor in scope, or of one made for it."""
        r = self.rng
        found = [v for v in self.vars if v.dtype == d and v.dims]
        if found and r.random() < .85:
            v = r.choice(found[-10:])
            base, dims = v.name, v.dims
        else:
            t = self.tensor(d, self.some_dims(r.choice([1, 1, 2])), size)
            base, dims = None, t.dims
        if r.random() < .2 or (self.may_fail and self.level >= 7 and r.random() < .15):
            subs = [self.outside(k, 0) for k in dims]
            tail = [" else ", self.scalar(d, 0)] if not self.may_fail or r.random() < .7 else []
        else:
            subs, tail = [self.subscript(k, min(size, 1)) for k in dims], []
        if None in subs:
            return None
        parts = [base] if base else ["(", t, ")"]
        parts.append("[")
        for n, s in enumerate(subs):
            parts += [", ", s] if n else [s]
        return Expr(d, (), *parts, *tail, "]")

    def s_unread(self, d, size):
        """All elements are the same, or those of a row; the subscript may fail."""
        if not self.may_fail:
            return None
        i, j = self.fresh("ix"), self.fresh("ix")
        with self.scope((j, "i64", (), const(3))):
            body = self.scalar(d, size)
        return Expr(d, (), f"(for {i} in 0..2, {j} in 0..3: ", body, ")[", self.s_fail("i64", 0) or self.subscript(const(2), 0), " % 2, ", self.subscript(const(3), 1), "]", binds=[i, j])

    def s_width(self, d, size):
        """An element of a slice or a loop whose ends may stand the other way round; an element of nothing fails."""
        r = self.rng
        number = self.variable("i64")
        if number is None:
            return None    # what can be known at once is refused
        a, b = (Expr("i64", (), "(", of, f" % {n})") for of, n in ((number, 5), (self.scalar("i64", 0), 4)))
        t = self.tensor(d, (const(5),), size)
        at = self.scalar("i64", 0) if self.may_fail else Expr("i64", (), "0")
        if r.random() < .5:
            i = self.fresh("ix")
            parts, binds = [f"(for {i} in ", a, "..", b, ": (", t, f")[{i}])"], [i]
        else:
            parts, binds = ["(", t, ")[", a, "..", b, "]"], []
        if self.may_fail and r.random() < .7:
            return Expr(d, (), *parts, "[", at, f" % {r.choice([1, 2])}]", binds=binds)
        if d in ("i64", "f32", "f64"):
            return Expr(d, (), "sum(", *parts, ")", binds=binds)
        return Expr(d, (), *parts, "[", at, " else ", self.scalar(d, 0), "]", binds=binds)

    def s_reduce(self, d, size):
        r = self.rng
        rank = r.choice([1, 1, 1, 2])
        dims = self.some_dims(rank)
        full = all(k.least > 0 for k in dims)
        options = {"i64": [("sum", SIGNED), ("product", SIGNED), ("count", ["bool"])] + ([("argmin", INTS + FLOATS), ("argmax", INTS + FLOATS)] if full else []),
                   "u64": [("sum", ["u8", "u16", "u32", "u64"]), ("product", ["u8", "u32"])], "bool": [("any", ["bool"]), ("all", ["bool"])],
                   "f64": [("sum", ["f64"]), ("product", ["f64"])] + ([("mean", ["f64"])] if full else []),
                   "f32": [("sum", ["f32", "f16", "bf16"]), ("product", ["f32"])] + ([("mean", ["f32", "f16"] + INTS)] if full else [])}.get(d, [])
        if full and d != "bool":
            options = options + [("min", [d]), ("max", [d])]
        if not options:
            return None
        name, dtypes = r.choice(options)
        return Expr(d, (), name + "(", self.tensor(r.choice(dtypes), dims, size), ")")

    def s_fold(self, d, size):
        """A fold over scalars, in order; two states now and then."""
        r = self.rng
        i, s = self.fresh("ix"), self.fresh("s")
        dims = self.some_dims(1)
        extent = dims[0]
        start = self.scalar(d, min(size, 1))
        window = r.random() < .25 and [v for v in self.vars if v.extent is not None and v.extent.least > 0]
        if window:
            v = r.choice(window)
            spread = r.choice([1, 2])
            bounds = f"max({v.name} - {spread}, 0)..min({v.name} + {spread + 1}, {v.extent.text})"
            extent = v.extent
        else:
            bounds = f"0..{extent.text}"
        where = ["where "] if r.random() < .2 else []
        keep = self.draws
        self.draws = self.draws and not window and not where
        with self.scope((i, "i64", (), extent), (s, d, ())):
            if where:
                where = [" where ", self.scalar("bool", 1)]
            body = self.scalar(d, size)
        until = []
        if r.random() < .2 and d != "bool":
            with self.scope((s, d, ())):
                until = [" until ", Expr("bool", (), "(", Expr(d, (), s), f" {r.choice(['<', '>', '=='])} ", self.literal(d), ")")]
        self.draws = keep
        return Expr(d, (), f"(fold {s} = ", start, f" for {i} in {bounds}", *where, *until, ": ", body, ")", binds=[i, s])

    def s_pair_fold(self, d, size):
        """A fold of two states, of which one is wanted."""
        r = self.rng
        other = r.choice(["i64", "f32", "bool", "u8"])
        ix, s, t, u, v = (self.fresh(n) for n in ("ix", "s", "t", "u", "v"))
        dim = self.some_dims(1)[0]
        starts = self.scalar(d, 1), self.scalar(other, 1)
        with self.scope((ix, "i64", (), dim), (s, d, ()), (t, other, ())):
            a, b = self.scalar(d, size), self.scalar(other, size - 1)
        return Expr(d, (), "{ " + f"{u}, {v} = fold {s}, {t} = (", starts[0], ", ", starts[1], f") for {ix} in 0..{dim.text}: (", a, ", ", b, f")\n{u}\n}}", binds=[ix, s, t, u, v])

    def s_kept(self, d, size):
        """A sum or a count over what a `where` keeps."""
        if d not in ("i64", "f64", "f32"):
            return None
        ix, dim = self.fresh("ix"), self.some_dims(1)[0]
        keep, self.draws = self.draws, False
        with self.scope((ix, "i64", (), dim)):
            test, body = self.scalar("bool", size), self.scalar(d, size)
        self.draws = keep
        what = self.rng.choice(["sum", "len", "product"]) if d == "i64" else "sum"
        return Expr(d, (), f"{what}(for {ix} in 0..{dim.text} where ", test, ": ", body, ")", binds=[ix])

    def s_library(self, d, size):
        """Defaults, named arguments, dtype tests, constants, strings, an import by name."""
        r = self.rng
        if d == "u8":
            return Expr(d, (), '"p\\u{e9}c!"[', self.subscript(const(5), 0), "]")
        if d == "f32":
            return Expr(d, (), "(HALF * ", self.scalar("f32", size), ")")
        if d != "i64":
            return None
        kind = r.choice(["kind", "weigh", "named", "table", "import"])
        if kind == "kind":
            return Expr(d, (), "kind_of(", self.scalar(r.choice(INTS + FLOATS), size), ")")
        if kind == "table":
            return Expr(d, (), "TABLE[", self.subscript(const(4), size), "]")
        if kind == "import" and self.level >= 8:
            self.imported = True
            return Expr(d, (), "other.twisted(", self.scalar("i64", size), ")")
        if kind == "named":
            return Expr(d, (), "weigh(c = ", self.scalar("i64", size), ", a = ", self.scalar("i64", 0), ")")
        return Expr(d, (), "weigh(", self.scalar("i64", size), ", ", self.scalar("i64", 0), ")")

    # ---- functions ----
    def s_call(self, d, size):
        found = [f for f in self.functions if f.result == d]
        if not found:
            return None
        f = self.rng.choice(found)
        if f.draws and not self.draws:
            return None
        parts = [f.name, "("]
        for n, p in enumerate(f.params):
            parts += [", "] if n else []
            parts.append(self.scalar(p, size - 1))
        return Expr(d, (), *parts, ")")

    def s_switch(self, d, size):
        n = self.rng.choice([2, 3])
        items = [self.scalar(d, size - 1) for _ in range(n)]
        parts = ["(["]
        for k, e in enumerate(items):
            parts += [", ", e] if k else [e]
        return Expr(d, (), *parts, "][", self.subscript(const(n), size - 1), "])")

    def s_higher(self, d, size):
        """A lambda through a function of the library."""
        if d != "i64":
            return None
        a, b = self.fresh("a"), self.fresh("b")
        keep, self.draws = self.draws, False
        with self.scope((a, "i64", ()), (b, "i64", ())):
            body = self.scalar("i64", size)
        self.draws = keep
        return Expr(d, (), "folded(", self.tensor("i64", self.some_dims(1), size - 1), f", ({a}, {b}) => ", body, ")", binds=[a, b])

    def s_length(self, d, size):
        found = [v for v in self.vars if v.dims]
        return Expr(d, (), f"len({self.rng.choice(found).name})") if found and d == "i64" else None

    def s_item(self, d, size):
        """One item of a tuple."""
        if d not in ("i64", "f32"):
            return None
        call = Expr("i64", (), "pair(", self.scalar("i64", size), ", ", self.scalar("f32", size - 1), ")")
        return Expr(d, (), call, {"i64": ".whole", "f32": ".part"}[d])

    def s_draw(self, d, size):
        r = self.rng
        if d == "f32":
            return Expr(d, (), r.choice(["uniform(0, 1)", "uniform(-2, 5)", "normal()"]))
        if d == "f64":
            return Expr(d, (), "uniform(f64(0), f64(3))")
        if d == "i64" and self.may_fail and r.random() < .5:
            return Expr(d, (), "randint(0, ", self.scalar("i64", 0), f" % {r.choice([3, 5])} - 1)")
        if d == "i64":
            return Expr(d, (), r.choice(["randint(0, 5)", "randint(-3, 1000)"]))
        if d == "bool":
            return Expr(d, (), r.choice(["chance(.5)", "chance(.2)"]))
        return None

    def s_fail(self, d, size):
        if d == "i64" and self.rng.random() < .4:
            return self.mismatch(size)
        number = self.variable("i64")
        if number is None:
            return None    # a constant test would choose before `fail` has a type
        test = Expr("bool", (), "(", number, f" % {self.rng.choice([5, 7, 9])} == {self.rng.randrange(5)})")
        return Expr(d, (), "(if ", test, f' then fail("reason {self.fresh("r")}") else ', self.scalar(d, size), ")")

    def mismatch(self, size):
        """Lengths that differ in some records, or a dimension below 0."""
        number = self.variable("i64")
        if number is None:
            return None    # what can be known at once is refused
        ix = self.fresh("ix")
        n = Expr("i64", (), "(", number, f" % {self.rng.choice([4, 5])})")
        if self.rng.random() < .3:
            return Expr("i64", (), "sum(zeros(i64, ", n, " - 1))")
        return Expr("i64", (), f"sum([3, 1, 2] + (for {ix} in 0..", n, f": {ix}))", binds=[ix])
