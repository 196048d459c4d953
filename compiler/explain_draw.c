/* The graph as pictures: dot, and one HTML file that needs nothing else. Before: the fields
 * of the text, step by step, and what they read. After: the tensors that are made, how, and
 * what they read; tables and what was put into others are not there. */
#include <string.h>
#include "cost_profile.h"
#include "explain.h"
#include "term_build.h"

/* ---- nodes ---- */

typedef struct Box {
    const char *name, *what, *more;     /* shown; below it; when pointed at */
    int line;
    double part;                        /* of the time, or -1: not measured */
    LIST(int) reads;
} Box;

typedef LIST(Box) Boxes;

typedef struct Finding { Arena *arena; const Graph *graph; Boxes *boxes; int at;
                         LIST(const Var *) vars; } Finding;

static int number_of(const Finding *f, const Var *var) {
    for (int i = 0; i < f->vars.n; i++)
        if (f->vars.at[i] == var) return i;
    return -1;
}

static void add_read(Arena *arena, Box *box, int from) {
    for (int i = 0; i < box->reads.n; i++)
        if (box->reads.at[i] == from) return;
    list_push(arena, &box->reads, from);
}

/* Of the source only the fields that somebody reads are there. */
static void find_reads(const Term *term, void *data) {
    Finding *f = data;
    int from;
    if (term->kind != TERM_REF) {
        term_children(term, find_reads, data);
        return;
    }
    from = number_of(f, term->var);
    if (from < 0 && term->var->kind == VAR_SOURCE) {
        Box box = {.name = term->var->name, .what = f->graph->source, .part = -1};
        box.more = type_text(f->arena, term->var->type);
        from = f->boxes->n;
        list_push(f->arena, f->boxes, box);
        list_push(f->arena, &f->vars, term->var);
    }
    if (from >= 0) add_read(f->arena, &f->boxes->at[f->at], from);
}

static const char *kind_of(Arena *arena, const Node *node) {
    if (node->kind == NODE_WHERE) return "where";
    return node->kind == NODE_EACH ? "each" : type_text(arena, node->vars[0]->type);
}

static double step_part(const CostProfile *p, const char *name, int line) {
    const OperatorCost *cost = cost_of_operator(p, name, line);
    return cost && p->record_ns > 0 ? cost->ns / p->record_ns : -1;
}

/* The steps of a chain, the last of which gives the field; what the first one reads is
 * found by the caller. Returns the box of the first, -1: it is no chain. */
static int add_steps(Finding *f, const Expr *e, Box last) {
    const Expr *call = e, *steps[64];
    int n = 0, first = f->boxes->n, column;
    for (; call && call->kind == EX_CALL && call->piped && call->args.n && n < 64;
         call = call->args.at[0].value)
        if (call->a->kind == EX_NAME || call->a->kind == EX_MEMBER) steps[n++] = call;
    for (int i = n - 1; i >= 0; i--) {
        Box box = {.name = steps[i]->a->name.text, .more = "", .part = -1, .what = ""};
        loc_line(steps[i]->a->loc, &box.line, &column);
        box.part = step_part(f->graph->profile, box.name, box.line);
        if (!i) box.what = arena_format(f->arena, "gives %s: %s", last.name, last.what);
        if (i < n - 1) add_read(f->arena, &box, f->boxes->n - 1);
        list_push(f->arena, f->boxes, box);
        list_push(f->arena, &f->vars, NULL);
    }
    return n ? first : -1;
}

static Boxes written(Arena *arena, const Graph *graph) {
    Boxes boxes = {0};
    Finding f = {.arena = arena, .graph = graph, .boxes = &boxes};
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        Box box = {.what = kind_of(arena, node), .more = "", .part = -1};
        int column;
        box.name = node->nvars ? node->vars[0]->name : "where";
        if (node->loc.file) loc_line(node->loc, &box.line, &column);
        f.at = add_steps(&f, node->expr, box);
        if (f.at < 0) {
            f.at = boxes.n;
            list_push(arena, &boxes, box);
            list_push(arena, &f.vars, NULL);
        }
        if (node->nvars) f.vars.at[boxes.n - 1] = node->vars[0];
        find_reads(node->term, &f);
    }
    return boxes;
}

static double part_of(const CostProfile *p, const TensorNote *n) {
    double ns = 0, all = 0;
    bool known = false;
    for (int i = 0; p && i < p->sections.n; i++) {
        const SectionCost *s = &p->sections.at[i];
        all += s->ns;
        if (s->line != n->line || strcmp(s->name, n->name)) continue;
        ns += s->ns;
        known = true;
    }
    return known && all > 0 ? ns / all : -1;
}

static Boxes made(Arena *arena, const Graph *graph, const LowerNotes *notes) {
    Boxes boxes = {0};
    int *number = arena_array(arena, int, notes->tensors.n + 1);
    for (int i = 0; i < notes->tensors.n; i++) {
        const TensorNote *n = &notes->tensors.at[i];
        Box box = {.name = n->name, .line = n->line, .part = part_of(graph->profile, n)};
        number[i] = -1;
        if (!strcmp(n->way, "inline") || !strcmp(n->way, "table")) continue;
        number[i] = boxes.n;
        box.what = arena_format(arena, "%s, %s", n->way, n->shape);
        box.more = arena_format(arena, "%s bytes; %s%s%s", n->bytes, n->why,
                                n->layout ? "; asked for " : "", n->layout ? n->layout : "");
        list_push(arena, &boxes, box);
    }
    for (int i = 0; i < notes->tensors.n; i++)
        for (int k = 0; number[i] >= 0 && k < notes->tensors.at[i].reads.n; k++) {
            int from = number[notes->tensors.at[i].reads.at[k]];
            if (from >= 0) add_read(arena, &boxes.at[number[i]], from);
        }
    return boxes;
}

typedef struct Ordering { Arena *arena; const Boxes *from; Boxes to; int *number; }
    Ordering;

static void place(Ordering *o, int i) {
    if (o->number[i]) return;
    o->number[i] = -1;                  /* on the way: no circle goes on */
    for (int k = 0; k < o->from->at[i].reads.n; k++) place(o, o->from->at[i].reads.at[k]);
    list_push(o->arena, &o->to, o->from->at[i]);
    o->number[i] = o->to.n;
}

/* What is read stands above what reads it. */
static Boxes ordered(Arena *arena, Boxes boxes) {
    Ordering o = {.arena = arena, .from = &boxes};
    o.number = arena_array(arena, int, boxes.n + 1);
    for (int i = 0; i < boxes.n; i++) place(&o, i);
    for (int i = 0; i < o.to.n; i++)
        for (int k = 0; k < o.to.at[i].reads.n; k++)
            o.to.at[i].reads.at[k] = o.number[o.to.at[i].reads.at[k]] - 1;
    return o.to;
}

/* ---- dot ---- */

static void put_quoted(FILE *out, const char *s) {
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') fputc('\\', out);
        fputc(*s, out);
    }
}

static void put_cluster(FILE *out, const char *id, const char *label, const Boxes *boxes) {
    fprintf(out, "  subgraph cluster_%s {\n    label=\"%s\";\n", id, label);
    for (int i = 0; i < boxes->n; i++) {
        const Box *b = &boxes->at[i];
        fprintf(out, "    %s%d [label=\"", id, i);
        put_quoted(out, b->name);
        fputs("\\n", out);
        put_quoted(out, b->what);
        if (b->part >= 0) fprintf(out, "\\n%.1f %% of the time", 100 * b->part);
        fputs("\"];\n", out);
    }
    for (int i = 0; i < boxes->n; i++)
        for (int k = 0; k < boxes->at[i].reads.n; k++)
            fprintf(out, "    %s%d -> %s%d;\n", id, boxes->at[i].reads.at[k], id, i);
    fputs("  }\n", out);
}

void explain_dot(const Story *s, FILE *out) {
    Arena *arena = s->arena;
    const Graph *graph = s->graph;
    const LowerNotes *notes = s->notes;
    Boxes before = ordered(arena, written(arena, graph));
    Boxes after = ordered(arena, made(arena, graph, notes));
    fprintf(out, "digraph \"%s\" {\n  node [shape=box, fontname=\"sans-serif\"];\n",
            graph->name);
    put_cluster(out, "before", "as written", &before);
    put_cluster(out, "after", "as made", &after);
    fputs("}\n", out);
}

/* ---- html ---- */

enum { WIDE = 560, HIGH = 44, GAP = 18, LEFT = 150, BAR = 120 };

static void put_escaped(FILE *out, const char *s) {
    for (; *s; s++) {
        if (*s == '<') fputs("&lt;", out);
        else if (*s == '>') fputs("&gt;", out);
        else if (*s == '&') fputs("&amp;", out);
        else if (*s == '"') fputs("&quot;", out);
        else fputc(*s, out);
    }
}

static int top_of(int i) { return GAP + i * (HIGH + GAP); }

/* What is read stands above or below: a straight line to the next box, an arc at the left
 * to others. */
static void put_edge(FILE *out, int from, int to) {
    int y0 = top_of(from) + HIGH, y1 = top_of(to), far = to > from ? to - from : from - to;
    if (to == from + 1) {
        fprintf(out, "<path d=\"M%d %dV%d\"/>\n", LEFT + 60, y0, y1 - 6);
        return;
    }
    y0 = top_of(from) + HIGH / 2;
    y1 = top_of(to) + HIGH / 2;
    fprintf(out, "<path d=\"M%d %dC%d %d %d %d %d %d\"/>\n", LEFT, y0,
            LEFT - 20 - 18 * (far < 6 ? far : 6), y0, LEFT - 20 - 18 * (far < 6 ? far : 6), y1,
            LEFT - 6, y1);
}

static void put_box(FILE *out, const Box *b, int i) {
    int y = top_of(i);
    fputs("<g><title>", out);
    put_escaped(out, b->more);
    if (b->part >= 0) fprintf(out, "; %.1f %% of the time", 100 * b->part);
    fprintf(out, "</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", LEFT,
            y, WIDE - LEFT, HIGH);
    if (b->part >= 0)
        fprintf(out, "<rect class=\"bar\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"6\"/>\n",
                WIDE - BAR - 10, y + 8, b->part * BAR);
    fprintf(out, "<text x=\"%d\" y=\"%d\"><tspan class=\"name\">", LEFT + 10, y + 18);
    put_escaped(out, b->name);
    fputs("</tspan>", out);
    if (b->line) fprintf(out, "<tspan class=\"line\"> line %d</tspan>", b->line);
    fprintf(out, "</text><text class=\"what\" x=\"%d\" y=\"%d\">", LEFT + 10, y + 35);
    put_escaped(out, b->what);
    fputs("</text></g>\n", out);
}

static void put_picture(FILE *out, const char *head, const Boxes *boxes) {
    fprintf(out, "<section><h2>%s</h2>\n<svg width=\"%d\" height=\"%d\">\n", head, WIDE + 10,
            top_of(boxes->n) + GAP);
    fputs("<defs><marker id=\"to\" viewBox=\"0 0 6 6\" refX=\"1\" refY=\"3\" markerWidth=\"6\" "
          "markerHeight=\"6\" orient=\"auto\"><path d=\"M0 0L6 3L0 6z\"/></marker></defs>\n",
          out);
    for (int i = 0; i < boxes->n; i++)
        for (int k = 0; k < boxes->at[i].reads.n; k++)
            put_edge(out, boxes->at[i].reads.at[k], i);
    for (int i = 0; i < boxes->n; i++) put_box(out, &boxes->at[i], i);
    fputs("</svg></section>\n", out);
}

static const char style[] =
    "body{font:15px/1.4 sans-serif;margin:2em;color:#222}h1{font-size:1.4em}"
    "h2{font-size:1.1em}main{display:flex;gap:3em;flex-wrap:wrap}"
    "rect{fill:#eef3fa;stroke:#8aa4c8}rect.bar{fill:#d2691e;stroke:none}"
    "svg>path{fill:none;stroke:#667;marker-end:url(#to)}.name{font-weight:bold}"
    "text{font-size:13px}.line,.what{fill:#667;font-size:11.5px}";

void explain_html(const Story *s, FILE *out) {
    Arena *arena = s->arena;
    const Graph *graph = s->graph;
    const LowerNotes *notes = s->notes;
    const Plan *plan = s->plan;
    Boxes before = ordered(arena, written(arena, graph));
    Boxes after = ordered(arena, made(arena, graph, notes));
    const CostProfile *p = graph->profile;
    fprintf(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%s"
            "</title><style>%s</style></head><body>\n<h1>feature %s</h1>\n", graph->name,
            style, graph->name);
    if (p && p->record_ns > 0)
        fprintf(out, "<p>A record takes %.0f ns of a thread. Predicted: %.0f records/s; what "
                "holds it back: %s. Bars: where the time goes.</p>\n", p->worker_ns, plan->rate,
                plan->bottleneck);
    else
        fputs("<p>Not measured: <code>pipert profile F.so -o P.yaml</code>, then "
              "<code>--use-profile P.yaml</code>.</p>\n", out);
    fputs("<main>\n", out);
    put_picture(out, "As written", &before);
    put_picture(out, "As made", &after);
    fputs("</main></body></html>\n", out);
}
