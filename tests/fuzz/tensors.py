"""Random tensor expressions of a wanted dtype and shape."""
from tree import BITS, FLOATS, INTS, NARROW, SIGNED, Dim, Expr, compute, const


class Tensors:
    def tensor(self, d, dims, size=3):
        r = self.rng
        dims = tuple(dims)
        if not dims:
            return self.scalar(d, size)
        if size <= 0:
            return (r.random() < .8 and self.variable(d, dims)) or self.filled(d, dims)
        kinds = ["loop", "loop", "loop", "loop", "leaf", "leaf", "lift", "lift", "convert", "if", "fill"]
        if len(dims) == 1 and dims[0].const and dims[0].const <= 5:
            kinds += ["list"]
        if len(dims) == 1:
            kinds += ["scan", "table"]
        if self.level >= 3:
            kinds += ["row", "slice", "flip", "concat", "pipe", "switch", "state", "scatter", "call", "each", "block", "otherwise"]
        if self.level >= 5 and self.draws and d == "i64" and len(dims) == 1:
            kinds += ["permutation"] * 2
        for _ in range(8):
            e = getattr(self, "t_" + r.choice(kinds))(d, dims, size - 1)
            if e is not None:
                return e
        return self.t_loop(d, dims, size - 1)

    def filled(self, d, dims):
        e = self.literal(d)
        size = ", ".join(k.text for k in dims)
        return Expr(d, dims, "fill(", e, f", {size})") if d == "bool" or self.rng.random() < .7 else Expr(d, dims, f"zeros({d}, {size})")

    def t_leaf(self, d, dims, size):
        return self.tensor(d, dims, 0)

    def t_fill(self, d, dims, size):
        return Expr(d, dims, "fill(", self.scalar(d, size), f", {', '.join(k.text for k in dims)})")

    def t_loop(self, d, dims, size):
        names = [self.fresh("ix") for _ in dims]
        cut = self.rng.randrange(1, len(dims)) if len(dims) > 1 and self.level >= 3 and self.rng.random() < .2 else len(dims)
        start = [self.rng.choice([1, 2, -1]) if self.level >= 3 and self.rng.random() < .1 else 0 for _ in dims]
        with self.scope(*[(n, "i64", (), None if a else k) for n, k, a in zip(names[:cut], dims, start)]):
            body = self.tensor(d, dims[cut:], size) if cut < len(dims) else self.scalar(d, size)
        ranges = ", ".join(f"{n} in {a}..{k.text}" + (f" + {a}" if a else "") for n, k, a in zip(names[:cut], dims, start))
        return Expr(d, dims, f"(for {ranges}: ", body, ")", binds=names)

    def t_list(self, d, dims, size):
        parts = ["["]
        for n in range(dims[0].const):
            parts += [", "] if n else []
            parts.append(self.scalar(d, size if n < 2 else 0))
        return Expr(d, dims, *parts, "]")

    def t_lift(self, d, dims, size):
        """An operator between tensors, or a tensor and a scalar."""
        r = self.rng
        if d == "bool":
            a = r.choice(["i64", "f32", "u8", "i32"])
            return Expr(d, dims, "(", self.tensor(a, dims, size), f" {r.choice(['<', '>=', '==', '!='])} ", self.tensor(a, dims if r.random() < .5 else (), size), ")")
        pair = self.operands(d)
        if pair is None:
            return Expr(d, dims, r.choice(["min", "max"]) + "(", self.tensor(d, dims, size), ", ", self.tensor(d, dims if r.random() < .5 else (), size), ")")
        a, b = pair
        flip = r.random() < .3
        x, y = self.tensor(a, dims if not flip else (), size), self.tensor(b, dims if flip or r.random() < .6 else (), size)
        op = r.choice(["+", "-", "*", "min", "max"])
        if d in FLOATS and r.random() < .2 and (a in FLOATS or b in FLOATS):
            op = "/"
        if op in ("min", "max"):
            if a == b and compute(a, b) != a:
                op = "+"
            else:
                return Expr(d, dims, op + "(", x, ", ", y, ")")
        return Expr(d, dims, "(", x, f" {op} ", y, ")")

    def t_convert(self, d, dims, size):
        if d == "bool":
            return Expr(d, dims, "(", self.tensor("i32", dims, size), " % 3 == 0)")
        source = self.rng.choice(INTS + FLOATS)
        if d in INTS and source in INTS and self.rng.random() < .3:
            return Expr(d, dims, f"wrap({d}, ", self.tensor(source, dims, size), ")")
        return Expr(d, dims, f"{d}(", self.tensor(source, dims, size), ")")

    def t_if(self, d, dims, size):
        return Expr(d, dims, "(if ", self.scalar("bool", size), " then ", self.tensor(d, dims, size), " else ", self.tensor(d, dims, size), ")")

    def t_scan(self, d, dims, size):
        i, s = self.fresh("ix"), self.fresh("s")
        start = self.scalar(d, min(size, 1))
        keep, self.draws = self.draws, False
        with self.scope((i, "i64", (), dims[0]), (s, d, ())):
            body = self.scalar(d, size)
        self.draws = keep
        return Expr(d, dims, f"(scan {s} = ", start, f" for {i} in 0..{dims[0].text}: ", body, ")", binds=[i, s])

    def t_table(self, d, dims, size):
        """A tensor subscripted by a tensor of ints."""
        n = const(self.rng.choice([2, 4, 7]))
        table = self.tensor(d, (n,), size)
        return Expr(d, dims, "(", table, ")[", self.tensor("i64", dims, size), f" % {n.text}]")

    # ---- from level 3 ----
    def t_row(self, d, dims, size):
        found = [v for v in self.vars if v.dtype == d and len(v.dims) == len(dims) + 1 and v.dims[1:] == dims]
        if not found:
            if len(dims) > 1:
                return None
            n = const(self.rng.choice([1, 2, 3]))
            return Expr(d, dims, "(", self.tensor(d, (n, *dims), size), ")[", self.subscript(n, 1), "]")
        v = self.rng.choice(found)
        k = self.subscript(v.dims[0], 1)
        return k and Expr(d, dims, f"{v.name}[", k, "]")

    def t_slice(self, d, dims, size):
        """Part of a larger tensor, in the first or the last dimension."""
        if dims[0].const is None:
            return None
        a, b = self.rng.choice([0, 0, 1, 2]), self.rng.choice([0, 1, 3])
        axis = 0 if len(dims) == 1 or self.rng.random() < .6 or dims[-1].const is None else len(dims) - 1
        n = dims[axis].const
        wide = dims[:axis] + (const(n + a + b),) + dims[axis + 1:]
        return Expr(d, dims, "(", self.tensor(d, wide, size), f")[{':, ' * axis}{a}..{a + n}]")

    def t_flip(self, d, dims, size):
        if len(dims) == 2 and self.rng.random() < .5:
            return Expr(d, dims, "transpose(", self.tensor(d, dims[::-1], size), ")")
        return Expr(d, dims, "flip(", self.tensor(d, dims, size), ")")

    def t_concat(self, d, dims, size):
        n = dims[0].const
        if not n or n < 2:
            return None
        k = self.rng.randrange(1, n)
        return Expr(d, dims, "concat(", self.tensor(d, (const(k), *dims[1:]), size), ", ", self.tensor(d, (const(n - k), *dims[1:]), size), ")")

    def t_pipe(self, d, dims, size):
        """A chain through generic functions of the library that keep the shape."""
        x = self.tensor(d, dims, size)
        rank = len(dims)
        parts = ["(", x]
        for _ in range(self.rng.choice([1, 2, 3])):
            step = self.rng.choice({1: ["reversed_row", "moved(1)", "moved(-2)", "flip", "doubled"], 2: ["mirrored", "flip", "blurred_rows", "doubled"]}.get(rank, ["flip"]))
            if step == "doubled" and d in ("bool",):
                step = "flip"
            if step in ("blurred_rows", "moved(1)", "moved(-2)") and (dims[0].least < 1 or d == "bool"):
                step = "flip"
            parts.append(" |> " + step)
        return Expr(d, dims, *parts, ")")

    def t_switch(self, d, dims, size):
        n = self.rng.choice([2, 3])
        parts = ["(["]
        for k in range(n):
            parts += [", "] if k else []
            parts.append(self.tensor(d, dims, size - 1))
        return Expr(d, dims, *parts, "][", self.subscript(const(n), 0), "])")

    def t_state(self, d, dims, size):
        """A fold whose state is a tensor."""
        i, s = self.fresh("ix"), self.fresh("s")
        n = const(self.rng.choice([1, 2, 3, 4]))
        start = self.tensor(d, dims, size - 1)
        keep, self.draws = self.draws, False
        with self.scope((i, "i64", (), n), (s, d, dims)):
            body = self.tensor(d, dims, size)
        self.draws = keep
        return Expr(d, dims, f"(fold {s} = ", start, f" for {i} in 0..{n.text}: ", body, ")", binds=[i, s])

    def t_scatter(self, d, dims, size):
        if len(dims) > 1 or dims[0].least < 1 or d == "bool":
            return None
        many = (const(self.rng.choice([1, 3, 6])),)
        kind = self.rng.choice(["add", "min", "max", "set"] if d in INTS else ["min", "max", "set"])
        values = self.tensor(d, many if self.rng.random() < .7 else (), size)
        return Expr(d, dims, f"scatter_{kind}(", self.tensor(d, dims, size - 1), ", ", self.tensor("i64", many, size - 1), f" % {dims[0].text}, ", values, ")")

    def t_call(self, d, dims, size):
        """A function of scalars, lifted."""
        found = [f for f in self.functions if f.result == d and f.params]
        if not found:
            return None
        f = self.rng.choice(found)
        if f.draws and not self.draws:
            return None
        lifted = self.rng.randrange(len(f.params))
        parts = [f.name, "("]
        for n, p in enumerate(f.params):
            parts += [", "] if n else []
            parts.append(self.tensor(p, dims if n == lifted or self.rng.random() < .3 else (), size - 1))
        return Expr(d, dims, *parts, ")")

    def t_each(self, d, dims, size):
        """A lambda on every element, or on the whole."""
        a = self.fresh("a")
        whole = self.rng.random() < .5
        if not whole and len(dims) > 1:
            return None
        x = self.tensor(d, dims, size - 1)
        keep, self.draws = self.draws, False
        with self.scope((a, d, dims if whole else ())):
            body = self.tensor(d, dims, size) if whole else self.scalar(d, size)
        self.draws = keep
        if whole:
            return Expr(d, dims, "applied(", x, f", {a} => ", body, ", ", self.scalar("bool", 0), ")", binds=[a])
        return Expr(d, dims, "each_of(", x, f", {a} => ", body, ")", binds=[a])

    def t_block(self, d, dims, size):
        other = self.rng.choice(INTS + FLOATS)
        value = self.tensor(other, self.some_dims(self.rng.choice([0, 1, 2])), size)
        name = self.fresh("a")
        with self.scope((name, value.dtype, value.dims)):
            return Expr(d, dims, "{ " + name + " = ", value, "\n", self.tensor(d, dims, size), "\n}", binds=[name])

    def t_otherwise(self, d, dims, size):
        """A stencil that reaches beyond the border, where it reads something else."""
        found = [v for v in self.vars if v.dtype == d and len(v.dims) == len(dims)]
        if not found:
            return None
        v = self.rng.choice(found)
        names = [self.fresh("ix") for _ in dims]
        ranges = ", ".join(f"{n} in 0..{k.text}" for n, k in zip(names, dims))
        subs = ", ".join(f"{n} {self.rng.choice(['+ 0', '- 1', '+ 1', '+ 2'])}" for n in names)
        with self.scope(*[(n, "i64", (), k) for n, k in zip(names, dims)]):
            other = self.scalar(d, min(size, 1))
        return Expr(d, dims, f"(for {ranges}: {v.name}[{subs} else ", other, "])", binds=names)

    def t_permutation(self, d, dims, size):
        return Expr(d, dims, f"permutation({dims[0].text})")
