#include "part.h"
#include <stdio.h>
#include <string.h>

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- whether it is worth it ---- */
/* A file of fewer bytes is read whole: to seek costs about as much. */
enum { LEAST = 256 << 10 };

void part_count(source_reader *r) {
    enum { SOME = 64 * LEAST };
    source *s = r->parts_of;
    int64_t files, used;
    if (!s) return;
    files = __atomic_add_fetch(&s->part_files, r->files, __ATOMIC_RELAXED);
    used = __atomic_add_fetch(&s->part_used, (int64_t)r->held, __ATOMIC_RELAXED);
    if (files > SOME && used > files / 2)
        __atomic_store_n(&s->whole, true, __ATOMIC_RELAXED);
    r->files = 0;
    r->held = 0;
    r->parts_of = NULL;
}

bool part_fits(const source *s, const source_reader *r, const plat_stat *is) {
    return r->parts.size && is->size > LEAST &&
           !__atomic_load_n(&s->whole, __ATOMIC_RELAXED);
}

/* ---- what is there ---- */
static bool is_there(const source_part *p, int64_t from, int64_t to) {
    for (int i = 0; i < p->n; i++)
        if (p->range[i].from <= from && to <= p->range[i].to) return true;
    return false;
}

/* There is room for one more; those that it touches become one with it. */
static void add_range(source_part *p, part_range new) {
    part_range old[PART_RANGES];
    int n = 0, at = 0, count = p->n;
    memcpy(old, p->range, sizeof old);
    while (at < count && old[at].to < new.from) p->range[n++] = old[at++];
    for (; at < count && old[at].from <= new.to; at++)
        new = (part_range){least(new.from, old[at].from), most(new.to, old[at].to)};
    p->range[n++] = new;
    while (at < count) p->range[n++] = old[at++];
    p->n = n;
}

/* ---- reading ---- */
static const source_failure *fails(source_part *p, int error) {
    char text[256], why[320];
    snprintf(why, sizeof why, "cannot be read: %s",
             error ? plat_error(error, text, sizeof text)
                   : "it was changed after its first bytes had been read");
    source_error(p->reader, error);
    p->failed = source_describe_failure(p->reader, why);
    return &p->failed;
}

static int read_gap(source_part *p, int fd, int64_t from, int64_t to, bool *changed) {
    size_t n = (size_t)(to - from), got;
    int error = plat_read_at(fd, p->data + from, n, from, &got);
    if (error) return error;
    *changed = got < n;
    if (to == p->is.size) memset(p->data + to, 0, SOURCE_SLACK);
    p->reader->bytes += (int64_t)got;
    p->reader->held += got;
    return 0;
}

static int read_gaps(source_part *p, int fd, part_range r, bool *changed) {
    int error = 0;
    for (int i = 0; i <= p->n && !error && !*changed && r.from < r.to; i++) {
        part_range next = i < p->n ? p->range[i] : (part_range){r.to, r.to};
        if (next.to <= r.from && i < p->n) continue;
        if (next.from > r.from)
            error = read_gap(p, fd, r.from, least(next.from, r.to), changed);
        r.from = most(r.from, next.to);
    }
    return error;
}

static bool is_same(const plat_stat *a, const plat_stat *b) {
    return a->kind == b->kind && a->size == b->size && a->modified == b->modified &&
           a->device == b->device && a->inode == b->inode;
}

static const source_failure *read_range(source_part *p, part_range r) {
    plat_stat now;
    bool changed = false;
    int fd, error = plat_open(p->path, &fd);
    if (error) return fails(p, error);
    error = plat_stat_fd(fd, &now);
    if (!error) changed = !is_same(&now, &p->is);
    if (!error && !changed) error = read_gaps(p, fd, r, &changed);
    plat_close(fd);
    if (error || changed) return fails(p, error);
    add_range(p, r);
    return NULL;
}

const source_failure *source_need(source_part *p, int64_t from, int64_t to) {
    const int64_t page = PLAT_PAGE;
    part_range r = {most(from, 0), least(to, p->is.size)};
    if (r.from >= r.to || is_there(p, r.from, r.to)) return NULL;
    if (p->failed.why) return &p->failed;
    r = (part_range){r.from & -page, least((r.to + page - 1) & -page, p->is.size)};
    if (p->n == PART_RANGES) r = (part_range){0, p->is.size};
    return read_range(p, r);
}

/* ---- beginning ---- */
int part_begin(source *s, source_reader *r, const char *path, int fd, const plat_stat *is,
               pl_value *value) {
    size_t length = strlen(path) + 1, got = 0;
    source_part *p = arena_take(&r->memory, sizeof *p + length);
    source_index *head;
    int error;
    value->data = NULL;
    if (!p) return 0;
    head = arena_take(&r->parts, sizeof *head + (size_t)is->size + SOURCE_SLACK);
    if (!head) return 0;
    *head = (source_index){.modified = is->modified, .part = p};
    *p = (source_part){.reader = r, .is = *is, .data = (char *)(head + 1),
                       .path = memcpy(p + 1, path, length), .n = 1,
                       .range = {{0, PL_PART_HEAD}}};
    error = plat_read_at(fd, p->data, PL_PART_HEAD, 0, &got);
    if (error || got < PL_PART_HEAD) return error;
    r->bytes += (int64_t)got;
    r->held += sizeof *head + got;
    r->parts_of = s;
    r->files += is->size;
    *value = (pl_value){.data = p->data, .n = is->size};
    return 0;
}
