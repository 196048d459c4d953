#include "memory.h"
#include <string.h>

bool arena_init(arena *a, size_t size) {
    memset(a, 0, sizeof *a);
    size = (size + PLAT_PAGE - 1) & ~(size_t)(PLAT_PAGE - 1);
    for (; size >= 1 << 20; size /= 2) {
        size &= ~(size_t)(PLAT_PAGE - 1);
        a->base = plat_reserve(size);
        if (a->base) break;
    }
    a->size = a->base ? size : 0;
    return a->base != NULL;
}

bool arena_init_sparse(arena *a, size_t size) {
    memset(a, 0, sizeof *a);
    a->base = plat_reserve_sparse(size);
    a->size = a->base ? size : 0;
    return a->base != NULL;
}

void arena_over(arena *a, void *base, size_t size) {
    *a = (arena){.base = base, .size = size, .lent = true};
}

void arena_fini(arena *a) {
    if (!a->lent) plat_unreserve(a->base, a->size);
    memset(a, 0, sizeof *a);
}

void arena_close(arena *a) {
    size_t used = a->used ? a->used : 1;
    size_t keep = (used + PLAT_PAGE - 1) & ~(size_t)(PLAT_PAGE - 1);
    plat_unreserve(a->base + keep, a->size - keep);
    a->size = keep;
}

void *arena_take(arena *a, size_t bytes) {
    size_t size = (bytes + 63) & ~(size_t)63;
    if (size < bytes || size > a->size - a->used) return NULL;
    a->used += size;
    if (a->used > a->top) a->top = a->used;
    return a->base + a->used - size;
}

void arena_reset(arena *a, size_t used) {
#ifdef PIPERT_HOSTILE
    if (a->used > used) memset(a->base + used, 0xA5, a->used - used);
#endif
    a->used = used;
}

void arena_trim(arena *a, size_t keep) {
    if (a->top <= keep) return;
    plat_discard(a->base + keep, a->top - keep, a->lent);
    a->top = keep;
}
