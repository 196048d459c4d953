/* Memory that values are read into. What was given back is used again, so as much is
 * reserved as was needed at once. Sizes are powers of 2, of which pages are written as
 * they are needed; small ones are cut from slabs, which stay. */
#include "store_inside.h"

enum { FIRST_BYTES = 1024, AHEAD = 64, SLAB = 1 << 20, SMALL = 7 };

_Static_assert(sizeof(buffer) <= AHEAD, "what is behind it is aligned");

bool pool_init(store *s) { return !plat_mutex_init(&s->pool); }

static int class_of(size_t bytes) {
    int class = 0;
    while ((size_t)FIRST_BYTES << class < bytes) class++;
    return class;
}

static buffer *buffer_over(char *at, int class) {
    buffer *b = (buffer *)at;
    *b = (buffer){.room = (size_t)FIRST_BYTES << class, .class = class};
    return b;
}

static void put_idle(store *s, buffer *b) {
    plat_lock(&s->pool);
    b->last = atomic_load_explicit(&s->epoch, memory_order_relaxed);
    b->next = s->idle[b->class];
    s->idle[b->class] = b;
    plat_unlock(&s->pool);
}

/* The first of a slab's buffers is its link; the last is the caller's. */
static buffer *cut_slab(store *s, int class) {
    const size_t room = (size_t)FIRST_BYTES << class;
    char *slab = plat_reserve(SLAB);
    buffer *link;
    if (!slab) return NULL;
    for (size_t at = room; at + room < SLAB; at += room)
        put_idle(s, buffer_over(slab + at, class));
    link = buffer_over(slab, class);
    plat_lock(&s->pool);
    link->next = s->slabs;
    s->slabs = link;
    plat_unlock(&s->pool);
    return buffer_over(slab + SLAB - room, class);
}

static buffer *buffer_new(store *s, int class) {
    char *at;
    if (class < SMALL) return cut_slab(s, class);
    at = plat_reserve_large((size_t)FIRST_BYTES << class);
    return at ? buffer_over(at, class) : NULL;
}

buffer *buffer_take(store *s, size_t bytes) {
    const size_t most = SIZE_MAX / 4;
    buffer *b;
    int class;
    if (bytes > most) return NULL;
    class = class_of(bytes + AHEAD);
    plat_lock(&s->pool);
    b = s->idle[class];
    if (b) s->idle[class] = b->next;
    plat_unlock(&s->pool);
    return b ? b : buffer_new(s, class);
}

void buffer_give(store *s, buffer *b) { put_idle(s, b); }

char *buffer_at(buffer *b) { return (char *)b + AHEAD; }

/* The last that was given back lies first, so the others are behind it. */
static void trim(store *s, int class, int64_t since) {
    buffer **at = &s->idle[class], *old, *next;
    plat_lock(&s->pool);
    while (*at && (*at)->last >= since) at = &(*at)->next;
    old = *at;
    *at = NULL;
    plat_unlock(&s->pool);
    for (; old; old = next) {
        next = old->next;
        plat_unreserve(old, old->room);
    }
}

void pool_trim(store *s) {
    for (int c = SMALL; c < CLASSES; c++) trim(s, c, atomic_load(&s->epoch) - 1);
}

void pool_fini(store *s) {
    for (int c = SMALL; c < CLASSES; c++) trim(s, c, INT64_MAX);
    while (s->slabs) {
        buffer *slab = s->slabs;
        s->slabs = slab->next;
        plat_unreserve(slab, SLAB);
    }
    plat_mutex_fini(&s->pool);
}
