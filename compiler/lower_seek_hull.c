/* Between which numbers a subscript lies while a nest of loops runs: intervals, in f64.
 * Integers below 2^53 are exact there and nothing wraps; where a bound is larger the
 * hull is not exact, which the code finds out for each record. A hull may be too large
 * (indices that hang together are taken apart), never too small. */
#include "lower_seek.h"

enum { SEEK_STEPS = 1000 };     /* a longer term is not looked into */

typedef struct Bounding {
    const SeekTree *tree;
    int before;
    LoopBuilder *b;             /* NULL: only asked whether it can be had */
    Value exact;
    int steps;
    LIST(Value) known;
    LIST(SeekHull) hulls;       /* of these */
} Bounding;

static bool bound(Bounding *s, Value v, SeekHull *hull);

/* ---- code ---- */

static Value real(Bounding *s, double x) {
    return s->b ? build_real(s->b, LT_F64, x) : NO_VALUE;
}

static Value of_one(Bounding *s, LoopOp op, Value a) {
    return s->b ? build(s->b, op, loop_type(LT_F64), 1, a) : NO_VALUE;
}

static Value of_two(Bounding *s, LoopOp op, Value a, Value b) {
    return s->b ? build(s->b, op, loop_type(LT_F64), 2, a, b) : NO_VALUE;
}

static Value extreme(Bounding *s, Value a, Value b, bool larger) {
    Value less;
    if (!s->b || a == b) return a;
    less = build(s->b, LOOP_FLT, loop_type(LT_I1), 2, a, b);
    return build(s->b, LOOP_SELECT, loop_type(LT_F64), 3, less, larger ? b : a,
                 larger ? a : b);
}

/* Also false where it is no number. */
static void require(Bounding *s, Value x) {
    Value good;
    if (!s->b) return;
    good = build(s->b, LOOP_FLT, loop_type(LT_I1), 2, of_one(s, LOOP_FABS, x),
                 real(s, 0x1p53));
    s->exact = s->exact == NO_VALUE
                   ? good : build(s->b, LOOP_AND, loop_type(LT_I1), 2, s->exact, good);
}

static SeekHull required(Bounding *s, Value low, Value high) {
    require(s, low);
    if (high != low) require(s, high);
    return (SeekHull){low, high};
}

static SeekHull between(Bounding *s, double low, double high) {
    Value x = real(s, low);
    return (SeekHull){x, low == high ? x : real(s, high)};
}

/* ---- operations ---- */

static SeekHull product(Bounding *s, SeekHull a, SeekHull b) {
    Value w = of_two(s, LOOP_FMUL, a.low, b.low), x, y, z;
    if (a.low == a.high && b.low == b.high) return required(s, w, w);
    x = of_two(s, LOOP_FMUL, a.high, b.high);
    if (a.low == a.high || b.low == b.high)
        return required(s, extreme(s, w, x, false), extreme(s, w, x, true));
    y = of_two(s, LOOP_FMUL, a.low, b.high);
    z = of_two(s, LOOP_FMUL, a.high, b.low);
    a = (SeekHull){extreme(s, w, x, false), extreme(s, w, x, true)};
    b = (SeekHull){extreme(s, y, z, false), extreme(s, y, z, true)};
    return required(s, extreme(s, a.low, b.low, false), extreme(s, a.high, b.high, true));
}

static SeekHull extremes(Bounding *s, LoopOp op, SeekHull a, SeekHull b) {
    bool low = op == LOOP_SMAX, high = op != LOOP_SMIN;     /* SELECT: either */
    return (SeekHull){extreme(s, a.low, b.low, low), extreme(s, a.high, b.high, high)};
}

static bool arithmetic(Bounding *s, const LoopInstr *i, SeekHull *to) {
    int first = i->op == LOOP_SELECT;
    SeekHull a, b;
    if (!bound(s, i->arg[first], &a) || !bound(s, i->arg[first + 1], &b)) return false;
    if (i->op == LOOP_ADD)
        *to = required(s, of_two(s, LOOP_FADD, a.low, b.low),
                       of_two(s, LOOP_FADD, a.high, b.high));
    else if (i->op == LOOP_SUB)
        *to = required(s, of_two(s, LOOP_FSUB, a.low, b.high),
                       of_two(s, LOOP_FSUB, a.high, b.low));
    else if (i->op == LOOP_MUL) *to = product(s, a, b);
    else *to = extremes(s, i->op, a, b);
    return true;
}

/* A quotient by a positive constant: one more on both sides covers any rounding. */
static bool quotient(Bounding *s, const LoopInstr *i, double by, SeekHull *to) {
    SeekHull a;
    if (!bound(s, i->arg[0], &a)) return false;
    to->low = of_one(s, LOOP_FLOOR, of_two(s, LOOP_FDIV, a.low, real(s, by)));
    to->high = of_one(s, LOOP_CEIL, of_two(s, LOOP_FDIV, a.high, real(s, by)));
    to->low = of_two(s, LOOP_FSUB, to->low, real(s, 1));
    to->high = of_two(s, LOOP_FADD, to->high, real(s, 1));
    return true;
}

static bool by_constant(Bounding *s, const LoopInstr *i, SeekHull *to) {
    const int64_t one = 1;
    SeekHull a;
    int64_t c;
    if (!seek_constant(s->tree, i->arg[1], &c) || c < 0) return false;
    switch (i->op) {
    case LOOP_SDIV: return c > 0 && quotient(s, i, (double)c, to);
    case LOOP_ASHR: return c < 62 && quotient(s, i, (double)(one << c), to);
    case LOOP_SREM: case LOOP_AND:
        *to = between(s, i->op == LOOP_AND ? 0 : -(double)c, (double)c);
        return true;
    default: break;                     /* SHL */
    }
    if (c > 52 || !bound(s, i->arg[0], &a)) return false;
    *to = product(s, a, between(s, (double)(one << c), (double)(one << c)));
    return true;
}

/* Of a narrow number nothing need be known. */
static bool widened(Bounding *s, const LoopInstr *i, SeekHull *to) {
    LoopScalar from = s->tree->function->value_types.at[i->arg[0]].scalar;
    double n = from == LT_I1 ? 2 : from == LT_I8 ? 0x1p8 : from == LT_I16 ? 0x1p16 : 0;
    if (n == 0) return false;
    *to = i->op == LOOP_ZEXT ? between(s, 0, n - 1) : between(s, -n / 2, n / 2 - 1);
    return true;
}

/* The index of a loop inside. */
static bool index_of(Bounding *s, const LoopInstr *loop, SeekHull *to) {
    SeekHull from, end;
    if (!bound(s, loop->arg[0], &from) || !bound(s, loop->arg[1], &end)) return false;
    *to = (SeekHull){from.low, of_two(s, LOOP_FSUB, end.high, real(s, 1))};
    return true;
}

static bool computed(Bounding *s, const LoopInstr *i, SeekHull *to) {
    switch (i->op) {
    case LOOP_ADD: case LOOP_SUB: case LOOP_MUL: case LOOP_SMIN: case LOOP_SMAX:
    case LOOP_SELECT:
        return arithmetic(s, i, to);
    case LOOP_SDIV: case LOOP_ASHR: case LOOP_SREM: case LOOP_AND: case LOOP_SHL:
        return by_constant(s, i, to);
    case LOOP_SEXT: case LOOP_ZEXT: return widened(s, i, to);
    case LOOP_FOR: return index_of(s, i, to);
    default: return false;
    }
}

/* ---- the walk ---- */

/* What is known before the loops. */
static bool leaf(Bounding *s, Value v, SeekHull *to) {
    const int64_t most = INT64_C(1) << 53;
    int64_t n;
    Value x;
    if (seek_constant(s->tree, v, &n)) {
        *to = between(s, (double)n, (double)n);
        return -most < n && n < most;
    }
    x = of_one(s, LOOP_SITOFP, v);
    *to = required(s, x, x);
    return true;
}

static bool bound(Bounding *s, Value v, SeekHull *hull) {
    LoopType type = s->tree->function->value_types.at[v];
    if (type.scalar != LT_I64 || type.lanes != 1 || s->steps++ > SEEK_STEPS) return false;
    for (int i = 0; i < s->known.n; i++)
        if (s->known.at[i] == v) {
            *hull = s->hulls.at[i];
            return true;
        }
    if (!(seek_visible(s->tree, v, s->before) ? leaf(s, v, hull)
                                              : computed(s, seek_def(s->tree, v), hull)))
        return false;
    list_push(s->tree->arena, &s->known, v);
    list_push(s->tree->arena, &s->hulls, *hull);
    return true;
}

bool seek_has_hull(const SeekTree *tree, Value v, int before) {
    Bounding s = {.tree = tree, .before = before, .exact = NO_VALUE};
    SeekHull hull;
    return bound(&s, v, &hull);
}

SeekHull seek_hull(const SeekTree *tree, LoopBuilder *b, Value v, int before,
                   Value *exact) {
    Bounding s = {.tree = tree, .before = before, .b = b, .exact = NO_VALUE};
    SeekHull hull = {NO_VALUE, NO_VALUE};
    if (!bound(&s, v, &hull)) bug("lower: a hull that was there is gone");
    *exact = s.exact == NO_VALUE ? build_int(b, LT_I1, 1) : s.exact;
    return hull;
}

/* ---- all of it ---- */

/* v is `of` and a small constant. */
static bool is_near(const SeekTree *tree, Value v, Value of) {
    const int64_t near = 1 << 18;
    int64_t n;
    while (v != of) {
        const LoopInstr *i = seek_def(tree, v);
        int other;
        if (!i || (i->op != LOOP_ADD && i->op != LOOP_SUB)) return false;
        other = i->op == LOOP_ADD && seek_constant(tree, i->arg[0], &n);
        if (!seek_constant(tree, i->arg[!other], &n) || n > near || n < -near)
            return false;
        v = i->arg[other];
    }
    return true;
}

bool seek_is_all(const SeekTree *tree, Value v, Value size, int before) {
    for (int k = before; k < tree->nodes.n; k++) {
        const LoopInstr *i = tree->nodes.at[k].instr;
        int64_t from;
        if (i->op == LOOP_FOR && is_near(tree, v, i->result))
            return seek_constant(tree, i->arg[0], &from) && from < PL_PART_HEAD &&
                   is_near(tree, i->arg[1], size);
    }
    return false;
}
