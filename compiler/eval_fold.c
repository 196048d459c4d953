/* Folds and scans: strictly in order. States are computed in full after each
 * round, failures kept by element: that is the same as by demand (terms are
 * pure and come to an end) and builds no chains of things to be computed. */
#include <string.h>
#include "eval_room.h"

typedef struct Run {
    const Code *code;
    Frame *frame;               /* outside of the loops */
    Frame *round;               /* the scope of the loops */
    bool done;
    const Failure *fail;        /* of a bound or `until`: of all states */
    Value *state;               /* the current ones */
    Region *current, *spare;    /* where tensors among them live */
    Value **row;                /* SCAN: the states after each round */
    int64_t n, room;
} Run;

static const Type *state_type(const Code *c, int i) { return c->term->states[i]->type; }
static int state_slot(const Code *c, int i) { return c->term->nloops + i; }
static int news_slot(const Code *c, int i) {
    return c->term->nloops + c->term->nstates + i;
}

static bool in_memory(const Type *type) {
    return type->kind == TY_TUPLE || (type->kind == TY_TENSOR && type->rank > 0);
}

/* ---- a round ---- */

/* The new state; what has not changed is not copied. */
static Value next_state(Run *run, int i, Value now) {
    const Type *type = state_type(run->code, i);
    Region old;
    if (!in_memory(type) || now.t == run->state[i].t) return now;
    if (run->row) return value_copy(now, type, &run->frame->memory);
    region_empty(&run->spare[i]);
    now = value_copy(now, type, &run->spare[i]);
    old = run->current[i];      /* the lists of children are empty: only chunks move */
    run->current[i].chunk = run->spare[i].chunk;
    run->spare[i].chunk = old.chunk;
    return now;
}

static void keep_row(Run *run) {
    int n = run->code->term->nstates;
    if (run->n == run->room) {
        Value **old = run->row;
        run->room = 2 * run->room;
        run->row = region_take(&run->frame->memory, sizeof *old * (size_t)run->room);
        memcpy(run->row, old, sizeof *old * (size_t)run->n);
    }
    run->row[run->n] = region_take(&run->frame->memory, sizeof(Value) * (size_t)n);
    memcpy(run->row[run->n++], run->state, sizeof(Value) * (size_t)n);
}

/* All new states are computed before any is replaced. */
static void compute_states(Run *run, Value *next) {
    const Code *c = run->code;
    Value body = eval_value(c->arg[0], run->round);
    int n = c->term->nstates;
    bool tuple = c->arg[0]->type->kind == TY_TUPLE && n > 1;
    for (int i = 0; i < n; i++) {
        Value now = tuple ? tuple_item(body.tuple, i) : body;
        next[i] = next_state(run, i, now);
    }
    for (int i = 0; i < n; i++) {
        run->state[i] = next[i];
        if (c->term->news) run->round->slot[news_slot(c, i)].value = next[i];
    }
}

/* Nobody can tell whether this round counts: its states have failed. A later
 * round that does not read them may bring good ones. The rows of a scan are
 * counted, so there the whole has failed. */
static bool unknown_round(Run *run, Nest *nest, const Failure *fail) {
    for (int i = 0; i < run->code->term->nstates; i++)
        run->state[i] = value_failed(&run->frame->memory, state_type(run->code, i), fail);
    if (run->row) nest->fail = fail;
    return !run->row;
}

static bool play_round(Nest *nest, void *data) {
    Run *run = data;
    const Code *c = run->code;
    int n = c->term->nstates;
    Value next[n];
    Scalar s = scalar_int(true);
    run->round = nest->chain[0];
    for (int i = 0; i < n; i++) run->round->slot[state_slot(c, i)].value = run->state[i];
    if (c->nargs > 1 && c->arg[1]) s = eval_scalar(c->arg[1], run->round);
    if (s.fail) return unknown_round(run, nest, s.fail);
    if (!s.v.i) return true;
    compute_states(run, next);
    if (run->row) keep_row(run);
    if (c->nargs < 3 || !c->arg[2]) return true;
    s = eval_scalar(c->arg[2], run->round);
    nest->fail = s.fail;
    return !s.fail && !s.v.i;
}

/* ---- the whole ---- */

static Run *run_new(const Code *c, Frame *f, bool rows) {
    Run *run = region_new_of(&f->memory, Run);
    int n = c->term->nstates;
    run->code = c;
    run->frame = f;
    run->state = region_take(&f->memory, sizeof(Value) * (size_t)n);
    run->current = region_take(&f->memory, 2 * sizeof(Region) * (size_t)n);
    run->spare = run->current + n;
    for (int i = 0; i < 2 * n; i++) region_child(&f->memory, &run->current[i]);
    if (!rows) return run;
    run->room = 16;
    run->row = region_take(&f->memory, sizeof *run->row * (size_t)run->room);
    return run;
}

static void play(Run *run) {
    Nest nest = {.code = run->code, .frame = run->frame, .shared = true,
                 .visit = play_round, .data = run};
    if (run->done) return;
    run->done = true;
    for (int i = 0; i < run->code->term->nstates; i++)
        run->state[i] = eval_value(run->code->inits[i], run->frame);
    nest_walk(&nest);
    run->fail = nest.fail;
}

/* ---- FOLD: dims are those of the start, elements those of the last state ---- */

static Scalar fold_dim(Tensor *t, int axis) {
    return tensor_dim(eval_tensor(t->code->inits[t->item < 0 ? 0 : t->item], t->frame),
                      axis);
}

static Tensor *last_state(Tensor *t) {
    Run *run = t->run;
    return run->state[t->item < 0 ? 0 : t->item].t;
}

static const Failure *fold_whole(Tensor *t) {
    Run *run = t->run;
    play(run);
    return run->fail ? run->fail : tensor_whole(last_state(t));
}

static Scalar fold_at(Tensor *t, const int64_t *subs) {
    return tensor_at(last_state(t), subs);
}

static const TensorOps fold_ops = {fold_dim, fold_whole, fold_at};

static Value fold_value(Run *run, int item) {
    const Code *c = run->code;
    int i = item < 0 ? 0 : item;
    const Type *type = state_type(c, i);
    Value value;
    if (type->kind == TY_TENSOR && type->rank) {
        value.t = tensor_of(&run->frame->memory, &fold_ops, c, run->frame,
                            sizeof *value.t);
        value.t->type = type;
        value.t->item = item;
        value.t->run = run;
        return value;
    }
    play(run);
    return run->fail ? value_failed(&run->frame->memory, type, run->fail) : run->state[i];
}

static Value fold_item(Tuple *tuple, int item) { return fold_value(tuple->run, item); }

Value eval_fold(const Code *c, Frame *f) {
    Run *run = run_new(c, f, false);
    Value value;
    if (c->term->nstates == 1) return fold_value(run, -1);
    value.tuple = tuple_new(&f->memory, c->type, fold_item);
    value.tuple->run = run;
    return value;
}

/* ---- SCAN ---- */

static Scalar scan_dim(Tensor *t, int axis) {
    Run *run = t->run;
    if (axis) return tensor_dim(eval_tensor(t->code->inits[t->item < 0 ? 0 : t->item],
                                            t->frame), axis - 1);
    play(run);
    return run->fail ? scalar_bad(run->fail) : scalar_int(run->n);
}

static const Failure *scan_whole(Tensor *t) {
    Run *run = t->run;
    play(run);
    return run->fail;
}

static Scalar scan_at(Tensor *t, const int64_t *subs) {
    Run *run = t->run;
    Value value = run->row[subs[0]][t->item < 0 ? 0 : t->item];
    const Failure *fail;
    if (t->type->rank == 1) return value.s;
    fail = tensor_whole(value.t);
    return fail ? scalar_bad(fail) : tensor_at(value.t, subs + 1);
}

static const TensorOps scan_ops = {scan_dim, scan_whole, scan_at};

static Value scan_value(Run *run, const Type *type, int item) {
    Value value;
    value.t = tensor_of(&run->frame->memory, &scan_ops, run->code, run->frame,
                        sizeof *value.t);
    value.t->type = type;
    value.t->item = item;
    value.t->run = run;
    return value;
}

static Value scan_item(Tuple *tuple, int item) {
    return scan_value(tuple->run, tuple->type->items[item], item);
}

Value eval_scan(const Code *c, Frame *f) {
    Run *run = run_new(c, f, true);
    Value value;
    if (c->type->kind != TY_TUPLE) return scan_value(run, c->type, -1);
    value.tuple = tuple_new(&f->memory, c->type, scan_item);
    value.tuple->run = run;
    return value;
}
