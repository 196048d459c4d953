/* What lowering decided: `pipec explain`. */
#include "explain.h"

static LowerNotes decide(Arena *arena, const Graph *graph) {
    LowerOptions options = {.fuse = true, .reorder = true, .ncpus = 1, .cpu = {CPU_ANY},
                            .version = "",
                            .level = 2};
    LowerNotes notes = {0};
    lower_graph(arena, graph, &options, &notes);
    return notes;
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
    static void (*const forms[])(const Story *, FILE *) = {
        [EXPLAIN_TEXT] = explain_text, [EXPLAIN_JSON] = explain_json,
        [EXPLAIN_DOT] = explain_dot, [EXPLAIN_HTML] = explain_html};
    Story story = {.arena = arena_new(), .graph = graph, .notes = notes, .plan = plan};
    explain_rows(&story);
    explain_work(&story);
    explain_made(&story);
    explain_said(&story);
    forms[format](&story, out);
    arena_free(story.arena);
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
