/* pipert: runs a compiled feature and hands out its batches.
 *
 *     pipert *p;
 *     pipert_batch *b;
 *     if (pipert_open(&p, "feature.so", NULL) || pipert_set(p, "root", "data"))
 *         return puts(pipert_error(p)), 1;
 *     while (pipert_next(p, &b) == PIPERT_OK) {        one epoch
 *         train(b->output[0].data, b->output[1].data);
 *         pipert_release(p, b);
 *     }
 *     pipert_close(p);
 *
 * A handle is used by one thread at a time, but for pipert_release, which any thread
 * may call at any time; different handles are independent.
 * The library prints nothing, never exits (but in pipert_serve), and keeps no global
 * state. What a handle hands out belongs to it. Text is UTF-8, sizes are in bytes. */
#ifndef PIPERT_H
#define PIPERT_H
#include <stddef.h>
#include <stdint.h>

#if defined __GNUC__
#define PIPERT_API __attribute__((visibility("default")))
#else
#define PIPERT_API
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* ---- status ---- */
#define PIPERT_STATUS(X)                                                         \
    X(OK, 0, "done")                                                             \
    X(END, 1, "the epoch has no more batches")                                   \
    X(AGAIN, 2, "no batch yet")                                                  \
    X(ARGUMENT, -1, "a wrong argument")                                          \
    X(LOAD, -2, "the feature cannot be loaded")                                  \
    X(PARAMETER, -3, "a wrong or missing parameter")                             \
    X(SOURCE, -4, "the source cannot be opened")                                 \
    X(MADE, -5, "what is made at open failed")                                   \
    X(MEMORY, -6, "not enough memory")                                           \
    X(RECORD, -7, "a record failed")                                             \
    X(TOO_MANY, -8, "more records failed than max_errors allows")                \
    X(BATCH, -9, "a whole batch failed")                                         \
    X(STATE, -10, "the state does not belong to this run")                       \
    X(FILE, -11, "a file cannot be written")                                     \
    X(HELD, -12, "all batches are held; release one first")                      \
    X(PROCESS, -13, "the process that runs the feature is gone, or cannot be had")   \
    X(BUG, -14, "a broken invariant of pipert or of the compiled code")

enum {
#define X(name, code, text) PIPERT_##name = code,
    PIPERT_STATUS(X)
#undef X
};

/* ---- handles and options ---- */
typedef struct pipert pipert;
struct pl_feature;

enum { PIPERT_STREAMING, PIPERT_BATCH_MODE, PIPERT_DEBUG };         /* mode */
enum { PIPERT_ON_ERROR_FAIL, PIPERT_ON_ERROR_SKIP };                /* on_error */
enum { PIPERT_LOG_INFO, PIPERT_LOG_WARNING };
typedef void pipert_log(void *context, int level, const char *message);

typedef struct pipert_options {
    uint64_t seed, epoch;       /* of the first epoch; default 0 */
    int rank, world;            /* default 0 of 1 */
    int threads;                /* that compute; 0: the cores of this process */
    int readers;                /* that read ahead; 0: chosen */
    int mode;                   /* all at once; stage by stage; plain, in this thread */
    int64_t memory;             /* for batches and what is read ahead; 0: the larger of
                                   512 MB and three batches, as far as there is */
    int on_error;
    int64_t max_errors;         /* tolerated records per epoch; -1: any number */
    double max_error_rate;      /* of the epoch's places; < 0: any */
    const char *report;         /* for failed records, JSON lines: docs/failure.md */
    int cpu;                    /* highest x86-64 level, 1 to 4; 0: all; -1: plain code */
    int64_t max_bytes;          /* per record: of its file, of memory; 1 GiB */
    int64_t max_pixels;         /* per record, asked by decoders; default 2^27 */
    pipert_log *log; void *log_context;
    int64_t epochs;             /* that will be asked for; 0: not known: the next is begun
                                   in time */
    int allow_changed;          /* 1: take the state of a feature that was changed */
    const char *const *sidecar; /* a command, ended by NULL, that calls pipert_serve,
                                   as {"pipert", "serve", NULL}: runs the feature */
    int (*stops)(void *log_context);    /* asked while a source opens: 1 ends that */
    double control_interval;    /* s: fits threads to the caller; 0: never; default 1 */
    const char *cache;          /* of `cache`: a folder; "": off; NULL: as it is written */
    void *reserved[2];          /* zero */
} pipert_options;

/* The defaults; options = NULL below means these. */
PIPERT_API void pipert_defaults(pipert_options *);

/* Loads a feature: a file that pipec wrote, or one that is linked in. *out is
 * NULL only without memory; otherwise it must be closed, after an error too. */
PIPERT_API int pipert_open(pipert **out, const char *path, const pipert_options *);
PIPERT_API int pipert_open_feature(pipert **out, const struct pl_feature *,
                                   const pipert_options *);
/* Sets a parameter, before the start: 12, 1e-3, true, [[1, 2], [3, 4]], text as it is. */
PIPERT_API int pipert_set(pipert *, const char *name, const char *value);
/* Binds the parameters, opens the source, starts the threads. The first
 * pipert_next does it where it was not called. */
PIPERT_API int pipert_start(pipert *);
/* Stops the threads: there are no more batches; those that are held stay good.
 * PIPERT_FILE: the report is not whole; else PIPERT_OK. */
PIPERT_API int pipert_stop(pipert *);
/* The same, and frees everything. Held batches are gone. NULL is fine. */
PIPERT_API int pipert_close(pipert *);

/* Of a process that is options.sidecar: it serves the one that started it, ends with
 * that, and never returns. */
PIPERT_API void pipert_serve(void);

/* What went wrong last, for people; "" if nothing did. */
PIPERT_API const char *pipert_error(const pipert *);
PIPERT_API const char *pipert_status_text(int status);
PIPERT_API const char *pipert_version(void);

/* ---- batches ---- */
typedef enum pipert_dtype {
    PIPERT_BOOL, PIPERT_U8, PIPERT_I8, PIPERT_U16, PIPERT_I16, PIPERT_U32, PIPERT_I32,
    PIPERT_U64, PIPERT_I64, PIPERT_F16, PIPERT_BF16, PIPERT_F32, PIPERT_F64
} pipert_dtype;
/* Bytes of one element, 0 if there is no such dtype; "f32". */
PIPERT_API int pipert_dtype_size(int dtype);
PIPERT_API const char *pipert_dtype_name(int dtype);

typedef struct pipert_output {
    const char *name;
    pipert_dtype dtype;
    int ragged;                 /* 1: see offsets */
    int rank;                   /* with the batch's dimension, ragged or not */
    int64_t dim[9];             /* row-major, dense. Ragged: dim[0] rows, others -1 */
    const void *data;           /* 64-byte aligned; ragged: row after row */
    int64_t count;              /* elements in data */
    const int64_t *offsets;     /* ragged: dim[0] + 1, in elements */
    const int32_t *shapes;      /* ragged, rank > 2: dim[0] x (rank - 1) */
} pipert_output;

typedef struct pipert_batch {
    int64_t epoch, number;      /* number in the epoch, over all ranks */
    int64_t rows, valid;        /* valid < rows: the rest is padding */
    int noutputs;
    const pipert_output *output;/* in the order of `emit` */
} pipert_batch;

/* Waits for the next batch of this rank. PIPERT_END ends an epoch; the call after
 * it begins the next one. An error ends the run: it is returned ever after. */
PIPERT_API int pipert_next(pipert *, pipert_batch **);
/* Waits at most so long; PIPERT_OK: pipert_next will not wait. */
PIPERT_API int pipert_wait(pipert *, int64_t milliseconds);
/* Gives a batch back. Several may be held, as far as the memory goes. */
PIPERT_API int pipert_release(pipert *, pipert_batch *);

/* ---- what is known of a feature ---- */
typedef struct pipert_parameter {
    const char *name, *type;    /* type as written: "f32[3]" */
    const char *value;          /* set, default or fixed value; NULL: none yet */
    int at_compile;             /* 1: fixed when the feature was compiled */
} pipert_parameter;
PIPERT_API const char *pipert_name(const pipert *);
PIPERT_API int pipert_parameters(const pipert *);
PIPERT_API int pipert_parameter_at(const pipert *, int, pipert_parameter *);
/* The outputs as they are known before a batch: no data, -1 for what varies. */
PIPERT_API int pipert_outputs(const pipert *);
PIPERT_API int pipert_output_at(const pipert *, int, pipert_output *);
/* After the start: the names behind `label`, in its order; *n = 0: none. */
PIPERT_API const char *const *pipert_classes(const pipert *, int *n);

typedef struct pipert_stats {
    int64_t records, batches;   /* handed out, over all epochs */
    int64_t bad_records;        /* that failed and were skipped */
    int64_t places, places_done;/* of the epoch that runs */
    int64_t epoch_batches;      /* of this rank and epoch; -1: not known before */
    int64_t bytes_read, bytes_out, from_cache;  /* from_cache: records */
    int64_t wait_ns;            /* pipert_next waited */
    int64_t idle_read_ns, idle_full_ns, parked_ns;  /* workers, all together, waited for
                                   reading, for the caller, were not needed */
    int64_t memory, memory_used;/* the budget, and what batches and input take */
    int threads, active;        /* that compute; of them, by now */
    int readers, ahead;         /* that read by now; batches that are made ahead */
    const char *cpu;            /* of the code that runs: "x86-64-v3", "plain" */
} pipert_stats;
PIPERT_API void pipert_stats_get(pipert *, pipert_stats *);

/* ---- state: where the next batch comes from ---- */
PIPERT_API int pipert_save(pipert *, char *text, size_t size);  /* under 1 KB, with a 0 */
/* Goes on where the text says, in any world, its seed and epoch; "epoch N" is its first
 * batch. With `where` or `each` the texts of all ranks, one after the other, spare a rank
 * to go through lanes of others. What is of another feature or source is refused, at the
 * start if it is not started yet. */
PIPERT_API int pipert_restore(pipert *, const char *text);

#ifdef __cplusplus
}
#endif
#endif
