/* pipec: text -> tree -> typed feature graph -> loop IR -> object -> library.
 * Each command is the list of the stages that it goes through. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "driver.h"
#include "kernel_build.h"
#include "explain.h"
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
    return driver_read(d) && driver_check(d) ? driver_explain(d) : 1;
}

static int run_eval(Driver *d) {
    return driver_read(d) && driver_check(d) ? driver_eval(d) : 1;
}

static int run_run(Driver *d) {
    return driver_read(d) && driver_check(d) ? driver_run(d) : 1;
}

typedef int RunCommand(Driver *);

static RunCommand *const commands[] = {
    [CMD_COMPILE] = run_compile, [CMD_CHECK] = run_check, [CMD_INSPECT] = driver_inspect,
    [CMD_EVAL] = run_eval, [CMD_RUN] = run_run, [CMD_EXPLAIN] = run_explain,
};

/* -D of what is no parameter, or no value of one, is a wrong command line. */
static int status_of(const Driver *d, int status) {
    return status == 1 && diags_count(d->diags, DIAG_E0304_PARAMETER) > 0 &&
                   diags_count(d->diags, DIAG_E0304_PARAMETER) == diags_errors(d->diags)
               ? 2
               : status;
}

/* A full disk behind stdout shows at last when it is closed. */
static int close_output(int status) {
    bool failed = ferror(stdout);
    errno = 0;
    if (fclose(stdout) == 0 && !failed)
        return status;
    if (!status)
        fprintf(stderr, "pipec: cannot write the output%s%s\n", errno ? ": " : "",
                errno ? strerror(errno) : "");
    return status ? status : 1;
}

static int wants_color(void) {
    const char *term = getenv("TERM");
    return isatty(2) && !getenv("NO_COLOR") && term && *term;
}

int main(int argc, char **argv) {
    Options options;
    Arena *arena = arena_new();
    int status;
    stack_raise();
    status = options_parse(&options, arena, argc, argv);
    if (status < 0) {
        Driver driver = {.arena = arena, .options = &options};
        driver.diags = diags_new(arena);
        places_find(&driver.places, arena);
        status = status_of(&driver, commands[options.command](&driver));
        diags_print(driver.diags, stderr, wants_color());
        places_drop(&driver.places);
    }
    arena_free(arena);
    return close_output(status);
}
