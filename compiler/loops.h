/* The loop IR: small typed loop nests, the one thing both back ends read.
 *
 * A module has constant data, externs and functions. A function is a tree of
 * blocks of instructions; each instruction defines at most one value, numbered
 * from 0 in the function, visible to what follows it in its block and inside
 * nested blocks. Values are never redefined; what changes is a VAR. Control is
 * structured (FOR, WHILE, IF, BREAK, RETURN).
 *
 * Types are scalars, `ptr`, and vectors of scalars. Signs are in operations.
 * i1 is stored as one byte, 0 or 1. There is no undefined behaviour but what
 * loops.def states as the duty of the writer (divisor not 0, shift in width,
 * FPTOSI in range, addresses inside buffers).
 *
 * `buffer` on LOAD and STORE: accesses with different positive numbers (in
 * one function) never overlap; 0: may be anything. Emitters turn this
 * into alias scopes (LLVM) and restrict (C), since u8 aliases all in C.
 *
 * Text form: docs/loops.md. print_loops and parse_loops are inverse. */
#ifndef PIPEC_LOOPS_H
#define PIPEC_LOOPS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "../dsl/arena.h"

typedef enum {
    LT_VOID, LT_I1, LT_I8, LT_I16, LT_I32, LT_I64, LT_F32, LT_F64, LT_PTR
} LoopScalar;
typedef struct LoopType { LoopScalar scalar; int lanes; /* 1: no vector */ } LoopType;

typedef enum {
#define LOOP_OP(name) LOOP_##name,
#include "loops.def"
#undef LOOP_OP
    LOOP_OPS
} LoopOp;

typedef struct LoopInstr LoopInstr;
typedef struct LoopBlock { LIST(LoopInstr *) instrs; } LoopBlock;

typedef int Value;              /* number of a value; NO_VALUE: none */
#define NO_VALUE (-1)

struct LoopInstr {
    LoopOp op;
    LoopType type;              /* of the result (STORE: of what is stored) */
    Value result;               /* NO_VALUE: none */
    int nargs; Value *arg;
    int64_t imm;
    double real;
    int *mask;                  /* SHUFFLE: type.lanes entries; -1: any */
    int align;                  /* LOAD, STORE: bytes; 0: that of the scalar */
    int buffer;
    bool stream;                /* STORE: non-temporal hint */
    bool vectorize, novector;   /* FOR: hints; iterations are independent */
    int unroll;                 /* FOR: 0 none, else the count asked for */
    int nbodies; LoopBlock *body;
    const char *text;           /* a name or comment for people */
    int line;                   /* of the DSL, 0: none */
};

typedef struct LoopFunction {
    const char *name;
    LoopType result;
    int nparams; LoopType *param_types; const char **param_names;
    bool *param_noalias;        /* ptr parameters */
    LoopBlock body;
    int nvalues;
    LIST(LoopType) value_types; /* by number; parameters are 0..nparams-1 */
    bool exported;              /* seen from other modules; else internal */
    bool plain;                 /* not to be optimised, one CPU level */
    bool noinline_;
} LoopFunction;

/* A C function: a kernel's, or one of a support library. */
typedef struct LoopExtern {
    const char *name;
    LoopType result;
    int nparams; LoopType *param_types;
    const char *import_library; /* called through a pointer that the runtime fills
                                   (pl_import); NULL: linked */
    bool pure;                  /* reads and writes nothing of the caller's */
    int slot;                   /* import: the datum that holds the pointer */
    const bool *param_signed;   /* i8 and i16 parameters are widened with their sign
                                   (C's int8_t, int16_t); NULL: none is signed */
} LoopExtern;

/* Constant bytes, with addresses of functions or other data put in. */
typedef struct LoopReloc {
    int64_t at;
    int kind;                   /* 0 datum, 1 function */
    int target;                 /* its number */
    int cpu;                    /* function: which clone, index into EmitOptions.cpu;
                                   plain functions have one: 0 */
} LoopReloc;
typedef struct LoopDatum {
    const char *name;           /* NULL: private without a name */
    int64_t size; int align;
    const void *bytes;
    LIST(LoopReloc) relocs;
    bool writable;              /* import slots */
    bool exported;
    const char *weak;           /* exported: a second name, which several objects of
                                   one program may have; or NULL */
} LoopDatum;

typedef struct LoopModule {
    Arena *arena;
    const char *name;
    LIST(LoopFunction *) functions;
    LIST(LoopExtern *) externs;
    LIST(LoopDatum *) data;
    const char *dsl_file;       /* for debug lines, or NULL */
} LoopModule;

/* ---- loops_build.c: makes instructions; every emit_* appends to `into` ---- */
typedef struct LoopBuilder {
    LoopModule *module;
    LoopFunction *function;
    LoopBlock *into;
    int line;                   /* put on what is built */
    LIST(LoopBlock *) outer;    /* the builder's own: blocks around `into` */
} LoopBuilder;

/* (LoopBuilder){0} with the first three set will do as well. */
LoopBuilder loop_builder(LoopModule *, LoopFunction *);

LoopModule *loop_module(Arena *, const char *name);
LoopFunction *loop_function(LoopModule *, const char *name, LoopType result, int nparams,
                            const LoopType *types, const char *const *names);
int loop_extern(LoopModule *, const char *name, LoopType result, int nparams,
                const LoopType *types);             /* existing number if equal */
/* An extern of another library: makes the datum (8 writable bytes) into which the
 * runtime puts the address (pl_import.where); CALL goes through it. */
int loop_import(LoopModule *, const char *library, const char *name, LoopType result,
                int nparams, const LoopType *types);
int loop_datum(LoopModule *, const char *name, const void *bytes, int64_t size,
               int align);
void loop_reloc(LoopModule *, int datum, LoopReloc);

LoopType loop_type(LoopScalar);
LoopType loop_vector(LoopScalar, int lanes);
Value build_int(LoopBuilder *, LoopScalar, int64_t);
Value build_real(LoopBuilder *, LoopScalar, double);
Value build(LoopBuilder *, LoopOp, LoopType, int nargs, ...);    /* Value arguments */
Value build_array(LoopBuilder *, LoopOp, LoopType, int nargs, const Value *);
LoopInstr *built(LoopBuilder *);                        /* the last one, to set fields */
Value build_offset(LoopBuilder *, Value ptr, Value index, int64_t scale);
Value build_load(LoopBuilder *, LoopType, Value ptr, int buffer);
void build_store(LoopBuilder *, Value value, Value ptr, int buffer);
Value build_call(LoopBuilder *, int extern_number, int nargs, const Value *);
/* Calls a function of the module: CALL with imm = -1 - number. */
Value build_call_function(LoopBuilder *, int function_number, int nargs, const Value *);
Value build_var(LoopBuilder *, LoopScalar, Value start);
Value build_get(LoopBuilder *, Value var);
void build_set(LoopBuilder *, Value var, Value value);
/* Opens a block; build_end returns to the block around it. */
Value build_for(LoopBuilder *, Value from, Value to, int64_t step);   /* the index */
/* How often the loop that was begun last is unrolled; 1: never. */
void build_unroll(LoopBuilder *, int count);
void build_if(LoopBuilder *, Value condition);
void build_else(LoopBuilder *);
void build_while(LoopBuilder *);                    /* condition block */
void build_do(LoopBuilder *, Value condition);      /* then the body */
void build_break(LoopBuilder *);
void build_return(LoopBuilder *, Value);
void build_end(LoopBuilder *);
LoopType value_type(const LoopBuilder *, Value);
int loop_scalar_bytes(LoopScalar);                  /* i1: 1; ptr: 8; void: 0 */
int64_t loop_type_bytes(LoopType);
bool loop_type_equal(LoopType, LoopType);
bool loop_op_defines(const LoopInstr *);            /* it has a result */

/* ---- loops_print.c, loops_parse.c, loops_verify.c ---- */
void print_loops(FILE *, const LoopModule *);
/* NULL and a message "line N: …" in *error if the text is wrong. */
LoopModule *parse_loops(Arena *, const char *text, size_t size, const char **error);
/* bug() naming `after` if an invariant is broken. */
void verify_loops(const LoopModule *, const char *after);
extern const char *const loop_op_name[LOOP_OPS];

/* ---- back ends ---- */
typedef enum { CPU_ANY, CPU_NATIVE, CPU_V2, CPU_V3, CPU_V4 } Cpu;
typedef struct EmitOptions {
    int level;                  /* -O0..3 */
    int ncpus; Cpu cpu[4];      /* functions with !plain are cloned for each: NAME__v3 */
    bool debug;                 /* lines of the .dsl */
    const char *const *bitcode; /* files of kernels to link and inline */
    int nbitcode;
} EmitOptions;
typedef enum { EMIT_OBJ, EMIT_ASM, EMIT_LLVM_IR, EMIT_BC } EmitKind;
/* Both write to `path`; false and a message if they cannot. */
bool emit_llvm(const LoopModule *, const EmitOptions *, EmitKind, const char *path,
               Arena *, const char **error);
bool emit_c(const LoopModule *, const EmitOptions *, FILE *);
const char *cpu_name(Cpu);      /* "x86-64-v3" */
const char *cpu_suffix(Cpu);    /* "__v3" */
#endif
