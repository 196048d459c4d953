/* Epochs that are known to come, beside the same ones that are not: the caller must see
 * no difference, but that the next epoch is in the making when one ends. The feature:
 * range(0, n), shuffled; every value depends on the epoch's key, and so does which
 * records fail. Prints what failed, then `N passed, N failed`. */
#include "pipert.h"
#include "plan.h"
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

enum { BATCH = 7, EPOCHS = 5 };

static int open_it(pl_call *c, const pl_argument *params, void *lib, pl_argument *args) {
    (void)c, (void)lib;
    args[0].value.i = 0;
    args[1].value.i = params[0].value.i;
    args[2].value.n = args[2].dim[0] = -1;
    return PL_OK;
}

static int enter(pl_call *c, void *lib, const pl_value *in, uint64_t id, void *parent,
                 int64_t row, void *frame) {
    uint64_t value = c->key * 31 + id;
    (void)lib, (void)in, (void)parent, (void)row;
    memcpy(frame, &value, 8);
    if (value % 11) return PL_OK;
    c->verdict = c->fail(c, 0, (int64_t)id, 0);
    return PL_FAILED;
}

static int emit(pl_call *c, void *lib, void *const *frames, pl_out *out) {
    (void)c, (void)lib;
    memcpy(out[0].data, frames[0], 8);
    return PL_OK;
}

static int below(pl_call *c, void *lib, const pl_batched *in, int64_t b, int64_t valid,
                 uint64_t id, pl_out *out) {
    uint64_t *all = out[0].data = c->alloc_out(c, 8);
    (void)lib;
    if (!all) return PL_NO_MEMORY;
    *all = c->key + id;
    for (int64_t i = 0; i < valid; i++) *all = *all * 33 + ((uint64_t *)in[0].data)[i];
    return b < valid ? PL_FAILED : PL_OK;
}

static const pl_code plain = {.plain = 1, .lib_size = 8, .frame_size = {8},
                              .open = open_it, .enter = {enter}, .emit = emit,
                              .batch = below};
static const pl_code *const codes[] = {&plain};
static const pl_param params[] = {
    {"n", PL_PARAM_SCALAR, PL_I64, 0, 0, "20", "int"}};
static const pl_input inputs[] = {{"value", PL_I64, 0}};
static const pl_field fields[] = {
    {.name = "y", .dtype = PL_U64, .bytes = 8, .needed_below = 1}};
static const pl_field results[] = {{.name = "z", .dtype = PL_U64, .bytes = 8}};
static const pl_output outputs[] = {
    {.name = "y", .dtype = PL_U64, .rank = 1, .dim = {BATCH}},
    {.name = "z", .below = 1, .dtype = PL_U64}};
static const pl_site sites[] = {{"%", 3, "epochs.dsl", "%lld fails"}};
static pl_feature feature = {
    .abi = PL_ABI, .name = "epochs", .hash = 0x77, .version = "test", .nparams = 1,
    .params = params, .source = "range", .nsource_args = 3, .ninputs = 1,
    .inputs = inputs, .shuffle = 1, .levels = 1, .batch = BATCH, .lanes = 1,
    .nfields = 1, .fields = fields, .nbelow = 1, .below = results, .noutputs = 2,
    .outputs = outputs, .nsites = 1, .sites = sites, .ncodes = 1, .codes = codes,
    .describe = "{}", .source_line = 2};

static pipert *open_it_for(pipert_options o, int64_t epochs, const char *report,
                           const char *n, const char *state) {
    pipert *p;
    o.epochs = epochs;
    o.report = report;
    CHECK(!pipert_open_feature(&p, &feature, &o) && !pipert_set(p, "n", n) &&
          (!state || !pipert_restore(p, state)) && !pipert_start(p));
    return p;
}

static bool same_batch(const pipert_batch *a, const pipert_batch *b) {
    if (!a || !b) return a == b;
    for (int k = 0; k < a->noutputs; k++)
        if (a->output[k].count != b->output[k].count ||
            memcmp(a->output[k].data, b->output[k].data, 8 * (size_t)a->output[k].count))
            return false;
    return a->epoch == b->epoch && a->number == b->number && a->rows == b->rows &&
           a->valid == b->valid;
}

/* What the caller can ask for between two batches. */
static bool same_else(pipert *a, pipert *b, char *state) {
    char other[1024];
    pipert_stats s, t;
    if (pipert_save(a, state, sizeof other) || pipert_save(b, other, sizeof other))
        return false;
    pipert_stats_get(a, &s);
    pipert_stats_get(b, &t);
    return !strcmp(state, other) && !strcmp(pipert_error(a), pipert_error(b)) &&
           s.records == t.records && s.batches == t.batches && s.places == t.places &&
           s.bad_records == t.bad_records && s.places_done == t.places_done &&
           s.epoch_batches == t.epoch_batches && s.bytes_out == t.bytes_out;
}

static bool same_files(const char *a, const char *b) {
    FILE *f = fopen(a, "r"), *g = fopen(b, "r");
    int c, d;
    do c = getc(f), d = getc(g);
    while (c == d && c != EOF);
    fclose(f);
    fclose(g);
    return c == d;
}

/* A batch is held over the border, as far as the ring has more than one. The last state
 * but `back` calls is kept. */
static void compare(pipert_options o, const char *n, const char *from, int back, char *kept) {
    char state[1024];
    pipert *a = open_it_for(o, EPOCHS, "ahead.json", n, from);
    pipert *b = open_it_for(o, 0, "alone.json", n, from);
    pipert_batch *x = NULL, *y = NULL, *held = NULL, *held_too = NULL;
    int ended = 0, status = 0;
    bool same = true;
    while (ended < EPOCHS && status >= 0 && back--) {
        status = pipert_next(a, &x);
        same &= status == pipert_next(b, &y) && same_batch(x, y) && same_else(a, b, state);
        ended += status == PIPERT_END;
        if (held) pipert_release(a, held), pipert_release(b, held_too), held = NULL;
        if (status != PIPERT_OK) continue;
#ifdef PIPERT_HOSTILE
        pipert_release(a, x), pipert_release(b, y);
#else
        held = x, held_too = y;
#endif
    }
    if (kept) strcpy(kept, state);
    pipert_close(a);
    pipert_close(b);
    CHECK(same && same_files("ahead.json", "alone.json"));
}

static pipert_options options(int threads, int on_error) {
    pipert_options o;
    pipert_defaults(&o);
    o.seed = 4;
    o.threads = threads;
    o.on_error = on_error;
    return o;
}

static void test_nothing_else_is_seen(void) {
    static const char *const sizes[] = {"0", "3", "7", "40", "2000"};
    for (int last = PL_LAST_DROP; last <= PL_LAST_WRAP; last++)
        for (int k = 0; k < 5; k++)
            for (int world = 1; world <= 3; world++) {
                pipert_options o = options(1 + k % 3, PIPERT_ON_ERROR_SKIP);
                feature.last = last;
                o.world = world;
                o.rank = world - 1;
                o.mode = (k + last) % 3;
                compare(o, sizes[k], NULL, -1, NULL);
            }
    feature.last = PL_LAST_DROP;
}

static void test_errors_end_the_same_epoch(void) {
    pipert_options o = options(2, PIPERT_ON_ERROR_SKIP);
    compare(options(2, PIPERT_ON_ERROR_FAIL), "40", NULL, -1, NULL);
    for (o.max_errors = 1; o.max_errors < 8; o.max_errors++) compare(o, "40", NULL, -1, NULL);
}

static void test_a_state_of_any_call_goes_on(void) {
    char state[1024];
    for (int back = 1; back < 3 * (40 / BATCH + 1); back++) {
        compare(options(2, PIPERT_ON_ERROR_SKIP), "40", NULL, back, state);
        compare(options(3, PIPERT_ON_ERROR_SKIP), "40", state, -1, NULL);
    }
}

/* Whether batches come to be made after the end of an epoch was told. */
static bool is_begun(int64_t epochs) {
    struct timespec ms = {0, 1000000};
    pipert *p = open_it_for(options(2, PIPERT_ON_ERROR_SKIP), epochs, NULL, "40", NULL);
    pipert_batch *b;
    pipert_stats s = {0};
    while (pipert_next(p, &b) == PIPERT_OK) pipert_release(p, b);
    for (int i = 0; i < (epochs > 1 ? 5000 : 20) && !s.memory_used; i++) {
        nanosleep(&ms, NULL);
        pipert_stats_get(p, &s);
    }
    pipert_close(p);
    return s.memory_used > 0;
}

int main(void) {
    test_nothing_else_is_seen();
    test_errors_end_the_same_epoch();
    test_a_state_of_any_call_goes_on();
    CHECK(is_begun(2) && !is_begun(1) && !is_begun(0));
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
