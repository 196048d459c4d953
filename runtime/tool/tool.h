/* The command `pipert`: options in, files and lines out. Only this folder of the
 * runtime prints. */
#ifndef PIPERT_TOOL_H
#define PIPERT_TOOL_H
#include "../pipert.h"
#include <stdbool.h>
#include <stdio.h>

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_INTERRUPTED = 130 };

typedef struct setting { char *name, *value; } setting;

typedef struct options {
    pipert_options run;
    const char *feature;
    setting *set; int nset;
    int64_t epochs, batches;    /* batches < 0: all */
    const char *dump, *show, *state;
    bool hash, quiet, json;
} options;

/* ---- options.c ---- */
/* STATUS_OK, or STATUS_USAGE after a message on stderr. */
int options_parse(options *, int argc, char **argv);
void options_free(options *);
void print_help(FILE *);

/* ---- run.c ---- */
int run(const options *);

/* ---- npy.c ---- */
/* Writes the batch's outputs as FOLDER/FIELD.NNNN.npy; false: errno says why. */
bool npy_dump(const char *folder, int64_t number, const pipert_batch *);

/* ---- sheet.c ---- */
typedef struct sheet sheet;
/* Collects images of the first output that holds some. */
sheet *sheet_new(void);
void sheet_add(sheet *, const pipert_batch *);
/* Writes them as one PNG and frees all; NULL or what went wrong. */
const char *sheet_write(sheet *, const char *path);

/* ---- progress.c ---- */
typedef struct progress {
    bool on;
    int64_t start, last_time, last_records, last_bytes, last_wait, last_read, last_full;
    double rate;                /* records a second, smoothed */
    int64_t epochs;
} progress;

int64_t now_ns(void);
void progress_start(progress *, bool quiet, int64_t epochs);
void progress_show(progress *, pipert *, int64_t epoch_records, int64_t epoch);
void progress_clear(progress *);
#endif
