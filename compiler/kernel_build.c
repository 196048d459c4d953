#include "kernel_build.h"
#include <stdlib.h>
#include <string.h>

static const char *const form_ends[] = {"bc", "o", "so"};

/* ---- messages ---- */

static Diag *fail_at(Driver *d, const Kernel *kernel, const char *text) {
    return diag_at(d->diags, DIAG_E0401_KERNEL, kernel->decl->loc, "%s", text);
}

/* The place line:column of a C source as one of ours, for a caret. */
static Loc c_place(Driver *d, const char *path, int line, int column) {
    File *file = arena_new_of(d->arena, File);
    file->path = path;
    file->text = file_read(d->arena, path, &file->size);
    if (!file->text)
        return (Loc){0};
    int at = 0, size = (int)file->size;
    for (; line > 1 && at < size; at++)
        line -= file->text[at] == '\n';
    at += column - 1;
    return (Loc){file, at, at + 1};
}

/* "path:3:14: error: text" becomes a note with its own caret. */
static bool note_error(Driver *d, Diag *diag, const char *line, int length) {
    char path[1024], text[1024];
    int row, column;
    char *copy = arena_strndup(d->arena, line, (size_t)length);
    if (!strstr(copy, "error: "))
        return false;
    if (sscanf(copy, "%1023[^:]:%d:%d: error: %1023[^\n]", path, &row, &column, text) ==
        4)
        diag_note(d->diags, diag,
                  c_place(d, arena_format(d->arena, "%s", path), row, column), "%s",
                  text);
    else
        diag_note(d->diags, diag, (Loc){0}, "%s", copy);
    return true;
}

/* The first errors of a tool as notes; all it said where there is none. */
static void note_output(Driver *d, Diag *diag, const char *output) {
    int notes = 0;
    for (const char *s = output; *s && notes < 5;) {
        int length = (int)strcspn(s, "\n");
        notes += note_error(d, diag, s, length);
        s += length + (s[length] == '\n');
    }
    if (!notes && *output)
        diag_note(d->diags, diag, (Loc){0}, "%s", output);
}

static const char *prototype_text(Driver *d, const Kernel *kernel) {
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    print_kernel_prototypes(out, kernel);
    fclose(out);
    while (size && text[size - 1] == '\n')
        size--;
    const char *copy = arena_strndup(d->arena, text, size);
    free(text);
    return copy;
}

static void fail_compile(Driver *d, const Kernel *kernel, const char *output) {
    Diag *diag = fail_at(d, kernel, arena_format(d->arena,
                         "the C of kernel `%s` does not compile", kernel->name));
    note_output(d, diag, output);
    diag_help(d->diags, diag, "its functions have to be\n%s", prototype_text(d, kernel));
}

/* ---- packages ---- */

/* The words of a tool's output, appended. */
static void split_words(Driver *d, const char *text, TextList *words) {
    while (*text) {
        int length = (int)strcspn(text, " \t\n");
        if (length)
            list_push(d->arena, words,
                      (const char *)arena_strndup(d->arena, text, (size_t)length));
        text += length + (text[length] != 0);
    }
}

/* What pkg-config says of the package that the kernel needs. */
static bool package_flags(Driver *d, const Kernel *kernel, const char *what,
                          TextList *flags) {
    if (!kernel->needs)
        return true;
    const char *const argv[] = {"pkg-config", what, kernel->needs, NULL};
    Process process = process_run(d->arena, argv, NULL);
    if (process.status == 0) {
        split_words(d, process.output, flags);
        return true;
    }
    Diag *diag = fail_at(d, kernel, arena_format(d->arena,
                         "kernel `%s` needs the package `%s`, which is not there",
                         kernel->name, kernel->needs));
    diag_help(d->diags, diag, process.status == 127
              ? "install pkg-config" : "install its development files (pkg-config "
              "--libs %s has to find it)", kernel->needs);
    return false;
}

/* ---- compiling ---- */

static const char *const bitcode_flags[] = {
    "--target=x86_64-pc-linux-gnu", "-march=x86-64-v2", "-fno-vectorize",
    "-fno-slp-vectorize", "-fno-unroll-loops", "-emit-llvm", "-c", NULL};
static const char *const object_flags[] = {"-march=x86-64-v2", "-c", NULL};
static const char *const shared_flags[] = {"-march=x86-64-v2", "-shared", NULL};
static const char *const *const form_flags[] = {bitcode_flags, object_flags,
                                                shared_flags};

static void push_all(Driver *d, TextList *list, const char *const *words) {
    for (; *words; words++)
        list_push(d->arena, list, *words);
}

/* clang makes bitcode; the C back end takes the user's own compiler. */
static const char *compiler_for(Driver *d, const Kernel *kernel, KernelForm form) {
    const char *own = getenv("CC");
    if (form == KERNELS_OBJECTS && !file_ends_with(kernel->source, ".bc"))
        return own && *own ? own : "cc";
    return program_exists(d->arena, "clang-19") ? "clang-19" : "clang";
}

/* The prototypes of all kernels of one source, for -include. */
static const char *write_prototypes(Driver *d, const char *source, const char *stem) {
    const char *path = arena_format(d->arena, "%s/%s.h", d->places.scratch, stem);
    FILE *out = fopen(path, "w");
    if (!out)
        return NULL;
    fputs("#include <stdbool.h>\n#include \"pipec_kernel.h\"\n", out);
    for (int i = 0; i < d->graph->kernels.n; i++)
        if (d->graph->kernels.at[i]->source &&
            !strcmp(d->graph->kernels.at[i]->source, source))
            print_kernel_prototypes(out, d->graph->kernels.at[i]);
    return fclose(out) == 0 ? path : NULL;
}

static const char *own_source(Driver *d, const Kernel *kernel) {
    return kernel->is_std
        ? arena_format(d->arena, "%s/kernels/%s", d->places.share, kernel->source)
        : kernel->source;
}

/* The words behind which a source of C stands, where its names are looked up. */
static bool c_flags(Driver *d, const Kernel *kernel, const char *source, TextList *argv) {
    const char *map = arena_format(d->arena, "-ffile-prefix-map=%s/=",
                                   file_folder(d->arena, source));
    const char *include = arena_format(d->arena, "-I%s/include", d->places.share);
    push_all(d, argv,
             (const char *const[]){"-std=gnu11", "-fno-ident", map, include, NULL});
    return package_flags(d, kernel, "--cflags", argv);
}

/* All of an archive, or nothing would be taken of it. */
static void push_source(Driver *d, TextList *argv, const char *source) {
    const char *const all[] = {"-Wl,--whole-archive", source, "-Wl,--no-whole-archive",
                               NULL};
    if (file_ends_with(source, ".a"))
        push_all(d, argv, all);
    else
        list_push(d->arena, argv, source);
}

/* Compiles one source to scratch/kN.ext. */
static const char *compile_source(Driver *d, const Kernel *kernel, KernelForm form,
                                  int number) {
    const char *source = own_source(d, kernel), *compiler = compiler_for(d, kernel, form);
    const char *stem = arena_format(d->arena, "k%d", number);
    const char *out = arena_format(d->arena, "%s/%s.%s", d->places.scratch, stem,
                                   form_ends[form]);
    const char *header = write_prototypes(d, kernel->source, stem);
    TextList argv = {0};
    if (!header) {
        driver_fail_file(d, "write", d->places.scratch);
        return NULL;
    }
    list_push(d->arena, &argv, compiler);
    push_all(d, &argv, form_flags[form]);
    push_all(d, &argv, (const char *const[]){"-O2", "-fPIC", "-ffp-contract=off", NULL});
    if (file_ends_with(source, ".c")) {
        push_all(d, &argv, (const char *const[]){"-include", header, NULL});
        if (!c_flags(d, kernel, source, &argv))
            return NULL;
    }
    push_source(d, &argv, source);
    push_all(d, &argv, (const char *const[]){"-o", out, NULL});
    if (form == KERNELS_SHARED && !package_flags(d, kernel, "--libs", &argv))
        return NULL;
    list_push(d->arena, &argv, NULL);
    Process process = process_run(d->arena, argv.at, NULL);
    if (process.status == 0)
        return out;
    if (process.status == 127) {
        Diag *diag = fail_at(d, kernel,
                             arena_format(d->arena,
                                          "%s is needed for the C of kernel `%s`",
                                          compiler, kernel->name));
        diag_help(d->diags, diag, "install clang-19");
    } else {
        fail_compile(d, kernel, process.output);
    }
    return NULL;
}

/* ---- what a source includes ---- */

/* The next name of a rule of make, unescaped; NULL at its end. */
static char *rule_name(Arena *arena, const char **text) {
    const char *s = *text;
    while (*s == ' ' || *s == '\n' || (*s == '\\' && s[1] == '\n'))
        s++;
    char *name = arena_alloc(arena, strlen(s) + 1), *to = name;
    for (; *s && *s != ' ' && *s != '\n'; s++) {
        bool escape = (*s == '\\' && (s[1] == ' ' || s[1] == '#')) ||
                      (*s == '$' && s[1] == '$');
        *to++ = *(s += escape);
    }
    *to = 0;
    *text = s;
    return to > name ? name : NULL;
}

bool kernel_includes(Driver *d, const Kernel *kernel, TextList *files) {
    TextList argv = {0};
    if (kernel->is_std || !kernel->source || !file_ends_with(kernel->source, ".c"))
        return true;
    list_push(d->arena, &argv, compiler_for(d, kernel, KERNELS_BITCODE));
    push_all(d, &argv, (const char *const[]){"-MM", "-MT", "k", "-w", NULL});
    if (!c_flags(d, kernel, kernel->source, &argv))
        return false;
    push_all(d, &argv,
             (const char *const[]){"-include", "pipec_kernel.h", kernel->source, NULL});
    list_push(d->arena, &argv, NULL);
    Process process = process_run(d->arena, argv.at, NULL);
    if (process.status != 0)
        return true;            /* it does not compile either, and that is reported */
    const char *at = process.output + 2, *name;
    while ((name = rule_name(d->arena, &at)))
        if (strncmp(name, d->places.share, strlen(d->places.share)))
            list_push(d->arena, files, name);
    return true;
}

/* ---- what must be there ---- */

static bool check_exists(Driver *d, const Kernel *kernel) {
    const char *path = kernel->library ? kernel->library_path : own_source(d, kernel);
    if (!path || file_exists(path))
        return true;
    Loc loc = kernel->decl->loc;
    for (int i = 0; i < kernel->decl->clauses.n; i++)
        if (kernel->decl->clauses.at[i].kind == CL_FROM)
            loc = kernel->decl->clauses.at[i].expr->loc;
    Diag *diag = diag_at(d->diags, DIAG_E0401_KERNEL, loc, "there is no file %s", path);
    diag_note(d->diags, diag, kernel->decl->loc, "the body of this kernel");
    return false;
}

static bool has_text(const TextList *list, const char *text) {
    for (int i = 0; i < list->n; i++)
        if (!strcmp(list->at[i], text))
            return true;
    return false;
}

static const CFunction *function_named(const CFunctionList *list, const char *name) {
    for (int i = 0; i < list->n; i++)
        if (!strcmp(list->at[i].name, name))
            return &list->at[i];
    return NULL;
}

static bool same_letter(char want, char got) {
    return want == got || (want == 'b' && got == '1');
}

static const char *letter_text(char letter) {
    switch (letter) {
    case 'p': return "a pointer";
    case 'v': return "nothing";
    case 'b': return "a bool";
    case 'f': return "a float";
    case 'd': return "a double";
    case '1': return "an integer of 8 bits";
    case '2': return "an integer of 16 bits";
    case '4': return "an integer of 32 bits";
    case '8': return "an integer of 64 bits";
    default: return "something else";
    }
}

/* How the function of the file differs from the one that is wanted; NULL: it does
 * not, or nobody can tell. */
static const char *misfit(Arena *arena, const CFunction *want, const CFunction *got,
                          const char *path) {
    int due = (int)strlen(want->letters) - 1, n;
    if (!got->letters)
        return NULL;
    n = (int)strlen(got->letters) - 1;
    if (n != due)
        return arena_format(arena,
                            "the function `%s` of %s takes %d arguments, it is called "
                            "with %d",
                            want->name, path, n, due);
    for (int i = 1; i <= n; i++)
        if (!same_letter(want->letters[i], got->letters[i]))
            return arena_format(arena,
                                "argument %d of the function `%s` of %s is %s, it is "
                                "called with %s",
                                i, want->name, path, letter_text(got->letters[i]),
                                letter_text(want->letters[i]));
    if (!same_letter(want->letters[0], got->letters[0]))
        return arena_format(
            arena, "the function `%s` of %s returns %s, it has to return %s", want->name,
            path, letter_text(got->letters[0]), letter_text(want->letters[0]));
    return NULL;
}

static bool check_functions(Driver *d, const Kernel *kernel, const CFunctionList *defined,
                            const char *path) {
    CFunctionList wanted = kernel_functions(d->arena, kernel);
    for (int i = 0; i < wanted.n; i++) {
        const CFunction *got = function_named(defined, wanted.at[i].name);
        const char *why = got ? misfit(d->arena, &wanted.at[i], got, path)
                              : arena_format(d->arena,
                                             "%s does not define the function `%s`", path,
                                             wanted.at[i].name);
        if (!why)
            continue;
        diag_help(d->diags, fail_at(d, kernel, why), "the declaration asks for\n%s",
                  prototype_text(d, kernel));
        return false;
    }
    return true;
}

/* The functions that `nm` lists as defined: "plus T 1130 20". */
static bool object_functions(Driver *d, const char *path, KernelForm form,
                             CFunctionList *defined) {
    const char *const argv[] = {
        "nm", form == KERNELS_SHARED ? "-D" : "-g", "--defined-only", "-P", path, NULL};
    Process process = process_run(d->arena, argv, NULL);
    for (const char *s = process.output; *s && process.status == 0;) {
        int word = (int)strcspn(s, " @\n"), length = (int)strcspn(s, "\n");
        int space = (int)strcspn(s, " \n");
        CFunction found = {arena_strndup(d->arena, s, (size_t)word), NULL};
        if (s[space] == ' ' && strchr("TWi", s[space + 1]))
            list_push(d->arena, defined, found);
        s += length + (s[length] == '\n');
    }
    return process.status == 0;
}

/* Bitcode tells more than what is made of it. */
static bool check_file(Driver *d, const Kernel *kernel, KernelForm form,
                       const char *path) {
    CFunctionList defined = {0};
    bool read;
    if (kernel->source && file_ends_with(kernel->source, ".bc")) {
        form = KERNELS_BITCODE;
        path = kernel->source;
    }
    read = form == KERNELS_BITCODE ? bitcode_functions(d->arena, path, &defined)
                                   : object_functions(d, path, form, &defined);
    const char *shown = kernel->library ? kernel->library_path : kernel->source;
    if (read)
        return check_functions(d, kernel, &defined, shown);
    fail_at(d, kernel, arena_format(d->arena, "%s cannot be read as %s", shown,
            form == KERNELS_BITCODE ? "bitcode of LLVM 19" : "a library"));
    return false;
}

/* ---- all of a feature ---- */

/* What is made already of the same source, or what is made now. */
static const char *made_of(Driver *d, const Kernel *kernel, KernelForm form,
                           KernelSourceList *sources) {
    for (int i = 0; i < sources->n; i++)
        if (!strcmp(sources->at[i].path, kernel->source))
            return sources->at[i].made;
    KernelSource source = {.path = kernel->source};
    if (form == KERNELS_BITCODE && kernel->is_std)
        source.made = arena_format(d->arena, "%s/kernels/%.*s.bc", d->places.share,
                                   (int)strlen(kernel->source) - 2, kernel->source);
    else if (form == KERNELS_BITCODE && file_ends_with(kernel->source, ".bc"))
        source.made = kernel->source;
    else
        source.made = compile_source(d, kernel, form, sources->n);
    list_push(d->arena, sources, source);
    return source.made;
}

/* What is compiled already is linked alone; the linker runs elsewhere. NULL: it is
 * something else. */
static const char *archive_of(Driver *d, const Kernel *kernel) {
    if (!file_ends_with(kernel->source, ".a"))
        return NULL;
    const char *path = own_source(d, kernel);
    char *whole = realpath(path, NULL);
    if (whole)
        path = arena_format(d->arena, "%s", whole);
    free(whole);
    return path;
}

static bool build_kernel(Driver *d, const Kernel *kernel, KernelForm form,
                         KernelSourceList *sources, KernelFiles *files) {
    if (!check_exists(d, kernel))
        return false;
    if (kernel->library)
        return check_file(d, kernel, KERNELS_SHARED, kernel->library_path);
    const char *archive = form == KERNELS_SHARED ? NULL : archive_of(d, kernel);
    const char *made = archive ? archive : made_of(d, kernel, form, sources);
    TextList *list = archive ? &files->archives : &files->files;
    form = archive ? KERNELS_OBJECTS : form;
    if (!made || (!kernel->is_std && !check_file(d, kernel, form, made)))
        return false;
    if (!has_text(list, made))
        list_push(d->arena, list, made);
    return form == KERNELS_SHARED ||
           package_flags(d, kernel, "--libs", &files->libraries);
}

bool build_kernels(Driver *d, KernelForm form, KernelFiles *files) {
    KernelSourceList sources = {0};
    bool good = true;
    if (d->graph->kernels.n && !places_scratch(&d->places, d->arena)) {
        driver_fail_file(d, "make a folder below", places_temporary());
        return false;
    }
    for (int i = 0; i < d->graph->kernels.n; i++) {
        const Kernel *kernel = d->graph->kernels.at[i];
        if (!kernel->used || (kernel->is_std && form == KERNELS_SHARED))
            continue;
        good &= build_kernel(d, kernel, form, &sources, files);
    }
    return good;
}

const char *kernel_library(Driver *d, const Kernel *kernel) {
    if (kernel->library)
        return check_exists(d, kernel) ? kernel->library_path : NULL;
    if (kernel->is_std)
        return arena_format(d->arena, "%s/libpipert_%.*s.so", d->places.lib,
                            (int)strcspn(kernel->source, "/"), kernel->source);
    if (!check_exists(d, kernel) || !places_scratch(&d->places, d->arena))
        return NULL;
    const char *made = made_of(d, kernel, KERNELS_SHARED, &d->shared);
    return made && check_file(d, kernel, KERNELS_SHARED, made) ? made : NULL;
}
