/* Elements of a row several at a time: lower_lanes.c. */
#ifndef PIPEC_LOWER_LANES_H
#define PIPEC_LOWER_LANES_H
#include "lower_room.h"

enum { PIXEL = 4, WIDE = 16,
       ROW_BITS = 3, ROWS = 1 << ROW_BITS,      /* that are made at once */
       BLOCK = 16,              /* columns of one channel */
       BROAD = BLOCK * PIXEL,
       JOINT = 2 * BLOCK,       /* columns of several channels, whose folds go as one */
       LINE = 64 };             /* bytes of a cache line */

typedef enum { LANE_ONE, LANE_ROW, LANE_COLUMN, LANE_CHANNEL, LANE_MANY,
               LANE_PLACE, LANE_BACK, LANE_NONE } LaneKind;

/* How the columns that are read go along those that are made. */
typedef enum { LANES_FORTH, LANES_EITHER, LANES_BACK } Direction;

typedef struct LaneName { const Var *var; LaneKind kind; Value v; } LaneName;

typedef struct Lanes {
    Gen *g;
    int n, columns;             /* lanes; columns in them */
    const Var *column, *channel;    /* channel NULL: every lane has the same */
    const Var *fixed;           /* that same channel's index, and its value */
    int64_t fixed_at;
    bool picks;                 /* a channel of pixels side by side is read */
    const Var *row, *source;    /* of lanes_of_rows; else NULL */
    Direction direction;
    const Term *turned;         /* LANES_EITHER: the condition of going back (or forth, */
    bool forth;                 /* if this is set) */
    Value at;                   /* the column of lane 0 */
    const Term *folded;         /* a fold whose value is known; or NULL */
    Value fold;
    int channels;
    LIST(LaneName) names;       /* bound inside of the element */
    bool may_run, ran;
    LIST(const Term *) runs;    /* reads at columns that are taken to run */
} Lanes;

/* n: PIXEL, one column, or WIDE or BROAD, several. */
Lanes *lanes_new(Gen *, int n, const Var *column, const Var *channel, int channels);
/* One column of ROWS rows: `source`, a ring of their pixels, is read at `row` alone. */
Lanes *lanes_of_rows(Gen *, const Var *row, const Var *column, const Var *channel,
                     int channels, const Var *source);
LaneKind lane_kind(Lanes *, const Term *);
/* From now on a table of places, read at the column, is taken to run by one from
 * column to column: the reads that rest on it are listed, to be tested. */
void lanes_may_run(Lanes *);
int lanes_runs(const Lanes *, const Term *const **reads);
/* The vector of the element at `column` and those that follow. */
Value lanes_at(Lanes *, Value column, const Term *);
Value lane_value(Lanes *, const Term *);
/* BLOCK, JOINT or BROAD columns of one channel; `channel` (may be NULL) is an index that has
 * one value in all lanes, to be told before the kind of a term is asked for. */
Lanes *lanes_of_columns(Gen *, int n, const Var *column, const Var *channel);
/* The same, broader, of a nest that fits the first. */
Lanes *lanes_broader(const Lanes *, int n);
void lanes_fix(Lanes *, int64_t channel);
/* A body in parts: names (TERM_LET) first, then vectors. */
LaneKind lanes_let_kind(Lanes *, const Term *let);
void lanes_start(Lanes *, Value column);
void lanes_let(Lanes *, const Term *let);
Value lanes_many(Lanes *, const Term *);
/* A vector of the element, lanes in the order of the columns that are made. */
Value lanes_out(Lanes *, const Term *);
/* The fold for channels 0 to n - 1, in one loop: v[k] is that of channel k. `channel` is
 * the index that is fixed, and neither the rounds nor the start hang on it. */
void lanes_fold(Lanes *, const Term *fold, const Var *channel, int n, Value column,
                Value *v);
bool lane_dtype(pl_dtype);
int64_t channel_trip(const Loop *);     /* 1 to PIXEL rounds from 0 on; else 0 */
int64_t small_trip(const Loop *);       /* the same, but at least 2 */
bool term_has_fold(const Term *);
/* NaN to the canonical one. */
Value lane_canonical(Gen *, Value);
/* Lanes first, first + step, … of (a, b). */
Value lane_pick(Gen *, Value a, Value b, int lanes, int first, int step);
/* That channel of BLOCK pixels, which are four vectors. */
Value lanes_channel(Gen *, const Value *quarter, int channel);
/* From a buffer of BLOCK columns, in each of which the pixels of ROWS rows lie side by
 * side: of the first four rows, out[c][q] is channel c of row q. */
void lanes_turn(Gen *, LoopScalar, Value buffer, int channels, Value out[][4]);
/* Vectors of `n` channels, interleaved and stored one after the other. */
void lanes_store(Gen *, int n, const Value *, Value at, int buffer);

/* ---- lower_columns.c ---- */
typedef struct Columns Columns;
/* A nest whose columns are the index of one loop, its channels that of another (-1:
 * none, or a list of scalars as body); NULL: it does not fit. */
const Columns *columns_find(Gen *, const Term *loop, int column, int channel);
/* The same of a nest that copies from columns which are taken to run: the lanes list
 * the reads that rest on it. */
const Columns *columns_find_run(Gen *, const Term *loop, int column, int channel, Lanes **);
/* As columns_find, columns and channels innermost. */
const Columns *columns_inner(Gen *, const Term *loop);
bool columns_has_channels(const Columns *);     /* as a loop, or listed */
void columns_loops(const Columns *, int *column, int *channel);
/* One row, the other indices bound: `base` is the element of column `from`. `stream`:
 * planes of it begin with cache lines that nobody reads soon. `runs`: ptr to an i32 for
 * each block of columns, or NO_VALUE: all run. */
void columns_row(Gen *, const Columns *, const Fill *, Value base, Value from,
                 Value columns, bool stream, Value runs);
/* Several rows, from that of index `first` of the loop `row` on: all of a block of
 * columns, then the next block. `base` is in the first row. */
void columns_rows(Gen *, const Columns *, const Fill *, Value base, Value from,
                  Value columns, bool stream, int row, Value first, Value rows);
/* Branches on whether the columns of the block run. */
void gen_if_runs(Gen *, Value runs, Value block);

/* ---- lower_mirror.c, for the walkers of lanes ---- */
/* The kind of a sum of places; LANE_NONE: it is none. */
LaneKind mirror_sum(const Lanes *, Op, LaneKind a, LaneKind b);
/* A choice between going back and forth. */
bool mirror_choice(Lanes *, const Term *, LaneKind condition, LaneKind a, LaneKind b);
/* The column of lane 0, if the first that is made is `column`. */
Value mirror_start(Lanes *, Value column);
Value mirror_out(Lanes *, Value);

/* ---- lower_lanes.c, for lower_lanes_value.c ---- */
LaneName *lane_name(Lanes *, const Var *);
void lane_bind(Lanes *, const Var *, LaneKind, Value);
/* Whether it is not the same in all lanes. */
bool lane_varies(Lanes *, const Term *);
/* 2 to 4: channels of a tensor in memory whose last dimension is that constant; or 0. */
int64_t lane_packed(Lanes *, const Tensor *);
/* A constant, or the index that all lanes share. */
bool lane_fixed(const Lanes *, const Term *, int64_t *);
/* A table of places, read at the column, that is taken to run. */
bool lane_is_run(Lanes *, const Term *);
#endif
