/* The passes of the fused plan, read from top to bottom. */
#include "pass.h"
#include <stdio.h>
#include <string.h>

const Pass pass_table[] = {
    {"filters", 0, true, pass_filters, "of two wheres the cheap one comes first"},
    {"unroll", 0, false, pass_unroll, "folds over tensors become their rounds"},
    {"normal", 0, false, pass_normal, "bindings and tests stand as far out as they can"},
    {"links", 0, false, pass_links, "what a switch skips is skipped link by link"},
    {"inline", 0, false, pass_inline, "elements are put where they are read"},
    {"normal-again", 0, false, pass_normal, "tests that came with elements leave the loops"},
    {"levels", 0, false, pass_levels, "floats that are rounded to levels stay floats"},
    {"slides", 1, false, pass_slides, "a fold over mirrored borders slides over a wider row"},
    {"tables", 1, false, pass_tables, "what does not use all indices is made once"},
    {"normal-last", 1, false, pass_normal, "tables become fields"},
};
const int pass_count = sizeof pass_table / sizeof *pass_table;

const Graph *passes_run(Arena *arena, const Graph *graph, int level, bool reorder,
                        const char *dump) {
    for (int i = 0; i < pass_count; i++) {
        const Pass *pass = &pass_table[i];
        if (pass->level > level || (pass->reorders && !reorder)) continue;
        graph = pass->run(arena, graph);
        if (dump && !strcmp(dump, pass->name)) print_graph(stderr, graph);
        verify_graph(graph, pass->name);
    }
    return graph;
}
