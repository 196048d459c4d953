/* Below `batch`: ragged fields, a pk_tensor for each record. Rows are whole and
 * good: a record with a failure did not get here. */
#include "lower_room.h"

enum { ROW_DIM = offsetof(pk_tensor, dim) };

static Value row_at(Gen *g, const Low *ragged, Value i) {
    return build_offset(&g->b, ragged->s.v, i, sizeof(pk_tensor));
}

static Value row_dim(Gen *g, Value row, int axis) {
    return gen_field(g, LT_I64, row, ROW_DIM + 8 * axis, 0);
}

/* ---- how long ---- */

static Value longest(Gen *g, const Low *ragged, int axis) {
    Value var, i, most;
    int64_t n;
    if (ragged->type->dims && ragged->type->dims[axis] &&
        dim_constant(ragged->type->dims[axis], &n))
        return gen_long(g, n);
    var = build_var(&g->b, LT_I64, gen_long(g, 0));
    i = gen_for(g, gen_long(g, 0), ragged->count);
    most = gen_op(g, LOOP_SMAX, LT_I64, 2, build_get(&g->b, var),
                  row_dim(g, row_at(g, ragged, i), axis));
    build_set(&g->b, var, most);
    gen_end(g);
    return gen_nonnegative(g, build_get(&g->b, var));
}

/* Up to the next multiple; a multiple below 1 fails. */
static Scalar rounded(Gen *g, const Term *term, Value n) {
    Scalar multiple = gen_scalar(g, term->arg[2]);
    Value one = gen_long(g, 1), safe, up;
    Value bad = gen_op(g, LOOP_SLT, LT_I1, 2, multiple.v, one);
    int site = gen_site(g, term->at, "padded to a multiple of %lld");
    Value fail = gen_fail_when(g, bad, site, multiple.v, gen_long(g, 0),
                               multiple.fail, false);
    safe = gen_op(g, LOOP_SMAX, LT_I64, 2, multiple.v, one);
    up = gen_sub(g, gen_add(g, n, safe), one);
    up = gen_mul(g, gen_op(g, LOOP_UDIV, LT_I64, 2, up, safe), safe);
    return (Scalar){gen_nonnegative(g, up), fail};
}

static Scalar padded_dim(Gen *g, const Term *term, const Low *ragged, int axis) {
    int64_t n;
    const Dim *dim = ragged->type->dims ? ragged->type->dims[axis] : NULL;
    if (dim && dim_constant(dim, &n)) return scalar(gen_long(g, n));
    return rounded(g, term, longest(g, ragged, axis));
}

static Scalar wanted(Gen *g, const Term *term) {
    Scalar n = gen_scalar(g, term->arg[2]);
    Value zero = gen_long(g, 0);
    Value bad = gen_op(g, LOOP_SLT, LT_I1, 2, n.v, zero);
    int site = gen_site(g, term->at, "a dimension below 0: %lld");
    n.fail = gen_fail_when(g, bad, site, n.v, zero, n.fail, false);
    if (!is_nonnegative(g, n.v))
        n.v = gen_nonnegative(g, gen_op(g, LOOP_SMAX, LT_I64, 2, n.v, zero));
    return n;
}

Scalar gen_below_dim(Gen *g, const Term *term, int axis) {
    Low ragged = gen_low(g, term->arg[0]);
    if (axis == 0) return (Scalar){ragged.count, ragged.s.fail};
    if (term->kind == TERM_PADDED_TO) return wanted(g, term);
    return padded_dim(g, term, &ragged, axis - 1);
}

/* ---- values ---- */

static Low lengths(Gen *g, const Term *term, const Low *ragged, const Dest *dest) {
    Scalar dims[] = {scalar(ragged->count)};
    Tensor *t = gen_tensor_new(g, PL_I64, 1, dims, dest);
    Value i = gen_for(g, gen_long(g, 0), ragged->count);
    gen_store_element(g, PL_I64, row_dim(g, row_at(g, ragged, i), 0), t->data,
                      i, t->buffer);
    gen_end(g);
    tensor_done(g, t);
    return low_tensor(t, term->type);
}

typedef struct Padding {
    const Tensor *t;
    Value fill;
    Value row, data;            /* of the row being copied */
    Value below[PK_MAX_RANK + 1];   /* elements of the result below the axis */
} Padding;

static void pad(Gen *g, const Padding *p, Value from, Value to) {
    Value e = gen_for(g, from, to);
    gen_store_element(g, p->t->dtype, p->fill, p->t->data, e, p->t->buffer);
    gen_end(g);
}

/* Rows of the record's value, one after the other; then the padding. `from` counts
 * in the value, `to` in the result. */
static void copy_row(Gen *g, const Padding *p, int axis, Value from, Value to) {
    int rank = p->t->rank - 1;
    int64_t size = dtype_size(p->t->dtype);
    Value n = gen_op(g, LOOP_SMIN, LT_I64, 2, row_dim(g, p->row, axis),
                     p->t->dim[axis + 1].v);
    Value step = gen_long(g, 1), i;
    if (axis == rank - 1) {
        build(&g->b, LOOP_COPY, loop_type(LT_VOID), 3,
              build_offset(&g->b, p->t->data, to, size),
              build_offset(&g->b, p->data, from, size), gen_mul(g, n, gen_long(g, size)));
    } else {
        for (int k = axis + 1; k < rank; k++)
            step = gen_mul(g, step, row_dim(g, p->row, k));
        i = gen_for(g, gen_long(g, 0), n);
        copy_row(g, p, axis + 1, gen_add(g, from, gen_mul(g, i, step)),
                 gen_add(g, to, gen_mul(g, i, p->below[axis + 2])));
        gen_end(g);
    }
    pad(g, p, gen_add(g, to, gen_mul(g, n, p->below[axis + 2])),
        gen_add(g, to, p->below[axis + 1]));
}

static void copy_rows(Gen *g, Padding *p, const Low *ragged) {
    Value i = gen_for(g, gen_long(g, 0), ragged->count);
    p->row = row_at(g, ragged, i);
    p->data = gen_field(g, LT_PTR, p->row, 0, 0);
    copy_row(g, p, 0, gen_long(g, 0), gen_mul(g, i, p->below[1]));
    gen_end(g);
}

static Low padded(Gen *g, const Term *term, const Low *ragged, const Dest *dest) {
    const Type *type = term->type;
    Scalar fill = gen_scalar(g, term->arg[1]), dims[PK_MAX_RANK];
    Padding p = {.fill = dest ? gen_canonical(g, type->dtype, fill.v) : fill.v};
    Tensor *t;
    dims[0] = scalar(ragged->count);
    for (int k = 1; k < type->rank; k++)
        dims[k] = term->kind == TERM_PADDED_TO ? wanted(g, term)
                                               : padded_dim(g, term, ragged, k - 1);
    p.t = t = gen_tensor_new(g, type->dtype, type->rank, dims, dest);
    t->fail = gen_first(g, t->fail, fill.fail);
    p.below[type->rank] = gen_long(g, 1);
    for (int k = type->rank - 1; k >= 0; k--)
        p.below[k] = gen_mul(g, p.below[k + 1], dims[k].v);
    if (t->fail != NO_VALUE) gen_if(g, gen_good(g, t->fail));
    copy_rows(g, &p, ragged);
    if (t->fail != NO_VALUE) gen_end(g);
    tensor_done(g, t);
    return low_tensor(t, type);
}

Low gen_below(Gen *g, const Term *term, const Dest *dest) {
    Low ragged = gen_low(g, term->arg[0]);
    return term->kind == TERM_LENGTHS ? lengths(g, term, &ragged, dest)
                                      : padded(g, term, &ragged, dest);
}
