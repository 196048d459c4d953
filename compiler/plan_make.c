/* What was decided of a feature, as a plan. */
#include <string.h>
#include "plan_cost.h"

/* ---- what lowering decided ---- */

static int line_at(Loc loc) {
    int line = 0, column;
    if (loc.file) loc_line(loc, &line, &column);
    return line;
}

static const GroupNote *group_of(const LowerNotes *notes, const TensorNote *n) {
    for (int i = 0; i < notes->groups.n; i++) {
        const GroupNote *group = &notes->groups.at[i];
        if (group->line == n->line && !strcmp(group->name, n->section)) return group;
    }
    return NULL;
}

static PlanTensor *known_tensor(Plan *plan, const TensorNote *n) {
    for (int i = 0; i < plan->tensors.n; i++) {
        PlanTensor *t = &plan->tensors.at[i];
        if (t->line == n->line && !strcmp(t->name, n->name) && !strcmp(t->shape, n->shape))
            return t;
    }
    return NULL;
}

static void add_operator(Arena *arena, PlanTensor *to, const char *name) {
    for (int i = 0; i < to->fused.n; i++)
        if (!strcmp(to->fused.at[i], name)) return;
    list_push(arena, &to->fused, name);
}

/* Tables are small and the compiler's own; of tensors with one name, line and shape the
 * first that is in memory is told. */
static void add_tensor(Arena *arena, Plan *plan, const CostProfile *profile,
                       const LowerNotes *notes, const TensorNote *n) {
    PlanTensor *known = known_tensor(plan, n);
    const GroupNote *group = group_of(notes, n);
    PlanTensor t = {.name = n->name, .shape = n->shape, .way = n->way, .bytes = n->bytes,
                    .line = n->line, .ns = plan_tensor_ns(profile, n)};
    if (!strcmp(n->way, "table")) return;
    for (int i = 0; group && strcmp(n->way, "inline") && i < group->operators.n; i++)
        add_operator(arena, &t, group->operators.at[i].name);
    if (!known) list_push(arena, &plan->tensors, t);
    else if (!strcmp(known->way, "inline")) *known = t;
}

static void add_member(Arena *arena, PlanStage *to, const char *kind, const char *name,
                       int line) {
    list_push(arena, &to->members, ((PlanMember){.kind = kind, .name = name, .line = line}));
}

static void add_stages(Arena *arena, Plan *plan, const Graph *graph) {
    static const char *const kinds[] = {[NODE_FIELD] = "field", [NODE_WHERE] = "where",
                                        [NODE_EACH] = "each"};
    PlanStage *stage = plan->stage;
    for (int i = 0; i < PLAN_STAGES; i++)
        stage[i].ns = stage[i].bytes_in = stage[i].bytes_out = -1;
    add_member(arena, &stage[STAGE_READ], "source", graph->source, line_at(graph->source_loc));
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        add_member(arena, &stage[STAGE_RECORD], kinds[node->kind],
                   node->nvars ? node->vars[0]->name : NULL, line_at(node->loc));
    }
    for (int i = 0; i < graph->below.n; i++)
        add_member(arena, &stage[STAGE_BATCH], "batch", graph->below.at[i].var->name,
                   line_at(graph->below.at[i].var->loc));
}

/* ---- what was pinned ---- */

/* What is predicted stays as the plan has it where no profile tells better. */
static void take_pinned(Plan *plan, const Plan *pinned) {
    plan->wish = pinned->wish;
    plan->rate = pinned->rate;
    plan->bottleneck = pinned->bottleneck;
    for (int i = 0; i < PLAN_STAGES; i++) {
        const PlanStage *from = &pinned->stage[i];
        PlanStage *to = &plan->stage[i];
        to->count = from->count;
        to->ns = from->ns;
        to->bytes_in = from->bytes_in;
        to->bytes_out = from->bytes_out;
    }
    for (int i = 0; i < plan->tensors.n; i++)
        for (int k = 0; k < pinned->tensors.n; k++) {
            PlanTensor *t = &plan->tensors.at[i];
            const PlanTensor *from = &pinned->tensors.at[k];
            if (t->line == from->line && !strcmp(t->name, from->name) &&
                !strcmp(t->shape, from->shape))
                t->ns = t->ns < 0 ? from->ns : t->ns;
        }
}

/* ---- what is predicted ---- */

bool plan_wishes(const PlanWish *wish) {
    return wish->target_rate || wish->cores || wish->memory || wish->no_prefetch ||
           wish->no_parallel;
}

/* Without a profile: what is wished, word for word. */
static void take_wishes(Plan *plan) {
    const PlanWish *wish = &plan->wish;
    PlanStage *stage = plan->stage;
    if (!stage[STAGE_READ].count) stage[STAGE_READ].count = wish->no_prefetch;
    if (!stage[STAGE_BATCH].count) stage[STAGE_BATCH].count = wish->no_prefetch;
    if (!stage[STAGE_RECORD].count)
        stage[STAGE_RECORD].count = wish->no_parallel ? 1 : wish->cores;
}

/* Counts are those of the plan or, if somebody wished something, the cheapest that do; else
 * what the machine does by itself is predicted and none is in the plan. */
static void predict(Arena *arena, Plan *plan, const Graph *graph, const LowerNotes *notes) {
    Workload load = plan_workload(arena, graph, notes);
    const PlanWish *wish = &plan->wish;
    Machine machine = plan_machine(graph, wish);
    Counts counts = model_choose(&load, &machine, plan_model_wish(wish));
    PlanStage *stage = plan->stage;
    bool wished = plan_wishes(wish);
    int *const to[] = {&counts.depth, &counts.workers, &counts.ahead};
    Rate rate;
    for (int i = 0; i < PLAN_STAGES; i++)
        if (stage[i].count) *to[i] = (int)stage[i].count;
        else if (wished) stage[i].count = *to[i];
    rate = model_rate(&load, &machine, counts);
    plan->rate = rate.rows;
    plan->bottleneck = resource_name(rate.slowest);
    stage[STAGE_READ].ns = load.read_ns;
    stage[STAGE_RECORD].ns = load.worker_ns;
    stage[STAGE_BATCH].ns = load.rows * load.handover_ns / load.batch;
    stage[STAGE_READ].bytes_out = stage[STAGE_RECORD].bytes_in = graph->profile->read_bytes;
    if (plan_bytes_out(graph) > 0)
        stage[STAGE_RECORD].bytes_out = load.rows * plan_bytes_out(graph);
}

Plan *plan_make(Arena *arena, const Graph *graph, const LowerNotes *notes,
                const Options *options, const Plan *pinned) {
    Plan *plan = arena_new_of(arena, Plan);
    plan->feature = graph->name;
    plan->hash = arena_format(arena, "%016llx", (unsigned long long)graph->hash);
    plan->wish = options->wish;
    for (int i = 0; i < graph->chains.n; i++) {
        const ChainSteps *c = &graph->chains.at[i];
        list_push(arena, &plan->orders,
                  ((PlanOrder){.field = c->field, .steps = c->steps, .line = c->line}));
    }
    for (int i = 0; i < notes->wheres.n; i++)
        list_push(arena, &plan->wheres, ((PlanWhere){.line = notes->wheres.at[i]}));
    add_stages(arena, plan, graph);
    for (int i = 0; i < notes->tensors.n; i++)
        add_tensor(arena, plan, graph->profile, notes, &notes->tensors.at[i]);
    if (graph->cache)
        plan->cache = (PlanCache){graph->cache->name, line_at(graph->cache->loc), 0,
                                  graph->cache->disk ? 'd' : 'r', graph->cache->limit};
    if (pinned) take_pinned(plan, pinned);
    if (graph->profile) predict(arena, plan, graph, notes);
    else take_wishes(plan);
    return plan;
}
