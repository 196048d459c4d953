/* What the driver asks LLVM: the functions of a bitcode file, this machine. */
#include <llvm-c/BitReader.h>
#include <llvm-c/TargetMachine.h>
#include <string.h>
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

bool bitcode_functions(Arena *arena, const char *path, TextList *defined) {
    LLVMContextRef context = LLVMContextCreate();
    LLVMContextSetDiagnosticHandler(context, ignore, NULL);
    LLVMModuleRef module = read_bitcode(context, path);
    if (module) {
        for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
            size_t size;
            const char *name = LLVMGetValueName2(f, &size);
            if (!LLVMIsDeclaration(f))
                list_push(arena, defined, (const char *)arena_strndup(arena, name, size));
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

const char *host_features(Arena *arena) {
    char *all = LLVMGetHostCPUFeatures();
    const char *kept = "";
    for (char *name = strtok(all, ","); name; name = strtok(NULL, ","))
        if (name[0] == '+' && of_code(name + 1))
            kept = arena_format(arena, "%s%s%s", kept, *kept ? "," : "", name + 1);
    LLVMDisposeMessage(all);
    return kept;
}
