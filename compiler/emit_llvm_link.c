/* Kernels: their bitcode is linked once a level, under names with the level's
 * suffix, so that each copy is compiled for its CPU and inlined there. What no
 * function uses is dropped again. */
#include <llvm-c/BitReader.h>
#include <llvm-c/Linker.h>
#include <string.h>
#include "emit_llvm.h"

/* Code that was compiled for more than the baseline by its author's attributes
 * (intrinsics in it need them) keeps its own target. */
static bool has_own_target(LLVMValueRef f) {
    LLVMAttributeRef a = LLVMGetStringAttributeAtIndex(f, LLVMAttributeFunctionIndex,
                                                       "target-features", 15);
    unsigned size;
    return a && strstr(LLVMGetStringAttributeValue(a, &size), "avx");
}

/* Nothing in a kernel may round in another way than the language says, however
 * its bitcode was compiled. */
static void make_strict(Llvm *l, LLVMValueRef f) {
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b;
         b = LLVMGetNextBasicBlock(b)) {
        LLVMValueRef next;
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = next) {
            next = LLVMGetNextInstruction(i);
            if (LLVMCanValueUseFastMathFlags(i)) LLVMSetFastMathFlags(i, 0);
            if (LLVMGetInstructionOpcode(i) != LLVMCall) continue;
            size_t size;
            const char *name = LLVMGetValueName2(LLVMGetCalledValue(i), &size);
            if (strncmp(name, "llvm.fmuladd.", 13) != 0) continue;
            LLVMPositionBuilderBefore(l->builder, i);
            LLVMValueRef p = LLVMBuildFMul(l->builder, LLVMGetOperand(i, 0),
                                           LLVMGetOperand(i, 1), "");
            LLVMValueRef s = LLVMBuildFAdd(l->builder, p, LLVMGetOperand(i, 2), "");
            LLVMReplaceAllUsesWith(i, s);
            LLVMInstructionEraseFromParent(i);
        }
    }
}

static void rename_with(Llvm *l, const LlvmLevel *level, LLVMValueRef global) {
    size_t size;
    const char *old = LLVMGetValueName2(global, &size);
    if (LLVMIsDeclaration(global) || strncmp(old, "llvm.", 5) == 0) return;
    char *name = arena_format(l->arena, "%s%s", old, level->kernel_suffix);
    LLVMSetValueName2(global, name, strlen(name));
}

static void prepare(Llvm *l, const LlvmLevel *level, LLVMModuleRef m) {
    if (!l->debug) LLVMStripModuleDebugInfo(m);
    LLVMSetTarget(m, LLVMGetTarget(l->module));
    LLVMSetDataLayout(m, LLVMGetDataLayoutStr(l->module));
    for (LLVMValueRef g = LLVMGetFirstGlobal(m); g; g = LLVMGetNextGlobal(g))
        rename_with(l, level, g);
    for (LLVMValueRef f = LLVMGetFirstFunction(m); f; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f)) continue;
        rename_with(l, level, f);
        make_strict(l, f);
        if (!has_own_target(f)) llvm_target(l, level, f);
    }
}

static bool link_file(Llvm *l, const LlvmLevel *level, const char *path) {
    LLVMMemoryBufferRef buffer;
    LLVMModuleRef m;
    char *message = NULL;
    if (LLVMCreateMemoryBufferWithContentsOfFile(path, &buffer, &message)) {
        llvm_fail(l, "%s: %s", path, message);
        LLVMDisposeMessage(message);
        return false;
    }
    bool bad = LLVMParseBitcodeInContext2(l->context, buffer, &m);
    LLVMDisposeMemoryBuffer(buffer);
    if (bad) {
        llvm_fail(l, "%s is no bitcode of LLVM 19", path);
        return false;
    }
    prepare(l, level, m);
    if (LLVMLinkModules2(l->module, m)) llvm_fail(l, "%s cannot be linked", path);
    return !l->error;
}

/* What was linked becomes internal. */
static void hide(LLVMValueRef global) {
    LLVMLinkage linkage = LLVMGetLinkage(global);
    if (LLVMIsDeclaration(global) || linkage == LLVMPrivateLinkage ||
        linkage == LLVMAppendingLinkage)
        return;
    LLVMSetLinkage(global, LLVMInternalLinkage);
    LLVMSetVisibility(global, LLVMDefaultVisibility);
}

bool llvm_link_kernels(Llvm *l) {
    for (int k = 0; k < l->nlevels; k++) {
        const char *suffix = l->level[k].kernel_suffix;
        bool shared = false;                    /* the plain level may use v2's */
        for (int j = 0; j < k; j++)
            shared |= strcmp(l->level[j].kernel_suffix, suffix) == 0;
        for (int i = 0; !shared && i < l->options->nbitcode; i++)
            if (!link_file(l, &l->level[k], l->options->bitcode[i])) return false;
    }
    for (LLVMValueRef g = LLVMGetFirstGlobal(l->module); g; g = LLVMGetNextGlobal(g))
        hide(g);
    for (LLVMValueRef f = LLVMGetFirstFunction(l->module); f; f = LLVMGetNextFunction(f))
        hide(f);
    return true;
}

/* The copy of this level, or a symbol for the system's linker. */
LLVMValueRef llvm_extern(Llvm *l, const LlvmLevel *level, const LoopExtern *e) {
    const char *copy = arena_format(l->arena, "%s%s", e->name, level->kernel_suffix);
    LLVMValueRef f = LLVMGetNamedFunction(l->module, copy);
    if (f) return f;
    f = LLVMGetNamedFunction(l->module, e->name);
    if (f) return f;
    f = LLVMAddFunction(l->module, e->name,
                        llvm_function_type(l, e->result, e->nparams, e->param_types));
    if (e->pure) {
        llvm_flag(l, f, "memory", 0);           /* none */
        llvm_flag(l, f, "nounwind", 0);
        llvm_flag(l, f, "willreturn", 0);
    }
    return f;
}
