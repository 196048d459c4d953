/* inline: an element of a tensor is put where it is read.
 *
 *   y = for i, j: f(x[i, j])      y[a, b]      becomes  f(x[a, b])
 *   y = if c then A else B        y[a, b]      becomes  if c then A[a, b] else B[a, b]
 *   if c then x[a, b] else x[a, d]             becomes  x[a, if c then d else …]
 *
 * when a few operations make it, or when each element is read at most once:
 * every loop between the definition and the read goes, alone and by steps of
 * one, through one dimension. Reductions, states and results of kernels stay.
 *
 * So pointwise work, casts among it, goes behind index maps (a flip, a crop, a slice) to
 * the elements that are read, and an index map is never made itself. Exact: the body of a
 * loop is a function of its indices alone (a draw is keyed by its call site and place), so
 * an element is the same wherever it is made; the tests of a read stay with it. */
#include "pass.h"
#include "../plan_pins.h"
#include <string.h>

enum { FEW = 6 };               /* operations that may be repeated */

typedef struct Info {
    const Term *def;            /* of a tensor: a FOR, an IF, a name; or NULL */
    int level;
    int depth;                  /* loops around the binding */
    int reads;                  /* places where an element is read */
    bool many;                  /* a place reads an element more than once */
    bool whole;                 /* somebody needs all of it in memory */
    int state;                  /* 0 not decided, 1 no, 2 yes */
} Info;

typedef struct Inliner {
    Arena *arena;
    Graph *graph;
    Info *info;                 /* by variable of the graph as it came */
    int nvars;
    const Term *def_of_scalar;
    const Term **scalar;        /* by variable: definition of a scalar */
    LIST(const Var *) loops;    /* around what is looked at */
    int level;
} Inliner;

/* ---- who reads what ---- */

static Info *info_of(Inliner *in, const Var *var) {
    return var->id < in->nvars ? &in->info[var->id] : NULL;
}

static bool is_tensor(const Type *type) {
    return type->kind == TY_TENSOR && type->rank > 0;
}

static void define(Inliner *in, const Var *var, const Term *def) {
    Info *info = info_of(in, var);
    if (!info) return;
    if (is_tensor(def->type)) {
        info->def = def;
        info->depth = in->loops.n;
        info->level = in->level;
    } else if (def->type->kind == TY_TENSOR) {
        in->scalar[var->id] = def;
    }
}

/* How often loop variables from `depth` on occur; the one that does. */
static int occurrences(Inliner *in, const Term *term, int depth, const Var **which);

typedef struct { Inliner *in; int depth, n; const Var *which; } Occur;

static void occur(const Term *term, void *data) {
    Occur *o = data;
    const Var *which = NULL;
    int n = occurrences(o->in, term, o->depth, &which);
    o->n += n;
    if (n) o->which = which;
}

static int occurrences(Inliner *in, const Term *term, int depth, const Var **which) {
    Occur o = {in, depth, 0, NULL};
    if (term->kind == TERM_REF) {
        for (int i = depth; i < in->loops.n; i++)
            if (in->loops.at[i] == term->var) {
                *which = term->var;
                return 1;
            }
        if (term->var->id < in->nvars && in->scalar[term->var->id])
            return occurrences(in, in->scalar[term->var->id], depth, which);
        return 0;
    }
    if (term->kind == TERM_IF) {    /* one of the branches */
        Occur a = o, b = o;
        occur(term->arg[0], &o);
        occur(term->arg[1], &a);
        occur(term->arg[2], &b);
        o.n += a.n > b.n ? a.n : b.n;
        o.which = a.which ? a.which : b.which ? b.which : o.which;
    } else {
        term_children(term, occur, &o);
    }
    if (o.n) *which = o.which;
    return o.n;
}

/* var, var + c, c - var, with c free of the loops; a choice of these, made outside */
static bool steps_by_one(Inliner *in, const Term *sub, int depth, const Var **which) {
    const Var *a = NULL, *b = NULL;
    if (occurrences(in, sub, depth, which) != 1) return false;
    if (sub->kind == TERM_REF) {
        if (sub->var == *which) return true;
        return sub->var->id < in->nvars && in->scalar[sub->var->id] &&
               steps_by_one(in, in->scalar[sub->var->id], depth, which);
    }
    if (sub->kind == TERM_IF)
        return !occurrences(in, sub->arg[0], depth, &a) &&
               steps_by_one(in, sub->arg[1], depth, &a) &&
               steps_by_one(in, sub->arg[2], depth, &b) && a == b;
    if (sub->kind != TERM_OP || (sub->op != OP_ADD && sub->op != OP_SUB)) return false;
    if (occurrences(in, sub->arg[0], depth, &a))
        return steps_by_one(in, sub->arg[0], depth, which);
    return occurrences(in, sub->arg[1], depth, &b) &&
           steps_by_one(in, sub->arg[1], depth, which);
}

static bool read_once(Inliner *in, const Term *index, int depth) {
    int covered = 0;
    const Var *seen[16];
    for (int k = 1; k < index->nargs; k++) {
        const Var *which = NULL;
        if (!occurrences(in, index->arg[k], depth, &which)) continue;
        if (!steps_by_one(in, index->arg[k], depth, &which) || covered == 16)
            return false;
        for (int i = 0; i < covered; i++)
            if (seen[i] == which) return false;
        seen[covered++] = which;
    }
    return covered == in->loops.n - depth;
}

/* ---- dimensions ---- */

/* Of a tensor whose elements can be written, as a term; NULL: not known here. */
static const Term *extent(Inliner *in, const Term *tensor, int axis);

static const Term *trip(Inliner *in, const Loop *loop) {
    int64_t from;
    if (!term_is_int(loop->from, &from) || from != 0)
        return term_op(in->arena, OP_SUB, type_scalar(PL_I64), NULL, loop->to,
                       loop->from, NULL);
    if (loop->to->kind == TERM_DIM) return extent(in, loop->to->arg[0], loop->to->axis);
    return loop->to;
}

static bool same_term(Inliner *in, const Term *a, const Term *b) {
    return a == b || (a && b && !strcmp(term_key(in->arena, a), term_key(in->arena, b)));
}

static const Term *extent(Inliner *in, const Term *tensor, int axis) {
    const Info *info = tensor->kind == TERM_REF ? info_of(in, tensor->var) : NULL;
    const Term *a;
    int64_t size;
    Term *dim;
    if (tensor->type->dims && dim_constant(tensor->type->dims[axis], &size))
        return term_int(in->arena, PL_I64, size);
    if (info && info->def && (a = extent(in, info->def, axis))) return a;
    switch (tensor->kind) {
    case TERM_FOR:              /* how many a `where` keeps only it knows */
        if (tensor->arg[1]) return NULL;
        return axis < tensor->nloops ? trip(in, &tensor->loop[axis]) : NULL;
    case TERM_CHECK: return extent(in, tensor->arg[0], axis);
    case TERM_IF:
        a = extent(in, tensor->arg[1], axis);
        return same_term(in, a, extent(in, tensor->arg[2], axis)) ? a : NULL;
    case TERM_REF: case TERM_DATA: break;
    default: return NULL;
    }
    dim = term_new(in->arena, TERM_DIM, type_scalar(PL_I64), tensor->at, 1, tensor);
    dim->axis = axis;
    return dim;
}

static bool has_extents(Inliner *in, const Term *def) {
    for (int k = 0; k < def->type->rank; k++)
        if (!extent(in, def, k)) return false;
    return true;
}

/* The names around a read, as many as there is room for. */
static const Term *peel(const Term *term, Bind *names, int *n) {
    for (; term->kind == TERM_LET && *n < 16; term = term->arg[1])
        names[(*n)++] = (Bind){term->var, term->arg[0]};
    return term;
}

/* The tensor of which this one holds elements as they are, or NULL. */
static const Var *rearranged(const Term *def) {
    Bind names[16];
    int n = 0;
    const Term *body;
    if (def->kind == TERM_REF) return def->var;
    if (def->kind != TERM_FOR || def->arg[1]) return NULL;
    body = peel(def->arg[0], names, &n);
    return body->kind == TERM_INDEX && !body->otherwise && body->arg[0]->kind == TERM_REF
               ? body->arg[0]->var : NULL;
}

/* ---- reads ---- */

static void look(Inliner *in, const Term *term);

static void look_child(const Term *term, void *data) { look(data, term); }

static void look_index(Inliner *in, const Term *index) {
    Info *info = index->arg[0]->kind == TERM_REF ? info_of(in, index->arg[0]->var) : NULL;
    if (info) {
        info->reads++;
        info->many |= in->level != info->level || !read_once(in, index, info->depth);
    }
    for (int k = 1; k < index->nargs; k++) look(in, index->arg[k]);
    if (index->otherwise) look(in, index->otherwise);
}

static void look_loop(Inliner *in, const Term *term) {
    int outer = in->loops.n;
    for (int i = 0; i < term->nstates; i++) look(in, term->inits[i]);
    for (int i = 0; i < term->nloops; i++) {
        look(in, term->loop[i].from);
        look(in, term->loop[i].to);
    }
    for (int i = 0; i < term->nloops; i++)
        list_push(in->arena, &in->loops, term->loop[i].var);
    for (int i = 0; i < term->nargs; i++)
        if (term->arg[i]) look(in, term->arg[i]);
    in->loops.n = outer;
}

/* The tensor as a whole, element by element. */
static void look_all(Inliner *in, const Term *ref) {
    Info *info = info_of(in, ref->var);
    if (!info) return;
    info->reads++;
    info->many |= in->level != info->level || in->loops.n != info->depth;
}

/* A choice between orders of one tensor reads it once. */
static bool look_choice(Inliner *in, const Term *choice) {
    const Var *a = rearranged(choice->arg[1]), *b = rearranged(choice->arg[2]);
    Info *info = a && a == b ? info_of(in, a) : NULL;
    int reads;
    if (!info || !has_extents(in, choice)) return false;
    reads = info->reads;
    look(in, choice->arg[0]);
    for (int i = 1; i <= 2; i++)
        if (choice->arg[i]->kind == TERM_REF) look_all(in, choice->arg[i]);
        else look(in, choice->arg[i]);
    info->reads = reads + 1;
    return true;
}

static void look_definition(Inliner *in, const Term *def) {
    if (def->kind != TERM_IF || def->type->kind != TY_TENSOR || !def->type->rank ||
        !look_choice(in, def))
        look(in, def);
}

static void look(Inliner *in, const Term *term) {
    Info *info;
    switch (term->kind) {
    case TERM_REF:
        if ((info = info_of(in, term->var))) info->whole = true;
        break;
    case TERM_DIM: break;
    case TERM_INDEX: look_index(in, term); break;
    case TERM_FOR: case TERM_FOLD: case TERM_SCAN: look_loop(in, term); break;
    case TERM_LET:
        define(in, term->var, term->arg[0]);
        look_definition(in, term->arg[0]);
        look(in, term->arg[1]);
        break;
    default: term_children(term, look_child, in); break;
    }
}

/* ---- what an element costs, with those that are put into it ---- */

static int cost_of(Inliner *in, const Term *term);
static int element_cost(Inliner *in, const Term *def);
static bool is_inline(Inliner *in, const Var *var);

typedef struct { Inliner *in; int sum; } Costs;

static void add_cost(const Term *term, void *data) {
    Costs *costs = data;
    costs->sum += cost_of(costs->in, term);
    if (costs->sum > 1000) costs->sum = 1000;
}

static int cost_of(Inliner *in, const Term *term) {
    Costs costs = {in, 0};
    switch (term->kind) {
    case TERM_CONST: case TERM_REF: case TERM_DATA: case TERM_DIM: return 0;
    case TERM_FOR: case TERM_FOLD: case TERM_SCAN: case TERM_REDUCE: case TERM_SCATTER:
    case TERM_KERNEL: case TERM_PERM: return 1000;
    case TERM_DRAW: return 40;
    default: break;
    }
    term_children(term, add_cost, &costs);
    if (term->kind == TERM_OP)
        costs.sum += term->op == OP_DIV || term->op == OP_SQRT ||
                             term->op == OP_FLOORDIV || term->op == OP_MOD
                         ? 6
                         : 1;
    if (term->kind == TERM_IF || term->kind == TERM_CHECK || term->kind == TERM_INDEX)
        costs.sum++;
    if (term->kind == TERM_INDEX && term->arg[0]->kind == TERM_REF &&
        is_inline(in, term->arg[0]->var))
        costs.sum += element_cost(in, info_of(in, term->arg[0]->var)->def);
    return costs.sum < 1000 ? costs.sum : 1000;
}

typedef struct { bool draws; } Draws;

static void find_draw(const Term *term, void *data) {
    Draws *d = data;
    d->draws |= term->kind == TERM_DRAW || term->kind == TERM_PERM;
    term_children(term, find_draw, data);
}

static bool draws(const Term *term) {
    Draws d = {false};
    find_draw(term, &d);
    return d.draws;
}

/* ---- decisions ---- */

/* Its element can be written as a scalar: loops over scalars, choices, names. */
static bool has_elements(const Term *def) {
    switch (def->kind) {
    case TERM_FOR:
        return !def->arg[1] && def->arg[0]->type->kind == TY_TENSOR &&
               def->arg[0]->type->rank == 0;
    case TERM_REF: case TERM_DATA: return true;
    case TERM_CHECK: return has_elements(def->arg[0]);
    case TERM_IF: return has_elements(def->arg[1]) && has_elements(def->arg[2]);
    default: return false;
    }
}

static int element_cost(Inliner *in, const Term *def) {
    int a, b;
    switch (def->kind) {
    case TERM_FOR: return cost_of(in, def->arg[0]);
    case TERM_CHECK: return 1 + element_cost(in, def->arg[0]);
    case TERM_IF:
        a = element_cost(in, def->arg[1]);
        b = element_cost(in, def->arg[2]);
        return 1 + (a > b ? a : b);
    case TERM_REF: return 1 + (is_inline(in, def->var)
                               ? element_cost(in, info_of(in, def->var)->def) : 0);
    default: return 1;
    }
}

static bool is_inline(Inliner *in, const Var *var) {
    Info *info = info_of(in, var);
    if (!info || !info->def || !info->reads) return false;
    if (!info->state) {
        bool once = info->reads == 1 && !info->many && !info->whole;
        Pin pin = pinned_way(in->graph, var, info->def);
        bool good = pin ? pin == PIN_INLINE
                        : once || element_cost(in, info->def) <= FEW;
        good &= has_elements(info->def);
        info->state = good ? 2 : 1;
    }
    return info->state == 2;
}

/* ---- elements ---- */

/* What a subscript is tested against; that of a loop is its trip count, so that
 * nothing is left of the loop itself. */
static const Term *dim_of(Inliner *in, const Term *tensor, int axis) {
    const Term *size = extent(in, tensor, axis);
    Term *dim;
    if (size) return size;
    dim = term_new(in->arena, TERM_DIM, type_scalar(PL_I64), tensor->at, 1, tensor);
    dim->axis = axis;
    return dim;
}

static const Term *index_new(Arena *arena, const Term *tensor, const Term *like) {
    Term *index = term_again(arena, like);
    index->arg[0] = tensor;
    index->otherwise = NULL;
    index->proved = ~0u;
    return index;
}

/* Whether computing it may fail, as far as its form shows. */
static void find_failure(const Term *term, void *data) {
    bool *found = data;
    *found |= term->kind != TERM_CONST && term->kind != TERM_OP &&
              term->kind != TERM_DIM &&
              (term->kind != TERM_REF ||
               (term->var->kind != VAR_INDEX && term->var->kind != VAR_SOURCE));
    if (term->kind == TERM_OP && (term->op == OP_FLOORDIV || term->op == OP_MOD))
        *found |= term->arg[1]->kind != TERM_CONST || term->arg[1]->bits == 0;
    if (!*found && term->kind == TERM_OP) term_children(term, find_failure, data);
}

/* Both branches read one tensor: it is read once, at a chosen place. A condition that
 * may fail stays where the places do not differ. */
static const Term *merge(Arena *arena, const Term *condition, const Term *a,
                         const Term *b) {
    Term *index;
    Bind names[16];
    int n = 0;
    bool chosen = false, may_fail = false;
    a = peel(a, names, &n);
    b = peel(b, names, &n);
    if (a->kind != TERM_INDEX || b->kind != TERM_INDEX || a->otherwise || b->otherwise ||
        a->arg[0]->kind != TERM_REF || b->arg[0]->kind != TERM_REF ||
        a->arg[0]->var != b->arg[0]->var)
        return NULL;
    index = term_again(arena, a);
    index->proved = a->proved & b->proved;
    for (int k = 1; k < a->nargs; k++) {
        const Term *x = a->arg[k], *y = b->arg[k];
        bool same = x == y || (x->kind == TERM_REF && y->kind == TERM_REF &&
                               x->var == y->var);
        int64_t m, n;
        if (!same && term_is_int(x, &m) && term_is_int(y, &n)) same = m == n;
        if (same) continue;
        index->arg[k] = term_new(arena, TERM_IF, x->type, a->at, 3, condition, x, y);
        chosen = true;
    }
    find_failure(condition, &may_fail);
    if (may_fail && !chosen) return NULL;
    a = index;
    while (n-- > 0) a = term_let(arena, names[n].var, names[n].term, a);
    return a;
}

/* Element `like.arg[1..]` of a definition; the subscripts are in range. */
static const Term *element(Inliner *in, const Term *def, const Term *like) {
    const Term *values[8], *a, *b, *merged;
    const Var *vars[8];
    Term *test;
    int64_t from;
    switch (def->kind) {
    case TERM_REF: case TERM_DATA: return index_new(in->arena, def, like);
    case TERM_CHECK:
        test = term_again(in->arena, def);
        test->arg[0] = element(in, def->arg[0], like);
        test->type = test->arg[0]->type;
        return test;
    case TERM_IF:
        a = element(in, def->arg[1], like);
        b = element(in, def->arg[2], like);
        merged = merge(in->arena, def->arg[0], a, b);
        return merged ? merged : term_new(in->arena, TERM_IF, a->type, def->at, 3,
                                          def->arg[0], a, b);
    default: break;
    }
    for (int k = 0; k < def->nloops; k++) {
        vars[k] = def->loop[k].var;
        values[k] = like->arg[1 + k];
        if (!term_is_int(def->loop[k].from, &from) || from != 0)
            values[k] = term_op(in->arena, OP_ADD, type_scalar(PL_I64), NULL,
                                def->loop[k].from, values[k], NULL);
    }
    return term_instance(in->arena, in->graph, def->arg[0], def->nloops, vars, values);
}

/* Subscripts that take work get names, since bodies repeat them. */
static const Term *name_subs(Inliner *in, const Term *index, Bind *names, int *n) {
    Term *copy = term_again(in->arena, index);
    *n = 0;
    for (int k = 1; k < index->nargs; k++) {
        Var *var;
        if (term_is_trivial(index->arg[k])) continue;
        var = graph_var(in->arena, in->graph, VAR_LET, "at", index->arg[k]->type,
                        (Loc){0});
        names[*n] = (Bind){var, index->arg[k]};
        copy->arg[k] = term_ref(in->arena, names[(*n)++].var);
    }
    return copy;
}

static const Term *in_range(Inliner *in, const Term *index, const Term *tensor, int k) {
    const Type *type = type_scalar(PL_BOOL);
    const Term *sub = index->arg[1 + k], *size = dim_of(in, tensor, k);
    const Term *low = term_op(in->arena, OP_LE, type, NULL,
                              term_int(in->arena, PL_I64, 0), sub, NULL);
    return term_new(in->arena, TERM_IF, type, NULL, 3, low,
                    term_op(in->arena, OP_LT, type, NULL, sub, size, NULL),
                    term_bool(in->arena, false));
}

static bool reads_sub(const Term *def, int k) {
    switch (def->kind) {
    case TERM_FOR: return term_reads(def->arg[0], def->loop[k].var);
    case TERM_CHECK: return reads_sub(def->arg[0], k);
    case TERM_IF: return reads_sub(def->arg[1], k) && reads_sub(def->arg[2], k);
    default: return true;
    }
}

/* An element that is the same at all places still fails as its subscript does. */
static bool fails_unread(Inliner *in, const Term *index, const Term *tensor, int k) {
    bool found = false;
    find_failure(index->arg[1 + k], &found);
    return found && !reads_sub(info_of(in, tensor->var)->def, k);
}

typedef struct { const Var *var; int n; } Count;

static void count_refs(const Term *term, void *data) {
    Count *c = data;
    c->n += term->kind == TERM_REF && term->var == c->var;
    term_children(term, count_refs, data);
}

/* No other read can have been proved with the help of the test. */
static bool occurs_once(const Term *value, const Term *sub) {
    Count c = {sub->var, 0};
    if (sub->kind != TERM_REF) return false;
    count_refs(value, &c);
    return c.n == 1;
}

static const Term *test_read(Inliner *in, const Term *index, const Term *sub,
                             const Term *size) {
    Term *copy;
    if (index->otherwise || index->arg[0]->kind != TERM_REF) return NULL;
    for (int k = 0; k < index->nargs - 1; k++) {
        if (!same_term(in, index->arg[1 + k], sub) ||
            !same_term(in, dim_of(in, index->arg[0], k), size))
            continue;
        copy = term_again(in->arena, index);
        copy->proved &= ~(1u << k);
        return copy;
    }
    return NULL;
}

/* The value with the test left to the read in it that is at this subscript, of a
 * dimension of the same size: its producer, row by row, makes the test once for all.
 * Operations compute all that they are given, so the test is never skipped, and what is
 * read elsewhere does not need it. NULL: there is no such read. */
static const Term *test_within(Inliner *in, const Term *value, const Term *sub,
                               const Term *size) {
    if (value->kind == TERM_INDEX) return test_read(in, value, sub, size);
    for (int i = 0; value->kind == TERM_OP && i < value->nargs; i++) {
        const Term *arg = test_within(in, value->arg[i], sub, size);
        Term *copy;
        if (!arg) continue;
        copy = term_again(in->arena, value);
        copy->arg[i] = arg;
        return copy;
    }
    return NULL;
}

/* The read as it was: with its tests, or its value outside. */
static const Term *guarded(Inliner *in, const Term *index, const Term *tensor,
                           const Term *value) {
    for (int k = index->nargs - 2; k >= 0; k--) {
        const Term *within;
        Term *test;
        if (index->proved >> k & 1 && !fails_unread(in, index, tensor, k)) continue;
        if (index->otherwise) {
            test = term_new(in->arena, TERM_IF, value->type, index->at, 3,
                            in_range(in, index, tensor, k), value, index->otherwise);
            test->proved = 1;
            value = test;
            continue;
        }
        within = occurs_once(value, index->arg[1 + k])
            ? test_within(in, value, index->arg[1 + k], dim_of(in, tensor, k)) : NULL;
        if (within) {
            value = within;
            continue;
        }
        test = term_new(in->arena, TERM_CHECK, value->type, index->at, 3, value,
                        index->arg[1 + k], dim_of(in, tensor, k));
        test->check = CHECK_SUBSCRIPT;
        test->text = "subscript";
        value = test;
    }
    return value;
}

/* A choice that stays, between orders of a tensor that does not: a loop over
 * elements. */
static const Term *choice_as_loop(Inliner *in, const Var *var, const Term *def) {
    const Term *zero = term_int(in->arena, PL_I64, 0);
    const Var *from;
    Loop *loops;
    Term *like, *copy;
    if (def->kind != TERM_IF || def->type->kind != TY_TENSOR || !def->type->rank ||
        def->type->rank > 8 || is_inline(in, var) || !(from = rearranged(def->arg[1])) ||
        from != rearranged(def->arg[2]) || !is_inline(in, from) || !has_extents(in, def))
        return def;
    loops = arena_array(in->arena, Loop, def->type->rank);
    like = term_new(in->arena, TERM_INDEX, type_scalar(def->type->dtype), def->at, 0);
    like->nargs = 1 + def->type->rank;
    like->arg = arena_array(in->arena, const Term *, like->nargs);
    for (int k = 0; k < def->type->rank; k++) {
        Var *index = graph_var(in->arena, in->graph, VAR_INDEX, "e", type_scalar(PL_I64),
                               var->loc);
        loops[k] = (Loop){index, zero, extent(in, def, k)};
        like->arg[1 + k] = term_ref(in->arena, index);
    }
    copy = term_new(in->arena, TERM_FOR, def->type, def->at, 2,
                    element(in, def, like), NULL);
    copy->nloops = def->type->rank;
    copy->loop = loops;
    return copy;
}

static const Term *before(Rewriter *rw, const Term *term) {
    Inliner *in = rw->data;
    Bind names[8];
    int n;
    const Term *tensor, *index, *value;
    if (term->kind == TERM_LET) {
        value = choice_as_loop(in, term->var, term->arg[0]);
        return value == term->arg[0]
                   ? term
                   : term_let(in->arena, term->var, value, term->arg[1]);
    }
    if (term->kind != TERM_INDEX || term->arg[0]->kind != TERM_REF) return term;
    tensor = term->arg[0];
    if (!is_inline(in, tensor->var)) return term;
    index = name_subs(in, term, names, &n);
    value = element(in, info_of(in, tensor->var)->def, index);
    value = guarded(in, index, tensor, value);
    while (n-- > 0) value = term_let(in->arena, names[n].var, names[n].term, value);
    return value;
}

/* for i, j: x[i, j] over all of x is x. */
static const Term *whole_tensor(Inliner *in, const Term *loop) {
    const Term *index = loop->arg[0];
    if (loop->arg[1] || index->kind != TERM_INDEX || index->otherwise ||
        index->arg[0]->kind != TERM_REF || index->nargs != 1 + loop->nloops)
        return loop;
    for (int k = 0; k < loop->nloops; k++)
        if (index->arg[1 + k]->kind != TERM_REF ||
            index->arg[1 + k]->var != loop->loop[k].var ||
            !term_is_int(loop->loop[k].from, &(int64_t){0}) ||
            !same_term(in, trip(in, &loop->loop[k]), extent(in, index->arg[0], k)))
            return loop;
    return index->arg[0];
}

/* Two reads of one tensor in the branches of a scalar choice; copies. */
static const Term *visit(Rewriter *rw, const Term *term) {
    const Term *merged;
    if (term->kind == TERM_FOR) return whole_tensor(rw->data, term);
    if (term->kind != TERM_IF || term->type->kind != TY_TENSOR || term->type->rank)
        return term;
    merged = merge(rw->arena, term->arg[0], term->arg[1], term->arg[2]);
    return merged ? merged : term;
}

Graph *pass_inline(Arena *arena, const Graph *graph) {
    Graph *copy = arena_new_of(arena, Graph);
    Inliner in = {.arena = arena, .graph = copy, .nvars = graph->nvars};
    Rewriter rw = {.arena = arena, .graph = copy, .before = before, .visit = visit,
                   .data = &in};
    *copy = *graph;
    in.info = arena_array(arena, Info, graph->nvars + 1);
    in.scalar = arena_array(arena, const Term *, graph->nvars + 1);
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        in.level = node->level;
        if (node->kind == NODE_FIELD) define(&in, node->vars[0], node->term);
        look_definition(&in, node->term);
    }
    for (int i = 0; i < graph->batched.n; i++) {
        Info *info = info_of(&in, graph->batched.at[i]->of);
        if (info) info->whole = true;
    }
    for (int v = 0; v < graph->nvars; v++)
        if (in.info[v].def && in.info[v].many && draws(in.info[v].def))
            in.info[v].state = 1;
    copy->nodes.at = arena_array(arena, Node, graph->nodes.n + 1);
    copy->nodes.room = graph->nodes.n + 1;
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        const Term *term = node->kind == NODE_FIELD
            ? choice_as_loop(&in, node->vars[0], node->term) : node->term;
        copy->nodes.at[i] = *node;
        copy->nodes.at[i].term = rewrite(&rw, term);
    }
    return copy;
}
