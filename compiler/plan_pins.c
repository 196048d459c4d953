/* A plan that is pinned: whether it fits, and what it changes. */
#include "plan_pins.h"
#include <stdlib.h>
#include <string.h>
#include "dim.h"
#include "plan_file.h"

typedef struct PinnedTensor { const char *name, *shape; int line, at; Pin way; } PinnedTensor;

struct Pins {
    const Plan *plan;           /* or NULL */
    bool all_whole;
    LIST(PinnedTensor) tensors;
};

/* ---- names of tensors ---- */

const char *dim_words(Arena *arena, const Type *type, int axis) {
    const char *text = type->dims && type->dims[axis] ? dim_text(arena, type->dims[axis]) : "?";
    return strchr(text, '?') || strlen(text) > 24 ? "?" : text;
}

const char *shape_words(Arena *arena, const Type *type) {
    const char *text = "";
    for (int k = 0; k < type->rank; k++)
        text = arena_format(arena, "%s%s%s", text, k ? ", " : "", dim_words(arena, type, k));
    return arena_format(arena, "%s[%s]", dtype_name(type->dtype), text);
}

int line_of_tensor(const Graph *graph, const Var *var, const Term *def) {
    const char *operator_name;
    int line = 0, column;
    if (def && def->at) line = place_line(def->at, graph->file, &operator_name);
    if (!line && var->loc.file) loc_line(var->loc, &line, &column);
    return line;
}

/* ---- asked by passes ---- */

static Pin way_of(const Pins *pins, const Graph *graph, const Var *var, const Term *def) {
    Arena *arena = NULL;
    Pin way = PIN_NONE;
    for (int i = 0; i < pins->tensors.n && !way; i++) {
        const PinnedTensor *t = &pins->tensors.at[i];
        if (strcmp(t->name, var->name) || t->line != line_of_tensor(graph, var, def)) continue;
        if (!arena) arena = arena_new();
        if (!strcmp(t->shape, shape_words(arena, var->type))) way = t->way;
    }
    if (arena) arena_free(arena);
    return way;
}

Pin pinned_way(const Graph *graph, const Var *var, const Term *def) {
    bool tensor = var->type->kind == TY_TENSOR && var->type->rank > 0;
    Pin way;
    if (!graph->pins || !tensor || var->table) return PIN_NONE;
    way = way_of(graph->pins, graph, var, def);
    return !way && graph->pins->all_whole ? PIN_WHOLE : way;
}

int pinned_where(const Graph *graph, int line) {
    return graph->pins && graph->pins->plan ? plan_where(graph->pins->plan, line) : -1;
}

int plan_where(const Plan *plan, int line) {
    for (int i = 0; i < plan->wheres.n; i++)
        if (plan->wheres.at[i].line == line) return i;
    return -1;
}

const PlanOrder *plan_order(const Plan *plan, const char *field, int nth) {
    for (int i = 0; plan && i < plan->orders.n; i++)
        if (!strcmp(plan->orders.at[i].field, field) && !nth--) return &plan->orders.at[i];
    return NULL;
}

int chains_named(const Graph *graph, const char *field) {
    int n = 0;
    for (int i = 0; i < graph->chains.n; i++)
        n += !strcmp(graph->chains.at[i].field, field);
    return n;
}

/* ---- what the plan has otherwise ---- */

static const char *const ways[] = {"", "inline", "window", "whole", "slot"};

static Pin way_named(const char *name) {
    for (int i = 1; i <= PIN_SLOT; i++)
        if (!strcmp(name, ways[i])) return (Pin)i;
    return PIN_NONE;
}

/* Of several of one name the first that is in memory. NULL: there is none. */
static const TensorNote *note_of(const LowerNotes *notes, const PlanTensor *t) {
    const TensorNote *found = NULL;
    for (int i = 0; i < notes->tensors.n; i++) {
        const TensorNote *n = &notes->tensors.at[i];
        if (n->line != t->line || strcmp(n->name, t->name) || strcmp(n->shape, t->shape) ||
            !strcmp(n->way, "table"))
            continue;
        if (!found || !strcmp(found->way, "inline")) found = n;
    }
    return found;
}

void plan_pin(Arena *arena, Graph *graph, const Plan *plan, const LowerNotes *as_it_comes) {
    Pins *pins = arena_new_of(arena, Pins);
    pins->plan = plan;
    pins->all_whole = graph->pins && graph->pins->all_whole;
    for (int i = 0; as_it_comes && i < plan->tensors.n; i++) {
        const PlanTensor *t = &plan->tensors.at[i];
        const TensorNote *n = note_of(as_it_comes, t);
        PinnedTensor pin = {t->name, t->shape, t->line, t->at, way_named(t->way)};
        if (n && strcmp(n->way, t->way)) list_push(arena, &pins->tensors, pin);
    }
    graph->pins = pins;
}

PinnedBytes plan_pinned_bytes(const Graph *graph, const LowerNotes *made) {
    const Pins *pins = graph->pins;
    PinnedBytes sum = {0};
    for (int i = 0; pins && i < pins->tensors.n; i++) {
        const PinnedTensor *t = &pins->tensors.at[i];
        for (int k = 0; k < made->tensors.n && t->way == PIN_WHOLE; k++) {
            const TensorNote *n = &made->tensors.at[k];
            double bytes = strtod(n->bytes, NULL);
            if (n->line != t->line || strcmp(n->name, t->name) || strcmp(n->shape, t->shape) ||
                strchr(n->bytes, '*'))
                continue;
            if (bytes <= CACHED_BYTES) sum.cached += bytes;
            else sum.others += bytes;
        }
    }
    return sum;
}

void plan_pin_whole(Arena *arena, Graph *graph) {
    Pins *pins = arena_new_of(arena, Pins);
    if (graph->pins) *pins = *graph->pins;
    pins->all_whole = true;
    graph->pins = pins;
}

bool plan_pins_tensors(const Graph *graph) { return graph->pins && graph->pins->tensors.n; }

/* ---- what is told ---- */

static void note(const Plan *plan, Diags *diags, int line, const char *text) {
    diag_at(diags, DIAG_N0004_PLAN, (Loc){0}, "%s:%d: %s", plan->path, line, text);
}

bool plan_fits(const Plan *plan, Diags *diags, const Decl *feature) {
    bool same = !strcmp(plan->feature, feature->name.text);
    if (!same)
        diag_help(diags, diag_at(diags, DIAG_E0503_PLAN, feature->name.loc,
                                 "%s is a plan of the feature `%s`, not of `%s`", plan->path,
                                 plan->feature, feature->name.text),
                  "write one of this feature: pipec F.dsl --emit=plan");
    return same;
}

static bool is_node(const Graph *graph, const char *name) {
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        if (node->nvars && !strcmp(node->vars[0]->name, name)) return true;
    }
    return false;
}

static bool is_below(const Graph *graph, const char *name) {
    for (int i = 0; i < graph->below.n; i++)
        if (!strcmp(graph->below.at[i].var->name, name)) return true;
    return false;
}

/* Of wheres the plan's list of them tells which. */
static bool is_member(const Graph *graph, int stage, const PlanMember *m) {
    const char *name = m->name ? m->name : "";
    if (!strcmp(m->kind, "where")) return stage == STAGE_RECORD;
    if (!strcmp(m->kind, "source"))
        return stage == STAGE_READ && !strcmp(name, graph->source);
    if (!strcmp(m->kind, "batch")) return stage == STAGE_BATCH && is_below(graph, name);
    return stage == STAGE_RECORD && is_node(graph, name);
}

static bool has_chain(const Graph *graph, const Plan *plan, const PlanOrder *of) {
    int n = chains_named(graph, of->field);
    for (int i = 0; i < n; i++)
        if (plan_order(plan, of->field, i) == of) return true;
    return false;
}

static bool has_where(const Graph *graph, int line) {
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        int at = 0, column;
        if (node->kind == NODE_WHERE && node->loc.file) loc_line(node->loc, &at, &column);
        if (node->kind == NODE_WHERE && at == line) return true;
    }
    return false;
}

/* Another order than is written makes another program, so its hash tells nothing. */
static bool reordered(const Graph *graph) {
    for (int i = 0; i < graph->chains.n; i++)
        if (graph->chains.at[i].moved) return true;
    return false;
}

void plan_fits_graph(Arena *arena, const Plan *plan, Diags *diags, const Graph *graph) {
    const char *hash = arena_format(arena, "%016llx", (unsigned long long)graph->hash);
    if (strcmp(hash, plan->hash) && !reordered(graph))
        note(plan, diags, plan->at_hash,
             "it is of another version of the feature; what fits of it is used");
    for (int s = 0; s < PLAN_STAGES; s++)
        for (int i = 0; i < plan->stage[s].members.n; i++) {
            const PlanMember *m = &plan->stage[s].members.at[i];
            if (!is_member(graph, s, m))
                note(plan, diags, m->at, arena_format(arena, "there is no %s `%s` in the stage "
                                                      "`%s` now", m->kind,
                                                      m->name ? m->name : "?",
                                                      plan_stage_name(s)));
        }
    for (int i = 0; i < plan->orders.n; i++)
        if (!has_chain(graph, plan, &plan->orders.at[i]))
            note(plan, diags, plan->orders.at[i].at,
                 arena_format(arena, "there is no chain `%s` now", plan->orders.at[i].field));
    for (int i = 0; i < plan->wheres.n; i++)
        if (!has_where(graph, plan->wheres.at[i].line))
            note(plan, diags, plan->wheres.at[i].at,
                 arena_format(arena, "there is no where on line %d now",
                              plan->wheres.at[i].line));
}

static const PinnedTensor *pin_of(const Graph *graph, const PlanTensor *t) {
    for (int i = 0; graph->pins && i < graph->pins->tensors.n; i++)
        if (graph->pins->tensors.at[i].at == t->at) return &graph->pins->tensors.at[i];
    return NULL;
}

/* What was pinned and did not come of it is an error; what became of the others is told. */
static void check_tensor(Arena *arena, const Plan *plan, Diags *diags, const Graph *graph,
                         const LowerNotes *made, const PlanTensor *t) {
    const TensorNote *n = note_of(made, t);
    if (!n) {
        if (!pin_of(graph, t))
            note(plan, diags, t->at, arena_format(arena, "there is no tensor `%s` %s of line "
                                                  "%d now", t->name, t->shape, t->line));
    } else if (strcmp(n->way, t->way) && pin_of(graph, t)) {
        diag_at(diags, DIAG_E0503_PLAN, (Loc){0}, "%s:%d: `%s` cannot be `%s`: it is %s, for %s",
                plan->path, t->at, t->name, t->way, n->way, n->why);
    } else if (strcmp(n->way, t->way)) {
        note(plan, diags, t->at, arena_format(arena, "`%s` is %s now, not %s: others are pinned",
                                              t->name, n->way, t->way));
    }
}

static void check_wheres(const Plan *plan, Diags *diags, const LowerNotes *made) {
    int last = -1;
    for (int i = 0; i < made->wheres.n; i++) {
        int at = plan_where(plan, made->wheres.at[i]);
        if (at >= 0 && at < last) {
            diag_at(diags, DIAG_E0503_PLAN, (Loc){0}, "%s:%d: the where of line %d cannot be "
                    "asked before that of line %d: who drops a record would not be known",
                    plan->path, plan->wheres.at[at].at, plan->wheres.at[at].line,
                    plan->wheres.at[last].line);
            return;
        }
        if (at >= 0) last = at;
    }
}

void plan_check(Arena *arena, const Plan *plan, Diags *diags, const Graph *graph,
                const LowerNotes *made) {
    for (int i = 0; i < plan->tensors.n; i++)
        check_tensor(arena, plan, diags, graph, made, &plan->tensors.at[i]);
    check_wheres(plan, diags, made);
}
