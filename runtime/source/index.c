#include "index.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct folder_index {
    char *path;
    index_head head;
    index_entry *entry;
    char *names;
};

uint64_t index_hash(const void *data, int64_t n) {
    enum { MOST = 4096 };
    return XXH3_64bits(data, (size_t)(n < MOST ? n : MOST));
}

/* ---- opening ---- */
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

static bool read_tables(folder_index *x, int fd, int64_t size) {
    index_head *h = &x->head;
    size_t entries;
    if (!read_all(fd, h, sizeof *h, 0) || h->version != 1 ||
        memcmp(h->magic, INDEX_MAGIC, sizeof h->magic))
        return false;
    entries = h->n * sizeof *x->entry;
    if (entries > (uint64_t)size || h->names > (uint64_t)size) return false;
    x->entry = malloc(entries + 1);
    x->names = malloc(h->names + 1);
    return x->entry && x->names && read_all(fd, x->entry, entries, sizeof *h) &&
           read_all(fd, x->names, h->names, (int64_t)(sizeof *h + entries)) &&
           is_sound(x);
}

void index_close(folder_index *x) {
    if (!x) return;
    free(x->path);
    free(x->entry);
    free(x->names);
    free(x);
}

folder_index *index_open(const char *folder, char *why, size_t n) {
    folder_index *x;
    plat_stat st;
    char path[16384 + sizeof INDEX_NAME + 1];
    int fd;
    *why = 0;
    snprintf(path, sizeof path, "%s/" INDEX_NAME, folder);
    if (plat_open(path, &fd)) return NULL;
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

/* ---- a file's ---- */
static const index_entry *entry_named(const folder_index *x, const char *name) {
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

/* Without one the file is read as ever. */
static void read_index(const folder_index *x, const index_entry *e, source_reader *r,
                       source_index *to) {
    size_t most = (size_t)e->size + 4096;       /* one of more bytes is no help */
    void *bytes = e->bytes && e->bytes <= most ? source_take(r, e->bytes) : NULL;
    int fd;
    if (!bytes || plat_open(x->path, &fd)) return;
    if (read_all(fd, bytes, e->bytes, (int64_t)e->at)) {
        to->index = bytes;
        to->bytes = e->bytes;
        memcpy(to->format, e->format, sizeof to->format);
    }
    plat_close(fd);
}

bool index_find(const folder_index *x, const char *name, source_reader *r,
                const pl_value *value) {
    source_index *head = (source_index *)((uintptr_t)value->data - sizeof *head);
    const index_entry *e = entry_named(x, name);
    if (!e || !e->bytes) return true;           /* none could be made */
    if (e->size != value->n || e->modified != head->modified ||
        e->hash != index_hash(value->data, value->n))
        return false;
    read_index(x, e, r, head);
    return true;
}
