/* Inputs of which only what is used is read. Such a value is memory of the file's size,
 * of which a head is filled; code that reads elsewhere asks for the bytes first
 * (source_need). Pages that nobody asks for are never touched. */
#ifndef PIPERT_SOURCE_PART_H
#define PIPERT_SOURCE_PART_H
#include "../source.h"

enum { PART_RANGES = 16 };

typedef struct part_range { int64_t from, to; } part_range;

struct source_part {
    source_reader *reader;
    const char *path;
    plat_stat is;               /* the file, when its head was read */
    char *data;
    int n;
    part_range range[PART_RANGES];      /* that are there: apart, in order */
    source_failure failed;      /* nothing more can be read */
};

/* Whether a file is to be read by parts. */
bool part_fits(const source *, const source_reader *, const plat_stat *);
/* Makes the value and reads its head. 0 or an error of the system; value->data is NULL
 * where the file is to be read whole: there is no room, or it has become shorter. */
int part_begin(source *, source_reader *, const char *path, int fd, const plat_stat *,
               pl_value *value);
/* All records of the reader are through: if most of such files is used, to read all of
 * them ahead is better from now on. */
void part_count(source_reader *);
#endif
