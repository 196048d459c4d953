/* What --emit asks for. Text is made in memory, the rest in the scratch folder;
 * the result is moved to its place when it is whole. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "driver.h"
#include "kernel_build.h"
#include "explain.h"
#include "lower.h"

/* ---- the kinds ---- */

typedef bool MakeFile(Driver *, const char *path);
typedef void PrintText(Driver *, FILE *);

static bool make_so(Driver *, const char *path);
static bool make_obj(Driver *, const char *path);
static bool make_asm(Driver *, const char *path);
static bool make_llvm_ir(Driver *, const char *path);
static bool make_bc(Driver *, const char *path);
static void print_c(Driver *, FILE *);

static void put_header(Driver *d, FILE *out) { print_header(d->graph, out); }
static void put_kernel_header(Driver *d, FILE *out) {
    print_kernel_header(out, d->graph);
}
static void put_loops(Driver *d, FILE *out) { print_loops(out, d->loops); }
static void put_graph(Driver *d, FILE *out) { print_graph(out, d->graph); }
static void put_plan(Driver *d, FILE *out) { driver_print_plan(d, out); }
static void put_json(Driver *d, FILE *out) {
    const char *text = describe_feature(d->arena, d->graph);
    fprintf(out, "%.*s, \"libraries\": [%s]}\n", (int)strlen(text) - 1, text,
            describe_libraries(d->arena, d->graph));
}

typedef struct Kind {
    const char *end;            /* of the default name; NULL: to stdout */
    bool lowered;               /* needs the loop IR */
    bool llvm_only;
    MakeFile *make;
    PrintText *print;
} Kind;

static const Kind kinds[] = {
    [OUT_SO]            = {"so", true,  false, make_so,      NULL},
    [OUT_OBJ]           = {"o",  true,  false, make_obj,     NULL},
    [OUT_ASM]           = {NULL, true,  false, make_asm,     NULL},
    [OUT_LLVM_IR]       = {NULL, true,  true,  make_llvm_ir, NULL},
    [OUT_BC]            = {"bc", true,  true,  make_bc,      NULL},
    [OUT_C]             = {NULL, true,  false, NULL, print_c},
    [OUT_HEADER]        = {NULL, false, false, NULL, put_header},
    [OUT_KERNEL_HEADER] = {NULL, false, false, NULL, put_kernel_header},
    [OUT_LOOPS]         = {NULL, true,  false, NULL, put_loops},
    [OUT_GRAPH]         = {NULL, false, false, NULL, put_graph},
    [OUT_PLAN]          = {NULL, false, false, NULL, put_plan},
    [OUT_JSON]          = {NULL, false, false, NULL, put_json},
};

bool driver_builds_kernels(const Driver *d) { return kinds[d->options->kind].lowered; }

const char *driver_target(Driver *d) {
    const char *end = kinds[d->options->kind].end;
    if (d->options->output)
        return strcmp(d->options->output, "-") ? d->options->output : NULL;
    return end ? arena_format(d->arena, "%s.%s", file_stem(d->arena, d->options->input),
                              end)
               : NULL;
}

/* ---- machine code ---- */

static EmitOptions emit_options(Driver *d, const KernelFiles *kernels) {
    EmitOptions options = {
        .level = d->options->level,
        .debug = d->options->debug,
        .bitcode = kernels->files.at,
        .nbitcode = kernels->files.n,
    };
    options.ncpus = driver_cpus(d->options, options.cpu);
    return options;
}

static bool emit_by_llvm(Driver *d, EmitKind kind, const char *path,
                         KernelFiles *kernels) {
    const char *error = NULL;
    if (!build_kernels(d, KERNELS_BITCODE, kernels))
        return false;
    EmitOptions options = emit_options(d, kernels);
    if (emit_llvm(d->loops, &options, kind, path, d->arena, &error))
        return true;
    driver_fail(d, DIAG_E0401_KERNEL, "%s", error);
    return false;
}

static const char *c_text(Driver *d) {
    KernelFiles none = {0};
    EmitOptions options = emit_options(d, &none);
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool good = emit_c(d->loops, &options, out);
    fclose(out);
    const char *copy = arena_strndup(d->arena, text, size);
    free(text);
    if (!good)
        bug("the C back end cannot write this module");
    return copy;
}

/* As its declaration spells it: a path would differ from place to place. */
static const char *kernel_source_text(Driver *d, const Kernel *kernel) {
    const Decl *decl = kernel->decl;
    for (int i = 0; i < decl->clauses.n; i++)
        if (decl->clauses.at[i].kind == CL_FROM)
            return arena_format(d->arena, kernel->is_std ? "$S/kernels/%s" : "\"%s\"",
                                decl->clauses.at[i].expr->text);
    bug("a kernel without a body");
}

static void push_once(Driver *d, TextList *list, const char *text) {
    for (int i = 0; i < list->n; i++)
        if (!strcmp(list->at[i], text))
            return;
    list_push(d->arena, list, text);
}

static void print_list(FILE *out, const char *before, const TextList *list) {
    fputs(before, out);
    for (int i = 0; i < list->n; i++)
        fprintf(out, " %s", list->at[i]);
}

static void print_compiling(FILE *out, const TextList *sources, const TextList *packages) {
    fputs(" * are compiled, each beside the .dsl that declares it, by\n"
          " *   cc -c -std=gnu11 -O2 -fPIC -ffp-contract=off -I$S/include \\\n"
          " *      -include pipec_kernel.h", out);
    if (packages->n) {
        print_list(out, " $(pkg-config --cflags", packages);
        fputs(") \\\n *     ", out);
    }
    print_list(out, "", sources);
    fputs("\n", out);
}

/* The kernels are not in the text: how they are compiled, and linked with it. */
static void print_kernel_lines(Driver *d, FILE *out) {
    TextList sources = {0}, archives = {0}, packages = {0};
    for (int i = 0; i < d->graph->kernels.n; i++) {
        const Kernel *kernel = d->graph->kernels.at[i];
        if (!kernel->used || !kernel->source)
            continue;
        bool archive = file_ends_with(kernel->source, ".a");
        push_once(d, archive ? &archives : &sources, kernel_source_text(d, kernel));
        if (kernel->needs)
            push_once(d, &packages, kernel->needs);
    }
    if (!sources.n && !archives.n)
        return;
    fputs("/* Its kernels, where\n"
          " *   S=$(dirname \"$(command -v pipec)\")/../share/pipec\n", out);
    if (sources.n)
        print_compiling(out, &sources, &packages);
    if (archives.n || packages.n)
        fputs(" * are linked with", out);
    print_list(out, "", &archives);
    if (packages.n) {
        print_list(out, " $(pkg-config --libs", &packages);
        fputs(")", out);
    }
    fputs(" */\n", out);
}

static void print_c(Driver *d, FILE *out) {
    print_kernel_lines(d, out);
    fputs(c_text(d), out);
}

static bool make_llvm_ir(Driver *d, const char *path) {
    return emit_by_llvm(d, EMIT_LLVM_IR, path, &(KernelFiles){0});
}

static bool make_bc(Driver *d, const char *path) {
    return emit_by_llvm(d, EMIT_BC, path, &(KernelFiles){0});
}

static bool make_asm(Driver *d, const char *path) {
    return d->options->backend == BACKEND_C
        ? driver_assembly_c(d, c_text(d), path)
        : emit_by_llvm(d, EMIT_ASM, path, &(KernelFiles){0});
}

/* The feature and its kernels. */
static bool c_objects(Driver *d, KernelFiles *kernels, TextList *objects) {
    if (!build_kernels(d, KERNELS_OBJECTS, kernels) ||
        !driver_compile_c(d, c_text(d), objects))
        return false;
    for (int i = 0; i < kernels->files.n; i++)
        list_push(d->arena, objects, kernels->files.at[i]);
    return true;
}

/* The feature's objects, its kernels' and their archives, in the linker's order. */
static bool make_objects(Driver *d, KernelFiles *kernels, TextList *objects) {
    const char *object = arena_format(d->arena, "%s/feature.o", d->places.scratch);
    if (d->options->backend == BACKEND_C) {
        if (!c_objects(d, kernels, objects))
            return false;
    } else {
        list_push(d->arena, objects, object);
        if (!emit_by_llvm(d, EMIT_OBJ, object, kernels))
            return false;
    }
    for (int i = 0; i < kernels->archives.n; i++)
        list_push(d->arena, objects, kernels->archives.at[i]);
    return true;
}

static bool make_obj(Driver *d, const char *path) {
    KernelFiles kernels = {0};
    TextList objects = {0};
    if (!make_objects(d, &kernels, &objects))
        return false;
    if (d->options->backend == BACKEND_LLVM && objects.n == 1)
        return file_move(d->arena, objects.at[0], path);
    return driver_join(d, &objects, path);
}

static bool make_so(Driver *d, const char *path) {
    KernelFiles kernels = {0};
    TextList objects = {0};
    return make_objects(d, &kernels, &objects) &&
           driver_link(d, &objects, &kernels.libraries, path);
}

/* ---- to its place ---- */

static bool print_to(Driver *d, PrintText *print, const char *path) {
    FILE *out = fopen(path, "w");
    if (!out) {
        driver_fail_file(d, "write", path);
        return false;
    }
    print(d, out);
    if (fclose(out) == 0)
        return true;
    driver_fail_file(d, "write", path);
    return false;
}

static bool copy_to_stdout(Driver *d, const char *path) {
    size_t size;
    char *text = file_read(d->arena, path, &size);
    if (text && fwrite(text, 1, size, stdout) == size && fflush(stdout) == 0)
        return true;
    driver_fail_file(d, "write", "the output");
    return false;
}

static bool place(Driver *d, const char *made) {
    const char *target = driver_target(d);
    if (!target)
        return copy_to_stdout(d, made);
    if (file_move(d->arena, made, target))
        return true;
    driver_fail_file(d, "write", target);
    return false;
}

bool driver_write(Driver *d) {
    const Kind *kind = &kinds[d->options->kind];
    if (kind->llvm_only && d->options->backend == BACKEND_C) {
        driver_fail(d, DIAG_E0501_FILE, "the C back end makes no LLVM code");
        return false;
    }
    const char *target = driver_target(d);
    if (target && file_same(target, d->options->input)) {
        driver_fail(d, DIAG_E0501_FILE, "%s would be overwritten by its own result",
                    target);
        return false;
    }
    if (!places_scratch(&d->places, d->arena)) {
        driver_fail_file(d, "make a folder below", places_temporary());
        return false;
    }
    if (kind->lowered && !driver_lower(d))
        return false;
    const char *made = arena_format(d->arena, "%s/made", d->places.scratch);
    bool good = kind->make ? kind->make(d, made) : print_to(d, kind->print, made);
    return good && place(d, made) && driver_write_dependencies(d);
}
