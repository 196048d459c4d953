/* files(root, pattern): regular files below root, sorted by the bytes of their path
 * below it. path: root/below; data; label: the rank of the first folder below root,
 * -1 directly in it. A file that cannot be read is a record that fails. */
#include "../source.h"
#include "glob.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH, DATA, LABEL, INDEX };
static const char *const fields[] = {"path", "data", "label", "index", NULL};

typedef struct files {
    char *root;                 /* without final slashes, but for "/" */
    glob_list list;
    int32_t *label;
    const char **classes;
    int *field;                 /* per input */
} files;

/* ---- labels ---- */
static size_t first_folder(const char *path) {
    const char *slash = strchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the first folders; paths of one folder follow each other. */
static int64_t collect_classes(files *f) {
    int64_t n = 0;
    const char *last = "";
    for (int64_t i = 0; i < f->list.n; i++) {
        const char *path = f->list.path[i];
        size_t k = first_folder(path);
        if (!k || (strlen(last) == k && !memcmp(last, path, k))) continue;
        last = f->classes[n] = strndup(path, k);
        if (!last) return -1;
        n++;
    }
    return n;
}

static int set_labels(source *s, files *f) {
    char name[4096];
    int64_t n;
    f->label = malloc(((size_t)f->list.n + 1) * sizeof *f->label);
    f->classes = calloc((size_t)f->list.n + 1, sizeof *f->classes);
    if (!f->label || !f->classes) return 1;
    n = collect_classes(f);
    if (n < 0) return 1;
    qsort(f->classes, (size_t)n, sizeof *f->classes, by_bytes);
    for (int64_t i = 0; i < f->list.n; i++) {
        size_t k = first_folder(f->list.path[i]);
        const char *key = name, **found;
        snprintf(name, sizeof name, "%.*s", (int)k, f->list.path[i]);
        found = bsearch(&key, f->classes, (size_t)n, sizeof *f->classes, by_bytes);
        f->label[i] = k && found ? (int32_t)(found - f->classes) : -1;
    }
    s->classes = f->classes;
    s->nclasses = (int)n;
    return 0;
}

/* ---- opening ---- */
static int find_fields(source *s, files *f, char *why, size_t n) {
    const source_request *q = &s->request;
    f->field = calloc((size_t)q->ninputs + 1, sizeof *f->field);
    if (!f->field) return snprintf(why, n, "no memory"), 1;
    for (int k = 0; k < q->ninputs; k++) {
        f->field[k] = source_field(fields, q->inputs[k].name);
        if (f->field[k] < 0)
            return snprintf(why, n, "files has no field `%s`", q->inputs[k].name), 1;
        s->reads |= f->field[k] == DATA;
        if (f->field[k] == DATA) s->indexed = k;
    }
    return 0;
}

static int files_open(source *s, char *why, size_t n) {
    files *f = calloc(1, sizeof *f);
    char *pattern;
    int error;
    if (!f) return snprintf(why, n, "no memory"), 1;
    s->state = f;
    f->root = source_text(&s->request, 0);
    if (!f->root || !*f->root) return snprintf(why, n, "files needs a folder"), 1;
    for (size_t k = strlen(f->root); k > 1 && f->root[k - 1] == '/'; k--)
        f->root[k - 1] = 0;
    if (find_fields(s, f, why, n)) return 1;
    pattern = source_text(&s->request, 1);
    error = glob_find(&f->list, f->root, pattern ? pattern : "**",
                      s->request.stop, why, n);
    if (!error && !f->list.n) {
        snprintf(why, n, "no file matches %s in %s", pattern ? pattern : "**", f->root);
        error = 1;
    }
    free(pattern);
    if (error) return 1;
    s->count = f->list.n;
    return set_labels(s, f) ? snprintf(why, n, "no memory"), 1 : 0;
}

static void files_close(source *s) {
    files *f = s->state;
    if (!f) return;
    for (int i = 0; f->classes && f->classes[i]; i++) free((char *)f->classes[i]);
    free(f->classes);
    free(f->label);
    free(f->field);
    glob_free(&f->list);
    free(f->root);
    free(f);
}

/* ---- reading ---- */
static void files_describe(source *s, int64_t index, char *to, size_t n) {
    const files *f = s->state;
    snprintf(to, n, "%s%s%s", f->root, !strcmp(f->root, "/") ? "" : "/",
             f->list.path[index]);
}

static bool read_path(source *s, source_reader *r, int64_t index, pl_value *value) {
    char path[16384], *kept;
    files_describe(s, index, path, sizeof path);
    value->n = (int64_t)strlen(path);
    value->data = kept = source_take(r, (size_t)value->n);
    if (kept) memcpy(kept, path, (size_t)value->n);
    return kept != NULL;
}

static bool read_one(source *s, source_reader *r, int64_t index, int64_t at, int64_t n,
                     pl_value *values) {
    const files *f = s->state;
    char path[16384];
    for (int k = 0; k < s->request.ninputs; k++) {
        pl_value *v = &values[at * s->request.ninputs + k];
        switch (f->field[k]) {
        case INDEX: v->i = index; break;
        case LABEL: v->i = f->label[index]; break;
        case PATH:
            if (!read_path(s, r, index, v)) return false;
            break;
        case DATA:
            files_describe(s, index, path, sizeof path);
            if (source_read_file(s, r, path, at, n, values, v)) return true;
            break;
        }
    }
    return true;
}

static int64_t files_read(source *s, source_reader *r, const int64_t *index, int64_t n,
                          pl_value *values) {
    for (int64_t i = 0; i < n; i++) {
        if (i && source_reader_bytes(r) >= r->soft) return i;
        if (!read_one(s, r, index[i], i, n, values))
            source_fail(s, r, i, n, values, "no memory for its path");
    }
    return n;
}

static int files_identify(source *s, int64_t index, source_add *add, void *to) {
    const files *f = s->state;
    char path[16384];
    files_describe(s, index, path, sizeof path);
    for (int k = 0; k < s->request.ninputs; k++)
        switch (f->field[k]) {
        case INDEX: add(to, &index, sizeof index); break;
        case LABEL: add(to, &f->label[index], sizeof f->label[index]); break;
        case PATH: add(to, path, strlen(path) + 1); break;
        case DATA:
            if (source_identify_file(path, add, to)) return 1;
            break;
        }
    return 0;
}

const source_ops source_files = {"files", files_open, files_read, files_describe,
                                 files_identify, files_close};
