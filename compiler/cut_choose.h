/* Where values are kept from one epoch to the next: where the text says `cache(…)`, where
 * a plan says, or at the place among those that @cache marks that saves most. */
#ifndef PIPEC_CUT_CHOOSE_H
#define PIPEC_CUT_CHOOSE_H
#include "plan_file.h"

/* Sets graph->cache, or takes it away. Prices stay in cache_places. plan: that is pinned,
 * or NULL. */
void cut_choose(Arena *, Diags *, Graph *, const PlanWish *, const Plan *plan);
#endif
