/* The rooms of the LLVM back end: emit_llvm.c (modules, clones, output),
 * emit_llvm_code.c (functions), emit_llvm_ops.c (arithmetic), emit_llvm_link.c
 * (kernels' bitcode), emit_llvm_data.c. The only file that includes LLVM-C. */
#ifndef PIPEC_EMIT_LLVM_H
#define PIPEC_EMIT_LLVM_H
#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>
#include "loops_rules.h"

/* One clone of the functions: a CPU, or the plain functions. */
typedef struct LlvmLevel {
    Cpu cpu;
    bool plain;
    const char *suffix;             /* of functions: "__v3", "" if plain */
    const char *kernel_suffix;      /* of the copies of kernels and support code */
    const char *target_cpu, *features, *vector_width;
    bool has_fma, has_f16;
    LLVMValueRef *function;         /* by number in the module; NULL: not in this level */
    LLVMValueRef *support;          /* by number in the support module */
} LlvmLevel;

enum { LLVM_MAX_LEVELS = 5 };

typedef struct Llvm {
    Arena *arena;
    const LoopModule *loops, *support;
    const EmitOptions *options;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    int nlevels;
    LlvmLevel level[LLVM_MAX_LEVELS];
    LLVMValueRef *data;             /* globals, by number of the datum */
    LLVMDIBuilderRef debug;         /* NULL: no debug lines */
    LLVMMetadataRef debug_file;
    const char *error;              /* the first one */
} Llvm;

/* The function whose code is being made. */
typedef struct LlvmCode {
    Llvm *llvm;
    const LoopModule *module;       /* loops or support */
    const LoopFunction *function;
    LlvmLevel *level;
    LLVMValueRef made;
    LLVMValueRef *value;            /* by number; of a VAR: its place on the stack */
    LLVMBasicBlockRef break_to;
    bool streams;                   /* has non-temporal stores */
    int nbuffers;
    LLVMMetadataRef *scope;         /* alias scope of each buffer, 1..nbuffers */
    LLVMMetadataRef access;         /* group of the accesses of a parallel loop */
    LLVMMetadataRef subprogram;
} LlvmCode;

void llvm_fail(Llvm *, const char *format, ...) __attribute__((format(printf, 2, 3)));
LLVMTypeRef llvm_type(Llvm *, LoopType);
LLVMTypeRef llvm_function_type(Llvm *, LoopType result, int nparams, const LoopType *);
LLVMMetadataRef llvm_string(Llvm *, const char *);
LLVMMetadataRef llvm_node(Llvm *, int n, LLVMMetadataRef *);
void llvm_flag(Llvm *, LLVMValueRef function, const char *attribute, uint64_t value);
void llvm_text_flag(Llvm *, LLVMValueRef function, const char *name, const char *value);
void llvm_target(Llvm *, const LlvmLevel *, LLVMValueRef function);

/* emit_llvm_ops.c: the value of an instruction without control or memory. */
LLVMValueRef llvm_arithmetic(LlvmCode *, const LoopInstr *);
LLVMValueRef llvm_intrinsic(Llvm *, const char *name, LLVMTypeRef overload, int n,
                            LLVMValueRef *args);
LLVMValueRef llvm_call_support(LlvmCode *, const char *name, int n, LLVMValueRef *args);

/* emit_llvm_code.c */
LLVMValueRef llvm_declare(Llvm *, LlvmLevel *, const LoopFunction *, bool support);
void llvm_function(Llvm *, LlvmLevel *, const LoopModule *, const LoopFunction *,
                   LLVMValueRef);

/* emit_llvm_link.c: before functions are made, so that calls find the copies. */
bool llvm_link_kernels(Llvm *);
LLVMValueRef llvm_extern(Llvm *, const LlvmLevel *, const LoopExtern *);

/* emit_llvm_data.c */
void llvm_declare_data(Llvm *);
void llvm_define_data(Llvm *);

#endif
