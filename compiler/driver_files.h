/* Files and processes, as the driver needs them: sources read whole, a scratch
 * folder, results that appear whole or not at all, tools run without a shell. */
#ifndef PIPEC_DRIVER_FILES_H
#define PIPEC_DRIVER_FILES_H
#include <stdbool.h>
#include "options.h"

/* ---- places ---- */
typedef struct Places {
    const char *bin;            /* folder of this executable */
    const char *lib;            /* ../lib beside it: kernel packs */
    const char *share;          /* ../share/pipec: headers, kernels */
    const char *scratch;        /* made by places_scratch, or NULL */
} Places;

void places_find(Places *, Arena *);
const char *places_temporary(void);     /* TMPDIR or /tmp */
/* An own empty folder that places_drop, or a signal that ends us, removes; NULL if none
 * can be made. */
const char *places_scratch(Places *, Arena *);
void places_drop(Places *);

/* ---- files ---- */
/* The whole file, in the arena, with a zero behind it; NULL and errno. */
char *file_read(Arena *, const char *path, size_t *size);
bool file_exists(const char *path);             /* no folder, no device */
bool file_same(const char *a, const char *b);   /* one file by two names */
const char *file_base(const char *path);        /* behind the last slash */
const char *file_folder(Arena *, const char *path);     /* "." if it has none */
bool file_ends_with(const char *path, const char *end);
const char *file_stem(Arena *, const char *path);       /* base without its extension */
const char *file_join(Arena *, const char *folder, const char *name);
bool file_make_folders(Arena *, const char *path);      /* as mkdir -p */
/* Moves a finished file to its place; across file systems too. */
bool file_move(Arena *, const char *from, const char *to);

/* ---- processes ---- */
typedef struct Process {
    int status;                 /* exit status; 127: not started; 128 + n: signal n */
    const char *output;         /* stdout and stderr together */
} Process;

/* Runs a program of PATH with a folder as its own (NULL: ours). */
Process process_run(Arena *, const char *const *argv, const char *folder);
/* Whether PATH has it. */
bool program_exists(Arena *, const char *name);
/* Trees are walked by recursion, to the length of a chain of fields. The system leaves
 * some 128 MB below the stack, whatever its limit is. Restored for who is executed. */
void stack_raise(void);
void stack_restore(void);
#endif
