/* pipec: text -> tree -> typed feature graph -> loop IR -> object -> library.
 * Each command is the list of the stages that it goes through. */
#include <stdlib.h>
#include <unistd.h>
#include "driver.h"
#include "kernel_build.h"
#include "lower.h"

/* docs/language.md says what a feature means; check.h, lower.h and loops.h what
 * stands between the stages. */
static int run_compile(Driver *d) {
    bool good = driver_read(d)      /* dsl/: lexer, parser */
             && driver_check(d)     /* check*.c: names, types, shapes, constants */
             && driver_write(d);    /* lower*.c: graph to loops; emit_*.c; linking */
    return !good;
}

/* The C of kernels is compiled too, and thrown away. */
static int run_check(Driver *d) {
    KernelFiles kernels = {0};
    bool good = driver_read(d) && driver_check(d) &&
                (d->library || build_kernels(d, KERNELS_BITCODE, &kernels));
    if (good && d->graph) explain_tests(d->graph, d->diags);
    return !good;
}

static int run_explain(Driver *d) {
    return !(driver_read(d) && driver_check(d)) || explain(d->graph, stdout, d->options->json);
}

static int run_eval(Driver *d) {
    return !(driver_read(d) && driver_check(d)) || driver_eval(d);
}

static int run_run(Driver *d) {
    return !(driver_read(d) && driver_check(d)) || driver_run(d);
}

typedef int RunCommand(Driver *);

static RunCommand *const commands[] = {
    [CMD_COMPILE] = run_compile, [CMD_CHECK] = run_check, [CMD_INSPECT] = driver_inspect,
    [CMD_EVAL] = run_eval, [CMD_RUN] = run_run, [CMD_EXPLAIN] = run_explain,
};

static int wants_color(void) {
    const char *term = getenv("TERM");
    return isatty(2) && !getenv("NO_COLOR") && term && *term;
}

int main(int argc, char **argv) {
    Options options;
    Arena *arena = arena_new();
    int status = options_parse(&options, arena, argc, argv);
    if (status < 0) {
        Driver driver = {.arena = arena, .options = &options};
        driver.diags = diags_new(arena);
        places_find(&driver.places, arena);
        status = commands[options.command](&driver);
        diags_print(driver.diags, stderr, wants_color());
        places_drop(&driver.places);
    }
    arena_free(arena);
    return status;
}
