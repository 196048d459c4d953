/* unroll: a fold over whole tensors with a constant trip count becomes its rounds.
 *
 *   fold y = x for k in 0..3: f(y, k)
 *   let y0 = x in let y1 = f(y0, 0) in let y2 = f(y1, 1) in f(y2, 2)
 *
 * A round is then a tensor like any other: put into its reader, kept as rows, or
 * chosen by a switch, instead of one pass over memory. */
#include "pass.h"

enum { MOST_ROUNDS = 16, MOST_TERMS = 4000 };

typedef struct { int n; } Count;

static void count(const Term *term, void *data) {
    Count *c = data;
    if (++c->n < MOST_TERMS) term_children(term, count, data);
}

static bool has_tensor(const Type *type) {
    if (type->kind == TY_TENSOR) return type->rank > 0;
    for (int i = 0; type->kind == TY_TUPLE && i < type->n; i++)
        if (has_tensor(type->items[i])) return true;
    return false;
}

/* Rounds of a fold that is to be unrolled; -1: it stays. */
static int rounds(const Term *fold) {
    int64_t from, to;
    bool tensors = false;
    Count size = {0};
    if (fold->kind != TERM_FOLD || fold->nloops != 1 || fold->arg[1] || fold->arg[2] ||
        !term_is_int(fold->loop[0].from, &from) || !term_is_int(fold->loop[0].to, &to) ||
        to <= from || to - from > MOST_ROUNDS)
        return -1;
    for (int i = 0; i < fold->nstates; i++) tensors |= has_tensor(fold->states[i]->type);
    count(fold->arg[0], &size);
    return tensors && size.n * (to - from) < MOST_TERMS ? (int)(to - from) : -1;
}

typedef struct Unroll {
    Arena *arena;
    Graph *graph;
    const Term *fold;
    const Term **value;         /* of each state: names or constants */
    LIST(Bind) names;
} Unroll;

static const Term *name(Unroll *u, const char *text, const Term *value) {
    Var *var = graph_var(u->arena, u->graph, VAR_LET, text, value->type, (Loc){0});
    list_push(u->arena, &u->names, ((Bind){var, value}));
    return term_ref(u->arena, var);
}

static const Term *round_of(Unroll *u, int64_t index) {
    const Term *fold = u->fold;
    int n = fold->nstates;
    const Var *vars[n + 1];
    const Term *values[n + 1];
    for (int i = 0; i < n; i++) {
        vars[i] = fold->states[i];
        values[i] = u->value[i];
    }
    vars[n] = fold->loop[0].var;
    values[n] = term_int(u->arena, PL_I64, index);
    return term_instance(u->arena, u->graph, fold->arg[0], n + 1, vars, values);
}

static void next_states(Unroll *u, const Term *round) {
    const Term *all;
    if (u->fold->nstates == 1) {
        u->value[0] = name(u, u->fold->states[0]->name, round);
        return;
    }
    all = name(u, "states", round);
    for (int i = 0; i < u->fold->nstates; i++) {
        Term *item = term_new(u->arena, TERM_GET, u->fold->states[i]->type, round->at,
                              1, all);
        item->axis = i;
        u->value[i] = name(u, u->fold->states[i]->name, item);
    }
}

static const Term *visit(Rewriter *rw, const Term *term) {
    Unroll u = {.arena = rw->arena, .graph = rw->graph, .fold = term};
    int n = rounds(term);
    const Term *last = NULL;
    int64_t from;
    if (n < 0) return term;
    term_is_int(term->loop[0].from, &from);
    u.value = arena_array(rw->arena, const Term *, term->nstates);
    for (int i = 0; i < term->nstates; i++)
        u.value[i] = name(&u, term->states[i]->name, term->inits[i]);
    for (int k = 0; k < n; k++) {
        last = round_of(&u, from + k);
        if (k + 1 < n) next_states(&u, last);
    }
    for (int i = u.names.n - 1; i >= 0; i--)
        last = term_let(rw->arena, u.names.at[i].var, u.names.at[i].term, last);
    return last;
}

Graph *pass_unroll(Arena *arena, const Graph *graph) {
    return graph_rewrite(arena, graph, visit, NULL);
}
