/* The passes of the fused plan, read from top to bottom. */
#include "pass.h"
#include <stdio.h>
#include <string.h>

const Pass pass_table[] = {
    {"normal", 0, pass_normal, "bindings and tests stand as far out as they can"},
    {"inline", 0, pass_inline, "elements are put where they are read"},
    {"normal-again", 0, pass_normal, "tests that came with elements leave the loops"},
    {"tables", 1, pass_tables, "what does not use all indices is made once"},
    {"normal-last", 1, pass_normal, "tables become fields"},
};
const int pass_count = sizeof pass_table / sizeof *pass_table;

const Graph *passes_run(Arena *arena, const Graph *graph, int level, const char *dump) {
    for (int i = 0; i < pass_count; i++) {
        const Pass *pass = &pass_table[i];
        if (pass->level > level) continue;
        graph = pass->run(arena, graph);
        verify_graph(graph, pass->name);
        if (dump && !strcmp(dump, pass->name)) print_graph(stderr, graph);
    }
    return graph;
}
