/* What the files of the store share.
 *
 * Locks: a shard's, for its part of the table; `space`, for the segment that is written
 * and for sums; `pool`, for buffers; `growth`, for making and dropping segments and for
 * the folder, is held over system calls. Taken in the order growth, space or shard or
 * pool; nobody waits for a pin. */
#ifndef PIPERT_STORE_INSIDE_H
#define PIPERT_STORE_INSIDE_H
#include "plat.h"
#include "store.h"
#include <stdatomic.h>

enum { ALIGN = 64, SHARDS = 64, MOST_SEGMENTS = 1 << 14, CLASSES = 64 };

/* ENTRY_DEAD: was one, or its value is gone. ENTRY_CLAIMED: somebody writes it. */
typedef enum { ENTRY_EMPTY, ENTRY_DEAD, ENTRY_CLAIMED, ENTRY_LIVE } entry_state;

typedef struct entry {
    store_key key;
    int64_t offset;             /* in its segment, a multiple of ALIGN */
    uint64_t bytes;
    int32_t verdict;
    uint32_t segment, age;      /* its place in store.segment, and what lies there */
    uint32_t state;
} entry;

typedef struct shard {
    plat_mutex lock;
    entry *at;                  /* [room], a power of 2; linear probing */
    size_t room, taken;         /* taken: not EMPTY */
    int64_t hits, misses;
} shard;

/* A segment's place outlives it: `age` tells the entries of one from the next one's. */
typedef struct segment {
    _Atomic int64_t pins;       /* below 0: nothing lies here */
    _Atomic uint32_t age;
    _Atomic int64_t last;       /* the epoch it was used in last */
    _Atomic int64_t writers;    /* and 1 while it is store.writing */
    int64_t made;               /* its number, in the order they were made */
    int64_t size, room, top;    /* bytes: it takes, of them free; where the next goes */
    int64_t asked;              /* store.asked, when it turned out to be needed */
    /* ram */
    char *base;
    size_t reserved;            /* from base on */
    /* disk */
    uint64_t id;                /* names its files */
    int values, index;          /* descriptors; index: -1: nobody writes it */
    int64_t used;               /* when somebody used it last: ns since 1970 */
    int64_t known, most;        /* bytes of its index that are in the table; of both
                                   files, as their heads say */
    _Atomic int64_t records;    /* of its index, that are written or will be */
    _Atomic bool committed;     /* one is */
    bool own, seen;             /* this store's; has been met in the folder */
    _Atomic bool held;          /* a lock says that it is used */
} segment;

/* Where the bytes are; NULL: nothing to be done. */
typedef struct store_kind {
    int64_t first, head, beside;    /* bytes before the first value, before each, and
                                       elsewhere for each (and once for a segment) */
    /* growth held. What others did with the folder, whose lock is taken; given back. */
    bool (*enter)(store *);
    void (*leave)(store *);
    /* One of g->size bytes; takes what it takes from the others for good, false: somebody
     * needs it; what nobody looks at any more. */
    bool (*make)(store *, segment *);
    bool (*seize)(store *, segment *);
    void (*drop)(store *, segment *);
    /* No lock held. The first use in an epoch; the last writer went; the value of an
     * entry: read takes over the pin of the segment. */
    void (*use)(store *, segment *);
    void (*seal)(store *, segment *);
    bool (*write)(store *, segment *, const entry *, const store_part *, int n);
    bool (*read)(store *, segment *, const entry *, store_item *);
    void (*release)(store *, store_item *);
    /* Growth held: what others did meanwhile. */
    void (*look)(store *);
} store_kind;

struct store {
    const store_kind *kind;
    store_options options;
    shard shard[SHARDS];
    _Atomic int64_t epoch;

    plat_mutex growth;
    segment *segment;           /* [MOST_SEGMENTS], pages of it as they are needed */
    uint32_t nsegments;         /* places that were used */
    int64_t made, asked;

    plat_mutex space;
    segment *writing;           /* NULL: none */
    int64_t bytes;              /* what all segments take, or may yet */

    _Atomic int64_t least_refused, refused_in;  /* bytes, epoch */
    _Atomic int64_t kept, refused, evicted, damaged;
    _Atomic int64_t write_bytes, write_ns, read_bytes, read_ns;

    /* disk */
    char *path;
    int folder, lock;           /* descriptors; lock: -1: it cannot be written */
    _Atomic int64_t looked, looked_in;  /* plat_now; the epoch */
    _Atomic unsigned told;      /* troubles that the log has: 1 << TROUBLE */
    plat_mutex pool;
    struct buffer *idle[CLASSES], *slabs;
};

extern const store_kind store_ram, store_disk;

/* To a multiple of ALIGN. */
int64_t round_up(int64_t bytes);

/* ---- store_table.c ---- */
bool table_init(store *);
void table_fini(store *);
/* The key is the caller's to write. false: it is there, or no memory. */
bool table_claim(store *, store_key);
/* What was claimed is there (entry), or not (NULL). */
void table_settle(store *, store_key, const entry *);
/* Pins the segment; NULL: a miss. */
segment *table_find(store *, store_key, entry *);
/* A hit that was none: its value cannot be read. */
void table_forget(store *, const entry *);
/* Sweeps the tables. */
void table_count(store *, store_counts *);

/* ---- store_segment.c ---- */
bool segments_init(store *);
void segments_fini(store *);
/* Room for a value of so many bytes, head included, in a segment, which is pinned until
 * segment_done. NULL: there is none. */
segment *segment_take(store *, int64_t bytes, int64_t *offset);
void segment_done(store *, segment *);
/* Nothing more is written in this epoch. */
void segment_stop(store *);
/* false: what lies there is another one. */
bool segment_pin(segment *, uint32_t age);
void segment_unpin(segment *);
/* It was used in this epoch. */
void segment_use(store *, segment *);
/* growth held: a place for one (NULL: none is left), which is there from segment_place
 * on; one that nobody has pinned goes. */
segment *segment_place(store *);
void segment_appears(store *, segment *);
bool segment_is_there(segment *);
bool segment_leave(store *, segment *);
void segment_resize(store *, segment *, int64_t size);
/* Nothing is added to it, if that is where values are written. */
void segment_seal_writing(store *, segment *);

/* ---- store_disk.c, store_folder.c ---- */
bool disk_open(store *, char *error, size_t room);
void disk_close(store *);
/* Opens what is new in the folder, and reads what is new in it: growth held. */
void folder_look(store *, bool locked);         /* locked: we have the folder */
bool folder_enter(store *);
void folder_leave(store *);
typedef enum { TROUBLE_WRITE, TROUBLE_READ, TROUBLE_DAMAGED, TROUBLE_LOCK } trouble;
void folder_tell(store *, trouble, int error);

/* ---- store_buffer.c: memory to read into; at + 64 is aligned ---- */
typedef struct buffer {
    struct buffer *next;
    size_t room;                /* of all of it, this included */
    int64_t last;               /* the epoch it was used in last */
    int class;
} buffer;

bool pool_init(store *);
void pool_fini(store *);
/* With so many bytes from buffer_at on. NULL: no memory. */
buffer *buffer_take(store *, size_t bytes);
void buffer_give(store *, buffer *);
char *buffer_at(buffer *);
/* Those that were not needed for an epoch. */
void pool_trim(store *);
#endif
