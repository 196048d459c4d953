/* What a trainer takes and how long it waits, told to `pipert headroom` by a file that both
 * map, which the environment names. If the file says so the first batches are handed out
 * again and again, which costs nothing: then the trainer alone sets the rate. */
#ifndef PIPERT_METER_H
#define PIPERT_METER_H
#include <stdatomic.h>
#include <stdint.h>

#define METER_VARIABLE "PIPERT_HEADROOM"

enum { METER_MAGIC = 0x6d657465, METER_HANDLES = 64, METER_KEPT = 3 };

/* Of one handle. Times are of plat_now, ns; first, last: when a batch was handed out. */
typedef struct meter_row {
    atomic_llong batches, rows, wait, first, last;
} meter_row;

typedef struct meter_file {
    int32_t magic;
    int32_t replay;             /* 1: first batches for ever */
    atomic_int n;               /* handles that were started */
    meter_row row[METER_HANDLES];
} meter_file;

/* Of a handle; pipert.c calls these. */
typedef struct meter meter;
struct pipert;
struct pipert_batch;
meter *meter_open(void);        /* NULL: nobody asks */
void meter_close(meter *);
/* Instead of the calls of pipert.h. */
int meter_next(meter *, struct pipert *, struct pipert_batch **);
int meter_wait(meter *, struct pipert *, int64_t milliseconds);
/* Whether the batch is one of those that stay. */
int meter_keeps(const meter *, const struct pipert_batch *);
#endif
