/* The typed tree ("terms") and the feature graph: what `check` makes, what
 * the interpreter walks, and what lowering reads.
 *
 * All calls of `fn`s are inlined, all generics resolved, all lifting made
 * explicit, all draws reduced to raw random words. Every term has a type with
 * a dtype and a rank; shapes are values: they come from the bounds of loops
 * (or from kernels and constants) and are read with TERM_DIM.
 *
 * Demand: an element of a tensor is a value or a failure, and only what is
 * read counts (docs/language.md section 10). Terms are pure, so an executor may
 * evaluate lazily or eagerly as long as it keeps failures by element.
 *
 * Terms are immutable and may be shared (a DAG): rewriting passes build new
 * ones. Every Var is bound once in the whole graph. */
#ifndef PIPEC_TERM_H
#define PIPEC_TERM_H
#include <stdbool.h>
#include <stdint.h>
#include "../dsl/arena.h"
#include "../dsl/ast.h"
#include "../dsl/diag.h"
#include "../runtime/plan.h"    /* pl_dtype */

typedef struct Term Term;
typedef struct Var Var;
typedef struct Dim Dim;         /* a hash-consed polynomial: dim.h */
typedef struct Kernel Kernel;
typedef struct CostProfile CostProfile;     /* cost_profile.h */
typedef struct Pins Pins;                   /* plan_pins.h */

/* ---- types ---- */
typedef enum {
    TY_TENSOR,      /* dtype, rank, dims; rank 0 is a scalar */
    TY_TUPLE,
    TY_OPAQUE,      /* made and eaten by kernels alone */
    TY_RAGGED,      /* below batch: a record field without constant shape;
                       dtype, rank, dims are those of one record */
    TY_FUNCTION     /* during checking only */
} TypeKind;

typedef enum { TEXT_NONE, TEXT_STRING, TEXT_PATH } TextKind;

typedef struct Type {
    TypeKind kind;
    pl_dtype dtype;
    int rank;
    const Dim *const *dims;     /* rank of them; dim_constant() tells known ones */
    TextKind text;              /* u8, rank 1: known to be UTF-8, a file's name */
    int n;                      /* TY_TUPLE */
    const struct Type **items;
    const char **names;         /* TY_TUPLE: of the items, or NULL */
    const char *opaque;         /* TY_OPAQUE: the name */
} Type;

/* ---- places: where in the text, and through which calls ---- */
typedef struct Place {
    Loc loc;
    const char *callee;         /* the function whose body holds loc; NULL: the feature */
    const struct Place *caller; /* where that function was called */
} Place;

/* ---- variables ---- */
typedef enum {
    VAR_LET,        /* TERM_LET: any type */
    VAR_INDEX,      /* a loop's index: i64 */
    VAR_STATE,      /* a fold's state */
    VAR_PARAM,      /* a parameter bound at open */
    VAR_OPEN,       /* a definition above `from` */
    VAR_SOURCE,     /* a field of the source, `index` too */
    VAR_FIELD,      /* a field of a record; of `each`: one row of it */
    VAR_BATCHED,    /* a record field seen from below batch: T[b, s] or TY_RAGGED */
    VAR_BELOW,      /* a field defined below batch, `valid` */
} VarKind;

struct Var {
    VarKind kind;
    const char *name;           /* for people; not unique */
    int id;                     /* unique in the graph, dense from 0 */
    const Type *type;
    Loc loc;
    int level;                  /* how many `each` stand above; params, opens: -1;
                                   batched, below: -2 */
    const Var *of;              /* VAR_BATCHED: the record's field */
    bool table;                 /* made by a pass: small, and read in any order */
    bool parts;                 /* VAR_SOURCE: its source can read parts of it (`region`) */
    int slot;                   /* VAR_PARAM, VAR_SOURCE: number of the parameter
                                   or of the source's field */
};

/* ---- terms ---- */
typedef enum {
#define OP(name, arity, classes) OP_##name,
#include "ops.def"
#undef OP
    OP_COUNT
} Op;
extern const char *const op_name[OP_COUNT];
extern const int op_arity[OP_COUNT];

typedef enum { RED_SUM, RED_PRODUCT, RED_MEAN, RED_MIN, RED_MAX,
               RED_ANY, RED_ALL, RED_COUNT, RED_ARGMIN, RED_ARGMAX } Reduction;
typedef enum { SCATTER_ADD, SCATTER_MIN, SCATTER_MAX, SCATTER_SET } Scatter;
typedef enum {
    CHECK_EQUAL,        /* a == b: two dimensions that must agree */
    CHECK_SIZE,         /* a >= 0: a dimension (b unused, NULL) */
    CHECK_SLICE,        /* a..b lies in a dimension c: see below */
    CHECK_SUBSCRIPT,    /* 0 <= a < b */
} Check;

typedef enum {
    TERM_CONST,     /* scalar: bits (bool, integers as int64/uint64 bits; floats:
                       the double in `real`, exact in the dtype) */
    TERM_DATA,      /* constant tensor: `data`, dense, host order; all dims constant */
    TERM_REF,       /* var */
    TERM_LET,       /* var = arg[0] in arg[1]; lazy: counts only where read */
    TERM_OP,        /* op over scalars arg[0..]; type gives the result's dtype */
    TERM_IF,        /* if arg[0] (bool scalar) then arg[1] else arg[2]; any type;
                       a failed condition fails the value. Branches may differ in
                       shape, not in rank or dtype */
    TERM_FOR,       /* loop[0..nloops), body arg[0]: scalar, tensor or tuple of
                       these; no `where`: result dims are the trip counts, then the
                       body's dims (equal for all iterations, independent of the
                       indices). `where` arg[1] (may be NULL): kept elements in
                       row-major order, one dim for all loops, then the body's. A
                       tuple body gives a tuple of tensors. */
    TERM_FOLD,      /* states[0..nstates) start as inits; loops; where arg[1],
                       until arg[2] (may be NULL), body arg[0] (a tuple if nstates
                       > 1). Value: last state (tuple if nstates > 1). `until`
                       sees the new states, in vars `news` */
    TERM_SCAN,      /* all states after each visited iteration: T[n, s] (tuple) */
    TERM_REDUCE,    /* reduction over all elements of tensor arg[0], row-major */
    TERM_SCATTER,   /* start arg[0] (rank 1), places arg[1] (i64, any rank), values
                       arg[2] (dims of places, or scalar) */
    TERM_INDEX,     /* tensor arg[0] (a REF or DATA) at scalars arg[1..rank]; `otherwise` (may be
                       NULL) is the value outside. Result scalar */
    TERM_DIM,       /* dimension `axis` of tensor arg[0] (REF, or GET of a REF): i64 */
    TERM_TUPLE,     /* arg[0..nargs) */
    TERM_GET,       /* item `axis` of tuple arg[0] */
    TERM_ARRAY,     /* [arg...]: scalars, or tensors of equal dims; adds dim 0 */
    TERM_KERNEL,    /* kernel(arg...): its result, tuple if several */
    TERM_DRAW,      /* raw word of `width` bits (u32 or u64) of site `site`, element
                       arg[0] (i64): Philox, section 9 */
    TERM_PERM,      /* permutation(arg[0]) of site `site`, outer element arg[1]:
                       int[n]; draw i uses element arg[1] * n + i */
    TERM_FAIL,      /* fails with `text`; any type */
    TERM_CHECK,     /* arg[0] if `check` holds of arg[1], arg[2], arg[3]; else the
                       whole value is failed */
    TERM_LENGTHS,   /* below batch: first dims of ragged arg[0]: int[b] */
    TERM_PADDED,    /* ragged arg[0], fill arg[1], multiple arg[2]: T[b, L...] */
    TERM_PADDED_TO, /* ragged arg[0] (rank 1), fill arg[1], n arg[2]: T[b, n] */
} TermKind;

/* One index of TERM_FOR, TERM_FOLD, TERM_SCAN: from <= var < to. Without
 * `where` (TERM_FOR) no bound depends on an index of the same term. */
typedef struct Loop { const Var *var; const Term *from, *to; } Loop;

struct Term {
    TermKind kind;
    const Type *type;
    const Place *at;
    int nargs;
    const Term **arg;
    const Var *var;             /* REF, LET */
    Op op;
    Reduction reduction;
    Scatter scatter;
    Check check;
    int axis, width;
    uint32_t site;
    const char *site_path;      /* DRAW, PERM: what was hashed, for people */
    bool reused;                /* DRAW, PERM: the chance of an epoch serves several
                                   (Graph.reuse_random) */
    uint64_t bits;              /* CONST */
    double real;                /* CONST of a float dtype */
    const void *data;           /* DATA */
    const char *text;           /* FAIL: the reason; CHECK: what it is about */
    int nloops;
    const Loop *loop;
    int nstates;
    const Var **states, **news; /* FOLD, SCAN */
    const Term **inits;
    const Term *otherwise;      /* INDEX */
    const Term *stop;           /* FOR with `where`, KERNEL: nobody reads more than so many
                                   of the first; it ends there. NULL: all are made */
    unsigned proved;            /* INDEX: bit k: subscript k needs no test; IF: not 0: what
                                   arg[1] takes for proved holds by the condition alone;
                                   CHECK: not 0: it is one of elements that left a loop,
                                   dims do not need it */
    const Kernel *kernel;
    const Term **given;         /* KERNEL: for each result, for each axis: the dim's
                                   value, or NULL: only the kernel (or its peek) knows */
};
/* CHECK_SLICE: a = from, b = to, c = the dimension: holds if 0 <= a and b <= c,
 * or if b <= a (empty). The slice's length is max(b - a, 0). */

/* ---- kernels ---- */
struct Kernel {
    const char *name;
    const Decl *decl;
    const char *source;         /* path as found (a C source or bitcode), or NULL */
    const char *library;        /* base name of a shared library, or NULL */
    const char *library_path;   /* where it was found at compile time, or NULL */
    bool is_std;
    bool used;                  /* called by the feature; others are only declared */
    const char *needs;          /* pkg-config name, or NULL */
    bool rows, at_open, one_at_a_time;
    int nparams; const Type **params;   /* as declared; dims only for rank */
    int nresults; const Type **results;
    int npeek;                  /* which dims peek tells, in its order: */
    struct { int result, axis; } peek[8];
    bool region[8];             /* which dims of result 0 can be windowed */
    bool stops;                 /* it can make the first rows alone, and tells their number */
    const char *layout;         /* names, comma-separated, or NULL */
};
/* ---- the feature graph: closed set of kinds ---- */
typedef enum { NODE_FIELD, NODE_WHERE, NODE_EACH } NodeKind;

typedef struct Node {
    NodeKind kind;
    Loc loc;
    int level;                  /* of the record it works on; EACH opens level + 1 */
    int nvars; const Var **vars;/* FIELD: one (of tuple type if the text names
                                   several; these are fields that take it apart);
                                   EACH: the row's fields, level + 1 */
    const Term *term;           /* WHERE: bool; EACH: tensor, or tuple of tensors */
    const AttributeList *attributes;
    const Expr *expr;           /* as it is written; NULL: an item of a tuple */
} Node;

/* expr: below batch, as it is written; or NULL. */
typedef struct Bind { const Var *var; const Term *term; const Expr *expr; } Bind;

typedef struct GraphParam {
    const char *name; const Type *type; Loc loc;
    bool at_compile;            /* fixed; `value` is what it was fixed to */
    const Term *value;          /* default or fixed value (a constant); NULL: none */
    const Var *var;             /* bound at open */
} GraphParam;

/* Sources are declared in a table: source.def. */
typedef struct SourceField { const char *name; const Type *type; } SourceField;

typedef enum { LAST_DROP, LAST_PARTIAL, LAST_PAD, LAST_WRAP } Last;

/* Of the order of records, in the order of pl_feature. */
typedef enum { COUNT_SAMPLE, COUNT_SKIP, COUNT_TAKE, COUNT_STEPS, COUNTS } StreamCount;

typedef struct Output {
    const char *name; Loc loc;
    const Term *term;           /* REF of a VAR_BATCHED or VAR_BELOW, nothing else */
} Output;

/* A chain whose steps may have other orders than that of the text. An order is a text:
 * names of steps. */
enum { ORDERS_LISTED = 10000 };
typedef struct ChainOrders {
    const char *field; int steps;
    const char *written, *chosen;
    double cost_written, cost_chosen;
    LIST(const char *) orders;  /* if asked for: the legal ones, the written one first */
    bool more;                  /* than are listed */
} ChainOrders;

/* Elements that go into a step, bytes that go in and come out; unknown dims are guessed. */
typedef struct StepSize { double elements, bytes; } StepSize;

/* A step of a chain: a call that something is piped into. NULL: not known. */
typedef struct StepNote {
    const Expr *call;           /* as it is written */
    const Type *in, *out;
    StepSize size;              /* 0: not asked */
} StepNote;
typedef LIST(StepNote) StepNotes;

/* A field that is a chain of two steps or more, as it is made. */
typedef struct ChainSteps {
    const char *field, *steps;
    int line;
    bool moved;
    double ns_more;             /* than as it is written, of a record; 0 without a profile */
    StepNotes before, after;    /* if moved: as they are written, as they are made */
} ChainSteps;

/* `cache(…)`: values that stand above it are kept from one epoch to the next. */
typedef struct CachePoint {
    Loc loc;
    const struct Graph *graph;  /* with the same values, that is cut there: between nodes */
    int above;                  /* nodes of it before the cut */
    bool disk;
    int64_t limit;              /* bytes; 0: what the machine has room for */
    const char *name;           /* of the step or field it stands behind, for people */
    double made_ns, out_ns;     /* for a record: to make what is kept, to read it; 0: not
                                   measured */
    double bytes;               /* of a record; 0: not known */
} CachePoint;

/* `@cache`: a place where values may be kept, if that is worth it. */
typedef struct CachePlace {
    Loc loc;
    const char *name;           /* of the step or the field, for people */
    int above;                  /* nodes before it */
    const Var *within;          /* LET of the node `above`: behind it; NULL: before the node */
    bool statement;             /* `cache(…)`, which is no choice */
    int kind;                   /* 0 any, else 'r' or 'd': ram, disk */
    int64_t limit;              /* bytes, 0: not said */
    double made_ns, bytes;      /* for a record: to make it; kept of it */
    double out_ns;              /* to read what is kept */
    double gain_ns;             /* for a record and epoch, if it is kept */
    const char *why_not;        /* NULL: it may be chosen */
} CachePlace;

typedef struct Graph {
    Arena *arena;
    const char *name;
    const File *file;
    LIST(GraphParam) params;
    LIST(Bind) opens;           /* in order; level -1 */
    const char *source;         /* "files" */
    const Type *columns;        /* manifest(columns = Row): a named tuple, or NULL */
    const char *read_column;    /* manifest(read = NAME), or NULL */
    int nsource_args;           /* in the order of the source's declaration; a NULL
                                   term: not given and without default */
    const char **source_arg_names; const Term **source_args; /* open time */
    LIST(const Var *) source_fields;    /* all it has; slot = position */
    Loc source_loc;
    bool shuffle;
    const Term *count[COUNTS];/* open-time i64 or NULL */
    LIST(Node) nodes;
    const CachePoint *cache;    /* or NULL */
    LIST(CachePlace) cache_places;  /* where it might be, in the order of the text */
    int64_t reuse_random;       /* draws above the cache are those of epoch e - e % this;
                                   0: of every epoch its own */
    int levels;                 /* 1 + number of EACH */
    int64_t batch;
    Last last;
    int64_t lanes;
    const Var *valid;           /* VAR_BELOW i64 scalar, or NULL if unused */
    const Var *rows;            /* VAR_BELOW i64 scalar: records in this batch */
    LIST(Bind) below;           /* fields below batch, in order */
    LIST(const Var *) batched;  /* all VAR_BATCHED */
    LIST(Output) outputs;
    LIST(const Kernel *) kernels;
    LIST(const File *) files;   /* main file first, then imports */
    const CostProfile *profile; /* or NULL */
    const Pins *pins;           /* of a plan, or NULL */
    LIST(ChainSteps) chains;    /* all */
    StepNotes steps;            /* those that the feature's own text has, as made */
    LIST(const ChainOrders *) orders;   /* of what --reorder=relaxed or @relaxed frees */
    int nvars;
    uint64_t hash;              /* of the canonical typed record program */
} Graph;

/* XXH3 of all that the records depend on but the parameters bound at open. */
uint64_t graph_hash(const Graph *);
/* Of what its records have for `batched`, whatever source and order they come in. */
uint64_t graph_record_hash(const Graph *);
/* " NAME:HASH" for each statement, which reads others by their names: what has changed
 * between two versions of a feature. */
const char *graph_parts(Arena *, const Graph *);

/* ---- check ---- */
typedef struct Define { const char *name, *text; bool used; } Define;

/* off: nothing moves, not even what is @relaxed; exact: where no value changes. */
typedef enum { REORDER_OFF, REORDER_EXACT, REORDER_RELAXED } Reorder;

typedef struct CheckOptions {
    Define *defines; int ndefines;
    Reorder reorder;
    bool list_orders;           /* those that REORDER_RELAXED has, in Graph.orders */
    const char *profile;        /* a file of `pipert profile`, or NULL */
    const struct Plan *plan;    /* that is pinned, or NULL */
} CheckOptions;

/* Checks the feature of a module and builds its graph; NULL if there are errors
 * (all in diags) or if the file has no feature (`library` is then set). */
Graph *check_module(Arena *, Diags *, Module *, const CheckOptions *, bool *library);

/* ---- term.c: small helpers every stage uses ---- */
const Type *type_scalar(pl_dtype);
const Type *type_tensor(Arena *, pl_dtype, int rank, const Dim *const *dims);
const char *type_text(Arena *, const Type *);
const char *dtype_name(pl_dtype);
int dtype_size(pl_dtype);           /* bytes */
bool dtype_is_float(pl_dtype);
bool dtype_is_integer(pl_dtype);    /* not bool */
bool dtype_is_signed(pl_dtype);
/* Line in the feature's own file that led here, and the callee to name. */
int place_line(const Place *, const File *main, const char **operator_name);
void print_term(FILE *, const Term *);
void print_graph(FILE *, const Graph *);
/* Invariants of the graph; bug() naming `after` if one is broken. */
void verify_graph(const Graph *, const char *after);
#endif
