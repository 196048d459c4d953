/* What lowering decided: `pipec explain`, and the plan as YAML. */
#include <string.h>
#include "lower.h"

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

static void explain_json(const LowerNotes *notes, FILE *out) {
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
    fputs("]}\n", out);
}

/* ---- for people ---- */

static void explain_text(const Graph *graph, const LowerNotes *notes, FILE *out) {
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
}

int explain(const Graph *graph, FILE *out, bool json) {
    Arena *arena = arena_new();
    LowerNotes notes = decide(arena, graph);
    if (json) explain_json(&notes, out);
    else explain_text(graph, &notes, out);
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

/* ---- YAML ---- */

static void put_members(FILE *out, const Graph *graph) {
    static const char *const kinds[] = {[NODE_FIELD] = "field", [NODE_WHERE] = "where",
                                        [NODE_EACH] = "each"};
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        int line = 0, column;
        if (node->loc.file) loc_line(node->loc, &line, &column);
        fprintf(out, "      - {kind: %s", kinds[node->kind]);
        if (node->nvars) fprintf(out, ", name: %s", node->vars[0]->name);
        fprintf(out, ", level: %d, line: %d}\n", node->level, line);
    }
}

void print_plan(const Graph *graph, FILE *out) {
    Arena *arena = arena_new();
    LowerNotes notes = decide(arena, graph);
    fprintf(out, "feature: %s\nsource: %s\nbatch: %lld\nstages:\n", graph->name,
            graph->source, (long long)graph->batch);
    fputs("  - name: record\n    where: worker\n    members:\n", out);
    put_members(out, graph);
    if (graph->below.n) fputs("  - name: batch\n    where: worker\n    members:\n", out);
    for (int i = 0; i < graph->below.n; i++)
        fprintf(out, "      - {kind: field, name: %s}\n", graph->below.at[i].var->name);
    fputs("tensors:\n", out);
    for (int i = 0; i < notes.tensors.n; i++) {
        const TensorNote *n = &notes.tensors.at[i];
        fprintf(out, "  - {name: %s, line: %d, shape: \"%s\", way: %s, bytes: \"%s\"}\n",
                n->name, n->line, n->shape, n->way, n->bytes);
    }
    arena_free(arena);
}
