#include "diag.h"
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "utf8.h"

enum { MOST_SHOWN = 100, WIDEST_LINE = 160, BEFORE_CARET = 60 };

typedef struct Note {
    Loc loc;
    const char *text;
} Note;

struct Diag {
    DiagCode code;
    Loc loc;
    int number;             /* order of reports; breaks ties of place */
    const char *text;
    LIST(Note) notes;
    LIST(const char *) helps;
};

struct Diags {
    Arena *arena;
    LIST(Diag *) all;
    int errors;
};

typedef struct CodeInfo {
    const char *name;
    Severity severity;
} CodeInfo;

static const CodeInfo code_info[] = {
#define DIAG(code, severity, title) {#code, severity},
#include "diag.def"
#undef DIAG
};

Diags *diags_new(Arena *arena) {
    Diags *diags = arena_new_of(arena, Diags);
    diags->arena = arena;
    return diags;
}

int diags_errors(const Diags *diags) { return diags->errors; }

int diags_count(const Diags *diags, DiagCode code) {
    int n = 0;
    for (int i = 0; i < diags->all.n; i++)
        n += diags->all.at[i]->code == code;
    return n;
}

Diag *diag_at(Diags *diags, DiagCode code, Loc loc, const char *format, ...) {
    assert(code < DIAG_COUNT);
    Diag *diag = arena_new_of(diags->arena, Diag);
    va_list arguments;
    va_start(arguments, format);
    diag->text = arena_vformat(diags->arena, format, arguments);
    va_end(arguments);
    diag->code = code;
    diag->loc = loc;
    diag->number = diags->all.n;
    list_push(diags->arena, &diags->all, diag);
    diags->errors += code_info[code].severity == SEV_ERROR;
    return diag;
}

void diag_note(Diags *diags, Diag *diag, Loc loc, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    Note note = {loc, arena_vformat(diags->arena, format, arguments)};
    va_end(arguments);
    list_push(diags->arena, &diag->notes, note);
}

void diag_help(Diags *diags, Diag *diag, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_vformat(diags->arena, format, arguments);
    va_end(arguments);
    list_push(diags->arena, &diag->helps, text);
}

/* ---- places ---- */

/* A byte order mark belongs to no line. */
static int line_start(const File *file, int at) {
    while (at > 0 && file->text[at - 1] != '\n')
        at--;
    bool mark = at == 0 && file->size >= 3 && !memcmp(file->text, "\xEF\xBB\xBF", 3);
    return mark ? 3 : at;
}

static int line_end(const File *file, int at) {
    int size = (int)file->size;
    while (at < size && file->text[at] != '\n')
        at++;
    if (at > 0 && at <= size && file->text[at - 1] == '\r')
        at--;
    return at;
}

static Loc clamped(Loc loc) {
    int size = (int)loc.file->size;
    loc.from = loc.from < 0 ? 0 : loc.from > size ? size : loc.from;
    loc.to = loc.to < loc.from ? loc.from : loc.to > size ? size : loc.to;
    return loc;
}

void loc_line(Loc loc, int *line, int *column) {
    *line = *column = 1;
    if (!loc.file)
        return;
    loc = clamped(loc);
    for (int i = 0; i < loc.from; i++)
        *line += loc.file->text[i] == '\n';
    int start = line_start(loc.file, loc.from);
    *column = loc.from > start ? loc.from - start + 1 : 1;
}

/* ---- printing ---- */

typedef struct Printer {
    FILE *out;
    int color;
} Printer;

static const char *paint(const Printer *p, const char *code) {
    return p->color ? code : "";
}
#define RED "\033[1;31m"
#define YELLOW "\033[1;33m"
#define CYAN "\033[1;36m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

/* One character of the source: as it is, or a blank (tabs stay tabs) for the
 * line of carets. Returns the bytes it takes. */
static int put_character(FILE *out, const char *s, int room, bool blank) {
    int n = utf8_length(s, (size_t)room);
    bool odd = n == 0 || (n == 1 && ((unsigned char)*s < ' ' || *s == 127));
    if (*s == '\t')
        fputc('\t', out);
    else if (blank)
        fputc(' ', out);
    else if (odd)
        fputc('?', out);
    else
        fwrite(s, 1, (size_t)n, out);
    return n ? n : 1;
}

static void put_blanks(FILE *out, const char *text, int from, int to) {
    while (from < to)
        from += put_character(out, text + from, to - from, true);
}

static void put_text(FILE *out, const char *text, int from, int to) {
    while (from < to)
        from += put_character(out, text + from, to - from, false);
}

static void put_carets(FILE *out, const char *text, int from, int to) {
    fputc('^', out);
    if (from < to)
        from += utf8_length(text + from, (size_t)(to - from)) ?: 1;
    while (from < to) {
        fputc('^', out);
        from += utf8_length(text + from, (size_t)(to - from)) ?: 1;
    }
}

static int character_start(const char *text, int at, int least) {
    while (at > least && (text[at] & 0xC0) == 0x80)
        at--;
    return at;
}

/* The source line with carets under the place; long lines are cut. */
static void print_source(const Printer *p, Loc loc) {
    int line, column;
    loc_line(loc, &line, &column);
    const char *text = loc.file->text;
    int from = line_start(loc.file, loc.from), to = line_end(loc.file, loc.from);
    bool cut_front = false, cut_back = false;
    if (to - from > WIDEST_LINE) {
        if (loc.from - from > WIDEST_LINE - BEFORE_CARET) {
            from = character_start(text, loc.from - BEFORE_CARET, from);
            cut_front = true;
        }
        if (to - from > WIDEST_LINE) {
            to = character_start(text, from + WIDEST_LINE, from);
            cut_back = true;
        }
    }
    fprintf(p->out, "%5d | %s", line, cut_front ? "…" : "");
    put_text(p->out, text, from, to);
    fprintf(p->out, "%s\n      | %s", cut_back ? "…" : "", cut_front ? " " : "");
    put_blanks(p->out, text, from, loc.from);
    fputs(paint(p, RED), p->out);
    put_carets(p->out, text, loc.from, loc.to < to ? loc.to : to);
    fprintf(p->out, "%s\n", paint(p, PLAIN));
}

static void print_message(const Printer *p, Loc loc, const char *head,
                          const char *color, const char *text) {
    int line, column;
    if (loc.file) {
        loc = clamped(loc);
        loc_line(loc, &line, &column);
        fprintf(p->out, "%s%s:%d:%d: %s", paint(p, BOLD), loc.file->path, line,
                column, paint(p, PLAIN));
    }
    fprintf(p->out, "%s%s:%s %s\n", paint(p, color), head, paint(p, PLAIN), text);
    if (loc.file && loc.file->size)
        print_source(p, loc);
}

static void print_diag(const Printer *p, const Diag *diag) {
    static const char *const words[] = {"error", "warning", "note"};
    static const char *const colors[] = {RED, YELLOW, CYAN};
    CodeInfo info = code_info[diag->code];
    char head[32];
    int code_length = (int)strcspn(info.name, "_");
    snprintf(head, sizeof head, "%s[%.*s]", words[info.severity], code_length,
             info.name);
    print_message(p, diag->loc, head, colors[info.severity], diag->text);
    for (int i = 0; i < diag->notes.n; i++)
        print_message(p, diag->notes.at[i].loc, "note", CYAN,
                      diag->notes.at[i].text);
    for (int i = 0; i < diag->helps.n; i++)
        fprintf(p->out, "%shelp:%s %s\n", paint(p, CYAN), paint(p, PLAIN),
                diag->helps.at[i]);
}

/* ---- order ---- */

static int compare_files(const File *a, const File *b) {
    if (a == b)
        return 0;
    if (!a || !b)
        return a ? 1 : -1;
    return strcmp(a->path, b->path);
}

/* By file, place, severity, text: so that equal ones are neighbours. */
static int compare_diags(const void *left, const void *right) {
    const Diag *a = *(Diag *const *)left, *b = *(Diag *const *)right;
    int order = compare_files(a->loc.file, b->loc.file);
    if (order)
        return order;
    if (a->loc.from != b->loc.from)
        return a->loc.from < b->loc.from ? -1 : 1;
    if (a->loc.to != b->loc.to)
        return a->loc.to < b->loc.to ? -1 : 1;
    if (a->code != b->code)
        return a->code < b->code ? -1 : 1;
    order = strcmp(a->text, b->text);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

static bool same_message(const Diag *a, const Diag *b) {
    return a->code == b->code && a->loc.from == b->loc.from &&
           a->loc.to == b->loc.to && !strcmp(a->text, b->text) &&
           compare_files(a->loc.file, b->loc.file) == 0;
}

void diags_print(const Diags *diags, FILE *out, int color) {
    int n = diags->all.n, shown = 0, hidden = 0;
    if (n == 0)
        return;
    Diag **sorted = malloc((size_t)n * sizeof *sorted);
    if (!sorted)
        bug("no memory to sort %d messages", n);
    memcpy(sorted, diags->all.at, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_diags);
    Printer printer = {out, color};
    for (int i = 0; i < n; i++) {
        if (i && same_message(sorted[i - 1], sorted[i]))
            continue;
        if (shown == MOST_SHOWN) {
            hidden++;
            continue;
        }
        print_diag(&printer, sorted[i]);
        shown++;
    }
    if (hidden)
        fprintf(out, "and %d more\n", hidden);
    free(sorted);
}

/* ---- spelling ---- */

enum { LONGEST_WORD = 63 };

/* Edits between two words: insert, delete, replace, swap neighbours. */
static int edit_distance(const char *a, const char *b) {
    int la = (int)strlen(a), lb = (int)strlen(b);
    int d[LONGEST_WORD + 1][LONGEST_WORD + 1];
    for (int i = 0; i <= la; i++)
        d[i][0] = i;
    for (int j = 0; j <= lb; j++)
        d[0][j] = j;
    for (int i = 1; i <= la; i++)
        for (int j = 1; j <= lb; j++) {
            int least = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < least) least = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < least) least = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < least)
                least = d[i - 2][j - 2] + 1;
            d[i][j] = least;
        }
    return d[la][lb];
}

const char *nearest_name(const char *word, const char *const *names, int n) {
    const char *best = NULL;
    size_t length = strlen(word);
    if (length == 0 || length > LONGEST_WORD)
        return NULL;
    int least = length < 4 ? 2 : length < 8 ? 3 : 4;    /* one above the allowed */
    for (int i = 0; i < n; i++) {
        if (!names[i] || strlen(names[i]) > LONGEST_WORD)
            continue;
        int distance = edit_distance(word, names[i]);
        if (distance < least && distance < (int)length) {
            least = distance;
            best = names[i];
        }
    }
    return best;
}

_Noreturn void bug(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("pipec: internal error: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}
