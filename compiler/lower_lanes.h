/* Elements of a row several at a time: lower_lanes.c. */
#ifndef PIPEC_LOWER_LANES_H
#define PIPEC_LOWER_LANES_H
#include "lower_room.h"

enum { PIXEL = 4, WIDE = 16 };

typedef enum { LANE_ONE, LANE_COLUMN, LANE_CHANNEL, LANE_MANY, LANE_NONE } LaneKind;
typedef struct Lanes Lanes;

/* n: PIXEL, one column, or WIDE, several. */
Lanes *lanes_new(Gen *, int n, const Var *column, const Var *channel, int channels);
LaneKind lane_kind(Lanes *, const Term *);
/* The vector of the element at `column` and those that follow. */
Value lanes_at(Lanes *, Value column, const Term *);
Value lane_value(Lanes *, const Term *);
#endif
