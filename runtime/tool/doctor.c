/* pipert doctor: runs a feature for a while and says what holds it back. */
#include "tool.h"
#include "../profile.h"

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
    pipert *p;
    profile *profile;
    int64_t batches, took, worked;      /* ns; worked: of the caller */
} visit;

static int failed(const char *why) {
    fprintf(stderr, "pipert: %s\n", why);
    return STATUS_FAILED;
}

/* ---- the run ---- */

static int parse(visit *v, int argc, char **argv) {
    int status = options_parse(&v->o, TOOL_DOCTOR, argc, argv);
    if (!v->o.seconds) v->o.seconds = SECONDS;
    return status ? status : options_feature(&v->o, TOOL_DOCTOR);
}

/* A batch that takes longer than all the time tells as much as those that do not. */
static int take_batches(visit *v) {
    int64_t began = now_ns(), until = began + (int64_t)(v->o.seconds * 1e9);
    int empty = 0;
    while ((now_ns() < until || !v->batches) && empty < 2) {
        pipert_batch *b;
        int status = feature_next(v->p, until, NULL, &b);
        int64_t before = now_ns();
        if (status < 0) return failed(pipert_error(v->p));
        if (status == PIPERT_AGAIN) break;
        empty = status == PIPERT_END ? empty + 1 : 0;
        if (status == PIPERT_END) continue;
        feature_work(v->o.batch_ms, NULL);
        pipert_release(v->p, b);
        v->batches++;
        v->worked += now_ns() - before;
    }
    v->took = now_ns() - began;
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

static findings look(const visit *v) {
    pipert_stats s;
    findings f = {0};
    double all;
    pipert_stats_get(v->p, &s);
    all = (double)v->took * s.threads;
    f.threads = s.threads;
    f.reading = (double)s.idle_read_ns / all;
    f.full = (double)s.idle_full_ns / all;
    f.parked = (double)s.parked_ns / all;
    f.busy = 1 - f.reading - f.full - f.parked;
    f.caller = (double)v->worked / (double)v->took;
    f.records_per_second = (double)s.records / (double)v->took * 1e9;
    f.bytes_per_second = (double)s.bytes_read / (double)v->took * 1e9;
    f.memory = s.memory ? (double)s.memory_used / (double)s.memory : 0;
    find_dearest(v, &f);
    return f;
}

static void say_numbers(const visit *v, const findings *f) {
    if (!v->batches) printf("no batch in %.3g s; ", (double)v->took / 1e9);
    printf("%.0f records/s, %.1f MB/s read; %d thread%s: %.0f %% computing, %.0f %% "
           "waiting for reads, %.0f %% for room, %.0f %% parked\n", f->records_per_second,
           f->bytes_per_second / 1e6, f->threads, f->threads == 1 ? "" : "s",
           100 * f->busy, 100 * f->reading, 100 * f->full, 100 * f->parked);
}

static void say_cpu(const visit *v, const findings *f) {
    int cores = plat_cpus();
    printf("The CPU holds it back%s", f->operator_name ? ": " : ". ");
    if (f->operator_name)
        printf("`%s` is %.0f %% of the computing. ", f->operator_name, 100 * f->part);
    if (f->threads < cores)
        printf("Next: --threads %d, as there are as many cores.\n", cores);
    else if (!v->profile->feature->nsections)
        printf("Next: compile with --fuse=on.\n");
    else
        printf("Next: look at %s with `pipert profile`.\n",
               f->operator_name ? "it" : "what is dear");
}

/* One sentence, and the next thing to do. */
static void say_verdict(const visit *v, const findings *f) {
    if (f->caller > .9)
        printf("The consumer holds it back: its %.3g ms a batch take %.0f %% of the time. "
               "Next: nothing here, make the training step faster.\n", v->o.batch_ms,
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
    else say_cpu(v, f);
}

int doctor_command(int argc, char **argv) {
    visit v = {.p = NULL};
    int status = parse(&v, argc, argv);
    if (!status) status = feature_start(&v.o, &v.o.run, &v.p, &v.profile);
    if (!status) status = take_batches(&v);
    if (!status) {
        findings f = look(&v);
        say_numbers(&v, &f);
        say_verdict(&v, &f);
    }
    if (v.p) pipert_close(v.p);
    options_free(&v.o);
    return status;
}
