/* One number at a time, as the language page says it. */
#include "scalar.h"
#include <math.h>
#include <string.h>

static bool is_double(pl_dtype d) { return d == PL_F64; }
static int width_of(pl_dtype d) { return 8 * dtype_size(d); }

static uint64_t most(pl_dtype d) {
    return ~(uint64_t)0 >> (64 - width_of(d)) >> dtype_is_signed(d);
}

static int64_t least(pl_dtype d) {
    return dtype_is_signed(d) ? -(int64_t)most(d) - 1 : 0;
}

/* The low bits as a number of the dtype. */
static Number cut(pl_dtype d, uint64_t bits) {
    uint64_t mask = ~(uint64_t)0 >> (64 - width_of(d));
    bits &= mask;
    if (dtype_is_signed(d) && bits > most(d)) bits |= ~mask;
    return (Number){.i = (int64_t)bits};
}

/* ---- 16-bit floats: value = sign * significand * 2^exponent ---- */

typedef struct Half { int fraction, least, most; } Half;   /* exponents unbiased */
static const Half half_f16 = {10, -14, 15}, half_bf16 = {7, -126, 127};

static const Half *half_of(pl_dtype d) { return d == PL_F16 ? &half_f16 : &half_bf16; }

/* x is the value of the bits; `inexact`: the true value lies a little further
 * from zero than |x|, closer than any tie. Rounds once, ties to even. */
static double round_half(const Half *h, double x, bool inexact) {
    int exponent;
    double a = fabs(x), step, down, rest, up;
    if (!isfinite(x) || x == 0) return x;
    frexp(a, &exponent);
    exponent--;
    if (exponent < h->least) exponent = h->least;
    step = ldexp(1, exponent - h->fraction);
    down = floor(a / step) * step;              /* all exact: powers of two */
    rest = a - down;
    up = down + step;
    if (rest > step / 2 || (rest == step / 2 && (inexact || fmod(down / step, 2) != 0)))
        a = up;
    else
        a = down;
    if (a >= ldexp(1, h->most + 1)) a = INFINITY;
    return copysign(a, x);
}

static uint16_t half_bits(pl_dtype d, float value) {
    const Half *h = half_of(d);
    double x = value, a = fabs(x);
    uint16_t sign = signbit(x) ? 0x8000 : 0;
    uint16_t infinite = (uint16_t)((h->most * 2 + 1) << h->fraction);
    int exponent;
    if (isnan(x)) return (uint16_t)(infinite | 1u << (h->fraction - 1));
    if (isinf(x)) return sign | infinite;
    if (a == 0) return sign;
    frexp(a, &exponent);
    exponent--;
    if (exponent < h->least)
        return sign | (uint16_t)(a / ldexp(1, h->least - h->fraction));
    a = a / ldexp(1, exponent) - 1;
    return sign | (uint16_t)((exponent + h->most) << h->fraction) |
           (uint16_t)(a * ldexp(1, h->fraction));
}

static float half_value(pl_dtype d, uint16_t bits) {
    const Half *h = half_of(d);
    int exponent = (bits & 0x7FFF) >> h->fraction;
    int fraction = bits & ((1 << h->fraction) - 1);
    double a;
    if (exponent == h->most * 2 + 1) a = fraction ? NAN : INFINITY;
    else if (exponent == 0) a = ldexp(fraction, h->least - h->fraction);
    else a = ldexp(fraction + (1 << h->fraction), exponent - h->most - h->fraction);
    return (float)(bits & 0x8000 ? -a : a);
}

/* ---- memory ---- */

Number scalar_load(pl_dtype d, const void *from) {
    Number n = {0};
    uint64_t bits = 0;
    memcpy(&bits, from, (size_t)dtype_size(d));
    switch (d) {
    case PL_F16: case PL_BF16: n.f = half_value(d, (uint16_t)bits); return n;
    case PL_F32: memcpy(&n.f, from, 4); return n;
    case PL_F64: memcpy(&n.d, from, 8); return n;
    case PL_BOOL: n.i = bits != 0; return n;
    default: return cut(d, bits);
    }
}

void scalar_store(pl_dtype d, Number n, void *to) {
    uint16_t half;
    switch (d) {
    case PL_F16: case PL_BF16:
        half = half_bits(d, n.f);
        memcpy(to, &half, 2);
        return;
    case PL_F32: memcpy(to, &n.f, 4); return;
    case PL_F64: memcpy(to, &n.d, 8); return;
    default: memcpy(to, &n.i, (size_t)dtype_size(d)); return;   /* little endian */
    }
}

/* ---- comparing ---- */

bool scalar_is_nan(pl_dtype d, Number n) {
    return is_double(d) ? n.d != n.d : dtype_is_float(d) && n.f != n.f;
}

bool scalar_less(pl_dtype d, Number a, Number b) {
    if (is_double(d)) return a.d < b.d;
    if (dtype_is_float(d)) return a.f < b.f;
    return d == PL_U64 ? (uint64_t)a.i < (uint64_t)b.i : a.i < b.i;
}

static bool equal(pl_dtype d, Number a, Number b) {
    if (is_double(d)) return a.d == b.d;
    return dtype_is_float(d) ? a.f == b.f : a.i == b.i;
}

static bool compare(Op op, pl_dtype d, Number a, Number b) {
    switch (op) {
    case OP_EQ: return equal(d, a, b);
    case OP_NE: return !equal(d, a, b);
    case OP_LT: return scalar_less(d, a, b);
    case OP_LE: return scalar_less(d, a, b) || equal(d, a, b);
    case OP_GT: return scalar_less(d, b, a);
    default: return scalar_less(d, b, a) || equal(d, a, b);
    }
}

Number scalar_canonical(pl_dtype d, Number n) {
    static const uint32_t quiet = 0x7FC00000;
    static const uint64_t quiet_long = 0x7FF8000000000000;
    if (!scalar_is_nan(d, n)) return n;
    if (is_double(d)) memcpy(&n.d, &quiet_long, 8);
    else memcpy(&n.f, &quiet, 4);
    return n;
}

/* ---- converting ---- */

/* r is integral or infinite. Bounds are compared as powers of two, exactly. */
static Number integer_from(pl_dtype to, double r) {
    double above = ldexp(1, width_of(to) - dtype_is_signed(to));
    if (r != r) return (Number){.i = 0};
    if (r >= above) return (Number){.i = (int64_t)most(to)};
    if (r <= (double)least(to)) return (Number){.i = least(to)};
    if (to == PL_U64) return (Number){.i = (int64_t)(uint64_t)r};
    return (Number){.i = (int64_t)r};
}

static Number saturate(pl_dtype from, pl_dtype to, Number n) {
    bool negative = from != PL_U64 && n.i < 0;
    if (negative) return n.i < least(to) ? (Number){.i = least(to)} : n;
    return (uint64_t)n.i > most(to) ? (Number){.i = (int64_t)most(to)} : n;
}

/* An integer's value cut to the 53 bits of f64, towards zero. */
static double truncated(pl_dtype from, Number n, bool *inexact) {
    bool negative = from != PL_U64 && n.i < 0;
    uint64_t a = negative ? 0 - (uint64_t)n.i : (uint64_t)n.i;
    int shift = 0;
    *inexact = false;
    for (; a >> shift >> 53; shift++) *inexact |= a >> shift & 1;
    return copysign(ldexp((double)(a >> shift), shift), negative ? -1 : 1);
}

static Number float_from_integer(pl_dtype from, pl_dtype to, Number n) {
    uint64_t u = (uint64_t)n.i;
    bool is_unsigned = from == PL_U64, inexact;
    double x;
    if (to == PL_F64) return (Number){.d = is_unsigned ? (double)u : (double)n.i};
    if (to == PL_F32) return (Number){.f = is_unsigned ? (float)u : (float)n.i};
    x = truncated(from, n, &inexact);
    return (Number){.f = (float)round_half(half_of(to), x, inexact)};
}

static Number float_from_float(pl_dtype from, pl_dtype to, Number n) {
    double x = is_double(from) ? n.d : n.f;
    if (to == PL_F64) return (Number){.d = x};
    if (to == PL_F32) return (Number){.f = (float)x};
    return (Number){.f = (float)round_half(half_of(to), x, false)};
}

Number scalar_convert(pl_dtype from, pl_dtype to, Number n) {
    bool real = dtype_is_float(from);
    if (from == to) return n;
    if (to == PL_BOOL) return (Number){.i = is_double(from) ? n.d != 0 : real ? n.f != 0
                                                                      : n.i != 0};
    if (real && dtype_is_float(to)) return float_from_float(from, to, n);
    if (real) return integer_from(to, is_double(from) ? rint(n.d) : rintf(n.f));
    if (dtype_is_float(to)) return float_from_integer(from, to, n);
    return saturate(from, to, n);
}

/* ---- integers ---- */

/* Rounded towards minus infinity; MIN // -1 wraps to MIN when cut. */
static uint64_t floor_divide(pl_dtype d, Number a, Number b) {
    int64_t q;
    if (!dtype_is_signed(d)) return (uint64_t)a.i / (uint64_t)b.i;
    if (b.i == -1) return 0 - (uint64_t)a.i;
    q = a.i / b.i;
    return (uint64_t)(a.i % b.i != 0 && (a.i < 0) != (b.i < 0) ? q - 1 : q);
}

static uint64_t shift(Op op, pl_dtype d, int64_t a, int64_t by) {
    bool out = by < 0 || by >= width_of(d);
    if (op == OP_SHL) return out ? 0 : (uint64_t)a << by;
    if (!dtype_is_signed(d)) return out ? 0 : (uint64_t)a >> by;
    if (out) by = 63;
    return a < 0 ? ~(~(uint64_t)a >> by) : (uint64_t)a >> by;
}

static uint64_t high_product(uint64_t a, uint64_t b) {
    uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
    uint64_t low = al * bl, middle = ah * bl + (low >> 32);
    uint64_t other = al * bh + (uint32_t)middle;
    return ah * bh + (middle >> 32) + (other >> 32);
}

static uint64_t integer_op(Op op, pl_dtype d, const Number *n) {
    uint64_t a = (uint64_t)n[0].i, b = op_arity[op] > 1 ? (uint64_t)n[1].i : 0;
    switch (op) {
    case OP_ADD: return a + b;
    case OP_SUB: return a - b;
    case OP_MUL: return a * b;
    case OP_NEG: return 0 - a;
    case OP_FLOORDIV: return floor_divide(d, n[0], n[1]);
    case OP_MOD: return a - b * floor_divide(d, n[0], n[1]);
    case OP_NOT: return !a;
    case OP_MIN: return scalar_less(d, n[0], n[1]) ? a : b;
    case OP_MAX: return scalar_less(d, n[1], n[0]) ? a : b;
    case OP_ABS: return dtype_is_signed(d) && n[0].i < 0 ? 0 - a : a;
    case OP_BITAND: return a & b;
    case OP_BITOR: return a | b;
    case OP_BITXOR: return a ^ b;
    case OP_SHL: case OP_SHR: return shift(op, d, n[0].i, n[1].i);
    case OP_MULHI: return high_product(a, b);
    case OP_WRAP: return a;
    default: bug("scalar: %s of integers", op_name[op]);
    }
}

/* ---- floats: each line rounds once an operation ---- */

static float single_op(Op op, float a, float b, float c) {
    switch (op) {
    case OP_ADD: return a + b;
    case OP_SUB: return a - b;
    case OP_MUL: return a * b;
    case OP_DIV: return a / b;
    case OP_NEG: return copysignf(a, signbit(a) ? 1.0f : -1.0f);
    case OP_FLOORDIV: return floorf(a / b);
    case OP_MOD: return a - b * floorf(a / b);
    case OP_MIN: return a < b || b != b ? a : b;
    case OP_MAX: return a > b || b != b ? a : b;
    case OP_FMA: return fmaf(a, b, c);
    case OP_SQRT: return sqrtf(a);
    case OP_FLOOR: return floorf(a);
    case OP_CEIL: return ceilf(a);
    case OP_TRUNC: return truncf(a);
    case OP_ROUND: return rintf(a);
    case OP_ABS: return fabsf(a);
    default: bug("scalar: %s of f32", op_name[op]);
    }
}

static double double_op(Op op, double a, double b, double c) {
    switch (op) {
    case OP_ADD: return a + b;
    case OP_SUB: return a - b;
    case OP_MUL: return a * b;
    case OP_DIV: return a / b;
    case OP_NEG: return copysign(a, signbit(a) ? 1.0 : -1.0);
    case OP_FLOORDIV: return floor(a / b);
    case OP_MOD: return a - b * floor(a / b);
    case OP_MIN: return a < b || b != b ? a : b;
    case OP_MAX: return a > b || b != b ? a : b;
    case OP_FMA: return fma(a, b, c);
    case OP_SQRT: return sqrt(a);
    case OP_FLOOR: return floor(a);
    case OP_CEIL: return ceil(a);
    case OP_TRUNC: return trunc(a);
    case OP_ROUND: return rint(a);
    case OP_ABS: return fabs(a);
    default: bug("scalar: %s of f64", op_name[op]);
    }
}

static Number float_op(Op op, pl_dtype d, const Number *n) {
    Number zero = {0}, b = op_arity[op] > 1 ? n[1] : zero, c = op_arity[op] > 2 ? n[2] : zero;
    if (is_double(d)) return (Number){.d = double_op(op, n[0].d, b.d, c.d)};
    return (Number){.f = single_op(op, n[0].f, b.f, c.f)};
}

/* ---- all ---- */

static Number bits_of(pl_dtype from, Number n) {
    uint64_t bits = 0;
    n = scalar_canonical(from, n);
    scalar_store(from, n, &bits);
    return (Number){.i = (int64_t)bits};
}

bool scalar_op(Op op, pl_dtype from, pl_dtype to, const Number *n, Number *result) {
    if (op == OP_CONVERT) {
        *result = scalar_convert(from, to, n[0]);
    } else if (op == OP_BITS) {
        *result = bits_of(from, n[0]);
    } else if (op == OP_FROM_BITS) {
        *result = scalar_load(to, &n[0].i);
    } else if (op >= OP_EQ && op <= OP_GE) {
        *result = (Number){.i = compare(op, from, n[0], n[1])};
    } else if (dtype_is_float(from)) {
        *result = float_op(op, from, n);
    } else if ((op == OP_FLOORDIV || op == OP_MOD) && n[1].i == 0) {
        *result = (Number){.i = 0};
        return false;
    } else {
        uint64_t bits = integer_op(op, from, n);
        *result = to == PL_BOOL ? (Number){.i = bits != 0} : cut(to, bits);
    }
    return true;
}
