/* Memory of the interpreter: regions of chunks, frames, roots; a map. */
#include <stdlib.h>
#include <string.h>
#include "eval_room.h"

/* ---- regions ---- */

struct Chunk { Chunk *next; size_t size, used; char *base; };

enum { CHUNK_BYTES = 4096, SLACK = 64 };

static void *allocate(size_t bytes) {
    void *p = calloc(1, bytes);
    if (!p) bug("the interpreter is out of memory (%zu bytes)", bytes);
    return p;
}

static Chunk *chunk_new(Pool *pool, size_t bytes) {
    Chunk *chunk = bytes == CHUNK_BYTES ? pool->free : NULL;
    if (chunk) {
        pool->free = chunk->next;
        return chunk;
    }
    chunk = allocate(sizeof *chunk + 64 + bytes + SLACK);
    chunk->size = bytes;
    chunk->base = (char *)(((uintptr_t)(chunk + 1) + 63) & ~(uintptr_t)63);
    return chunk;
}

/* What lies below `used` may be dirty: a chunk of the pool is cleaned as it is
 * taken from, a large one is fresh. */
void *region_take(Region *region, size_t bytes) {
    size_t size = (bytes + 63) & ~(size_t)63;
    Chunk *chunk = region->chunk;
    void *at;
    if (!chunk || chunk->size - chunk->used < size) {
        bool large = size + SLACK > CHUNK_BYTES / 2;
        Chunk *fresh = chunk_new(region->pool, large ? size : CHUNK_BYTES);
        if (large && chunk) {               /* the current one has room still */
            fresh->next = chunk->next;
            chunk->next = fresh;
        } else {
            fresh->next = chunk;
            region->chunk = fresh;
        }
        fresh->used = 0;
        chunk = fresh;
    }
    at = chunk->base + chunk->used;
    chunk->used += size;
    if (chunk->size == CHUNK_BYTES) memset(at, 0, size);
    return at;
}

void region_child(Region *owner, Region *child) {
    child->pool = owner->pool;
    child->next = owner->children;
    owner->children = child;
}

static void chunk_drop(Pool *pool, Chunk *chunk) {
    if (chunk->size != CHUNK_BYTES) {
        free(chunk);
        return;
    }
    chunk->next = pool->free;
    pool->free = chunk;
}

void region_empty(Region *region) {
    Region *child = region->children;
    Chunk *chunk = region->chunk;
    region->children = NULL;
    region->chunk = NULL;
    for (Region *next; child; child = next) {
        next = child->next;
        region_empty(child);
    }
    for (Chunk *next; chunk; chunk = next) {
        next = chunk->next;
        chunk_drop(region->pool, chunk);
    }
}

void pool_free(Pool *pool) {
    for (Chunk *next; pool->free; pool->free = next) {
        next = pool->free->next;
        free(pool->free);
    }
}

/* ---- frames ---- */

Frame *frame_new(Region *region, const Scope *scope, Frame *parent, Root *root) {
    Frame *frame = region_take(region, sizeof *frame +
                               sizeof(Slot) * (size_t)scope->nslots);
    frame->scope = scope;
    frame->parent = parent;
    frame->root = root;
    region_child(region, &frame->memory);
    return frame;
}

void frame_reset(Frame *frame) {
    for (int i = frame->scope->nset; i < frame->scope->nslots; i++)
        frame->slot[i].known = false;
    if (frame->memory.chunk || frame->memory.children) region_empty(&frame->memory);
}

Root *root_new(Eval *ev, const Scope *scope, Frame *parent) {
    Root *root = allocate(sizeof *root);
    root->eval = ev;
    root->memory.pool = &ev->pool;
    root->frame = frame_new(&root->memory, scope, parent, root);
    return root;
}

void root_free(Root *root) {
    if (!root) return;
    kernel_calls_end(root);
    region_empty(&root->memory);
    free(root);
}

/* ---- maps ---- */

static MapSlot *slot_of(Map *map, const void *key, int depth) {
    uint64_t hash = ((uint64_t)(uintptr_t)key >> 4) + (uint64_t)depth;
    int i;
    hash *= 0x9E3779B97F4A7C15u;
    i = (int)(hash >> 40) & (map->room - 1);
    while (map->at[i].key && (map->at[i].key != key || map->at[i].depth != depth))
        i = (i + 1) & (map->room - 1);
    return &map->at[i];
}

static void map_grow(Map *map) {
    Map old = *map;
    map->room = old.room ? old.room * 2 : 256;
    map->at = arena_array(map->arena, MapSlot, map->room);
    for (int i = 0; i < old.room; i++)
        if (old.at[i].key) *slot_of(map, old.at[i].key, old.at[i].depth) = old.at[i];
}

uint64_t *map_find(Map *map, const void *key, int depth, bool *fresh) {
    MapSlot *slot;
    if (map->n * 2 >= map->room) map_grow(map);
    slot = slot_of(map, key, depth);
    *fresh = !slot->key;
    if (*fresh) {
        *slot = (MapSlot){key, depth, 0};
        map->n++;
    }
    return &slot->value;
}
