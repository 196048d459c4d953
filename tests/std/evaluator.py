"""Evaluates functions of dsl/std/math.dsl over NumPy arrays, an operation at a time.

It reads the subset of the language that elementary functions need (blocks, if,
fold over constant ranges, constant tables) and shares no line with the compiler,
so what it finds holds for the text of math.dsl itself. An array stands for a
scalar of its dtype; a Python number for a literal that has no type yet.
"""
import pathlib
import re
import numpy as np

DTYPES = {"bool": np.bool_, "u8": np.uint8, "i8": np.int8, "u16": np.uint16, "i16": np.int16, "u32": np.uint32,
          "i32": np.int32, "u64": np.uint64, "i64": np.int64, "int": np.int64, "f16": np.float16, "f32": np.float32,
          "f64": np.float64}
TOKEN = re.compile(r"[ \t]*(?:#[^\n]*)?(?:(\n)|(0x[0-9A-Fa-f_]+|(?:\d[\d_]*)?\.\d+(?:[eE][-+]?\d+)?|\d[\d_]*(?:[eE][-+]?\d+)?)|([A-Za-z_]\w*)"
                   r"|(\.\.|=>|->|==|!=|<=|>=|//|[-+*/%()\[\]{},:=<>.]))")
AFTER = set("( [ { , = : -> then else and or in + - * / // % == != < <= > >= not".split())


def lex(text):
    out, at, depth = [], 0, []
    while at < len(text.rstrip()):
        m = TOKEN.match(text, at)
        assert m, text[at:at + 40]
        at = m.end()
        if m[1]:
            if depth[-1:] in ([], ["{"]) and out and out[-1] not in AFTER:
                out.append("\n")
            continue
        t = m[2] or m[3] or m[4]
        depth.append(t) if t in "([{" else depth.pop() if t in ")]}" else None
        while out and out[-1] == "\n" and t in ("then", "else", "and", "or", "=", ")", "]", "|>") + tuple("+-*/"):
            out.pop()
        out.append(t)
    return out + ["\n"]


class Parser:
    def __init__(self, tokens):
        self.t, self.i = tokens, 0

    def peek(self):
        return self.t[self.i] if self.i < len(self.t) else None

    def take(self, want=None):
        t = self.peek()
        if want is not None and t != want:
            raise SyntaxError(f"{want!r} was due, got {self.t[self.i - 5:self.i + 5]}")
        self.i += 1
        return t

    def lines(self):
        while self.peek() == "\n":
            self.i += 1

    def module(self):
        fns, consts = {}, {}
        self.lines()
        while self.peek():
            kind, name = self.take(), self.take()
            if kind == "fn":
                fns[name] = self.function()
            else:
                assert kind == "const", kind
                kind = self.type() if self.peek() == ":" and self.take() else None
                self.take("=")
                consts[name] = (kind, self.expr())
            self.lines()
        return fns, consts

    def type(self):
        t = [self.take()]
        if t[0] == "(":
            while t[-1] != ")":
                t.append(self.take())
        if self.peek() == "[":
            while self.take() != "]":
                pass
        return "".join(t)

    def function(self):
        params = []
        self.take("(")
        while self.peek() != ")":
            name = self.take()
            self.take(":")
            params.append((name, self.type()))
            if self.peek() == ",":
                self.take()
        self.take(")")
        self.take("->")
        result = self.type()
        if self.peek() == "where":
            self.i += 4
        body = self.expr() if self.peek() == "=" and self.take() else self.block()
        return params, result, body

    def block(self):
        self.take("{")
        binds = []
        while True:
            self.lines()
            e = self.list()
            if self.peek() == "=":
                self.take()
                binds.append(([x[1] for x in (e[1] if e[0] == "tuple" else [e])], self.expr()))
            else:
                self.lines()
                self.take("}")
                return "block", binds, e

    def list(self):
        e = [self.expr()]
        while self.peek() == ",":
            self.take()
            e.append(self.expr())
        return e[0] if len(e) == 1 else ("tuple", e)

    def expr(self):
        t = self.peek()
        if t == "if":
            self.take()
            c = self.expr()
            self.take("then")
            a = self.expr()
            self.take("else")
            return "if", c, a, self.expr()
        if t == "fold":
            self.take()
            names = [self.take()]
            while self.peek() == ",":
                self.take()
                names.append(self.take())
            self.take("=")
            init = self.expr()
            self.take("for")
            index = self.take()
            self.take("in")
            a = self.expr()
            self.take("..")
            b = self.expr()
            self.take(":")
            return "fold", names, init, index, a, b, self.expr()
        return self.binary(0)

    LEVELS = [("or",), ("and",), ("not",), ("==", "!=", "<", "<=", ">", ">=", "is"), ("+", "-"), ("*", "/", "//", "%")]

    def binary(self, level):
        if level == len(self.LEVELS):
            return self.unary()
        if level == 2:
            return ("not", self.take() and self.binary(2)) if self.peek() == "not" else self.binary(3)
        e = self.binary(level + 1)
        while self.peek() in self.LEVELS[level]:
            op = self.take()
            e = (op, e, self.take() if op == "is" else self.binary(level + 1))
        return e

    def unary(self):
        if self.peek() == "-":
            self.take()
            return "neg", self.unary()
        e = self.primary()
        while self.peek() in ("(", "["):
            close = {"(": ")", "[": "]"}[self.take()]
            args = []
            while self.peek() != close:
                args.append(self.expr())
                if self.peek() == ",":
                    self.take()
            self.take(close)
            e = ("call", e[1], args) if close == ")" else ("index", e, args[0])
        return e

    def primary(self):
        t = self.take()
        if t == "(":
            e = self.list()
            self.take(")")
            return e
        if t == "[":
            e = self.list()
            self.take("]")
            return "list", e[1]
        if t == "{":
            self.i -= 1
            return self.block()
        if t[0].isdigit() or t[0] == ".":
            t = t.replace("_", "")
            return "number", int(t, 0) if re.fullmatch(r"0x.*|\d+", t) else float(t)
        return "name", t


def is_literal(x):
    return isinstance(x, (int, float)) and not isinstance(x, np.generic)


def typed(x, dtype):
    """x, which may be a literal, as dtype; only where every value is kept."""
    if is_literal(x):
        return np.asarray(x, dtype)
    x = np.asarray(x)
    assert x.dtype == dtype or np.can_cast(x.dtype, dtype, "safe"), (x.dtype, dtype)
    return x.astype(dtype)


def meet(a, b, computing=True):
    """Two operands in the type in which they compute."""
    if is_literal(a) and is_literal(b):
        return a, b
    if is_literal(a) or is_literal(b):
        other = np.asarray(b if is_literal(a) else a).dtype
        if computing and other.kind in "iu" and isinstance(a if is_literal(a) else b, float):
            other = np.dtype(np.float32)
        return typed(a, other) if is_literal(a) else np.asarray(a).astype(other), typed(b, other) if is_literal(b) else np.asarray(b).astype(other)
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype == b.dtype:
        return a, b
    kinds = {a.dtype.kind, b.dtype.kind}
    if "f" in kinds:
        t = max((x.dtype for x in (a, b) if x.dtype.kind == "f"), key=lambda d: d.itemsize)
    else:
        assert kinds in ({"i"}, {"u"}), (a.dtype, b.dtype)
        t = max(a.dtype, b.dtype, key=lambda d: d.itemsize)
    return a.astype(t), b.astype(t)


def convert(x, dtype):
    dtype = np.dtype(dtype)
    if is_literal(x):
        return np.asarray(x, dtype)
    x = np.asarray(x)
    if dtype.kind in "iu" and x.dtype.kind == "f":
        i = np.iinfo(dtype)
        r = np.rint(x)
        inside = (r >= float(i.min)) & (r <= float(i.max)) & (r < float(i.max) + (dtype.itemsize == 8))
        low = np.where(r < 0, i.min, i.max)
        return np.where(np.isnan(x), 0, np.where(inside, np.where(inside, r, 0).astype(dtype), low.astype(dtype))).astype(dtype)
    if dtype.kind in "iu" and x.dtype.kind in "iu":
        i = np.iinfo(dtype)
        return np.clip(x, max(i.min, np.iinfo(x.dtype).min), min(i.max, np.iinfo(x.dtype).max)).astype(dtype)
    return x.astype(dtype)


def choose(x, y, chosen):
    return np.where(chosen, x, y)


PRIMITIVES = {
    "abs": np.abs, "sqrt": np.sqrt, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "round": np.rint,
    "min": lambda a, b: (lambda a, b: choose(a, b, (a < b) | np.isnan(b)))(*meet(a, b)),
    "max": lambda a, b: (lambda a, b: choose(a, b, (a > b) | np.isnan(b)))(*meet(a, b)),
    "bitand": lambda a, b: np.bitwise_and(*meet(a, b)), "bitor": lambda a, b: np.bitwise_or(*meet(a, b)),
    "bitxor": lambda a, b: np.bitwise_xor(*meet(a, b)),
    "shl": lambda a, n: np.left_shift(a, np.asarray(n, a.dtype)), "shr": lambda a, n: np.right_shift(a, np.asarray(n, a.dtype)),
    "bits": lambda x: np.where(np.isnan(x), np.asarray(np.nan, x.dtype), x).view({4: np.uint32, 8: np.uint64}[x.dtype.itemsize]),
}


class Module:
    def __init__(self, *paths):
        self.fns, consts = {}, {}
        for path in paths:
            f, c = Parser(lex(pathlib.Path(path).read_text())).module()
            self.fns.update(f)
            consts.update(c)
        self.consts = {}
        for name, (kind, e) in consts.items():
            v = self.value(e, {}, {})
            self.consts[name] = [typed(x, DTYPES[kind]) for x in v] if isinstance(v, list) and kind else v

    def call(self, name, *args):
        with np.errstate(all="ignore"):
            return self.apply(name, [a if is_literal(a) else np.asarray(a) for a in args])

    def apply(self, name, args):
        params, result, body = self.fns[name]
        assert len(args) == len(params), name
        types, env = {}, {}
        for (p, kind), a in zip(params, args):
            if kind in DTYPES:
                env[p] = typed(a, DTYPES[kind])
            else:
                types[kind] = np.asarray(a).dtype
                env[p] = a
        v = self.value(body, env, types)
        if result in DTYPES or result in types:
            return typed(v, DTYPES.get(result) or types[result])
        if result.startswith("("):
            return tuple(typed(x, DTYPES[k]) for x, k in zip(v, result[1:-1].split(",")))
        return v

    def value(self, e, env, types):
        go = lambda x: self.value(x, env, types)
        kind = e[0]
        if kind == "number":
            return e[1]
        if kind == "name":
            return env[e[1]] if e[1] in env else self.consts[e[1]]
        if kind == "tuple":
            return tuple(map(go, e[1]))
        if kind == "list":
            return list(map(go, e[1]))
        if kind == "block":
            env = dict(env)
            for names, x in e[1]:
                v = self.value(x, env, types)
                env.update(zip(names, v) if len(names) > 1 else [(names[0], v)])
            return self.value(e[2], env, types)
        if kind == "is":
            t = types[e[1][1]]
            return {"float": t.kind == "f", "integer": t.kind in "iu"}[e[2]] if e[2] in ("float", "integer") else t == DTYPES[e[2]]
        if kind == "if":
            return self.branch(go(e[1]), e[2], e[3], go)
        if kind == "fold":
            s = go(e[2])
            for k in range(go(e[4]), go(e[5])):
                new = dict(env, **{e[3]: k})
                new.update(zip(e[1], s) if len(e[1]) > 1 else [(e[1][0], s)])
                s = self.value(e[6], new, types)
            return s
        if kind == "index":
            return go(e[1])[go(e[2])]
        if kind == "neg":
            return -go(e[1])
        if kind == "not":
            return np.logical_not(go(e[1]))
        if kind in ("and", "or"):
            a, b = go(e[1]), go(e[2])
            return np.logical_and(a, b) if kind == "and" else np.logical_or(a, b)
        if kind == "call":
            return self.primitive(e[1], e[2], env, types)
        return self.binary(kind, go(e[1]), go(e[2]))

    def branch(self, c, a, b, go):
        if isinstance(c, (bool, np.bool_)) and not isinstance(c, np.ndarray):
            return go(a) if c else go(b)
        a, b = go(a), go(b)
        if isinstance(a, tuple):
            return tuple(np.where(c, *meet(x, y, False)) for x, y in zip(a, b))
        if is_literal(a) and is_literal(b):
            return np.where(c, a, b).astype(np.float32 if isinstance(a, float) or isinstance(b, float) else np.int64)
        return np.where(c, *meet(a, b, False))

    def primitive(self, name, args, env, types):
        if name == "from_bits":
            x = self.value(args[1], env, types)
            t = DTYPES[args[0][1]]
            return np.asarray(x, {np.float32: np.uint32, np.float64: np.uint64}[t]).view(t) if is_literal(x) else x.view(t)
        if name == "wrap":
            return np.asarray(self.value(args[1], env, types)).astype(DTYPES[args[0][1]])
        values = [self.value(a, env, types) for a in args]
        if name in self.fns:
            return self.apply(name, values)
        if name in DTYPES or name in types:
            return convert(values[0], DTYPES.get(name) or types[name])
        return PRIMITIVES[name](*values)

    def binary(self, op, a, b):
        a, b = meet(a, b)
        if op == "/":
            assert np.asarray(a).dtype.kind == "f" or (is_literal(a) and is_literal(b)), "a division of integers"
            return a / b
        if op == "//" and not is_literal(a) and np.asarray(a).dtype.kind == "f":
            return np.floor(a / b)
        return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "//": lambda: a // b, "%": lambda: a % b,
                "==": lambda: a == b, "!=": lambda: a != b, "<": lambda: a < b, "<=": lambda: a <= b, ">": lambda: a > b,
                ">=": lambda: a >= b}[op]()
