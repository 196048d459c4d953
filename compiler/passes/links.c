/* links: what a switch skips as a whole is skipped by each of its links.
 *
 *   a = f(x)   b = g(a)   y = if c then b else x
 *   a = if c then f(x) else x   b = if c then g(a) else a   y = b
 *
 * where nobody else reads a and b, and all have one shape. Each tensor then has one
 * reader, so that the chain can be kept as rows. */
#include "pass.h"

enum { MOST_LINKS = 64 };

typedef struct Links {
    Arena *arena;
    Graph *graph;               /* its nodes are changed in place */
    int *node_of;               /* by variable: the node that defines it, or -1 */
    int n;
    int at[MOST_LINKS];         /* nodes, from the last link to the first */
    const Var *before[MOST_LINKS];      /* the tensor that each link is made of */
} Links;

static bool is_tensor(const Type *type) {
    return type->kind == TY_TENSOR && type->rank > 0;
}

static const Node *node_of(const Links *l, const Var *var) {
    int at = var->kind == VAR_FIELD ? l->node_of[var->id] : -1;
    return at < 0 ? NULL : &l->graph->nodes.at[at];
}

/* ---- shapes ---- */

static bool same_dim(const Links *l, const Term *size, const Var *var, int axis) {
    int64_t n, m;
    if (size->kind == TERM_DIM && size->arg[0]->kind == TERM_REF && size->axis == axis)
        for (int i = -1; i < l->n; i++) {
            const Var *known = i < 0 ? var : l->before[i];
            if (size->arg[0]->var == known) return true;
        }
    return term_is_int(size, &n) && var->type->dims[axis] &&
           dim_constant(var->type->dims[axis], &m) && n == m;
}

static bool same_constants(const Type *a, const Type *b) {
    int64_t n, m;
    for (int k = 0; k < a->rank; k++)
        if (!a->dims[k] || !b->dims[k] || !dim_constant(a->dims[k], &n) ||
            !dim_constant(b->dims[k], &m) || n != m)
            return false;
    return true;
}

/* The term has the shape of the tensor `var`. */
static bool same_shape(const Links *l, const Term *term, const Var *var) {
    int64_t from, m;
    const Type *type = term->type;
    if (type->rank != var->type->rank || type->dtype != var->type->dtype) return false;
    if (same_constants(type, var->type)) return true;
    switch (term->kind) {
    case TERM_REF: return term->var == var;
    case TERM_IF:
        return same_shape(l, term->arg[1], var) && same_shape(l, term->arg[2], var);
    case TERM_FOR: break;
    default: return false;
    }
    if (term->arg[1]) return false;
    for (int k = 0; k < term->nloops; k++)
        if (!term_is_int(term->loop[k].from, &from) || from ||
            !same_dim(l, term->loop[k].to, var, k))
            return false;
    for (int k = term->nloops; k < type->rank; k++)
        if (!type->dims[k] || !dim_constant(type->dims[k], &m) ||
            !same_dim(l, term_int(l->arena, PL_I64, m), var, k))
            return false;
    return true;
}

/* ---- who reads a link ---- */

static bool is_scalar_node(const Node *node) {
    return node->kind == NODE_FIELD && node->term->type->kind == TY_TENSOR &&
           !node->term->type->rank;
}

typedef struct { const Var *var; bool found; } Data;

static void find_data(const Term *term, void *data) {
    Data *d = data;
    if (term->kind == TERM_REF) d->found |= term->var == d->var;
    else if (term->kind != TERM_DIM) term_children(term, find_data, data);
}

static bool reads_data(const Term *term, const Var *var) {
    Data d = {var, false};
    find_data(term, &d);
    return d.found;
}

/* The reader alone needs it, or scalars that the reader alone needs. */
static bool only_for(const Links *l, const Var *var, const Node *reader, int depth) {
    const Graph *graph = l->graph;
    for (int i = 0; i < graph->batched.n; i++)
        if (graph->batched.at[i]->of == var) return false;
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        if (node == reader || !reads_data(node->term, var)) continue;
        if (depth > 4 || !is_scalar_node(node) ||
            !only_for(l, node->vars[0], reader, depth + 1))
            return false;
    }
    return true;
}

/* ---- the chain ---- */

typedef struct { const Links *l; const Term *like; const Var *x, *found; int n; } Before;

static void find_before(const Term *term, void *data) {
    Before *b = data;
    if (term->kind == TERM_DIM) return;
    if (term->kind == TERM_REF && term->var != b->found && is_tensor(term->var->type) &&
        (term->var == b->x || node_of(b->l, term->var)) &&
        same_shape(b->l, b->like, term->var)) {
        b->found = term->var;
        b->n++;
    }
    term_children(term, find_before, data);
}

/* From `last` back to x; false: there is no such chain. */
static bool find_chain(Links *l, const Node *user, const Var *last, const Var *x) {
    l->n = 0;
    while (last != x) {
        const Node *node = node_of(l, last);
        Before b = {.l = l, .x = x};
        if (!node || node->level != user->level || l->n == MOST_LINKS ||
            !only_for(l, last, user, 0))
            return false;
        b.like = node->term;
        find_before(node->term, &b);
        if (b.n != 1) return false;
        l->at[l->n] = (int)(node - l->graph->nodes.at);
        l->before[l->n++] = b.found;
        user = node;
        last = b.found;
    }
    return l->n > 0;
}

/* ---- the condition comes before the chain ---- */

typedef struct { const Links *l; int first; bool late; } Late;

static void find_late(const Term *term, void *data) {
    Late *late = data;
    if (term->kind == TERM_REF && term->var->kind == VAR_FIELD)
        late->late |= late->l->node_of[term->var->id] >= late->first;
    term_children(term, find_late, data);
}

static bool is_late(const Links *l, const Term *term, int first) {
    Late late = {l, first, false};
    find_late(term, &late);
    return late.late;
}

static void number_nodes(Links *l) {
    for (int i = 0; i < l->graph->nodes.n; i++) {
        const Node *node = &l->graph->nodes.at[i];
        for (int k = 0; k < node->nvars; k++) l->node_of[node->vars[k]->id] = i;
    }
}

/* Moves the node of the condition to before node `first`; false: it cannot be. */
static bool hoist(Links *l, const Term *condition, int first) {
    Node *nodes = l->graph->nodes.at, moved;
    int at;
    if (!is_late(l, condition, first)) return true;
    if (condition->kind != TERM_REF) return false;
    at = l->node_of[condition->var->id];
    if (nodes[at].kind != NODE_FIELD || nodes[at].level != nodes[first].level ||
        is_late(l, nodes[at].term, first))
        return false;
    moved = nodes[at];
    for (int i = at; i > first; i--) nodes[i] = nodes[i - 1];
    nodes[first] = moved;
    number_nodes(l);
    for (int i = 0; i < l->n; i++) l->at[i]++;
    return true;
}

/* ---- rewriting ---- */

/* y = if c then last else x, or if c then x else last */
static void skip(Links *l, int at, bool holds) {
    const Term *choice = l->graph->nodes.at[at].term;
    const Term *last = choice->arg[holds ? 1 : 2], *x = choice->arg[holds ? 2 : 1];
    if (last->kind != TERM_REF || x->kind != TERM_REF || last->var == x->var ||
        !find_chain(l, &l->graph->nodes.at[at], last->var, x->var) ||
        !hoist(l, choice->arg[0], l->at[l->n - 1]))
        return;
    for (int i = 0; i < l->n; i++) {
        Node *node = &l->graph->nodes.at[l->at[i]];
        const Term *before = term_ref(l->arena, l->before[i]);
        node->term = term_new(l->arena, TERM_IF, node->term->type, choice->at, 3,
                              choice->arg[0], holds ? node->term : before,
                              holds ? before : node->term);
    }
    l->graph->nodes.at[at].term = last;         /* hoisting moves nothing behind it */
}

Graph *pass_links(Arena *arena, const Graph *graph) {
    Graph *copy = arena_new_of(arena, Graph);
    Links l = {.arena = arena, .graph = copy};
    *copy = *graph;
    copy->nodes.at = arena_array(arena, Node, graph->nodes.n + 1);
    for (int i = 0; i < graph->nodes.n; i++) copy->nodes.at[i] = graph->nodes.at[i];
    l.node_of = arena_array(arena, int, graph->nvars + 1);
    for (int i = 0; i <= graph->nvars; i++) l.node_of[i] = -1;
    number_nodes(&l);
    for (int i = 0; i < copy->nodes.n; i++)
        for (int holds = 0; holds < 2; holds++) {
            const Node *node = &copy->nodes.at[i];
            if (node->kind == NODE_FIELD && node->term->kind == TERM_IF &&
                is_tensor(node->term->type))
                skip(&l, i, holds);
        }
    return copy;
}
