/* The records that failed: counted, reported, or the end of the run. */
#include "internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void bad_list_init(bad_list *l) { *l = (bad_list){NULL, &l->first, 0}; }

void bad_add(bad_list *l, bad *b) {
    if (!b) return;
    b->next = NULL;
    *l->last = b;
    l->last = &b->next;
    l->n++;
}

void bad_move(bad_list *to, bad_list *from) {
    if (!from->first) return;
    *to->last = from->first;
    to->last = from->last;
    to->n += from->n;
    bad_list_init(from);
}

void bad_take(bad_list *to, bad_list *from, int64_t turn) {
    bad *b = from->first;
    bad_list_init(from);
    while (b) {
        bad *next = b->next;
        bad_add(b->turn <= turn ? to : from, b);
        b = next;
    }
}

void bad_drop(pipert *p, bad_list *l) {
    while (l->first) {
        bad *b = l->first;
        l->first = b->next;
        bad_free(p, b);
    }
    bad_list_init(l);
}

bad *bad_new(pipert *p) {
    bad *b;
    plat_lock(&p->bad_lock);
    b = p->free_bads;
    if (b) p->free_bads = b->next;
    plat_unlock(&p->bad_lock);
    if (!b) b = malloc(sizeof *b);
    if (b) memset(b, 0, sizeof *b);
    return b;
}

void bad_free(pipert *p, bad *b) {
    plat_lock(&p->bad_lock);
    b->next = p->free_bads;
    p->free_bads = b;
    plat_unlock(&p->bad_lock);
}

/* A world's ranks may share a report: none empties it, and each line is one write. */
static bool open_file(pipert *p) {
    enum { LINE = 1 << 16 };            /* no line is as long */
    bool shared = p->options.world > 1;
    p->report = fopen(p->report_path, shared || p->restored ? "ae" : "we");
    if (!p->report || !shared) return p->report;
    p->report_line = malloc(LINE);
    return p->report_line && !setvbuf(p->report, p->report_line, _IOFBF, LINE);
}

int report_open(pipert *p) {
    char why[128];
    if (!p->report_path || p->report || open_file(p)) return PIPERT_OK;
    return fail_with(p, PIPERT_FILE, "the report %s cannot be written: %s",
                     p->report_path, plat_error(errno, why, sizeof why));
}

bool report_lend(pipert *p) {
    p->report = open_memstream(&p->lines, &p->nlines);
    return p->report;
}

const char *report_take(pipert *p, size_t *n) {
    *n = 0;
    if (!p->report || fflush(p->report)) return "";
    *n = p->nlines;
    rewind(p->report);
    return p->lines;
}

int report_put(pipert *p, const char *lines, size_t n) {
    for (const char *end = lines + n; p->report && lines < end;) {
        const char *line = lines;
        lines = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
        fwrite(line, 1, (size_t)(lines - line), p->report);
        if (p->options.world > 1 && report_flush(p)) return p->status;
    }
    return report_flush(p);
}

int report_flush(pipert *p) {
    char why[128];
    errno = 0;
    if (!p->report || (!fflush(p->report) && !ferror(p->report))) return PIPERT_OK;
    return fail_with(p, PIPERT_FILE, "the report %s cannot be written: %s",
                     p->report_path, plat_error(errno ? errno : EIO, why, sizeof why));
}

void report_free(pipert *p) {
    while (p->free_bads) {
        bad *b = p->free_bads;
        p->free_bads = b->next;
        free(b);
    }
    free(p->report_line);
    free(p->lines);
}

/* There is nobody left to ask for the error: the log has it, if it is a new one. */
int report_close(pipert *p) {
    char why[128];
    int status = p->status == PIPERT_FILE ? PIPERT_FILE : PIPERT_OK;
    FILE *report = p->report;
    p->report = NULL;
    if (!report || !fclose(report) || status) return status;
    log_text(p, PIPERT_LOG_WARNING, "the report %s cannot be written: %s", p->report_path,
             plat_error(errno, why, sizeof why));
    return PIPERT_FILE;
}

/* Bytes of the UTF-8 character at c, 0: there is none. */
static int character(const unsigned char *c) {
    static const struct { unsigned char mask, is; unsigned least; } kind[] = {
        {0x80, 0x00, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
    for (int n = 0; n < 4; n++) {
        unsigned code = c[0] & (unsigned char)~kind[n].mask;
        int i = 1;
        if ((c[0] & kind[n].mask) != kind[n].is) continue;
        for (; i <= n && (c[i] & 0xC0) == 0x80; i++) code = code << 6 | (c[i] & 0x3F);
        if (i <= n || code < kind[n].least || code > 0x10FFFF) return 0;
        return code >= 0xD800 && code < 0xE000 ? 0 : n + 1;
    }
    return 0;
}

static bool is_text(const char *text) {
    const unsigned char *c = (const void *)text;
    while (*c && character(c)) c += character(c);
    return !*c;
}

static void write_text(FILE *f, const char *text) {
    const unsigned char *c = (const void *)text;
    putc('"', f);
    while (*c) {
        int n = character(c);
        if (*c == '"' || *c == '\\') fprintf(f, "\\%c", *c);
        else if (*c < 32) fprintf(f, "\\u%04x", *c);
        else if (n) fwrite(c, 1, (size_t)n, f);
        else fputs("\\ufffd", f);
        c += n ? n : 1;
    }
    putc('"', f);
}

/* A name that is no text is also written as it is, byte for byte. */
static void write_path(FILE *f, const char *path) {
    fputs(", \"path\": ", f);
    write_text(f, path);
    if (is_text(path)) return;
    fputs(", \"path_bytes\": \"", f);
    for (const unsigned char *c = (const void *)path; *c; c++) fprintf(f, "%02x", *c);
    putc('"', f);
}

static void write_rows(FILE *f, const bad *b) {
    if (b->level) fputs(", \"row\": [", f);
    for (int k = 0; k < b->level; k++)
        fprintf(f, "%lld%s", (long long)b->row[k], k + 1 < b->level ? ", " : "]");
}

void report_line(pipert *p, const bad *b, const char *path) {
    FILE *f = p->report;
    if (!f) return;
    fprintf(f, "{\"epoch\": %llu", (unsigned long long)p->epoch);
    if (p->options.world > 1) fprintf(f, ", \"rank\": %d", p->options.rank);
    fprintf(f, ", \"index\": %lld", (long long)b->index);
    if (p->feature->has_sample && b->index >= 0)
        fprintf(f, ", \"place\": %lld", (long long)b->at);
    write_rows(f, b);
    write_path(f, path);
    fputs(", \"operator\": ", f);
    write_text(f, b->operator_name);
    fprintf(f, ", \"line\": %d, \"reason\": ", b->line);
    write_text(f, b->reason);
    fputs("}\n", f);
    if (p->options.world > 1) report_flush(p);
}

static int by_place(const void *a, const void *b) {
    const bad *x = *(bad *const *)a, *y = *(bad *const *)b;
    if (x->place != y->place) return x->place < y->place ? -1 : 1;
    return x->event < y->event ? -1 : x->event > y->event;
}

/* Merge sort would do; lists are short and in runs that are sorted already. */
static void sort(bad_list *l) {
    bad **all = malloc((size_t)l->n * sizeof *all), *b = l->first;
    int64_t n = l->n;
    if (!all) return;
    for (int64_t i = 0; i < n; i++, b = b->next) all[i] = b;
    qsort(all, (size_t)n, sizeof *all, by_place);
    bad_list_init(l);
    for (int64_t i = 0; i < n; i++) bad_add(l, all[i]);
    free(all);
}

/* Text that may be anything, for a message of one line that can be read back: what is no
 * printable UTF-8 is \n or \xNN, a backslash is doubled. Where `end`, which follows it in
 * the message, is a part of it, that begins with \xNN. */
static void escape(char *to, size_t n, const char *text, const char *end) {
    const unsigned char *c = (const void *)text;
    size_t at = 0, k = 0;
    for (; *c && at + 5 < n; c += k, at += strlen(to + at)) {
        k = (size_t)character(c);
        if (*c == '\\') strcpy(to + at, "\\\\");
        else if (*c == '\n') strcpy(to + at, "\\n");
        else if (!k || *c < 32 || *c == 127 ||
                 (*end && !strncmp((const char *)c, end, strlen(end))))
            snprintf(to + at, 5, "\\x%02x", *c), k = 1;
        else snprintf(to + at, k + 1, "%s", (const char *)c);
    }
    to[at] = 0;
}

#define PATH_ENDS ") failed: "

/* Which record failed, where and why. */
static void describe(const pipert *p, const bad *b, const char *path, char *to,
                     size_t n) {
    char rows[24 * PL_MAX_LEVELS] = "", place[40] = "", name[4400];
    char file[4 * sizeof p->file], reason[4 * sizeof b->reason];
    escape(name, sizeof name, path, PATH_ENDS);
    escape(file, sizeof file, p->file, ":");
    escape(reason, sizeof reason, b->reason, "");
    for (int k = 0, at = 0; k < b->level; k++)
        at += snprintf(rows + at, sizeof rows - (size_t)at, "%s%lld", k ? ", " : " row ",
                       (long long)b->row[k]);
    if (p->feature->has_sample)
        snprintf(place, sizeof place, " at place %lld", (long long)b->at);
    snprintf(to, n, "record %lld%s%s%s%s%s failed: %s:%d: %s: %s",
             (long long)b->index, place, rows, *name ? " (" : "", name, *name ? ")" : "",
             file, b->line, b->operator_name, reason);
}

void report_first(pipert *p, bad_list *l, char *to, size_t n) {
    char path[4400];
    *to = 0;
    if (l->n > 1) sort(l);
    if (!l->first) return;
    source_describe(&p->source, l->first->index, path, sizeof path);
    describe(p, l->first, path, to, n);
}

static void end_run(pipert *p, const bad *b, const char *path) {
    char text[5000];
    describe(p, b, path, text, sizeof text);
    fail_with(p, PIPERT_RECORD, "%s\nto go on without records that fail: --on-error skip",
              text);
}

static void end_by_count(pipert *p, const bad *b, const char *path) {
    char text[5000];
    describe(p, b, path, text, sizeof text);
    fail_with(p, PIPERT_TOO_MANY,
              "%lld records of epoch %llu failed, more than max_errors allows; "
              "the last: %s",
              (long long)p->epoch_bad, (unsigned long long)p->epoch, text);
}

static bool too_many(const pipert *p) {
    const pipert_options *o = &p->options;
    if (o->max_errors >= 0 && p->epoch_bad > o->max_errors) return true;
    return o->max_error_rate >= 0 &&
           (double)p->epoch_bad > o->max_error_rate * (double)p->places;
}

/* What the process lacks is no property of the record that met it. */
static void end_by_lack(pipert *p, const bad *b, const char *path) {
    char text[4400];
    escape(text, sizeof text, path, PATH_ENDS);
    fail_with(p, PIPERT_SOURCE, "record %lld%s%s%s cannot be read: %s",
              (long long)b->index, *text ? " (" : "", text, *text ? ")" : "", b->reason);
}

static void report_one(pipert *p, const bad *b, int64_t *last) {
    char path[4400];
    bool counted = b->index == *last;
    *last = b->index;
    if (b->told) return;
    source_describe(&p->source, b->index, path, sizeof path);
    if (b->lack) {
        end_by_lack(p, b, path);
        return;
    }
    p->epoch_bad += !counted;
    p->stats.bad_records += !counted;
    report_line(p, b, path);
    if (p->options.on_error == PIPERT_ON_ERROR_FAIL) end_run(p, b, path);
    else if (too_many(p)) end_by_count(p, b, path);
}

int report_bads(pipert *p, bad_list *l, int64_t *last) {
    if (l->n > 1) sort(l);
    while (l->first) {
        bad *b = l->first;
        l->first = b->next;
        if (!p->status) report_one(p, b, last);
        bad_free(p, b);
    }
    bad_list_init(l);
    report_flush(p);
    return p->status;
}
