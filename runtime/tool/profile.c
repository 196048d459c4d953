/* pipert profile: runs a feature for a while and writes what its parts cost. */
#include "profiling.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SECONDS = 10 };

static int failed(const char *why) {
    fprintf(stderr, "pipert: %s\n", why);
    return STATUS_FAILED;
}

/* ---- the run ---- */

static int parse(profiling *x, int argc, char **argv) {
    options *o = &x->o;
    int status = options_parse(o, TOOL_PROFILE, argc, argv);
    if (!o->records && !o->seconds) o->seconds = SECONDS;
    if (o->output && !strcmp(o->output, "-")) o->output = NULL;
    return status ? status : options_feature(o, TOOL_PROFILE);
}

/* All is made, and timed. */
static int open_feature(profiling *x) {
    pipert_options run = x->o.run;
    if (!run.threads) run.threads = 1;
    run.control_interval = 0;
    run.cache = "";
    return feature_start(&x->o, &run, &x->p, &x->profile);
}

/* When it ends at the latest. */
static int64_t end_of(const profiling *x) {
    return x->o.seconds ? x->began + (int64_t)(x->o.seconds * 1e9) : INT64_MAX;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- whiles without timing ---- */

static double clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static slice counters(profiling *x) {
    pipert_stats s;
    slice now = {.cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
                 .caller = clock_ns(CLOCK_THREAD_CPUTIME_ID), .rows = (double)x->rows};
    pipert_stats_get(x->p, &s);
    x->reads = s.readers > 0;
    now.wall = (double)now_ns();
    now.busy = s.threads * now.wall - (double)(s.idle_read_ns + s.idle_full_ns + s.parked_ns);
    return now;
}

static void end_slice(profiling *x) {
    slice now = counters(x), *to = x->profile->off ? &x->slice[x->nslices++ % SLICES]
                                                   : &x->timed[x->ntimed++ % SLICES];
    to->wall = now.wall - x->from.wall;
    to->busy = now.busy - x->from.busy;
    to->cpu = now.cpu - x->from.cpu;
    to->caller = now.caller - x->from.caller;
    to->rows = now.rows - x->from.rows;
}

/* Turns timing off after a batch and on again after the next ones, for as long as it was
 * on: what a record costs is then known with and without it. */
static void take_turns(profiling *x) {
    enum { LONG = 100000000 };
    bool off = x->profile->off;
    if (now_ns() - x->turned < LONG) return;
    if (x->from.wall > 0) end_slice(x);
    x->profile->off = !off;
    x->from = counters(x);
    x->turned = now_ns();
}

/* The middle one; 0: there is none. */
static double median(const slice *slice, int most, slice_ratio *ratio) {
    double all[SLICES];
    int n = 0;
    for (int i = 0; i < most && i < SLICES; i++)
        if (slice[i].rows > 0) all[n++] = ratio(&slice[i]);
    qsort(all, (size_t)n, sizeof *all, ascending);
    return n ? all[n / 2] : 0;
}

double profiling_median(const profiling *x, slice_ratio *ratio) {
    return median(x->slice, x->nslices, ratio);
}

double slice_cpu(const slice *s) { return s->cpu / s->rows; }

double profiling_timing(const profiling *x) {
    double without = profiling_median(x, slice_cpu);
    double with = median(x->timed, x->ntimed, slice_cpu);
    return without > 0 && with > 0 ? with / without - 1 : 0;
}

static int take_batches(profiling *x) {
    enum { MOST = 4096 };
    double times[MOST];
    int64_t n = 0, records = 0, empty = 0, most = x->o.records;
    int status = PIPERT_OK;
    x->began = x->turned = now_ns();
    while ((!most || records < most) && now_ns() < end_of(x) && empty < 2) {
        pipert_batch *b;
        int64_t before;
        while ((status = pipert_wait(x->p, 100)) == PIPERT_AGAIN && now_ns() < end_of(x))
            continue;
        before = now_ns();
        if (status == PIPERT_OK) status = pipert_next(x->p, &b);
        if (status < 0) return failed(pipert_error(x->p));
        if (status == PIPERT_AGAIN) break;
        empty = status == PIPERT_END ? empty + 1 : 0;
        if (status == PIPERT_END) continue;
        records += b->valid;
        x->rows = records;
        pipert_release(x->p, b);
        times[n++ % MOST] = (double)(now_ns() - before);
        take_turns(x);
    }
    x->took = now_ns() - x->began;
    if (!records)
        return failed(empty ? "there is no batch to learn from: give it more records"
                            : "no batch was made by then: give it more --seconds");
    if (n > MOST) n = MOST;
    qsort(times, (size_t)n, sizeof *times, ascending);
    x->handover = times[n / 2];
    return STATUS_OK;
}

/* ---- the file ---- */

/* First in memory: what is measured for it takes a while, and a file is replaced at once. */
static char *in_words(const profiling *x) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    yml_writer *w = out ? yml_write(out) : NULL;
    bool good = w != NULL;
    if (w) profile_put(w, x);
    if (w) good = yml_written(w);
    if (out && fclose(out)) good = false;
    if (good) return text;
    free(text);
    return NULL;
}

static int write_file(const profiling *x) {
    char why[4800], *text = in_words(x);
    bool good = true;
    if (!text) return failed("no memory");
    if (x->o.output) good = file_replace(x->o.output, text, why, sizeof why);
    else fputs(text, stdout);
    free(text);
    return good ? STATUS_OK : failed(why);
}

/* Neither the plain plan nor a process of its own tells where its sections begin. */
static bool anything_heard(const profile *p) {
    for (int i = 0; i < p->feature->nsections; i++)
        if (p->section[i].records) return true;
    return false;
}

static void measure_crowd(profiling *x) {
    double seconds = (double)x->took / 10e9;
    if (x->o.run.threads > 1 || plat_cpus() < 2) return;
    x->crowd = plat_cpus();
    x->crowd_rows = crowd_rate(&x->o, x->crowd, seconds < .1 ? .1 : seconds);
}

int profile_command(int argc, char **argv) {
    profiling x = {.p = NULL};
    char why[4800];
    int status = parse(&x, argc, argv);
    if (!status && x.o.output && !file_replaceable(x.o.output, why, sizeof why))
        status = failed(why);
    if (!status) status = open_feature(&x);
    if (!status) status = take_batches(&x);
    if (!status && !x.profile->feature->nsections)
        status = failed("the feature has no sections: compile it with --fuse=on");
    if (!status && !anything_heard(x.profile))
        status = failed("nothing was measured: no fused code ran (`pipec inspect` lists it): "
                        "leave out --cpu, or give it more records");
    if (x.p) pipert_stop(x.p);
    if (!status) measure_crowd(&x);
    if (!status) status = write_file(&x);
    if (x.p) pipert_close(x.p);
    options_free(&x.o);
    return status;
}
