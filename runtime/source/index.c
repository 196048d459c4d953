#include "index.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct folder_index {
    char *path;
    index_head head;
    index_entry *entry;         /* one block with the names */
    const char *names;
};

uint64_t index_hash(const void *data, int64_t n) {
    enum { MOST = 4096 };
    return XXH3_64bits(data, (size_t)(n < MOST ? n : MOST));
}

uint64_t index_check(const void *data, size_t n) { return XXH3_64bits(data, n); }

/* ---- a folder's ---- */
static bool read_all(int fd, void *to, size_t n, int64_t at) {
    size_t got;
    return !plat_read_at(fd, to, n, at, &got) && got == n;
}

static bool is_sound(const folder_index *x) {
    const index_head *h = &x->head;
    if (h->n && (!h->names || x->names[h->names - 1])) return false;
    for (uint32_t i = 0; i < h->n; i++)
        if (x->entry[i].name >= h->names || x->entry[i].at % 8) return false;
    return true;
}

/* Memory is taken for what the file has, and a file may be large and empty. */
static bool read_tables(folder_index *x, int fd, int64_t size) {
    const uint64_t most = UINT64_C(1) << 31;
    index_head *h = &x->head;
    size_t entries;
    if (!read_all(fd, h, sizeof *h, 0) || h->version != 2 ||
        memcmp(h->magic, INDEX_MAGIC, sizeof h->magic))
        return false;
    entries = h->n * sizeof *x->entry;
    if (h->names > most || entries > most || entries + h->names > (uint64_t)size)
        return false;
    x->entry = malloc(entries + h->names + 1);
    x->names = (char *)x->entry + entries;
    return x->entry && read_all(fd, x->entry, entries + h->names, sizeof *h) &&
           h->check == index_check(x->entry, entries + h->names) && is_sound(x);
}

void index_close(folder_index *x) {
    if (!x) return;
    free(x->path);
    free(x->entry);
    free(x);
}

folder_index *index_open(const char *folder, char *why, size_t n) {
    folder_index *x;
    plat_stat st;
    char path[16384 + sizeof INDEX_NAME + 1];
    int fd;
    *why = 0;
    if (snprintf(path, sizeof path, "%s/" INDEX_NAME, folder) >= (int)sizeof path ||
        plat_open(path, &fd))
        return NULL;
    x = calloc(1, sizeof *x);
    if (x) x->path = strdup(path);
    if (!x || !x->path || plat_stat_fd(fd, &st) || st.kind != PLAT_FILE ||
        !read_tables(x, fd, st.size)) {
        snprintf(why, n, "%s is no index that this version can read", path);
        index_close(x);
        x = NULL;
    }
    plat_close(fd);
    return x;
}

const index_head *index_head_of(const folder_index *x) { return &x->head; }

const index_entry *index_entry_named(const folder_index *x, const char *name) {
    uint32_t from = 0, to = x->head.n;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        int order = strcmp(name, x->names + x->entry[middle].name);
        if (!order) return &x->entry[middle];
        if (order < 0) to = middle;
        else from = middle + 1;
    }
    return NULL;
}

/* The file may be another one by now. */
bool index_read(const folder_index *x, const index_entry *e, void *to) {
    int fd;
    bool good;
    if (plat_open(x->path, &fd)) return false;
    good = read_all(fd, to, e->bytes, (int64_t)e->at) &&
           index_check(to, e->bytes) == e->check;
    plat_close(fd);
    return good;
}

/* ---- of many folders ---- */
enum { BUCKETS = 4096 };

/* Never changed once it is in its bucket. */
typedef struct kept_folder {
    struct kept_folder *next;
    folder_index *index;        /* NULL: it has none */
    char name[];
} kept_folder;

struct index_cache {
    plat_mutex mutex;           /* to add */
    kept_folder *bucket[BUCKETS];
};

index_cache *index_cache_new(void) {
    index_cache *c = calloc(1, sizeof *c);
    if (c && !plat_mutex_init(&c->mutex)) return c;
    free(c);
    return NULL;
}

void index_cache_free(index_cache *c) {
    if (!c) return;
    for (int i = 0; i < BUCKETS; i++)
        for (kept_folder *f = c->bucket[i], *next; f; f = next) {
            next = f->next;
            index_close(f->index);
            free(f);
        }
    plat_mutex_fini(&c->mutex);
    free(c);
}

static kept_folder *folder_named(kept_folder *f, const char *name) {
    while (f && strcmp(f->name, name)) f = f->next;
    return f;
}

/* Another thread may have been faster. */
static kept_folder *add_folder(index_cache *c, source *s, kept_folder **bucket,
                               const char *name) {
    kept_folder *f = malloc(sizeof *f + strlen(name) + 1), *other;
    char why[17000];
    if (!f) return NULL;
    strcpy(f->name, name);
    f->index = index_open(name, why, sizeof why);
    if (*why) source_note(s, "%s; its files are read without", why);
    plat_lock(&c->mutex);
    other = folder_named(*bucket, name);
    if (!other) {
        f->next = *bucket;
        __atomic_store_n(bucket, f, __ATOMIC_RELEASE);
    }
    plat_unlock(&c->mutex);
    if (!other) return f;
    index_close(f->index);
    free(f);
    return other;
}

static folder_index *index_of(index_cache *c, source *s, const char *folder) {
    kept_folder **bucket =
        &c->bucket[XXH3_64bits(folder, strlen(folder)) % BUCKETS];
    kept_folder *f = folder_named(__atomic_load_n(bucket, __ATOMIC_ACQUIRE), folder);
    if (!f) f = add_folder(c, s, bucket, folder);
    return f ? f->index : NULL;
}

/* Without one the file is read as ever. */
static void use_index(const folder_index *x, const index_entry *e, source *s,
                      source_reader *r, const char *path, source_index *to) {
    size_t most = (size_t)e->size + 4096;       /* one of more bytes is no help */
    void *bytes = e->bytes <= most ? source_take(r, e->bytes) : NULL;
    if (!bytes) return;
    if (!index_read(x, e, bytes)) {
        source_note(s, "the index of %s is damaged, or was made anew meanwhile; it is "
                    "read without", path);
        return;
    }
    to->index = bytes;
    to->bytes = e->bytes;
    memcpy(to->format, e->format, sizeof to->format);
}

void index_find(index_cache *c, source *s, source_reader *r, const char *path,
                const pl_value *value) {
    source_index *head = (source_index *)((uintptr_t)value->data - sizeof *head);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char folder[16384];
    const index_entry *e;
    folder_index *x;
    if (snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1,
                 slash ? path : ".") >= (int)sizeof folder)
        return;
    x = index_of(c, s, folder);
    e = x ? index_entry_named(x, name) : NULL;
    if (!e || !e->bytes) return;                /* none could be made */
    if (e->size == value->n && e->modified == head->modified &&
        e->hash == index_hash(value->data, value->n))
        use_index(x, e, s, r, path, head);
    else
        source_note(s, "%s was changed since it was indexed, it is read without; `pipert "
                    "index` makes the index anew", path);
}
