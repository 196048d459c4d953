/* Rows of pixels in lanes: rings, and the last loop of a sweep, whose planes are
 * stored sixteen columns at a time. */
#include "lower_kernel.h"
#include "lower_lanes.h"
#include "lower_sweep.h"

enum { BLOCK = 16, LINE = 64 };     /* columns; bytes of a cache line */

static int64_t small_trip(Gen *g, const Loop *loop) {
    int64_t from, to;
    (void)g;
    if (!term_is_int(loop->from, &from) || !term_is_int(loop->to, &to) || from != 0)
        return 0;
    return to >= 2 && to <= PIXEL ? to : 0;
}

static bool lane_dtype(pl_dtype d) { return d == PL_F32 || d == PL_U8 || d == PL_I32; }

/* A stage of rows x columns x channels whose elements can be made in lanes. */
bool sweep_has_lanes(Gen *g, const SweepStage *stage) {
    const Term *def = stage->def;
    Lanes *l;
    int64_t channels;
    if (def->kind != TERM_FOR || def->nloops != 3 || !lane_dtype(def->type->dtype))
        return false;
    channels = small_trip(g, &def->loop[2]);
    if (!channels) return false;
    l = lanes_new(g, WIDE, def->loop[1].var, def->loop[2].var, (int)channels);
    return lane_kind(l, def->arg[0]) == LANE_MANY;
}

void sweep_row_lanes(Gen *g, const SweepStage *stage, Value row) {
    const Term *def = stage->def;
    int pixels = WIDE / PIXEL;
    Lanes *l = lanes_new(g, WIDE, def->loop[1].var, def->loop[2].var,
                         (int)small_trip(g, &def->loop[2]));
    Value columns = gen_sub(g, stage->to[1], stage->from[1]), block, subs[3];
    Value blocks = gen_op(g, LOOP_ASHR, LT_I64, 2, gen_add(g, columns, gen_long(g, pixels - 1)),
                          gen_long(g, 2)), v, at;
    block = gen_for(g, gen_long(g, 0), blocks);
    subs[0] = row;
    subs[1] = gen_add(g, stage->from[1], gen_mul(g, block, gen_long(g, pixels)));
    subs[2] = gen_long(g, 0);
    v = lanes_at(l, gen_add(g, stage->start[1], subs[1]), def->arg[0]);
    at = build_offset(&g->b, stage->ring->data, gen_position(g, stage->ring, subs),
                      dtype_size(stage->ring->dtype));
    build_store(&g->b, v, at, stage->ring->buffer);
    gen_end(g);
}

/* ---- the last loop ---- */

typedef struct LastRow {
    SweepStage *stage;
    const Fill *fill;
    int column, channel;        /* loops */
    int64_t channels;
    Lanes *lanes;
    Value at;                   /* element (row, 0, 0) of the result */
    bool aligned;
} LastRow;

static bool find_last(Gen *g, SweepStage *stage, const Fill *f, LastRow *last) {
    const Term *def = stage->def;
    *last = (LastRow){.stage = stage, .fill = f};
    if (!f->to || def->nloops != 3 || !lane_dtype(def->type->dtype)) return false;
    for (int c = 0; c < 3; c++) {
        int column = 3 - c - stage->row;
        last->channels = small_trip(g, &def->loop[c]);
        if (c == stage->row || !last->channels) continue;
        last->lanes = lanes_new(g, PIXEL, def->loop[column].var, def->loop[c].var,
                                (int)last->channels);
        last->column = column;
        last->channel = c;
        if (lane_kind(last->lanes, def->arg[0]) == LANE_MANY) return true;
    }
    return false;
}

static Value lane_canonical(Gen *g, const Fill *f, Value v) {
    LoopType type = value_type(&g->b, v), flag = loop_vector(LT_I1, type.lanes);
    Value nan, is_nan;
    if (!f->canonical || type.scalar != LT_F32) return v;
    nan = gen_real(g, LT_F32, __builtin_nan(""));
    nan = build(&g->b, LOOP_SPLAT, type, 1, nan);
    is_nan = build(&g->b, LOOP_FNE, flag, 2, v, v);
    return build(&g->b, LOOP_SELECT, type, 3, is_nan, nan, v);
}

/* The pixel at a column (counted from 0), all of its channels. */
static Value pixel(Gen *g, LastRow *last, Value column) {
    const SweepStage *stage = last->stage;
    Value at = gen_add(g, stage->start[last->column], column), v;
    int old = context_open(g);
    bind_index(g, stage->def->loop[last->column].var, scalar(at));
    v = lane_canonical(g, last->fill, lanes_at(last->lanes, at, stage->def->arg[0]));
    context_close(g, old);
    return v;
}

static Value place(Gen *g, const LastRow *last, Value column, int64_t channel) {
    const Fill *f = last->fill;
    Value at = gen_add(g, last->at, gen_mul(g, column, f->below[last->column + 1]));
    at = gen_add(g, at, gen_mul(g, gen_long(g, channel), f->below[last->channel + 1]));
    return build_offset(&g->b, f->to->data, at, dtype_size(f->to->dtype));
}

static void store_pixel(Gen *g, LastRow *last, Value column) {
    Value v = pixel(g, last, column);
    for (int64_t c = 0; c < last->channels; c++) {
        Value one = build(&g->b, LOOP_EXTRACT, loop_type(value_type(&g->b, v).scalar), 1, v);
        built(&g->b)->imm = c;
        build_store(&g->b, one, place(g, last, column, c), last->fill->to->buffer);
    }
}

static Value pick(Gen *g, Value a, Value b, LoopScalar scalar_type, int lanes, int first,
                  int step) {
    int *mask = arena_array(g->all->arena, int, lanes);
    Value v;
    for (int i = 0; i < lanes; i++) mask[i] = first + i * step;
    v = build(&g->b, LOOP_SHUFFLE, loop_vector(scalar_type, lanes), 2, a, b);
    built(&g->b)->mask = mask;
    return v;
}

/* Sixteen pixels become one vector of sixteen columns for each channel. */
static void store_block(Gen *g, LastRow *last, Value column, Value buffer) {
    LoopScalar type = mem_type(last->fill->to->dtype);
    Value quarter[4], half[2], all;
    for (int q = 0; q < 4; q++)
        quarter[q] = build_load(&g->b, loop_vector(type, BLOCK),
                                build_offset(&g->b, buffer, gen_long(g, 64 * q), 1), 0);
    for (int64_t c = 0; c < last->channels; c++) {
        for (int h = 0; h < 2; h++)
            half[h] = pick(g, quarter[2 * h], quarter[2 * h + 1], type, 8, (int)c, PIXEL);
        all = pick(g, half[0], half[1], type, BLOCK, 0, 1);
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

static void blocks_of(Gen *g, LastRow *last, Value columns) {
    Value buffer = kernel_stack(g, BLOCK * PIXEL * 4), block, first, j, v;
    block = gen_for(g, gen_long(g, 0), columns);
    first = gen_mul(g, block, gen_long(g, BLOCK));
    j = gen_for(g, gen_long(g, 0), gen_long(g, BLOCK));
    v = pixel(g, last, gen_add(g, first, j));
    build_store(&g->b, v, build_offset(&g->b, buffer, j, PIXEL * 4), 0);
    gen_end(g);
    store_block(g, last, first, buffer);
    gen_end(g);
}

bool sweep_last_lanes(Gen *g, SweepStage *stage, const Fill *f, Value base, Value row) {
    LastRow last;
    int64_t size, one, zero;
    Value columns, blocks, j;
    if (!find_last(g, stage, f, &last)) return false;
    size = dtype_size(f->to->dtype);
    columns = stage->to[last.column];
    last.at = gen_add(g, base, gen_mul(g, row, f->below[stage->row + 1]));
    blocks = gen_long(g, 0);
    if (size == 4 && gen_is_int(g, f->below[last.column + 1], &one) && one == 1) {
        last.aligned = is_line(g, f->below[0], size) &&
                       is_line(g, f->below[stage->row + 1], size) &&
                       is_line(g, f->below[last.channel + 1], size) &&
                       gen_is_int(g, base, &zero) && zero == 0;
        blocks = gen_op(g, LOOP_ASHR, LT_I64, 2, columns, gen_long(g, 4));
        blocks_of(g, &last, blocks);
    }
    j = gen_for(g, gen_mul(g, blocks, gen_long(g, BLOCK)), columns);
    store_pixel(g, &last, j);
    gen_end(g);
    return true;
}
