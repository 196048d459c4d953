/* Results: fields of a record where the batch wants them, and what the code below
 * `batch` gives. A tensor is made at its place if nobody made it before. */
#include "lower_room.h"

enum { OUT_DIM = offsetof(pk_tensor, dim) };

static void put_scalar(Gen *g, const Type *type, Scalar s, Value data) {
    gen_verdict(g, s.fail);
    gen_store_element(g, type->dtype, gen_canonical(g, type->dtype, s.v), data,
                      gen_long(g, 0), ++g->buffers);
}

static void put_dims(Gen *g, const Tensor *t, Value at) {
    gen_put(g, t->data, at, 0, 0);
    for (int k = 0; k < t->rank; k++) gen_put(g, t->dim[k].v, at, OUT_DIM + 8 * k, 0);
}

static Value place(Gen *g, Value out, int number) {
    return build_offset(&g->b, out, gen_long(g, number), sizeof(pk_tensor));
}

/* ---- made at the place ---- */

static const Tensor *made_at(Gen *g, const Term *, const Type *, const Dest *);

static const Tensor *thunk_made_at(Gen *g, Thunk *thunk, const Type *type,
                                   const Dest *dest) {
    Thunk now, *forcing = g->forcing;
    int level = g->level, section;
    const Tensor *t;
    Low made;
    if (thunk->known || !thunk->term || thunk->parent) return NULL;
    g->forcing = thunk;
    g->level = thunk->level;
    g->field = thunk->var->name;
    section = section_begin(g, thunk);
    t = made_at(g, thunk->term, type, dest);
    made = t ? low_tensor(t, type) : (Low){.kind = LOW_OPAQUE};
    section_end(g, section, &made);
    g->forcing = forcing;
    g->level = level;
    if (!t) return NULL;
    note_way(g, thunk, "slot");
    now = *thunk;
    now.known = true;
    now.value = low_tensor(t, type);
    thunk_set(g, thunk, &now);
    return t;
}

/* NULL: it has to be made elsewhere first, its dims are not known before. */
static const Tensor *made_at(Gen *g, const Term *term, const Type *type,
                             const Dest *dest) {
    Thunk *thunk;
    switch (term->kind) {
    case TERM_LET:
        bind_let(g, term);
        return made_at(g, term->arg[1], type, dest);
    case TERM_CHECK:
        if (g->plain) return NULL;
        gen_check(g, term);
        return made_at(g, term->arg[0], type, dest);
    case TERM_REF: case TERM_GET:
        thunk = bind_find(g, term);
        return thunk ? thunk_made_at(g, thunk, type, dest) : NULL;
    case TERM_FOR: case TERM_ARRAY:
        return dims_need_data(g->all, term) ? NULL : gen_tensor_at(g, term, type, dest);
    case TERM_LENGTHS: case TERM_PADDED: case TERM_PADDED_TO:
        return gen_below(g, term, dest).t;
    default: return NULL;
    }
}

/* ---- dense: memory of the batch ---- */

/* Who reads it after this reads the batch: what it was made of may be gone. */
static const Tensor *keep_made(Gen *g, Thunk *thunk, const Tensor *t) {
    Thunk now = *thunk;
    now.known = true;
    now.value = low_tensor(t, thunk->var->type);
    thunk_set(g, thunk, &now);
    return t;
}

static const Tensor *dense(Gen *g, Thunk *thunk, const Dest *dest) {
    const Term *ref = term_ref(g->all->arena, thunk->var);
    const Tensor *t;
    if (!thunk->known && thunk->term) note_way(g, thunk, "slot");
    if (thunk->known || !thunk->term)
        return gen_tensor_at(g, ref, thunk->var->type, dest);
    if (way_inline(g, thunk)) {
        t = gen_tensor_at(g, ref, thunk->var->type, dest);
        return keep_made(g, thunk, t);
    }
    t = thunk_made_at(g, thunk, thunk->var->type, dest);
    if (t) return t;
    g->forcing = thunk;
    g->level = thunk->level;
    g->field = thunk->var->name;
    t = gen_tensor_at(g, thunk->term, thunk->var->type, dest);
    g->forcing = NULL;
    return keep_made(g, thunk, t);
}

/* ---- ragged, and below batch: memory of ours, handed over ---- */

static void copied(Gen *g, Thunk *thunk, Value at) {
    const Tensor *t = bind_force(g, thunk).t;
    Tensor from = *t, *to;
    Dest dest = {.data = NO_VALUE, .canonical = true};
    Fill f = {.zero = reg_type(t->dtype), .canonical = true};
    gen_verdict(g, tensor_first_fail(g, t));
    from.fails = from.fail = NO_VALUE;
    for (int k = 0; k < t->rank; k++) from.dim[k].fail = NO_VALUE;
    f.to = to = gen_tensor_new(g, t->dtype, t->rank, from.dim, &dest);
    fill_begin(g, &f, t->rank, from.dim);
    gen_fill_low(g, &f, 0, gen_long(g, 0), low_tensor(&from, thunk->var->type));
    tensor_done(g, to);
    put_dims(g, to, at);
}

static void handed_over(Gen *g, Thunk *thunk, Value at) {
    Dest dest = {.data = NO_VALUE, .canonical = true};
    const Tensor *t = g->plain ? NULL : thunk_made_at(g, thunk, thunk->var->type, &dest);
    if (t) put_dims(g, t, at);
    else copied(g, thunk, at);
}

/* ---- all ---- */

static bool is_number(Gen *g, const Var *var) {
    return term_is_number(g->all, term_ref(g->all->arena, var));
}

void out_field(Gen *g, const Var *var, Value out, int number) {
    Thunk *thunk = bind_thunk(g, var);
    Value at = place(g, out, number), data;
    Dest dest;
    if (type_is_ragged(var->type)) {
        handed_over(g, thunk, at);
        return;
    }
    data = gen_field(g, LT_PTR, at, 0, 0);
    if (var->type->rank == 0) {
        put_scalar(g, var->type, bind_force(g, thunk).s, data);
        return;
    }
    dest = (Dest){data, ++g->buffers, dtype_is_float(var->type->dtype) &&
                                          (g->plain || !is_number(g, var))};
    gen_verdict(g, tensor_first_fail(g, dense(g, thunk, &dest)));
}

void out_below(Gen *g, const Var *var, Value out, int number) {
    Thunk *thunk = bind_thunk(g, var);
    Value at = place(g, out, number), data;
    if (var->type->rank) {
        handed_over(g, thunk, at);
        return;
    }
    data = build(&g->b, LOOP_ALLOC_OUT, loop_type(LT_PTR), 1,
                 gen_long(g, dtype_size(var->type->dtype)));
    put_scalar(g, var->type, bind_force(g, thunk).s, data);
    gen_put(g, data, at, 0, 0);
}
