/* Diagnostics: errors are data. Every error has a row in diag.def; a
 * compilation collects many and prints them in the order of their places. */
#ifndef PIPEC_DIAG_H
#define PIPEC_DIAG_H
#include <stdio.h>
#include "arena.h"

/* A source file, kept whole for carets. */
typedef struct File {
    const char *path;      /* as the user wrote it, or "std/image" */
    const char *real;      /* canonical path on disk; NULL: embedded or text */
    const char *text;
    size_t size;
    int is_std;            /* belongs to dsl/std */
} File;

/* A place: half-open byte range of a file. file == NULL: nowhere. */
typedef struct Loc {
    const File *file;
    int from, to;
} Loc;

/* 1-based line and column (column in bytes) of loc.from. */
void loc_line(Loc, int *line, int *column);

typedef enum DiagCode {
#define DIAG(code, severity, title) DIAG_##code,
#include "diag.def"
#undef DIAG
    DIAG_COUNT
} DiagCode;

typedef enum { SEV_ERROR, SEV_WARNING, SEV_NOTE } Severity;

typedef struct Diags Diags;
typedef struct Diag Diag;      /* one message, to which notes can be added */

Diags *diags_new(Arena *);
/* Adds a message; the format gives the text after "error[CODE]: ". */
Diag *diag_at(Diags *, DiagCode, Loc, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A second place with its own caret ("declared here", the other side). */
void diag_note(Diags *, Diag *, Loc, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What to do next: "write `a // b` or `f32(a) / b`". */
void diag_help(Diags *, Diag *, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int diags_errors(const Diags *);
int diags_count(const Diags *, DiagCode);
/* Prints all in order of file and place: path:line:column: severity[CODE]: …,
 * the line, carets, notes, help. `color`: ANSI. Equal messages once. */
void diags_print(const Diags *, FILE *, int color);

/* The nearest of n names to a misspelt one, or NULL if none is near. */
const char *nearest_name(const char *word, const char *const *names, int n);

/* A broken invariant of ours: prints where and aborts. */
_Noreturn void bug(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
#endif
