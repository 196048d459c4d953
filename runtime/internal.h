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
#include "cache.h"
#include "control.h"
#include "memory.h"
#include "meter.h"
#include "order.h"
#include "pipert.h"
#include "plan.h"
#include "plat.h"
#include "profile.h"
#include "source.h"
#include <stdatomic.h>
#include <stdio.h>

typedef struct worker worker;
typedef struct slot slot;
typedef struct run run;
typedef struct lane lane;
typedef struct sidecar sidecar;

/* A record that failed, until it is reported. */
typedef struct bad {
    struct bad *next;
    int64_t place, event, index;
    int64_t at;                 /* its place in the epoch, before `skip` */
    int64_t turn;               /* of the batch that was in the making */
    int64_t rows_before;        /* of its run: until the turn is known */
    int32_t line;
    bool told;                  /* before the state that this run goes on from */
    bool lack;                  /* source_failure */
    int level;                  /* of a child: rows of `each` that lead to it */
    int64_t row[PL_MAX_LEVELS];
    char operator_name[56], reason[256];
} bad;

/* The order and the chance of an epoch. */
typedef struct epoch_order {
    uint64_t epoch, key, reused_key;
    order_shuffle shuffle;
} epoch_order;

typedef struct bad_list { bad *first, **last; int64_t n; } bad_list;

/* ---- record.c: one record through the compiled code ---- */
/* A run's records are entered until so many bytes are in use; then emitted. */
enum { RECORD_SOFT = 8 << 20 };

/* Memory of the records that are being worked on. */
typedef struct scratch {
    arena arena;
    char *lowest, *highest;     /* where pk_scratch has been */
    struct closer *closers;
    arena failures;             /* pl_failures, apart: compiled code gives back what a
                                   round of a loop took of the other */
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
    const pl_value *whole;      /* the source's, where `in` is what a cache kept; NULL:
                                   it was not read; else `in` */
    uint64_t id;
    int64_t index;              /* level 0, with a cache: of the source */
    int64_t row, place, event;
    int32_t level, verdict;
} node;

struct worker {
    pl_call call;               /* first: a pl_call * is a worker * */
    pipert *p;
    bool reader;                /* it only reads ahead */
    scratch *memory;            /* where call.kernel points */
    scratch *own;               /* the worker's, where no run brings one */
    const char *message;        /* of the kernel that failed last */
    const pl_value *in;         /* of the record that its code works on */
    bool keeps;                 /* alloc_out takes record memory: cache.c */
    bool lacks;                 /* its code needed what cannot be read */
    slot *slot;                 /* alloc_out takes from it … */
    int64_t slot_generation;
    char *out_at, *out_end;     /* … by pieces: this one */
    pl_out *out;                /* one per field */
    recorder *recorder;         /* NULL: nobody profiles; else … */
    int64_t unheard;            /* … calls until it wants one, */
    bool heard;                 /* and whether that is the one that runs */
    int64_t began;              /* its step, or its last batch in it */
    int64_t until;              /* the caller's thread: it waits no longer; or 0 */
    int64_t asleep, *idle;      /* since when, or 0; where that is counted */
    plat_thread thread;
    bool started;
};

/* Around calls of the compiled code for one record: profile.c listens to some. */
static inline void call_begins(worker *w) {
    if (w->recorder && --w->unheard < 0) recorder_begin(w);
}
static inline void call_ends(worker *w, int verdict) {
    if (w->heard) recorder_end(w, verdict);
}

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
/* A node with its frame, in record memory; NULL: there is none. */
node *record_node(worker *, const pl_code *, node *parent, int64_t row,
                  const pl_value *in, uint64_t id);
/* Enters a record or a child. PL_OK and PL_REJECTED set *out; else PL_FAILED or
 * PL_NO_MEMORY. The verdict is the plain code's wherever the fused one is in
 * doubt. */
int record_enter(worker *, node *parent, int64_t row, const pl_value *in,
                 uint64_t id, node **out);
/* A source record through a code that takes other inputs than the whole one does. */
typedef struct record_entry {
    const pl_code *code;
    const pl_value *in, *whole; /* node.whole */
    int64_t index;
    uint64_t id;
} record_entry;
int record_enter_as(worker *, const record_entry *, node **out);
/* The call that follows may take max_bytes, however much is in use before it. */
void record_limit(worker *);
int record_emit(worker *, node *, pl_out *out);
int64_t record_rows(const node *);
/* Describes the failure that `verdict` was the verdict of. */
bad *record_bad(worker *, int verdict, int64_t place, int64_t index);
bad *record_bad_read(worker *, const source_failure *, int64_t place, int64_t index);
/* What a fused code said, which may have gone on without what it needed. */
static inline int record_said(worker *w, int verdict) {
    if (!w->lacks) return verdict;
    w->lacks = false;
    return PL_SUSPECT;
}

/* ---- load.c ---- */
int load_file(pipert *, const char *path);
int load_feature(pipert *);     /* checks it, resolves imports, picks code */
uint64_t load_fingerprint(const pl_feature *);
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
    const epoch_order *order;
    int64_t rows;               /* the batch's size */
    int64_t real;               /* rows that are no padding */
    int64_t done;               /* rows that are there, or failed */
    char *memory;               /* a field after the other, page-aligned each */
    size_t bytes;
    bool lent;                  /* memory and out are of p->shared */
    char **dense;               /* [field]: base, or NULL */
    pk_tensor **row;            /* [field]: base of ragged rows, or NULL */
    pl_batched *batched;        /* [field] */
    pl_out *below;              /* [below] */
    arena out;                  /* ragged values, results below batch */
    plat_mutex out_lock;
    int64_t taken;              /* out.used when the batch was finished */
    int64_t touched;            /* the most it was since pages were given back */
    atomic_bool full;           /* out could not hold what was asked */
    uint8_t *failed;            /* [row], while nfailed */
    int64_t nfailed;
    bad_list bads;
    int status;                 /* why the batch cannot be handed out */
    char why[1024];
    int64_t lane_place, lane_event; /* where its lane stands behind it */
};

/* out_bytes: address space for ragged values. from: where the memory is taken, NULL: it
 * is its own. */
bool slot_init(pipert *, slot *, int64_t rows, size_t out_bytes, arena *from);
/* Bytes that it takes from there. */
size_t slot_reach(const pipert *, int64_t rows, size_t out_bytes);
void slot_fini(slot *);
/* Nearly slot_bytes, which holds only once this is known to be a size; *largest: the
 * name of the field that takes most. */
double slot_size(const pipert *, int64_t rows, const char **largest);
size_t slot_bytes(const pipert *, int64_t rows);
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
/* The same, ragged values too; false: the slot is full. */
bool slot_bring_row(worker *, slot *to, int64_t row, const slot *from, int64_t from_row);
/* alloc_out takes from this slot now. */
void slot_use(worker *, slot *);
void *slot_take(worker *, size_t bytes);
/* Forgets the batch and its values. */
void slot_clear(pipert *, slot *);
/* All rows are there: repairs, pads, runs the code below batch, joins. */
void slot_finish(worker *, slot *);

/* ---- schedule.c ---- */
typedef enum {
    RUN_FREE,
    RUN_PLANNED,                /* to be read */
    RUN_READING,
    RUN_READY,                  /* to be computed, or entered */
    RUN_WORKING,
    RUN_ENTERED,                /* kept.c: waits for its positions */
    RUN_TICKETED,               /* kept.c: to be placed, as slots allow */
} run_state;

enum { RUN_MOST = 4096, CHUNK = 512, PART_ROWS = 8192, BADS_WAITING = 4096 };

/* Consecutive places of a batch (no `where`, no `each`) or of a lane. */
struct run {
    run_state state;
    int64_t serial;             /* order of planning */
    const epoch_order *order;
    int64_t first, count;       /* its places; of a lane, counted there */
    int64_t at, read;           /* records before `at` are through, before `read`
                                   are read */
    int64_t *index;             /* [record - at]: of the source */
    pl_value *values;           /* [(record - at) * ninputs + input] */
    source_reader reader;
    store_item *kept;           /* [record - at]: what the cache has, of all of them */
    store_key *keys;            /* [record - at]: of what it has not, before it was read */
    int64_t nkept, kept_bytes;  /* 0: nothing, they were read */
    int64_t input_bytes;        /* counted in the handle's */
    bad_list bads;
    int64_t nfailed;

    /* fixed.c */
    slot *slot;                 /* `first` lies in its row `row` */
    int64_t row;

    /* kept.c: a run is entered and placed by parts */
    lane *lane;
    int64_t sequence;           /* in the lane */
    bool begun, entered;        /* entered: all that was read is */
    scratch *memory;
    int64_t enter;              /* the record that is being entered */
    int64_t event;              /* of that record, counted */
    int depth;                  /* open nodes: their next row, the memory behind */
    node *path[PL_MAX_LEVELS];
    int64_t path_row[PL_MAX_LEVELS];
    mark path_mark[PL_MAX_LEVELS + 1];
    node *next_leaf, *last_leaf;/* fail: to be emitted */
    slot stage;                 /* skip: emitted rows */
    int64_t nrows, nbads;       /* of this part */
    int64_t start, placed;      /* position of row 0; rows that are in slots */
    int64_t *row_place, *row_event;
};

/* Places dealt round-robin; each lane makes batches of its own, in turn. */
struct lane {
    int64_t number, places;
    int64_t planned;            /* places in runs so far; on and on when it wraps */
    int64_t skip_place, skip_events;    /* restored: done before */
    int64_t sequence;           /* of the next run */
    int64_t ticket;             /* of the run whose turn it is */
    int64_t position;           /* of the next row: batch position / batch size */
    int64_t batches;            /* once it is sealed */
    int64_t last_turn, last_rows;       /* its incomplete batch; -1: none */
    int64_t done_place, done_event;     /* behind the last batch handed out */
    int runs;                   /* not free */
    bool sealed, wrapping;
    bool empty;                 /* a whole pass kept no row, and there have to be some */
    int64_t first_row;          /* rows before it were handed out before: of a lane that
                                   a state does not know */
    int64_t last_row;           /* no row from here on; -1: as many as there are */
    bad_list bads;              /* by position, if on_error is skip */
    int64_t last_bad;           /* index of the record that was counted last; or -1 */
};

void fixed_compute(worker *, run *);

/* Lock not held. */
void kept_enter(worker *, run *);
void kept_end(worker *, run *);
/* Lock held, and given up meanwhile. */
void kept_tickets(worker *, lane *);
bool kept_place(worker *, run *);

/* Whom to wake once the lock is given up. Lock held. */
enum { WAKE_CALLER = 1, WAKE_WORKER = 2, WAKE_WORKERS = 4, WAKE_READER = 8,
       WAKE_READERS = 16 };
void schedule_wake(pipert *, int who);
void schedule_unlock(pipert *);
/* Waits, until a time or (-1) for ever; false: the time passed. */
bool schedule_sleep(pipert *, plat_cond *, int64_t until);

/* Asked between records: the run is closed, or the caller has waited enough. What is
 * left of the piece of work is put back. */
static inline bool schedule_pauses(const worker *w);
/* One piece of work; false if there is none. Lock held. */
bool schedule_step(worker *);
void schedule_thread(void *worker);
int64_t schedule_memory(const pipert *);

/* For kept.c, lock held: the slot of a turn, opened if there is room; the same if
 * it is open already; its incomplete batch's size, rows that have arrived. */
slot *schedule_slot(pipert *, int64_t turn);
slot *schedule_opened(pipert *, int64_t turn);
/* The next batch is not begun before one is given back. */
bool schedule_full(const pipert *);
/* The next batch to hand out, if it is finished. */
slot *schedule_ready(const pipert *);
void schedule_last_rows(worker *, slot *, const lane *);
/* The lane whose batch it is; this rank's turn of the batch of a lane's position. */
lane *schedule_lane(pipert *, int64_t turn);
int64_t schedule_turn(const pipert *, const lane *, int64_t position);
void schedule_rows_done(worker *, slot *, int64_t n);
/* Of a place of the run or its lane: where that is in the epoch, before `skip`; the
 * source index there. */
int64_t schedule_place(const pipert *, const run *, int64_t place);
int64_t schedule_index(const pipert *, const run *, int64_t place);
/* The record's id. `sample` may draw a record again, which is another one then. i: of the
 * run, counted from its first place. */
static inline uint64_t schedule_id(const pipert *, const run *, int64_t i);

/* ---- adjust.c: threads, readers and batches ahead, fitted to the caller ---- */
/* What the caller did: of a sidecar's, its other side tells. */
typedef struct demand {
    int64_t batches, wait_ns;   /* it took; it waited for them */
    int64_t gaps, gap_ns;       /* it computed between two, pauses left out */
    double gap_squares;
    int64_t typical;            /* gap by now */
    int64_t left, waits;        /* since when it has a batch, or waits for one; or 0 */
} demand;

/* What workers did with runs. */
typedef struct tally { double runs, records, ns, squares; } tally;

/* Counters, where an interval began. */
typedef struct marks {
    int64_t at, waited, idle_read, idle_full, parked, reading, rows;
    demand demand;
    tally tally;
} marks;

/* The caller asks for a batch; gets one, or an answer. */
void demand_asks(demand *, int64_t now, int64_t interval);
void demand_gets(demand *, int64_t now, int status);

/* Lock held. adjust_look gives it up meanwhile. */
void adjust_start(pipert *);
/* An epoch begins from nothing: all work, until an interval after its first batch. */
void adjust_epoch(pipert *);
void adjust_taken(pipert *, int64_t now);
/* Decides, if the interval is over: in the caller's thread. */
void adjust_look(pipert *, int64_t now);
void adjust_settle_idle(pipert *, int64_t now);

/* ---- start.c ---- */
int schedule_start(pipert *);
/* Ends the threads; may be called again. Batches that are held stay. */
void schedule_stop(pipert *);
void schedule_free(pipert *);

/* ---- epoch.c: the caller's side ---- */
/* Of the epoch that is in the making, or the one after it. */
epoch_order *schedule_order(pipert *, uint64_t epoch);
void schedule_begin(pipert *);
int schedule_next(pipert *, slot **);
int schedule_wait(pipert *, int64_t milliseconds);
/* The batch that schedule_next gave is good. */
void schedule_taken(pipert *, slot *);
/* false: it is not held. */
bool schedule_release(pipert *, slot *);
/* The epoch ended: the next look begins the next one. */
void schedule_end_epoch(pipert *);
/* Drops what is in the making, and the position; batches that are held stay. */
void schedule_cancel(pipert *);
int64_t schedule_left(const pipert *);
/* Whether the lane is of this rank. */
bool schedule_knows(const pipert *, int lane);
/* Rows that the epoch has had so far, or all its places where none is taken away. */
int64_t schedule_rows(const pipert *);
void schedule_stats(pipert *);

/* ---- report.c ---- */
int report_open(pipert *);
/* The lines are for another process: they are kept until report_take, which forgets them
 * (they are good until the next one), and report_put writes them there. */
bool report_lend(pipert *);
const char *report_take(pipert *, size_t *n);
int report_put(pipert *, const char *lines, size_t n);
/* May be called again. */
int report_close(pipert *);
void report_free(pipert *);
void bad_list_init(bad_list *);
void bad_add(bad_list *, bad *);
void bad_move(bad_list *to, bad_list *from);
bad *bad_new(pipert *);
void bad_free(pipert *, bad *);
/* Writes out what is there. A status, with the error text set. */
int report_flush(pipert *);
/* The first of them, for people; "" if there is none. */
void report_first(pipert *, bad_list *, char *to, size_t n);
/* Counts and writes; frees them. A status, with the error text set. *last: the record
 * that was counted last, or -1; the failures of a record follow each other. */
int report_bads(pipert *, bad_list *, int64_t *last);
/* Moves those of turns up to `turn`. */
void bad_take(bad_list *to, bad_list *from, int64_t turn);
void bad_drop(pipert *, bad_list *);
void report_line(pipert *, const bad *, const char *path);

/* ---- state.c ---- */
enum { SAVED_LANES = 64 };
typedef struct saved_lane { int64_t place, event; } saved_lane;
typedef struct saved {
    char name[64], parameters[512], parts[512];
    uint64_t hash, seed, epoch;
    int64_t places, batches, bad;
    bool whole;                 /* its last line was read */
    bool anywhere;              /* an epoch's number alone */
    char *text;                 /* that it was read from */
    int nlanes;
    saved_lane lane[SAVED_LANES];
} saved;

int state_check(pipert *);
void state_forget(pipert *);

/* ---- pipert.c: the handle ---- */
struct pipert {
    pipert_options options;
    char error[5200];
    int status;                 /* sticky */
    bool started;
    const pl_feature *feature;
    void *library;
    char file[256];             /* base name of the feature's text, for messages */
    char folder[4096];          /* of the feature's file, with a slash; or "" */
    char *path, *report_path;
    char *cache_path;           /* options.cache; NULL: as the feature says */
    char **command;             /* of the sidecar; NULL: all is done here */
    sidecar *sidecar;           /* once it is started */

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
    int kernel_cpu;             /* pk_call.cpu */

    profile *profile;           /* NULL: nobody asked */
    meter *meter;               /* the same */
    cache *cache;               /* NULL: nothing is kept from epoch to epoch */
    source source;
    pl_argument *source_args;
    int64_t asked;              /* options.stops, last */
    int64_t skip, places;       /* of an epoch */
    int64_t steps;              /* batches of an epoch, over all ranks; -1: what the
                                   places give */
    size_t keep_bytes;          /* of a scratch, between records */
    int64_t run_bytes;          /* that a run reads ahead, about */
    int64_t run_most;           /* records of a run */
    bool fixed;                 /* no `where`, no `each` */
    int64_t batch;

    /* the epoch: written between epochs only */
    uint64_t epoch;
    epoch_order order[2];       /* [epoch % 2]: of this one and the next */
    int64_t start_batch;        /* in the stream: where this run began */
    int64_t first_batch;        /* the same, of this rank's turn 0 */
    bool resumed;
    int64_t turns;              /* batches of this rank; -1: not known */
    int64_t ahead;              /* those of the next epoch, if they may be begun: its
                                   turns follow those of this one */

    plat_mutex bad_lock;        /* of free_bads */
    bad *free_bads;
    plat_mutex lock;
    plat_cond work, read, done, parked;

    /* guarded */
    atomic_bool stop;           /* also read without the lock */
    bool running;               /* an epoch is in the making */
    bool in_epoch;              /* the caller is in it: no longer after its end */
    slot *slots; int nslots;
    slot **free_slots; int nfree;   /* the last released on top: its pages are warm */
    slot **by_turn;             /* [turn % nslots]: opened and not yet taken, or NULL */
    int held;                   /* by the caller */
    int used_most;              /* slots that were ever in use at once */
    bool waiting;               /* the caller, for a batch it was not told of yet */
    int64_t told;               /* when it was woken last */
    int64_t touched;            /* of all slots */
    run *runs; int nruns;
    lane *lanes; int nlanes;    /* kept.c */
    int64_t serial;
    int64_t plan_turn, plan_row;/* fixed.c */
    int64_t next_turn;          /* to be handed out */
    int64_t ns_per_record;
    int64_t typical;            /* bytes of a record by now; source.typical is the
                                   first guess */
    int sleeping, sleeping_readers, to_wake;
    scratch *free_scratch;
    int64_t largest_out;        /* bytes of ragged values of a batch, so far */
    int64_t input_bytes;        /* of all runs */
    bool parts;                 /* of files only what is used is read */
    int64_t bytes_read, idle_read_ns, idle_full_ns;

    /* adjust.c, guarded */
    control control;
    int64_t control_ns;         /* the interval; 0: none */
    int64_t due;                /* its end; INT64_MAX: it has not begun */
    bool all;                   /* all work, whatever was decided */
    int active, active_readers; /* the first so many work, the others are parked */
    int ahead_now;              /* the same of batches in the making, or made */
    demand demand;
    marks marks;
    tally tally;
    int64_t rows_made, reading_ns, parked_ns, idle_readers_ns;

    worker *workers; int nworkers;
    worker *readers; int nreaders;
    int nthreads;               /* 0: the caller does the work */
    int64_t dense_bytes;        /* of a slot, more than 0 */
    int ahead_most;             /* batches that are made ahead and not taken: at first */
    int ahead_limit;            /* the same, ever */
    bool shares;                /* slots lie in the file shared_fd, for another process */
    int shared_fd;
    arena shared;               /* that file */
    atomic_llong out_bytes;     /* taken from the arenas of all slots in use */
    int64_t part_rows;          /* kept.c: most rows of a part */

    /* the caller's */
    FILE *report;
    char *report_line;          /* its buffer, where ranks share it */
    char *lines; size_t nlines; /* what it holds, if it is for another process */
    int64_t epoch_bad;
    int64_t ended;              /* epochs whose end it was told */
    bool told_of_nothing, told_note;
    pipert_stats stats;
    saved *restored;            /* until its epoch begins */
};

static inline bool schedule_pauses(const worker *w) {
    if (atomic_load_explicit(&w->p->stop, memory_order_relaxed)) return true;
    return w->until && plat_now() >= w->until;
}

static inline uint64_t schedule_id(const pipert *p, const run *r, int64_t i) {
    uint64_t index = (uint64_t)r->index[i - r->at];
    if (!p->feature->has_sample) return index;
    return order_child(index, schedule_place(p, r, r->first + i));
}

/* pipert_next and pipert_wait of a handle that is started, without a meter. */
int pipert_take(pipert *, pipert_batch **);
int pipert_await(pipert *, int64_t milliseconds);

/* Sets the error text and the sticky status; returns the status. */
int fail_with(pipert *, int status, const char *format, ...);
/* The same for a call that did nothing: the run goes on. */
int tell_with(pipert *, int status, const char *text);
void log_text(pipert *, int level, const char *format, ...);
/* Of a pipert *, asked often: whether the caller wants the opening to end. */
bool pipert_stops(void *handle);
#endif
