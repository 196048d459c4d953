/* stops: a list of which only the first K elements are read is made no longer.
 *
 *   x = for i in 0..n where C(i): E(i)       x[m] with m < K, min(len(x), K)
 *
 *   x = for i in 0..n where C(i) stop K: E(i)
 *
 * and so for a kernel that can stop; and where `y = for m in 0..len(x): f(x[m])` is read
 * in this way, for what it reads: its loop ends at min(len(x), K), too.
 *
 * Proof: let n be the length and n' = min(n, K) the new one. A read at m < K is in range of
 * n' exactly if it is of n, and the elements before K are the same ones. The length itself
 * is only asked where min(., T) with T <= K, or a comparison with what is less than K,
 * gives the same for both. Elements from K on are read by nobody, so they may fail; but a
 * condition that failed behind the K-th element would have failed the length. So the
 * condition and the bounds of inner loops must not be able to fail (safe.c). A kernel that
 * stops fails rows behind the K-th as such alone, which its declaration promises. Draws
 * are keyed by place, so those that are not made disturb no other.
 *
 * K is a constant, or made of parameters and of fields that stand before; of several uses
 * the largest counts. One use that wants all ends it. */
#include "facts.h"
#include <string.h>

enum { LOOKS = 200000 };

typedef enum { NOBODY, FIRST, ALL } Wanted;
typedef struct Limit { Wanted wanted; const Term *first; } Limit;
typedef struct Maker { const Term *term; Limit limit; bool safe; } Maker;

typedef struct Stops {
    Arena *arena;
    const Graph *graph;
    Facts facts;
    Limit *of;                  /* by variable */
    int *place;                 /* by variable: 1 + the node that defines it; 0: before all */
    int now;                    /* the node that is looked at */
    LIST(Maker) makers;         /* loops and kernels that may end early */
    int looks;                  /* that are left; below 0: given up */
} Stops;

/* ---- limits ---- */

static const Term *larger(Arena *arena, const Term *a, const Term *b) {
    int64_t m, n;
    if (term_is_int(a, &m) && term_is_int(b, &n)) return m >= n ? a : b;
    if (!strcmp(term_key(arena, a), term_key(arena, b))) return a;
    return term_op(arena, OP_MAX, type_scalar(PL_I64), NULL, a, b, NULL);
}

/* cap: NULL for all. */
static void want(Stops *s, Limit *limit, const Term *cap) {
    if (!cap) *limit = (Limit){ALL, NULL};
    else if (limit->wanted == NOBODY) *limit = (Limit){FIRST, cap};
    else if (limit->wanted == FIRST) limit->first = larger(s->arena, limit->first, cap);
}

static const Term *cap_of(const Limit *limit) {
    return limit->wanted == FIRST ? limit->first : NULL;
}

typedef struct Known { const Stops *s; int before; bool known; } Known;

static void find_later(const Term *term, void *data) {
    Known *k = data;
    if (term->kind == TERM_REF) k->known &= k->s->place[term->var->id] < k->before;
    term_children(term, find_later, data);
}

/* The number can be had where the variable is made. */
static bool known_before(const Stops *s, const Term *cap, const Var *var) {
    Known k = {s, s->place[var->id], true};
    find_later(cap, &k);
    return k.known;
}

static bool is_maker(const Term *term) {
    return (term->kind == TERM_FOR && term->arg[1]) ||
           (term->kind == TERM_KERNEL && term->kernel->stops);
}

/* ---- who reads what ---- */

/* cap: of a number only min(number, cap) matters, of a tensor only the first `cap` rows;
 * NULL: all of it. */
static void look(Stops *s, const Term *term, const Term *cap);

static bool is_number(const Type *type) {
    return type->kind == TY_TENSOR && type->rank == 0;
}

static void look_at_name(Stops *s, const Var *var, const Term *cap) {
    if (var->kind != VAR_LET && var->kind != VAR_FIELD) return;
    if (var->kind == VAR_LET && is_number(var->type))
        look(s, s->facts.def[var->id], cap);        /* known here is more than there */
    else
        want(s, &s->of[var->id], cap && known_before(s, cap, var) ? cap : NULL);
}

static void look_at_dim(Stops *s, const Term *term, const Term *cap) {
    const Term *of = term->arg[0];
    while (of->kind == TERM_GET) of = of->arg[0];
    look_at_name(s, of->var, term->axis == 0 ? cap : NULL);
}

static void look_at_index(Stops *s, const Term *term) {
    if (term->arg[0]->kind == TERM_REF)
        look_at_name(s, term->arg[0]->var, facts_most(&s->facts, term->arg[1], 1));
    for (int k = 1; k < term->nargs; k++) look(s, term->arg[k], NULL);
    if (term->otherwise) look(s, term->otherwise, NULL);
}

static bool is_constant(const Term *term) {
    int64_t n;
    return !term || term_is_int(term, &n);
}

/* min(a, b): of a only what is below b matters. */
static void look_at_min(Stops *s, const Term *a, const Term *b, const Term *cap) {
    const Term *most = facts_most(&s->facts, b, 0);
    int64_t m, n;
    if (!most || (cap && term_is_int(cap, &m) && term_is_int(most, &n) && m < n)) most = cap;
    look(s, a, most);
}

/* a < b says the same of min(b, K), if a < K; a <= b, if a <= K. */
static void look_at_compared(Stops *s, const Term *term) {
    bool straight = term->op == OP_LE, turned = term->op == OP_GE;
    look(s, term->arg[1], facts_most(&s->facts, term->arg[0], straight ? 0 : 1));
    look(s, term->arg[0], facts_most(&s->facts, term->arg[1], turned ? 0 : 1));
}

/* x + c, x - c, if it does not come around. */
static const Term *shifted(Stops *s, const Term *term, const Term *cap) {
    int64_t by, n;
    if (!cap || !term_is_int(cap, &n) || !term_is_int(term->arg[1], &by) ||
        !facts_small(&s->facts, term->arg[0]) || !facts_small(&s->facts, term->arg[1]) ||
        __builtin_sub_overflow(n, term->op == OP_ADD ? by : -by, &n))
        return NULL;
    return term_int(s->arena, PL_I64, n);
}

static void look_at_op(Stops *s, const Term *term, const Term *cap) {
    pl_dtype of = term->arg[0]->type->dtype;
    const Term *first = NULL, *rest = NULL;
    if (of == PL_I64 && term->op == OP_MIN) {
        look_at_min(s, term->arg[0], term->arg[1], cap);
        look_at_min(s, term->arg[1], term->arg[0], cap);
        return;
    }
    if (of == PL_I64 && term->op >= OP_EQ && term->op <= OP_GE) {
        look_at_compared(s, term);
        return;
    }
    if (of == PL_I64 && term->op == OP_MAX) first = rest = cap;
    if (of == PL_I64 && (term->op == OP_ADD || term->op == OP_SUB))
        first = shifted(s, term, cap);
    for (int i = 0; i < term->nargs; i++) look(s, term->arg[i], i ? rest : first);
}

static void look_at_if(Stops *s, const Term *term, const Term *cap) {
    int held = s->facts.holds.n;
    look(s, term->arg[0], NULL);
    for (int branch = 1; branch < 3; branch++) {
        facts_hold(&s->facts, term->arg[0], branch == 1);
        look(s, term->arg[branch], cap);
        s->facts.holds.n = held;
    }
}

static void look_at_check(Stops *s, const Term *term, const Term *cap) {
    const Term *size = NULL;
    int of = term->check == CHECK_SLICE ? 3 : 2;    /* the dimension comes last */
    if (term->check == CHECK_SUBSCRIPT) size = facts_most(&s->facts, term->arg[1], 1);
    if (term->check == CHECK_SLICE) size = facts_most(&s->facts, term->arg[2], 0);
    for (int i = 1; i < term->nargs; i++)
        if (term->arg[i]) look(s, term->arg[i], i == of ? size : NULL);
    look(s, term->arg[0], cap);
}

/* ---- loops and kernels ---- */

static void children(const Term *term, void *data) { look(data, term, NULL); }

static bool symbol(const Term *term, void *data) {
    look(data, term, NULL);
    return false;
}

/* Dims below the loops are told by the type. */
static void look_at_type(Stops *s, const Type *type, int own) {
    for (int i = 0; i < type->n; i++) look_at_type(s, type->items[i], own);
    for (int k = own; type->kind == TY_TENSOR && type->dims && k < type->rank; k++)
        if (type->dims[k]) dim_any_symbol(type->dims[k], symbol, s);
}

static Maker *maker_of(Stops *s, const Term *term) {
    Maker new = {.term = term, .safe = true};
    for (int i = 0; i < s->makers.n; i++)
        if (s->makers.at[i].term == term) return &s->makers.at[i];
    list_push(s->arena, &s->makers, new);
    return &s->makers.at[s->makers.n - 1];
}

static void make(Stops *s, const Term *term, const Term *cap) {
    want(s, &maker_of(s, term)->limit, cap);
    if (cap) look(s, cap, NULL);
}

static bool length_is_fixed(const Type *type) {
    int64_t n;
    if (type->kind == TY_TUPLE) return length_is_fixed(type->items[0]);
    return type->dims && type->dims[0] && dim_constant(type->dims[0], &n);
}

/* Of a loop without `where` the first rounds are the first rows. */
static bool can_end(const Term *loop) {
    int64_t n;
    return term_is_int(loop->loop[0].from, &n) && n == 0 && !is_constant(loop->loop[0].to) &&
           !length_is_fixed(loop->type);
}

static void look_at_loops(Stops *s, const Term *term, const Term *most) {
    Facts *f = &s->facts;
    for (int i = 0; i < term->nstates; i++) look(s, term->inits[i], NULL);
    for (int i = 0; i < term->nloops; i++) {
        look(s, term->loop[i].from, NULL);
        look(s, term->loop[i].to, i ? NULL : most);
        facts_loop(f, &term->loop[i], i ? NULL : most);
    }
    for (int i = term->nargs - 1; i >= 0; i--) {
        if (!term->arg[i]) continue;
        if (i == 0 && term->nargs > 1 && term->arg[1]) facts_hold(f, term->arg[1], true);
        look(s, term->arg[i], NULL);
    }
}

/* A failed condition fails the length; the bounds of the first loop are asked once. */
static bool rest_is_safe(Stops *s, const Term *term) {
    Facts *f = &s->facts;
    int loops = f->loops.n;
    bool safe = true;
    for (int i = 0; i < term->nloops && safe; i++) {
        if (i) safe = facts_safe(f, term->loop[i].from) && facts_safe(f, term->loop[i].to);
        facts_loop(f, &term->loop[i], NULL);
    }
    safe = safe && facts_safe(f, term->arg[1]);
    f->loops.n = loops;
    return safe;
}

static void look_at_for(Stops *s, const Term *term, const Term *cap) {
    int loops = s->facts.loops.n, held = s->facts.holds.n;
    bool chosen = term->arg[1] != NULL;
    if (chosen && cap && !rest_is_safe(s, term)) maker_of(s, term)->safe = false;
    if (!chosen && cap && !can_end(term)) cap = NULL;
    if (chosen || cap) make(s, term, cap);
    look_at_loops(s, term, chosen ? NULL : cap);
    look_at_type(s, term->type, chosen ? 1 : term->nloops);
    s->facts.loops.n = loops;
    s->facts.holds.n = held;
}

static void look_at_fold(Stops *s, const Term *term) {
    int loops = s->facts.loops.n, held = s->facts.holds.n;
    look_at_loops(s, term, NULL);
    if (term->kind == TERM_SCAN) look_at_type(s, term->type, 1);
    s->facts.loops.n = loops;
    s->facts.holds.n = held;
}

static void look_at_let(Stops *s, const Term *term, const Term *cap) {
    const Limit *limit = &s->of[term->var->id];
    s->place[term->var->id] = s->now + 1;
    look(s, term->arg[1], cap);
    if (is_number(term->var->type) || limit->wanted == NOBODY) return;
    look(s, term->arg[0], length_is_fixed(term->var->type) ? NULL : cap_of(limit));
}

static void look(Stops *s, const Term *term, const Term *cap) {
    if (s->looks-- < 0) return;
    switch (term->kind) {
    case TERM_CONST: case TERM_DATA: return;
    case TERM_REF: look_at_name(s, term->var, cap); return;
    case TERM_GET: look(s, term->arg[0], cap); return;
    case TERM_DIM: look_at_dim(s, term, cap); return;
    case TERM_INDEX: look_at_index(s, term); return;
    case TERM_OP: look_at_op(s, term, cap); return;
    case TERM_IF: look_at_if(s, term, cap); return;
    case TERM_LET: look_at_let(s, term, cap); return;
    case TERM_CHECK: look_at_check(s, term, cap); return;
    case TERM_FOR: look_at_for(s, term, cap); return;
    case TERM_FOLD: case TERM_SCAN: look_at_fold(s, term); return;
    case TERM_KERNEL:
        if (term->kernel->stops) make(s, term, cap);
        break;
    default: break;
    }
    term_children(term, children, s);
}

/* ---- the graph ---- */

static void find_maker(const Term *term, void *data) {
    Rewriter *seen = data;
    if (seen->data || term->kind == TERM_REF || rewrite_done(seen, term)) return;
    rewrite_remember(seen, term, term);
    if (is_maker(term)) seen->data = data;
    term_children(term, find_maker, data);
}

static bool has_makers(Arena *arena, const Graph *graph) {
    Rewriter seen = {.arena = arena};
    for (int i = 0; i < graph->nodes.n; i++) find_maker(graph->nodes.at[i].term, &seen);
    return seen.data != NULL;
}

/* From the last to the first, so that all uses of a name are known where it is made. */
static void look_at_nodes(Stops *s) {
    const Graph *graph = s->graph;
    for (int i = 0; i < graph->batched.n; i++) s->of[graph->batched.at[i]->of->id].wanted = ALL;
    for (int i = 0; i < graph->nodes.n; i++)
        for (int k = 0; k < graph->nodes.at[i].nvars; k++)
            s->place[graph->nodes.at[i].vars[k]->id] = i + 1;
    for (s->now = graph->nodes.n - 1; s->now >= 0; s->now--) {
        const Node *node = &graph->nodes.at[s->now];
        const Limit *limit = node->kind == NODE_FIELD ? &s->of[node->vars[0]->id] : NULL;
        if (!limit) look(s, node->term, NULL);
        else if (limit->wanted == ALL || (limit->wanted == FIRST &&
                                          !is_number(node->term->type) &&
                                          length_is_fixed(node->term->type)))
            look(s, node->term, NULL);
        else if (limit->wanted == FIRST) look(s, node->term, limit->first);
    }
}

static const Term *ended(Arena *arena, const Term *term, const Term *first) {
    Term *copy = term_again(arena, term);
    Loop *loops;
    if (is_maker(term)) {
        copy->stop = first;
        return copy;
    }
    loops = arena_array(arena, Loop, term->nloops);
    memcpy(loops, term->loop, sizeof *loops * (size_t)term->nloops);
    loops[0].to = term_op(arena, OP_MIN, type_scalar(PL_I64), term->at, loops[0].to, first,
                          NULL);
    copy->loop = loops;
    return copy;
}

static const Term *before(Rewriter *rw, const Term *term) {
    const Stops *s = rw->data;
    for (int i = 0; i < s->makers.n; i++) {
        const Maker *maker = &s->makers.at[i];
        if (maker->term == term && maker->safe && maker->limit.wanted == FIRST)
            return ended(rw->arena, term, maker->limit.first);
    }
    return term;
}

Graph *pass_stops(Arena *arena, const Graph *graph) {
    Graph *copy = arena_new_of(arena, Graph);
    Stops s = {.arena = arena, .graph = graph, .looks = LOOKS,
               .of = arena_array(arena, Limit, graph->nvars + 1),
               .place = arena_array(arena, int, graph->nvars + 1)};
    Rewriter rw = {.arena = arena, .graph = copy, .before = before, .data = &s};
    *copy = *graph;
    if (!has_makers(arena, graph)) return copy;
    s.facts = facts_of(arena, graph);
    look_at_nodes(&s);
    if (s.looks < 0) return copy;
    copy->nodes.at = arena_array(arena, Node, graph->nodes.n + 1);
    copy->nodes.room = graph->nodes.n + 1;
    for (int i = 0; i < graph->nodes.n; i++) {
        copy->nodes.at[i] = graph->nodes.at[i];
        copy->nodes.at[i].term = rewrite(&rw, graph->nodes.at[i].term);
    }
    return copy;
}
