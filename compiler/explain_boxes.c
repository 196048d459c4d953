/* What the drawings have in common: the feature as boxes and who reads whom. Written:
 * a box for each row, but for names that a chain begins with and the rest of a record.
 * Made: one for each tensor. A box stands behind all that it reads. */
#include <string.h>
#include "explain.h"

static void add_read(Arena *arena, Box *box, int from) {
    for (int i = 0; i < box->reads.n; i++)
        if (box->reads.at[i] == from) return;
    list_push(arena, &box->reads, from);
}

/* ---- when pointed at ---- */

static const char *with_line(Arena *arena, const char *text, const char *head,
                             const char *tail) {
    return *tail ? arena_format(arena, "%s\n%s%s", text, head, tail) : text;
}

static const char *time_text(Arena *arena, double ns, double part) {
    if (ns < 0) return "";
    if (part < 0) return arena_format(arena, "%.0f ns a record", ns);
    return arena_format(arena, "%.0f ns a record, %.1f %% of the time", ns, 100 * part);
}

static const char *row_more(Arena *arena, const Row *row, double part) {
    const char *text = arena_format(arena, "%s: bytes in %s, out %s", row->name,
                                    row->in.text, row->out.text);
    text = with_line(arena, text, "", time_text(arena, row->ns, part));
    text = with_line(arena, text, "runs in ", words_text(arena, &row->runs_in));
    text = with_line(arena, text, "fused with ", words_text(arena, &row->with));
    if (row->kind == ROW_STEP && !row->runs_in.n && !row->dead)
        text = with_line(arena, text, "", "put where it is read");
    return row->dead ? with_line(arena, text, "", "nothing needs it") : text;
}

/* ---- as written ---- */

/* What runs for a record; sources and batches are other threads' work. */
static bool is_of_record(const Row *row) {
    return row->kind != ROW_SOURCE && row->kind != ROW_BATCH;
}

static double time_of_rows(const Rows *rows) {
    double all = 0;
    for (int i = 0; i < rows->n; i++)
        if (is_of_record(&rows->at[i]) && rows->at[i].ns > 0) all += rows->at[i].ns;
    return all;
}

static Box box_of_row(Arena *arena, const Row *row, double all) {
    Box box = {.name = row->name, .what = row->type, .line = row->line, .part = -1,
               .ns = row->ns, .dead = row->dead};
    if (row->kind == ROW_CACHE) box.kept = true;
    if (row->kind != ROW_SOURCE && row->kind != ROW_STEP) box.name = row->written;
    if (row->ns >= 0 && is_of_record(row) && all > 0) box.part = row->ns / all;
    box.more = row_more(arena, row, box.part);
    return box;
}

/* The box of a row; of a name that a chain begins with, those that the name reads. */
static void add_reads_of(const Story *s, const int *number, Boxes *boxes, int at,
                         int row) {
    if (number[row] >= 0) {
        add_read(s->arena, &boxes->at[at], number[row]);
        return;
    }
    for (int i = 0; i < s->rows.at[row].reads.n; i++)
        add_reads_of(s, number, boxes, at, s->rows.at[row].reads.at[i]);
}

/* Where a mark says that values may be kept: behind that row. */
static int row_of_place(const Rows *rows, const CachePlace *place) {
    int found = -1, line = 0, column;
    if (place->loc.file) loc_line(place->loc, &line, &column);
    for (int i = 0; i < rows->n; i++) {
        const Row *row = &rows->at[i];
        if (place->statement ? row->kind != ROW_CACHE : strcmp(row->name, place->name))
            continue;
        if (found < 0 || (row->kind == ROW_STEP && row->line == line)) found = i;
    }
    return found;
}

static void add_caches(const Story *s, const int *number, Boxes *boxes) {
    for (int i = 0; i < s->graph->cache_places.n; i++) {
        const CachePlace *place = &s->graph->cache_places.at[i];
        int row = row_of_place(&s->rows, place);
        Box *box = row >= 0 && number[row] >= 0 ? &boxes->at[number[row]] : NULL;
        if (!box) continue;
        box->kept |= cache_is_chosen(s->graph, place);
        box->more = with_line(s->arena, box->more, "cache: ",
                              cache_words(s->arena, s->graph, place));
    }
}

Boxes boxes_written(const Story *s) {
    Boxes boxes = {0};
    int *number = arena_array(s->arena, int, s->rows.n + 1);
    double all = time_of_rows(&s->rows);
    for (int i = 0; i < s->rows.n; i++) {
        const Row *row = &s->rows.at[i];
        number[i] = -1;
        if ((row->alias && row->ns < 0) || row->kind == ROW_RECORD) continue;
        number[i] = boxes.n;
        list_push(s->arena, &boxes, box_of_row(s->arena, row, all));
        for (int k = 0; k < row->reads.n; k++)
            add_reads_of(s, number, &boxes, number[i], row->reads.at[k]);
    }
    add_caches(s, number, &boxes);
    return boxes;
}

Boxes boxes_moved(const Story *s, const Moved *moved) {
    Boxes boxes = {0};
    double all = time_of_rows(&s->rows);
    for (int i = 0; i < moved->rows.n; i++) {
        Box box = box_of_row(s->arena, &moved->rows.at[i], all);
        if (i) add_read(s->arena, &box, i - 1);
        list_push(s->arena, &boxes, box);
    }
    return boxes;
}

/* ---- as made ---- */

static Box box_of_made(Arena *arena, const Made *m) {
    const TensorNote *n = m->note;
    Box box = {.name = n->name, .line = n->line, .part = m->part, .ns = m->ns};
    box.what = arena_format(arena, "%s, %s", n->way, type_words(arena, n->var->type));
    box.more = arena_format(arena, "%s: %s bytes; %s", n->name, m->bytes.text, n->why);
    box.more = with_line(arena, box.more, "", time_text(arena, m->ns, m->part));
    box.more = with_line(arena, box.more, "made of ", words_text(arena, &m->operators));
    box.more = with_line(arena, box.more, "asked for ", n->layout ? n->layout : "");
    return box;
}

Boxes boxes_made(const Story *s) {
    Boxes boxes = {0};
    for (int i = 0; i < s->made.n; i++) {
        Box box = box_of_made(s->arena, &s->made.at[i]);
        for (int k = 0; k < s->made.at[i].reads.n; k++)
            add_read(s->arena, &box, s->made.at[i].reads.at[k]);
        list_push(s->arena, &boxes, box);
    }
    return boxes;
}
