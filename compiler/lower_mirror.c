/* Lanes whose columns are read in another order than they are made: backwards, or
 * backwards in some records.
 *
 *   x[…, n - 1 - j, …]                             LANES_BACK
 *   x[…, if c then n - 1 - j else j, …]            LANES_EITHER, c made before the nest
 *
 * Lanes go up through the columns that are read, so that loads, folds and all else are
 * what they are without: only the first lane is that of the last column of the vector,
 * and what comes out is turned. So whatever hangs on the column j has to go the same way
 * in all of the body; j itself is nowhere but in such subscripts. */
#include "lower_lanes.h"

LaneKind mirror_sum(const Lanes *l, Op op, LaneKind a, LaneKind b) {
    LaneKind back = l->direction == LANES_BACK ? LANE_COLUMN : LANE_BACK;
    if (op != OP_ADD && op != OP_SUB) return LANE_NONE;
    if (a == LANE_ONE && b == LANE_PLACE) return op == OP_ADD ? LANE_PLACE : back;
    if ((a == LANE_PLACE || a == LANE_BACK) && b == LANE_ONE) return a;
    return a == LANE_ONE && b == LANE_BACK && op == OP_ADD ? LANE_BACK : LANE_NONE;
}

bool mirror_choice(Lanes *l, const Term *term, LaneKind condition, LaneKind a, LaneKind b) {
    const Term *c = term->arg[0];
    bool forth = a == LANE_PLACE && b == LANE_BACK;
    if (l->direction != LANES_EITHER || condition != LANE_ONE ||
        (!forth && !(a == LANE_BACK && b == LANE_PLACE)))
        return false;
    if (c->kind != TERM_REF || lane_name(l, c->var) ||
        (l->turned && (l->turned->var != c->var || l->forth != forth)))
        return false;
    l->turned = c;
    l->forth = forth;
    return true;
}

/* NO_VALUE: always. */
static Value goes_back(Lanes *l) {
    Value c;
    if (l->direction == LANES_BACK) return NO_VALUE;
    c = gen_scalar(l->g, l->turned).v;
    return l->forth ? gen_not(l->g, c) : c;
}

Value mirror_start(Lanes *l, Value column) {
    Value last = gen_add(l->g, column, gen_long(l->g, l->columns - 1)), back;
    if (l->direction == LANES_FORTH) return column;
    back = goes_back(l);
    return back == NO_VALUE ? last
                            : gen_op(l->g, LOOP_SELECT, LT_I64, 3, back, last, column);
}

Value mirror_out(Lanes *l, Value v) {
    LoopType type = value_type(&l->g->b, v);
    Value turned, back;
    if (l->direction == LANES_FORTH) return v;
    turned = lane_pick(l->g, v, v, l->n, l->n - 1, -1);
    back = goes_back(l);
    if (back == NO_VALUE) return turned;
    back = build(&l->g->b, LOOP_SPLAT, loop_vector(LT_I1, l->n), 1, back);
    return build(&l->g->b, LOOP_SELECT, type, 3, back, turned, v);
}
