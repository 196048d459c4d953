#include "plan_cost.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dim.h"
#include "plan_pins.h"
#include "term_build.h"

enum { MEMORY = 512000000 };    /* the runtime's own budget */
static const double SECOND = 1e9;
static const double FOR_BATCHES = .75;  /* of it; the rest is for what is read ahead */

/* ---- bytes ---- */

static double bytes_of_type(const Type *type) {
    double bytes = type->kind == TY_TENSOR ? dtype_size(type->dtype) : 0;
    int64_t n;
    for (int k = 0; type->kind == TY_TENSOR && k < type->rank; k++)
        bytes = type->dims && type->dims[k] && dim_constant(type->dims[k], &n)
                    ? bytes * (double)n : 0;
    return bytes;
}

double plan_bytes_out(const Graph *graph) {
    double bytes = 0;
    for (int i = 0; i < graph->outputs.n; i++) {
        const Var *var = graph->outputs.at[i].term->var;
        bytes += var->kind == VAR_BELOW ? bytes_of_type(var->type) / (double)graph->batch
                                        : bytes_of_type(var->of->type);
    }
    return bytes;
}

/* What is made in memory is written once and read once; what is read in is read. */
static double moved(const Graph *graph, const LowerNotes *notes) {
    double bytes = plan_bytes_out(graph) + 2 * graph->profile->read_bytes;
    for (int i = 0; i < notes->tensors.n; i++)
        if (!strcmp(notes->tensors.at[i].way, "whole"))
            bytes += 2 * strtod(notes->tensors.at[i].bytes, NULL);
    return bytes;
}

/* ---- orders ---- */

bool plan_is_profiled(const Graph *graph) {
    char hash[32];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)graph->hash);
    return !strcmp(hash, graph->profile->hash);
}

static double orders_cost(const Graph *graph) {
    double ns = 0;
    if (plan_is_profiled(graph)) return 0;
    for (int i = 0; i < graph->chains.n; i++) ns += graph->chains.at[i].ns_more;
    return ns;
}

/* ---- wheres ---- */

static int line_at(const Node *node) {
    int line = 0, column;
    if (node->loc.file) loc_line(node->loc, &line, &column);
    return line;
}

/* Which nodes a `where` needs, by number. */
typedef struct Need { const Graph *graph; bool *node; } Need;

static void find_need(const Term *term, void *data) {
    Need *need = data;
    if (term->kind != TERM_REF) {
        term_children(term, find_need, data);
        return;
    }
    for (int i = 0; i < need->graph->nodes.n; i++) {
        const Node *node = &need->graph->nodes.at[i];
        bool is = false;
        for (int k = 0; k < node->nvars; k++) is |= node->vars[k] == term->var;
        if (!is || need->node[i]) continue;
        need->node[i] = true;
        find_need(node->term, data);
    }
}

/* The statement that a line of the text is in; -1: none. */
static int node_of_line(const Graph *graph, int line) {
    int found = -1;
    for (int i = 0; i < graph->nodes.n; i++)
        if (line_at(&graph->nodes.at[i]) <= line) found = i;
    return found;
}

static const Node *where_at(const Graph *graph, int line) {
    for (int i = 0; i < graph->nodes.n; i++)
        if (graph->nodes.at[i].kind == NODE_WHERE && line_at(&graph->nodes.at[i]) == line)
            return &graph->nodes.at[i];
    return NULL;
}

/* How much more a section costs that runs for another part of the records than it did. */
static double reach_cost(double ns, double then, double now) {
    return then > 0 ? ns * (now / then - 1) : 0;
}

/* Goes through the wheres as they are asked: of the records that are left each asks those,
 * and makes what it is the first to need. */
static double wheres_cost(Arena *arena, const Graph *graph, const LowerNotes *notes) {
    const CostProfile *p = graph->profile;
    Need need = {graph, arena_array(arena, bool, graph->nodes.n + 1)};
    bool *done = arena_array(arena, bool, p->sections.n + 1);
    double left = 1, ns = 0;
    for (int i = 0; i < notes->wheres.n; i++) {
        const FilterCost *cost = cost_of_filter(p, notes->wheres.at[i]);
        const Node *where = where_at(graph, notes->wheres.at[i]);
        if (!cost || !where || where->level) continue;
        find_need(where->term, &need);
        for (int k = 0; k < p->sections.n; k++) {
            const SectionCost *s = &p->sections.at[k];
            int node = node_of_line(graph, s->line);
            bool own = !strcmp(s->kind, "where") && s->line == cost->line;
            bool made = strcmp(s->kind, "where") && node >= 0 && need.node[node];
            if (done[k] || (!own && !made)) continue;
            done[k] = true;
            ns += reach_cost(s->ns, s->reached, left);
        }
        left *= cost->kept;
    }
    return ns;
}

/* ---- ways ---- */

/* What a plan makes whole is written and read, which is a copy. */
static double ways_cost(const Graph *graph, const LowerNotes *notes) {
    const CostProfile *p = graph->profile;
    PinnedBytes bytes = plan_pinned_bytes(graph, notes);
    double near = p->copy_near > 0 ? p->copy_near : p->copy;
    return p->copy > 0 ? bytes.others / p->copy + bytes.cached / near : 0;
}

/* ---- all ---- */

PlanChange plan_change(Arena *arena, const Graph *graph, const LowerNotes *notes) {
    PlanChange change = {orders_cost(graph), wheres_cost(arena, graph, notes),
                         ways_cost(graph, notes)};
    return change;
}

/* What the profiled plan would give if no thread waited for another. */
static double undisturbed(const CostProfile *p, const Workload *w, int workers) {
    Workload profiled = *w;
    Machine m = {.cores = (int)fmax(p->cores, 1), .copy = p->copy};
    profiled.read_ns = p->read_ns;
    return model_rate(&profiled, &m, (Counts){workers, 0, 0}).rows;
}

/* Work that is little beside waking a thread takes longer than it computes; and several
 * workers are in each other's way. Both were measured, as a whole, of a source that one
 * reader is fast enough for: else it is the source that is waited for. */
static void add_waits(const CostProfile *p, Workload *w, double more) {
    int crowd = (int)p->crowd;
    double wall, alone;
    w->worker_ns = p->worker_ns;
    w->cpu_ns = p->cpu_ns;
    wall = p->wall_ns - SECOND * p->rows / undisturbed(p, w, 1);
    if (wall > 0 && 2 * p->read_ns < p->wall_ns) w->worker_ns += wall;
    alone = undisturbed(p, w, crowd);
    if (crowd > 1 && p->crowd_rows > 0 && alone > p->crowd_rows &&
        2 * p->read_ns < SECOND * p->rows / p->crowd_rows)
        w->crowd = fmax(0, crowd * SECOND * p->rows / p->crowd_rows / w->worker_ns - 1) /
                   (crowd - 1);
    w->worker_ns += more;
    w->cpu_ns += more;
}

Workload plan_workload(Arena *arena, const Graph *graph, const LowerNotes *notes) {
    const CostProfile *p = graph->profile;
    PlanChange change = plan_change(arena, graph, notes);
    double more = change.orders + change.wheres + change.ways;
    double least = p->worker_ns / 100, read = p->read_ns;
    const CachePoint *cache = graph->cache;
    if (cache && cache->made_ns > 0) {      /* what is below moves at least its bytes */
        more -= cache->made_ns;
        read = cache->out_ns;
        if (p->copy > 0) least = fmax(least, (cache->bytes + plan_bytes_out(graph)) / p->copy);
    }
    if (p->worker_ns + more < least) more = least - p->worker_ns;
    Workload w = {.read_ns = read, .moved = moved(graph, notes), .rows = p->rows,
                  .batch = (double)graph->batch,
                  .batch_bytes = plan_bytes_out(graph) * (double)graph->batch,
                  .handover_ns = fmax(p->handover_ns, p->caller_ns / p->rows *
                                                              (double)graph->batch)};
    add_waits(p, &w, more);
    return w;
}

Machine plan_machine(const Graph *graph, const PlanWish *wish) {
    const CostProfile *p = graph->profile;
    int cores = p->cores > 0 ? (int)p->cores : 1;
    if (wish->cores) cores = (int)wish->cores;
    return (Machine){.cores = cores, .copy = p->copy, .budget = (double)wish->memory,
                     .memory = FOR_BATCHES * (wish->memory ? (double)wish->memory : MEMORY)};
}

ModelWish plan_model_wish(const PlanWish *wish) {
    return (ModelWish){.rate = (double)wish->target_rate, .no_prefetch = wish->no_prefetch,
                       .no_parallel = wish->no_parallel};
}

double plan_tensor_ns(const CostProfile *p, const TensorNote *n) {
    double ns = 0;
    bool known = false;
    for (int i = 0; p && i < p->sections.n; i++) {
        const SectionCost *s = &p->sections.at[i];
        if (s->line != n->line || strcmp(s->name, n->section)) continue;
        ns += s->ns;
        known = true;
    }
    return known && strcmp(n->way, "inline") ? ns : -1;
}
