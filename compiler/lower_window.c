/* A window for several readers: a kernel makes the hull of all that is read. Exact: a kernel
 * with `region` promises the same values in a part, and the hull is found for each record
 * from the subscripts themselves. Rings of rows ask for theirs in the same way. */
#include "lower_sweep.h"
#include "passes/pass.h"

static bool window_reads(Gen *g, const Var *var, int level, SweepReads *reads) {
    const Graph *graph = g->all->graph;
    for (int i = 0; i < graph->batched.n; i++)
        if (graph->batched.at[i]->of == var) return false;
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        int n = sweep_node_uses(g, node, var), before = reads->n;
        if (!n) continue;
        sweep_reads(g, var, node->term, reads);
        if (reads->n - before != n || node->level != level ||
            sweep_reads_made_of(g, node->term, var))
            return false;
    }
    return reads->n > 0;
}

static int loops_of(const SweepRead *read) {
    int n = 0;
    for (int i = 0; i < read->nsteps; i++) n += read->step[i].loop != NULL;
    return n;
}

static void find_window(Gen *g, SweepStage *stage) {
    for (int k = 0; k < stage->def->type->rank; k++) {
        Value size = stage->ring->dim[k].v;
        bool all = !stage->def->kernel->region[k] || sweep_small(g, size);
        for (int i = 0; i < stage->reads.n && !all; i++) {
            SweepRead read = sweep_needed(&stage->reads.at[i], k);
            all = loops_of(&read) > 2;
        }
        if (all) {
            stage->from[k] = gen_long(g, 0);
            stage->to[k] = size;
        } else {
            note_crop(g, stage->var, k);
            SweepHull h = sweep_hull_begin(g, k, size);
            sweep_widen(g, stage, &h);
            sweep_hull_end(g, stage, &h);
        }
    }
}

bool gen_window(Gen *g, Thunk *thunk, const Term *def, Low *low) {
    SweepStage *stage;
    bool region = false;
    if (g->plain || !thunk || !thunk->var || def->kernel->nresults != 1 ||
        def->type->kind != TY_TENSOR || thunk->level < 0 ||
        dims_need_data(g->all, def) || pass_is_off(g->all->options->off, "regions"))
        return false;
    for (int k = 0; k < def->type->rank; k++) region |= def->kernel->region[k];
    if (!region) return false;
    g->sweep_loops = g->loops;
    stage = sweep_stage(g, thunk->var, def, NULL);
    if (!window_reads(g, thunk->var, thunk->level, &stage->reads)) return false;
    sweep_announce(g, stage);
    for (int i = 0; i < g->all->graph->nodes.n; i++)
        if (sweep_node_uses(g, &g->all->graph->nodes.at[i], thunk->var))
            force_before(g, 1, &g->all->graph->nodes.at[i].term);
    find_window(g, stage);
    stage->first = stage->from[0];
    stage->rows = gen_nonnegative(g, gen_op(g, LOOP_SMAX, LT_I64, 2, gen_long(g, 0),
                                            gen_sub(g, stage->to[0], stage->from[0])));
    stage->slots = gen_add(g, stage->rows, gen_long(g, 1));
    sweep_make_ring(g, stage);
    sweep_kernel_window(g, stage);
    *low = low_tensor(stage->ring, def->type);
    return true;
}
