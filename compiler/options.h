/* The command line of pipec, as data. */
#ifndef PIPEC_OPTIONS_H
#define PIPEC_OPTIONS_H
#include <stdbool.h>
#include "term.h"       /* Define */

typedef enum { CMD_COMPILE, CMD_CHECK, CMD_INSPECT, CMD_EVAL, CMD_RUN, CMD_EXPLAIN } Command;

typedef enum {
    OUT_SO, OUT_OBJ, OUT_ASM, OUT_LLVM_IR, OUT_BC, OUT_C, OUT_HEADER,
    OUT_KERNEL_HEADER, OUT_LOOPS, OUT_GRAPH, OUT_PLAN, OUT_JSON
} OutputKind;
typedef enum { BACKEND_LLVM, BACKEND_C } Backend;
/* ANY: no --cpu was given. C then comes for one level, whatever it is compiled
 * for; all else for all levels. */
typedef enum {
    CPU_LEVEL_NATIVE, CPU_LEVEL_V2, CPU_LEVEL_V3, CPU_LEVEL_V4, CPU_LEVEL_MULTI,
    CPU_LEVEL_ANY
} CpuChoice;

typedef LIST(const char *) TextList;
typedef LIST(Define) DefineList;

/* What is planned for; 0: nothing was said. */
typedef struct PlanWish {
    int64_t target_rate;        /* records/s that the trainer takes */
    int64_t cores, memory;      /* memory: bytes */
    int64_t epochs;             /* that will be run */
    bool no_prefetch, no_fusion, no_parallel, no_cache;
} PlanWish;

typedef struct Options {
    Command command;
    const char *input;          /* F.dsl; inspect: F.so */
    const char *output;         /* NULL: not given */
    int kind;                   /* OutputKind */
    int backend, cpu;           /* Backend, CpuChoice */
    int level;                  /* -O */
    int fuse;                   /* 1 on, 0 off */
    int reorder;                /* Reorder */
    int format;                 /* explain: ExplainFormat */
    bool orders;                /* explain: lists the legal ones */
    const char *profile;        /* --use-profile, or NULL */
    const char *plan;           /* --plan, or NULL */
    PlanWish wish;
    const char *dump;           /* tree, graph, loops or a pass; or NULL */
    const char *off;            /* passes that are left out, with commas; or NULL */
    bool dependencies;          /* -MD */
    const char *dependency_file;
    bool debug, json, hash;
    DefineList defines;         /* -D, for check_module */
    DefineList sets;            /* --set: open time */
    int64_t sample, place, epoch;       /* eval; sample, place -1: not given */
    uint64_t seed;
    const char *report;         /* eval */
    int on_error;               /* eval: 0 fail, 1 skip */
    bool path;                  /* run: only tells where the library lies */
    TextList rest;              /* run: what goes to pipert, in order */
} Options;

/* -1: go on. Else the exit status: 0 after --help or --version, 2 if the line is
 * wrong (said on stderr). */
int options_parse(Options *, Arena *, int argc, char **argv);
#endif
