/* Comprehensions. The body is computed for an element when that is read; with
 * `where`, the conditions are read, in order, when the size is. */
#include <string.h>
#include "eval_room.h"

void frame_set_index(Frame *frame, int slot, int64_t i) {
    frame->slot[slot].value.s = scalar_int(i);
}

/* ---- loops in order ---- */

static Frame *bound_frame(const Nest *nest, int level) {
    if (nest->shared) return nest->chain[0];
    return level ? nest->chain[level - 1] : nest->frame;
}

static bool nest_level(Nest *nest, int level) {
    const Code *c = nest->code;
    Scalar from, to;
    if (level == c->term->nloops) return nest->visit(nest, nest->data);
    from = eval_scalar(c->from[level], bound_frame(nest, level));
    to = eval_scalar(c->to[level], bound_frame(nest, level));
    nest->fail = from.fail ? from.fail : to.fail;
    if (nest->fail) return false;
    for (int64_t i = from.v.i; i < to.v.i; i++) {
        frame_reset(nest->chain[level]);
        frame_set_index(nest->chain[level], nest->shared ? level : 0, i);
        nest->index[level] = i;
        if (!nest_level(nest, level + 1)) return false;
    }
    return true;
}

void nest_walk(Nest *nest) {
    const Code *c = nest->code;
    Frame *parent = nest->frame;
    for (int k = 0; k < c->term->nloops; k++) {
        if (nest->shared && k > 0) {
            nest->chain[k] = nest->chain[0];
            continue;
        }
        nest->chain[k] = frame_new(&nest->frame->memory, c->scope[k], parent,
                                   nest->frame->root);
        parent = nest->chain[k];
    }
    nest_level(nest, 0);
}

/* ---- what `where` keeps ---- */

typedef struct Kept {
    const Code *code;
    Frame *frame;
    bool done;
    const Failure *fail;
    int64_t n, room;
    int64_t *index;             /* of the loops, for each element kept */
} Kept;

static bool keep_round(Nest *nest, void *data) {
    Kept *kept = data;
    int loops = nest->code->term->nloops;
    Scalar s = eval_scalar(nest->code->arg[1], nest->chain[loops - 1]);
    nest->fail = s.fail;
    if (s.fail) return false;
    if (!s.v.i) return true;
    if (kept->n == kept->room) {
        int64_t *old = kept->index;
        kept->room = kept->room ? 2 * kept->room : 16;
        kept->index = region_take(&kept->frame->memory, sizeof *old *
                                  (size_t)(kept->room * loops));
        if (old) memcpy(kept->index, old, sizeof *old * (size_t)(kept->n * loops));
    }
    memcpy(kept->index + kept->n++ * loops, nest->index, sizeof(int64_t) * (size_t)loops);
    return true;
}

static void find_kept(Kept *kept) {
    Nest nest = {.code = kept->code, .frame = kept->frame, .visit = keep_round,
                 .data = kept};
    if (kept->done) return;
    nest_walk(&nest);
    kept->fail = nest.fail;
    kept->done = true;
}

/* ---- elements ---- */

typedef struct ForTensor {
    Tensor t;
    Kept *kept;                 /* `where`, shared by the items of a tuple */
    int64_t from[PK_MAX_RANK];  /* no `where` */
    Frame *chain[PK_MAX_RANK];
    int64_t at[PK_MAX_RANK];    /* index of each frame that is entered */
    int entered;
    Tensor **body;              /* bodies that are tensors, by element */
} ForTensor;

static int own_dims(const Code *c) {
    return c->nargs > 1 && c->arg[1] ? 1 : c->term->nloops;
}

static void make_chain(ForTensor *x) {
    const Code *c = x->t.code;
    Frame *parent = x->t.frame;
    for (int k = 0; k < c->term->nloops; k++) {
        x->chain[k] = frame_new(x->t.region, c->scope[k], parent, parent->root);
        parent = x->chain[k];
    }
    x->entered = 0;
}

/* The frames of a round; outer loops that stay keep what they computed. */
static Frame *enter(ForTensor *x, const int64_t *index) {
    int n = x->t.code->term->nloops, k = 0;
    if (!x->chain[0]) make_chain(x);
    while (k < x->entered && x->at[k] == index[k]) k++;
    for (; k < n; k++) {
        frame_reset(x->chain[k]);
        frame_set_index(x->chain[k], 0, index[k]);
        x->at[k] = index[k];
    }
    x->entered = n;
    return x->chain[n - 1];
}

static Value body_value(ForTensor *x, const int64_t *index) {
    Value body = eval_value(x->t.code->arg[0], enter(x, index));
    return x->t.item < 0 ? body : tuple_item(body.tuple, x->t.item);
}

/* Frames of a body that is a tensor stay as long as the whole. */
static Tensor *body_tensor(ForTensor *x, int64_t element, int64_t elements,
                           const int64_t *index) {
    if (!x->body) x->body = region_take(x->t.region, sizeof *x->body * (size_t)elements);
    if (!x->body[element]) {
        make_chain(x);
        x->body[element] = body_value(x, index).t;
    }
    return x->body[element];
}

static Scalar for_at(Tensor *t, const int64_t *subs) {
    ForTensor *x = (ForTensor *)t;
    int loops = t->code->term->nloops, own = own_dims(t->code);
    int64_t here[PK_MAX_RANK], element = 0, elements = 1;
    const int64_t *index = here;
    Tensor *body;
    const Failure *fail;
    for (int k = 0; k < own; k++) {
        element = element * t->dim[k].v.i + subs[k];
        elements *= t->dim[k].v.i;
    }
    if (x->kept) index = x->kept->index + element * loops;
    else
        for (int k = 0; k < loops; k++) here[k] = x->from[k] + subs[k];
    if (t->type->rank == own) return body_value(x, index).s;
    body = body_tensor(x, element, elements, index);
    fail = tensor_whole(body);
    if (fail) return scalar_bad(fail);
    for (int k = own; k < t->type->rank; k++)
        if (body->dim[k - own].v.i != t->dim[k].v.i)
            bug("eval: bodies of a `for` differ in shape");
    return tensor_at(body, subs + own);
}

/* ---- dims ---- */

static Scalar trip_count(ForTensor *x, int k) {
    Scalar from = eval_scalar(x->t.code->from[k], x->t.frame);
    Scalar to = eval_scalar(x->t.code->to[k], x->t.frame);
    if (from.fail || to.fail) return scalar_bad(from.fail ? from.fail : to.fail);
    x->from[k] = from.v.i;
    return scalar_int(to.v.i > from.v.i ? (int64_t)((uint64_t)to.v.i - (uint64_t)from.v.i)
                                        : 0);
}

/* A dimension of the body does not depend on the indices: any will do. */
static Scalar body_dim(ForTensor *x, int axis) {
    const Code *c = x->t.code, *told = c->dim[x->t.item < 0 ? 0 : x->t.item][axis];
    int n = c->term->nloops;
    Value body;
    if (told) return eval_scalar(told, x->t.frame);
    make_chain(x);
    for (int k = 0; k < n; k++) {
        Frame *outer = k && x->kept ? x->chain[k - 1] : x->t.frame;
        Scalar from = eval_scalar(c->from[k], outer);
        if (from.fail) return from;
        frame_set_index(x->chain[k], 0, from.v.i);
    }
    body = eval_value(c->arg[0], x->chain[n - 1]);
    if (x->t.item >= 0) body = tuple_item(body.tuple, x->t.item);
    return tensor_dim(body.t, axis - own_dims(c));
}

static Scalar for_dim(Tensor *t, int axis) {
    ForTensor *x = (ForTensor *)t;
    if (axis >= own_dims(t->code)) return body_dim(x, axis);
    if (!x->kept) return trip_count(x, axis);
    find_kept(x->kept);
    return x->kept->fail ? scalar_bad(x->kept->fail) : scalar_int(x->kept->n);
}

/* Dims that the type tells are read all the same: for where the loops start,
 * and for what is kept. */
static const Failure *for_whole(Tensor *t) {
    ForTensor *x = (ForTensor *)t;
    if (x->kept) {
        find_kept(x->kept);
        return x->kept->fail;
    }
    for (int k = 0; k < t->code->term->nloops; k++) {
        Scalar trip = trip_count(x, k);
        if (trip.fail) return trip.fail;
    }
    return NULL;
}

static const TensorOps for_ops = {for_dim, for_whole, for_at};

/* ---- values ---- */

static Tensor *for_tensor(const Code *c, Frame *f, Kept *kept, int item) {
    ForTensor *x = (ForTensor *)tensor_of(&f->memory, &for_ops, c, f, sizeof *x);
    x->kept = kept;
    x->t.item = item;
    if (item >= 0) x->t.type = c->type->items[item];
    return &x->t;
}

static Value for_item(Tuple *tuple, int item) {
    return (Value){.t = for_tensor(tuple->code, tuple->frame, tuple->run, item)};
}

Value eval_for(const Code *c, Frame *f) {
    Kept *kept = NULL;
    Value value;
    if (c->nargs > 1 && c->arg[1]) {
        kept = region_new_of(&f->memory, Kept);
        kept->code = c;
        kept->frame = f;
    }
    if (c->type->kind != TY_TUPLE)
        return (Value){.t = for_tensor(c, f, kept, -1)};
    value.tuple = tuple_new(&f->memory, c->type, for_item);
    value.tuple->code = c;
    value.tuple->frame = f;
    value.tuple->run = kept;
    return value;
}
