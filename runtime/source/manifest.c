/* manifest(path, columns = Row, read = NAME): the rows of a CSV file with a header
 * (.tsv: tabs), or of JSON objects, one a line. A field per column of Row, and with
 * `read` data: the bytes of the file that column NAME names, below the manifest's
 * folder. A row that does not fit Row is a record that fails. */
#include "../text.h"
#include "json.h"
#include "rows.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX = -1, DATA = -2, AT_ONCE = 256, MOST_CELLS = 4096, MOST_COLUMNS = 256 };

typedef struct manifest {
    rows rows;
    bool json;
    char *folder;               /* of the manifest, with a slash, or "" */
    int *column;                /* CSV: place in a row -> column, or -1 */
    int ncells;
    int *field;                 /* input -> column, INDEX, DATA */
    int read;                   /* column that names files, or -1 */
} manifest;

/* ---- cells ---- */
/* cell = '"' { any | '""' } '"' | { any but delimiter }. Quoted text is copied to
 * reader's memory where it has "" inside. Returns what follows, NULL: no memory. */
static const char *read_cell(source_reader *r, char delimiter, const char *p,
                             const char *end, pl_value *v) {
    const char *from = p + 1, *q;
    char *to;
    if (p == end || *p != '"') {
        q = memchr(p, delimiter, (size_t)(end - p));
        if (!q) q = end;
        *v = (pl_value){.data = p, .n = q - p};
        return q;
    }
    to = source_take(r, (size_t)(end - p));
    if (!to) return NULL;
    *v = (pl_value){.data = to};
    for (p = from; p < end; p++) {
        if (*p == '"' && (++p == end || *p != '"')) break;
        *to++ = *p;
    }
    v->n = to - (const char *)v->data;
    while (p < end && *p != delimiter) p++;
    return p;
}

/* ---- opening ---- */
static bool ends_with(const char *path, const char *end) {
    size_t n = strlen(path), k = strlen(end);
    return n >= k && !strcmp(path + n - k, end);
}

static int find_column(const source *s, const char *name) {
    for (int c = 0; c < s->request.ncolumns; c++)
        if (!strcmp(s->request.columns[c].name, name)) return c;
    return -1;
}

static int find_fields(source *s, manifest *m, char *why, size_t n) {
    const source_request *q = &s->request;
    if (q->ncolumns > MOST_COLUMNS)
        return snprintf(why, n, "manifest has more than %d columns", MOST_COLUMNS), 1;
    m->read = q->read_column ? find_column(s, q->read_column) : -1;
    if (q->read_column && m->read < 0)
        return snprintf(why, n, "manifest has no column `%s` to read", q->read_column), 1;
    m->field = calloc((size_t)q->ninputs + 1, sizeof *m->field);
    if (!m->field) return snprintf(why, n, "no memory"), 1;
    for (int k = 0; k < q->ninputs; k++) {
        const char *name = q->inputs[k].name;
        m->field[k] = find_column(s, name);
        if (m->field[k] >= 0) continue;
        if (!strcmp(name, "index")) m->field[k] = INDEX;
        else if (!strcmp(name, "data") && m->read >= 0) m->field[s->indexed = k] = DATA;
        else return snprintf(why, n, "manifest has no field `%s`", name), 1;
    }
    s->reads = true;
    return 0;
}

/* Which column of Row each place of a row holds, from the header; of two places of
 * one name, the last. */
static int match_header(source *s, manifest *m, source_reader *r, char delimiter,
                        const char *p, const char *end, const char *path, char *why,
                        size_t n) {
    const source_request *q = &s->request;
    int found[MOST_COLUMNS];
    m->column = malloc(MOST_CELLS * sizeof *m->column);
    if (!m->column) return snprintf(why, n, "no memory"), 1;
    for (int c = 0; c < q->ncolumns; c++) found[c] = -1;
    while (p && m->ncells < MOST_CELLS) {
        pl_value v;
        m->column[m->ncells] = -1;
        p = read_cell(r, delimiter, p, end, &v);
        for (int c = 0; p && c < q->ncolumns; c++)
            if (strlen(q->columns[c].name) == (size_t)v.n &&
                !memcmp(q->columns[c].name, v.data, (size_t)v.n)) {
                if (found[c] >= 0) m->column[found[c]] = -1;
                m->column[found[c] = m->ncells] = c;
            }
        m->ncells++;
        p = !p || p >= end ? NULL : p + 1;
    }
    for (int c = 0; c < q->ncolumns; c++)
        if (found[c] < 0)
            return snprintf(why, n, "%s: the header has no column `%s`", path,
                            q->columns[c].name), 1;
    return 0;
}

static int open_csv(source *s, manifest *m, char delimiter, const char *p,
                    const char *end, const char *path, char *why, size_t n) {
    source_reader r;
    int error;
    if (end > p && end[-1] == '\r') end--;
    if (!source_reader_init(&r, 1 << 20, 1 << 20))
        return snprintf(why, n, "no memory"), 1;
    error = match_header(s, m, &r, delimiter, p, end, path, why, n);
    source_reader_fini(&r);
    return error;
}

/* The head of the file tells which format it has and, for CSV, its columns. */
static int open_file(source *s, manifest *m, const char *path, char *why, size_t n) {
    enum { HEAD = 1 << 20 };
    char *head = malloc(HEAD), text[128];
    char delimiter = ends_with(path, ".tsv") ? '\t' : ',';
    const char *p = head, *end, *next;
    size_t got = 0;
    int fd, error = plat_open(path, &fd);
    if (!error && head) error = plat_read_at(fd, head, HEAD, 0, &got);
    if (!error) plat_close(fd);
    if (error || !head) {
        snprintf(why, n, "%s: %s", path, plat_error(error, text, sizeof text));
        free(head);
        return 1;
    }
    if (got >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3)) p += 3;
    for (next = p; next < head + got && strchr(" \t\r\n", *next); next++) continue;
    m->json = ends_with(path, ".jsonl") || ends_with(path, ".ndjson") ||
              (next < head + got && *next == '{');
    if (!m->json) {
        p = next;
        end = rows_end(delimiter, p, head + got, &next);
        error = open_csv(s, m, delimiter, p, end, path, why, n);
        p = next;
    }
    if (!error)
        error = rows_open(&m->rows, path, p - head, m->json ? 0 : delimiter, true, true,
                          s->request.stop, why, n);
    free(head);
    return error;
}

static int manifest_open(source *s, char *why, size_t n) {
    manifest *m = s->state = calloc(1, sizeof *m);
    char *path = source_text(&s->request, 0), *slash;
    int error = 1;
    if (m) m->rows.fd = -1;
    if (!m) snprintf(why, n, "no memory");
    else if (!path || !*path) snprintf(why, n, "manifest needs a path");
    else error = find_fields(s, m, why, n) || open_file(s, m, path, why, n);
    if (!error) {
        s->count = m->rows.count;
        slash = strrchr(path, '/');
        m->folder = strndup(path, slash ? (size_t)(slash + 1 - path) : 0);
    }
    free(path);
    return error || !m->folder;
}

static void manifest_close(source *s) {
    manifest *m = s->state;
    if (!m) return;
    rows_close(&m->rows);
    free(m->folder);
    free(m->column);
    free(m->field);
    free(m);
}

/* ---- reading ---- */
typedef struct reading {
    source *s;
    source_reader *r;
    int64_t at, n;              /* the record, of how many in this read */
    pl_value *values;
} reading;

static bool fails(reading *g, int column, const char *how) {
    source_fail(g->s, g->r, g->at, g->n, g->values, "column `%s` %s",
                g->s->request.columns[column].name, how);
    return false;
}

static bool cells_of_csv(reading *g, const manifest *m, pl_value row, pl_value *cell) {
    const char *p = row.data, *end = p + row.n;
    for (int c = 0; c < g->s->request.ncolumns; c++) cell[c] = (pl_value){.data = NULL};
    for (int k = 0; p && k < m->ncells; k++) {
        pl_value v;
        p = read_cell(g->r, m->rows.delimiter, p, end, &v);
        if (p && m->column[k] >= 0) cell[m->column[k]] = v;
        p = !p || p >= end ? NULL : p + 1;
    }
    for (int c = 0; c < g->s->request.ncolumns; c++)
        if (!cell[c].data) return fails(g, c, "is missing");
    return true;
}

static bool cells_of_json(reading *g, pl_value row, pl_value *cell) {
    json_reader j = {row.data, (const char *)row.data + row.n, g->r};
    pl_value key, value;
    json_kind kind;
    for (int c = 0; c < g->s->request.ncolumns; c++) cell[c] = (pl_value){.data = NULL};
    while ((kind = json_next(&j, &key, &value)) > JSON_END)
        for (int c = 0; c < g->s->request.ncolumns; c++) {
            const pl_column *column = &g->s->request.columns[c];
            if (strlen(column->name) != (size_t)key.n ||
                memcmp(column->name, key.data, (size_t)key.n))
                continue;
            if (column->bytes != (kind == JSON_STRING) || kind == JSON_OTHER)
                return fails(g, c, "has a value of another type");
            cell[c] = value;
        }
    if (kind == JSON_WRONG) {
        source_fail(g->s, g->r, g->at, g->n, g->values, "is no JSON object");
        return false;
    }
    for (int c = 0; c < g->s->request.ncolumns; c++)
        if (!cell[c].data) return fails(g, c, "is missing");
    return true;
}

static bool set_column(reading *g, int c, const pl_value *cell, pl_value *to) {
    const pl_column *column = &g->s->request.columns[c];
    char how[160];
    if (column->bytes) {
        *to = *cell;
        return true;
    }
    if (text_scalar(cell->data, (size_t)cell->n, column->dtype, to)) return true;
    snprintf(how, sizeof how, "is no %s: %.*s", text_dtype_name(column->dtype),
             cell->n > 60 ? 60 : (int)cell->n, (const char *)cell->data);
    return fails(g, c, how);
}

static bool read_file(reading *g, const manifest *m, const pl_value *name, pl_value *to) {
    char path[8192];
    bool absolute = name->n && *(const char *)name->data == '/';
    if (snprintf(path, sizeof path, "%s%.*s", absolute ? "" : m->folder, (int)name->n,
                 (const char *)name->data) >= (int)sizeof path)
        return fails(g, m->read, "is too long for a path");
    return !source_read_file(g->s, g->r, path, g->at, g->n, g->values, to);
}

static void read_record(reading *g, const manifest *m, int64_t index, pl_value row) {
    pl_value cell[MOST_COLUMNS], *to = g->values + g->at * g->s->request.ninputs;
    if (m->json ? !cells_of_json(g, row, cell) : !cells_of_csv(g, m, row, cell)) return;
    for (int k = 0; k < g->s->request.ninputs; k++) {
        int c = m->field[k];
        if (c == INDEX) to[k].i = index;
        else if (c == DATA ? !read_file(g, m, &cell[m->read], &to[k])
                           : !set_column(g, c, &cell[c], &to[k]))
            return;
    }
}

static int64_t manifest_read(source *s, source_reader *r, const int64_t *index, int64_t n,
                             pl_value *values) {
    const manifest *m = s->state;
    reading g = {s, r, 0, n, values};
    pl_value row[AT_ONCE];
    while (g.at < n && (!g.at || source_reader_bytes(r) < r->soft)) {
        int64_t first = index[g.at], k = 1, got;
        const char *why = "";
        while (k < AT_ONCE && g.at + k < n && index[g.at + k] == first + k) k++;
        got = rows_read(&m->rows, r, s->request.max_bytes, first, k, row, &why);
        for (int64_t i = 0; i < got && (!i || source_reader_bytes(r) < 2 * r->soft);
             i++, g.at++) {
            if (row[i].data) read_record(&g, m, first + i, row[i]);
            else source_fail(s, r, g.at, n, values, "the row %s", why);
        }
    }
    return g.at;
}

/* The file that the row names, or the line that the row begins in. */
static void manifest_describe(source *s, int64_t index, char *to, size_t n) {
    const manifest *m = s->state;
    pl_input input = {m->read < 0 ? "" : s->request.columns[m->read].name, PL_U8, 1};
    source view = *s;
    source_reader r;
    pl_value row, cell[MOST_COLUMNS];
    const char *why;
    reading g = {&view, &r, 0, 1, &row};
    snprintf(to, n, "%s:%lld", m->rows.path, (long long)rows_line(&m->rows, index));
    view.request.inputs = &input;
    view.request.ninputs = 0;
    if (m->read < 0 || !source_reader_init(&r, s->request.max_bytes, 1 << 20)) return;
    rows_read(&m->rows, &r, s->request.max_bytes, index, 1, &row, &why);
    if (row.data &&
        (m->json ? cells_of_json(&g, row, cell) : cells_of_csv(&g, m, row, cell))) {
        const pl_value *name = &cell[m->read];
        bool absolute = name->n && *(const char *)name->data == '/';
        snprintf(to, n, "%s%.*s", absolute ? "" : m->folder, (int)name->n,
                 (const char *)name->data);
    }
    source_reader_fini(&r);
}

static int manifest_identify(source *s, int64_t index, source_add *add, void *to) {
    const manifest *m = s->state;
    char path[16384];
    add(to, &index, sizeof index);
    if (rows_identify(&m->rows, add, to)) return 1;
    if (m->read < 0) return 0;
    manifest_describe(s, index, path, sizeof path);
    return source_identify_file(path, add, to);
}

const source_ops source_manifest = {"manifest", manifest_open, manifest_read,
                                    manifest_describe,
                                    manifest_identify, manifest_close};
