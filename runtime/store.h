/* Values by key, kept from one epoch to the next: in memory (STORE_RAM) or in files that
 * processes share (STORE_DISK). Knows keys and bytes, and nothing of what they mean.
 *
 * What goes. Values lie in segments, one after the other, and a segment goes as a whole,
 * the one first that was not used for longest; but never one
 *   - that anybody alive used in this epoch or the one before,
 *   - that holds a value which is pinned,
 *   - that a living process writes.
 * A value that finds no room by this rule is not kept (`refused`). Every value is used
 * once per epoch: to take one of this epoch out for another one of it gains nothing, and
 * plain LRU over such a cycle hits nothing at all. So, of values that are more than the
 * limit, those that came first stay, and as many are hits in every epoch as there is room
 * for. What an epoch long nobody asked for (files that changed, other parameters, a
 * feature that is not run any more) makes room, though not for as long as its segment
 * holds another value that is used.
 *
 * `group` is what tells the values of an earlier run from those of strangers: segments of
 * the same group that lie in the folder at the beginning count as used, and have this
 * run's first epoch to show it; those of others may go at once.
 *
 * On disk. A process appends to segments of its own, and finds what others committed when
 * an epoch begins and, if it misses, once a second. A value is read into memory and
 * compared with its checksum every time: never from a mapping, where a file that shrinks,
 * or a sector that cannot be read, is a signal that ends the process. Whatever is wrong
 * with the folder or a file of it costs the values, not the run: they are misses, and one
 * line of the log says what happened. Files that are not the store's are left alone.
 *
 * Beside its values a store takes about 100 bytes of memory a value. Any thread may call
 * anything at any time, but for open and close. */
#ifndef PIPERT_STORE_H
#define PIPERT_STORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct store store;

/* A hash of 128 bits, well mixed, of all that the value depends on. */
typedef struct store_key { uint64_t word[2]; } store_key;

/* A value that was found. Lives until store_release. */
typedef struct store_item {
    const void *data;           /* 64-byte aligned, readable to data + bytes + 64 */
    size_t bytes;
    int32_t verdict;
    void *pin;                  /* the store's */
} store_item;

typedef struct store_part { const void *data; size_t bytes; } store_part;

enum { STORE_RAM, STORE_DISK };

typedef struct store_options {
    int kind;
    int64_t limit;              /* bytes of values; on disk of the whole folder */
    int64_t segment;            /* bytes at most; 0: a 64th of the limit, and
                                   1 MB (on disk 16 MB) or more */
    uint64_t group;             /* disk: the run's, as said above */
    const char *folder;         /* disk: is made if it is not there */
    void (*log)(void *log_to, int level, const char *text);     /* levels of pipert.h */
    void *log_to;
} store_options;

typedef struct store_counts {
    int64_t entries, bytes;     /* now; bytes with what lies between values */
    int64_t hits, misses;       /* of store_get */
    int64_t kept, refused;      /* of store_put, but for keys that were there already */
    int64_t evicted;            /* segments */
    int64_t damaged;            /* values that did not have their checksum */
    int64_t write_bytes, write_ns, read_bytes, read_ns;     /* sums over threads */
} store_counts;

/* NULL: it cannot be, and `error` (of `room` bytes) says why and what to do. */
store *store_open(const store_options *, char *error, size_t room);
/* Everything that was pinned has been released. */
void store_close(store *);
/* false: it is not there. Takes no memory once as many have been pinned at once. */
bool store_get(store *, store_key, store_item *);
void store_release(store *, store_item *);
/* n parts, one after the other, each at a multiple of 64 bytes from the beginning; what
 * lies between is zero. false: not kept (no room, it is there, the disk failed). */
bool store_put(store *, store_key, int32_t verdict, const store_part *, int n);
/* An epoch begins, the first one too. Only notes it: the next store_get looks around. */
void store_epoch(store *);
void store_count(store *, store_counts *);
#endif
