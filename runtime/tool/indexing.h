/* What `pipert index` is made of. */
#ifndef PIPERT_TOOL_INDEXING_H
#define PIPERT_TOOL_INDEXING_H
#include "tool.h"
#include "../memory.h"
#include "../pipec_kernel.h"
#include "../source/glob.h"
#include "../source/index.h"

enum { MAX_INDEXERS = 64 };

typedef struct indexers {
    const pk_indexer *at[MAX_INDEXERS];
    int n, every;
} indexers;

/* One thread's. */
typedef struct maker {
    pk_call call;               /* first */
    arena memory, file;         /* of an indexer, of a file's bytes */
    const indexers *indexers;
} maker;

bool maker_init(maker *, const indexers *);
void maker_fini(maker *);

/* A file and its index. */
typedef struct indexed {
    const char *name;           /* in its folder */
    index_entry entry;
    bool kept;                  /* the index of before is still right */
    void *bytes;                /* malloc; NULL: none, or it is kept */
    int error;                  /* it cannot be read */
} indexed;

/* Size and time. */
void maker_look(indexed *, const char *path);
void maker_make(maker *, indexed *, const char *path);

typedef struct indexing {
    indexers indexers;
    uint64_t recipe;
    maker *maker; int nmakers;
    int64_t files, indexed, made, folders, bytes;
    bool failed;                /* something was told on stderr */
} indexing;

bool index_interrupted(void);

/* The n files of a folder: its index is written anew, whole or not at all, unless all is
 * as it was. false: no other folder need be tried. */
bool index_folder(indexing *, const char *folder, indexed *, int64_t n);
#endif
