/* Keys to places: tables with a lock each, so that threads seldom meet and a table that
 * grows holds nobody up for long. Entries of segments that are gone are found out when
 * somebody comes across them. */
#include "store_inside.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

bool table_init(store *s) {
    for (int i = 0; i < SHARDS; i++)
        if (plat_mutex_init(&s->shard[i].lock)) {
            while (i--) plat_mutex_fini(&s->shard[i].lock);
            return false;
        }
    return true;
}

void table_fini(store *s) {
    for (int i = 0; i < SHARDS; i++) {
        free(s->shard[i].at);
        plat_mutex_fini(&s->shard[i].lock);
    }
}

static shard *lock_shard(store *s, store_key key) {
    shard *h = &s->shard[key.word[1] % SHARDS];
    plat_lock(&h->lock);
    return h;
}

static bool same(store_key a, store_key b) {
    return a.word[0] == b.word[0] && a.word[1] == b.word[1];
}

/* A key has one entry at most, whatever its state. */
static entry *look(const shard *h, store_key key) {
    entry *dead = NULL;
    for (uint64_t i = key.word[0];; i++) {
        entry *e = &h->at[i & (h->room - 1)];
        if (e->state == ENTRY_EMPTY) return dead ? dead : e;
        if (same(e->key, key)) return e;
        if (e->state == ENTRY_DEAD && !dead) dead = e;
    }
}

static bool is_current(const store *s, const entry *e) {
    return e->state == ENTRY_CLAIMED ||
           (e->state == ENTRY_LIVE &&
            atomic_load_explicit(&s->segment[e->segment].age, memory_order_relaxed) ==
                e->age);
}

static bool rebuild(const store *s, shard *h, size_t room) {
    shard to = {.at = calloc(room, sizeof(entry)), .room = room};
    if (!to.at) return false;
    for (size_t i = 0; i < h->room; i++) {
        const entry *e = &h->at[i];
        if (!is_current(s, e)) continue;
        *look(&to, e->key) = *e;
        to.taken++;
    }
    free(h->at);
    h->at = to.at;
    h->room = room;
    h->taken = to.taken;
    return true;
}

/* One more entry fits, and leaves a quarter empty. */
static bool make_room(const store *s, shard *h) {
    size_t current = 0, room = FIRST_ROOM;
    if (h->room && (h->taken + 1) * 4 <= h->room * 3) return true;
    for (size_t i = 0; i < h->room; i++) current += is_current(s, &h->at[i]);
    while (room < (current + 1) * 2) room *= 2;
    return rebuild(s, h, room);
}

bool table_claim(store *s, store_key key) {
    shard *h = lock_shard(s, key);
    bool good = make_room(s, h);
    entry *e = good ? look(h, key) : NULL;
    if (e && is_current(s, e)) e = NULL;
    if (e) {
        h->taken += e->state == ENTRY_EMPTY;
        *e = (entry){.key = key, .state = ENTRY_CLAIMED};
    }
    plat_unlock(&h->lock);
    return e;
}

void table_settle(store *s, store_key key, const entry *to) {
    shard *h = lock_shard(s, key);
    entry *e = look(h, key);
    if (to) *e = *to;
    e->state = to ? ENTRY_LIVE : ENTRY_DEAD;
    plat_unlock(&h->lock);
}

segment *table_find(store *s, store_key key, entry *to) {
    shard *h = lock_shard(s, key);
    entry *e = h->room ? look(h, key) : NULL;
    segment *g = NULL;
    if (e && e->state == ENTRY_LIVE && same(e->key, key)) {
        g = &s->segment[e->segment];
        *to = *e;
        if (!segment_pin(g, e->age)) g = NULL;
    }
    if (g) h->hits++;
    else h->misses++;
    plat_unlock(&h->lock);
    return g;
}

void table_forget(store *s, const entry *was) {
    shard *h = lock_shard(s, was->key);
    entry *e = look(h, was->key);
    h->hits--;
    h->misses++;
    if (e->state == ENTRY_LIVE && same(e->key, was->key) && e->segment == was->segment &&
        e->age == was->age)
        e->state = ENTRY_DEAD;
    plat_unlock(&h->lock);
}

void table_count(store *s, store_counts *to) {
    for (int i = 0; i < SHARDS; i++) {
        shard *h = &s->shard[i];
        plat_lock(&h->lock);
        for (size_t k = 0; k < h->room; k++)
            to->entries += h->at[k].state == ENTRY_LIVE && is_current(s, &h->at[k]);
        to->hits += h->hits;
        to->misses += h->misses;
        plat_unlock(&h->lock);
    }
}
