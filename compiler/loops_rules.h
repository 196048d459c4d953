/* What loops.def says about operands, as data: shared by the verifier and the
 * parser (which gives literal operands their type). */
#ifndef PIPEC_LOOPS_RULES_H
#define PIPEC_LOOPS_RULES_H
#include "loops.h"

/* Operand patterns, one letter per operand:
 *  T  the type of the instruction      S  its scalar
 *  M  i1, scalar or with its lanes     =  the type of the other operand
 *  p  ptr   l  i64   w  i32   b  i1    v  a var   ?  see the operation
 * Classes of the instruction's type, any of:
 *  i  integer but i1   b  i1   f  float   p  ptr   -  void                      */
typedef struct LoopRule { const char *operands, *classes; } LoopRule;
extern const LoopRule loop_rule[LOOP_OPS];

/* The type that operand k must have, LT_VOID if the pattern does not say
 * (the other operand of `=` may be NO_VALUE yet). */
LoopType loop_operand_type(const LoopModule *, const LoopFunction *,
                           const LoopInstr *, int k);
bool loop_class_fits(LoopType, const char *classes);
/* Parameters of what CALL or CALL_AT calls; the pointer of CALL_AT excluded.
 * false: no such extern or function. */
bool loop_callee(const LoopModule *, const LoopInstr *, const char **name,
                 LoopType *result, int *nparams, const LoopType **types);
const char *loop_type_name(LoopType, char buffer[16]);

/* loops_support.c: what both back ends call for operations that no CPU or C
 * compiler has everywhere, in loop IR. Names begin with "pipec_". */
const LoopModule *loops_support(Arena *);
#endif
