"""Makes a failing feature small: drops outputs, statements and declarations, then replaces expressions by parts of themselves or by constants,
as long as `still(program)` says that it fails in the same way."""
import time
from generate import prune
from tree import FLOATS, Expr, Stmt


def simplest(e):
    if e.dims:
        size = ", ".join(d.text for d in e.dims)
        value = "true" if e.dtype == "bool" else f"{e.dtype}({'1.5' if e.dtype in FLOATS else '1'})"
        return Expr(e.dtype, e.dims, f"fill({value}, {size})")
    return Expr(e.dtype, (), "true" if e.dtype == "bool" else f"{e.dtype}({'1.5' if e.dtype in FLOATS else '1'})")


def choices(e):
    """Smaller expressions of the same type, the smallest first."""
    inner = [x for x, bound in e.inside() if x is not e and x.like(e) and not x.names() & bound]
    seen = {e.text()}
    for x in [simplest(e)] + sorted(inner, key=Expr.size):
        if x.text() not in seen and x.size() <= e.size():
            seen.add(x.text())
            yield x


def replaced(e, path, x):
    """e with the expression at `path` (indices of parts) replaced."""
    if not path:
        return x
    parts = list(e.parts)
    parts[path[0]] = replaced(parts[path[0]], path[1:], x)
    return Expr(e.dtype, e.dims, *parts, binds=e.binds)


def paths(e, at=()):
    yield at, e
    for i, k in e.kids():
        yield from paths(k, at + (i,))


class Shrinker:
    def __init__(self, program, still, seconds):
        self.best, self.still, self.end = program, still, time.time() + seconds

    def attempt(self, p):
        if time.time() > self.end or p.text() == self.best.text() or not p.emits or not p.stmts:
            return False
        if not self.still(p):
            return False
        self.best = p
        return True

    def outputs(self):
        for name in list(self.best.emits):
            if len(self.best.emits) > 1 and name in self.best.emits:
                p = self.best.copy()
                p.emits = [n for n in p.emits if n != name]
                prune(p)
                self.attempt(p)

    def statements(self):
        for part in ("stmts", "opens", "params", "decls"):
            for s in list(getattr(self.best, part)):
                p = self.best.copy()
                kept = getattr(p, part)
                if s not in kept or s.kind in ("batch",):
                    continue
                others = set().union(*[t.uses() for t in p.all() if t is not s]) | set(p.emits)
                if s.names and others & set(s.names):
                    continue
                kept.remove(s)
                p.set = {k: v for k, v in p.set.items() if any(k in t.names for t in p.params)}
                prune(p)
                self.attempt(p)

    def chains(self):
        """Drops steps of `a |> f |> g`, and branches around a chain."""
        for n in range(len(self.best.stmts)):
            again = True
            while again and n < len(self.best.stmts):
                again = any(self.restate(n, t) for t in self.shorter(self.best.stmts[n]))

    def shorter(self, s):
        text = s.parts[0] if len(s.parts) == 1 and isinstance(s.parts[0], str) else ""
        if " |> " not in text:
            return
        name, value = text.split(" = ", 1)
        if value.startswith("if ") and " then (" in value:
            yield f"{name} = " + value.rsplit(" then (", 1)[1].split(") else ")[0]
            yield f"{name} = " + value.rsplit(" else ", 1)[1]
            return
        head, *steps = value.split(" |> ")
        for k in range(len(steps)):
            yield f"{name} = " + " |> ".join([head] + steps[:k] + steps[k + 1:])
        for t in self.best.stmts:
            if t.names and t.names[0] != name and t.names[0] < head and t.names[0].startswith("p") and len(t.names[0]) == len(head):
                yield f"{name} = " + " |> ".join([t.names[0]] + steps)

    def restate(self, n, text):
        p = self.best.copy()
        p.stmts[n] = Stmt(p.stmts[n].kind, p.stmts[n].names, text)
        prune(p)
        return self.attempt(p)

    def plain(self):
        """range(0, 1), batch(1), no seed: what a reader wants to see."""
        for source in ("range(0, 1)", "range(0, 2)", "range(0, 5)"):
            if self.best.source.startswith("range"):
                p = self.best.copy()
                p.source = source
                self.attempt(p)
        for text in ("batch(1)", "batch(2)"):
            p = self.best.copy()
            p.stmts = [Stmt("batch", [], text) if s.kind == "batch" else s for s in p.stmts]
            self.attempt(p)
        for k in range(0, len(self.best.args), 2):
            p = self.best.copy()
            del p.args[k:k + 2]
            if self.attempt(p):
                break

    def expressions(self):
        """True if one became smaller."""
        for part in ("stmts", "opens", "decls"):
            for n in range(len(getattr(self.best, part))):
                if n >= len(getattr(self.best, part)):
                    break
                s = getattr(self.best, part)[n]
                for k, e in enumerate(s.parts):
                    if isinstance(e, Expr) and self.inside(part, n, k):
                        return True
        return False

    def inside(self, part, n, k):
        gone = False
        for at, _ in list(paths(getattr(self.best, part)[n].parts[k])):
            s = getattr(self.best, part)[n]
            e = s.parts[k]
            for i in at:
                e = e.parts[i] if isinstance(e, Expr) and i < len(e.parts) else None
            if not isinstance(e, Expr):
                continue
            for x in choices(e):
                p = self.best.copy()
                parts = list(s.parts)
                parts[k] = replaced(s.parts[k], at, x)
                getattr(p, part)[n] = Stmt(s.kind, s.names, *parts)
                if self.attempt(p):
                    gone = True
                    break
        if gone:
            p = self.best.copy()
            if prune(p):
                self.attempt(p)
        return gone

    def whole(self):
        while time.time() < self.end:
            before = len(self.best.text())
            self.outputs()
            self.statements()
            self.chains()
            self.plain()
            while self.expressions() and time.time() < self.end:
                pass
            if len(self.best.text()) >= before:
                break
        return self.best


def shrink(program, still, seconds=120):
    return Shrinker(program, still, seconds).whole()
