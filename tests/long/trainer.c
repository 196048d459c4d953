/* A trainer that sleeps: `trainer FEATURE.so THREADS MS [MS …] SECONDS NAME=VALUE…`. Each MS
 * lasts SECONDS: so long it sleeps for every batch, a fifth more or less. Prints, for each,
 * a line of JSON; what the controller says goes to stderr, with the second. -N: N threads,
 * whatever they are needed for. */
#include <pipert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SETTLED = 10 };          /* seconds */

static double began;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void tell(void *context, int level, const char *text) {
    (void)context, (void)level;
    fprintf(stderr, "    %5.1f s  %s\n", now() - began, text);
}

static void nap(double ms) {
    static unsigned seed = 1;
    double s = ms * 1e-3 * (.8 + .4 * rand_r(&seed) / RAND_MAX);
    struct timespec t = {(long)s, (long)((s - (long)s) * 1e9)};
    if (ms > 0) nanosleep(&t, NULL);
}

static int failed(pipert *p) {
    fprintf(stderr, "%s\n", pipert_error(p));
    return 1;
}

/* One batch; the time that it was waited for. */
static int take(pipert *p, double ms, double *waited) {
    pipert_batch *b;
    double start = now();
    int status = pipert_next(p, &b);
    *waited = now() - start;
    if (status == PIPERT_OK) {
        pipert_release(p, b);
        nap(ms);
    }
    return status < 0 ? failed(p) : 0;
}

static int train(pipert *p, double ms, double seconds) {
    double start = now(), settled_at = 0, waited, early = 0, late = 0;
    int active = 0, changes = 0, batches = 0;
    pipert_stats s;
    while (now() - start < seconds) {
        if (take(p, ms, &waited)) return 1;
        if (now() - start < SETTLED) early += waited;
        else late += waited, batches++;
        pipert_stats_get(p, &s);
        if (s.active == active) continue;
        if (now() - start >= SETTLED) changes++;
        settled_at = now() - start;
        active = s.active;
    }
    printf("{\"ms\": %g, \"of\": %d, \"threads\": %d, \"since\": %.1f, \"changes\": %d, "
           "\"early\": %.4f, \"stall\": %.4f, \"rate\": %.1f}\n", ms, s.threads, active,
           settled_at, changes, early / SETTLED, late / (seconds - SETTLED),
           batches / (seconds - SETTLED));
    return fflush(stdout) != 0;
}

int main(int argc, char **argv) {
    pipert_options o;
    pipert *p;
    int at = 3, last = 3;
    pipert_defaults(&o);
    o.log = tell;
    o.threads = argc > 2 ? abs(atoi(argv[2])) : 0;
    if (argc > 2 && *argv[2] == '-') o.control_interval = 0;
    while (last + 1 < argc && !strchr(argv[last + 1], '=')) last++;
    if (last < 4 || last >= argc) return 2;
    if (pipert_open(&p, argv[1], &o)) return failed(p);
    for (int i = last + 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        *equals = 0;
        if (pipert_set(p, argv[i], equals + 1)) return failed(p);
    }
    if (pipert_start(p)) return failed(p);
    began = now();
    for (; at < last; at++)
        if (train(p, atof(argv[at]), atof(argv[last]))) return 1;
    return pipert_close(p);
}
