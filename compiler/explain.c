/* What lowering decided: `pipec explain`. */
#include <stdlib.h>
#include <string.h>
#include "cost_profile.h"
#include "explain.h"

static LowerNotes decide(Arena *arena, const Graph *graph) {
    LowerOptions options = {.fuse = true, .reorder = true, .ncpus = 1, .cpu = {CPU_ANY},
                            .version = "",
                            .level = 2};
    LowerNotes notes = {0};
    lower_graph(arena, graph, &options, &notes);
    return notes;
}

/* ---- for programs ---- */

static void put_json(FILE *out, const char *s) {
    fputc('"', out);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') fputc('\\', out);
        fputc(*s, out);
    }
    fputc('"', out);
}

/* A number if it is one, else the formula. */
static void put_bytes(FILE *out, const char *bytes) {
    if (strspn(bytes, "0123456789") == strlen(bytes)) fputs(bytes, out);
    else put_json(out, bytes);
}

static void put_note(FILE *out, const TensorNote *n) {
    fputs("{\"name\": ", out);
    put_json(out, n->name);
    fprintf(out, ", \"line\": %d, \"shape\": ", n->line);
    fputc('[', out);
    for (int k = 0; k < n->rank; k++) {
        if (k) fputs(", ", out);
        put_bytes(out, n->dim[k]);
    }
    fputc(']', out);
    fputs(", \"way\": ", out);
    put_json(out, n->way);
    fputs(", \"bytes\": ", out);
    put_bytes(out, n->bytes);
    fputs(", \"why\": ", out);
    put_json(out, n->why);
    if (n->layout) {
        fputs(", \"layout\": ", out);
        put_json(out, n->layout);
    }
    fputs("}", out);
}

/* Kernels that make only the part that is read, and of which dimensions. */
static void crops_json(const LowerNotes *notes, FILE *out) {
    bool some = false;
    for (int i = 0; i < notes->tensors.n; i++) {
        const TensorNote *n = &notes->tensors.at[i];
        const char *comma = "";
        if (!n->crop) continue;
        fputs(some ? ", {\"kernel\": " : "{\"kernel\": ", out);
        put_json(out, n->name);
        fprintf(out, ", \"line\": %d, \"dimensions\": [", n->line);
        for (int k = 0; k < n->rank; k++) {
            if (!(n->crop >> k & 1)) continue;
            fprintf(out, "%s%d", comma, k);
            comma = ", ";
        }
        fputs("]}", out);
        some = true;
    }
}

/* ---- what a profile has measured ---- */

static int by_ns(const void *a, const void *b) {
    double x = ((const SectionCost *)a)->ns, y = ((const SectionCost *)b)->ns;
    return (x < y) - (x > y);
}

/* The dearest section first. */
static const SectionCost *dearest_first(Arena *arena, const CostProfile *p) {
    SectionCost *all = arena_array(arena, SectionCost, p->sections.n + 1);
    memcpy(all, p->sections.at, sizeof *all * (size_t)p->sections.n);
    qsort(all, (size_t)p->sections.n, sizeof *all, by_ns);
    return all;
}

/* Of one thread that computes, with others that read. */
static double records_per_second(const CostProfile *p) {
    return p->worker_ns > 0 ? 1e9 * p->rows / p->worker_ns : 0;
}

static void measured_text(Arena *arena, const CostProfile *p, FILE *out) {
    const SectionCost *all = dearest_first(arena, p);
    fprintf(out, "measured: a record takes %.0f ns, of which %.0f in compiled code, so a "
            "thread makes %.0f records/s; "
            "reading one takes %.0f ns\n%10s  %5s  %4s  %-16s %s\n", p->worker_ns,
            p->record_ns, records_per_second(p), p->read_ns, "ns", "share", "line", "section",
            "operator");
    for (int i = 0; i < p->sections.n; i++)
        fprintf(out, "%10.0f  %4.1f%%  %4d  %-16s %s\n", all[i].ns,
                p->record_ns > 0 ? 100 * all[i].ns / p->record_ns : 0, all[i].line,
                all[i].name, all[i].operator_name);
}

static void measured_json(Arena *arena, const CostProfile *p, FILE *out) {
    const SectionCost *all = dearest_first(arena, p);
    fprintf(out, ",\n \"measured\": {\"record_ns\": %.9g, \"read_ns\": %.9g, "
            "\"records_per_second\": %.9g, \"sections\": [", p->record_ns, p->read_ns,
            records_per_second(p));
    for (int i = 0; i < p->sections.n; i++) {
        fprintf(out, "%s{\"ns\": %.9g, \"line\": %d, \"name\": ", i ? ",\n  " : "\n  ",
                all[i].ns, all[i].line);
        put_json(out, all[i].name);
        fputs(", \"operator\": ", out);
        put_json(out, all[i].operator_name);
        fputc('}', out);
    }
    fputs("]}", out);
}

static void orders_json(const ChainOrders *c, FILE *out) {
    fputs("{\"field\": ", out);
    put_json(out, c->field);
    fputs(", \"written\": ", out);
    put_json(out, c->written);
    fputs(", \"chosen\": ", out);
    put_json(out, c->chosen);
    fprintf(out, ", \"cost_written\": %.9g, \"cost_chosen\": %.9g, \"more\": %s, "
            "\"orders\": [", c->cost_written, c->cost_chosen, c->more ? "true" : "false");
    for (int i = 0; i < c->orders.n; i++) {
        fputs(i ? ",\n  " : "\n  ", out);
        put_json(out, c->orders.at[i]);
    }
    fputs("]}", out);
}

static void explain_json(Arena *arena, const Graph *graph, const LowerNotes *notes,
                         const Plan *plan, FILE *out) {
    fputs("{\"tensors\": [", out);
    for (int i = 0; i < notes->tensors.n; i++) {
        fputs(i ? ",\n  " : "\n  ", out);
        put_note(out, &notes->tensors.at[i]);
    }
    fputs("],\n \"crops\": [", out);
    crops_json(notes, out);
    fputs("],\n \"dead\": [", out);
    for (int i = 0; i < notes->dead.n; i++) {
        if (i) fputs(", ", out);
        put_json(out, notes->dead.at[i]);
    }
    fputs("],\n \"orders\": [", out);
    for (int i = 0; i < graph->orders.n; i++) {
        if (i) fputs(", ", out);
        orders_json(graph->orders.at[i], out);
    }
    fputs("]", out);
    explain_cache_json(graph, out);
    if (graph->profile) measured_json(arena, graph->profile, out);
    if (graph->profile) explain_plan_json(arena, graph, notes, plan, out);
    fputs("}\n", out);
}

/* ---- for people ---- */

static void explain_text(Arena *arena, const Graph *graph, const LowerNotes *notes,
                         const Plan *plan, FILE *out) {
    fprintf(out, "feature %s: %d tensors\n", graph->name, notes->tensors.n);
    if (notes->tensors.n)
        fprintf(out, "%6s  %-16s %-24s %-8s %-20s %s\n", "line", "tensor", "shape", "way",
                "bytes", "why");
    for (int i = 0; i < notes->tensors.n; i++) {
        const TensorNote *n = &notes->tensors.at[i];
        fprintf(out, "%6d  %-16s %-24s %-8s %-20s %s\n", n->line, n->name,
                n->shape, n->way, n->bytes, n->why);
    }
    for (int i = 0; i < notes->tensors.n; i++) {
        const TensorNote *n = &notes->tensors.at[i];
        if (!n->crop) continue;
        fprintf(out, "crop: `%s` makes only what is read of dimension", n->name);
        for (int k = 0, some = 0; k < n->rank; k++)
            if (n->crop >> k & 1) fprintf(out, some++ ? " and %d" : " %d", k);
        fputc('\n', out);
    }
    for (int i = 0; i < notes->tensors.n; i++)
        if (notes->tensors.at[i].layout)
            fprintf(out, "layout: `%s` is asked for %s\n", notes->tensors.at[i].name,
                    notes->tensors.at[i].layout);
    for (int i = 0; i < notes->dead.n; i++)
        fprintf(out, "dead: `%s` is needed by no output, where, each or batch\n",
                notes->dead.at[i]);
    for (int i = 0; i < graph->orders.n; i++) {
        const ChainOrders *c = graph->orders.at[i];
        if (strcmp(c->written, c->chosen))
            fprintf(out, "order: `%s` is made by %s; it costs %.2f of the order that is "
                    "written\n", c->field, c->chosen, c->cost_chosen / c->cost_written);
        else
            fprintf(out, "order: `%s` stays as it is written: no order saves a "
                    "twentieth\n", c->field);
    }
    explain_cache_text(graph, out);
    if (graph->profile) measured_text(arena, graph->profile, out);
    if (graph->profile) explain_plan_text(arena, graph, notes, plan, out);
}

/* ---- legal orders ---- */

static void orders_text(const ChainOrders *c, FILE *out) {
    fprintf(out, "%s: %s%d order%s of %d steps\n", c->field, c->more ? "more than " : "",
            c->orders.n, c->orders.n == 1 ? "" : "s", c->steps);
    for (int i = 0; i < c->orders.n; i++) fprintf(out, "  %s\n", c->orders.at[i]);
    fprintf(out, "  relaxed would take: %s\n", c->chosen);
}

int explain_orders(const Graph *graph, FILE *out, ExplainFormat format) {
    bool json = format == EXPLAIN_JSON;
    if (json) fputs("[", out);
    for (int i = 0; i < graph->orders.n; i++) {
        if (json && i) fputs(",\n", out);
        (json ? orders_json : orders_text)(graph->orders.at[i], out);
    }
    if (json) fputs("]\n", out);
    else if (!graph->orders.n) fputs("no field is a chain of two steps or more\n", out);
    return ferror(out) ? 1 : 0;
}

int explain(const Graph *graph, const LowerNotes *notes, const Plan *plan, FILE *out,
            ExplainFormat format) {
    Arena *arena = arena_new();
    switch (format) {
    case EXPLAIN_TEXT: explain_text(arena, graph, notes, plan, out); break;
    case EXPLAIN_JSON: explain_json(arena, graph, notes, plan, out); break;
    case EXPLAIN_DOT: explain_dot(arena, graph, notes, out); break;
    case EXPLAIN_HTML: explain_html(arena, graph, notes, plan, out); break;
    }
    arena_free(arena);
    return ferror(out) ? 1 : 0;
}

/* ---- for `pipec check` ---- */

/* In the feature's own file, if a call there led to the place. */
static Loc own_place(const Graph *graph, const Place *at) {
    while (at->loc.file != graph->file && at->caller) at = at->caller;
    return at->loc;
}

void explain_tests(const Graph *graph, Diags *diags) {
    Arena *arena = arena_new();
    LowerNotes notes = decide(arena, graph);
    for (int i = 0; i < notes.tested.n; i++) {
        Diag *diag = diag_at(
            diags, DIAG_N0001_TESTED, own_place(graph, notes.tested.at[i]),
            "this subscript is tested in every round of its loop");
        diag_help(diags, diag, "`clamp(i, 0, n - 1)` and `x[i else value]` need no test");
    }
    arena_free(arena);
}
