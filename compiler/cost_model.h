/* How fast a pipeline runs: not the sum of its stages, but what its slowest resource lets
 * through. Plain functions over numbers. Times are in ns for one record of the source,
 * rates in rows that come out, for each second. docs/optimizer.md has the formulas. */
#ifndef PIPEC_COST_MODEL_H
#define PIPEC_COST_MODEL_H
#include <stdbool.h>
#include <stdint.h>

typedef struct Workload {
    double worker_ns;           /* that a worker is busy */
    double cpu_ns;              /* that cores are: workers, readers, all else */
    double read_ns;             /* until a reader has it; 0: nobody reads ahead */
    double moved;               /* bytes to and from memory */
    double rows;                /* that come out of a record */
    double batch, batch_bytes;  /* rows; 0: not known */
    double handover_ns;         /* of a batch, to the caller */
    double crowd;               /* the part by which each more worker slows down all */
} Workload;

typedef struct Machine {
    int cores;
    double copy;                /* bytes/ns that one core copies; 0: not known */
    double memory;              /* bytes for batches */
    double budget;              /* bytes for all; 0: more is taken for one batch */
} Machine;

/* Threads that compute, reads at once, batches made ahead. */
typedef struct Counts { int workers, depth, ahead; } Counts;

typedef enum Resource {
    RES_WORKERS, RES_CORES, RES_SOURCE, RES_BANDWIDTH, RES_MEMORY, RES_HANDOVER, RESOURCES
} Resource;

typedef struct Rate {
    double rows;                /* a second */
    Resource slowest;
    double limit[RESOURCES];    /* that each would let through; INFINITY: it is not used */
} Rate;

Rate model_rate(const Workload *, const Machine *, Counts);

typedef struct ModelWish {
    double rate;                /* rows a second that are taken; 0: as many as can be had */
    int no_prefetch, no_parallel;
} ModelWish;

/* The fewest workers, reads and batches ahead that give the most, or the wished rate. */
Counts model_choose(const Workload *, const Machine *, ModelWish);

/* For one batch; else nothing runs. */
bool model_has_room(const Workload *, const Machine *);

const char *resource_name(Resource);
#endif
