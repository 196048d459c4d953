/* What is known of integers without running: signs and upper bounds. Enough
 * for subscripts that are affine, min, max, or cast from small dtypes. */
#include "check.h"

static const Term *resolve(Checker *ck, const Term *term) {
    while (term->kind == TERM_REF && term->var->kind == VAR_LET) {
        const Term *def = var_definition(ck, term->var);
        if (!def || def->type->kind != TY_TENSOR || def->type->rank) break;
        term = def;
    }
    return term;
}

static const Nest *nest_of(Checker *ck, const Var *var) {
    for (int i = ck->nest.n - 1; i >= 0; i--)
        if (ck->nest.at[i].var == var) return &ck->nest.at[i];
    return NULL;
}

static bool positive_constant(const Term *term) {
    int64_t value;
    return term_is_int(term, &value) && value > 0;
}

/* ---- how large ---- */

enum { ANY_BITS = 64 };

static int bits_of_operation(Checker *ck, const Term *term) {
    int a = most_bits(ck, term->arg[0]), b = term->nargs > 1 ? most_bits(ck, term->arg[1]) : 0;
    switch (term->op) {
    case OP_MUL: return a + b;
    case OP_ADD: return (a > b ? a : b) + 1;
    case OP_MAX: case OP_BITOR: return a > b ? a : b;
    case OP_MIN: case OP_BITAND: return a < b ? a : b;
    case OP_MOD: return b;
    case OP_FLOORDIV: case OP_SHR: case OP_CONVERT: return a;
    default: return ANY_BITS;
    }
}

/* A sum or product of at most 63 bits has not come around 2^63. */
int most_bits(Checker *ck, const Term *term) {
    const Nest *nest;
    int64_t value;
    int bits = 0, most = ANY_BITS;
    term = resolve(ck, term);
    if (term->type->kind != TY_TENSOR || term->type->rank) return ANY_BITS;
    if (term_is_int(term, &value)) {
        for (; value > 0 && bits < 63; value >>= 1) bits++;
        return value < 0 ? ANY_BITS : bits;
    }
    if (term->kind == TERM_DIM) return DIM_BITS;
    if (term->type->dtype == PL_BOOL) most = 1;
    else if (dtype_is_integer(term->type->dtype)) most = 8 * dtype_size(term->type->dtype);
    if (term->kind == TERM_REF && (nest = nest_of(ck, term->var)))
        bits = most_bits(ck, nest->to);
    else if (term->kind == TERM_OP && dtype_is_integer(term->arg[0]->type->dtype))
        bits = bits_of_operation(ck, term);
    else return most;
    return bits < most ? bits : most;
}

/* ---- signs ---- */

static bool operation_nonnegative(Checker *ck, const Term *term) {
    const Term *a = term->arg[0], *b = term->nargs > 1 ? term->arg[1] : NULL;
    int signs = 8 * dtype_size(term->type->dtype) - 1;
    switch (term->op) {
    case OP_MUL: case OP_ADD:
        return bits_of_operation(ck, term) <= signs && plainly_nonnegative(ck, a) &&
               plainly_nonnegative(ck, b);
    case OP_MIN: case OP_BITOR:
        return plainly_nonnegative(ck, a) && plainly_nonnegative(ck, b);
    case OP_MAX: case OP_BITAND:
        return plainly_nonnegative(ck, a) || plainly_nonnegative(ck, b);
    case OP_FLOORDIV: return plainly_nonnegative(ck, a) && positive_constant(b);
    case OP_MOD: return positive_constant(b);
    case OP_CONVERT: case OP_SHR: return plainly_nonnegative(ck, a);
    default: return false;
    }
}

bool plainly_nonnegative(Checker *ck, const Term *term) {
    int64_t value;
    const Nest *nest;
    term = resolve(ck, term);
    if (term->type->kind != TY_TENSOR || term->type->rank) return false;
    if (dtype_is_integer(term->type->dtype) && !dtype_is_signed(term->type->dtype))
        return true;
    if (term->type->dtype == PL_BOOL) return true;
    if (term_is_int(term, &value)) return value >= 0;
    if (term->kind == TERM_DIM) return true;
    if (term->kind == TERM_REF) {
        nest = nest_of(ck, term->var);
        return nest && plainly_nonnegative(ck, nest->from);
    }
    return term->kind == TERM_OP && operation_nonnegative(ck, term);
}

/* Bounds as polynomials, NULL where unknown. */
typedef struct { const Dim *low, *high; } Bounds;

static Bounds bounds_of(Checker *ck, const Term *term);

static Bounds exact(Checker *ck, const Term *term) {
    const Dim *dim = dim_of_term(ck, term);
    return (Bounds){dim, dim};
}

/* What might come around 2^63 is not known. */
static Bounds sum(Checker *ck, Bounds a, Bounds b) {
    enum { BITS = 61 };
    bool low = a.low && b.low && dim_bits(a.low) <= BITS && dim_bits(b.low) <= BITS;
    bool high = a.high && b.high && dim_bits(a.high) <= BITS && dim_bits(b.high) <= BITS;
    return (Bounds){low ? dim_add(ck->dims, a.low, b.low) : NULL,
                    high ? dim_add(ck->dims, a.high, b.high) : NULL};
}

static Bounds scaled(Checker *ck, Bounds a, int64_t factor) {
    enum { BITS = 62 };
    const Dim *f = dim_number(ck->dims, factor);
    const Dim *low = factor < 0 ? a.high : a.low, *high = factor < 0 ? a.low : a.high;
    if (low && dim_bits(low) + dim_bits(f) > BITS) low = NULL;
    if (high && dim_bits(high) + dim_bits(f) > BITS) high = NULL;
    return (Bounds){low ? dim_mul(ck->dims, low, f) : NULL,
                    high ? dim_mul(ck->dims, high, f) : NULL};
}

static Bounds index_bounds(Checker *ck, const Nest *nest) {
    Bounds from = bounds_of(ck, nest->from), to = bounds_of(ck, nest->to);
    Bounds one = {dim_number(ck->dims, -1), dim_number(ck->dims, -1)};
    return (Bounds){from.low, sum(ck, to, one).high};
}

static Bounds bounds_of(Checker *ck, const Term *term) {
    const Nest *nest;
    int64_t factor;
    term = resolve(ck, term);
    if (term->kind == TERM_REF && (nest = nest_of(ck, term->var)))
        return index_bounds(ck, nest);
    if (term->kind != TERM_OP || term->type->dtype != PL_I64) return exact(ck, term);
    switch (term->op) {
    case OP_ADD: return sum(ck, bounds_of(ck, term->arg[0]), bounds_of(ck, term->arg[1]));
    case OP_SUB:
        return sum(ck, bounds_of(ck, term->arg[0]),
                   scaled(ck, bounds_of(ck, term->arg[1]), -1));
    case OP_MUL:
        if (term_is_int(resolve(ck, term->arg[1]), &factor))
            return scaled(ck, bounds_of(ck, term->arg[0]), factor);
        if (term_is_int(resolve(ck, term->arg[0]), &factor))
            return scaled(ck, bounds_of(ck, term->arg[1]), factor);
        return exact(ck, term);
    default: return exact(ck, term);
    }
}

bool prove_nonnegative(Checker *ck, const Term *term) {
    const Dim *low;
    term = resolve(ck, term);
    if (plainly_nonnegative(ck, term)) return true;
    if (term->kind == TERM_OP && term->op == OP_MAX)
        return prove_nonnegative(ck, term->arg[0]) || prove_nonnegative(ck, term->arg[1]);
    if (term->kind == TERM_OP && term->op == OP_MIN)
        return prove_nonnegative(ck, term->arg[0]) && prove_nonnegative(ck, term->arg[1]);
    if (term->type->dtype != PL_I64) return false;
    low = bounds_of(ck, term).low;
    return low && dim_nonnegative(low);
}

static bool at_most(Checker *ck, const Dim *low, const Dim *high) {
    return low && high && dim_nonnegative(dim_sub(ck->dims, high, low));
}

/* term <= limit */
static bool prove_at_most(Checker *ck, const Term *term, const Dim *limit) {
    const Nest *nest;
    term = resolve(ck, term);
    if (term->kind == TERM_OP && term->op == OP_MIN &&
        (prove_at_most(ck, term->arg[0], limit) ||
         prove_at_most(ck, term->arg[1], limit)))
        return true;
    if (term->kind == TERM_OP && term->op == OP_MAX)
        return prove_at_most(ck, term->arg[0], limit) &&
               prove_at_most(ck, term->arg[1], limit);
    if (term->kind == TERM_REF && (nest = nest_of(ck, term->var)))
        return prove_at_most(ck, nest->to,
                             dim_add(ck->dims, limit, dim_number(ck->dims, 1)));
    return at_most(ck, bounds_of(ck, term).high, limit);
}

static bool small_dtype(Checker *ck, const Term *term, const Dim *dim) {
    int64_t size, most;
    term = resolve(ck, term);
    while (term->kind == TERM_OP && term->op == OP_CONVERT &&
           dtype_is_integer(term->arg[0]->type->dtype))
        term = resolve(ck, term->arg[0]);
    if (!dim_constant(dim, &size) || dtype_size(term->type->dtype) > 2) return false;
    most = ((int64_t)1 << (8 * dtype_size(term->type->dtype) -
                           dtype_is_signed(term->type->dtype))) - 1;
    if (term->type->dtype == PL_BOOL) most = 1;
    return dtype_is_float(term->type->dtype) ? false : most < size;
}

bool prove_below(Checker *ck, const Term *term, const Dim *dim) {
    int64_t size, modulus;
    const Term *plain = resolve(ck, term);
    if (!dim) return false;
    if (small_dtype(ck, term, dim)) return true;
    if (plain->kind == TERM_OP && plain->op == OP_MOD && dim_constant(dim, &size) &&
        term_is_int(plain->arg[1], &modulus))
        return modulus > 0 && modulus <= size;
    return prove_at_most(ck, term, dim_sub(ck->dims, dim, dim_number(ck->dims, 1)));
}
