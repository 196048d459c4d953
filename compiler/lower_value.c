/* Lowered values: elements in memory, failed values, and cells: values that
 * branches merge into and folds keep. */
#include <string.h>
#include "lower_room.h"

Scalar scalar(Value v) { return (Scalar){v, NO_VALUE}; }

Scalar scalar_failed(Gen *g, LoopScalar type, Value fail) {
    return (Scalar){gen_zero(g, type), fail};
}

Low low_scalar(Scalar s, const Type *type) {
    return (Low){.kind = LOW_SCALAR, .s = s, .type = type};
}

Low low_tensor(const Tensor *t, const Type *type) {
    return (Low){.kind = LOW_TENSOR, .t = t, .type = type};
}

static Tensor *tensor_failed(Gen *g, const Type *type, Value fail) {
    Tensor *t = arena_new_of(g->all->arena, Tensor);
    *t = (Tensor){.dtype = type->dtype, .rank = type->rank, .fails = NO_VALUE,
                  .fail = fail, .data = gen_null(g)};
    for (int k = 0; k < type->rank; k++) {
        int64_t n;
        t->dim[k] = type->dims && type->dims[k] && dim_constant(type->dims[k], &n)
                        ? scalar(gen_long(g, n))
                        : (Scalar){gen_long(g, 0), fail};
    }
    return t;
}

Low low_failed(Gen *g, const Type *type, Value fail) {
    Low low = {.type = type};
    if (type->kind == TY_TUPLE) {
        low.kind = LOW_TUPLE;
        low.n = type->n;
        low.items = arena_array(g->all->arena, Low, type->n);
        for (int i = 0; i < type->n; i++)
            low.items[i] = low_failed(g, type->items[i], fail);
        return low;
    }
    if (type->kind == TY_TENSOR && type->rank)
        return low_tensor(tensor_failed(g, type, fail), type);
    low.kind = type->kind == TY_TENSOR ? LOW_SCALAR
               : type->kind == TY_OPAQUE ? LOW_OPAQUE : LOW_RAGGED;
    low.s = scalar_failed(g, low.kind == LOW_SCALAR ? reg_type(type->dtype) : LT_PTR,
                          fail);
    low.count = NO_VALUE;
    return low;
}

/* ---- every Value inside ---- */

typedef void Visit(Value *, LoopScalar, void *);

static void visit_one(Value *v, LoopScalar type, Visit *visit, void *data) {
    if (*v != NO_VALUE) visit(v, type, data);
}

static void visit_tensor(Tensor *t, Visit *visit, void *data) {
    visit_one(&t->data, LT_PTR, visit, data);
    visit_one(&t->fails, LT_PTR, visit, data);
    visit_one(&t->fail, LT_I32, visit, data);
    for (int k = 0; k < t->rank; k++) {
        visit_one(&t->dim[k].v, LT_I64, visit, data);
        visit_one(&t->dim[k].fail, LT_I32, visit, data);
    }
    for (int k = 0; t->placed && k < t->rank; k++) {
        visit_one(&t->origin[k], LT_I64, visit, data);
        visit_one(&t->step[k], LT_I64, visit, data);
    }
    if (t->placed) visit_one(&t->mask, LT_I64, visit, data);
}

void low_each(Low *low, Visit *visit, void *data) {
    switch (low->kind) {
    case LOW_TENSOR: visit_tensor((Tensor *)low->t, visit, data); return;
    case LOW_TUPLE:
        for (int i = 0; i < low->n; i++) low_each(&low->items[i], visit, data);
        return;
    case LOW_RAGGED: visit_one(&low->count, LT_I64, visit, data); break;
    case LOW_SCALAR: case LOW_OPAQUE: break;
    }
    visit_one(&low->s.v, low->kind == LOW_SCALAR ? reg_type(low->type->dtype) : LT_PTR,
              visit, data);
    visit_one(&low->s.fail, LT_I32, visit, data);
}

/* A copy whose Values can be replaced. */
Low low_copy(Gen *g, Low low) {
    if (low.kind == LOW_TENSOR) {
        Tensor *t = arena_new_of(g->all->arena, Tensor);
        *t = *low.t;
        low.t = t;
    }
    if (low.kind == LOW_TUPLE) {
        Low *items = arena_array(g->all->arena, Low, low.n);
        for (int i = 0; i < low.n; i++) items[i] = low_copy(g, low.items[i]);
        low.items = items;
    }
    return low;
}

/* ---- elements in memory ---- */

Value gen_load_element(Gen *g, pl_dtype dtype, Value data, Value index, int buffer) {
    Value at = build_offset(&g->b, data, index, dtype_size(dtype));
    Value v = build_load(&g->b, loop_type(mem_type(dtype)), at, buffer);
    if (dtype == PL_F16) return build(&g->b, LOOP_HTOF, loop_type(LT_F32), 1, v);
    if (dtype == PL_BF16) return build(&g->b, LOOP_BTOF, loop_type(LT_F32), 1, v);
    return v;
}

void gen_store_element(Gen *g, pl_dtype dtype, Value v, Value data, Value index,
                       int buffer) {
    Value at = build_offset(&g->b, data, index, dtype_size(dtype));
    if (dtype == PL_F16) v = build(&g->b, LOOP_FTOH, loop_type(LT_I16), 1, v);
    if (dtype == PL_BF16) v = build(&g->b, LOOP_FTOB, loop_type(LT_I16), 1, v);
    build_store(&g->b, v, at, buffer);
}

static Value position_in_window(Gen *g, const Tensor *t, const Value *subs) {
    Value position = NO_VALUE;
    for (int k = 0; k < t->rank; k++) {
        Value at = gen_sub(g, subs[k], t->origin[k]);
        if (k == 0 && t->mask != NO_VALUE)
            at = gen_op(g, LOOP_AND, LT_I64, 2, at, t->mask);
        at = gen_mul(g, at, t->step[k]);
        position = k ? gen_add(g, position, at) : at;
    }
    return position;
}

Value gen_position(Gen *g, const Tensor *t, const Value *subs) {
    Value position = t->rank ? subs[0] : gen_long(g, 0);
    if (t->placed) return position_in_window(g, t, subs);
    for (int k = 1; k < t->rank; k++)
        position = gen_add(g, gen_mul(g, position, t->dim[k].v), subs[k]);
    return position;
}

static Value element_fail(Gen *g, const Tensor *t, Value position) {
    Value at, var, none = gen_int(g, LT_I32, 0);
    if (!t->fails_null) {
        at = build_offset(&g->b, t->fails, position, 4);
        return build_load(&g->b, loop_type(LT_I32), at, t->fails_buffer);
    }
    var = build_var(&g->b, LT_I32, none);
    gen_if(g, gen_op(g, LOOP_NE, LT_I1, 2, t->fails, gen_null(g)));
    at = build_offset(&g->b, t->fails, position, 4);
    build_set(&g->b, var, build_load(&g->b, loop_type(LT_I32), at, t->fails_buffer));
    gen_end(g);
    return build_get(&g->b, var);
}

/* The position is in range and the whole has not failed. */
Scalar gen_element_at(Gen *g, const Tensor *t, Value position) {
    Scalar s = {gen_load_element(g, t->dtype, t->data, position, t->buffer), NO_VALUE};
    if (t->fails != NO_VALUE) s.fail = element_fail(g, t, position);
    return s;
}

/* ---- cells ---- */

struct Cell {
    const Type *type;
    LowKind kind;
    LoopBlock *block;           /* where its vars are declared … */
    const LoopInstr *anchor;    /* … after this one */
    Value v, fail;              /* scalar, opaque, ragged: vars; tensor: data, fail */
    Value fails, dim[PK_MAX_RANK], dim_fail[PK_MAX_RANK];
    int64_t size[PK_MAX_RANK];  /* dims known from the type: no var */
    bool roomy, slack;
    Value count;
    int n;
    Cell **items;
};

/* Declares a var late, but beside the first one of the cell. */
static Value var_beside(Gen *g, const Cell *cell, LoopScalar type) {
    LoopBlock side = {0}, *into = g->b.into, *block = cell->block;
    Arena *arena = g->all->arena;
    Value var;
    int at = 0;
    g->b.into = &side;
    var = build_var(&g->b, type, build_int(&g->b, type, 0));
    g->b.into = into;
    while (block->instrs.at[at] != cell->anchor) at++;
    for (int k = 0; k < 2; k++) {
        list_push(arena, &block->instrs, NULL);
        memmove(&block->instrs.at[at + 2 + k], &block->instrs.at[at + 1 + k],
                sizeof *block->instrs.at * (size_t)(block->instrs.n - at - 2 - k));
        block->instrs.at[at + 1 + k] = side.instrs.at[k];
    }
    return var;
}

static void cell_dims(Gen *g, Cell *cell, bool state) {
    for (int k = 0; k < cell->type->rank; k++) {
        const Dim *dim = cell->type->dims ? cell->type->dims[k] : NULL;
        bool fixed = dim && dim_constant(dim, &cell->size[k]);
        cell->dim[k] = fixed ? NO_VALUE : build_var(&g->b, LT_I64, gen_long(g, 0));
        cell->dim_fail[k] = state && g->plain && !fixed
                                ? build_var(&g->b, LT_I32, gen_int(g, LT_I32, 0))
                                : NO_VALUE;
    }
}

Cell *cell_new(Gen *g, const Type *type, bool state) {
    Cell *cell = arena_new_of(g->all->arena, Cell);
    LoopScalar scalar_type = LT_PTR;
    *cell = (Cell){.type = type, .block = g->b.into, .fail = NO_VALUE,
                   .fails = NO_VALUE, .roomy = true, .slack = true, .count = NO_VALUE};
    if (type->kind == TY_TUPLE) {
        cell->kind = LOW_TUPLE;
        cell->n = type->n;
        cell->items = arena_array(g->all->arena, Cell *, type->n);
        for (int i = 0; i < type->n; i++)
            cell->items[i] = cell_new(g, type->items[i], state);
        return cell;
    }
    cell->kind = type->kind == TY_OPAQUE ? LOW_OPAQUE
                 : type->kind == TY_RAGGED ? LOW_RAGGED
                 : type->rank ? LOW_TENSOR : LOW_SCALAR;
    if (cell->kind == LOW_SCALAR) scalar_type = reg_type(type->dtype);
    cell->v = build_var(&g->b, scalar_type, gen_zero(g, scalar_type));
    cell->anchor = built(&g->b);
    if (state && g->plain)
        cell->fail = build_var(&g->b, LT_I32, gen_int(g, LT_I32, 0));
    if (cell->kind == LOW_TENSOR) cell_dims(g, cell, state);
    if (cell->kind == LOW_TENSOR && state && g->plain)
        cell->fails = build_var(&g->b, LT_PTR, gen_null(g));
    return cell;
}

static void set_part(Gen *g, const Cell *cell, Value *var, LoopScalar type, Value now) {
    if (now == NO_VALUE && *var == NO_VALUE) return;
    if (*var == NO_VALUE) *var = var_beside(g, cell, type);
    build_set(&g->b, *var, now == NO_VALUE ? gen_zero(g, type) : now);
}

static void set_tensor(Gen *g, Cell *cell, const Tensor *t) {
    build_set(&g->b, cell->v, t->data);
    cell->roomy = cell->roomy && t->roomy;
    cell->slack = cell->slack && t->slack;
    set_part(g, cell, &cell->fail, LT_I32, t->fail);
    set_part(g, cell, &cell->fails, LT_PTR, t->fails);
    for (int k = 0; k < t->rank; k++) {
        if (cell->dim[k] == NO_VALUE) continue;
        build_set(&g->b, cell->dim[k], t->dim[k].v);
        set_part(g, cell, &cell->dim_fail[k], LT_I32, t->dim[k].fail);
    }
}

void cell_set(Gen *g, Cell *cell, Low low) {
    switch (cell->kind) {
    case LOW_TUPLE:
        for (int i = 0; i < cell->n; i++) cell_set(g, cell->items[i], low.items[i]);
        return;
    case LOW_TENSOR: set_tensor(g, cell, low.t); return;
    case LOW_RAGGED: cell->count = low.count; break;
    case LOW_SCALAR: case LOW_OPAQUE: break;
    }
    build_set(&g->b, cell->v, low.s.v);
    set_part(g, cell, &cell->fail, LT_I32, low.s.fail);
}

static Value get_part(Gen *g, Value var) {
    return var == NO_VALUE ? NO_VALUE : build_get(&g->b, var);
}

static const Tensor *get_tensor(Gen *g, const Cell *cell) {
    Tensor *t = arena_new_of(g->all->arena, Tensor);
    *t = (Tensor){.dtype = cell->type->dtype, .rank = cell->type->rank,
                  .data = build_get(&g->b, cell->v), .fails = get_part(g, cell->fails),
                  .fails_null = true, .fail = get_part(g, cell->fail),
                  .roomy = cell->roomy, .slack = cell->slack};
    for (int k = 0; k < t->rank; k++) {
        t->dim[k] = cell->dim[k] == NO_VALUE
                        ? scalar(gen_long(g, cell->size[k]))
                        : (Scalar){build_get(&g->b, cell->dim[k]),
                                   get_part(g, cell->dim_fail[k])};
    }
    return t;
}

Low cell_get(Gen *g, Cell *cell) {
    Low low = {.kind = cell->kind, .type = cell->type, .count = cell->count};
    if (cell->kind == LOW_TUPLE) {
        low.n = cell->n;
        low.items = arena_array(g->all->arena, Low, cell->n);
        for (int i = 0; i < cell->n; i++) low.items[i] = cell_get(g, cell->items[i]);
    } else if (cell->kind == LOW_TENSOR) {
        low.t = get_tensor(g, cell);
    } else {
        low.s = (Scalar){build_get(&g->b, cell->v), get_part(g, cell->fail)};
    }
    return low;
}
