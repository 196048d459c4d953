#include "rows.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 256 << 10, MOST_KEPT = 1 << 20, FIRST_STRIDE = 32 };

/* ---- finding line ends ---- */
/* A scan goes over a file in pieces; this is what it carries from one to the next. */
typedef struct scan {
    char delimiter;
    bool skip_blank;
    bool inside;                /* "…" */
    bool fresh;                 /* a field begins: a quote here opens one */
    bool filled;                /* this row has something besides blanks */
    int64_t ends;               /* line ends so far */
    int64_t line;               /* that this row begins in */
} scan;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The next line end that ends a row, NULL: none before end. Quotes open at the
 * start of a field only, as in RFC 4180; "" inside closes and opens again. */
static const char *quoted_end(scan *s, const char *p, const char *end) {
    for (; p < end; p++) {
        if (s->inside) {
            if (*p == '"') s->inside = false, s->fresh = true;
            s->ends += *p == '\n';
        } else if (*p == '\n') {
            return p;
        } else {
            s->inside = *p == '"' && s->fresh;
            s->fresh = *p == s->delimiter;
        }
    }
    return NULL;
}

static const char *scan_end(scan *s, const char *p, const char *end) {
    const char *e = s->delimiter ? quoted_end(s, p, end)
                              : memchr(p, '\n', (size_t)(end - p));
    if (s->skip_blank && !s->filled)
        for (const char *c = p; c < (e ? e : end) && !s->filled; c++)
            s->filled = !is_blank(*c);
    s->ends += e != NULL;
    return e;
}

static void scan_row(scan *s) {
    s->inside = s->filled = false;
    s->fresh = true;
    s->line = s->ends + 1;
}

const char *rows_end(char delimiter, const char *p, const char *end, const char **next) {
    scan s = {.delimiter = delimiter, .fresh = true};
    const char *e = scan_end(&s, p, end);
    *next = e ? e + 1 : end;
    return e ? e : end;
}

/* ---- the index ---- */
static bool keep(rows *r, row_at at) {
    if (r->count % r->stride) return true;
    if (r->kept == MOST_KEPT) {
        for (int64_t i = 0; i < r->kept / 2; i++) r->at[i] = r->at[2 * i];
        r->kept /= 2;
        r->stride *= 2;
        if (r->count % r->stride) return true;
    }
    if (!(r->kept & (r->kept - 1)) && r->kept != 1) {
        row_at *more = realloc(r->at, (size_t)(r->kept ? 2 * r->kept : 2) * sizeof *more);
        if (!more) return false;
        r->at = more;
    }
    r->at[r->kept++] = at;
    return true;
}

static bool add_row(rows *r, scan *s, int64_t begin) {
    bool is_row = !r->skip_blank || s->filled;
    row_at at = {begin, s->line};
    scan_row(s);
    if (!is_row) return true;
    if (!keep(r, at)) return false;
    r->count++;
    return true;
}

/* Line ends of what stands before the rows. */
static int count_ends(int fd, int64_t before, char *piece, int64_t *ends) {
    for (int64_t at = 0; at < before; at += PIECE) {
        size_t n = before - at < PIECE ? (size_t)(before - at) : PIECE, got;
        int error = plat_read_at(fd, piece, n, at, &got);
        if (error) return error;
        for (size_t i = 0; i < got; i++) *ends += piece[i] == '\n';
    }
    return 0;
}

static int index_rows(rows *r, int fd, int64_t begin, const stopper *stop, char *piece) {
    scan s = {.delimiter = r->delimiter, .skip_blank = r->skip_blank};
    int64_t offset = begin;
    size_t got;
    int failure = count_ends(fd, begin, piece, &s.ends);
    if (failure) return failure;
    scan_row(&s);
    for (;;) {
        int error = plat_read_at(fd, piece, PIECE, offset, &got);
        const char *p = piece, *end = piece + got, *e;
        if (error) return error;
        if (stop_asked(stop)) return ECANCELED;
        while ((e = scan_end(&s, p, end))) {
            if (!add_row(r, &s, begin)) return -1;
            p = e + 1;
            begin = offset + (p - piece);
        }
        offset += (int64_t)got;
        if (got < PIECE) break;
    }
    r->size = offset;
    return begin < offset && !add_row(r, &s, begin) ? -1 : 0;
}

static int fails(const char *path, int error, char *why, size_t n) {
    char text[128];
    snprintf(why, n, "%s: %s", path,
             error < 0 ? "no memory" : plat_error(error, text, sizeof text));
    return 1;
}

int rows_open(rows *r, const char *path, int64_t begin, char delimiter, bool skip_blank,
              bool hold, const stopper *stop, char *why, size_t n) {
    char *piece = malloc(PIECE);
    int error, fd = -1;
    *r = (rows){.fd = -1, .delimiter = delimiter, .skip_blank = skip_blank,
                .stride = FIRST_STRIDE};
    r->path = calloc(strlen(path) + 1 + SOURCE_SLACK, 1);
    if (r->path) strcpy(r->path, path);
    error = r->path && piece ? plat_open(path, &fd) : -1;
    if (!error) error = plat_stat_fd(fd, &r->opened);
    if (!error) error = index_rows(r, fd, begin, stop, piece);
    free(piece);
    if (!error && hold) r->fd = fd;
    else if (fd >= 0) plat_close(fd);
    return error ? fails(path, error, why, n) : 0;
}

int rows_identify(const rows *r, source_add *add, void *to) {
    plat_stat now;
    int error = r->fd < 0 ? plat_stat_path(r->path, &now) : plat_stat_fd(r->fd, &now);
    if (error || now.size != r->opened.size || now.modified != r->opened.modified) return 1;
    source_add_file(r->path, &now, add, to);
    return 0;
}

void rows_close(rows *r) {
    if (r->fd >= 0) plat_close(r->fd);
    free(r->path);
    free(r->at);
}

/* ---- reading ---- */
/* Where the part of the file ends that holds all rows before at[k]. */
static int64_t part_end(const rows *r, int64_t k) {
    return k < r->kept ? r->at[k].offset : r->size;
}

/* A row in a part that is too large to be read whole: its bounds, by pieces. *at: where
 * the part begins, then where the row does. */
static int find_row(const rows *r, int fd, int64_t skip, row_at *at, int64_t *to) {
    scan s = {.delimiter = r->delimiter, .skip_blank = r->skip_blank,
              .ends = at->line - 1};
    char piece[16 << 10];
    int64_t offset = at->offset;
    size_t got;
    scan_row(&s);
    for (;;) {
        int error = plat_read_at(fd, piece, sizeof piece, offset, &got);
        const char *p = piece, *end = piece + got, *e;
        if (error) return error;
        while ((e = scan_end(&s, p, end))) {
            bool is_row = !r->skip_blank || s.filled;
            *to = offset + (e - piece);
            if (is_row && !skip--) return 0;
            scan_row(&s);
            p = e + 1;
            at->offset = offset + (p - piece);
            at->line = s.line;
        }
        offset += (int64_t)got;
        *to = offset;
        if (got < sizeof piece) return 0;
    }
}

static pl_value row_value(const char *p, const char *e) {
    if (e > p && e[-1] == '\r') e--;
    return (pl_value){.data = p, .n = e - p};
}

static int64_t read_long(const rows *r, source_reader *reader, int fd, int64_t max_bytes,
                         int64_t skip, row_at at, pl_value *row, const char **why) {
    int64_t to = at.offset, begin;
    size_t got = 0;
    char *data;
    *row = (pl_value){.data = NULL};
    if (find_row(r, fd, skip, &at, &to)) return *why = "cannot be read", 1;
    begin = at.offset;
    if (to - begin > max_bytes) return *why = "is longer than the limit for a record", 1;
    data = source_take(reader, (size_t)(to - begin));
    if (!data || plat_read_at(fd, data, (size_t)(to - begin), begin, &got))
        return *why = "cannot be read", 1;
    reader->bytes += (int64_t)got;
    *row = row_value(data, data + got);
    return 1;
}

/* Splits what was read into n rows behind `skip` others. */
static void split(const rows *r, const char *p, const char *end, int64_t skip, int64_t n,
                  pl_value *row, const char **why) {
    const char *next, *e;
    for (int64_t i = -skip; i < n; p = next) {
        if (p >= end) {
            if (i >= 0) row[i] = (pl_value){.data = NULL};
            *why = "is gone: the file has changed";
            next = p;
            i++;
            continue;
        }
        e = rows_end(r->delimiter, p, end, &next);
        if (r->skip_blank) {
            const char *c = p;
            while (c < e && is_blank(*c)) c++;
            if (c == e) continue;
        }
        if (i >= 0) row[i] = row_value(p, e);
        i++;
    }
}

static int64_t read_fd(const rows *r, source_reader *reader, int fd, int64_t max_bytes,
                       int64_t first, int64_t n, pl_value *row, const char **why) {
    int64_t k = first / r->stride, last = (first + n - 1) / r->stride + 1;
    int64_t begin = r->at[k].offset, end = part_end(r, last);
    int64_t skip = first - k * r->stride;
    size_t got;
    char *data;
    while (last > k + 1 && end - begin > (int64_t)reader->soft)
        last = k + (last - k + 1) / 2, end = part_end(r, last);
    if (end - begin > (int64_t)reader->soft)
        return read_long(r, reader, fd, max_bytes, skip, r->at[k], row, why);
    if (n > last * r->stride - first) n = last * r->stride - first;
    data = source_take(reader, (size_t)(end - begin));
    if (!data || plat_read_at(fd, data, (size_t)(end - begin), begin, &got)) {
        *row = (pl_value){.data = NULL};
        return *why = "cannot be read", 1;
    }
    reader->bytes += (int64_t)got;
    split(r, data, data + got, skip, n, row, why);
    return n;
}

int64_t rows_read(const rows *r, source_reader *reader, int64_t max_bytes, int64_t first,
                  int64_t n, pl_value *row, const char **why) {
    int fd = r->fd, error = fd < 0 ? plat_open(r->path, &fd) : 0;
    if (error) {
        source_error(reader, error);
        *row = (pl_value){.data = NULL};
        return *why = "cannot be opened", 1;
    }
    n = read_fd(r, reader, fd, max_bytes, first, n, row, why);
    if (r->fd < 0) plat_close(fd);
    return n;
}

int64_t rows_line(const rows *r, int64_t index) {
    int64_t k = index / r->stride, to;
    row_at at = r->at[k];
    int fd = r->fd;
    if (fd < 0 && plat_open(r->path, &fd)) return 0;
    if (find_row(r, fd, index - k * r->stride, &at, &to)) at.line = 0;
    if (r->fd < 0) plat_close(fd);
    return at.line;
}
