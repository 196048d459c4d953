/* Passes: rewrites of the feature graph for the fused plan. The plain plan and
 * the interpreter never see them.
 *
 * A pass takes a graph and returns another one that gives the same values. It
 * may make a test fail that nobody would have read: the fused plan only
 * suspects, and the record runs again in the plain plan. Terms are never
 * changed in place; every binder is bound once, so copies get fresh ones. */
#ifndef PIPEC_PASS_H
#define PIPEC_PASS_H
#include "../dim.h"
#include "../term.h"
#include "../term_build.h"

typedef struct Pass {
    const char *name;
    int level;                  /* runs at -O of at least this */
    bool reorders;              /* does not run with --reorder=off */
    Graph *(*run)(Arena *, const Graph *);
    const char *help;
} Pass;
extern const Pass pass_table[];
extern const int pass_count;

/* What may be left out, for tests and measurements: no value changes. Passes, and what
 * lowering does of its own accord; NULL behind the last one. */
const char *pass_name(int i);
/* off: names with commas between, or NULL. */
bool pass_is_off(const char *off, const char *name);

/* Runs the table from top to bottom, but for what is off; the graph is verified after
 * every pass. `dump` (may be NULL): prints the graph after the pass of that name. */
const Graph *passes_run(Arena *, const Graph *, int level, bool reorder, const char *off,
                        const char *dump);

Graph *pass_filters(Arena *, const Graph *);
Graph *pass_unroll(Arena *, const Graph *);
Graph *pass_normal(Arena *, const Graph *);
Graph *pass_links(Arena *, const Graph *);
Graph *pass_inline(Arena *, const Graph *);
Graph *pass_stops(Arena *, const Graph *);
Graph *pass_ends(Arena *, const Graph *);
Graph *pass_levels(Arena *, const Graph *);
Graph *pass_slides(Arena *, const Graph *);
Graph *pass_tables(Arena *, const Graph *);

/* ---- rewrite.c ---- */

/* Rewrites terms bottom up. `visit` gets each term after its children have been
 * rewritten and gives what stands for it (itself: nothing to do). */
typedef struct Rewriter Rewriter;
typedef const Term *VisitTerm(Rewriter *, const Term *);
struct Rewriter {
    Arena *arena;
    Graph *graph;               /* gets the numbers of new variables */
    VisitTerm *before;          /* gives another term to go on with, or the same */
    VisitTerm *visit;           /* NULL: only variables are replaced */
    void *data;
    bool fresh;                 /* a copy: binders get new variables */
    LIST(Bind) replaced;        /* variables by what stands for them */
    struct { const Term **from, **to; int n, room; } memo;
};

const Term *rewrite(Rewriter *, const Term *);
void rewrite_replace(Rewriter *, const Var *, const Term *);
/* What became of a term, which may stand in several places; NULL: not rewritten yet. */
const Term *rewrite_done(const Rewriter *, const Term *);
void rewrite_remember(Rewriter *, const Term *from, const Term *to);
/* For a copy: dims that speak of variables are forgotten. */
const Type *type_plain(Arena *, const Type *);
Var *graph_var(Arena *, Graph *, VarKind, const char *name, const Type *, Loc);
/* A copy of the term with the variables replaced and fresh binders. */
const Term *term_instance(Arena *, Graph *, const Term *, int n, const Var *const *vars,
                          const Term *const *values);
/* Rewrites every term of a graph, in the order in which they are evaluated. */
Graph *graph_rewrite(Arena *, const Graph *, VisitTerm *, void *data);
const Term *term_let(Arena *, const Var *, const Term *value, const Term *body);
/* A copy of the node with room for other arguments. */
Term *term_again(Arena *, const Term *);
#endif
