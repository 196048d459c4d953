/* What the driver asks LLVM: the functions of a bitcode file, this machine. */
#include <llvm-c/BitReader.h>
#include <llvm-c/TargetMachine.h>
#include <string.h>
#include "../runtime/plat.h"
#include "emit_llvm.h"
#include "kernel_build.h"

static LLVMModuleRef read_bitcode(LLVMContextRef context, const char *path) {
    LLVMMemoryBufferRef buffer;
    LLVMModuleRef module;
    char *message = NULL;
    if (LLVMCreateMemoryBufferWithContentsOfFile(path, &buffer, &message)) {
        LLVMDisposeMessage(message);
        return NULL;
    }
    bool bad = LLVMParseBitcodeInContext2(context, buffer, &module);
    LLVMDisposeMemoryBuffer(buffer);
    return bad ? NULL : module;
}

static void ignore(LLVMDiagnosticInfoRef info, void *context) {
    (void)info;
    (void)context;
}

static char letter_of(LLVMTypeRef type) {
    switch (LLVMGetTypeKind(type)) {
    case LLVMVoidTypeKind: return 'v';
    case LLVMPointerTypeKind: return 'p';
    case LLVMFloatTypeKind: return 'f';
    case LLVMDoubleTypeKind: return 'd';
    case LLVMIntegerTypeKind:
        switch (LLVMGetIntTypeWidth(type)) {
        case 1: return 'b';
        case 8: return '1';
        case 16: return '2';
        case 32: return '4';
        case 64: return '8';
        default: return '?';
        }
    default: return '?';
    }
}

static const char *letters_of(Arena *arena, LLVMValueRef function) {
    LLVMTypeRef type = LLVMGlobalGetValueType(function);
    unsigned n = LLVMCountParamTypes(type);
    LLVMTypeRef *params = arena_array(arena, LLVMTypeRef, n + 1);
    char *letters = arena_alloc(arena, n + 2);
    LLVMGetParamTypes(type, params);
    letters[0] = letter_of(LLVMGetReturnType(type));
    for (unsigned i = 0; i < n; i++)
        letters[1 + i] = letter_of(params[i]);
    letters[n + 1] = 0;
    return letters;
}

bool bitcode_functions(Arena *arena, const char *path, CFunctionList *defined) {
    LLVMContextRef context = LLVMContextCreate();
    LLVMContextSetDiagnosticHandler(context, ignore, NULL);
    LLVMModuleRef module = read_bitcode(context, path);
    if (module) {
        for (LLVMValueRef f = LLVMGetFirstFunction(module); f;
             f = LLVMGetNextFunction(f)) {
            size_t size;
            const char *name = LLVMGetValueName2(f, &size);
            CFunction found = {arena_strndup(arena, name, size), letters_of(arena, f)};
            if (!LLVMIsDeclaration(f) && LLVMGetLinkage(f) != LLVMInternalLinkage &&
                LLVMGetLinkage(f) != LLVMPrivateLinkage)
                list_push(arena, defined, found);
        }
        LLVMDisposeModule(module);
    }
    LLVMContextDispose(context);
    return module != NULL;
}

/* Features of instruction sets; the rest of the list has no effect on code. */
static bool of_code(const char *name) {
    static const char *const families[] = {"avx", "sse", "ssse", "bmi", "fma", "f16c",
                                           "lzcnt", "popcnt", "movbe", "gfni", "vaes",
                                           "vpclmul", "adx"};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (!strncmp(name, families[i], strlen(families[i])))
            return true;
    return false;
}

/* A feature that a load could not test would send it to the plain code. */
static bool of_code_here(const char *name) { return of_code(name) && plat_cpu_has(name); }

const char *host_features(Arena *arena) {
    char *all = LLVMGetHostCPUFeatures();
    const char *kept = "";
    for (char *name = strtok(all, ","); name; name = strtok(NULL, ","))
        if (name[0] == '+' && of_code_here(name + 1))
            kept = arena_format(arena, "%s%s%s", kept, *kept ? "," : "", name + 1);
    LLVMDisposeMessage(all);
    return kept;
}

const char *host_target_features(Arena *arena) {
    char *all = LLVMGetHostCPUFeatures();
    const char *kept = "";
    for (char *name = strtok(all, ","); name; name = strtok(NULL, ",")) {
        bool used = name[0] == '+' && (!of_code(name + 1) || of_code_here(name + 1));
        kept = arena_format(arena, "%s%s%c%s", kept, *kept ? "," : "", used ? '+' : '-',
                            name + 1);
    }
    LLVMDisposeMessage(all);
    return kept;
}
