/* Subscripts of tensors in memory that rows of a sweep read: as those of rings they are
 * evaluated before the rows, and tested there once, so that the rows need no test. Only
 * what is read for sure, at places that are made of what is known before the sweep and
 * hang on one loop of the nest at most. */
#include "lower_sweep.h"

typedef struct Inputs {
    Gen *g;
    const SweepStage *last;     /* of the sweep */
    SweepStage *stage;
    LIST(const Var *) seen;
} Inputs;

/* ---- what is known before the sweep ---- */

static bool is_made_here(const SweepStage *stage, const Var *var) {
    for (int i = 0; i < stage->reductions.n; i++)
        if (stage->reductions.at[i].value == var) return true;
    for (int i = 0; i < stage->made.n; i++)
        if (stage->made.at[i].var == var) return true;
    for (int i = 0; i < stage->producers.n; i++)
        if (is_made_here(stage->producers.at[i], var)) return true;
    return false;
}

/* A tensor in memory, a scalar that was made. */
static bool is_known_before(const Inputs *in, const Var *var) {
    const Thunk *thunk = bind_thunk(in->g, var);
    if (!thunk || !thunk->known || is_made_here(in->last, var)) return false;
    return thunk->value.kind != LOW_TENSOR || !thunk->value.t->placed;
}

typedef struct { const Inputs *in; const SweepRead *read; bool ready; } Ready;

static bool is_bound_on_the_way(const SweepRead *read, const Var *var) {
    for (int k = 0; k < read->loop->nloops; k++)
        if (read->loop->loop[k].var == var) return true;
    for (int i = 0; i < read->nsteps; i++) {
        const SweepStep *step = &read->step[i];
        if (step->let ? step->let->var == var : step->loop && step->loop->var == var)
            return true;
    }
    return false;
}

static void find_unready(const Term *term, void *data) {
    Ready *r = data;
    switch (term->kind) {
    case TERM_REF:
        r->ready &= is_bound_on_the_way(r->read, term->var) ||
                    is_known_before(r->in, term->var);
        return;
    case TERM_CONST: case TERM_DIM: return;
    case TERM_OP: case TERM_IF: case TERM_INDEX:
        term_children(term, find_unready, data);
        return;
    default: r->ready = false;
    }
}

static bool is_ready(const Inputs *in, const SweepRead *read, int axis) {
    SweepRead need = sweep_needed(read, axis);
    Ready r = {in, &need, true};
    find_unready(read->index->arg[1 + axis], &r);
    for (int i = 0; i < need.nsteps; i++) {
        const SweepStep *step = &need.step[i];
        if (step->let) find_unready(step->let->arg[0], &r);
        if (!step->loop) continue;
        find_unready(step->loop->from, &r);
        find_unready(step->loop->to, &r);
    }
    return r.ready;
}

/* ---- which reads ---- */

static void add(Inputs *in, const SweepRead *read) {
    Arena *arena = in->g->all->arena;
    if (read->maybe || read->index->otherwise) return;
    for (int k = 0; k < read->index->nargs - 1; k++) {
        unsigned on = sweep_hangs_on(read, read->index->arg[1 + k]);
        SweepInput input = {*read, k, on};
        if (on & (on - 1) || index_proved(in->g, read->index, k) || !is_ready(in, read, k))
            continue;
        list_push(arena, &in->stage->inputs, input);
        list_push(arena, &in->g->tested, ((IndexTest){read->index, k}));
    }
}

static void find_tensors(const Term *term, void *data) {
    Inputs *in = data;
    const Var *var = term->kind == TERM_INDEX && term->arg[0]->kind == TERM_REF
                         ? term->arg[0]->var : NULL;
    SweepReads reads = {0};
    term_children(term, find_tensors, data);
    for (int i = 0; var && i < in->seen.n; i++)
        if (in->seen.at[i] == var) return;
    if (!var || !is_known_before(in, var)) return;
    list_push(in->g->all->arena, &in->seen, var);
    sweep_reads_of(in->g, in->stage, var, &reads);
    for (int i = 0; i < reads.n; i++) add(in, &reads.at[i]);
}

static void find(Gen *g, const SweepStage *last, SweepStage *stage) {
    Inputs in = {.g = g, .last = last, .stage = stage};
    for (int i = 0; i < stage->arms.n; i++)
        find_tensors(stage->arms.at[i].loop->arg[0], &in);
    for (int i = 0; i < stage->producers.n; i++) find(g, last, stage->producers.at[i]);
}

void sweep_find_inputs(Gen *g, SweepStage *last) {
    if (!g->sweep_loops) find(g, last, last);   /* else a test would leave too late */
}

/* ---- the tests ---- */

static void test(Gen *g, const SweepRead *read, void *data) {
    const SweepInput *input = data;
    Value sub = gen_scalar(g, read->index->arg[1 + input->axis]).v;
    Value size = bind_dim(g, bind_thunk(g, read->index->arg[0]->var), input->axis).v;
    gen_fail_when(g, gen_op(g, LOOP_ULE, LT_I1, 2, size, sub),
                  gen_site(g, read->index->at, NULL), sub, size, NO_VALUE, true);
}

static void test_input(Gen *g, const SweepStage *stage, SweepInput *input) {
    int old = context_open(g), loop = 0;
    while (input->on >> loop > 1) loop++;
    if (input->on)
        sweep_bind(g, stage, loop, gen_for(g, stage->from[loop], stage->to[loop]));
    sweep_replay(g, &input->read, input->axis, test, input);
    if (input->on) gen_end(g);
    context_close(g, old);
}

void sweep_test_inputs(Gen *g, const SweepStage *stage) {
    for (int i = 0; i < stage->inputs.n; i++) test_input(g, stage, &stage->inputs.at[i]);
    for (int i = 0; i < stage->producers.n; i++)
        sweep_test_inputs(g, stage->producers.at[i]);
}
