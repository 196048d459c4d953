/* A plan as data: what was decided of a feature, to be read, edited and pinned
 * (`pipec F.dsl --emit=plan`, `pipec F.dsl --plan F.yaml`). docs/optimizer.md has the form.
 * Numbers that are 0: nobody has decided, the machine does when it runs. */
#ifndef PIPEC_PLAN_FILE_H
#define PIPEC_PLAN_FILE_H
#include <stdio.h>
#include "options.h"
#include "lower.h"

/* `at`: line of the plan's file, 0: it was not read. */
typedef struct PlanOrder { const char *field, *steps; int line, at; } PlanOrder;
typedef struct PlanWhere { int line, at; } PlanWhere;
typedef struct PlanMember { const char *kind, *name; int line, at; } PlanMember;
typedef struct PlanTensor {
    const char *name, *shape, *way, *bytes;
    int line, at;
    double ns;                  /* -1: not known */
    LIST(const char *) fused;   /* operators of the text that are in it */
} PlanTensor;

typedef struct PlanCache {
    const char *after;          /* the step or field; NULL: nothing is kept */
    int line, at;
    int kind;                   /* 'r' ram, 'd' disk */
    int64_t limit;
} PlanCache;

typedef enum { STAGE_READ, STAGE_RECORD, STAGE_BATCH, PLAN_STAGES } PlanStageKind;

typedef struct PlanStage {
    int64_t count;              /* of reads at once, of workers, of batches ahead */
    double ns, bytes_in, bytes_out;     /* of a record; -1: not known */
    LIST(PlanMember) members;
} PlanStage;

typedef struct Plan {
    const char *path;           /* of the file it was read from, or NULL */
    const char *feature, *hash;
    int at_hash;
    PlanWish wish;
    LIST(PlanOrder) orders;
    LIST(PlanWhere) wheres;
    PlanStage stage[PLAN_STAGES];
    LIST(PlanTensor) tensors;
    PlanCache cache;
    double rate;                /* records/s; 0: not known */
    const char *bottleneck;
} Plan;

/* NULL: a diagnostic says why. */
const Plan *plan_read(Arena *, Diags *, const char *path);
bool plan_write(const Plan *, FILE *);
const char *plan_stage_name(int stage);

/* ---- plan_make.c ---- */
/* What was decided; `pinned` may be NULL. */
Plan *plan_make(Arena *, const Graph *, const LowerNotes *, const Options *,
                const Plan *pinned);
/* Whether anything is wished that decides how many workers, reads, batches there are. */
bool plan_wishes(const PlanWish *);

/* ---- plan_pins.c ---- */
/* Whether the plan is of this feature; what no longer fits is told. */
bool plan_fits(const Plan *, Diags *, const Decl *feature);
void plan_fits_graph(Arena *, const Plan *, Diags *, const Graph *);
/* Pins the order of wheres, and the ways that are not those of `as_it_comes` (NULL: none). */
void plan_pin(Arena *, Graph *, const Plan *, const LowerNotes *as_it_comes);
bool plan_pins_tensors(const Graph *);
/* Of the tensors that are whole because a plan has them so, as far as they are known. Those
 * of at most CACHED_BYTES are still in a core's cache where they are read. */
enum { CACHED_BYTES = 1 << 19 };
typedef struct PinnedBytes { double cached, others; } PinnedBytes;
PinnedBytes plan_pinned_bytes(const Graph *, const LowerNotes *);
/* Every tensor is made whole. */
void plan_pin_whole(Arena *, Graph *);
/* Tells what of the plan could not be had. */
void plan_check(Arena *, const Plan *, Diags *, const Graph *, const LowerNotes *made);

/* Of the nth chain of that name, from 0: a field and what `emit` makes of it may share one.
 * NULL: the plan has none. */
const PlanOrder *plan_order(const Plan *, const char *field, int nth);
int chains_named(const Graph *, const char *field);
/* The place of the `where` on this line; -1: the plan does not know it. */
int plan_where(const Plan *, int line);
#endif
