/* What the files of the runtime share, sectioned by file.
 *
 * Life of a record: the schedule cuts the epoch's places into runs; a reader (or
 * a worker) reads a run's inputs; a worker computes its records into slots, one
 * slot per batch in the making; the worker that brings a slot's last row
 * finishes the batch; pipert_next hands it out.
 *
 * `lock` guards everything under "guarded" and the states of runs and slots. What
 * a run or an open slot holds belongs to whom the state says. */
#ifndef PIPERT_INTERNAL_H
#define PIPERT_INTERNAL_H
#include "memory.h"
#include "order.h"
#include "pipert.h"
#include "plan.h"
#include "plat.h"
#include "source.h"
#include <stdatomic.h>
#include <stdio.h>

typedef struct worker worker;
typedef struct slot slot;
typedef struct run run;
typedef struct lane lane;

/* A record that failed, until it is reported. */
typedef struct bad {
    struct bad *next;
    int64_t place, index;
    int32_t line;
    char operator_name[56], reason[256];
} bad;

typedef struct bad_list { bad *first, **last; int64_t n; } bad_list;

/* ---- record.c: one record through the compiled code ---- */
/* A run's records are entered until so many bytes are in use; then emitted. */
enum { RECORD_SOFT = 8 << 20 };

/* Memory of the records that are being worked on. */
typedef struct scratch {
    arena arena;
    char *lowest, *highest;     /* where pk_scratch has been */
    struct closer *closers;
    pl_failure *failure[24];    /* block b holds 16 << b of them */
    int32_t nfailures;
    struct scratch *next;
} scratch;

/* A record, or the child of one: what `enter` made of it. */
typedef struct node {
    struct node *parent;
    struct node *plain;         /* the same, entered by the plain code */
    struct node *next;          /* of the leaves of a run, in order */
    const pl_code *code;
    void *frame;
    const pl_value *in;         /* level 0 */
    uint64_t id;
    int64_t row, place, event;
    int32_t level, verdict;
} node;

struct worker {
    pl_call call;               /* first: a pl_call * is a worker * */
    pipert *p;
    bool reader;                /* it only reads ahead */
    scratch *memory;            /* where call.kernel points */
    const char *message;        /* of the kernel that failed last */
    slot *slot;                 /* alloc_out takes from it … */
    int64_t slot_generation;
    char *out_at, *out_end;     /* … by pieces: this one */
    pl_out *out;                /* one per field */
    plat_thread thread;
    bool started;
};

typedef struct mark { char *at; int32_t nfailures; struct closer *closers; } mark;

void record_worker_init(worker *, pipert *, uint64_t key);
scratch *record_scratch_new(size_t size);
void record_scratch_free(scratch *);
/* Makes the worker's calls take memory from s. */
void record_attach(worker *, scratch *);
mark record_mark(worker *);
void record_reset(worker *, mark);
/* Bytes in use. */
size_t record_used(const worker *);
/* Enters a record or a child. PL_OK and PL_REJECTED set *out; else PL_FAILED or
 * PL_NO_MEMORY. The verdict is the plain code's wherever the fused one is in
 * doubt. */
int record_enter(worker *, node *parent, int64_t row, const pl_value *in,
                 uint64_t id, node **out);
int record_emit(worker *, node *, pl_out *out);
int64_t record_rows(const node *);
/* Describes the failure that `verdict` was the verdict of. */
bad *record_bad(worker *, int verdict, int64_t place, int64_t index);
bad *record_bad_read(worker *, const char *reason, int64_t place, int64_t index);

/* ---- load.c ---- */
int load_file(pipert *, const char *path);
int load_feature(pipert *);     /* checks it, resolves imports, picks code */
int load_open(pipert *);        /* makes what is made at open: lib, source_args */
void load_close(pipert *);
/* The lib of the plain code, made when it is first needed; NULL if that failed. */
void *load_plain_lib(pipert *);

/* ---- param.c ---- */
int param_set(pipert *, const char *name, const char *value);
int param_bind(pipert *);
const char *param_value(const pipert *, int i);
uint64_t param_hash(const pipert *, int i);

/* ---- slot.c: a batch in the making ---- */
typedef enum { SLOT_FREE, SLOT_OPEN, SLOT_FINISHING, SLOT_READY, SLOT_HELD } slot_state;

struct slot {
    pipert_batch public;        /* first: a pipert_batch * is a slot * */
    pipert_output *output;
    slot_state state;
    int64_t generation;         /* how often it was opened */
    int64_t turn;               /* of this rank: 0, 1, … in the epoch */
    int64_t number;             /* in the stream */
    int64_t rows;               /* the batch's size */
    int64_t real;               /* rows that are no padding */
    int64_t done;               /* rows that are there, or failed */
    char *memory;               /* dense fields, page-aligned each, then rows */
    char **dense;               /* [field]: base, or NULL */
    pk_tensor **row;            /* [field]: base of ragged rows, or NULL */
    pl_batched *batched;        /* [field] */
    pl_out *below;              /* [below] */
    arena out;                  /* ragged values, results below batch */
    plat_mutex out_lock;
    atomic_bool full;           /* out could not hold what was asked */
    uint8_t *failed;            /* [row], while nfailed */
    int64_t nfailed;
    bad_list bads;
    int status;                 /* why the batch cannot be handed out */
    char why[512];
    int64_t lane_place, lane_event; /* where its lane stands behind it */
};

bool slot_init(pipert *, slot *, size_t out_bytes);
void slot_fini(pipert *, slot *);
size_t slot_dense_bytes(const pipert *);
void slot_open(pipert *, slot *, int64_t turn, int64_t number, int64_t rows,
               int64_t real);
/* Points out[] at a row; the code fills it. */
static inline void slot_aim(const pl_field *field, int n, slot *s, int64_t row,
                            pl_out *out) {
    for (int f = 0; f < n; f++)
        if (!field[f].ragged) out[f].data = s->dense[f] + row * field[f].bytes;
}
/* Keeps the rows of ragged fields that the code made. */
void slot_keep(const pipert *, slot *, int64_t row, const pl_out *out);
void slot_copy_row(const pipert *, slot *to, int64_t row, const slot *from,
                   int64_t from_row);
/* alloc_out takes from this slot now. */
void slot_use(worker *, slot *);
void *slot_take(worker *, size_t bytes);
/* All rows are there: repairs, pads, runs the code below batch, joins. */
void slot_finish(worker *, slot *);

/* ---- schedule.c ---- */
typedef enum {
    RUN_FREE, RUN_PLANNED, RUN_READING, RUN_READY, RUN_WORKING,
    RUN_ENTERED                 /* kept.c: waits for its turn or for a slot */
} run_state;

/* Consecutive places of a batch (no `where`, no `each`) or of a lane. */
struct run {
    run_state state;
    int64_t serial;             /* order of planning */
    int64_t first, count;       /* its places; in a lane, counted there */
    int64_t at, read;           /* records before `at` are through, before `read`
                                   are read */
    int64_t *index;             /* [record - at] */
    pl_value *values;
    source_reader reader;
    slot *slot;                 /* fixed.c: first lies in its row `row` */
    int64_t row;
    bad_list bads;
    int64_t nfailed;
};

enum { RUN_MOST = 4096, CHUNK = 512 };

void fixed_compute(worker *, run *);

int schedule_start(pipert *);
void schedule_stop(pipert *);
int schedule_next(pipert *, slot **);
bool schedule_wait(pipert *, int64_t milliseconds);
/* The batch that schedule_next gave has been looked at. */
void schedule_taken(pipert *);
void schedule_release(pipert *, slot *);
/* The epoch ended: the next look begins the next one. */
void schedule_end_epoch(pipert *);
void schedule_stats(pipert *);
void schedule_fatal(pipert *, int status, const char *format, ...);

/* ---- report.c ---- */
int report_open(pipert *);
void report_close(pipert *);
void bad_list_init(bad_list *);
void bad_add(bad_list *, bad *);
void bad_move(bad_list *to, bad_list *from);
bad *bad_new(pipert *);
void bad_free(pipert *, bad *);
/* Counts and writes; frees them. A status, with the error text set. */
int report_bads(pipert *, bad_list *);
void report_line(pipert *, int64_t index, const char *path, const char *operator_name,
                 int line, const char *reason);

/* ---- state.c ---- */
int state_save(pipert *, char *text, size_t size);
int state_parse(pipert *, const char *text);
int state_check(pipert *);
void state_free(pipert *);

/* ---- pipert.c: the handle ---- */
struct pipert {
    pipert_options options;
    char error[1024];
    int status;                 /* sticky */
    bool started;
    const pl_feature *feature;
    void *library;
    char folder[4096];          /* of the feature's file, with a slash; or "" */
    char *path;

    char **value;               /* [param]: text that was set, or NULL */
    pl_argument *argument;      /* [open parameter] */
    arena bound;                /* the arguments' bytes */

    const pl_code *code, *plain;
    void *lib, *plain_lib, *plain_seen;
    scratch *made, *made_plain; /* memory of lib and plain_lib */
    bool plain_tried;
    plat_mutex plain_lock, kernel_lock;
    void **imported;            /* [import]: its library, once */
    char cpu[32];

    source source;
    pl_argument *source_args;
    int64_t skip, places;       /* of an epoch */
    size_t keep_bytes;          /* of a scratch, between records */
    bool fixed;                 /* no `where`, no `each` */
    int64_t batch;

    /* the epoch: written between epochs only */
    uint64_t epoch, key;
    order_shuffle shuffle;
    int64_t first_batch;        /* in the stream, of the epoch's turn 0 */
    int64_t turns;              /* batches of this rank; -1: not known */

    plat_mutex bad_lock;        /* of free_bads */
    bad *free_bads;
    plat_mutex lock;
    plat_cond work, read, done;

    /* guarded */
    atomic_bool stop;           /* also read without the lock */
    bool running;               /* an epoch is */
    int fatal;                  /* a status that ends the run */
    char fatal_text[512];
    slot *slots; int nslots;
    run *runs; int nruns;
    int64_t serial;
    int64_t plan_turn, plan_row;
    int64_t next_turn;          /* to be handed out */
    int64_t ns_per_record;
    int sleeping, sleeping_readers;
    scratch *free_scratch;
    int64_t largest_out;        /* bytes of ragged values of a batch, so far */
    int64_t bytes_read;
    bad_list lost;              /* of batches that were never handed out */
    int64_t input_bytes;

    worker *workers; int nworkers;
    worker *readers; int nreaders;
    int nthreads;               /* 0: the caller does the work */
    int64_t dense_bytes;        /* of a slot */

    /* the caller's */
    FILE *report;
    int64_t epoch_bad;
    pipert_stats stats;
    struct saved *restored;
};

/* Sets the error text and the sticky status; returns the status. */
int fail_with(pipert *, int status, const char *format, ...);
void log_text(pipert *, int level, const char *format, ...);
#endif
