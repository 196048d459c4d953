/* The library from C, with a feature that is linked in. Prints what failed, then
 * `N passed, N failed`. */
#define pipec_feature kept_feature
#define BATCH 7
#include "feature_kept.c"
#undef pipec_feature
#include "pipert.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static int passed, failed;

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (condition) passed++;                                                \
        else failed++, printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);   \
    } while (0)

/* ---- malloc is counted ---- */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
static atomic_long mallocs;

#ifdef COUNT_MALLOC
void *malloc(size_t n) { return atomic_fetch_add(&mallocs, 1), __libc_malloc(n); }
void *calloc(size_t n, size_t k) { return atomic_fetch_add(&mallocs, 1), __libc_calloc(n, k); }
void *realloc(void *p, size_t n) { return atomic_fetch_add(&mallocs, 1), __libc_realloc(p, n); }
#endif

static pipert *open_kept(const pipert_options *options, const char *n) {
    pipert *p;
    if (pipert_open_feature(&p, &kept_feature, options)) printf("%s\n", pipert_error(p));
    if (n) pipert_set(p, "n", n);
    return p;
}

/* The sum of field s over an epoch; -1 after an error. */
static int64_t sum_epoch(pipert *p, int64_t *batches) {
    pipert_batch *b;
    int64_t sum = 0;
    int status;
    for (*batches = 0; (status = pipert_next(p, &b)) == PIPERT_OK; ++*batches) {
        const int64_t *s = b->output[0].data;
        for (int64_t i = 0; i < b->rows; i++) sum += s[i];
        pipert_release(p, b);
    }
    return status == PIPERT_END ? sum : -1;
}

static void test_epochs_and_stats(void) {
    pipert *p = open_kept(NULL, "1000");
    pipert_stats s;
    int64_t n, m, first = sum_epoch(p, &n), second = sum_epoch(p, &m);
    CHECK(first > 0 && first == second && n == m);
    pipert_stats_get(p, &s);
    CHECK(s.batches == 2 * n && s.places == 1000 && s.bad_records == 0);
    CHECK(s.records > 0 && s.bytes_out > 0 && s.threads > 0);
    CHECK(!*pipert_error(p));
    pipert_close(p);
}

static void test_wrong_use_has_a_status_and_a_text(void) {
    pipert_options o;
    pipert *p;
    pipert_batch *b;
    pipert_parameter q;
    CHECK(pipert_open(&p, "/nowhere/f.so", NULL) == PIPERT_LOAD);
    CHECK(strstr(pipert_error(p), "/nowhere/f.so") != NULL);
    CHECK(pipert_next(p, &b) == PIPERT_LOAD && !b);
    pipert_close(p);
    p = open_kept(NULL, NULL);
    CHECK(pipert_set(p, "bad_entr", "1") == PIPERT_PARAMETER);
    CHECK(strstr(pipert_error(p), "bad_enter") != NULL);
    pipert_close(p);
    p = open_kept(NULL, "many");
    CHECK(pipert_start(p) == PIPERT_PARAMETER);
    pipert_close(p);
    pipert_defaults(&o);
    o.rank = 2;
    o.world = 2;
    CHECK(pipert_open_feature(&p, &kept_feature, &o) == PIPERT_ARGUMENT);
    pipert_close(p);
    pipert_defaults(&o);
    o.world = 2;
    p = open_kept(&o, NULL);
    CHECK(pipert_start(p) == PIPERT_ARGUMENT && strstr(pipert_error(p), "does not divide"));
    pipert_close(p);
    p = open_kept(NULL, NULL);
    CHECK(pipert_parameters(p) == 5 && !pipert_parameter_at(p, 4, &q));
    CHECK(!strcmp(q.name, "doubt") && !strcmp(q.value, "3") && !q.at_compile);
    CHECK(pipert_parameter_at(p, 5, &q) == PIPERT_ARGUMENT);
    pipert_close(p);
    pipert_close(NULL);
}

/* Neither a crash nor a status without a text. */
static void test_arguments_that_are_missing(void) {
    pipert *p;
    pipert_batch *b;
    pipert_options o;
    char text[40];
    CHECK(pipert_open(&p, NULL, NULL) == PIPERT_ARGUMENT && strstr(pipert_error(p), "path"));
    pipert_close(p);
    CHECK(pipert_open_feature(&p, NULL, NULL) == PIPERT_ARGUMENT && *pipert_error(p));
    pipert_close(p);
    p = open_kept(NULL, NULL);
    CHECK(pipert_set(p, NULL, "1") == PIPERT_ARGUMENT && *pipert_error(p));
    pipert_close(p);
    p = open_kept(NULL, NULL);
    CHECK(pipert_set(p, "n", NULL) == PIPERT_ARGUMENT && strstr(pipert_error(p), "n is NULL"));
    pipert_close(p);
    p = open_kept(NULL, NULL);
    CHECK(pipert_next(p, NULL) == PIPERT_ARGUMENT && *pipert_error(p));
    pipert_close(p);
    p = open_kept(NULL, NULL);
    CHECK(pipert_restore(p, NULL) == PIPERT_ARGUMENT && *pipert_error(p));
    pipert_close(p);
    pipert_defaults(&o);
    o.threads = -3;
    CHECK(pipert_open_feature(&p, &kept_feature, &o) && strstr(pipert_error(p), "1 to 1024"));
    pipert_close(p);
    p = open_kept(NULL, "1000");
    CHECK(pipert_save(p, text, sizeof text) == PIPERT_STATE && strstr(pipert_error(p), "before"));
    CHECK(pipert_next(p, &b) == PIPERT_OK && pipert_release(p, b) == PIPERT_OK);
    CHECK(pipert_release(p, b) == PIPERT_ARGUMENT && strstr(pipert_error(p), "released before"));
    CHECK(pipert_save(p, text, sizeof text) == PIPERT_STATE && strstr(pipert_error(p), "1 KB"));
    CHECK(pipert_next(p, &b) == PIPERT_OK);             /* the run goes on */
    pipert_close(p);
}

static void test_batches_may_be_held(void) {
    enum { MOST = 100 };
    pipert_options o;
    pipert_batch *held[MOST], *again;
    int64_t first[MOST];
    int n = 0, status;
    pipert *p;
    pipert_defaults(&o);
    o.threads = 3;
    p = open_kept(&o, "1000");
    while (n < MOST && (status = pipert_next(p, &held[n])) == PIPERT_OK) {
        first[n] = *(const int64_t *)held[n]->output[0].data;
        n++;
    }
    CHECK(status == PIPERT_HELD && n > 0 && n < MOST);
    CHECK(pipert_next(p, &again) == PIPERT_HELD);
    for (int i = 0; i < n; i++) CHECK(*(const int64_t *)held[i]->output[0].data == first[i]);
    for (int i = n - 1; i >= 0; i--) CHECK(pipert_release(p, held[i]) == PIPERT_OK);
    CHECK(pipert_release(p, held[0]) == PIPERT_ARGUMENT);
    CHECK(pipert_wait(p, 10000) == PIPERT_OK);
    CHECK(pipert_next(p, &again) == PIPERT_OK && again->number == n);
    pipert_close(p);                            /* held, and others in the making */
}

/* One that is kept for long stops nobody; memory that was given back comes first. */
#ifndef PIPERT_HOSTILE                          /* it has room for one batch */
static void test_one_batch_may_be_held_for_an_epoch(void) {
    enum { MOST = 64 };
    const void *seen[MOST];
    pipert_options o;
    pipert_batch *kept, *b;
    int n = 0, batches = 0, status;
    pipert *p;
    pipert_defaults(&o);
    o.mode = PIPERT_DEBUG;
    p = open_kept(&o, "3000");
    CHECK(pipert_next(p, &kept) == PIPERT_OK);
    while ((status = pipert_next(p, &b)) == PIPERT_OK) {
        int i = 0;
        while (i < n && seen[i] != b->output[0].data) i++;
        if (i == n && n < MOST) seen[n++] = b->output[0].data;
        CHECK(b->output[0].data != kept->output[0].data);
        pipert_release(p, b);
        batches++;
    }
    CHECK(status == PIPERT_END && batches > 200 && n < 24);
    CHECK(pipert_release(p, kept) == PIPERT_OK);
    pipert_close(p);
}
#endif

static void test_state_in_the_same_process(void) {
    pipert *p = open_kept(NULL, "300");
    pipert_batch *b;
    char state[1024], wrong[1024];
    int64_t rest, n, whole;
    CHECK(pipert_save(p, state, sizeof state) == PIPERT_STATE);
    whole = sum_epoch(p, &n);
    for (int i = 0; i < 5; i++) {
        CHECK(pipert_next(p, &b) == PIPERT_OK);
        for (int k = 0; k < 7; k++) whole -= ((const int64_t *)b->output[0].data)[k];
        pipert_release(p, b);
    }
    CHECK(pipert_save(p, state, sizeof state) == PIPERT_OK);
    rest = sum_epoch(p, &n);
    CHECK(rest == whole);
    pipert_close(p);
    p = open_kept(NULL, "300");
    CHECK(pipert_restore(p, state) == PIPERT_OK);
    CHECK(sum_epoch(p, &n) == rest);
    pipert_close(p);
    p = open_kept(NULL, "301");
    CHECK(pipert_restore(p, state) == PIPERT_OK && pipert_start(p) == PIPERT_STATE);
    pipert_close(p);
    p = open_kept(NULL, "300");
    pipert_set(p, "doubt", "4");
    CHECK(pipert_restore(p, state) == PIPERT_OK && pipert_start(p) == PIPERT_STATE);
    CHECK(strstr(pipert_error(p), "doubt") != NULL);
    pipert_close(p);
    for (size_t i = 0; i + 1 < strlen(state); i += 3) {     /* cut short anywhere */
        p = open_kept(NULL, "300");
        memcpy(wrong, state, i);
        wrong[i] = 0;
        CHECK(pipert_restore(p, wrong) == PIPERT_STATE || pipert_start(p) == PIPERT_STATE ||
              i + 20 > strlen(state));
        pipert_close(p);
    }
}

/* In a run that has begun, at every point of it, with batches that are held. */
static void test_going_on_elsewhere(void) {
#ifdef PIPERT_HOSTILE
    enum { MOST = 0 };                      /* there is one slot */
#else
    enum { MOST = 12 };
#endif
    pipert *p = open_kept(NULL, "300");
    pipert_batch *b, *held[MOST + 1];
    char state[1024];
    int64_t n, whole = sum_epoch(p, &n), rest, m, second;
    second = sum_epoch(p, &m);
    CHECK(pipert_next(p, &b) == PIPERT_OK && pipert_save(p, state, sizeof state) == 0);
    CHECK(pipert_release(p, b) == PIPERT_OK);
    rest = sum_epoch(p, &m);
    for (int i = 0; i < 30; i++) {
        int holds = i < MOST ? i : MOST;
        for (int k = 0; k < holds; k++) CHECK(pipert_next(p, &held[k]) == PIPERT_OK);
        CHECK(pipert_restore(p, state) == PIPERT_OK);
        if (i % 3 == 0) CHECK(sum_epoch(p, &m) == rest);
        CHECK(pipert_restore(p, i % 2 ? "epoch 1" : "epoch 0") == PIPERT_OK);
        for (int k = 0; k < holds; k++) CHECK(pipert_release(p, held[k]) == PIPERT_OK);
        CHECK(sum_epoch(p, &m) == (i % 2 ? second : whole) && m == n);
    }
    CHECK(pipert_restore(p, "epoch x") == PIPERT_STATE);
    CHECK(pipert_restore(p, "epoch 1 2") == PIPERT_STATE);
    CHECK(pipert_restore(p, "") == PIPERT_STATE);
    CHECK(sum_epoch(p, &m) >= 0);           /* it goes on as it did */
    pipert_close(p);
}

static void test_batches_outlive_the_stop(void) {
    pipert *p = open_kept(NULL, "300");
    pipert_batch *b;
    int64_t first;
    CHECK(pipert_next(p, &b) == PIPERT_OK);
    first = *(const int64_t *)b->output[0].data;
    CHECK(pipert_stop(p) == PIPERT_OK && pipert_stop(p) == PIPERT_OK);
    CHECK(*(const int64_t *)b->output[0].data == first);
    CHECK(pipert_release(p, b) == PIPERT_OK);
    CHECK(pipert_next(p, &b) == PIPERT_ARGUMENT && strstr(pipert_error(p), "stopped"));
    pipert_close(p);
}

static void test_closing_at_any_time(void) {
    for (int i = 0; i < 30; i++) {
        pipert_options o;
        pipert_batch *b;
        pipert *p;
        pipert_defaults(&o);
        o.threads = 1 + i % 4;
        o.on_error = i % 2;
        p = open_kept(&o, "100000");
        if (i > 2) pipert_start(p);
        for (int k = 0; k < i % 5; k++)
            if (pipert_next(p, &b) == PIPERT_OK && k % 2) pipert_release(p, b);
        pipert_close(p);
    }
    passed++;
}

/* Not one malloc between batch 200 and the last. */
__attribute__((unused)) static void test_steady_state_takes_no_malloc(int mode, int on_error) {
    pipert_options o;
    pipert_batch *b;
    long before = 0;
    int64_t n = 0;
    pipert *p;
    pipert_defaults(&o);
    o.threads = 2;
    o.mode = mode;
    o.on_error = on_error;
    p = open_kept(&o, "20000");
    for (int epoch = 0; epoch < 3; epoch++)
        while (pipert_next(p, &b) == PIPERT_OK) {
            pipert_release(p, b);
            if (++n == 200) before = mallocs;
        }
    if (mallocs != before) printf("%ld mallocs in mode %d\n", mallocs - before, mode);
    CHECK(n > 1000 && mallocs == before);
    pipert_close(p);
}

static void count_log(void *context, int level, const char *message) {
    (void)level, (void)message;
    ++*(int *)context;
}

static int open_fails(pl_call *c, const pl_argument *a, void *lib, pl_argument *args) {
    (void)a, (void)lib, (void)args;
    c->verdict = c->fail(c, 0, 12, 0);
    return PL_FAILED;
}

static int open_doubts(pl_call *c, const pl_argument *a, void *lib, pl_argument *args) {
    (void)c, (void)a, (void)lib, (void)args;
    return PL_SUSPECT;
}

static void test_open_is_judged_by_the_plain_code(void) {
    pl_code doubtful = fused, failing = plain;
    const pl_code *both[] = {&doubtful, &plain}, *none[] = {&doubtful, &failing};
    pl_feature f = kept_feature;
    pipert_options o;
    int64_t n;
    int logs = 0;
    pipert *p;
    doubtful.open = open_doubts;
    failing.open = open_fails;
    f.codes = both;
    pipert_defaults(&o);
    o.log = count_log;
    o.log_context = &logs;
    pipert_open_feature(&p, &f, &o);
    CHECK(sum_epoch(p, &n) > 0 && logs == 1);
    pipert_close(p);
    f.codes = none;
    pipert_open_feature(&p, &f, NULL);
    CHECK(pipert_start(p) == PIPERT_MADE && strstr(pipert_error(p), "12 by nothing"));
    pipert_close(p);
}

int main(void) {
    test_epochs_and_stats();
    test_wrong_use_has_a_status_and_a_text();
    test_arguments_that_are_missing();
    test_batches_may_be_held();
#ifndef PIPERT_HOSTILE
    test_one_batch_may_be_held_for_an_epoch();
#endif
    test_state_in_the_same_process();
    test_going_on_elsewhere();
    test_batches_outlive_the_stop();
    test_closing_at_any_time();
    test_open_is_judged_by_the_plain_code();
#ifdef COUNT_MALLOC
    for (int mode = PIPERT_STREAMING; mode <= PIPERT_DEBUG; mode++) {
        test_steady_state_takes_no_malloc(mode, PIPERT_ON_ERROR_FAIL);
        test_steady_state_takes_no_malloc(mode, PIPERT_ON_ERROR_SKIP);
    }
#endif
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
