/* The interpreter: the reference executor. It walks the typed tree with lazy
 * elements and failed values and shares no lowering with the other executors. */
#ifndef PIPEC_EVAL_H
#define PIPEC_EVAL_H
#include <stdio.h>
#include "term.h"

typedef struct EvalOptions {
    int64_t sample;             /* source index of the record to show; -1: none */
    int64_t place;              /* the same by its place in the epoch */
    uint64_t seed, epoch;
    bool hash;                  /* run the whole stream, print its hash */
    bool json;
    const char *folder;         /* for FIELD.npy and FIELD.png, or NULL */
    const Define *sets; int nsets;      /* parameters bound at open */
    bool skip_errors;           /* --hash: failed records are left out */
    const char *report;         /* --hash: file for the failed records, or NULL */
    /* The shared library that holds a kernel; NULL: it has been said why not. */
    const char *(*kernel_library)(void *context, const Kernel *);
    void *context;
} EvalOptions;

/* The exit status: 0; 1: it could not be done (said on stderr). */
int eval_command(const Graph *, const EvalOptions *, FILE *out);

typedef struct Eval Eval;
#endif
