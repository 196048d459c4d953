/* The index of one file, by the first indexer that knows its format. */
#include "indexing.h"
#include <stdlib.h>
#include <string.h>

static void *no_more(pk_call *call, size_t bytes) {
    return (void)call, (void)bytes, NULL;
}
static int no_closer(pk_call *call, void (*destroy)(void *), void *what) {
    return (void)call, (void)destroy, (void)what, 1;
}
static int ignore_failure(pk_call *call, int64_t row, const char *format, va_list list) {
    return (void)call, (void)row, (void)format, (void)list, 1;
}

bool maker_init(maker *m, const indexers *list) {
    memset(m, 0, sizeof *m);
    m->indexers = list;
    m->call = (pk_call){.more = no_more, .scratch = no_more, .at_close = no_closer,
                        .vfail = ignore_failure, .max_bytes = INT64_C(1) << 30,
                        .max_pixels = INT64_MAX, .cpu = plat_cpu_level()};
    return arena_init(&m->memory, (size_t)1 << 30) &&
           arena_init(&m->file, (size_t)4 << 30);
}

void maker_fini(maker *m) {
    arena_fini(&m->memory);
    arena_fini(&m->file);
}

void maker_look(indexed *to, const char *path) {
    plat_stat st;
    to->error = plat_stat_path(path, &st);
    if (to->error || st.kind != PLAT_FILE) return;
    to->entry.size = st.size;
    to->entry.modified = st.modified;
}

/* Its bytes in m->file; NULL: to->error, or it is too large. */
static const char *read_file(maker *m, indexed *to, const char *path) {
    char *data = NULL;
    size_t got = 0;
    plat_stat st;
    int fd;
    to->error = plat_open(path, &fd);
    if (to->error) return NULL;
    arena_reset(&m->file, 0);
    to->error = plat_stat_fd(fd, &st);
    if (!to->error && st.kind == PLAT_FILE)
        data = arena_take(&m->file, (size_t)st.size + SOURCE_SLACK);
    if (data) to->error = plat_read_at(fd, data, (size_t)st.size, 0, &got);
    plat_close(fd);
    to->entry.size = (int64_t)got;
    to->entry.modified = st.modified;
    return to->error ? NULL : data;
}

static const void *make(maker *m, const char *data, index_entry *e, size_t *bytes) {
    for (int i = 0; i < m->indexers->n; i++) {
        const pk_indexer *x = m->indexers->at[i];
        const void *made;
        m->call.at = m->memory.base;
        m->call.end = m->memory.base + m->memory.size;
        made = x->make(&m->call, data, e->size, m->indexers->every, bytes);
        if (!made) continue;
        snprintf(e->format, sizeof e->format, "%s", x->format);
        return made;
    }
    return NULL;
}

void maker_make(maker *m, indexed *to, const char *path) {
    const char *data = read_file(m, to, path);
    size_t bytes;
    const void *made;
    if (!data) return;
    to->entry.hash = index_hash(data, to->entry.size);
    made = make(m, data, &to->entry, &bytes);
    to->bytes = made ? malloc(bytes) : NULL;
    if (!to->bytes) return;
    memcpy(to->bytes, made, bytes);
    to->entry.bytes = bytes;
    to->entry.check = index_check(made, bytes);
}
