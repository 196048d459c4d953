/* What the sections of a feature (pl_section) cost: listens to some of the calls of each
 * worker, and times as many others as wholes, so that the price of listening can be told. */
#ifndef PIPERT_PROFILE_H
#define PIPERT_PROFILE_H
#include "plan.h"
#include "plat.h"
#include <stdatomic.h>
#include <stdbool.h>

/* One record: ns of a section, and how many elements it made; of a read: bytes. */
typedef struct profile_point { double elements, ns; } profile_point;
/* In the order of time; when there is no more room, every second is forgotten, and of those
 * that come every `stride`th is kept. */
typedef struct profile_points {
    profile_point *at;
    int64_t n, room, seen, stride;
} profile_points;

typedef struct profile_section {
    profile_points points;      /* at most PROFILE_POINTS */
    int64_t records;            /* that came by */
    int64_t rejected;           /* of these, by a `where` here */
    double ns, elements;        /* sums */
    int64_t asked;              /* PL_SECTION_BRANCH: of these, `elements` were taken */
} profile_section;

/* One call of so many is listened to, by chance: records may come in turns. RARELY,
 * SELDOM: of calls that cost little. */
enum { PROFILE_POINTS = 1 << 15, PROFILE_EVERY = 7, PROFILE_RARELY = 63,
       PROFILE_SELDOM = 511 };

typedef struct profile {
    const pl_feature *feature;
    plat_mutex lock;            /* guards all below */
    profile_section *section;   /* feature->nsections */
    profile_section read;       /* records: files or lines that were read */
    double read_cpu_ns;         /* of all of them */
    struct recorder *recorders; /* of all workers */
    int64_t calls;              /* of compiled code, but for the last; of these … */
    int64_t heard;              /* … were listened to, and … */
    profile_points plain;       /* … timed as wholes */
    int64_t entered[PL_MAX_LEVELS], kept[PL_MAX_LEVELS];    /* records by level, if
                                   there is an `each` */
    atomic_bool off;            /* nothing is timed, reads excepted */
    bool full;                  /* no memory for more points */
} profile;

/* Of a handle that is not started yet; it lives as long. NULL: no memory. */
struct pipert;
profile *profile_of(struct pipert *);
profile *profile_new(const pl_feature *);
void profile_free(profile *);
/* Of compiled code, when the threads have stopped and their recorders are there. */
int64_t profile_calls(const profile *);

/* Of one worker (worker.recorder); NULL: no memory. */
struct worker;
typedef struct recorder recorder;
recorder *recorder_new(profile *, struct worker *);
void recorder_free(recorder *);
/* Around a call of the compiled code for one record that call_begins (internal.h) chose. */
void recorder_begin(struct worker *);
void recorder_end(struct worker *, int verdict);
/* Whether that does anything now; if not, so many calls may be told at once, after them. */
bool recorder_hears(const struct worker *);
void recorder_skip(struct worker *, int64_t calls);
/* A record, or a row of an `each`, was entered. */
void recorder_level(struct worker *, int level, int verdict);

/* Since then: plat_now, plat_thread_now. */
void profile_read(profile *, int64_t since, int64_t thread_since, int64_t bytes,
                  int64_t records);

/* The mean of ns, of the middle of several stretches of time: what disturbs some of them
 * does not count, what happens to few records does. */
double profile_mean(const profile_points *);

/* ns = a + b * elements, by least squares; what lies far off does not count. Of one size
 * alone: a and r2 are 0. */
typedef struct profile_line { double a, b, r2; int64_t points; } profile_line;
profile_line profile_fit(const profile_points *);
#endif
