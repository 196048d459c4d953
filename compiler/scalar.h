/* Reference arithmetic on single numbers: docs/language.md section 3, written
 * for clarity. The interpreter computes with it; nothing else does, so that a
 * wrong lowering cannot agree with itself. No undefined behaviour; compiled
 * without contraction. */
#ifndef PIPEC_SCALAR_H
#define PIPEC_SCALAR_H
#include "term.h"

/* A number of some dtype: bool and integers in i (u64: its bits; others
 * extended), f16, bf16 and f32 in f, f64 in d; p: an opaque value. */
typedef union Number {
    int64_t i;
    float f;
    double d;
    void *p;
} Number;

/* The operands have dtype `from` (of a shift: the first has), the result has
 * dtype `to`. Integer // and % by zero: false, *result is 0. */
bool scalar_op(Op, pl_dtype from, pl_dtype to, const Number *operands, Number *result);
Number scalar_convert(pl_dtype from, pl_dtype to, Number);
/* < of numbers of one dtype; false with a NaN. */
bool scalar_less(pl_dtype, Number, Number);
bool scalar_is_nan(pl_dtype, Number);
/* NaN becomes the canonical one. */
Number scalar_canonical(pl_dtype, Number);

/* To and from memory, dense and in host order. */
Number scalar_load(pl_dtype, const void *);
void scalar_store(pl_dtype, Number, void *);
#endif
