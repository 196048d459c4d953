#include "driver.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cut_choose.h"
#include "driver_version.h"
#include "kernel_build.h"
#include "lower.h"

/* ---- messages ---- */

Diag *driver_fail(Driver *d, DiagCode code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_vformat(d->arena, format, arguments);
    va_end(arguments);
    return diag_at(d->diags, code, (Loc){0}, "%s", text);
}

void driver_fail_file(Driver *d, const char *what, const char *path) {
    driver_fail(d, DIAG_E0501_FILE, "cannot %s %s: %s", what, path, strerror(errno));
}

static bool dumps(const Driver *d, const char *stage) {
    return d->options->dump && !strcmp(d->options->dump, stage);
}

/* ---- text to tree ---- */

bool driver_read(Driver *d) {
    File *file = arena_new_of(d->arena, File);
    file->path = d->options->input;
    file->text = file_read(d->arena, file->path, &file->size);
    if (!file->text) {
        driver_fail_file(d, "read", file->path);
        return false;
    }
    if (file->size > INT32_MAX) {
        driver_fail(d, DIAG_E0501_FILE, "%s is too large for a feature", file->path);
        return false;
    }
    char *real = realpath(file->path, NULL);
    file->real = real ? arena_strndup(d->arena, real, strlen(real)) : file->path;
    free(real);
    d->module = parse_file(d->arena, d->diags, file);
    if (dumps(d, "tree"))
        print_module(stderr, d->module);
    return diags_errors(d->diags) == 0;
}

/* ---- tree to graph ---- */

bool driver_check(Driver *d) {
    if (!driver_read_plan(d)) return false;
    CheckOptions options = {d->options->defines.at, d->options->defines.n,
                            d->options->reorder, d->options->orders,
                            d->options->profile, d->plan};
    d->graph = check_module(d->arena, d->diags, d->module, &options, &d->library);
    if (diags_errors(d->diags))
        return false;
    if (!d->graph) {
        if (d->options->command != CMD_CHECK)
            driver_fail(d, DIAG_E0002_SYNTAX, "%s has no feature: it is a library",
                        d->options->input);
        return d->options->command == CMD_CHECK;
    }
    verify_graph(d->graph, "check");
    if (dumps(d, "graph"))
        print_graph(stderr, d->graph);
    cut_choose(d->arena, d->diags, d->graph, &d->options->wish, d->plan);
    return driver_pin(d);
}

/* ---- graph to loop IR ---- */

int driver_cpus(const Options *options, Cpu cpus[4]) {
    static const Cpu single[] = {
        [CPU_LEVEL_NATIVE] = CPU_NATIVE, [CPU_LEVEL_V2] = CPU_V2, [CPU_LEVEL_V3] = CPU_V3,
        [CPU_LEVEL_V4] = CPU_V4, [CPU_LEVEL_ANY] = CPU_ANY,
    };
    bool text = options->cpu == CPU_LEVEL_ANY && options->kind == OUT_C;
    if (options->cpu < CPU_LEVEL_MULTI || text) {
        cpus[0] = single[options->cpu];
        return 1;
    }
    cpus[0] = CPU_V2, cpus[1] = CPU_V3, cpus[2] = CPU_V4;
    return 3;
}

bool driver_lower(Driver *d) {
    LowerOptions options = {
        .fuse = d->options->fuse,
        .off = d->options->off,
        .reorder = d->options->reorder != REORDER_OFF,
        .needs = d->options->cpu == CPU_LEVEL_NATIVE ? host_features(d->arena) : NULL,
        .version = PIPEC_VERSION,
        .lines = d->options->debug,
        .level = d->options->level,
        .dump = d->options->dump,
    };
    if (d->graph->cache) options.kernels = kernels_hash(d);
    options.ncpus = driver_cpus(d->options, options.cpu);
    driver_plan_counts(d, &options);
    d->loops = lower_graph(d->arena, d->graph, &options, NULL);
    if (d->loops->dsl_file)             /* the folder is no part of what is made */
        d->loops->dsl_file = file_base(d->loops->dsl_file);
    verify_loops(d->loops, "lower");
    if (dumps(d, "loops"))
        print_loops(stderr, d->loops);
    return true;
}
