/* What a compiled feature tells the runtime: the ABI between `pipec` and
 * `libpipert`. A feature.so exports one symbol, `pipec_feature`, and has no
 * undefined symbol of pipert. The same tables can be built in memory (the
 * interpreter does, and tests).
 *
 * A record goes through the functions of one pl_code:
 *
 *   enter[0](call, lib, in, id, NULL, 0, frame0)      once per source record
 *     computes what its `where`s need; 0 or a verdict; with `each` below it,
 *     sets frame0's row count (the first int64 of every frame)
 *   enter[k](call, lib, NULL, id_k, frame[k-1], row, frame[k])   per row of `each`
 *   emit(call, lib, frames, out)                      once per record that was kept
 *
 * `frames` has one pointer per level. A frame is pl_code.frame_size[k] bytes,
 * 64-byte aligned, not initialised; memory from call->kernel lives until the
 * source record is done. Functions may be called on any thread, each thread
 * with its own call and frames. */
#ifndef PIPEC_PLAN_H
#define PIPEC_PLAN_H
#include "pipec_kernel.h"

#define PL_ABI 8
#define PL_MAX_LEVELS 8

typedef enum pl_dtype {
    PL_BOOL, PL_U8, PL_I8, PL_U16, PL_I16, PL_U32, PL_I32, PL_U64, PL_I64,
    PL_F16, PL_BF16, PL_F32, PL_F64, PL_DTYPES
} pl_dtype;

/* What a record function returns. */
enum {
    PL_OK = 0,          /* keep the record / done */
    PL_REJECTED = 1,    /* a `where` said no */
    PL_SUSPECT = 2,     /* fused code met a failed test: run the plain code */
    PL_FAILED = 3,      /* plain code: call->verdict tells why */
    PL_NO_MEMORY = 4    /* the record needs more than the limit: plain and fused */
};

/* A failure, made by plain code: where and with which two values. */
typedef struct pl_failure {
    int32_t site;               /* index into pl_feature.sites */
    int64_t a, b;
    const char *text;           /* a kernel's message, in record memory; or NULL */
} pl_failure;

/* Context of the calls of one thread. Generated code sees this struct. */
typedef struct pl_call {
    pk_call kernel;             /* first: a pl_call * is a pk_call * */
    uint64_t key;               /* of seed and epoch: philox key */
    int64_t first_failed_row;   /* set by vfail of a kernel */
    /* Plain code: makes a failure, returns its handle, never 0. */
    int32_t (*fail)(struct pl_call *, int32_t site, int64_t a, int64_t b);
    /* The same with the message of the kernel that has just failed. */
    int32_t (*fail_kernel)(struct pl_call *, int32_t site);
    int32_t verdict;            /* handle of the failure behind PL_FAILED */
    /* Memory for a ragged output: lives as long as the batch, 64-byte aligned,
     * NULL beyond the limit. */
    void *(*alloc_out)(struct pl_call *, size_t bytes);
    void *user;                 /* pl_feature.user */
    /* Around the calls of a kernel that is `one at a time`. Not recursive. */
    void (*lock)(struct pl_call *);
    void (*unlock)(struct pl_call *);
    /* Fused code, or NULL: nobody listens. Section `section` (pl_feature.sections) runs
     * from now on; `elements` of it are made in this go, or were made just now. */
    void (*section)(struct pl_call *, int32_t section, int64_t elements);
    uint64_t reused_key;        /* of seed and epoch - epoch % pl_feature.reuse_random */
    /* Fused code, or NULL: all is there. Before it reads bytes from..to of input `input`,
     * whose data that is: reads them if they are not there. If they cannot be had it goes
     * on with whatever is there, and the record is judged by others. Ranges that reach
     * out of the data are cut. */
    void (*need)(struct pl_call *, int32_t input, const void *data, int64_t from,
                 int64_t to);
} pl_call;
/* pk_scratch takes memory downwards from kernel.end. Code that calls a kernel
 * often within one record keeps kernel.end before the call and puts it back
 * after it; otherwise scratch memory goes with the record. */

/* A field of the source, as the code gets it: integers (bool too) in i, f32 and
 * f64 in f, bytes as data of n bytes (never NULL; readable to data + n + 64). */
typedef struct pl_value {
    union { int64_t i; double f; const void *data; };
    int64_t n;
} pl_value;

/* A parameter bound at open: scalars as above, tensors dense in data, dims in
 * dim; path and string as bytes with dim[0] = n. */
typedef struct pl_argument {
    pl_value value;
    int64_t dim[PK_MAX_RANK];
} pl_argument;

/* One output of one record. Dense: data is set by the runtime (the record's
 * place in the batch), the code fills it. Ragged: the code sets data (from
 * alloc_out) and dim; dense, row-major. */
typedef pk_tensor pl_out;

/* What the code below `batch` gets for one record field: dense: data of b rows;
 * ragged: row[i] for record i. */
typedef struct pl_batched {
    void *data;
    const pk_tensor *row;
} pl_batched;

typedef int pl_enter_fn(pl_call *, void *lib, const pl_value *in, uint64_t id,
                        void *parent_frame, int64_t row, void *frame);
typedef int pl_emit_fn(pl_call *, void *lib, void *const *frames, pl_out *out);
/* b records; id: the number of the batch; out: as pl_feature.below, data and dim
 * set by the code (alloc_out); a scalar has no dims. */
typedef int pl_batch_fn(pl_call *, void *lib, const pl_batched *in, int64_t b,
                        int64_t valid, uint64_t id, pl_out *out);
/* Fills lib (pl_code.lib_size bytes, zeroed) and the source's arguments, in the
 * order of pl_feature.source_args. PL_OK or PL_FAILED. */
typedef int pl_open_fn(pl_call *, const pl_argument *params, void *lib,
                       pl_argument *source_args);

typedef struct pl_code {
    int32_t cpu;                /* 0 any, 2 3 4: x86-64-v2 v3 v4, 1: the machine that
                                   compiled it (`native`: features in `needs`) */
    int32_t plain;              /* 1: the plain plan */
    const char *needs;          /* comma-separated CPU features, or NULL */
    int64_t lib_size, frame_size[PL_MAX_LEVELS];
    pl_open_fn *open;
    pl_enter_fn *enter[PL_MAX_LEVELS];
    pl_emit_fn *emit;
    pl_batch_fn *batch;         /* NULL if nothing is below batch */
} pl_code;

enum { PL_PARAM_SCALAR, PL_PARAM_TENSOR, PL_PARAM_STRING, PL_PARAM_PATH };
typedef struct pl_param {
    const char *name;
    int32_t kind; pl_dtype dtype; int32_t rank;
    int32_t at_compile;         /* 1: fixed, listed for inspection */
    const char *text;           /* default, or the fixed value, written as for
                                   --set: 12, 1e-3, true, [1, 2], [[1, 2], [3, 4]],
                                   strings and paths bare; NULL: must be set */
    const char *type;           /* as written: "f32[3]" */
} pl_param;

/* A field of the source that the code reads; in[k] of enter[0] is field k. */
typedef struct pl_input {
    const char *name;
    pl_dtype dtype; int32_t bytes;
    int32_t parts;              /* 1: fused code calls `need` for all that it reads behind
                                   the first PL_PART_HEAD bytes; plain code gets all */
} pl_input;
#define PL_PART_HEAD 65536

/* A column of `manifest(columns = Row)`. */
typedef struct pl_column { const char *name; pl_dtype dtype; int32_t bytes; } pl_column;

/* A field that leaves the record: emitted, or read below batch. */
typedef struct pl_field {
    const char *name;
    pl_dtype dtype; int32_t rank;
    int32_t ragged;             /* 1: dims differ from record to record */
    int64_t dim[PK_MAX_RANK];   /* of one record; -1 where unknown */
    int64_t bytes;              /* of one record's value; 0 if ragged */
    int32_t needed_below;       /* pl_batch_fn reads it */
} pl_field;

/* An output of the feature, in the order of `emit`. */
typedef struct pl_output {
    const char *name;
    int32_t below;              /* 0: field `index`; 1: out[index] of the batch code */
    int32_t index;
    pl_dtype dtype; int32_t rank;   /* the batch dimension included */
    int32_t ragged;
    int64_t dim[PK_MAX_RANK];   /* -1 where unknown; dim[0] is the batch's size */
} pl_output;

typedef struct pl_site {
    const char *operator_name;  /* "decode_jpeg", "//", "y" */
    int32_t line;               /* of the feature's file */
    const char *file;           /* base name */
    const char *reason;         /* printf format with up to two %lld, or NULL: the
                                   kernel's own text */
} pl_site;

/* A part of the fused code whose time a profile tells from that of others: a tensor that
 * is made, a kernel, a `where`, the rest of a record. Fusion puts several operators of
 * the text into one: each has a share of the work, counted in operations. */
enum { PL_SECTION_RECORD, PL_SECTION_TENSOR, PL_SECTION_KERNEL, PL_SECTION_WHERE,
       PL_SECTION_BRANCH };
typedef struct pl_share { const char *operator_name; int32_t line; double part; } pl_share;
typedef struct pl_section {
    const char *name;           /* of the tensor or the kernel; the condition's text */
    const char *operator_name;  /* of the text that it came from */
    int32_t kind, line;
    int32_t dtype;              /* pl_dtype of its elements; -1: it makes none */
    int32_t nshares; const pl_share *shares;    /* parts add up to 1 */
} pl_section;

/* A shared library with kernels, and where their addresses go. */
typedef struct pl_import { const char *library, *symbol; void **where; } pl_import;

enum { PL_LAST_DROP, PL_LAST_PARTIAL, PL_LAST_PAD, PL_LAST_WRAP };

/* The records' program in two, at the values of a source record that a cache keeps:
 * `above` gives them as its fields, `below` gets them as its inputs in their place. Both
 * are fused, use the same lib, and have what the feature's other codes have: `above` its
 * inputs, `below` its fields. What is in doubt is judged by the whole.
 * A kept value of rank 0 stands in the first bytes of its pl_value, as one of its dtype;
 * of rank > 0 it is dense, and its dims stand before it, from data - PL_KEPT_HEAD on. */
#define PL_KEPT_HEAD (8 * PK_MAX_RANK)
typedef struct pl_cut {
    int32_t disk;               /* where the text wants them kept; 0: in memory */
    int32_t line;
    int64_t limit;              /* bytes; 0: it does not say */
    uint64_t hash;              /* of all that the values hang on but inputs, parameters,
                                   imports and chance */
    const char *reads;          /* for each parameter: '1': they hang on it; '2': so does
                                   what is made at open, and on the file that it may
                                   name; '0': they do not */
    int32_t draws;              /* 1: they hang on chance: on pl_call.reused_key */
    int32_t nfields; const pl_field *fields;
    const pl_code *const *above, *const *below;     /* for each of `codes` but the plain */
    int32_t nfiles; const char *const *files;       /* constant texts that are read at open:
                                   a kernel may read the files that they name */
} pl_cut;

/* The first two stay where they are, whatever changes: they are for the message that
 * refuses the rest. */
typedef struct pl_feature {
    int32_t abi;
    const char *version;        /* of the pipec that made it; not there below ABI 4 */
    const char *name;
    uint64_t hash;              /* of the typed record program and fixed parameters */
    const char *parts;          /* " NAME:HASH" for each statement, for people; or NULL */
    int32_t nparams; const pl_param *params;
    const char *source;         /* "files", "lines", "range", "manifest" */
    int32_t nsource_args;       /* language order of the source's parameters; those
                                   not given have n = -1 and dim[0] = -1 */
    int32_t ninputs; const pl_input *inputs;
    int32_t ncolumns; const pl_column *columns;
    const char *read_column;    /* manifest(read = NAME), or NULL */
    int32_t shuffle;            /* 1: places are permuted */
    int32_t has_sample, has_skip, has_take, has_steps;  /* values: appended to the
                                   source's arguments */
    int32_t levels;             /* 1 + number of `each` */
    int32_t has_where;          /* any `where` */
    int64_t batch, lanes;
    int32_t last;               /* PL_LAST_… */
    int32_t nfields; const pl_field *fields;
    int32_t nbelow; const pl_field *below;      /* results of pl_batch_fn */
    int32_t noutputs; const pl_output *outputs;
    int32_t nsites; const pl_site *sites;   /* the last: the source */
    int32_t nimports; const pl_import *imports;
    int32_t ncodes; const pl_code *const *codes;/* the plain one last */
    const char *describe;       /* JSON text for `pipec inspect` */
    int32_t source_line;        /* of `from`: named when a record cannot be read */
    void *user;                 /* of a feature built in memory: pl_call.user */
    int32_t nsections; const pl_section *sections;
    int32_t plan_workers, plan_depth, plan_ahead;   /* of a plan: threads, reads at once,
                                   batches made ahead, where the options of a run do not
                                   say; 0: the machine decides */
    int64_t plan_memory;        /* the same of the budget */
    int64_t reuse_random;       /* epochs that some draws serve; 0: there are none such */
    const pl_cut *cut;          /* NULL: nothing is to be kept */
} pl_feature;

#define PL_SYMBOL "pipec_feature"
#endif
