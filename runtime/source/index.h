/* Indexes of the files of a folder, in one file beside them, INDEX_NAME:
 *
 *     index_head | index_entry, by name | names, each with its 0 | the indexes
 *
 * Numbers are those of the machine that wrote it (little-endian, or it is refused). A
 * file that was changed since (size, time, beginning) has no index. */
#ifndef PIPERT_SOURCE_INDEX_H
#define PIPERT_SOURCE_INDEX_H
#include "../source.h"

#define INDEX_NAME ".pipert-index"
#define INDEX_MAGIC "pipertix"

typedef struct index_head {
    char magic[8];
    uint32_t version, n;        /* 1; entries */
    uint64_t names;             /* bytes */
} index_head;

typedef struct index_entry {
    char format[8];
    int64_t size, modified;
    uint64_t hash;              /* index_hash of its beginning */
    uint64_t name;              /* from the first name on */
    uint64_t at, bytes;         /* its index, at a multiple of 8; 0 bytes: none */
} index_entry;

uint64_t index_hash(const void *data, int64_t n);

typedef struct folder_index folder_index;

/* NULL: there is none, or (why is not empty) it cannot be used. */
folder_index *index_open(const char *folder, char *why, size_t n);
void index_close(folder_index *);
/* Fills the source_index before the value's bytes, if there is an index of the file that
 * fits; false: there is one that does not. */
bool index_find(const folder_index *, const char *name, source_reader *,
                const pl_value *value);
#endif
