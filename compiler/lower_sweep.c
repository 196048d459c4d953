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
 * Only tensors with one reader are kept so; reductions that the reader needs run
 * as the tensor is made (lower_sweep_reduce.c). */
#include "lower_lanes.h"
#include "lower_sweep.h"
#include "passes/pass.h"

/* ---- producing ---- */

/* The stage runs from here on, and makes that many rows. */
static void enter(Gen *g, const SweepStage *stage, Value rows) {
    Value factor[PK_MAX_RANK] = {rows};
    int n = 1;
    for (int k = 0; k < stage->def->type->rank; k++) {
        bool row = k == (stage->row < 0 ? 0 : stage->row);
        if (!row) factor[n++] = gen_sub(g, stage->to[k], stage->from[k]);
    }
    section_enter(g, stage->section, n, factor);
}

static void produce(Gen *g, SweepStage *stage, Value steps);

/* What a step of the reader needs. */
static void produce_inputs(Gen *g, const SweepStage *reader, Value step) {
    for (int i = 0; i < reader->producers.n; i++) {
        SweepStage *stage = reader->producers.at[i];
        produce(g, stage, sweep_needed_steps(g, stage, step));
        sweep_reduce_end(g, stage);
    }
}

static void dense_row(Gen *g, const SweepStage *stage, Value row) {
    Tensor *ring = stage->ring;
    Fill f = {.to = ring, .zero = reg_type(ring->dtype)};
    Value subs[PK_MAX_RANK] = {row};
    for (int k = 1; k < ring->rank; k++) subs[k] = gen_long(g, 0);
    fill_begin(g, &f, ring->rank, ring->dim);
    for (int k = 1; k < ring->rank; k++) f.below[k + 1] = ring->step[k];
    sweep_fill_row(g, stage, &f, gen_position(g, ring, subs));
}

static void compute_row(Gen *g, const SweepStage *stage, Value row) {
    const Term *def = stage->def;
    Value subs[PK_MAX_RANK] = {row};
    int old = context_open(g), level = g->level;
    Mark mark;
    g->level = stage->level;
    sweep_bind(g, stage, 0, row);
    if (stage->dense || stage->lanes != ROW_ONE) {
        if (stage->dense) dense_row(g, stage, row);
        else sweep_row_lanes(g, stage, row);
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

/* Whole blocks of rows, until that many steps were made. */
static void produce_blocks(Gen *g, SweepStage *stage, Value steps) {
    Value step, end, row;
    int old, level = g->level;
    gen_while(g);
    gen_do(g, gen_op(g, LOOP_SLT, LT_I1, 2, build_get(&g->b, stage->next), steps));
    step = build_get(&g->b, stage->next);
    end = sweep_block_end(g, stage, step);
    produce_inputs(g, stage, end);
    enter(g, stage, gen_sub(g, gen_add(g, end, gen_long(g, 1)), step));
    row = gen_op(g, LOOP_AND, LT_I64, 2, sweep_row(g, stage, step), gen_long(g, -ROWS));
    old = context_open(g);
    g->level = stage->level;
    sweep_bind(g, stage, 0, row);
    sweep_row_blocks(g, stage, row);
    g->level = level;
    context_close(g, old);
    if (stage->reductions.n) {
        Value each = gen_for(g, step, gen_add(g, end, gen_long(g, 1)));
        sweep_reduce_row(g, stage, sweep_row(g, stage, each));
        gen_end(g);
    }
    build_set(&g->b, stage->next, gen_add(g, end, gen_long(g, 1)));
    gen_end(g);
}

/* Makes that many steps in all. */
static void produce(Gen *g, SweepStage *stage, Value steps) {
    Value step, before;
    if (stage->lanes == ROW_BLOCKS) {
        produce_blocks(g, stage, steps);
        return;
    }
    if (stage->def->kind == TERM_KERNEL) {
        Value last = gen_sub(g, gen_add(g, stage->first, steps), gen_long(g, 1));
        sweep_kernel_rows(g, stage, last);
        return;
    }
    before = build_get(&g->b, stage->next);
    step = gen_for(g, before, steps);
    produce_inputs(g, stage, step);
    enter(g, stage, gen_long(g, 1));
    compute_row(g, stage, sweep_row(g, stage, step));
    sweep_reduce_row(g, stage, sweep_row(g, stage, step));
    gen_end(g);
    build_set(&g->b, stage->next, gen_op(g, LOOP_SMAX, LT_I64, 2, before, steps));
}

/* ---- the last loop ---- */

/* Several rows at once; the last rows may be fewer. */
static void last_blocks(Gen *g, SweepStage *stage, const Fill *f, Value base) {
    Value one = gen_long(g, 1), rows = sweep_batch(g, stage);
    Value end = gen_sub(g, stage->rows, one);
    Value blocks = gen_op(g, LOOP_SDIV, LT_I64, 2, gen_add(g, end, rows), rows);
    Value block = gen_for(g, gen_long(g, 0), blocks), row;
    int old = context_open(g);
    block = gen_select(g, stage->back, gen_sub(g, gen_sub(g, blocks, one), block), block);
    row = gen_mul(g, block, rows);
    produce_inputs(g, stage, gen_select(g, stage->back, gen_sub(g, end, row),
        gen_op(g, LOOP_SMIN, LT_I64, 2, gen_add(g, row, gen_sub(g, rows, one)), end)));
    section_enter(g, stage->section, 0, NULL);      /* counted when it is made */
    sweep_bind(g, stage, stage->row, row);
    if (stage->batched) sweep_last_batch(g, stage, f, base, row);
    else sweep_last_blocks(g, stage, f, base, row);
    if (stage->reductions.n) {
        Value last = gen_op(g, LOOP_SMIN, LT_I64, 2, gen_add(g, row, rows), stage->rows);
        sweep_reduce_row(g, stage, gen_for(g, row, last));
        gen_end(g);
    }
    gen_end(g);
    context_close(g, old);
}

static void last_row(Gen *g, SweepStage *stage, const Fill *f, Value base, Value row) {
    const Term *def = stage->def;
    Value index[PK_MAX_RANK], at = base;
    Mark mark;
    if (stage->dense) {
        sweep_fill_row(g, stage, f, gen_add(g, base, gen_mul(g, row, f->below[1])));
        return;
    }
    if (sweep_last_lanes(g, stage, f, base, row)) return;
    index[stage->row] = row;
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
    for (int k = 1; k < def->nloops; k++) gen_end(g);
}

static void last_rows(Gen *g, SweepStage *stage, const Fill *f, Value base) {
    Value step = gen_for(g, gen_long(g, 0), stage->rows), row;
    int old = context_open(g);
    produce_inputs(g, stage, step);
    section_enter(g, stage->section, 0, NULL);
    row = sweep_row(g, stage, step);
    sweep_bind(g, stage, stage->row, row);
    last_row(g, stage, f, base, row);
    sweep_reduce_row(g, stage, row);
    gen_end(g);
    context_close(g, old);
}

/* Kernels end; the names of rings stand for what they stood for. */
static void end_stage(Gen *g, SweepStage *stage) {
    for (int i = 0; i < stage->producers.n; i++) end_stage(g, stage->producers.at[i]);
    if (stage->def->kind == TERM_KERNEL) sweep_kernel_end(g, stage);
    thunk_set(g, bind_thunk(g, stage->var), &stage->before);
}

/* The tensor that is being made, if it is `loop` that makes it. */
static const Var *made_by(const Gen *g, const Fill *f, const Term *loop) {
    const Thunk *thunk = g->forcing;
    return thunk && f->to && thunk->term == loop && thunk->var && loop->type->rank > 1 &&
           thunk->var->kind == VAR_FIELD && !thunk->var->table ? thunk->var : NULL;
}

static SweepStage *last_stage(Gen *g, const Fill *f, const Term *loop) {
    SweepStage *stage = sweep_stage(g, NULL, loop, NULL);
    const Var *whole = made_by(g, f, loop);
    stage->ordered = f->sink && !f->any_order;
    stage->row = stage->ordered ? 0 : -1;
    sweep_find_producers(g, stage);
    if (whole && stage->row <= 0) sweep_find_own_reductions(g, stage, whole);
    if (stage->row < 0) stage->row = 0;
    if (!stage->producers.n) stage->dense = true;
    if (stage->reductions.n) bind_value(g, whole, low_tensor(f->to, loop->type));
    for (int k = 0; k < loop->nloops; k++) {
        Scalar from, trip = gen_trip(g, &loop->loop[k], &from);
        stage->start[k] = from.v;
        stage->from[k] = gen_long(g, 0);
        stage->to[k] = trip.v;
    }
    stage->first = stage->from[stage->row];
    stage->rows = stage->to[stage->row];
    return stage;
}

bool gen_sweep(Gen *g, const Fill *f, Value base, const Term *loop) {
    SweepStage *stage;
    if (g->plain || f->rank != loop->type->rank || !sweep_has_rows(loop) ||
        pass_is_off(g->all->options->off, "sweeps"))
        return false;
    g->sweep_loops = g->loops;
    stage = last_stage(g, f, loop);
    if (!stage->producers.n && !stage->reductions.n) return false;
    for (int i = 0; i < stage->producers.n; i++)
        sweep_announce(g, stage->producers.at[i]);
    sweep_reduce_announce(g, stage);
    sweep_force_inputs(g, stage);
    sweep_find_inputs(g, stage);
    sweep_choose_planes(g, stage, f);
    sweep_choose_lanes(g, stage);
    if (sweep_has_blocks(g, stage, f)) stage->producers.at[0]->blocked = true;
    else stage->batched = sweep_has_batches(g, stage, f);
    for (int i = 0; i < stage->producers.n; i++) sweep_find(g, stage->producers.at[i]);
    sweep_test_inputs(g, stage);
    sweep_reduce_begin(g, stage);
    sweep_find_order(g, stage);
    for (int i = 0; i < stage->producers.n; i++) sweep_prepare(g, stage->producers.at[i]);
    if (stage->batched || (stage->producers.n && stage->producers.at[0]->blocked))
        last_blocks(g, stage, f, base);
    else
        last_rows(g, stage, f, base);
    sweep_reduce_end(g, stage);
    for (int i = 0; i < stage->producers.n; i++) end_stage(g, stage->producers.at[i]);
    return true;
}
