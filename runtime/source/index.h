/* Indexes of the files of a folder, in one file beside them, INDEX_NAME:
 *
 *     index_head | index_entry, by name | names, each with its 0 | the indexes
 *
 * Numbers are those of the machine that wrote it (little-endian, or it is refused). A
 * file that was changed since (size, time, beginning) has no index, and what was not
 * written as it stands there (check) is none. */
#ifndef PIPERT_SOURCE_INDEX_H
#define PIPERT_SOURCE_INDEX_H
#include "../source.h"

#define INDEX_NAME ".pipert-index"
#define INDEX_MAGIC "pipertix"

typedef struct index_head {
    char magic[8];
    uint32_t version, n;        /* 2; entries */
    uint64_t names;             /* bytes */
    uint64_t recipe;            /* how they were made; of another one they are anew */
    uint64_t check;             /* index_check of entries and names */
} index_head;

typedef struct index_entry {
    char format[8];
    int64_t size, modified;
    uint64_t hash;              /* index_hash of its beginning */
    uint64_t name;              /* from the first name on */
    uint64_t at, bytes;         /* its index, at a multiple of 8; 0 bytes: none */
    uint64_t check;             /* index_check of it */
} index_entry;

uint64_t index_hash(const void *data, int64_t n);
uint64_t index_check(const void *data, size_t n);

typedef struct folder_index folder_index;

/* NULL: there is none, or (why is not empty) it cannot be used. */
folder_index *index_open(const char *folder, char *why, size_t n);
void index_close(folder_index *);
const index_head *index_head_of(const folder_index *);
/* NULL: it has none of that name. */
const index_entry *index_entry_named(const folder_index *, const char *name);
/* The entry's bytes; false: they are not what was written. */
bool index_read(const folder_index *, const index_entry *, void *to);

/* Of all folders whose files a source reads, each opened with the first of them. For any
 * number of threads. */
typedef struct index_cache index_cache;
index_cache *index_cache_new(void);
void index_cache_free(index_cache *);
/* Fills the source_index before the bytes of a file, if there is an index that fits. */
void index_find(index_cache *, source *, source_reader *, const char *path,
                const pl_value *value);
#endif
