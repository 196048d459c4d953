/* pipert index: writes the index of every folder below one (source/index.h), by what the
 * packs of kernels beside this program know of formats. */
#define _GNU_SOURCE
#include "indexing.h"
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_EVERY = 65536, DEFAULT_EVERY = 8, MAX_THREADS = 1024 };

typedef struct command {
    indexing x;                 /* first */
    const char *root;
    int threads;
    glob_list list;
    int64_t *order;             /* of the files: by folder, then by name */
} command;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    interrupted = 1;
    signal(signal_number, SIG_DFL);             /* the second one kills */
}

bool index_interrupted(void) { return interrupted; }

/* ---- packs ---- */
static void add_indexers(indexers *to, const char *path) {
    char why[512];
    void *library = plat_load(path, why, sizeof why);
    const pk_indexer *const *list = library ? plat_symbol(library, "pk_indexers") : NULL;
    for (; list && *list && to->n < MAX_INDEXERS; list++) to->at[to->n++] = *list;
}

static bool find_indexers(indexers *to) {
    char own[4096], pattern[5000];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    glob_t found;
    own[n > 0 ? n : 0] = 0;
    if (strrchr(own, '/')) *strrchr(own, '/') = 0;
    snprintf(pattern, sizeof pattern, "%s/../lib/pipec/libpipert_*.so", own);
    if (!glob(pattern, 0, NULL, &found)) {
        for (size_t i = 0; i < found.gl_pathc; i++) add_indexers(to, found.gl_pathv[i]);
        globfree(&found);
    }
    if (!to->n)
        fprintf(stderr, "pipert: no kernels that make indexes in %s: they come with "
                        "pipec\n", pattern);
    return to->n > 0;
}

/* What indexes of before must agree in. */
static uint64_t recipe_of(const indexers *list) {
    char text[MAX_INDEXERS * 9 + 100];
    int n = snprintf(text, sizeof text, "%s %d", pipert_version(), list->every);
    for (int i = 0; i < list->n; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, " %.7s", list->at[i]->format);
    return index_check(text, (size_t)n);
}

static bool init_makers(command *c) {
    int n = c->threads ? c->threads : plat_cpus();
    c->x.recipe = recipe_of(&c->x.indexers);
    c->x.maker = calloc((size_t)n, sizeof *c->x.maker);
    while (c->x.maker && c->x.nmakers < n &&
           maker_init(&c->x.maker[c->x.nmakers], &c->x.indexers))
        c->x.nmakers++;
    if (!c->x.nmakers) fprintf(stderr, "pipert: no memory\n");
    return c->x.nmakers > 0;
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

static bool find_files(command *c) {
    char why[512];
    if (glob_find(&c->list, c->root, "**", NULL, why, sizeof why))
        return fprintf(stderr, "pipert: %s\n", why), false;
    c->x.files = c->list.n;
    c->order = malloc(((size_t)c->list.n + 1) * sizeof *c->order);
    if (!c->order) return fprintf(stderr, "pipert: no memory\n"), false;
    for (int64_t i = 0; i < c->list.n; i++) c->order[i] = i;
    qsort_r(c->order, (size_t)c->list.n, sizeof *c->order, by_folder, &c->list);
    return true;
}

static const char *nth(const command *c, int64_t i) { return c->list.path[c->order[i]]; }

/* ---- the folders ---- */
static bool one_folder(command *c, int64_t from, int64_t n) {
    char folder[16500];
    indexed *file = calloc((size_t)n, sizeof *file);
    bool go_on;
    if (!file) return fprintf(stderr, "pipert: no memory\n"), false;
    for (int64_t i = 0; i < n; i++) file[i].name = name_of(nth(c, from + i));
    snprintf(folder, sizeof folder, "%s%s%.*s", c->root,
             folder_of(nth(c, from)) ? "/" : "", (int)folder_of(nth(c, from)),
             nth(c, from));
    go_on = index_folder(&c->x, folder, file, n);
    free(file);
    return go_on;
}

static void all_folders(command *c) {
    int64_t n;
    for (int64_t i = 0; i < c->list.n; i += n) {
        const char *first = nth(c, i);
        size_t k = folder_of(first);
        for (n = 1; i + n < c->list.n; n++)
            if (folder_of(nth(c, i + n)) != k || memcmp(first, nth(c, i + n), k)) break;
        if (!one_folder(c, i, n)) {
            c->x.failed = true;
            break;
        }
    }
}

/* ---- the command ---- */
static int usage(const char *what, const char *value) {
    fprintf(stderr, "pipert: %s%s; it is: pipert index FOLDER [--every %d | row] "
                    "[--threads N]\n", what, value, DEFAULT_EVERY);
    return STATUS_USAGE;
}

static bool parse_every(const char *text, int *every) {
    char *end;
    long n = strtol(text, &end, 10);
    *every = !strcmp(text, "row") ? MAX_EVERY : (int)n;
    return *every == MAX_EVERY || (end != text && !*end && n >= 1 && n < MAX_EVERY);
}

static bool parse_threads(const char *text, int *threads) {
    char *end;
    long n = strtol(text, &end, 10);
    *threads = (int)n;
    return end != text && !*end && n >= 1 && n <= MAX_THREADS;
}

/* The value of the option at *i, behind = or in the next word; NULL: it is another. */
static const char *value_of(const char *option, int argc, char **argv, int *i) {
    size_t n = strlen(option);
    if (strncmp(argv[*i], option, n)) return NULL;
    if (argv[*i][n] == '=') return argv[*i] + n + 1;
    if (argv[*i][n]) return NULL;
    return ++*i < argc ? argv[*i] : "";
}

static int parse(command *c, int argc, char **argv) {
    c->x.indexers.every = DEFAULT_EVERY;
    for (int i = 0; i < argc; i++) {
        const char *value;
        if ((value = value_of("--every", argc, argv, &i))) {
            if (!parse_every(value, &c->x.indexers.every))
                return usage("--every takes 1 to 65535, or row, not ", value);
        } else if ((value = value_of("--threads", argc, argv, &i))) {
            if (!parse_threads(value, &c->threads))
                return usage("--threads takes 1 to 1024, not ", value);
        } else if (argv[i][0] == '-') {
            return usage("there is no option ", argv[i]);
        } else if (c->root) {
            return usage("one folder at a time, not also ", argv[i]);
        } else {
            c->root = argv[i];
        }
    }
    return c->root ? STATUS_OK : usage("which folder?", "");
}

static int conclude(const command *c) {
    const indexing *x = &c->x;
    if (interrupted) {
        fprintf(stderr, "pipert: interrupted; the indexes that were finished stay, the "
                        "same command makes the others\n");
        return STATUS_INTERRUPTED;
    }
    if (!x->indexed && !x->failed)
        fprintf(stderr, "pipert: no file below %s has a format that is indexed\n",
                c->root);
    if (!x->indexed) return STATUS_FAILED;
    printf("%lld of %lld files in %lld folders indexed, %.1f MB", (long long)x->indexed,
           (long long)x->files, (long long)x->folders, (double)x->bytes / 1e6);
    if (!x->made) printf("; nothing has changed since");
    else if (x->made < x->indexed) printf("; %lld of them anew", (long long)x->made);
    printf("\n");
    return x->failed ? STATUS_FAILED : STATUS_OK;
}

int index_command(int argc, char **argv) {
    command *c = calloc(1, sizeof *c);
    int status = c ? parse(c, argc, argv) : STATUS_FAILED;
    if (!status) {
        signal(SIGINT, on_interrupt);
        signal(SIGTERM, on_interrupt);
        status = STATUS_FAILED;
        if (find_indexers(&c->x.indexers) && find_files(c) && init_makers(c)) {
            all_folders(c);
            status = conclude(c);
        }
    }
    if (c) {
        glob_free(&c->list);
        free(c->order);
        for (int i = 0; i < c->x.nmakers; i++) maker_fini(&c->x.maker[i]);
        free(c->x.maker);
    }
    free(c);
    return status;
}
