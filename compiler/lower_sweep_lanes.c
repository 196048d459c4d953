/* Rows of rings in lanes: which, and the code of a row. A ring keeps pixels side by
 * side, or a plane for each channel if its reader wants columns. */
#include "lower_kernel.h"
#include "lower_lanes.h"
#include "lower_sweep.h"

static Lanes *row_lanes(Gen *g, const Term *def, int n) {
    return lanes_new(g, n, def->loop[1].var, def->loop[2].var,
                     (int)small_trip(&def->loop[2]));
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
        int found = 0;
        sweep_reads_of(g, stage, terms[i]->arg[0]->var, &reads);
        for (int r = 0; r < reads.n; r++)
            if (reads.at[r].index == terms[i]) runs.read[runs.n++] = reads.at[r], found++;
        if (!found) return (Runs){.stage = stage};
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
Lanes *sweep_rows_of(Gen *g, const SweepStage *stage, int column, int channel) {
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

/* The loops over columns and channels, if the result can be made so. */
const Columns *sweep_columns(Gen *g, const SweepStage *stage, const Term *loop) {
    int row = stage->row < 0 ? 0 : stage->row;
    const Columns *c;
    if (stage->dense || stage->var) {
        c = loop->type->rank == 3 ? columns_inner(g, loop) : NULL;
        return c && columns_has_channels(c) ? c : NULL;
    }
    if (loop->nloops != 3 || !lane_dtype(loop->type->dtype)) return NULL;
    for (int channel = 2; channel >= 0; channel--) {
        int column = 3 - channel - row;     /* neighbours must be neighbours in memory */
        bool near = column == 2 || (column == 1 && channel == 2);
        if (channel == row || !near || !channel_trip(&loop->loop[channel])) continue;
        c = columns_find(g, loop, column, channel);
        if (c) return c;
    }
    return NULL;
}

/* The same where the columns of most blocks run. */
static const Columns *runs_in_columns(Gen *g, const SweepStage *stage, Runs *runs) {
    Lanes *l;
    const Columns *c;
    if (stage->dense || !stage->var || stage->def->nloops != 3 ||
        !channel_trip(&stage->def->loop[2]))
        return NULL;
    c = columns_find_run(g, stage->def, 1, 2, &l);
    if (!c) return NULL;
    *runs = runs_of(g, stage, l);
    return same_in_rows(runs) ? c : NULL;
}

bool sweep_wants_planes(Gen *g, const SweepStage *stage) {
    Runs runs;
    for (int i = 0; i < stage->arms.n; i++)
        if (!sweep_columns(g, stage, stage->arms.at[i].loop) &&
            !runs_in_columns(g, stage, &runs))
            return false;
    return stage->arms.n > 0;
}

/* A stage of rows x columns x channels whose elements can be made in lanes. */
RowLanes sweep_lanes(Gen *g, const SweepStage *stage) {
    const Term *def = stage->def;
    Lanes *l;
    Runs runs;
    if (def->kind != TERM_FOR || def->nloops != 3 || !lane_dtype(def->type->dtype))
        return ROW_ONE;
    if (stage->ring->planes &&
        (sweep_columns(g, stage, def) || runs_in_columns(g, stage, &runs)))
        return ROW_PLANES;
    if (!small_trip(&def->loop[2])) return ROW_ONE;
    l = row_lanes(g, def, WIDE);
    if (lane_kind(l, def->arg[0]) == LANE_MANY) return ROW_WIDE;
    if (lane_kind(row_lanes(g, def, PIXEL), def->arg[0]) != LANE_MANY) return ROW_ONE;
    l = row_lanes(g, def, WIDE);
    lanes_may_run(l);
    if (lane_kind(l, def->arg[0]) == LANE_MANY) {
        runs = runs_of(g, stage, l);
        if (same_in_rows(&runs)) return ROW_RUNS;
    }
    return sweep_rows_of(g, stage, 1, 2) ? ROW_BLOCKS : ROW_PIXEL;
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
    if (stage->lanes == ROW_PLANES) {
        if (runs_in_columns(g, stage, &runs))
            stage->broad_runs = find_runs(g, stage, &runs, broad_blocks(g, columns),
                                          BLOCK);
        return;
    }
    lanes_may_run(l);
    lane_kind(l, stage->def->arg[0]);
    runs = runs_of(g, stage, l);
    stage->runs = find_runs(g, stage, &runs, vectors(g, columns), WIDE / PIXEL);
    if (term_has_fold(stage->def->arg[0]))
        stage->broad_runs = find_runs(g, stage, &runs, broad_blocks(g, columns), BLOCK);
}

/* ---- a row of a ring ---- */

static Value ring_place(Gen *g, const SweepStage *stage, Value row, Value column,
                         int64_t channel) {
    Value subs[3] = {row, column, gen_long(g, channel)};
    return build_offset(&g->b, stage->ring->data, gen_position(g, stage->ring, subs),
                        dtype_size(stage->ring->dtype));
}

/* The planes get what a vector has of each channel. */
static void store_planes(Gen *g, const SweepStage *stage, Value v, Value row,
                         Value column) {
    int64_t channels = small_trip(&stage->def->loop[2]);
    int columns = value_type(&g->b, v).lanes / PIXEL;
    for (int c = 0; c < channels; c++) {
        Value at = ring_place(g, stage, row, column, c), part;
        if (columns > 1) {
            part = lane_pick(g, v, v, columns, c, PIXEL);
        } else {
            LoopType one = loop_type(value_type(&g->b, v).scalar);
            part = build(&g->b, LOOP_EXTRACT, one, 1, v);
            built(&g->b)->imm = c;
        }
        build_store(&g->b, part, at, stage->ring->buffer);
    }
}

static void store_columns(Gen *g, const SweepStage *stage, Lanes *l, Value row,
                          Value column) {
    Value v = lanes_at(l, gen_add(g, stage->start[1], column), stage->def->arg[0]);
    int lanes = value_type(&g->b, v).lanes;
    if (stage->ring->planes) {
        store_planes(g, stage, v, row, column);
        return;
    }
    if (!stage->blocked || lanes == PIXEL) {
        build_store(&g->b, v, ring_place(g, stage, row, column, 0), stage->ring->buffer);
        return;
    }
    for (int p = 0; p < lanes / PIXEL; p++)
        build_store(&g->b, lane_pick(g, v, v, PIXEL, p * PIXEL, 1),
                    ring_place(g, stage, row, gen_add(g, column, gen_long(g, p)), 0),
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

static void row_planes(Gen *g, const SweepStage *stage, Value row) {
    Tensor *ring = stage->ring;
    const Columns *c = sweep_columns(g, stage, stage->def);
    Runs runs;
    Value run = c ? NO_VALUE : stage->broad_runs;
    Fill f = {.to = ring, .zero = reg_type(ring->dtype), .rank = 3};
    for (int k = 0; k < 3; k++) {
        f.dim[k] = ring->dim[k].v;
        f.below[k + 1] = ring->step[k];
    }
    if (!c) c = runs_in_columns(g, stage, &runs);
    columns_row(g, c, &f,
                gen_position(g, ring, (Value[]){row, stage->from[1], gen_long(g, 0)}),
                gen_add(g, stage->start[1], stage->from[1]), columns_of(g, stage), false,
                run);
}

void sweep_row_lanes(Gen *g, const SweepStage *stage, Value row) {
    Value columns = columns_of(g, stage), blocks = gen_long(g, 0);
    if (stage->lanes == ROW_PLANES) {
        row_planes(g, stage, row);
        return;
    }
    if (stage->lanes == ROW_PIXEL) {
        pixels_one_by_one(g, stage, row, stage->from[1], stage->to[1]);
        return;
    }
    if (term_has_fold(stage->def->arg[0])) {
        blocks = broad_blocks(g, columns);
        row_broad(g, stage, row, blocks);
    }
    row_vectors(g, stage, row, gen_mul(g, blocks, gen_long(g, BROAD / WIDE)),
                vectors(g, columns));
}

/* ---- blocks of rows ---- */

static void rows_to_planes(Gen *g, const SweepStage *stage, Value row, Value column,
                           Value buffer) {
    int channels = (int)small_trip(&stage->def->loop[2]);
    LoopScalar type = mem_type(stage->ring->dtype);
    Value h = gen_for(g, gen_long(g, 0), gen_long(g, ROWS / 4)), out[PIXEL][4];
    buffer = build_offset(&g->b, buffer, h, loop_type_bytes(loop_vector(type, WIDE)));
    row = gen_add(g, row, gen_mul(g, h, gen_long(g, 4)));
    lanes_turn(g, type, buffer, channels, out);
    for (int q = 0; q < 4; q++)
        for (int c = 0; c < channels; c++)
            build_store(&g->b, out[c][q],
                        ring_place(g, stage, gen_add(g, row, gen_long(g, q)), column, c),
                        stage->ring->buffer);
    gen_end(g);
}

/* One column of ROWS rows; what lies behind the last column is that once more. */
static Value rows_at(Gen *g, const SweepStage *stage, Lanes *l, Value column) {
    Value last = gen_sub(g, stage->to[1], gen_long(g, 1));
    column = gen_op(g, LOOP_SMIN, LT_I64, 2, column, last);
    sweep_bind(g, stage, 1, column);
    return lanes_at(l, gen_add(g, stage->start[1], column), stage->def->arg[0]);
}

static void blocks_to_planes(Gen *g, const SweepStage *stage, Lanes *l, Value row) {
    Value buffer = kernel_stack(g, BLOCK * ROWS * PIXEL * 4), up = gen_long(g, BLOCK - 1), block;
    Value first, p, v;
    int old;
    up = gen_add(g, columns_of(g, stage), up);
    block = gen_for(g, gen_long(g, 0), broad_blocks(g, up));
    first = gen_add(g, stage->from[1], gen_mul(g, block, gen_long(g, BLOCK)));
    p = gen_for(g, gen_long(g, 0), gen_long(g, BLOCK));
    old = context_open(g);
    v = rows_at(g, stage, l, gen_add(g, first, p));
    build_store(&g->b, v, build_offset(&g->b, buffer, p,
                                       loop_type_bytes(value_type(&g->b, v))), 0);
    context_close(g, old);
    gen_end(g);
    rows_to_planes(g, stage, row, first, buffer);
    gen_end(g);
}

/* Rows `row` to `row` + ROWS - 1, gathers of columns shared. Those that nobody asked
 * for are made of what lies there, and lie where nothing is needed any more. */
void sweep_row_blocks(Gen *g, const SweepStage *stage, Value row) {
    Lanes *l = sweep_rows_of(g, stage, 1, 2);
    Value column, v;
    int old;
    if (stage->ring->planes) {
        blocks_to_planes(g, stage, l, row);
        return;
    }
    column = gen_for(g, stage->from[1], stage->to[1]);
    old = context_open(g);
    sweep_bind(g, stage, 1, column);
    v = lanes_at(l, gen_add(g, stage->start[1], column), stage->def->arg[0]);
    for (int q = 0; q < ROWS; q++)
        build_store(&g->b, lane_pick(g, v, v, PIXEL, q * PIXEL, 1),
                    ring_place(g, stage, gen_add(g, row, gen_long(g, q)), column, 0),
                    stage->ring->buffer);
    context_close(g, old);
    gen_end(g);
}
