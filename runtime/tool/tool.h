/* The command `pipert`: options in, files and lines out. Only this folder of the
 * runtime prints. */
#ifndef PIPERT_TOOL_H
#define PIPERT_TOOL_H
#include "../pipert.h"
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_INTERRUPTED = 130 };

typedef struct setting { char *name, *value; } setting;

/* Those that run a feature. */
typedef enum tool_command { TOOL_RUN, TOOL_PROFILE, TOOL_DOCTOR, TOOL_HEADROOM } tool_command;

typedef struct options {
    pipert_options run;
    const char *feature;
    setting *set; int nset;
    int64_t epochs, batches;    /* batches < 0: all */
    const char *dump, *show, *state;
    bool hash, quiet, json, explain;
    const char *output;         /* of a profile; NULL: standard output */
    int64_t records;            /* to profile; 0: not said */
    double seconds, batch_ms;   /* 0: not said */
} options;

/* ---- options.c ---- */
/* STATUS_OK, or STATUS_USAGE after a message on stderr. */
int options_parse(options *, tool_command, int argc, char **argv);
/* The same if no feature is named. */
int options_feature(const options *, tool_command);
void options_free(options *);
void print_help(FILE *);

/* ---- feature.c ---- */
/* Opens it, sets its parameters, and starts: a status, after a message on stderr. With
 * `listener` what its sections cost is told there. */
struct profile;
int feature_start(const options *, const pipert_options *, pipert **,
                  struct profile **listener);
/* The next batch, or PIPERT_AGAIN at that time (now_ns) or when *stop (or NULL). */
int feature_next(pipert *, int64_t until, const volatile sig_atomic_t *stop,
                 pipert_batch **);
/* A trainer that takes so long for a batch; *stop ends it. */
void feature_work(double ms, const volatile sig_atomic_t *stop);

/* ---- run.c ---- */
int run(const options *);

/* ---- index.c: the words behind `pipert index`; a status ---- */
int index_command(int argc, char **argv);

/* ---- profile.c: the words behind `pipert profile`; a status ---- */
int profile_command(int argc, char **argv);

/* ---- headroom.c: the words behind `pipert headroom`; a status ---- */
int headroom_command(int argc, char **argv);

/* ---- doctor.c: the words behind `pipert doctor`; a status ---- */
int doctor_command(int argc, char **argv);

/* ---- cache.c: the words behind `pipert cache`; a status ---- */
int cache_command(int argc, char **argv);

/* ---- storage.c ---- */
/* Bytes a ns at which values go into the folder and come back. false: not measured. */
bool storage_rates(const char *folder, double *write, double *read);

/* ---- crowd.c ---- */
/* Rows a second with so many threads, in about twice the time, more if batches are slow; 0:
 * not measured. */
double crowd_rate(const options *, int threads, double seconds);

/* ---- file.c: false: `why` (of n bytes) names the file and the reason ---- */
/* What can be known before a file is written: nothing is changed. */
bool file_possible(const char *path, char *why, size_t n);
/* The same of a file that is replaced. */
bool file_replaceable(const char *path, char *why, size_t n);
/* By this text: whole or not at all, so that what was there stays if that fails. */
bool file_replace(const char *path, const char *text, char *why, size_t n);
/* Closes f (NULL: errno says why it did not open); what is not whole is removed. */
bool file_end(FILE *f, const char *path, char *why, size_t n);
/* Makes a folder and those above it. */
bool file_make_folder(const char *path, char *why, size_t n);
/* false */
bool file_fails(const char *path, int error, char *why, size_t n);

/* ---- npy.c ---- */
/* Writes the batch's outputs as FOLDER/FIELD.NNNN.npy. */
bool npy_dump(const char *folder, int64_t number, const pipert_batch *, char *why,
              size_t n);

/* ---- sheet.c ---- */
typedef struct sheet sheet;
/* Collects images of the first output that holds some. */
sheet *sheet_new(void);
void sheet_add(sheet *, const pipert_batch *);
/* Writes them as one PNG. */
bool sheet_write(sheet *, const char *path, char *why, size_t n);
void sheet_free(sheet *);

/* ---- progress.c ---- */
typedef struct progress {
    bool on;
    int64_t start, last_time, last_records, last_bytes, last_wait, last_read, last_full;
    double rate;                /* records a second, smoothed */
    int64_t epochs, batches;    /* the run has so many; batches < 0: all */
    double first;               /* share of the run that was done before it */
} progress;

/* What the run has done. */
typedef struct counts { int64_t epochs, batches, epoch, epoch_records; } counts;

int64_t now_ns(void);
void progress_start(progress *, pipert *, const options *);
void progress_show(progress *, pipert *, const counts *);
void progress_clear(progress *);

/* ---- explain.c: what the controller did ---- */
enum { EXPLAIN_PARTS = 24 };
typedef struct explain_part { int threads; double seconds; } explain_part;
typedef struct explain {
    bool on;
    int64_t start, since, looked;       /* since: so many threads have worked */
    int threads, n;
    explain_part part[EXPLAIN_PARTS];
} explain;

void explain_start(explain *, bool on);
void explain_look(explain *, pipert *);
void explain_end(explain *, pipert *);
#endif
