/* Tensors that compute what is read and keep it. */
#include <string.h>
#include "eval_room.h"

static int size_of(const Tensor *t) { return dtype_size(t->type->dtype); }

void *tensor_make(Region *region, const TensorOps *ops, const Type *type, size_t size) {
    Tensor *t = region_take(region, size);
    t->ops = ops;
    t->type = type;
    t->region = region;
    t->item = -1;
    return t;
}

Tensor *tensor_of(Region *region, const TensorOps *ops, const Code *code, Frame *frame,
                  size_t size) {
    Tensor *t = tensor_make(region, ops, code->type, size);
    t->code = code;
    t->frame = frame;
    return t;
}

/* ---- dims ---- */

Scalar tensor_dim(Tensor *t, int axis) {
    int64_t n;
    if (t->dims_known >> axis & 1) return t->dim[axis];
    if (type_dim(t->type, axis, &n)) t->dim[axis] = scalar_int(n);
    else if (t->fail) t->dim[axis] = scalar_bad(t->fail);
    else t->dim[axis] = t->ops->dim(t, axis);
    if (!t->dim[axis].fail && t->dim[axis].v.i < 0) t->dim[axis].v.i = 0;
    t->dims_known |= 1u << axis;
    return t->dim[axis];
}

const Failure eval_no_memory;

/* Elements that could never be held are a failure of the record. */
static const Failure *count_elements(Tensor *t) {
    t->count = 1;
    for (int k = 0; k < t->type->rank; k++)
        if (__builtin_mul_overflow(t->count, t->dim[k].v.i, &t->count) ||
            t->count > (int64_t)1 << 40)
            return &eval_no_memory;
    return NULL;
}

const Failure *tensor_whole(Tensor *t) {
    if (t->whole_known || t->fail) return t->fail;
    if (t->ops->first) t->fail = t->ops->first(t);
    for (int k = 0; k < t->type->rank; k++) {
        Scalar dim = tensor_dim(t, k);
        if (dim.fail && !t->fail) t->fail = dim.fail;
    }
    if (!t->fail) t->fail = count_elements(t);
    if (!t->fail && t->ops->whole) t->fail = t->ops->whole(t);
    t->whole_known = true;
    return t->fail;
}

/* ---- elements ---- */

enum { UNKNOWN, GOOD, FAILED };

static bool make_room(Tensor *t) {
    const Eval *ev = t->frame ? t->frame->root->eval : NULL;
    int64_t bytes = t->count * size_of(t);
    if (ev && bytes > ev->max_bytes) return false;
    t->data = region_take(t->region, (size_t)bytes);
    t->state = region_take(t->region, (size_t)t->count);
    return true;
}

static Scalar keep(Tensor *t, int64_t p, Scalar s) {
    if (s.fail) {
        if (!t->fails)
            t->fails = region_take(t->region, sizeof *t->fails * (size_t)t->count);
        t->fails[p] = s.fail;
        t->state[p] = FAILED;
    } else {
        scalar_store(t->type->dtype, s.v, t->data + p * size_of(t));
        t->state[p] = GOOD;
    }
    return s;
}

static Scalar kept(const Tensor *t, int64_t p) {
    if (t->state) {
        if (t->state[p] == FAILED) return scalar_bad(t->fails[p]);
    } else if (t->rest && p >= t->good) {
        return scalar_bad(t->rest);
    }
    return scalar_of(scalar_load(t->type->dtype, t->data + p * size_of(t)));
}

static bool is_there(const Tensor *t, int64_t p) {
    return t->state ? t->state[p] != UNKNOWN : t->data != NULL;
}

Scalar tensor_at(Tensor *t, const int64_t *subs) {
    int64_t p = 0;
    for (int k = 0; k < t->type->rank; k++) p = p * t->dim[k].v.i + subs[k];
    if (is_there(t, p)) return kept(t, p);
    if (!t->data && !make_room(t)) return scalar_bad(&eval_no_memory);
    return keep(t, p, t->ops->at(t, subs));
}

Scalar tensor_element(Tensor *t, int64_t position) {
    int64_t subs[PK_MAX_RANK], p = position;
    if (is_there(t, p)) return kept(t, p);
    for (int k = t->type->rank - 1; k >= 0; k--) {
        subs[k] = p % t->dim[k].v.i;
        p /= t->dim[k].v.i;
    }
    if (!t->data && !make_room(t)) return scalar_bad(&eval_no_memory);
    return keep(t, position, t->ops->at(t, subs));
}

const Failure *tensor_all(Tensor *t) {
    const Failure *fail = tensor_whole(t);
    if (fail) return fail;
    if (t->data && !t->state) return t->rest && t->good < t->count ? t->rest : NULL;
    if (t->count == 0 && !t->data) make_room(t);
    for (int64_t p = 0; p < t->count && !fail; p++) fail = tensor_element(t, p).fail;
    return fail;
}

/* ---- in memory ---- */

static Scalar dense_dim(Tensor *t, int axis) { return t->dim[axis]; }

static Scalar dense_at(Tensor *t, const int64_t *subs) {
    (void)subs;
    bug("eval: an element of a tensor in memory is missing (%s)",
        dtype_name(t->type->dtype));
}

static const TensorOps dense_ops = {dense_dim, NULL, dense_at};

Tensor *tensor_dense(Region *region, const Type *type, const int64_t *dims,
                     const void *data) {
    Tensor *t = tensor_make(region, &dense_ops, type, sizeof *t);
    t->count = 1;
    for (int k = 0; k < type->rank; k++) {
        t->dim[k] = scalar_int(dims[k]);
        t->count *= dims[k];
    }
    t->dims_known = ~0u;
    t->whole_known = true;
    t->data = (char *)(uintptr_t)data;
    if (!data) make_room(t);
    return t;
}

Tensor *tensor_copy(Tensor *from, Region *region) {
    Tensor *t = tensor_make(region, &dense_ops, from->type, sizeof *t);
    t->fail = tensor_whole(from);
    t->count = from->count;
    t->dims_known = from->dims_known;
    t->whole_known = true;
    memcpy(t->dim, from->dim, sizeof t->dim);
    t->frame = from->frame;
    if (t->fail) return t;
    if (!make_room(t)) {
        t->fail = &eval_no_memory;
        return t;
    }
    t->frame = NULL;
    for (int64_t p = 0; p < t->count; p++) keep(t, p, tensor_element(from, p));
    return t;
}

/* ---- tuples, values of any type ---- */

Tuple *tuple_new(Region *region, const Type *type, Value (*make)(Tuple *, int)) {
    Tuple *tuple = region_take(region, sizeof *tuple + sizeof(Slot) * (size_t)type->n);
    tuple->type = type;
    tuple->region = region;
    tuple->make = make;
    return tuple;
}

Value tuple_item(Tuple *tuple, int item) {
    Slot *slot = &tuple->item[item];
    if (slot->known) return slot->value;
    slot->value = tuple->fail
                      ? value_failed(tuple->region, tuple->type->items[item], tuple->fail)
                      : tuple->make(tuple, item);
    slot->known = true;
    return slot->value;
}

Value value_failed(Region *region, const Type *type, const Failure *fail) {
    Value value = {.s = scalar_bad(fail)};
    if (type->kind == TY_TUPLE) {
        value.tuple = tuple_new(region, type, NULL);
        value.tuple->fail = fail;
    } else if (type->kind == TY_TENSOR && type->rank) {
        value.t = tensor_make(region, &dense_ops, type, sizeof *value.t);
        value.t->fail = fail;
    }
    return value;
}

const Failure *value_all(Value value, const Type *type) {
    const Failure *fail = NULL;
    if (type->kind == TY_TUPLE)
        for (int i = 0; i < type->n && !fail; i++)
            fail = value_all(tuple_item(value.tuple, i), type->items[i]);
    else if (type->kind == TY_TENSOR && type->rank) fail = tensor_all(value.t);
    else if (type->kind != TY_RAGGED) fail = value.s.fail;
    return fail;
}

Value value_copy(Value value, const Type *type, Region *region) {
    Tuple *tuple;
    if (type->kind == TY_TENSOR && type->rank)
        return (Value){.t = tensor_copy(value.t, region)};
    if (type->kind != TY_TUPLE) return value;
    tuple = tuple_new(region, type, NULL);
    for (int i = 0; i < type->n; i++) {
        Value item = tuple_item(value.tuple, i);
        tuple->item[i] = (Slot){value_copy(item, type->items[i], region), true};
    }
    return (Value){.tuple = tuple};
}
