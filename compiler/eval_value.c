/* Values of codes: operations, branches, elements, tests. */
#include "eval_room.h"

static Value memo_value(const Code *c, Frame *f) {
    Frame *home = frame_up(f, c->hops);
    Slot *slot = &home->slot[c->slot];
    if (!slot->known) {
        slot->value = eval_value(c->inner, home);
        slot->known = true;
    }
    return slot->value;
}

/* ---- failures ---- */

static const Failure *fail_new(Root *root, Failure made) {
    const Failure *last = root->last;
    Failure *fail;
    if (last && last->code == made.code && last->a == made.a && last->b == made.b &&
        last->text == made.text)
        return last;                    /* the next element of one tensor */
    fail = region_new_of(&root->memory, Failure);
    *fail = made;
    root->last = fail;
    return fail;
}

const Failure *fail_at(const Code *c, Frame *f, int64_t a, int64_t b) {
    return fail_new(f->root, (Failure){.code = c, .a = a, .b = b});
}

const Failure *fail_text(const Code *c, Frame *f, const char *text) {
    return fail_new(f->root, (Failure){.code = c, .text = text});
}

/* ---- operations ---- */

static Scalar operation(const Code *c, Frame *f) {
    pl_dtype from = c->arg[0]->type->dtype;
    Number n[3], result;
    const Failure *fail = NULL;
    for (int i = 0; i < c->nargs; i++) {
        Scalar s = eval_scalar(c->arg[i], f);
        n[i] = s.v;
        if (!fail) fail = s.fail;
    }
    if (fail) return scalar_bad(fail);
    if (!scalar_op(c->term->op, from, c->type->dtype, n, &result))
        return scalar_bad(fail_at(c, f, 0, 0));
    return scalar_of(result);
}

/* ---- elements ---- */

static bool outside(Tensor *t, int axis, int64_t sub) {
    return sub < 0 || sub >= tensor_dim(t, axis).v.i;
}

static Scalar element(const Code *c, Frame *f) {
    int64_t subs[PK_MAX_RANK];
    int rank = c->nargs - 1;
    const Failure *fail = NULL;
    Tensor *t;
    for (int k = 0; k < rank; k++) {
        Scalar s = eval_scalar(c->arg[k + 1], f);
        subs[k] = s.v.i;
        if (!fail) fail = s.fail;
    }
    if (fail) return scalar_bad(fail);
    t = eval_tensor(c->arg[0], f);
    fail = tensor_whole(t);
    if (fail) return scalar_bad(fail);
    for (int k = 0; k < rank; k++) {
        if (!outside(t, k, subs[k])) continue;
        if (c->otherwise) return eval_scalar(c->otherwise, f);
        return scalar_bad(fail_at(c, f, subs[k], tensor_dim(t, k).v.i));
    }
    return tensor_at(t, subs);
}

/* ---- tests ---- */

static bool holds(Check check, int64_t a, int64_t b, int64_t c) {
    switch (check) {
    case CHECK_EQUAL: return a == b;
    case CHECK_SIZE: return a >= 0;
    case CHECK_SLICE: return b <= a || (0 <= a && b <= c);
    case CHECK_SUBSCRIPT: return 0 <= a && a < b;
    }
    bug("eval: check %d", check);
}

static const Failure *test(const Code *c, Frame *f) {
    int64_t n[3] = {0};
    const Failure *fail = NULL;
    for (int i = 1; i < c->nargs; i++) {
        Scalar s = c->arg[i] ? eval_scalar(c->arg[i], f) : scalar_int(0);
        n[i - 1] = s.v.i;
        if (!fail) fail = s.fail;
    }
    if (fail || holds(c->term->check, n[0], n[1], n[2])) return fail;
    return fail_at(c, f, n[0], n[1]);
}

/* ---- rows of `each` ---- */

static Scalar row_dim(Tensor *t, int axis) { return tensor_dim(t->run, axis + 1); }
static const Failure *row_whole(Tensor *t) { return tensor_whole(t->run); }

static Scalar row_at(Tensor *t, const int64_t *subs) {
    int64_t all[PK_MAX_RANK];
    all[0] = t->frame->root->row;
    for (int k = 0; k < t->type->rank; k++) all[k + 1] = subs[k];
    return tensor_at(t->run, all);
}

static const TensorOps row_ops = {row_dim, row_whole, row_at};

static Value row_value(const Code *c, Frame *f) {
    Value walked = eval_value(c->arg[0], f), value;
    if (c->item >= 0) walked = tuple_item(walked.tuple, c->item);
    if (c->type->rank) {
        value.t = tensor_of(&f->memory, &row_ops, c, f, sizeof *value.t);
        value.t->run = walked.t;
    } else {
        const Failure *fail = tensor_whole(walked.t);
        value.s = fail ? scalar_bad(fail) : tensor_at(walked.t, &f->root->row);
    }
    return value;
}

/* ---- tuples ---- */

static Value tuple_make(Tuple *tuple, int i) {
    return eval_value(tuple->code->arg[i], tuple->frame);
}

static Value tuple_value(const Code *c, Frame *f) {
    Tuple *tuple = tuple_new(&f->memory, c->type, tuple_make);
    tuple->code = c;
    tuple->frame = f;
    return (Value){.tuple = tuple};
}

/* ---- [a, b, …] ---- */

static Scalar array_dim(Tensor *t, int axis) {
    return tensor_dim(eval_tensor(t->code->arg[0], t->frame), axis - 1);
}

static Scalar array_at(Tensor *t, const int64_t *subs) {
    const Code *item = t->code->arg[subs[0]];
    Tensor *inner;
    const Failure *fail;
    if (t->type->rank == 1) return eval_scalar(item, t->frame);
    inner = eval_tensor(item, t->frame);
    fail = tensor_whole(inner);
    return fail ? scalar_bad(fail) : tensor_at(inner, subs + 1);
}

static const TensorOps array_ops = {array_dim, NULL, array_at};

static Value array_value(const Code *c, Frame *f) {
    Tensor *t = tensor_of(&f->memory, &array_ops, c, f, sizeof *t);
    t->dim[0] = scalar_int(c->nargs);
    t->dims_known = 1;
    return (Value){.t = t};
}

/* ---- the walker ---- */

static Value branch(const Code *c, Frame *f) {
    Scalar condition = eval_scalar(c->arg[0], f);
    if (condition.fail) return value_failed(&f->memory, c->type, condition.fail);
    return eval_value(c->arg[condition.v.i ? 1 : 2], f);
}

static Value term_value(const Code *c, Frame *f) {
    const Failure *fail;
    switch (c->term->kind) {
    case TERM_IF: return branch(c, f);
    case TERM_FOR: return eval_for(c, f);
    case TERM_FOLD: return eval_fold(c, f);
    case TERM_SCAN: return eval_scan(c, f);
    case TERM_SCATTER: return eval_scatter(c, f);
    case TERM_TUPLE: return tuple_value(c, f);
    case TERM_GET: return tuple_item(eval_value(c->arg[0], f).tuple, c->term->axis);
    case TERM_ARRAY: return array_value(c, f);
    case TERM_KERNEL: return eval_kernel(c, f);
    case TERM_PERM: return eval_perm(c, f);
    case TERM_FAIL: return value_failed(&f->memory, c->type, fail_at(c, f, 0, 0));
    case TERM_CHECK:
        fail = test(c, f);
        return fail ? value_failed(&f->memory, c->type, fail) : eval_value(c->arg[0], f);
    case TERM_LENGTHS: return eval_lengths(c, f);
    case TERM_PADDED: case TERM_PADDED_TO: return eval_padded(c, f);
    default: return (Value){.s = eval_scalar(c, f)};
    }
}

Value eval_value(const Code *c, Frame *f) {
    switch (c->kind) {
    case CODE_CONST: return (Value){.s = scalar_of(c->number)};
    case CODE_TENSOR: return (Value){.t = c->tensor};
    case CODE_SLOT: return frame_up(f, c->hops)->slot[c->slot].value;
    case CODE_MEMO: return memo_value(c, f);
    case CODE_ROW: return row_value(c, f);
    case CODE_TERM: return term_value(c, f);
    }
    bug("eval: code %d", c->kind);
}

Scalar eval_scalar(const Code *c, Frame *f) {
    if (c->kind == CODE_CONST) return scalar_of(c->number);
    if (c->kind != CODE_TERM) return eval_value(c, f).s;
    switch (c->term->kind) {
    case TERM_OP: return operation(c, f);
    case TERM_INDEX: return element(c, f);
    case TERM_DIM: return tensor_dim(eval_tensor(c->arg[0], f), c->term->axis);
    case TERM_REDUCE: return eval_reduce(c, f);
    case TERM_DRAW: return eval_draw(c, f);
    case TERM_IF: case TERM_FOR: case TERM_FOLD: case TERM_SCAN: case TERM_SCATTER:
    case TERM_TUPLE: case TERM_GET: case TERM_ARRAY: case TERM_KERNEL: case TERM_PERM:
    case TERM_FAIL: case TERM_CHECK: case TERM_LENGTHS: case TERM_PADDED:
    case TERM_PADDED_TO:
        return term_value(c, f).s;
    case TERM_CONST: case TERM_DATA: case TERM_REF: case TERM_LET: break;
    }
    bug("eval: a scalar of term %d", c->term->kind);
}

Tensor *eval_tensor(const Code *c, Frame *f) { return eval_value(c, f).t; }
