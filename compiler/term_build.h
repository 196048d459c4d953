/* Makes terms, folding what is constant. All take the place of the text. */
#ifndef PIPEC_TERM_BUILD_H
#define PIPEC_TERM_BUILD_H
#include "term.h"

Term *term_new(Arena *, TermKind, const Type *, const Place *, int nargs, ...);
const Term *term_int(Arena *, pl_dtype, int64_t);
const Term *term_unsigned(Arena *, pl_dtype, uint64_t);
const Term *term_real(Arena *, pl_dtype, double);
const Term *term_bool(Arena *, bool);
const Term *term_ref(Arena *, const Var *);
/* op over up to three scalars (NULL: none); constants are folded. */
const Term *term_op(Arena *, Op, const Type *, const Place *, const Term *a,
                    const Term *b, const Term *c);
/* Converts a scalar as the language does; the same term if it has the dtype. */
const Term *term_convert(Arena *, pl_dtype, const Place *, const Term *);
bool term_is_int(const Term *, int64_t *value);     /* a constant of integer dtype */
bool term_is_bool(const Term *, bool *value);
/* A term that costs nothing to repeat: a constant, a reference, … */
bool term_is_trivial(const Term *);
/* A text that is equal exactly for terms of equal structure. */
const char *term_key(Arena *, const Term *);
/* Whether the term reads the variable. */
bool term_reads(const Term *, const Var *);
/* Calls visit for each direct child (args, bounds, inits, otherwise, given). */
void term_children(const Term *, void (*visit)(const Term *, void *), void *);
#endif
