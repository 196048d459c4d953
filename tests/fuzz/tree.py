"""The pieces of a random feature: dimensions, expressions with types, statements. All names in a feature are different, so that a part may be
moved or dropped by looking at names alone."""
import re

NAME = re.compile(r"[A-Za-z_]\w*")

INTS = ["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64"]
FLOATS = ["f16", "bf16", "f32", "f64"]
NARROW = ["u8", "i8", "u16", "i16"]
SIGNED = ["i8", "i16", "i32", "i64"]
BITS = {"u8": 8, "i8": 8, "u16": 16, "i16": 16, "u32": 32, "i32": 32, "u64": 64, "i64": 64, "f16": 16, "bf16": 16, "f32": 32, "f64": 64}


def compute(a, b):
    """The dtype in which the language computes with both; None: an error."""
    if "bool" in (a, b):
        return None
    if a in FLOATS or b in FLOATS:
        return "f64" if "f64" in (a, b) else "f32"
    a, b = sorted((a, b), key=lambda d: (BITS[d], d in SIGNED))
    if BITS[b] < 32:
        return "i32"
    if b == "u64" or a == "u64":
        return "u64" if a not in SIGNED and b not in SIGNED else None
    if "u32" in (a, b):
        return "i64" if a in SIGNED or b in SIGNED else "u32"
    return b


class Dim:
    """A dimension: its text, the least that it can be, and its value if that is constant."""

    def __init__(self, text, least=0, most=8, const=None):
        self.text, self.least, self.most, self.const = text, least, most, const

    def __eq__(self, other):
        return other is not None and self.text == other.text

    def __hash__(self):
        return hash(self.text)


def const(n):
    return Dim(str(n), n, n, n)


class Expr:
    """Parts of text and expressions between them; a scalar has no dims."""

    def __init__(self, dtype, dims, *parts, binds=()):
        self.dtype, self.dims, self.parts, self.binds = dtype, tuple(dims), list(parts), frozenset(binds)

    def text(self):
        return "".join(p if isinstance(p, str) else p.text() for p in self.parts)

    def names(self):
        return set(NAME.findall(self.text()))

    def kids(self):
        return [(i, p) for i, p in enumerate(self.parts) if isinstance(p, Expr)]

    def like(self, other):
        return self.dtype == other.dtype and self.dims == other.dims

    def inside(self, bound=frozenset()):
        """(expression, names bound on the way to it), this one first."""
        yield self, bound
        for _, k in self.kids():
            yield from k.inside(bound | self.binds)

    def size(self):
        return 1 + sum(k.size() for _, k in self.kids())


class Stmt:
    """A line of the feature: `names` are the fields that it defines."""

    def __init__(self, kind, names, *parts):
        self.kind, self.names, self.parts = kind, list(names), list(parts)

    def text(self):
        return "".join(p if isinstance(p, str) else p.text() for p in self.parts)

    def uses(self):
        return set(NAME.findall(self.text())) - set(self.names)


class Program:
    """decls: fns and consts; params: of the feature; stmts: before `emit`; emits: names."""

    def __init__(self):
        self.imports, self.decls, self.params, self.opens, self.stmts, self.emits = [], [], [], [], [], []
        self.source, self.set, self.files, self.args = "", {}, {}, []

    def text(self):
        lines = list(self.imports)
        lines += [d.text() for d in self.decls]
        lines.append(f"feature f({', '.join(p.text() for p in self.params)})")
        lines += [o.text() for o in self.opens]
        lines.append(f"from {self.source}")
        lines += [s.text() for s in self.stmts]
        return "\n".join(lines) + f"\nemit {', '.join(self.emits)}\n"

    def all(self):
        return self.decls + self.params + self.opens + self.stmts

    def copy(self):
        p = Program()
        for k, v in vars(self).items():
            setattr(p, k, type(v)(v))
        return p
