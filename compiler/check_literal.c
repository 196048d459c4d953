/* Expressions of numbers alone: they have no dtype until their place says so. */
#include <math.h>
#include <string.h>
#include "check.h"

static Val val_literal(const Lit *lit) {
    return (Val){.kind = V_LITERAL, .lit = lit, .loc = lit->loc};
}

Val literal_number(Checker *ck, const Expr *e) {
    Lit *lit = arena_new_of(ck->arena, Lit);
    lit->kind = e->kind == EX_INT ? LIT_INT : LIT_FLOAT;
    lit->is_float = e->kind == EX_FLOAT;
    lit->loc = e->loc;
    lit->integer = e->integer;
    lit->real = e->real;
    return val_literal(lit);
}

Val literal_negate(Checker *ck, Val a, Loc loc) {
    Lit *lit = arena_new_of(ck->arena, Lit);
    *lit = (Lit){.kind = LIT_NEG, .is_float = a.lit->is_float, .loc = loc, .a = a.lit};
    return val_literal(lit);
}

Val literal_binary(Checker *ck, Operator op, Val a, Val b, Loc loc) {
    Lit *lit = arena_new_of(ck->arena, Lit);
    *lit = (Lit){.kind = LIT_BINARY, .is_float = a.lit->is_float || b.lit->is_float,
                 .loc = loc, .op = op, .a = a.lit, .b = b.lit};
    return val_literal(lit);
}

Val literal_list(Checker *ck, int n, const Val *items, Loc loc) {
    Lit *lit = arena_new_of(ck->arena, Lit);
    *lit = (Lit){.kind = LIT_LIST, .loc = loc, .n = n};
    lit->items = arena_array(ck->arena, const Lit *, n);
    for (int i = 0; i < n; i++) {
        lit->items[i] = items[i].lit;
        lit->is_float |= items[i].lit->is_float;
    }
    return val_literal(lit);
}

pl_dtype literal_dtype(const Lit *lit) { return lit->is_float ? PL_F32 : PL_I64; }

/* ---- shape of a literal ---- */

static bool has_list(const Lit *lit) {
    return lit->kind == LIT_LIST || (lit->a && has_list(lit->a)) ||
           (lit->b && has_list(lit->b));
}

/* ---- values ---- */

static bool integer_value(Checker *ck, const Lit *lit, __int128 *value);

static bool integer_binary(Checker *ck, const Lit *lit, __int128 *value) {
    __int128 a, b;
    if (!integer_value(ck, lit->a, &a) || !integer_value(ck, lit->b, &b)) return false;
    switch (lit->op) {
    case OPR_ADD: *value = a + b; break;
    case OPR_SUB: *value = a - b; break;
    case OPR_MUL: *value = a * b; break;
    case OPR_DIV:
        check_help(ck, check_error(ck, DIAG_E0205_DIVISION, lit->loc,
                                   "`/` needs a float on one side"),
                   "write `//` to floor, or make one side a float: `f32(a) / b`");
        return false;
    case OPR_FLOORDIV: case OPR_MOD:
        if (b == 0) {
            check_error(ck, DIAG_E0208_FAILS, lit->loc, "division by zero");
            return false;
        }
        *value = a / b - (a % b != 0 && (a < 0) != (b < 0));
        if (lit->op == OPR_MOD) *value = a - b * *value;
        break;
    default: bug("literal operator %d", lit->op);
    }
    if (*value > (__int128)UINT64_MAX || *value < -(__int128)UINT64_MAX) {
        check_error(ck, DIAG_E0204_LITERAL, lit->loc, "this number is too large");
        return false;
    }
    return true;
}

static bool integer_value(Checker *ck, const Lit *lit, __int128 *value) {
    switch (lit->kind) {
    case LIT_INT: *value = lit->integer; return true;
    case LIT_NEG:
        if (!integer_value(ck, lit->a, value)) return false;
        *value = -*value;
        return true;
    case LIT_BINARY: return integer_binary(ck, lit, value);
    default: return false;
    }
}

static double real_value(const Lit *lit, bool single);

static double real_binary(const Lit *lit, bool single) {
    double a = real_value(lit->a, single), b = real_value(lit->b, single), r = 0;
    switch (lit->op) {
    case OPR_ADD: r = single ? (float)a + (float)b : a + b; break;
    case OPR_SUB: r = single ? (float)a - (float)b : a - b; break;
    case OPR_MUL: r = single ? (float)a * (float)b : a * b; break;
    case OPR_DIV: r = single ? (float)a / (float)b : a / b; break;
    case OPR_FLOORDIV: r = single ? floorf((float)a / (float)b) : floor(a / b); break;
    case OPR_MOD:
        if (single) {
            float step = (float)b * floorf((float)a / (float)b);
            r = (float)a - step;
        } else {
            double step = b * floor(a / b);
            r = a - step;
        }
        break;
    default: bug("literal operator %d", lit->op);
    }
    return r;
}

/* Each number takes the dtype, then the operations compute in it. */
static double real_value(const Lit *lit, bool single) {
    switch (lit->kind) {
    case LIT_INT: return single ? (float)lit->integer : (double)lit->integer;
    case LIT_FLOAT: return single ? (float)lit->real : lit->real;
    case LIT_NEG: return -real_value(lit->a, single);
    default: return real_binary(lit, single);
    }
}

static bool fits(pl_dtype dtype, __int128 value) {
    int width = 8 * dtype_size(dtype);
    __int128 one = 1;
    if (dtype_is_signed(dtype))
        return value >= -(one << (width - 1)) && value < one << (width - 1);
    return value >= 0 && value < one << width;
}

static const char *number_text(Checker *ck, __int128 value) {
    return arena_format(ck->arena, "%s%llu", value < 0 ? "-" : "",
                        (unsigned long long)(value < 0 ? -value : value));
}

static const Term *scalar_term(Checker *ck, const Lit *lit, pl_dtype dtype) {
    __int128 value;
    if (dtype_is_float(dtype))
        return term_real(ck->arena, dtype, real_value(lit, dtype != PL_F64));
    if (dtype == PL_BOOL) {
        check_error(ck, DIAG_E0201_TYPE, lit->loc,
                    "a bool is wanted here, this is a number");
        return NULL;
    }
    if (lit->is_float) {
        check_help(
            ck,
            check_error(ck, DIAG_E0204_LITERAL, lit->loc,
                        "a number with a fraction does not fit %s", dtype_name(dtype)),
            "a float becomes an integer only by a call: `%s(…)`", dtype_name(dtype));
        return NULL;
    }
    if (!integer_value(ck, lit, &value)) return NULL;
    if (!fits(dtype, value)) {
        check_error(ck, DIAG_E0204_LITERAL, lit->loc, "%s does not fit %s",
                    number_text(ck, value), dtype_name(dtype));
        return NULL;
    }
    return term_int(ck->arena, dtype, (int64_t)(uint64_t)value);
}

/* ---- lists of numbers: constant tensors ---- */

static void put(char *at, pl_dtype dtype, const Term *value) {
    float single = (float)value->real;
    uint16_t half;
    uint32_t bits;
    memcpy(&bits, &single, 4);
    switch (dtype) {
    case PL_F64: memcpy(at, &value->real, 8); break;
    case PL_F32: memcpy(at, &single, 4); break;
    case PL_BF16: half = (uint16_t)(bits >> 16); memcpy(at, &half, 2); break;
    case PL_F16: {
        _Float16 f = (_Float16)value->real;
        memcpy(at, &f, 2);
        break;
    }
    default: memcpy(at, &value->bits, (size_t)dtype_size(dtype)); break;
    }
}

typedef struct { int rank; int64_t dim[8]; int64_t count; } Shape;

static bool shape_of(Checker *ck, const Lit *lit, Shape *shape) {
    Shape first, item;
    if (lit->kind != LIT_LIST) {
        *shape = (Shape){.count = 1};
        return true;
    }
    first = (Shape){.count = 0};
    for (int i = 0; i < lit->n; i++) {
        if (!shape_of(ck, lit->items[i], i ? &item : &first)) return false;
        if (i && (item.rank != first.rank ||
                  memcmp(item.dim, first.dim, sizeof item.dim))) {
            check_error(ck, DIAG_E0202_SHAPE, lit->items[i]->loc,
                        "the rows of a list must have one length: %lld here, %lld above",
                        (long long)item.dim[0], (long long)first.dim[0]);
            return false;
        }
    }
    if (first.rank == 8) return false;
    *shape = (Shape){first.rank + 1, {lit->n}, first.count * lit->n};
    memcpy(shape->dim + 1, first.dim, sizeof *first.dim * 7);
    return true;
}

static bool fill(Checker *ck, const Lit *lit, pl_dtype dtype, char **at) {
    const Term *value;
    if (lit->kind == LIT_LIST) {
        for (int i = 0; i < lit->n; i++)
            if (!fill(ck, lit->items[i], dtype, at)) return false;
        return true;
    }
    value = scalar_term(ck, lit, dtype);
    if (!value) return false;
    put(*at, dtype, value);
    *at += dtype_size(dtype);
    return true;
}

static const Term *list_term(Checker *ck, const Lit *lit, pl_dtype dtype) {
    Shape shape;
    const Dim **dims;
    Term *term;
    char *data, *at;
    if (!shape_of(ck, lit, &shape)) return NULL;
    data = at = arena_alloc(ck->arena, (size_t)(shape.count * dtype_size(dtype)) + 8);
    if (!fill(ck, lit, dtype, &at)) return NULL;
    dims = arena_array(ck->arena, const Dim *, shape.rank);
    for (int k = 0; k < shape.rank; k++) dims[k] = dim_number(ck->dims, shape.dim[k]);
    term = term_new(ck->arena, TERM_DATA, type_tensor(ck->arena, dtype, shape.rank, dims),
                    place_at(ck, lit->loc), 0);
    term->data = data;
    return term;
}

const Term *literal_term(Checker *ck, const Lit *lit, pl_dtype dtype) {
    if (lit->kind == LIT_LIST) return list_term(ck, lit, dtype);
    if (has_list(lit)) {
        check_error(ck, DIAG_E0201_TYPE, lit->loc,
                    "arithmetic on a list of plain numbers: give the list a name first");
        return NULL;
    }
    return scalar_term(ck, lit, dtype);
}
