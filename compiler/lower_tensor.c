/* Values of any type: the walker over terms, tensors in memory, branches. */
#include <string.h>
#include "lower_room.h"

/* ---- tensors in memory ---- */

/* Handles beside the elements; taken away again if none can fail. */
static void make_fails(Gen *g, Tensor *t, Value count) {
    Value bytes = gen_mul(g, count, gen_long(g, 4));
    t->block = g->b.into;
    t->fails = gen_alloc(g, count, 4, &t->fails_buffer);
    t->made[0] = built(&g->b);
    build(&g->b, LOOP_FILL, loop_type(LT_VOID), 2, t->fails, bytes);
    t->made[1] = built(&g->b);
}

Tensor *gen_tensor_new(Gen *g, pl_dtype dtype, int rank, const Scalar *dims,
                   const Dest *dest) {
    Tensor *t = arena_new_of(g->all->arena, Tensor);
    Value count;
    *t = (Tensor){.dtype = dtype, .rank = rank, .fails = NO_VALUE, .fail = NO_VALUE,
                  .roomy = true};
    for (int k = 0; k < rank; k++) {
        t->dim[k] = dims[k];
        t->fail = gen_first(g, t->fail, dims[k].fail);
    }
    count = gen_count(g, rank, dims);
    if (dest && dest->data != NO_VALUE) {
        t->data = dest->data;
        t->buffer = dest->buffer;
    } else if (dest) {
        t->data = build(&g->b, LOOP_ALLOC_OUT, loop_type(LT_PTR), 1,
                        gen_mul(g, count, gen_long(g, dtype_size(dtype))));
        t->buffer = ++g->buffers;
        t->roomy = false;
    } else {
        t->data = gen_alloc(g, count, dtype_size(dtype), &t->buffer);
        t->slack = true;
    }
    if (g->plain) make_fails(g, t, count);
    return t;
}

void tensor_store(Gen *g, Tensor *t, Value position, Scalar s, bool canonical) {
    Value v = canonical ? gen_canonical(g, t->dtype, s.v) : s.v;
    gen_store_element(g, t->dtype, v, t->data, position, t->buffer);
    if (s.fail == NO_VALUE) return;
    t->failing = true;
    build_store(&g->b, s.fail, build_offset(&g->b, t->fails, position, 4),
                t->fails_buffer);
}

void tensor_done(Gen *g, Tensor *t) {
    if (t->fails == NO_VALUE || t->failing) return;
    gen_remove(g, t->block, t->made[1]);
    gen_remove(g, t->block, t->made[0]);
    t->fails = NO_VALUE;
}

static Value first_fail_of_elements(Gen *g, const Tensor *t) {
    Value var = build_var(&g->b, LT_I32, gen_int(g, LT_I32, 0)), count, i, fail, at;
    count = gen_count(g, t->rank, t->dim);
    if (t->fails_null) gen_if(g, gen_op(g, LOOP_NE, LT_I1, 2, t->fails, gen_null(g)));
    i = gen_for(g, gen_long(g, 0), count);
    at = build_offset(&g->b, t->fails, i, 4);
    fail = build_load(&g->b, loop_type(LT_I32), at, t->fails_buffer);
    gen_if(g, gen_op(g, LOOP_NE, LT_I1, 2, fail, gen_int(g, LT_I32, 0)));
    build_set(&g->b, var, fail);
    build_break(&g->b);
    gen_end(g);
    gen_end(g);
    if (t->fails_null) gen_end(g);
    return build_get(&g->b, var);
}

Value tensor_first_fail(Gen *g, const Tensor *t) {
    const Type *type = type_scalar(PL_BOOL);
    Cell *cell;
    if (t->fails == NO_VALUE) return t->fail;
    if (t->fail == NO_VALUE) return first_fail_of_elements(g, t);
    cell = cell_new(g, type, false);
    gen_if(g, gen_good(g, t->fail));
    cell_set(g, cell, low_failed(g, type, first_fail_of_elements(g, t)));
    gen_else(g);
    cell_set(g, cell, low_failed(g, type, t->fail));
    gen_end(g);
    return cell_get(g, cell).s.fail;
}

Value low_first_fail(Gen *g, Low low) {
    Value fail = NO_VALUE;
    if (low.kind == LOW_TENSOR) return tensor_first_fail(g, low.t);
    if (low.kind != LOW_TUPLE) return low.s.fail;
    for (int i = 0; i < low.n; i++)
        fail = gen_first(g, fail, low_first_fail(g, low.items[i]));
    return fail;
}

/* ---- constants ---- */

static int datum_of(Gen *g, const Term *term, int64_t bytes) {
    bool fresh;
    uint64_t *number = map_at(g->all->projected, term, -1, &fresh);
    if (fresh) {
        char *padded = arena_alloc(g->all->arena, (size_t)bytes + 64);
        memcpy(padded, term->data, (size_t)bytes);
        *number = (uint64_t)loop_datum(g->all->module, NULL, padded, bytes + 64, 64);
    }
    return (int)*number;
}

static Low constant_tensor(Gen *g, const Term *term) {
    const Type *type = term->type;
    Tensor *t = arena_new_of(g->all->arena, Tensor);
    int64_t count = 1, n = 0;
    *t = (Tensor){.dtype = type->dtype, .rank = type->rank, .fails = NO_VALUE,
                  .fail = NO_VALUE, .roomy = true, .slack = true,
                  .buffer = ++g->buffers};
    for (int k = 0; k < type->rank; k++) {
        if (!dim_constant(type->dims[k], &n)) bug("lower: constant of unknown dims");
        t->dim[k] = scalar(gen_long(g, n));
        count *= n;
    }
    t->data = gen_data(g, datum_of(g, term, count * dtype_size(type->dtype)));
    return low_tensor(t, type);
}

/* ---- branches ---- */

static void set_branches(Gen *g, const Term *term, Value c, Cell *cell) {
    gen_if(g, c);
    cell_set(g, cell, gen_low(g, term->arg[1]));
    gen_else(g);
    cell_set(g, cell, gen_low(g, term->arg[2]));
    gen_end(g);
}

static Low branches(Gen *g, const Term *term) {
    bool cheap = !g->plain && term->type->kind == TY_TENSOR && term->type->rank == 0 &&
                 term_cheap(g, term->arg[1]) && term_cheap(g, term->arg[2]);
    Scalar c;
    Cell *cell;
    int64_t known;
    if (!cheap) force_before_branches(g, 2, term->arg + 1);
    c = gen_scalar(g, term->arg[0]);
    if (c.fail == NO_VALUE && gen_is_int(g, c.v, &known))
        return gen_low(g, term->arg[known ? 1 : 2]);
    if (cheap) {
        Value a = gen_scalar(g, term->arg[1]).v, b = gen_scalar(g, term->arg[2]).v;
        return low_scalar(scalar(gen_select(g, c.v, a, b)), term->type);
    }
    cell = cell_new(g, term->type, false);
    if (c.fail == NO_VALUE) {
        set_branches(g, term, c.v, cell);
        return cell_get(g, cell);
    }
    gen_if(g, gen_good(g, c.fail));
    set_branches(g, term, c.v, cell);
    gen_else(g);
    cell_set(g, cell, low_failed(g, term->type, c.fail));
    gen_end(g);
    return cell_get(g, cell);
}

/* What a test guards is computed only if it holds: proofs rest on it. */
static Low checked(Gen *g, const Term *term) {
    Cell *cell;
    Value fail;
    if (g->plain) force_before_branches(g, 1, term->arg);
    fail = gen_check(g, term);
    if (fail == NO_VALUE) return gen_low(g, term->arg[0]);
    cell = cell_new(g, term->type, false);
    gen_if(g, gen_good(g, fail));
    cell_set(g, cell, gen_low(g, term->arg[0]));
    gen_else(g);
    cell_set(g, cell, low_failed(g, term->type, fail));
    gen_end(g);
    return cell_get(g, cell);
}

static Low failure(Gen *g, const Term *term) {
    char *text = arena_alloc(g->all->arena, 2 * strlen(term->text) + 1), *to = text;
    Value zero = gen_long(g, 0), fail;
    for (const char *from = term->text; *from; from++) {
        if (*from == '%') *to++ = '%';
        *to++ = *from;
    }
    fail = gen_fail_when(g, gen_int(g, LT_I1, 1), gen_site(g, term->at, text), zero, zero,
                         NO_VALUE, false);
    return low_failed(g, term->type, fail);
}

/* ---- the walker ---- */

static Low tuple(Gen *g, const Term *term) {
    Low low = {.kind = LOW_TUPLE, .n = term->nargs, .type = term->type};
    low.items = arena_array(g->all->arena, Low, term->nargs);
    for (int i = 0; i < term->nargs; i++) low.items[i] = gen_low(g, term->arg[i]);
    return low;
}

static Low array(Gen *g, const Term *term) {
    const Type *type = term->type;
    Scalar dims[PK_MAX_RANK];
    Fill f = {.zero = reg_type(type->dtype)};
    Tensor *t;
    for (int k = 0; k < type->rank; k++) dims[k] = gen_dim(g, term, k);
    t = gen_tensor_new(g, type->dtype, type->rank, dims, NULL);
    f.to = t;
    fill_begin(g, &f, type->rank, dims);
    gen_fill(g, &f, 0, gen_long(g, 0), term);
    tensor_done(g, t);
    return low_tensor(t, type);
}

static Low item(Gen *g, const Term *term) {
    Thunk *thunk = bind_find(g, term);
    const Term *projected;
    if (thunk) return bind_force(g, thunk);
    projected = term_project(g->all, term->arg[0], term->axis);
    if (projected->kind == TERM_GET && projected->arg[0] == term->arg[0])
        return gen_low(g, term->arg[0]).items[term->axis];
    return gen_low(g, projected);
}

static Low lower(Gen *g, const Term *term) {
    switch (term->kind) {
    case TERM_REF: return bind_force(g, bind_thunk(g, term->var));
    case TERM_GET: return item(g, term);
    case TERM_LET:
        bind_let(g, term);
        return gen_low(g, term->arg[1]);
    case TERM_DATA: return constant_tensor(g, term);
    case TERM_IF: return branches(g, term);
    case TERM_CHECK: return checked(g, term);
    case TERM_FAIL: return failure(g, term);
    case TERM_TUPLE: return tuple(g, term);
    case TERM_ARRAY: return array(g, term);
    case TERM_FOR:
        return term->nargs > 1 && term->arg[1] ? gen_where(g, term)
                                               : gen_for_value(g, term);
    case TERM_FOLD: return gen_fold(g, term);
    case TERM_SCAN: return gen_scan(g, term);
    case TERM_SCATTER: return gen_scatter(g, term);
    case TERM_PERM: return gen_perm(g, term);
    case TERM_KERNEL: return gen_kernel(g, term);
    case TERM_LENGTHS: case TERM_PADDED: case TERM_PADDED_TO:
        return gen_below(g, term, NULL);
    default: return low_scalar(gen_scalar(g, term), term->type);
    }
}

Low gen_low(Gen *g, const Term *term) {
    const Place *at = gen_place(g, term->at);
    Low low;
    low = lower(g, term);
    gen_place_back(g, at);
    return low;
}

const Tensor *gen_tensor(Gen *g, const Term *term) { return gen_low(g, term).t; }

const Tensor *gen_tensor_at(Gen *g, const Term *term, const Type *type,
                            const Dest *dest) {
    Scalar dims[PK_MAX_RANK];
    Fill f = {.zero = reg_type(type->dtype), .canonical = dest->canonical};
    Tensor *t;
    int64_t n = 0;
    for (int k = 0; k < type->rank; k++)
        dims[k] = type->dims && type->dims[k] && dim_constant(type->dims[k], &n)
                      ? scalar(gen_long(g, n)) : gen_dim(g, term, k);
    t = gen_tensor_new(g, type->dtype, type->rank, dims, dest);
    f.to = t;
    fill_begin(g, &f, type->rank, dims);
    gen_fill(g, &f, 0, gen_long(g, 0), term);
    tensor_done(g, t);
    return t;
}
