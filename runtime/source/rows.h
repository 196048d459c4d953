/* A text file of rows, indexed in bounded memory: the place of every stride-th row
 * is kept, the ones between are found again when they are read. */
#ifndef PIPERT_ROWS_H
#define PIPERT_ROWS_H
#include "../source.h"

typedef struct row_at { int64_t offset, line; } row_at;

typedef struct rows {
    char *path;                 /* readable beyond its end, as bytes values are */
    int fd;                     /* -1: opened for every read */
    char delimiter;             /* not 0: "…" may hold line ends (CSV) */
    bool skip_blank;            /* blank lines are no rows */
    plat_stat opened;           /* the file, before it was indexed */
    int64_t size, count;
    row_at *at;                 /* [k]: where row k * stride begins; lines from 1 */
    int64_t kept, stride;
} rows;

/* Indexes a file; rows begin at `begin`. 0, or a message in why. `hold`: keep the
 * file open. stop: NULL, or who may end it. */
int rows_open(rows *, const char *path, int64_t begin, char delimiter, bool skip_blank,
              bool hold, const stopper *stop, char *why, size_t n);
void rows_close(rows *);
/* Rows [first, first + n), without their line ends, to row[]: returns how many, at
 * least 1. One that cannot be read has data NULL; *why then says why. */
int64_t rows_read(const rows *, source_reader *, int64_t max_bytes, int64_t first,
                  int64_t n, pl_value *row, const char **why);
/* Adds the file's path, and its size and time when it was opened; 1: it has changed since,
 * so that nobody knows what the rows are of. */
int rows_identify(const rows *, source_add *, void *to);
/* The line of the file that a row begins in, from 1; 0: the file cannot be read. */
int64_t rows_line(const rows *, int64_t index);
/* Where the row that begins at p ends (its line end or `end`); *next: behind it. */
const char *rows_end(char delimiter, const char *p, const char *end, const char **next);
#endif
