/* Inside of lowering. One walker over terms serves both plans:
 *
 *   plain  every bound tensor whole in record memory; failures are carried: a
 *          scalar is a value and a handle (i32, 0: good), a tensor may have an
 *          array of handles beside its elements;
 *   fused  no failures are carried: a failing test leaves with PL_SUSPECT, and
 *          the record runs again in the plain plan; cheap tensors are not made
 *          but put into their readers.
 *
 * Names are bound to thunks (terms not yet computed) and are forced where they
 * are read; what was computed in a block is forgotten when the block ends, so
 * forcing is always safe and its place a matter of cost alone. */
#ifndef PIPEC_LOWER_ROOM_H
#define PIPEC_LOWER_ROOM_H
#include <stddef.h>
#include "cut.h"
#include "dim.h"
#include "lower.h"
#include "term_build.h"

/* fail: handle (i32), or NO_VALUE: cannot fail. */
typedef struct Scalar { Value v, fail; } Scalar;

typedef struct Tensor {
    pl_dtype dtype;
    int rank;
    Scalar dim[PK_MAX_RANK];
    Value data;                 /* row-major, dense */
    Value fails;                /* ptr to an i32 per element, or NO_VALUE */
    bool fails_null;            /* `fails` may be null at run time: none failed */
    Value fail;                 /* of every element; that of any dim included */
    int buffer, fails_buffer;   /* LoopInstr.buffer */
    bool roomy;                 /* 64 bytes can be read even if it is empty */
    bool slack;                 /* 64 bytes behind its end can be read */
    bool placed;                /* a window of the tensor: element subs lies at the sum
                                   of (subs[k] - origin[k]) * step[k], the first
                                   dimension taken with `mask` (a ring of rows) */
    Value origin[PK_MAX_RANK], step[PK_MAX_RANK], mask;
    bool pixels;                /* the last dimension has room for PIXEL elements */
    bool planes;                /* placed: each element of the last dimension has a plane
                                   of columns, which are neighbours */
    bool dense;                 /* placed: each row is whole, row-major, dense */
    unsigned tested;            /* dimensions whose subscripts the sweep tests first */
    LoopBlock *block;           /* plain, while it is being filled: where `fails` */
    const LoopInstr *made[2];   /* was made: taken away if nothing can fail */
    bool failing;
} Tensor;

typedef struct TermMap TermMap;
typedef enum { LOW_SCALAR, LOW_TENSOR, LOW_TUPLE, LOW_OPAQUE, LOW_RAGGED } LowKind;

/* A lowered value. */
typedef struct Low {
    LowKind kind;
    Scalar s;                   /* SCALAR; OPAQUE (a ptr); RAGGED (ptr to pk_tensor,
                                   one a row) */
    const Tensor *t;            /* TENSOR */
    int n;                      /* TUPLE */
    struct Low *items;
    Value count;                /* RAGGED: rows */
    const Type *type;
} Low;

/* What a name stands for at this point of the function. */
typedef struct Thunk {
    const Term *term;           /* how to compute it; NULL: only `value` */
    const Var *var;
    const Term *scope;          /* where it is read: the body of its LET; NULL: all */
    int level;                  /* whose id its draws use */
    bool known;                 /* value holds */
    bool making;                /* it is being computed */
    bool prepared;              /* fused, inline: its head was looked through */
    int context;                /* a LET: under which loop indices it was bound */
    unsigned dims_known;        /* by axis: dim holds, of a tensor that is not known */
    Low value;
    Scalar dim[PK_MAX_RANK];
    struct Thunk *parent;       /* an item of a tuple that is computed as one */
    int item;
    struct Thunk **items;       /* of a tuple: NULL until asked for */
} Thunk;

typedef struct Undo { Thunk *where; Thunk old; } Undo;

/* A pure instruction whose result can be used again. */
typedef struct Known {
    LoopOp op; LoopType type;
    int64_t imm; uint64_t real;
    int nargs; Value arg[4], result;
    int bucket, before;
} Known;

typedef struct Scope { int knowns, undos, loops, facts; } Scope;

/* A loop around; a condition of a branch around. */
typedef struct OpenLoop { Value index, from, to; } OpenLoop;
typedef struct Fact { Value condition; bool holds; } Fact;

/* Where a Value lies in a frame or in lib: at `at`, or it is the constant `imm`. */
typedef struct Place8 { int64_t at, imm; LoopScalar type; } Place8;

typedef struct Kept {
    const Var *var;
    int seek;                   /* 1 + the input whose bytes these are; 0: of none */
    bool dims_only;
    unsigned dims_known;
    Low value;                  /* as it was when it was kept */
    Scalar dim[PK_MAX_RANK];
    LIST(Place8) places;        /* of its Values, in order */
} Kept;

typedef struct Frame {
    int64_t size;
    LIST(Kept) kept;
} Frame;

/* low <= x <= high, or x is NaN. */
typedef struct Interval { double low, high; bool nan; } Interval;

typedef struct Site { const char *operator_name; int line; const Place *at;
                      const char *reason; } Site;

/* What a profile tells apart (pl_section). */
typedef struct SectionShare { const char *name; int line; double weight; } SectionShare;
/* The same by the call in the feature's own text that the operator came from. */
typedef struct SectionWork { OperatorNote of; double weight; } SectionWork;
typedef struct Section {
    int kind;                   /* PL_SECTION_… */
    const char *name, *operator_name;
    int line, at;               /* at: tells branches of one line apart */
    const Term *term;           /* what is made; or NULL */
    LIST(SectionShare) shares;
    LIST(SectionWork) works;
} Section;

/* A value that points to the bytes of an input, in a fused function. */
typedef struct SeekPointer {
    LoopFunction *function;
    int input;
    Value data, size;
    bool whole;                 /* all bytes are needed */
    LIST(const LoopInstr *) kept;       /* that store it for a later function */
} SeekPointer;

/* Field, input and output numbers are those of the tables of plan.h. */
typedef struct Lowering {
    Arena *arena;
    const Graph *graph;
    const Graph *written;       /* what the passes had, of a fused plan */
    const LowerOptions *options;
    LowerNotes *notes;
    LoopModule *module;
    DimTable *dims;
    int nvars;                  /* graph's and our own */
    LIST(const Term *) def;     /* by var: LETs, fields, opens, below; or NULL */
    LIST(unsigned) live;        /* by var: 1 << USE_DATA, 1 << USE_DIMS */
    VarList inputs;             /* source fields that are read */
    bool kept;                  /* the inputs come from a cache (pl_cut); then by input: */
    const bool *dims_only;      /* it is an i64 tensor of the dims that are read */
    VarList fields;             /* what leaves the record: VAR_BATCHED */
    LIST(const Var *) below;    /* results of the batch code: VAR_BELOW */
    LIST(Site) sites;
    LIST(LoopExtern *) imports; LIST(int) import_numbers;
    const Var *each[PL_MAX_LEVELS];     /* by level: our name for its tensor */
    const Var *row[PL_MAX_LEVELS];      /* by level: the row within the parent */
    Frame lib;
    int fail_type, fail_kernel_type, lock_type, section_type, need_type; /* externs, for
                                   signatures */
    LIST(SeekPointer) seeks;
    TermMap *paths, *projected;
    TermMap *ranged;            /* numbers in `ranges` */
    LIST(Interval) ranges;
    LIST(Section) sections;
} Lowering;

/* One plan: its functions and frames. */
typedef struct PlanCode {
    bool plain;
    const char *prefix;         /* of the names of its functions */
    int enter[PL_MAX_LEVELS], emit, batch;  /* functions; -1: none */
    Frame frame[PL_MAX_LEVELS];
} PlanCode;

/* The fused plan in two, at what a cache keeps; cut: NULL, there is none. */
typedef struct CutCode {
    const Cut *cut;
    const PlanCode *above, *below;
} CutCode;

typedef struct IndexTest { const Term *index; int axis; } IndexTest;

/* One function being made. */
typedef struct Gen {
    Lowering *all;
    LoopBuilder b;
    bool plain;
    bool in_record;             /* a verdict is the record's */
    Value call, lib;
    Value id[PL_MAX_LEVELS + 2];/* [level + 2]: record ids; [0]: below; NO_VALUE: unset */
    int level;                  /* of the binding being computed */
    LIST(Thunk *) env;          /* by var */
    const Term *root;           /* all that this function computes: a tuple */
    Thunk *forcing;             /* whose term is being computed */
    LIST(OpenLoop) open_loops;
    LIST(Fact) facts;
    LIST(char) nonnegative;     /* by value: 1 at least 0, 2 a length of data */
    int context, contexts;      /* changes whenever an index is bound */
    int marks;                  /* open regions whose memory is given back */
    LIST(Undo) undo;
    LIST(Known) known;
    int *bucket;                /* heads of `known`, -1: none */
    LIST(const LoopInstr *) def;/* by value; NULL: not an instruction of ours */
    LIST(Scope) scope;
    int loops;                  /* FORs around */
    Value suspect;              /* fused, in a loop: var i1 */
    bool suspected;
    int buffers;                /* last number given away */
    int allocs, kernels;        /* how many were built so far */
    LIST(IndexTest) tested;     /* subscripts that were tested beforehand */
    int sweep_loops;            /* FORs around the sweep that is being made */
    LIST(struct SweepStage *) rowing;   /* kernels that yield rows, begun, not ended */
    int section;                /* that runs here; -1: not told */
    const Place *at;            /* of the innermost term with a place */
    const char *field;          /* being computed: names sites that are in no call */
} Gen;

enum { CALL_KEY = offsetof(pl_call, key), CALL_FAIL = offsetof(pl_call, fail),
       CALL_REUSED_KEY = offsetof(pl_call, reused_key),
       CALL_FAIL_KERNEL = offsetof(pl_call, fail_kernel),
       CALL_FIRST_ROW = offsetof(pl_call, first_failed_row),
       CALL_VERDICT = offsetof(pl_call, verdict),
       CALL_SECTION = offsetof(pl_call, section), CALL_NEED = offsetof(pl_call, need),
       CALL_LOCK = offsetof(pl_call, lock), CALL_UNLOCK = offsetof(pl_call, unlock),
       CALL_AT = offsetof(pk_call, at), CALL_END = offsetof(pk_call, end) };

/* ---- lower_code.c: instructions, with folding and reuse; scopes ---- */
LoopScalar reg_type(pl_dtype);          /* f16 and bf16 are f32 in registers */
LoopScalar mem_type(pl_dtype);
Value gen_int(Gen *, LoopScalar, int64_t);
Value gen_long(Gen *, int64_t);
Value gen_real(Gen *, LoopScalar, double);
Value gen_null(Gen *);
Value gen_zero(Gen *, LoopScalar);
/* A pure operation; constants are folded where indices need it. */
Value gen_op(Gen *, LoopOp, LoopScalar result, int nargs, ...);
Value gen_cast(Gen *, LoopOp, LoopScalar result, Value);
Value gen_select(Gen *, Value condition, Value a, Value b);
Value gen_not(Gen *, Value);
Value gen_or(Gen *, Value a, Value b);          /* NO_VALUE: false */
bool gen_is_int(const Gen *, Value, int64_t *);
LoopScalar gen_type(const Gen *, Value);
Value gen_data(Gen *, int datum);
Value gen_field(Gen *, LoopScalar, Value ptr, int64_t at, int buffer);     /* load */
void gen_put(Gen *, Value, Value ptr, int64_t at, int buffer);             /* store */
Value gen_add(Gen *, Value, Value);             /* i64 */
Value gen_sub(Gen *, Value, Value);
Value gen_mul(Gen *, Value, Value);
Value gen_for(Gen *, Value from, Value to);
void gen_while(Gen *);                          /* then the condition, gen_do, … */
void gen_do(Gen *, Value condition);
/* From here to the end of the block or loop. */
void gen_know(Gen *, Value condition, bool holds);
void gen_if(Gen *, Value);
void gen_else(Gen *);
void gen_end(Gen *);
void gen_return(Gen *, int status);
void gen_remove(Gen *, LoopBlock *, const LoopInstr *);

/* ---- lower_prove.c ---- */
bool gen_proves_below(Gen *, Value sub, Value dim);          /* 0 <= sub < dim, i64 */

/* ---- lower_fail.c: sites, handles, verdicts, memory ---- */
int gen_site(Gen *, const Place *, const char *reason);
/* What is built from now on stands at this place (NULL: no other); returns the one
 * before, for gen_place_back. */
const Place *gen_place(Gen *, const Place *at);
void gen_place_back(Gen *, const Place *);
/* The first of two handles, each of which may be NO_VALUE. */
Value gen_first(Gen *, Value, Value);
/* plain: a handle if `bad` and there is no earlier one; fused: leaves or raises
 * the flag, and NO_VALUE. `soft`: going on with the clamped operand is safe. */
Value gen_fail_when(Gen *, Value bad, int site, Value a, Value b, Value earlier,
                    bool soft);
Value gen_good(Gen *, Value fail);              /* i1: handle == 0; NO_VALUE if sure */
/* Leaves with PL_FAILED if there is a handle. */
void gen_verdict(Gen *, Value fail);
/* Memory for n elements (i64, checked against overflow); a new buffer. */
Value gen_alloc(Gen *, Value count, int64_t size, int *buffer);
Value gen_count(Gen *, int rank, const Scalar *dims);   /* leaves if it is absurd */
Value gen_nonnegative(Gen *, Value);                    /* notes that it is */
bool is_nonnegative(const Gen *, Value);
Value gen_length(Gen *, Value);                         /* and that data has it */
bool is_length(const Gen *, Value);
typedef struct Mark { Value at, end; int allocs, kernels; LoopBlock *block;
                      const LoopInstr *first, *second; } Mark;
Mark gen_mark(Gen *);
void gen_release(Gen *, Mark);

/* ---- lower_value.c: scalars and tensors in memory, values that change ---- */
Scalar scalar(Value);
Scalar scalar_failed(Gen *, LoopScalar, Value fail);
Low low_scalar(Scalar, const Type *);
Low low_tensor(const Tensor *, const Type *);
Low low_failed(Gen *, const Type *, Value fail);
/* Calls visit for every Value inside that is not NO_VALUE. */
void low_each(Low *, void (*visit)(Value *, LoopScalar, void *), void *);
Low low_copy(Gen *, Low);
Value gen_load_element(Gen *, pl_dtype, Value data, Value index, int buffer);
void gen_store_element(Gen *, pl_dtype, Value, Value data, Value index, int buffer);
Value gen_position(Gen *, const Tensor *, const Value *subs);
Scalar gen_element_at(Gen *, const Tensor *, Value position);
/* A value that can be replaced: merges branches, keeps states. */
typedef struct Cell Cell;
Cell *cell_new(Gen *, const Type *, bool state);   /* state: read before it is set */
void cell_set(Gen *, Cell *, Low);
Low cell_get(Gen *, Cell *);

/* ---- lower_bind.c: names, thunks, what is forced before what ---- */
Thunk *bind_thunk(Gen *, const Var *);
void bind_let(Gen *, const Term *let);
void bind_value(Gen *, const Var *, Low);
void bind_index(Gen *, const Var *, Scalar);
/* What a REF, or GETs of a REF, stand for; NULL: something else. */
Thunk *bind_find(Gen *, const Term *);
Low bind_force(Gen *, Thunk *);
Scalar bind_dim(Gen *, Thunk *, int axis);
bool is_field(const Var *);               /* a name that failures are told under */
/* Fused: the thunk stays inline; what stands above its loops is done here. */
void bind_prepare(Gen *, Thunk *);
void thunk_set(Gen *, Thunk *, const Thunk *now);
/* Fused: computing it leaves, so that is not done before it is known to be read. */
bool thunk_leaves(const Gen *, const Thunk *);
/* Our own name for a value. */
const Term *bind_anonymous(Gen *, Low);
/* Forces what the terms read and do not make themselves: before loops. */
void force_before(Gen *, int n, const Term *const *);
/* The same before branches, but for what one branch alone reads. */
void force_before_branches(Gen *, int n, const Term *const *);
/* The same where the branches give dims alone. */
void force_dims_before_branches(Gen *, int n, const Term *const *);

/* ---- lower_uses.c: who reads what ---- */
typedef enum { USE_DATA, USE_DIMS } Use;
typedef void UseFn(const Term *, Use, void *);
/* What a term reads to give its data, or its dims alone. */
void use_children(const Term *, Use, UseFn *, void *);
/* Its dims cannot be had without its data. */
bool dims_need_data(Lowering *, const Term *);
/* How often `var`'s data is read by the term when all names are expanded. */
/* What a name stands for: of LETs, fields, opens, below; else NULL. */
const Term *definition_of(const Lowering *, const Var *);
uint64_t use_paths(Lowering *, const Term *, Use, const Var *);
void find_definitions(Lowering *);
void find_live(Lowering *);
/* Item of a tuple, as a term that does not make the other items; GET if that
 * cannot be. */
const Term *term_project(Lowering *, const Term *, int item);
const Var *var_own(Lowering *, VarKind, const char *name, const Type *, int level);
/* Maps of terms, for walks. */
TermMap *map_new(void);
void map_free(TermMap *);
/* The number kept for (term, key), made 0 if new; *fresh tells. */
uint64_t *map_at(TermMap *, const Term *, int64_t key, bool *fresh);

/* ---- lower_range.c ---- */
/* Of all elements; of a tuple nothing is known. */
Interval term_range(Lowering *, const Term *);
bool term_is_number(Lowering *, const Term *);  /* no element is NaN */

/* ---- lower_section.c: what a profile tells apart ---- */
int section_of(Gen *, const Var *, const Term *);
int section_of_where(Gen *, const Node *);
int section_of_record(Gen *);
int section_of_branch(Gen *, const Place *, const char *condition, const char *field);
void section_if_heard(Gen *);           /* opens a block: gen_end */
/* It runs from here on, and makes the product of the factors; none: 0. */
void section_enter(Gen *, int section, int n, const Value *factors);
/* Around the making of a value; begin gives the section before, for end. */
int section_begin(Gen *, const Thunk *);
void section_end(Gen *, int old, const Low *made);
void sections_weigh(Lowering *);        /* shares of operators, when all are known */

/* ---- lower_split.c: a loop whose body chooses by its index ---- */
enum { LOOP_PARTS = 3 };
typedef struct LoopPart {
    Value from, to;             /* of the trip */
    const Term *body;
    const Term *known;          /* a condition of the body, or NULL; here it is `holds` */
    bool holds;
    bool once;                  /* for `from` alone, if it is below `to` */
} LoopPart;
/* The innermost loop in parts, one after the other; returns how many. */
int split_loop(Gen *, const Term *loop, Value from, Value trip, LoopPart *);

/* ---- lower_branch.c ---- */
void branches_tell(Gen *);              /* at the end of a record */

/* ---- lower_way.c: is it put into its readers ---- */
bool way_inline(Gen *, const Thunk *);
bool term_cheap(Gen *, const Term *);           /* a few operations, no failure */

/* ---- lower_note.c: for `pipec explain` ---- */
void note_way(Gen *, const Thunk *, const char *way);
void note_crop(Gen *, const Var *, int axis);
void note_layout(Gen *, const Var *, const char *layout);
/* A subscript is tested; in a loop, people want to know. */
void note_test(Gen *, const Place *);
void note_reads(Lowering *);
void note_groups(Lowering *);                   /* shares are known */
void note_wheres(Lowering *);                   /* of the graph that is lowered */
/* Notes that a tensor is inline, unless something else is known of it. */
void note_gone(Lowering *, const Var *);

/* ---- lower_scalar.c, lower_convert.c ---- */
Scalar gen_scalar(Gen *, const Term *);
Value gen_philox(Gen *, const Term *, Value element);
Value gen_convert(Gen *, pl_dtype from, pl_dtype to, Value);
/* MIN, MAX; number: b is not NaN. */
Value gen_extreme(Gen *, Op, pl_dtype, Value a, Value b, bool number);
Value gen_canonical(Gen *, pl_dtype, Value);    /* NaN to the canonical one */

/* ---- lower_tensor.c: values of any type ---- */
/* Where a tensor is wanted: the batch slot; data NO_VALUE: memory of the batch, to
 * be handed over (alloc_out). */
typedef struct Dest { Value data; int buffer; bool canonical; } Dest;
Low gen_low(Gen *, const Term *);
const Tensor *gen_tensor(Gen *, const Term *);
/* The same at the place; dims that the type does not know are computed first. */
const Tensor *gen_tensor_at(Gen *, const Term *, const Type *, const Dest *);
Tensor *gen_tensor_new(Gen *, pl_dtype, int rank, const Scalar *dims, const Dest *);
void tensor_store(Gen *, Tensor *, Value position, Scalar, bool canonical);
/* All has been stored: forgets the handles if no element can have failed. */
void tensor_done(Gen *, Tensor *);
/* The first failure of the whole, row-major. */
Value tensor_first_fail(Gen *, const Tensor *);
Value low_first_fail(Gen *, Low);

/* ---- lower_shape.c: dims, trip counts, checks ---- */
Scalar gen_dim(Gen *, const Term *, int axis);
Scalar gen_item_dim(Gen *, const Term *, int item, int axis);   /* item -1: itself */
/* Of a tensor, or of the first of a tuple: fails if the value as a whole does. */
Scalar gen_rows(Gen *, const Term *);
Scalar gen_body_dim(Gen *, const Term *loop, int item, int axis);
Scalar gen_trip(Gen *, const Loop *, Scalar *from);
Value gen_check(Gen *, const Term *);           /* handle, or NO_VALUE */
int context_open(Gen *);
void context_close(Gen *, int old);

/* ---- lower_index.c: elements ---- */
Scalar gen_index(Gen *, const Term *);
/* Subscript `axis` of a TERM_INDEX needs no test. */
bool index_proved(Gen *, const Term *, int axis);
/* An element of an inline tensor; the subscripts are in range. */
Scalar gen_element(Gen *, const Term *, int n, const Value *subs);

/* ---- lower_fill.c: loop nests over the elements of a tensor ---- */
typedef void Sink(Gen *, Value e, Scalar, void *);
typedef struct Fill {
    int rank;
    Value dim[PK_MAX_RANK];
    Value below[PK_MAX_RANK + 1];   /* elements of what lies below the axis */
    Sink *sink;                     /* gets element e, counted from 0 */
    void *data;
    bool any_order;                 /* the sink may get them in any order; else from the
                                   first to the last */
    void (*sink_block)(Gen *, Value e, Value, void *);  /* or NULL: e and those that
                                   follow, a vector's worth, e a multiple of that */
    bool whole_blocks;          /* it begins at such a multiple */
    LoopScalar zero;                /* register type of the elements */
    Tensor *to;                     /* or: stored here */
    bool canonical;
} Fill;
void fill_begin(Gen *, Fill *, int rank, const Scalar *dims);
void gen_fill(Gen *, const Fill *, int axis, Value base, const Term *);
void gen_fill_low(Gen *, const Fill *, int axis, Value base, Low);
/* One row of the nest, from `base` on: the first index of the loop is bound. */
void gen_fill_row(Gen *, const Fill *, Value base, const Term *loop);
Low gen_for_value(Gen *, const Term *);

/* ---- lower_columns.c: pixels, several columns at a time ---- */
/* Fills from axis 0; false: nothing was done. */
bool gen_columns(Gen *, const Fill *, Value base, const Term *loop, const Value *from,
                 const Value *trip);

/* ---- lower_sweep.c: rings of rows ---- */
/* Fills with a sweep over rows, if the loop reads tensors that can be kept as
 * windows of rows; false: nothing was done. */
bool gen_sweep(Gen *, const Fill *, Value base, const Term *loop);
/* A kernel's result of which only the hull of what all readers read is made;
 * false: nothing was done. */
bool gen_window(Gen *, Thunk *, const Term *kernel, Low *);
/* Ends the kernels that are yielding rows: before a return. */
void sweep_leave(Gen *);

/* ---- lower_fold.c, lower_collect.c, lower_reduce.c ---- */
/* No more rounds than this; absurd numbers leave with PL_NO_MEMORY. */
Value gen_visits(Gen *, const Term *loop);
Low gen_fold(Gen *, const Term *);
Low gen_scan(Gen *, const Term *);
Low gen_where(Gen *, const Term *);
Low gen_scatter(Gen *, const Term *);
Low gen_perm(Gen *, const Term *);
Scalar gen_reduce(Gen *, const Term *);
/* A reduction whose elements, those of `loop`, come row by row, in their order. */
typedef struct Reducing Reducing;
Reducing *reduce_begin(Gen *, const Term *reduce, const Term *loop);
Value reduce_rows(const Reducing *);            /* how many there are */
void reduce_row(Gen *, Reducing *, const Term *loop, Value row);    /* its index is bound */
Scalar reduce_end(Gen *, Reducing *);

/* ---- lower_kernel.c, lower_below.c ---- */
Low gen_kernel(Gen *, const Term *);
Scalar gen_kernel_dim(Gen *, const Term *, int result, int axis);
Low gen_below(Gen *, const Term *, const Dest *);   /* LENGTHS, PADDED, PADDED_TO */
Scalar gen_below_dim(Gen *, const Term *, int axis);

/* ---- lower_frame.c: what one function leaves to the next ---- */
/* The start of every frame of a record: rows of `each`, id, parent, row. */
enum { FRAME_ROWS = 0, FRAME_ID = 8, FRAME_PARENT = 16, FRAME_ROW = 24, FRAME_START = 32 };
/* Stores what the thunk knows by now. */
void frame_keep(Gen *, Frame *, Value base, const Thunk *);
/* Binds what was kept. */
void frame_load(Gen *, const Frame *, Value base);

/* ---- lower_seek.c: of a file only what is used is read ---- */
/* The tensor is that input of the source. */
void seek_bind(Gen *, const Var *, int input, const Tensor *);
/* The pointer that this is in the function; NULL: none. */
SeekPointer *seek_pointer(Gen *, Value data);
/* What was built last stores it for a later function, which binds it. */
void seek_kept(Gen *, SeekPointer *);
/* All fused functions are there: they ask for what they read. */
void seek_run(Lowering *);
bool seek_input(const Lowering *, int input);

/* ---- lower_out.c: results where the runtime wants them: out[number] ---- */
void out_field(Gen *, const Var *, Value out, int number);
void out_below(Gen *, const Var *, Value out, int number);

/* ---- lower_record.c, lower_open.c: the functions of a plan ---- */
Gen *gen_begin(Lowering *, bool plain, const char *name, int nparams,
               const LoopType *, const char *const *names, int *number);
int gen_open(Lowering *);
/* What lowering knows of a graph, for another one; *before is a copy from the beginning. */
void lower_begin_graph(Lowering *, const Graph *);
void lower_end_graph(Lowering *, const Lowering *before);
/* All that may be computed from enter[level] on. */
const Term *gen_roots(Gen *, int level);
void gen_enter(Lowering *, PlanCode *, int level);
void gen_emit(Lowering *, PlanCode *);
void gen_batch(Lowering *, PlanCode *);

/* ---- lower_feature.c: the tables ---- */
bool type_is_ragged(const Type *);      /* of one record */
const char *value_text(Arena *, const Term *);   /* as for --set; NULL: no constant */
/* The fused plan may be absent. */
void feature_tables(Lowering *, int open, const PlanCode *plain, const PlanCode *fused,
                    const CutCode *);

#endif
