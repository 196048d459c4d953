/* Loop nests over the elements of a tensor: nested comprehensions become one
 * nest, branches are entered outside of the loops below them. */
#include <string.h>
#include "lower_room.h"

static Value dim_or_none(Gen *g, Scalar dim) {
    if (dim.fail == NO_VALUE) return dim.v;
    return gen_select(g, gen_good(g, dim.fail), dim.v, gen_long(g, 0));
}

void fill_begin(Gen *g, Fill *f, int rank, const Scalar *dims) {
    f->rank = rank;
    f->below[rank] = gen_long(g, 1);
    for (int k = rank - 1; k >= 0; k--) {
        f->dim[k] = dim_or_none(g, dims[k]);
        f->below[k] = gen_mul(g, f->dim[k], f->below[k + 1]);
    }
}

static void put(Gen *g, const Fill *f, Value e, Scalar s) {
    if (f->to) tensor_store(g, f->to, e, s, f->canonical);
    else f->sink(g, e, s, f->data);
}

/* ---- from memory, and failed as a whole ---- */

static void fill_failed(Gen *g, const Fill *f, int axis, Value base, Value fail) {
    Value i = gen_for(g, gen_long(g, 0), f->below[axis]);
    put(g, f, gen_add(g, base, i), scalar_failed(g, f->zero, fail));
    gen_end(g);
}

static void copy_elements(Gen *g, const Fill *f, int axis, Value base, const Tensor *t) {
    bool as_bytes = f->to && t->fails == NO_VALUE &&
                    !(f->canonical && dtype_is_float(t->dtype));
    if (as_bytes) {
        int64_t size = dtype_size(t->dtype);
        Value to = build_offset(&g->b, f->to->data, base, size);
        build(&g->b, LOOP_COPY, loop_type(LT_VOID), 3, to, t->data,
              gen_mul(g, f->below[axis], gen_long(g, size)));
        return;
    }
    Value i = gen_for(g, gen_long(g, 0), f->below[axis]);
    put(g, f, gen_add(g, base, i), gen_element_at(g, t, i));
    gen_end(g);
}

void gen_fill_low(Gen *g, const Fill *f, int axis, Value base, Low low) {
    if (low.kind == LOW_SCALAR) {
        put(g, f, base, low.s);
    } else if (low.t->fail == NO_VALUE) {
        copy_elements(g, f, axis, base, low.t);
    } else {
        gen_if(g, gen_good(g, low.t->fail));
        copy_elements(g, f, axis, base, low.t);
        gen_else(g);
        fill_failed(g, f, axis, base, low.t->fail);
        gen_end(g);
    }
}

/* ---- loops ---- */

typedef struct Trips { Scalar n[PK_MAX_RANK * 2]; Value from[PK_MAX_RANK * 2], fail; } Trips;

static void find_trips(Gen *g, const Term *term, Trips *t) {
    t->fail = NO_VALUE;
    for (int k = 0; k < term->nloops; k++) {
        Scalar from;
        t->n[k] = gen_trip(g, &term->loop[k], &from);
        t->from[k] = from.v;
        t->fail = gen_first(g, t->fail, t->n[k].fail);
    }
}

/* A comprehension inside another has the dims that were promised. */
static Value bounded(Gen *g, Value trip, Value dim) {
    return trip == dim ? trip : gen_op(g, LOOP_SMIN, LT_I64, 2, trip, dim);
}

/* One nest may fill several tensors: the items of a tuple. */
typedef struct Nest { int n; const Fill *fill; int axis; Value *base; } Nest;

static void fill_items(Gen *g, const Nest *nest, const Term *body) {
    Low low;
    if (body->kind == TERM_LET) {
        bind_let(g, body);
        fill_items(g, nest, body->arg[1]);
    } else if (body->type->kind != TY_TUPLE) {
        gen_fill(g, &nest->fill[0], nest->axis, nest->base[0], body);
    } else if (body->kind == TERM_TUPLE) {
        for (int i = 0; i < nest->n; i++)
            gen_fill(g, &nest->fill[i], nest->axis, nest->base[i], body->arg[i]);
    } else {
        low = gen_low(g, body);
        for (int i = 0; i < nest->n; i++)
            gen_fill_low(g, &nest->fill[i], nest->axis, nest->base[i], low.items[i]);
    }
}

/* At the index-th iteration of loop k, which begins with `first`. */
static void enter_loop(Gen *g, const Nest *inner, const Nest *nest, int k, Value index,
                       Value first, const Term *term) {
    for (int i = 0; i < nest->n; i++)
        inner->base[i] = gen_add(g, inner->base[i],
                                 gen_mul(g, index, nest->fill[i].below[nest->axis + k + 1]));
    bind_index(g, term->loop[k].var, scalar(gen_add(g, first, index)));
}

static Value enter_part(Gen *g, const LoopPart *part) {
    if (!part->once) return gen_for(g, part->from, part->to);
    gen_if(g, gen_op(g, LOOP_SLT, LT_I1, 2, part->from, part->to));
    return part->from;
}

/* The innermost loop, in parts. */
static void fill_parts(Gen *g, const Nest *inner, const Nest *nest, const Term *term,
                       Value first, Value trip) {
    int last = term->nloops - 1, n;
    LoopPart part[LOOP_PARTS];
    Value base[nest->n];
    n = split_loop(g, term, first, trip, part);
    memcpy(base, inner->base, sizeof base);
    for (int i = 0; i < n; i++) {
        Mark mark;
        memcpy(inner->base, base, sizeof base);
        enter_loop(g, inner, nest, last, enter_part(g, &part[i]), first, term);
        if (part[i].known) gen_know(g, gen_scalar(g, part[i].known).v, part[i].holds);
        mark = gen_mark(g);
        fill_items(g, inner, part[i].body);
        gen_release(g, mark);
        gen_end(g);
    }
}

static void fill_loops(Gen *g, const Nest *nest, const Term *term, const Trips *trips) {
    int axis = nest->axis, last = term->nloops - 1, old;
    if (nest->n == 1 && axis == 0 && gen_sweep(g, &nest->fill[0], nest->base[0], term))
        return;
    Value trip[PK_MAX_RANK];
    for (int k = 0; k < term->nloops; k++)
        trip[k] = bounded(g, trips->n[k].v, nest->fill[0].dim[axis + k]);
    if (nest->n == 1 && axis == 0 &&
        gen_columns(g, &nest->fill[0], nest->base[0], term, trips->from, trip))
        return;
    old = context_open(g);
    Value base[nest->n];
    Nest inner = {nest->n, nest->fill, axis + term->nloops, base};
    memcpy(base, nest->base, sizeof base);
    force_before(g, 1, term->arg);
    for (int k = 0; k < last; k++)
        enter_loop(g, &inner, nest, k, gen_for(g, gen_long(g, 0), trip[k]), trips->from[k],
                   term);
    fill_parts(g, &inner, nest, term, trips->from[last], trip[last]);
    for (int k = 0; k < last; k++) gen_end(g);
    context_close(g, old);
}

static void fill_for(Gen *g, const Fill *f, int axis, Value base, const Term *term) {
    Nest nest = {1, f, axis, &base};
    Trips trips;
    find_trips(g, term, &trips);
    if (trips.fail == NO_VALUE) {
        fill_loops(g, &nest, term, &trips);
        return;
    }
    gen_if(g, gen_good(g, trips.fail));
    fill_loops(g, &nest, term, &trips);
    gen_else(g);
    fill_failed(g, f, axis, base, trips.fail);
    gen_end(g);
}

/* ---- branches and the rest ---- */

static void fill_branches(Gen *g, const Fill *f, int axis, Value base, const Term *term,
                          Value c) {
    gen_if(g, c);
    gen_fill(g, f, axis, base, term->arg[1]);
    gen_else(g);
    gen_fill(g, f, axis, base, term->arg[2]);
    gen_end(g);
}

static void fill_if(Gen *g, const Fill *f, int axis, Value base, const Term *term) {
    Scalar c;
    force_before_branches(g, 2, term->arg + 1);
    c = gen_scalar(g, term->arg[0]);
    if (c.fail == NO_VALUE) {
        fill_branches(g, f, axis, base, term, c.v);
        return;
    }
    gen_if(g, gen_good(g, c.fail));
    fill_branches(g, f, axis, base, term, c.v);
    gen_else(g);
    fill_failed(g, f, axis, base, c.fail);
    gen_end(g);
}

static void fill_checked(Gen *g, const Fill *f, int axis, Value base, const Term *term) {
    Value fail;
    if (g->plain) force_before_branches(g, 1, term->arg);
    fail = gen_check(g, term);
    if (fail == NO_VALUE) {
        gen_fill(g, f, axis, base, term->arg[0]);
        return;
    }
    gen_if(g, gen_good(g, fail));
    gen_fill(g, f, axis, base, term->arg[0]);
    gen_else(g);
    fill_failed(g, f, axis, base, fail);
    gen_end(g);
}

static void fill_named(Gen *g, const Fill *f, int axis, Value base, const Term *term) {
    Thunk *thunk = bind_find(g, term);
    int level = g->level;
    if (!thunk || thunk->known || !way_inline(g, thunk)) {
        gen_fill_low(g, f, axis, base, gen_low(g, term));
        return;
    }
    bind_prepare(g, thunk);
    g->level = thunk->level;
    gen_fill(g, f, axis, base, thunk->term);
    g->level = level;
}

void gen_fill(Gen *g, const Fill *f, int axis, Value base, const Term *term) {
    const Place *at = gen_place(g, term->at);
    if (term->type->rank == 0) {
        put(g, f, base, gen_scalar(g, term));
        gen_place_back(g, at);
        return;
    }
    switch (term->kind) {
    case TERM_LET:
        bind_let(g, term);
        gen_fill(g, f, axis, base, term->arg[1]);
        break;
    case TERM_FOR:
        if (term->nargs > 1 && term->arg[1])
            gen_fill_low(g, f, axis, base, gen_low(g, term));
        else
            fill_for(g, f, axis, base, term);
        break;
    case TERM_ARRAY:
        for (int k = 0; k < term->nargs; k++)
            gen_fill(g, f, axis + 1,
                     gen_add(g, base, gen_mul(g, gen_long(g, k), f->below[axis + 1])),
                     term->arg[k]);
        break;
    case TERM_IF: fill_if(g, f, axis, base, term); break;
    case TERM_CHECK: fill_checked(g, f, axis, base, term); break;
    case TERM_REF: case TERM_GET: fill_named(g, f, axis, base, term); break;
    default: gen_fill_low(g, f, axis, base, gen_low(g, term));
    }
    gen_place_back(g, at);
}

static const Term *without_first(Gen *g, const Term *loop) {
    Term *inner;
    Type *type;
    if (loop->nloops == 1) return loop->arg[0];
    inner = arena_new_of(g->all->arena, Term);
    type = arena_new_of(g->all->arena, Type);
    *inner = *loop;
    *type = *loop->type;
    type->rank--;
    type->dims++;
    inner->type = type;
    inner->nloops--;
    inner->loop++;
    return inner;
}

void gen_fill_row(Gen *g, const Fill *f, Value base, const Term *loop) {
    Fill row = *f;
    int64_t elements;
    row.rank--;
    row.whole_blocks = gen_is_int(g, f->below[1], &elements) && elements % 16 == 0;
    for (int k = 0; k <= row.rank; k++) {
        row.below[k] = f->below[k + 1];
        if (k < row.rank) row.dim[k] = f->dim[k + 1];
    }
    gen_fill(g, &row, 0, base, without_first(g, loop));
}

/* ---- a comprehension as a value ---- */

static Tensor *result(Gen *g, const Term *term, int item, const Scalar *trips, Fill *f) {
    const Type *type = item < 0 ? term->type : term->type->items[item];
    Scalar dims[PK_MAX_RANK];
    Tensor *t;
    for (int k = 0; k < type->rank; k++)
        dims[k] = k < term->nloops ? trips[k] : gen_body_dim(g, term, item, k);
    t = gen_tensor_new(g, type->dtype, type->rank, dims, NULL);
    *f = (Fill){.to = t, .zero = reg_type(type->dtype)};
    fill_begin(g, f, type->rank, dims);
    return t;
}

Low gen_for_value(Gen *g, const Term *term) {
    bool tuple = term->type->kind == TY_TUPLE;
    int n = tuple ? term->type->n : 1;
    Fill fill[n];
    Value base[n];
    Nest nest = {n, fill, 0, base};
    Tensor *t[n];
    Trips trips;
    Low low = {.kind = LOW_TUPLE, .n = n, .type = term->type};
    find_trips(g, term, &trips);
    for (int i = 0; i < n; i++) {
        t[i] = result(g, term, tuple ? i : -1, trips.n, &fill[i]);
        base[i] = gen_long(g, 0);
    }
    fill_loops(g, &nest, term, &trips);
    for (int i = 0; i < n; i++) tensor_done(g, t[i]);
    if (!tuple) return low_tensor(t[0], term->type);
    low.items = arena_array(g->all->arena, Low, n);
    for (int i = 0; i < n; i++) low.items[i] = low_tensor(t[i], term->type->items[i]);
    return low;
}
