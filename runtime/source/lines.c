/* lines(path or glob): the lines of text files, file after file, sorted by the bytes
 * of their paths. text: without its \n or \r\n; path; line: from 1. */
#include "glob.h"
#include "rows.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT, PATH, LINE, INDEX, HELD_OPEN = 128, AT_ONCE = 512 };
static const char *const fields[] = {"text", "path", "line", "index", NULL};

typedef struct lines {
    rows *file;
    int64_t *first;             /* of each file: index of its first line */
    int64_t nfiles;
    int *field;                 /* per input */
    const stopper *stop;        /* of the opening */
} lines;

/* ---- opening ---- */
/* "a/b*.txt" is below "a", "*.txt" below "."; what is found is named as the
 * pattern would. */
static int find_files(const lines *l, const char *pattern, glob_list *list, char *root,
                      size_t room, char *why, size_t n) {
    const char *wild = pattern + strcspn(pattern, "*?["), *slash = wild;
    while (slash > pattern && slash[-1] != '/') slash--;
    snprintf(root, room, "%.*s", (int)(slash - pattern), pattern);
    if (glob_find(list, *root ? root : "./", slash, l->stop, why, n)) return 1;
    if (list->n) return 0;
    glob_free(list);
    return snprintf(why, n, "no file matches %s", pattern), 1;
}

static int open_one(lines *l, const char *path, bool hold, char *why, size_t n) {
    int64_t k = l->nfiles;
    if (rows_open(&l->file[k], path, 0, 0, false, hold, l->stop, why, n)) return 1;
    l->first[k + 1] = l->first[k] + l->file[k].count;
    return 0;
}

static bool make_room(lines *l, int64_t n) {
    l->file = calloc((size_t)n, sizeof *l->file);
    l->first = calloc((size_t)n + 1, sizeof *l->first);
    return l->file && l->first;
}

static int open_all(lines *l, const char *pattern, char *why, size_t n) {
    char root[4096], path[12300];
    glob_list list;
    plat_stat st;
    int error = 0;
    if (!glob_has_wildcard(pattern) || !plat_stat_path(pattern, &st)) {
        if (!make_room(l, 1)) return snprintf(why, n, "no memory"), 1;
        error = open_one(l, pattern, true, why, n);
        l->nfiles = 1;
        return error;
    }
    if (find_files(l, pattern, &list, root, sizeof root, why, n)) return 1;
    if (!make_room(l, list.n)) error = 1, snprintf(why, n, "no memory");
    for (; !error && l->nfiles < list.n; l->nfiles++) {
        snprintf(path, sizeof path, "%s%s", root, list.path[l->nfiles]);
        error = open_one(l, path, list.n <= HELD_OPEN, why, n);
    }
    glob_free(&list);
    return error;
}

static int find_fields(source *s, lines *l, char *why, size_t n) {
    const source_request *q = &s->request;
    l->field = calloc((size_t)q->ninputs + 1, sizeof *l->field);
    if (!l->field) return snprintf(why, n, "no memory"), 1;
    for (int k = 0; k < q->ninputs; k++) {
        l->field[k] = source_field(fields, q->inputs[k].name);
        if (l->field[k] < 0)
            return snprintf(why, n, "lines has no field `%s`", q->inputs[k].name), 1;
        s->reads |= l->field[k] == TEXT;
    }
    return 0;
}

static int lines_open(source *s, char *why, size_t n) {
    lines *l = s->state = calloc(1, sizeof *l);
    char *pattern = source_text(&s->request, 0);
    int error = 1;
    if (l) l->stop = s->request.stop;
    if (!l) snprintf(why, n, "no memory");
    else if (!pattern || !*pattern) snprintf(why, n, "lines needs a path");
    else error = find_fields(s, l, why, n) || open_all(l, pattern, why, n);
    free(pattern);
    if (!error) s->count = l->first[l->nfiles];
    return error;
}

static void lines_close(source *s) {
    lines *l = s->state;
    if (!l) return;
    for (int64_t i = 0; i < l->nfiles; i++) rows_close(&l->file[i]);
    free(l->file);
    free(l->first);
    free(l->field);
    free(l);
}

/* ---- reading ---- */
/* The file that holds line `index`. */
static int64_t file_of(const lines *l, int64_t index) {
    int64_t low = 0, high = l->nfiles;          /* first[low] <= index < first[high] */
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (l->first[middle] <= index) low = middle;
        else high = middle;
    }
    return low;
}

static void lines_describe(source *s, int64_t index, char *to, size_t n) {
    const lines *l = s->state;
    int64_t k = file_of(l, index);
    snprintf(to, n, "%s:%lld", l->file[k].path, (long long)(index - l->first[k] + 1));
}

static void set_values(source *s, const lines *l, int64_t k, int64_t index, pl_value text,
                       pl_value *values) {
    for (int i = 0; i < s->request.ninputs; i++) {
        pl_value *v = &values[i];
        switch (l->field[i]) {
        case TEXT: *v = text; break;
        case PATH:
            *v = (pl_value){.data = l->file[k].path,
                            .n = (int64_t)strlen(l->file[k].path)};
            break;
        case LINE: v->i = index - l->first[k] + 1; break;
        case INDEX: v->i = index; break;
        }
    }
}

/* How many of index[0..n) follow each other within the file k. */
static int64_t consecutive(const lines *l, int64_t k, const int64_t *index, int64_t n) {
    int64_t i = 1;
    if (n > l->first[k + 1] - index[0]) n = l->first[k + 1] - index[0];
    if (n > AT_ONCE) n = AT_ONCE;
    while (i < n && index[i] == index[0] + i) i++;
    return i;
}

static int64_t lines_read(source *s, source_reader *r, const int64_t *index, int64_t n,
                          pl_value *values) {
    const lines *l = s->state;
    int ninputs = s->request.ninputs;
    pl_value text[AT_ONCE];
    int64_t i = 0;
    memset(text, 0, s->reads ? 0 : sizeof text);
    while (i < n && (!i || r->memory.used < r->soft)) {
        int64_t k = file_of(l, index[i]), m = consecutive(l, k, index + i, n - i);
        const char *why = "";
        if (s->reads)
            m = rows_read(&l->file[k], r, s->request.max_bytes, index[i] - l->first[k], m,
                          text, &why);
        for (int64_t j = 0; j < m; j++) {
            if (s->reads && !text[j].data)
                source_fail(s, r, i + j, n, values, "the line %s", why);
            else set_values(s, l, k, index[i + j], text[j], values + (i + j) * ninputs);
        }
        i += m;
    }
    return i;
}

static int lines_identify(source *s, int64_t index, source_add *add, void *to) {
    const lines *l = s->state;
    int64_t k = file_of(l, index), line = index - l->first[k];
    add(to, &line, sizeof line);
    for (int i = 0; i < s->request.ninputs; i++)
        if (l->field[i] == INDEX) add(to, &index, sizeof index);
    return rows_identify(&l->file[k], add, to);
}

const source_ops source_lines = {"lines", lines_open, lines_read, lines_describe,
                                 lines_identify, lines_close};
