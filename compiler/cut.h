/* The cut of a feature's records at its cache: two graphs that give together what the
 * whole one gives. */
#ifndef PIPEC_CUT_H
#define PIPEC_CUT_H
#include "term.h"

/* A graph with the same values whose node `number` is cut behind the LET of `within`: it
 * and what is bound before it become nodes of their own. *above: nodes before the cut. */
Graph *graph_split(Arena *, const Graph *, int number, const Var *within, int *above);

typedef LIST(const Var *) VarList;

typedef struct Cut {
    VarList kept;               /* of level 0: made above (VAR_FIELD, VAR_SOURCE), read
                                   below */
    bool *dims_only;            /* of `kept`: what is kept is an i64 tensor of its dims */
    const Graph *above;         /* its outputs are `kept`, in this order */
    const Graph *below;         /* its source fields are `kept` */
    bool draws;                 /* something above hangs on chance */
    uint64_t hash;              /* of what is made above: terms and kernels */
    const char *reads;          /* by parameter, as pl_cut has it */
    LIST(const char *) files;   /* texts that may name a file that is read at open */
} Cut;

/* What is above `number` nodes and kept for what is below: the names of operators of the
 * text with their lines, each once; what is kept. */
typedef struct CutWork { const char *name; int line; } CutWork;
typedef struct CutSides {
    LIST(CutWork) above;
    VarList kept;               /* but what only its dims are read of */
    bool draws;
} CutSides;
CutSides cut_sides(Arena *, const Graph *, int number);

/* What a cut goes by: fields: what leaves the records (VAR_BATCHED); live: bits by var, 0:
 * nobody needs it, though a dead name may stand for it. */
typedef struct CutNeeds {
    int nfields; const Var *const *fields;
    int nlive; const unsigned *live;
} CutNeeds;

/* Of cache->graph. NULL: a value has a type that cannot be
 * kept, `*odd` is its name. */
Cut *cut_graph(Arena *, const CachePoint *, const CutNeeds *, const char **odd);
#endif
