#include "cost_model.h"
#include <math.h>

static const double ENOUGH = .99;       /* of the most: more threads for less are none */
static const double ROOM = 1.05;        /* over a wished rate, for chance */
enum { MOST_DEPTH = 64, MOST_AHEAD = 64, LEAST_AHEAD = 8, SECOND = 1000000000 };

const char *resource_name(Resource r) {
    static const char *const names[] = {"workers", "cores", "source", "memory bandwidth",
                                        "memory", "hand-over"};
    return names[r];
}

static double per_second(double ns) { return ns > 0 ? SECOND / ns : INFINITY; }

/* ---- what each resource lets through, in records of the source ---- */

/* A worker has at most a quarter of all batches in work: few batches are for few. */
static double workers_fed(const Workload *w, const Machine *m, Counts c) {
    double slots = w->batch_bytes > 0 && m->memory > 0 ? floor(m->memory / w->batch_bytes)
                                                       : INFINITY;
    slots = fmin(slots, c.ahead > 0 ? c.ahead : INFINITY);
    return fmin(c.workers, fmax(1, 4 * slots));
}

/* A copy of n bytes moves 2 n; one core alone does not fill the memory's lanes. */
static double by_bandwidth(const Workload *w, const Machine *m) {
    double lanes = fmin(m->cores, 4);
    return w->moved > 0 && m->copy > 0 ? 2 * m->copy * lanes / w->moved * SECOND : INFINITY;
}

static double by_source(const Workload *w, Counts c) {
    return c.depth > 0 ? c.depth * per_second(w->read_ns) : INFINITY;
}

static double worker_ns(const Workload *w, Counts c) {
    return w->worker_ns * (1 + w->crowd * (c.workers - 1));
}

bool model_has_room(const Workload *w, const Machine *m) {
    return m->budget <= 0 || w->batch_bytes <= m->budget;
}

static double by_memory(const Workload *w, const Machine *m, Counts c) {
    double fed = workers_fed(w, m, c);
    if (!model_has_room(w, m)) return 0;
    return fed < c.workers ? fed * per_second(worker_ns(w, c)) : INFINITY;
}

Rate model_rate(const Workload *w, const Machine *m, Counts c) {
    double rows = w->rows > 0 ? w->rows : 1;
    Rate rate = {.rows = INFINITY};
    rate.limit[RES_WORKERS] = rows * c.workers * per_second(worker_ns(w, c));
    rate.limit[RES_CORES] = rows * m->cores * per_second(w->cpu_ns);
    rate.limit[RES_SOURCE] = rows * by_source(w, c);
    rate.limit[RES_BANDWIDTH] = rows * by_bandwidth(w, m);
    rate.limit[RES_MEMORY] = rows * by_memory(w, m, c);
    rate.limit[RES_HANDOVER] = fmax(w->batch, 1) * per_second(w->handover_ns);
    for (int r = 0; r < RESOURCES; r++)
        if (rate.limit[r] < rate.rows) {
            rate.rows = rate.limit[r];
            rate.slowest = (Resource)r;
        }
    return rate;
}

/* ---- what to take ---- */

/* Reads take very different times, and a reader that waits costs nothing. */
static int depth_for(const Workload *w, double rows) {
    double need = rows / fmax(w->rows, 1e-9) * w->read_ns / SECOND;
    double depth = ceil(1.5 * need + .5);
    if (w->read_ns <= 0) return 0;
    return (int)fmin(fmax(depth, 2), MOST_DEPTH);
}

/* What lasts a quarter of a second, and a batch in the work of each worker. */
static int ahead_for(const Workload *w, const Machine *m, double rows, int workers) {
    double ready = ceil(rows / fmax(w->batch, 1) / 4) + workers;
    double most = w->batch_bytes > 0 && m->memory > 0 ? floor(m->memory / w->batch_bytes)
                                                      : MOST_AHEAD;
    double ahead = fmin(fmax(ready, LEAST_AHEAD), MOST_AHEAD);
    return (int)fmax(fmin(ahead, most), 1);
}

static Counts counts_for(const Workload *w, const Machine *m, const ModelWish *wish,
                         int workers) {
    Counts c = {workers, MOST_DEPTH, MOST_AHEAD};
    double rows = model_rate(w, m, c).rows;
    if (wish->rate > 0) rows = fmin(rows, ROOM * wish->rate);
    c.depth = wish->no_prefetch ? 1 : depth_for(w, rows);
    c.ahead = wish->no_prefetch ? 1 : ahead_for(w, m, rows, workers);
    return c;
}

Counts model_choose(const Workload *w, const Machine *m, ModelWish wish) {
    int most = wish.no_parallel ? 1 : m->cores > 1 ? m->cores : 1, workers = 1;
    double goal = 0;
    for (int n = 1; n <= most; n++)
        goal = fmax(goal, ENOUGH * model_rate(w, m, counts_for(w, m, &wish, n)).rows);
    if (wish.rate > 0) goal = fmin(goal, ROOM * wish.rate);
    for (; workers < most; workers++)
        if (model_rate(w, m, counts_for(w, m, &wish, workers)).rows >= goal) break;
    return counts_for(w, m, &wish, workers);
}
