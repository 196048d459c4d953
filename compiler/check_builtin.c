/* The functions that the language itself provides: a table of names, each with
 * its parameters and a maker of terms. Everything else is in dsl/std. */
#include <string.h>
#include "check.h"

typedef Val MakeFn(Checker *, const struct Builtin *, Actuals *, Expect);
struct Builtin {
    const char *name, *params;
    MakeFn *make;
    int code;                   /* Op, Reduction or Scatter */
};

/* ---- arguments ---- */

/* Literals take the dtype of the first value beside them, or `literal`. */
bool actual_terms(Checker *ck, Actuals *actuals, const Term **out, pl_dtype literal) {
    const Term *beside = NULL;
    bool is_float = false;
    for (int i = 0; i < actuals->n; i++) {
        Val *val = &actuals->val[i];
        if (val->kind == V_ERROR) {
            check_error(ck, DIAG_E0203_CALL, actuals->loc, "an argument is missing");
            return false;
        }
        if (val->kind == V_LITERAL) is_float |= val->lit->is_float;
        if (val->kind == V_TERM && val->term->type->kind == TY_TENSOR && !beside)
            beside = val->term;
    }
    if (is_float && !dtype_is_float(literal)) literal = PL_F32;
    if (beside && beside->type->dtype != PL_BOOL) {
        pl_dtype d = dtype_alone(beside->type->dtype);
        if (!is_float || dtype_is_float(d)) literal = d;
    }
    for (int i = 0; i < actuals->n; i++) {
        out[i] = as_term(ck, actuals->val[i], (Expect){.dtype = (int)literal});
        out[i] = settle(ck, "argument", out[i], actuals->val[i].loc);
        if (!out[i]) return false;
    }
    return true;
}

static bool count_is(Checker *ck, const Builtin *builtin, const Actuals *actuals, int n) {
    if (actuals->n == n) return true;
    check_error(ck, DIAG_E0203_CALL, actuals->loc,
                "`%s(%s)` takes %d arguments, it is given %d", builtin->name,
                builtin->params, n, actuals->n);
    return false;
}

static Val wrong_argument(Checker *ck, const Builtin *builtin, const Actuals *actuals,
                          const Term *term, const char *wants) {
    check_error(ck, DIAG_E0203_CALL, actuals->loc, "`%s` wants %s, not %s", builtin->name,
                wants, type_text(ck->arena, term->type));
    return val_error();
}

/* ---- scalar operations, lifted ---- */

typedef struct { Op op; Loc loc; const Builtin *builtin; pl_dtype to; } OpLift;

static bool common_dtype(Checker *ck, const OpLift *data, int n, const Term **arg,
                         pl_dtype *to) {
    bool keeps = data->op == OP_MIN || data->op == OP_MAX, same = true;
    *to = arg[0]->type->dtype;
    for (int i = 1; i < n; i++) same &= arg[i]->type->dtype == *to;
    if (same && keeps && *to != PL_BOOL) return true;
    if (n == 1 && *to != PL_BOOL) *to = dtype_alone(*to);
    for (int i = n > 1; i < n; i++) {
        pl_dtype next = *to;
        if (!dtype_compute(*to, arg[i]->type->dtype, &next) || next == PL_BOOL) {
            check_error(ck, DIAG_E0201_TYPE, data->loc, "`%s` does not work on %s and %s",
                        data->builtin->name, dtype_name(*to),
                        dtype_name(arg[i]->type->dtype));
            return false;
        }
        *to = next;
    }
    return true;
}

static const char *const op_classes[OP_COUNT] = {
#define OP(name, arity, classes) classes,
#include "ops.def"
#undef OP
};

static const Term *lift_op(Checker *ck, int n, const Term **arg, void *data) {
    const OpLift *lift = data;
    const Place *at = place_at(ck, lift->loc);
    const Term *args[3] = {NULL};
    pl_dtype to;
    if (!common_dtype(ck, lift, n, arg, &to)) return NULL;
    if (!strchr(op_classes[lift->op], dtype_is_float(to) ? 'f' : 'i')) {
        check_help(ck,
                   check_error(ck, DIAG_E0201_TYPE, lift->loc,
                               "`%s` works on %s, not on %s", lift->builtin->name,
                               dtype_is_float(to) ? "integers" : "floats",
                               dtype_name(to)),
                   dtype_is_float(to) ? "convert it: `int(x)`" : "convert it: `f32(x)`");
        return NULL;
    }
    for (int i = 0; i < n; i++) args[i] = term_convert(ck->arena, to, at, arg[i]);
    return term_op(ck->arena, lift->op, type_scalar(to), at, args[0], args[1], args[2]);
}

static Val make_op(Checker *ck, const Builtin *builtin, Actuals *actuals, Expect want) {
    const Term *args[33];
    OpLift data = {(Op)builtin->code, actuals->loc, builtin, 0};
    pl_dtype literal = strchr(op_classes[builtin->code], 'i') ? PL_I64 : PL_F32;
    if (want.dtype >= 0 && dtype_is_float((pl_dtype)want.dtype))
        literal = (pl_dtype)want.dtype;
    if (!count_is(ck, builtin, actuals, op_arity[builtin->code]) ||
        !actual_terms(ck, actuals, args, literal))
        return val_error();
    return val_term(lift(ck, actuals->n, args, lift_op, &data, actuals->loc),
                    actuals->loc);
}

static const Term *lift_clamp(Checker *ck, int n, const Term **arg, void *data) {
    OpLift low = *(OpLift *)data, high = low;
    const Term *args[2];
    pl_dtype to;
    (void)n;
    low.op = OP_MAX;
    high.op = OP_MIN;
    if (!common_dtype(ck, &low, 3, arg, &to)) return NULL;
    args[0] = lift_op(ck, 2, (const Term *[]){term_convert(ck->arena, to, NULL, arg[0]),
                                              term_convert(ck->arena, to, NULL, arg[1])},
                      &low);
    args[1] = term_convert(ck->arena, to, NULL, arg[2]);
    return args[0] ? lift_op(ck, 2, args, &high) : NULL;
}

static Val make_clamp(Checker *ck, const Builtin *builtin, Actuals *actuals,
                      Expect want) {
    const Term *args[33];
    OpLift data = {OP_MAX, actuals->loc, builtin, 0};
    (void)want;
    if (!count_is(ck, builtin, actuals, 3) || !actual_terms(ck, actuals, args, PL_I64))
        return val_error();
    return val_term(lift(ck, 3, args, lift_clamp, &data, actuals->loc), actuals->loc);
}

static const Term *lift_shift(Checker *ck, int n, const Term **arg, void *data) {
    const OpLift *lift = data;
    const Place *at = place_at(ck, lift->loc);
    pl_dtype to = dtype_alone(arg[0]->type->dtype);
    (void)n;
    if (!dtype_is_integer(to) || !dtype_is_integer(arg[1]->type->dtype)) {
        check_error(ck, DIAG_E0201_TYPE, lift->loc, "`%s` works on integers",
                    lift->builtin->name);
        return NULL;
    }
    return term_op(ck->arena, lift->op, type_scalar(to), at,
                   term_convert(ck->arena, to, at, arg[0]),
                   term_convert(ck->arena, PL_I64, at, arg[1]), NULL);
}

static Val make_shift(Checker *ck, const Builtin *builtin, Actuals *actuals,
                      Expect want) {
    const Term *args[33];
    OpLift data = {(Op)builtin->code, actuals->loc, builtin, 0};
    (void)want;
    if (!count_is(ck, builtin, actuals, 2)) return val_error();
    for (int i = 0; i < 2; i++) {
        args[i] = settle(ck, "argument", as_term(ck, actuals->val[i], ANYTHING),
                         actuals->loc);
        if (!args[i]) return val_error();
    }
    return val_term(lift(ck, 2, args, lift_shift, &data, actuals->loc), actuals->loc);
}

/* ---- conversions ---- */

static const Term *lift_cast(Checker *ck, int n, const Term **arg, void *data) {
    const OpLift *cast = data;
    const Place *at = place_at(ck, cast->loc);
    pl_dtype from = arg[0]->type->dtype;
    (void)n;
    if (cast->op == OP_CONVERT && cast->to == PL_BOOL && from != PL_BOOL) {
        const Term *zero = dtype_is_float(from) ? term_real(ck->arena, from, 0)
                                                : term_int(ck->arena, from, 0);
        return scalar_binary(ck, OPR_NE, arg[0], zero, cast->loc);
    }
    if (cast->op == OP_CONVERT) return term_convert(ck->arena, cast->to, at, arg[0]);
    if (cast->op == OP_WRAP && !dtype_is_integer(from)) {
        check_error(ck, DIAG_E0201_TYPE, cast->loc, "`wrap` works on integers, not on %s",
                    dtype_name(from));
        return NULL;
    }
    return term_op(ck->arena, cast->op, type_scalar(cast->to), at, arg[0], NULL, NULL);
}

static const Term *literal_for_cast(Checker *ck, const Val *val, pl_dtype to) {
    bool silent = ck->silent, failed = ck->failed;
    const Term *term = NULL;
    if (val->lit->kind == LIT_LIST)
        return literal_term(ck, val->lit,
                            dtype_is_float(to) ? to : literal_dtype(val->lit));
    ck->silent = true;
    if (dtype_is_float(to)) term = literal_term(ck, val->lit, to);
    if (!term && to != PL_BOOL)
        term = literal_term(ck, val->lit, literal_dtype(val->lit));
    if (!term && to != PL_BOOL) term = literal_term(ck, val->lit, to);
    ck->silent = silent;
    ck->failed = failed;
    return term ? term : literal_term(ck, val->lit, literal_dtype(val->lit));
}

static Val convert_to(Checker *ck, pl_dtype to, Actuals *actuals) {
    OpLift data = {OP_CONVERT, actuals->loc, NULL, to};
    const Term *arg;
    if (actuals->n != 1 || actuals->val[0].kind == V_ERROR) {
        check_error(ck, DIAG_E0203_CALL, actuals->loc, "`%s(x)` takes one argument",
                    dtype_name(to));
        return val_error();
    }
    if (actuals->val[0].kind == V_FAIL) return actuals->val[0];
    arg = actuals->val[0].kind == V_LITERAL ? literal_for_cast(ck, &actuals->val[0], to)
                                            : as_term(ck, actuals->val[0], ANYTHING);
    arg = settle(ck, "argument", arg, actuals->loc);
    if (!arg) return val_error();
    return val_term(lift(ck, 1, &arg, lift_cast, &data, actuals->loc), actuals->loc);
}

static bool dtype_argument(Checker *ck, const Builtin *builtin, const Actuals *actuals,
                           pl_dtype *to) {
    if (actuals->n && actuals->val[0].kind == V_FUNCTION &&
        actuals->val[0].closure->builtin &&
        dtype_by_name(actuals->val[0].closure->builtin, to))
        return true;
    check_error(ck, DIAG_E0203_CALL, actuals->loc, "`%s(%s)` wants a dtype first",
                builtin->name, builtin->params);
    return false;
}

static pl_dtype unsigned_of(int bytes) {
    return bytes == 8 ? PL_U64 : bytes == 4 ? PL_U32 : bytes == 2 ? PL_U16 : PL_U8;
}

static Val make_cast(Checker *ck, const Builtin *builtin, Actuals *actuals, Expect want) {
    OpLift data = {(Op)builtin->code, actuals->loc, builtin, 0};
    const Term *arg;
    pl_dtype bits;
    (void)want;
    if (!count_is(ck, builtin, actuals, 2) ||
        !dtype_argument(ck, builtin, actuals, &data.to))
        return val_error();
    bits = data.op == OP_FROM_BITS ? unsigned_of(dtype_size(data.to)) : PL_I64;
    if (dtype_is_float(data.to) != (data.op == OP_FROM_BITS)) {
        check_error(ck, DIAG_E0201_TYPE, actuals->loc, "`%s` gives %s, not %s",
                    builtin->name, data.op == OP_FROM_BITS ? "a float" : "an integer",
                    dtype_name(data.to));
        return val_error();
    }
    arg = settle(ck, "argument",
                 as_term(ck, actuals->val[1], (Expect){.dtype = (int)bits}),
                 actuals->loc);
    if (arg && data.op == OP_FROM_BITS && arg->type->kind == TY_TENSOR &&
        arg->type->dtype != bits) {
        check_help(ck,
                   check_error(ck, DIAG_E0201_TYPE, actuals->loc,
                               "`from_bits(%s, …)` reads %s, not %s", dtype_name(data.to),
                               dtype_name(bits), dtype_name(arg->type->dtype)),
                   "convert it: `%s(…)`", dtype_name(bits));
        return val_error();
    }
    if (!arg) return val_error();
    return val_term(lift(ck, 1, &arg, lift_cast, &data, actuals->loc), actuals->loc);
}

static const Term *lift_bits(Checker *ck, int n, const Term **arg, void *data) {
    const OpLift *lift = data;
    pl_dtype from = arg[0]->type->dtype;
    (void)n;
    if (!dtype_is_float(from)) {
        check_error(ck, DIAG_E0201_TYPE, lift->loc, "`bits` reads a float, not %s",
                    dtype_name(from));
        return NULL;
    }
    return term_op(ck->arena, OP_BITS, type_scalar(unsigned_of(dtype_size(from))),
                   place_at(ck, lift->loc), arg[0], NULL, NULL);
}

static Val make_bits(Checker *ck, const Builtin *builtin, Actuals *actuals, Expect want) {
    OpLift data = {OP_BITS, actuals->loc, builtin, 0};
    const Term *args[33];
    (void)want;
    if (!count_is(ck, builtin, actuals, 1) || !actual_terms(ck, actuals, args, PL_F32))
        return val_error();
    return val_term(lift(ck, 1, args, lift_bits, &data, actuals->loc), actuals->loc);
}

/* ---- reductions ---- */

static pl_dtype reduced(Reduction r, pl_dtype d) {
    switch (r) {
    case RED_SUM: case RED_PRODUCT:
        return dtype_is_float(d) ? dtype_alone(d) : dtype_is_signed(d) ? PL_I64 : PL_U64;
    case RED_MEAN: return dtype_is_float(d) ? dtype_alone(d) : PL_F32;
    case RED_MIN: case RED_MAX: return d;
    case RED_ANY: case RED_ALL: return PL_BOOL;
    default: return PL_I64;
    }
}

static Val reduce(Checker *ck, const Builtin *builtin, Reduction reduction,
                  Actuals *actuals) {
    const Term *args[33];
    bool wants_bool = reduction == RED_ANY || reduction == RED_ALL ||
                      reduction == RED_COUNT;
    Term *term;
    pl_dtype d;
    if (!count_is(ck, builtin, actuals, 1) || !actual_terms(ck, actuals, args, PL_I64))
        return val_error();
    if (args[0]->type->kind != TY_TENSOR || args[0]->type->rank == 0)
        return wrong_argument(ck, builtin, actuals, args[0], "a tensor");
    d = args[0]->type->dtype;
    if (wants_bool != (d == PL_BOOL))
        return wrong_argument(ck, builtin, actuals, args[0],
                              wants_bool ? "a tensor of bool" : "a tensor of numbers");
    if ((reduction <= RED_MEAN) && dtype_is_float(d))
        args[0] = convert_elements(ck, args[0], dtype_alone(d), actuals->loc);
    term = term_new(ck->arena, TERM_REDUCE, type_scalar(reduced(reduction, d)),
                    place_at(ck, actuals->loc), 1, args[0]);
    term->reduction = reduction;
    return val_term(term, actuals->loc);
}

static Val make_reduce(Checker *ck, const Builtin *builtin, Actuals *actuals,
                       Expect want) {
    (void)want;
    return reduce(ck, builtin, (Reduction)builtin->code, actuals);
}

/* min, max: of one tensor, or of two or more values element by element */
static Val make_extreme(Checker *ck, const Builtin *builtin, Actuals *actuals,
                        Expect want) {
    Val two[2];
    Actuals pair = {2, two, actuals->loc, NULL};
    if (actuals->n == 1)
        return reduce(ck, builtin, builtin->code == OP_MIN ? RED_MIN : RED_MAX, actuals);
    if (actuals->n == 2) return make_op(ck, builtin, actuals, want);
    if (actuals->n == 0) return (count_is(ck, builtin, actuals, 2), val_error());
    two[0] = actuals->val[0];
    for (int i = 1; i < actuals->n; i++) {
        two[1] = actuals->val[i];
        two[0] = make_op(ck, builtin, &pair, want);
        if (two[0].kind == V_ERROR) return two[0];
    }
    return two[0];
}

/* ---- shapes ---- */

static Val make_len(Checker *ck, const Builtin *builtin, Actuals *actuals, Expect want) {
    const Term *args[33];
    (void)want;
    if (!count_is(ck, builtin, actuals, 1) || !actual_terms(ck, actuals, args, PL_I64))
        return val_error();
    if (args[0]->type->kind == TY_RAGGED) {
        check_help(ck, check_error(ck, DIAG_E0303_RAGGED, actuals->loc,
                                   "a ragged field has a length for each record"),
                   "write `lengths(…)`");
        return val_error();
    }
    if (args[0]->type->kind != TY_TENSOR || args[0]->type->rank == 0)
        return wrong_argument(ck, builtin, actuals, args[0], "a tensor");
    args[0] = bind_term(ck, "argument", args[0], actuals->loc);
    return val_term(read_dim(ck, args[0], 0), actuals->loc);
}

static Val filled(Checker *ck, const Term *value, Actuals *actuals, int first) {
    int n = 0, rank = actuals->n - first;
    const Dim **dims = arena_array(ck->arena, const Dim *, rank + 1);
    Loop loops[8];
    Region region;
    const Term *term;
    if (rank > 8) {
        check_error(ck, DIAG_E0202_SHAPE, actuals->loc, "more than 8 dimensions");
        return val_error();
    }
    for (int i = first; i < actuals->n; i++) {
        const Term *size = as_term(ck, actuals->val[i], (Expect){.dtype = PL_I64});
        if (!size) return val_error();
        if (size->type->kind != TY_TENSOR || size->type->rank ||
            !dtype_is_integer(size->type->dtype)) {
            check_error(ck, DIAG_E0201_TYPE, actuals->val[i].loc,
                        "a dimension must be an int, this is %s",
                        type_text(ck->arena, size->type));
            return val_error();
        }
        size = bind_term(ck, "size", term_convert(ck->arena, PL_I64, NULL, size),
                         actuals->loc);
        dims[n++] = dim_of_term(ck, size);
    }
    if (rank == 0) return val_term(value, actuals->loc);
    value = bind_term(ck, "value", value, actuals->loc);
    region_open(ck, &region, REGION_LOOP);
    for (int k = 0; k < rank; k++)
        loops[k] = (Loop){index_new(ck, "e", actuals->loc),
                          term_int(ck->arena, PL_I64, 0), dim_to_term(ck, dims[k])};
    value = region_close(ck, &region, value);
    term = make_for(ck, rank, loops, dims, value, actuals->loc);
    for (int k = 0; k < rank && term; k++)
        term = check_size(ck, term, dims[k], actuals->loc);
    return val_term(term, actuals->loc);
}

static Val make_zeros(Checker *ck, const Builtin *builtin, Actuals *actuals,
                      Expect want) {
    pl_dtype dtype;
    (void)want;
    if (!dtype_argument(ck, builtin, actuals, &dtype)) return val_error();
    return filled(ck, dtype_is_float(dtype) ? term_real(ck->arena, dtype, 0)
                                            : term_int(ck->arena, dtype, 0),
                  actuals, 1);
}

static Val make_fill(Checker *ck, const Builtin *builtin, Actuals *actuals, Expect want) {
    const Term *value;
    (void)builtin;
    if (!actuals->n) return (count_is(ck, builtin, actuals, 2), val_error());
    value = as_term(ck, actuals->val[0], (Expect){.dtype = want.dtype});
    if (!value) return val_error();
    if (value->type->kind != TY_TENSOR || value->type->rank)
        return wrong_argument(ck, builtin, actuals, value, "a number first");
    return filled(ck, value, actuals, 1);
}

/* ---- scatter ---- */

static Val make_scatter(Checker *ck, const Builtin *builtin, Actuals *actuals,
                        Expect want) {
    const Term *start, *places, *values;
    Term *term;
    (void)want;
    if (!count_is(ck, builtin, actuals, 3)) return val_error();
    start = settle(ck, "start", as_term(ck, actuals->val[0], ANYTHING), actuals->loc);
    places = settle(ck, "places", as_term(ck, actuals->val[1], (Expect){.dtype = PL_I64}),
                    actuals->loc);
    if (!start || !places) return val_error();
    if (start->type->kind != TY_TENSOR || start->type->rank != 1)
        return wrong_argument(ck, builtin, actuals, start,
                              "a tensor of rank 1 to start from");
    if (places->type->kind != TY_TENSOR || !dtype_is_integer(places->type->dtype))
        return wrong_argument(ck, builtin, actuals, places, "integer places");
    if (builtin->code == SCATTER_ADD && !dtype_is_integer(start->type->dtype))
        return wrong_argument(ck, builtin, actuals, start,
                              "integers: the order of places is open");
    values = settle(ck, "values",
                    as_term(ck, actuals->val[2],
                            (Expect){.dtype = (int)start->type->dtype}), actuals->loc);
    if (!values) return val_error();
    if (values->type->kind != TY_TENSOR ||
        !dtype_keeps(values->type->dtype, start->type->dtype))
        return wrong_argument(ck, builtin, actuals, values,
                              arena_format(ck->arena, "values of dtype %s",
                                           dtype_name(start->type->dtype)));
    values = convert_elements(ck, values, start->type->dtype, actuals->loc);
    places = convert_elements(ck, places, PL_I64, actuals->loc);
    start = bind_term(ck, "start", start, actuals->loc);
    places = bind_term(ck, "places", places, actuals->loc);
    values = bind_term(ck, "values", values, actuals->loc);
    term = term_new(ck->arena, TERM_SCATTER, start->type, place_at(ck, actuals->loc), 3,
                    start, places, values);
    term->scatter = (Scatter)builtin->code;
    if (values->type->rank == 0) return val_term(term, actuals->loc);
    if (values->type->rank != places->type->rank)
        return wrong_argument(ck, builtin, actuals, values, "a value for each place");
    const Term *result = term;
    for (int k = 0; k < places->type->rank && result; k++)
        result = check_equal_dims(ck, result, places->type->dims[k],
                                  values->type->dims[k], actuals->loc,
                                  "places and values differ in shape");
    return val_term(result, actuals->loc);
}

/* ---- fail ---- */

static Val make_fail(Checker *ck, const Builtin *builtin, Actuals *actuals, Expect want) {
    const Term *text;
    (void)want;
    if (!count_is(ck, builtin, actuals, 1)) return val_error();
    text = actuals->val[0].kind == V_TERM ? actuals->val[0].term : NULL;
    if (!text || text->kind != TERM_DATA || text->type->text != TEXT_STRING) {
        check_error(ck, DIAG_E0203_CALL, actuals->loc,
                    "`fail` wants its reason as a string: "
                    "`fail(\"too small\")`");
        return val_error();
    }
    return (Val){.kind = V_FAIL, .loc = actuals->loc, .reason = text->data};
}

/* ---- below batch ---- */

static bool ragged_argument(Checker *ck, const Builtin *builtin, const Actuals *actuals,
                            const Term **out) {
    *out = actuals->n && actuals->val[0].kind == V_TERM ? actuals->val[0].term : NULL;
    if (*out && (*out)->type->kind == TY_RAGGED) return true;
    if (!ck->below) {
        check_error(ck, DIAG_E0303_RAGGED, actuals->loc, "`%s` works below `batch`",
                    builtin->name);
        return false;
    }
    if (*out && (*out)->type->kind == TY_TENSOR && (*out)->type->rank > 1) return true;
    check_error(ck, DIAG_E0303_RAGGED, actuals->loc,
                "`%s` wants a field whose length differs "
                "from record to record",
                builtin->name);
    return false;
}

static const Term *batch_rows(Checker *ck) {
    return ck->graph->last == LAST_PARTIAL
               ? term_ref(ck->arena, ck->graph->rows)
               : term_int(ck->arena, PL_I64, ck->graph->batch);
}

static Val make_lengths(Checker *ck, const Builtin *builtin, Actuals *actuals,
                        Expect want) {
    const Term *ragged, *size;
    const Dim **dims = arena_array(ck->arena, const Dim *, 1);
    Term *term;
    (void)want;
    if (!count_is(ck, builtin, actuals, 1) ||
        !ragged_argument(ck, builtin, actuals, &ragged))
        return val_error();
    if (ragged->type->kind == TY_TENSOR) {      /* all of one length */
        Val fill[2] = {val_term(read_dim(ck, ragged, 1), actuals->loc),
                       val_term(read_dim(ck, ragged, 0), actuals->loc)};
        Actuals all = {2, fill, actuals->loc, NULL};
        return filled(ck, fill[0].term, &all, 1);
    }
    size = batch_rows(ck);
    dims[0] = dim_of_term(ck, size);
    term = term_new(ck->arena, TERM_LENGTHS, type_tensor(ck->arena, PL_I64, 1, dims),
                    place_at(ck, actuals->loc), 1, ragged);
    return val_term(term, actuals->loc);
}

static const Term *fill_value(Checker *ck, const Actuals *actuals, pl_dtype dtype) {
    const Term *fill = as_term(ck, actuals->val[1], (Expect){.dtype = (int)dtype});
    return fill ? coerce(ck, fill, type_scalar(dtype), actuals->val[1].loc,
                         "the padding") : NULL;
}

static Val make_padded(Checker *ck, const Builtin *builtin, Actuals *actuals,
                       Expect want) {
    const Term *ragged, *fill, *size;
    const Dim **dims;
    Term *term;
    bool to = builtin->code == TERM_PADDED_TO;
    (void)want;
    if (actuals->n < 2 + to && !(count_is(ck, builtin, actuals, 2 + to)))
        return val_error();
    if (!ragged_argument(ck, builtin, actuals, &ragged)) return val_error();
    if (ragged->type->kind == TY_TENSOR && !to) return val_term(ragged, actuals->loc);
    fill = fill_value(ck, actuals, ragged->type->dtype);
    size = actuals->n > 2 ? as_term(ck, actuals->val[2], (Expect){.dtype = PL_I64})
                          : term_int(ck->arena, PL_I64, 1);
    if (!fill || !size) return val_error();
    if (size->type->kind != TY_TENSOR || size->type->rank ||
        !dtype_is_integer(size->type->dtype))
        return wrong_argument(ck, builtin, actuals, size, "an int last");
    size = term_convert(ck->arena, PL_I64, NULL, size);
    if (to && (ragged->type->rank != 1 || ragged->type->kind != TY_RAGGED))
        return wrong_argument(ck, builtin, actuals, ragged, "a ragged field of rank 1");
    dims = arena_array(ck->arena, const Dim *, ragged->type->rank + 1);
    dims[0] = dim_of_term(ck, batch_rows(ck));
    if (to) dims[1] = dim_of_term(ck, size);
    for (int k = 0; !to && k < ragged->type->rank; k++) {
        int64_t known;
        dims[k + 1] = dim_constant(ragged->type->dims[k], &known) ? ragged->type->dims[k]
                                                                  : NULL;
    }
    term = term_new(
        ck->arena, to ? TERM_PADDED_TO : TERM_PADDED,
        type_tensor(ck->arena, ragged->type->dtype, ragged->type->rank + 1, dims),
        place_at(ck, actuals->loc), 3, ragged, fill, size);
    const Term *result = settle(ck, builtin->name, term, actuals->loc);
    return val_term(to ? check_size(ck, result, dims[1], actuals->loc) : result,
                    actuals->loc);
}

static Val make_draw(Checker *ck, const Builtin *builtin, Actuals *actuals, Expect want) {
    return check_draw(ck, builtin->name, actuals, want);
}

/* ---- the table ---- */

static const Builtin builtins[] = {
    {"abs", "x", make_op, OP_ABS},
    {"sqrt", "x", make_op, OP_SQRT},
    {"floor", "x", make_op, OP_FLOOR},
    {"ceil", "x", make_op, OP_CEIL},
    {"trunc", "x", make_op, OP_TRUNC},
    {"round", "x", make_op, OP_ROUND},
    {"fma", "a, b, c", make_op, OP_FMA},
    {"bitand", "a, b", make_op, OP_BITAND},
    {"bitor", "a, b", make_op, OP_BITOR},
    {"bitxor", "a, b", make_op, OP_BITXOR},
    {"shl", "x, n", make_shift, OP_SHL},
    {"shr", "x, n", make_shift, OP_SHR},
    {"min", "a, b, ...", make_extreme, OP_MIN},
    {"max", "a, b, ...", make_extreme, OP_MAX},
    {"clamp", "x, lo, hi", make_clamp, 0},
    {"wrap", "dtype, x", make_cast, OP_WRAP},
    {"from_bits", "dtype, x", make_cast, OP_FROM_BITS},
    {"bits", "x", make_bits, OP_BITS},
    {"sum", "x", make_reduce, RED_SUM},
    {"product", "x", make_reduce, RED_PRODUCT},
    {"mean", "x", make_reduce, RED_MEAN},
    {"any", "x", make_reduce, RED_ANY},
    {"all", "x", make_reduce, RED_ALL},
    {"count", "x", make_reduce, RED_COUNT},
    {"argmin", "x", make_reduce, RED_ARGMIN},
    {"argmax", "x", make_reduce, RED_ARGMAX},
    {"len", "x", make_len, 0},
    {"zeros", "dtype, ...", make_zeros, 0},
    {"fill", "value, ...", make_fill, 0},
    {"scatter_add", "start, places, values", make_scatter, SCATTER_ADD},
    {"scatter_min", "start, places, values", make_scatter, SCATTER_MIN},
    {"scatter_max", "start, places, values", make_scatter, SCATTER_MAX},
    {"scatter_set", "start, places, values", make_scatter, SCATTER_SET},
    {"fail", "reason", make_fail, 0},
    {"uniform", "a, b", make_draw, 0},
    {"randint", "a, b", make_draw, 0},
    {"normal", "", make_draw, 0},
    {"permutation", "n", make_draw, 0},
    {"lengths", "x", make_lengths, 0},
    {"padded", "x, value, multiple", make_padded, TERM_PADDED},
    {"padded_to", "x, value, n", make_padded, TERM_PADDED_TO},
};
enum { NBUILTINS = sizeof builtins / sizeof *builtins };

const Builtin *builtin_find(const char *name) {
    for (int i = 0; i < NBUILTINS; i++)
        if (!strcmp(builtins[i].name, name)) return &builtins[i];
    return NULL;
}

const char *builtin_params(const Builtin *builtin) { return builtin->params; }

const char *const *builtin_names(void) {
    static const char *names[NBUILTINS + 1];
    for (int i = 0; i < NBUILTINS; i++) names[i] = builtins[i].name;
    return names;
}

Val call_builtin(Checker *ck, const char *name, Actuals *actuals, Expect want) {
    const Builtin *builtin = builtin_find(name);
    pl_dtype dtype;
    while (actuals->n && actuals->val[actuals->n - 1].kind == V_ERROR) actuals->n--;
    if (builtin) return builtin->make(ck, builtin, actuals, want);
    if (!dtype_by_name(name, &dtype)) bug("no builtin `%s`", name);
    return convert_to(ck, dtype, actuals);
}
