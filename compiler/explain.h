/* What `pipec explain` shows, in its forms. */
#ifndef PIPEC_EXPLAIN_H
#define PIPEC_EXPLAIN_H
#include "plan_file.h"

typedef enum { EXPLAIN_TEXT, EXPLAIN_JSON, EXPLAIN_DOT, EXPLAIN_HTML } ExplainFormat;

/* What was decided, by a plan of it; 0, or 1: it could not be written. */
int explain(const Graph *, const LowerNotes *, const Plan *, FILE *, ExplainFormat);
/* Graph.orders, as text or JSON. */
int explain_orders(const Graph *, FILE *, ExplainFormat);
/* Notes the subscripts that are tested in every round of a loop. */
void explain_tests(const Graph *, Diags *);

/* ---- explain_cache.c ---- */
void explain_cache_text(const Graph *, FILE *);
/* A member of an object, the comma before it. */
void explain_cache_json(const Graph *, FILE *);

/* ---- explain_plan.c: with a profile alone ---- */
void explain_plan_text(Arena *, const Graph *, const LowerNotes *, const Plan *, FILE *);
/* , "predicted": {…} */
void explain_plan_json(Arena *, const Graph *, const LowerNotes *, const Plan *, FILE *);

/* ---- explain_draw.c ---- */
void explain_dot(Arena *, const Graph *, const LowerNotes *, FILE *);
void explain_html(Arena *, const Graph *, const LowerNotes *, const Plan *, FILE *);
#endif
