/* The graph for Graphviz: as written, as made, and what was decided. */
#include <stdio.h>
#include "explain.h"

/* end: what a line ends with, "\\n" in the middle, "\\l" at the left. */
static void put_quoted(FILE *out, const char *s, const char *end) {
    for (; *s; s++) {
        if (*s == '\n') {
            fputs(end, out);
            continue;
        }
        if (*s == '"' || *s == '\\') fputc('\\', out);
        fputc(*s, out);
    }
}

static void put_box(FILE *out, const char *id, int i, const Box *b) {
    fprintf(out, "    %s%d [label=\"", id, i);
    put_quoted(out, b->name, "\\n");
    if (*b->what) fputs("\\n", out);
    put_quoted(out, b->what, "\\n");
    if (b->ns >= 0) fprintf(out, "\\n%.0f ns", b->ns);
    if (b->part >= 0) fprintf(out, ", %.1f %% of the time", 100 * b->part);
    if (b->kept) fputs("\\nkept from epoch to epoch", out);
    fputs("\", tooltip=\"", out);
    put_quoted(out, b->more, "\\n");
    fputs(b->kept ? "\", style=bold" : b->dead ? "\", style=dashed" : "\"", out);
    fputs("];\n", out);
}

static void put_cluster(FILE *out, const char *id, const char *label,
                        const Boxes *boxes) {
    fprintf(out, "  subgraph cluster_%s {\n    label=\"", id);
    put_quoted(out, label, "\\n");
    fputs("\";\n", out);
    for (int i = 0; i < boxes->n; i++) put_box(out, id, i, &boxes->at[i]);
    for (int i = 0; i < boxes->n; i++)
        for (int k = 0; k < boxes->at[i].reads.n; k++)
            fprintf(out, "    %s%d -> %s%d;\n", id, boxes->at[i].reads.at[k], id, i);
    fputs("  }\n", out);
}

static void put_said(const Story *s, FILE *out) {
    fputs("  subgraph cluster_said {\n    label=\"what was decided\";\n"
          "    said [shape=plaintext, label=\"", out);
    for (int i = 0; i < s->said.n; i++) {
        put_quoted(out, s->said.at[i].about, "\\l");
        fputc(' ', out);
        put_quoted(out, s->said.at[i].text, "\\l");
        fputs("\\l", out);
    }
    fputs("\"];\n  }\n", out);
}

void explain_dot(const Story *s, FILE *out) {
    Boxes before = boxes_written(s), after = boxes_made(s);
    fprintf(out, "digraph \"%s\" {\n  node [shape=box, fontname=\"sans-serif\"];\n",
            s->graph->name);
    put_cluster(out, "before", "as written", &before);
    for (int i = 0; i < s->moved.n; i++) {
        Boxes moved = boxes_moved(s, &s->moved.at[i]);
        put_cluster(out, arena_format(s->arena, "moved%d_", i),
                    arena_format(s->arena, "%s as reordered",
                                 s->moved.at[i].chain->field), &moved);
    }
    put_cluster(out, "after", "as made", &after);
    if (s->said.n) put_said(s, out);
    fputs("}\n", out);
}
