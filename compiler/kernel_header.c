/* The C prototypes of kernels: docs/language.md section 7. */
#include <string.h>
#include "kernel_build.h"

static const char *scalar_text(pl_dtype dtype) {
    static const char *const texts[PL_DTYPES] = {
        [PL_BOOL] = "bool", [PL_U8] = "uint8_t", [PL_I8] = "int8_t",
        [PL_U16] = "uint16_t", [PL_I16] = "int16_t", [PL_U32] = "uint32_t",
        [PL_I32] = "int32_t", [PL_U64] = "uint64_t", [PL_I64] = "int64_t",
        [PL_F16] = "uint16_t", [PL_BF16] = "uint16_t", [PL_F32] = "float",
        [PL_F64] = "double",
    };
    return texts[dtype];
}

/* Names of parameters are for people; those that C has for itself get a `_`. */
static bool taken_by_c(const char *name) {
    static const char *const words[] = {
        "auto", "bool", "break", "case", "char", "class", "continue", "default",
        "delete", "do", "double", "enum", "extern", "float", "goto", "inline", "int",
        "long", "new", "operator", "private", "public", "register", "restrict",
        "return", "short", "signed", "sizeof", "static", "struct", "switch",
        "template", "this", "typedef", "typename", "union", "unsigned", "using",
        "virtual", "void", "volatile", "while",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(name, words[i]))
            return true;
    return false;
}

static void put_params(FILE *out, const Kernel *kernel) {
    for (int i = 0; i < kernel->nparams; i++) {
        const Type *type = kernel->params[i];
        const char *name = kernel->decl->params.at[i].name.text;
        const char *end = taken_by_c(name) ? "_" : "";
        if (type->kind == TY_OPAQUE)
            fprintf(out, ", const void *%s%s", name, end);
        else if (type->rank > 0)
            fprintf(out, ", const pk_tensor *%s%s", name, end);
        else
            fprintf(out, ", %s %s%s", scalar_text(type->dtype), name, end);
    }
}

static void put_results(FILE *out, const Kernel *kernel) {
    for (int i = 0; i < kernel->nresults; i++)
        fputs(kernel->results[i]->kind == TY_OPAQUE ? ", void **" : ", pk_tensor *", out);
}

void print_kernel_prototypes(FILE *out, const Kernel *kernel) {
    if (kernel->npeek) {
        fprintf(out, "int %s_peek(pk_call *", kernel->name);
        put_params(out, kernel);
        for (int i = 0; i < kernel->npeek; i++)
            fputs(", int64_t *", out);
        fputs(");\n", out);
    }
    fprintf(out, "int %s(pk_call *", kernel->name);
    put_params(out, kernel);
    fputs(", const pk_region *", out);
    put_results(out, kernel);
    fputs(");\n", out);
    if (!kernel->rows)
        return;
    fprintf(out, "int %s_begin(pk_call *", kernel->name);
    put_params(out, kernel);
    fputs(", const pk_region *, void **cursor);\n", out);
    fprintf(out, "int %s_rows(pk_call *, void *cursor, int64_t n, pk_tensor *);\n",
            kernel->name);
    fprintf(out, "void %s_end(pk_call *, void *cursor);\n", kernel->name);
}

static char letter_of(const Type *type) {
    static const char floats[PL_DTYPES] = {
        [PL_F32] = 'f', [PL_F64] = 'd', [PL_BOOL] = 'b'};
    if (type->kind == TY_OPAQUE || type->rank > 0)
        return 'p';
    return floats[type->dtype] ? floats[type->dtype]
                               : (char)('0' + dtype_size(type->dtype));
}

/* `begin` and `end` stand around the letters of the declared parameters. */
static void add_function(Arena *arena, CFunctionList *list, const Kernel *kernel,
                         const char *name_end, const char *begin, int pointers) {
    char *letters = arena_alloc(
        arena, strlen(begin) + (size_t)(kernel->nparams + pointers) + 1);
    char *to = letters + strlen(begin);
    CFunction f = {arena_format(arena, "%s%s", kernel->name, name_end), letters};
    strcpy(letters, begin);
    for (int i = 0; i < kernel->nparams; i++)
        *to++ = letter_of(kernel->params[i]);
    memset(to, 'p', (size_t)pointers);
    to[pointers] = 0;
    list_push(arena, list, f);
}

CFunctionList kernel_functions(Arena *arena, const Kernel *kernel) {
    CFunctionList list = {0};
    add_function(arena, &list, kernel, "", "4p", 1 + kernel->nresults);
    if (kernel->npeek)
        add_function(arena, &list, kernel, "_peek", "4p", kernel->npeek);
    if (kernel->rows) {
        CFunction rows = {arena_format(arena, "%s_rows", kernel->name), "4pp8p"};
        CFunction end = {arena_format(arena, "%s_end", kernel->name), "vpp"};
        add_function(arena, &list, kernel, "_begin", "4p", 2);
        list_push(arena, &list, rows);
        list_push(arena, &list, end);
    }
    return list;
}

void print_kernel_header(FILE *out, const Graph *graph) {
    fputs("/* What the kernels of this feature have to be in C. */\n"
          "#include <stdbool.h>\n#include \"pipec_kernel.h\"\n"
          "#ifdef __cplusplus\nextern \"C\" {\n#endif\n", out);
    for (int i = 0; i < graph->kernels.n; i++) {
        fputs("\n", out);
        print_kernel_prototypes(out, graph->kernels.at[i]);
    }
    fputs("\n#ifdef __cplusplus\n}\n#endif\n", out);
}
