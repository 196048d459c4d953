#include "source.h"
#include "source/index.h"
#include "source/part.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const source_ops source_files, source_lines, source_manifest, source_range;

static const source_ops *const table[] = {
    &source_files,
    &source_lines,
    &source_manifest,
    &source_range,
};

const source_ops *source_find(const char *name) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i]->name, name)) return table[i];
    return NULL;
}

int source_open(source *s, const char *name, const source_request *request,
                char *why, size_t n) {
    memset(s, 0, sizeof *s);
    s->ops = source_find(name);
    s->indexed = -1;
    s->request = *request;
    if (!s->ops) return snprintf(why, n, "there is no source `%s`", name), 1;
    if (s->ops->open(s, why, n)) {
        source_close(s);
        return 1;
    }
    s->request.stop = NULL;
    if (s->indexed >= 0) s->indexes = index_cache_new();
    return 0;
}

void source_close(source *s) {
    if (s->ops) s->ops->close(s);
    index_cache_free(s->indexes);
    free(s->note);
    memset(s, 0, sizeof *s);
}

int64_t source_read(source *s, source_reader *r, const int64_t *index, int64_t n,
                    pl_value *values) {
    return s->ops->read(s, r, index, n, values);
}

void source_describe(source *s, int64_t index, char *to, size_t n) {
    *to = 0;
    if (s->ops && s->ops->describe) s->ops->describe(s, index, to, n);
}

/* ---- readers ---- */
bool source_reader_init(source_reader *r, int64_t max_bytes, size_t soft) {
    memset(r, 0, sizeof *r);
    r->soft = soft;
    return arena_init(&r->memory, 2 * soft + (size_t)max_bytes + (1 << 20));
}

void source_reader_parts(source_reader *r, int64_t max_bytes) {
    const int64_t least = INT64_C(4) << 30;     /* of address space */
    size_t size = (size_t)(max_bytes < least ? least : max_bytes) + PLAT_PAGE;
    arena_init_sparse(&r->parts, size & ~(size_t)(PLAT_PAGE - 1));
}

void source_reader_fini(source_reader *r) {
    arena_fini(&r->memory);
    arena_fini(&r->parts);
}

void source_reader_reset(source_reader *r) {
    arena_reset(&r->memory, 0);
    arena_trim(&r->memory, 2 * r->soft);
    arena_reset(&r->parts, 0);
    arena_trim(&r->parts, 2 * r->soft);
    part_count(r);
    r->failed = NULL;
}

size_t source_reader_bytes(const source_reader *r) { return r->memory.used + r->held; }

void *source_take(source_reader *r, size_t n) {
    if (n > n + SOURCE_SLACK) return NULL;
    return arena_take(&r->memory, n + SOURCE_SLACK);
}

/* ---- for the sources ---- */
int source_field(const char *const *fields, const char *name) {
    for (int i = 0; fields[i]; i++)
        if (!strcmp(fields[i], name)) return i;
    return -1;
}

bool source_given(const source_request *q, int argument) {
    return argument < q->nargs && q->args[argument].value.n >= 0;
}

char *source_text(const source_request *q, int argument) {
    const pl_argument *a;
    char *text;
    if (!source_given(q, argument)) return NULL;
    a = &q->args[argument];
    text = malloc((size_t)a->value.n + 1);
    if (!text) return NULL;
    memcpy(text, a->value.data, (size_t)a->value.n);
    text[a->value.n] = 0;
    return text;
}

void source_error(source_reader *r, int error) { r->error = error; }

source_failure source_describe_failure(source_reader *r, const char *text) {
    char lack[300];
    source_failure f = {"no memory", plat_lacks(r->error, lack, sizeof lack)};
    char *kept;
    r->error = 0;
    if (f.lack) text = lack;
    kept = arena_take(&r->memory, strlen(text) + 1);
    if (kept) f.why = strcpy(kept, text);
    return f;
}

void source_fail(source *s, source_reader *r, int64_t at, int64_t n,
                 pl_value *values, const char *format, ...) {
    static const char empty[SOURCE_SLACK];
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (!r->failed) {
        r->failed = arena_take(&r->memory, (size_t)n * sizeof *r->failed);
        if (!r->failed) return;
        memset(r->failed, 0, (size_t)n * sizeof *r->failed);
    }
    r->failed[at] = source_describe_failure(r, text);
    for (int k = 0; k < s->request.ninputs; k++) {
        pl_value *v = &values[at * s->request.ninputs + k];
        if (s->request.inputs[k].bytes) *v = (pl_value){.data = empty};
        else *v = (pl_value){.i = 0};
    }
}

/* A relative path is another one from another folder. */
void source_add_file(const char *path, const plat_stat *st, source_add *add, void *to) {
    char folder[4096];
    if (*path != '/' && !plat_current_folder(folder, sizeof folder))
        add(to, folder, strlen(folder) + 1);
    add(to, path, strlen(path) + 1);
    add(to, &st->size, sizeof st->size);
    add(to, &st->modified, sizeof st->modified);
}

int source_identify_file(const char *path, source_add *add, void *to) {
    plat_stat st;
    if (plat_stat_path(path, &st)) return 1;
    source_add_file(path, &st, add, to);
    return 0;
}

void source_note(source *s, const char *format, ...) {
    char text[1024], *kept, *none = NULL;
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    kept = strdup(text);
    if (kept && !__atomic_compare_exchange_n(&s->note, &none, kept, false,
                                             __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        free(kept);
}

static char *take_data(const source *s, source_reader *r, const plat_stat *st) {
    source_index *head;
    if (s->indexed < 0) return source_take(r, (size_t)st->size);
    head = source_take(r, sizeof *head + (size_t)st->size);
    if (!head) return NULL;
    *head = (source_index){.modified = st->modified};
    return (char *)(head + 1);
}

/* Reads the open file into a value; NULL or what is wrong. */
static const char *read_open(source *s, source_reader *r, const char *path, int fd,
                             pl_value *value, char *text, size_t room) {
    plat_stat st;
    size_t got;
    char *data;
    int error = plat_stat_fd(fd, &st);
    source_error(r, error);
    if (error) return plat_error(error, text, room);
    if (st.kind != PLAT_FILE) return "is no regular file";
    if (st.size > s->request.max_bytes) {
        snprintf(text, room, "has %lld bytes; the limit for a record is %lld",
                 (long long)st.size, (long long)s->request.max_bytes);
        return text;
    }
    if (part_fits(s, r, &st)) {
        error = part_begin(s, r, path, fd, &st, value);
        source_error(r, error);
        if (error) return plat_error(error, text, room);
        if (value->data) return NULL;
    }
    data = take_data(s, r, &st);
    if (!data) return "no memory to read it";
    error = plat_read_at(fd, data, (size_t)st.size, 0, &got);
    source_error(r, error);
    if (error) return plat_error(error, text, room);
    memset(data + got, 0, SOURCE_SLACK);
    r->bytes += (int64_t)got;
    *value = (pl_value){.data = data, .n = (int64_t)got};
    return NULL;
}

int source_read_file(source *s, source_reader *r, const char *path, int64_t at,
                     int64_t n, pl_value *values, pl_value *value) {
    char text[256];
    const char *why;
    int fd, error = plat_open(path, &fd);
    if (error) {
        source_error(r, error);
        why = plat_error(error, text, sizeof text);
    } else {
        why = read_open(s, r, path, fd, value, text, sizeof text);
        plat_close(fd);
    }
    if (why) return source_fail(s, r, at, n, values, "cannot be read: %s", why), 1;
    if (s->indexes && !source_part_of(value->data))
        index_find(s->indexes, s, r, path, value);
    return 0;
}
