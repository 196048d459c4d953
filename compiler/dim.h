/* Dimensions: polynomials with integer coefficients over symbols, hash-consed
 * in a DimTable so that equal ones are one pointer. A symbol is a scalar i64
 * term: a read of a dimension, an int value, or an opaque atom such as a // b. */
#ifndef PIPEC_DIM_H
#define PIPEC_DIM_H
#include "term.h"

typedef struct DimTable DimTable;
DimTable *dim_table(Arena *);
const Dim *dim_number(DimTable *, int64_t);
/* The symbol that stands for `value`; equal keys give one symbol. A key is any
 * string that is equal exactly when the values are known to be. */
const Dim *dim_symbol(DimTable *, const char *key, const char *name, const Term *value);
const Dim *dim_add(DimTable *, const Dim *, const Dim *);
const Dim *dim_sub(DimTable *, const Dim *, const Dim *);
const Dim *dim_mul(DimTable *, const Dim *, const Dim *);
bool dim_constant(const Dim *, int64_t *value);
/* Of a tensor's dimension: two of them can be multiplied. More elements are more than a
 * record holds. */
enum { DIM_BITS = 31 };
/* Says that the value of a single symbol is never below 0, and below 2 to that power. */
void dim_set_nonnegative(const Dim *, int bits);
/* Known to be at least 0 for all values of its symbols: products do not come around 2^63. */
bool dim_nonnegative(const Dim *);
/* All factors are below 2 to that power. */
int dim_bits(const Dim *);
/* Whether `test` holds for the value of any symbol. */
bool dim_any_symbol(const Dim *, bool (*test)(const Term *, void *), void *);
/* The dimension as a scalar i64 term. */
const Term *dim_term(DimTable *, const Dim *);
const char *dim_text(Arena *, const Dim *);     /* "2*h + 1" */
#endif
