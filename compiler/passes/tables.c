/* tables: what does not use all indices of its nest is made once per value of
 * those it uses, before the nest.
 *
 *   for i, j: … fold s for t in a(i)..b(i): s + w(i, t) * x[t, j]
 *
 *   A = for i: a(i); B = for i: b(i); n = max(B - A)
 *   W = for i, u in 0..n: w(i, A[i] + u)
 *   for i, j: … fold s for t in A[i]..B[i]: s + W[i, t - A[i]] * x[t, j]
 *
 * Only expressions of more than a few operations that cannot fail and read no
 * tensor but constants and other tables. One that uses no index at all becomes
 * a scalar outside. */
#include "pass.h"

enum { FEW = 3, DEEP = 16 };

typedef struct Nest {           /* a loop around what is looked at */
    const Var *var;
    const Term *from, *to;
    unsigned on;                /* outer loops of the set its bounds hang on */
} Nest;

typedef struct Tabling {
    Arena *arena;
    Graph *graph;
    Nest nest[DEEP];
    int n;
    LIST(Bind) lets;            /* scalars bound inside of the nest */
    LIST(const Var *) locals;   /* what else is bound inside of it */
    LIST(Bind) out;             /* what is bound before it */
    LIST(const Var *) tables;
    Rewriter walked;            /* what stands in two places stays one term */
} Tabling;

/* ---- what a scalar hangs on ---- */

typedef struct Need {
    Tabling *t;
    unsigned loops;             /* of the nest, as a set */
    bool bad;                   /* it may fail, or reads what is no table */
    int cost;
    const Var *own[8];          /* states of folds inside of the term */
    int nown;
} Need;

static const Term *let_of(const Tabling *t, const Var *var) {
    for (int i = t->lets.n - 1; i >= 0; i--)
        if (t->lets.at[i].var == var) return t->lets.at[i].term;
    return NULL;
}

static bool is_table(const Tabling *t, const Term *tensor) {
    if (tensor->kind == TERM_DATA) return true;
    if (tensor->kind != TERM_REF) return false;
    if (tensor->var->kind == VAR_OPEN || tensor->var->kind == VAR_PARAM) return true;
    for (int i = 0; i < t->tables.n; i++)
        if (t->tables.at[i] == tensor->var) return true;
    return false;
}

static void need(const Term *term, void *data);

static void need_name(Need *d, const Var *var) {
    const Term *def = let_of(d->t, var);
    for (int i = 0; i < d->t->locals.n; i++) d->bad |= d->t->locals.at[i] == var;
    if (var->kind == VAR_STATE) {
        bool own = false;
        for (int i = 0; i < d->nown; i++) own |= d->own[i] == var;
        d->bad |= !own;
    }
    for (int i = 0; i < d->t->n; i++)
        if (d->t->nest[i].var == var) d->loops |= 1u << i;
    if (def) need(def, d);
}

static bool constant_divisor(const Term *term) {
    int64_t value;
    return term_is_int(term->arg[1], &value) && value > 0;
}

/* A fold's own states are no obstacle; any other state is. */
static void need_fold(Need *d, const Term *term) {
    if (term->nstates != 1 || term->arg[1] || term->arg[2] || d->nown == 8) {
        d->bad = true;
        return;
    }
    d->own[d->nown++] = term->states[0];
    term_children(term, need, d);
    d->nown--;
    d->cost += 100;
}

static void need(const Term *term, void *data) {
    Need *d = data;
    switch (term->kind) {
    case TERM_CONST: case TERM_DATA: return;
    case TERM_REF: need_name(d, term->var); return;
    case TERM_DIM: return;
    case TERM_GET: need(term->arg[0], data); return;
    case TERM_OP:
        if ((term->op == OP_FLOORDIV || term->op == OP_MOD) &&
            !dtype_is_float(term->type->dtype) && !constant_divisor(term))
            d->bad = true;
        d->cost += term->op == OP_DIV ? 6 : 1;
        break;
    case TERM_INDEX:
        if (!is_table(d->t, term->arg[0]) || term->otherwise ||
            (term->proved & ((1u << (term->nargs - 1)) - 1)) !=
                (1u << (term->nargs - 1)) - 1)
            d->bad = true;
        break;
    case TERM_IF: d->cost++; break;
    case TERM_LET: need(term->arg[0], d); need(term->arg[1], d); return;
    case TERM_FOLD: need_fold(d, term); return;
    default: d->bad = true; return;
    }
    term_children(term, need, d);
}

static Need needs_of(Tabling *t, const Term *term) {
    Need d = {.t = t};
    need(term, &d);
    for (int i = t->n - 1; i >= 0; i--)
        if (d.loops >> i & 1) d.loops |= t->nest[i].on;
    return d;
}

/* ---- making a table ---- */

/* Names bound inside of the nest are written out (those in `lets` are already). What is
 * bound in the copy is its own, as the term may stay where it is. */
static const Term *expanded(Tabling *t, const Term *term) {
    Rewriter rw = {.arena = t->arena, .graph = t->graph, .fresh = true};
    for (int i = 0; i < t->lets.n; i++)
        rewrite_replace(&rw, t->lets.at[i].var, t->lets.at[i].term);
    return rw.replaced.n ? rewrite(&rw, term) : term;
}

static const Term *i64(Tabling *t, Op op, const Term *a, const Term *b) {
    return term_op(t->arena, op, type_scalar(PL_I64), NULL, a, b, NULL);
}

static const Term *bind(Tabling *t, const char *name, const Term *value) {
    Var *var = graph_var(t->arena, t->graph, VAR_LET, name, value->type, (Loc){0});
    Bind out = {var, value};
    var->table = true;
    list_push(t->arena, &t->out, out);
    list_push(t->arena, &t->tables, (const Var *)var);
    return term_ref(t->arena, var);
}

static const Type *table_type(Tabling *t, pl_dtype dtype, int rank, const Loop *loops) {
    const Dim **dims = arena_array(t->arena, const Dim *, rank);
    DimTable *table = dim_table(t->arena);
    int64_t from, to;
    for (int k = 0; k < rank; k++)
        if (term_is_int(loops[k].from, &from) &&
            term_is_int(loops[k].to, &to) && from <= to)
            dims[k] = dim_number(table, to - from);
    return type_tensor(t->arena, dtype, rank, dims);
}

static bool is_own(const Nest *nest) { return nest->on == 0; }

/* The longest trip of a loop whose bounds hang on one outer loop. */
static const Term *longest(Tabling *t, const Nest *nest, const Nest *outer) {
    Var *state = graph_var(t->arena, t->graph, VAR_STATE, "most", type_scalar(PL_I64),
                           (Loc){0});
    Var *index = graph_var(t->arena, t->graph, VAR_INDEX, "i",
                           type_scalar(PL_I64), (Loc){0});
    const Var *const vars[1] = {outer->var};
    const Term *values[1] = {term_ref(t->arena, index)};
    const Term *from = term_instance(t->arena, t->graph, nest->from, 1, vars, values);
    const Term *to = term_instance(t->arena, t->graph, nest->to, 1, vars, values);
    Term *fold = term_new(
        t->arena, TERM_FOLD, type_scalar(PL_I64), NULL, 3,
        i64(t, OP_MAX, term_ref(t->arena, state), i64(t, OP_SUB, to, from)),
        NULL, NULL);
    Loop *loop = arena_new_of(t->arena, Loop);
    *loop = (Loop){index, outer->from, outer->to};
    fold->nloops = 1;
    fold->loop = loop;
    fold->nstates = 1;
    fold->states = arena_new_of(t->arena, const Var *);
    fold->states[0] = state;
    fold->inits = arena_new_of(t->arena, const Term *);
    fold->inits[0] = term_int(t->arena, PL_I64, 0);
    return bind(t, "most", fold);
}

/* A loop of the table for each loop that the term hangs on, and where the nest
 * reads. False: its range is not simple enough. */
static bool table_loops(Tabling *t, unsigned loops, Loop *own, const Var **vars,
                        const Term **values, const Term **at, int *rank) {
    *rank = 0;
    for (int i = 0; i < t->n; i++) {
        const Nest *nest = &t->nest[i];
        Var *index;
        int outer = -1;
        if (!(loops >> i & 1)) continue;
        if (*rank == 8) return false;
        index = graph_var(t->arena, t->graph, VAR_INDEX, nest->var->name,
                          type_scalar(PL_I64), (Loc){0});
        for (int k = 0; k < i; k++)
            if (nest->on >> k & 1) {
                if (outer >= 0) return false;
                outer = k;
            }
        vars[*rank] = nest->var;
        at[*rank] = i64(t, OP_SUB, term_ref(t->arena, nest->var), nest->from);
        values[*rank] = term_ref(t->arena, index);
        if (is_own(nest)) {
            own[*rank] = (Loop){index, nest->from, nest->to};
        } else {
            const Term *from = term_instance(t->arena, t->graph, nest->from, *rank, vars,
                                             values);
            own[*rank] = (Loop){index, term_int(t->arena, PL_I64, 0),
                                longest(t, nest, &t->nest[outer])};
            values[*rank] = i64(t, OP_ADD, from, values[*rank]);
        }
        (*rank)++;
    }
    return true;
}

static const Term *make_table(Tabling *t, const Term *term, unsigned loops) {
    Loop *own = arena_array(t->arena, Loop, 8);
    const Var *vars[8];
    const Term *values[8], *at[8], *body;
    Term *table, *read;
    int rank;
    term = expanded(t, term);
    if (!loops) return bind(t, "once", term);
    if (!table_loops(t, loops, own, vars, values, at, &rank)) return NULL;
    body = term_instance(t->arena, t->graph, term, rank, vars, values);
    table = term_new(t->arena, TERM_FOR, table_type(t, term->type->dtype, rank, own),
                     term->at, 2, body, NULL);
    table->nloops = rank;
    table->loop = own;
    read = term_new(t->arena, TERM_INDEX, term->type, term->at, 0);
    read->nargs = 1 + rank;
    read->arg = arena_array(t->arena, const Term *, rank + 1);
    read->arg[0] = bind(t, "table", table);
    for (int k = 0; k < rank; k++) read->arg[1 + k] = at[k];
    read->proved = ~0u;
    return read;
}

/* ---- looking through a nest ---- */

static const Term *walk(Tabling *t, const Term *term);

static unsigned all_loops(const Tabling *t) { return (1u << t->n) - 1; }

static const Term *try_table(Tabling *t, const Term *term) {
    Need d;
    const Term *table;
    if (term->type->kind != TY_TENSOR || term->type->rank || term_is_trivial(term) ||
        term->kind == TERM_LET || t->n == 0)
        return NULL;
    d = needs_of(t, term);
    if (d.bad || d.cost <= FEW || d.loops == all_loops(t)) return NULL;
    table = make_table(t, term, d.loops);
    return table;
}

static const Term *walk_let(Tabling *t, const Term *term) {
    const Term *value = walk(t, term->arg[0]), *body;
    Term *copy;
    if (value->type->kind == TY_TENSOR && value->type->rank == 0) {
        Bind let = {term->var, expanded(t, value)};
        list_push(t->arena, &t->lets, let);
    } else {
        list_push(t->arena, &t->locals, term->var);
    }
    body = walk(t, term->arg[1]);
    copy = term_again(t->arena, term);
    copy->arg[0] = value;
    copy->arg[1] = body;
    return copy;
}

static unsigned hangs_on(Tabling *t, const Loop *loop) {
    Need from = needs_of(t, loop->from), to = needs_of(t, loop->to);
    return from.loops | to.loops;
}

/* A fold inside of the nest is one more loop. */
static const Term *walk_fold(Tabling *t, const Term *term) {
    Term *copy = term_again(t->arena, term);
    Loop *loops = arena_array(t->arena, Loop, term->nloops);
    int outer = t->n, lets = t->lets.n;
    const Term **inits = arena_array(t->arena, const Term *, term->nstates);
    for (int i = 0; i < term->nstates; i++) inits[i] = walk(t, term->inits[i]);
    copy->inits = inits;
    for (int i = 0; i < term->nloops; i++) {
        loops[i] = term->loop[i];
        loops[i].from = walk(t, term->loop[i].from);
        loops[i].to = walk(t, term->loop[i].to);
    }
    copy->loop = loops;
    for (int i = 0; i < term->nloops && t->n < DEEP; i++) {
        unsigned on = hangs_on(t, &loops[i]);
        t->nest[t->n++] = (Nest){loops[i].var, expanded(t, loops[i].from),
                                 expanded(t, loops[i].to), on};
    }
    if (t->n - outer == term->nloops)
        for (int i = 0; i < term->nargs; i++)
            if (term->arg[i]) copy->arg[i] = walk(t, term->arg[i]);
    t->n = outer;
    t->lets.n = lets;
    return copy;
}

static const Term *walk_inside(Tabling *t, const Term *term) {
    const Term *table = try_table(t, term);
    Term *copy;
    if (table) return table;
    switch (term->kind) {
    case TERM_LET: return walk_let(t, term);
    case TERM_FOLD: return term->nstates == 1 ? walk_fold(t, term) : term;
    case TERM_OP: case TERM_IF: case TERM_INDEX: case TERM_CHECK: break;
    default: return term;
    }
    copy = term_again(t->arena, term);
    for (int i = 0; i < term->nargs; i++)
        if (term->arg[i] && (i > 0 || term->kind != TERM_INDEX))
            copy->arg[i] = walk(t, term->arg[i]);
    if (term->otherwise) copy->otherwise = walk(t, term->otherwise);
    return copy;
}

static const Term *walk(Tabling *t, const Term *term) {
    const Term *done = rewrite_done(&t->walked, term);
    if (done || term_is_trivial(term)) return done ? done : term;
    done = walk_inside(t, term);
    rewrite_remember(&t->walked, term, done);
    return done;
}

static const Term *as_walked(Rewriter *rw, const Term *term) {
    const Term *done = rewrite_done(rw->data, term);
    return done ? done : term;
}

/* The same term may also stand where walk does not look. */
static const Term *everywhere(Tabling *t, const Term *body) {
    Rewriter rw = {.arena = t->arena, .graph = t->graph, .before = as_walked,
                   .data = &t->walked};
    return rewrite(&rw, body);
}

static const Term *visit(Rewriter *rw, const Term *term) {
    Tabling t = {.arena = rw->arena, .graph = rw->graph, .walked.arena = rw->arena};
    Term *copy;
    const Term *result;
    if (term->kind != TERM_FOR || term->arg[1] || term->nloops >= DEEP) return term;
    for (int i = 0; i < term->nloops; i++)
        t.nest[t.n++] =
            (Nest){term->loop[i].var, term->loop[i].from, term->loop[i].to, 0};
    copy = term_again(t.arena, term);
    copy->arg[0] = walk(&t, term->arg[0]);
    if (!t.out.n) return term;
    copy->arg[0] = everywhere(&t, copy->arg[0]);
    result = copy;
    for (int i = t.out.n - 1; i >= 0; i--)
        result = term_let(t.arena, t.out.at[i].var, t.out.at[i].term, result);
    return result;
}

Graph *pass_tables(Arena *arena, const Graph *graph) {
    return graph_rewrite(arena, graph, visit, NULL);
}
