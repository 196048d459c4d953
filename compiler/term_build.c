/* Making terms. Folding follows docs/language.md section 3; what is not folded
 * here is left to the back ends, so only the common cases are. */
#include "term_build.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

Term *term_new(Arena *arena, TermKind kind, const Type *type, const Place *at,
               int nargs, ...) {
    Term *term = arena_new_of(arena, Term);
    va_list list;
    term->kind = kind;
    term->type = type;
    term->at = at;
    term->nargs = nargs;
    term->arg = nargs ? arena_array(arena, const Term *, nargs) : NULL;
    va_start(list, nargs);
    for (int i = 0; i < nargs; i++) term->arg[i] = va_arg(list, const Term *);
    va_end(list);
    return term;
}

/* The bits of an integer cut to its dtype and extended again. */
static uint64_t fit(pl_dtype dtype, uint64_t bits) {
    int width = 8 * dtype_size(dtype);
    if (dtype == PL_BOOL) return bits != 0;
    if (width == 64) return bits;
    bits &= ((uint64_t)1 << width) - 1;
    if (dtype_is_signed(dtype) && bits >> (width - 1)) bits |= ~(uint64_t)0 << width;
    return bits;
}

const Term *term_int(Arena *arena, pl_dtype dtype, int64_t value) {
    Term *term = term_new(arena, TERM_CONST, type_scalar(dtype), NULL, 0);
    term->bits = fit(dtype, (uint64_t)value);
    return term;
}

const Term *term_unsigned(Arena *arena, pl_dtype dtype, uint64_t value) {
    return term_int(arena, dtype, (int64_t)value);
}

static double nearest_half(double value, int mantissa, int least, double most) {
    int exponent;
    double step;
    if (!isfinite(value) || value == 0) return value;
    frexp(value, &exponent);
    if (exponent < least) exponent = least;
    step = ldexp(1, exponent - mantissa);
    value = nearbyint(value / step) * step;
    return fabs(value) > most ? copysign(INFINITY, value) : value;
}

const Term *term_real(Arena *arena, pl_dtype dtype, double value) {
    Term *term = term_new(arena, TERM_CONST, type_scalar(dtype), NULL, 0);
    if (dtype == PL_F32) value = (float)value;
    if (dtype == PL_F16) value = nearest_half(value, 11, -13, 65504);
    if (dtype == PL_BF16) value = nearest_half((float)value, 8, -125, 0x1.fep127);
    term->real = value;
    return term;
}

const Term *term_bool(Arena *arena, bool value) {
    return term_int(arena, PL_BOOL, value);
}

const Term *term_ref(Arena *arena, const Var *var) {
    Term *term = term_new(arena, TERM_REF, var->type, NULL, 0);
    term->var = var;
    return term;
}

bool term_is_int(const Term *term, int64_t *value) {
    if (term->kind != TERM_CONST || !dtype_is_integer(term->type->dtype)) return false;
    *value = (int64_t)term->bits;
    return true;
}

bool term_is_bool(const Term *term, bool *value) {
    if (term->kind != TERM_CONST || term->type->dtype != PL_BOOL) return false;
    *value = term->bits != 0;
    return true;
}

bool term_is_trivial(const Term *term) {
    return term->kind == TERM_CONST || term->kind == TERM_REF ||
           term->kind == TERM_DATA ||
           (term->kind == TERM_DIM && term_is_trivial(term->arg[0])) ||
           (term->kind == TERM_GET && term_is_trivial(term->arg[0]));
}

/* ---- folding ---- */

static bool compare_folds(Op op, int order, bool *result) {
    switch (op) {
    case OP_EQ: *result = order == 0; return true;
    case OP_NE: *result = order != 0; return true;
    case OP_LT: *result = order < 0; return true;
    case OP_LE: *result = order <= 0; return true;
    case OP_GT: *result = order > 0; return true;
    case OP_GE: *result = order >= 0; return true;
    default: return false;
    }
}

static int64_t floor_divide(int64_t a, int64_t b) {
    int64_t q;
    if (b == -1) return (int64_t)(0 - (uint64_t)a);
    q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

/* Signed dtypes and small unsigned ones: all fit an int64. */
static bool fold_signed(Op op, int64_t a, int64_t b, int64_t *r) {
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    switch (op) {
    case OP_ADD: *r = (int64_t)(x + y); return true;
    case OP_SUB: *r = (int64_t)(x - y); return true;
    case OP_MUL: *r = (int64_t)(x * y); return true;
    case OP_NEG: *r = (int64_t)(0 - x); return true;
    case OP_FLOORDIV: if (!b) return false; *r = floor_divide(a, b); return true;
    case OP_MOD: if (!b) return false;
        *r = (int64_t)(x - y * (uint64_t)floor_divide(a, b)); return true;
    case OP_MIN: *r = a < b ? a : b; return true;
    case OP_MAX: *r = a > b ? a : b; return true;
    case OP_ABS: *r = a < 0 ? (int64_t)(0 - x) : a; return true;
    default: return false;
    }
}

static const Term *fold_integers(Arena *arena, Op op, const Type *type, const Term *a,
                                 const Term *b) {
    int64_t x = (int64_t)a->bits, y = b ? (int64_t)b->bits : 0, r;
    bool yes;
    if (a->type->dtype == PL_U64) return NULL;
    if (b && compare_folds(op, (x > y) - (x < y), &yes)) return term_bool(arena, yes);
    if (a->type->dtype == PL_BOOL)
        return op == OP_NOT ? term_bool(arena, !x) : NULL;
    return fold_signed(op, x, y, &r) ? term_int(arena, type->dtype, r) : NULL;
}

static bool fold_real(Op op, bool single, double a, double b, double *r) {
    switch (op) {
    case OP_ADD: *r = single ? (float)a + (float)b : a + b; return true;
    case OP_SUB: *r = single ? (float)a - (float)b : a - b; return true;
    case OP_MUL: *r = single ? (float)a * (float)b : a * b; return true;
    case OP_DIV: *r = single ? (float)a / (float)b : a / b; return true;
    case OP_NEG: *r = -a; return true;
    default: return false;
    }
}

static const Term *fold_floats(Arena *arena, Op op, const Type *type, const Term *a,
                               const Term *b) {
    double x = a->real, y = b ? b->real : 0, r;
    pl_dtype dtype = a->type->dtype;
    bool yes;
    if (dtype != PL_F32 && dtype != PL_F64) return NULL;
    if (isnan(x) || isnan(y)) return NULL;
    if (b && compare_folds(op, (x > y) - (x < y), &yes)) return term_bool(arena, yes);
    if (!fold_real(op, dtype == PL_F32, x, y, &r) || isnan(r)) return NULL;
    return term_real(arena, type->dtype, r);
}

static const Term *fold(Arena *arena, Op op, const Type *type, const Term *a,
                        const Term *b, const Term *c) {
    if (c || a->kind != TERM_CONST || (b && b->kind != TERM_CONST)) return NULL;
    if (op == OP_CONVERT || op == OP_WRAP || op == OP_BITS || op == OP_FROM_BITS)
        return NULL;
    if ((op >= OP_BITAND && op <= OP_SHR) || op == OP_MULHI) return NULL;
    return dtype_is_float(a->type->dtype) ? fold_floats(arena, op, type, a, b)
                                          : fold_integers(arena, op, type, a, b);
}

/* x + 0, x - 0, x * 1 of integers, so that dimensions stay small. */
static const Term *simplify(Op op, const Term *a, const Term *b) {
    int64_t value;
    if (!b || !dtype_is_integer(a->type->dtype)) return NULL;
    if (term_is_int(b, &value))
        return (value == 0 && (op == OP_ADD || op == OP_SUB)) ||
                       (value == 1 && (op == OP_MUL || op == OP_FLOORDIV)) ? a : NULL;
    if (term_is_int(a, &value))
        return (value == 0 && op == OP_ADD) || (value == 1 && op == OP_MUL) ? b : NULL;
    return NULL;
}

const Term *term_op(Arena *arena, Op op, const Type *type, const Place *at,
                    const Term *a, const Term *b, const Term *c) {
    const Term *folded = fold(arena, op, type, a, b, c);
    Term *term;
    if (!folded) folded = simplify(op, a, b);
    if (folded && folded->type->dtype == type->dtype) return folded;
    term = term_new(arena, TERM_OP, type, at, op_arity[op], a, b, c);
    term->op = op;
    return term;
}

static int64_t least(pl_dtype d) {
    return dtype_is_signed(d) ? (int64_t)(~(uint64_t)0 << (8 * dtype_size(d) - 1)) : 0;
}

static const Term *convert_integer(Arena *arena, pl_dtype to, const Term *term) {
    pl_dtype from = term->type->dtype;
    uint64_t most = (~(uint64_t)0 >> (64 - 8 * dtype_size(to))) >> dtype_is_signed(to);
    int64_t value = (int64_t)term->bits;
    if (to == PL_BOOL) return NULL;
    if (dtype_is_float(to))
        return to == PL_F64 || to == PL_F32
                   ? term_real(arena, to, from == PL_U64
                         ? to == PL_F32 ? (float)term->bits : (double)term->bits
                         : to == PL_F32 ? (float)value : (double)value)
                   : NULL;
    if ((from == PL_U64 || value >= 0) && term->bits > most)
        return term_unsigned(arena, to, most);
    if (from != PL_U64 && value < least(to)) return term_int(arena, to, least(to));
    return term_unsigned(arena, to, term->bits);
}

static const Term *fold_convert(Arena *arena, pl_dtype to, const Term *term) {
    if (term->kind != TERM_CONST) return NULL;
    if (!dtype_is_float(term->type->dtype)) return convert_integer(arena, to, term);
    return dtype_is_float(to) && !isnan(term->real) ? term_real(arena, to, term->real)
                                                    : NULL;
}

const Term *term_convert(Arena *arena, pl_dtype to, const Place *at, const Term *term) {
    const Term *folded;
    if (term->type->dtype == to) return term;
    folded = fold_convert(arena, to, term);
    return folded ? folded
                  : term_op(arena, OP_CONVERT, type_scalar(to), at, term, NULL, NULL);
}

/* ---- walking ---- */

void term_children(const Term *term, void (*visit)(const Term *, void *), void *data) {
    int dims = 0;
    for (int i = 0; i < term->nargs; i++)
        if (term->arg[i]) visit(term->arg[i], data);
    for (int i = 0; i < term->nloops; i++) {
        visit(term->loop[i].from, data);
        visit(term->loop[i].to, data);
    }
    for (int i = 0; i < term->nstates; i++) visit(term->inits[i], data);
    if (term->otherwise) visit(term->otherwise, data);
    if (term->stop) visit(term->stop, data);
    if (!term->given) return;
    for (int r = 0; r < term->kernel->nresults; r++)
        if (term->kernel->results[r]->kind == TY_TENSOR)
            dims += term->kernel->results[r]->rank;
    for (int i = 0; i < dims; i++)
        if (term->given[i]) visit(term->given[i], data);
}

typedef struct { Arena *arena; const char *text; } Key;

static void add_key(const Term *term, void *data) {
    Key *key = data;
    key->text = arena_format(key->arena, "%s %s", key->text,
                             term_key(key->arena, term));
}

const char *term_key(Arena *arena, const Term *term) {
    Key key = {arena, ""};
    if (term->kind == TERM_CONST)
        return dtype_is_float(term->type->dtype)
                   ? arena_format(arena, "%a:%d", term->real, term->type->dtype)
                   : arena_format(arena, "%lld:%d", (long long)term->bits,
                                  term->type->dtype);
    if (term->kind == TERM_REF) return arena_format(arena, "v%d", term->var->id);
    if (term->kind != TERM_OP && term->kind != TERM_DIM && term->kind != TERM_GET &&
        term->kind != TERM_INDEX && term->kind != TERM_IF)
        return arena_format(arena, "t%p", (const void *)term);
    term_children(term, add_key, &key);
    return arena_format(arena, "(%d %d %d%s)", term->kind,
                        term->kind == TERM_OP ? (int)term->op : term->axis,
                        term->type->dtype, key.text);
}

typedef struct { const Var *var; bool found; } Reads;

static void reads(const Term *term, void *data) {
    Reads *r = data;
    if (term->kind == TERM_REF) r->found |= term->var == r->var;
    else if (!r->found) term_children(term, reads, data);
}

bool term_reads(const Term *term, const Var *var) {
    Reads r = {var, false};
    reads(term, &r);
    return r.found;
}
