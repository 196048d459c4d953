/* Values in memory: a segment is address space, and costs what was written. */
#include "store_inside.h"
#include <string.h>

enum { BEYOND = 64 };           /* readable after the last value */

static size_t pages(int64_t bytes) {
    return ((size_t)bytes + BEYOND + PLAT_PAGE - 1) & ~(size_t)(PLAT_PAGE - 1);
}

static bool ram_make(store *s, segment *g) {
    (void)s;
    g->reserved = pages(g->size);
    g->base = plat_reserve_large(g->reserved);
    return g->base;
}

static void ram_drop(store *s, segment *g) {
    (void)s;
    plat_unreserve(g->base, g->reserved);
}

static void ram_seal(store *s, segment *g) {
    size_t keep = pages(g->top);
    (void)s;
    if (keep == g->reserved) return;
    plat_unreserve(g->base + keep, g->reserved - keep);
    g->reserved = keep;
}

/* New pages are zero, so what lies between is. */
static bool ram_write(store *s, segment *g, const entry *e, const store_part *part,
                      int n) {
    char *to = g->base + e->offset;
    (void)s;
    for (int i = 0; i < n; i++) {
        if (part[i].bytes) memcpy(to, part[i].data, part[i].bytes);
        to += round_up((int64_t)part[i].bytes);
    }
    return true;
}

static bool ram_read(store *s, segment *g, const entry *e, store_item *to) {
    (void)s;
    *to = (store_item){g->base + e->offset, e->bytes, e->verdict, g};
    return true;
}

static void ram_release(store *s, store_item *i) {
    (void)s;
    segment_unpin(i->pin);
}

const store_kind store_ram = {
    .make = ram_make, .drop = ram_drop, .seal = ram_seal, .write = ram_write,
    .read = ram_read, .release = ram_release,
};
