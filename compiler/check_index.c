/* Subscripts: elements, slices, whole dimensions, look-ups by a tensor. */
#include <string.h>
#include "check.h"

const Term *tensor_name(Checker *ck, const Term *term, Loc loc) {
    Var *var;
    Bind bind;
    if (term->kind == TERM_REF || term->kind == TERM_DATA) return term;
    if (term->kind != TERM_GET || !ck->region) return bind_term(ck, "tensor", term, loc);
    var = var_new(ck, VAR_LET, "item", term->type, loc);
    region_own(ck, var);
    ck->vars.at[var->id].def = term;
    bind = (Bind){var, term};
    list_push(ck->arena, &ck->region->binds, bind);
    return term_ref(ck->arena, var);
}

/* One dimension of the base: how it is read. */
typedef struct Axis {
    SubKind kind;
    const Term *at, *to;        /* AT: subscript (scalar or tensor); RANGE: bounds */
    Loc loc;
} Axis;

static const Term *subscript(Checker *ck, Scope *scope, const Sub *sub) {
    const Term *term = check_term(ck, scope, sub->at, (Expect){.dtype = PL_I64});
    if (!term) return NULL;
    if (term->type->kind != TY_TENSOR || !dtype_is_integer(term->type->dtype)) {
        Diag *diag = check_error(ck, DIAG_E0206_INDEX, sub->loc,
                                 "a subscript must be an integer, this is %s",
                                 type_text(ck->arena, term->type));
        if (term->type->kind == TY_TENSOR && dtype_is_float(term->type->dtype))
            check_help(ck, diag, "round it: `int(…)`");
        return NULL;
    }
    return convert_elements(ck, term, PL_I64, sub->loc);
}

static bool read_axis(Checker *ck, Scope *scope, const Sub *sub, Axis *axis) {
    axis->kind = sub->kind;
    axis->loc = sub->loc;
    if (sub->kind == SUB_ALL) return true;
    if (sub->kind == SUB_AT) {
        axis->at = subscript(ck, scope, sub);
        if (axis->at) axis->at = bind_term(ck, "subscript", axis->at, sub->loc);
        return axis->at != NULL;
    }
    axis->at = check_scalar_int(ck, scope, sub->at, "the start of a slice");
    axis->to = check_scalar_int(ck, scope, sub->to, "the end of a slice");
    if (!axis->at || !axis->to) return false;
    axis->at = bind_term(ck, "from", axis->at, sub->loc);
    axis->to = bind_term(ck, "to", axis->to, sub->loc);
    return true;
}

static void prove(Checker *ck, Term *index, int k) {
    const Dim *dim = index->arg[0]->type->dims[k];
    if (prove_nonnegative(ck, index->arg[1 + k]) &&
        prove_below(ck, index->arg[1 + k], dim))
        index->proved |= 1u << k;
}

/* A constant subscript outside of a constant dimension is a mistake. */
static bool always_outside(Checker *ck, const Term *base, int k, const Axis *axis) {
    int64_t at, size;
    if (axis->kind != SUB_AT || !term_is_int(axis->at, &at)) return false;
    if (!dim_constant(base->type->dims[k], &size) || (at >= 0 && at < size)) return false;
    check_error(ck, DIAG_E0208_FAILS, axis->loc,
                "subscript %lld is outside of dimension %d, which has %lld elements",
                (long long)at, k, (long long)size);
    return true;
}

static Term *element_at(Checker *ck, const Term *base, const Term **subs,
                        const Term *otherwise, Loc loc) {
    int rank = base->type->rank;
    Term *index = term_new(ck->arena, TERM_INDEX, type_scalar(base->type->dtype),
                           place_at(ck, loc), 0);
    index->nargs = 1 + rank;
    index->arg = arena_array(ck->arena, const Term *, rank + 1);
    index->arg[0] = base;
    for (int k = 0; k < rank; k++) {
        index->arg[1 + k] = subs[k];
        prove(ck, index, k);
    }
    index->otherwise = otherwise;
    return index;
}

/* ---- results with dimensions ---- */

typedef struct Shape {
    Loop loops[16];
    const Dim *dims[16];
    int n;
    int lifted, lifted_rank;    /* first loop of the look-up's dims; -1: none */
    const Term *lifted_like;
} Shape;

static void add_loop(Checker *ck, Shape *shape, const Term *length, const Dim *dim,
                     Loc loc) {
    Loop loop = {index_new(ck, "e", loc), term_int(ck->arena, PL_I64, 0), length};
    shape->loops[shape->n] = loop;
    shape->dims[shape->n++] = dim;
    nest_push(ck, &loop, length);
}

static const Term *slice_length(Checker *ck, const Axis *axis, const Dim **dim) {
    const Term *length;
    *dim = dim_sub(ck->dims, dim_of_term(ck, axis->to), dim_of_term(ck, axis->at));
    if (!dim_nonnegative(*dim)) {
        length = term_op(ck->arena, OP_MAX, type_scalar(PL_I64), NULL,
                         dim_to_term(ck, *dim), term_int(ck->arena, PL_I64, 0), NULL);
        *dim = dim_of_term(ck, length);
    }
    return dim_to_term(ck, *dim);
}

static const Term *looked_up(Checker *ck, const Axis *axis, Shape *shape) {
    const Term *subs[8], *tensor = tensor_name(ck, axis->at, axis->loc);
    int rank = tensor->type->rank;
    if (shape->lifted < 0) {
        shape->lifted = shape->n;
        shape->lifted_rank = rank;
        shape->lifted_like = tensor;
        for (int k = 0; k < rank; k++)
            add_loop(ck, shape, read_dim(ck, tensor, k), tensor->type->dims[k],
                     axis->loc);
    }
    if (shape->lifted_rank != rank) {
        check_error(ck, DIAG_E0202_SHAPE, axis->loc, "two look-ups of shapes %s and %s",
                    type_text(ck->arena, shape->lifted_like->type),
                    type_text(ck->arena, tensor->type));
        return NULL;
    }
    for (int k = 0; k < rank; k++)
        subs[k] = term_ref(ck->arena, shape->loops[shape->lifted + k].var);
    return element_at(ck, tensor, subs, NULL, axis->loc);
}

static const Term *axis_subscript(Checker *ck, const Term *base, int k, const Axis *axis,
                                  Shape *shape) {
    const Dim *dim;
    const Term *length, *at;
    if (axis->kind == SUB_AT)
        return axis->at->type->rank ? looked_up(ck, axis, shape) : axis->at;
    if (axis->kind == SUB_ALL) {
        add_loop(ck, shape, read_dim(ck, base, k), base->type->dims[k], axis->loc);
        return term_ref(ck->arena, shape->loops[shape->n - 1].var);
    }
    length = slice_length(ck, axis, &dim);
    add_loop(ck, shape, length, dim, axis->loc);
    at = term_ref(ck->arena, shape->loops[shape->n - 1].var);
    return term_op(ck->arena, OP_ADD, type_scalar(PL_I64), NULL, axis->at, at, NULL);
}

static const Term *slice_test(Checker *ck, const Term *value, const Term *base, int k,
                              const Axis *axis) {
    Term *test;
    if (prove_nonnegative(ck, axis->at)) {
        const Dim *past = dim_add(ck->dims, base->type->dims[k], dim_number(ck->dims, 1));
        if (prove_below(ck, axis->to, past)) return value;
    }
    test = term_new(ck->arena, TERM_CHECK, value->type, place_at(ck, axis->loc), 4, value,
                    axis->at, axis->to, read_dim(ck, base, k));
    test->check = CHECK_SLICE;
    test->text = "a slice outside of its dimension";
    return test;
}

static const Term *read_shape(Checker *ck, const Term *base, const Axis *axes,
                              const Term *otherwise, Loc loc) {
    Shape shape = {.lifted = -1};
    const Term *subs[8], *value;
    int nests = ck->nest.n, rank = base->type->rank;
    Region region;
    bool good = true;
    region_open(ck, &region, REGION_LOOP);
    for (int k = 0; k < rank && good; k++)
        good = (subs[k] = axis_subscript(ck, base, k, &axes[k], &shape)) != NULL;
    value = good ? element_at(ck, base, subs, otherwise, loc) : NULL;
    value = region_close(ck, &region, value);
    ck->nest.n = nests;
    if (!value) return NULL;
    value = make_for(ck, shape.n, shape.loops, shape.dims, value, loc);
    for (int k = 0; k < rank && value; k++) {
        if (axes[k].kind == SUB_RANGE && !otherwise)
            value = slice_test(ck, value, base, k, &axes[k]);
        if (axes[k].kind != SUB_AT || !axes[k].at->type->rank) continue;
        for (int d = 0; d < axes[k].at->type->rank && value; d++)
            value = check_equal_dims(ck, value, shape.dims[shape.lifted + d],
                                     axes[k].at->type->dims[d], axes[k].loc,
                                     "two look-ups of different shapes");
    }
    return value;
}

/* ---- entry ---- */

static const Term *else_value(Checker *ck, Scope *scope, const Expr *e,
                              const Term *base) {
    const Term *term = check_term(ck, scope, e,
                                  (Expect){.dtype = (int)base->type->dtype});
    if (!term) return NULL;
    return coerce(ck, term, type_scalar(base->type->dtype), e->loc,
                  "the value after `else`");
}

static Val check_subscripts(Checker *ck, Scope *scope, const Expr *e, const Term *base) {
    Axis axes[8] = {{0}};
    const Term *subs[8], *otherwise = NULL;
    bool scalar = true;
    if (base->type->kind != TY_TENSOR) {
        check_error(ck,
                    base->type->kind == TY_RAGGED ? DIAG_E0303_RAGGED : DIAG_E0206_INDEX,
                    e->loc, "%s takes no subscripts", type_text(ck->arena, base->type));
        return val_error();
    }
    if (e->subs.n > base->type->rank) {
        check_error(ck, DIAG_E0206_INDEX, e->loc,
                    "%d subscripts for %s, which has rank %d", e->subs.n,
                    type_text(ck->arena, base->type), base->type->rank);
        return val_error();
    }
    for (int k = 0; k < base->type->rank; k++) {
        axes[k] = (Axis){.kind = SUB_ALL, .loc = e->loc};
        if (k < e->subs.n && !read_axis(ck, scope, &e->subs.at[k], &axes[k]))
            return val_error();
        if (!e->b && always_outside(ck, base, k, &axes[k])) return val_error();
        scalar &= axes[k].kind == SUB_AT && axes[k].at->type->rank == 0;
        subs[k] = axes[k].at;
    }
    if (e->b && !(otherwise = else_value(ck, scope, e->b, base))) return val_error();
    return val_term(scalar ? element_at(ck, base, subs, otherwise, e->loc)
                           : read_shape(ck, base, axes, otherwise, e->loc), e->loc);
}

static bool only_numbers(const Expr *e) {
    if (e->kind == EX_INT || e->kind == EX_FLOAT) return true;
    if (e->kind == EX_UNARY && e->op == OPR_NEG) return only_numbers(e->a);
    if (e->kind != EX_LIST) return false;
    for (int i = 0; i < e->items.n; i++)
        if (!only_numbers(e->items.at[i])) return false;
    return true;
}

/* A list with a subscript is a switch: its first subscript chooses. */
static Val subscript_of_list(Checker *ck, Scope *scope, const Expr *e, const Term *k,
                             Expect want) {
    const Term *count = term_int(ck->arena, PL_I64, e->a->items.n), *value;
    Expr rest = *e;
    Term *test;
    Val val = check_switch(ck, scope, e->a, k,
                           e->subs.n == 1 ? want : (Expect){.dtype = want.dtype});
    int64_t at;
    if (val.kind == V_ERROR) return val;
    if (val.kind == V_LITERAL || val.kind == V_TERM)
        val = val_term(as_term(ck, val, want), e->loc);
    if (val.kind != V_TERM) return val;
    value = val.term;
    if (term_is_int(k, &at) && (at < 0 || at >= e->a->items.n)) {
        check_error(ck, DIAG_E0208_FAILS, e->subs.at[0].loc,
                    "subscript %lld of a list of %d", (long long)at, e->a->items.n);
        return val_error();
    }
    if (!prove_nonnegative(ck, k) ||
        !prove_below(ck, k, dim_number(ck->dims, e->a->items.n))) {
        test = term_new(ck->arena, TERM_CHECK, value->type, place_at(ck, e->loc), 3,
                        value, k, count);
        test->check = CHECK_SUBSCRIPT;
        test->text = "subscript";
        value = test;
    }
    if (e->subs.n == 1) return val_term(value, e->loc);
    rest.subs.at = e->subs.at + 1;
    rest.subs.n = e->subs.n - 1;
    return check_subscripts(ck, scope, &rest, tensor_name(ck, value, e->loc));
}

Val check_index(Checker *ck, Scope *scope, const Expr *e, Expect want) {
    const Term *base;
    if (e->subs.n == 0) {
        check_error(ck, DIAG_E0206_INDEX, e->loc, "empty subscripts");
        return val_error();
    }
    if (e->a->kind == EX_LIST && !e->b && e->subs.at[0].kind == SUB_AT &&
        !only_numbers(e->a)) {
        const Term *k = subscript(ck, scope, &e->subs.at[0]);
        if (!k) return val_error();
        k = bind_term(ck, "choice", k, e->loc);
        if (k->type->rank == 0) return subscript_of_list(ck, scope, e, k, want);
    }
    base = check_term(ck, scope, e->a, ANYTHING);
    if (!base) return val_error();
    if (base->type->kind == TY_TENSOR) base = tensor_name(ck, base, e->loc);
    return check_subscripts(ck, scope, e, base);
}
