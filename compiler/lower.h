/* Lowering: from the feature graph to a loop IR module whose data are the
 * pl_feature tables of runtime/plan.h. docs/lowering.md tells how.
 *
 * Everything made lives in the arena. The module has the plain plan (functions
 * plain_*) and, with `fuse`, the fused one beside it. */
#ifndef PIPEC_LOWER_H
#define PIPEC_LOWER_H
#include <stdio.h>
#include "loops.h"
#include "term.h"

typedef struct LowerOptions {
    bool fuse;                  /* false: the plain plan alone */
    const char *off;            /* as pass_is_off() takes it */
    bool reorder;               /* exact reordering */
    int ncpus; Cpu cpu[4];      /* as EmitOptions: one pl_code of the fused plan each */
    const char *needs;          /* CPU_NATIVE: features, comma-separated */
    const char *version;
    bool lines;                 /* instructions carry lines of the .dsl */
    int level;                  /* -O: which passes run */
    uint64_t kernels;           /* of their code, for the hash of what is kept */
    const char *dump;           /* prints the graph after the pass of that name */
    int workers, depth, ahead;  /* pl_feature.plan_… */
    int64_t memory;
} LowerOptions;

/* How the fused plan keeps a tensor. */
typedef struct TensorNote {
    const Var *var;
    const char *name;
    const char *section;        /* name of its GroupNote */
    int line;
    const char *shape;          /* "u8[h, w, 3]" */
    int rank;
    const char *dim[PK_MAX_RANK];       /* a number, or what it hangs on */
    const char *way;            /* inline, table, window, whole, slot */
    const char *why;
    const char *bytes;          /* per record: a number, or a formula of dims */
    unsigned crop;              /* by dimension: the kernel makes only what is read */
    const char *layout;         /* that the kernel is asked for; NULL: as it comes */
    const char *stop;           /* after how many elements it ends; NULL: it is all made */
    LIST(int) reads;            /* numbers of the tensors that it reads: of neither inline
                                   ones nor tables, which are passed through */
} TensorNote;

/* A section, and the operators of the text that are fused into it: their names and lines,
 * which are those of a function if it stands in the feature's file; the step, a call of
 * the feature itself, that led there; its part of the section's work. */
typedef struct OperatorNote {
    const char *name, *step;
    int line, step_line;
    Loc at;                     /* of the step */
    double part;
} OperatorNote;
typedef struct GroupNote {
    const char *name, *operator_name;
    int kind, line;             /* PL_SECTION_… */
    LIST(OperatorNote) operators;
} GroupNote;

typedef struct LowerNotes {
    LIST(TensorNote) tensors;
    LIST(const char *) dead;    /* fields that nothing needs */
    LIST(const char *) seeks;   /* fields of files of which only what is used is read */
    LIST(const Place *) tested; /* subscripts that are tested in every round of a loop */
    LIST(int) wheres;           /* lines, in the order in which they are asked */
    LIST(GroupNote) groups;     /* what a profile tells apart */
} LowerNotes;

/* notes may be NULL. */
LoopModule *lower_graph(Arena *, const Graph *, const LowerOptions *, LowerNotes *notes);

/* ---- lower_header.c: a C header of the feature, valid C and C++ ---- */
void print_header(const Graph *, FILE *);

/* ---- lower_describe.c: JSON of `pipec inspect --json` and --emit=json ---- */
const char *describe_feature(Arena *, const Graph *);
/* Where the shared libraries of its kernels lie, which a compiled feature must not know:
 * paths in quotes, with commas between. */
const char *describe_libraries(Arena *, const Graph *);
#endif
