/* Below `batch`: ragged fields, a tensor in memory for each record. Rows are
 * good: a record with a failure did not get here. */
#include "eval_room.h"

static const Ragged *ragged_of(Tensor *t) {
    return eval_value(t->code->arg[0], t->frame).ragged;
}

/* ---- lengths ---- */

static Scalar rows_dim(Tensor *t, int axis) {
    (void)axis;
    return scalar_int(ragged_of(t)->n);
}

static Scalar length_at(Tensor *t, const int64_t *subs) {
    return scalar_int(ragged_of(t)->row[subs[0]].dim[0]);
}

static const TensorOps lengths_ops = {.dim = rows_dim, .at = length_at};

Value eval_lengths(const Code *c, Frame *f) {
    return (Value){.t = tensor_of(&f->memory, &lengths_ops, c, f, sizeof(Tensor))};
}

/* ---- padded, padded_to ---- */

static Scalar wanted(Tensor *t) {
    Scalar n = eval_scalar(t->code->arg[2], t->frame);
    if (n.fail || n.v.i >= 0) return n;
    return scalar_bad(fail_at(t->code, t->frame, n.v.i, 0));
}

/* The longest of the batch, up to the next multiple. */
static Scalar longest(Tensor *t, int axis) {
    const Ragged *ragged = ragged_of(t);
    Scalar multiple = eval_scalar(t->code->arg[2], t->frame);
    int64_t most = 0, m = multiple.v.i;
    if (multiple.fail) return multiple;
    if (m < 1) return scalar_bad(fail_at(t->code, t->frame, m, 0));
    for (int64_t i = 0; i < ragged->n; i++)
        if (ragged->row[i].dim[axis] > most) most = ragged->row[i].dim[axis];
    return scalar_int(most % m ? most + (m - most % m) : most);
}

static Scalar padded_dim(Tensor *t, int axis) {
    int64_t n;
    if (axis == 0) return rows_dim(t, 0);
    if (t->code->term->kind == TERM_PADDED_TO) return wanted(t);
    return type_dim(ragged_of(t)->type, axis - 1, &n) ? scalar_int(n)
                                                      : longest(t, axis - 1);
}

/* The padding is read, needed or not. */
static const Failure *padding_fails(Tensor *t) {
    return eval_scalar(t->code->arg[1], t->frame).fail;
}

static Scalar padded_at(Tensor *t, const int64_t *subs) {
    const pk_tensor *row = &ragged_of(t)->row[subs[0]];
    pl_dtype d = t->type->dtype;
    int64_t p = 0;
    for (int k = 1; k < t->type->rank; k++) {
        if (subs[k] >= row->dim[k - 1]) return eval_scalar(t->code->arg[1], t->frame);
        p = p * row->dim[k - 1] + subs[k];
    }
    return scalar_of(scalar_load(d, (const char *)row->data + p * dtype_size(d)));
}

static const TensorOps padded_ops = {.dim = padded_dim, .whole = padding_fails,
                                     .at = padded_at};

Value eval_padded(const Code *c, Frame *f) {
    return (Value){.t = tensor_of(&f->memory, &padded_ops, c, f, sizeof(Tensor))};
}
