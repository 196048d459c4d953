/* Inside of `check`: names, types, shapes, constants -> typed feature graph.
 *
 * Checking is elaboration: an expression is walked under a scope and becomes a
 * term. Calls are inlined on the way, so a body is checked with the types of
 * its call. Errors are reported once, with the trail of calls as notes.
 *
 * Regions. Every loop body, branch and field is a region with a list of
 * bindings; they become TERM_LETs when the region closes. A binding floats out
 * of loops whose indices it does not use (never out of a branch), so shapes may
 * speak of it outside. */
#ifndef PIPEC_CHECK_H
#define PIPEC_CHECK_H
#include "dim.h"
#include "term.h"
#include "term_build.h"

/* ---- literals: expressions of numbers that have no dtype yet ---- */
typedef enum { LIT_INT, LIT_FLOAT, LIT_NEG, LIT_BINARY, LIT_LIST } LitKind;
typedef struct Lit {
    LitKind kind;
    bool is_float;              /* a float somewhere inside */
    Loc loc;
    uint64_t integer;
    double real;
    Operator op;
    const struct Lit *a, *b;
    int n;
    const struct Lit **items;
} Lit;

typedef struct Scope Scope;
typedef struct Unit Unit;       /* a module with its names */
typedef struct Body Body;

/* A function as a value. */
typedef struct Closure {
    const Decl *decl; Unit *unit;       /* a fn or kernel by name, or … */
    const Expr *lambda; Scope *scope;   /* … a lambda with its names, or … */
    const char *builtin;                /* … a function of the language */
    const Body *body;                   /* where a lambda was written */
} Closure;

typedef enum { V_ERROR, V_TERM, V_LITERAL, V_FAIL, V_FUNCTION } ValKind;
typedef struct Val {
    ValKind kind;
    Loc loc;
    const Term *term;
    const Lit *lit;
    const char *reason;
    const Closure *closure;
} Val;

typedef enum { S_VALUE, S_DTYPE, S_DIMS } EntryKind;
typedef struct Entry {
    const char *name;
    Loc loc;
    EntryKind kind;
    Val val;
    pl_dtype dtype;
    int ndims; const Dim *const *dims;
} Entry;

struct Scope {
    Scope *outer;
    Unit *unit;
    LIST(Entry) entries;
    bool is_feature;            /* fields: a name may be defined only once */
};

typedef struct Import { const char *alias; Unit *unit; } Import;
struct Unit {
    const File *file;
    Module *module;
    LIST(Import) imports;
    Unit *const *core;          /* what is always there; NULL while it is loaded */
    bool is_core;
};

/* The body that is being inlined: for places and for sites of draws. */
struct Body {
    const Expr *root;
    const char *callee;
    const Place *caller;
    const char *path;           /* of sites; NULL: no draw may stand here */
    const char *no_draw;        /* why not */
    const Body *outer;
};

typedef enum { REGION_FIELD, REGION_LOOP, REGION_BRANCH } RegionKind;
typedef struct Region Region;
/* What a variable remembers of its region, which lives on the C stack. */
typedef struct RegionMark { Region *region; /* NULL: closed */ } RegionMark;
struct Region {
    RegionKind kind;
    Region *outer;
    RegionMark *mark;
    LIST(Bind) binds;
};

/* An enclosing loop, for the elements of draws and for proofs. */
typedef struct Nest { const Var *var; const Term *from, *to, *length; } Nest;

typedef struct VarInfo { Var *var; const RegionMark *mark; const Term *def; } VarInfo;

/* What the place of an expression wants. */
typedef struct Expect {
    int dtype;                  /* of scalars and elements; -1: anything */
    const Type *type;           /* declared; dims may be NULL; or NULL */
    bool result;                /* value of a function: `for` may take its ranges */
} Expect;
#define ANYTHING ((Expect){.dtype = -1})

typedef struct ParamState { bool fixed; const Term *value; Loc loc; } ParamState;

typedef struct Checker {
    Arena *arena;
    Diags *diags;
    DimTable *dims;
    Graph *graph;
    LIST(Unit *) units;
    Unit *core, *sources, *main;
    bool source_unknown;        /* there is none such, and it was reported */
    const Decl *feature;
    Define *defines; int ndefines;
    Reorder reorder;
    bool list_orders;
    const CostProfile *profile; /* or NULL */
    const struct Plan *plan;    /* that is pinned, or NULL */
    const Body *body;
    Region *region;
    LIST(Nest) nest;
    LIST(VarInfo) vars;
    LIST(Bind) consts;          /* constants that are no literals: made at open */
    LIST(const Decl *) const_decls;
    int depth;                  /* of expressions, those of inlined bodies too */
    int aliases;                /* of types, on the way */
    int calls;                  /* inlined so far */
    bool recursive;             /* a function or constant needs itself */
    bool at_open;               /* above `from` */
    bool below;                 /* below `batch` */
    bool reuses;                /* above a cache that says `reuse_random` */
    int level;
    bool *fixed;                /* by parameter: bound at compile time */
    Loc *fixed_why;
    bool silent;                /* a trial: report nothing */
    bool failed;                /* an error happened (also in a trial) */
    LIST(const Term *) sites;   /* all draws, one of each path */
} Checker;

/* ---- check.c: diagnostics, scopes, regions, variables ---- */
Diag *check_error(Checker *, DiagCode, Loc, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void check_note(Checker *, Diag *, Loc, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void check_help(Checker *, Diag *, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const Place *place_at(Checker *, Loc);
Val val_term(const Term *, Loc);
Val val_error(void);
Entry *scope_find(Scope *, const char *name);
Entry *scope_add(Checker *, Scope *, Name, EntryKind);
Scope *scope_new(Checker *, Scope *outer, Unit *);
Var *var_new(Checker *, VarKind, const char *name, const Type *, Loc);
const Term *var_definition(Checker *, const Var *);
/* Gives each unknown dim of the variable a symbol; a reference to it. */
const Term *var_complete(Checker *, Var *);
void region_open(Checker *, Region *, RegionKind);
const Term *region_close(Checker *, Region *, const Term *);
/* The region in which the variable is bound, NULL: none, or it is closed. */
Region *region_of(Checker *, const Var *);
void region_own(Checker *, const Var *);   /* the variable is of the current one */
/* Innermost open region of what the term refers to; NULL: none. */
Region *term_region(Checker *, const Term *);
/* A reference to the value, bound in the region unless it is trivial. */
const Term *bind_term(Checker *, const char *name, const Term *, Loc);
/* Binds the value if its type has dims that nobody knows yet. */
const Term *settle(Checker *, const char *name, const Term *, Loc);
/* Dims that speak of variables which are gone become unknown (NULL). */
const Type *type_outside(Checker *, const Type *);

/* ---- check_order.c: relaxed reordering ---- */
/* The expression of a field with the steps of its chain in the order that they are to
 * have; wrong @after are reported. */
const Expr *check_order(Checker *, Scope *, const char *field, const Expr *);

/* ---- check_cache.c ---- */
bool cache_reuses(const Stmt *);            /* a `cache` that says `reuse_random` */
/* Notes the places that @cache marks: of a step, whose value gets a name for it; of a
 * statement that was checked. */
Val cache_step(Checker *, const Expr *step, Val);
void cache_statement(Checker *, const Stmt *);
/* Makes it the feature's cache, if it may stand there. reuse: epochs, or 0. */
void check_cache(Checker *, const Stmt *, bool disk, int64_t limit, int64_t reuse);

/* ---- check_marks.c: notes ---- */
void check_marks(Checker *);

/* ---- check_names.c: units, imports, names everywhere ---- */
Unit *unit_load(Checker *, const char *path, const Unit *from, Loc);
Unit *unit_add(Checker *, Module *);
const Decl *unit_find(Unit *, const char *name, DeclKind, DeclKind, Unit **owner);
/* Loads what is always there, then looks at all names of all units. */
void check_all_names(Checker *);
const char *near_name(Checker *, Scope *, const char *word);
/* Helps with a name that is not defined: a near one, or the import that has it. */
void suggest_name(Checker *, Scope *, Diag *, const char *word);
bool dtype_by_name(const char *name, pl_dtype *);
bool is_dtype_variable(const char *name);
bool class_has(const char *class_name, pl_dtype, bool *known);
void check_attributes(Checker *, const AttributeList *);
int ordinal_of(Checker *, const Expr *call, const Expr *root);
const char *callee_text(Checker *, const Expr *call);

/* ---- check_expr.c ---- */
Val check_expr(Checker *, Scope *, const Expr *, Expect);
/* A term of some type; literals get the dtype expected, else int or f32. NULL
 * after an error. */
const Term *check_term(Checker *, Scope *, const Expr *, Expect);
const Term *as_term(Checker *, Val, Expect);
const Term *check_scalar_int(Checker *, Scope *, const Expr *, const char *what);
Val check_block(Checker *, Scope *, const Expr *, Expect);
/* [a, b, …][k]: only the chosen item is computed. */
Val check_switch(Checker *, Scope *, const Expr *list, const Term *k, Expect);
bool bind_names(Checker *, Scope *, const NameList *, Val, Loc);

/* ---- check_literal.c ---- */
Val literal_number(Checker *, const Expr *);
Val literal_binary(Checker *, Operator, Val a, Val b, Loc);
Val literal_negate(Checker *, Val, Loc);
Val literal_list(Checker *, int n, const Val *, Loc);
const Term *literal_term(Checker *, const Lit *, pl_dtype);
pl_dtype literal_dtype(const Lit *);

/* ---- check_types.c ---- */
bool dtype_meet(pl_dtype a, pl_dtype b, pl_dtype *out);   /* keeps every value */
bool dtype_keeps(pl_dtype from, pl_dtype to);
/* In what two operands compute; false: there is nothing (u64 with signed). */
bool dtype_compute(pl_dtype a, pl_dtype b, pl_dtype *out);
pl_dtype dtype_alone(pl_dtype);                           /* narrow: i32; f16: f32 */
const Type *resolve_type(Checker *, Scope *, const TypeExpr *);
/* Binds the variables of the signature to those of the actual type. */
bool unify(Checker *, Scope *, const TypeExpr *, const Type *, Loc, const char *what);
const Dim *dim_of_term(Checker *, const Term *);
const Term *dim_to_term(Checker *, const Dim *);
/* 1 equal, 0 different, -1 only known when run. */
int dims_compare(const Dim *, const Dim *);
const Term *read_dim(Checker *, const Term *tensor, int axis);
/* Makes a term fit a declared type: widens, tests dims. NULL after an error. */
const Term *make_tuple(Checker *, int n, const Term **items, Loc);
const Term *coerce(Checker *, const Term *, const Type *want, Loc, const char *what);
const Term *check_equal_dims(Checker *, const Term *value, const Dim *, const Dim *,
                             Loc, const char *about);
const Term *check_size(Checker *, const Term *value, const Dim *, Loc);
const Type *type_array(Checker *, const Dim *first, const Type *rest);

/* ---- check_loop.c: for, fold, scan, lifting, subscripts ---- */
typedef const Term *LiftFn(Checker *, int n, const Term **scalars, void *data);
const Term *lift(Checker *, int n, const Term **args, LiftFn *, void *data, Loc);
const Term *convert_elements(Checker *, const Term *, pl_dtype, Loc);
Val check_for(Checker *, Scope *, const Expr *, Expect);
Val check_fold(Checker *, Scope *, const Expr *, Expect);
void nest_push(Checker *, const Loop *, const Term *length);
Var *index_new(Checker *, const char *name, Loc);
const Term *make_for(Checker *, int n, const Loop *, const Dim *const *dims,
                     const Term *body, Loc);

/* ---- check_index.c ---- */
Val check_index(Checker *, Scope *, const Expr *, Expect);
/* A name for a tensor that is not read through an item of a tuple. */
const Term *tensor_name(Checker *, const Term *, Loc);

/* ---- check_prove.c ---- */
/* By the form of the term alone. */
bool plainly_nonnegative(Checker *, const Term *);
/* A term that is not negative, nor any part of it, is below 2 to that power. */
int most_bits(Checker *, const Term *);
bool prove_nonnegative(Checker *, const Term *);
bool prove_below(Checker *, const Term *, const Dim *);

/* ---- check_call.c ---- */
/* What is called with what, after names have been matched. `path`: that of the
 * callee's draws, NULL where none may be. */
typedef struct Actuals { int n; Val *val; Loc loc; const char *path; } Actuals;
Val check_call(Checker *, Scope *, const Expr *, Expect);
Val apply_closure(Checker *, const Closure *, Actuals *, Expect);
/* Calls fn `name` of the library on one scalar. */
const Term *apply_core(Checker *, const char *name, const Term *, Loc);

/* ---- check_builtin.c ---- */
typedef struct Builtin Builtin;
const Builtin *builtin_find(const char *name);
/* "x, lo, hi" */
const char *builtin_params(const Builtin *);
Val call_builtin(Checker *, const char *name, Actuals *, Expect);
/* Names of all, NULL at the end. */
const char *const *builtin_names(void);
const Term *scalar_binary(Checker *, Operator, const Term *, const Term *, Loc);
/* The values of calls, literals with the dtype of their neighbours. */
bool actual_terms(Checker *, Actuals *, const Term **, pl_dtype literal);

/* ---- check_draw.c ---- */
bool is_draw(const char *name);
Val check_draw(Checker *, const char *name, Actuals *, Expect);

/* ---- check_kernel.c ---- */
/* Where a dimension of that name stands in the results; false: nowhere. */
bool kernel_dim(const Decl *, int nresults, const char *name, int *result, int *axis);
const Kernel *kernel_of(Checker *, const Decl *, Unit *);
Val call_kernel(Checker *, const Kernel *, Scope *signature, const Term **args, Loc);

/* ---- check_feature.c ---- */
void check_feature(Checker *);
const Var *batched_of(Checker *, const Var *field);
#endif
