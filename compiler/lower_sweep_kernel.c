/* Sweeps over kernels that yield rows, or give a window. The kernel is begun
 * before the sweep with the hull of what is read; every way out of the function
 * ends it. A kernel without `rows` gives the whole hull at once. */
#include "lower_kernel.h"
#include "lower_sweep.h"

static Value place_region(Gen *g, const SweepStage *stage) {
    const Kernel *k = stage->def->kernel;
    Value region;
    bool any = false;
    for (int a = 0; a < stage->def->type->rank; a++) any |= k->region[a];
    if (!any) return gen_null(g);
    region = kernel_stack(g, sizeof(pk_region));
    for (int a = 0; a < stage->def->type->rank; a++) {
        gen_put(g, stage->from[a], region, (int64_t)offsetof(pk_region, from) + 8 * a, 0);
        gen_put(g, stage->to[a], region, (int64_t)offsetof(pk_region, to) + 8 * a, 0);
    }
    return region;
}

static void describe_rows(Gen *g, const SweepStage *stage, Value data, Value rows) {
    int64_t size = dtype_size(stage->def->type->dtype);
    gen_put(g, data, stage->result, 0, 0);
    for (int a = 0; a < stage->def->type->rank; a++) {
        Value dim = a ? gen_sub(g, stage->to[a], stage->from[a]) : rows;
        gen_put(g, dim, stage->result, TENSOR_DIM + 8 * a, 0);
        gen_put(g, gen_mul(g, stage->ring->step[a], gen_long(g, size)), stage->result,
                TENSOR_STRIDE + 8 * a, 0);
    }
}

static Value ring_row(Gen *g, const SweepStage *stage, Value row) {
    Value at = gen_op(g, LOOP_AND, LT_I64, 2, row, stage->ring->mask);
    at = gen_mul(g, gen_mul(g, at, stage->ring->step[0]),
                 gen_long(g, dtype_size(stage->def->type->dtype)));
    return build_offset(&g->b, stage->ring->data, at, 1);
}

static int number_of(Gen *g, const SweepStage *stage, const char *suffix, int extra) {
    return kernel_declare(g, stage->def->kernel,
                          arena_format(g->all->arena, "%s%s", stage->def->kernel->name,
                                       suffix), extra);
}

static void give_window(Gen *g, SweepStage *stage) {
    Calling *c = stage->calling;
    int number = number_of(g, stage, "", 2);
    Value none = gen_op(g, LOOP_SLT, LT_I1, 2, gen_long(g, 0), stage->rows), bad;
    stage->ring->mask = NO_VALUE;
    stage->ring->origin[0] = stage->first;
    gen_if(g, none);
    describe_rows(g, stage, stage->ring->data, stage->rows);
    c->arg[c->nargs++] = stage->region;
    c->arg[c->nargs++] = stage->result;
    bad = kernel_call(g, c, number);
    kernel_leave_if(g, bad);
    gen_end(g);
}

/* The kernel runs from here on, and makes that many rows. */
static void enter(Gen *g, const SweepStage *stage, Value rows) {
    Value factor[PK_MAX_RANK] = {rows};
    for (int k = 1; k < stage->def->type->rank; k++)
        factor[k] = gen_sub(g, stage->to[k], stage->from[k]);
    section_enter(g, stage->section, stage->def->type->rank, factor);
}

static Calling *begin_call(Gen *g, SweepStage *stage) {
    Calling *c = arena_new_of(g->all->arena, Calling);
    *c = (Calling){.term = stage->def, .kernel = stage->def->kernel};
    stage->calling = c;
    stage->result = kernel_stack(g, sizeof(pk_tensor));
    kernel_arguments(g, c);
    stage->region = place_region(g, stage);
    return c;
}

void sweep_kernel_window(Gen *g, SweepStage *stage) {
    begin_call(g, stage);
    give_window(g, stage);
}

void sweep_kernel_begin(Gen *g, SweepStage *stage) {
    Calling *c;
    Value bad;
    enter(g, stage, stage->def->kernel->rows ? gen_long(g, 0) : stage->rows);
    c = begin_call(g, stage);
    if (!stage->def->kernel->rows) {
        give_window(g, stage);
        return;
    }
    stage->cursor = kernel_stack(g, 8);
    gen_put(g, gen_null(g), stage->cursor, 0, 0);
    c->arg[c->nargs++] = stage->region;
    c->arg[c->nargs++] = stage->cursor;
    bad = kernel_call(g, c, number_of(g, stage, "_begin", 2));
    kernel_leave_if(g, bad);
    list_push(g->all->arena, &g->rowing, stage);
}

static Value call_rows(Gen *g, SweepStage *stage) {
    LoopModule *m = g->all->module;
    LoopType types[] = {{LT_PTR, 1}, {LT_PTR, 1}, {LT_I64, 1}, {LT_PTR, 1}};
    Value cursor = build_load(&g->b, loop_type(LT_PTR), stage->cursor, 0);
    Value args[] = {g->call, cursor, NO_VALUE, stage->result};
    int number = loop_extern(m, arena_format(g->all->arena, "%s_rows",
                                             stage->def->kernel->name),
                             loop_type(LT_I32), 4, types);
    args[2] = build_load(&g->b, loop_type(LT_I64),
                         build_offset(&g->b, stage->result, gen_long(g, TENSOR_DIM), 1), 0);
    return build_call(&g->b, number, 4, args);
}

/* At least two rows a call: decoders make them in pairs. */
static Value rows_wanted(Gen *g, const SweepStage *stage, Value next, Value last) {
    Value n = gen_add(g, gen_sub(g, last, next), gen_long(g, 1)), room, rest;
    Value within = gen_op(g, LOOP_AND, LT_I64, 2, next, stage->ring->mask);
    n = gen_op(g, LOOP_SMAX, LT_I64, 2, n, gen_long(g, 2));
    room = gen_sub(g, stage->slots, within);
    rest = gen_sub(g, stage->to[0], next);
    n = gen_op(g, LOOP_SMIN, LT_I64, 2, n, room);
    return gen_op(g, LOOP_SMIN, LT_I64, 2, n, rest);
}

void sweep_kernel_rows(Gen *g, SweepStage *stage, Value last) {
    Value next, n, code;
    if (!stage->def->kernel->rows) return;
    gen_while(g);
    gen_do(g, gen_op(g, LOOP_SLE, LT_I1, 2, build_get(&g->b, stage->next), last));
    next = build_get(&g->b, stage->next);
    n = rows_wanted(g, stage, next, last);
    enter(g, stage, n);
    describe_rows(g, stage, ring_row(g, stage, next), n);
    code = call_rows(g, stage);
    kernel_leave_if(g, gen_op(g, LOOP_NE, LT_I1, 2, code, gen_int(g, LT_I32, 0)));
    if (stage->reductions.n) {
        sweep_reduce_row(g, stage, gen_for(g, next, gen_add(g, next, n)));
        gen_end(g);
    }
    build_set(&g->b, stage->next, gen_add(g, next, n));
    gen_end(g);
}

static void call_end(Gen *g, const SweepStage *stage) {
    LoopType types[] = {{LT_PTR, 1}, {LT_PTR, 1}};
    Value cursor = build_load(&g->b, loop_type(LT_PTR), stage->cursor, 0);
    Value args[] = {g->call, cursor};
    int number = loop_extern(g->all->module,
                             arena_format(g->all->arena, "%s_end",
                                          stage->def->kernel->name),
                             loop_type(LT_VOID), 2, types);
    build_call(&g->b, number, 2, args);
}

void sweep_kernel_end(Gen *g, SweepStage *stage) {
    if (!stage->def->kernel->rows) return;
    g->rowing.n--;
    enter(g, stage, gen_long(g, 0));
    call_end(g, stage);
}

void sweep_leave(Gen *g) {
    for (int i = g->rowing.n - 1; i >= 0; i--) call_end(g, g->rowing.at[i]);
}
