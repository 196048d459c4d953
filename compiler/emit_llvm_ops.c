/* Arithmetic of the loop IR as LLVM instructions, without fast-math flags. What
 * is emitted depends on the level only where both ways give the same bits. */
#include <math.h>
#include <string.h>
#include "../dsl/diag.h"
#include "emit_llvm.h"

LLVMValueRef llvm_intrinsic(Llvm *l, const char *name, LLVMTypeRef overload, int n,
                            LLVMValueRef *args) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    if (!id) bug("LLVM has no %s", name);
    size_t overloads = overload ? 1 : 0;
    LLVMValueRef f = LLVMGetIntrinsicDeclaration(l->module, id, &overload, overloads);
    LLVMTypeRef type = LLVMIntrinsicGetType(l->context, id, &overload, overloads);
    return LLVMBuildCall2(l->builder, type, f, args, (unsigned)n, "");
}

/* ---- constants and lanes ---- */

static LLVMValueRef splat(Llvm *l, LLVMValueRef scalar, int lanes) {
    if (lanes == 1) return scalar;
    LLVMTypeRef i32 = LLVMInt32TypeInContext(l->context);
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), (unsigned)lanes);
    LLVMValueRef zero = LLVMConstInt(i32, 0, false);
    LLVMValueRef one = LLVMBuildInsertElement(l->builder, LLVMGetPoison(type), scalar,
                                              zero, "");
    LLVMTypeRef mask = LLVMVectorType(i32, (unsigned)lanes);
    return LLVMBuildShuffleVector(l->builder, one, LLVMGetPoison(type),
                                  LLVMConstNull(mask), "");
}

static LLVMValueRef int_of(Llvm *l, LoopScalar scalar, int lanes, uint64_t n) {
    LLVMTypeRef type = llvm_type(l, loop_type(scalar));
    LLVMValueRef c = LLVMConstInt(type, n, true), list[64];
    if (lanes == 1) return c;
    for (int i = 0; i < lanes; i++) list[i] = c;
    return LLVMConstVector(list, (unsigned)lanes);
}

/* LLVMConstReal would round a NaN's payload and is slow for the rest. */
static LLVMValueRef constant(Llvm *l, const LoopInstr *i) {
    LLVMTypeRef type = llvm_type(l, i->type);
    if (i->type.scalar == LT_PTR) return LLVMConstNull(type);
    if (i->type.scalar == LT_F32 || i->type.scalar == LT_F64)
        return LLVMConstReal(type, isnan(i->real) ? (double)NAN : i->real);
    return LLVMConstInt(type, (uint64_t)i->imm, true);
}

static LLVMValueRef shuffle(LlvmCode *c, const LoopInstr *i) {
    Llvm *l = c->llvm;
    LLVMTypeRef i32 = LLVMInt32TypeInContext(l->context);
    LLVMValueRef mask[64], a = c->value[i->arg[0]];
    bool two = i->nargs == 2 && i->arg[1] != NO_VALUE;
    LLVMValueRef b = two ? c->value[i->arg[1]] : LLVMGetPoison(LLVMTypeOf(a));
    for (int k = 0; k < i->type.lanes; k++)
        mask[k] = i->mask[k] < 0 ? LLVMGetPoison(i32)
                                 : LLVMConstInt(i32, (unsigned)i->mask[k], false);
    return LLVMBuildShuffleVector(l->builder, a, b,
                                  LLVMConstVector(mask, (unsigned)i->type.lanes), "");
}

/* ---- f16 and bf16 ---- */

#define INT(n) int_of(l, LT_I32, lanes, (n))
#define CMP(p, x, y) LLVMBuildICmp(b, LLVMInt##p, (x), (y), "")
#define SELECT(c, x, y) LLVMBuildSelect(b, (c), (x), (y), "")

/* Rebias the exponent; subnormals by an exact subtraction; NaN made quiet. */
static LLVMValueRef half_to_float(Llvm *l, LLVMValueRef h, int lanes) {
    LLVMBuilderRef b = l->builder;
    LLVMTypeRef i32 = llvm_type(l, loop_vector(LT_I32, lanes));
    LLVMTypeRef f32 = llvm_type(l, loop_vector(LT_F32, lanes));
    LLVMValueRef x = LLVMBuildZExt(b, h, i32, "");
    LLVMValueRef sign = LLVMBuildShl(b, LLVMBuildAnd(b, x, INT(0x8000), ""), INT(16), "");
    LLVMValueRef em = LLVMBuildAnd(b, x, INT(0x7fff), "");
    LLVMValueRef wide = LLVMBuildShl(b, em, INT(13), "");
    LLVMValueRef normal = LLVMBuildAdd(b, wide, INT(112 << 23), "");
    LLVMValueRef small = LLVMBuildBitCast(b, LLVMBuildOr(b, wide, INT(113 << 23), ""),
                                          f32, "");
    LLVMValueRef magic = LLVMBuildBitCast(b, INT(113 << 23), f32, "");
    small = LLVMBuildBitCast(b, LLVMBuildFSub(b, small, magic, ""), i32, "");
    LLVMValueRef large = LLVMBuildAdd(b, wide, INT(224 << 23), "");
    LLVMValueRef quiet = LLVMBuildOr(b, large, INT(1 << 22), "");
    large = SELECT(CMP(UGT, em, INT(0x7c00)), quiet, large);
    LLVMValueRef r = SELECT(CMP(ULT, em, INT(0x0400)), small, normal);
    r = SELECT(CMP(UGE, em, INT(0x7c00)), large, r);
    return LLVMBuildBitCast(b, LLVMBuildOr(b, r, sign, ""), f32, "");
}

/* Subnormals are rounded by the sum with 0.5, whose last bit is that of the
 * smallest half; normals by adding just under half of their last bit. */
static LLVMValueRef float_to_half(Llvm *l, LLVMValueRef f, int lanes) {
    LLVMBuilderRef b = l->builder;
    LLVMTypeRef i32 = llvm_type(l, loop_vector(LT_I32, lanes));
    LLVMTypeRef i16 = llvm_type(l, loop_vector(LT_I16, lanes));
    LLVMTypeRef f32 = llvm_type(l, loop_vector(LT_F32, lanes));
    LLVMValueRef x = LLVMBuildBitCast(b, f, i32, "");
    LLVMValueRef sign = LLVMBuildAnd(b, LLVMBuildLShr(b, x, INT(16), ""),
                                     INT(0x8000), "");
    LLVMValueRef a = LLVMBuildAnd(b, x, INT(0x7fffffff), "");
    LLVMValueRef magic = LLVMBuildBitCast(b, INT(126 << 23), f32, "");
    LLVMValueRef small = LLVMBuildFAdd(b, LLVMBuildBitCast(b, a, f32, ""), magic, "");
    small = LLVMBuildSub(b, LLVMBuildBitCast(b, small, i32, ""), INT(126 << 23), "");
    LLVMValueRef odd = LLVMBuildAnd(b, LLVMBuildLShr(b, a, INT(13), ""), INT(1), "");
    LLVMValueRef based = LLVMBuildAdd(b, a, INT(0xfff - (112 << 23)), "");
    LLVMValueRef normal = LLVMBuildAdd(b, based, odd, "");
    normal = LLVMBuildLShr(b, normal, INT(13), "");
    LLVMValueRef large = SELECT(CMP(UGT, a, INT(0x7f800000)), INT(0x7e00), INT(0x7c00));
    LLVMValueRef r = SELECT(CMP(ULT, a, INT(113 << 23)), small, normal);
    r = SELECT(CMP(UGE, a, INT(143 << 23)), large, r);
    return LLVMBuildTrunc(b, LLVMBuildOr(b, r, sign, ""), i16, "");
}

static LLVMValueRef bfloat_to_float(Llvm *l, LLVMValueRef h, int lanes) {
    LLVMBuilderRef b = l->builder;
    LLVMTypeRef i32 = llvm_type(l, loop_vector(LT_I32, lanes));
    LLVMValueRef x = LLVMBuildShl(b, LLVMBuildZExt(b, h, i32, ""), INT(16), "");
    return LLVMBuildBitCast(b, x, llvm_type(l, loop_vector(LT_F32, lanes)), "");
}

static LLVMValueRef float_to_bfloat(Llvm *l, LLVMValueRef f, int lanes) {
    LLVMBuilderRef b = l->builder;
    LLVMTypeRef i32 = llvm_type(l, loop_vector(LT_I32, lanes));
    LLVMValueRef x = LLVMBuildBitCast(b, f, i32, "");
    LLVMValueRef high = LLVMBuildLShr(b, x, INT(16), "");
    LLVMValueRef odd = LLVMBuildAnd(b, high, INT(1), "");
    LLVMValueRef r = LLVMBuildAdd(b, LLVMBuildAdd(b, x, INT(0x7fff), ""), odd, "");
    r = LLVMBuildLShr(b, r, INT(16), "");
    LLVMValueRef a = LLVMBuildAnd(b, x, INT(0x7fffffff), "");
    LLVMValueRef quiet = LLVMBuildOr(b, high, INT(0x40), "");
    r = SELECT(CMP(UGT, a, INT(0x7f800000)), quiet, r);
    return LLVMBuildTrunc(b, r, llvm_type(l, loop_vector(LT_I16, lanes)), "");
}

/* The instructions of v3 do the same: ties to even, subnormals kept. */
static LLVMValueRef half_cast(LlvmCode *c, const LoopInstr *i, LLVMValueRef a) {
    Llvm *l = c->llvm;
    int lanes = i->type.lanes;
    if (i->op == LOOP_BTOF) return bfloat_to_float(l, a, lanes);
    if (i->op == LOOP_FTOB) return float_to_bfloat(l, a, lanes);
    if (!c->level->has_f16)
        return i->op == LOOP_HTOF ? half_to_float(l, a, lanes)
                                  : float_to_half(l, a, lanes);
    LLVMTypeRef half = LLVMHalfTypeInContext(l->context);
    if (lanes > 1) half = LLVMVectorType(half, (unsigned)lanes);
    LLVMTypeRef to = llvm_type(l, i->type);
    if (i->op == LOOP_HTOF)
        return LLVMBuildFPExt(l->builder, LLVMBuildBitCast(l->builder, a, half, ""),
                              to, "");
    return LLVMBuildBitCast(l->builder, LLVMBuildFPTrunc(l->builder, a, half, ""),
                            to, "");
}

/* ---- the rest ---- */

LLVMValueRef llvm_call_support(LlvmCode *c, const char *name, int n, LLVMValueRef *args) {
    const LoopModule *support = c->llvm->support;
    for (int i = 0; i < support->functions.n; i++) {
        const LoopFunction *f = support->functions.at[i];
        if (strcmp(f->name, name) != 0) continue;
        return LLVMBuildCall2(c->llvm->builder,
                              llvm_function_type(c->llvm, f->result, f->nparams,
                                                 f->param_types),
                              c->level->support[i], args, (unsigned)n, "");
    }
    bug("no support function %s", name);
}

static LLVMValueRef fused(LlvmCode *c, const LoopInstr *i, LLVMValueRef *args) {
    Llvm *l = c->llvm;
    LLVMTypeRef type = llvm_type(l, i->type);
    if (c->level->has_fma) return llvm_intrinsic(l, "llvm.fma", type, 3, args);
    const char *name = i->type.scalar == LT_F32 ? "pipec_fma_f32" : "pipec_fma_f64";
    if (i->type.lanes == 1) return llvm_call_support(c, name, 3, args);
    LLVMValueRef r = LLVMGetPoison(type);
    for (int k = 0; k < i->type.lanes; k++) {
        LLVMValueRef at = int_of(l, LT_I32, 1, (uint64_t)k), lane[3];
        for (int j = 0; j < 3; j++)
            lane[j] = LLVMBuildExtractElement(l->builder, args[j], at, "");
        r = LLVMBuildInsertElement(l->builder, r, llvm_call_support(c, name, 3, lane),
                                   at, "");
    }
    return r;
}

static LLVMValueRef high_product(Llvm *l, LoopType type, LLVMValueRef *args) {
    LLVMBuilderRef b = l->builder;
    unsigned bits = type.scalar == LT_I32 ? 32 : 64;
    LLVMTypeRef wide = LLVMIntTypeInContext(l->context, 2 * bits);
    LLVMValueRef shift = LLVMConstInt(wide, bits, false);
    if (type.lanes > 1) {
        wide = LLVMVectorType(wide, (unsigned)type.lanes);
        shift = splat(l, shift, type.lanes);
    }
    LLVMValueRef x = LLVMBuildZExt(b, args[0], wide, "");
    LLVMValueRef y = LLVMBuildZExt(b, args[1], wide, "");
    LLVMValueRef p = LLVMBuildLShr(b, LLVMBuildMul(b, x, y, ""), shift, "");
    return LLVMBuildTrunc(b, p, llvm_type(l, type), "");
}

static LLVMValueRef bitcast(Llvm *l, LLVMValueRef a, LoopType from, LoopType to) {
    LLVMTypeRef type = llvm_type(l, to);
    if (from.scalar == LT_PTR && to.scalar != LT_PTR)
        return LLVMBuildPtrToInt(l->builder, a, type, "");
    if (to.scalar == LT_PTR && from.scalar != LT_PTR)
        return LLVMBuildIntToPtr(l->builder, a, type, "");
    return LLVMBuildBitCast(l->builder, a, type, "");
}

static LLVMValueRef compare(LLVMBuilderRef b, LoopOp op, LLVMValueRef x, LLVMValueRef y) {
    switch (op) {
    case LOOP_EQ: return LLVMBuildICmp(b, LLVMIntEQ, x, y, "");
    case LOOP_NE: return LLVMBuildICmp(b, LLVMIntNE, x, y, "");
    case LOOP_SLT: return LLVMBuildICmp(b, LLVMIntSLT, x, y, "");
    case LOOP_SLE: return LLVMBuildICmp(b, LLVMIntSLE, x, y, "");
    case LOOP_ULT: return LLVMBuildICmp(b, LLVMIntULT, x, y, "");
    case LOOP_ULE: return LLVMBuildICmp(b, LLVMIntULE, x, y, "");
    case LOOP_FEQ: return LLVMBuildFCmp(b, LLVMRealOEQ, x, y, "");
    case LOOP_FNE: return LLVMBuildFCmp(b, LLVMRealUNE, x, y, "");
    case LOOP_FLT: return LLVMBuildFCmp(b, LLVMRealOLT, x, y, "");
    case LOOP_FLE: return LLVMBuildFCmp(b, LLVMRealOLE, x, y, "");
    default: bug("emit_llvm: compare %s", loop_op_name[op]);
    }
}

static LLVMOpcode cast_of(LoopOp op) {
    switch (op) {
    case LOOP_SEXT: return LLVMSExt;
    case LOOP_ZEXT: return LLVMZExt;
    case LOOP_TRUNC: return LLVMTrunc;
    case LOOP_SITOFP: return LLVMSIToFP;
    case LOOP_UITOFP: return LLVMUIToFP;
    case LOOP_FPTOSI: return LLVMFPToSI;
    case LOOP_FPTOUI: return LLVMFPToUI;
    case LOOP_FPEXT: return LLVMFPExt;
    case LOOP_FPTRUNC: return LLVMFPTrunc;
    default: bug("emit_llvm: cast %s", loop_op_name[op]);
    }
}

static const char *intrinsic_of(LoopOp op) {
    switch (op) {
    case LOOP_SMIN: return "llvm.smin";
    case LOOP_SMAX: return "llvm.smax";
    case LOOP_UMIN: return "llvm.umin";
    case LOOP_UMAX: return "llvm.umax";
    case LOOP_SQRT: return "llvm.sqrt";
    case LOOP_FLOOR: return "llvm.floor";
    case LOOP_CEIL: return "llvm.ceil";
    case LOOP_TRUNCF: return "llvm.trunc";
    case LOOP_RINT: return "llvm.roundeven";
    case LOOP_FABS: return "llvm.fabs";
    default: bug("emit_llvm: %s", loop_op_name[op]);
    }
}

static LLVMValueRef philox(LlvmCode *c, const LoopInstr *i, LLVMValueRef *args) {
    return llvm_call_support(c, i->type.scalar == LT_I32 ? "pipec_philox_i32"
                                                         : "pipec_philox_i64", 4, args);
}

LLVMValueRef llvm_arithmetic(LlvmCode *c, const LoopInstr *i) {
    Llvm *l = c->llvm;
    LLVMBuilderRef b = l->builder;
    LLVMValueRef a[4] = {0};
    for (int k = 0; k < i->nargs && k < 4; k++)
        if (i->arg[k] != NO_VALUE) a[k] = c->value[i->arg[k]];
    switch (i->op) {
    case LOOP_CONST: return constant(l, i);
    case LOOP_ADD: return LLVMBuildAdd(b, a[0], a[1], "");
    case LOOP_SUB: return LLVMBuildSub(b, a[0], a[1], "");
    case LOOP_MUL: return LLVMBuildMul(b, a[0], a[1], "");
    case LOOP_SDIV: return LLVMBuildSDiv(b, a[0], a[1], "");
    case LOOP_UDIV: return LLVMBuildUDiv(b, a[0], a[1], "");
    case LOOP_SREM: return LLVMBuildSRem(b, a[0], a[1], "");
    case LOOP_UREM: return LLVMBuildURem(b, a[0], a[1], "");
    case LOOP_AND: return LLVMBuildAnd(b, a[0], a[1], "");
    case LOOP_OR: return LLVMBuildOr(b, a[0], a[1], "");
    case LOOP_XOR: return LLVMBuildXor(b, a[0], a[1], "");
    case LOOP_SHL: return LLVMBuildShl(b, a[0], a[1], "");
    case LOOP_LSHR: return LLVMBuildLShr(b, a[0], a[1], "");
    case LOOP_ASHR: return LLVMBuildAShr(b, a[0], a[1], "");
    case LOOP_FADD: return LLVMBuildFAdd(b, a[0], a[1], "");
    case LOOP_FSUB: return LLVMBuildFSub(b, a[0], a[1], "");
    case LOOP_FMUL: return LLVMBuildFMul(b, a[0], a[1], "");
    case LOOP_FDIV: return LLVMBuildFDiv(b, a[0], a[1], "");
    case LOOP_FNEG: return LLVMBuildFNeg(b, a[0], "");
    case LOOP_FMA: return fused(c, i, a);
    case LOOP_MULHI: return high_product(l, i->type, a);
    case LOOP_SMIN: case LOOP_SMAX: case LOOP_UMIN: case LOOP_UMAX:
        return llvm_intrinsic(l, intrinsic_of(i->op), llvm_type(l, i->type), 2, a);
    case LOOP_SQRT: case LOOP_FLOOR: case LOOP_CEIL: case LOOP_TRUNCF:
    case LOOP_RINT: case LOOP_FABS:
        return llvm_intrinsic(l, intrinsic_of(i->op), llvm_type(l, i->type), 1, a);
    case LOOP_EQ: case LOOP_NE: case LOOP_SLT: case LOOP_SLE: case LOOP_ULT:
    case LOOP_ULE: case LOOP_FEQ: case LOOP_FNE: case LOOP_FLT: case LOOP_FLE:
        return compare(b, i->op, a[0], a[1]);
    case LOOP_SELECT: return LLVMBuildSelect(b, a[0], a[1], a[2], "");
    case LOOP_SEXT: case LOOP_ZEXT: case LOOP_TRUNC: case LOOP_SITOFP:
    case LOOP_UITOFP: case LOOP_FPTOSI: case LOOP_FPTOUI: case LOOP_FPEXT:
    case LOOP_FPTRUNC:
        return LLVMBuildCast(b, cast_of(i->op), a[0], llvm_type(l, i->type), "");
    case LOOP_HTOF: case LOOP_FTOH: case LOOP_BTOF: case LOOP_FTOB:
        return half_cast(c, i, a[0]);
    case LOOP_BITCAST:
        return bitcast(l, a[0], c->function->value_types.at[i->arg[0]], i->type);
    case LOOP_SPLAT: return splat(l, a[0], i->type.lanes);
    case LOOP_SHUFFLE: return shuffle(c, i);
    case LOOP_EXTRACT:
        return LLVMBuildExtractElement(b, a[0],
                                       int_of(l, LT_I32, 1, (uint64_t)i->imm), "");
    case LOOP_PHILOX: return philox(c, i, a);
    default: bug("emit_llvm: no arithmetic for %s", loop_op_name[i->op]);
    }
}
