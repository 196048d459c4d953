/* The cost model, against what can be reckoned by hand. */
#include "cost_model.h"
#include <math.h>
#include <stdio.h>

static int failed;

#define IS(x, y) is(x, y, __LINE__)
static void is(double x, double y, int line) {
    if (fabs(x - y) <= 1e-6 * fabs(y)) return;
    printf("line %d: %.9g, not %.9g\n", line, x, y);
    failed++;
}

static const Workload LOAD = {.worker_ns = 1e6, .cpu_ns = 1.25e6, .read_ns = 4e6, .moved = 1e6,
                              .rows = 1, .batch = 100, .batch_bytes = 1e7, .handover_ns = 1e4};
static const Machine MACHINE = {.cores = 4, .copy = 10, .memory = 1e9};

static void test_each_resource(void) {
    Rate r = model_rate(&LOAD, &MACHINE, (Counts){2, 16, 20});
    Workload w = LOAD;
    Machine m = MACHINE;
    IS(r.rows, 2000), IS(r.slowest, RES_WORKERS);
    IS(r.limit[RES_CORES], 3200), IS(r.limit[RES_SOURCE], 4000);
    IS(r.limit[RES_BANDWIDTH], 80000), IS(r.limit[RES_HANDOVER], 1e7);
    IS(isinf(r.limit[RES_MEMORY]), 1);
    r = model_rate(&LOAD, &MACHINE, (Counts){9, 16, 20});
    IS(r.rows, 3200), IS(r.slowest, RES_CORES);
    r = model_rate(&LOAD, &MACHINE, (Counts){2, 1, 20});
    IS(r.rows, 250), IS(r.slowest, RES_SOURCE);
    m.memory = 1.5e7;           /* one batch: it is for four workers */
    r = model_rate(&LOAD, &m, (Counts){8, 64, 20});
    IS(r.limit[RES_MEMORY], 4000);
    m.budget = 1e7;             /* that of one batch */
    IS(model_rate(&LOAD, &m, (Counts){8, 64, 20}).limit[RES_MEMORY], 4000);
    m.budget = .99e7;           /* of none: then nothing runs */
    r = model_rate(&LOAD, &m, (Counts){1, 64, 20});
    IS(r.rows, 0), IS(r.slowest, RES_MEMORY), IS(model_has_room(&LOAD, &m), 0);
    w.moved = 1e8;
    r = model_rate(&w, &MACHINE, (Counts){4, 64, 20});
    IS(r.rows, 800), IS(r.slowest, RES_BANDWIDTH);
    w = LOAD, w.handover_ns = 1e9;
    r = model_rate(&w, &MACHINE, (Counts){4, 64, 20});
    IS(r.rows, 100), IS(r.slowest, RES_HANDOVER);
}

/* More of anything is never slower; what is not read ahead has no depth. */
static void test_no_more_is_worse(void) {
    Workload w = LOAD;
    for (int workers = 1; workers < 12; workers++)
        for (int depth = 1; depth < 20; depth += 3) {
            Counts c = {workers, depth, 8}, more = {workers + 1, depth, 8},
                   deep = {workers, depth + 1, 8};
            double rate = model_rate(&LOAD, &MACHINE, c).rows;
            IS(model_rate(&LOAD, &MACHINE, more).rows >= rate, 1);
            IS(model_rate(&LOAD, &MACHINE, deep).rows >= rate, 1);
        }
    w.read_ns = 0;
    IS(model_choose(&w, &MACHINE, (ModelWish){.rate = 0}).depth, 0);
    IS(model_rate(&w, &MACHINE, (Counts){1, 0, 8}).rows, 1000);
}

static void test_what_is_chosen(void) {
    Counts c = model_choose(&LOAD, &MACHINE, (ModelWish){.rate = 0});
    Machine m = MACHINE;
    Workload unread = LOAD;
    unread.read_ns = 0;
    IS(c.workers, 4);
    IS(c.depth, ceil(1.5 * 3200 * 4e6 / 1e9 + .5));
    IS(model_choose(&LOAD, &MACHINE, (ModelWish){.rate = 900}).workers, 1);
    IS(model_choose(&LOAD, &MACHINE, (ModelWish){.rate = 1900}).workers, 2);
    IS(model_choose(&LOAD, &MACHINE, (ModelWish){.rate = 1e6}).workers, 4);
    IS(model_choose(&LOAD, &MACHINE, (ModelWish){.no_parallel = 1}).workers, 1);
    c = model_choose(&LOAD, &MACHINE, (ModelWish){.no_prefetch = 1});
    IS(c.depth, 1), IS(c.ahead, 1), IS(c.workers, 1);
    c = model_choose(&unread, &MACHINE, (ModelWish){.no_prefetch = 1});
    IS(c.depth, 1);                     /* as a plan has it that no profile made */
    m.memory = 5.5e7;
    IS(model_choose(&LOAD, &m, (ModelWish){.rate = 0}).ahead, 5);
    m.memory = 1;
    IS(model_choose(&LOAD, &m, (ModelWish){.rate = 0}).ahead, 1);
}

/* What is chosen gives what is wished, for the fewest workers of all. */
static void test_wishes(void) {
    for (double rate = 100; rate < 3000; rate += 130) {
        Counts c = model_choose(&LOAD, &MACHINE, (ModelWish){.rate = rate});
        int fewest = 1;
        while (model_rate(&LOAD, &MACHINE, (Counts){fewest, 64, 64}).rows < rate * 1.05)
            fewest++;
        IS(c.workers, fewest);
        IS(model_rate(&LOAD, &MACHINE, c).rows >= rate, 1);
    }
}

int main(void) {
    test_each_resource();
    test_no_more_is_worse();
    test_what_is_chosen();
    test_wishes();
    return failed > 0;
}
