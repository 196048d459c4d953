/* The rings of a sweep: which rows and columns are read, how large each is, how its
 * elements lie. */
#include <string.h>
#include "lower_lanes.h"
#include "lower_sweep.h"

/* A subscript that is read for sure is tested here, once for all that follow:
 * the read itself needs no test. */
static void test_read(Gen *g, const SweepRead *read, int axis, Value sub, Value size) {
    Value outside;
    if (g->sweep_loops || read->maybe || read->index->otherwise ||
        index_proved(g, read->index, axis))
        return;
    outside = gen_op(g, LOOP_ULE, LT_I1, 2, size, sub);
    gen_fail_when(g, outside, gen_site(g, read->index->at, NULL), sub, size, NO_VALUE,
                  true);
    list_push(g->all->arena, &g->tested, ((IndexTest){read->index, axis}));
}

static void widen(Gen *g, const SweepRead *read, void *data) {
    SweepHull *h = data;
    Value sub = gen_scalar(g, read->index->arg[1 + h->axis]).v, last;
    test_read(g, read, h->axis, sub, h->size);
    last = gen_sub(g, h->size, gen_long(g, 1));
    sub = gen_op(g, LOOP_SMIN, LT_I64, 2, sub,
                 gen_op(g, LOOP_SMAX, LT_I64, 2, last, gen_long(g, 0)));
    sub = gen_op(g, LOOP_SMAX, LT_I64, 2, sub, gen_long(g, 0));
    build_set(&g->b, h->low,
              gen_op(g, LOOP_SMIN, LT_I64, 2, build_get(&g->b, h->low), sub));
    build_set(&g->b, h->high,
              gen_op(g, LOOP_SMAX, LT_I64, 2, build_get(&g->b, h->high),
                     gen_op(g, LOOP_SMIN, LT_I64, 2, sub, last)));   /* maybe of nothing */
}

SweepHull sweep_hull_begin(Gen *g, int axis, Value size) {
    SweepHull h = {axis, NO_VALUE, NO_VALUE, size};
    h.low = build_var(&g->b, LT_I64, gen_long(g, INT64_MAX));
    h.high = build_var(&g->b, LT_I64, gen_long(g, -1));
    return h;
}

/* The other read, under the same conditions, has the same name as subscript. */
static bool same_place(const SweepRead *a, const SweepRead *b, int axis) {
    const Term *sub = a->index->arg[1 + axis], *other = b->index->arg[1 + axis];
    SweepRead need = sweep_needed(a, axis), need_b = sweep_needed(b, axis);
    if (sub->kind != TERM_REF || other->kind != TERM_REF || sub->var != other->var ||
        need.nsteps != need_b.nsteps)
        return false;
    for (int i = 0; i < need.nsteps; i++)
        if (!need.step[i].when || need.step[i].when != need_b.step[i].when ||
            need.step[i].holds != need_b.step[i].holds)
            return false;
    return true;
}

static bool is_known(Gen *g, const SweepStage *stage, int read, int axis) {
    const SweepRead *all = stage->reads.at;
    if (!index_proved(g, all[read].index, axis)) return false;
    for (int i = 0; i < read; i++)
        if (same_place(&all[i], &all[read], axis)) return true;
    return false;
}

void sweep_widen(Gen *g, const SweepStage *stage, SweepHull *h) {
    for (int i = 0; i < stage->reads.n; i++)
        if (!is_known(g, stage, i, h->axis))
            sweep_replay(g, &stage->reads.at[i], h->axis, widen, h);
}

void sweep_hull_end(Gen *g, SweepStage *stage, const SweepHull *h) {
    stage->to[h->axis] = gen_add(g, build_get(&g->b, h->high), gen_long(g, 1));
    stage->from[h->axis] = gen_op(g, LOOP_SMIN, LT_I64, 2, build_get(&g->b, h->low),
                                  stage->to[h->axis]);
}

/* ---- columns ---- */

bool sweep_small(Gen *g, Value dim) {
    int64_t n;
    return gen_is_int(g, dim, &n) && n <= 4;
}

static unsigned column_loops(const SweepStage *stage, int axis) {
    unsigned on = 0;
    for (int i = 0; i < stage->reads.n; i++) {
        const SweepRead *read = &stage->reads.at[i];
        on |= sweep_hangs_on(read, read->index->arg[1 + axis]);
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
    return !fixed && !stage->dense && !sweep_small(g, stage->ring->dim[axis].v) &&
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
    SweepHull h = sweep_hull_begin(g, axis, size);
    int opened = 0, old = context_open(g);
    for (int k = 0; k < PK_MAX_RANK; k++) {
        Value from, to, index;
        if (!(on >> k & 1)) continue;
        from = reader->from[k];
        to = reader->to[k];
        index = gen_for(g, from, to);
        sweep_bind(g, reader, k, index);
        opened++;
    }
    sweep_widen(g, stage, &h);
    while (opened--) gen_end(g);
    context_close(g, old);
    sweep_hull_end(g, stage, &h);
}

static void widen_by_reductions(Gen *g, SweepStage *stage, int axis, Value size) {
    Value all = sweep_reduces(g, stage);
    if (all == NO_VALUE) return;
    stage->from[axis] = gen_select(g, all, gen_long(g, 0), stage->from[axis]);
    stage->to[axis] = gen_select(g, all, size, stage->to[axis]);
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
            widen_by_reductions(g, stage, k, size);
        }
    }
}

/* ---- the ring ---- */

/* A row of a kernel is padded, so that rows lie at 16 mod 32 bytes: decoders
 * that store rows past the cache do so only for aligned ones. */
enum { ROW_ALIGN = 32, ROW_SHIFT = 16 };

typedef struct Layouts {
    int64_t room;               /* elements that the roomiest has room for; 0: no more */
    const char *roomy;          /* its name, up to a comma */
    bool planar;
} Layouts;

/* The layouts that a kernel declares: a letter for each element of the last dimension,
 * perhaps more than there are; or `planar`. */
static Layouts layouts_of(const SweepStage *stage) {
    const Type *type = stage->def->type;
    Layouts all = {0, NULL, false};
    const char *layout = NULL;
    int64_t inner;
    if (stage->def->kind == TERM_KERNEL) layout = stage->def->kernel->layout;
    if (type->rank < 2 || !dim_constant(type->dims[type->rank - 1], &inner)) return all;
    while (layout && *layout) {
        int64_t n = (int64_t)strcspn(layout, ",");
        if (n == 6 && !strncmp(layout, "planar", 6)) all.planar = true;
        else if (n > inner && n > all.room) all = (Layouts){n, layout, all.planar};
        layout += n + (layout[n] == ',');
    }
    return all;
}

static void ring_steps(Gen *g, SweepStage *stage, Tensor *t) {
    int rank = t->rank;
    int64_t inner = t->pixels ? PIXEL : layouts_of(stage).room, size = dtype_size(t->dtype);
    Value step = gen_long(g, 1);
    for (int k = rank - 1; k >= 1; k--) {
        t->step[k] = step;
        t->origin[k] = stage->from[k];
        step = gen_mul(g, step, k == rank - 1 && inner ? gen_long(g, inner)
                                : gen_sub(g, stage->to[k], stage->from[k]));
    }
    if (t->planes) {
        Value plane = gen_add(g, gen_sub(g, stage->to[1], stage->from[1]),
                              gen_long(g, BLOCK - 1));
        t->step[1] = gen_long(g, 1);
        t->step[2] = gen_op(g, LOOP_AND, LT_I64, 2, plane, gen_long(g, -BLOCK));
        t->step[0] = gen_mul(g, t->step[2], t->dim[2].v);
        t->origin[0] = gen_long(g, 0);
        t->mask = gen_sub(g, stage->slots, gen_long(g, 1));
        return;
    }
    if (stage->blocked) {
        Value columns = gen_sub(g, stage->to[1], stage->from[1]);
        t->step[0] = gen_long(g, PIXEL);
        t->step[1] = gen_long(g, ROWS * PIXEL);
        t->origin[0] = gen_long(g, 0);
        t->mask = gen_long(g, ROWS - 1);
        stage->slots = gen_mul(g, gen_add(g, columns, gen_long(g, PIXEL)),
                               gen_long(g, ROWS));
        return;
    }
    if (t->pixels && stage->def->kind != TERM_KERNEL)   /* whole vectors of columns */
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
void sweep_announce(Gen *g, SweepStage *stage) {
    const Type *type = stage->def->type;
    Tensor *t = arena_new_of(g->all->arena, Tensor);
    Thunk *thunk = bind_thunk(g, stage->var);
    *t = (Tensor){.dtype = type->dtype, .rank = type->rank, .fails = NO_VALUE,
                  .fail = NO_VALUE, .placed = true, .mask = NO_VALUE};
    for (int k = 0; k < type->rank; k++) t->dim[k] = bind_dim(g, thunk, k);
    note_way(g, thunk, "window");
    stage->ring = t;
    stage->before = *thunk;
    t->slack = stage->dense;
    sweep_reduce_announce(g, stage);
    for (int i = 0; i < stage->producers.n; i++)
        sweep_announce(g, stage->producers.at[i]);
    if (stage->reader) t->tested = tested_axes(g, stage);
    t->pixels = layouts_of(stage).room == PIXEL;
    bind_value(g, stage->var, low_tensor(t, type));
}

void sweep_force_inputs(Gen *g, const SweepStage *stage) {
    if (stage->arms.n) force_before(g, 1, &stage->def);
    for (int i = 0; i < stage->reductions.n; i++)
        force_before(g, 1, &stage->reductions.at[i].loop);
    for (int i = 0; i < stage->producers.n; i++)
        sweep_force_inputs(g, stage->producers.at[i]);
}

/* At least so many channels, and at most PIXEL. */
static bool has_channels(Gen *g, const Tensor *t, int least) {
    int64_t n;
    return t && t->rank == 3 && lane_dtype(t->dtype) && gen_is_int(g, t->dim[2].v, &n) &&
           n >= least && n <= PIXEL;
}

static void set_planes(Gen *g, SweepStage *reader, bool planes) {
    for (int i = 0; i < reader->producers.n; i++) {
        SweepStage *stage = reader->producers.at[i];
        Layouts layouts = layouts_of(stage);
        Tensor *ring = stage->ring;
        bool fits = stage->def->kind != TERM_KERNEL || layouts.planar;
        ring->planes = planes && fits && has_channels(g, ring, 1);
        ring->pixels = !ring->planes && layouts.room == PIXEL;
    }
}

/* Planes where the reader makes columns of a channel if its inputs are planes, for
 * planes in turn. */
void sweep_choose_planes(Gen *g, SweepStage *stage, const Fill *f) {
    bool fits = stage->var ? stage->ring->planes : f->to && lane_dtype(f->to->dtype);
    set_planes(g, stage, true);
    if (!fits || !sweep_wants_planes(g, stage)) set_planes(g, stage, false);
    for (int i = 0; i < stage->producers.n; i++)
        sweep_choose_planes(g, stage->producers.at[i], f);
}

static void note_kernel(Gen *g, const SweepStage *stage) {
    Layouts all = layouts_of(stage);
    if (stage->ring->planes)
        note_layout(g, stage->var, "planar");
    else if (all.room)
        note_layout(g, stage->var, arena_format(g->all->arena, "%.*s", (int)all.room,
                                                all.roomy));
}

void sweep_choose_lanes(Gen *g, SweepStage *stage) {
    Tensor *ring = stage->ring;
    if (stage->def->kind == TERM_KERNEL) note_kernel(g, stage);
    for (int i = 0; i < stage->producers.n; i++)
        sweep_choose_lanes(g, stage->producers.at[i]);
    if (stage->dense && ring && !ring->planes) {
        ring->pixels = has_channels(g, ring, 2);
        ring->dense = !ring->pixels;
    }
    if (stage->def->kind != TERM_FOR || stage->dense || !stage->var) return;
    stage->lanes = sweep_lanes(g, stage);
    if (!ring->planes) ring->pixels = stage->lanes != ROW_ONE;
    if (stage->lanes == ROW_BLOCKS) stage->producers.at[0]->blocked = true;
}

void sweep_make_ring(Gen *g, SweepStage *stage) {
    Tensor *t = stage->ring;
    Scalar dims[PK_MAX_RANK] = {scalar(stage->slots)};
    Value bytes;
    for (int k = 1; k < t->rank; k++)
        dims[k] = scalar(gen_sub(g, stage->to[k], stage->from[k]));
    gen_count(g, t->rank, dims);        /* leaves if it is absurd */
    ring_steps(g, stage, t);
    bytes = gen_mul(g, gen_mul(g, stage->slots, t->step[0]),
                    gen_long(g, dtype_size(t->dtype)));
    t->data = gen_alloc(g, gen_add(g, bytes, gen_long(g, 256)), 1, &t->buffer);
    if (stage->def->kind == TERM_KERNEL)
        t->data = build_offset(&g->b, t->data, gen_long(g, ROW_SHIFT), 1);
}

void sweep_find(Gen *g, SweepStage *stage) {
    sweep_find_rows(g, stage);
    find_columns(g, stage);
    if (stage->def->kind == TERM_KERNEL && stage->def->kernel->region[0])
        note_crop(g, stage->var, 0);
    stage->from[0] = stage->first;
    stage->to[0] = gen_add(g, stage->first, stage->rows);
    for (int k = 0; stage->arms.n && k < stage->arms.at[0].loop->nloops; k++)
        stage->start[k] = gen_scalar(g, stage->arms.at[0].loop->loop[k].from).v;
    for (int i = 0; i < stage->producers.n; i++) sweep_find(g, stage->producers.at[i]);
}

void sweep_prepare(Gen *g, SweepStage *stage) {
    for (int i = 0; i < stage->producers.n; i++) sweep_prepare(g, stage->producers.at[i]);
    sweep_make_ring(g, stage);
    if (stage->lanes == ROW_RUNS || stage->lanes == ROW_PLANES) sweep_find_runs(g, stage);
    if (stage->def->kind == TERM_KERNEL) sweep_kernel_begin(g, stage);
}
