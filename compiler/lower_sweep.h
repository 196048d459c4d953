/* What the files of sweeps share: a stage is a tensor made row by row. */
#ifndef PIPEC_LOWER_SWEEP_H
#define PIPEC_LOWER_SWEEP_H
#include "lower_room.h"

enum { SWEEP_STEPS = 24 };

/* On the way from the reader's loops to a read: a fold's index, a LET, or a condition
 * that is one for the whole record. */
typedef struct SweepStep {
    const Loop *loop;
    const Term *let;
    const Term *when;
    bool holds;
} SweepStep;

typedef struct SweepRead {
    const Term *index;
    const Term *loop;           /* the reader's FOR that it stands in */
    bool maybe;                 /* under another condition: not read for sure */
    int lost;                   /* steps that found no room: such a read is not listed */
    int nsteps;
    SweepStep step[SWEEP_STEPS];
} SweepRead;
typedef LIST(SweepRead) SweepReads;

/* A subscript of a tensor in memory, to be tested before the rows. */
typedef struct SweepInput {
    SweepRead read;
    int axis;
    unsigned on;                /* the loop of the nest that it hangs on: a bit, or 0 */
} SweepInput;

typedef enum { ROW_ONE, ROW_WIDE, ROW_RUNS, ROW_PIXEL, ROW_BLOCKS, ROW_PLANES } RowLanes;

/* A FOR of a stage, and when it is the one. */
typedef struct SweepArm {
    const Term *loop;
    int nsteps;
    SweepStep step[SWEEP_STEPS];        /* conditions */
} SweepArm;

/* A reduction of a stage's elements that the reader needs before its first row. */
typedef struct SweepReduction {
    const Term *reduce;
    const Term *loop;           /* FOR over its elements, row by row */
    const Var *value;           /* our name for it */
    Value needed;               /* i1, once for the record */
    Value result, done;         /* vars */
    struct Reducing *reducing;
} SweepReduction;

typedef struct SweepStage SweepStage;
struct SweepStage {
    const Var *var;             /* NULL: the last loop */
    const Term *def;            /* FOR, a choice of these (IF), or KERNEL */
    LIST(SweepArm) arms;        /* the FORs */
    bool dense;                 /* its rows are made whole, by the walker of nests */
    LIST(SweepReduction) reductions;
    LIST(Bind) made;            /* the last: scalars made of its own reductions */
    LIST(const Var *) pending;  /* scalars that hang on reductions of our producers */
    SweepStage *reader;
    SweepReads reads;           /* in the reader's body */
    LIST(SweepStage *) producers;
    LIST(SweepInput) inputs;
    int row;                    /* its loop over rows; -1: not known yet */
    int level;
    int section;                /* what a profile counts it as */
    Value from[PK_MAX_RANK], to[PK_MAX_RANK];   /* what is made of each dimension */
    Value first, rows;          /* of the row dimension */
    Value start[PK_MAX_RANK];   /* FOR: what an index is at element 0 */
    Value lo, hi;               /* ptr: by row of the reader, from its first */
    Value same, opposite;       /* rows that a ring needs if reader and producer go in the
                                   same order, and if not */
    bool ordered;               /* the last: elements are made from the first to the last */
    Value back;                 /* i1: rows are made from the last to the first */
    Value start_row, step;      /* row of step 0, 1 or -1 */
    Value needed;               /* ptr: by step of the reader, steps of this one before
                                   it */
    Value slots, next;          /* of the ring; var: the step to be made next, a kernel's
                                   row */
    Tensor *ring;
    Thunk before;               /* what `var` stood for: the ring is not there for
                                   others */
    RowLanes lanes;             /* FOR with a ring: how a row is made */
    bool blocked;               /* the ring: the reader makes ROWS rows at once (BLOCKS),
                                   pixels of these lie side by side */
    bool batched;               /* the last: `batch` rows at once (ROWS, or 1 if they read
                                   rows far apart), block by block of columns */
    Value batch;
    Value runs, broad_runs;     /* RUNS: ptr to an i32 for each vector of columns (for
                                   each block of them): they run by one */
    Value cursor;               /* KERNEL with rows: place of the cursor */
    Value result;               /* KERNEL: place of the pk_tensor */
    Value region;
    struct Calling *calling;
};

/* ---- lower_sweep_reads.c ---- */
/* How often the term reads the tensor's data. */
int sweep_uses(const Term *, const Var *);
/* The same in a node, as far as anybody reads the field. */
int sweep_node_uses(Gen *, const Node *, const Var *);
/* Whether a name that the term reads is made of `var`. */
bool sweep_reads_made_of(Gen *, const Term *, const Var *);
/* Reads of a tensor in a term, with the loops and names on the way to each. */
void sweep_reads(Gen *, const Var *, const Term *, SweepReads *);
/* The same in the bodies of a stage's loops. */
void sweep_reads_of(Gen *, const SweepStage *, const Var *, SweepReads *);
/* A condition that is one for the whole record, and known before the sweep. */
bool sweep_is_fixed(const SweepStage *, const Term *condition);
/* The loops of the reader that a subscript of the read hangs on: a bit for each. */
unsigned sweep_hangs_on(const SweepRead *, const Term *subscript);
/* The read with those steps alone that the subscript of an axis hangs on. */
SweepRead sweep_needed(const SweepRead *, int axis);
typedef void AtRead(Gen *, const SweepRead *, void *);
/* Runs the folds that the subscript needs, then `at`. */
void sweep_replay(Gen *, const SweepRead *, int axis, AtRead *, void *);
/* The index of a loop, in all arms, is that of `element`, counted from 0. */
void sweep_bind(Gen *, const SweepStage *, int loop, Value element);

/* ---- lower_sweep_find.c ---- */
SweepStage *sweep_stage(Gen *, const Var *, const Term *def, SweepStage *reader);
/* What the tensor is made by, if that can be kept as rows; or NULL. */
const Term *sweep_definition(Gen *, const Var *);
/* What is read decides which elements of rings are read. */
bool sweep_is_address(Gen *, const SweepStage *, const Var *);
/* Finds what the stage, and what those found, read row by row. */
void sweep_find_producers(Gen *, SweepStage *);

/* ---- lower_sweep_arms.c ---- */
/* A plain comprehension of scalars. */
bool sweep_is_loop(const Term *);
/* The same, or of short lists of scalars; a choice of such. */
bool sweep_has_rows(const Term *);
/* Sets def and arms; tensors that a choice gives as they are get loops. */
void sweep_set_definition(Gen *, SweepStage *, const Term *def);
/* for i, j …: x[i, j …] */
const Term *sweep_loop_over(Gen *, const Term *tensor);
/* One row of a dense ring, or of what is filled: `base` is the place of the row. */
void sweep_fill_row(Gen *, const SweepStage *, const Fill *, Value base);

/* ---- lower_sweep_reduce.c ---- */
/* The other `uses` of the producer are by reductions that can run as it is made, for
 * the reader alone: they become its own, and scalars made of them are put into the
 * reader. false: they are not, and nothing was done. */
bool sweep_find_reductions(Gen *, SweepStage *producer, SweepStage *reader, int uses);
/* The same for a tensor that is kept whole, `last` filling it. */
void sweep_find_own_reductions(Gen *, SweepStage *last, const Var *);
/* Their names have a value from here on. */
void sweep_reduce_announce(Gen *, const SweepStage *);
void sweep_reduce_begin(Gen *, SweepStage *);
/* The row was made. */
void sweep_reduce_row(Gen *, const SweepStage *, Value row);
/* Before a step of the reader: the producer is done if they are needed. */
void sweep_reduce_end(Gen *, const SweepStage *);
/* i1: one of them is needed; NO_VALUE: there are none. */
Value sweep_reduces(Gen *, const SweepStage *);

/* ---- lower_sweep_ring.c ---- */
/* The names of a stage and its producers stand for rings from here on. */
void sweep_announce(Gen *, SweepStage *);
/* All else that their loops read is made here. */
void sweep_force_inputs(Gen *, const SweepStage *);
/* Which rings of the stage and its producers are planes, then how rows are made. */
void sweep_choose_planes(Gen *, SweepStage *, const Fill *);
void sweep_choose_lanes(Gen *, SweepStage *);
/* Which rows and columns of the stage and its producers are read. */
void sweep_find(Gen *, SweepStage *);
/* Memory of the stage and its producers; their kernels begin. */
void sweep_prepare(Gen *, SweepStage *);
void sweep_make_ring(Gen *, SweepStage *);
/* The hull of what is read of a dimension: begin, widen (inside of loops that bind
 * what the subscripts hang on), end, which sets from and to. */
typedef struct SweepHull { int axis; Value low, high, size; } SweepHull;
SweepHull sweep_hull_begin(Gen *, int axis, Value size);
void sweep_widen(Gen *, const SweepStage *, SweepHull *);
void sweep_hull_end(Gen *, SweepStage *, const SweepHull *);
bool sweep_small(Gen *, Value dim);     /* a constant of at most 4 */

/* ---- lower_sweep_inputs.c ---- */
/* Which subscripts of what is in memory are tested before the rows: they count as tested
 * from here on. Names of rings are announced, all else is made. */
void sweep_find_inputs(Gen *, SweepStage *last);
/* Those tests: which rows and columns are made is known. */
void sweep_test_inputs(Gen *, const SweepStage *);

/* ---- lower_sweep_order.c ---- */
/* lo, hi, first, rows of a stage; the rows that a ring needs. */
void sweep_find_rows(Gen *, SweepStage *);
/* Forwards or backwards, for the last loop and all its producers. */
void sweep_find_order(Gen *, SweepStage *last);
/* The row that is made in a step. */
Value sweep_row(Gen *, const SweepStage *, Value step);
/* BLOCKS: the last step of the block that this step is in. */
Value sweep_block_end(Gen *, const SweepStage *, Value step);
/* How many steps of a producer come before that step of its reader. */
Value sweep_needed_steps(Gen *, const SweepStage *producer, Value step);

/* ---- lower_sweep_lanes.c ---- */
RowLanes sweep_lanes(Gen *, const SweepStage *);
/* How a nest of the stage is made in columns; NULL: it cannot be. */
const struct Columns *sweep_columns(Gen *, const SweepStage *, const Term *loop);
/* All nests of the stage can be, if its inputs are planes. */
bool sweep_wants_planes(Gen *, const SweepStage *);
/* Lanes of ROWS rows, or NULL. */
struct Lanes *sweep_rows_of(Gen *, const SweepStage *, int column, int channel);
/* ROW_RUNS, ROW_PLANES: finds out which vectors of columns run, for all rows. */
void sweep_find_runs(Gen *, SweepStage *);
/* One row of the ring. */
void sweep_row_lanes(Gen *, const SweepStage *, Value row);
/* ROW_BLOCKS: that row, a multiple of ROWS, and those that follow. */
void sweep_row_blocks(Gen *, const SweepStage *, Value row);

/* ---- lower_sweep_last.c ---- */
/* One row of the result; false: it stays scalar. */
bool sweep_last_lanes(Gen *, SweepStage *, const Fill *, Value base, Value row);
/* Whether the result can be made ROWS rows at a time. */
bool sweep_has_blocks(Gen *, SweepStage *, const Fill *);
void sweep_last_blocks(Gen *, SweepStage *, const Fill *, Value base, Value row);
/* How many rows are made at once. */
Value sweep_batch(Gen *, const SweepStage *);
/* Whether rows of the result share rows that they read, so that it is better made
 * ROWS rows at a time; and those rows. */
bool sweep_has_batches(Gen *, SweepStage *, const Fill *);
void sweep_last_batch(Gen *, SweepStage *, const Fill *, Value base, Value row);

/* ---- lower_sweep_kernel.c ---- */
void sweep_kernel_begin(Gen *, SweepStage *);
/* All of what is read, in one call. */
void sweep_kernel_window(Gen *, SweepStage *);
/* Makes the rows up to `last`, unless they are there. */
void sweep_kernel_rows(Gen *, SweepStage *, Value last);
void sweep_kernel_end(Gen *, SweepStage *);
#endif
