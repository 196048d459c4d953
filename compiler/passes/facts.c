/* Facts: sums of indices, dimensions and constants, between which numbers they lie.
 *
 * A Sum is a whole number, exact: it is taken apart only where the operations of the
 * program do not come around 2^63, as all parts are small: dimensions, indices of loops
 * that start near 0 (nobody gets far in them), narrow integers. */
#include "facts.h"
#include <string.h>

enum { PARTS = 6, BOUNDS = 8, DEEP = 6, STEPS = 3000 };
static const int64_t SMALL = INT64_C(1) << 40, MOST_FACTOR = 1024;

typedef struct Sum {
    int64_t number;
    int n;
    const Term *part[PARTS];
    int64_t by[PARTS];
    bool bad;                   /* it has too many parts, or too large numbers */
} Sum;

/* ---- names ---- */

typedef struct Defining { Facts *f; Rewriter seen; } Defining;

static void define(const Term *term, void *data) {
    Defining *d = data;
    if (term->kind == TERM_REF || term->kind == TERM_CONST) return;
    if (rewrite_done(&d->seen, term)) return;
    rewrite_remember(&d->seen, term, term);
    if (term->kind == TERM_LET) d->f->def[term->var->id] = term->arg[0];
    term_children(term, define, d);
}

Facts facts_of(Arena *arena, const Graph *graph) {
    Facts f = {.arena = arena, .def = arena_array(arena, const Term *, graph->nvars + 1),
               .safe = arena_array(arena, char, graph->nvars + 1)};
    Defining d = {&f, {.arena = arena}};
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        define(node->term, &d);
        if (node->kind == NODE_FIELD) f.def[node->vars[0]->id] = node->term;
    }
    return f;
}

void facts_loop(Facts *f, const Loop *loop, const Term *most) {
    Around around = {loop, most};
    list_push(f->arena, &f->loops, around);
}

/* `a and b` is if a then b else false; `a or b` is if a then true else b. */
void facts_hold(Facts *f, const Term *condition, bool truth) {
    Holds holds = {condition, truth};
    bool branch;
    while (condition->kind == TERM_LET) condition = condition->arg[1];
    if (condition->kind == TERM_OP && condition->op == OP_NOT) {
        facts_hold(f, condition->arg[0], !truth);
    } else if (condition->kind == TERM_IF) {
        int other = truth ? 2 : 1;
        if (!term_is_bool(condition->arg[other], &branch) || branch == truth) return;
        facts_hold(f, condition->arg[0], truth);
        facts_hold(f, condition->arg[3 - other], truth);
    } else if (condition->kind == TERM_OP && condition->nargs == 2 &&
               condition->arg[0]->type->dtype == PL_I64) {
        holds.condition = condition;
        list_push(f->arena, &f->holds, holds);
    }
}

static const Around *loop_of(const Facts *f, const Term *term) {
    for (int i = f->loops.n - 1; i >= 0 && term->kind == TERM_REF; i--)
        if (f->loops.at[i].loop->var == term->var) return &f->loops.at[i];
    return NULL;
}

static bool is_plain(const Term *def) {
    return def->type->kind == TY_TENSOR && def->type->rank == 0 &&
           (def->kind == TERM_OP || def->kind == TERM_DIM || def->kind == TERM_CONST ||
            def->kind == TERM_REF || def->kind == TERM_LET);
}

/* The loop that tells the dimension; NULL: none does. */
static const Loop *length_of(const Facts *f, const Term *dim) {
    const Term *def = dim->arg[0]->kind == TERM_REF ? f->def[dim->arg[0]->var->id] : NULL;
    int64_t from;
    while (def && (def->kind == TERM_LET || def->kind == TERM_CHECK))
        def = def->arg[def->kind == TERM_LET];
    if (!def || def->kind != TERM_FOR || def->arg[1] || dim->axis >= def->nloops ||
        !term_is_int(def->loop[dim->axis].from, &from) || from)
        return NULL;
    return &def->loop[dim->axis];
}

/* A name is what it was defined as, a dimension that of the tensor that it comes from. */
static const Term *meaning(const Facts *f, const Term *term) {
    for (;;) {
        const Term *next = NULL;
        if (term->kind == TERM_LET) {
            next = term->arg[1];
        } else if (term->kind == TERM_REF) {
            next = f->def[term->var->id];
            if (next && !is_plain(next)) next = NULL;
        } else if (term->kind == TERM_DIM) {
            const Loop *loop = length_of(f, term);
            next = loop ? meaning(f, loop->to) : NULL;
            if (next && next->kind != TERM_DIM && next->kind != TERM_CONST) next = NULL;
        }
        if (!next) return term;
        term = next;
    }
}

/* ---- sums ---- */

static void add(Facts *f, Sum *to, const Term *part, int64_t by) {
    const char *key = term_key(f->arena, part);
    int i = 0;
    while (i < to->n && to->part[i] != part &&
           strcmp(term_key(f->arena, to->part[i]), key))
        i++;
    if (i == PARTS) {
        to->bad = true;
        return;
    }
    if (i == to->n) {
        to->part[to->n++] = part;
        to->by[i] = 0;
    }
    to->by[i] += by;
    to->bad |= to->by[i] > MOST_FACTOR || to->by[i] < -MOST_FACTOR;
    if (to->by[i]) return;
    to->n--;
    to->part[i] = to->part[to->n];
    to->by[i] = to->by[to->n];
}

static void add_sum(Facts *f, Sum *to, const Sum *from, int64_t by) {
    int64_t number;
    to->bad |= from->bad || __builtin_mul_overflow(from->number, by, &number) ||
               __builtin_add_overflow(to->number, number, &to->number);
    for (int i = 0; i < from->n && !to->bad; i++) add(f, to, from->part[i], by * from->by[i]);
}

static bool part_is_small(Facts *f, const Term *term) {
    const Around *around = loop_of(f, term);
    int64_t n;
    if (around) return facts_small(f, around->loop->from);
    if (term->kind == TERM_DIM) return true;
    if (term->kind != TERM_OP) return false;
    if (term->op == OP_CONVERT)
        return dtype_is_integer(term->arg[0]->type->dtype) &&
               dtype_size(term->arg[0]->type->dtype) <= 4;
    if (term->op == OP_MOD) return term_is_int(term->arg[1], &n) && n > 0 && n < SMALL;
    return (term->op == OP_MIN || term->op == OP_MAX) && facts_small(f, term->arg[0]) &&
           facts_small(f, term->arg[1]);
}

static Sum sum_of(Facts *f, const Term *term, bool *small);

static bool take_apart(Facts *f, const Term *term, Sum *sum) {
    bool a_small, b_small;
    Sum a, b;
    int64_t by = term->op == OP_SUB ? -1 : 1;
    if (term->kind != TERM_OP || term->type->dtype != PL_I64 ||
        (term->op != OP_ADD && term->op != OP_SUB && term->op != OP_MUL))
        return false;
    a = sum_of(f, term->arg[0], &a_small);
    b = sum_of(f, term->arg[1], &b_small);
    if (!a_small || !b_small) return false;
    if (term->op == OP_MUL) {
        Sum *factor = b.n ? &a : &b;
        if (factor->n || factor->number > MOST_FACTOR || factor->number < -MOST_FACTOR)
            return false;
        add_sum(f, sum, b.n ? &b : &a, factor->number);
    } else {
        *sum = a;
        add_sum(f, sum, &b, by);
    }
    return !sum->bad;
}

static Sum sum_of(Facts *f, const Term *term, bool *small) {
    Sum sum = {0};
    term = meaning(f, term);
    *small = true;
    if (term_is_int(term, &sum.number)) {
        *small = sum.number > -SMALL && sum.number < SMALL;
        return sum;
    }
    if (take_apart(f, term, &sum)) return sum;
    sum = (Sum){0};
    add(f, &sum, term, 1);
    *small = part_is_small(f, term);
    return sum;
}

static Sum exactly(Facts *f, const Term *term, int64_t more) {
    bool small;
    Sum sum = sum_of(f, term, &small);
    sum.bad |= __builtin_add_overflow(sum.number, more, &sum.number);
    return sum;
}

bool facts_small(Facts *f, const Term *term) {
    bool small;
    sum_of(f, term, &small);
    return small;
}

/* ---- bounds ---- */

typedef struct Bounds { int n; Sum at[BOUNDS]; } Bounds;

static void bound(Bounds *b, Sum sum) {
    if (!sum.bad && b->n < BOUNDS) b->at[b->n++] = sum;
}

static Sum number(int64_t n) { return (Sum){.number = n}; }

/* What the part is where `sum` is 0, if it stands in it once. */
static bool solve(Facts *f, const Sum *sum, const Term *part, Sum *is, int64_t *by) {
    for (int i = 0; i < sum->n && !sum->bad; i++) {
        if (strcmp(term_key(f->arena, sum->part[i]), term_key(f->arena, part))) continue;
        *by = sum->by[i];
        *is = (Sum){0};
        add_sum(f, is, sum, -*by);
        add(f, is, part, 1);
        return (*by == 1 || *by == -1) && !is->bad;
    }
    return false;
}

/* The condition says `least <= a - b` (or b - a: `turned`). */
static bool says(const Holds *holds, bool turned, int64_t *least) {
    Op op = holds->condition->op;
    *least = 0;
    if (op == OP_EQ || op == OP_NE) return holds->truth == (op == OP_EQ);
    if (op != OP_LT && op != OP_LE && op != OP_GT && op != OP_GE) return false;
    *least = (op == OP_LT || op == OP_GT) == holds->truth;
    return turned == ((op == OP_LT || op == OP_LE) == holds->truth);
}

static void bounds_by_conditions(Facts *f, const Term *part, bool upper, Bounds *out) {
    for (int i = 0; i < f->holds.n; i++) {
        const Holds *holds = &f->holds.at[i];
        for (int turned = 0; turned < 2; turned++) {
            Sum sum, b, is;
            int64_t least, by;
            if (!says(holds, turned, &least)) continue;
            sum = exactly(f, holds->condition->arg[turned], -least);
            b = exactly(f, holds->condition->arg[!turned], 0);
            add_sum(f, &sum, &b, -1);           /* not below 0 */
            if (solve(f, &sum, part, &is, &by) && (by < 0) == upper) bound(out, is);
        }
    }
}

/* A bound that is not taken is one further in. */
static void tighten(Facts *f, const Term *part, bool upper, Bounds *b) {
    for (int i = 0; i < f->holds.n; i++) {
        const Holds *holds = &f->holds.at[i];
        Sum sum, other, is;
        int64_t by;
        if (holds->condition->op != (holds->truth ? OP_NE : OP_EQ)) continue;
        sum = exactly(f, holds->condition->arg[0], 0);
        other = exactly(f, holds->condition->arg[1], 0);
        add_sum(f, &sum, &other, -1);
        if (!solve(f, &sum, part, &is, &by)) continue;
        for (int k = 0; k < b->n; k++) {
            Sum apart = b->at[k];
            add_sum(f, &apart, &is, -1);
            if (!apart.bad && !apart.n && !apart.number) b->at[k].number += upper ? -1 : 1;
        }
    }
}

static void bounds_of_op(Facts *f, const Term *part, bool upper, Bounds *out) {
    int64_t n;
    if (part->op == (upper ? OP_MIN : OP_MAX)) {
        bound(out, exactly(f, part->arg[0], 0));
        bound(out, exactly(f, part->arg[1], 0));
    } else if (part->op == OP_MOD && term_is_int(part->arg[1], &n) && n > 0) {
        bound(out, number(upper ? n - 1 : 0));
    } else if (part->op == OP_CONVERT && part_is_small(f, part)) {
        pl_dtype from = part->arg[0]->type->dtype;
        int bits = 8 * dtype_size(from) - dtype_is_signed(from);
        bound(out, number(upper ? (INT64_C(1) << bits) - 1
                          : dtype_is_signed(from) ? -(INT64_C(1) << bits) : 0));
    }
}

/* An index that there is lies below the end of the loop that made what it goes through. */
static void bounds_of_index(Facts *f, const Around *around, Bounds *out) {
    const Term *to = meaning(f, around->loop->to);
    if (around->most) bound(out, exactly(f, around->most, -1));
    bound(out, exactly(f, to, -1));
    while (to->kind == TERM_DIM) {
        const Loop *loop = length_of(f, to);
        if (!loop) return;
        to = meaning(f, loop->to);
        bound(out, exactly(f, to, -1));
    }
}

static Bounds bounds_of(Facts *f, const Term *part, bool upper) {
    const Around *around = loop_of(f, part);
    Bounds out = {0};
    if (around && upper) {
        bounds_of_index(f, around, &out);
    } else if (around) {
        bound(&out, exactly(f, around->loop->from, 0));
    } else if (part->kind == TERM_DIM && !upper) {
        bound(&out, number(0));
    } else if (part->kind == TERM_OP) {
        bounds_of_op(f, part, upper, &out);
    }
    bounds_by_conditions(f, part, upper, &out);
    tighten(f, part, upper, &out);
    return out;
}

/* The sum with a bound in place of part i: not less, or not more. */
static Sum replaced(Facts *f, const Sum *sum, int i, const Sum *by) {
    Sum out = *sum;
    int64_t factor = sum->by[i];
    out.n--;
    out.part[i] = out.part[out.n];
    out.by[i] = out.by[out.n];
    add_sum(f, &out, by, factor);
    return out;
}

/* ---- what is asked ---- */

static bool not_negative(Facts *f, const Sum *sum, int depth) {
    if (sum->bad || f->steps-- <= 0) return false;
    if (!sum->n) return sum->number >= 0;
    for (int i = 0; i < sum->n && depth; i++) {
        Bounds b = bounds_of(f, sum->part[i], sum->by[i] < 0);
        for (int k = 0; k < b.n; k++) {
            Sum next = replaced(f, sum, i, &b.at[k]);
            if (not_negative(f, &next, depth - 1)) return true;
        }
    }
    return false;
}

bool facts_in_range(Facts *f, const Term *sub, const Term *size) {
    Sum least = exactly(f, sub, 0), rest = exactly(f, size, -1);
    f->steps = STEPS;
    add_sum(f, &rest, &least, -1);
    return not_negative(f, &least, DEEP) && not_negative(f, &rest, DEEP);
}

bool facts_closed(const Facts *f, const Term *term) {
    const Term *def;
    int64_t n;
    if (term->type->kind != TY_TENSOR || term->type->rank) return false;
    if (term->kind == TERM_CONST) return true;
    if (term->kind == TERM_REF) {
        def = f->def[term->var->id];
        return term->var->kind == VAR_PARAM || term->var->kind == VAR_OPEN ||
               term->var->kind == VAR_SOURCE ||
               (term->var->kind == VAR_FIELD && !(def && def->kind == TERM_DIM));
    }
    if (term->kind != TERM_OP) return false;
    if ((term->op == OP_FLOORDIV || term->op == OP_MOD) &&
        !(term_is_int(term->arg[1], &n) && n))
        return false;
    for (int i = 0; i < term->nargs; i++)
        if (!facts_closed(f, term->arg[i])) return false;
    return true;
}

/* Constants come first, the lesser of them. */
static const Term *better(const Term *a, const Term *b) {
    int64_t m, n;
    if (!a || !b) return a ? a : b;
    if (!term_is_int(b, &n)) return a;
    return term_is_int(a, &m) && m <= n ? a : b;
}

static const Term *most(Facts *f, const Sum *sum, int depth) {
    const Term *best = NULL;
    if (sum->bad || f->steps-- <= 0) return NULL;
    if (!sum->n) return term_int(f->arena, PL_I64, sum->number);
    if (sum->n == 1 && sum->by[0] == 1 && sum->number <= 0 && facts_closed(f, sum->part[0]))
        best = sum->part[0];
    for (int i = 0; i < sum->n && depth; i++) {
        Bounds b = bounds_of(f, sum->part[i], sum->by[i] > 0);
        for (int k = 0; k < b.n; k++) {
            Sum next = replaced(f, sum, i, &b.at[k]);
            best = better(best, most(f, &next, depth - 1));
        }
    }
    return best;
}

const Term *facts_most(Facts *f, const Term *term, int64_t more) {
    Sum sum = exactly(f, term, more);
    f->steps = STEPS;
    return most(f, &sum, DEEP);
}
