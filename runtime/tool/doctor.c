/* pipert doctor: runs a feature for a while and says what holds it back. */
#include "tool.h"
#include "../profile.h"
#include "../text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SECONDS = 10 };

/* Shares of the time of all threads that compute; `caller`: of the time between batches,
 * what the caller worked itself. */
typedef struct findings {
    double busy, reading, full, parked, caller;
    double records_per_second, bytes_per_second, memory;
    int threads;
    const char *operator_name;  /* that takes most, or NULL */
    double part;                /* its part of the computing */
} findings;

typedef struct visit {
    options o;
    double batch_ms;            /* what the caller takes for a batch */
    int64_t seconds;
    pipert *p;
    profile *profile;
} visit;

static int failed(const char *why) {
    fprintf(stderr, "pipert: %s\n", why);
    return STATUS_FAILED;
}

/* ---- the words ---- */

static bool number_above_0(const char *text, double *to) {
    pl_value value;
    if (!text_scalar(text, strlen(text), PL_F64, &value)) return false;
    *to = value.f;
    return *to > 0 && *to <= 3600e3;
}

static int parse(visit *v, int argc, char **argv) {
    char **rest = calloc((size_t)argc + 1, sizeof *rest);
    int n = 0, status = STATUS_OK;
    if (!rest) return failed("no memory");
    for (int i = 0; i < argc && !status; i++) {
        bool seconds = !strcmp(argv[i], "--seconds");
        double value = 0;
        if (!seconds && strcmp(argv[i], "--batch-ms")) {
            rest[n++] = argv[i];
            continue;
        }
        if (i + 1 == argc || !number_above_0(argv[++i], &value)) {
            fprintf(stderr, "pipert: %s takes a number above 0\n",
                    seconds ? "--seconds" : "--batch-ms");
            status = STATUS_USAGE;
        }
        if (seconds) v->seconds = value < 1 ? 1 : (int64_t)value;
        else v->batch_ms = value;
    }
    if (!status) status = options_parse(&v->o, n, rest);
    free(rest);
    return status;
}

/* ---- the run ---- */

static void work(double ms) {
    struct timespec t = {(time_t)(ms / 1e3), (long)(ms * 1e6) % 1000000000};
    while (ms > 0 && nanosleep(&t, &t) && errno == EINTR) continue;
}

static int open_feature(visit *v) {
    pipert_options run = v->o.run;
    int status;
    run.epochs = INT64_MAX;
    status = pipert_open(&v->p, v->o.feature, &run);
    for (int i = 0; i < v->o.nset && !status; i++)
        status = pipert_set(v->p, v->o.set[i].name, v->o.set[i].value);
    if (!status && !(v->profile = profile_of(v->p))) return failed("no memory");
    if (!status) status = pipert_start(v->p);
    if (!status) return STATUS_OK;
    failed(pipert_error(v->p));
    return status == PIPERT_PARAMETER || status == PIPERT_ARGUMENT ? STATUS_USAGE
                                                                   : STATUS_FAILED;
}

static int take_batches(visit *v, int64_t *took, int64_t *worked) {
    int64_t began = now_ns();
    int empty = 0;
    *worked = 0;
    while (now_ns() - began < v->seconds * 1000000000 && empty < 2) {
        pipert_batch *b;
        int status = pipert_next(v->p, &b);
        int64_t before = now_ns();
        if (status < 0) return failed(pipert_error(v->p));
        empty = status == PIPERT_END ? empty + 1 : 0;
        if (status == PIPERT_END) continue;
        work(v->batch_ms);
        pipert_release(v->p, b);
        *worked += now_ns() - before;
    }
    *took = now_ns() - began;
    return empty < 2 ? STATUS_OK : failed("there is no batch: give it more records");
}

/* ---- what was found ---- */

static void find_dearest(const visit *v, findings *f) {
    const profile *p = v->profile;
    double all = 0;
    for (int i = 0; i < p->feature->nsections; i++) all += p->section[i].ns;
    for (int i = 0; i < p->feature->nsections && all > 0; i++) {
        if (p->section[i].ns / all <= f->part) continue;
        f->part = p->section[i].ns / all;
        f->operator_name = p->feature->sections[i].operator_name;
    }
}

static findings look(const visit *v, int64_t took, int64_t worked) {
    pipert_stats s;
    findings f = {0};
    double all;
    pipert_stats_get(v->p, &s);
    all = (double)took * s.threads;
    f.threads = s.threads;
    f.reading = (double)s.idle_read_ns / all;
    f.full = (double)s.idle_full_ns / all;
    f.parked = (double)s.parked_ns / all;
    f.busy = 1 - f.reading - f.full - f.parked;
    f.caller = (double)worked / (double)took;
    f.records_per_second = (double)s.records / (double)took * 1e9;
    f.bytes_per_second = (double)s.bytes_read / (double)took * 1e9;
    f.memory = s.memory ? (double)s.memory_used / (double)s.memory : 0;
    find_dearest(v, &f);
    return f;
}

static void say_numbers(const findings *f) {
    printf("%.0f records/s, %.1f MB/s read; %d threads: %.0f %% computing, %.0f %% waiting "
           "for reads, %.0f %% for room, %.0f %% parked\n", f->records_per_second,
           f->bytes_per_second / 1e6, f->threads, 100 * f->busy, 100 * f->reading,
           100 * f->full, 100 * f->parked);
}

/* One sentence, and the next thing to do. */
static void say_verdict(const findings *f, double batch_ms) {
    if (f->caller > .9)
        printf("The consumer holds it back: its %.3g ms a batch take %.0f %% of the time. "
               "Next: nothing here, make the training step faster.\n", batch_ms,
               100 * f->caller);
    else if (f->reading > .25)
        printf("The source holds it back: threads wait for reads %.0f %% of their time. "
               "Next: raise --readers, or put the files on faster storage.\n",
               100 * f->reading);
    else if (f->full > .25 && f->memory < .5)
        printf("The way of batches to the caller holds it back: threads wait for a free "
               "batch %.0f %% of their time, and memory is left. Next: make the batch "
               "larger, or use fewer --threads.\n", 100 * f->full);
    else if (f->full > .25)
        printf("Memory holds it back: threads wait for room %.0f %% of their time, with "
               "%.0f %% of the budget in use. Next: raise --memory, or make the batch "
               "smaller.\n", 100 * f->full, 100 * f->memory);
    else if (f->operator_name)
        printf("The CPU holds it back: `%s` is %.0f %% of the computing. Next: more "
               "--threads if there are cores, else look at it with `pipert profile`.\n",
               f->operator_name, 100 * f->part);
    else
        printf("The CPU holds it back. Next: more --threads if there are cores, else "
               "compile with --fuse=on.\n");
}

int doctor_command(int argc, char **argv) {
    visit v = {.seconds = SECONDS};
    int64_t took = 0, worked = 0;
    int status = parse(&v, argc, argv);
    if (!status) status = open_feature(&v);
    if (!status) status = take_batches(&v, &took, &worked);
    if (!status) {
        findings f = look(&v, took, worked);
        say_numbers(&f);
        say_verdict(&f, v.batch_ms);
    }
    if (v.p) pipert_close(v.p);
    options_free(&v.o);
    return status;
}
