/* For people, on a terminal: tables, then what was decided, line by line. */
#include <stdio.h>
#include <string.h>
#include "explain.h"

/* ---- tables ---- */

enum { COLUMNS = 9 };

typedef struct Line { const char *cell[COLUMNS]; } Line;

/* The first line is the head; a `>` before a head moves its column to the right. */
typedef struct Table { Arena *arena; int columns; LIST(Line) lines; } Table;

static bool is_right(const Table *t, int column) {
    return t->lines.at[0].cell[column][0] == '>';
}

static const char *cell_of(const Table *t, int line, int column) {
    return t->lines.at[line].cell[column] + (!line && is_right(t, column));
}

/* A column that says nothing is left out. */
static int width_of(const Table *t, int column) {
    size_t width = 0;
    bool empty = true;
    for (int i = 0; i < t->lines.n; i++) {
        size_t n = strlen(cell_of(t, i, column));
        if (n > width) width = n;
        empty &= !i || !n || !strcmp(cell_of(t, i, column), "-");
    }
    return empty ? 0 : (int)width;
}

static int last_column(const Table *t, const int *width) {
    int last = 0;
    for (int k = 0; k < t->columns; k++)
        if (width[k]) last = k;
    return last;
}

static void put_table(const Table *t, FILE *out) {
    int width[COLUMNS] = {0}, last;
    for (int k = 0; k < t->columns; k++) width[k] = width_of(t, k);
    last = last_column(t, width);
    for (int i = 0; i < t->lines.n; i++) {
        for (int k = 0; k <= last; k++) {
            const char *cell = cell_of(t, i, k);
            if (!width[k]) continue;
            if (k == last && !is_right(t, k)) fprintf(out, *cell ? "  %s" : "%s", cell);
            else fprintf(out, is_right(t, k) ? "  %*s" : "  %-*s", width[k], cell);
        }
        fputc('\n', out);
    }
}

static const char *number(Arena *arena, double n) {
    return n < 0 ? "-" : arena_format(arena, "%.0f", n);
}

static const char *percent(Arena *arena, double part) {
    return part < 0 ? "" : arena_format(arena, "%.1f%%", 100 * part);
}

/* ---- as written ---- */

static const char *runs_in(Arena *arena, const Row *row) {
    if (row->dead) return "nothing needs it";
    if (row->runs_in.n) return words_text(arena, &row->runs_in);
    switch (row->kind) {
    case ROW_SOURCE: return row->ns < 0 ? "" : "readers";
    case ROW_BATCH: return row->ns < 0 ? "" : "caller";
    case ROW_CACHE: case ROW_RECORD: return "";
    default: return row->alias ? "" : "inline";
    }
}

static void add_row(Table *t, const Row *row) {
    Line line = {{row->line ? arena_format(t->arena, "%d", row->line) : "", row->written,
                  row->type, row->in.text, row->out.text, number(t->arena, row->ns),
                  runs_in(t->arena, row)}};
    list_push(t->arena, &t->lines, line);
}

static void put_rows(const Story *s, const char *head, const Rows *rows, FILE *out) {
    Table t = {.arena = s->arena, .columns = 7};
    Line line = {{">line", head, "type", ">bytes in", ">bytes out", ">ns", "runs in"}};
    list_push(s->arena, &t.lines, line);
    for (int i = 0; i < rows->n; i++) add_row(&t, &rows->at[i]);
    put_table(&t, out);
}

/* ---- as made ---- */

static void add_made(Table *t, const Made *m) {
    const TensorNote *n = m->note;
    Line line = {{arena_format(t->arena, "%d", n->line), n->name,
                  type_words(t->arena, n->var->type), n->way, m->bytes.text,
                  number(t->arena, m->ns), percent(t->arena, m->part), n->why}};
    list_push(t->arena, &t->lines, line);
}

static int tensors_that_are(const Story *s, const char *way) {
    int n = 0;
    for (int i = 0; i < s->notes->tensors.n; i++)
        n += !strcmp(s->notes->tensors.at[i].way, way);
    return n;
}

/* Small, or no tensors at all: in one line. */
static void add_rest(Table *t, const Story *s) {
    int tables = tensors_that_are(s, "table"), inlined = tensors_that_are(s, "inline");
    double ns = 0, part = 0;
    Line line = {{"", "", "", "", "", "", "", ""}};
    for (int i = 0; i < s->shares.n; i++) {
        ns += s->shares.at[i].ns;
        part += s->shares.at[i].part;
    }
    for (int i = 0; i < s->made.n; i++) {
        if (s->made.at[i].ns < 0) continue;
        ns -= s->made.at[i].ns;
        part -= s->made.at[i].part;
    }
    line.cell[1] = "(others)";
    if (s->shares.n && ns > .5) {
        line.cell[5] = number(t->arena, ns);
        line.cell[6] = percent(t->arena, part);
    }
    line.cell[7] = arena_format(t->arena, "%s%d table%s, %d put where they are read",
                                s->shares.n ? "the rest of a record, " : "", tables,
                                tables == 1 ? "" : "s", inlined);
    list_push(t->arena, &t->lines, line);
}

static void put_made(const Story *s, FILE *out) {
    Table t = {.arena = s->arena, .columns = 8};
    Line line = {{">line", "as made", "shape", "way", ">bytes", ">ns", ">share", "why"}};
    list_push(s->arena, &t.lines, line);
    for (int i = 0; i < s->made.n; i++) add_made(&t, &s->made.at[i]);
    add_rest(&t, s);
    put_table(&t, out);
}

void explain_text(const Story *s, FILE *out) {
    fprintf(out, "feature %s; bytes and ns of a record, ~: measured, in the mean\n",
            s->graph->name);
    put_rows(s, "as written", &s->rows, out);
    for (int i = 0; i < s->moved.n; i++) {
        const Moved *m = &s->moved.at[i];
        fputc('\n', out);
        put_rows(s, arena_format(s->arena, "`%s` as reordered", m->chain->field),
                 &m->rows, out);
    }
    fputc('\n', out);
    put_made(s, out);
    fputc('\n', out);
    for (int i = 0; i < s->said.n; i++)
        fprintf(out, "%s %s\n", s->said.at[i].about, s->said.at[i].text);
}
