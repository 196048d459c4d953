/* Vector expressions of the emitted C, in GNU C's vectors. Masks (vectors of i1)
 * are signed bytes, 0 or -1. */
#include <string.h>
#include "../dsl/diag.h"
#include "emit_c.h"

static const char *arg(CWriter *c, const LoopInstr *i, int k) {
    return c_operand(c, i->arg[k]);
}

static const char *infix(CWriter *c, const LoopInstr *i, const char *op) {
    return arena_format(c->arena, "%s %s %s", arg(c, i, 0), op, arg(c, i, 1));
}

static const char *by_sign(CWriter *c, const LoopInstr *i, const char *op) {
    const char *s = c_signed_type(c, i->type);
    return arena_format(c->arena, "(%s)((%s)%s %s (%s)%s)", c_type(c, i->type), s,
                        arg(c, i, 0), op, s, arg(c, i, 1));
}

/* Comparisons give lanes as wide as those compared. */
static const char *compare(CWriter *c, const LoopInstr *i, const char *op,
                           bool is_signed) {
    LoopType from = c_type_of(c, i->arg[0]);
    const char *cast = is_signed ? arena_format(c->arena, "(%s)", c_signed_type(c, from))
                                 : "";
    return arena_format(c->arena, "__builtin_convertvector(%s%s %s %s%s, %s)", cast,
                        arg(c, i, 0), op, cast, arg(c, i, 1), c_type(c, i->type));
}

/* The integer lanes that are as wide as those of `type`. */
static LoopType integer_lanes(LoopType type) {
    static const LoopScalar as[] = {LT_VOID, LT_I1, LT_I8, LT_I16, LT_I32, LT_I64,
                                    LT_I32, LT_I64, LT_I64};
    return loop_vector(as[type.scalar], type.lanes);
}

/* b where the mask is -1, else a, bit by bit. */
static const char *pick(CWriter *c, LoopType type, const char *mask, const char *a,
                        const char *b) {
    const char *bits = c_signed_type(c, integer_lanes(type)), *t = c_type(c, type);
    return arena_format(c->arena, "({ %s m = %s; (%s)(((%s)%s & m) | ((%s)%s & ~m)); })",
                        bits, mask, t, bits, a, bits, b);
}

static const char *select(CWriter *c, const LoopInstr *i) {
    if (c_type_of(c, i->arg[0]).lanes == 1)
        return arena_format(c->arena, "(%s ? %s : %s)", arg(c, i, 0), arg(c, i, 1),
                            arg(c, i, 2));
    const char *bits = c_signed_type(c, integer_lanes(i->type));
    const char *mask = arena_format(c->arena, "__builtin_convertvector(%s, %s)",
                                    arg(c, i, 0), bits);
    return pick(c, i->type, mask, arg(c, i, 1), arg(c, i, 2));
}

static const char *minmax(CWriter *c, const LoopInstr *i) {
    bool is_signed = i->op == LOOP_SMIN || i->op == LOOP_SMAX;
    bool is_min = i->op == LOOP_SMIN || i->op == LOOP_UMIN;
    const char *t = is_signed ? c_signed_type(c, i->type) : c_type(c, i->type);
    const char *mask = arena_format(c->arena, "(%s)(a %c b)", c_signed_type(c, i->type),
                                    is_min ? '<' : '>');
    return arena_format(c->arena, "({ %s a = (%s)%s, b = (%s)%s; %s; })", t, t,
                        arg(c, i, 0), t, arg(c, i, 1), pick(c, i->type, mask, "a", "b"));
}

static const char *convert(CWriter *c, const char *text, const char *to) {
    return arena_format(c->arena, "__builtin_convertvector(%s, %s)", text, to);
}

/* From a mask: 0 and -1 with sign, 0 and 1 without. */
static const char *cast_mask(CWriter *c, const LoopInstr *i) {
    LoopType wide = integer_lanes(i->type);
    const char *s = c_signed_type(c, wide);
    const char *lanes = convert(c, arg(c, i, 0), s);
    if (i->op == LOOP_ZEXT || i->op == LOOP_UITOFP)
        lanes = arena_format(c->arena, "(%s & 1)", lanes);
    if (i->op == LOOP_SITOFP || i->op == LOOP_UITOFP)
        return convert(c, lanes, c_type(c, i->type));
    return arena_format(c->arena, "(%s)%s", c_type(c, i->type), lanes);
}

static const char *cast(CWriter *c, const LoopInstr *i) {
    LoopType from = c_type_of(c, i->arg[0]);
    const char *a = arg(c, i, 0), *t = c_type(c, i->type);
    if (from.scalar == LT_I1) return cast_mask(c, i);
    switch (i->op) {
    case LOOP_SEXT: case LOOP_SITOFP:
        a = arena_format(c->arena, "(%s)%s", c_signed_type(c, from), a);
        if (i->op == LOOP_SITOFP) return convert(c, a, t);
        return arena_format(c->arena, "(%s)%s", t,
                            convert(c, a, c_signed_type(c, i->type)));
    case LOOP_TRUNC:
        if (i->type.scalar != LT_I1) return convert(c, a, t);
        a = arena_format(c->arena, "-((%s)%s & 1)", c_signed_type(c, from), a);
        return convert(c, a, t);
    case LOOP_FPTOSI:
        return arena_format(c->arena, "(%s)%s", t,
                            convert(c, a, c_signed_type(c, i->type)));
    default: return convert(c, a, t);
    }
}

static const char *splat(CWriter *c, const LoopInstr *i) {
    const char *a = c->value[i->arg[0]].text;
    bool mask = i->type.scalar == LT_I1;
    const char *text = "";
    for (int k = 0; k < i->type.lanes; k++)
        text = arena_format(c->arena, "%s%sx", text, k ? ", " : "");
    return arena_format(c->arena, "({ %s x = %s%s%s; (%s){%s}; })",
                        mask ? "int8_t" : c_type(c, loop_type(i->type.scalar)),
                        mask ? "-(int)(" : "", a, mask ? ")" : "",
                        c_type(c, i->type), text);
}

static const char *shuffle(CWriter *c, const LoopInstr *i) {
    bool two = i->nargs == 2 && i->arg[1] != NO_VALUE;
    const char *list = "";
    for (int k = 0; k < i->type.lanes; k++)
        list = arena_format(c->arena, "%s, %d", list, i->mask[k]);
    if (two)
        return arena_format(c->arena, "__builtin_shufflevector(%s, %s%s)",
                            c->value[i->arg[0]].text, c->value[i->arg[1]].text, list);
    return arena_format(c->arena, "({ %s a = %s; __builtin_shufflevector(a, a%s); })",
                        c_type(c, c_type_of(c, i->arg[0])),
                        c->value[i->arg[0]].text, list);
}

/* A cast binds less than the subscript. */
static const char *lane(CWriter *c, const LoopInstr *i) {
    const char *a = arg(c, i, 0);
    if (a[0] == '(') a = arena_format(c->arena, "(%s)", a);
    return arena_format(c->arena, i->type.scalar == LT_I1 ? "(_Bool)(%s[%lld] & 1)"
                                                           : "%s[%lld]",
                        a, (long long)i->imm);
}

static const char *high_product(CWriter *c, const LoopInstr *i) {
    bool i32 = i->type.scalar == LT_I32;
    const char *t = c_type(c, i->type);
    return arena_format(c->arena,
                        "({ %s a = %s, b = %s, r; for (int i = 0; i < %d; i++) "
                        "{ r[i] = (%s)(((%s)a[i] * b[i]) >> %d); } r; })",
                        t, arg(c, i, 0), arg(c, i, 1), i->type.lanes,
                        c_type(c, loop_type(i->type.scalar)),
                        i32 ? "uint64_t" : "unsigned __int128", i32 ? 32 : 64);
}

static const char *call_helper(CWriter *c, const LoopInstr *i) {
    const char *f = c_helper(c, i->op, c_type_of(c, i->arg[0]), i->type), *list = "";
    for (int k = 0; k < i->nargs; k++)
        list = arena_format(c->arena, "%s%s%s", list, k ? ", " : "",
                            c->value[i->arg[k]].text);
    return arena_format(c->arena, "%s(%s)", f, list);
}

const char *c_vector_expression(CWriter *c, const LoopInstr *i, bool *bound) {
    *bound = true;
    switch (i->op) {
    case LOOP_EXTRACT: return lane(c, i);
    case LOOP_SDIV: return by_sign(c, i, "/");
    case LOOP_SREM: return by_sign(c, i, "%");
    case LOOP_ASHR: return by_sign(c, i, ">>");
    case LOOP_SMIN: case LOOP_SMAX: case LOOP_UMIN: case LOOP_UMAX: return minmax(c, i);
    case LOOP_MULHI: return high_product(c, i);
    case LOOP_EQ: case LOOP_FEQ: return compare(c, i, "==", false);
    case LOOP_NE: case LOOP_FNE: return compare(c, i, "!=", false);
    case LOOP_SLT: return compare(c, i, "<", true);
    case LOOP_SLE: return compare(c, i, "<=", true);
    case LOOP_ULT: case LOOP_FLT: return compare(c, i, "<", false);
    case LOOP_ULE: case LOOP_FLE: return compare(c, i, "<=", false);
    case LOOP_SELECT: return select(c, i);
    case LOOP_SEXT: case LOOP_ZEXT: case LOOP_TRUNC: case LOOP_SITOFP: case LOOP_UITOFP:
    case LOOP_FPTOSI: case LOOP_FPTOUI: case LOOP_FPEXT: case LOOP_FPTRUNC:
        return cast(c, i);
    case LOOP_SPLAT: return splat(c, i);
    case LOOP_SHUFFLE: return shuffle(c, i);
    case LOOP_SQRT: case LOOP_FLOOR: case LOOP_CEIL: case LOOP_TRUNCF: case LOOP_RINT:
    case LOOP_FABS: case LOOP_FMA: case LOOP_HTOF: case LOOP_FTOH: case LOOP_BTOF:
    case LOOP_FTOB:
        return call_helper(c, i);
    case LOOP_BITCAST:
        return arena_format(c->arena, "(%s)%s", c_type(c, i->type), arg(c, i, 0));
    default: break;
    }
    *bound = false;
    switch (i->op) {
    case LOOP_ADD: case LOOP_FADD: return infix(c, i, "+");
    case LOOP_SUB: case LOOP_FSUB: return infix(c, i, "-");
    case LOOP_MUL: case LOOP_FMUL: return infix(c, i, "*");
    case LOOP_UDIV: case LOOP_FDIV: return infix(c, i, "/");
    case LOOP_UREM: return infix(c, i, "%");
    case LOOP_AND: return infix(c, i, "&");
    case LOOP_OR: return infix(c, i, "|");
    case LOOP_XOR: return infix(c, i, "^");
    case LOOP_SHL: return infix(c, i, "<<");
    case LOOP_LSHR: return infix(c, i, ">>");
    case LOOP_FNEG: return arena_format(c->arena, "-%s", arg(c, i, 0));
    default: bug("emit_c: no vector expression for %s", loop_op_name[i->op]);
    }
}
