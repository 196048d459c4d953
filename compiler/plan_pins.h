/* What a plan pins in the passes and in lowering: ways of tensors, the order of wheres. */
#ifndef PIPEC_PLAN_PINS_H
#define PIPEC_PLAN_PINS_H
#include "term.h"

typedef enum { PIN_NONE, PIN_INLINE, PIN_WINDOW, PIN_WHOLE, PIN_SLOT } Pin;

/* def: the variable's definition, or NULL. */
Pin pinned_way(const Graph *, const Var *, const Term *def);
/* Where the `where` on this line is asked, from 0; -1: it is not pinned. */
int pinned_where(const Graph *, int line);

/* What names a tensor in notes and plans, beside its name: the line of the feature's own
 * file that led to it, and its shape. */
int line_of_tensor(const Graph *, const Var *, const Term *def);
const char *shape_words(Arena *, const Type *);
const char *dim_words(Arena *, const Type *, int axis);
#endif
