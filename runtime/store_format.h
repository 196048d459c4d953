/* What the files of a store's folder look like. A segment is two files:
 *
 *   pipec-ID.values   file_head, then values, each after its record
 *   pipec-ID.index    file_head, then the records of the values that are whole
 *
 * and pipec.lock is locked by whoever makes or removes one. An index is written as
 * pipec-ID.new until its head is whole. Numbers are the machine's; a file of another
 * machine, or version, has another magic and is not read.
 *
 * Locks (of open files: they go with their process): the index is locked, alone, by the
 * process that writes the segment; the values, together, by all that use it. A record is
 * written to the index after its value, so what a process leaves that is killed is whole;
 * what a machine leaves that stops is found out by the checksums. */
#ifndef PIPERT_STORE_FORMAT_H
#define PIPERT_STORE_FORMAT_H
#include "store.h"
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define STORE_MAGIC UINT64_C(0x3130766365706970)        /* "pipecv01" */
enum { FILE_VALUES = 1, FILE_INDEX };

typedef struct file_head {
    uint64_t magic, kind;
    uint64_t id, group;
    int64_t size;               /* the most that both files take */
    uint64_t unused[2];
    uint64_t check;
} file_head;

typedef struct record {
    uint64_t magic;
    store_key key;
    int64_t offset;             /* of itself, before its value; a multiple of 64 */
    uint64_t bytes;
    int32_t verdict;
    uint32_t unused;
    uint64_t hash;              /* of the value */
    uint64_t check;             /* of the record, and of the segment it is of */
} record;

_Static_assert(sizeof(file_head) == 64 && sizeof(record) == 64, "their size is known");

static inline uint64_t record_check(const record *r, uint64_t id) {
    return XXH3_64bits_withSeed(r, offsetof(record, check), id);
}

static inline bool record_is_good(const record *r, uint64_t id) {
    return r->magic == STORE_MAGIC && r->offset >= 64 && r->offset % 64 == 0 &&
           r->check == record_check(r, id);
}

static inline uint64_t head_check(const file_head *h) {
    return XXH3_64bits(h, offsetof(file_head, check));
}

static inline bool head_is_good(const file_head *h, int kind, uint64_t id) {
    return h->magic == STORE_MAGIC && h->kind == (uint64_t)kind && h->id == id &&
           h->size > 0 && h->check == head_check(h);
}

#define STORE_LOCK_NAME "pipec.lock"
enum { STORE_NAME_SIZE = 32 };

static inline void store_name(char *to, uint64_t id, const char *end) {
    snprintf(to, STORE_NAME_SIZE, "pipec-%016llx.%s", (unsigned long long)id, end);
}

/* The id of a name that ends so ("values", "index", "new"). */
static inline bool name_is(const char *name, const char *end, uint64_t *id) {
    uint64_t n = 0;
    if (strncmp(name, "pipec-", 6)) return false;
    for (int i = 6; i < 22; i++) {
        const char *digits = "0123456789abcdef";
        const char *d = name[i] ? strchr(digits, name[i]) : NULL;
        if (!d) return false;
        n = n << 4 | (uint64_t)(d - digits);
    }
    *id = n;
    return name[22] == '.' && !strcmp(name + 23, end);
}
#endif
