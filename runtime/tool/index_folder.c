/* The index of one folder. What is right in the one of before is copied. */
#define _GNU_SOURCE
#include "indexing.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AT_ONCE = 256, MOST_PATH = 17000 };

typedef struct writing {
    indexing *x;
    const char *folder;
    folder_index *before;       /* or NULL */
    indexed *file;
    int64_t n;
    FILE *out;
} writing;

static void path_of(const writing *w, const char *name, char to[MOST_PATH]) {
    snprintf(to, MOST_PATH, "%s/%s", w->folder, name);
}

/* ---- what is still right ---- */
/* A file that could not be indexed need not be tried again either. */
static bool is_kept(const writing *w, const indexed *f) {
    const index_entry *e = w->before ? index_entry_named(w->before, f->name) : NULL;
    return e && index_head_of(w->before)->recipe == w->x->recipe &&
           e->size == f->entry.size && e->modified == f->entry.modified;
}

/* How many are to be made. */
static int64_t look_at_files(writing *w) {
    char path[MOST_PATH];
    int64_t n = 0;
    for (int64_t i = 0; i < w->n && !index_interrupted(); i++) {
        indexed *f = &w->file[i];
        path_of(w, f->name, path);
        maker_look(f, path);
        f->kept = !f->error && is_kept(w, f);
        if (f->kept) f->entry = *index_entry_named(w->before, f->name);
        n += !f->kept;
    }
    return n;
}

/* ---- making ---- */
/* Files that a few threads make, each the next one that nobody has. */
typedef struct share {
    writing *w;
    maker *maker;
    int64_t *next, end;         /* files; next by all threads */
} share;

static void make_share(void *at) {
    share *s = at;
    char path[MOST_PATH];
    int64_t i;
    while (!index_interrupted() &&
           (i = __atomic_fetch_add(s->next, 1, __ATOMIC_RELAXED)) < s->end) {
        if (s->w->file[i].kept) continue;
        path_of(s->w, s->w->file[i].name, path);
        maker_make(s->maker, &s->w->file[i], path);
    }
}

static void make_files(writing *w, int64_t from, int64_t end) {
    enum { MOST = 1024 };
    int64_t next = from, n = 0;
    share part[MOST];
    plat_thread thread[MOST];
    bool started[MOST] = {false};
    for (int64_t i = from; i < end; i++) n += !w->file[i].kept;
    for (int i = 0; i < w->x->nmakers && i < n; i++) {
        part[i] = (share){w, &w->x->maker[i], &next, end};
        if (i) started[i] = !plat_thread_start(&thread[i], make_share, &part[i]);
    }
    if (n) make_share(&part[0]);
    for (int i = 1; i < w->x->nmakers && i < n; i++)
        if (started[i]) plat_thread_join(&thread[i]);
}

/* ---- writing ---- */
static bool put(writing *w, const void *bytes, size_t n) {
    return fwrite(bytes, 1, n, w->out) == n;
}

/* What was kept is read from the file of before, or else made after all. */
static bool fetch(writing *w, indexed *f) {
    char path[MOST_PATH];
    void *bytes = f->kept && f->entry.bytes ? malloc(f->entry.bytes) : NULL;
    const index_entry *e = bytes ? index_entry_named(w->before, f->name) : NULL;
    if (e && index_read(w->before, e, bytes)) return f->bytes = bytes, true;
    free(bytes);
    if (!f->kept || !f->entry.bytes) return true;
    f->kept = false;
    f->entry = (index_entry){0};
    path_of(w, f->name, path);
    maker_make(&w->x->maker[0], f, path);
    return true;
}

static bool put_index(writing *w, indexed *f) {
    static const char zeros[8];
    off_t at = ftello(w->out);
    bool good = at >= 0 && fetch(w, f);
    if (good && f->bytes)
        good = put(w, f->bytes, f->entry.bytes) && put(w, zeros, -f->entry.bytes % 8);
    f->entry.at = (uint64_t)at;
    free(f->bytes);
    f->bytes = NULL;
    return good;
}

static bool put_indexes(writing *w) {
    bool good = true;
    for (int64_t from = 0, end; from < w->n && good; from = end) {
        end = from + AT_ONCE < w->n ? from + AT_ONCE : w->n;
        make_files(w, from, end);
        for (int64_t i = from; i < end; i++) good &= good && put_index(w, &w->file[i]);
        for (int64_t i = from; i < end; i++) free(w->file[i].bytes);
        if (index_interrupted()) errno = EINTR, good = false;
    }
    return good;
}

/* Head, entries and names, into one block. */
static char *make_tables(const writing *w, size_t *bytes) {
    size_t entries = (size_t)w->n * sizeof(index_entry), names = 0;
    index_head *head;
    char *to;
    for (int64_t i = 0; i < w->n; i++) names += strlen(w->file[i].name) + 1;
    names = (names + 7) & ~(size_t)7;
    *bytes = sizeof *head + entries + names;
    head = calloc(1, *bytes);
    if (!head) return NULL;
    *head = (index_head){INDEX_MAGIC, 2, (uint32_t)w->n, names, w->x->recipe, 0};
    to = (char *)(head + 1) + entries;
    for (int64_t i = 0; i < w->n; i++) {
        w->file[i].entry.name = (uint64_t)(to - (char *)(head + 1) - entries);
        memcpy((char *)(head + 1) + (size_t)i * sizeof(index_entry), &w->file[i].entry,
               sizeof(index_entry));
        to = stpcpy(to, w->file[i].name) + 1;
    }
    head->check = index_check(head + 1, entries + names);
    return (char *)head;
}

/* The tables are written twice: first to make room. */
static bool put_all(writing *w) {
    size_t bytes;
    char *tables = make_tables(w, &bytes);
    bool good = tables && put(w, tables, bytes) && put_indexes(w);
    free(tables);
    tables = good ? make_tables(w, &bytes) : NULL;
    good = tables && !fseeko(w->out, 0, SEEK_SET) && put(w, tables, bytes) &&
           !fflush(w->out) && !fsync(fileno(w->out));
    free(tables);
    return good;
}

/* ---- the file ---- */
/* Held by whoever writes it. One that another run left is written over; one that was
 * renamed meanwhile is not. */
static FILE *open_part(const char *path) {
    struct stat held, there;
    FILE *out = NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return NULL;
    if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) errno = EBUSY;
    else if (fstat(fd, &held) || stat(path, &there) || held.st_ino != there.st_ino)
        errno = EBUSY;
    else if (!ftruncate(fd, 0)) out = fdopen(fd, "wb");
    if (!out) close(fd);
    return out;
}

static int64_t count_indexed(const writing *w) {
    int64_t n = 0;
    for (int64_t i = 0; i < w->n; i++) n += w->file[i].entry.bytes > 0;
    return n;
}

/* Whole or not at all; a folder without an index that is worth a file has none. */
static int write_folder(writing *w) {
    char path[MOST_PATH], part[MOST_PATH + 8];
    int error = 0;
    path_of(w, INDEX_NAME, path);
    snprintf(part, sizeof part, "%s.part", path);
    w->out = open_part(part);
    if (!w->out) return errno;
    errno = 0;
    if (!put_all(w)) error = errno ? errno : EIO;
    else if (!count_indexed(w)) error = unlink(path) && errno != ENOENT ? errno : 0;
    else if (rename(part, path)) error = errno;
    if (error || !count_indexed(w)) unlink(part);
    fclose(w->out);
    return error;
}

static bool tell(writing *w, int error) {
    char path[MOST_PATH];
    path_of(w, INDEX_NAME, path);
    if (error && error != EINTR) {
        w->x->failed = true;
        fprintf(stderr, "pipert: %s cannot be written: %s\n", path,
                error == EBUSY ? "another `pipert index` writes it" : strerror(error));
    }
    for (int64_t i = 0; i < w->n && !error; i++) {
        if (!w->file[i].error) continue;
        w->x->failed = true;
        path_of(w, w->file[i].name, path);
        fprintf(stderr, "pipert: %s cannot be read, and has no index: %s\n", path,
                strerror(w->file[i].error));
    }
    return error != EINTR && error != ENOSPC && error != EDQUOT && error != EROFS;
}

static void count(writing *w) {
    for (int64_t i = 0; i < w->n; i++) {
        const indexed *f = &w->file[i];
        w->x->indexed += f->entry.bytes > 0;
        w->x->made += f->entry.bytes > 0 && !f->kept;
        w->x->bytes += (int64_t)f->entry.bytes;
    }
    w->x->folders += count_indexed(w) > 0;
}

bool index_folder(indexing *x, const char *folder, indexed *file, int64_t n) {
    char why[MOST_PATH];
    writing w = {.x = x, .folder = folder, .file = file, .n = n,
                 .before = index_open(folder, why, sizeof why)};
    bool changed = look_at_files(&w) || !w.before ||
                   index_head_of(w.before)->n != (uint64_t)n;
    int error = index_interrupted() ? EINTR : changed ? write_folder(&w) : 0;
    if (!error) count(&w);
    index_close(w.before);
    return tell(&w, error);
}
