#include "arena.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, FIRST_CHUNK = 1 << 13, LARGEST_CHUNK = 1 << 22 };

/* Memory is handed out from the newest chunk; a request that does not fit
 * opens a new one. The header is a multiple of the alignment. */
typedef struct Chunk {
    struct Chunk *older;
    size_t used, room;
    size_t unused;
    char bytes[];
} Chunk;
_Static_assert(sizeof(Chunk) % ALIGNMENT == 0, "chunks keep the alignment");

struct Arena {
    Chunk *newest;
    size_t next_room;
};

static void *must(void *memory) {
    if (memory)
        return memory;
    fputs("pipec: out of memory\n", stderr);
    exit(1);
}

Arena *arena_new(void) {
    Arena *arena = must(calloc(1, sizeof *arena));
    arena->next_room = FIRST_CHUNK;
    return arena;
}

void arena_free(Arena *arena) {
    if (!arena)
        return;
    for (Chunk *chunk = arena->newest, *older; chunk; chunk = older) {
        older = chunk->older;
        free(chunk);
    }
    free(arena);
}

static void open_chunk(Arena *arena, size_t bytes) {
    size_t room = bytes > arena->next_room ? bytes : arena->next_room;
    Chunk *chunk = must(calloc(1, sizeof *chunk + room));
    chunk->room = room;
    chunk->older = arena->newest;
    arena->newest = chunk;
    if (arena->next_room < LARGEST_CHUNK)
        arena->next_room *= 2;
}

void *arena_alloc(Arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX / 2)
        must(NULL);
    bytes = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    Chunk *chunk = arena->newest;
    if (!chunk || chunk->room - chunk->used < bytes) {
        open_chunk(arena, bytes);
        chunk = arena->newest;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += bytes;
    return memory;
}

char *arena_strndup(Arena *arena, const char *text, size_t length) {
    char *copy = arena_alloc(arena, length + 1);
    if (length)
        memcpy(copy, text, length);
    return copy;
}

char *arena_vformat(Arena *arena, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        length = 0;
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    return text;
}

char *arena_format(Arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vformat(arena, format, arguments);
    va_end(arguments);
    return text;
}

void arena_grow(Arena *arena, void **at, int n, int *room, size_t size) {
    if (n < *room)
        return;
    int wider = *room ? *room * 2 : 4;
    void *larger = arena_alloc(arena, (size_t)wider * size);
    if (n)
        memcpy(larger, *at, (size_t)n * size);
    *at = larger;
    *room = wider;
}
