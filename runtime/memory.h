/* Bump memory over reserved address space: it never moves, takes no malloc, and
 * costs only the pages that were written. Everything in an arena goes at once. */
#ifndef PIPERT_MEMORY_H
#define PIPERT_MEMORY_H
#include "plat.h"

typedef struct arena {
    char *base;
    size_t size, used;
    size_t top;                 /* the most ever used since the last trim */
    bool lent;                  /* the memory is somebody's, and pages of a file */
} arena;

/* false: not even a small piece of address space could be had. Takes less than
 * asked where there is less. */
bool arena_init(arena *, size_t size);
/* All of it, for what is written here and there, or nothing (plat_reserve_sparse). */
bool arena_init_sparse(arena *, size_t size);
/* The same over memory of a file (plat_map), which outlives the arena. */
void arena_over(arena *, void *base, size_t size);
void arena_fini(arena *);
/* Nothing more will be taken: address space behind it goes back. */
void arena_close(arena *);
/* 64-byte aligned, not zeroed; NULL when it is full. Zero bytes give a pointer. */
void *arena_take(arena *, size_t bytes);
/* Back to `used` bytes; memory above stays mapped. */
void arena_reset(arena *, size_t used);
/* Gives pages above `keep` bytes back to the system, if any were written. */
void arena_trim(arena *, size_t keep);
#endif
