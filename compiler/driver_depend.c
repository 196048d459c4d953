/* What the result is made of; -MD: as a rule for make. */
#include <string.h>
#include "driver.h"
#include "kernel_build.h"

/* Blanks, # and $ as make reads them. */
static void put_name(FILE *out, const char *name) {
    for (; *name; name++) {
        if (*name == ' ' || *name == '#')
            fputc('\\', out);
        if (*name == '$')
            fputc('$', out);
        fputc(*name, out);
    }
}

static void add_source(Driver *d, TextList *list, const char *path) {
    for (int i = 0; i < list->n; i++)
        if (!strcmp(list->at[i], path))
            return;
    list_push(d->arena, list, path);
}

static bool add_kernel(Driver *d, TextList *list, const Kernel *kernel) {
    const char *path = kernel->library ? kernel->library_path : kernel->source;
    TextList files = {0};
    if (!kernel->used || kernel->is_std || !path)
        return true;
    add_source(d, list, path);
    bool good = kernel_includes(d, kernel, &files);
    for (int i = 0; i < files.n; i++)
        add_source(d, list, files.at[i]);
    return good;
}

static void add_files(Driver *d, TextList *list) {
    for (int i = 0; i < d->graph->files.n; i++)
        if (!d->graph->files.at[i]->is_std)
            add_source(d, list, d->graph->files.at[i]->path);
    if (d->options->profile) add_source(d, list, d->options->profile);
    if (d->options->plan) add_source(d, list, d->options->plan);
}

bool driver_sources(Driver *d, TextList *list) {
    bool good = true;
    add_files(d, list);
    for (int i = 0; i < d->graph->kernels.n && good; i++)
        good = add_kernel(d, list, d->graph->kernels.at[i]);
    return good;
}

/* As gcc -MP has it, an import that is gone is no target without a rule. */
static void put_rule(FILE *out, const char *target, const TextList *sources) {
    put_name(out, target);
    fputs(":", out);
    for (int i = 0; i < sources->n; i++) {
        fputs(" \\\n  ", out);
        put_name(out, sources->at[i]);
    }
    fputs("\n", out);
    for (int i = 1; i < sources->n; i++) {
        put_name(out, sources->at[i]);
        fputs(":\n", out);
    }
    fputs("\n", out);           /* without it CMake 3.20 takes the last for broken */
}

bool driver_write_dependencies(Driver *d) {
    const char *target = driver_target(d), *path = d->options->dependency_file;
    if (!d->options->dependencies && !path)
        return true;
    TextList sources = {0};
    if (!driver_builds_kernels(d))
        add_files(d, &sources);
    else if (!driver_sources(d, &sources))
        return false;
    if (!path)
        path = arena_format(d->arena, "%s/%s.d", file_folder(d->arena, target),
                            file_stem(d->arena, target));
    FILE *out = fopen(path, "w");
    if (out)
        put_rule(out, target ? target : file_stem(d->arena, d->options->input), &sources);
    if (out && fclose(out) == 0)
        return true;
    driver_fail_file(d, "write", path);
    return false;
}
