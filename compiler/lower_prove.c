/* Proofs about indices: 0 <= sub < dim for all rounds of the loops around.
 *
 * Values are looked at as linear forms over atoms. An index i of an open loop over
 * a..b is at least a and at most b - 1; min and max, choices and the conditions of
 * the branches around are used. A sum is looked into only if it cannot wrap whatever
 * its atoms are: an index counts as below 2^50, since a loop that went so far would
 * not come to an end, the length of data in memory as below 2^46. */
#include "lower_room.h"

enum { TERMS = 8, STEPS = 200, DEPTH = 10 };

typedef __int128 Wide;
static const Wide INDEX_BOUND = (Wide)1 << 50, LENGTH_BOUND = (Wide)1 << 46;

typedef struct Linear {
    Wide add;
    int n;
    int64_t factor[TERMS];
    Value atom[TERMS];
    bool unknown;
} Linear;

typedef struct Proof { Gen *g; int steps; } Proof;

static const LoopInstr *definition(const Gen *g, Value v) {
    return v >= 0 && v < g->def.n ? g->def.at[v] : NULL;
}

/* ---- linear forms ---- */

static void add_term(Linear *l, int64_t factor, Value atom) {
    for (int i = 0; i < l->n; i++) {
        if (l->atom[i] != atom) continue;
        l->factor[i] += factor;
        if (!l->factor[i]) {
            l->n--;
            l->factor[i] = l->factor[l->n];
            l->atom[i] = l->atom[l->n];
        }
        return;
    }
    if (l->n == TERMS || factor > 1 << 20 || factor < -(1 << 20)) {
        l->unknown = true;
        return;
    }
    l->factor[l->n] = factor;
    l->atom[l->n++] = atom;
}

static void add_value(const Gen *g, Linear *l, int64_t factor, Value v, int depth) {
    const LoopInstr *def = definition(g, v);
    int64_t n;
    if (gen_is_int(g, v, &n)) {
        l->add += (Wide)factor * n;
    } else if (def && depth < DEPTH && (def->op == LOOP_ADD || def->op == LOOP_SUB)) {
        add_value(g, l, factor, def->arg[0], depth + 1);
        add_value(g, l, def->op == LOOP_ADD ? factor : -factor, def->arg[1], depth + 1);
    } else if (def && depth < DEPTH && def->op == LOOP_MUL &&
               gen_is_int(g, def->arg[1], &n) && n < 1 << 20 && n > -(1 << 20)) {
        add_value(g, l, factor * n, def->arg[0], depth + 1);
    } else {
        add_term(l, factor, v);
    }
}

/* ---- ranges of atoms ---- */

typedef struct Range { Wide low, high; } Range;

static const Range all_values = {INT64_MIN, INT64_MAX};

static const OpenLoop *loop_of(const Gen *g, Value index) {
    for (int i = g->open_loops.n - 1; i >= 0; i--)
        if (g->open_loops.at[i].index == index) return &g->open_loops.at[i];
    return NULL;
}

static bool is_end_of_loop(const Gen *g, Value v) {
    int64_t from;
    for (int i = g->open_loops.n - 1; i >= 0; i--)
        if (g->open_loops.at[i].to == v &&
            gen_is_int(g, g->open_loops.at[i].from, &from) && from >= 0)
            return true;
    return false;
}

static Range range_of(const Gen *, Value, int depth);

static Range range_of_two(const Gen *g, const LoopInstr *def, int depth) {
    Range a = range_of(g, def->arg[0], depth + 1),
          b = range_of(g, def->arg[1], depth + 1);
    if (def->op == LOOP_SMIN)
        return (Range){a.low < b.low ? a.low : b.low, a.high < b.high ? a.high : b.high};
    return (Range){a.low > b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

static Range range_of_narrow(const Gen *g, const LoopInstr *def) {
    LoopScalar from = gen_type(g, def->arg[0]);
    int bits = from == LT_I1 ? 1 : 8 * loop_scalar_bytes(from);
    if (def->op == LOOP_ZEXT) return (Range){0, ((Wide)1 << bits) - 1};
    return (Range){-((Wide)1 << (bits - 1)), ((Wide)1 << (bits - 1)) - 1};
}

static Range range_of(const Gen *g, Value v, int depth) {
    const LoopInstr *def = definition(g, v);
    const OpenLoop *loop = loop_of(g, v);
    Range r = all_values;
    int64_t n;
    if (gen_is_int(g, v, &n)) return (Range){n, n};
    if (loop && gen_is_int(g, loop->from, &n) && n >= 0)
        return (Range){n, INDEX_BOUND};
    if (depth < DEPTH && def) {
        if (def->op == LOOP_SMIN || def->op == LOOP_SMAX) r = range_of_two(g, def, depth);
        if (def->op == LOOP_ZEXT || def->op == LOOP_SEXT) r = range_of_narrow(g, def);
        if (def->op == LOOP_AND && gen_is_int(g, def->arg[1], &n) && n >= 0)
            r = (Range){0, n};
    }
    if (is_nonnegative(g, v) && r.low < 0) r.low = 0;
    if (is_length(g, v) && r.high > LENGTH_BOUND) r.high = LENGTH_BOUND;
    if (is_end_of_loop(g, v) && r.low < 1) r.low = 1;
    return r;
}

static Range range_of_form(const Gen *g, const Linear *l) {
    Range r = {l->add, l->add};
    for (int i = 0; i < l->n; i++) {
        Range a = range_of(g, l->atom[i], 0);
        Wide x = a.low * l->factor[i], y = a.high * l->factor[i];
        r.low += x < y ? x : y;
        r.high += x < y ? y : x;
    }
    return r;
}

/* Adds a value times a factor: as a form if that is exact, else as an atom. */
static void add(const Gen *g, Linear *l, int64_t factor, Value v) {
    Linear form = {0};
    Range r;
    add_value(g, &form, 1, v, 0);
    r = range_of_form(g, &form);
    if (form.unknown || r.low < INT64_MIN || r.high > INT64_MAX) {
        add_term(l, factor, v);
        return;
    }
    l->add += factor * form.add;
    for (int i = 0; i < form.n; i++) add_term(l, factor * form.factor[i], form.atom[i]);
}

static Linear difference(const Gen *g, Value a, Value b, int64_t plus) {
    Linear l = {.add = plus};
    add(g, &l, 1, a);
    add(g, &l, -1, b);
    return l;
}

/* The form with term k replaced by the value plus a constant. */
static Linear replaced(const Gen *g, const Linear *l, int k, Value by, int64_t plus) {
    Linear r = *l;
    int64_t factor = l->factor[k];
    r.n--;
    r.factor[k] = r.factor[r.n];
    r.atom[k] = r.atom[r.n];
    r.add += (Wide)factor * plus;
    add(g, &r, factor, by);
    return r;
}

/* ---- proofs ---- */

static bool at_least_0(Proof *, const Linear *, int depth);

/* A branch around says that the index is not `by` + plus. */
static bool excluded(const Gen *g, Value index, Value by, int64_t plus) {
    for (int i = g->facts.n - 1; i >= 0; i--) {
        const Fact *f = &g->facts.at[i];
        const LoopInstr *def = definition(g, f->condition);
        Linear l;
        if (!def || (def->op != LOOP_EQ && def->op != LOOP_NE)) continue;
        if ((def->op == LOOP_NE) != f->holds || gen_type(g, def->arg[0]) != LT_I64)
            continue;
        for (int k = 0; k < 2; k++) {
            if (def->arg[k] != index) continue;
            l = difference(g, def->arg[1 - k], by, -plus);
            if (!l.unknown && !l.n && l.add == 0) return true;
        }
    }
    return false;
}

/* Where the loop ends: max(n, 0) is n in any round of it. */
static Value end_of(const Gen *g, const OpenLoop *loop) {
    const LoopInstr *def = definition(g, loop->to);
    int64_t from, n;
    if (!def || def->op != LOOP_SMAX || !gen_is_int(g, def->arg[1], &n) || n != 0 ||
        !gen_is_int(g, loop->from, &from) || from < 0)
        return loop->to;
    return def->arg[0];
}

static bool by_index(Proof *p, const Linear *l, int k, const OpenLoop *loop, int depth) {
    Linear next;
    if (l->factor[k] > 0) {
        int64_t least = excluded(p->g, loop->index, loop->from, 0);
        next = replaced(p->g, l, k, loop->from, least);
    } else {
        Value end = end_of(p->g, loop);
        int64_t most = -1 - (int64_t)excluded(p->g, loop->index, end, -1);
        next = replaced(p->g, l, k, end, most);
    }
    return at_least_0(p, &next, depth);
}

static bool by_choice(Proof *p, const Linear *l, int k, const LoopInstr *def, int depth) {
    int first = def->op == LOOP_SELECT;
    Linear a = replaced(p->g, l, k, def->arg[first], 0);
    Linear b = replaced(p->g, l, k, def->arg[first + 1], 0);
    bool both = def->op == LOOP_SELECT || (def->op == LOOP_SMIN) == (l->factor[k] > 0);
    if (both) return at_least_0(p, &a, depth) && at_least_0(p, &b, depth);
    return at_least_0(p, &a, depth) || at_least_0(p, &b, depth);
}

static bool is_choice(const LoopInstr *def) {
    return def && (def->op == LOOP_SMIN || def->op == LOOP_SMAX ||
                   def->op == LOOP_SELECT);
}

/* a < b or a <= b of a branch around, as a form that is at least 0. */
static bool fact_form(const Gen *g, const Fact *f, Linear *form) {
    const LoopInstr *def = definition(g, f->condition);
    if (!def || (def->op != LOOP_SLT && def->op != LOOP_SLE)) return false;
    if (gen_type(g, def->arg[0]) != LT_I64) return false;
    if (f->holds) *form = difference(g, def->arg[1], def->arg[0], -(def->op == LOOP_SLT));
    else *form = difference(g, def->arg[0], def->arg[1], -(def->op == LOOP_SLE));
    return !form->unknown;
}

static bool shares_atom(const Linear *a, const Linear *b) {
    for (int i = 0; i < a->n; i++)
        for (int k = 0; k < b->n; k++)
            if (a->atom[i] == b->atom[k] && (a->factor[i] > 0) == (b->factor[k] > 0))
                return true;
    return false;
}

static bool by_fact(Proof *p, const Linear *l, const Fact *f, int depth) {
    Linear form, next = *l;
    if (!fact_form(p->g, f, &form) || !shares_atom(l, &form)) return false;
    next.add -= form.add;
    for (int i = 0; i < form.n; i++) add_term(&next, -form.factor[i], form.atom[i]);
    return at_least_0(p, &next, depth);
}

static bool at_least_0(Proof *p, const Linear *l, int depth) {
    if (l->unknown || depth > DEPTH || --p->steps < 0) return false;
    if (range_of_form(p->g, l).low >= 0) return true;
    for (int k = 0; k < l->n; k++) {
        const OpenLoop *loop = loop_of(p->g, l->atom[k]);
        if (loop && by_index(p, l, k, loop, depth + 1)) return true;
    }
    for (int k = 0; k < l->n; k++) {
        const LoopInstr *def = definition(p->g, l->atom[k]);
        if (is_choice(def) && by_choice(p, l, k, def, depth + 1)) return true;
    }
    for (int i = p->g->facts.n - 1; i >= 0 && depth < 3; i--)
        if (by_fact(p, l, &p->g->facts.at[i], depth + 3)) return true;
    return false;
}

bool gen_proves_below(Gen *g, Value sub, Value dim) {
    Proof p = {g, STEPS};
    Linear form = {0}, room = difference(g, dim, sub, -1);
    add(g, &form, 1, sub);
    if (!at_least_0(&p, &form, 0)) return false;
    p.steps = STEPS;
    return at_least_0(&p, &room, 0);
}
