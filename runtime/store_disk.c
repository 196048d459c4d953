/* Values in files (store_format.h): a segment's own. */
#include "store_format.h"
#include "store_inside.h"
#include <errno.h>

enum { NAMES_TRIED = 100 };

static int remove_of(store *s, uint64_t id, const char *end) {
    char name[STORE_NAME_SIZE];
    store_name(name, id, end);
    return plat_file_remove(s->folder, name);
}

/* ---- making: growth and the folder are held ---- */
static uint64_t new_id(const store *s) {
    uint64_t seed[4] = {(uint64_t)plat_process_id(), (uint64_t)plat_now(), (uintptr_t)s,
                        (uint64_t)s->made};
    return XXH3_64bits(seed, sizeof seed);
}

static int make_file(store *s, segment *g, const char *end, int kind, int *fd) {
    file_head h = {.magic = STORE_MAGIC, .kind = (uint64_t)kind, .id = g->id,
                   .group = s->options.group, .size = g->size};
    char name[STORE_NAME_SIZE];
    int error;
    store_name(name, g->id, end);
    h.check = head_check(&h);
    error = plat_file_make(s->folder, name, fd);
    if (error) return error;
    error = plat_write_at(*fd, &(plat_piece){&h, sizeof h}, 1, 0);
    if (!error) return 0;
    plat_close(*fd);
    plat_file_remove(s->folder, name);
    return error;
}

/* It is locked before it has its name: nobody sees it without. */
static int make_index(store *s, segment *g) {
    char from[STORE_NAME_SIZE], to[STORE_NAME_SIZE];
    int error = make_file(s, g, "new", FILE_INDEX, &g->index);
    if (error) return error;
    store_name(from, g->id, "new");
    store_name(to, g->id, "index");
    plat_file_hold(g->index, PLAT_EXCLUSIVE);
    error = plat_file_rename(s->folder, from, to);
    if (!error) return 0;
    plat_close(g->index);
    plat_file_remove(s->folder, from);
    return error;
}

static bool disk_make(store *s, segment *g) {
    int error = EEXIST;
    for (int i = 0; i < NAMES_TRIED && error == EEXIST; i++) {
        g->id = new_id(s) + (uint64_t)i;
        error = make_file(s, g, "values", FILE_VALUES, &g->values);
    }
    if (!error && (error = make_index(s, g))) {
        plat_close(g->values);
        remove_of(s, g->id, "values");
    }
    if (error) {
        folder_tell(s, TROUBLE_WRITE, error);
        return false;
    }
    g->own = g->seen = true;
    atomic_store(&g->records, 0);
    atomic_store(&g->committed, false);
    atomic_store(&g->held, !plat_file_hold(g->values, PLAT_SHARED));
    return true;
}

/* ---- going ---- */
static bool disk_seize(store *s, segment *g) {
    int error;
    if (g->index >= 0) return false;            /* somebody writes it */
    if (plat_file_hold(g->values, PLAT_EXCLUSIVE)) {
        if (atomic_load(&g->held)) plat_file_hold(g->values, PLAT_SHARED);
        return false;
    }
    error = remove_of(s, g->id, "index");
    if (!error || error == ENOENT) error = remove_of(s, g->id, "values");
    if (!error || error == ENOENT) return true;
    folder_tell(s, TROUBLE_WRITE, error);
    return false;
}

/* Locks are let go of: a process that was forked may have the files open too. */
static void close_file(int *fd) {
    if (*fd < 0) return;
    plat_file_hold(*fd, PLAT_UNLOCKED);
    plat_close(*fd);
    *fd = -1;
}

/* From now on others may take it to be whole. One of no values (the disk was full) is of
 * no use to anybody. */
static void disk_seal(store *s, segment *g) {
    if (g->index >= 0 && !atomic_load(&g->committed)) {
        remove_of(s, g->id, "index");
        remove_of(s, g->id, "values");
    }
    close_file(&g->index);
}

static void disk_drop(store *s, segment *g) {
    (void)s;
    close_file(&g->index);
    close_file(&g->values);
}

static void disk_use(store *s, segment *g) {
    (void)s;
    if (!atomic_exchange(&g->held, true))
        atomic_store(&g->held, !plat_file_hold(g->values, PLAT_SHARED));
    plat_file_touch(g->values);
}

/* ---- writing ---- */
typedef struct gather {
    plat_piece piece[PLAT_PIECES];
    int n, fd, error;
    int64_t offset, bytes;      /* where the pieces go; how much they are */
} gather;

static void gather_flush(gather *to) {
    if (!to->error && to->n)
        to->error = plat_write_at(to->fd, to->piece, to->n, to->offset);
    to->offset += to->bytes;
    to->bytes = to->n = 0;
}

static void gather_add(gather *to, const void *data, size_t bytes) {
    if (to->n == PLAT_PIECES) gather_flush(to);
    to->piece[to->n++] = (plat_piece){data, bytes};
    to->bytes += (int64_t)bytes;
}

/* What lies between parts is zero, and hashed. */
static const char zeros[ALIGN];

static size_t gap_after(const store_part *part, int n, int i) {
    return i + 1 < n ? -part[i].bytes % ALIGN : 0;
}

static uint64_t hash_of(const store_part *part, int n) {
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    for (int i = 0; i < n; i++) {
        if (part[i].bytes) XXH3_64bits_update(&state, part[i].data, part[i].bytes);
        XXH3_64bits_update(&state, zeros, gap_after(part, n, i));
    }
    return XXH3_64bits_digest(&state);
}

static int write_value(int fd, const record *r, const store_part *part, int n) {
    gather to = {.fd = fd, .offset = r->offset};
    gather_add(&to, r, sizeof *r);
    for (int i = 0; i < n; i++) {
        gather_add(&to, part[i].data, part[i].bytes);
        gather_add(&to, zeros, gap_after(part, n, i));
    }
    gather_flush(&to);
    return to.error;
}

static int commit(segment *g, const record *r) {
    int64_t at = atomic_fetch_add(&g->records, 1) * (int64_t)sizeof *r;
    int error = plat_write_at(g->index, &(plat_piece){r, sizeof *r}, 1,
                              (int64_t)sizeof(file_head) + at);
    if (!error) atomic_store(&g->committed, true);
    return error;
}

static bool disk_write(store *s, segment *g, const entry *e, const store_part *part,
                       int n) {
    record r = {.magic = STORE_MAGIC, .key = e->key, .offset = e->offset,
                .bytes = e->bytes, .verdict = e->verdict, .hash = hash_of(part, n)};
    int error;
    r.check = record_check(&r, g->id);
    error = write_value(g->values, &r, part, n);
    if (!error) error = commit(g, &r);
    if (!error) return true;
    folder_tell(s, TROUBLE_WRITE, error);
    segment_stop(s);
    return false;
}

/* ---- reading ---- */
static bool is_of(const record *r, const segment *g, const entry *e) {
    return record_is_good(r, g->id) && r->key.word[0] == e->key.word[0] &&
           r->key.word[1] == e->key.word[1] && r->offset == e->offset &&
           r->bytes == e->bytes && r->verdict == e->verdict &&
           r->hash == XXH3_64bits(r + 1, r->bytes);
}

/* A file that is shorter than it was gives less. */
static bool read_value(store *s, segment *g, const entry *e, buffer *b) {
    const size_t all = sizeof(record) + e->bytes;
    size_t got = 0;
    int error = plat_read_at(g->values, buffer_at(b), all, e->offset, &got);
    if (!error && got == all && is_of((const record *)buffer_at(b), g, e)) return true;
    atomic_fetch_add(&s->damaged, !error);
    folder_tell(s, error ? TROUBLE_READ : TROUBLE_DAMAGED, error);
    return false;
}

static bool disk_read(store *s, segment *g, const entry *e, store_item *to) {
    int64_t started = plat_now();
    buffer *b = buffer_take(s, sizeof(record) + e->bytes + ALIGN);
    bool good = b && read_value(s, g, e, b);
    segment_unpin(g);
    if (!good) {
        if (b) buffer_give(s, b);
        return false;
    }
    *to = (store_item){buffer_at(b) + sizeof(record), e->bytes, e->verdict, b};
    atomic_fetch_add(&s->read_bytes, (int64_t)e->bytes);
    atomic_fetch_add(&s->read_ns, plat_now() - started);
    return true;
}

static void disk_release(store *s, store_item *i) { buffer_give(s, i->pin); }

static void disk_look(store *s) {
    folder_look(s, false);
    pool_trim(s);
    atomic_store(&s->looked, plat_now());
}

const store_kind store_disk = {
    .first = sizeof(file_head), .head = sizeof(record), .beside = sizeof(record),
    .enter = folder_enter, .leave = folder_leave, .make = disk_make,
    .seize = disk_seize, .drop = disk_drop, .use = disk_use, .seal = disk_seal,
    .write = disk_write, .read = disk_read, .release = disk_release, .look = disk_look,
};
