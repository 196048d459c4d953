/* The folder of a store: what lies in it, who has it, what went wrong with it. Growth is
 * held throughout, but in folder_tell. */
#include "store_format.h"
#include "store_inside.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t PATIENCE = 1000000000, NAP = 2000000;      /* ns */

/* ---- trouble: a line each, once ---- */
static const char *const troubles[] = {
    [TROUBLE_WRITE] = "the cache %s cannot be written (%s): what is not in it is "
                      "computed every time; make room there, or give it another folder",
    [TROUBLE_READ] = "the cache %s cannot be read (%s): what lies there is computed "
                     "again; check the disk, or give it another folder",
    [TROUBLE_DAMAGED] = "values in the cache %s do not have their checksums%s: they are "
                        "computed again; if this is so after the next start, check the "
                        "disk",
    [TROUBLE_LOCK] = "the cache %s cannot be locked (%s): nothing is added to it; end "
                     "what holds pipec.lock there, or give it another folder",
};

void folder_tell(store *s, trouble what, int error) {
    unsigned bit = 1u << what;
    char room[256], text[1024];
    const char *why = "";
    if (atomic_fetch_or(&s->told, bit) & bit || !s->options.log) return;
    if (error)
        why = plat_lacks(error, room, sizeof room) ? room
                                                   : plat_error(error, room, sizeof room);
    snprintf(text, sizeof text, troubles[what], s->path, why);
    s->options.log(s->options.log_to, 1, text);
}

/* ---- the index of somebody else's segment ---- */
static void add_record(store *s, const segment *g, const record *r, int64_t values) {
    entry e = {.key = r->key, .offset = r->offset, .bytes = r->bytes,
               .verdict = r->verdict, .segment = (uint32_t)(g - s->segment),
               .age = atomic_load(&g->age), .state = ENTRY_LIVE};
    int64_t left = values - r->offset - (int64_t)sizeof *r;
    if (left < 0 || r->bytes > (uint64_t)left) return;
    if (table_claim(s, r->key)) table_settle(s, r->key, &e);
}

/* How many of n are taken: a living writer's next record may be on its way. */
static int add_records(store *s, segment *g, const record *r, int n, bool alive) {
    plat_stat values;
    int i = 0;
    if (plat_stat_fd(g->values, &values)) return 0;
    for (; i < n; i++) {
        bool good = record_is_good(&r[i], g->id);
        if (!good && alive) break;
        if (good) add_record(s, g, &r[i], values.size);
    }
    return i;
}

/* Each record has more bytes in the other file: what is longer is no index. */
static void read_index(store *s, segment *g, bool alive) {
    enum { MOST = 512 };
    record r[MOST];
    size_t got = sizeof r;
    int n = MOST, taken = MOST;
    while (taken == MOST && g->known < g->most) {
        if (plat_read_at(g->index, r, sizeof r, g->known, &got)) return;
        n = (int)(got / sizeof *r);
        taken = add_records(s, g, r, n, alive);
        g->known += taken * (int64_t)sizeof *r;
    }
}

/* ---- one segment ---- */
static int64_t size_of(const segment *g) {
    plat_stat values = {0}, index = {0};
    plat_stat_fd(g->values, &values);
    if (g->index >= 0) plat_stat_fd(g->index, &index);
    return values.size + index.size;
}

/* One that nobody writes any more is read to its end, and its index closed. */
static void follow(store *s, segment *g) {
    bool alive = plat_file_hold(g->index, PLAT_SHARED) == EWOULDBLOCK;
    int64_t size;
    read_index(s, g, alive);
    size = size_of(g);
    segment_resize(s, g, alive && size < g->most ? g->most : size);
    if (alive) return;
    plat_close(g->index);
    g->index = -1;
}

static bool has_head(int fd, int kind, uint64_t id, file_head *h) {
    size_t got;
    return !plat_read_at(fd, h, sizeof *h, 0, &got) && got == sizeof *h &&
           head_is_good(h, kind, id);
}

/* Ours of an earlier run are used, until an epoch shows that they are not. */
static bool greet(store *s, segment *g) {
    file_head index, values;
    bool good = has_head(g->index, FILE_INDEX, g->id, &index) &&
                has_head(g->values, FILE_VALUES, g->id, &values);
    bool ours = good && index.group == s->options.group;
    int64_t epoch = atomic_load(&s->epoch);
    g->most = good ? index.size : 0;
    g->known = sizeof index;
    g->own = false;
    atomic_store(&g->last, ours ? epoch : epoch - 2);
    atomic_store(&g->held, ours && !plat_file_hold(g->values, PLAT_SHARED));
    return plat_file_has_name(g->values);
}

static int open_of(const store *s, uint64_t id, const char *end, int *fd) {
    char name[STORE_NAME_SIZE];
    store_name(name, id, end);
    return plat_file_open(s->folder, name, fd);
}

static int open_files(const store *s, segment *g) {
    int error = open_of(s, g->id, "values", &g->values);
    if (error) return error;
    error = open_of(s, g->id, "index", &g->index);
    if (error) plat_close(g->values);
    return error;
}

static int open_segment(store *s, uint64_t id) {
    segment *g = segment_place(s);
    int error;
    if (!g) return EMFILE;
    g->id = id;
    error = open_files(s, g);
    if (error) return error;
    if (!greet(s, g)) {
        s->kind->drop(s, g);
        return ESTALE;
    }
    g->size = g->room = 0;
    g->seen = true;
    atomic_store(&g->writers, 0);
    segment_appears(s, g);
    return 0;
}

/* ---- all of them ---- */
typedef struct listing {
    store *s;
    bool locked;
} listing;

static segment *segment_of(store *s, uint64_t id) {
    for (uint32_t i = 0; i < s->nsegments; i++)
        if (segment_is_there(&s->segment[i]) && s->segment[i].id == id)
            return &s->segment[i];
    return NULL;
}

static void remove_name(store *s, uint64_t id, const char *end) {
    char name[STORE_NAME_SIZE];
    store_name(name, id, end);
    plat_file_remove(s->folder, name);
}

static bool is_alone(const store *s, uint64_t id) {
    int fd, error = open_of(s, id, "index", &fd);
    if (!error) plat_close(fd);
    return error == ENOENT;
}

/* Whoever makes a segment, or removes one, has the folder: if we have it, a file without
 * its other one is what somebody left that was killed. */
static int meet(void *context, const char *name) {
    const listing *l = context;
    segment *g = NULL;
    uint64_t id;
    if (name_is(name, "index", &id)) {
        g = segment_of(l->s, id);
        if (g) g->seen = true;
        else if (open_segment(l->s, id) == ENOENT && l->locked)
            remove_name(l->s, id, "index");
    } else if (l->locked && name_is(name, "values", &id)) {
        if (!segment_of(l->s, id) && is_alone(l->s, id)) remove_name(l->s, id, "values");
    } else if (l->locked && name_is(name, "new", &id)) {
        remove_name(l->s, id, "new");
    }
    return 0;
}

/* Its files may be gone; nobody may have used it for an epoch. */
static void review(store *s, segment *g) {
    plat_stat values;
    if (!g->seen) {
        segment_seal_writing(s, g);
        if (segment_leave(s, g)) return;
    }
    if (!g->own && g->index >= 0) follow(s, g);
    if (!plat_stat_fd(g->values, &values)) g->used = values.modified;
    if (atomic_load(&g->last) < atomic_load(&s->epoch) - 1 &&
        atomic_exchange(&g->held, false))
        plat_file_hold(g->values, PLAT_UNLOCKED);
}

void folder_look(store *s, bool locked) {
    listing l = {s, locked};
    int error;
    for (uint32_t i = 0; i < s->nsegments; i++) s->segment[i].seen = false;
    error = plat_folder_list(s->folder, meet, &l);
    if (error) folder_tell(s, TROUBLE_READ, error);
    for (uint32_t i = 0; i < s->nsegments; i++) {
        segment *g = &s->segment[i];
        g->seen |= error != 0;
        if (segment_is_there(g)) review(s, g);
    }
}

/* ---- the lock ---- */
static int open_lock(store *s) {
    int error = EEXIST;
    if (s->lock >= 0 && plat_file_has_name(s->lock)) return 0;
    if (s->lock >= 0) plat_close(s->lock);
    while (error == EEXIST) {
        error = plat_file_open(s->folder, STORE_LOCK_NAME, &s->lock);
        if (error != ENOENT) break;
        error = plat_file_make(s->folder, STORE_LOCK_NAME, &s->lock);
    }
    if (error) s->lock = -1;
    return error;
}

static int wait_for_lock(store *s, int64_t until) {
    int error;
    while ((error = plat_file_hold(s->lock, PLAT_EXCLUSIVE)) == EWOULDBLOCK &&
           plat_now() < until)
        plat_poll(-1, -1, plat_now() + NAP);
    return error;
}

/* Who clears the folder removes the lock too: then another one is there, or none. */
static int take_lock(store *s) {
    int64_t until = plat_now() + PATIENCE;
    int error = wait_for_lock(s, until);
    while (!error && !plat_file_has_name(s->lock) && !(error = open_lock(s)))
        error = wait_for_lock(s, until);
    return error;
}

bool folder_enter(store *s) {
    int error = open_lock(s);
    if (error) {
        folder_tell(s, TROUBLE_WRITE, error);
        return false;
    }
    error = take_lock(s);
    if (error) {
        folder_tell(s, TROUBLE_LOCK, error);
        return false;
    }
    folder_look(s, true);
    return true;
}

void folder_leave(store *s) { plat_file_hold(s->lock, PLAT_UNLOCKED); }

/* ---- opening ---- */
static void say(char *to, size_t room, const char *folder, int error) {
    char why[128];
    if (error == EPERM)
        snprintf(to, room, "the folder %s is not yours, or anybody may write into it: "
                 "give the cache one that is yours alone", folder);
    else
        snprintf(to, room, "the folder %s cannot be opened or made for the cache: %s; "
                 "give it another one", folder, plat_error(error, why, sizeof why));
}

bool disk_open(store *s, char *error, size_t room) {
    int code;
    s->lock = s->folder = -1;
    s->path = strdup(s->options.folder ? s->options.folder : "");
    code = s->path ? plat_folder_open(s->path, &s->folder) : ENOMEM;
    if (code) {
        say(error, room, s->options.folder, code);
        free(s->path);
        return false;
    }
    folder_look(s, false);
    atomic_store(&s->looked, plat_now());
    return true;
}

void disk_close(store *s) {
    plat_close(s->folder);
    if (s->lock >= 0) plat_close(s->lock);
    free(s->path);
}
