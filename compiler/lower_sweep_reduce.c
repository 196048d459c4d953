/* Reductions in the sweep that makes what they reduce: a row is added as soon as it
 * is made. The reader's first row waits for them, so the ring holds all rows then,
 * which are made forwards: the order of elements is the meaning of a sum. Where a
 * choice does not need them nothing of this happens. */
#include "lower_sweep.h"

/* ---- what can be reduced row by row ---- */

typedef LIST(Bind) Binds;

static int uses_in(const Binds *binds, const Var *var) {
    int n = 0;
    for (int i = 0; i < binds->n; i++) n += sweep_uses(binds->at[i].term, var);
    return n;
}

static bool reads_any(const Term *term, const Binds *binds) {
    for (int i = 0; i < binds->n; i++)
        if (sweep_uses(term, binds->at[i].var)) return true;
    return false;
}

static bool is_pending(const SweepStage *reader, const Var *var) {
    for (int i = 0; i < reader->pending.n; i++)
        if (reader->pending.at[i] == var) return true;
    return false;
}

typedef struct Finder {
    Gen *g;
    const Var *var;             /* of the producer */
    const SweepStage *reader;   /* NULL: whoever reads them */
    Binds binds;                /* scalars made of reductions */
    LIST(SweepReduction) found;
    int uses;                   /* of the producer, by these */
    bool good;
} Finder;

static bool is_all_rows(const Loop *loop, const Var *var) {
    int64_t to, size;
    if (loop->to->kind == TERM_DIM)
        return loop->to->axis == 0 && loop->to->arg[0]->kind == TERM_REF &&
               loop->to->arg[0]->var == var;
    return term_is_int(loop->to, &to) && var->type->dims[0] &&
           dim_constant(var->type->dims[0], &size) && to == size;
}

/* proved: the subscripts of all rows are in range, so there are no more. */
typedef struct { Finder *f; const Term *loop; int rows; bool good, proved; } Rows;

/* Rows of the producer at the first index; all else is there already. */
static void find_row_reads(const Term *term, void *data) {
    Rows *r = data;
    if (term->kind == TERM_REF && r->f->reader)
        r->good &= !is_pending(r->f->reader, term->var);
    if (term->kind == TERM_INDEX && term->arg[0]->kind == TERM_REF) {
        const Var *var = term->arg[0]->var;
        if (var == r->f->var) {
            r->good &= term->arg[1]->kind == TERM_REF &&
                       term->arg[1]->var == r->loop->loop[0].var && !term->otherwise;
            r->proved &= index_proved(r->f->g, term, 0);
            r->rows++;
        } else {
            r->good &= !sweep_definition(r->f->g, var);
        }
    }
    term_children(term, find_row_reads, data);
}

static const Term *rows_of(Finder *f, const Term *reduce) {
    const Term *loop = reduce->arg[0];
    Rows rows = {f, loop, 0, true, true};
    int64_t from;
    if (loop->kind == TERM_REF && loop->var == f->var)
        rows.loop = loop = sweep_loop_over(f->g, loop);
    if (loop->kind != TERM_FOR || (loop->nargs > 1 && loop->arg[1]) ||
        loop->type->kind != TY_TENSOR || !term_is_int(loop->loop[0].from, &from) || from)
        return NULL;
    find_row_reads(loop->arg[0], &rows);
    f->uses += rows.rows;
    if (!rows.good || rows.rows != sweep_uses(loop, f->var)) return NULL;
    return rows.proved || is_all_rows(&loop->loop[0], f->var) ? loop : NULL;
}

static const Term *replaced(Finder *f, const Term *term);

/* A reduction of the producer becomes a name. */
static const Term *replaced_reduce(Finder *f, const Term *reduce) {
    SweepReduction r = {.reduce = reduce, .loop = rows_of(f, reduce)};
    f->good &= r.loop && !sweep_reads_made_of(f->g, reduce, f->var);
    r.value = var_own(f->g->all, VAR_LET, "reduction", reduce->type, f->g->level);
    list_push(f->g->all->arena, &f->found, r);
    return term_ref(f->g->all->arena, r.value);
}

static const Term *replaced(Finder *f, const Term *term) {
    Term *copy;
    if (!sweep_uses(term, f->var)) return term;
    if (term->kind == TERM_REDUCE) return replaced_reduce(f, term);
    if (term->kind != TERM_OP && term->kind != TERM_IF) {
        f->good = false;
        return term;
    }
    copy = arena_new_of(f->g->all->arena, Term);
    *copy = *term;
    copy->arg = arena_array(f->g->all->arena, const Term *, term->nargs);
    for (int i = 0; i < term->nargs; i++) copy->arg[i] = replaced(f, term->arg[i]);
    return copy;
}

/* ---- scalars made of reductions ---- */

static bool is_scalar_field(const Node *node) {
    return node->kind == NODE_FIELD && node->term->type->kind == TY_TENSOR &&
           !node->term->type->rank;
}

/* Nobody but the reader and scalars of the same kind need it. */
static bool is_ours(Gen *g, const SweepStage *reader, const Binds *binds,
                    const Var *var) {
    const Graph *graph = g->all->graph;
    int all = 0;
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        bool live = node->kind != NODE_FIELD || g->all->live.at[node->vars[0]->id];
        all += live ? sweep_uses(node->term, var) : 0;      /* a choice of dims counts */
    }
    for (int i = 0; i < graph->batched.n; i++)
        if (graph->batched.at[i]->of == var) return false;
    return all == sweep_uses(reader->def, var) + uses_in(binds, var);
}

static bool is_live(const Gen *g, const Var *var) {
    return g->all->live.at[var->id] & 1u << USE_DATA;
}

/* Scalars of that level that hang on the producer. */
static void find_scalars(Finder *f, int level) {
    const Graph *graph = f->g->all->graph;
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        const Term *term = node->term;
        if (!is_scalar_field(node) || node->level != level ||
            !is_live(f->g, node->vars[0]))
            continue;
        if (sweep_uses(term, f->var)) term = replaced(f, term);
        else if (!reads_any(term, &f->binds)) continue;
        list_push(f->g->all->arena, &f->binds, ((Bind){node->vars[0], term}));
    }
}

/* It may stand in a loop. */
static bool is_light(const Term *term) {
    switch (term->kind) {
    case TERM_CONST: case TERM_REF: case TERM_DIM: return true;
    case TERM_OP: case TERM_IF:
        for (int i = 0; i < term->nargs; i++)
            if (!is_light(term->arg[i])) return false;
        return true;
    default: return false;
    }
}

static bool in_conditions(const Term *def, const Var *var) {
    if (def->kind != TERM_IF || def->type->rank == 0) return false;
    return sweep_uses(def->arg[0], var) || in_conditions(def->arg[1], var) ||
           in_conditions(def->arg[2], var);
}

/* The scalars stand in the bodies of the reader's loops. */
static const Term *with_names(Gen *g, const Term *def, const Binds *binds) {
    Term *copy = arena_new_of(g->all->arena, Term);
    const Term *body;
    *copy = *def;
    copy->arg = arena_array(g->all->arena, const Term *, def->nargs);
    for (int i = 0; i < def->nargs; i++) copy->arg[i] = def->arg[i];
    if (def->kind == TERM_IF) {
        for (int i = 1; i < 3; i++) copy->arg[i] = with_names(g, def->arg[i], binds);
        return copy;
    }
    body = def->arg[0];
    for (int i = binds->n - 1; i >= 0; i--) {
        Term *let = term_new(g->all->arena, TERM_LET, body->type, body->at, 2,
                             binds->at[i].term, body);
        let->var = binds->at[i].var;
        body = let;
    }
    copy->arg[0] = body;
    return copy;
}

bool sweep_find_reductions(Gen *g, SweepStage *producer, SweepStage *reader, int uses) {
    Finder f = {.g = g, .var = producer->var, .reader = reader, .good = true};
    const Term *def = producer->def;
    if (!uses) return true;
    if (def->kind == TERM_KERNEL && !def->kernel->rows) return false;   /* no rows made */
    find_scalars(&f, reader->level);
    for (int i = 0; i < f.binds.n; i++) {
        const Var *var = f.binds.at[i].var;
        f.good &= is_light(f.binds.at[i].term) && !is_pending(reader, var) &&
                  is_ours(g, reader, &f.binds, var) &&
                  !sweep_is_address(g, reader, var) && !in_conditions(reader->def, var);
    }
    if (!f.good || f.uses != uses) return false;
    for (int i = 0; i < f.binds.n; i++)
        list_push(g->all->arena, &reader->pending, f.binds.at[i].var);
    for (int i = 0; i < f.found.n; i++)
        list_push(g->all->arena, &producer->reductions, f.found.at[i]);
    sweep_set_definition(g, reader, with_names(g, reader->def, &f.binds));
    return true;
}

/* Of a tensor that is kept whole: scalars are made of reductions that run as it is
 * filled, each for itself. */
void sweep_find_own_reductions(Gen *g, SweepStage *last, const Var *var) {
    const Graph *graph = g->all->graph;
    Finder all = {.g = g, .var = var, .good = true};
    find_scalars(&all, g->level);       /* what hangs on what */
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        Finder f = {.g = g, .var = var, .binds = all.binds, .good = true};
        const Term *term;
        const Thunk *thunk;
        if (!is_scalar_field(node) || node->level != g->level ||
            !is_live(g, node->vars[0]) || !sweep_uses(node->term, var))
            continue;
        thunk = bind_thunk(g, node->vars[0]);
        if (thunk->known || thunk->making) continue;
        term = replaced(&f, node->term);
        if (!f.good || f.uses != sweep_uses(node->term, var)) continue;
        for (int k = 0; k < f.found.n; k++)
            list_push(g->all->arena, &last->reductions, f.found.at[k]);
        list_push(g->all->arena, &last->made, ((Bind){node->vars[0], term}));
    }
}

/* ---- whether it is needed ---- */

typedef struct { Gen *g; const SweepStage *reader; const Var *value; Value when; } Demand;

static void find_demand(const Term *term, void *data);

static Value demand_of(const Demand *d, const Term *term) {
    Demand inner = {d->g, d->reader, d->value, NO_VALUE};
    find_demand(term, &inner);
    return inner.when;
}

static Value both(Gen *g, Value a, Value b) {
    return b == NO_VALUE ? b : gen_op(g, LOOP_AND, LT_I1, 2, a, b);
}

static const Term *pending_term(const Demand *d, const Var *var) {
    const Term *body = d->reader->arms.at[0].loop->arg[0];
    for (; body->kind == TERM_LET; body = body->arg[1])
        if (body->var == var) return body->arg[0];
    return NULL;
}

static void find_demand(const Term *term, void *data) {
    Demand *d = data;
    Gen *g = d->g;
    Value when = NO_VALUE;
    if (term->kind == TERM_REF) {
        if (term->var == d->value) when = gen_int(g, LT_I1, 1);
        else if (is_pending(d->reader, term->var))
            when = demand_of(d, pending_term(d, term->var));
    } else if (term->kind == TERM_LET && is_pending(d->reader, term->var)) {
        when = demand_of(d, term->arg[1]);
    } else if (term->kind == TERM_IF && sweep_is_fixed(d->reader, term->arg[0])) {
        Value c = gen_scalar(g, term->arg[0]).v;
        when = both(g, c, demand_of(d, term->arg[1]));
        when = gen_or(g, when, both(g, gen_not(g, c), demand_of(d, term->arg[2])));
    } else {
        term_children(term, find_demand, data);
        return;
    }
    if (when != NO_VALUE) d->when = gen_or(g, d->when, when);
}

/* ---- code ---- */

void sweep_reduce_announce(Gen *g, const SweepStage *stage) {
    for (int i = 0; i < stage->reductions.n; i++) {
        const SweepReduction *r = &stage->reductions.at[i];
        Value none = gen_zero(g, reg_type(r->reduce->type->dtype));
        bind_value(g, r->value, low_scalar(scalar(none), r->reduce->type));
    }
}

static void make_result(Gen *g, SweepReduction *r) {
    LoopScalar type = reg_type(r->reduce->type->dtype);
    r->result = build_var(&g->b, type, gen_zero(g, type));
    r->done = build_var(&g->b, LT_I1, gen_int(g, LT_I1, 0));
    r->reducing = reduce_begin(g, r->reduce, r->loop);
}

void sweep_reduce_begin(Gen *g, SweepStage *stage) {
    for (int i = 0; i < stage->reductions.n; i++) {
        SweepReduction *r = &stage->reductions.at[i];
        Demand d = {g, stage->reader, r->value, gen_int(g, LT_I1, !stage->reader)};
        if (stage->reader) find_demand(stage->reader->def, &d);
        r->needed = d.when;
        make_result(g, r);
    }
}

Value sweep_reduces(Gen *g, const SweepStage *stage) {
    Value any = NO_VALUE;
    for (int i = 0; i < stage->reductions.n; i++)
        any = gen_or(g, any, stage->reductions.at[i].needed);
    return any;
}

void sweep_reduce_row(Gen *g, const SweepStage *stage, Value row) {
    for (int i = 0; i < stage->reductions.n; i++) {
        const SweepReduction *r = &stage->reductions.at[i];
        Value more = gen_op(g, LOOP_SLT, LT_I1, 2, row, reduce_rows(r->reducing));
        int old;
        gen_if(g, gen_op(g, LOOP_AND, LT_I1, 2, r->needed, more));
        old = context_open(g);
        bind_index(g, r->loop->loop[0].var, scalar(row));
        reduce_row(g, r->reducing, r->loop, row);
        context_close(g, old);
        gen_end(g);
    }
}

void sweep_reduce_end(Gen *g, const SweepStage *stage) {
    for (int i = 0; i < stage->reductions.n; i++) {
        const SweepReduction *r = &stage->reductions.at[i];
        gen_if(g, gen_op(g, LOOP_AND, LT_I1, 2, r->needed,
                         gen_not(g, build_get(&g->b, r->done))));
        build_set(&g->b, r->result, reduce_end(g, r->reducing).v);
        build_set(&g->b, r->done, gen_int(g, LT_I1, 1));
        gen_end(g);
        bind_value(g, r->value, low_scalar(scalar(build_get(&g->b, r->result)),
                                           r->reduce->type));
    }
    for (int i = 0; i < stage->made.n; i++) {
        Thunk *thunk = bind_thunk(g, stage->made.at[i].var), now = *thunk;
        now.term = stage->made.at[i].term;
        thunk_set(g, thunk, &now);
    }
}
