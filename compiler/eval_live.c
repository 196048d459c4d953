/* What an output, `where` or `each` needs: the rest is dead and never computed. */
#include <string.h>
#include "eval_room.h"

typedef struct Walk {
    Live *live;
    Arena *arena;
    const Term **def;           /* by variable */
    Map seen;
} Walk;

static void walk(const Term *term, void *data);

static void walk_var(Walk *w, const Var *var) {
    if (w->live->var[var->id]) return;
    w->live->var[var->id] = true;
    if (var->kind == VAR_BATCHED) walk_var(w, var->of);
    if (w->def[var->id]) walk(w->def[var->id], w);
}

static void walk(const Term *term, void *data) {
    Walk *w = data;
    bool fresh;
    map_find(&w->seen, term, 0, &fresh);
    if (!fresh) return;
    switch (term->kind) {
    case TERM_REF: walk_var(w, term->var); return;
    case TERM_LET:
        w->def[term->var->id] = term->arg[0];
        walk(term->arg[1], w);
        return;
    default: term_children(term, walk, w); return;
    }
}

/* A name can be read before the walk came to its LET (by a dimension): then the
 * walk is done once more, with all definitions known. */
static void walk_all(Walk *w, const Graph *graph, bool dead_too) {
    for (int i = 0; i < graph->outputs.n; i++) walk(graph->outputs.at[i].term, w);
    for (int i = 0; i < graph->nodes.n; i++)
        if (graph->nodes.at[i].kind != NODE_FIELD || dead_too)
            walk(graph->nodes.at[i].term, w);
    for (int i = 0; i < graph->nsource_args; i++)
        if (graph->source_args[i]) walk(graph->source_args[i], w);
    for (int i = 0; i < COUNTS; i++)
        if (graph->count[i]) walk(graph->count[i], w);
}

static void add_field(Live *live, Arena *arena, const Var *var) {
    for (int i = 0; i < live->fields.n; i++)
        if (live->fields.at[i] == var) return;
    list_push(arena, &live->fields, var);
}

static void add_below(Live *live, Arena *arena, const Var *var) {
    for (int i = 0; i < live->below.n; i++)
        if (live->below.at[i] == var) return;
    list_push(arena, &live->below, var);
}

/* In the order of `emit`, then what only code below `batch` reads: failures are
 * looked for in this order. */
static void list_fields(Live *live, Arena *arena, const Graph *graph) {
    for (int i = 0; i < graph->outputs.n; i++) {
        const Var *var = graph->outputs.at[i].term->var;
        if (var->kind == VAR_BATCHED) add_field(live, arena, var);
        else add_below(live, arena, var);
    }
    for (int i = 0; i < graph->batched.n; i++)
        if (live->var[graph->batched.at[i]->id])
            add_field(live, arena, graph->batched.at[i]);
}

/* Names and numbers of a record that is shown cost nothing. */
static void list_inputs(Live *live, Arena *arena, const Graph *graph, bool sample) {
    for (int i = 0; i < graph->source_fields.n; i++) {
        const Var *var = graph->source_fields.at[i];
        bool cheap = var->type->rank == 0 || var->type->text;
        if (live->var[var->id] || (sample && cheap)) list_push(arena, &live->inputs, var);
    }
}

void eval_find_live(Eval *ev, Live *live) {
    const Graph *graph = ev->graph;
    Walk w = {.live = live, .arena = ev->arena};
    w.def = arena_array(ev->arena, const Term *, graph->nvars + 1);
    for (int i = 0; i < graph->opens.n; i++)
        w.def[graph->opens.at[i].var->id] = graph->opens.at[i].term;
    for (int i = 0; i < graph->nodes.n; i++)
        if (graph->nodes.at[i].kind == NODE_FIELD)
            w.def[graph->nodes.at[i].vars[0]->id] = graph->nodes.at[i].term;
    for (int i = 0; i < graph->below.n; i++)
        w.def[graph->below.at[i].var->id] = graph->below.at[i].term;
    for (int pass = 0; pass < 2; pass++) {
        live->var = arena_array(ev->arena, bool, graph->nvars + 1);
        w.seen = (Map){.arena = ev->arena};
        walk_all(&w, graph, ev->sample);
    }
    list_fields(live, ev->arena, graph);
    list_inputs(live, ev->arena, graph, ev->sample);
}
