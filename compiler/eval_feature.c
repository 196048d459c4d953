/* The interpreter as the plain code of a feature: what pipert calls for the
 * stream, a record, a batch. One thread at a time. */
#include <string.h>
#include "eval_room.h"

/* What stands in a frame and in lib; a frame begins with its number of rows. */
typedef struct Record { int64_t rows; Root *root; int level; } Record;

static void drop_root(void *root) { root_free(root); }

static Root *root_made(pl_call *call, const Scope *scope, Frame *parent, uint64_t id) {
    Root *root = root_new(call->user, scope, parent);
    root->key = call->key;
    root->reused_key = call->reused_key;
    root->id = id;
    return pk_at_close(&call->kernel, drop_root, root) ? NULL : root;
}

/* ---- failures ---- */

static int verdict(pl_call *call, const Failure *fail) {
    if (fail == &eval_no_memory) return PL_NO_MEMORY;
    if (fail->code->reason) {
        call->verdict = call->fail(call, fail->code->site, fail->a, fail->b);
    } else {
        pk_fail(&call->kernel, "%s", fail->text);
        call->verdict = call->fail_kernel(call, fail->code->site);
    }
    return PL_FAILED;
}

/* ---- values from outside ---- */

static Value value_from(Region *region, const Type *type, const pl_value *in,
                        const int64_t *dims) {
    pl_dtype d = type->dtype;
    if (type->rank) return (Value){.t = tensor_dense(region, type, dims, in->data)};
    if (dtype_is_float(d))
        return (Value){.s = scalar_of(scalar_convert(PL_F64, d, (Number){.d = in->f}))};
    return (Value){.s = scalar_int(in->i)};
}

static void slot_put(const Eval *ev, Frame *frame, const Var *var, Value value) {
    frame->slot[ev->home[var->id].slot].value = value;
}

Value eval_var(const Eval *ev, const Var *var, Frame *frame) {
    const Code *code = eval_code_of(ev, var);
    return code ? eval_value(code, frame) : frame->slot[ev->home[var->id].slot].value;
}

/* ---- open ---- */

static void put_argument(Value value, const Type *type, pl_argument *to) {
    memset(to, 0, sizeof *to);
    if (type->rank) {
        to->value.data = value.t->data;
        to->value.n = value.t->count;
        for (int k = 0; k < type->rank; k++) to->dim[k] = tensor_dim(value.t, k).v.i;
    } else if (dtype_is_float(type->dtype)) {
        to->value.f = scalar_convert(type->dtype, PL_F64, value.s.v).d;
    } else {
        to->value.i = value.s.v.i;
    }
}

static const Failure *argument(Frame *frame, const Code *code, pl_argument *to) {
    Value value;
    const Failure *fail;
    if (!code) {
        *to = (pl_argument){.value.n = -1, .dim = {-1}};
        return NULL;
    }
    value = eval_value(code, frame);
    fail = value_all(value, code->type);
    if (!fail) put_argument(value, code->type, to);
    return fail;
}

static const Failure *arguments(const Eval *ev, Frame *frame, pl_argument *to) {
    const Failure *fail = NULL;
    for (int i = 0; i < ev->source_args.n && !fail; i++)
        fail = argument(frame, ev->source_args.at[i], to++);
    for (int i = 0; i < COUNTS && !fail; i++)
        if (ev->count[i] && !(ev->sample && i != COUNT_SAMPLE))
            fail = argument(frame, ev->count[i], to++);
    if (!ev->sample) return fail;
    to[0].value.i = ev->options->place >= 0 ? ev->options->place : ev->options->sample;
    to[1].value.i = 1;
    return fail;
}

static int open_feature(pl_call *call, const pl_argument *params, void *lib,
                        pl_argument *source_args) {
    Eval *ev = call->user;
    const Graph *graph = ev->graph;
    Root *root = root_made(call, ev->open_scope, NULL, 0);
    const Failure *fail = NULL;
    if (!root) return PL_NO_MEMORY;
    ((Record *)lib)->root = root;
    ev->max_bytes = call->kernel.max_bytes;
    ev->max_pixels = call->kernel.max_pixels;
    for (int i = 0; i < graph->params.n; i++) {
        const Var *var = graph->params.at[i].var;
        if (var)
            slot_put(ev, root->frame, var, value_from(&root->memory, var->type,
                                                      &params[i].value, params[i].dim));
    }
    for (int i = 0; i < graph->opens.n && !fail; i++) {
        const Var *var = graph->opens.at[i].var;
        if (!ev->live.var[var->id] && !ev->sample) continue;
        fail = value_all(eval_var(ev, var, root->frame), var->type);
    }
    if (!fail) fail = arguments(ev, root->frame, source_args);
    return fail ? verdict(call, fail) : PL_OK;
}

/* ---- records ---- */

static void put_inputs(const Eval *ev, Root *root, const pl_value *in) {
    for (int i = 0; i < ev->live.inputs.n; i++) {
        const Var *var = ev->live.inputs.at[i];
        slot_put(ev, root->frame, var,
                 value_from(&root->memory, var->type, &in[i], &in[i].n));
    }
}

const Failure *eval_each_rows(const EvalNode *node, Frame *frame, int64_t *rows) {
    Value value = eval_value(node->code, frame);
    Scalar n;
    if (node->code->type->kind == TY_TUPLE) value = tuple_item(value.tuple, 0);
    if (value.t->fail) return value.t->fail;        /* of a test around it */
    n = tensor_dim(value.t, 0);
    *rows = n.v.i;
    return n.fail;
}

static int answer(pl_call *call, Record *record) {
    const Eval *ev = call->user;
    for (int i = 0; i < ev->nodes.n; i++) {
        const EvalNode *node = &ev->nodes.at[i];
        const Failure *fail = NULL;
        if (node->node->level != record->level) continue;
        if (node->node->kind == NODE_WHERE) {
            Scalar s = eval_scalar(node->code, record->root->frame);
            fail = s.fail;
            if (!fail && !s.v.i) return PL_REJECTED;
        } else if (node->node->kind == NODE_EACH) {
            fail = eval_each_rows(node, record->root->frame, &record->rows);
        }
        if (fail) return verdict(call, fail);
    }
    return PL_OK;
}

static int enter(pl_call *call, void *lib, const pl_value *in, uint64_t id,
                 void *parent, int64_t row, void *frame) {
    Eval *ev = call->user;
    Record *record = frame, *above = parent, *made = lib;
    int level = above ? above->level + 1 : 0;
    Root *root = root_made(call, ev->record_scope[level],
                           above ? above->root->frame : made->root->frame, id);
    if (!root) return PL_NO_MEMORY;
    *record = (Record){0, root, level};
    root->row = row;
    if (level == 0) put_inputs(ev, root, in);
    if (!ev->sample) return answer(call, record);
    eval_show(ev, root);
    return PL_OK;
}

/* ---- results ---- */

static void store(pl_dtype d, Number n, void *to) {
    scalar_store(d, scalar_canonical(d, n), to);
}

static void store_all(Value value, const Type *type, char *to) {
    int size = dtype_size(type->dtype);
    if (type->rank == 0) store(type->dtype, value.s.v, to);
    for (int64_t p = 0; type->rank && p < value.t->count; p++)
        store(type->dtype, tensor_element(value.t, p).v, to + p * size);
}

/* No element is read: the type tells that there is none. */
static bool is_nothing(const Type *type) {
    bool known = type->rank > 0, none = false;
    int64_t size;
    for (int k = 0; k < type->rank && known; k++) {
        known = type->dims[k] && dim_constant(type->dims[k], &size);
        none |= known && size == 0;
    }
    return known && none;
}

/* Makes room in the batch if there is none yet. */
static int put_result(pl_call *call, Value value, const Type *type, pl_out *out,
                      bool room) {
    const Failure *fail;
    int64_t count;
    if (!room && is_nothing(type)) return PL_OK;
    fail = value_all(value, type);
    count = type->rank ? value.t->count : 1;
    if (fail) return verdict(call, fail);
    if (room) {
        out->data = call->alloc_out(call, (size_t)(count * dtype_size(type->dtype)));
        if (!out->data) return PL_NO_MEMORY;
        for (int k = 0; k < type->rank; k++) out->dim[k] = tensor_dim(value.t, k).v.i;
    }
    store_all(value, type, out->data);
    return PL_OK;
}

static int emit(pl_call *call, void *lib, void *const *frames, pl_out *out) {
    const Eval *ev = call->user;
    int status = PL_OK;
    (void)lib;
    if (ev->sample) return PL_OK;
    for (int i = 0; i < ev->live.fields.n && status == PL_OK; i++) {
        const Var *var = ev->live.fields.at[i]->of;
        const Record *record = frames[var->level];
        status = put_result(call, eval_var(ev, var, record->root->frame), var->type,
                            &out[i], ev->live.fields.at[i]->type->kind == TY_RAGGED);
    }
    return status;
}

/* ---- below batch ---- */

static Value batched(Region *region, const Var *var, const pl_batched *in, int64_t b) {
    int64_t dims[PK_MAX_RANK] = {b};
    Ragged *ragged;
    if (var->type->kind == TY_RAGGED) {
        ragged = region_new_of(region, Ragged);
        *ragged = (Ragged){var->type, b, in->row};
        return (Value){.ragged = ragged};
    }
    for (int k = 1; k < var->type->rank; k++)
        if (!type_dim(var->type, k, &dims[k])) bug("eval: `%s` is ragged", var->name);
    return (Value){.t = tensor_dense(region, var->type, dims, in->data)};
}

static int batch(pl_call *call, void *lib, const pl_batched *in, int64_t b, int64_t valid,
                 uint64_t id, pl_out *out) {
    Eval *ev = call->user;
    Record *made = lib;
    Root *root = root_made(call, ev->below_scope, made->root->frame, id);
    int status = PL_OK;
    if (!root) return PL_NO_MEMORY;
    for (int i = 0; i < ev->live.fields.n; i++)
        slot_put(ev, root->frame, ev->live.fields.at[i],
                 batched(&root->memory, ev->live.fields.at[i], &in[i], b));
    slot_put(ev, root->frame, ev->graph->rows, (Value){.s = scalar_int(b)});
    if (ev->graph->valid)
        slot_put(ev, root->frame, ev->graph->valid, (Value){.s = scalar_int(valid)});
    for (int i = 0; i < ev->live.below.n && status == PL_OK; i++) {
        const Var *var = ev->live.below.at[i];
        status = put_result(call, eval_var(ev, var, root->frame), var->type,
                            &out[i], true);
    }
    return status;
}

void eval_code(const Eval *ev, pl_code *code) {
    *code = (pl_code){.plain = 1, .lib_size = sizeof(Record), .open = open_feature,
                      .emit = emit};
    for (int k = 0; k < ev->graph->levels; k++) {
        code->frame_size[k] = sizeof(Record);
        code->enter[k] = enter;
    }
    if (ev->live.below.n && !ev->sample) code->batch = batch;
}
