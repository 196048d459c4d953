/* The controller in a real run: `adjust PIPERT SLOW.so FEATURE.so...`. Of SLOW (a sleep per
 * record) it must find how many threads its caller needs; the others must give the same
 * with it and without. Where the runtime was built to set threads at random (RANDOM), only
 * that. Nothing is due at any time: it is waited for, for a number of batches. Prints what
 * failed, then `N passed, N failed`. */
#include "pipert.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int passed, failed;

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (condition) passed++;                                                \
        else failed++, printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);   \
    } while (0)

typedef struct lines { int changed, held, undone, other; } lines;

static void hear(void *context, int level, const char *text) {
    lines *l = context;
    if (level != PIPERT_LOG_INFO || strncmp(text, "control:", 8)) l->other++;
    else if (strstr(text, "that held")) l->held++;
    else if (strstr(text, "undone")) l->undone++;
    else if (strstr(text, " threads are needed")) l->changed++;
    else l->other++;
}

static pipert_options options(int threads, double interval) {
    pipert_options o;
    pipert_defaults(&o);
    o.threads = threads;
    o.control_interval = interval;
    return o;
}

static pipert *open_it(const char *path, pipert_options o, const char *n, const char *ns) {
    pipert *p;
    CHECK(!pipert_open(&p, path, &o) && !pipert_set(p, "n", n) &&
          (!ns || !pipert_set(p, "ns", ns)) && !pipert_start(p));
    if (*pipert_error(p)) printf("%s\n", pipert_error(p));
    return p;
}

static void nap(double ms) {
    struct timespec t = {0, (long)(ms * 1e6)};
    if (ms > 0) nanosleep(&t, NULL);
}

/* A trainer: so many batches, so long each. */
static void train(pipert *p, int batches, double ms) {
    pipert_batch *b;
    for (int i = 0; i < batches; i++) {
        int status = pipert_next(p, &b);
        CHECK(status >= 0);
        if (status < 0) return;
        if (status) continue;
        pipert_release(p, b);
        nap(ms);
    }
}

static int active(pipert *p) {
    pipert_stats s;
    pipert_stats_get(p, &s);
    return s.active;
}

/* Whether the trainer comes to have so many threads work. */
static bool comes_to(pipert *p, int least, int most, double ms) {
    for (int i = 0; i < 3000; i++) {
        train(p, 1, ms);
        if (active(p) >= least && active(p) <= most) return true;
    }
    printf("%d threads work, not %d to %d\n", active(p), least, most);
    return false;
}

/* 100 records of 10 us a batch, for a trainer of 20 ms; then for one that never computes,
 * which has work for all. */
static void follow(pipert_options o, const char *slow, lines *heard) {
    pipert *p;
    pipert_stats s;
    o.log = hear, o.log_context = heard;
    p = open_it(slow, o, "1000000", "10000");
    CHECK(active(p) == 4);
    CHECK(comes_to(p, 1, 1, 20));
    pipert_stats_get(p, &s);
    CHECK(s.threads == 4 && s.parked_ns >= 0 && s.ahead >= 1);
    CHECK(comes_to(p, 2, 4, 0));
    pipert_stats_get(p, &s);
    CHECK(s.parked_ns > 0);
    pipert_close(p);
    CHECK(heard->changed + heard->undone >= 2 && !heard->other);
}

static void test_follows_the_caller(const char *pipert_path, const char *slow) {
    const char *sidecar[] = {pipert_path, "serve", NULL};
    pipert_options o = options(4, .1);
    lines heard = {0};
    follow(o, slow, &heard);
    o.sidecar = sidecar;
    heard = (lines){0};
    follow(o, slow, &heard);
}

/* A trainer that stops for long comes back to what it had. */
static void test_a_pause_is_no_demand(const char *slow) {
    pipert *p = open_it(slow, options(4, .05), "1000000", "100000");
    int before;
    train(p, 60, 5);
    before = active(p);
    nap(900);
    train(p, 2, 5);
    CHECK(active(p) >= before || before == 4);
    pipert_close(p);
}

/* All work, whatever the caller does: without a controller, and stage by stage. */
static void test_off(const char *slow) {
    for (int mode = PIPERT_STREAMING; mode <= PIPERT_DEBUG; mode++) {
        pipert_options o = options(3, mode == PIPERT_STREAMING ? 0 : .001);
        lines heard = {0};
        pipert *p;
        pipert_stats s;
        o.mode = mode;
        o.log = hear, o.log_context = &heard;
        p = open_it(slow, o, "100000", "0");
        train(p, 60, 2);
        pipert_stats_get(p, &s);
        CHECK(s.active == s.threads && s.threads == (mode == PIPERT_DEBUG ? 1 : 3));
        CHECK(!s.parked_ns && !heard.changed && !heard.undone);
        pipert_close(p);
    }
}

static void test_wrong_intervals(const char *slow) {
    const double wrong[] = {-1, NAN, INFINITY, 3601};
    for (int i = 0; i < 4; i++) {
        pipert_options o = options(1, wrong[i]);
        pipert *p;
        CHECK(pipert_open(&p, slow, &o) == PIPERT_ARGUMENT &&
              strstr(pipert_error(p), "control interval"));
        pipert_close(p);
    }
}

/* ---- nothing of the batches changes ---- */
static bool same_output(const pipert_output *a, const pipert_output *b) {
    size_t size = (size_t)pipert_dtype_size(a->dtype);
    size_t rows = (size_t)a->dim[0];
    if (a->count != b->count || memcmp(a->data, b->data, size * (size_t)a->count))
        return false;
    if (!a->ragged) return true;
    return a->dim[0] == b->dim[0] &&
           !memcmp(a->offsets, b->offsets, (rows + 1) * sizeof *a->offsets);
}

static bool same(const pipert_batch *a, const pipert_batch *b) {
    if (a->epoch != b->epoch || a->number != b->number || a->rows != b->rows ||
        a->valid != b->valid)
        return false;
    for (int k = 0; k < a->noutputs; k++)
        if (!same_output(&a->output[k], &b->output[k])) return false;
    return true;
}

/* Two runs side by side, at a trainer's pace that changes; at half of the first epoch both
 * go on in other handles. */
static bool same_stream(const char *path, pipert_options o, const char *n, int epochs) {
    pipert *a, *b;
    pipert_batch *x, *y;
    char state[1024], other[1024];
    int status, ended = 0;
    bool good = true;
    o.epochs = epochs;
    a = open_it(path, o, n, NULL);
    o.control_interval = 0;
    b = open_it(path, o, n, NULL);
    for (int i = 0; ended < epochs && good; i++) {
        status = pipert_next(a, &x);
        good = status == pipert_next(b, &y) && status >= 0;
        ended += status == PIPERT_END;
        if (status) continue;
        good = good && same(x, y);
        nap(i % 40 < 20 ? .3 : 0);
        pipert_release(a, x);
        pipert_release(b, y);
        good = good && !pipert_save(a, state, sizeof state) &&
               !pipert_save(b, other, sizeof other) && !strcmp(state, other);
        if (i != 20) continue;
        good = good && !pipert_restore(a, state) && !pipert_restore(b, state);
    }
    pipert_close(a);
    pipert_close(b);
    return good;
}

static void test_batches_are_the_same(const char *path) {
    for (int threads = 1; threads <= 5; threads += 2)
        for (int skip = 0; skip < 2; skip++) {
            pipert_options o = options(threads, .002);
            o.seed = 3;
            o.on_error = skip;
            CHECK(same_stream(path, o, "1500", 3));
        }
}

int main(int argc, char **argv) {
#ifndef RANDOM
    test_follows_the_caller(argv[1], argv[2]);
    test_a_pause_is_no_demand(argv[2]);
#endif
    test_off(argv[2]);
    test_wrong_intervals(argv[2]);
    for (int i = 3; i < argc; i++) test_batches_are_the_same(argv[i]);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
