/* What is made at open, once: parameters, definitions above `from`, arguments of
 * the source. One function for all plans; what it keeps has not failed. */
#include "lower_room.h"

enum { ARG_N = offsetof(pl_argument, value.n), ARG_DIM = offsetof(pl_argument, dim) };

static Low parameter(Gen *g, const Type *type, Value at) {
    Tensor *t;
    Value v;
    if (type->rank) {
        t = arena_new_of(g->all->arena, Tensor);
        *t = (Tensor){.dtype = type->dtype, .rank = type->rank, .fails = NO_VALUE,
                      .fail = NO_VALUE, .buffer = ++g->buffers,
                      .data = gen_field(g, LT_PTR, at, 0, 0)};
        for (int k = 0; k < type->rank; k++)
            t->dim[k] = scalar(gen_nonnegative(
                g, gen_field(g, LT_I64, at, ARG_DIM + 8 * k, 0)));
        return low_tensor(t, type);
    }
    if (dtype_is_float(type->dtype))
        v = gen_convert(g, PL_F64, type->dtype, gen_field(g, LT_F64, at, 0, 0));
    else
        v = gen_cast(g, LOOP_TRUNC, reg_type(type->dtype),
                     gen_field(g, LT_I64, at, 0, 0));
    return low_scalar(scalar(v), type);
}

static bool live(const Lowering *all, const Var *var) {
    return all->live.at[var->id] != 0;
}

/* No failure is left once the verdict was given. */
static Low good(Gen *g, Low low) {
    low = low_copy(g, low);
    if (low.kind == LOW_TUPLE)
        for (int i = 0; i < low.n; i++) low.items[i] = good(g, low.items[i]);
    if (low.kind == LOW_TENSOR) {
        Tensor *t = (Tensor *)low.t;
        t->fails = t->fail = NO_VALUE;
        for (int k = 0; k < t->rank; k++) t->dim[k].fail = NO_VALUE;
    }
    low.s.fail = NO_VALUE;
    return low;
}

static void make(Gen *g, const Var *var) {
    Thunk *thunk = bind_thunk(g, var);
    Low low = bind_force(g, thunk);
    gen_verdict(g, low_first_fail(g, low));
    bind_value(g, var, good(g, low));
}

/* ---- arguments of the source ---- */

static void put_argument(Gen *g, const Term *term, Value at) {
    Low low = gen_low(g, term);
    Value v = low.s.v;
    gen_verdict(g, low_first_fail(g, low));
    gen_put(g, low.kind == LOW_TENSOR ? low.t->dim[0].v : gen_long(g, 0), at, ARG_N, 0);
    if (low.kind == LOW_TENSOR) {
        gen_put(g, low.t->data, at, 0, 0);
        gen_put(g, low.t->dim[0].v, at, ARG_N, 0);
        for (int k = 0; k < low.t->rank; k++)
            gen_put(g, low.t->dim[k].v, at, ARG_DIM + 8 * k, 0);
        return;
    }
    if (dtype_is_float(term->type->dtype))
        v = gen_convert(g, term->type->dtype, PL_F64, v);
    else if (gen_type(g, v) != LT_I64)
        v = gen_cast(g,
                     dtype_is_signed(term->type->dtype) ? LOOP_SEXT : LOOP_ZEXT,
                     LT_I64, v);
    gen_put(g, v, at, 0, 0);
}

static void put_arguments(Gen *g, Value args) {
    const Graph *graph = g->all->graph;
    int n = graph->nsource_args;
    for (int i = 0; i < n; i++) {
        Value at = build_offset(&g->b, args, gen_long(g, i), sizeof(pl_argument));
        if (graph->source_args[i]) {
            put_argument(g, graph->source_args[i], at);
        } else {
            gen_put(g, gen_long(g, -1), at, ARG_N, 0);
            gen_put(g, gen_long(g, -1), at, ARG_DIM, 0);
        }
    }
    for (int i = 0; i < COUNTS; i++)
        if (graph->count[i])
            put_argument(g, graph->count[i],
                         build_offset(&g->b, args, gen_long(g, n++), sizeof(pl_argument)));
}

/* ---- the function ---- */

static void bind_parameters(Gen *g, Value params) {
    const Graph *graph = g->all->graph;
    for (int i = 0; i < graph->params.n; i++) {
        const Var *var = graph->params.at[i].var;
        if (!var || !live(g->all, var)) continue;
        bind_value(g, var, parameter(g, var->type,
                                     build_offset(&g->b, params, gen_long(g, i),
                                                  sizeof(pl_argument))));
    }
}

int gen_open(Lowering *all) {
    static const LoopType types[] = {{LT_PTR, 1}, {LT_PTR, 1}, {LT_PTR, 1}, {LT_PTR, 1}};
    static const char *const names[] = {"call", "params", "lib", "source_args"};
    enum { PARAMS = 1, LIB, ARGS };
    const Graph *graph = all->graph;
    int number;
    Gen *g = gen_begin(all, true, "open", 4, types, names, &number);
    all->lib.size = 8;
    bind_parameters(g, PARAMS);
    for (int i = 0; i < graph->opens.n; i++)
        if (live(all, graph->opens.at[i].var)) make(g, graph->opens.at[i].var);
    put_arguments(g, ARGS);
    for (int i = 0; i < graph->params.n; i++) {
        const Var *var = graph->params.at[i].var;
        if (var && live(all, var)) frame_keep(g, &all->lib, LIB, bind_thunk(g, var));
    }
    for (int i = 0; i < graph->opens.n; i++)
        if (live(all, graph->opens.at[i].var))
            frame_keep(g, &all->lib, LIB, bind_thunk(g, graph->opens.at[i].var));
    gen_return(g, PL_OK);
    return number;
}
