/* Loop nests over pixels, BLOCK columns of a channel at a time.
 *
 *   for i, j: [a, b, c]        for i, j, k: a  (k over 2 to 4)        sum(for i, j: a)
 *
 * whose reads are of neighbours in memory, or of channels of neighbouring pixels.
 * Folds make BROAD columns at once. Columns that fill no vector are made one by one. */
#include "lower_lanes.h"

struct Columns {
    const Term *loop;
    Lanes *lanes, *broad;       /* broad: NULL if there is no fold */
    const Term *fold;           /* is made for all channels at once; or NULL */
    int column, channel;        /* loops; channel -1: none */
    int parts;                  /* channels */
    bool array;                 /* the body lists them */
};

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

/* The one fold of an element that is made of operations on it, if channels have the
 * same rounds. */
static const Term *joint_fold(const Term *element, const Var *channel) {
    const Term *found = NULL;
    if (element->kind == TERM_FOLD) {
        bool own = term_reads(element->inits[0], channel) ||
                   term_reads(element->loop[0].from, channel) ||
                   term_reads(element->loop[0].to, channel);
        return own ? NULL : element;
    }
    if (element->kind != TERM_OP) return NULL;
    for (int i = 0; i < element->nargs; i++) {
        if (!term_has_fold(element->arg[i])) continue;
        if (found) return NULL;
        found = joint_fold(element->arg[i], channel);
        if (!found) return NULL;
    }
    return found;
}

int64_t channel_trip(const Loop *loop) {
    int64_t from, to;
    if (!term_is_int(loop->from, &from) || !term_is_int(loop->to, &to) || from) return 0;
    return to >= 1 && to <= PIXEL ? to : 0;
}

int64_t small_trip(const Loop *loop) {
    int64_t trip = channel_trip(loop);
    return trip >= 2 ? trip : 0;
}

static Columns *find(Gen *g, const Term *loop, int column, int channel, bool may_run) {
    const Term *part = last_part(loop->arg[0]);
    const Var *over = loop->loop[column].var;
    const Var *fixed = channel < 0 ? NULL : loop->loop[channel].var;
    Columns *c = arena_new_of(g->all->arena, Columns);
    *c = (Columns){.loop = loop, .column = column, .channel = channel, .parts = 1};
    c->array = part->kind == TERM_ARRAY;
    if (c->array && (channel >= 0 || part->type->rank != 1)) return NULL;
    if (c->array) c->parts = part->nargs;
    else if (channel >= 0) c->parts = (int)channel_trip(&loop->loop[channel]);
    if (!c->parts || c->parts > PIXEL) return NULL;
    for (int d = LANES_FORTH; d <= (may_run ? LANES_FORTH : LANES_BACK); d++) {
        c->lanes = lanes_of_columns(g, BLOCK, over, fixed);
        c->lanes->direction = d;
        if (may_run) lanes_may_run(c->lanes);
        if (body_fits(c)) break;
        c->lanes = NULL;
    }
    if (!c->lanes) return NULL;
    if (!term_has_fold(loop->arg[0])) return c;
    if (c->lanes->picks) return NULL;       /* shuffles in every round */
    c->fold = fixed ? joint_fold(loop->arg[0], fixed) : NULL;
    if (c->fold && lane_kind(c->lanes, c->fold) != LANE_MANY)
        c->fold = NULL;                     /* the same in all columns: no vector */
    c->broad = lanes_broader(c->lanes, c->fold ? JOINT : BROAD);
    return c;
}

const Columns *columns_find(Gen *g, const Term *loop, int column, int channel) {
    return find(g, loop, column, channel, false);
}

/* What does not run is made one by one, so it had better be little. */
const Columns *columns_find_run(Gen *g, const Term *loop, int column, int channel,
                                Lanes **lanes) {
    const Columns *c = find(g, loop, column, channel, true);
    const Term *const *reads;
    if (!c || c->array || loop->arg[0]->kind != TERM_INDEX ||
        lanes_runs(c->lanes, &reads) != 1)
        return NULL;
    *lanes = c->lanes;
    return c;
}

/* Columns, and perhaps channels, are the innermost loops. */
const Columns *columns_inner(Gen *g, const Term *loop) {
    int last = loop->nloops - 1;
    bool list = last_part(loop->arg[0])->kind == TERM_ARRAY;
    if (!list && last > 0 && channel_trip(&loop->loop[last]))
        return columns_find(g, loop, last - 1, last);
    return columns_find(g, loop, last, -1);
}

bool columns_has_channels(const Columns *c) { return c->array || c->channel >= 0; }

void columns_loops(const Columns *c, int *column, int *channel) {
    *column = c->column;
    *channel = c->channel;
}

/* ---- a row ---- */

/* Where it goes: f->to or a sink of blocks; `base` is the element of column `from`. */
typedef struct Row {
    const Columns *c;
    const Fill *f;
    Value base, from, columns;
    bool stream;                /* vectors are cache lines of their own, not read soon */
    Value runs;                 /* ptr to an i32 for each block: its columns run; or
                                   NO_VALUE: all do */
    int row;                    /* rows are made block by block: their loop, the first,
                                   how many (NO_VALUE: one, whose index is bound) */
    Value first, rows;
} Row;

static bool is_planar(Gen *g, const Row *r) {
    int64_t step;
    return gen_is_int(g, r->f->below[r->c->column + 1], &step) && step == 1;
}

static Value channel_at(Gen *g, const Row *r, int k) {
    int axis = r->c->array ? r->c->loop->nloops : r->c->channel;
    return axis < 0 ? gen_long(g, 0) : gen_mul(g, gen_long(g, k), r->f->below[axis + 1]);
}

static Value element(Gen *g, const Row *r, Value column) {
    return gen_add(g, r->base, gen_mul(g, column, r->f->below[r->c->column + 1]));
}

static Value place(Gen *g, const Row *r, Value e) {
    return build_offset(&g->b, r->f->to->data, e, dtype_size(r->f->to->dtype));
}

/* Streams go line by line. */
static void store_plane(Gen *g, const Row *r, Value e, int k, Value v) {
    int lanes = value_type(&g->b, v).lanes, n = r->stream ? BLOCK : lanes;
    if (r->f->canonical) v = lane_canonical(g, v);
    e = gen_add(g, e, channel_at(g, r, k));
    for (int at = 0; at < lanes; at += n) {
        Value part = n == lanes ? v : lane_pick(g, v, v, n, at, 1);
        build_store(&g->b, part, place(g, r, gen_add(g, e, gen_long(g, at))),
                    r->f->to->buffer);
        if (!r->stream) continue;
        built(&g->b)->align = LINE;
        built(&g->b)->stream = true;
    }
}

/* Channels side by side. */
static void store_pixels(Gen *g, const Row *r, Value e, Value *v) {
    int64_t room;
    int parts = r->c->parts;
    for (int k = 0; r->f->canonical && k < parts; k++) v[k] = lane_canonical(g, v[k]);
    if (gen_is_int(g, r->f->below[r->c->column + 1], &room))   /* perhaps for more */
        while (parts < room && parts < PIXEL) v[parts++] = v[0];
    lanes_store(g, parts, v, place(g, r, e), r->f->to->buffer);
}

static void make_parts(Gen *g, const Row *r, Lanes *lanes, Value column, Value e,
                       Value *v) {
    const Columns *c = r->c;
    const Term *part = c->loop->arg[0];
    bool planar = r->f->to && is_planar(g, r), joint = c->fold && lanes == c->broad;
    Value folds[PIXEL];
    if (joint)
        lanes_fold(lanes, c->fold, c->loop->loop[c->channel].var, c->parts, column, folds);
    if (c->array) {
        lanes_start(lanes, column);
        for (; part->kind == TERM_LET; part = part->arg[1]) lanes_let(lanes, part);
    }
    for (int k = 0; k < c->parts; k++) {
        int old = g->context;
        if (c->channel >= 0) {
            old = context_open(g);          /* names may hang on the channel */
            lanes_fix(lanes, k);
            bind_index(g, c->loop->loop[c->channel].var, scalar(gen_long(g, k)));
        }
        lanes->folded = joint ? c->fold : NULL;
        if (joint) lanes->fold = folds[k];
        v[k] = c->array ? lanes_out(lanes, part->arg[k]) : lanes_at(lanes, column, part);
        if (planar && !c->array) store_plane(g, r, e, k, v[k]);
        context_close(g, old);
    }
    for (int k = 0; planar && c->array && k < c->parts; k++)
        store_plane(g, r, e, k, v[k]);
}

/* Binds one row after the other; gives the row's place. */
static Row each_row(Gen *g, const Row *all) {
    Row row = *all;
    Value q;
    if (all->rows == NO_VALUE) return row;
    q = gen_for(g, gen_long(g, 0), all->rows);
    row.base = gen_add(g, all->base, gen_mul(g, q, all->f->below[all->row + 1]));
    bind_index(g, all->c->loop->loop[all->row].var, scalar(gen_add(g, all->first, q)));
    return row;
}

static void end_row(Gen *g, const Row *all) {
    if (all->rows != NO_VALUE) gen_end(g);
}

static void make_block(Gen *g, const Row *all, Lanes *lanes, Value first) {
    int old = context_open(g);
    Row each = each_row(g, all), *r = &each;
    Value v[PIXEL], e = element(g, r, first);
    make_parts(g, r, lanes, gen_add(g, r->from, first), e, v);
    if (r->f->sink) r->f->sink_block(g, e, v[0], r->f->data);
    else if (!is_planar(g, r)) store_pixels(g, r, e, v);
    end_row(g, all);
    context_close(g, old);
}

void gen_if_runs(Gen *g, Value runs, Value block) {
    Value at = build_offset(&g->b, runs, block, 4);
    Value run = build_load(&g->b, loop_type(LT_I32), at, 0);
    gen_if(g, gen_op(g, LOOP_NE, LT_I1, 2, run, gen_int(g, LT_I32, 0)));
}

static Value whole_blocks(Gen *g, Value columns, int size) {
    int64_t n;
    if (gen_is_int(g, columns, &n)) return gen_long(g, n / size * size);
    return gen_op(g, LOOP_AND, LT_I64, 2, columns, gen_long(g, -size));
}

static void one_element(Gen *g, const Row *r, Value j, Value e) {
    const Columns *c = r->c;
    int old = context_open(g);
    Value k;
    bind_index(g, c->loop->loop[c->column].var, scalar(gen_add(g, r->from, j)));
    if (c->channel >= 0) {
        k = gen_for(g, gen_long(g, 0), gen_long(g, c->parts));
        e = gen_add(g, e, gen_mul(g, k, r->f->below[c->channel + 1]));
        bind_index(g, c->loop->loop[c->channel].var, scalar(k));
    }
    gen_fill(g, r->f, c->loop->nloops, e, c->loop->arg[0]);
    if (c->channel >= 0) gen_end(g);
    context_close(g, old);
}

static void one_by_one(Gen *g, const Row *all, Value first, Value to) {
    int old = context_open(g);
    Row each = each_row(g, all);
    Value j = gen_for(g, first, to);
    one_element(g, &each, j, element(g, &each, j));
    gen_end(g);
    end_row(g, all);
    context_close(g, old);
}

/* Columns `done` to `to`, in vectors. */
static void make_blocks(Gen *g, const Row *r, Lanes *lanes, Value done, Value to) {
    int shift = lanes->n == BLOCK ? 4 : lanes->n == JOINT ? 5 : 6;
    Value columns = gen_sub(g, to, done);
    Value blocks = gen_op(g, LOOP_ASHR, LT_I64, 2, columns, gen_long(g, shift));
    Value block = gen_for(g, gen_long(g, 0), blocks);
    Value first = gen_add(g, done, gen_mul(g, block, gen_long(g, lanes->n)));
    if (r->runs != NO_VALUE) gen_if_runs(g, r->runs, block);
    make_block(g, r, lanes, first);
    if (r->runs != NO_VALUE) {
        gen_else(g);
        one_by_one(g, r, first, gen_add(g, first, gen_long(g, lanes->n)));
        gen_end(g);
    }
    gen_end(g);
}

static void make_rows(Gen *g, const Row *r) {
    const Columns *c = r->c;
    Value broad = gen_long(g, 0), done = whole_blocks(g, r->columns, BLOCK);
    Mark mark = gen_mark(g);
    if (c->broad && r->f->to && is_planar(g, r)) {
        broad = whole_blocks(g, r->columns, c->broad->n);
        make_blocks(g, r, c->broad, gen_long(g, 0), broad);
    }
    make_blocks(g, r, c->lanes, broad, done);
    if (done != r->columns) one_by_one(g, r, done, r->columns);
    gen_release(g, mark);
}

void columns_row(Gen *g, const Columns *c, const Fill *f, Value base, Value from,
                 Value columns, bool stream, Value runs) {
    Row r = {c, f, base, from, columns, stream, runs, 0, NO_VALUE, NO_VALUE};
    make_rows(g, &r);
}

void columns_rows(Gen *g, const Columns *c, const Fill *f, Value base, Value from,
                  Value columns, bool stream, int row, Value first, Value rows) {
    Row r = {c, f, base, from, columns, stream, NO_VALUE, row, first, rows};
    make_rows(g, &r);
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
    const Columns *c;
    int old;
    if (g->plain || (f->to ? !lane_dtype(f->to->dtype) : !f->sink_block)) return false;
    force_before(g, 1, loop->arg);
    c = columns_inner(g, loop);
    if (!c || (f->to && c->parts == 1)) return false;
    if (!f->to && !rows_are_blocks(g, f, c, base)) return false;
    old = context_open(g);
    for (int k = 0; k < c->column; k++) {
        Value index = gen_for(g, gen_long(g, 0), trip[k]);
        base = gen_add(g, base, gen_mul(g, index, f->below[k + 1]));
        bind_index(g, loop->loop[k].var, scalar(gen_add(g, from[k], index)));
    }
    columns_row(g, c, f, base, from[c->column], trip[c->column], false, NO_VALUE);
    for (int k = 0; k < c->column; k++) gen_end(g);
    context_close(g, old);
    return true;
}
