/* The order of a sweep: forwards or backwards, whichever needs fewer rows in the
 * rings; how many rows of a producer come before each row of its reader.
 *
 * A stage makes its rows in steps, from the first or from the last. Whether it goes
 * the way of its reader is found out for each record from the rows that are read;
 * kernels go forwards, so the first of them decides for all that hangs on it. */
#include "lower_lanes.h"
#include "lower_sweep.h"

static Value slot(Gen *g, Value array, Value index) {
    return build_offset(&g->b, array, index, 8);
}

static Value load(Gen *g, Value array, Value index) {
    return build_load(&g->b, loop_type(LT_I64), slot(g, array, index), 0);
}

static void store(Gen *g, Value array, Value index, Value value) {
    build_store(&g->b, value, slot(g, array, index), 0);
}

static Value long_array(Gen *g, Value count) {
    int buffer;
    return gen_alloc(g, count, 8, &buffer);
}

static Value least(Gen *g, Value a, Value b) {
    return gen_op(g, LOOP_SMIN, LT_I64, 2, a, b);
}

static Value most(Gen *g, Value a, Value b) {
    return gen_op(g, LOOP_SMAX, LT_I64, 2, a, b);
}

/* var = least or most of itself and v; gives the new value. */
static Value keep_least(Gen *g, Value var, Value v) {
    Value now = least(g, build_get(&g->b, var), v);
    build_set(&g->b, var, now);
    return now;
}

static Value keep_most(Gen *g, Value var, Value v) {
    Value now = most(g, build_get(&g->b, var), v);
    build_set(&g->b, var, now);
    return now;
}

/* ---- what is read ---- */

/* The rows of `stage` that each row of its reader reads: all of them, if they have
 * to be reduced first. */
static void find_reads(Gen *g, SweepStage *stage) {
    const SweepStage *reader = stage->reader;
    Value reduces = sweep_reduces(g, stage), size = stage->ring->dim[0].v;
    SweepHull h;
    Value i;
    int old;
    stage->lo = long_array(g, reader->rows);
    stage->hi = long_array(g, reader->rows);
    i = gen_for(g, gen_long(g, 0), reader->rows);
    old = context_open(g);
    if (reader->row >= 0)
        sweep_bind(g, reader, reader->row, gen_add(g, reader->first, i));
    h = sweep_hull_begin(g, 0, size);
    sweep_widen(g, stage, &h);
    if (reduces != NO_VALUE) {
        gen_if(g, reduces);
        build_set(&g->b, h.low, gen_long(g, 0));
        build_set(&g->b, h.high, gen_sub(g, size, gen_long(g, 1)));
        gen_end(g);
    }
    store(g, stage->lo, i, build_get(&g->b, h.low));
    store(g, stage->hi, i, build_get(&g->b, h.high));
    context_close(g, old);
    gen_end(g);
}

/* ---- batches of rows ---- */

/* Runs over the batches: rows first to end - 1 of the reader, and what they read. */
typedef struct Batch { Value first, end, low, high; } Batch;

static Batch batch_begin(Gen *g, const SweepStage *stage, Value rows) {
    Value up = gen_add(g, rows, gen_long(g, ROWS - 1)), i;
    Batch b;
    b.first = gen_for(g, gen_long(g, 0),
                      gen_op(g, LOOP_ASHR, LT_I64, 2, up, gen_long(g, ROW_BITS)));
    b.first = gen_mul(g, b.first, gen_long(g, ROWS));
    b.end = least(g, gen_add(g, b.first, gen_long(g, ROWS)), rows);
    b.low = build_var(&g->b, LT_I64, gen_long(g, INT64_MAX));
    b.high = build_var(&g->b, LT_I64, gen_long(g, -1));
    i = gen_for(g, b.first, b.end);
    keep_least(g, b.low, load(g, stage->lo, i));
    keep_most(g, b.high, load(g, stage->hi, i));
    gen_end(g);
    return b;
}

/* i1: the rows of a batch read about the same, so that it needs few more than a row. */
static Value batches_pay(Gen *g, const SweepStage *stage, Value rows) {
    Value one = build_var(&g->b, LT_I64, gen_long(g, 0));
    Value all = build_var(&g->b, LT_I64, gen_long(g, 0)), i;
    Batch b;
    i = gen_for(g, gen_long(g, 0), rows);
    keep_most(g, one, gen_sub(g, load(g, stage->hi, i), load(g, stage->lo, i)));
    gen_end(g);
    b = batch_begin(g, stage, rows);
    keep_most(g, all, gen_sub(g, build_get(&g->b, b.high), build_get(&g->b, b.low)));
    gen_end(g);
    return gen_op(g, LOOP_SLE, LT_I1, 2, build_get(&g->b, all),
                  gen_add(g, build_get(&g->b, one), gen_long(g, 2 * ROWS)));
}

/* All rows of a batch read what one of them reads. */
static void find_batches(Gen *g, SweepStage *stage) {
    SweepStage *reader = stage->reader;
    Value pay = batches_pay(g, stage, reader->rows), i;
    Batch b;
    reader->batch = gen_select(g, pay, gen_long(g, ROWS), gen_long(g, 1));
    gen_if(g, pay);
    b = batch_begin(g, stage, reader->rows);
    i = gen_for(g, b.first, b.end);
    store(g, stage->lo, i, build_get(&g->b, b.low));
    store(g, stage->hi, i, build_get(&g->b, b.high));
    gen_end(g);
    gen_end(g);
    gen_end(g);
}

/* ---- what has to be kept ---- */

/* Rows low to high, one more for kernels that make them in pairs; of nothing: 1. */
static Value span(Gen *g, Value low, Value high) {
    Value first = least(g, low, gen_add(g, high, gen_long(g, 1)));
    return gen_add(g, gen_sub(g, high, first), gen_long(g, 2));
}

/* Before row r of the reader all is made up to what rows 0 … r read, and what rows
 * r … read is still there; in opposite order it is the other way round. */
static void find_needs(Gen *g, SweepStage *stage) {
    Value count = stage->reader->rows, last = gen_sub(g, count, gen_long(g, 1));
    Value highest = long_array(g, count), lowest = long_array(g, count);
    Value low, high, same, opposite, i, at;
    low = build_var(&g->b, LT_I64, gen_long(g, INT64_MAX));
    high = build_var(&g->b, LT_I64, gen_long(g, -1));
    i = gen_for(g, gen_long(g, 0), count);
    store(g, highest, i, keep_most(g, high, load(g, stage->hi, i)));
    store(g, lowest, i, keep_least(g, low, load(g, stage->lo, i)));
    gen_end(g);
    stage->first = most(g, least(g, build_get(&g->b, low),
                                 gen_add(g, build_get(&g->b, high), gen_long(g, 1))),
                        gen_long(g, 0));
    stage->rows = gen_nonnegative(g, most(g, gen_long(g, 0),
        gen_add(g, gen_sub(g, build_get(&g->b, high), stage->first), gen_long(g, 1))));
    low = build_var(&g->b, LT_I64, gen_long(g, INT64_MAX));
    high = build_var(&g->b, LT_I64, gen_long(g, -1));
    same = build_var(&g->b, LT_I64, gen_long(g, 1));
    opposite = build_var(&g->b, LT_I64, gen_long(g, 1));
    i = gen_for(g, gen_long(g, 0), count);
    at = gen_sub(g, last, i);
    keep_most(g, same, span(g, keep_least(g, low, load(g, stage->lo, at)),
                            load(g, highest, at)));
    keep_most(g, opposite, span(g, load(g, lowest, at),
                                keep_most(g, high, load(g, stage->hi, at))));
    gen_end(g);
    stage->same = build_get(&g->b, same);
    stage->opposite = build_get(&g->b, opposite);
}

void sweep_find_rows(Gen *g, SweepStage *stage) {
    sweep_reduce_begin(g, stage);
    find_reads(g, stage);
    if (stage->reader->batched) find_batches(g, stage);
    find_needs(g, stage);
}

/* ---- the order ---- */

static bool goes_forwards(const SweepStage *stage) {
    return stage->def->kind == TERM_KERNEL && stage->def->kernel->rows;
}

/* i1: the ring is smaller if it is made against the order of its reader. */
static Value is_turned(Gen *g, const SweepStage *stage) {
    return gen_op(g, LOOP_SLT, LT_I1, 2, stage->opposite, stage->same);
}

static Value differ(Gen *g, Value a, Value b) {
    return gen_op(g, LOOP_XOR, LT_I1, 2, a, b);
}

/* Whether the stage has to go backwards, so that the first kernel goes forwards. */
static bool find_back(Gen *g, const SweepStage *stage, Value *back) {
    for (int i = 0; i < stage->producers.n; i++) {
        const SweepStage *producer = stage->producers.at[i];
        *back = gen_int(g, LT_I1, 0);
        if (!goes_forwards(producer) && !find_back(g, producer, back)) continue;
        *back = differ(g, *back, is_turned(g, producer));
        return true;
    }
    return false;
}

static void find_steps(Gen *g, SweepStage *stage) {
    Value last = gen_sub(g, gen_add(g, stage->first, stage->rows), gen_long(g, 1));
    stage->start_row = gen_select(g, stage->back, last, stage->first);
    stage->step = gen_select(g, stage->back, gen_long(g, -1), gen_long(g, 1));
}

/* The power of two from `need` on. */
static Value ring_slots(Gen *g, Value need) {
    Value slots = build_var(&g->b, LT_I64, gen_long(g, 1)), now;
    gen_while(g);
    gen_do(g, gen_op(g, LOOP_SLT, LT_I1, 2, build_get(&g->b, slots), need));
    now = build_get(&g->b, slots);
    build_set(&g->b, slots, gen_add(g, now, now));
    gen_end(g);
    return build_get(&g->b, slots);
}

static void find_needed(Gen *g, SweepStage *stage) {
    const SweepStage *reader = stage->reader;
    Value q, at, low, high, steps, sofar = build_var(&g->b, LT_I64, gen_long(g, 0));
    stage->needed = long_array(g, reader->rows);
    q = gen_for(g, gen_long(g, 0), reader->rows);
    at = gen_sub(g, sweep_row(g, reader, q), reader->first);
    low = gen_sub(g, stage->start_row, load(g, stage->lo, at));
    high = gen_sub(g, load(g, stage->hi, at), stage->start_row);
    steps = gen_add(g, gen_select(g, stage->back, low, high), gen_long(g, 1));
    store(g, stage->needed, q, keep_most(g, sofar, steps));
    gen_end(g);
}

static Value goes_back(Gen *g, const SweepStage *stage) {
    Value no = gen_int(g, LT_I1, 0), reduces = sweep_reduces(g, stage), back;
    if (goes_forwards(stage)) return no;
    back = differ(g, stage->reader->back, is_turned(g, stage));
    return reduces == NO_VALUE ? back : gen_select(g, reduces, no, back);
}

static void find_order(Gen *g, SweepStage *reader) {
    find_steps(g, reader);
    for (int i = 0; i < reader->producers.n; i++) {
        SweepStage *stage = reader->producers.at[i];
        Value against, need;
        stage->back = goes_back(g, stage);
        against = differ(g, reader->back, stage->back);
        need = gen_select(g, against, stage->opposite, stage->same);
        if (stage->lanes == ROW_BLOCKS) need = gen_add(g, need, gen_long(g, 2 * ROWS));
        stage->slots = ring_slots(g, need);
        stage->next = build_var(&g->b, LT_I64, stage->def->kind == TERM_KERNEL
                                                   ? stage->first : gen_long(g, 0));
        find_order(g, stage);
        find_needed(g, stage);
    }
}

void sweep_find_order(Gen *g, SweepStage *last) {
    if (last->reductions.n || last->ordered || !find_back(g, last, &last->back))
        last->back = gen_int(g, LT_I1, 0);
    find_order(g, last);
}

Value sweep_row(Gen *g, const SweepStage *stage, Value step) {
    return gen_add(g, stage->start_row, gen_mul(g, step, stage->step));
}

Value sweep_block_end(Gen *g, const SweepStage *stage, Value step) {
    Value row = sweep_row(g, stage, step), in, left;
    in = gen_op(g, LOOP_AND, LT_I64, 2, row, gen_long(g, ROWS - 1));
    left = gen_select(g, stage->back, in, gen_sub(g, gen_long(g, ROWS - 1), in));
    return least(g, gen_add(g, step, left), gen_sub(g, stage->rows, gen_long(g, 1)));
}

Value sweep_needed_steps(Gen *g, const SweepStage *producer, Value step) {
    return load(g, producer->needed, step);
}
