/* For the tests of the store: values that follow from their numbers, so every byte that
 * is wrong is seen; stores in folders; a count of checks. */
#include "plat.h"
#include "store.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_int passed, failed;

#define CHECK(condition) check(condition, #condition, __FILE__, __LINE__)

static void check(bool good, const char *what, const char *file, int line) {
    atomic_fetch_add(good ? &passed : &failed, 1);
    if (!good) printf("%s:%d: %s\n", file, line, what);
}

/* VALUE: 8 KB, with what a kind may write before it. */
enum { KB = 1024, MB = 1024 * 1024, VALUE = 8 * KB - 64 };

static uint64_t mix(uint64_t z) {
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static store_key key_of(uint64_t i) {
    return (store_key){{mix(i * 2 + 1), mix(mix(i + 77))}};
}

/* ---- values: two parts, of lengths and bytes that follow from the number ---- */
static void fill(unsigned char *to, uint64_t i, size_t n) {
    uint64_t state = mix(i + 1);
    for (size_t k = 0; k < n; k++) {
        state = mix(state + k);
        to[k] = (unsigned char)(state >> 32);
    }
}

static bool put_of(store *s, uint64_t i, size_t first, size_t second) {
    unsigned char *a = malloc(first + 1), *b = malloc(second + 1);
    store_part part[2] = {{a, first}, {b, second}};
    bool good;
    fill(a, i, first);
    fill(b, ~i, second);
    good = store_put(s, key_of(i), (int32_t)i, part, 2);
    free(a);
    free(b);
    return good;
}

static bool is_of(const store_item *t, uint64_t i, size_t first, size_t second) {
    size_t at = (first + 63) & ~(size_t)63;
    unsigned char *due = calloc(1, at + second + 1);
    bool good;
    fill(due, i, first);
    fill(due + at, ~i, second);
    good = t->bytes == at + second && !memcmp(t->data, due, t->bytes) &&
           t->verdict == (int32_t)i && (uintptr_t)t->data % 64 == 0;
    free(due);
    return good;
}

/* 1: there and right, 0: not there, -1: wrong. */
static int has_of(store *s, uint64_t i, size_t first, size_t second) {
    store_item t;
    int good;
    if (!store_get(s, key_of(i), &t)) return 0;
    good = is_of(&t, i, first, second) ? 1 : -1;
    store_release(s, &t);
    return good;
}

static size_t first_of(uint64_t i) { return i * 37 % 3000; }
static size_t second_of(uint64_t i) { return i * 11 % 900; }
static bool put(store *s, uint64_t i) { return put_of(s, i, first_of(i), second_of(i)); }
static int has(store *s, uint64_t i) { return has_of(s, i, first_of(i), second_of(i)); }

static store_counts counts(store *s) {
    store_counts c;
    store_count(s, &c);
    return c;
}

/* ---- on disk: a folder for each test ---- */
static char folder[4096];
static char told[4096];         /* what went to the log, a line each */

static void note(void *p, int level, const char *text) {
    size_t at = strlen(told);
    (void)p, (void)level;
    snprintf(told + at, sizeof told - at, "%s\n", text);
}

static const char *new_folder(const char *base) {
    static int n;
    snprintf(folder, sizeof folder, "%s/%d", base, n++);
    told[0] = 0;
    return folder;
}

static store *open_in(const char *in, int64_t limit, int64_t segment, uint64_t group) {
    store_options o = {.kind = STORE_DISK, .limit = limit, .segment = segment,
                       .group = group, .folder = in, .log = note};
    char error[1024] = "";
    store *s = store_open(&o, error, sizeof error);
    if (!s) printf("%s\n", error);
    return s;
}
