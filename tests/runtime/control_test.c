/* The controller in a simulated world: threads that make batches in pieces, batches that
 * lie ready, a trainer that takes them. Only time and chance are simulated; the decisions
 * are those of the runtime. What is due (how many threads are the fewest that do) comes
 * from the costs that the world was given, which the controller does not see. Prints what
 * failed, then `N passed, N failed`. */
#include "control.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int passed, failed;

#define CHECK(condition, ...)                                                   \
    do {                                                                        \
        if (condition) passed++;                                                \
        else failed++, printf("%s:%d: %s: ", __FILE__, __LINE__, #condition),   \
                       printf(__VA_ARGS__), printf("\n");                       \
    } while (0)

enum { THREADS = 64, PIECES = 8, RING = 1024, LONGEST = 4000 };

typedef struct world {
    uint64_t seed;
    double cost, gap;           /* of a batch: a thread's seconds, the trainer's */
    double crowd;               /* cores; more threads than that slow each other */
    double gain;                /* threads beyond this do not help; 0: all do */
    double noise;               /* both are of [1 - noise, 1 + noise] */
    control control;
    double free_at[THREADS];    /* threads: when they are through */
    double ready_at[RING];      /* [batch % RING] */
    int64_t begun;              /* pieces */
    int64_t taken;              /* batches */
    double asks_at;             /* the trainer, next */
    double gaps, gaps2, costs, costs2;
    double waited, computed, made, busy, taken_now;     /* of the interval */
    double busy_later;          /* what pieces in work take of later intervals */
    int changes, tick;
    int stalls[LONGEST], threads[LONGEST];      /* stalls: in units of .1 % */
    double stall[LONGEST];
} world;

static double chance(world *w) {
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(w->seed >> 11) * 0x1p-53;
}

static double noisy(world *w, double x) {
    return x * (1 + w->noise * (2 * chance(w) - 1));
}

static void world_init(world *w, int threads, double gap, double cost) {
    memset(w, 0, sizeof *w);
    w->seed = (uint64_t)(threads * 1000003 + gap * 1e9 + cost * 1e7);
    w->gap = gap;
    w->cost = cost;
    w->noise = .2;
    w->crowd = THREADS;
    control_init(&w->control, (control_setting){1, 0, 8},
                 (control_setting){threads, 0, 64});
}

static int idlest(const world *w, int n) {
    int best = 0;
    for (int i = 1; i < n; i++)
        if (w->free_at[i] < w->free_at[best]) best = i;
    return best;
}

/* The next piece, if there is room, a thread, and it begins before `until`. */
static bool begin_piece(world *w, double now, double until) {
    int n = w->control.now.threads, thread = idlest(w, n);
    double useful = w->gain > 0 && n > w->gain ? w->gain / n : 1;
    double slow = n > w->crowd ? n / w->crowd : 1;
    int64_t batch = w->begun / PIECES;
    double start = fmax(w->free_at[thread], now), length;
    if (batch >= w->taken + w->control.now.ahead || start >= until) return false;
    length = noisy(w, w->cost) / PIECES * slow / useful;
    if (w->begun % PIECES == 0) w->ready_at[batch % RING] = 0;
    w->begun++;
    w->free_at[thread] = start + length;
    w->ready_at[batch % RING] = fmax(w->ready_at[batch % RING], start + length);
    w->costs += length * PIECES;
    w->costs2 += length * length * PIECES;
    w->made += 1. / PIECES;
    w->busy += length;
    return true;
}

static bool is_ready(const world *w) { return w->begun >= (w->taken + 1) * PIECES; }

static double variation(const world *w) {
    double n = fmax(w->taken_now, 1), pieces = fmax(w->made * PIECES, 1);
    double gap = w->gaps / n, cost = w->costs / pieces;
    double a = gap > 0 ? w->gaps2 / n / (gap * gap) - 1 : 0;
    double b = cost > 0 ? w->costs2 * PIECES / pieces / (cost * cost) - 1 : 0;
    return fmax(a, 0) + fmax(b, 0) / PIECES;
}

/* The trainer takes batches, and computes, until the interval ends. The pieces begin in
 * the order of time: no later than the trainer's next look. */
static void interval(world *w) {
    double at = w->tick, end = at + 1;
    w->waited = w->computed = w->made = w->busy = w->taken_now = 0;
    w->gaps = w->gaps2 = w->costs = w->costs2 = 0;
    for (;;) {
        double ready, gap;
        while (begin_piece(w, at, fmin(end, fmax(w->asks_at, at)))) continue;
        if (w->asks_at >= end) return;
        while (!is_ready(w) && begin_piece(w, at, end)) continue;
        ready = is_ready(w) ? w->ready_at[w->taken % RING] : INFINITY;
        at = fmax(at, w->asks_at);
        if (ready > at) w->waited += fmin(ready, end) - at;
        if (ready >= end) {
            w->asks_at = end;
            return;
        }
        at = fmax(at, ready);
        gap = noisy(w, w->gap);
        w->taken++;
        w->taken_now++;
        w->computed += gap;
        w->gaps += gap;
        w->gaps2 += gap * gap;
        w->asks_at = at + gap;
    }
}

static void run(world *w, int seconds) {
    for (int i = 0; i < seconds; i++, w->tick++) {
        control_measure m = {0};
        int threads = w->control.now.threads;
        interval(w);
        m.taken = w->taken_now, m.waited = w->waited, m.computed = w->computed;
        m.made = w->made, m.busy = w->busy;
        m.for_room = fmax(threads - w->busy, 0);
        m.variation = variation(w);
        m.piece = 1. / PIECES;
        w->stall[w->tick] = w->waited;
        w->threads[w->tick] = threads;
        w->changes += control_step(&w->control, &m) != CONTROL_NOTHING &&
                      w->control.now.threads != threads;
        for (int t = threads; t < w->control.now.threads; t++)
            w->free_at[t] = fmax(w->free_at[t], w->tick + 1);
    }
}

static double stalled(const world *w, int from, int to) {
    double sum = 0;
    for (int i = from; i < to; i++) sum += w->stall[i];
    return sum / (to - from);
}

static int changed(const world *w, int from, int to) {
    int n = 0;
    for (int i = from + 1; i < to; i++) n += w->threads[i] != w->threads[i - 1];
    return n;
}

/* The fewest that do, if there are so many. */
static int ideal(const world *w, int threads) {
    int n = (int)ceil(w->cost / w->gap);
    return n < 1 ? 1 : n > threads ? threads : n;
}

static const double gaps[] = {.001, .005, .02};
static const double costs[] = {.0005, .00095, .001, .002, .0033, .005, .0099, .01, .017,
                               .02, .031, .05, .064, .08, .1};
static const int counts[] = {1, 2, 3, 4, 8, 16, 33, 64};
#define EACH(i, array) \
    for (size_t i = 0; i < sizeof array / sizeof *array; i++)

/* Where the need is within a tenth of what there is, no number of threads is right. */
static void settles(int threads, double gap, double cost) {
    static world w;
    int due;
    bool enough = cost / gap < .96 * threads;
    world_init(&w, threads, gap, cost);
    due = ideal(&w, threads);
    run(&w, 60);
    CHECK(!changed(&w, 10, 60), "%d threads, %g, %g: %d changes, %d threads, %g needed",
          threads, gap, cost, changed(&w, 10, 60), w.threads[59], cost / gap);
    CHECK(w.threads[59] <= due + 1 && w.threads[59] >= (enough ? due : threads),
          "%d threads, %g, %g: %d threads, %d due, %g needed", threads, gap, cost,
          w.threads[59], due, cost / gap);
    CHECK(!enough || stalled(&w, 10, 60) < .01, "%d threads, %g, %g: %g stalled",
          threads, gap, cost, stalled(&w, 10, 60));
}

static void test_settles(void) {
    EACH(t, counts) EACH(g, gaps) EACH(c, costs) settles(counts[t], gaps[g], costs[c]);
}

/* Many runs that differ by chance alone. */
static void test_stays(void) {
    static world w;
    int changes = 0;
    double worst = 0;
    for (int i = 0; i < 300; i++) {
        world_init(&w, 16, .02, .02 * (.5 + i * .035));
        w.seed += (uint64_t)i << 32;
        run(&w, 60);
        changes += changed(&w, 10, 60);
        worst = fmax(worst, stalled(&w, 10, 60));
    }
    CHECK(!changes && worst < .01, "%d changes, %g stalled at worst", changes, worst);
}

static void follows(int threads, double cost, double from, double to) {
    static world w;
    int due;
    world_init(&w, threads, from, cost);
    run(&w, 30);
    w.gap = to;
    due = ideal(&w, threads);
    run(&w, 60);
    CHECK(!changed(&w, 41, 90) && w.threads[89] <= due + 1 && w.threads[89] >= due,
          "%d threads, %g: from %g to %g: %d changes, %d threads, %d due", threads, cost,
          from, to, changed(&w, 41, 90), w.threads[89], due);
    CHECK(stalled(&w, 40, 90) < .01, "%d threads, %g: from %g to %g: %g stalled",
          threads, cost, from, to, stalled(&w, 40, 90));
}

static void test_follows(void) {
    EACH(c, costs) EACH(from, gaps) EACH(to, gaps)
        if (from != to && costs[c] / gaps[to] < 60)
            follows(64, costs[c], gaps[from], gaps[to]);
}

/* The feature may change too: longer texts. */
static void test_follows_the_cost(void) {
    static world w;
    world_init(&w, 16, .005, .004);
    run(&w, 30);
    CHECK(w.threads[29] == 1, "%d threads", w.threads[29]);
    w.cost = .04;
    run(&w, 30);
    CHECK(w.threads[59] >= 8 && w.threads[59] <= 9 && stalled(&w, 40, 60) < .01,
          "%d threads, %g stalled", w.threads[59], stalled(&w, 40, 60));
}

/* It takes as fast as it can. */
static void test_gives_all_to_who_never_computes(void) {
    static world w;
    EACH(t, counts) {
        world_init(&w, counts[t], 1e-6, .01);
        run(&w, 30);
        CHECK(w.threads[29] == counts[t] && !w.changes, "%d threads", w.threads[29]);
        world_init(&w, counts[t], .05, .01);
        run(&w, 30);
        w.gap = 1e-6;
        run(&w, 30);
        CHECK(w.threads[59] == counts[t] && !changed(&w, 41, 60), "%d of %d threads",
              w.threads[59], counts[t]);
    }
}

/* 64 threads on 4 cores are slower each: what they cost is known once they are fewer. */
static void test_threads_that_crowd_each_other(void) {
    static world w;
    world_init(&w, 64, .02, .03);
    w.crowd = 4;
    run(&w, 60);
    CHECK(w.threads[59] <= 3 && w.threads[59] >= 2 && !changed(&w, 20, 60) &&
          stalled(&w, 20, 60) < .01, "%d threads, %d changes, %g stalled", w.threads[59],
          changed(&w, 20, 60), stalled(&w, 20, 60));
}

/* More threads than the memory feeds: adding some is undone, and seldom tried again. */
static void test_undoes_what_does_not_help(void) {
    static world w;
    world_init(&w, 16, .02, .01);
    run(&w, 30);
    CHECK(w.threads[29] == 1, "%d threads", w.threads[29]);
    w.gain = 1;
    w.gap = .005;
    run(&w, 200);
    CHECK(w.threads[229] == 1 && changed(&w, 40, 230) <= 8, "%d threads, %d changes",
          w.threads[229], changed(&w, 40, 230));
}

/* Whatever happens, the setting is a possible one; most of the time the trainer has what
 * it takes. */
static void test_walks(void) {
    static world w;
    for (int seed = 0; seed < 20; seed++) {
        bool good = true;
        world_init(&w, counts[seed % 8], .01, .01);
        w.seed += (uint64_t)seed << 40;
        for (int i = 0; i < 500; i++) {
            const control_setting *s = &w.control.now;
            w.gap = fmin(fmax(w.gap * exp(chance(&w) - .5), 1e-4), 5);
            w.cost = fmin(fmax(w.cost * exp(chance(&w) - .5), 1e-4), 5);
            if (i % 50 == 49) w.asks_at += 100 * chance(&w);
            run(&w, 1);
            good = good && s->threads >= 1 && s->threads <= counts[seed % 8] &&
                   s->ahead >= 8 && s->ahead <= 64 && s->readers == 0;
        }
        CHECK(good, "walk %d", seed);
    }
}

/* A trainer of 10 ms that waits a fifth of its time, beside threads with time to spare. */
static control_measure waiting(double for_input, double for_room) {
    return (control_measure){.taken = 80, .waited = .2, .computed = .8, .made = 80,
                             .busy = .8, .for_input = for_input, .for_room = for_room,
                             .reading = .4, .piece = .1};
}

static control_measure fed(double reading) {
    return (control_measure){.taken = 100, .computed = 1, .made = 100, .busy = 1,
                             .for_room = 3, .reading = reading, .piece = .1};
}

/* What threads wait for is tried first; what did not help is undone, and then left. */
static void test_readers_and_batches_ahead(void) {
    control_measure input = waiting(3, .2), room = waiting(.2, 3), calm = fed(.01);
    control c;
    control_init(&c, (control_setting){1, 2, 8}, (control_setting){4, 8, 64});
    c.now = (control_setting){4, 2, 16};
    CHECK(!control_step(&c, &input), "one interval is not enough");
    CHECK(control_step(&c, &input) == CONTROL_CHANGED && c.now.readers == 4 &&
          c.now.ahead == 16, "%d readers", c.now.readers);
    CHECK(!control_step(&c, &input), "judged too soon");
    CHECK(control_step(&c, &input) == CONTROL_UNDONE && c.now.readers == 2, "%d readers",
          c.now.readers);
    for (int i = 0; i < 8; i++) {
        control_step(&c, &input);
        CHECK(c.now.readers == 2, "tried again after %d", i);
    }
    control_init(&c, (control_setting){1, 2, 8}, (control_setting){4, 8, 64});
    c.now = (control_setting){4, 2, 16};
    control_step(&c, &room);
    CHECK(control_step(&c, &room) == CONTROL_CHANGED && c.now.ahead >= 32 &&
          c.now.readers == 2, "%d ahead", c.now.ahead);
    control_step(&c, &calm);
    CHECK(control_step(&c, &calm) == CONTROL_HELD && c.now.ahead >= 32, "%d ahead",
          c.now.ahead);
    control_init(&c, (control_setting){1, 2, 8}, (control_setting){4, 8, 64});
    for (int i = 0; i < 3; i++) control_step(&c, &calm);
    CHECK(c.now.threads == 2 && c.now.readers == 2 && c.now.ahead < 64, "%d, %d, %d",
          c.now.threads, c.now.readers, c.now.ahead);
    control_init(&c, (control_setting){1, 2, 8}, (control_setting){4, 8, 64});
    calm = fed(4);              /* four reads at once, all the time */
    for (int i = 0; i < 9; i++) control_step(&c, &calm);
    CHECK(c.now.readers == 7 || c.now.readers == 8, "%d readers", c.now.readers);
}

/* Numbers that make no sense break nothing. */
static void test_numbers_without_sense(void) {
    const double odd[] = {0, 1e-300, 1, 1e300, INFINITY, NAN, -1};
    control c;
    char text[512];
    uint64_t n = 0;
    bool good = true;
    control_init(&c, (control_setting){1, 2, 8}, (control_setting){64, 8, 64});
    for (int i = 0; i < 20000; i++) {
        control_measure m;
        double *to = (double *)(void *)&m;
        control_outcome done;
        for (size_t k = 0; k < sizeof m / sizeof *to; k++) {
            n = n * 6364136223846793005u + 1442695040888963407u;
            to[k] = odd[(n >> 33) % 7];
        }
        done = control_step(&c, &m);
        if (done) control_explain(&c, done, text, sizeof text);
        good = good && c.now.threads >= 1 && c.now.threads <= 64 && c.now.readers >= 2 &&
               c.now.readers <= 8 && c.now.ahead >= 8 && c.now.ahead <= 64;
    }
    CHECK(good, "numbers without sense");
}

/* What is said of a decision is what it was. */
static void test_explains(void) {
    static world w;
    char text[512] = "";
    world_init(&w, 4, .02, .01);
    run(&w, 2);
    control_measure m = {.taken = 50, .computed = 1, .made = 50, .busy = .5, .for_room = 3};
    control_outcome done = control_step(&w.control, &m);
    control_explain(&w.control, done, text, sizeof text);
    CHECK(done == CONTROL_CHANGED && strstr(text, "threads 4 to 1") &&
          strstr(text, "0.50 threads are needed"), "%d: %s", done, text);
}

int main(void) {
    test_settles();
    test_stays();
    test_follows();
    test_follows_the_cost();
    test_gives_all_to_who_never_computes();
    test_threads_that_crowd_each_other();
    test_undoes_what_does_not_help();
    test_readers_and_batches_ahead();
    test_walks();
    test_numbers_without_sense();
    test_explains();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
