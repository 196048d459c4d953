/* Inside of the interpreter: docs/language.md sections 3, 4, 9 and 10 made
 * literal. Terms are first resolved to Codes: names become places in frames,
 * and what does not depend on an index stands outside of its loop. Then values
 * are computed when they are read: a tensor is an object that computes its
 * dimensions and elements one by one and keeps them; a failed one is a value.
 *
 * Scopes are numbered by depth: 0 what is made at open, 1 + k a record of level
 * k (or a batch), deeper: loops. A Frame holds the values of a scope: of one
 * record, of one round of a loop. Everything that is made while a frame is
 * current lives in the memory of the frame it depends on, and goes with it. */
#ifndef PIPEC_EVAL_ROOM_H
#define PIPEC_EVAL_ROOM_H
#include <stddef.h>
#include "dim.h"
#include "eval.h"
#include "scalar.h"
#include "term_build.h"

typedef struct Code Code;
typedef struct Frame Frame;
typedef struct Root Root;
typedef struct Tensor Tensor;
typedef struct Tuple Tuple;
typedef struct Ragged Ragged;

/* ---- eval_memory.c: memory that goes at once, and maps ---- */
typedef struct Chunk Chunk;
typedef struct Pool { Chunk *free; } Pool;
typedef struct Region {
    Pool *pool;
    Chunk *chunk;               /* the newest first */
    struct Region *children, *next;
} Region;
/* Zeroed, 64-byte aligned, 64 bytes more can be read behind it. */
void *region_take(Region *, size_t bytes);
#define region_new_of(region, T) ((T *)region_take((region), sizeof(T)))
/* The child is emptied whenever the owner is. */
void region_child(Region *owner, Region *child);
void region_empty(Region *);
void pool_free(Pool *);

typedef struct MapSlot { const void *key; int depth; uint64_t value; } MapSlot;
typedef struct Map { Arena *arena; MapSlot *at; int room, n; } Map;
/* The value of (key, depth), 0 at first; *fresh: it was not there. */
uint64_t *map_find(Map *, const void *key, int depth, bool *fresh);

/* ---- values ---- */
/* Why a value cannot be had. Lives with the record. */
typedef struct Failure {
    const Code *code;           /* the place; NULL: a limit of memory */
    int64_t a, b;               /* the numbers of the reason */
    const char *text;           /* a kernel's reason, or NULL */
} Failure;

typedef struct Scalar { Number v; const Failure *fail; } Scalar;
typedef union Value {
    Scalar s;                   /* rank 0; opaque */
    Tensor *t;
    Tuple *tuple;
    Ragged *ragged;
} Value;

typedef struct Slot { Value value; bool known; } Slot;

/* ---- frames ---- */
typedef struct Scope { int depth, nset, nslots; } Scope;

/* Slots below scope->nset are set from outside, the others are computed once. */
struct Frame {
    const Scope *scope;
    Frame *parent;
    Root *root;
    Region memory;
    Slot slot[];
};

/* A record, a child of one, a batch, or what is made at open. */
struct Root {
    Eval *eval;
    Frame *frame;
    Region memory;              /* failures, what kernels take */
    uint64_t key, reused_key, id;   /* of its draws */
    int64_t row;                /* of `each` */
    struct KernelCall *call;    /* while kernels have been called */
    const Failure *last;        /* that was made */
};

Frame *frame_new(Region *, const Scope *, Frame *parent, Root *);
/* Forgets what was computed. */
void frame_reset(Frame *);
Root *root_new(Eval *, const Scope *, Frame *parent);
void root_free(Root *);
static inline Frame *frame_up(Frame *frame, int hops) {
    while (hops--) frame = frame->parent;
    return frame;
}

/* ---- codes ---- */
typedef enum {
    CODE_CONST, CODE_SLOT, CODE_TENSOR,
    CODE_MEMO,                  /* computed once in the frame `hops` up */
    CODE_ROW,                   /* a row of what `each` walks: arg[0], one level up */
    CODE_TERM
} CodeKind;

struct Code {
    CodeKind kind;
    const Term *term;
    const Type *type;
    const Place *at;            /* the innermost known */
    const char *reason;         /* of a failure here: a format of two numbers; NULL:
                                   a kernel's own, or it cannot fail here */
    int site;                   /* in Eval.sites, -1: none */
    const char *field;          /* where it stands, if it is in no call */
    int hops, slot;             /* SLOT, MEMO */
    int item;                   /* ROW: of a tuple, or -1 */
    const Code *inner;          /* MEMO */
    Number number;
    Tensor *tensor;
    int nargs;
    const Code **arg, **given, **inits, *otherwise;
    const Code **from, **to;    /* loops: FOR: bound k stands in the scope of loop k - 1;
                                   `where`, FOLD, SCAN: see nest_walk */
    Scope **scope;              /* FOR: of each loop; FOLD, SCAN: one for all, with
                                   indices, states and new states set */
    const Code ***dim;          /* FOR: for each item, for each axis below the loops,
                                   what the type tells, or NULL */
};

/* ---- tuples: items are made when they are read ---- */
struct Tuple {
    const Type *type;
    const Failure *fail;
    Region *region;
    Value (*make)(Tuple *, int item);
    const Code *code;
    Frame *frame;
    void *run;                  /* what the items share */
    Slot item[];
};
Tuple *tuple_new(Region *, const Type *, Value (*make)(Tuple *, int));
Value tuple_item(Tuple *, int);

/* ---- tensors ---- */
typedef struct TensorOps {
    Scalar (*dim)(Tensor *, int axis);              /* one the type does not tell */
    const Failure *(*whole)(Tensor *);              /* or NULL; all dims are good */
    Scalar (*at)(Tensor *, const int64_t *subs);    /* the whole is good, subs in range */
    const Failure *(*first)(Tensor *);              /* before the dims; or NULL */
} TensorOps;

struct Tensor {
    const TensorOps *ops;
    const Type *type;
    const Code *code;
    Frame *frame;               /* where it was made */
    Region *region;             /* where it keeps what it computed */
    bool whole_known;
    unsigned dims_known;        /* by axis */
    const Failure *fail;        /* of the whole */
    Scalar dim[PK_MAX_RANK];
    int64_t count;
    char *data;                 /* dense; NULL: nothing is there yet */
    uint8_t *state;             /* by element; NULL: all are in data */
    const Failure **fails;
    int64_t good;               /* all there: elements from here on have failed … */
    const Failure *rest;        /* … for this */
    int item;                   /* of the tuple that its code makes, or -1 */
    void *run;
};

void *tensor_make(Region *, const TensorOps *, const Type *, size_t size);
Tensor *tensor_of(Region *, const TensorOps *, const Code *, Frame *, size_t size);
/* In memory, all elements good; `dims`: rank of them. */
Tensor *tensor_dense(Region *, const Type *, const int64_t *dims, const void *data);
Scalar tensor_dim(Tensor *, int axis);
/* The failure of all elements, or NULL; then dims and count are known. */
const Failure *tensor_whole(Tensor *);
Scalar tensor_at(Tensor *, const int64_t *subs);
Scalar tensor_element(Tensor *, int64_t position);
/* Reads everything: the first failure; or NULL, and data is complete. */
const Failure *tensor_all(Tensor *);
/* A copy in memory that computes nothing any more; dims and elements may fail. */
Tensor *tensor_copy(Tensor *, Region *);
const Failure *value_all(Value, const Type *);
Value value_copy(Value, const Type *, Region *);
Value value_failed(Region *, const Type *, const Failure *);

static inline Scalar scalar_of(Number n) { return (Scalar){n, NULL}; }
static inline Scalar scalar_int(int64_t i) { return (Scalar){{.i = i}, NULL}; }
static inline Scalar scalar_bad(const Failure *f) { return (Scalar){{.i = 0}, f}; }

/* The record needs more memory than a record may have. */
extern const Failure eval_no_memory;

/* ---- eval_value.c ---- */
Scalar eval_scalar(const Code *, Frame *);
Value eval_value(const Code *, Frame *);
Tensor *eval_tensor(const Code *, Frame *);
const Failure *fail_at(const Code *, Frame *, int64_t a, int64_t b);
const Failure *fail_text(const Code *, Frame *, const char *text);

/* ---- eval_loop.c, eval_fold.c ---- */
Value eval_for(const Code *, Frame *);
Value eval_fold(const Code *, Frame *);
Value eval_scan(const Code *, Frame *);
/* Walks loops whose bounds may depend on each other: rounds in order, until a
 * visit returns false or a bound fails. */
typedef struct Nest Nest;
struct Nest {
    const Code *code;
    Frame *frame;
    bool shared;                /* one frame for all loops (FOLD, SCAN) */
    Frame *chain[PK_MAX_RANK];
    int64_t index[PK_MAX_RANK];
    bool (*visit)(Nest *, void *);
    void *data;
    const Failure *fail;
};
void nest_walk(Nest *);
void frame_set_index(Frame *, int slot, int64_t);

/* ---- eval_reduce.c ---- */
Scalar eval_reduce(const Code *, Frame *);
Value eval_scatter(const Code *, Frame *);
Value eval_perm(const Code *, Frame *);
Scalar eval_draw(const Code *, Frame *);

/* ---- eval_kernel.c ---- */
Value eval_kernel(const Code *, Frame *);
void kernel_calls_end(Root *);
/* Finds the functions of all kernels that are used; false: said in *why. */
bool kernels_load(Eval *, const char **why);

/* ---- eval_below.c: what code below `batch` gets ---- */
struct Ragged { const Type *type; int64_t n; const pk_tensor *row; };
Value eval_lengths(const Code *, Frame *);
Value eval_padded(const Code *, Frame *);

/* ---- eval_resolve.c ---- */
/* Where a name is kept: a slot that is set, or a code that computes it. `placed`:
 * the depth is known; `bound`: the rest too. */
typedef struct VarHome {
    int depth, slot;
    const Code *inner;
    bool bound, placed;
} VarHome;

typedef struct EvalNode {
    const Node *node;
    const Code *code;           /* of the node's term, in the scope of its level */
} EvalNode;

/* ---- eval_live.c ---- */
typedef struct Live {
    bool *var;                  /* by variable */
    LIST(const Var *) inputs;   /* source fields */
    LIST(const Var *) fields;   /* VAR_BATCHED that leave the record */
    LIST(const Var *) below;    /* VAR_BELOW that are emitted */
} Live;
void eval_find_live(Eval *, Live *);

struct Eval {
    Arena *arena;
    const Graph *graph;
    const EvalOptions *options;
    DimTable *dims;
    Pool pool;
    Region constants;
    Map placed, codes;
    VarHome *home; int nhome;
    Scope *stack[256];
    int depth;                  /* of the scope that is being resolved */
    int root_depth;             /* of its record, batch or open */
    const Place *at;
    LIST(const Code *) sites;
    Scope *open_scope, *record_scope[PL_MAX_LEVELS], *below_scope;
    LIST(const Code *) opens, source_args, below;
    const Code *count[COUNTS];
    LIST(EvalNode) nodes;
    struct KernelSymbols *symbols;
    Live live;
    bool sample;                /* one record is shown; nothing leaves it */
    int64_t max_bytes, max_pixels;
    int status;                 /* of what is shown */
    FILE *out;
    const char *field;          /* being resolved */
};

/* ---- eval_place.c ---- */
/* The scopes, by depth, whose names the term reads when it stands at `depth`. */
uint64_t eval_place(Eval *, const Term *, int depth);
/* The deepest scope of the mask that is not below `depth`. */
int eval_deepest(uint64_t mask, int depth);
void eval_home_set(Eval *, const Var *, VarHome);
/* Whether the type tells the dimension in names that stand at this depth. */
bool eval_dim_known(Eval *, const Type *, int axis, int depth, bool resolving);
/* Dimensions of all results of a kernel. */
int eval_given_count(const Kernel *);

void eval_resolve(Eval *);
/* The code of a name, for its own scope. */
const Code *eval_code_of(const Eval *, const Var *);
/* A dimension that the type knows. */
bool type_dim(const Type *, int axis, int64_t *);
/* Of a failure of this term; NULL: it does not fail by itself. */
const char *failure_reason(Arena *, const Term *);

/* ---- eval_feature.c, eval_table.c: as a feature that pipert runs ---- */
void eval_code(const Eval *, pl_code *);
const pl_feature *eval_table(Eval *);
/* The value of a name of the frame's own scope. */
Value eval_var(const Eval *, const Var *, Frame *);
const Failure *eval_each_rows(const EvalNode *, Frame *, int64_t *rows);

/* ---- eval_show.c, eval_file.c: one record, for people ---- */
void eval_show(Eval *, Root *);
/* Writes folder/name.npy, and name.png of an image; false and errno. */
bool write_value_files(const char *folder, const char *name, const Type *, Value);
#endif
