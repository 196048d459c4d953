/* The LLVM back end: one LLVM module with a clone of every function for each
 * CPU level, the kernels linked in, optimised and written. The output depends on
 * the module and the options alone: no path, time or file name gets into it. */
#include "emit_llvm.h"
#include "kernel_build.h"
#include <llvm-c/Analysis.h>
#include <llvm-c/BitWriter.h>
#include <llvm-c/Error.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <string.h>
#include "../dsl/diag.h"

/* ---- small things that the other rooms use ---- */

void llvm_fail(Llvm *l, const char *format, ...) {
    va_list list;
    va_start(list, format);
    if (!l->error) l->error = arena_vformat(l->arena, format, list);
    va_end(list);
}

static LLVMTypeRef scalar_type(Llvm *l, LoopScalar scalar) {
    switch (scalar) {
    case LT_VOID: return LLVMVoidTypeInContext(l->context);
    case LT_I1: return LLVMInt1TypeInContext(l->context);
    case LT_I8: return LLVMInt8TypeInContext(l->context);
    case LT_I16: return LLVMInt16TypeInContext(l->context);
    case LT_I32: return LLVMInt32TypeInContext(l->context);
    case LT_I64: return LLVMInt64TypeInContext(l->context);
    case LT_F32: return LLVMFloatTypeInContext(l->context);
    case LT_F64: return LLVMDoubleTypeInContext(l->context);
    case LT_PTR: return LLVMPointerTypeInContext(l->context, 0);
    }
    bug("emit_llvm: scalar %d", (int)scalar);
}

LLVMTypeRef llvm_type(Llvm *l, LoopType type) {
    LLVMTypeRef scalar = scalar_type(l, type.scalar);
    return type.lanes == 1 ? scalar : LLVMVectorType(scalar, (unsigned)type.lanes);
}

LLVMTypeRef llvm_function_type(Llvm *l, LoopType result, int nparams,
                               const LoopType *types) {
    LLVMTypeRef *list = arena_array(l->arena, LLVMTypeRef, nparams);
    for (int i = 0; i < nparams; i++) list[i] = llvm_type(l, types[i]);
    return LLVMFunctionType(llvm_type(l, result), list, (unsigned)nparams, false);
}

LLVMMetadataRef llvm_string(Llvm *l, const char *text) {
    return LLVMMDStringInContext2(l->context, text, strlen(text));
}

LLVMMetadataRef llvm_node(Llvm *l, int n, LLVMMetadataRef *list) {
    return LLVMMDNodeInContext2(l->context, list, (size_t)n);
}

void llvm_flag(Llvm *l, LLVMValueRef f, const char *attribute, uint64_t value) {
    unsigned kind = LLVMGetEnumAttributeKindForName(attribute, strlen(attribute));
    LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(l->context, kind, value));
}

void llvm_text_flag(Llvm *l, LLVMValueRef f, const char *name, const char *value) {
    LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex,
                            LLVMCreateStringAttribute(l->context, name,
                                                      (unsigned)strlen(name), value,
                                                      (unsigned)strlen(value)));
}

void llvm_target(Llvm *l, const LlvmLevel *level, LLVMValueRef f) {
    LLVMRemoveStringAttributeAtIndex(f, LLVMAttributeFunctionIndex, "tune-cpu", 8);
    llvm_text_flag(l, f, "target-cpu", level->target_cpu);
    llvm_text_flag(l, f, "target-features", level->features);
    llvm_text_flag(l, f, "prefer-vector-width", level->vector_width);
}

/* ---- CPU levels ---- */

const char *cpu_name(Cpu cpu) {
    static const char *const names[] = {"any", "native", "x86-64-v2", "x86-64-v3",
                                        "x86-64-v4"};
    return names[cpu];
}

const char *cpu_suffix(Cpu cpu) {
    static const char *const suffixes[] = {"", "__native", "__v2", "__v3", "__v4"};
    return suffixes[cpu];
}

/* Gathers and scatters that the vectoriser makes up lose on every CPU measured
 * (docs/loops.md). */
#define NO_GATHER "+prefer-no-gather,+prefer-no-scatter"

static void set_native(Llvm *l, LlvmLevel *level) {
    const char *features = host_target_features(l->arena);
    char *name = LLVMGetHostCPUName();
    level->target_cpu = arena_format(l->arena, "%s", name);
    level->features = arena_format(l->arena, "%s,%s", features, NO_GATHER);
    level->vector_width = strstr(features, "+avx512vl") ? "512" : "256";
    level->has_fma = strstr(features, "+fma,") != NULL;
    level->has_f16 = strstr(features, "+f16c") != NULL;
    LLVMDisposeMessage(name);
}

static void set_level(Llvm *l, LlvmLevel *level, Cpu cpu) {
    level->cpu = cpu;
    level->suffix = level->kernel_suffix = cpu_suffix(cpu);
    if (cpu == CPU_NATIVE) {
        set_native(l, level);
        return;
    }
    if (cpu == CPU_ANY) cpu = CPU_V2;           /* the least that we run on */
    level->target_cpu = cpu_name(cpu);
    level->features = cpu == CPU_V2 ? "" : NO_GATHER;
    level->vector_width = cpu == CPU_V2 ? "128" : cpu == CPU_V3 ? "256" : "512";
    level->has_fma = level->has_f16 = cpu >= CPU_V3;
}

/* The plain functions come last and share the support code and kernels of v2. */
static void set_levels(Llvm *l) {
    bool plain = false;
    for (int i = 0; i < l->loops->functions.n; i++)
        plain |= l->loops->functions.at[i]->plain;
    for (int k = 0; k < l->options->ncpus; k++)
        set_level(l, &l->level[l->nlevels++], l->options->cpu[k]);
    if (!plain) return;
    LlvmLevel *last = &l->level[l->nlevels];
    set_level(l, last, CPU_ANY);
    last->plain = true;
    last->kernel_suffix = "__plain";
    for (int k = 0; k < l->nlevels; k++)
        if (l->level[k].cpu == CPU_V2) last->kernel_suffix = l->level[k].kernel_suffix;
    l->nlevels++;
}

/* ---- functions ---- */

static void declare_support(Llvm *l, LlvmLevel *level) {
    int n = l->support->functions.n;
    level->support = arena_array(l->arena, LLVMValueRef, n);
    for (int k = 0; k < l->nlevels && &l->level[k] != level; k++)
        if (strcmp(l->level[k].kernel_suffix, level->kernel_suffix) == 0) {
            level->support = l->level[k].support;
            return;
        }
    for (int i = 0; i < n; i++)
        level->support[i] = llvm_declare(l, level, l->support->functions.at[i], true);
    for (int i = 0; i < n; i++)
        llvm_function(l, level, l->support, l->support->functions.at[i],
                      level->support[i]);
}

static void declare_functions(Llvm *l, LlvmLevel *level) {
    int n = l->loops->functions.n;
    level->function = arena_array(l->arena, LLVMValueRef, n);
    for (int i = 0; i < n; i++) {
        const LoopFunction *f = l->loops->functions.at[i];
        if (f->plain == level->plain)
            level->function[i] = llvm_declare(l, level, f, false);
    }
}

static void define_functions(Llvm *l, LlvmLevel *level) {
    for (int i = 0; i < l->loops->functions.n; i++)
        if (level->function[i])
            llvm_function(l, level, l->loops, l->loops->functions.at[i],
                          level->function[i]);
}

static void begin_debug(Llvm *l) {
    if (!l->options->debug || !l->loops->dsl_file) return;
    const char *file = l->loops->dsl_file;
    l->debug = LLVMCreateDIBuilder(l->module);
    l->debug_file = LLVMDIBuilderCreateFile(l->debug, file, strlen(file), ".", 1);
    LLVMDIBuilderCreateCompileUnit(l->debug, LLVMDWARFSourceLanguageC11, l->debug_file,
                                   "pipec", 5, l->options->level > 0, "", 0, 0, "", 0,
                                   LLVMDWARFEmissionFull, 0, false, false, "", 0, "", 0);
    LLVMTypeRef i32 = LLVMInt32TypeInContext(l->context);
    LLVMMetadataRef version = LLVMValueAsMetadata(
        LLVMConstInt(i32, LLVMDebugMetadataVersion(), false));
    LLVMAddModuleFlag(l->module, LLVMModuleFlagBehaviorWarning, "Debug Info Version", 18,
                      version);
}

static bool build_module(Llvm *l) {
    set_levels(l);
    begin_debug(l);
    if (!llvm_link_kernels(l)) return false;
    llvm_declare_data(l);
    for (int k = 0; k < l->nlevels; k++) declare_support(l, &l->level[k]);
    for (int k = 0; k < l->nlevels; k++) declare_functions(l, &l->level[k]);
    for (int k = 0; k < l->nlevels; k++) define_functions(l, &l->level[k]);
    llvm_define_data(l);
    if (l->debug) LLVMDIBuilderFinalize(l->debug);
    char *message = NULL;
    if (LLVMVerifyModule(l->module, LLVMReturnStatusAction, &message))
        bug("emit_llvm: LLVM rejects %s: %s", l->loops->name, message);
    LLVMDisposeMessage(message);
    return !l->error;
}

/* ---- passes and output ---- */

static LLVMTargetMachineRef make_machine(Llvm *l) {
    static const LLVMCodeGenOptLevel levels[] = {
        LLVMCodeGenLevelNone, LLVMCodeGenLevelLess, LLVMCodeGenLevelDefault,
        LLVMCodeGenLevelAggressive};
    LLVMTargetRef target;
    char *message = NULL;
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    const char *triple = "x86_64-pc-linux-gnu";
    if (LLVMGetTargetFromTriple(triple, &target, &message))
        bug("emit_llvm: %s", message);
    return LLVMCreateTargetMachine(target, triple, "x86-64-v2", "",
                                   levels[l->options->level], LLVMRelocPIC,
                                   LLVMCodeModelDefault);
}

/* Unused copies of kernels go first, at any level: they would ask for libraries
 * that the feature does not need. */
static bool run_passes(Llvm *l, LLVMTargetMachineRef machine) {
    static const char *const passes[] = {"globaldce,default<O0>,globaldce",
                                         "globaldce,default<O1>",
                                         "globaldce,default<O2>",
                                         "globaldce,default<O3>"};
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMPassBuilderOptionsSetLoopVectorization(options, true);
    LLVMPassBuilderOptionsSetSLPVectorization(options, true);
    LLVMErrorRef error = LLVMRunPasses(l->module, passes[l->options->level], machine,
                                       options);
    LLVMDisposePassBuilderOptions(options);
    if (!error) return true;
    char *message = LLVMGetErrorMessage(error);
    llvm_fail(l, "%s", message);
    LLVMDisposeErrorMessage(message);
    return false;
}

static void write_module(Llvm *l, LLVMTargetMachineRef machine, EmitKind kind,
                         const char *path) {
    char *message = NULL;
    LLVMBool bad = false;
    switch (kind) {
    case EMIT_LLVM_IR: bad = LLVMPrintModuleToFile(l->module, path, &message); break;
    case EMIT_BC:
        if (LLVMWriteBitcodeToFile(l->module, path))
            llvm_fail(l, "cannot write %s", path);
        return;
    case EMIT_ASM: case EMIT_OBJ:
        bad = LLVMTargetMachineEmitToFile(machine, l->module, (char *)path,
                                          kind == EMIT_ASM ? LLVMAssemblyFile
                                                           : LLVMObjectFile, &message);
        break;
    }
    if (!bad) return;
    llvm_fail(l, "%s: %s", path, message);
    LLVMDisposeMessage(message);
}

/* LLVM's own handler would end the program. */
static void on_diagnostic(LLVMDiagnosticInfoRef info, void *context) {
    Llvm *l = context;
    if (LLVMGetDiagInfoSeverity(info) != LLVMDSError) return;
    char *text = LLVMGetDiagInfoDescription(info);
    llvm_fail(l, "%s", text);
    LLVMDisposeMessage(text);
}

bool emit_llvm(const LoopModule *loops, const EmitOptions *options, EmitKind kind,
               const char *path, Arena *arena, const char **error) {
    Llvm l = {.arena = arena, .loops = loops, .options = options,
              .support = loops_support(arena)};
    l.context = LLVMContextCreate();
    LLVMContextSetDiagnosticHandler(l.context, on_diagnostic, &l);
    l.module = LLVMModuleCreateWithNameInContext(loops->name, l.context);
    l.builder = LLVMCreateBuilderInContext(l.context);
    LLVMTargetMachineRef machine = make_machine(&l);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(l.module, layout);
    LLVMSetTarget(l.module, "x86_64-pc-linux-gnu");
    LLVMDisposeTargetData(layout);
    if (build_module(&l) && run_passes(&l, machine))
        write_module(&l, machine, kind, path);
    LLVMDisposeTargetMachine(machine);
    if (l.debug) LLVMDisposeDIBuilder(l.debug);
    LLVMDisposeBuilder(l.builder);
    LLVMDisposeModule(l.module);
    LLVMContextDispose(l.context);
    if (l.error) *error = l.error;
    return !l.error;
}
