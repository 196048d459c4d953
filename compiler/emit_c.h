/* The rooms of the C back end: emit_c.c (the file: how it is compiled, data,
 * functions), emit_c_code.c (statements), emit_c_scalar.c and emit_c_vector.c
 * (expressions), emit_c_helper.c (small functions that the text defines as it
 * needs them).
 *
 * Integers are unsigned in C, so that they wrap; signs are casts. Memory is
 * read and written by memcpy. Vectors are GNU vectors; one of i1 has signed
 * bytes of 0 and -1. */
#ifndef PIPEC_EMIT_C_H
#define PIPEC_EMIT_C_H
#include "loops_rules.h"

/* What is known about a value of the function being written. */
typedef struct CValue {
    const LoopInstr *by;        /* NULL: a parameter */
    int uses;                   /* a SET does not use its VAR */
    const LoopBlock *block, *used_in;
    const char *text;           /* the expression that stands for it */
    bool bound;                 /* text needs no parentheses */
} CValue;

typedef struct CWriter {
    Arena *arena;
    const LoopModule *loops, *module;   /* module: loops, or the support code */
    const EmitOptions *options;
    FILE *out;                  /* functions */
    FILE *helpers;
    LIST(const char *) known;   /* names of the helpers written */
    const char *prefix;         /* of names that are not exported */
    bool *support_used;         /* by number, of the support module's functions */
    const LoopModule *support;
    const LoopFunction *function;
    CValue *value;
    int depth;
} CWriter;

/* ---- emit_c.c ---- */
const char *c_function_name(CWriter *, const LoopModule *, int64_t number);
const char *c_datum_name(CWriter *, int64_t number);
void c_use_support(CWriter *, const char *name);

/* ---- emit_c_helper.c ---- */
/* The C type; writes the typedef of a vector when it is first used. */
const char *c_type(CWriter *, LoopType);
const char *c_signed_type(CWriter *, LoopType);     /* of an integer or a mask */
/* The name of a helper; its text is written when it is first used. */
const char *c_load(CWriter *, LoopType);
const char *c_store(CWriter *, LoopType);
const char *c_helper(CWriter *, LoopOp, LoopType from, LoopType to);

/* ---- expressions: *bound tells whether parentheses can be left out ---- */
const char *c_operand(CWriter *, Value);            /* bound */
const char *c_signed(CWriter *, Value);             /* as a signed integer, bound */
const char *c_expression(CWriter *, const LoopInstr *, bool *bound);
const char *c_vector_expression(CWriter *, const LoopInstr *, bool *bound);
const char *c_constant(CWriter *, LoopType, int64_t n, double x);

/* ---- emit_c_code.c ---- */
void c_function(CWriter *, const LoopModule *, const LoopFunction *);
LoopType c_type_of(const CWriter *, Value);
#endif
