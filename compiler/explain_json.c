/* For programs. */
#include <stdlib.h>
#include <string.h>
#include "cost_profile.h"
#include "explain.h"

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
    if (n->stop) {
        fputs(", \"stop\": ", out);
        put_bytes(out, n->stop);
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

/* ---- the feature as it is written ---- */

/* A number, with its word if it is a mean; else the formula, null if there is nothing. */
static void put_amount(FILE *out, const char *key, Amount a) {
    fprintf(out, ", \"%s\": ", key);
    if (a.n >= 0) fprintf(out, "%.9g", a.n);
    else if (!strcmp(a.text, "-")) fputs("null", out);
    else put_json(out, a.text);
    if (a.mean) fprintf(out, ", \"%s_are_measured\": true", key);
}

static void put_ns(FILE *out, double ns) {
    if (ns < 0) fputs(", \"ns\": null", out);
    else fprintf(out, ", \"ns\": %.9g", ns);
}

static void put_words(FILE *out, const char *key, const Words *words) {
    fprintf(out, ", \"%s\": [", key);
    for (int i = 0; i < words->n; i++) {
        if (i) fputs(", ", out);
        put_json(out, words->at[i]);
    }
    fputc(']', out);
}

static void put_row(FILE *out, const Row *row) {
    static const char *const kinds[] = {
        [ROW_SOURCE] = "source", [ROW_FIELD] = "field", [ROW_STEP] = "step",
        [ROW_WHERE] = "where", [ROW_EACH] = "each", [ROW_CACHE] = "cache",
        [ROW_BATCH] = "batch", [ROW_RECORD] = "record"};
    fprintf(out, "{\"kind\": \"%s\"", kinds[row->kind]);
    fprintf(out, ", \"line\": %d, \"name\": ", row->line);
    put_json(out, row->name);
    if (row->of) fputs(", \"of\": ", out);
    if (row->of) put_json(out, row->of);
    fputs(", \"type\": ", out);
    put_json(out, row->type);
    put_amount(out, "bytes_in", row->in);
    put_amount(out, "bytes_out", row->out);
    put_ns(out, row->ns);
    put_words(out, "runs_in", &row->runs_in);
    put_words(out, "fused_with", &row->with);
    if (row->dead) fputs(", \"dead\": true", out);
    fputc('}', out);
}

static void rows_json(const Rows *rows, FILE *out) {
    for (int i = 0; i < rows->n; i++) {
        fputs(i ? ",\n  " : "\n  ", out);
        put_row(out, &rows->at[i]);
    }
}

static void moved_json(const Story *s, FILE *out) {
    fputs("],\n \"reordered\": [", out);
    for (int i = 0; i < s->moved.n; i++) {
        fputs(i ? ", {\"field\": " : "{\"field\": ", out);
        put_json(out, s->moved.at[i].chain->field);
        fputs(", \"steps\": [", out);
        rows_json(&s->moved.at[i].rows, out);
        fputs("]}", out);
    }
}

/* ---- as it is made ---- */

static void made_json(const Story *s, FILE *out) {
    for (int i = 0; i < s->made.n; i++) {
        const Made *m = &s->made.at[i];
        fputs(i ? ",\n  {\"name\": " : "\n  {\"name\": ", out);
        put_json(out, m->note->name);
        fprintf(out, ", \"line\": %d, \"way\": \"%s\"", m->note->line, m->note->way);
        put_amount(out, "bytes", m->bytes);
        put_ns(out, m->ns);
        put_words(out, "fused", &m->operators);
        fputc('}', out);
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

void orders_json(const ChainOrders *c, FILE *out) {
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

void explain_json(const Story *s, FILE *out) {
    const LowerNotes *notes = s->notes;
    const Graph *graph = s->graph;
    fputs("{\"tensors\": [", out);
    for (int i = 0; i < notes->tensors.n; i++) {
        fputs(i ? ",\n  " : "\n  ", out);
        put_note(out, &notes->tensors.at[i]);
    }
    fputs("],\n \"crops\": [", out);
    crops_json(notes, out);
    fputs("],\n \"seeks\": [", out);
    for (int i = 0; i < notes->seeks.n; i++) {
        if (i) fputs(", ", out);
        put_json(out, notes->seeks.at[i]);
    }
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
    fputs("],\n \"steps\": [", out);
    rows_json(&s->rows, out);
    moved_json(s, out);
    fputs("],\n \"made\": [", out);
    made_json(s, out);
    fputs("]", out);
    explain_cache_json(graph, out);
    if (graph->profile) measured_json(s->arena, graph->profile, out);
    if (graph->profile) explain_plan_json(s, out);
    fputs("}\n", out);
}
