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
}

static void number_inputs(Lowering *all) {
    const Graph *graph = all->graph;
    for (int i = 0; i < graph->source_fields.n; i++)
        if (live(all, graph->source_fields.at[i]))
            list_push(all->arena, &all->inputs, graph->source_fields.at[i]);
}

static void declare_calls(Lowering *all) {
    LoopType i32 = {LT_I32, 1}, i64 = {LT_I64, 1}, ptr = {LT_PTR, 1};
    LoopType fail[] = {ptr, i32, i64, i64}, fail_kernel[] = {ptr, i32}, lock[] = {ptr},
             section[] = {ptr, i32, i64}, need[] = {ptr, i32, ptr, i64, i64};
    all->fail_type = loop_extern(all->module, "pl_fail_type", i32, 4, fail);
    all->fail_kernel_type = loop_extern(all->module, "pl_fail_kernel_type", i32, 2,
                                        fail_kernel);
    all->lock_type = loop_extern(all->module, "pl_lock_type", (LoopType){LT_VOID, 1}, 1,
                                 lock);
    all->section_type = loop_extern(all->module, "pl_section_type", (LoopType){LT_VOID, 1},
                                    3, section);
    all->need_type = loop_extern(all->module, "pl_need_type", (LoopType){LT_VOID, 1}, 5,
                                 need);
}

static PlanCode *make_plan(Lowering *all, bool plain, const char *prefix) {
    PlanCode *code = arena_new_of(all->arena, PlanCode);
    code->plain = plain;
    code->prefix = prefix;
    code->batch = -1;
    for (int k = 0; k < all->graph->levels; k++) gen_enter(all, code, k);
    gen_emit(all, code);
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

/* What lowering knows of a graph, for another one. */
void lower_begin_graph(Lowering *all, const Graph *graph) {
    all->graph = graph;
    all->def.at = NULL;
    all->def.n = all->def.room = 0;
    all->live.at = NULL;
    all->live.n = all->live.room = 0;
    all->paths = map_new();
    all->projected = map_new();
    all->ranged = map_new();
    find_definitions(all);
    find_live(all);
}

void lower_end_graph(Lowering *all, const Lowering *before) {
    map_free(all->paths);
    map_free(all->projected);
    map_free(all->ranged);
    all->graph = before->graph;
    all->def = before->def;
    all->live = before->live;
    all->paths = before->paths;
    all->projected = before->projected;
    all->ranged = before->ranged;
    all->inputs = before->inputs;
    all->fields = before->fields;
    all->kept = before->kept;
    all->notes = before->notes;
    memcpy(all->each, before->each, sizeof all->each);
    memcpy(all->row, before->row, sizeof all->row);
}

static const Graph *optimized(Lowering *all, const Graph *graph) {
    const LowerOptions *options = all->options;
    return passes_run(all->arena, graph, options->level, options->reorder, options->off,
                      options->dump);
}

/* The fused plan is made of the graph that the passes give; the tables are those
 * of the graph as it was written. */
static PlanCode *make_fused(Lowering *all, const Graph *written, const Graph *graph,
                            const char *prefix, bool batch) {
    Lowering before = *all;
    PlanCode *code;
    lower_begin_graph(all, graph);
    all->written = written;
    code = make_plan(all, false, prefix);
    if (batch) gen_batch(all, code);
    sections_weigh(all);
    note_reads(all);
    note_groups(all);
    note_wheres(all);
    lower_end_graph(all, &before);
    return code;
}

/* ---- the parts of a cut: two more plans of the same records ---- */

static PlanCode *make_above(Lowering *all, const Cut *cut) {
    VarList fields = all->fields;
    PlanCode *code;
    memset(&all->fields, 0, sizeof all->fields);
    for (int i = 0; i < cut->above->batched.n; i++)
        list_push(all->arena, &all->fields, cut->above->batched.at[i]);
    code = make_fused(all, cut->above, optimized(all, cut->above), "above_", false);
    all->fields = fields;
    return code;
}

static PlanCode *make_below(Lowering *all, const Cut *cut) {
    VarList inputs = all->inputs;
    PlanCode *code;
    all->inputs = cut->kept;
    all->kept = true;
    all->dims_only = cut->dims_only;
    code = make_fused(all, cut->below, optimized(all, cut->below), "below_", false);
    all->inputs = inputs;
    all->kept = false;
    return code;
}

static const Cut *find_cut(Lowering *all) {
    const CachePoint *cache = all->graph->cache;
    Lowering before = *all;
    CutNeeds needs;
    const Cut *cut;
    const char *odd;
    lower_begin_graph(all, cache->graph);
    needs = (CutNeeds){all->fields.n, all->fields.at, all->live.n, all->live.at};
    cut = cut_graph(all->arena, cache, &needs, &odd);
    lower_end_graph(all, &before);
    return cut;
}

static void add_live(Lowering *all, const Var *var, const unsigned *more, int n) {
    if (var && var->id < n && var->id < all->live.n) all->live.at[var->id] |= more[var->id];
}

/* Another graph of these records may need more than the one that was written, so that has to
 * be bound and read, too: what stands above a cut reads more than the dims of some of it, and
 * a pass may move a test out of what nobody reads. */
static void need_too(Lowering *all, const Graph *other) {
    const Graph *graph = all->graph;
    Lowering before = *all;
    const unsigned *more;
    int n;
    lower_begin_graph(all, other);
    more = all->live.at;
    n = all->live.n;
    lower_end_graph(all, &before);
    for (int i = 0; i < graph->params.n; i++)
        add_live(all, graph->params.at[i].var, more, n);
    for (int i = 0; i < graph->opens.n; i++) add_live(all, graph->opens.at[i].var, more, n);
    for (int i = 0; i < graph->source_fields.n; i++)
        add_live(all, graph->source_fields.at[i], more, n);
}

static CutCode make_cut(Lowering *all, const Cut *cut) {
    CutCode code = {.cut = cut};
    LowerNotes *notes = all->notes;
    if (!cut) return code;
    all->notes = NULL;
    code.above = make_above(all, code.cut);
    code.below = make_below(all, code.cut);
    all->notes = notes;
    return code;
}

LoopModule *lower_graph(Arena *arena, const Graph *graph, const LowerOptions *options,
                        LowerNotes *notes) {
    Lowering *all = arena_new_of(arena, Lowering);
    PlanCode *fused = NULL, *plain;
    const Graph *made = NULL;
    CutCode code = {0};
    const Cut *cut = NULL;
    int open;
    *all = (Lowering){.arena = arena, .graph = graph, .options = options, .notes = notes,
                      .module = loop_module(arena, graph->name), .dims = dim_table(arena),
                      .paths = map_new(), .projected = map_new()};
    all->module->dsl_file = options->lines ? graph->file->path : NULL;
    find_definitions(all);
    find_live(all);
    number_tables(all);
    if (graph->cache && options->fuse) cut = find_cut(all);
    if (cut) need_too(all, cut->above);
    if (options->fuse) need_too(all, made = optimized(all, graph));
    number_inputs(all);
    note_dead(all);
    declare_calls(all);
    open = gen_open(all);
    if (options->fuse) {
        fused = make_fused(all, graph, made, "", all->below.n > 0);
        note_all_inline(all, graph);
        code = make_cut(all, cut);
        seek_run(all);
    }
    plain = make_plan(all, true, "plain_");
    if (all->below.n) gen_batch(all, plain);
    feature_tables(all, open, plain, fused, &code);
    map_free(all->paths);
    map_free(all->projected);
    return all->module;
}
