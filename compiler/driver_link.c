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
        driver_fail(d, DIAG_E0501_FILE, "%s is needed to %s and was not found",
                    argv->at[0], task);
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

static const char *march(Cpu cpu) {
    switch (cpu) {
    case CPU_NATIVE: return "-march=native";
    case CPU_V3: return "-march=x86-64-v3";
    case CPU_V4: return "-march=x86-64-v4";
    case CPU_ANY: case CPU_V2: break;
    }
    return "-march=x86-64-v2";
}

/* Names are relative: the compiler runs in the scratch folder. */
static TextList c_compiler(Driver *d, const char *level, const char *machine) {
    const char *own = getenv("CC");
    const char *include = arena_format(d->arena, "-I%s/include", d->places.share);
    TextList argv = {0};
    push_all(d, &argv, (const char *const[]){
        own && *own ? own : "cc", "-std=gnu11", level, machine, "-fPIC",
        "-ffp-contract=off", "-fno-math-errno", "-w", "-fno-ident", include, NULL});
    char *real = realpath(d->places.scratch, NULL);
    if (d->options->debug)
        push_all(d, &argv, (const char *const[]){
            "-g", arena_format(d->arena, "-fdebug-prefix-map=%s=.",
                               real ? real : d->places.scratch), NULL});
    free(real);
    return argv;
}

static bool write_c(Driver *d, const char *text) {
    return write_text(d, arena_format(d->arena, "%s/feature.c", d->places.scratch), text);
}

static const char *const levels[] = {"-O0", "-O1", "-O2", "-O3"};

static bool compile_part(Driver *d, const char *level, Cpu cpu, const char *part,
                         const char *name, TextList *objects) {
    TextList argv = c_compiler(d, level, march(cpu));
    push_all(d, &argv, (const char *const[]){part, "-c", "feature.c", "-o", name, NULL});
    list_push(d->arena, objects,
              (const char *)arena_format(d->arena, "%s/%s", d->places.scratch, name));
    return run_tool(d, &argv, "compile the feature's C");
}

bool driver_compile_c(Driver *d, const char *text, TextList *objects) {
    Cpu cpus[4];
    int n = driver_cpus(d->options, cpus);
    bool good = write_c(d, text);
    for (int i = 0; i < n && good; i++)
        good = compile_part(
            d, levels[d->options->level], cpus[i],
            arena_format(d->arena, "-DPIPEC_SUFFIX=%s", cpu_suffix(cpus[i])),
            arena_format(d->arena, "feature%s.o", cpu_suffix(cpus[i])), objects);
    /* The plain plan is seldom run. */
    return good && compile_part(d, d->options->level ? "-O1" : "-O0", CPU_V2,
                                "-DPIPEC_TABLES", "tables.o", objects);
}

/* Names other than the feature's become local: other features may have the same
 * kernels. */
static bool hide_names(Driver *d, const char *path) {
    const char *own = arena_format(d->arena, "--keep-global-symbol=" PL_SYMBOL "_%s",
                                   d->graph->name);
    TextList argv = {0};
    push_all(d, &argv, (const char *const[]){
        "objcopy", "-D", own, "--keep-global-symbol=" PL_SYMBOL, path, NULL});
    return run_tool(d, &argv, "hide the names of the object");
}

bool driver_join(Driver *d, const TextList *objects, const char *path) {
    TextList argv = {0};
    push_all(d, &argv, (const char *const[]){"ld", "-r", "-o", path, NULL});
    for (int i = 0; i < objects->n; i++)
        list_push(d->arena, &argv, objects->at[i]);
    return run_tool(d, &argv, "join the objects") && hide_names(d, path);
}

bool driver_assembly_c(Driver *d, const char *text, const char *path) {
    Cpu cpus[4];
    if (driver_cpus(d->options, cpus) > 1) {
        driver_fail(d, DIAG_E0501_FILE,
                    "assembly of the C back end is for one CPU level: "
                    "add --cpu=x86-64-v3, say");
        return false;
    }
    TextList argv = c_compiler(d, levels[d->options->level], march(cpus[0]));
    push_all(d, &argv, (const char *const[]){"-S", "feature.c", "-o", path, NULL});
    return write_c(d, text) && run_tool(d, &argv, "compile the feature's C");
}
