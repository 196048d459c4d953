/* Reductions, scatters, and what chance is made of. */
#include "eval_room.h"
#include "../runtime/order.h"

/* ---- reductions: all elements are read, in row-major order ---- */

enum { LANES = 16 };

static Number combine(Op op, pl_dtype d, Number a, Number b) {
    Number both[2] = {a, b}, result;
    scalar_op(op, d, d, both, &result);
    return result;
}

/* Element e goes to lane e mod 16; then l with l + 8, l + 4, l + 2, l + 1. */
static Scalar reduce_lanes(Tensor *t, Op op, pl_dtype to, Number start) {
    Number lane[LANES];
    for (int l = 0; l < LANES; l++) lane[l] = start;
    for (int64_t e = 0; e < t->count; e++) {
        Scalar s = tensor_element(t, e);
        if (s.fail) return s;
        s.v = scalar_convert(t->type->dtype, to, s.v);
        lane[e % LANES] = combine(op, to, lane[e % LANES], s.v);
    }
    for (int half = LANES / 2; half; half /= 2)
        for (int l = 0; l < half; l++) lane[l] = combine(op, to, lane[l], lane[l + half]);
    return scalar_of(lane[0]);
}

static Number number_of(pl_dtype d, int64_t i) {
    return scalar_convert(PL_I64, d, (Number){.i = i});
}

/* A number that min and max pass over: NaN, or the first element. */
static Number nothing_yet(Tensor *t, const Failure **fail) {
    pl_dtype d = t->type->dtype;
    Scalar first;
    if (d == PL_F64) return (Number){.d = __builtin_nan("")};
    if (dtype_is_float(d)) return (Number){.f = __builtin_nanf("")};
    first = tensor_element(t, 0);
    *fail = first.fail;
    return first.v;
}

static Scalar extreme(const Code *c, Frame *f, Tensor *t) {
    Op op = c->term->reduction == RED_MIN ? OP_MIN : OP_MAX;
    const Failure *fail = NULL;
    Number start;
    if (!t->count) return scalar_bad(fail_at(c, f, 0, 0));
    start = nothing_yet(t, &fail);
    return fail ? scalar_bad(fail) : reduce_lanes(t, op, t->type->dtype, start);
}

/* Integers: f32(f64(sum) / n). */
static Scalar mean(const Code *c, Frame *f, Tensor *t) {
    pl_dtype d = t->type->dtype, to = c->type->dtype, wide = PL_I64;
    Scalar sum;
    Number ratio;
    if (dtype_is_float(d)) {
        wide = to;
    } else if (!dtype_is_signed(d) && d != PL_BOOL) {
        wide = PL_U64;
    }
    if (!t->count) return scalar_bad(fail_at(c, f, 0, 0));
    sum = reduce_lanes(t, OP_ADD, wide, number_of(wide, 0));
    if (sum.fail) return sum;
    if (dtype_is_float(d))
        return scalar_of(combine(OP_DIV, to, sum.v, number_of(to, t->count)));
    ratio = combine(OP_DIV, PL_F64, scalar_convert(wide, PL_F64, sum.v),
                    number_of(PL_F64, t->count));
    return scalar_of(scalar_convert(PL_F64, to, ratio));
}

static Scalar count_true(const Code *c, Tensor *t) {
    int64_t n = 0;
    for (int64_t e = 0; e < t->count; e++) {
        Scalar s = tensor_element(t, e);
        if (s.fail) return s;
        n += s.v.i != 0;
    }
    if (c->term->reduction == RED_ANY) return scalar_int(n > 0);
    return scalar_int(c->term->reduction == RED_ALL ? n == t->count : n);
}

/* The first place of the least or greatest; NaN counts only among NaNs. */
static Scalar place_of(const Code *c, Frame *f, Tensor *t) {
    pl_dtype d = t->type->dtype;
    bool least = c->term->reduction == RED_ARGMIN;
    Scalar best = {0};
    int64_t at = 0;
    if (!t->count) return scalar_bad(fail_at(c, f, 0, 0));
    for (int64_t e = 0; e < t->count; e++) {
        Scalar s = tensor_element(t, e);
        bool better;
        if (s.fail) return s;
        better = least ? scalar_less(d, s.v, best.v) : scalar_less(d, best.v, s.v);
        better |= scalar_is_nan(d, best.v) && !scalar_is_nan(d, s.v);
        if (e && !better) continue;
        best = s;
        at = e;
    }
    return scalar_int(at);
}

Scalar eval_reduce(const Code *c, Frame *f) {
    Tensor *t = eval_tensor(c->arg[0], f);
    const Failure *fail = tensor_whole(t);
    pl_dtype to = c->type->dtype;
    if (fail) return scalar_bad(fail);
    switch (c->term->reduction) {
    case RED_SUM: return reduce_lanes(t, OP_ADD, to, number_of(to, 0));
    case RED_PRODUCT: return reduce_lanes(t, OP_MUL, to, number_of(to, 1));
    case RED_MEAN: return mean(c, f, t);
    case RED_MIN: case RED_MAX: return extreme(c, f, t);
    case RED_ANY: case RED_ALL: case RED_COUNT: return count_true(c, t);
    case RED_ARGMIN: case RED_ARGMAX: return place_of(c, f, t);
    }
    bug("eval: reduction %d", c->term->reduction);
}

/* ---- scatter: all places are read, values where they land ---- */

static Scalar scatter_dim(Tensor *t, int axis) {
    return tensor_dim(eval_tensor(t->code->arg[0], t->frame), axis);
}

static const Failure *scatter_begin(Tensor *t, Tensor **places, Tensor **values) {
    Tensor *start = eval_tensor(t->code->arg[0], t->frame);
    const Failure *fail = tensor_whole(start);
    *places = eval_tensor(t->code->arg[1], t->frame);
    if (!fail) fail = tensor_whole(*places);
    *values = NULL;
    if (t->code->arg[2]->type->rank) {
        *values = eval_tensor(t->code->arg[2], t->frame);
        if (!fail) fail = tensor_whole(*values);
    }
    return fail;
}

static Scalar scatter_one(const Code *c, Scalar old, Scalar value) {
    static const Op ops[] = {[SCATTER_ADD] = OP_ADD, [SCATTER_MIN] = OP_MIN,
                             [SCATTER_MAX] = OP_MAX};
    if (c->term->scatter == SCATTER_SET) return value;
    if (old.fail || value.fail) return old.fail ? old : value;
    return scalar_of(combine(ops[c->term->scatter], c->type->dtype, old.v, value.v));
}

static const Failure *scatter_whole(Tensor *t) {
    Tensor *places, *values;
    Scalar *out;
    const Failure *fail = scatter_begin(t, &places, &values);
    if (fail) return fail;
    if (t->count > t->frame->root->eval->max_bytes / 8) return &eval_no_memory;
    out = region_take(t->region, sizeof *out * (size_t)(t->count + 1));
    for (int64_t e = 0; e < t->count; e++)
        out[e] = tensor_element(eval_tensor(t->code->arg[0], t->frame), e);
    for (int64_t e = 0; e < places->count; e++) {
        Scalar place = tensor_element(places, e), value;
        if (place.fail) return place.fail;
        if (place.v.i < 0 || place.v.i >= t->count)
            return fail_at(t->code, t->frame, place.v.i, t->count);
        value = values ? tensor_element(values, e)
                       : eval_scalar(t->code->arg[2], t->frame);
        out[place.v.i] = scatter_one(t->code, out[place.v.i], value);
    }
    t->run = out;
    return NULL;
}

static Scalar scatter_at(Tensor *t, const int64_t *subs) {
    return ((Scalar *)t->run)[subs[0]];
}

static const TensorOps scatter_ops = {scatter_dim, scatter_whole, scatter_at};

Value eval_scatter(const Code *c, Frame *f) {
    return (Value){.t = tensor_of(&f->memory, &scatter_ops, c, f, sizeof(Tensor))};
}

/* ---- chance: docs/language.md section 9 ---- */

static void philox(const Root *root, const Term *draw, uint64_t block,
                   uint32_t word[4]) {
    uint32_t counter[4] = {(uint32_t)root->id, (uint32_t)(root->id >> 32), draw->site,
                           (uint32_t)block};
    order_philox(counter, draw->reused ? root->reused_key : root->key, word);
}

static uint32_t draw32(const Root *root, const Term *draw, uint64_t e) {
    uint32_t word[4];
    philox(root, draw, e / 4, word);
    return word[e % 4];
}

static uint64_t draw64(const Root *root, const Term *draw, uint64_t e) {
    uint32_t word[4];
    philox(root, draw, e / 2, word);
    return word[e % 2 * 2] | (uint64_t)word[e % 2 * 2 + 1] << 32;
}

Scalar eval_draw(const Code *c, Frame *f) {
    Scalar e = eval_scalar(c->arg[0], f);
    if (e.fail) return e;
    if (c->term->width == 32)
        return scalar_int(draw32(f->root, c->term, (uint64_t)e.v.i));
    return scalar_int((int64_t)draw64(f->root, c->term, (uint64_t)e.v.i));
}

static Scalar perm_dim(Tensor *t, int axis) {
    (void)axis;
    return eval_scalar(t->code->arg[0], t->frame);
}

/* Fisher-Yates: for i = n-1 … 1 swap i with randint(0, i + 1), element i. */
static const Failure *perm_whole(Tensor *t) {
    const Root *root = t->frame->root;
    Scalar outer = eval_scalar(t->code->arg[1], t->frame);
    uint64_t first = (uint64_t)outer.v.i * (uint64_t)t->count;
    int64_t *place;
    if (outer.fail) return outer.fail;
    if (t->count > t->frame->root->eval->max_bytes / 8) return &eval_no_memory;
    place = region_take(t->region, sizeof *place * (size_t)(t->count + 1));
    for (int64_t i = 0; i < t->count; i++) place[i] = i;
    for (int64_t i = t->count - 1; i >= 1; i--) {
        Number factors[2] = {{.i = (int64_t)draw64(root, t->code->term,
                                                   first + (uint64_t)i)}, {.i = i + 1}};
        Number j;
        int64_t swapped = place[i];
        scalar_op(OP_MULHI, PL_U64, PL_U64, factors, &j);
        place[i] = place[j.i];
        place[j.i] = swapped;
    }
    t->run = place;
    return NULL;
}

static Scalar perm_at(Tensor *t, const int64_t *subs) {
    return scalar_int(((int64_t *)t->run)[subs[0]]);
}

static const TensorOps perm_ops = {perm_dim, perm_whole, perm_at};

Value eval_perm(const Code *c, Frame *f) {
    return (Value){.t = tensor_of(&f->memory, &perm_ops, c, f, sizeof(Tensor))};
}
