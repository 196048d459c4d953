/* What the files of sweeps share: a stage is a tensor made row by row. */
#ifndef PIPEC_LOWER_SWEEP_H
#define PIPEC_LOWER_SWEEP_H
#include "lower_room.h"

enum { SWEEP_STEPS = 24 };

/* On the way from the reader's loops to a read: a fold's index, or a LET. */
typedef struct SweepStep { const Loop *loop; const Term *let; } SweepStep;

typedef struct SweepRead {
    const Term *index;
    bool maybe;                 /* under a condition: not read for sure */
    int nsteps;
    SweepStep step[SWEEP_STEPS];
} SweepRead;
typedef LIST(SweepRead) SweepReads;

typedef enum { ROW_ONE, ROW_WIDE, ROW_RUNS, ROW_PIXEL } RowLanes;

typedef struct SweepStage SweepStage;
struct SweepStage {
    const Var *var;             /* NULL: the last loop */
    const Term *def;            /* FOR, or KERNEL */
    SweepStage *reader;
    SweepReads reads;           /* in the reader's body */
    LIST(SweepStage *) producers;
    int row;                    /* its loop over rows; -1: not known yet */
    int level;
    Value from[PK_MAX_RANK], to[PK_MAX_RANK];   /* what is made of each dimension */
    Value first, rows;          /* of the row dimension */
    Value start[PK_MAX_RANK];   /* FOR: what an index is at element 0 */
    Value lo, hi;               /* ptr: by row of the reader, from its first */
    Value slots, next;          /* of the ring; var: the row to be made next */
    Tensor *ring;
    RowLanes lanes;             /* FOR with a ring: how a row is made */
    bool blocked;               /* the ring: the reader makes ROWS rows at once, pixels of
                                   these lie side by side */
    Value runs;                 /* RUNS: ptr to an i32 for each vector of columns: they
                                   run by one */
    Value cursor;               /* KERNEL with rows: place of the cursor */
    Value result;               /* KERNEL: place of the pk_tensor */
    Value region;
    struct Calling *calling;
};

/* ---- lower_sweep.c, for the others ---- */
/* Reads of a tensor in a term, with the loops and names on the way to each. */
void sweep_reads(Gen *, const Var *, const Term *, SweepReads *);
/* The loops of `loop` that a subscript of the read hangs on: a bit for each. */
unsigned sweep_hangs_on(const Term *loop, const SweepRead *, const Term *subscript);
typedef void AtRead(Gen *, const SweepRead *, void *);
/* Runs the folds that one of its subscripts needs, then `at`. */
void sweep_replay(Gen *, const SweepRead *, int axis, AtRead *, void *);
void sweep_bind(Gen *, const SweepStage *, int loop, Value element);

/* ---- lower_sweep_lanes.c ---- */
RowLanes sweep_lanes(Gen *, const SweepStage *);
/* ROW_RUNS: finds out which vectors of columns run, for all rows. */
void sweep_find_runs(Gen *, SweepStage *);
/* One row of the ring. */
void sweep_row_lanes(Gen *, const SweepStage *, Value row);
/* One row of the result; false: it stays scalar. */
bool sweep_last_lanes(Gen *, SweepStage *, const Fill *, Value base, Value row);
/* Whether the result can be made ROWS rows at a time. */
bool sweep_has_blocks(Gen *, SweepStage *, const Fill *);
void sweep_last_blocks(Gen *, SweepStage *, const Fill *, Value base, Value row);

/* ---- lower_sweep_kernel.c ---- */
void sweep_kernel_begin(Gen *, SweepStage *);
/* All of what is read, in one call. */
void sweep_kernel_window(Gen *, SweepStage *);
/* Makes the rows up to `last`, unless they are there. */
void sweep_kernel_rows(Gen *, SweepStage *, Value last);
void sweep_kernel_end(Gen *, SweepStage *);
#endif
