/* What a plan costs: a profile's numbers, and what the plan has otherwise than what was
 * profiled. */
#ifndef PIPEC_PLAN_COST_H
#define PIPEC_PLAN_COST_H
#include "cost_model.h"
#include "cost_profile.h"
#include "plan_file.h"

/* Why the plan costs more or less than what was profiled, ns for a record. */
typedef struct PlanChange { double orders, wheres, ways; } PlanChange;

/* Whether the profile is of this very program: of its orders, too. */
bool plan_is_profiled(const Graph *);
PlanChange plan_change(Arena *, const Graph *, const LowerNotes *);
Workload plan_workload(Arena *, const Graph *, const LowerNotes *);
Machine plan_machine(const Graph *, const PlanWish *);
ModelWish plan_model_wish(const PlanWish *);
/* Bytes of one record's outputs, as far as their dims are known. */
double plan_bytes_out(const Graph *);
/* ns of a tensor for a record; -1: not measured. */
double plan_tensor_ns(const CostProfile *, const TensorNote *);
#endif
