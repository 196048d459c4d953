/* slides: what a fold reads at a function of the sum of its index and one of the nest's
 * is laid out along that sum, once, and then slid over.
 *
 *   for i, j in 0..w: … fold s for t in 0..n: … x[i, f(j + t)] …
 *
 *   wide = for i, u in 0..w + n - 1: x[i, f(u)]
 *   for i, j in 0..w: … fold s for t in 0..n: … wide[i, j + t] …
 *
 * f is no sum itself: it mirrors or clamps at borders. Then neighbours read neighbours,
 * and f is asked w + n times, not w * n. `wide` reads what the fold reads, no more, if
 * there are rounds at all; a read that a condition or a test inside of the nest guards
 * stays where it is. */
#include "pass.h"

typedef struct Slide {
    Arena *arena;
    Graph *graph;
    const Term *nest;
    LIST(Bind) lets;            /* names bound inside of the nest, written out */
    LIST(const Loop *) folds;   /* loops of folds inside of it, that do all rounds */
    LIST(const Var *) inner;    /* all that is bound inside of it */
    bool guards;                /* conditions or tests stand around reads */
    LIST(Bind) out;             /* what is bound before it */
} Slide;

/* ---- what is bound inside ---- */

static const Term *expanded(Slide *s, const Term *term) {
    Rewriter rw = {.arena = s->arena, .graph = s->graph, .fresh = true};
    for (int i = 0; i < s->lets.n; i++)
        rewrite_replace(&rw, s->lets.at[i].var, s->lets.at[i].term);
    return rw.replaced.n ? rewrite(&rw, term) : term;
}

static void note_inner(Slide *s, int n, const Var *const *vars) {
    for (int i = 0; vars && i < n; i++) list_push(s->arena, &s->inner, vars[i]);
}

static void find_read(const Term *term, void *data) {
    bool *found = data;
    *found |= term->kind == TERM_INDEX;
    if (!*found) term_children(term, find_read, data);
}

static bool guards(const Term *term) {
    bool read = term->kind == TERM_CHECK;
    if (term->kind == TERM_IF) {
        find_read(term->arg[1], &read);
        find_read(term->arg[2], &read);
    }
    return read;
}

static void collect(const Term *term, void *data) {
    Slide *s = data;
    s->guards |= guards(term);
    if (term->kind == TERM_LET) {
        note_inner(s, 1, &term->var);
        if (term->arg[0]->type->kind == TY_TENSOR && !term->arg[0]->type->rank) {
            Bind let = {term->var, expanded(s, term->arg[0])};
            list_push(s->arena, &s->lets, let);
        }
    }
    note_inner(s, term->nstates, term->states);
    note_inner(s, term->nstates, term->news);
    for (int i = 0; i < term->nloops; i++) {
        note_inner(s, 1, &term->loop[i].var);
        if (term->kind == TERM_FOLD && term->nloops == 1 && !term->arg[2])
            list_push(s->arena, &s->folds, &term->loop[i]);
    }
    term_children(term, collect, data);
}

/* ---- sums ---- */

typedef struct Sum { const Term *leaf[8]; bool minus[8]; int n; bool bad; } Sum;

static void flatten(Sum *sum, const Term *term, bool minus) {
    if (term->kind == TERM_OP && (term->op == OP_ADD || term->op == OP_SUB)) {
        flatten(sum, term->arg[0], minus);
        flatten(sum, term->arg[1], minus != (term->op == OP_SUB));
    } else if (sum->n == 8) {
        sum->bad = true;
    } else {
        sum->leaf[sum->n] = term;
        sum->minus[sum->n++] = minus;
    }
}

static int find_leaf(const Sum *sum, const Var *var) {
    for (int i = 0; i < sum->n; i++)
        if (sum->leaf[i]->kind == TERM_REF && sum->leaf[i]->var == var && !sum->minus[i])
            return i;
    return -1;
}

typedef struct Along { const Var *column, *round, *sum; } Along;

/* The term with u in place of column + round. */
static const Term *with_sum(Rewriter *rw, const Term *term) {
    const Along *a = rw->data;
    const Type *i64 = type_scalar(PL_I64);
    const Term *all;
    Sum sum = {.n = 0};
    int column, round;
    if (term->kind != TERM_OP || (term->op != OP_ADD && term->op != OP_SUB) ||
        term->type->dtype != PL_I64)
        return term;
    flatten(&sum, term, false);
    column = find_leaf(&sum, a->column);
    round = find_leaf(&sum, a->round);
    if (sum.bad || column < 0 || round < 0) return term;
    all = term_ref(rw->arena, a->sum);
    for (int i = 0; i < sum.n; i++)
        if (i != column && i != round)
            all = term_op(rw->arena, sum.minus[i] ? OP_SUB : OP_ADD, i64, term->at, all,
                          sum.leaf[i], NULL);
    return all;
}

static bool is_sum(const Term *term) {
    Sum sum = {.n = 0};
    flatten(&sum, term, false);
    for (int i = 0; i < sum.n; i++)
        if (sum.leaf[i]->kind != TERM_REF && sum.leaf[i]->kind != TERM_CONST)
            return false;
    return true;
}

/* ---- a read ---- */

typedef struct { const Slide *s; bool found; } Inside;

static void find_inside(const Term *term, void *data) {
    Inside *in = data;
    if (term->kind == TERM_REF)
        for (int i = 0; i < in->s->inner.n; i++)
            in->found |= in->s->inner.at[i] == term->var;
    for (int k = 0; term->kind == TERM_REF && k < in->s->nest->nloops; k++)
        in->found |= in->s->nest->loop[k].var == term->var;
    term_children(term, find_inside, data);
}

static bool is_outer(const Slide *s, const Term *term) {
    Inside in = {s, false};
    find_inside(term, &in);
    return !in.found;
}

/* Made of operations that cannot fail. */
static bool is_safe(const Term *term) {
    if (term->kind == TERM_CONST || term->kind == TERM_REF || term->kind == TERM_DIM)
        return true;
    if (term->kind != TERM_OP && term->kind != TERM_IF) return false;
    if (term->kind == TERM_OP && (term->op == OP_FLOORDIV || term->op == OP_MOD))
        return false;
    for (int i = 0; i < term->nargs; i++)
        if (!is_safe(term->arg[i])) return false;
    return true;
}

static const Loop *nest_loop(const Slide *s, const Term *sub) {
    int64_t from;
    for (int k = 0; sub->kind == TERM_REF && k < s->nest->nloops; k++) {
        const Loop *loop = &s->nest->loop[k];
        if (loop->var == sub->var && term_is_int(loop->from, &from) && !from) return loop;
    }
    return NULL;
}

/* Both have a range that is known before the nest, from 0 on. */
static bool ranges_fit(Slide *s, const Loop *column, const Loop *round) {
    int64_t from;
    return term_is_int(round->from, &from) && !from &&
           is_outer(s, expanded(s, column->to)) && is_outer(s, expanded(s, round->to));
}

/* f(u), if the subscript is f(column + round); or NULL. */
static const Term *along(Slide *s, const Term *sub, const Loop *column, const Loop *round,
                         const Var *sum) {
    Along a = {column->var, round->var, sum};
    Rewriter rw = {.arena = s->arena, .graph = s->graph, .before = with_sum, .data = &a};
    const Term *f;
    sub = expanded(s, sub);
    if (!is_safe(sub) || is_sum(sub) || !term_reads(sub, column->var) ||
        !term_reads(sub, round->var) || !ranges_fit(s, column, round))
        return NULL;
    f = rewrite(&rw, sub);
    return is_outer(s, f) ? f : NULL;
}

/* ---- the tensor that is slid over ---- */

static const Term *i64_op(Slide *s, Op op, const Term *a, const Term *b) {
    return term_op(s->arena, op, type_scalar(PL_I64), NULL, a, b, NULL);
}

/* None if there are no rounds: then nothing is read. */
static const Term *length(Slide *s, const Loop *column, const Loop *round) {
    const Term *w = expanded(s, column->to), *n = expanded(s, round->to);
    const Term *zero = term_int(s->arena, PL_I64, 0), *one = term_int(s->arena, PL_I64, 1);
    const Term *all = i64_op(s, OP_SUB, i64_op(s, OP_ADD, w, n), one);
    const Term *some = term_op(s->arena, OP_GT, type_scalar(PL_BOOL), NULL,
                               i64_op(s, OP_MIN, w, n), zero, NULL);
    return term_new(s->arena, TERM_IF, type_scalar(PL_I64), NULL, 3, some, all, zero);
}

static const Term *wide(Slide *s, const Term *read, int axis, const Term *f,
                        const Var *sum, const Loop *column, const Loop *round) {
    int rank = read->nargs - 1;
    Loop *loops = arena_array(s->arena, Loop, rank);
    Term *index = term_again(s->arena, read), *nest;
    DimTable *table = dim_table(s->arena);
    const Dim **dims = arena_array(s->arena, const Dim *, rank);
    const Type *type;
    Var *var;
    Bind out;
    for (int k = 0; k < rank; k++) {
        const Loop *own = nest_loop(s, read->arg[1 + k]);
        const Var *place = k == axis ? sum
                         : graph_var(s->arena, s->graph, VAR_INDEX, own->var->name,
                                     type_scalar(PL_I64), (Loc){0});
        int64_t n;
        loops[k] = (Loop){place, term_int(s->arena, PL_I64, 0),
                          k == axis ? length(s, column, round) : expanded(s, own->to)};
        index->arg[1 + k] = k == axis ? f : term_ref(s->arena, place);
        if (term_is_int(loops[k].to, &n) && n >= 0) dims[k] = dim_number(table, n);
    }
    type = type_tensor(s->arena, read->type->dtype, rank, dims);
    nest = term_new(s->arena, TERM_FOR, type, read->at, 2, (const Term *)index,
                    (const Term *)NULL);
    nest->nloops = rank;
    nest->loop = loops;
    var = graph_var(s->arena, s->graph, VAR_LET, "wide", nest->type, (Loc){0});
    out = (Bind){var, nest};
    list_push(s->arena, &s->out, out);
    return term_ref(s->arena, var);
}

/* Subscripts but that of the axis are different loops of the nest; the column is one
 * more, whose subscript the read is at. */
static const Loop *column_of(const Slide *s, const Term *read, int axis) {
    unsigned used = 0;
    for (int k = 0; k < read->nargs - 1; k++) {
        const Loop *loop = k == axis ? NULL : nest_loop(s, read->arg[1 + k]);
        unsigned bit = loop ? 1u << (loop - s->nest->loop) : 0;
        if (k != axis && (!loop || used & bit || !is_outer(s, loop->to))) return NULL;
        used |= bit;
    }
    for (int k = 0; k < s->nest->nloops; k++)
        if (!(used >> k & 1))
            return nest_loop(s, term_ref(s->arena, s->nest->loop[k].var));
    return NULL;
}

static const Term *slide_read(Slide *s, const Term *read, int axis) {
    const Loop *column = column_of(s, read, axis);
    for (int i = 0; column && i < s->folds.n; i++) {
        const Loop *round = s->folds.at[i];
        const Var *sum = graph_var(s->arena, s->graph, VAR_INDEX, "u", type_scalar(PL_I64),
                                   (Loc){0});
        const Term *f;
        Term *copy;
        f = along(s, read->arg[1 + axis], column, round, sum);
        if (!f) continue;
        copy = term_again(s->arena, read);
        copy->arg[0] = wide(s, read, axis, f, sum, column, round);
        copy->arg[1 + axis] = i64_op(s, OP_ADD, term_ref(s->arena, column->var),
                                     term_ref(s->arena, round->var));
        copy->proved = ~0u;
        return copy;
    }
    return NULL;
}

static const Term *visit_read(Rewriter *rw, const Term *term) {
    unsigned all = (1u << (term->nargs - 1)) - 1;
    if (term->kind != TERM_INDEX || term->arg[0]->kind != TERM_REF || term->otherwise ||
        term->nargs < 3 || (term->proved & all) != all ||
        !is_outer(rw->data, term->arg[0]))
        return term;
    for (int axis = 1; axis < term->nargs - 1; axis++) {
        const Term *slid = slide_read(rw->data, term, axis);
        if (slid) return slid;
    }
    return term;
}

static const Term *visit(Rewriter *rw, const Term *term) {
    Slide s = {.arena = rw->arena, .graph = rw->graph, .nest = term};
    Rewriter inside = {.arena = rw->arena, .graph = rw->graph, .visit = visit_read,
                       .data = &s};
    const Term *result;
    Term *copy;
    if (term->kind != TERM_FOR || term->arg[1] || term->nloops < 2) return term;
    collect(term->arg[0], &s);
    if (!s.folds.n || s.guards) return term;
    copy = term_again(rw->arena, term);
    copy->arg[0] = rewrite(&inside, term->arg[0]);
    if (!s.out.n) return term;
    result = copy;
    for (int i = s.out.n - 1; i >= 0; i--)
        result = term_let(rw->arena, s.out.at[i].var, s.out.at[i].term, result);
    return result;
}

Graph *pass_slides(Arena *arena, const Graph *graph) {
    return graph_rewrite(arena, graph, visit, NULL);
}
