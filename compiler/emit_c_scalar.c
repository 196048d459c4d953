/* Scalar expressions of the emitted C. Nothing here may overflow a signed type,
 * shift by too much or round twice. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../dsl/diag.h"
#include "emit_c.h"

LoopType c_type_of(const CWriter *c, Value value) {
    return c->function->value_types.at[value];
}

/* ---- constants ---- */

static const char *real_constant(CWriter *c, LoopScalar scalar, double x) {
    bool f32 = scalar == LT_F32;
    char text[40];
    if (isnan(x)) return f32 ? "__builtin_nanf(\"\")" : "__builtin_nan(\"\")";
    if (isinf(x))
        return arena_format(c->arena, "%s__builtin_inf%s()", x < 0 ? "-" : "",
                            f32 ? "f" : "");
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        double back = strtod(text, NULL);
        if (f32 ? strtof(text, NULL) == (float)x : back == x) break;
    }
    const char *point = strpbrk(text, ".e") ? "" : ".0";
    return arena_format(c->arena, "%s%s%s", text, point, f32 ? "f" : "");
}

const char *c_constant(CWriter *c, LoopType type, int64_t n, double x) {
    switch (type.scalar) {
    case LT_F32: case LT_F64: return real_constant(c, type.scalar, x);
    case LT_PTR: return "(uint8_t *)0";
    case LT_I1: case LT_I8: return arena_format(c->arena, "%u", (unsigned)(uint8_t)n);
    case LT_I16: return arena_format(c->arena, "%u", (unsigned)(uint16_t)n);
    case LT_I32:
        return arena_format(c->arena, n < 0 ? "0x%xu" : "%uu", (unsigned)(uint32_t)n);
    default:
        return arena_format(c->arena, n < 0 ? "0x%llxul" : "%lluul",
                            (unsigned long long)n);
    }
}

static const char *signed_constant(CWriter *c, LoopType type, int64_t n) {
    if (type.scalar == LT_I64 && n == INT64_MIN) return "INT64_MIN";
    if (type.scalar == LT_I32 && n == INT32_MIN) return "INT32_MIN";
    bool is_int = n > INT32_MIN && n <= INT32_MAX;
    return arena_format(c->arena, is_int ? "%lld" : "%lldl", (long long)n);
}

/* ---- operands ---- */

const char *c_operand(CWriter *c, Value value) {
    const CValue *v = &c->value[value];
    return v->bound ? v->text : arena_format(c->arena, "(%s)", v->text);
}

/* The index of a FOR is a signed variable already. */
const char *c_signed(CWriter *c, Value value) {
    const CValue *v = &c->value[value];
    LoopType type = c_type_of(c, value);
    if (v->by && v->by->op == LOOP_CONST) return signed_constant(c, type, v->by->imm);
    if (v->by && v->by->op == LOOP_FOR) return strchr(v->text, ')') + 1;
    return arena_format(c->arena, "(%s)%s", c_signed_type(c, type), c_operand(c, value));
}

static const char *arg(CWriter *c, const LoopInstr *i, int k) {
    return c_operand(c, i->arg[k]);
}

/* ---- integers ---- */

static bool narrow(LoopType type) {
    return type.scalar == LT_I8 || type.scalar == LT_I16;
}

/* Constants of bit operations are hexadecimal. */
static const char *mask(CWriter *c, Value value) {
    static const char *const suffixes[] = {"", "", "", "", "u", "ul"};
    const LoopInstr *by = c->value[value].by;
    if (!by || by->op != LOOP_CONST || by->imm < 0) return c_operand(c, value);
    return arena_format(c->arena, "0x%llx%s", (unsigned long long)by->imm,
                        suffixes[by->type.scalar]);
}

/* C computes i8 and i16 as int: cut back. A product of two i16 might overflow an
 * int: unsigned. */
static const char *wrapping(CWriter *c, const LoopInstr *i, const char *op) {
    bool bits = strchr("&|^", op[0]) != NULL;
    const char *a = bits ? mask(c, i->arg[0]) : arg(c, i, 0);
    const char *b = bits ? mask(c, i->arg[1]) : arg(c, i, 1);
    if (!narrow(i->type)) return arena_format(c->arena, "%s %s %s", a, op, b);
    const char *wide = op[0] == '*' ? "(uint32_t)" : "";
    return arena_format(c->arena, "(%s)(%s%s %s %s)", c_type(c, i->type), wide, a, op, b);
}

static const char *by_sign(CWriter *c, const LoopInstr *i, const char *op) {
    return arena_format(c->arena, "(%s)(%s %s %s)", c_type(c, i->type),
                        c_signed(c, i->arg[0]), op, c_signed(c, i->arg[1]));
}

/* The count is in the width, whatever its type: constants need no suffix. */
static const char *count(CWriter *c, const LoopInstr *i) {
    const LoopInstr *by = c->value[i->arg[1]].by;
    return by && by->op == LOOP_CONST ? c_signed(c, i->arg[1]) : arg(c, i, 1);
}

static const char *shift(CWriter *c, const LoopInstr *i, const char *op) {
    const char *t = c_type(c, i->type), *a = arg(c, i, 0), *n = count(c, i);
    if (i->op == LOOP_ASHR)
        return arena_format(c->arena, "(%s)((%s)%s >> %s)", t,
                            c_signed_type(c, i->type), a, n);
    if (!narrow(i->type)) return arena_format(c->arena, "%s %s %s", a, op, n);
    return arena_format(c->arena, "(%s)((uint32_t)%s %s %s)", t, a, op, n);
}

static const char *high_product(CWriter *c, const LoopInstr *i) {
    bool i32 = i->type.scalar == LT_I32;
    return arena_format(c->arena, "(%s)(((%s)%s * %s) >> %d)", c_type(c, i->type),
                        i32 ? "uint64_t" : "unsigned __int128", arg(c, i, 0),
                        arg(c, i, 1), i32 ? 32 : 64);
}

static const char *minmax(CWriter *c, const LoopInstr *i) {
    bool is_signed = i->op == LOOP_SMIN || i->op == LOOP_SMAX;
    const char *f = c_helper(c, i->op, i->type, i->type);
    if (!is_signed)
        return arena_format(c->arena, "%s(%s, %s)", f, c->value[i->arg[0]].text,
                            c->value[i->arg[1]].text);
    return arena_format(c->arena, "(%s)%s(%s, %s)", c_type(c, i->type), f,
                        c_signed(c, i->arg[0]), c_signed(c, i->arg[1]));
}

static const char *compare(CWriter *c, const LoopInstr *i, const char *op,
                           bool is_signed) {
    if (is_signed)
        return arena_format(c->arena, "%s %s %s", c_signed(c, i->arg[0]), op,
                            c_signed(c, i->arg[1]));
    return arena_format(c->arena, "%s %s %s", arg(c, i, 0), op, arg(c, i, 1));
}

/* ---- casts ---- */

static const char *cast(CWriter *c, const LoopInstr *i) {
    const char *to = c_type(c, i->type), *a = arg(c, i, 0);
    bool from_bool = c_type_of(c, i->arg[0]).scalar == LT_I1;
    switch (i->op) {
    case LOOP_SEXT:
        if (from_bool) return arena_format(c->arena, "(%s)-(int)%s", to, a);
        return arena_format(c->arena, "(%s)%s", to, c_signed(c, i->arg[0]));
    case LOOP_SITOFP:
        if (from_bool) return arena_format(c->arena, "(%s)-(int)%s", to, a);
        return arena_format(c->arena, "(%s)%s", to, c_signed(c, i->arg[0]));
    case LOOP_TRUNC:
        if (i->type.scalar == LT_I1) return arena_format(c->arena, "(_Bool)(%s & 1)", a);
        return arena_format(c->arena, "(%s)%s", to, a);
    case LOOP_FPTOSI:
        return arena_format(c->arena, "(%s)(%s)%s", to,
                            narrow(i->type) ? "int32_t" : c_signed_type(c, i->type), a);
    case LOOP_FPTOUI:
        return arena_format(c->arena, "(%s)%s%s", to,
                            narrow(i->type) ? "(int32_t)" : "", a);
    default: return arena_format(c->arena, "(%s)%s", to, a);
    }
}

static const char *bitcast(CWriter *c, const LoopInstr *i) {
    LoopType from = c_type_of(c, i->arg[0]);
    if (loop_type_equal(from, i->type)) return arg(c, i, 0);
    if (from.scalar == LT_PTR)
        return arena_format(c->arena, "(uint64_t)(uintptr_t)%s", arg(c, i, 0));
    if (i->type.scalar == LT_PTR)
        return arena_format(c->arena, "(uint8_t *)(uintptr_t)%s", arg(c, i, 0));
    return arena_format(c->arena, "%s(%s)", c_helper(c, LOOP_BITCAST, from, i->type),
                        c->value[i->arg[0]].text);
}

/* ---- calls ---- */

static const char *argument_list(CWriter *c, const LoopInstr *i, int from) {
    const char *text = "";
    for (int k = from; k < i->nargs; k++)
        text = arena_format(c->arena, "%s%s%s", text, k > from ? ", " : "",
                            c->value[i->arg[k]].text);
    return text;
}

static const char *call_helper(CWriter *c, const LoopInstr *i) {
    LoopType from = c_type_of(c, i->arg[0]);
    return arena_format(c->arena, "%s(%s)", c_helper(c, i->op, from, i->type),
                        argument_list(c, i, 0));
}

static const char *philox(CWriter *c, const LoopInstr *i) {
    const char *name = i->type.scalar == LT_I32 ? "pipec_philox_i32" : "pipec_philox_i64";
    c_use_support(c, name);
    return arena_format(c->arena, "%s(%s)", name, argument_list(c, i, 0));
}

static const char *offset(CWriter *c, const LoopInstr *i) {
    const char *p = arg(c, i, 0);
    const LoopInstr *by = c->value[i->arg[1]].by;
    if (by && by->op == LOOP_CONST) {
        int64_t n = (int64_t)((uint64_t)by->imm * (uint64_t)i->imm);
        if (!n) return p;
        return arena_format(c->arena, "%s %c %lld", p, n < 0 ? '-' : '+',
                            (long long)(n < 0 ? -n : n));
    }
    if (i->imm == 1) return arena_format(c->arena, "%s + %s", p, c_signed(c, i->arg[1]));
    return arena_format(c->arena, "%s + %s * %lld", p, c_signed(c, i->arg[1]),
                        (long long)i->imm);
}

/* gcc 12 takes `0.0f - (float)n`, written so, for a negation: the zero's sign is lost. */
static const char *float_infix(CWriter *c, const LoopInstr *i) {
    const char *a = arg(c, i, 0), *b = arg(c, i, 1);
    if (i->op == LOOP_FSUB && (!strcmp(a, "0.0f") || !strcmp(a, "0.0")))
        return arena_format(c->arena, "({ %s z = %s; z - %s; })",
                            i->type.scalar == LT_F32 ? "float" : "double", a, b);
    return arena_format(c->arena, "%s %c %s", a, "+-*/"[i->op - LOOP_FADD], b);
}

static const char *choose(CWriter *c, const LoopInstr *i) {
    return arena_format(c->arena, "%s ? %s : %s", arg(c, i, 0), arg(c, i, 1),
                        arg(c, i, 2));
}

/* Casts, calls and names bind tighter than any operator around them. */
static bool binds(LoopOp op, LoopType type) {
    switch (op) {
    case LOOP_ADD: case LOOP_SUB: case LOOP_MUL: case LOOP_UDIV: case LOOP_UREM:
    case LOOP_AND: case LOOP_OR: case LOOP_XOR: case LOOP_SHL: case LOOP_LSHR:
        return narrow(type);
    case LOOP_FADD: case LOOP_FSUB: case LOOP_FMUL: case LOOP_FDIV: case LOOP_OFFSET:
    case LOOP_EQ: case LOOP_NE: case LOOP_SLT: case LOOP_SLE: case LOOP_ULT:
    case LOOP_ULE: case LOOP_FEQ: case LOOP_FNE: case LOOP_FLT: case LOOP_FLE:
    case LOOP_SELECT: case LOOP_FNEG:
        return false;
    default: return true;
    }
}

static const char *scalar(CWriter *c, const LoopInstr *i) {
    switch (i->op) {
    case LOOP_CONST: return c_constant(c, i->type, i->imm, i->real);
    case LOOP_DATA:
        return arena_format(c->arena, "(uint8_t *)&%s", c_datum_name(c, i->imm));
    case LOOP_FUNCTION:
        return arena_format(c->arena, "(uint8_t *)(uintptr_t)%s",
                            c_function_name(c, c->module, i->imm));
    case LOOP_ADD: return wrapping(c, i, "+");
    case LOOP_SUB: return wrapping(c, i, "-");
    case LOOP_MUL: return wrapping(c, i, "*");
    case LOOP_UDIV: return wrapping(c, i, "/");
    case LOOP_UREM: return wrapping(c, i, "%");
    case LOOP_AND: return wrapping(c, i, "&");
    case LOOP_OR: return wrapping(c, i, "|");
    case LOOP_XOR: return wrapping(c, i, "^");
    case LOOP_SHL: return shift(c, i, "<<");
    case LOOP_LSHR: case LOOP_ASHR: return shift(c, i, ">>");
    case LOOP_SDIV: return by_sign(c, i, "/");
    case LOOP_SREM: return by_sign(c, i, "%");
    case LOOP_SMIN: case LOOP_SMAX: case LOOP_UMIN: case LOOP_UMAX: return minmax(c, i);
    case LOOP_MULHI: return high_product(c, i);
    case LOOP_FADD: case LOOP_FSUB: case LOOP_FMUL: case LOOP_FDIV:
        return float_infix(c, i);
    case LOOP_FNEG: return arena_format(c->arena, "-%s", arg(c, i, 0));
    case LOOP_SQRT: case LOOP_FLOOR: case LOOP_CEIL: case LOOP_TRUNCF: case LOOP_RINT:
    case LOOP_FABS: case LOOP_FMA: case LOOP_HTOF: case LOOP_FTOH: case LOOP_BTOF:
    case LOOP_FTOB:
        return call_helper(c, i);
    case LOOP_EQ: case LOOP_FEQ: return compare(c, i, "==", false);
    case LOOP_NE: case LOOP_FNE: return compare(c, i, "!=", false);
    case LOOP_SLT: return compare(c, i, "<", true);
    case LOOP_SLE: return compare(c, i, "<=", true);
    case LOOP_ULT: case LOOP_FLT: return compare(c, i, "<", false);
    case LOOP_ULE: case LOOP_FLE: return compare(c, i, "<=", false);
    case LOOP_SELECT: return choose(c, i);
    case LOOP_BITCAST: return bitcast(c, i);
    case LOOP_OFFSET: return offset(c, i);
    case LOOP_PHILOX: return philox(c, i);
    case LOOP_SEXT: case LOOP_ZEXT: case LOOP_TRUNC: case LOOP_SITOFP: case LOOP_UITOFP:
    case LOOP_FPTOSI: case LOOP_FPTOUI: case LOOP_FPEXT: case LOOP_FPTRUNC:
        return cast(c, i);
    default: bug("emit_c: no expression for %s", loop_op_name[i->op]);
    }
}

const char *c_expression(CWriter *c, const LoopInstr *i, bool *bound) {
    bool vector = i->type.lanes > 1 || i->op == LOOP_EXTRACT;
    if (vector) return c_vector_expression(c, i, bound);
    const char *text = scalar(c, i);
    *bound = binds(i->op, i->type) && text[0] != '-';
    return text;
}
