/* fold and scan: strictly in order. States are cells; tensors among them are
 * kept in buffers of their own, so that a round's memory can be given back. */
#include "lower_room.h"

typedef struct Keep {           /* a tensor inside a state */
    Value data, fails;
    int buffer, fails_buffer;
    Value count;
} Keep;

typedef struct Folding {
    const Term *term;
    int n;                      /* states */
    Cell **cell;
    Low *start;
    LIST(Keep) keep;            /* in the order of the states' leaves */
    Value spare, other;         /* vars: where the next tensor goes, and the one after;
                                   NO_VALUE: it is copied to where it is kept */
    Value stop;                 /* var i1: leave all loops; NO_VALUE: never */
    /* scan: */
    bool scan;
    Tensor **out;
    Fill *fill;
    Value count;                /* var: rounds seen */
    Value broken;               /* plain: var, the failure of the whole */
} Folding;

static const Term *where_of(const Term *t) { return t->nargs > 1 ? t->arg[1] : NULL; }
static const Term *until_of(const Term *t) { return t->nargs > 2 ? t->arg[2] : NULL; }

static const Type *state_type(const Folding *f, int i) { return f->term->states[i]->type; }

/* ---- tensors of states ---- */

static void make_keeps(Gen *g, Folding *f, Low start) {
    Keep k = {.fails = NO_VALUE};
    if (start.kind == LOW_TUPLE)
        for (int i = 0; i < start.n; i++) make_keeps(g, f, start.items[i]);
    if (start.kind != LOW_TENSOR) return;
    k.count = gen_count(g, start.t->rank, start.t->dim);
    k.data = gen_alloc(g, k.count, dtype_size(start.t->dtype), &k.buffer);
    if (g->plain) k.fails = gen_alloc(g, k.count, 4, &k.fails_buffer);
    list_push(g->all->arena, &f->keep, k);
}

static void copy_bytes(Gen *g, Value to, Value from, Value count, int64_t size) {
    build(&g->b, LOOP_COPY, loop_type(LT_VOID), 3, to, from,
          gen_mul(g, count, gen_long(g, size)));
}

static void copy_into(Gen *g, const Keep *k, const Tensor *t) {
    copy_bytes(g, k->data, t->data, k->count, dtype_size(t->dtype));
    if (t->fails == NO_VALUE) return;
    if (t->fails_null) gen_if(g, gen_op(g, LOOP_NE, LT_I1, 2, t->fails, gen_null(g)));
    copy_bytes(g, k->fails, t->fails, k->count, 4);
    if (t->fails_null) gen_end(g);
}

/* With several tensors the new ones may be the old ones of others: first all are
 * copied aside. */
static Low copy_aside(Gen *g, Low low, const Keep *keep, int *at) {
    Low copy = low_copy(g, low);
    Keep aside;
    if (low.kind == LOW_TUPLE)
        for (int i = 0; i < low.n; i++)
            copy.items[i] = copy_aside(g, low.items[i], keep, at);
    if (low.kind != LOW_TENSOR) return copy;
    aside = keep[(*at)++];
    aside.data = gen_alloc(g, aside.count, dtype_size(low.t->dtype), &aside.buffer);
    if (low.t->fails != NO_VALUE)
        aside.fails = gen_alloc(g, aside.count, 4, &aside.fails_buffer);
    if (low.t->fail != NO_VALUE) gen_if(g, gen_good(g, low.t->fail));
    copy_into(g, &aside, low.t);
    if (low.t->fail != NO_VALUE) gen_end(g);
    ((Tensor *)copy.t)->data = aside.data;
    ((Tensor *)copy.t)->buffer = 0;
    if (low.t->fails != NO_VALUE && !low.t->fails_null)
        ((Tensor *)copy.t)->fails = aside.fails;
    if (low.t->fails != NO_VALUE && low.t->fails_null) {
        Value some = gen_op(g, LOOP_NE, LT_I1, 2, low.t->fails, gen_null(g));
        ((Tensor *)copy.t)->fails = gen_select(g, some, aside.fails, gen_null(g));
    }
    ((Tensor *)copy.t)->fails_buffer = 0;
    return copy;
}

static Low keep_tensors(Gen *g, Low low, const Keep *keep, int *at) {
    Low kept = low_copy(g, low);
    Tensor *t;
    const Keep *k;
    if (low.kind == LOW_TUPLE)
        for (int i = 0; i < low.n; i++)
            kept.items[i] = keep_tensors(g, low.items[i], keep, at);
    if (low.kind != LOW_TENSOR) return kept;
    k = &keep[(*at)++];
    if (low.t->fail != NO_VALUE) gen_if(g, gen_good(g, low.t->fail));
    copy_into(g, k, low.t);
    if (low.t->fail != NO_VALUE) gen_end(g);
    t = (Tensor *)kept.t;
    t->data = k->data;
    t->buffer = k->buffer;
    t->roomy = t->slack = true;
    if (t->fails != NO_VALUE && t->fails_null) {
        Value some = gen_op(g, LOOP_NE, LT_I1, 2, t->fails, gen_null(g));
        t->fails = gen_select(g, some, k->fails, gen_null(g));
    } else if (t->fails != NO_VALUE) {
        t->fails = k->fails;
    }
    t->fails_buffer = k->fails_buffer;
    return kept;
}

/* A state has the dims of the start, whatever became of it: what fails them, too. */
static Low with_dims(Gen *g, Low state, Low start) {
    Low low = low_copy(g, state);
    Tensor *t = (Tensor *)low.t;
    int64_t size;
    if (low.kind == LOW_TUPLE)
        for (int i = 0; i < low.n; i++)
            low.items[i] = with_dims(g, low.items[i], start.items[i]);
    if (low.kind != LOW_TENSOR) return low;
    for (int k = 0; k < t->rank; k++) {
        const Dim *dim = start.type->dims[k];
        t->dim[k] = start.t->dim[k];
        if (dim && dim_constant(dim, &size)) continue;
        t->dim[k].fail = gen_first(g, start.t->fail, t->dim[k].fail);
        t->fail = gen_first(g, t->dim[k].fail, t->fail);
    }
    return low;
}

static Low state_now(Gen *g, const Folding *f, int i) {
    return with_dims(g, cell_get(g, f->cell[i]), f->start[i]);
}

/* ---- one round ---- */

static void fail_all(Gen *g, const Folding *f, Value fail) {
    for (int i = 0; i < f->n; i++)
        cell_set(g, f->cell[i], low_failed(g, state_type(f, i), fail));
    if (f->scan && f->broken != NO_VALUE)
        build_set(&g->b, f->broken, gen_first(g, build_get(&g->b, f->broken), fail));
}

static void leave(Gen *g, const Folding *f) {
    build_set(&g->b, f->stop, gen_int(g, LT_I1, 1));
    build_break(&g->b);
}

static void store_round(Gen *g, const Folding *f, const Low *news) {
    Value at;
    if (!f->scan) return;
    at = build_get(&g->b, f->count);
    for (int i = 0; i < f->n; i++)
        gen_fill_low(g, &f->fill[i], 1, gen_mul(g, at, f->fill[i].below[1]), news[i]);
    build_set(&g->b, f->count, gen_add(g, at, gen_long(g, 1)));
}

/* A state that is one tensor goes between two buffers, without copies. */
static bool swaps(const Gen *g, const Folding *f) {
    return !g->plain && f->n == 1 && f->start[0].kind == LOW_TENSOR &&
           f->start[0].t->fail == NO_VALUE;
}

static void make_buffers(Gen *g, Folding *f) {
    const Keep *k = &f->keep.at[0];
    int buffer, size = dtype_size(f->start[0].t->dtype);
    f->spare = build_var(&g->b, LT_PTR, k->data);
    f->other = build_var(&g->b, LT_PTR, gen_alloc(g, k->count, size, &buffer));
}

static void next_tensor(Gen *g, Folding *f, Low *new) {
    const Tensor *start = f->start[0].t;
    Tensor *t = arena_new_of(g->all->arena, Tensor);
    Fill fill = {.to = t, .zero = reg_type(start->dtype)};
    Value data = build_get(&g->b, f->spare);
    *t = (Tensor){.dtype = start->dtype, .rank = start->rank, .fails = NO_VALUE,
                  .fail = NO_VALUE, .data = data, .buffer = ++g->buffers,
                  .roomy = true, .slack = true};
    for (int k = 0; k < t->rank; k++) t->dim[k] = start->dim[k];
    fill_begin(g, &fill, t->rank, t->dim);
    gen_fill(g, &fill, 0, gen_long(g, 0), f->term->arg[0]);
    build_set(&g->b, f->spare, build_get(&g->b, f->other));
    build_set(&g->b, f->other, data);
    *new = low_tensor(t, state_type(f, 0));
}

static void next_states(Gen *g, Folding *f, Low *news) {
    Low body;
    int at = 0;
    if (f->spare != NO_VALUE) {
        next_tensor(g, f, news);
        return;
    }
    body = gen_low(g, f->term->arg[0]);
    for (int i = 0; i < f->n; i++) news[i] = f->n == 1 ? body : body.items[i];
    if (f->keep.n > 1)
        for (int i = 0; i < f->n; i++) news[i] = copy_aside(g, news[i], f->keep.at, &at);
}

static void set_states(Gen *g, const Folding *f, const Low *news) {
    int at = 0;
    if (f->spare != NO_VALUE) {
        cell_set(g, f->cell[0], news[0]);
        return;
    }
    for (int i = 0; i < f->n; i++)
        cell_set(g, f->cell[i], keep_tensors(g, news[i], f->keep.at, &at));
}

static void test_until(Gen *g, Folding *f, const Low *news, Mark mark) {
    const Term *until = until_of(f->term);
    Scalar u = {NO_VALUE, NO_VALUE};
    if (until) {
        for (int i = 0; i < f->n; i++) bind_value(g, f->term->news[i], news[i]);
        u = gen_scalar(g, until);
    }
    store_round(g, f, news);
    set_states(g, f, news);
    gen_release(g, mark);
    if (!until) return;
    if (u.fail != NO_VALUE) {
        gen_if(g, gen_not(g, gen_good(g, u.fail)));
        fail_all(g, f, u.fail);
        leave(g, f);
        gen_end(g);
    }
    gen_if(g, u.v);
    leave(g, f);
    gen_end(g);
}

static void round_of(Gen *g, Folding *f) {
    Low news[f->n];
    Mark mark = gen_mark(g);
    next_states(g, f, news);
    test_until(g, f, news, mark);
}

static void visit(Gen *g, Folding *f) {
    const Term *where = where_of(f->term);
    Scalar c;
    for (int i = 0; i < f->n; i++)
        bind_value(g, f->term->states[i], state_now(g, f, i));
    if (!where) {
        round_of(g, f);
        return;
    }
    c = gen_scalar(g, where);
    if (c.fail != NO_VALUE) {
        gen_if(g, gen_not(g, gen_good(g, c.fail)));
        fail_all(g, f, c.fail);
        gen_else(g);
    }
    gen_if(g, c.v);
    round_of(g, f);
    gen_end(g);
    if (c.fail != NO_VALUE) gen_end(g);
}

static void loops(Gen *g, Folding *f, int k) {
    const Loop *loop;
    Scalar from, trip;
    Value index;
    int old;
    if (k == f->term->nloops) {
        visit(g, f);
        return;
    }
    loop = &f->term->loop[k];
    trip = gen_trip(g, loop, &from);
    if (trip.fail != NO_VALUE) {
        gen_if(g, gen_not(g, gen_good(g, trip.fail)));
        fail_all(g, f, trip.fail);
        if (k) build_set(&g->b, f->stop, gen_int(g, LT_I1, 1));
        gen_end(g);
    }
    index = gen_for(g, gen_long(g, 0), trip.v);
    old = context_open(g);
    bind_index(g, loop->var, scalar(gen_add(g, from.v, index)));
    loops(g, f, k + 1);
    if (f->stop != NO_VALUE && k + 1 < f->term->nloops) {
        gen_if(g, build_get(&g->b, f->stop));
        build_break(&g->b);
        gen_end(g);
    }
    context_close(g, old);
    gen_end(g);
}

/* ---- the whole ---- */

static void start(Gen *g, Folding *f, const Term *term) {
    const Term *inside[] = {term->arg[0], where_of(term), until_of(term)};
    bool leaves = until_of(term) || (g->plain && term->nloops > 1);
    f->term = term;
    f->n = term->nstates;
    f->cell = arena_array(g->all->arena, Cell *, f->n);
    f->start = arena_array(g->all->arena, Low, f->n);
    for (int i = 0; i < f->n; i++) {
        Low init = gen_low(g, term->inits[i]);
        f->start[i] = init;
        f->cell[i] = cell_new(g, state_type(f, i), true);
        cell_set(g, f->cell[i], init);
        make_keeps(g, f, init);
    }
    f->spare = f->other = NO_VALUE;
    if (swaps(g, f)) make_buffers(g, f);
    f->stop = leaves ? build_var(&g->b, LT_I1, gen_int(g, LT_I1, 0)) : NO_VALUE;
    force_before(g, 3, inside);
}

static Low pack(Gen *g, const Term *term, int n, Low *items) {
    Low low = {.kind = LOW_TUPLE, .n = n, .type = term->type, .items = items};
    (void)g;
    return n == 1 ? items[0] : low;
}

Low gen_fold(Gen *g, const Term *term) {
    Folding f = {.broken = NO_VALUE};
    Low *items = arena_array(g->all->arena, Low, term->nstates);
    start(g, &f, term);
    loops(g, &f, 0);
    for (int i = 0; i < f.n; i++) items[i] = state_now(g, &f, i);
    return pack(g, term, f.n, items);
}

static void scan_outputs(Gen *g, Folding *f, Scalar visits) {
    f->out = arena_array(g->all->arena, Tensor *, f->n);
    f->fill = arena_array(g->all->arena, Fill, f->n);
    for (int i = 0; i < f->n; i++) {
        const Type *type = state_type(f, i);
        Scalar dims[PK_MAX_RANK] = {visits};
        for (int k = 0; k < type->rank; k++) dims[k + 1] = f->start[i].t->dim[k];
        f->out[i] = gen_tensor_new(g, type->dtype, type->rank + 1, dims, NULL);
        f->fill[i] = (Fill){.to = f->out[i], .zero = reg_type(type->dtype)};
        fill_begin(g, &f->fill[i], type->rank + 1, dims);
    }
    f->count = build_var(&g->b, LT_I64, gen_long(g, 0));
    if (g->plain) f->broken = build_var(&g->b, LT_I32, gen_int(g, LT_I32, 0));
}

Low gen_scan(Gen *g, const Term *term) {
    Folding f = {.scan = true, .broken = NO_VALUE};
    Low *items = arena_array(g->all->arena, Low, term->nstates);
    Scalar count;
    start(g, &f, term);
    scan_outputs(g, &f, scalar(gen_visits(g, term)));
    loops(g, &f, 0);
    count = (Scalar){gen_nonnegative(g, build_get(&g->b, f.count)), NO_VALUE};
    if (f.broken != NO_VALUE) count.fail = build_get(&g->b, f.broken);
    for (int i = 0; i < f.n; i++) {
        tensor_done(g, f.out[i]);
        f.out[i]->dim[0] = (Scalar){count.v, gen_first(g, f.out[i]->dim[0].fail, count.fail)};
        f.out[i]->fail = gen_first(g, f.out[i]->fail, count.fail);
        items[i] = low_tensor(f.out[i], term->nstates == 1 ? term->type
                                                           : term->type->items[i]);
    }
    return pack(g, term, f.n, items);
}
