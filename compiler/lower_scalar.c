/* Scalar operations: exactly the arithmetic of docs/language.md section 3. */
#include <math.h>
#include <string.h>
#include "lower_room.h"

static bool is_f64(pl_dtype d) { return d == PL_F64; }
static LoopScalar float_type(pl_dtype d) { return is_f64(d) ? LT_F64 : LT_F32; }

static Value unary(Gen *g, LoopOp op, Value a) {
    return gen_op(g, op, gen_type(g, a), 1, a);
}

static Value binary(Gen *g, LoopOp op, Value a, Value b) {
    return gen_op(g, op, gen_type(g, a), 2, a, b);
}

static Value compare(Gen *g, LoopOp op, Value a, Value b) {
    return gen_op(g, op, LT_I1, 2, a, b);
}

static Value is_nan(Gen *g, Value a) { return compare(g, LOOP_FNE, a, a); }

static Value constant(Gen *g, const Term *term) {
    pl_dtype d = term->type->dtype;
    if (dtype_is_float(d)) return gen_real(g, float_type(d), term->real);
    return gen_int(g, reg_type(d), (int64_t)term->bits);
}

/* ---- comparisons ---- */

static Value order(Gen *g, pl_dtype d, bool equal, Value a, Value b) {
    if (dtype_is_float(d)) return compare(g, equal ? LOOP_FLE : LOOP_FLT, a, b);
    if (d == PL_BOOL) {
        a = gen_cast(g, LOOP_ZEXT, LT_I8, a);
        b = gen_cast(g, LOOP_ZEXT, LT_I8, b);
    }
    if (dtype_is_signed(d)) return compare(g, equal ? LOOP_SLE : LOOP_SLT, a, b);
    return compare(g, equal ? LOOP_ULE : LOOP_ULT, a, b);
}

static Value relation(Gen *g, Op op, pl_dtype d, Value a, Value b) {
    bool real = dtype_is_float(d);
    switch (op) {
    case OP_EQ: return compare(g, real ? LOOP_FEQ : LOOP_EQ, a, b);
    case OP_NE: return compare(g, real ? LOOP_FNE : LOOP_NE, a, b);
    case OP_LT: return order(g, d, false, a, b);
    case OP_LE: return order(g, d, true, a, b);
    case OP_GT: return order(g, d, false, b, a);
    default: return order(g, d, true, b, a);
    }
}

/* min: a if a < b or b is NaN, else b. max: a if a > b or b is NaN, else b. */
Value gen_extreme(Gen *g, Op op, pl_dtype d, Value a, Value b, bool number) {
    Value first, nan = NO_VALUE;
    if (!dtype_is_float(d)) {
        LoopOp signed_op = op == OP_MIN ? LOOP_SMIN : LOOP_SMAX;
        LoopOp unsigned_op = op == OP_MIN ? LOOP_UMIN : LOOP_UMAX;
        return binary(g, dtype_is_signed(d) ? signed_op : unsigned_op, a, b);
    }
    if (!number) nan = is_nan(g, b);
    first = op == OP_MIN ? compare(g, LOOP_FLT, a, b) : compare(g, LOOP_FLT, b, a);
    b = gen_select(g, first, a, b);
    return number ? b : gen_select(g, nan, a, b);
}

/* ---- division ---- */

/* The divisor is neither 0 nor -1. Truncation to floor: one less where the rest
 * and the divisor differ in sign. */
static Value floor_signed(Gen *g, bool modulo, Value a, Value b) {
    LoopScalar type = gen_type(g, a);
    Value zero = gen_zero(g, type), q, r, apart, off;
    if (modulo) {
        r = binary(g, LOOP_SREM, a, b);
    } else {
        q = binary(g, LOOP_SDIV, a, b);
        r = binary(g, LOOP_SUB, a, binary(g, LOOP_MUL, q, b));
    }
    apart = compare(g, LOOP_SLT, binary(g, LOOP_XOR, r, b), zero);
    off = gen_op(g, LOOP_AND, LT_I1, 2, compare(g, LOOP_NE, r, zero), apart);
    if (modulo) return gen_select(g, off, binary(g, LOOP_ADD, r, b), r);
    return binary(g, LOOP_SUB, q, gen_cast(g, LOOP_ZEXT, type, off));
}

static Value divide_integers(Gen *g, bool modulo, bool is_signed, Value a, Value b) {
    LoopScalar type = gen_type(g, a);
    Value one = gen_int(g, type, 1), zero = gen_zero(g, type), minus, safe, odd;
    int64_t n;
    bool known = gen_is_int(g, b, &n);
    safe = known ? b : gen_select(g, compare(g, LOOP_EQ, b, zero), one, b);
    if (known && n == 0) safe = one;
    if (!is_signed) return binary(g, modulo ? LOOP_UREM : LOOP_UDIV, a, safe);
    if (known && n != -1) return floor_signed(g, modulo, a, safe);
    odd = compare(g, LOOP_EQ, b, gen_int(g, type, -1));
    safe = gen_select(g, odd, one, safe);
    minus = modulo ? zero : binary(g, LOOP_SUB, zero, a);
    return gen_select(g, odd, minus, floor_signed(g, modulo, a, safe));
}

static Value divide_reals(Gen *g, bool modulo, Value a, Value b) {
    Value q = unary(g, LOOP_FLOOR, binary(g, LOOP_FDIV, a, b));
    return modulo ? binary(g, LOOP_FSUB, a, binary(g, LOOP_FMUL, b, q)) : q;
}

static Scalar division(Gen *g, const Term *term, Value a, Value b, Value fail) {
    pl_dtype d = term->arg[0]->type->dtype;
    bool modulo = term->op == OP_MOD;
    Value bad;
    int64_t n;
    if (dtype_is_float(d)) return (Scalar){divide_reals(g, modulo, a, b), fail};
    if (!gen_is_int(g, b, &n) || n == 0) {
        int site = gen_site(g, term->at, "division by zero");
        bad = compare(g, LOOP_EQ, b, gen_zero(g, gen_type(g, b)));
        fail = gen_fail_when(g, bad, site, gen_long(g, 0), gen_long(g, 0), fail, false);
    }
    return (Scalar){divide_integers(g, modulo, dtype_is_signed(d), a, b), fail};
}

/* ---- bits ---- */

static Value shift(Gen *g, Op op, pl_dtype d, pl_dtype by, Value a, Value b) {
    LoopScalar type = gen_type(g, a);
    int width = 8 * loop_scalar_bytes(type);
    bool keeps_sign = op == OP_SHR && dtype_is_signed(d);
    Value count = gen_cast(g, dtype_is_signed(by) ? LOOP_SEXT : LOOP_ZEXT, LT_I64, b);
    Value fits = compare(g, LOOP_ULT, count, gen_long(g, width)), shifted;
    count = gen_select(g, fits, count, gen_long(g, keeps_sign ? width - 1 : 0));
    count = gen_cast(g, LOOP_TRUNC, type, count);
    shifted = binary(g, op == OP_SHL ? LOOP_SHL : keeps_sign ? LOOP_ASHR : LOOP_LSHR, a,
                     count);
    return keeps_sign ? shifted : gen_select(g, fits, shifted, gen_zero(g, type));
}

static Value canonical_bits(Gen *g, Value nan, LoopScalar type, int64_t quiet, Value v) {
    return gen_select(g, nan, gen_int(g, type, quiet), v);
}

static Value bits_of(Gen *g, pl_dtype d, Value a) {
    Value nan = is_nan(g, a);
    switch (d) {
    case PL_F16:
        return canonical_bits(g, nan, LT_I16, 0x7E00, gen_op(g, LOOP_FTOH, LT_I16, 1, a));
    case PL_BF16:
        return canonical_bits(g, nan, LT_I16, 0x7FC0, gen_op(g, LOOP_FTOB, LT_I16, 1, a));
    case PL_F32:
        return canonical_bits(g, nan, LT_I32, 0x7FC00000,
                              gen_op(g, LOOP_BITCAST, LT_I32, 1, a));
    default:
        return canonical_bits(g, nan, LT_I64, 0x7FF8000000000000,
                              gen_op(g, LOOP_BITCAST, LT_I64, 1, a));
    }
}

static Value from_bits(Gen *g, pl_dtype d, Value a) {
    if (d == PL_F16) return gen_op(g, LOOP_HTOF, LT_F32, 1, a);
    if (d == PL_BF16) return gen_op(g, LOOP_BTOF, LT_F32, 1, a);
    return gen_op(g, LOOP_BITCAST, reg_type(d), 1, a);
}

static Value wrap(Gen *g, pl_dtype from, pl_dtype to, Value a) {
    if (from == PL_BOOL) return gen_cast(g, LOOP_ZEXT, reg_type(to), a);
    if (dtype_size(to) < dtype_size(from)) return gen_cast(g, LOOP_TRUNC, reg_type(to), a);
    return gen_cast(g, dtype_is_signed(from) ? LOOP_SEXT : LOOP_ZEXT, reg_type(to), a);
}

/* Outputs write the canonical NaN: quiet, sign 0, payload 0. */
Value gen_canonical(Gen *g, pl_dtype d, Value v) {
    if (!dtype_is_float(d)) return v;
    return gen_select(g, is_nan(g, v), gen_real(g, float_type(d), NAN), v);
}

/* ---- operations ---- */

static Value absolute(Gen *g, pl_dtype d, Value a) {
    Value zero;
    if (dtype_is_float(d)) return unary(g, LOOP_FABS, a);
    if (!dtype_is_signed(d)) return a;
    zero = gen_zero(g, gen_type(g, a));
    return gen_select(g, compare(g, LOOP_SLT, a, zero), binary(g, LOOP_SUB, zero, a), a);
}

static Value one_operand(Gen *g, const Term *term, Value a) {
    pl_dtype d = term->arg[0]->type->dtype, to = term->type->dtype;
    bool real = dtype_is_float(d);
    switch (term->op) {
    case OP_NEG:
        return real ? unary(g, LOOP_FNEG, a)
                    : binary(g, LOOP_SUB, gen_zero(g, gen_type(g, a)), a);
    case OP_NOT: return gen_not(g, a);
    case OP_SQRT: return unary(g, LOOP_SQRT, a);
    case OP_FLOOR: return unary(g, LOOP_FLOOR, a);
    case OP_CEIL: return unary(g, LOOP_CEIL, a);
    case OP_TRUNC: return unary(g, LOOP_TRUNCF, a);
    case OP_ROUND: return unary(g, LOOP_RINT, a);
    case OP_ABS: return absolute(g, d, a);
    case OP_BITS: return bits_of(g, d, a);
    case OP_FROM_BITS: return from_bits(g, to, a);
    case OP_WRAP: return wrap(g, d, to, a);
    case OP_CONVERT: return gen_convert(g, d, to, a);
    default: bug("lower: %s of one operand", op_name[term->op]);
    }
}

static bool is_number(Gen *g, const Term *term) {
    return !g->plain && dtype_is_float(term->type->dtype) &&
           term_is_number(g->all, term);
}

static Value two_operands(Gen *g, const Term *term, Value a, Value b) {
    pl_dtype d = term->arg[0]->type->dtype;
    bool real = dtype_is_float(d);
    switch (term->op) {
    case OP_ADD: return binary(g, real ? LOOP_FADD : LOOP_ADD, a, b);
    case OP_SUB: return binary(g, real ? LOOP_FSUB : LOOP_SUB, a, b);
    case OP_MUL: return binary(g, real ? LOOP_FMUL : LOOP_MUL, a, b);
    case OP_DIV: return binary(g, LOOP_FDIV, a, b);
    case OP_EQ: case OP_NE: case OP_LT: case OP_LE: case OP_GT: case OP_GE:
        return relation(g, term->op, d, a, b);
    case OP_MIN: case OP_MAX:
        return gen_extreme(g, term->op, d, a, b, is_number(g, term->arg[1]));
    case OP_BITAND: return binary(g, LOOP_AND, a, b);
    case OP_BITOR: return binary(g, LOOP_OR, a, b);
    case OP_BITXOR: return binary(g, LOOP_XOR, a, b);
    case OP_MULHI: return binary(g, LOOP_MULHI, a, b);
    case OP_SHL: case OP_SHR:
        return shift(g, term->op, d, term->arg[1]->type->dtype, a, b);
    default: bug("lower: %s of two operands", op_name[term->op]);
    }
}

static Scalar operation(Gen *g, const Term *term) {
    Value v[3] = {NO_VALUE, NO_VALUE, NO_VALUE}, fail = NO_VALUE;
    for (int i = 0; i < term->nargs; i++) {
        Scalar s = gen_scalar(g, term->arg[i]);
        v[i] = s.v;
        fail = gen_first(g, fail, s.fail);
    }
    if (term->op == OP_FLOORDIV || term->op == OP_MOD)
        return division(g, term, v[0], v[1], fail);
    if (term->nargs == 1) return (Scalar){one_operand(g, term, v[0]), fail};
    if (term->nargs == 2) return (Scalar){two_operands(g, term, v[0], v[1]), fail};
    return (Scalar){gen_op(g, LOOP_FMA, gen_type(g, v[0]), 3, v[0], v[1], v[2]), fail};
}

Value gen_philox(Gen *g, const Term *term, Value element) {
    LoopScalar type = term->width == 64 || term->kind == TERM_PERM ? LT_I64 : LT_I32;
    Value key = gen_field(g, LT_I64, g->call, term->reused ? CALL_REUSED_KEY : CALL_KEY, 0);
    Value id = g->id[g->level + 2];
    if (id == NO_VALUE) bug("lower: a draw at level %d", g->level);
    return gen_op(g, LOOP_PHILOX, type, 4, key, id,
                  gen_int(g, LT_I32, (int32_t)term->site), element);
}

static Scalar draw(Gen *g, const Term *term) {
    Scalar element = gen_scalar(g, term->arg[0]);
    return (Scalar){gen_philox(g, term, element.v), element.fail};
}

Scalar gen_scalar(Gen *g, const Term *term) {
    const Place *at = gen_place(g, term->at);
    Scalar s;
    switch (term->kind) {
    case TERM_CONST: s = scalar(constant(g, term)); break;
    case TERM_OP: s = operation(g, term); break;
    case TERM_INDEX: s = gen_index(g, term); break;
    case TERM_DIM: s = gen_dim(g, term->arg[0], term->axis); break;
    case TERM_REDUCE: s = gen_reduce(g, term); break;
    case TERM_DRAW: s = draw(g, term); break;
    default: s = gen_low(g, term).s;
    }
    gen_place_back(g, at);
    return s;
}
