/* The store: what is put is had again, byte for byte, as long as the policy of store.h
 * says so, in memory and on disk. Prints what failed, then `N passed, N failed`. */
#include "store_test.h"

static const char *base;

/* ---- memory that is taken is counted ---- */
static atomic_long taken;

#ifdef COUNT_MALLOC
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
static void count(void) { atomic_fetch_add(&taken, 1); }
void *malloc(size_t n) { return count(), __libc_malloc(n); }
void *calloc(size_t n, size_t k) { return count(), __libc_calloc(n, k); }
void *realloc(void *p, size_t n) { return count(), __libc_realloc(p, n); }
#endif

void *__real_plat_reserve(size_t);
void *__real_plat_reserve_large(size_t);
void *__wrap_plat_reserve(size_t);
void *__wrap_plat_reserve_large(size_t);

void *__wrap_plat_reserve(size_t n) {
    atomic_fetch_add(&taken, 1);
    return __real_plat_reserve(n);
}

void *__wrap_plat_reserve_large(size_t n) {
    atomic_fetch_add(&taken, 1);
    return __real_plat_reserve_large(n);
}

static store *open_ram(int64_t limit, int64_t segment) {
    store_options o = {.kind = STORE_RAM, .limit = limit, .segment = segment};
    char error[256] = "";
    store *s = store_open(&o, error, sizeof error);
    if (!s) printf("%s\n", error);
    return s;
}

static store *open_disk(int64_t limit, int64_t segment) {
    return open_in(new_folder(base), limit, segment, 1);
}

/* ---- both kinds: `open` opens an empty one ---- */
typedef store *opener(int64_t limit, int64_t segment);

static void test_values_come_back(opener *open) {
    store *s = open(64 * MB, 0);
    store_counts c;
    enum { N = 3000 };
    int good = 0, none = 0;
    for (uint64_t i = 0; i < N; i++) good += put(s, i);
    CHECK(good == N);
    CHECK(!put(s, 5) && counts(s).kept == N && counts(s).refused == 0);
    good = 0;
    for (uint64_t i = 0; i < N; i++) good += has(s, i) == 1;
    for (uint64_t i = N; i < 2 * N; i++) none += has(s, i) == 0;
    CHECK(good == N && none == N);
    c = counts(s);
    CHECK(c.entries == N && c.hits == N && c.misses == N && c.evicted == 0);
    CHECK(c.bytes >= c.write_bytes && c.bytes < c.write_bytes + N * 256);
    store_close(s);
}

static void test_of_all_sizes(opener *open) {
    static const size_t of[] = {0,    1,    63,   64,    65,     127,     128,
                                4095, 4096, 4097, 70000, 300000, 1 << 20, 5 << 20};
    enum { N = sizeof of / sizeof *of };
    store *s = open(64 * MB, MB);
    int good = 0;
    for (int round = 0; round < 2; round++)
        for (uint64_t i = 0; i < N; i++)
            for (uint64_t k = 0; k < 2; k++) {
                size_t first = k ? of[i] : 0, second = k ? 0 : of[i];
                if (!round) good += put_of(s, 1000 * k + i, first, second);
                else good += has_of(s, 1000 * k + i, first, second) == 1;
            }
    CHECK(good == 4 * N);
    CHECK(!put_of(s, 1 << 20, 64 * MB, 1));         /* more than the limit */
    CHECK(!put_of(s, 1 << 21, 60 * MB, 0) && counts(s).refused == 2);
    store_close(s);
}

static void test_no_bytes_and_no_parts(opener *open) {
    store *s = open(MB, 0);
    store_item t;
    CHECK(store_put(s, key_of(1), -7, NULL, 0));
    CHECK(!store_put(s, key_of(1), -8, NULL, 0));
    CHECK(store_get(s, key_of(1), &t) && t.bytes == 0 && t.verdict == -7 && t.data);
    for (int k = 0; k < 64; k++) (void)((const volatile char *)t.data)[k];
    store_release(s, &t);
    CHECK(!t.pin && !t.data);
    store_close(s);
}

/* What came first stays, whatever comes later in the epoch, and in the ones to come. */
static void test_a_cycle_that_is_too_long_hits_what_fits(opener *open) {
    store *s = open(4 * MB, 256 * KB);
    enum { N = 1000 };                              /* twice the limit */
    int64_t hits[4] = {0}, wrong = 0;
    for (int epoch = 0; epoch < 4; epoch++) {
        store_epoch(s);
        for (uint64_t i = 0; i < N; i++) {
            uint64_t at = epoch % 2 ? N - 1 - i : i;
            int found = has_of(s, at, VALUE, 0);
            hits[epoch] += found == 1;
            wrong += found < 0;
            if (!found) put_of(s, at, VALUE, 0);
            CHECK(counts(s).bytes <= 4 * MB);
        }
    }
    CHECK(wrong == 0 && hits[0] == 0);
    CHECK(hits[1] > 470 && hits[2] == hits[1] && hits[3] == hits[1]);
    CHECK(counts(s).evicted == 0);
    store_close(s);
}

static int used(store *s, uint64_t from, uint64_t to) {
    int n = 0;
    for (uint64_t i = from; i < to; i++) n += has_of(s, i, VALUE, 0) == 1;
    return n;
}

static int putting(store *s, uint64_t from, uint64_t to) {
    int n = 0;
    for (uint64_t i = from; i < to; i++) n += put_of(s, i, VALUE, 0);
    return n;
}

/* 512 values are 4 MB. */
static void test_what_was_not_used_for_an_epoch_goes(opener *open) {
    store *s = open(4 * MB, 64 * KB);
    store_epoch(s);
    CHECK(putting(s, 0, 200) == 200 && putting(s, 1000, 1200) == 200);
    store_epoch(s);
    CHECK(used(s, 0, 200) == 200);
    CHECK(putting(s, 2000, 2400) < 120);            /* 1000 … was used an epoch ago */
    CHECK(counts(s).evicted == 0);
    store_epoch(s);
    CHECK(putting(s, 3000, 3100) == 100 && counts(s).evicted > 0);
    CHECK(used(s, 0, 200) == 200);
    CHECK(used(s, 1000, 1200) < 120);
    store_close(s);
}

static void test_the_longest_unused_goes_first(opener *open) {
    store *s = open(4 * MB, 64 * KB);
    store_epoch(s);
    putting(s, 0, 150);
    putting(s, 1000, 1150);
    putting(s, 2000, 2150);
    store_epoch(s);
    used(s, 1000, 1150);
    store_epoch(s);
    used(s, 0, 150);
    used(s, 2000, 2075);
    store_epoch(s);
    store_epoch(s);
    putting(s, 3000, 3140);                         /* there is room for 62 */
    CHECK(used(s, 2075, 2150) <= 16);               /* ends share segments */
    CHECK(used(s, 1000, 1150) >= 118);
    CHECK(used(s, 0, 150) >= 142 && used(s, 2000, 2075) >= 67);
    store_close(s);
}

static void test_what_is_pinned_stays(opener *open) {
    store *s = open(MB, 64 * KB);
    store_item t, other;
    store_epoch(s);
    CHECK(putting(s, 0, 100) == 100);
    CHECK(store_get(s, key_of(50), &t) && store_get(s, key_of(50), &other));
    for (int epoch = 0; epoch < 4; epoch++) store_epoch(s);
    CHECK(putting(s, 1000, 1100) >= 80);            /* all but the segment it lies in */
    CHECK(counts(s).bytes <= MB && is_of(&t, 50, VALUE, 0));
    store_release(s, &t);
    CHECK(is_of(&other, 50, VALUE, 0));
    store_release(s, &other);
    CHECK(used(s, 0, 50) < 10);
    store_close(s);
}

/* As many at once as there are, of all sizes, again and again. */
static void test_many_are_pinned_at_once(opener *open) {
    enum { N = 1500 };
    store *s = open(64 * MB, 0);
    static store_item item[N];
    int good = 0;
    for (uint64_t i = 0; i < N; i++) good += put_of(s, i, i % 50 ? i : i * 100, 3);
    for (int epoch = 0; epoch < 3; epoch++) {
        long before;
        store_epoch(s);
        has_of(s, 0, 0, 3);                         /* it looks around */
        before = taken;
        for (uint64_t i = 0; i < N; i++) good += store_get(s, key_of(i), &item[i]);
        CHECK(taken == before || !epoch);
        for (uint64_t i = 0; i < N; i++) {
            good += is_of(&item[i], i, i % 50 ? i : i * 100, 3);
            for (int k = 0; k < 64; k++)
                (void)((const volatile char *)item[i].data)[item[i].bytes + (size_t)k];
        }
        before = taken;
        for (uint64_t i = 0; i < N; i++) store_release(s, &item[i]);
        CHECK(taken == before);
    }
    CHECK(good == 7 * N && taken > 0);
    store_close(s);
}

static void test_a_value_that_went_can_be_put_again(opener *open) {
    store *s = open(MB, 64 * KB);
    int good = 0;
    for (uint64_t round = 0; round < 20; round++) {
        store_epoch(s);
        store_epoch(s);
        good += putting(s, round % 4 * 1000, round % 4 * 1000 + 100);
        CHECK(used(s, round % 4 * 1000, round % 4 * 1000 + 100) == 100);
    }
    CHECK(good == 2000);
    store_close(s);
}

/* ---- threads: all get and put the same keys, and see whole values only ---- */
typedef struct crowd {
    store *s;
    atomic_int wrong, hits, next;
} crowd;

static void hammer(void *p) {
    crowd *c = p;
    uint64_t state = mix((uint64_t)atomic_fetch_add(&c->next, 1) + 99);
    store_item held[4] = {{0}};
    uint64_t of[4] = {0};
    for (int k = 0; k < 4000; k++) {
        uint64_t i = (state = mix(state + 1)) % 700 + (uint64_t)k / 1000 * 350;
        int found = has(c->s, i), slot = k % 4;
        atomic_fetch_add(&c->wrong, found < 0);
        atomic_fetch_add(&c->hits, found == 1);
        if (!found) put(c->s, i);
        if (held[slot].pin) {
            atomic_fetch_add(&c->wrong, !is_of(&held[slot], of[slot],
                                               first_of(of[slot]), second_of(of[slot])));
            store_release(c->s, &held[slot]);
        }
        of[slot] = i;
        if (!store_get(c->s, key_of(i), &held[slot])) held[slot].pin = NULL;
        if (k % 500 == 0) store_epoch(c->s);
    }
    for (int slot = 0; slot < 4; slot++)
        if (held[slot].pin) store_release(c->s, &held[slot]);
}

static void test_eight_threads(opener *open) {
    crowd c = {.s = open(MB, 32 * KB)};
    plat_thread thread[8];
    store_counts n;
    for (int i = 0; i < 8; i++) CHECK(!plat_thread_start(&thread[i], hammer, &c));
    for (int i = 0; i < 8; i++) plat_thread_join(&thread[i]);
    n = counts(c.s);
    CHECK(c.wrong == 0 && c.hits > 1000 && n.hits >= c.hits);
    CHECK(n.bytes <= MB && n.evicted > 0 && n.damaged == 0);
    store_close(c.s);
}

static void test_both(opener *open) {
    test_values_come_back(open);
    test_of_all_sizes(open);
    test_no_bytes_and_no_parts(open);
    test_a_cycle_that_is_too_long_hits_what_fits(open);
    test_what_was_not_used_for_an_epoch_goes(open);
    test_the_longest_unused_goes_first(open);
    test_what_is_pinned_stays(open);
    test_many_are_pinned_at_once(open);
    test_a_value_that_went_can_be_put_again(open);
    test_eight_threads(open);
}

/* ---- opening ---- */
static void test_a_limit_that_holds_nothing(void) {
    store_options o = {.kind = STORE_RAM, .limit = 0};
    char error[256] = "";
    CHECK(!store_open(&o, error, sizeof error) && strstr(error, "limit of 0 bytes"));
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    base = argv[1];
    test_both(open_ram);
    test_both(open_disk);
    CHECK(!*told);
    test_a_limit_that_holds_nothing();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
