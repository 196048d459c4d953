#include "store_list.h"
#include "plat.h"
#include "store_format.h"
#include <errno.h>
#include <stdlib.h>

typedef struct visit {
    int folder;
    bool clear;
    store_listing *to;
    int error;
} visit;

typedef struct found {
    uint64_t id;
    int values, index;          /* descriptors; -1: it is not there */
    store_group is;             /* of this segment alone */
} found;

/* ---- one segment ---- */
static int open_of(const visit *v, uint64_t id, const char *end) {
    char name[STORE_NAME_SIZE];
    int fd;
    store_name(name, id, end);
    return plat_file_open(v->folder, name, &fd) ? -1 : fd;
}

/* false: it is still there. */
static bool remove_of(visit *v, uint64_t id, const char *end) {
    char name[STORE_NAME_SIZE];
    int error;
    store_name(name, id, end);
    error = plat_file_remove(v->folder, name);
    if (!error || error == ENOENT) return true;
    v->to->error = error;
    return false;
}

static int64_t count_records(const found *f) {
    enum { MOST = 512 };
    record r[MOST];
    int64_t at = sizeof(file_head), n = 0;
    size_t got;
    do {
        if (plat_read_at(f->index, r, sizeof r, at, &got)) break;
        for (size_t i = 0; i < got / sizeof *r; i++) n += record_is_good(&r[i], f->id);
        at += (int64_t)got;
    } while (got == sizeof r && at < f->is.bytes);
    return n;
}

static void look_into(found *f) {
    file_head h;
    size_t got = 0;
    if (f->index < 0 || plat_read_at(f->index, &h, sizeof h, 0, &got)) return;
    f->is.readable = got == sizeof h && head_is_good(&h, FILE_INDEX, f->id);
    if (!f->is.readable) return;
    f->is.group = h.group;
    f->is.records = count_records(f);
}

static void measure(found *f) {
    plat_stat values = {0}, index = {0};
    if (f->values >= 0) plat_stat_fd(f->values, &values);
    if (f->index >= 0) plat_stat_fd(f->index, &index);
    f->is.bytes = values.size + index.size;
    f->is.used = values.modified;
}

/* The lock stays until the file is closed. */
static bool is_free(int fd) { return fd < 0 || !plat_file_hold(fd, PLAT_EXCLUSIVE); }

static void close_one(int fd) {
    if (fd >= 0) plat_close(fd);
}

/* ---- all ---- */
static store_group *group_of(visit *v, const store_group *of) {
    store_listing *l = v->to;
    store_group *more;
    for (int i = 0; i < l->n; i++)
        if (l->group[i].group == of->group && l->group[i].readable == of->readable)
            return &l->group[i];
    more = realloc(l->group, ((size_t)l->n + 1) * sizeof *more);
    if (!more) return NULL;
    l->group = more;
    more[l->n] = (store_group){.group = of->group, .readable = of->readable};
    return &more[l->n++];
}

static void add(visit *v, const found *f) {
    store_group *g = group_of(v, &f->is);
    if (!g) {
        v->error = ENOMEM;
        return;
    }
    g->segments++;
    g->records += f->is.records;
    g->bytes += f->is.bytes;
    g->in_use += f->is.in_use;
    if (f->is.used > g->used) g->used = f->is.used;
}

static void visit_segment(visit *v, uint64_t id) {
    found f = {.id = id, .values = open_of(v, id, "values"),
               .index = open_of(v, id, "index")};
    if (f.values < 0 && f.index < 0) return;
    measure(&f);
    look_into(&f);
    f.is.in_use = !is_free(f.values) || !is_free(f.index);
    if (!v->clear || f.is.in_use || !remove_of(v, id, "index") ||
        !remove_of(v, id, "values"))
        add(v, &f);
    close_one(f.values);
    close_one(f.index);
}

/* By its values, or by its index if it has none. */
static int meet(void *context, const char *name) {
    visit *v = context;
    uint64_t id;
    int fd;
    if (name_is(name, "values", &id)) visit_segment(v, id);
    else if (name_is(name, "index", &id)) {
        fd = open_of(v, id, "values");
        if (fd < 0) visit_segment(v, id);
        close_one(fd);
    } else if (v->clear && name_is(name, "new", &id)) {
        remove_of(v, id, "new");
    }
    return v->error;
}

static int by_use(const void *a, const void *b) {
    const store_group *x = a, *y = b;
    return (x->used < y->used) - (x->used > y->used);
}

static int open_there(const char *folder, int *fd) {
    plat_stat s;
    int error = plat_stat_path(folder, &s);
    if (!error && s.kind != PLAT_FOLDER) error = ENOTDIR;
    return error ? error : plat_folder_open(folder, fd);
}

static int list(visit *v) {
    int error = plat_folder_list(v->folder, meet, v);
    if (v->to->n) qsort(v->to->group, (size_t)v->to->n, sizeof *v->to->group, by_use);
    return error;
}

int store_list(const char *folder, store_listing *to) {
    visit v = {.to = to};
    int error;
    *to = (store_listing){0};
    error = open_there(folder, &v.folder);
    if (error) return error;
    error = list(&v);
    plat_close(v.folder);
    return error;
}

void store_list_free(store_listing *l) { free(l->group); }

/* Nobody makes a segment meanwhile. A folder that nobody wrote has no lock. */
int store_clear(const char *folder, store_listing *to) {
    visit v = {.to = to, .clear = true};
    int lock = -1, error;
    *to = (store_listing){0};
    error = open_there(folder, &v.folder);
    if (error) return error;
    error = plat_file_open(v.folder, STORE_LOCK_NAME, &lock);
    if (error) lock = -1;
    if (error == ENOENT) error = 0;
    else if (!error) error = plat_file_hold(lock, PLAT_EXCLUSIVE);
    if (!error) error = list(&v);
    if (!error && lock >= 0 && !to->n) plat_file_remove(v.folder, STORE_LOCK_NAME);
    close_one(lock);
    plat_close(v.folder);
    return error;
}
