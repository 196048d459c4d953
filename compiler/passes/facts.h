/* What is known of whole numbers where a term stands: the loops around it, the conditions
 * that hold, what names mean. For sums of indices, dimensions and constants; the rest is
 * taken as it is. */
#ifndef PIPEC_FACTS_H
#define PIPEC_FACTS_H
#include "pass.h"

/* most: no index above it is looked at; or NULL. */
typedef struct Around { const Loop *loop; const Term *most; } Around;
typedef struct Holds { const Term *condition; bool truth; } Holds;

typedef struct Facts {
    Arena *arena;
    const Term **def;           /* by variable: of a field, of a LET; or NULL */
    char *safe;                 /* by variable: 1 it cannot fail, 2 it may, 0 not asked yet */
    LIST(Around) loops;
    LIST(Holds) holds;
    LIST(const Var *) states;   /* of the folds that are looked at */
    int steps, looks;           /* of a proof, that are left */
} Facts;

Facts facts_of(Arena *, const Graph *);
void facts_loop(Facts *, const Loop *, const Term *most);
void facts_hold(Facts *, const Term *condition, bool truth);

/* Whether 0 <= sub < size, surely. */
bool facts_in_range(Facts *, const Term *sub, const Term *size);
/* A term that is never below `term + more` and reads nothing but parameters and fields;
 * NULL: none is known. A constant, if one is. */
const Term *facts_most(Facts *, const Term *term, int64_t more);
/* It is made of operations that do not come around 2^63. */
bool facts_small(Facts *, const Term *);
/* It reads nothing but constants, parameters and numbers that are fields, and cannot fail. */
bool facts_closed(const Facts *, const Term *);

/* safe.c: whether nothing that the term reads can fail; what a branch does not take and a
 * name that is not read are not read. */
bool facts_safe(Facts *, const Term *);
#endif
