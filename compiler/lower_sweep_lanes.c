/* Rows of pixels in lanes: rings, and the last loop of a sweep, whose planes are
 * stored sixteen columns at a time. */
#include "lower_kernel.h"
#include "lower_lanes.h"
#include "lower_sweep.h"

enum { LINE = 64 };             /* bytes of a cache line */

static int64_t small_trip(const Loop *loop) {
    int64_t from, to;
    if (!term_is_int(loop->from, &from) || !term_is_int(loop->to, &to) || from != 0)
        return 0;
    return to >= 2 && to <= PIXEL ? to : 0;
}

static Lanes *row_lanes(Gen *g, const Term *def, int n) {
    return lanes_new(g, n, def->loop[1].var, def->loop[2].var,
                     (int)small_trip(&def->loop[2]));
}

static void find_fold(const Term *term, void *data) {
    bool *found = data;
    *found |= term->kind == TERM_FOLD;
    if (!*found) term_children(term, find_fold, data);
}

static bool has_fold(const Term *body) {
    bool found = false;
    find_fold(body, &found);
    return found;
}

/* ---- columns that run ---- */

/* The reads that rest on runs. */
typedef struct Runs { const SweepStage *stage; int n; SweepRead *read; } Runs;

static Runs runs_of(Gen *g, const SweepStage *stage, Lanes *l) {
    const Term *const *terms;
    Runs runs = {.stage = stage};
    int n = lanes_runs(l, &terms);
    runs.read = arena_array(g->all->arena, SweepRead, n + 1);
    for (int i = 0; i < n; i++) {
        SweepReads reads = {0};
        sweep_reads_of(g, stage, terms[i]->arg[0]->var, &reads);
        for (int r = 0; r < reads.n; r++)
            if (reads.at[r].index == terms[i]) runs.read[runs.n++] = reads.at[r];
    }
    return runs;
}

static int column_axis(const SweepRead *read) { return read->index->nargs - 3; }

/* The same columns for every row. */
static bool same_in_rows(const Runs *runs) {
    for (int i = 0; i < runs->n; i++) {
        const SweepRead *read = &runs->read[i];
        const Term *sub = read->index->arg[1 + column_axis(read)];
        if (sweep_hangs_on(read, sub) & ~2u) return false;
    }
    return runs->n > 0;
}

/* All that is read row by row is one ring, at the row that is made. */
static Lanes *rows_of(Gen *g, const SweepStage *stage, int column, int channel) {
    const SweepStage *source = stage->producers.n == 1 ? stage->producers.at[0] : NULL;
    const Term *def = stage->def;
    const Var *row = def->loop[stage->row].var;
    int64_t start;
    Lanes *l;
    if (!source || source->lanes == ROW_ONE ||
        !term_is_int(def->loop[stage->row].from, &start) || start)
        return NULL;
    for (int i = 0; i < source->reads.n; i++) {
        const Term *sub = source->reads.at[i].index->arg[1];
        if (sub->kind != TERM_REF || sub->var != row) return NULL;
    }
    l = lanes_of_rows(g, row, def->loop[column].var, def->loop[channel].var,
                      (int)small_trip(&def->loop[channel]), source->var);
    return lane_kind(l, def->arg[0]) == LANE_MANY ? l : NULL;
}

/* A stage of rows x columns x channels whose elements can be made in lanes. */
RowLanes sweep_lanes(Gen *g, const SweepStage *stage) {
    const Term *def = stage->def;
    Lanes *l;
    Runs runs;
    if (def->kind != TERM_FOR || def->nloops != 3 || !lane_dtype(def->type->dtype) ||
        !small_trip(&def->loop[2]))
        return ROW_ONE;
    l = row_lanes(g, def, WIDE);
    if (lane_kind(l, def->arg[0]) == LANE_MANY) return ROW_WIDE;
    if (lane_kind(row_lanes(g, def, PIXEL), def->arg[0]) != LANE_MANY) return ROW_ONE;
    l = row_lanes(g, def, WIDE);
    lanes_may_run(l);
    if (lane_kind(l, def->arg[0]) == LANE_MANY) {
        runs = runs_of(g, stage, l);
        if (same_in_rows(&runs)) return ROW_RUNS;
    }
    return rows_of(g, stage, 1, 2) ? ROW_BLOCKS : ROW_PIXEL;
}

typedef struct Step { const SweepStage *stage; Value next, by, ok; } Step;

/* Whether the place of the next column is as far away as the column is. */
static void test_step(Gen *g, const SweepRead *read, void *data) {
    Step *s = data;
    const Term *sub = read->index->arg[1 + column_axis(read)];
    Value a = gen_scalar(g, sub).v, b, same;
    int old = context_open(g);
    sweep_bind(g, s->stage, 1, s->next);
    for (int i = 0; i < read->nsteps; i++)
        if (read->step[i].let) bind_let(g, read->step[i].let);
    b = gen_scalar(g, sub).v;
    context_close(g, old);
    same = gen_op(g, LOOP_EQ, LT_I1, 2, gen_sub(g, b, a), s->by);
    build_set(&g->b, s->ok, gen_op(g, LOOP_AND, LT_I32, 2, build_get(&g->b, s->ok),
                                   gen_cast(g, LOOP_ZEXT, LT_I32, same)));
}

static Value vectors(Gen *g, Value columns) {
    Value up = gen_add(g, columns, gen_long(g, WIDE / PIXEL - 1));
    return gen_op(g, LOOP_ASHR, LT_I64, 2, up, gen_long(g, 2));
}

static Value find_runs(Gen *g, const SweepStage *stage, const Runs *runs, Value n,
                       int columns) {
    Step s = {.stage = stage};
    Value found, block, first, p;
    int buffer, old = context_open(g);
    found = gen_alloc(g, n, 4, &buffer);
    block = gen_for(g, gen_long(g, 0), n);
    first = gen_add(g, stage->from[1], gen_mul(g, block, gen_long(g, columns)));
    s.ok = build_var(&g->b, LT_I32, gen_int(g, LT_I32, 1));
    p = gen_for(g, gen_long(g, 1), gen_long(g, columns));
    s.next = gen_op(g, LOOP_SMIN, LT_I64, 2, gen_add(g, first, p),
                    gen_sub(g, stage->to[1], gen_long(g, 1)));
    s.by = gen_sub(g, s.next, first);
    sweep_bind(g, stage, 1, first);
    for (int i = 0; i < runs->n; i++)
        sweep_replay(g, &runs->read[i], column_axis(&runs->read[i]), test_step, &s);
    gen_end(g);
    build_store(&g->b, build_get(&g->b, s.ok), build_offset(&g->b, found, block, 4), 0);
    gen_end(g);
    context_close(g, old);
    return found;
}

static Value columns_of(Gen *g, const SweepStage *stage) {
    return gen_sub(g, stage->to[1], stage->from[1]);
}

static Value broad_blocks(Gen *g, Value columns) {
    return gen_op(g, LOOP_ASHR, LT_I64, 2, columns, gen_long(g, 4));
}

void sweep_find_runs(Gen *g, SweepStage *stage) {
    Lanes *l = row_lanes(g, stage->def, WIDE);
    Value columns = columns_of(g, stage);
    Runs runs;
    lanes_may_run(l);
    lane_kind(l, stage->def->arg[0]);
    runs = runs_of(g, stage, l);
    stage->runs = find_runs(g, stage, &runs, vectors(g, columns), WIDE / PIXEL);
    if (has_fold(stage->def->arg[0]))
        stage->broad_runs = find_runs(g, stage, &runs, broad_blocks(g, columns), BLOCK);
}

/* ---- a row of a ring ---- */

static Value ring_place(Gen *g, const SweepStage *stage, Value row, Value column) {
    Value subs[3] = {row, column, gen_long(g, 0)};
    return build_offset(&g->b, stage->ring->data, gen_position(g, stage->ring, subs),
                        dtype_size(stage->ring->dtype));
}

static void store_columns(Gen *g, const SweepStage *stage, Lanes *l, Value row,
                          Value column) {
    Value v = lanes_at(l, gen_add(g, stage->start[1], column), stage->def->arg[0]);
    int lanes = value_type(&g->b, v).lanes;
    if (!stage->blocked || lanes == PIXEL) {
        build_store(&g->b, v, ring_place(g, stage, row, column), stage->ring->buffer);
        return;
    }
    for (int p = 0; p < lanes / PIXEL; p++)
        build_store(&g->b, lane_pick(g, v, v, PIXEL, p * PIXEL, 1),
                    ring_place(g, stage, row, gen_add(g, column, gen_long(g, p))),
                    stage->ring->buffer);
}

static void pixels_one_by_one(Gen *g, const SweepStage *stage, Value row, Value first,
                              Value to) {
    Value column = gen_for(g, first, to);
    int old = context_open(g);
    sweep_bind(g, stage, 1, column);
    store_columns(g, stage, row_lanes(g, stage->def, PIXEL), row, column);
    context_close(g, old);
    gen_end(g);
}

static void gen_if_runs(Gen *g, Value runs, Value block) {
    Value at = build_offset(&g->b, runs, block, 4);
    Value run = build_load(&g->b, loop_type(LT_I32), at, 0);
    gen_if(g, gen_op(g, LOOP_NE, LT_I1, 2, run, gen_int(g, LT_I32, 0)));
}

/* Vectors `from` to `to` of the row. */
static void row_vectors(Gen *g, const SweepStage *stage, Value row, Value from,
                        Value to) {
    Lanes *l = row_lanes(g, stage->def, WIDE);
    Value pixels = gen_long(g, WIDE / PIXEL), block = gen_for(g, from, to), first;
    first = gen_add(g, stage->from[1], gen_mul(g, block, pixels));
    if (stage->lanes == ROW_RUNS) {
        lanes_may_run(l);
        gen_if_runs(g, stage->runs, block);
    }
    store_columns(g, stage, l, row, first);
    if (stage->lanes == ROW_RUNS) {
        gen_else(g);
        pixels_one_by_one(g, stage, row, first,
                          gen_op(g, LOOP_SMIN, LT_I64, 2, gen_add(g, first, pixels),
                                 stage->to[1]));
        gen_end(g);
    }
    gen_end(g);
}

/* BLOCK columns at once: a loop over taps does little else than find its addresses. */
static void row_broad(Gen *g, const SweepStage *stage, Value row, Value blocks) {
    Lanes *l = row_lanes(g, stage->def, BROAD);
    Value four = gen_long(g, BROAD / WIDE), block, first;
    block = gen_for(g, gen_long(g, 0), blocks);
    first = gen_add(g, stage->from[1], gen_mul(g, block, gen_long(g, BLOCK)));
    if (stage->lanes == ROW_RUNS) {
        lanes_may_run(l);
        gen_if_runs(g, stage->broad_runs, block);
    }
    store_columns(g, stage, l, row, first);
    if (stage->lanes == ROW_RUNS) {
        gen_else(g);
        first = gen_mul(g, block, four);
        row_vectors(g, stage, row, first, gen_add(g, first, four));
        gen_end(g);
    }
    gen_end(g);
}

void sweep_row_lanes(Gen *g, const SweepStage *stage, Value row) {
    Value columns = columns_of(g, stage), blocks = gen_long(g, 0);
    if (stage->lanes == ROW_PIXEL) {
        pixels_one_by_one(g, stage, row, stage->from[1], stage->to[1]);
        return;
    }
    if (!stage->blocked && has_fold(stage->def->arg[0])) {
        blocks = broad_blocks(g, columns);
        row_broad(g, stage, row, blocks);
    }
    row_vectors(g, stage, row, gen_mul(g, blocks, gen_long(g, BROAD / WIDE)),
                vectors(g, columns));
}

/* Rows `row` to `row` + ROWS - 1, gathers of columns shared. Those that nobody asked
 * for are made of what lies there, and lie where nothing is needed any more. */
void sweep_row_blocks(Gen *g, const SweepStage *stage, Value row) {
    Lanes *l = rows_of(g, stage, 1, 2);
    Value column = gen_for(g, stage->from[1], stage->to[1]), v;
    int old = context_open(g);
    sweep_bind(g, stage, 1, column);
    v = lanes_at(l, gen_add(g, stage->start[1], column), stage->def->arg[0]);
    for (int q = 0; q < ROWS; q++)
        build_store(&g->b, lane_pick(g, v, v, PIXEL, q * PIXEL, 1),
                    ring_place(g, stage, gen_add(g, row, gen_long(g, q)), column),
                    stage->ring->buffer);
    context_close(g, old);
    gen_end(g);
}

/* ---- the last loop ---- */

typedef struct LastRow {
    SweepStage *stage;
    const Fill *fill;
    int column, channel;        /* loops */
    int64_t channels;
    Lanes *lanes, *wide, *broad, *rows; /* but `lanes`: NULL if there are none */
    Value at;                   /* element (row, 0, 0) of the result */
    bool aligned;
} LastRow;

static bool find_last(Gen *g, SweepStage *stage, const Fill *f, LastRow *last) {
    const Term *def = stage->def;
    *last = (LastRow){.stage = stage, .fill = f};
    if (!f->to || def->nloops != 3 || !lane_dtype(def->type->dtype)) return false;
    for (int c = 0; c < 3; c++) {
        int column = 3 - c - stage->row;
        last->channels = small_trip(&def->loop[c]);
        if (c == stage->row || !last->channels) continue;
        last->lanes = lanes_new(g, PIXEL, def->loop[column].var, def->loop[c].var,
                                (int)last->channels);
        last->column = column;
        last->channel = c;
        if (lane_kind(last->lanes, def->arg[0]) != LANE_MANY) continue;
        last->wide = lanes_new(g, WIDE, def->loop[column].var, def->loop[c].var,
                               (int)last->channels);
        if (lane_kind(last->wide, def->arg[0]) != LANE_MANY) last->wide = NULL;
        if (last->wide && has_fold(def->arg[0]))
            last->broad = lanes_new(g, BROAD, def->loop[column].var, def->loop[c].var,
                                    (int)last->channels);
        last->rows = rows_of(g, stage, column, c);
        return true;
    }
    return false;
}

/* The pixels at a column (counted from 0) and those that follow, all channels. */
static Value pixels_at(Gen *g, LastRow *last, Lanes *lanes, Value column) {
    const SweepStage *stage = last->stage;
    Value at = gen_add(g, stage->start[last->column], column), v;
    int old = context_open(g);
    bind_index(g, stage->def->loop[last->column].var, scalar(at));
    v = lanes_at(lanes, at, stage->def->arg[0]);
    if (last->fill->canonical) v = lane_canonical(g, v);
    context_close(g, old);
    return v;
}

static Value place(Gen *g, const LastRow *last, Value column, int64_t channel) {
    const Fill *f = last->fill;
    Value at = gen_add(g, last->at, gen_mul(g, column, f->below[last->column + 1]));
    at = gen_add(g, at, gen_mul(g, gen_long(g, channel), f->below[last->channel + 1]));
    return build_offset(&g->b, f->to->data, at, dtype_size(f->to->dtype));
}

static void store_lane(Gen *g, const LastRow *last, Value v, int lane, Value column,
                       int64_t channel) {
    Value one = build(&g->b, LOOP_EXTRACT, loop_type(value_type(&g->b, v).scalar), 1, v);
    built(&g->b)->imm = lane;
    build_store(&g->b, one, place(g, last, column, channel), last->fill->to->buffer);
}

static void store_pixel(Gen *g, LastRow *last, Value column) {
    Value v = pixels_at(g, last, last->lanes, column);
    for (int c = 0; c < last->channels; c++) store_lane(g, last, v, c, column, c);
}

/* Sixteen pixels, as four vectors, become one vector of sixteen columns for each
 * channel. */
static void store_block(Gen *g, LastRow *last, Value column, const Value *quarter) {
    Value half[2], all;
    for (int64_t c = 0; c < last->channels; c++) {
        for (int h = 0; h < 2; h++)
            half[h] = lane_pick(g, quarter[2 * h], quarter[2 * h + 1], 8, (int)c, PIXEL);
        all = lane_pick(g, half[0], half[1], BLOCK, 0, 1);
        build_store(&g->b, all, place(g, last, column, c), last->fill->to->buffer);
        if (!last->aligned) continue;
        built(&g->b)->align = LINE;
        built(&g->b)->stream = true;
    }
}

static bool is_line(Gen *g, Value elements, int64_t size) {
    int64_t n;
    return gen_is_int(g, elements, &n) && n * size % LINE == 0;
}

/* How many blocks of columns there are, whose planes are stored as vectors. */
static Value count_blocks(Gen *g, LastRow *last, Value base) {
    const Fill *f = last->fill;
    int64_t size = dtype_size(f->to->dtype), one, zero;
    if (size != 4 || !gen_is_int(g, f->below[last->column + 1], &one) || one != 1)
        return gen_long(g, 0);
    last->aligned = is_line(g, f->below[0], size) &&
                    is_line(g, f->below[last->stage->row + 1], size) &&
                    is_line(g, f->below[last->channel + 1], size) &&
                    gen_is_int(g, base, &zero) && zero == 0;
    return gen_op(g, LOOP_ASHR, LT_I64, 2, last->stage->to[last->column], gen_long(g, 4));
}

static Value row_at(Gen *g, const LastRow *last, Value base, Value row) {
    return gen_add(g, base, gen_mul(g, row, last->fill->below[last->stage->row + 1]));
}

/* The columns of a block into a buffer, `lanes` at a time. */
static void buffer_block(Gen *g, LastRow *last, Lanes *lanes, int pixels, Value first,
                         Value buffer) {
    Value j = gen_for(g, gen_long(g, 0), gen_long(g, BLOCK / pixels)), v;
    v = pixels_at(g, last, lanes, gen_add(g, first, gen_mul(g, j, gen_long(g, pixels))));
    build_store(&g->b, v, build_offset(&g->b, buffer, j,
                                       loop_type_bytes(value_type(&g->b, v))), 0);
    gen_end(g);
}

/* The columns of a block, as four vectors. */
static void quarters(Gen *g, LastRow *last, Value first, Value *quarter) {
    LoopScalar type = mem_type(last->fill->to->dtype);
    Value buffer, all;
    if (last->broad) {
        all = pixels_at(g, last, last->broad, first);
        for (int q = 0; q < 4; q++)
            quarter[q] = lane_pick(g, all, all, WIDE, q * WIDE, 1);
        return;
    }
    buffer = kernel_stack(g, BLOCK * PIXEL * 4);
    if (last->wide) buffer_block(g, last, last->wide, WIDE / PIXEL, first, buffer);
    else buffer_block(g, last, last->lanes, 1, first, buffer);
    for (int q = 0; q < 4; q++)
        quarter[q] = build_load(&g->b, loop_vector(type, WIDE),
                                build_offset(&g->b, buffer, gen_long(g, 64 * q), 1), 0);
}

static void blocks_of(Gen *g, LastRow *last, Value blocks) {
    Value block = gen_for(g, gen_long(g, 0), blocks), quarter[4];
    Value first = gen_mul(g, block, gen_long(g, BLOCK));
    quarters(g, last, first, quarter);
    store_block(g, last, first, quarter);
    gen_end(g);
}

bool sweep_last_lanes(Gen *g, SweepStage *stage, const Fill *f, Value base, Value row) {
    LastRow last;
    Value blocks, j;
    if (!find_last(g, stage, f, &last)) return false;
    last.at = row_at(g, &last, base, row);
    blocks = count_blocks(g, &last, base);
    blocks_of(g, &last, blocks);
    j = gen_for(g, gen_mul(g, blocks, gen_long(g, BLOCK)), stage->to[last.column]);
    store_pixel(g, &last, j);
    gen_end(g);
    return true;
}

/* ---- ROWS rows at once ---- */

bool sweep_has_blocks(Gen *g, SweepStage *stage, const Fill *f) {
    LastRow last;
    return find_last(g, stage, f, &last) && last.rows && !last.wide;
}

/* Four pixels of one of the rows, side by side. */
static Value row_of_buffer(Gen *g, const LastRow *last, Value buffer, int first,
                           Value row) {
    LoopType pixel = loop_vector(mem_type(last->fill->to->dtype), PIXEL);
    int64_t bytes = loop_type_bytes(pixel);
    Value v[4], at = gen_mul(g, row, gen_long(g, bytes));
    for (int p = 0; p < 4; p++) {
        Value from = gen_add(g, at, gen_long(g, (first + p) * ROWS * bytes));
        v[p] = build_load(&g->b, pixel, build_offset(&g->b, buffer, from, 1), 0);
    }
    v[0] = lane_pick(g, v[0], v[1], 2 * PIXEL, 0, 1);
    v[2] = lane_pick(g, v[2], v[3], 2 * PIXEL, 0, 1);
    return lane_pick(g, v[0], v[2], 4 * PIXEL, 0, 1);
}

static void store_rows(Gen *g, LastRow *last, Value base, Value row, Value rows,
                       Value column, Value buffer, bool block) {
    Value q = gen_for(g, gen_long(g, 0), rows), quarter[4];
    last->at = row_at(g, last, base, gen_add(g, row, q));
    if (block) {
        for (int p = 0; p < 4; p++) quarter[p] = row_of_buffer(g, last, buffer, 4 * p, q);
        store_block(g, last, column, quarter);
    } else {
        int64_t size = dtype_size(last->fill->to->dtype);
        Value at = build_offset(&g->b, buffer, q, PIXEL * size);
        LoopType pixel = loop_vector(mem_type(last->fill->to->dtype), PIXEL);
        Value v = build_load(&g->b, pixel, at, 0);
        for (int c = 0; c < last->channels; c++) store_lane(g, last, v, c, column, c);
    }
    gen_end(g);
}

void sweep_last_blocks(Gen *g, SweepStage *stage, const Fill *f, Value base, Value row) {
    LastRow last;
    Value blocks, buffer = kernel_stack(g, BLOCK * WIDE * 4), block, first, rows, v;
    if (!find_last(g, stage, f, &last)) bug("lower: rows that are no blocks");
    rows = gen_op(g, LOOP_SMIN, LT_I64, 2, gen_long(g, ROWS),
                  gen_sub(g, stage->rows, row));
    blocks = count_blocks(g, &last, base);
    block = gen_for(g, gen_long(g, 0), blocks);
    first = gen_mul(g, block, gen_long(g, BLOCK));
    buffer_block(g, &last, last.rows, 1, first, buffer);
    store_rows(g, &last, base, row, rows, first, buffer, true);
    gen_end(g);
    first = gen_for(g, gen_mul(g, blocks, gen_long(g, BLOCK)), stage->to[last.column]);
    v = pixels_at(g, &last, last.rows, first);
    build_store(&g->b, v, buffer, 0);
    store_rows(g, &last, base, row, rows, first, buffer, false);
    gen_end(g);
}
