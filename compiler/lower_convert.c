/* Conversions: floats to integers round to nearest, ties to even, saturate, NaN
 * to 0; integers saturate; one rounding to every float type. */
#include <math.h>
#include "lower_room.h"

static int bits_of(pl_dtype d) { return 8 * dtype_size(d); }

static int64_t least(pl_dtype d) {
    return dtype_is_signed(d) ? (int64_t)(~(uint64_t)0 << (bits_of(d) - 1)) : 0;
}

/* As the bits of an i64. */
static int64_t most(pl_dtype d) {
    return (int64_t)(~(uint64_t)0 >> (64 - bits_of(d)) >> dtype_is_signed(d));
}

static Value widen(Gen *g, pl_dtype from, LoopScalar to, Value a) {
    return gen_cast(g, dtype_is_signed(from) ? LOOP_SEXT : LOOP_ZEXT, to, a);
}

/* ---- integer to integer ---- */

static Value integer_to_integer(Gen *g, pl_dtype from, pl_dtype to, Value a) {
    LoopScalar type = gen_type(g, a), out = reg_type(to);
    bool is_signed = dtype_is_signed(from);
    if (is_signed && least(from) < least(to))
        a = gen_op(g, LOOP_SMAX, type, 2, a, gen_int(g, type, least(to)));
    if ((uint64_t)most(to) < (uint64_t)most(from))
        a = gen_op(g, is_signed ? LOOP_SMIN : LOOP_UMIN, type, 2, a,
                   gen_int(g, type, most(to)));
    if (bits_of(to) < bits_of(from)) return gen_cast(g, LOOP_TRUNC, out, a);
    return widen(g, from, out, a);
}

/* ---- to float ---- */

static Value between(Gen *g, LoopOp op, LoopScalar type, Value a) {
    return gen_op(g, op, type, 1, a);
}

/* f64 to f32, the last bit set if anything was cut off ("round to odd"): a
 * second rounding to 16 bits then rounds once. */
static Value narrow_to_odd(Gen *g, Value x) {
    Value y = between(g, LOOP_FPTRUNC, LT_F32, x), back = between(g, LOOP_FPEXT, LT_F64, y);
    Value bits = between(g, LOOP_BITCAST, LT_I32, y);
    Value one = gen_int(g, LT_I32, 1), zero = gen_int(g, LT_I32, 0);
    Value beyond = gen_op(g, LOOP_FLT, LT_I1, 2, between(g, LOOP_FABS, LT_F64, x),
                          between(g, LOOP_FABS, LT_F64, back));
    Value inexact = gen_op(g, LOOP_FNE, LT_I1, 2, x, back);
    Value nan = gen_op(g, LOOP_FNE, LT_I1, 2, x, x);
    bits = gen_op(g, LOOP_SUB, LT_I32, 2, bits, gen_select(g, beyond, one, zero));
    bits = gen_op(g, LOOP_OR, LT_I32, 2, bits, gen_select(g, inexact, one, zero));
    return gen_select(g, nan, y, between(g, LOOP_BITCAST, LT_F32, bits));
}

static Value to_half(Gen *g, pl_dtype to, Value x) {
    if (to == PL_F16)
        return between(g, LOOP_HTOF, LT_F32, between(g, LOOP_FTOH, LT_I16, x));
    return between(g, LOOP_BTOF, LT_F32, between(g, LOOP_FTOB, LT_I16, x));
}

/* Exact in f64 but for the lowest bits of long integers, which stay sticky. */
static Value long_to_odd_f64(Gen *g, pl_dtype from, Value a) {
    bool is_signed = dtype_is_signed(from);
    Value low = gen_op(g, LOOP_AND, LT_I64, 2, a, gen_long(g, 2047));
    Value some = gen_op(g, LOOP_NE, LT_I1, 2, low, gen_long(g, 0));
    Value cut = gen_op(g, LOOP_AND, LT_I64, 2, a, gen_long(g, ~(int64_t)2047));
    Value sticky = gen_op(g, LOOP_OR, LT_I64, 2, cut,
                          gen_select(g, some, gen_long(g, 1024), gen_long(g, 0)));
    Value size = a, small;
    if (is_signed)
        size = gen_select(g, gen_op(g, LOOP_SLT, LT_I1, 2, a, gen_long(g, 0)),
                          gen_op(g, LOOP_SUB, LT_I64, 2, gen_long(g, 0), a), a);
    small = gen_op(g, LOOP_ULT, LT_I1, 2, size, gen_long(g, (int64_t)1 << 53));
    return between(g, is_signed ? LOOP_SITOFP : LOOP_UITOFP, LT_F64,
                   gen_select(g, small, a, sticky));
}

static Value integer_to_float(Gen *g, pl_dtype from, pl_dtype to, Value a) {
    LoopOp op = dtype_is_signed(from) ? LOOP_SITOFP : LOOP_UITOFP;
    if (to == PL_F64) return between(g, op, LT_F64, a);
    if (to == PL_F32) return between(g, op, LT_F32, a);
    if (bits_of(from) <= 16) return to_half(g, to, between(g, op, LT_F32, a));
    a = bits_of(from) == 64 ? long_to_odd_f64(g, from, a) : between(g, op, LT_F64, a);
    return to_half(g, to, narrow_to_odd(g, a));
}

static Value float_to_float(Gen *g, pl_dtype from, pl_dtype to, Value a) {
    if (to == PL_F64) return between(g, LOOP_FPEXT, LT_F64, a);
    if (to == PL_F32) return from == PL_F64 ? between(g, LOOP_FPTRUNC, LT_F32, a) : a;
    return to_half(g, to, from == PL_F64 ? narrow_to_odd(g, a) : a);
}

/* ---- float to integer ---- */

/* Bounds are exact in the float: clamped first, so that it vectorises. */
static Value to_short(Gen *g, pl_dtype to, Value r) {
    LoopScalar type = gen_type(g, r);
    Value low = gen_real(g, type, (double)least(to));
    Value high = gen_real(g, type, (double)most(to)), i;
    if (least(to))              /* NaN to 0; with least 0 the comparison does it */
        r = gen_select(g, gen_op(g, LOOP_FEQ, LT_I1, 2, r, r), r, gen_zero(g, type));
    r = gen_select(g, gen_op(g, LOOP_FLT, LT_I1, 2, low, r), r, low);
    r = gen_select(g, gen_op(g, LOOP_FLT, LT_I1, 2, r, high), r, high);
    if (to == PL_U32) return between(g, LOOP_FPTOUI, LT_I32, r);
    i = between(g, LOOP_FPTOSI, LT_I32, r);
    return gen_cast(g, LOOP_TRUNC, reg_type(to), i);
}

static Value to_long(Gen *g, pl_dtype to, Value r) {
    LoopScalar type = gen_type(g, r), out = reg_type(to);
    double limit = ldexp(1, bits_of(to) - dtype_is_signed(to));
    Value low = gen_real(g, type, (double)least(to)), high = gen_real(g, type, limit);
    Value over = gen_op(g, LOOP_FLE, LT_I1, 2, high, r);
    Value under = gen_op(g, LOOP_FLT, LT_I1, 2, r, low);
    Value fits = gen_op(g, LOOP_AND, LT_I1, 2, gen_op(g, LOOP_FLT, LT_I1, 2, r, high),
                        gen_op(g, LOOP_FLE, LT_I1, 2, low, r));
    Value safe = gen_select(g, fits, r, gen_zero(g, type));
    Value i = between(g, dtype_is_signed(to) ? LOOP_FPTOSI : LOOP_FPTOUI, out, safe);
    i = gen_select(g, under, gen_int(g, out, least(to)), i);
    return gen_select(g, over, gen_int(g, out, most(to)), i);
}

static Value float_to_integer(Gen *g, pl_dtype to, Value a) {
    LoopScalar type = gen_type(g, a);
    Value r = between(g, LOOP_RINT, type, a);
    bool exact = bits_of(to) <= 16 || (bits_of(to) == 32 && type == LT_F64);
    return exact ? to_short(g, to, r) : to_long(g, to, r);
}

/* ---- all ---- */

static Value to_bool(Gen *g, pl_dtype from, Value a) {
    return gen_op(g, dtype_is_float(from) ? LOOP_FNE : LOOP_NE, LT_I1, 2, a,
                  gen_zero(g, gen_type(g, a)));
}

static Value from_bool(Gen *g, pl_dtype to, Value a) {
    LoopScalar type = reg_type(to);
    if (!dtype_is_float(to)) return gen_cast(g, LOOP_ZEXT, type, a);
    return gen_select(g, a, gen_real(g, type, 1), gen_real(g, type, 0));
}

Value gen_convert(Gen *g, pl_dtype from, pl_dtype to, Value a) {
    if (from == to) return a;
    if (to == PL_BOOL) return to_bool(g, from, a);
    if (from == PL_BOOL) return from_bool(g, to, a);
    if (dtype_is_float(from))
        return dtype_is_float(to) ? float_to_float(g, from, to, a)
                                  : float_to_integer(g, to, a);
    return dtype_is_float(to) ? integer_to_float(g, from, to, a)
                              : integer_to_integer(g, from, to, a);
}
