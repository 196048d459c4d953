/* Sweeps: one pass over rows instead of whole tensors in memory.
 *
 * A loop that reads a tensor P row by row (the first subscript of every read
 * hangs on one index r of the loop, and on indices of folds) sweeps over r.
 * P is kept as a ring of rows: before row r of the reader, P runs to the last
 * row that row r reads. P may be another loop, which then has rings of its own,
 * or a kernel that yields rows. Which rows and columns are read is computed for
 * each record by evaluating the subscripts, so nothing has to be proved; at
 * worst a ring holds everything.
 *
 *   lo[r], hi[r]   the rows that r reads; hi is then its running maximum
 *   slots          the power of two above max over r of hi[..r] - min lo[r..] + 1
 *   columns        the hull of what is read of each other dimension
 *
 * Only tensors with one reader are kept so. */
#include "lower_lanes.h"
#include "lower_room.h"
#include "lower_sweep.h"

/* ---- who reads a tensor ---- */

typedef struct { const Var *var; int n; } Uses;

static void count_data(const Term *term, void *data) {
    Uses *u = data;
    if (term->kind == TERM_REF) u->n += term->var == u->var;
    else if (term->kind != TERM_DIM) term_children(term, count_data, data);
}

static int data_uses(const Term *term, const Var *var) {
    Uses u = {var, 0};
    count_data(term, &u);
    return u.n;
}

static bool only_reader(Gen *g, const Var *var, const Term *loop) {
    const Graph *graph = g->all->graph;
    int mine = data_uses(loop, var), all = 0;
    for (int i = 0; i < graph->nodes.n; i++)
        all += data_uses(graph->nodes.at[i].term, var);
    for (int i = 0; i < graph->batched.n; i++) all += graph->batched.at[i]->of == var;
    return mine > 0 && mine == all;
}

/* ---- reads of a tensor in a loop, with the loops around them ---- */

typedef struct Walk {
    Gen *g;
    SweepStage *stage;          /* the reader */
    const Var *var;             /* what is read */
    SweepRead now;              /* the way to where we are */
    SweepReads *reads;
} Walk;

static void find_reads(Walk *w, const Term *term);

static void find_maybe(Walk *w, const Term *term) {
    bool maybe = w->now.maybe;
    if (!term) return;
    w->now.maybe = true;
    find_reads(w, term);
    w->now.maybe = maybe;
}

static void find_child(const Term *term, void *data) { find_reads(data, term); }

static void find_in_fold(Walk *w, const Term *term) {
    int steps = w->now.nsteps;
    for (int i = 0; i < term->nstates; i++) find_reads(w, term->inits[i]);
    for (int i = 0; i < term->nloops; i++) {
        find_reads(w, term->loop[i].from);
        find_reads(w, term->loop[i].to);
        if (w->now.nsteps < SWEEP_STEPS)
            w->now.step[w->now.nsteps++] = (SweepStep){&term->loop[i], NULL};
    }
    for (int i = 0; i < term->nargs; i++) {
        if (!term->arg[i]) continue;
        if (term->nargs > 1 && (term->arg[1] || (term->nargs > 2 && term->arg[2])))
            find_maybe(w, term->arg[i]);
        else find_reads(w, term->arg[i]);
    }
    w->now.nsteps = steps;
}

static void find_reads(Walk *w, const Term *term) {
    int steps = w->now.nsteps;
    if (term->kind == TERM_INDEX && term->arg[0]->kind == TERM_REF &&
        term->arg[0]->var == w->var) {
        w->now.index = term;
        list_push(w->g->all->arena, w->reads, w->now);
    }
    switch (term->kind) {
    case TERM_LET:
        find_reads(w, term->arg[0]);
        if (steps < SWEEP_STEPS) w->now.step[w->now.nsteps++] = (SweepStep){NULL, term};
        find_reads(w, term->arg[1]);
        w->now.nsteps = steps;
        break;
    case TERM_FOR: case TERM_FOLD: case TERM_SCAN: find_in_fold(w, term); break;
    case TERM_IF:
        find_reads(w, term->arg[0]);
        find_maybe(w, term->arg[1]);
        find_maybe(w, term->arg[2]);
        break;
    case TERM_INDEX:
        for (int k = 1; k < term->nargs; k++) find_reads(w, term->arg[k]);
        find_maybe(w, term->otherwise);
        break;
    default: term_children(term, find_child, w); break;
    }
}

void sweep_reads(Gen *g, const Var *var, const Term *term, SweepReads *reads) {
    Walk w = {.g = g, .var = var, .reads = reads};
    find_reads(&w, term);
}

/* ---- which loops of the reader a subscript hangs on ---- */

typedef struct { const Term *loop; const SweepRead *read; unsigned on; } Hangs;

static void hangs(const Term *term, void *data) {
    Hangs *h = data;
    if (term->kind != TERM_REF) {
        term_children(term, hangs, data);
        return;
    }
    for (int k = 0; k < h->loop->nloops; k++)
        if (h->loop->loop[k].var == term->var) h->on |= 1u << k;
    for (int i = 0; i < h->read->nsteps; i++) {
        const SweepStep *step = &h->read->step[i];
        if (step->let && step->let->var == term->var) hangs(step->let->arg[0], data);
        if (step->loop && step->loop->var == term->var) {
            hangs(step->loop->from, data);
            hangs(step->loop->to, data);
        }
    }
}

unsigned sweep_hangs_on(const Term *loop, const SweepRead *read, const Term *term) {
    Hangs h = {loop, read, 0};
    hangs(term, &h);
    return h.on;
}

/* ---- which tensors can be windows ---- */

static bool is_row_kernel(const Term *def) {
    return def->kind == TERM_KERNEL && def->kernel->nresults == 1 &&
           !def->kernel->library && !def->kernel->one_at_a_time &&
           def->type->kind == TY_TENSOR && def->type->rank > 0 &&
           (def->kernel->rows || def->kernel->region[0]);
}

static bool is_row_loop(const Term *def) {
    return def->kind == TERM_FOR && !(def->nargs > 1 && def->arg[1]) &&
           def->arg[0]->type->kind == TY_TENSOR && def->arg[0]->type->rank == 0;
}

static const Term *definition_of(Gen *g, const Var *var) {
    Thunk *thunk = bind_thunk(g, var);
    if (var->table || var->type->rank < 2) return NULL;
    if (thunk->known || !thunk->term || thunk->parent || var->kind == VAR_OPEN) return NULL;
    return is_row_loop(thunk->term) || is_row_kernel(thunk->term) ? thunk->term : NULL;
}

/* Names whose elements decide which elements are read: they are needed before
 * the sweep. */
typedef struct { Gen *g; const Term *loop; const Var *var; bool found; } Address;

static void find_address(const Term *term, void *data);

static void find_value(const Term *term, void *data) {
    Address *a = data;
    if (term->kind != TERM_REF) {
        if (term->kind != TERM_DIM) term_children(term, find_value, data);
        return;
    }
    a->found |= term->var == a->var;
    if (term->var->kind == VAR_LET && term->var->id < a->g->all->def.n &&
        a->g->all->def.at[term->var->id] && !a->found)
        find_value(a->g->all->def.at[term->var->id], data);
}

static void find_address(const Term *term, void *data) {
    Address *a = data;
    if (term->kind == TERM_INDEX && term->arg[0]->kind == TERM_REF &&
        definition_of(a->g, term->arg[0]->var))
        for (int k = 1; k < term->nargs; k++) find_value(term->arg[k], data);
    for (int k = 0; k < term->nloops; k++) {
        find_value(term->loop[k].from, data);
        find_value(term->loop[k].to, data);
    }
    term_children(term, find_address, data);
}

static bool is_address(Gen *g, const Term *loop, const Var *var) {
    Address a = {g, loop, var, false};
    find_address(loop, &a);
    return a.found;
}

/* The one loop of the reader on which all rows hang; -1: there is none. */
static int row_loop(const SweepStage *reader, const SweepReads *reads, int row) {
    for (int i = 0; i < reads->n; i++) {
        unsigned on = sweep_hangs_on(reader->def, &reads->at[i], reads->at[i].index->arg[1]);
        for (int k = 0; k < reader->def->nloops; k++) {
            if (on == 0) break;
            if (on == 1u << k && (row < 0 || row == k)) {
                row = k;
                on = 0;
            }
        }
        if (on) return -2;
    }
    return row;
}

typedef LIST(const Var *) Vars;
typedef struct { Gen *g; Vars *vars; } Names;

static void find_tensors(const Term *term, void *data) {
    Names *names = data;
    if (term->kind == TERM_INDEX && term->arg[0]->kind == TERM_REF) {
        bool known = false;
        for (int i = 0; i < names->vars->n; i++)
            known |= names->vars->at[i] == term->arg[0]->var;
        if (!known)
            list_push(names->g->all->arena, names->vars, term->arg[0]->var);
    }
    term_children(term, find_tensors, data);
}

static SweepStage *stage_new(Gen *g, const Var *var, const Term *def, SweepStage *reader) {
    SweepStage *stage = arena_new_of(g->all->arena, SweepStage);
    stage->var = var;
    stage->def = def;
    stage->reader = reader;
    stage->level = var ? bind_thunk(g, var)->level : g->level;
    return stage;
}

static void find_producers(Gen *g, SweepStage *reader) {
    Vars vars = {0};
    Names names = {g, &vars};
    if (reader->def->kind != TERM_FOR) return;
    find_tensors(reader->def->arg[0], &names);
    for (int i = 0; i < vars.n; i++) {
        const Var *var = vars.at[i];
        const Term *def = definition_of(g, var);
        SweepStage *stage;
        Walk w = {.g = g, .stage = reader, .var = var};
        int row;
        if (!def || !only_reader(g, var, reader->def) || is_address(g, reader->def, var))
            continue;
        stage = stage_new(g, var, def, reader);
        w.reads = &stage->reads;
        find_reads(&w, reader->def->arg[0]);
        if (stage->reads.n != data_uses(reader->def, var)) continue;
        row = row_loop(reader, &stage->reads, reader->row);
        if (row == -2) continue;
        if (row >= 0) reader->row = row;
        list_push(g->all->arena, &reader->producers, stage);
    }
    for (int i = 0; i < reader->producers.n; i++) {
        reader->producers.at[i]->row = 0;
        find_producers(g, reader->producers.at[i]);
    }
}

/* ---- evaluating subscripts ---- */

void sweep_bind(Gen *g, const SweepStage *stage, int loop, Value element) {
    bind_index(g, stage->def->loop[loop].var,
               scalar(gen_add(g, stage->start[loop], element)));
}

/* The steps on the way to a read that one of its subscripts hangs on. */
typedef struct { const SweepRead *read; unsigned steps; } Needed;

static void find_needed(const Term *term, void *data) {
    Needed *n = data;
    if (term->kind != TERM_REF) {
        term_children(term, find_needed, data);
        return;
    }
    for (int i = 0; i < n->read->nsteps; i++) {
        const SweepStep *step = &n->read->step[i];
        if (n->steps >> i & 1) continue;
        if (step->let && step->let->var == term->var) {
            n->steps |= 1u << i;
            find_needed(step->let->arg[0], data);
        } else if (step->loop && step->loop->var == term->var) {
            n->steps |= 1u << i;
            find_needed(step->loop->from, data);
            find_needed(step->loop->to, data);
        }
    }
}

static SweepRead only_needed(const SweepRead *read, int axis) {
    Needed n = {read, 0};
    SweepRead copy = {.index = read->index, .maybe = read->maybe};
    find_needed(read->index->arg[1 + axis], &n);
    for (int i = 0; i < read->nsteps; i++)
        if (n.steps >> i & 1) copy.step[copy.nsteps++] = read->step[i];
    return copy;
}

/* Runs the folds around a read, then `at`. */
static void replay(Gen *g, const SweepRead *read, int step, AtRead *at, void *data) {
    const SweepStep *s = &read->step[step];
    if (step == read->nsteps) {
        at(g, read, data);
        return;
    }
    if (s->let) {
        bind_let(g, s->let);
        replay(g, read, step + 1, at, data);
        return;
    }
    Value from = gen_scalar(g, s->loop->from).v, to = gen_scalar(g, s->loop->to).v;
    Value index = gen_for(g, from, to);
    int old = context_open(g);
    bind_index(g, s->loop->var, scalar(index));
    replay(g, read, step + 1, at, data);
    context_close(g, old);
    gen_end(g);
}

void sweep_replay(Gen *g, const SweepRead *read, int axis, AtRead *at, void *data) {
    SweepRead needed = only_needed(read, axis);
    replay(g, &needed, 0, at, data);
}

typedef struct { int axis; Value low, high, size; } Hull;

/* A subscript that is read for sure is tested here, once for all that follow:
 * the read itself needs no test. */
static void test_read(Gen *g, const SweepRead *read, int axis, Value sub, Value size) {
    Value outside;
    if (g->sweep_loops || read->maybe || read->index->otherwise || index_proved(g, read->index, axis)) return;
    outside = gen_op(g, LOOP_ULE, LT_I1, 2, size, sub);
    gen_fail_when(g, outside, gen_site(g, read->index->at, NULL), sub, size, NO_VALUE, true);
    list_push(g->all->arena, &g->tested, ((IndexTest){read->index, axis}));
}

static void widen(Gen *g, const SweepRead *read, void *data) {
    Hull *h = data;
    Value sub = gen_scalar(g, read->index->arg[1 + h->axis]).v, last;
    test_read(g, read, h->axis, sub, h->size);
    last = gen_op(g, LOOP_SMAX, LT_I64, 2, gen_sub(g, h->size, gen_long(g, 1)), gen_long(g, 0));
    sub = gen_op(g, LOOP_SMIN, LT_I64, 2, sub, last);
    sub = gen_op(g, LOOP_SMAX, LT_I64, 2, sub, gen_long(g, 0));
    build_set(&g->b, h->low,
              gen_op(g, LOOP_SMIN, LT_I64, 2, build_get(&g->b, h->low), sub));
    build_set(&g->b, h->high,
              gen_op(g, LOOP_SMAX, LT_I64, 2, build_get(&g->b, h->high), sub));
}

static void widen_by_all(Gen *g, const SweepStage *stage, Hull *h) {
    for (int i = 0; i < stage->reads.n; i++)
        sweep_replay(g, &stage->reads.at[i], h->axis, widen, h);
}

static Value slot(Gen *g, Value array, Value index) {
    return build_offset(&g->b, array, index, 8);
}

static Value load_slot(Gen *g, Value array, Value index) {
    return build_load(&g->b, loop_type(LT_I64), slot(g, array, index), 0);
}

static void store_slot(Gen *g, Value array, Value index, Value value) {
    build_store(&g->b, value, slot(g, array, index), 0);
}

/* The rows of `stage` that each row of its reader reads. */
static void find_rows(Gen *g, SweepStage *stage) {
    const SweepStage *reader = stage->reader;
    int buffer, old;
    Value count = reader->rows, i;
    Hull h = {.axis = 0, .size = stage->ring->dim[0].v};
    stage->lo = gen_alloc(g, count, 8, &buffer);
    stage->hi = gen_alloc(g, count, 8, &buffer);
    i = gen_for(g, gen_long(g, 0), count);
    old = context_open(g);
    if (reader->row >= 0)
        sweep_bind(g, reader, reader->row, gen_add(g, reader->first, i));
    h.low = build_var(&g->b, LT_I64, gen_long(g, INT64_MAX));
    h.high = build_var(&g->b, LT_I64, gen_long(g, -1));
    widen_by_all(g, stage, &h);
    store_slot(g, stage->lo, i, build_get(&g->b, h.low));
    store_slot(g, stage->hi, i, build_get(&g->b, h.high));
    context_close(g, old);
    gen_end(g);
}

/* hi becomes its running maximum; first, last and the slots of the ring. */
static void find_slots(Gen *g, SweepStage *stage) {
    Value count = stage->reader->rows, i, at, run, need, low, slots, zero = gen_long(g, 0);
    run = build_var(&g->b, LT_I64, gen_long(g, -1));
    i = gen_for(g, zero, count);
    build_set(&g->b, run, gen_op(g, LOOP_SMAX, LT_I64, 2, build_get(&g->b, run),
                                 load_slot(g, stage->hi, i)));
    store_slot(g, stage->hi, i, build_get(&g->b, run));
    gen_end(g);
    low = build_var(&g->b, LT_I64, gen_long(g, INT64_MAX));
    need = build_var(&g->b, LT_I64, gen_long(g, 1));
    i = gen_for(g, zero, count);
    at = gen_sub(g, gen_sub(g, count, gen_long(g, 1)), i);
    build_set(&g->b, low, gen_op(g, LOOP_SMIN, LT_I64, 2, build_get(&g->b, low),
                                 load_slot(g, stage->lo, at)));
    Value last = load_slot(g, stage->hi, at);
    Value first = gen_op(g, LOOP_SMIN, LT_I64, 2, build_get(&g->b, low),
                         gen_add(g, last, gen_long(g, 1)));
    build_set(&g->b, need, gen_op(g, LOOP_SMAX, LT_I64, 2, build_get(&g->b, need),
                                  gen_add(g, gen_sub(g, last, first), gen_long(g, 2))));
    gen_end(g);
    last = build_get(&g->b, run);
    stage->first = gen_op(g, LOOP_SMIN, LT_I64, 2, build_get(&g->b, low),
                          gen_add(g, last, gen_long(g, 1)));
    stage->first = gen_op(g, LOOP_SMAX, LT_I64, 2, stage->first, zero);
    stage->rows = gen_nonnegative(g, gen_op(g, LOOP_SMAX, LT_I64, 2, zero,
        gen_add(g, gen_sub(g, last, stage->first), gen_long(g, 1))));
    slots = build_var(&g->b, LT_I64, gen_long(g, 1));
    need = build_get(&g->b, need);
    gen_while(g);
    gen_do(g, gen_op(g, LOOP_SLT, LT_I1, 2, build_get(&g->b, slots), need));
    build_set(&g->b, slots, gen_add(g, build_get(&g->b, slots), build_get(&g->b, slots)));
    gen_end(g);
    stage->slots = build_get(&g->b, slots);
}

/* ---- columns ---- */

static bool small_constant(Gen *g, Value dim) {
    int64_t n;
    return gen_is_int(g, dim, &n) && n <= 4;
}

static unsigned column_loops(const SweepStage *stage, int axis) {
    unsigned on = 0;
    for (int i = 0; i < stage->reads.n; i++) {
        const SweepRead *read = &stage->reads.at[i];
        on |= sweep_hangs_on(stage->reader->def, read, read->index->arg[1 + axis]);
    }
    return on;
}

static int bits(unsigned set) {
    int n = 0;
    for (; set; set &= set - 1) n++;
    return n;
}

/* The hull of a dimension is worth being found for each record. */
static bool has_hull(Gen *g, const SweepStage *stage, int axis) {
    bool fixed = stage->def->kind == TERM_KERNEL && !stage->def->kernel->region[axis];
    return !fixed && !small_constant(g, stage->ring->dim[axis].v) &&
           bits(column_loops(stage, axis)) <= 1;
}

/* Dimensions whose subscripts are all evaluated, and tested, before the rows. */
static unsigned tested_axes(Gen *g, const SweepStage *stage) {
    unsigned axes = 1;
    for (int i = 0; i < stage->reads.n; i++)
        if (stage->reads.at[i].maybe || stage->reads.at[i].index->otherwise) return 0;
    for (int k = 1; k < stage->def->type->rank; k++)
        if (has_hull(g, stage, k)) axes |= 1u << k;
    return g->sweep_loops ? 0 : axes;
}

static void find_hull(Gen *g, SweepStage *stage, int axis, Value size) {
    const SweepStage *reader = stage->reader;
    unsigned on = column_loops(stage, axis);
    int opened = 0, old;
    Hull h = {axis, NO_VALUE, NO_VALUE, size};
    h.low = build_var(&g->b, LT_I64, gen_long(g, INT64_MAX));
    h.high = build_var(&g->b, LT_I64, gen_long(g, -1));
    old = context_open(g);
    for (int k = 0; k < reader->def->nloops; k++) {
        Value from, to, index;
        if (!(on >> k & 1)) continue;
        from = reader->from[k];
        to = reader->to[k];
        index = gen_for(g, from, to);
        sweep_bind(g, reader, k, index);
        opened++;
    }
    widen_by_all(g, stage, &h);
    while (opened--) gen_end(g);
    context_close(g, old);
    stage->to[axis] = gen_add(g, build_get(&g->b, h.high), gen_long(g, 1));
    stage->from[axis] = gen_op(g, LOOP_SMIN, LT_I64, 2, build_get(&g->b, h.low),
                               stage->to[axis]);
}

static void find_columns(Gen *g, SweepStage *stage) {
    int rank = stage->def->type->rank;
    for (int k = 1; k < rank; k++) {
        Value size = stage->ring->dim[k].v;
        if (!has_hull(g, stage, k)) {
            stage->from[k] = gen_long(g, 0);
            stage->to[k] = size;
        } else {
            if (stage->def->kind == TERM_KERNEL) note_crop(g, stage->var, k);
            find_hull(g, stage, k, size);
        }
    }
}

/* ---- the ring ---- */

/* A row of a kernel is padded, so that rows lie at 16 mod 32 bytes: decoders
 * that store rows past the cache do so only for aligned ones. */
enum { ROW_ALIGN = 32, ROW_SHIFT = 16 };

static int64_t padded_inner(const SweepStage *stage) {
    const Type *type = stage->def->type;
    int64_t inner, best = 0;
    const char *layout = stage->def->kind == TERM_KERNEL ? stage->def->kernel->layout : NULL;
    if (type->rank < 2 || !dim_constant(type->dims[type->rank - 1], &inner)) return 0;
    while (layout && *layout) {
        int64_t n = 0;
        while (layout[n] && layout[n] != ',') n++;
        if (n > inner && n > best) best = n;
        layout += n + (layout[n] == ',');
    }
    return best;
}

static void ring_steps(Gen *g, SweepStage *stage, Tensor *t) {
    int rank = t->rank;
    int64_t inner = t->pixels ? PIXEL : padded_inner(stage), size = dtype_size(t->dtype);
    Value step = gen_long(g, 1);
    for (int k = rank - 1; k >= 1; k--) {
        t->step[k] = step;
        t->origin[k] = stage->from[k];
        step = gen_mul(g, step, k == rank - 1 && inner ? gen_long(g, inner)
                                : gen_sub(g, stage->to[k], stage->from[k]));
    }
    if (stage->blocked) {
        Value columns = gen_sub(g, stage->to[1], stage->from[1]);
        t->step[0] = gen_long(g, PIXEL);
        t->step[1] = gen_long(g, ROWS * PIXEL);
        t->origin[0] = gen_long(g, 0);
        t->mask = gen_long(g, ROWS - 1);
        stage->slots = gen_mul(g, gen_add(g, columns, gen_long(g, PIXEL)), gen_long(g, ROWS));
        return;
    }
    if (t->pixels && stage->def->kind == TERM_FOR)      /* whole vectors of columns */
        step = gen_op(g, LOOP_AND, LT_I64, 2, gen_add(g, step, gen_long(g, WIDE - 1)),
                      gen_long(g, -WIDE));
    if (stage->def->kind == TERM_KERNEL) {
        Value round = gen_long(g, ROW_ALIGN / size - 1);
        step = gen_add(g, step, gen_long(g, 16));
        step = gen_op(g, LOOP_AND, LT_I64, 2, gen_add(g, step, round),
                      gen_long(g, ~(ROW_ALIGN / size - 1)));
    }
    t->step[0] = step;
    t->origin[0] = gen_long(g, 0);
    t->mask = gen_sub(g, stage->slots, gen_long(g, 1));
}

/* The names of what is made row by row stand for rings from here on; all else
 * that their loops read is made before the sweep. */
static void announce(Gen *g, SweepStage *stage) {
    const Type *type = stage->def->type;
    Tensor *t = arena_new_of(g->all->arena, Tensor);
    Thunk *thunk = bind_thunk(g, stage->var);
    *t = (Tensor){.dtype = type->dtype, .rank = type->rank, .fails = NO_VALUE,
                  .fail = NO_VALUE, .placed = true, .mask = NO_VALUE};
    for (int k = 0; k < type->rank; k++) t->dim[k] = bind_dim(g, thunk, k);
    note_way(g, thunk, "window");
    stage->ring = t;
    for (int i = 0; i < stage->producers.n; i++) announce(g, stage->producers.at[i]);
    if (stage->reader) t->tested = tested_axes(g, stage);
    t->pixels = stage->def->kind == TERM_KERNEL && padded_inner(stage) == PIXEL;
    bind_value(g, stage->var, low_tensor(t, type));
}

static void force_inputs(Gen *g, const SweepStage *stage) {
    if (stage->def->kind == TERM_FOR) force_before(g, 1, stage->def->arg);
    for (int i = 0; i < stage->producers.n; i++) force_inputs(g, stage->producers.at[i]);
}

static void choose_lanes(Gen *g, SweepStage *stage) {
    for (int i = 0; i < stage->producers.n; i++) choose_lanes(g, stage->producers.at[i]);
    if (stage->def->kind != TERM_FOR || !stage->var) return;
    stage->lanes = sweep_lanes(g, stage);
    stage->ring->pixels = stage->lanes != ROW_ONE;
}

static void make_ring(Gen *g, SweepStage *stage) {
    Tensor *t = stage->ring;
    Value bytes;
    ring_steps(g, stage, t);
    bytes = gen_mul(g, gen_mul(g, stage->slots, t->step[0]),
                    gen_long(g, dtype_size(t->dtype)));
    t->data = gen_alloc(g, gen_add(g, bytes, gen_long(g, 256)), 1, &t->buffer);
    if (stage->def->kind == TERM_KERNEL)
        t->data = build_offset(&g->b, t->data, gen_long(g, ROW_SHIFT), 1);
    stage->next = build_var(&g->b, LT_I64, stage->first);
}

static void prepare(Gen *g, SweepStage *stage) {
    find_rows(g, stage);
    find_slots(g, stage);
    find_columns(g, stage);
    if (stage->def->kind == TERM_KERNEL && stage->def->kernel->region[0])
        note_crop(g, stage->var, 0);
    stage->from[0] = stage->first;
    stage->to[0] = gen_add(g, stage->first, stage->rows);
    for (int k = 0; stage->def->kind == TERM_FOR && k < stage->def->nloops; k++)
        stage->start[k] = gen_scalar(g, stage->def->loop[k].from).v;
    for (int i = 0; i < stage->producers.n; i++) prepare(g, stage->producers.at[i]);
    make_ring(g, stage);
    if (stage->lanes == ROW_RUNS) sweep_find_runs(g, stage);
    if (stage->def->kind == TERM_KERNEL) sweep_kernel_begin(g, stage);
}

/* ---- producing ---- */

static void produce(Gen *g, SweepStage *stage, Value last);

static void produce_inputs(Gen *g, const SweepStage *reader, Value row) {
    for (int i = 0; i < reader->producers.n; i++) {
        SweepStage *stage = reader->producers.at[i];
        produce(g, stage, load_slot(g, stage->hi, gen_sub(g, row, reader->first)));
    }
}

static void compute_row(Gen *g, const SweepStage *stage, Value row) {
    const Term *def = stage->def;
    Value subs[PK_MAX_RANK] = {row};
    int old = context_open(g), level = g->level;
    Mark mark;
    g->level = stage->level;
    sweep_bind(g, stage, 0, row);
    if (stage->ring->pixels) {
        sweep_row_lanes(g, stage, row);
        g->level = level;
        context_close(g, old);
        return;
    }
    for (int k = 1; k < def->nloops; k++) {
        subs[k] = gen_for(g, stage->from[k], stage->to[k]);
        sweep_bind(g, stage, k, subs[k]);
    }
    mark = gen_mark(g);
    gen_store_element(g, stage->ring->dtype, gen_scalar(g, def->arg[0]).v,
                      stage->ring->data, gen_position(g, stage->ring, subs),
                      stage->ring->buffer);
    gen_release(g, mark);
    for (int k = 1; k < def->nloops; k++) gen_end(g);
    g->level = level;
    context_close(g, old);
}

static void produce(Gen *g, SweepStage *stage, Value last) {
    Value to = gen_add(g, last, gen_long(g, 1)), row;
    if (stage->def->kind == TERM_KERNEL) {
        sweep_kernel_rows(g, stage, last);
        return;
    }
    row = gen_for(g, build_get(&g->b, stage->next), to);
    produce_inputs(g, stage, row);
    compute_row(g, stage, row);
    gen_end(g);
    build_set(&g->b, stage->next,
              gen_op(g, LOOP_SMAX, LT_I64, 2, build_get(&g->b, stage->next), to));
}

/* ---- the last loop ---- */

static void last_rows(Gen *g, SweepStage *stage, const Fill *f, Value base) {
    const Term *def = stage->def;
    bool blocked = stage->producers.at[0]->blocked;
    Value rows = gen_long(g, ROWS), count = stage->rows, index[PK_MAX_RANK], row, at = base;
    int old;
    Mark mark;
    if (blocked)
        count = gen_op(g, LOOP_ASHR, LT_I64, 2, gen_add(g, count, gen_long(g, ROWS - 1)),
                       gen_long(g, 2));
    row = gen_for(g, gen_long(g, 0), count);
    old = context_open(g);
    if (blocked) {
        row = gen_mul(g, row, rows);
        produce_inputs(g, stage, gen_op(g, LOOP_SMIN, LT_I64, 2,
                                        gen_add(g, row, gen_long(g, ROWS - 1)),
                                        gen_sub(g, stage->rows, gen_long(g, 1))));
        sweep_bind(g, stage, stage->row, row);
        sweep_last_blocks(g, stage, f, base, row);
        gen_end(g);
        context_close(g, old);
        return;
    }
    produce_inputs(g, stage, row);
    index[stage->row] = row;
    sweep_bind(g, stage, stage->row, row);
    if (sweep_last_lanes(g, stage, f, base, row)) {
        gen_end(g);
        context_close(g, old);
        return;
    }
    for (int k = 0; k < def->nloops; k++) {
        if (k == stage->row) continue;
        index[k] = gen_for(g, stage->from[k], stage->to[k]);
        sweep_bind(g, stage, k, index[k]);
    }
    for (int k = 0; k < def->nloops; k++)
        at = gen_add(g, at, gen_mul(g, index[k], f->below[k + 1]));
    mark = gen_mark(g);
    if (f->to) tensor_store(g, f->to, at, gen_scalar(g, def->arg[0]), f->canonical);
    else f->sink(g, at, gen_scalar(g, def->arg[0]), f->data);
    gen_release(g, mark);
    for (int k = 0; k < def->nloops; k++) gen_end(g);
    context_close(g, old);
}

static void end_kernels(Gen *g, const SweepStage *stage) {
    for (int i = 0; i < stage->producers.n; i++) end_kernels(g, stage->producers.at[i]);
    if (stage->def->kind == TERM_KERNEL) sweep_kernel_end(g, (SweepStage *)stage);
}

bool gen_sweep(Gen *g, const Fill *f, Value base, const Term *loop) {
    SweepStage *stage;
    if (g->plain || !is_row_loop(loop)) return false;
    g->sweep_loops = g->loops;
    stage = stage_new(g, NULL, loop, NULL);
    stage->row = -1;
    find_producers(g, stage);
    if (!stage->producers.n) return false;
    if (stage->row < 0) stage->row = 0;
    for (int k = 0; k < loop->nloops; k++) {
        Scalar from, trip = gen_trip(g, &loop->loop[k], &from);
        stage->start[k] = from.v;
        stage->from[k] = gen_long(g, 0);
        stage->to[k] = trip.v;
        if (k != stage->row) continue;
        stage->first = stage->from[k];
        stage->rows = trip.v;
    }
    for (int i = 0; i < stage->producers.n; i++) announce(g, stage->producers.at[i]);
    force_inputs(g, stage);
    choose_lanes(g, stage);
    if (sweep_has_blocks(g, stage, f)) stage->producers.at[0]->blocked = true;
    for (int i = 0; i < stage->producers.n; i++) prepare(g, stage->producers.at[i]);
    last_rows(g, stage, f, base);
    for (int i = 0; i < stage->producers.n; i++) end_kernels(g, stage->producers.at[i]);
    return true;
}

/* ---- a window for several readers ---- */

typedef struct { Gen *g; const Var *var; const Term *reader; bool found; int depth; } Through;

/* Whether a name that the term reads is made of `var`. */
static void find_through(const Term *term, void *data) {
    Through *t = data;
    const Term *def;
    if (t->found || term->kind == TERM_DIM) return;
    if (term->kind != TERM_REF) {
        term_children(term, find_through, data);
        return;
    }
    if (term->var == t->var) {
        t->found |= t->depth > 0;
        return;
    }
    def = term->var->id < t->g->all->def.n ? t->g->all->def.at[term->var->id] : NULL;
    if (!def || t->depth > 30) return;
    t->depth++;
    find_through(def, data);
    t->depth--;
}

static bool window_reads(Gen *g, const Var *var, int level, SweepReads *reads) {
    const Graph *graph = g->all->graph;
    for (int i = 0; i < graph->batched.n; i++)
        if (graph->batched.at[i]->of == var) return false;
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        int n = data_uses(node->term, var), before = reads->n;
        Walk w = {.g = g, .var = var, .reads = reads};
        Through t = {g, var, node->term, false, 0};
        if (!n) continue;
        find_reads(&w, node->term);
        find_through(node->term, &t);
        if (reads->n - before != n || node->level != level || t.found) return false;
    }
    return reads->n > 0;
}

static int loops_of(const SweepRead *read) {
    int n = 0;
    for (int i = 0; i < read->nsteps; i++) n += read->step[i].loop != NULL;
    return n;
}

static void hull_of_reads(Gen *g, SweepStage *stage, int axis, Value size) {
    Hull h = {axis, NO_VALUE, NO_VALUE, size};
    h.low = build_var(&g->b, LT_I64, gen_long(g, INT64_MAX));
    h.high = build_var(&g->b, LT_I64, gen_long(g, -1));
    widen_by_all(g, stage, &h);
    stage->to[axis] = gen_add(g, build_get(&g->b, h.high), gen_long(g, 1));
    stage->from[axis] = gen_op(g, LOOP_SMIN, LT_I64, 2, build_get(&g->b, h.low),
                               stage->to[axis]);
}

static void find_window(Gen *g, SweepStage *stage) {
    for (int k = 0; k < stage->def->type->rank; k++) {
        Value size = stage->ring->dim[k].v;
        bool all = !stage->def->kernel->region[k] || small_constant(g, size);
        for (int i = 0; i < stage->reads.n && !all; i++) {
            SweepRead read = only_needed(&stage->reads.at[i], k);
            all = loops_of(&read) > 2;
        }
        if (all) {
            stage->from[k] = gen_long(g, 0);
            stage->to[k] = size;
        } else {
            note_crop(g, stage->var, k);
            hull_of_reads(g, stage, k, size);
        }
    }
}

bool gen_window(Gen *g, Thunk *thunk, const Term *def, Low *low) {
    SweepStage *stage;
    bool region = false;
    if (g->plain || !thunk || !thunk->var || def->kernel->nresults != 1 ||
        def->type->kind != TY_TENSOR || thunk->level < 0)
        return false;
    for (int k = 0; k < def->type->rank; k++) region |= def->kernel->region[k];
    if (!region) return false;
    g->sweep_loops = g->loops;
    stage = stage_new(g, thunk->var, def, NULL);
    if (!window_reads(g, thunk->var, thunk->level, &stage->reads)) return false;
    announce(g, stage);
    for (int i = 0; i < g->all->graph->nodes.n; i++)
        if (data_uses(g->all->graph->nodes.at[i].term, thunk->var))
            force_before(g, 1, &g->all->graph->nodes.at[i].term);
    find_window(g, stage);
    stage->first = stage->from[0];
    stage->rows = gen_nonnegative(g, gen_op(g, LOOP_SMAX, LT_I64, 2, gen_long(g, 0),
                                            gen_sub(g, stage->to[0], stage->from[0])));
    stage->slots = gen_add(g, stage->rows, gen_long(g, 1));
    make_ring(g, stage);
    sweep_kernel_window(g, stage);
    *low = low_tensor(stage->ring, def->type);
    return true;
}
