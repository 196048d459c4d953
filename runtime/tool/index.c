/* pipert index: writes the index of every folder below one (source/index.h), by what the
 * packs of kernels beside this program know of formats. */
#define _GNU_SOURCE
#include "tool.h"
#include "../memory.h"
#include "../pipec_kernel.h"
#include "../source/glob.h"
#include "../source/index.h"
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_INDEXERS = 64, MAX_EVERY = 65536, DEFAULT_EVERY = 8 };

typedef struct indexing {
    pk_call call;               /* first */
    arena memory, file;         /* of an indexer, of a file's bytes */
    const pk_indexer *indexer[MAX_INDEXERS];
    int nindexers, every;
    const char *root;
    glob_list list;
    int64_t *order;             /* of the files: by folder, then by name */
    int64_t indexed, bytes, folders;
} indexing;

/* ---- what indexers are given ---- */
static void *no_more(pk_call *call, size_t bytes) {
    return (void)call, (void)bytes, NULL;
}
static int no_closer(pk_call *call, void (*destroy)(void *), void *what) {
    return (void)call, (void)destroy, (void)what, 1;
}
static int ignore_failure(pk_call *call, int64_t row, const char *format, va_list list) {
    return (void)call, (void)row, (void)format, (void)list, 1;
}

static bool init_call(indexing *x) {
    if (!arena_init(&x->memory, (size_t)1 << 30) ||
        !arena_init(&x->file, (size_t)4 << 30))
        return false;
    x->call = (pk_call){.more = no_more, .scratch = no_more, .at_close = no_closer,
                        .vfail = ignore_failure, .max_bytes = INT64_C(1) << 30,
                        .max_pixels = INT64_MAX, .cpu = plat_cpu_level()};
    return true;
}

/* ---- packs ---- */
static void add_indexers(indexing *x, const char *path) {
    char why[512];
    void *library = plat_load(path, why, sizeof why);
    const pk_indexer *const *list = library ? plat_symbol(library, "pk_indexers") : NULL;
    for (; list && *list && x->nindexers < MAX_INDEXERS; list++)
        x->indexer[x->nindexers++] = *list;
}

static bool find_indexers(indexing *x) {
    char own[4096], pattern[5000];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    glob_t found;
    own[n > 0 ? n : 0] = 0;
    if (strrchr(own, '/')) *strrchr(own, '/') = 0;
    snprintf(pattern, sizeof pattern, "%s/../lib/pipec/libpipert_*.so", own);
    if (!glob(pattern, 0, NULL, &found)) {
        for (size_t i = 0; i < found.gl_pathc; i++) add_indexers(x, found.gl_pathv[i]);
        globfree(&found);
    }
    if (!x->nindexers)
        fprintf(stderr, "pipert: no kernels that make indexes in %s: they come with "
                        "pipec\n", pattern);
    return x->nindexers > 0;
}

/* ---- the order ---- */
static size_t folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

static const char *name_of(const char *path) {
    return path + folder_of(path) + (path[folder_of(path)] == '/');
}

static int by_folder(const void *a, const void *b, void *list) {
    const char *x = ((glob_list *)list)->path[*(const int64_t *)a];
    const char *y = ((glob_list *)list)->path[*(const int64_t *)b];
    size_t n = folder_of(x), m = folder_of(y);
    int order = memcmp(x, y, n < m ? n : m);
    if (order || n != m) return order ? order : n < m ? -1 : 1;
    return strcmp(name_of(x), name_of(y));
}

static bool find_files(indexing *x) {
    char why[512];
    if (glob_find(&x->list, x->root, "**", NULL, why, sizeof why))
        return fprintf(stderr, "pipert: %s\n", why), false;
    x->order = malloc(((size_t)x->list.n + 1) * sizeof *x->order);
    if (!x->order) return fprintf(stderr, "pipert: no memory\n"), false;
    for (int64_t i = 0; i < x->list.n; i++) x->order[i] = i;
    qsort_r(x->order, (size_t)x->list.n, sizeof *x->order, by_folder, &x->list);
    return true;
}

/* ---- one file ---- */
/* Its bytes in x->file; NULL: it cannot be read, and is left out. */
static const char *read_file(indexing *x, const char *path, plat_stat *st, int64_t *n) {
    char *data = NULL;
    size_t got = 0;
    int fd;
    if (plat_open(path, &fd)) return NULL;
    arena_reset(&x->file, 0);
    if (!plat_stat_fd(fd, st) && st->kind == PLAT_FILE)
        data = arena_take(&x->file, (size_t)st->size + SOURCE_SLACK);
    if (data && plat_read_at(fd, data, (size_t)st->size, 0, &got)) data = NULL;
    plat_close(fd);
    *n = (int64_t)got;
    return data;
}

/* The first indexer that knows it; NULL: none does. */
static const void *make_index(indexing *x, const char *data, int64_t n, index_entry *e,
                              size_t *bytes) {
    for (int i = 0; i < x->nindexers; i++) {
        const void *made;
        x->call.at = x->memory.base;
        x->call.end = x->memory.base + x->memory.size;
        made = x->indexer[i]->make(&x->call, data, n, x->every, bytes);
        if (!made) continue;
        snprintf(e->format, sizeof e->format, "%s", x->indexer[i]->format);
        return made;
    }
    return NULL;
}

static bool add_file(indexing *x, FILE *out, const char *path, index_entry *e) {
    static const char zeros[8];
    char whole[16384];
    plat_stat st;
    int64_t n;
    size_t bytes;
    const char *data;
    const void *made;
    snprintf(whole, sizeof whole, "%s/%s", x->root, path);
    data = read_file(x, whole, &st, &n);
    made = data ? make_index(x, data, n, e, &bytes) : NULL;
    if (!made) return true;
    e->size = n;
    e->modified = st.modified;
    e->hash = index_hash(data, n);
    e->at = (uint64_t)ftello(out);
    e->bytes = bytes;
    x->indexed++;
    x->bytes += (int64_t)bytes;
    return fwrite(made, 1, bytes, out) == bytes &&
           fwrite(zeros, 1, -bytes % 8, out) == -bytes % 8;
}

/* ---- one folder ---- */
/* The entries are written twice: first to make room. */
static bool write_folder(indexing *x, FILE *out, const int64_t *file, int64_t n,
                         index_entry *entry) {
    index_head head = {INDEX_MAGIC, 1, (uint32_t)n, 0};
    uint64_t tables;
    bool good;
    for (int64_t i = 0; i < n; i++) {
        entry[i] = (index_entry){.name = head.names};
        head.names += strlen(name_of(x->list.path[file[i]])) + 1;
    }
    head.names = (head.names + 7) & ~UINT64_C(7);
    tables = sizeof head + (uint64_t)n * sizeof *entry + head.names;
    good = fwrite(&head, sizeof head, 1, out) == 1 &&
           fwrite(entry, sizeof *entry, (size_t)n, out) == (size_t)n;
    for (int64_t i = 0; i < n && good; i++) {
        const char *name = name_of(x->list.path[file[i]]);
        good = fwrite(name, strlen(name) + 1, 1, out) == 1;
    }
    while (good && (uint64_t)ftello(out) < tables)
        good = putc(0, out) != EOF;
    for (int64_t i = 0; i < n && good; i++)
        good = add_file(x, out, x->list.path[file[i]], &entry[i]);
    return good && !fseeko(out, sizeof head, SEEK_SET) &&
           fwrite(entry, sizeof *entry, (size_t)n, out) == (size_t)n;
}

static bool folder_fails(const char *path, int error) {
    fprintf(stderr, "pipert: %s cannot be written: %s\n", path, strerror(error));
    return false;
}

/* Beside the files, whole or not at all; without a file that has an index, not. */
static bool index_folder(indexing *x, const int64_t *file, int64_t n) {
    const char *first = x->list.path[file[0]];
    char path[16500], part[16600];
    index_entry *entry = malloc((size_t)n * sizeof *entry);
    int64_t before = x->indexed;
    bool good;
    FILE *out;
    if (!entry) return folder_fails("an index", ENOMEM);
    snprintf(path, sizeof path, "%s/%.*s/" INDEX_NAME, x->root, (int)folder_of(first),
             first);
    snprintf(part, sizeof part, "%s.%ld", path, (long)getpid());
    errno = 0;
    out = fopen(part, "wb");
    good = out && write_folder(x, out, file, n, entry) && !fflush(out);
    if (out && fclose(out)) good = false;
    free(entry);
    if (good && x->indexed > before && !rename(part, path)) return x->folders++, true;
    if (good && x->indexed == before) return remove(part), true;
    if (out) remove(part);
    return folder_fails(path, errno ? errno : EIO);
}

static bool index_folders(indexing *x) {
    int64_t n;
    bool good = true;
    for (int64_t i = 0; i < x->list.n; i += n) {
        const char *first = x->list.path[x->order[i]];
        for (n = 1; i + n < x->list.n; n++) {
            const char *next = x->list.path[x->order[i + n]];
            size_t k = folder_of(first);
            if (folder_of(next) != k || memcmp(first, next, k)) break;
        }
        good &= index_folder(x, x->order + i, n);
    }
    return good;
}

/* ---- the command ---- */
static int usage(const char *what, const char *value) {
    fprintf(stderr, "pipert: %s%s; it is: pipert index FOLDER [--every %d | row]\n", what,
            value, DEFAULT_EVERY);
    return STATUS_USAGE;
}

static bool parse_every(const char *text, int *every) {
    char *end;
    long n = strtol(text, &end, 10);
    *every = !strcmp(text, "row") ? MAX_EVERY : (int)n;
    return *every == MAX_EVERY || (end != text && !*end && n >= 1 && n < MAX_EVERY);
}

static int parse(indexing *x, int argc, char **argv) {
    x->every = DEFAULT_EVERY;
    for (int i = 0; i < argc; i++) {
        const char *value = !strncmp(argv[i], "--every=", 8) ? argv[i] + 8 : NULL;
        if (!value && !strcmp(argv[i], "--every")) value = ++i < argc ? argv[i] : "";
        if (value) {
            if (!parse_every(value, &x->every))
                return usage("--every takes 1 to 65535, or row, not ", value);
        } else if (argv[i][0] == '-') {
            return usage("there is no option ", argv[i]);
        } else if (x->root) {
            return usage("one folder at a time, not also ", argv[i]);
        } else {
            x->root = argv[i];
        }
    }
    return x->root ? STATUS_OK : usage("which folder?", "");
}

int index_command(int argc, char **argv) {
    indexing *x = calloc(1, sizeof *x);
    int status = x ? parse(x, argc, argv) : STATUS_FAILED;
    bool good = !status && init_call(x) && find_indexers(x) && find_files(x) &&
                index_folders(x);
    if (good && !x->indexed) {
        fprintf(stderr, "pipert: no file below %s has a format that is indexed\n",
                x->root);
        good = false;
    } else if (good) {
        printf("%lld of %lld files in %lld folders indexed, %.1f MB\n",
               (long long)x->indexed, (long long)x->list.n, (long long)x->folders, (double)x->bytes / 1e6);
    }
    if (x) {
        glob_free(&x->list);
        free(x->order);
        arena_fini(&x->memory);
        arena_fini(&x->file);
    }
    free(x);
    return status ? status : good ? STATUS_OK : STATUS_FAILED;
}
