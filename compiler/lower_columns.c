/* Loop nests over pixels, BLOCK columns of a channel at a time.
 *
 *   for i, j: [a, b, c]        for i, j, k: a  (k over 2 to 4)        sum(for i, j: a)
 *
 * whose reads are of neighbours in memory, or of channels of neighbouring pixels.
 * Columns that fill no vector are made one by one. */
#include "lower_lanes.h"

typedef struct Columns {
    const Term *loop;
    Lanes *lanes;
    int column;                 /* its loop; the channels' is the next, if any */
    int parts;                  /* channels */
    bool array;                 /* the body lists them */
} Columns;

/* ---- what fits ---- */

static const Term *last_part(const Term *body) {
    while (body->kind == TERM_LET) body = body->arg[1];
    return body;
}

static bool part_fits(Lanes *l, const Term *part) {
    LaneKind kind = lane_kind(l, part);
    return part->type->kind == TY_TENSOR && part->type->rank == 0 &&
           lane_dtype(part->type->dtype) && (kind == LANE_ONE || kind == LANE_MANY);
}

static bool body_fits(const Columns *c) {
    const Term *body = c->loop->arg[0];
    for (int k = 0; k < (c->array ? 1 : c->parts); k++) {
        const Term *part = body;
        lanes_fix(c->lanes, k);
        for (; part->kind == TERM_LET; part = part->arg[1])
            if (lanes_let_kind(c->lanes, part) == LANE_NONE) return false;
        if (!c->array && !part_fits(c->lanes, part)) return false;
        for (int i = 0; c->array && i < c->parts; i++)
            if (!part_fits(c->lanes, part->arg[i])) return false;
    }
    return true;
}

static int small_loop(const Loop *loop) {
    int64_t from, to;
    if (!term_is_int(loop->from, &from) || !term_is_int(loop->to, &to) || from != 0) return 0;
    return to >= 2 && to <= PIXEL ? (int)to : 0;
}

static bool find_columns(Gen *g, const Term *loop, Columns *c) {
    const Term *part = last_part(loop->arg[0]);
    const Var *channel = NULL;
    *c = (Columns){.loop = loop, .column = loop->nloops - 1, .parts = 1};
    if (part->kind == TERM_ARRAY) {
        c->array = true;
        c->parts = part->nargs;
    } else if (loop->nloops > 1 && small_loop(&loop->loop[loop->nloops - 1])) {
        c->parts = small_loop(&loop->loop[loop->nloops - 1]);
        c->column = loop->nloops - 2;
        channel = loop->loop[loop->nloops - 1].var;
    }
    if (c->parts > PIXEL || (c->array && part->type->rank != 1)) return false;
    c->lanes = lanes_of_columns(g, loop->loop[c->column].var, channel);
    return body_fits(c);
}

/* ---- a row ---- */

static void make_block(Gen *g, const Columns *c, Value column, Value *v) {
    const Term *part = c->loop->arg[0];
    int old = context_open(g);
    if (c->array) {
        lanes_start(c->lanes, column);
        for (; part->kind == TERM_LET; part = part->arg[1]) lanes_let(c->lanes, part);
        for (int k = 0; k < c->parts; k++) v[k] = lanes_many(c->lanes, part->arg[k]);
    } else {
        for (int k = 0; k < c->parts; k++) {
            lanes_fix(c->lanes, k);
            if (c->parts > 1)
                bind_index(g, c->loop->loop[c->column + 1].var, scalar(gen_long(g, k)));
            v[k] = lanes_at(c->lanes, column, part);
        }
    }
    context_close(g, old);
}

static void store_block(Gen *g, const Columns *c, const Fill *f, Value e, Value *v) {
    int64_t room;
    int parts = c->parts;
    if (f->sink) {
        f->sink_block(g, e, v[0], f->data);
        return;
    }
    for (int k = 0; f->canonical && k < parts; k++) v[k] = lane_canonical(g, v[k]);
    if (gen_is_int(g, f->below[c->column + 1], &room))      /* pixels have room for more */
        while (parts < room && parts < PIXEL) v[parts++] = v[0];
    lanes_store(g, parts, v, build_offset(&g->b, f->to->data, e, dtype_size(f->to->dtype)),
                f->to->buffer);
}

static void one_by_one(Gen *g, const Columns *c, const Fill *f, Value base, Value from,
                       Value first, Value columns) {
    int old = context_open(g), axis = c->column + 1;
    Value j = gen_for(g, first, columns);
    Value e = gen_add(g, base, gen_mul(g, j, f->below[axis]));
    bind_index(g, c->loop->loop[c->column].var, scalar(gen_add(g, from, j)));
    if (axis < c->loop->nloops) {
        Value k = gen_for(g, gen_long(g, 0), gen_long(g, c->parts));
        bind_index(g, c->loop->loop[axis].var, scalar(k));
        gen_fill(g, f, axis + 1, gen_add(g, e, k), c->loop->arg[0]);
        gen_end(g);
    } else {
        gen_fill(g, f, axis, e, c->loop->arg[0]);
    }
    gen_end(g);
    context_close(g, old);
}

static void make_row(Gen *g, const Columns *c, const Fill *f, Value base, Value from,
                     Value columns) {
    Value blocks = gen_op(g, LOOP_ASHR, LT_I64, 2, columns, gen_long(g, 4));
    Value done = gen_mul(g, blocks, gen_long(g, BLOCK)), block, first, v[PIXEL];
    int64_t n;
    block = gen_for(g, gen_long(g, 0), blocks);
    first = gen_mul(g, block, gen_long(g, BLOCK));
    make_block(g, c, gen_add(g, from, first), v);
    store_block(g, c, f, gen_add(g, base, gen_mul(g, first, f->below[c->column + 1])), v);
    gen_end(g);
    if (!gen_is_int(g, columns, &n) || n % BLOCK)
        one_by_one(g, c, f, base, from, done, columns);
}

/* ---- the nest ---- */

/* A sink of blocks gets whole blocks of elements counted from 0 alone. */
static bool rows_are_blocks(Gen *g, const Fill *f, const Columns *c, Value base) {
    int64_t n, start;
    bool from_block = f->whole_blocks || (gen_is_int(g, base, &start) && !start);
    return from_block && c->parts == 1 && gen_is_int(g, f->dim[c->column], &n) &&
           n % BLOCK == 0;
}

bool gen_columns(Gen *g, const Fill *f, Value base, const Term *loop, const Value *from,
                 const Value *trip) {
    Columns c;
    Mark mark;
    int old;
    if (g->plain || (f->to ? !lane_dtype(f->to->dtype) : !f->sink_block)) return false;
    force_before(g, 1, loop->arg);
    if (!find_columns(g, loop, &c) || (f->to && c.parts == 1)) return false;
    if (!f->to && !rows_are_blocks(g, f, &c, base)) return false;
    old = context_open(g);
    for (int k = 0; k < c.column; k++) {
        Value index = gen_for(g, gen_long(g, 0), trip[k]);
        base = gen_add(g, base, gen_mul(g, index, f->below[k + 1]));
        bind_index(g, loop->loop[k].var, scalar(gen_add(g, from[k], index)));
    }
    mark = gen_mark(g);
    make_row(g, &c, f, base, from[c.column], trip[c.column]);
    gen_release(g, mark);
    for (int k = 0; k < c.column; k++) gen_end(g);
    context_close(g, old);
    return true;
}
