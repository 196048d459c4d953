/* What threads lose by being several: measured, not derived. */
#include "tool.h"
#include <stdlib.h>

/* Rows until `until` (ns), or -1 after an error; two epochs without a row end it too. */
static int64_t take_until(pipert *p, int64_t until) {
    int64_t rows = 0, empty = 0;
    while (now_ns() < until && empty < 2) {
        pipert_batch *b;
        int status = pipert_next(p, &b);
        if (status < 0) return -1;
        empty = status == PIPERT_END ? empty + 1 : 0;
        if (status == PIPERT_END) continue;
        rows += b->valid;
        pipert_release(p, b);
    }
    return rows;
}

/* The first half is for what happens once: files that are opened, memory touched first. */
static double measured(pipert *p, int64_t ns) {
    int64_t began = now_ns(), rows;
    if (take_until(p, began + ns / 2) <= 0) return 0;
    began = now_ns();
    rows = take_until(p, began + ns / 2);
    return rows > 0 ? (double)rows / (double)(now_ns() - began) * 1e9 : 0;
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
