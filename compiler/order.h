/* Orders of the steps of a chain: which are legal, which is cheapest. A step changes a
 * state (the type of what runs through); steps are numbered as they are written. */
#ifndef PIPEC_ORDER_H
#define PIPEC_ORDER_H
#include <stdbool.h>
#include <stdint.h>
#include "../dsl/arena.h"

enum { ORDER_MOST = 30 };       /* steps */

typedef struct OrderProblem {
    int n;
    uint32_t before[ORDER_MOST];/* by step, bits: the steps that must stand before it */
    int start, end;             /* states */
    /* The state behind the step, -1: it cannot stand there; adds what it costs. */
    int (*apply)(void *, int step, int state, double *cost);
    void *data;
} OrderProblem;

/* Calls visit for every legal order, the one that is written first, until it says false.
 * False: that, or there are too many prefixes to look at. */
bool order_each(const OrderProblem *, bool (*visit)(void *, const int *order), void *);

/* The cheapest order, of equal ones the first; false: there is none. Exact where few
 * prefixes differ (any eight steps); else a beam: the cheapest prefixes are kept. */
bool order_best(Arena *, const OrderProblem *, int *order, double *cost);

/* What an order costs; false: it is not legal. */
bool order_cost(const OrderProblem *, const int *order, double *cost);
#endif
