/* filters: of two `where`s the cheap one is asked first.
 *
 *   where dear        where cheap
 *   where cheap       where dear
 *
 * where "cheap" is the cost for each record that is dropped, if a profile tells, else that
 * of the condition. Exact when the dear one cannot fail: what stays is what both keep, and
 * nobody can tell which of the two dropped a record. If the cheap one fails, the record is
 * judged by the plain plan, which keeps the order of the text. Fields between them are
 * computed where they are read, so they need not move. */
#include <math.h>
#include <string.h>
#include "../cost_profile.h"
#include "../plan_pins.h"
#include "facts.h"

enum { DEAR = 100000, ROUNDS = 16 };    /* ROUNDS: what a loop is taken for */

typedef struct Filters {
    const Term **def;           /* by variable: a field's term, or NULL */
    int *cost;                  /* by variable: of that, from 1; 0: not known yet */
    Facts facts;
} Filters;

/* ---- cost ---- */

typedef struct Costs { Filters *f; int64_t sum; } Costs;

static void add_cost(const Term *term, void *data) {
    Costs *c = data, inner = {c->f, 0};
    if (term->kind == TERM_REF) {
        int *known = &c->f->cost[term->var->id];
        const Term *def = c->f->def[term->var->id];
        if (def && !*known) {
            add_cost(def, &inner);
            *known = 1 + (int)inner.sum;
        }
        c->sum += *known;
    } else {
        term_children(term, add_cost, &inner);
        for (int i = 0; i < term->nloops; i++) inner.sum *= ROUNDS;
        c->sum += inner.sum + (term->kind == TERM_KERNEL ? DEAR : 1);
    }
    if (c->sum > DEAR) c->sum = DEAR;
}

static int64_t cost_of(Filters *f, const Term *term) {
    Costs c = {f, 0};
    add_cost(term, &c);
    return c.sum;
}

static int line_of(const Node *node) {
    int line = 0, column;
    if (node->loc.file) loc_line(node->loc, &line, &column);
    return line;
}

/* What the node costs for each record that it drops, or without a profile as it is. */
static double price_of(Filters *f, const Graph *graph, const Node *node) {
    const FilterCost *cost = cost_of_filter(graph->profile, line_of(node));
    if (!graph->profile) return (double)cost_of(f, node->term);
    if (!cost) return (double)cost_of(f, node->term) / .5;     /* a ns each, half go */
    return cost->kept < 1 ? cost->ns / (1 - cost->kept) : INFINITY;
}

/* Whether `then` had better be asked first: a plan says so, or it is cheaper. One that the
 * plan does not know stays where it is beside one that it does. */
static bool wants_swap(Filters *f, const Graph *graph, const Node *first, const Node *then) {
    int a = pinned_where(graph, line_of(first)), b = pinned_where(graph, line_of(then));
    if (a >= 0 || b >= 0) return b >= 0 && a > b;
    return price_of(f, graph, first) > price_of(f, graph, then);
}

/* Nothing crosses what is pinned. */
static bool pinned(const Node *node) {
    for (int i = 0; node->attributes && i < node->attributes->n; i++)
        if (!strcmp(node->attributes->at[i].name.text, "pin")) return true;
    return false;
}

/* ---- order ---- */

/* The next `where` of the same records after node i; -1: there is none. */
static int next_where(const Graph *graph, int i) {
    if (pinned(&graph->nodes.at[i])) return -1;
    for (int k = i + 1; k < graph->nodes.n && graph->nodes.at[k].kind != NODE_EACH; k++) {
        if (pinned(&graph->nodes.at[k])) return -1;
        if (graph->nodes.at[k].kind == NODE_WHERE) return k;
    }
    return -1;
}

static bool swap_one(Filters *f, Graph *graph) {
    for (int i = 0; i < graph->nodes.n; i++) {
        Node node = graph->nodes.at[i];
        int next = node.kind == NODE_WHERE ? next_where(graph, i) : -1;
        if (next < 0 || !wants_swap(f, graph, &node, &graph->nodes.at[next]) ||
            !facts_safe(&f->facts, node.term))
            continue;
        for (int k = i; k < next; k++) graph->nodes.at[k] = graph->nodes.at[k + 1];
        graph->nodes.at[next] = node;
        return true;
    }
    return false;
}

Graph *pass_filters(Arena *arena, const Graph *graph) {
    Graph *copy = arena_new_of(arena, Graph);
    Filters f = {.def = arena_array(arena, const Term *, graph->nvars + 1),
                 .cost = arena_array(arena, int, graph->nvars + 1),
                 .facts = facts_of(arena, graph)};
    *copy = *graph;
    copy->nodes.at = arena_array(arena, Node, graph->nodes.n + 1);
    copy->nodes.room = graph->nodes.n + 1;
    for (int i = 0; i < graph->nodes.n; i++) {
        copy->nodes.at[i] = graph->nodes.at[i];
        if (graph->nodes.at[i].kind == NODE_FIELD)
            f.def[graph->nodes.at[i].vars[0]->id] = graph->nodes.at[i].term;
    }
    while (swap_one(&f, copy)) continue;
    return copy;
}
