#!/usr/bin/python3
"""generate.py SEED [LEVEL]: prints a random well-typed feature. Levels add to those below them:
 0 scalars over `range` · 1 all dtypes, conversions, bits · 2 tensors, subscripts, reductions, folds · 3 functions, generics, lambdas, slices,
 switches, scatter, chains · 4 ragged fields, batch policies · 5 draws, shuffle, parameters, things made at open, below batch · 6 where, each ·
 7 failures · 8 files, lines, a kernel in C · 9 std · 10 is pictures.py alone."""
import contextlib
import pathlib
import random
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from chain import Chains
from pictures import Pictures
from scalars import Scalars
from tensors import Tensors
from tree import FLOATS, INTS, Dim, Expr, Program, Stmt, const

LIBRARY = """fn folded(x: int[n], f: fn(int, int) -> int) -> int = fold s = 1 for i: f(s, x[i])
fn each_of(x: T[n], f: fn(T) -> T) -> T[n] = for i: f(x[i])
fn applied(x: T[...s], f: fn(T[...s]) -> T[...s], on: bool) -> T[...s] = if on then f(x) else x
fn reversed_row(x: T[n]) -> T[n] = for i: x[n - 1 - i]
fn moved(x: T[n], by: int) -> T[n] = for i: x[clamp(i + by, 0, n - 1)]
fn doubled(x: T[...s]) -> T[...s] = T(x * 2)
fn mirrored(x: T[h, w]) -> T[h, w] = for i, j: x[i, w - 1 - j]
fn blurred_rows(x: T[h, w]) -> T[h, w] = for i, j: max(x[max(i - 1, 0), j], x[min(i + 1, h - 1), j])
type Pair = (whole: int, part: f32)
fn pair(a: int, b: f32) -> Pair = (a + 1, b * 2)
const HALF = .5
const TABLE = [3, -1, 40, 7]
fn weigh(a: int, b: int = 10, c: int = 100) -> int = a + 2 * b - 3 * c
fn kind_of(x: T) -> int = if T is u8 then 1 + int(x) else if T is float then int(x / 2) else if T is signed then 3 else 4"""
OTHER = "const STEP = 3\nfn twisted(x: int) -> int = helper(x) - STEP\nfn helper(x: int) -> int = bitxor(x, 5)\n"
KERNEL = 'kernel ramp(size: int[2], seed: int, mark: int, fails: int) -> u8[?h, ?w, 3]\n    from "kernel.c"\n    peek h, w\n    rows\n    region h, w'


class Var:
    def __init__(self, name, dtype, dims=(), extent=None):
        self.name, self.dtype, self.dims, self.extent = name, dtype, tuple(dims), extent


class Function:
    def __init__(self, name, params, result, draws):
        self.name, self.params, self.result, self.draws = name, params, result, draws


class Generator(Scalars, Tensors, Chains):
    def __init__(self, seed, level):
        self.rng, self.level, self.count = random.Random(f"{seed}/{level}"), level, 0
        self.vars, self.functions, self.keep, self.sides = [], [], [], []
        self.draws, self.may_fail, self.kernel, self.image, self.imported = False, False, False, False, False
        self.program = Program()

    # ---- what the parts need ----
    def fresh(self, stem):
        self.count += 1
        return f"{stem}{self.count}"

    @contextlib.contextmanager
    def scope(self, *new):
        mark = len(self.vars)
        self.vars += [Var(*n) for n in new]
        yield
        del self.vars[mark:]

    def add(self, stmt, *new):
        self.program.stmts.append(stmt)
        self.vars += [Var(*n) for n in new]

    def declare(self, name, *parts):
        self.program.decls.append(Stmt("decl", [name], *parts))

    def dtype(self):
        r = self.rng
        if self.level < 1:
            return r.choice(["i64", "i32", "f32", "bool"])
        return r.choice(["i64", "i64", "i32", "f32", "f32", "f64", "bool"] + INTS + FLOATS)

    # ---- declarations ----
    def library(self):
        for line in LIBRARY.splitlines():
            self.declare(line.split()[1].split("(")[0].split(":")[0], line)
        for _ in range(self.rng.choice([0, 1, 2])):
            self.scalar_function()

    def scalar_function(self):
        r = self.rng
        name, params = self.fresh("fn"), [(self.fresh("a"), self.dtype()) for _ in range(r.choice([1, 2, 3]))]
        result = self.dtype()
        outer, self.vars, functions = self.vars, [Var(n, d) for n, d in params], self.functions
        self.draws = self.level >= 5 and r.random() < .3
        body = self.scalar(result, 3)
        text = ", ".join(f"{n}: {d}" for n, d in params)
        drew = any(w in body.text() for w in ("uniform", "randint", "normal", "chance")) or any(f.draws and f.name + "(" in body.text() for f in functions)
        self.vars, self.draws = outer, False
        self.declare(name, f"fn {name}({text}) -> {result} = ", body)
        self.functions.append(Function(name, [d for _, d in params], result, drew))

    def parameters(self):
        """Parameters of the feature, with values given at open now and then; definitions above `from`."""
        r = self.rng
        for _ in range(r.choice([0, 1, 2])):
            name, d = self.fresh("q"), r.choice(["i64", "f32", "i32"])
            self.program.params.append(Stmt("param", [name], f"{name}: {d} = {r.choice(['1', '4'])}"))
            if r.random() < .5:
                self.program.set[name] = r.choice(["2", "-3"])
            self.vars.append(Var(name, d))
        for _ in range(r.choice([0, 0, 1, 2])):
            name, d = self.fresh("o"), self.dtype()
            value = self.tensor(d, self.some_dims(r.choice([0, 1, 2])), 2)
            self.program.opens.append(Stmt("open", [name], f"{name} = ", value))
            self.vars.append(Var(name, d, value.dims))

    # ---- source ----
    def source(self):
        r, p = self.rng, self.program
        kind = r.choice(["range", "range", "files", "lines"]) if self.level >= 8 else "range"
        n = r.choice([9, 14, 20, 31])
        if kind == "range":
            a, step = r.choice([0, 0, 5, -7]), r.choice([1, 1, 1, 3])
            p.source = f"range({a}, {a + n * step})" if step == 1 else f"range({a}, {a + n * step}, step = {step})"
            self.vars += [Var("value", "i64"), Var("index", "i64")]
        elif kind == "files":
            for k in range(n):
                p.files[f"in/{'ab'[k % 2]}/{k:02}.bin"] = bytes(r.randrange(256) for _ in range(r.choice([1, 2, 5, 9])))
            p.params.append(Stmt("param", ["root"], "root: path"))
            p.source, p.set["root"] = 'files(root, "**/*.bin")', "in"
            self.vars += [Var("data", "u8", (Dim("len(data)", 1, 9),)), Var("index", "i64"), Var("label", "i32")]
        else:
            p.files["text.txt"] = b"\n".join(bytes(r.choice(b"abc de,\xff0123456789") for _ in range(r.choice([0, 1, 4, 9]))) for _ in range(n))
            p.params.append(Stmt("param", ["corpus"], "corpus: path"))
            p.source, p.set["corpus"] = "lines(corpus)", "text.txt"
            self.vars += [Var("text", "u8", (Dim("len(text)", 0, 9),)), Var("index", "i64"), Var("line", "i64")]
        if kind != "range":
            self.draws = False
        places = []
        if self.level >= 5:
            drawn = r.random()
            places += ["shuffle"] * (drawn < .4) + [f"sample {r.choice([4, 19])}"] * (drawn > .9) + [f"skip {r.choice([1, 3])}"] * (r.random() < .2) + [f"take {r.choice([7, 11])}"] * (r.random() < .2)
        for s in places:
            p.stmts.append(Stmt("place", [], s))
        if kind != "range":
            self.add(Stmt("field", ["value"], "value = index * 3 + 1"), ("value", "i64", ()))

    # ---- fields ----
    def field(self):
        r = self.rng
        self.draws = self.level >= 5 and r.random() < .6
        kinds = ["scalar", "scalar"] + ["tensor"] * 3 * (self.level >= 2) + ["tuple"] * (self.level >= 3) + ["chain"] * 4 * (self.level >= 3)
        kinds += ["ragged", "kept"] * (self.level >= 4) + ["tested"] * (self.may_fail and self.level >= 7)
        getattr(self, "field_" + r.choice(kinds))()
        self.draws = False

    def define(self, value):
        name = self.fresh("x")
        self.add(Stmt("field", [name], f"{name} = ", value), (name, value.dtype, value.dims))
        self.keep.append(name)

    def field_scalar(self):
        self.define(self.scalar(self.dtype(), self.rng.choice([2, 3, 4])))

    def field_tensor(self):
        self.define(self.tensor(self.dtype(), self.some_dims(self.rng.choice([1, 1, 2, 3])), self.rng.choice([2, 3, 3])))

    def field_tuple(self):
        a, b = self.scalar(self.dtype(), 2), self.tensor(self.dtype(), self.some_dims(1), 2)
        m, n = self.fresh("x"), self.fresh("x")
        self.add(Stmt("field", [m, n], f"{m}, {n} = (", a, ", ", b, ")"), (m, a.dtype, ()), (n, b.dtype, b.dims))
        self.keep += [m, n]

    def field_chain(self):
        self.chain()

    def length(self):
        """A length that differs from record to record."""
        r = self.rng
        name, least = self.fresh("n"), r.choice([0, 0, 1])
        self.add(Stmt("field", [name], f"{name} = (value * {r.choice([1, 3, 5])}) % {r.choice([2, 4, 6])} + {least}"), (name, "i64", ()))
        return Dim(name, least, 6)

    def field_ragged(self):
        r = self.rng
        dims = tuple(self.length() if r.random() < .7 else const(r.choice([1, 2, 3])) for _ in range(r.choice([1, 1, 2])))
        self.define(self.tensor(self.dtype(), dims, 3))

    def field_tested(self):
        """A shape that is tested for each record; what reads it alone fails too."""
        r = self.rng
        d = r.choice(["i64", "f32", "i32"])
        n, m = (self.length() if r.random() < .8 else const(2) for _ in range(2))
        a, b = self.tensor(d, (n,), 2), self.tensor(d, (m,), 2)
        name, size = self.fresh("x"), self.fresh("x")
        value = r.choice([[a, " + ", b], ["max(", a, ", ", b, ")"], ["if ", self.scalar("bool", 1), " then ", a, " + ", b, " else ", a]])
        self.add(Stmt("field", [name], f"{name} = ", *value), (name, d, (Dim(f"len({name})", 0, 6),)))
        i = self.fresh("ix")
        text = r.choice([f"len({name})", f"len({name}) * 2", f"sum(for {i} in 0..len({name}): {i})", f"if value % 2 == 0 then len({name}) else 7"])
        self.add(Stmt("field", [size], f"{size} = {text}"), (size, "i64", ()))
        self.keep += [size] + [name] * (r.random() < .3)

    def field_kept(self):
        """for … where, of one value or of two."""
        r = self.rng
        dim = self.some_dims(1)[0] if r.random() < .6 else self.length()
        i, two = self.fresh("ix"), r.random() < .4
        keep, self.draws = self.draws, False
        with self.scope((i, "i64", (), dim)):
            test = self.scalar("bool", 2)
            a, b = self.scalar(self.dtype(), 2), self.scalar(self.dtype(), 1)
        self.draws = keep
        m, n = self.fresh("x"), self.fresh("x")
        head = [f"for {i} in 0..{dim.text} where ", test, ": "]
        size = Dim(f"len({m})", 0, dim.most)
        if two:
            self.add(Stmt("field", [m, n], f"{m}, {n} = ", *head, "(", a, ", ", b, ")"), (m, a.dtype, (size,)), (n, b.dtype, (size,)))
            self.keep.append(n)
        else:
            self.add(Stmt("field", [m], f"{m} = ", *head, a), (m, a.dtype, (size,)))
        self.keep.append(m)

    # ---- statements that make other records ----
    def where(self):
        r = self.rng
        test = Expr("bool", (), "(", self.scalar("i64", 0), f" % {r.choice([3, 4])} != 1)") if r.random() < .6 else self.scalar("bool", 2)
        numbers = [v for v in self.vars if v.name.startswith("m") and not v.dims]
        if numbers and r.random() < .4:    # of a picture: it is made before, and read after it
            v = r.choice(numbers)
            test = Expr("bool", (), v.name if v.dtype == "bool" else f"(i64({v.name}) % 3 != 1)")
        self.add(Stmt("where", [], "where ", test))

    def each(self):
        r = self.rng
        rows = const(r.choice([1, 2, 3])) if r.random() < .4 else self.length()
        if r.random() < .3:
            other = rows if not self.may_fail or r.random() < .5 else const(2) if rows.const is None and r.random() < .5 else self.length()
            a, b = (self.tensor(self.dtype(), (size, *((const(2),) * r.choice([0, 1]))), 2) for size in r.sample([rows, other], 2))
            m, n = self.fresh("e"), self.fresh("e")
            self.add(Stmt("each", [m, n], f"each {m}, {n} in (", a, ", ", b, ")"), (m, a.dtype, a.dims[1:]), (n, b.dtype, b.dims[1:]))
            self.keep += [m, n]
        else:
            a = self.tensor(self.dtype(), (rows, *((const(r.choice([1, 2, 3])),) * r.choice([0, 0, 1]))), 2)
            m = self.fresh("e")
            self.add(Stmt("each", [m], f"each {m} in ", a), (m, a.dtype, a.dims[1:]))
            self.keep.append(m)

    # ---- batch and below ----
    def batch(self):
        r, p = self.rng, self.program
        last = r.choice(["drop", "partial", "pad", "wrap"]) if self.level >= 4 else "drop"
        n = r.choice([1, 3, 4, 7]) if last != "drop" else r.choice([1, 2, 3])
        if self.may_fail and r.random() < .7:
            n = 9    # one good record, and the stream goes on
        p.stmts.append(Stmt("batch", [], f"batch({n}, last = {last})"))
        names = [k for k in dict.fromkeys(self.keep)]
        r.shuffle(names)
        p.emits = names[:r.choice([1, 2, 3, 5, 8])] or ["value"]
        if last == "pad" and r.random() < .7:
            p.emits.append("valid")
        if self.level >= 5 and last != "partial" and r.random() < .4:
            self.below(n)

    def below(self, n):
        r, p = self.rng, self.program
        fields = {v.name: v for v in self.vars if v.name in self.keep}
        plain = [v for v in fields.values() if all(k.const is not None for k in v.dims)]
        ragged = [v for v in fields.values() if v not in plain and v.dtype != "bool"]
        self.vars = [Var(v.name, v.dtype, (const(n), *v.dims)) for v in plain]
        self.may_fail, self.draws = False, r.random() < .5
        for _ in range(r.choice([1, 1, 2])):
            name = self.fresh("y")
            if ragged and r.random() < .5:
                v = r.choice(ragged)
                fill = self.literal(v.dtype, naked=True).text() if v.dtype in ("i64", "i32", "f32", "f64") else "1"
                text = r.choice([f"lengths({v.name})", f"padded({v.name}, {fill})", f"padded({v.name}, {fill}, multiple = 3)"] + [f"padded_to({v.name}, {fill}, 3)"] * (len(v.dims) == 1))
                p.stmts.append(Stmt("below", [name], f"{name} = {text}"))
            elif self.vars:
                dims = r.choice([(), (const(n),), (const(n), const(2))])
                value = self.tensor(self.dtype(), dims, 2)
                p.stmts.append(Stmt("below", [name], f"{name} = ", value))
                self.vars.append(Var(name, value.dtype, value.dims))
            else:
                continue
            p.emits.append(name)

    def feature(self):
        r, p = self.rng, self.program
        self.may_fail = self.level >= 7 and r.random() < .5
        if self.level >= 3:
            may, self.may_fail = self.may_fail, False
            self.library()
            self.may_fail = may
        if self.level >= 5:
            may, self.may_fail = self.may_fail, False
            self.parameters()
            self.may_fail = may
            p.args = ["--seed", str(r.randrange(9)), "--epoch", str(r.randrange(3))]
        self.source()
        for _ in range(r.choice([2, 3, 4, 6])):
            if self.level >= 6 and r.random() < .25:
                r.choice([self.where, self.each])()
            else:
                self.field()
        if self.kernel and self.level >= 6 and r.random() < .4:
            r.choice([self.where, self.each])()    # windows are kept for what follows
        if not self.keep:
            self.field_scalar()
        may_fail = self.may_fail
        self.batch()
        if may_fail:
            p.args += ["--on-error", "skip"]
        if self.kernel:
            add_kernel(p)
        if self.image:
            p.imports.append('import "std/image"')
        if self.imported:
            p.imports.append('import "other.dsl" as other')
            p.files["other.dsl"] = OTHER.encode()
        prune(p)
        return p


def add_kernel(p, layout=""):
    p.decls.insert(0, Stmt("decl", ["ramp"], KERNEL + layout))
    p.files["kernel.c"] = (pathlib.Path(__file__).with_name("kernel.c")).read_bytes()


def prune(p):
    """Drops what no output and no record needs; True if something went."""
    gone = True
    before = len(p.all())
    while gone:
        used = set(p.emits) | {"root", "corpus"}
        for s in p.all():
            used |= s.uses()
        gone = [s for s in p.decls + p.opens + p.params + [s for s in p.stmts if s.kind in ("field", "below")] if not used & set(s.names)
                and not (s.kind == "decl" and any(f"{n}(" in t.text() for n in s.names for t in p.all() if t is not s))]
        for part in (p.decls, p.opens, p.params, p.stmts):
            part[:] = [s for s in part if s not in gone]
        p.set = {k: v for k, v in p.set.items() if any(k in s.names for s in p.params)}
    return len(p.all()) < before


def pictures(seed):
    made = Pictures(random.Random(f"{seed}/pictures"))
    p = made.feature()
    if made.kernel:
        add_kernel(p, made.layout)
    prune(p)
    return p


def generate(seed, level=9):
    return pictures(seed) if level == 10 else Generator(seed, level).feature()


if __name__ == "__main__":
    print(generate(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 9).text())
