/* Elements of a row several at a time: lower_lanes.c. */
#ifndef PIPEC_LOWER_LANES_H
#define PIPEC_LOWER_LANES_H
#include "lower_room.h"

enum { PIXEL = 4, WIDE = 16, ROWS = WIDE / PIXEL,
       BLOCK = 16,              /* columns of one channel */
       BROAD = BLOCK * PIXEL };

typedef enum { LANE_ONE, LANE_ROW, LANE_COLUMN, LANE_CHANNEL, LANE_MANY,
               LANE_NONE } LaneKind;

typedef struct LaneName { const Var *var; LaneKind kind; Value v; } LaneName;

typedef struct Lanes {
    Gen *g;
    int n, columns;             /* lanes; columns in them */
    const Var *column, *channel;    /* channel NULL: every lane has the same */
    const Var *fixed;           /* that same channel's index, and its value */
    int64_t fixed_at;
    const Var *row, *source;    /* of lanes_of_rows; else NULL */
    Value at;                   /* the column of lane 0 */
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
/* BLOCK columns of one channel; `channel` (may be NULL) is an index that has one
 * value in all lanes, to be told before the kind of a term is asked for. */
Lanes *lanes_of_columns(Gen *, const Var *column, const Var *channel);
void lanes_fix(Lanes *, int64_t channel);
/* A body in parts: names (TERM_LET) first, then vectors. */
LaneKind lanes_let_kind(Lanes *, const Term *let);
void lanes_start(Lanes *, Value column);
void lanes_let(Lanes *, const Term *let);
Value lanes_many(Lanes *, const Term *);
bool lane_dtype(pl_dtype);
/* NaN to the canonical one. */
Value lane_canonical(Gen *, Value);
/* Lanes first, first + step, … of (a, b). */
Value lane_pick(Gen *, Value a, Value b, int lanes, int first, int step);
/* Vectors of `n` channels, interleaved and stored one after the other. */
void lanes_store(Gen *, int n, const Value *, Value at, int buffer);

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
