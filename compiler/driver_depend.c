/* -MD: what the result is made of, as a rule for make. */
#include <string.h>
#include "driver.h"

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

static void put_source(FILE *out, TextList *done, Arena *arena, const char *path) {
    for (int i = 0; i < done->n; i++)
        if (!strcmp(done->at[i], path))
            return;
    list_push(arena, done, path);
    fputs(" \\\n  ", out);
    put_name(out, path);
}

static void put_rule(Driver *d, FILE *out, const char *target) {
    TextList done = {0};
    put_name(out, target);
    fputs(":", out);
    for (int i = 0; i < d->graph->files.n; i++)
        if (!d->graph->files.at[i]->is_std)
            put_source(out, &done, d->arena, d->graph->files.at[i]->path);
    for (int i = 0; i < d->graph->kernels.n; i++) {
        const Kernel *kernel = d->graph->kernels.at[i];
        const char *path = kernel->library ? kernel->library_path : kernel->source;
        if (kernel->used && !kernel->is_std && path)
            put_source(out, &done, d->arena, path);
    }
    fputs("\n", out);
}

bool driver_write_dependencies(Driver *d) {
    const char *target = driver_target(d), *path = d->options->dependency_file;
    if (!d->options->dependencies && !path)
        return true;
    if (!path)
        path = arena_format(d->arena, "%s/%s.d", file_folder(d->arena, target),
                            file_stem(d->arena, target));
    FILE *out = fopen(path, "w");
    if (out)
        put_rule(d, out, target ? target : file_stem(d->arena, d->options->input));
    if (out && fclose(out) == 0)
        return true;
    driver_fail_file(d, "write", path);
    return false;
}
