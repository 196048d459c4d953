/* The store's calls. */
#include "store_inside.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ns; after a miss */
#ifdef PIPERT_HOSTILE
static const int64_t LOOK_EVERY = 10000000;
#else
static const int64_t LOOK_EVERY = 1000000000;
#endif

/* ---- opening ---- */
static const int64_t least_segment[] = {[STORE_RAM] = 1 << 20, [STORE_DISK] = 1 << 24};

static bool fill_options(store *s, const store_options *o) {
    enum { PARTS = 64 };
    const int64_t endless = INT64_C(1) << 60, least = least_segment[o->kind == STORE_DISK];
    int64_t segment = o->limit / PARTS;
    s->options = *o;
    if (o->limit > endless) s->options.limit = endless;
    if (segment < least) segment = least;
    if (segment > o->limit / 4) segment = o->limit / 4;
    if (o->segment) segment = o->segment;
    s->options.segment = segment & -(int64_t)ALIGN;
    atomic_store(&s->refused_in, -1);
    return s->options.segment > 0;
}

static bool init_locks(store *s) {
    if (plat_mutex_init(&s->growth)) return false;
    if (plat_mutex_init(&s->space)) goto no_space;
    if (!table_init(s)) goto no_table;
    if (!pool_init(s)) goto no_pool;
    return true;
no_pool:
    table_fini(s);
no_table:
    plat_mutex_fini(&s->space);
no_space:
    plat_mutex_fini(&s->growth);
    return false;
}

static void fini_locks(store *s) {
    pool_fini(s);
    table_fini(s);
    plat_mutex_fini(&s->space);
    plat_mutex_fini(&s->growth);
}

static bool open_kind(store *s, char *error, size_t room) {
    if (s->options.kind == STORE_DISK) return disk_open(s, error, room);
    if (s->options.kind == STORE_RAM) return true;
    snprintf(error, room, "there is no store of kind %d", s->options.kind);
    return false;
}

store *store_open(const store_options *o, char *error, size_t room) {
    store *s = calloc(1, sizeof *s);
    if (!s || !init_locks(s)) goto no_memory;
    s->kind = o->kind == STORE_DISK ? &store_disk : &store_ram;
    if (!fill_options(s, o)) {
        snprintf(error, room, "a limit of %lld bytes holds nothing: give it more",
                 (long long)o->limit);
        goto fail;
    }
    if (!segments_init(s)) goto no_space;
    if (open_kind(s, error, room)) return s;
    segments_fini(s);
    goto fail;
no_space:
    snprintf(error, room, "no address space for a cache: give it more (ulimit -v)");
fail:
    fini_locks(s);
    free(s);
    return NULL;
no_memory:
    snprintf(error, room, "no memory for a cache");
    free(s);
    return NULL;
}

void store_close(store *s) {
    if (!s) return;
    segments_fini(s);
    if (s->kind == &store_disk) disk_close(s);
    fini_locks(s);
    free(s);
}

void store_epoch(store *s) {
    atomic_fetch_add(&s->epoch, 1);
}

/* ---- what others did meanwhile ---- */
static bool is_due(const store *s) {
    return s->kind->look && atomic_load_explicit(&s->looked_in, memory_order_relaxed) !=
                                atomic_load_explicit(&s->epoch, memory_order_relaxed);
}

/* All wait for the first of an epoch: to look is less than to make what others made. */
static void look_at_first(store *s) {
    int64_t epoch;
    if (!is_due(s)) return;
    plat_lock(&s->growth);
    epoch = atomic_load(&s->epoch);
    if (is_due(s)) s->kind->look(s);
    atomic_store(&s->looked_in, epoch);
    plat_unlock(&s->growth);
}

static void look_after_miss(store *s) {
    int64_t then = atomic_load(&s->looked), now;
    if (!s->kind->look) return;
    now = plat_now();
    if (now - then <= LOOK_EVERY || !atomic_compare_exchange_strong(&s->looked, &then, now))
        return;
    plat_lock(&s->growth);
    s->kind->look(s);
    plat_unlock(&s->growth);
}

/* ---- values ---- */
bool store_get(store *s, store_key key, store_item *to) {
    entry e;
    segment *g;
    look_at_first(s);
    g = table_find(s, key, &e);
    if (!g) {
        look_after_miss(s);
        return false;
    }
    segment_use(s, g);
    if (s->kind->read(s, g, &e, to)) return true;
    table_forget(s, &e);
    return false;
}

void store_release(store *s, store_item *i) {
    s->kind->release(s, i);
    *i = (store_item){0};
}

/* Bytes to the end of the last part; -1: more than the limit. */
static int64_t bytes_of(const store *s, const store_part *part, int n) {
    uint64_t most = (uint64_t)s->options.limit, sum = 0;
    for (int i = 0; i < n; i++) {
        sum = (uint64_t)round_up((int64_t)sum);
        if (part[i].bytes > most - (sum < most ? sum : most)) return -1;
        sum += part[i].bytes;
    }
    return (int64_t)sum;
}

/* A value of no bytes takes room too. */
static bool write_value(store *s, entry *e, const store_part *part, int n) {
    int64_t started = plat_now();
    int64_t room = s->kind->head + (e->bytes ? round_up((int64_t)e->bytes) : ALIGN);
    segment *g = segment_take(s, room, &e->offset);
    bool good = false;
    if (!g) return false;
    e->segment = (uint32_t)(g - s->segment);
    e->age = atomic_load(&g->age);
    good = s->kind->write(s, g, e, part, n);
    if (good) segment_use(s, g), table_settle(s, e->key, e);
    segment_done(s, g);
    atomic_fetch_add(&s->write_bytes, good ? (int64_t)e->bytes : 0);
    atomic_fetch_add(&s->write_ns, plat_now() - started);
    return good;
}

bool store_put(store *s, store_key key, int32_t verdict, const store_part *part, int n) {
    entry e = {.key = key, .verdict = verdict, .state = ENTRY_LIVE};
    int64_t bytes = bytes_of(s, part, n);
    bool good;
    if (bytes >= 0 && !table_claim(s, key)) return false;
    e.bytes = (uint64_t)bytes;
    good = bytes >= 0 && write_value(s, &e, part, n);
    if (bytes >= 0 && !good) table_settle(s, key, NULL);
    atomic_fetch_add(good ? &s->kept : &s->refused, 1);
    return good;
}

void store_count(store *s, store_counts *to) {
    *to = (store_counts){.kept = s->kept, .refused = s->refused, .evicted = s->evicted,
                         .write_bytes = s->write_bytes, .write_ns = s->write_ns,
                         .read_bytes = s->read_bytes, .read_ns = s->read_ns,
                         .damaged = s->damaged};
    table_count(s, to);
    plat_lock(&s->space);
    to->bytes = s->bytes;
    if (s->writing) to->bytes -= s->writing->room;
    plat_unlock(&s->space);
}
