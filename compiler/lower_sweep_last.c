/* The last loop of a sweep: planes are stored sixteen columns at a time. */
#include "lower_kernel.h"
#include "lower_lanes.h"
#include "lower_sweep.h"

typedef struct LastRow {
    SweepStage *stage;
    const Fill *fill;
    int column, channel;        /* loops */
    int64_t channels;
    const Columns *columns;     /* or NULL, and */
    Lanes *lanes, *wide, *broad, *rows; /* but `lanes`: NULL if there are none */
    Value at;                   /* element (row, 0, 0) of the result */
    bool aligned;
} LastRow;

static bool reads_planes(const SweepStage *stage) {
    for (int i = 0; i < stage->producers.n; i++)
        if (stage->producers.at[i]->ring->planes) return true;
    return false;
}

static bool find_last(Gen *g, SweepStage *stage, const Fill *f, LastRow *last) {
    const Term *def = stage->def;
    *last = (LastRow){.stage = stage, .fill = f};
    if (!f->to || def->nloops != 3 || !lane_dtype(def->type->dtype)) return false;
    if (reads_planes(stage)) last->columns = sweep_columns(g, stage, def);
    if (last->columns) {
        columns_loops(last->columns, &last->column, &last->channel);
        return true;
    }
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
        if (last->wide && term_has_fold(def->arg[0]))
            last->broad = lanes_new(g, BROAD, def->loop[column].var, def->loop[c].var,
                                    (int)last->channels);
        last->rows = sweep_rows_of(g, stage, column, c);
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

/* Sixteen columns of a channel. */
static void store_plane(Gen *g, const LastRow *last, Value column, int64_t channel, Value v) {
    build_store(&g->b, v, place(g, last, column, channel), last->fill->to->buffer);
    if (!last->aligned) return;
    built(&g->b)->align = LINE;
    built(&g->b)->stream = true;
}

/* Of sixteen pixels, as four vectors. */
static void store_block(Gen *g, const LastRow *last, Value column, const Value *quarter) {
    for (int c = 0; c < last->channels; c++)
        store_plane(g, last, column, c, lanes_channel(g, quarter, c));
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
    if (last.columns) {
        columns_row(g, last.columns, f, last.at, stage->start[last.column],
                    stage->to[last.column], last.aligned, NO_VALUE);
        return true;
    }
    blocks_of(g, &last, blocks);
    j = gen_for(g, gen_mul(g, blocks, gen_long(g, BLOCK)), stage->to[last.column]);
    store_pixel(g, &last, j);
    gen_end(g);
    return true;
}

/* ---- ROWS rows at once ---- */

Value sweep_batch(Gen *g, const SweepStage *stage) {
    return stage->batched ? stage->batch : gen_long(g, ROWS);
}

static Value rows_from(Gen *g, const SweepStage *stage, Value row) {
    return gen_op(g, LOOP_SMIN, LT_I64, 2, sweep_batch(g, stage),
                  gen_sub(g, stage->rows, row));
}

bool sweep_has_batches(Gen *g, SweepStage *stage, const Fill *f) {
    const Var *row = stage->def->kind == TERM_FOR ? stage->def->loop[stage->row].var : NULL;
    LastRow last;
    const SweepReads *reads;
    if (!row || stage->dense || stage->producers.n != 1 || !find_last(g, stage, f, &last) ||
        !last.columns)
        return false;
    reads = &stage->producers.at[0]->reads;
    for (int r = 0; r < reads->n; r++) {
        const Term *sub = reads->at[r].index->arg[1];
        if (sub->kind != TERM_REF || sub->var != row) return true;
    }
    return false;
}

void sweep_last_batch(Gen *g, SweepStage *stage, const Fill *f, Value base, Value row) {
    LastRow last;
    if (!find_last(g, stage, f, &last)) bug("lower: rows that are no batch");
    last.at = row_at(g, &last, base, row);
    count_blocks(g, &last, base);
    columns_rows(g, last.columns, f, last.at, stage->start[last.column],
                 stage->to[last.column], last.aligned, stage->row,
                 gen_add(g, stage->start[stage->row], row), rows_from(g, stage, row));
}

bool sweep_has_blocks(Gen *g, SweepStage *stage, const Fill *f) {
    LastRow last;
    return find_last(g, stage, f, &last) && last.rows && !last.wide;
}

/* Sixteen columns of the rows, four at a time: the last may be fewer. */
static void store_rows(Gen *g, LastRow *last, Value base, Value row, Value rows,
                       Value column, Value buffer) {
    LoopScalar type = mem_type(last->fill->to->dtype);
    Value four = gen_long(g, 4), h = gen_for(g, gen_long(g, 0), gen_long(g, ROWS / 4));
    Value from = gen_mul(g, h, four), out[PIXEL][4];
    lanes_turn(g, type, build_offset(&g->b, buffer, h,
                                     loop_type_bytes(loop_vector(type, WIDE))),
               (int)last->channels, out);
    for (int q = 0; q < 4; q++) {
        Value at = gen_add(g, from, gen_long(g, q));
        gen_if(g, gen_op(g, LOOP_SLT, LT_I1, 2, at, rows));
        last->at = row_at(g, last, base, gen_add(g, row, at));
        for (int c = 0; c < last->channels; c++)
            store_plane(g, last, column, c, out[c][q]);
        gen_end(g);
    }
    gen_end(g);
}

/* One column of the rows. */
static void store_column(Gen *g, LastRow *last, Value base, Value row, Value rows,
                         Value column, Value buffer) {
    int64_t size = dtype_size(last->fill->to->dtype);
    Value q = gen_for(g, gen_long(g, 0), rows);
    Value at = build_offset(&g->b, buffer, q, PIXEL * size);
    LoopType pixel = loop_vector(mem_type(last->fill->to->dtype), PIXEL);
    Value v = build_load(&g->b, pixel, at, 0);
    last->at = row_at(g, last, base, gen_add(g, row, q));
    for (int c = 0; c < last->channels; c++) store_lane(g, last, v, c, column, c);
    gen_end(g);
}

void sweep_last_blocks(Gen *g, SweepStage *stage, const Fill *f, Value base, Value row) {
    LastRow last;
    Value blocks, buffer = kernel_stack(g, BLOCK * ROWS * PIXEL * 4), block, first, rows, v;
    if (!find_last(g, stage, f, &last)) bug("lower: rows that are no blocks");
    rows = rows_from(g, stage, row);
    blocks = count_blocks(g, &last, base);
    block = gen_for(g, gen_long(g, 0), blocks);
    first = gen_mul(g, block, gen_long(g, BLOCK));
    buffer_block(g, &last, last.rows, 1, first, buffer);
    store_rows(g, &last, base, row, rows, first, buffer);
    gen_end(g);
    first = gen_for(g, gen_mul(g, blocks, gen_long(g, BLOCK)), stage->to[last.column]);
    v = pixels_at(g, &last, last.rows, first);
    build_store(&g->b, v, buffer, 0);
    store_column(g, &last, base, row, rows, first, buffer);
    gen_end(g);
}
