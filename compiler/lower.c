/* From the feature graph to a loop IR module: what is demanded, the functions of
 * the plain plan and of the fused one, the tables around them. */
#include <string.h>
#include "lower.h"
#include "lower_room.h"
#include "passes/pass.h"

static const Var *output_var(const Output *output) { return output->term->var; }

static bool listed(const Var *const *at, int n, const Var *var) {
    for (int i = 0; i < n; i++)
        if (at[i] == var) return true;
    return false;
}

static bool live(const Lowering *all, const Var *var) {
    return var->id < all->live.n && all->live.at[var->id];
}

/* Fields in the order of `emit` first: failures are looked for in this order. */
static void number_tables(Lowering *all) {
    const Graph *graph = all->graph;
    for (int i = 0; i < graph->outputs.n; i++) {
        const Var *var = output_var(&graph->outputs.at[i]);
        if (var->kind == VAR_BATCHED && !listed(all->fields.at, all->fields.n, var))
            list_push(all->arena, &all->fields, var);
        if (var->kind == VAR_BELOW && !listed(all->below.at, all->below.n, var))
            list_push(all->arena, &all->below, var);
    }
    for (int i = 0; i < graph->batched.n; i++) {
        const Var *var = graph->batched.at[i];
        if (live(all, var) && !listed(all->fields.at, all->fields.n, var))
            list_push(all->arena, &all->fields, var);
    }
    for (int i = 0; i < graph->source_fields.n; i++)
        if (live(all, graph->source_fields.at[i]))
            list_push(all->arena, &all->inputs, graph->source_fields.at[i]);
}

static void declare_calls(Lowering *all) {
    LoopType i32 = {LT_I32, 1}, i64 = {LT_I64, 1}, ptr = {LT_PTR, 1};
    LoopType fail[] = {ptr, i32, i64, i64}, fail_kernel[] = {ptr, i32}, lock[] = {ptr};
    all->fail_type = loop_extern(all->module, "pl_fail_type", i32, 4, fail);
    all->fail_kernel_type = loop_extern(all->module, "pl_fail_kernel_type", i32, 2,
                                        fail_kernel);
    all->lock_type = loop_extern(all->module, "pl_lock_type", (LoopType){LT_VOID, 1}, 1,
                                 lock);
}

static PlanCode *make_plan(Lowering *all, bool plain) {
    PlanCode *code = arena_new_of(all->arena, PlanCode);
    code->plain = plain;
    code->batch = -1;
    for (int k = 0; k < all->graph->levels; k++) gen_enter(all, code, k);
    gen_emit(all, code);
    if (all->below.n) gen_batch(all, code);
    return code;
}

static void note_dead(Lowering *all) {
    if (!all->notes) return;
    for (int i = 0; i < all->graph->nodes.n; i++) {
        const Node *node = &all->graph->nodes.at[i];
        for (int k = 0; node->kind == NODE_FIELD && k < node->nvars; k++)
            if (!live(all, node->vars[k]))
                list_push(all->arena, &all->notes->dead, node->vars[k]->name);
    }
}

/* What the passes have put into its readers is not seen by lowering. */
static void note_inline(const Term *term, void *data) {
    Lowering *all = data;
    if (term->kind == TERM_LET) note_gone(all, term->var);
    term_children(term, note_inline, data);
}

static void note_all_inline(Lowering *all, const Graph *graph) {
    if (!all->notes) return;
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        bool alive = node->kind != NODE_FIELD || live(all, node->vars[0]);
        if (!alive) continue;
        if (node->kind == NODE_FIELD) note_gone(all, node->vars[0]);
        note_inline(node->term, all);
    }
}

/* The fused plan is made of the graph that the passes give; the tables are those
 * of the graph as it was written. */
static PlanCode *make_fused(Lowering *all, const LowerOptions *options) {
    Lowering as_written = *all;
    PlanCode *code;
    all->graph = passes_run(all->arena, all->graph, options->level, options->reorder,
                            options->dump);
    all->def.at = NULL;
    all->def.n = all->def.room = 0;
    all->live.at = NULL;
    all->live.n = all->live.room = 0;
    all->paths = map_new();
    all->projected = map_new();
    find_definitions(all);
    find_live(all);
    code = make_plan(all, false);
    map_free(all->paths);
    map_free(all->projected);
    all->graph = as_written.graph;
    all->def = as_written.def;
    all->live = as_written.live;
    all->paths = as_written.paths;
    all->projected = as_written.projected;
    memcpy(all->each, as_written.each, sizeof all->each);
    memcpy(all->row, as_written.row, sizeof all->row);
    note_all_inline(all, all->graph);
    return code;
}

LoopModule *lower_graph(Arena *arena, const Graph *graph, const LowerOptions *options,
                        LowerNotes *notes) {
    Lowering *all = arena_new_of(arena, Lowering);
    PlanCode *fused = NULL, *plain;
    int open;
    *all = (Lowering){.arena = arena, .graph = graph, .options = options, .notes = notes,
                      .module = loop_module(arena, graph->name), .dims = dim_table(arena),
                      .paths = map_new(), .projected = map_new()};
    all->module->dsl_file = options->lines ? graph->file->path : NULL;
    find_definitions(all);
    find_live(all);
    number_tables(all);
    note_dead(all);
    declare_calls(all);
    open = gen_open(all);
    if (options->fuse) fused = make_fused(all, options);
    plain = make_plan(all, true);
    feature_tables(all, open, plain, fused);
    map_free(all->paths);
    map_free(all->projected);
    return all->module;
}
