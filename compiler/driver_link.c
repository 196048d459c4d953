/* Objects to a shared library, and C to objects, by the tools of the system.
 * The library depends on its inputs' contents alone: no path, no build id. */
#include <stdlib.h>
#include <string.h>
#include "driver.h"
#include "../runtime/plan.h"

static void push_all(Driver *d, TextList *list, const char *const *words) {
    for (; *words; words++)
        list_push(d->arena, list, *words);
}

static bool write_text(Driver *d, const char *path, const char *text) {
    FILE *out = fopen(path, "w");
    bool good = out && fputs(text, out) >= 0;
    good = out && fclose(out) == 0 && good;
    if (!good)
        driver_fail_file(d, "write", path);
    return good;
}

/* Runs a tool; its own words become the message. */
static bool run_tool(Driver *d, TextList *argv, const char *task) {
    list_push(d->arena, argv, NULL);
    Process process = process_run(d->arena, argv->at, d->places.scratch);
    if (process.status == 0)
        return true;
    if (process.status == 127)
        driver_fail(d, DIAG_E0501_FILE, "%s is needed to %s and was not found", argv->at[0],
                    task);
    else
        driver_fail(d, DIAG_E0501_FILE, "%s could not %s:\n%s", argv->at[0], task,
                    process.output);
    return false;
}

/* ---- linking ---- */

bool driver_link(Driver *d, const TextList *objects, const TextList *libraries,
                 const char *path) {
    const char *script = arena_format(d->arena, "%s/exports", d->places.scratch);
    if (!write_text(d, script, "{ global: " PL_SYMBOL "; local: *; };\n"))
        return false;
    TextList argv = {0};
    push_all(d, &argv, (const char *const[]){
        "ld", "-shared", "--build-id=none", "--hash-style=gnu", "--eh-frame-hdr",
        "-Bsymbolic", "--gc-sections", "-z", "defs", "-z", "noexecstack", "-z", "relro",
        "--version-script", script, NULL});
    if (!d->options->debug)
        list_push(d->arena, &argv, "-S");
    for (int i = 0; i < objects->n; i++)
        list_push(d->arena, &argv, objects->at[i]);
    list_push(d->arena, &argv, "--as-needed");
    for (int i = 0; i < libraries->n; i++)
        list_push(d->arena, &argv, libraries->at[i]);
    push_all(d, &argv, (const char *const[]){"-lm", "-lc", "-o", path, NULL});
    return run_tool(d, &argv, "link the feature");
}

/* ---- the C back end ---- */

bool driver_compile_c(Driver *d, const char *text, const char *path, bool assembly) {
    static const char *const levels[] = {"-O0", "-O1", "-O2", "-O3"};
    const char *own = getenv("CC");
    /* Relative names: the compiler runs in the scratch folder. */
    if (!write_text(d, arena_format(d->arena, "%s/feature.c", d->places.scratch), text))
        return false;
    const char *include = arena_format(d->arena, "-I%s/include", d->places.share);
    TextList argv = {0};
    push_all(d, &argv, (const char *const[]){
        own && *own ? own : "cc", "-std=gnu11", levels[d->options->level], "-fPIC",
        "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-w", "-fno-ident",
        include, assembly ? "-S" : "-c", "feature.c", "-o", path, NULL});
    if (d->options->debug)
        list_push(d->arena, &argv, "-g");
    return run_tool(d, &argv, "compile the feature's C");
}
