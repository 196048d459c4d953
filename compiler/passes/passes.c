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
    {"stops", 0, false, pass_stops, "what only the first are read of ends with them"},
    {"ends", 0, false, pass_ends, "subscripts are tested at the ends of loops"},
    {"levels", 0, false, pass_levels, "floats that are rounded to levels stay floats"},
    {"slides", 1, false, pass_slides, "a fold over mirrored borders slides over a wider row"},
    {"tables", 1, false, pass_tables, "what does not use all indices is made once"},
    {"normal-last", 1, false, pass_normal, "tables become fields"},
};
const int pass_count = sizeof pass_table / sizeof *pass_table;

/* ways: what the passes left is put where it is read; sweeps: tensors are rings of rows;
 * regions: a kernel makes only what is read; lanes: elements are made several at once;
 * splits: a loop whose body chooses by its index is several; seek: of a file only what is
 * used is read. */
static const char *const lowering[] = {"ways", "sweeps", "regions", "lanes", "splits",
                                       "seek", NULL};

const char *pass_name(int i) {
    return i < pass_count ? pass_table[i].name : lowering[i - pass_count];
}

bool pass_is_off(const char *off, const char *name) {
    size_t length = strlen(name);
    while (off) {
        if (strcspn(off, ",") == length && !memcmp(off, name, length)) return true;
        off = strchr(off, ',');
        off += off != NULL;
    }
    return false;
}

const Graph *passes_run(Arena *arena, const Graph *graph, int level, bool reorder,
                        const char *off, const char *dump) {
    for (int i = 0; i < pass_count; i++) {
        const Pass *pass = &pass_table[i];
        if (pass->level > level || (pass->reorders && !reorder)) continue;
        if (!pass_is_off(off, pass->name)) graph = pass->run(arena, graph);
        if (dump && !strcmp(dump, pass->name)) print_graph(stderr, graph);
        verify_graph(graph, pass->name);
    }
    return graph;
}
