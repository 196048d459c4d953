/* Tensors whose size or places come from the data: comprehensions that choose,
 * scatters, permutations. */
#include "lower_room.h"

/* ---- how many rounds at most ---- */

static bool dependent(Gen *g, const Term *term) {
    for (int k = 1; k < term->nloops; k++)
        for (int i = 0; i < k; i++)
            if (use_paths(g->all, term->loop[k].from, USE_DATA, term->loop[i].var) ||
                use_paths(g->all, term->loop[k].to, USE_DATA, term->loop[i].var))
                return true;
    return false;
}

typedef struct Count { const Term *term; Value sum; } Count;

static void count_rounds(Gen *g, Count *c, int k) {
    const Loop *loop = &c->term->loop[k];
    Scalar from, trip = gen_trip(g, loop, &from);
    Value index;
    int old;
    if (k == c->term->nloops - 1) {
        Scalar sum[] = {{gen_add(g, build_get(&g->b, c->sum), trip.v), NO_VALUE}};
        build_set(&g->b, c->sum, gen_count(g, 1, sum));
        return;
    }
    index = gen_for(g, gen_long(g, 0), trip.v);
    old = context_open(g);
    bind_index(g, loop->var, scalar(gen_add(g, from.v, index)));
    count_rounds(g, c, k + 1);
    context_close(g, old);
    gen_end(g);
}

/* A failed bound counts as nothing here: whether it is reached at all is seen when
 * the loops run. */
Value gen_visits(Gen *g, const Term *term) {
    Scalar trip[PK_MAX_RANK * 2], from;
    Count c = {term, NO_VALUE};
    if (!dependent(g, term)) {
        for (int k = 0; k < term->nloops; k++)
            trip[k] = gen_trip(g, &term->loop[k], &from);
        return gen_nonnegative(g, gen_count(g, term->nloops, trip));
    }
    c.sum = build_var(&g->b, LT_I64, gen_long(g, 0));
    count_rounds(g, &c, 0);
    return gen_nonnegative(g, build_get(&g->b, c.sum));
}

/* ---- for … where: kept elements are appended ---- */

typedef struct Keeping {
    const Term *term;
    int n;
    Tensor **out;
    Fill *fill;
    Value count, broken;        /* vars; broken: plain, the failure of the whole */
    Value stop;                 /* so many are enough; NO_VALUE: all are kept */
} Keeping;

static void keep(Gen *g, Keeping *k) {
    Value at = build_get(&g->b, k->count);
    const Term *body = k->term->arg[0];
    Mark mark = gen_mark(g);
    while (body->kind == TERM_LET) {
        bind_let(g, body);
        body = body->arg[1];
    }
    Low low = {0};
    bool tuple = body->type->kind == TY_TUPLE, apart = body->kind == TERM_TUPLE;
    if (tuple && !apart) low = gen_low(g, body);
    for (int i = 0; i < k->n; i++) {
        Value base = gen_mul(g, at, k->fill[i].below[1]);
        if (tuple && !apart) gen_fill_low(g, &k->fill[i], 1, base, low.items[i]);
        else gen_fill(g, &k->fill[i], 1, base, tuple ? body->arg[i] : body);
    }
    gen_release(g, mark);
    build_set(&g->b, k->count, gen_add(g, at, gen_long(g, 1)));
}

static void broken(Gen *g, const Keeping *k, Value fail) {
    gen_if(g, gen_not(g, gen_good(g, fail)));
    build_set(&g->b, k->broken, gen_first(g, build_get(&g->b, k->broken), fail));
    gen_end(g);
}

static void choose(Gen *g, Keeping *k) {
    Scalar c = gen_scalar(g, k->term->arg[1]);
    Value keeps = c.v;
    if (c.fail != NO_VALUE) {
        broken(g, k, c.fail);
        keeps = gen_op(g, LOOP_AND, LT_I1, 2, keeps, gen_good(g, c.fail));
    }
    gen_if(g, keeps);
    keep(g, k);
    gen_end(g);
}

/* Out of the loop, if there are enough. */
static void leave_full(Gen *g, const Keeping *k) {
    if (k->stop == NO_VALUE) return;
    gen_if(g, gen_op(g, LOOP_SLE, LT_I1, 2, k->stop, build_get(&g->b, k->count)));
    build_break(&g->b);
    gen_end(g);
}

static void rounds(Gen *g, Keeping *k, int depth) {
    const Loop *loop;
    Scalar from, trip;
    Value index;
    int old;
    if (depth == k->term->nloops) {
        choose(g, k);
        return;
    }
    loop = &k->term->loop[depth];
    trip = gen_trip(g, loop, &from);
    if (trip.fail != NO_VALUE) broken(g, k, trip.fail);
    index = gen_for(g, gen_long(g, 0), trip.v);
    old = context_open(g);
    bind_index(g, loop->var, scalar(gen_add(g, from.v, index)));
    rounds(g, k, depth + 1);
    leave_full(g, k);
    context_close(g, old);
    gen_end(g);
}

/* Elements that there must be room for. */
static Scalar room(Gen *g, const Keeping *k) {
    Scalar from;
    Value visits, stop;
    if (k->stop == NO_VALUE) return scalar(gen_visits(g, k->term));
    visits = k->term->nloops > 1 ? gen_visits(g, k->term)
                                 : gen_trip(g, &k->term->loop[0], &from).v;
    stop = gen_op(g, LOOP_SMAX, LT_I64, 2, k->stop, gen_long(g, 0));
    return scalar(gen_nonnegative(g, gen_op(g, LOOP_SMIN, LT_I64, 2, visits, stop)));
}

static Low kept(Gen *g, Keeping *k, int i, Scalar count, const Type *type) {
    Tensor *t = k->out[i];
    tensor_done(g, t);
    t->dim[0] = (Scalar){count.v, gen_first(g, t->dim[0].fail, count.fail)};
    t->fail = gen_first(g, t->fail, count.fail);
    return low_tensor(t, type);
}

Low gen_where(Gen *g, const Term *term) {
    bool tuple = term->type->kind == TY_TUPLE;
    Keeping k = {.term = term, .n = tuple ? term->type->n : 1, .broken = NO_VALUE,
                 .stop = term->stop ? gen_scalar(g, term->stop).v : NO_VALUE};
    Low low = {.kind = LOW_TUPLE, .n = k.n, .type = term->type};
    Scalar most = room(g, &k), count;
    k.out = arena_array(g->all->arena, Tensor *, k.n);
    k.fill = arena_array(g->all->arena, Fill, k.n);
    force_before(g, 2, term->arg);
    for (int i = 0; i < k.n; i++) {
        const Type *type = tuple ? term->type->items[i] : term->type;
        Scalar dims[PK_MAX_RANK] = {most};
        for (int a = 1; a < type->rank; a++)
            dims[a] = gen_body_dim(g, term, tuple ? i : -1, a);
        k.out[i] = gen_tensor_new(g, type->dtype, type->rank, dims, NULL);
        k.fill[i] = (Fill){.to = k.out[i], .zero = reg_type(type->dtype)};
        fill_begin(g, &k.fill[i], type->rank, dims);
    }
    k.count = build_var(&g->b, LT_I64, gen_long(g, 0));
    if (g->plain) k.broken = build_var(&g->b, LT_I32, gen_int(g, LT_I32, 0));
    if (k.stop != NO_VALUE)
        gen_if(g, gen_op(g, LOOP_SLT, LT_I1, 2, gen_long(g, 0), k.stop));
    rounds(g, &k, 0);
    if (k.stop != NO_VALUE) gen_end(g);
    count = scalar(gen_nonnegative(g, build_get(&g->b, k.count)));
    if (g->plain) count.fail = build_get(&g->b, k.broken);
    if (!tuple) return kept(g, &k, 0, count, term->type);
    low.items = arena_array(g->all->arena, Low, k.n);
    for (int i = 0; i < k.n; i++)
        low.items[i] = kept(g, &k, i, count, term->type->items[i]);
    return low;
}

/* ---- scatter ---- */

typedef struct Scattering {
    const Term *term;
    Tensor *to;
    Scalar value;               /* of all, if the values are one scalar */
    const Tensor *values;       /* or one each */
    Value broken;               /* plain: var, the failure of the whole */
} Scattering;

static Scalar merged(Gen *g, const Term *term, pl_dtype d, Scalar old, Scalar new) {
    Scalar s = {NO_VALUE, gen_first(g, old.fail, new.fail)};
    LoopScalar type = reg_type(d);
    switch (term->scatter) {
    case SCATTER_SET: return new;
    case SCATTER_MIN: s.v = gen_extreme(g, OP_MIN, d, old.v, new.v, false); break;
    case SCATTER_MAX: s.v = gen_extreme(g, OP_MAX, d, old.v, new.v, false); break;
    case SCATTER_ADD:
        s.v = gen_op(g, dtype_is_float(d) ? LOOP_FADD : LOOP_ADD, type, 2, old.v, new.v);
    }
    return s;
}

static void scatter_one(Gen *g, const Scattering *sc, Value e, Value place) {
    Scalar old = {NO_VALUE, NO_VALUE}, new = sc->value;
    if (sc->values) new = gen_element_at(g, sc->values, e);
    if (sc->term->scatter != SCATTER_SET) old = gen_element_at(g, sc->to, place);
    new = merged(g, sc->term, sc->to->dtype, old, new);
    if (g->plain && new.fail == NO_VALUE) new.fail = gen_int(g, LT_I32, 0);
    tensor_store(g, sc->to, place, new, false);
}

static void scatter_at(Gen *g, Value e, Scalar place, void *data) {
    const Scattering *sc = data;
    Value size = sc->to->dim[0].v;
    Value outside = gen_not(g, gen_op(g, LOOP_ULT, LT_I1, 2, place.v, size));
    int site = gen_site(g, sc->term->at, "the place %lld is not below %lld");
    Value fail = gen_fail_when(g, outside, site, place.v, size, place.fail, false);
    if (fail == NO_VALUE) {
        scatter_one(g, sc, e, place.v);
        return;
    }
    gen_if(g, gen_good(g, fail));
    scatter_one(g, sc, e, place.v);
    gen_else(g);
    build_set(&g->b, sc->broken, gen_first(g, build_get(&g->b, sc->broken), fail));
    gen_end(g);
}

static void scatter_all(Gen *g, Scattering *sc, const Tensor *places) {
    Fill walk = {.sink = scatter_at, .data = sc, .zero = LT_I64};
    fill_begin(g, &walk, places->rank, places->dim);
    gen_fill_low(g, &walk, 0, gen_long(g, 0), low_tensor(places, NULL));
}

Low gen_scatter(Gen *g, const Term *term) {
    const Type *type = term->arg[0]->type;
    const Tensor *start = gen_tensor(g, term->arg[0]), *places;
    Scattering sc = {.term = term, .broken = NO_VALUE};
    Fill copy = {.zero = reg_type(type->dtype)};
    Value fail = start->fail;
    places = gen_tensor(g, term->arg[1]);
    if (term->arg[2]->type->rank) sc.values = gen_tensor(g, term->arg[2]);
    else sc.value = gen_scalar(g, term->arg[2]);
    fail = gen_first(g, fail, places->fail);
    if (sc.values) fail = gen_first(g, fail, sc.values->fail);
    if (g->plain)
        sc.broken = build_var(&g->b, LT_I32,
                              fail == NO_VALUE ? gen_int(g, LT_I32, 0) : fail);
    sc.to = gen_tensor_new(g, type->dtype, type->rank, start->dim, NULL);
    sc.to->failing = g->plain;
    copy.to = sc.to;
    fill_begin(g, &copy, type->rank, start->dim);
    if (fail != NO_VALUE) gen_if(g, gen_good(g, fail));
    gen_fill_low(g, &copy, 0, gen_long(g, 0), low_tensor(start, type));
    scatter_all(g, &sc, places);
    if (fail != NO_VALUE) gen_end(g);
    tensor_done(g, sc.to);
    if (g->plain) sc.to->fail = gen_first(g, sc.to->fail, build_get(&g->b, sc.broken));
    return low_tensor(sc.to, term->type);
}

/* ---- permutation: Fisher-Yates from the end ---- */

static void swap_down(Gen *g, const Term *term, const Tensor *t, Value n, Value outer) {
    Value round = gen_for(g, gen_long(g, 1), n), i = gen_sub(g, n, round), x, j, a, b;
    Value element = gen_add(g, gen_mul(g, outer, n), i);
    x = gen_philox(g, term, element);
    j = gen_op(g, LOOP_MULHI, LT_I64, 2, x, gen_add(g, i, gen_long(g, 1)));
    a = gen_load_element(g, PL_I64, t->data, i, t->buffer);
    b = gen_load_element(g, PL_I64, t->data, j, t->buffer);
    gen_store_element(g, PL_I64, b, t->data, i, t->buffer);
    gen_store_element(g, PL_I64, a, t->data, j, t->buffer);
    gen_end(g);
}

Low gen_perm(Gen *g, const Term *term) {
    Scalar n = gen_scalar(g, term->arg[0]), outer = gen_scalar(g, term->arg[1]);
    Tensor *t;
    Value i, size;
    n.fail = gen_first(g, n.fail, outer.fail);
    t = gen_tensor_new(g, PL_I64, 1, &n, NULL);
    tensor_done(g, t);
    size = n.fail == NO_VALUE
               ? n.v
               : gen_select(g, gen_good(g, n.fail), n.v, gen_long(g, 0));
    i = gen_for(g, gen_long(g, 0), size);
    gen_store_element(g, PL_I64, i, t->data, i, t->buffer);
    gen_end(g);
    swap_down(g, term, t, size, outer.v);
    return low_tensor(t, term->type);
}
