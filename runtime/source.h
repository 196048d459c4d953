/* A source: a finite, indexed sequence of records. One file per source below
 * source/, one row in source.c. Sources know nothing of order, batches or
 * features: they read the records they are asked for.
 *
 *     source s;
 *     if (source_open(&s, "lines", &request, why, sizeof why)) …
 *     n = source_read(&s, &reader, index, count, values)
 *     source_close(&s)
 *
 * An open source is read-only and may be read from many threads, each with its
 * own reader. */
#ifndef PIPERT_SOURCE_H
#define PIPERT_SOURCE_H
#include "memory.h"
#include "plan.h"
#include "stop.h"

/* bytes values are readable that far beyond their end */
#define SOURCE_SLACK 64

/* How a source is opened. Arrays stay the caller's and outlive the source. */
typedef struct source_request {
    const pl_argument *args;            /* in the order of the source's parameters */
    int nargs;
    const pl_input *inputs;             /* what is to be read, in this order */
    int ninputs;
    const pl_column *columns;           /* manifest */
    int ncolumns;
    const char *read_column;            /* manifest, or NULL */
    int64_t max_bytes;                  /* of one record */
    const stopper *stop;                /* of the opening, or NULL */
} source_request;

typedef struct source source;

typedef struct source_failure {
    const char *why;            /* a record cannot be read; NULL: it was */
    bool lack;                  /* of something that the process has not: any record
                                   might have met it */
} source_failure;

/* Where one thread's records go. */
typedef struct source_reader {
    arena memory;               /* inputs live here until the next reset */
    arena parts;                /* the same for those that are read by parts; size 0: all
                                   are read whole */
    struct source *parts_of;    /* whose they are; NULL: there are none */
    size_t held;                /* bytes of them that were read, */
    int64_t files;              /* of so many */
    size_t soft;                /* stop a read once memory holds so many bytes */
    source_failure *failed;     /* [record]; NULL while all is well */
    int error;                  /* of source_error, for the next source_fail; or 0 */
    int64_t bytes;              /* read from files, ever */
} source_reader;

typedef void source_add(void *to, const void *bytes, size_t n);

typedef struct source_ops {
    const char *name;
    /* Opens; sets count and reads. 0, or a message in why. Finds the field of
     * each input with source_want. */
    int (*open)(source *, char *why, size_t n);
    /* Reads records index[0..n) into values[record * ninputs + input]. Returns
     * how many: at least 1, less than n if the reader's soft limit is passed. */
    int64_t (*read)(source *, source_reader *, const int64_t *index, int64_t n,
                    pl_value *values);
    /* The record's name for people: its path, or "". */
    void (*describe)(source *, int64_t index, char *to, size_t n);
    /* Adds all that the record's inputs hang on: of a file path, size and time of change,
     * not its bytes. 1: that cannot be known now. */
    int (*identify)(source *, int64_t index, source_add *, void *to);
    void (*close)(source *);
} source_ops;

struct source {
    const source_ops *ops;
    source_request request;
    int64_t count;
    bool reads;                         /* a read may wait for a disk */
    int64_t typical;                    /* bytes of a record, the first guess; 0: none */
    const char *const *classes;         /* names behind `label` */
    int nclasses;
    int indexed;                        /* the input that source_read_file reads, whose
                                           bytes may have an index; -1: none */
    struct index_cache *indexes;        /* of its folders; NULL: none */
    int64_t part_files, part_used;      /* bytes of files read by parts, of those parts */
    bool whole;                         /* no more of them: that would be slower */
    char *note;                         /* for the log, once; set by any thread */
    void *state;                        /* the source's own */
};

/* A file of which only a part is there (source/part.h). */
typedef struct source_part source_part;

/* What stands before the bytes of an input that may be indexed. */
typedef struct source_index {
    const void *index;                  /* NULL: none */
    size_t bytes;
    char format[8];
    int64_t modified;                   /* of the file, plat_stat.modified */
    source_part *part;                  /* NULL: all bytes are there */
    char unused[SOURCE_SLACK - 40];
} source_index;

/* Of an input that may be indexed. */
static inline source_part *source_part_of(const void *data) {
    return ((const source_index *)data)[-1].part;
}

const source_ops *source_find(const char *name);
/* 0, or a message in why; the source is then closed. */
int source_open(source *, const char *name, const source_request *, char *why,
                size_t n);
void source_close(source *);
int64_t source_read(source *, source_reader *, const int64_t *index, int64_t n,
                    pl_value *values);
void source_describe(source *, int64_t index, char *to, size_t n);

bool source_reader_init(source_reader *, int64_t max_bytes, size_t soft);
/* From now on inputs that are wanted so are read by parts, if there is address space. */
void source_reader_parts(source_reader *, int64_t max_bytes);
void source_reader_fini(source_reader *);
/* Forgets all records read so far. */
void source_reader_reset(source_reader *);
/* Bytes that its records take. */
size_t source_reader_bytes(const source_reader *);
/* Reads what is not there of a part's bytes from..to; the caller has the reader. NULL, or
 * why they cannot be had: from then on nothing more is read of it. */
const source_failure *source_need(source_part *, int64_t from, int64_t to);

/* ---- for the sources ---- */
/* Number of the input's name in a list of the source's fields, or -1. */
int source_field(const char *const *fields, const char *name);
/* Memory for n bytes and the slack, or NULL. */
void *source_take(source_reader *, size_t n);
/* What the text, which is kept, says of the error of source_error. */
source_failure source_describe_failure(source_reader *, const char *text);
/* The system's error that the next source_fail is about. */
void source_error(source_reader *, int error);
/* Notes that record `at` of the n of this read fails; its values are zeroed. */
void source_fail(source *, source_reader *, int64_t at, int64_t n,
                 pl_value *values, const char *format, ...);
/* The argument's text with a final 0, from malloc; NULL if it was not given. */
char *source_text(const source_request *, int argument);
bool source_given(const source_request *, int argument);
/* Adds a file's path, size and time of change; source_identify_file as they are now; 1:
 * there is no such file. */
void source_add_file(const char *path, const plat_stat *, source_add *, void *to);
int source_identify_file(const char *path, source_add *, void *to);
/* Tells the log what holds for many records; the first one counts. */
void source_note(source *, const char *format, ...);
/* A file's bytes, with its index where the source is indexed. 0; or fails record `at`, as
 * source_fail, and returns 1. */
int source_read_file(source *, source_reader *, const char *path, int64_t at,
                     int64_t n, pl_value *values, pl_value *value);
#endif
