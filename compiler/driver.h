/* The driver: what main.c calls, one function a stage. Each returns false when
 * it failed; what went wrong is in the diagnostics. */
#ifndef PIPEC_DRIVER_H
#define PIPEC_DRIVER_H
#include "driver_files.h"
#include "loops.h"
#include "lower.h"
#include "options.h"
#include "term.h"

/* A source of kernels and what was made of it; NULL: that failed. */
typedef struct KernelSource { const char *path, *made; } KernelSource;
typedef LIST(KernelSource) KernelSourceList;

typedef struct Driver {
    Arena *arena;               /* of the whole compilation */
    Diags *diags;
    Options *options;
    Places places;
    Module *module;
    bool library;               /* the file has no feature */
    Graph *graph;
    const struct Plan *plan;    /* that is pinned, or NULL */
    LoopModule *loops;
    KernelSourceList shared;    /* for the interpreter */
} Driver;

/* ---- driver.c ---- */
bool driver_read(Driver *);             /* text -> tree */
bool driver_check(Driver *);            /* tree -> typed feature graph */
bool driver_lower(Driver *);            /* graph -> loop IR */
Diag *driver_fail(Driver *, DiagCode, const char *format, ...)  /* nowhere in a file */
    __attribute__((format(printf, 3, 4)));
/* Fails with the reason in errno; path as the user wrote it. */
void driver_fail_file(Driver *, const char *what, const char *path);
/* The levels that --cpu asks for. */
int driver_cpus(const Options *, Cpu cpus[4]);

/* ---- driver_plan.c ---- */
bool driver_read_plan(Driver *);        /* --plan, before the check */
bool driver_pin(Driver *);              /* pins it in the graph, tells what does not fit */
void driver_print_plan(Driver *, FILE *);
int driver_explain(Driver *);           /* exit status */
void driver_plan_counts(Driver *, LowerOptions *);  /* workers and the like */

/* ---- driver_output.c: graph, loop IR -> the file that --emit asks for ---- */
bool driver_write(Driver *);
/* Where it goes; NULL: to stdout. */
const char *driver_target(Driver *);
/* The kernels are in it, and not only what their declarations say. */
bool driver_builds_kernels(const Driver *);

/* ---- driver_link.c ---- */
/* The object and the kernels -> a shared library at `path`. */
bool driver_link(Driver *, const TextList *objects, const TextList *libraries,
                 const char *path);
/* C text of the feature -> objects, one for each CPU level and one for the tables. */
bool driver_compile_c(Driver *, const char *text, TextList *objects);
/* Objects -> one object. */
bool driver_join(Driver *, const TextList *objects, const char *path);
/* C text for one CPU level -> assembly. */
bool driver_assembly_c(Driver *, const char *text, const char *path);

/* ---- driver_depend.c ---- */
/* The files that a compiled feature is made of, without those of pipec. */
bool driver_sources(Driver *, TextList *);
/* A rule with what the result is made of. */
bool driver_write_dependencies(Driver *);

/* ---- driver_inspect.c: a compiled feature; exit status ---- */
int driver_inspect(Driver *);

/* ---- driver_eval.c: the interpreter on a record or the stream; exit status ---- */
int driver_eval(Driver *);

/* ---- kernel_hash.c ---- */
uint64_t kernels_hash(Driver *);

/* ---- driver_run.c: compiles to the cache, becomes pipert run; exit status ---- */
int driver_run(Driver *);
#endif
