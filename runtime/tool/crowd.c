/* What threads lose by being several: measured, not derived. */
#include "tool.h"
#include <stdlib.h>

typedef struct stretch { int64_t rows, batches, ns; } stretch;

/* From a batch to a later one, so that no part of one counts: as long as it takes to have
 * ENOUGH of them and `ns`, but no longer than `most`. */
enum { ENOUGH = 16, FEW = 6, STRETCHES = 3 };
static stretch take(pipert *p, int64_t ns, int64_t most) {
    stretch s = {0, -1, 0};
    int64_t began = now_ns(), until = began + most, empty = 0;
    while (empty < 2 && s.ns < most && (s.batches < ENOUGH || s.ns < ns)) {
        pipert_batch *b;
        int status = feature_next(p, until, NULL, &b);
        if (status == PIPERT_AGAIN) break;
        if (status < 0) break;
        empty = status == PIPERT_END ? empty + 1 : 0;
        if (status == PIPERT_END) continue;
        if (s.batches++ < 0) began = now_ns();
        else s.rows += b->valid;
        s.ns = now_ns() - began;
        pipert_release(p, b);
    }
    return s;
}

/* What else happens makes it slower: the best counts. First what happens once: files are
 * opened, memory is touched. */
static double measured(pipert *p, int64_t ns) {
    double best = 0;
    take(p, ns / 2, 2 * ns);
    for (int i = 0; i < STRETCHES; i++) {
        stretch s = take(p, ns / 2, 2 * ns);
        double rate = s.batches >= FEW ? (double)s.rows / (double)s.ns * 1e9 : 0;
        if (rate > best) best = rate;
    }
    return best;
}

double crowd_rate(const options *o, int threads, double seconds) {
    pipert_options run = o->run;
    pipert *p;
    double rate = 0;
    int status;
    run.threads = threads;
    run.control_interval = 0;
    run.cache = "";
    run.epochs = INT64_MAX;
    status = pipert_open(&p, o->feature, &run);
    for (int i = 0; i < o->nset && !status; i++)
        status = pipert_set(p, o->set[i].name, o->set[i].value);
    if (!status) status = pipert_start(p);
    if (!status) rate = measured(p, (int64_t)(seconds * 1e9));
    if (p) pipert_close(p);
    return rate;
}
