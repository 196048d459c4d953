/* Frames: what one function of a record computes and a later one reads. */
#include "lower_room.h"

typedef struct Keeping { Gen *g; Kept *kept; Frame *frame; Value base; } Keeping;

/* The bytes of an input, by whatever name. */
static void keep_pointer(Keeping *k, Value v) {
    const Low *low = &k->kept->value;
    SeekPointer *p = k->kept->dims_only ? NULL : seek_pointer(k->g, v);
    if (!p || low->kind != LOW_TENSOR || low->t->data != v) return;
    seek_kept(k->g, p);
    k->kept->seek = 1 + p->input;
}

static void keep_value(Value *v, LoopScalar type, void *data) {
    Keeping *k = data;
    Place8 place = {.at = -1, .type = type};
    if (!gen_is_int(k->g, *v, &place.imm)) {
        place.at = k->frame->size;
        k->frame->size += 8;
        gen_put(k->g, *v, k->base, place.at, 0);
        keep_pointer(k, *v);
    }
    list_push(k->g->all->arena, &k->kept->places, place);
}

static void keep_dims(Keeping *k, int rank) {
    for (int a = 0; a < rank; a++) {
        if (!(k->kept->dims_known >> a & 1)) continue;
        keep_value(&k->kept->dim[a].v, LT_I64, k);
        if (k->kept->dim[a].fail != NO_VALUE)
            keep_value(&k->kept->dim[a].fail, LT_I32, k);
    }
}

void frame_keep(Gen *g, Frame *frame, Value base, const Thunk *thunk) {
    Kept kept = {.var = thunk->var, .dims_only = !thunk->known, .value = thunk->value,
                 .dims_known = thunk->dims_known};
    Keeping k = {g, &kept, frame, base};
    for (int a = 0; a < PK_MAX_RANK; a++) kept.dim[a] = thunk->dim[a];
    if (kept.dims_only) keep_dims(&k, thunk->var->type->rank);
    else low_each(&kept.value, keep_value, &k);
    list_push(g->all->arena, &frame->kept, kept);
}

typedef struct Loading { Gen *g; const Kept *kept; int at; Value base; } Loading;

static void load_value(Value *v, LoopScalar type, void *data) {
    Loading *l = data;
    const Place8 *place = &l->kept->places.at[l->at++];
    if (place->at < 0) *v = gen_int(l->g, type, place->imm);
    else *v = gen_field(l->g, type, l->base, place->at, 0);
}

/* Memory of another function: read here alone, so a number of its own does. */
static void renumber(Gen *g, Low *low) {
    Tensor *t = (Tensor *)low->t;
    if (low->kind == LOW_TUPLE)
        for (int i = 0; i < low->n; i++) renumber(g, &low->items[i]);
    if (low->kind != LOW_TENSOR) return;
    t->buffer = ++g->buffers;
    t->fails_buffer = ++g->buffers;
    for (int k = 0; k < t->rank; k++) gen_nonnegative(g, t->dim[k].v);
}

static void load_dims(Loading *l, Thunk *now, int rank) {
    for (int a = 0; a < rank; a++) {
        if (!(now->dims_known >> a & 1)) continue;
        now->dim[a] = l->kept->dim[a];
        load_value(&now->dim[a].v, LT_I64, l);
        gen_nonnegative(l->g, now->dim[a].v);
        if (now->dim[a].fail != NO_VALUE) load_value(&now->dim[a].fail, LT_I32, l);
    }
}

void frame_load(Gen *g, const Frame *frame, Value base) {
    for (int i = 0; i < frame->kept.n; i++) {
        const Kept *kept = &frame->kept.at[i];
        Thunk *thunk = bind_thunk(g, kept->var), now = *thunk;
        Loading l = {g, kept, 0, base};
        if (kept->dims_only) {
            now.dims_known = kept->dims_known;
            load_dims(&l, &now, kept->var->type->rank);
        } else {
            now.known = true;
            now.value = low_copy(g, kept->value);
            low_each(&now.value, load_value, &l);
            renumber(g, &now.value);
            if (kept->var->kind == VAR_SOURCE && now.value.kind == LOW_TENSOR)
                gen_length(g, now.value.t->dim[0].v);
            if (kept->seek)
                seek_bind(g, g->all->inputs.at[kept->seek - 1], kept->seek - 1,
                          now.value.t);
        }
        thunk_set(g, thunk, &now);
    }
}
