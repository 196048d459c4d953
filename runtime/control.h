/* The controller's decisions: what was measured in an interval goes in, a setting comes
 * out. No clock, lock or thread is in here (control.c), so it is tested by simulation;
 * adjust.c measures and applies. README.md has the formulas. Times are in seconds. */
#ifndef PIPERT_CONTROL_H
#define PIPERT_CONTROL_H
#include <stdbool.h>
#include <stddef.h>

/* Threads that compute, threads that read ahead, batches that are made ahead. */
typedef struct control_setting { int threads, readers, ahead; } control_setting;

/* Of one interval. Batches are counted in rows: half of one is .5. */
typedef struct control_measure {
    double taken;               /* batches that the trainer took */
    double waited, computed;    /* what it did meanwhile; pauses are neither */
    double made;                /* batches that were made */
    double busy;                /* of all threads together … */
    double for_input, for_room; /* … that waited for reading, for the trainer */
    double reading;             /* of all reads together */
    double variation;           /* squared coefficients of variation of the time that
                                   the trainer, and that a thread, needs for a batch:
                                   their sum */
    double piece;               /* batches that a thread has in work at once */
} control_measure;

typedef struct control_sample {
    double stall;               /* share of its time that the trainer waited */
    double made;                /* batches a second */
    double gap, cost, reading;  /* of a batch: the trainer's time, a thread's, of reads */
    double threads, readers;    /* that are busy if the trainer never waits */
    double variation, piece;
    bool for_input, for_room;   /* what threads waited for, most of all */
} control_sample;

typedef enum {
    CONTROL_NOTHING, CONTROL_CHANGED, CONTROL_HELD, CONTROL_UNDONE
} control_outcome;

/* Why the setting was changed: what the trainer waits for; or nothing, and there is more
 * than it needs. */
typedef enum {
    CONTROL_SPARE, CONTROL_THREADS, CONTROL_READERS, CONTROL_AHEAD, CONTROL_CAUSES
} control_cause;

enum { CONTROL_AGREE = 3 };     /* intervals that must agree before it takes away */

typedef struct control {
    control_setting now, least, most;
    control_sample last[CONTROL_AGREE];         /* the newest first */
    int nlast;                  /* under this setting */
    int quiet;                  /* intervals without a change, up to a few */
    int trial;                  /* intervals left that judge a change; 0: none does */
    control_cause cause;        /* of that change … */
    control_setting before;     /* … and what was; undone: what was tried */
    control_sample then;
    int stalls;                 /* intervals of the trial in which the trainer waited */
    struct { int rest, next; double reason; } refused[CONTROL_CAUSES];
                                /* what did not help rests for so many intervals, longer
                                   each time, or until its reason is another */
} control;

/* All work that may. */
void control_init(control *, control_setting least, control_setting most);
/* The end of an interval that ran under c->now. */
control_outcome control_step(control *, const control_measure *);
/* What the step gave, and why, in a line. */
void control_explain(const control *, control_outcome, char *to, size_t n);
#endif
