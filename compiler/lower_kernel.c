/* Calls of kernels, by the ABI of pipec_kernel.h. Results whose dims are known
 * (from the signature or by a peek) lie in memory of ours; others in memory of
 * the kernel's. Plain: a failed argument fails the result without a call; rows
 * from first_failed_row on are failed. A kernel that stops is asked for the first rows
 * alone where nobody reads others. */
#include <string.h>
#include "lower_kernel.h"

/* ---- externs ---- */

int kernel_declare(Gen *g, const Kernel *k, const char *name, int extra) {
    LoopModule *m = g->all->module;
    LoopType types[64] = {{LT_PTR, 1}};
    bool *is_signed = arena_array(g->all->arena, bool, 64);
    int n = 1, number;
    for (int i = 0; i < k->nparams; i++, n++) {
        const Type *type = k->params[i];
        bool scalar_param = type->kind == TY_TENSOR && type->rank == 0;
        types[n] = loop_type(scalar_param ? mem_type(type->dtype) : LT_PTR);
        is_signed[n] = scalar_param && dtype_is_signed(type->dtype);
    }
    for (int i = 0; i < extra; i++) types[n++] = loop_type(LT_PTR);
    number = k->library ? loop_import(m, k->library, name, loop_type(LT_I32), n, types)
                        : loop_extern(m, name, loop_type(LT_I32), n, types);
    if (!m->externs.at[number]->param_signed)
        m->externs.at[number]->param_signed = is_signed;
    return number;
}

/* ---- arguments ---- */

Value kernel_stack(Gen *g, int64_t bytes) {
    Value ptr = build(&g->b, LOOP_STACK, loop_type(LT_PTR), 0);
    built(&g->b)->imm = bytes;
    return ptr;
}

void kernel_describe(Gen *g, Value at, Value data, pl_dtype dtype, int rank,
                     const Value *dim) {
    Value stride = gen_long(g, dtype_size(dtype));
    gen_put(g, data, at, 0, 0);
    for (int k = rank - 1; k >= 0; k--) {
        gen_put(g, dim[k], at, TENSOR_DIM + 8 * k, 0);
        gen_put(g, stride, at, TENSOR_STRIDE + 8 * k, 0);
        stride = gen_mul(g, stride, dim[k]);
    }
}

static Value tensor_argument(Gen *g, const Tensor *t) {
    Value at = kernel_stack(g, sizeof(pk_tensor)), dim[PK_MAX_RANK];
    for (int k = 0; k < t->rank; k++) dim[k] = t->dim[k].v;
    kernel_describe(g, at, t->data, t->dtype, t->rank, dim);
    return at;
}

static Value scalar_argument(Gen *g, const Type *type, Value v) {
    if (type->dtype == PL_F16) return gen_op(g, LOOP_FTOH, LT_I16, 1, v);
    if (type->dtype == PL_BF16) return gen_op(g, LOOP_FTOB, LT_I16, 1, v);
    return v;
}

void kernel_arguments(Gen *g, Calling *c) {
    Low low[64];
    c->fail = NO_VALUE;
    for (int i = 0; i < c->term->nargs; i++) {
        low[i] = gen_low(g, c->term->arg[i]);
        if (g->plain) c->fail = gen_first(g, c->fail, low_first_fail(g, low[i]));
    }
    c->arg[0] = g->call;
    for (int i = 0; i < c->term->nargs; i++)
        c->arg[i + 1] = low[i].kind == LOW_TENSOR ? tensor_argument(g, low[i].t)
                        : low[i].kind == LOW_OPAQUE ? low[i].s.v
                        : scalar_argument(g, low[i].type, low[i].s.v);
    c->nargs = c->term->nargs + 1;
}

static Value kernel_failure(Gen *g, const Term *term) {
    Value fn = gen_field(g, LT_PTR, g->call, CALL_FAIL_KERNEL, 0);
    int site = gen_site(g, term->at, NULL);
    Value args[] = {fn, g->call, gen_int(g, LT_I32, site)};
    Value handle = build_array(&g->b, LOOP_CALL_AT, loop_type(LT_I32), 3, args);
    built(&g->b)->imm = g->all->fail_kernel_type;
    return handle;
}

static void call_lock(Gen *g, int offset) {
    Value args[] = {gen_field(g, LT_PTR, g->call, offset, 0), g->call};
    build_array(&g->b, LOOP_CALL_AT, loop_type(LT_VOID), 2, args);
    built(&g->b)->imm = g->all->lock_type;
}

static Value as_long(Gen *g, Value ptr) {
    return gen_op(g, LOOP_BITCAST, LT_I64, 1, ptr);
}

/* In a loop, scratch memory of one call is given back before the next: it was
 * taken down from `end`, unless another block of memory was begun. */
static void restore_scratch(Gen *g, Value at, Value end) {
    Value now = as_long(g, gen_field(g, LT_PTR, g->call, CALL_AT, 0));
    Value above = gen_op(g, LOOP_ULE, LT_I1, 2, as_long(g, at), now);
    Value below = gen_op(g, LOOP_ULE, LT_I1, 2, now, as_long(g, end));
    gen_if(g, gen_op(g, LOOP_AND, LT_I1, 2, above, below));
    gen_put(g, end, g->call, CALL_END, 0);
    gen_end(g);
}

Value kernel_call(Gen *g, const Calling *c, int number) {
    Value at = NO_VALUE, end = NO_VALUE, code;
    g->kernels++;
    if (g->loops) {
        at = gen_field(g, LT_PTR, g->call, CALL_AT, 0);
        end = gen_field(g, LT_PTR, g->call, CALL_END, 0);
    }
    if (c->kernel->one_at_a_time) call_lock(g, CALL_LOCK);
    code = build_call(&g->b, number, c->nargs, c->arg);
    if (c->kernel->one_at_a_time) call_lock(g, CALL_UNLOCK);
    if (g->loops) restore_scratch(g, at, end);
    return gen_op(g, LOOP_NE, LT_I1, 2, code, gen_int(g, LT_I32, 0));
}

/* Fused: any failure of a kernel is left to the plain plan. */
void kernel_leave_if(Gen *g, Value bad) {
    gen_if(g, bad);
    gen_return(g, PL_SUSPECT);
    gen_end(g);
}

/* ---- dims before the call ---- */

static int peek_of(const Kernel *k, int result, int axis) {
    for (int i = 0; i < k->npeek; i++)
        if (k->peek[i].result == result && k->peek[i].axis == axis) return i;
    return -1;
}

static const Term *given(const Term *term, int result, int axis) {
    int at = axis;
    for (int r = 0; r < result; r++)
        if (term->kernel->results[r]->kind == TY_TENSOR)
            at += term->kernel->results[r]->rank;
    return term->given ? term->given[at] : NULL;
}

static void call_peek(Gen *g, Calling *c, Value fail, const Value *place) {
    const char *name = arena_format(g->all->arena, "%s_peek", c->kernel->name);
    int number = kernel_declare(g, c->kernel, name, c->kernel->npeek);
    Value bad;
    for (int i = 0; i < c->kernel->npeek; i++) {
        gen_put(g, gen_long(g, 0), place[i], 0, 0);
        c->arg[c->nargs++] = place[i];
    }
    bad = kernel_call(g, c, number);
    c->nargs -= c->kernel->npeek;
    if (!g->plain) {
        kernel_leave_if(g, bad);
        return;
    }
    gen_if(g, bad);
    build_set(&g->b, fail, kernel_failure(g, c->term));
    gen_end(g);
}

static void peek(Gen *g, Calling *c, Scalar *size) {
    Value place[8], fail = NO_VALUE, failed = NO_VALUE;
    for (int i = 0; i < c->kernel->npeek; i++) {
        place[i] = kernel_stack(g, 8);
        gen_put(g, gen_long(g, 0), place[i], 0, 0);
    }
    if (g->plain)
        fail = build_var(&g->b, LT_I32, c->fail == NO_VALUE ? gen_int(g, LT_I32, 0)
                                                            : c->fail);
    if (c->fail != NO_VALUE) gen_if(g, gen_good(g, c->fail));
    call_peek(g, c, fail, place);
    if (c->fail != NO_VALUE) gen_end(g);
    if (g->plain) failed = build_get(&g->b, fail);
    for (int i = 0; i < c->kernel->npeek; i++) {
        Value v = gen_field(g, LT_I64, place[i], 0, 0);
        v = gen_nonnegative(g, gen_op(g, LOOP_SMAX, LT_I64, 2, v, gen_long(g, 0)));
        size[i] = (Scalar){v, failed};
    }
}

/* The name that the kernel's one result has, to keep its dims with. */
static Thunk *named(Gen *g, const Term *term) {
    Thunk *thunk = g->forcing;
    return thunk && thunk->term == term && term->kernel->nresults == 1 ? thunk : NULL;
}

static void keep_dims(Gen *g, const Calling *c, const Scalar *size) {
    Thunk *thunk = named(g, c->term), now;
    if (!thunk) return;
    now = *thunk;
    for (int i = 0; i < c->kernel->npeek; i++) {
        now.dims_known |= 1u << c->kernel->peek[i].axis;
        now.dim[c->kernel->peek[i].axis] = size[i];
    }
    thunk_set(g, thunk, &now);
}

Scalar gen_kernel_dim(Gen *g, const Term *term, int result, int axis) {
    Calling c = {.term = term, .kernel = term->kernel};
    const Term *told = given(term, result, axis);
    int number = peek_of(term->kernel, result, axis);
    Scalar size[8];
    Low low;
    if (told) return gen_scalar(g, told);
    if (number >= 0) {
        kernel_arguments(g, &c);
        peek(g, &c, size);
        keep_dims(g, &c, size);
        return size[number];
    }
    low = gen_low(g, term);
    return (low.kind == LOW_TUPLE ? low.items[result] : low).t->dim[axis];
}

static void known_dims(Gen *g, Calling *c) {
    Scalar size[8];
    Thunk *thunk = named(g, c->term);
    bool peeked = false;
    for (int r = 0; r < c->nresults; r++) {
        Result *result = &c->result[r];
        result->known = true;
        for (int a = 0; a < result->type->rank; a++) {
            const Term *told = given(c->term, r, a);
            int number = peek_of(c->kernel, r, a);
            if (thunk && thunk->dims_known >> a & 1) {
                result->dim[a] = thunk->dim[a];
            } else if (told) {
                result->dim[a] = gen_scalar(g, told);
            } else if (number >= 0) {
                if (!peeked) peek(g, c, size);
                peeked = true;
                result->dim[a] = size[number];
            } else {
                result->known = false;
                result->dim[a] = scalar(NO_VALUE);
            }
            if (result->dim[a].v != NO_VALUE)
                c->fail = gen_first(g, c->fail, result->dim[a].fail);
        }
    }
}

/* ---- results ---- */

static bool is_opaque(const Result *r) { return r->type->kind == TY_OPAQUE; }

static void place_result(Gen *g, Result *r) {
    Value dim[PK_MAX_RANK];
    if (is_opaque(r)) {
        r->memory = kernel_stack(g, 8);
        gen_put(g, gen_null(g), r->memory, 0, 0);
        return;
    }
    r->memory = kernel_stack(g, sizeof(pk_tensor));
    if (r->type->rank == 0) {
        r->data = kernel_stack(g, 8);
        gen_put(g, gen_long(g, 0), r->data, 0, 0);
        r->buffer = 0;
    } else if (r->known) {
        Value count = gen_count(g, r->type->rank, r->dim);
        r->data = gen_alloc(g, count, dtype_size(r->type->dtype), &r->buffer);
    } else {
        r->data = build_var(&g->b, LT_PTR, gen_null(g));
        for (int k = 0; k < r->type->rank; k++)
            if (r->dim[k].v == NO_VALUE)
                r->size[k] = build_var(&g->b, LT_I64, gen_long(g, 0));
    }
    for (int k = 0; k < r->type->rank; k++)
        dim[k] = r->dim[k].v == NO_VALUE ? gen_long(g, 0) : r->dim[k].v;
    kernel_describe(g, r->memory, r->known ? r->data : gen_null(g),
                    r->type->dtype, r->type->rank, dim);
}

/* Element by element into dense memory of ours. */
static void copy_strided(Gen *g, const Result *r, int axis, Value from, Value to,
                         const Value *dim, Value *position) {
    Value i, stride, at;
    if (axis == r->type->rank) {
        LoopScalar type = mem_type(r->type->dtype);
        Value v = build_load(&g->b, loop_type(type), from, 0);
        at = build_offset(&g->b, to, build_get(&g->b, *position),
                          dtype_size(r->type->dtype));
        build_store(&g->b, v, at, 0);
        build_set(&g->b, *position,
                  gen_add(g, build_get(&g->b, *position), gen_long(g, 1)));
        return;
    }
    stride = gen_field(g, LT_I64, r->memory, TENSOR_STRIDE + 8 * axis, 0);
    i = gen_for(g, gen_long(g, 0), dim[axis]);
    copy_strided(g, r, axis + 1, build_offset(&g->b, from, gen_mul(g, i, stride), 1), to,
                 dim, position);
    gen_end(g);
}

static void take_sizes(Gen *g, Result *r) {
    Value data = gen_field(g, LT_PTR, r->memory, 0, 0), apart = NO_VALUE, position, to;
    Value stride = gen_long(g, dtype_size(r->type->dtype)), dim[PK_MAX_RANK];
    Scalar dims[PK_MAX_RANK];
    int buffer;
    for (int k = r->type->rank - 1; k >= 0; k--) {
        Value now = gen_field(g, LT_I64, r->memory, TENSOR_STRIDE + 8 * k, 0);
        dim[k] = gen_field(g, LT_I64, r->memory, TENSOR_DIM + 8 * k, 0);
        dim[k] = gen_op(g, LOOP_SMAX, LT_I64, 2, dim[k], gen_long(g, 0));
        dims[k] = scalar(dim[k]);
        apart = gen_or(g, apart, gen_op(g, LOOP_NE, LT_I1, 2, now, stride));
        stride = gen_mul(g, stride, dim[k]);
        if (r->dim[k].v == NO_VALUE) build_set(&g->b, r->size[k], dim[k]);
    }
    build_set(&g->b, r->data, data);
    gen_if(g, apart);
    to = gen_alloc(g, gen_count(g, r->type->rank, dims),
                   dtype_size(r->type->dtype), &buffer);
    position = build_var(&g->b, LT_I64, gen_long(g, 0));
    copy_strided(g, r, 0, data, to, dim, &position);
    build_set(&g->b, r->data, to);
    gen_end(g);
}

/* Handles of rows, if the kernel failed only from some row on. */
static void fail_rows(Gen *g, Calling *c, Value handle, Value first) {
    Result *r = &c->result[0];
    Value below = gen_long(g, 1), count, fails, e, bad;
    if (!r->known) take_sizes(g, r);
    for (int k = 1; k < r->type->rank; k++) below = gen_mul(g, below, r->dim[k].v);
    count = gen_mul(g, below, r->known ? r->dim[0].v : build_get(&g->b, r->size[0]));
    fails = gen_alloc(g, count, 4, &c->fails_buffer);
    c->fails_buffer = 0;
    e = gen_for(g, gen_long(g, 0), count);
    bad = gen_op(g, LOOP_SLE, LT_I1, 2, gen_mul(g, first, below), e);
    build_store(&g->b, gen_select(g, bad, handle, gen_int(g, LT_I32, 0)),
                build_offset(&g->b, fails, e, 4), c->fails_buffer);
    gen_end(g);
    build_set(&g->b, c->fails, fails);
}

static void note_failure(Gen *g, Calling *c) {
    Value handle = kernel_failure(g, c->term), first, some;
    if (c->fails == NO_VALUE) {
        build_set(&g->b, c->verdict, handle);
        return;
    }
    first = gen_field(g, LT_I64, g->call, CALL_FIRST_ROW, 0);
    some = gen_op(g, LOOP_SLT, LT_I1, 2, gen_long(g, 0), first);
    if (!c->result[0].known) {          /* it may have made nothing */
        Value data = gen_field(g, LT_PTR, c->result[0].memory, 0, 0);
        some = gen_op(g, LOOP_AND, LT_I1, 2, some,
                      gen_op(g, LOOP_NE, LT_I1, 2, as_long(g, data), gen_long(g, 0)));
    }
    gen_if(g, some);
    fail_rows(g, c, handle, first);
    gen_else(g);
    build_set(&g->b, c->verdict, handle);
    gen_end(g);
}

/* The first rows, as many as somebody reads; NULL: all. */
static Value first_rows(Gen *g, const Calling *c) {
    const Result *r = &c->result[0];
    Value region, stop;
    if (!c->term->stop) return gen_null(g);
    stop = gen_scalar(g, c->term->stop).v;
    region = kernel_stack(g, sizeof(pk_region));
    for (int k = 0; k < r->type->rank; k++) {
        Value to = k ? r->dim[k].v
                     : gen_op(g, LOOP_SMAX, LT_I64, 2, stop, gen_long(g, 0));
        gen_put(g, gen_long(g, 0), region, (int64_t)offsetof(pk_region, from) + 8 * k, 0);
        gen_put(g, to, region, (int64_t)offsetof(pk_region, to) + 8 * k, 0);
    }
    return region;
}

static void call_whole(Gen *g, Calling *c) {
    int number = kernel_declare(g, c->kernel, c->kernel->name, 1 + c->nresults);
    Value bad;
    for (int r = 0; r < c->nresults; r++) place_result(g, &c->result[r]);
    if (c->fail != NO_VALUE) gen_if(g, gen_good(g, c->fail));
    c->arg[c->nargs++] = first_rows(g, c);
    for (int r = 0; r < c->nresults; r++) c->arg[c->nargs++] = c->result[r].memory;
    bad = kernel_call(g, c, number);
    if (g->plain) {
        gen_if(g, bad);
        note_failure(g, c);
        gen_else(g);
    } else {
        kernel_leave_if(g, bad);
    }
    for (int r = 0; r < c->nresults; r++)
        if (!is_opaque(&c->result[r]) && c->result[r].type->rank && !c->result[r].known)
            take_sizes(g, &c->result[r]);
    if (g->plain) gen_end(g);
    if (c->fail != NO_VALUE) gen_end(g);
}

static Low result_low(Gen *g, const Calling *c, const Result *r, Value fail,
                      Value fails) {
    Low low = {.kind = LOW_OPAQUE, .type = r->type};
    Tensor *t;
    if (is_opaque(r)) {
        low.s = (Scalar){gen_field(g, LT_PTR, r->memory, 0, 0), fail};
        return low;
    }
    if (r->type->rank == 0)
        return low_scalar((Scalar){gen_load_element(g, r->type->dtype, r->data,
                                                    gen_long(g, 0), 0), fail}, r->type);
    t = arena_new_of(g->all->arena, Tensor);
    *t = (Tensor){.dtype = r->type->dtype, .rank = r->type->rank, .fails = fails,
                  .fails_null = true, .fail = fail, .buffer = r->known ? r->buffer : 0,
                  .data = r->known ? r->data : build_get(&g->b, r->data),
                  .roomy = r->known, .fails_buffer = c->fails_buffer};
    for (int k = 0; k < t->rank; k++)
        t->dim[k] =
            r->dim[k].v != NO_VALUE
                ? r->dim[k]
                : (Scalar){gen_nonnegative(g, build_get(&g->b, r->size[k])),
                           fail};
    return low_tensor(t, r->type);
}

Low gen_kernel(Gen *g, const Term *term) {
    Calling c = {.term = term, .kernel = term->kernel, .verdict = NO_VALUE,
                 .fails = NO_VALUE, .nresults = term->kernel->nresults};
    Low low = {.kind = LOW_TUPLE, .type = term->type};
    Value fail = NO_VALUE, fails = NO_VALUE;
    if (gen_window(g, named(g, term), term, &low)) return low;
    for (int r = 0; r < c.nresults; r++)
        c.result[r].type = c.nresults == 1 ? term->type : term->type->items[r];
    kernel_arguments(g, &c);
    known_dims(g, &c);
    if (g->plain) {
        bool rows = c.nresults == 1 && !is_opaque(&c.result[0]) &&
                    c.result[0].type->rank > 0 &&
                    (c.result[0].known || c.kernel->stops);
        c.verdict = build_var(&g->b, LT_I32, c.fail == NO_VALUE ? gen_int(g, LT_I32, 0)
                                                                : c.fail);
        if (rows) c.fails = build_var(&g->b, LT_PTR, gen_null(g));
    }
    call_whole(g, &c);
    if (g->plain) fail = build_get(&g->b, c.verdict);
    if (c.fails != NO_VALUE) fails = build_get(&g->b, c.fails);
    if (c.nresults == 1) return result_low(g, &c, &c.result[0], fail, fails);
    low.n = c.nresults;
    low.items = arena_array(g->all->arena, Low, low.n);
    for (int r = 0; r < low.n; r++)
        low.items[r] = result_low(g, &c, &c.result[r], fail, NO_VALUE);
    return low;
}
