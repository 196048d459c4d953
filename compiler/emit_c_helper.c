/* Small functions and types that the emitted C defines when it first needs them:
 * loads and stores, vectors, conversions that C does not have. */
#include <string.h>
#include "../dsl/diag.h"
#include "emit_c.h"

static bool known(CWriter *c, const char *name) {
    for (int i = 0; i < c->known.n; i++)
        if (strcmp(c->known.at[i], name) == 0) return true;
    list_push(c->arena, &c->known, name);
    return false;
}

/* ---- types ---- */

static const char *const unsigned_name[] = {"void", "_Bool", "uint8_t", "uint16_t",
                                            "uint32_t", "uint64_t", "float", "double",
                                            "uint8_t *"};
static const char *const signed_name[] = {"void", "int8_t", "int8_t", "int16_t",
                                          "int32_t", "int64_t", "float", "double",
                                          "uint8_t *"};

static const char *vector_type(CWriter *c, LoopType type, bool is_signed) {
    static const char *const letters[] = {"", "s8", "u8", "u16", "u32", "u64", "f32",
                                          "f64", ""};
    static const char *const signed_letters[] = {"", "s8", "s8", "s16", "s32", "s64",
                                                 "f32", "f64", ""};
    is_signed |= type.scalar == LT_I1;
    const char *lane = is_signed ? signed_name[type.scalar] : unsigned_name[type.scalar];
    const char *name = arena_format(c->arena, "pipec_%sx%d",
                                    is_signed ? signed_letters[type.scalar]
                                              : letters[type.scalar], type.lanes);
    if (!known(c, name))
        fprintf(c->helpers, "typedef %s %s __attribute__((vector_size(%lld)));\n", lane,
                name, (long long)loop_type_bytes(type));
    return name;
}

const char *c_type(CWriter *c, LoopType type) {
    return type.lanes == 1 ? unsigned_name[type.scalar] : vector_type(c, type, false);
}

const char *c_signed_type(CWriter *c, LoopType type) {
    return type.lanes == 1 ? signed_name[type.scalar] : vector_type(c, type, true);
}

/* "u32x4", "ptr": for names. */
static const char *tag(CWriter *c, LoopType type) {
    char buffer[16];
    return arena_format(c->arena, "%s", loop_type_name(type, buffer));
}

#define INLINE "static inline __attribute__((always_inline, unused)) "

/* ---- memory ---- */

/* Vectors go through macros: how a function gets them depends on the level. */
static void write_vector_access(CWriter *c, const char *name, const char *t, bool load) {
    if (load)
        fprintf(c->helpers, "#define %s(p) ({ %s v; memcpy(&v, (p), sizeof v); v; })\n",
                name, t);
    else
        fprintf(c->helpers, "#define %s(p, x) ({ %s v = (x); memcpy((p), &v, sizeof v); "
                            "(void)0; })\n", name, t);
}

const char *c_load(CWriter *c, LoopType type) {
    const char *name = arena_format(c->arena, "pipec_load_%s", tag(c, type));
    const char *t = c_type(c, type);
    if (known(c, name)) return name;
    if (type.lanes > 1)
        write_vector_access(c, name, t, true);
    else if (type.scalar == LT_I1)
        fprintf(c->helpers, INLINE "_Bool %s(const uint8_t *p) { return *p & 1; }\n",
                name);
    else
        fprintf(c->helpers, INLINE "%s%s%s(const uint8_t *p) {\n    %s x;\n"
                            "    memcpy(&x, p, sizeof x);\n    return x;\n}\n",
                t, type.scalar == LT_PTR ? "" : " ", name, t);
    return name;
}

const char *c_store(CWriter *c, LoopType type) {
    const char *name = arena_format(c->arena, "pipec_store_%s", tag(c, type));
    const char *t = c_type(c, type);
    if (known(c, name)) return name;
    if (type.lanes > 1)
        write_vector_access(c, name, t, false);
    else if (type.scalar == LT_I1)
        fprintf(c->helpers, INLINE "void %s(uint8_t *p, _Bool x) { *p = x; }\n", name);
    else
        fprintf(c->helpers, INLINE "void %s(uint8_t *p, %s x) {\n"
                            "    memcpy(p, &x, sizeof x);\n}\n", name, t);
    return name;
}

/* ---- conversions of bits and halves ---- */

static const char htof[] =
    "uint32_t em = h & 0x7fff, wide = em << 13, r = wide + (112u << 23);\n"
    "    if (em < 0x400) {\n"
    "        uint32_t n = wide | 113u << 23, m = 113u << 23;\n"
    "        float x, magic;\n"
    "        memcpy(&x, &n, 4);\n"
    "        memcpy(&magic, &m, 4);\n"
    "        x -= magic;\n"
    "        memcpy(&r, &x, 4);\n"
    "    } else if (em >= 0x7c00) {\n"
    "        r = wide + (224u << 23);\n"
    "        if (em > 0x7c00) r |= 1u << 22;\n"
    "    }\n"
    "    r |= (uint32_t)(h & 0x8000) << 16;\n"
    "    float f;\n"
    "    memcpy(&f, &r, 4);\n"
    "    return f;\n";
static const char ftoh[] =
    "uint32_t n, r;\n"
    "    memcpy(&n, &f, 4);\n"
    "    uint32_t a = n & 0x7fffffff;\n"
    "    if (a >= 143u << 23) {\n"
    "        r = a > 0x7f800000 ? 0x7e00 : 0x7c00;\n"
    "    } else if (a < 113u << 23) {\n"
    "        float x;\n"
    "        memcpy(&x, &a, 4);\n"
    "        x += 0.5f;\n"
    "        memcpy(&r, &x, 4);\n"
    "        r -= 126u << 23;\n"
    "    } else {\n"
    "        r = (a + 0xfff - (112u << 23) + (a >> 13 & 1)) >> 13;\n"
    "    }\n"
    "    return (uint16_t)(r | (n >> 16 & 0x8000));\n";
static const char btof[] =
    "uint32_t n = (uint32_t)h << 16;\n"
    "    float f;\n"
    "    memcpy(&f, &n, 4);\n"
    "    return f;\n";
static const char ftob[] =
    "uint32_t n;\n"
    "    memcpy(&n, &f, 4);\n"
    "    if ((n & 0x7fffffff) > 0x7f800000) return (uint16_t)(n >> 16 | 0x40);\n"
    "    return (uint16_t)((n + 0x7fff + (n >> 16 & 1)) >> 16);\n";

static const char *half_helper(CWriter *c, LoopOp op) {
    bool to_float = op == LOOP_HTOF || op == LOOP_BTOF;
    const char *body = op == LOOP_HTOF ? htof : op == LOOP_FTOH ? ftoh
                       : op == LOOP_BTOF ? btof : ftob;
    const char *name = op == LOOP_HTOF ? "pipec_f16_to_f32" : op == LOOP_FTOH
                       ? "pipec_f32_to_f16" : op == LOOP_BTOF ? "pipec_bf16_to_f32"
                       : "pipec_f32_to_bf16";
    if (!known(c, name))
        fprintf(c->helpers, INLINE "%s %s(%s) {\n    %s}\n",
                to_float ? "float" : "uint16_t", name,
                to_float ? "uint16_t h" : "float f", body);
    return name;
}

static const char *bits_helper(CWriter *c, LoopType from, LoopType to) {
    const char *name = arena_format(c->arena, "pipec_%s_as_%s", tag(c, from), tag(c, to));
    const char *a = c_type(c, from), *b = c_type(c, to);
    if (!known(c, name))
        fprintf(c->helpers, INLINE "%s %s(%s x) {\n    %s y;\n"
                            "    memcpy(&y, &x, sizeof y);\n    return y;\n}\n",
                b, name, a, b);
    return name;
}

/* ---- arithmetic ---- */

static const char *math_name(LoopOp op, LoopScalar scalar) {
    bool f32 = scalar == LT_F32;
    switch (op) {
    case LOOP_SQRT: return f32 ? "__builtin_sqrtf" : "__builtin_sqrt";
    case LOOP_FLOOR: return f32 ? "__builtin_floorf" : "__builtin_floor";
    case LOOP_CEIL: return f32 ? "__builtin_ceilf" : "__builtin_ceil";
    case LOOP_TRUNCF: return f32 ? "__builtin_truncf" : "__builtin_trunc";
    case LOOP_RINT: return f32 ? "__builtin_rintf" : "__builtin_rint";
    case LOOP_FABS: return f32 ? "__builtin_fabsf" : "__builtin_fabs";
    default: bug("emit_c: no function for %s", loop_op_name[op]);
    }
}

/* One rounding: the instruction, or the support code where there is none. */
static const char *fused_helper(CWriter *c, LoopScalar scalar) {
    const char *name = scalar == LT_F32 ? "pipec_fused_f32" : "pipec_fused_f64";
    const char *support = scalar == LT_F32 ? "pipec_fma_f32" : "pipec_fma_f64";
    const char *t = scalar == LT_F32 ? "float" : "double";
    c_use_support(c, support);
    if (!known(c, name))
        fprintf(c->helpers, "#ifdef __FMA__\n"
                            "#define %s(x, y, z) __builtin_fma%s((x), (y), (z))\n#else\n"
                            "static %s %s(%s x, %s y, %s z);\n"
                            "#define %s(x, y, z) %s((x), (y), (z))\n#endif\n",
                name, scalar == LT_F32 ? "f" : "", t, support, t, t, t, name, support);
    return name;
}

static const char *minmax_helper(CWriter *c, LoopOp op, LoopType type) {
    bool is_signed = op == LOOP_SMIN || op == LOOP_SMAX;
    bool is_min = op == LOOP_SMIN || op == LOOP_UMIN;
    const char *t = is_signed ? c_signed_type(c, type) : c_type(c, type);
    const char *name = arena_format(c->arena, "pipec_%s_%s",
                                    op == LOOP_SMIN ? "smin" : op == LOOP_SMAX ? "smax"
                                    : op == LOOP_UMIN ? "umin" : "umax", tag(c, type));
    if (!known(c, name))
        fprintf(c->helpers, INLINE "%s %s(%s a, %s b) { return a %c b ? a : b; }\n", t,
                name, t, t, is_min ? '<' : '>');
    return name;
}

/* A scalar helper on each lane. */
static const char *lanes_helper(CWriter *c, LoopOp op, LoopType from, LoopType to) {
    const char *each = c_helper(c, op, loop_type(from.scalar), loop_type(to.scalar));
    const char *stem = strncmp(each, "__builtin_", 10) == 0 ? each + 10 : each + 6;
    const char *name = arena_format(c->arena, "pipec_%s_x%d", stem, to.lanes);
    const char *a = c_type(c, from), *b = c_type(c, to);
    bool three = op == LOOP_FMA;
    if (known(c, name)) return name;
    fprintf(c->helpers, "#define %s(x%s) ({ %s p = (x)%s; %s r; \\\n"
                        "    for (int i = 0; i < %d; i++) { r[i] = %s(p[i]%s); } r; })\n",
            name, three ? ", y, z" : "", a, three ? ", q = (y), s = (z)" : "", b,
            to.lanes, each, three ? ", q[i], s[i]" : "");
    return name;
}

const char *c_helper(CWriter *c, LoopOp op, LoopType from, LoopType to) {
    switch (op) {
    case LOOP_SMIN: case LOOP_SMAX: case LOOP_UMIN: case LOOP_UMAX:
        return minmax_helper(c, op, to);
    case LOOP_BITCAST: return bits_helper(c, from, to);
    default: break;
    }
    if (to.lanes > 1) return lanes_helper(c, op, from, to);
    switch (op) {
    case LOOP_HTOF: case LOOP_FTOH: case LOOP_BTOF: case LOOP_FTOB:
        return half_helper(c, op);
    case LOOP_FMA: return fused_helper(c, to.scalar);
    default: return math_name(op, to.scalar);
    }
}
