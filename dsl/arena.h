/* Memory by lifetime: everything of one compilation lives in one arena and is
 * freed with it. A pass that needs scratch makes an arena of its own. */
#ifndef PIPEC_ARENA_H
#define PIPEC_ARENA_H
#include <stdarg.h>
#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *);
/* Zeroed, 16-byte aligned, never NULL (out of memory ends the program). */
void *arena_alloc(Arena *, size_t bytes);
char *arena_strndup(Arena *, const char *text, size_t length);
char *arena_format(Arena *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *arena_vformat(Arena *, const char *format, va_list);

#define arena_new_of(arena, T) ((T *)arena_alloc((arena), sizeof(T)))
#define arena_array(arena, T, n) ((T *)arena_alloc((arena), sizeof(T) * (size_t)(n)))

/* A growable array in an arena: struct { T *at; int n, room; } */
#define LIST(T) struct { T *at; int n, room; }
void arena_grow(Arena *, void **at, int n, int *room, size_t size);
#define list_push(arena, list, value) \
    (arena_grow((arena), (void **)&(list)->at, (list)->n, &(list)->room, \
                sizeof *(list)->at), \
     (list)->at[(list)->n++] = (value))
#endif
