/* What `pipert profile` has seen of a run: profile.c measures, profile_file.c writes it. */
#ifndef PIPERT_TOOL_PROFILING_H
#define PIPERT_TOOL_PROFILING_H
#include "tool.h"
#include "../profile.h"
#include "yaml_file.h"

enum { SLICES = 512 };

/* A while in which nothing was timed: what the workers and the process did. */
typedef struct slice { double wall, busy, cpu, caller, rows; } slice;

typedef struct profiling {
    options o;
    pipert *p;
    profile *profile;
    int64_t began, took;        /* ns */
    double handover;            /* ns of next and release, where a batch is ready */
    slice slice[SLICES], timed[SLICES]; /* whiles without and with timing */
    int nslices, ntimed;
    slice from;                 /* where the one that runs began: counters */
    int64_t turned;             /* when timing was turned on or off last */
    int64_t rows;               /* that were taken */
    int crowd;                  /* threads of another run, */
    double crowd_rows;          /* and its rows a second; 0: not measured */
    bool reads;                 /* there are threads that read ahead */
} profiling;

typedef double slice_ratio(const slice *);
/* Of the whiles without timing: the middle one; 0: there is none. */
double profiling_median(const profiling *, slice_ratio *);
/* What timing costs, of the CPU time of a run without it. */
double profiling_timing(const profiling *);
double slice_cpu(const slice *);

void profile_put(yml_writer *, const profiling *);
#endif
