/* normal: bindings and tests stand as far out as they can.
 *
 *   f(let y = Y in A, B)               let y = Y in f(A, B)
 *   for i: let y = Y in A              let y = Y in for i: A     (Y without i)
 *   f(test(A, a == b), B)              test(f(A, B), a == b)
 *   if c then test(A, a == b) else B   test(if c then A else B, (c ? a : 0) == …)
 *   if c then let y = x[i] in A else B let y = (if c then x[i] else 0) in if c …
 *
 *   for i, j: x[i, j]                  x     (all of x)
 *
 * Bindings are lazy, so their place is a matter of scope alone. A test that is
 * made although nobody reads its value may fail a record that is good: the
 * fused plan only suspects. The bindings around a field become fields. */
#include "pass.h"

typedef struct Wrap {
    const Term *term;           /* TERM_LET or TERM_CHECK; its inside is not used */
} Wrap;
typedef LIST(Wrap) Wraps;

static const Term *strip(Arena *arena, const Term *term, Wraps *wraps) {
    while (term->kind == TERM_LET || term->kind == TERM_CHECK) {
        Wrap wrap = {term};
        bool twice = false;
        for (int i = 0; i < wraps->n; i++)
            twice |= wraps->at[i].term == term ||
                     (term->kind == TERM_LET && wraps->at[i].term->kind == TERM_LET &&
                      wraps->at[i].term->var == term->var);
        if (!twice) list_push(arena, wraps, wrap);
        term = term->arg[term->kind == TERM_LET ? 1 : 0];
    }
    return term;
}

static const Term *wrap_again(Arena *arena, const Wraps *wraps, const Term *term) {
    for (int i = wraps->n - 1; i >= 0; i--) {
        const Term *wrap = wraps->at[i].term;
        Term *copy = term_again(arena, wrap);
        copy->arg[wrap->kind == TERM_LET ? 1 : 0] = term;
        copy->type = term->type;
        term = copy;
    }
    return term;
}

/* ---- out of branches: tests hold only under the condition ---- */

static const Term *only_if(Arena *arena, const Term *condition, bool branch,
                           const Term *value, int64_t neutral) {
    const Term *other = term_int(arena, PL_I64, neutral);
    return term_new(arena, TERM_IF, value->type, value->at, 3, condition,
                    branch ? value : other, branch ? other : value);
}

static const Term *conditional(Arena *arena, const Term *test, const Term *condition,
                               bool branch) {
    Term *copy = term_again(arena, test);
    for (int i = 1; i < test->nargs; i++)
        copy->arg[i] = only_if(arena, condition, branch, test->arg[i],
                               test->check == CHECK_SUBSCRIPT && i == 2);
    return copy;
}

static void find_read(const Term *term, void *data) {
    bool *found = data;
    *found |= term->kind == TERM_INDEX;
    if (!*found) term_children(term, find_read, data);
}

static bool reads_scalar(const Term *value) {
    bool found = false;
    if (value->type->kind == TY_TENSOR && value->type->rank == 0)
        find_read(value, &found);
    return found;
}

/* What is read lies in range because of the tests around it, which hold under the
 * condition alone: so does the read. */
static const Term *conditional_name(Arena *arena, const Term *let, const Term *condition,
                                    bool branch) {
    Term *copy = term_again(arena, let);
    const Term *value = let->arg[0];
    Term *other = term_new(arena, TERM_CONST, value->type, value->at, 0);
    copy->arg[0] = term_new(arena, TERM_IF, value->type, value->at, 3, condition,
                            branch ? value : other, branch ? other : value);
    return copy;
}

static const Term *strip_branch(Arena *arena, const Term *choice, const Term *condition,
                                bool branch, Wraps *wraps) {
    Wraps own = {0};
    const Term *term = strip(arena, choice->arg[branch ? 1 : 2], &own);
    bool tested = branch && choice->proved;
    for (int i = 0; i < own.n; i++) {
        bool test = own.at[i].term->kind == TERM_CHECK;
        tested |= test;
        if (test)
            own.at[i].term = conditional(arena, own.at[i].term, condition, branch);
        else if (tested && reads_scalar(own.at[i].term->arg[0]))
            own.at[i].term = conditional_name(arena, own.at[i].term, condition, branch);
        list_push(arena, wraps, own.at[i]);
    }
    return term;
}

/* ---- out of loops: what does not hang on their indices and states ---- */

static bool reads_binder(const Term *loop, const Term *wrap, const Wraps *kept) {
    const Term *parts[4];
    int n = 0;
    for (int i = wrap->kind == TERM_LET ? 0 : 1; i < wrap->nargs && n < 4; i++)
        if (wrap->kind == TERM_CHECK || i == 0) parts[n++] = wrap->arg[i];
    for (int p = 0; p < n; p++) {
        for (int i = 0; i < loop->nloops; i++)
            if (term_reads(parts[p], loop->loop[i].var)) return true;
        for (int i = 0; i < loop->nstates; i++)
            if (term_reads(parts[p], loop->states[i])) return true;
        for (int i = 0; i < loop->nstates && loop->news; i++)
            if (term_reads(parts[p], loop->news[i])) return true;
        for (int i = 0; i < kept->n; i++)
            if (kept->at[i].term->kind == TERM_LET &&
                term_reads(parts[p], kept->at[i].term->var))
                return true;
    }
    return false;
}

/* A test of elements is none of the dims. */
static Wrap outside(Arena *arena, const Term *loop, Wrap wrap) {
    Term *copy;
    if (wrap.term->kind != TERM_CHECK || loop->kind != TERM_FOR ||
        (loop->nargs > 1 && loop->arg[1]))
        return wrap;
    copy = term_again(arena, wrap.term);
    copy->proved = 1;
    return (Wrap){copy};
}

static const Term *strip_body(Arena *arena, const Term *loop, const Term *body,
                              Wraps *wraps) {
    Wraps own = {0}, kept = {0};
    body = strip(arena, body, &own);
    for (int i = 0; i < own.n; i++)
        if (reads_binder(loop, own.at[i].term, &kept)) list_push(arena, &kept, own.at[i]);
        else list_push(arena, wraps, outside(arena, loop, own.at[i]));
    return wrap_again(arena, &kept, body);
}

static bool is_loop(const Term *term) {
    return term->kind == TERM_FOR || term->kind == TERM_FOLD || term->kind == TERM_SCAN;
}

/* ---- a term ---- */

static void outer_parts(Arena *arena, Term *copy, Wraps *wraps) {
    if (copy->nloops) {
        Loop *loops = arena_array(arena, Loop, copy->nloops);
        for (int i = 0; i < copy->nloops; i++) {
            loops[i] = copy->loop[i];
            if (i > 0 && (copy->kind != TERM_FOR || copy->arg[1])) continue;
            loops[i].from = strip(arena, copy->loop[i].from, wraps);
            loops[i].to = strip(arena, copy->loop[i].to, wraps);
        }
        copy->loop = loops;
    }
    if (copy->nstates) {
        const Term **inits = arena_array(arena, const Term *, copy->nstates);
        for (int i = 0; i < copy->nstates; i++)
            inits[i] = strip(arena, copy->inits[i], wraps);
        copy->inits = inits;
    }
}

/* The condition of a choice between tensors is made once. */
static const Term *name_condition(Arena *arena, Graph *graph, const Term *term,
                                  Wraps *wraps) {
    const Term *condition = strip(arena, term->arg[0], wraps), *ref;
    Wrap wrap;
    Var *var;
    if (term_is_trivial(condition) ||
        (term->type->kind == TY_TENSOR && term->type->rank == 0))
        return condition;
    var = graph_var(arena, graph, VAR_LET, "condition", condition->type, (Loc){0});
    ref = term_ref(arena, var);
    wrap.term = term_let(arena, var, condition, ref);
    list_push(arena, wraps, wrap);
    return ref;
}

/* A choice between tuples is a tuple of choices. */
static const Term *choose_items(Arena *arena, const Term *term) {
    Term *tuple;
    if (term->arg[1]->kind != TERM_TUPLE || term->arg[2]->kind != TERM_TUPLE) return term;
    tuple = term_again(arena, term->arg[1]);
    tuple->type = term->type;
    for (int i = 0; i < tuple->nargs; i++)
        tuple->arg[i] = term_new(arena, TERM_IF, term->type->items[i], term->at, 3,
                                 term->arg[0], term->arg[1]->arg[i],
                                 term->arg[2]->arg[i]);
    return tuple;
}

/* for i, j: x[i, j] over all of x is x. */
static const Term *unwrapped(const Term *term) {
    const Term *body = term->kind == TERM_FOR && !term->arg[1] ? term->arg[0] : NULL;
    const Term *x = body && body->kind == TERM_INDEX ? body->arg[0] : NULL;
    if (!x || x->kind != TERM_REF || body->otherwise || x->type->rank != term->nloops)
        return term;
    for (int k = 0; k < term->nloops; k++) {
        const Loop *loop = &term->loop[k];
        int64_t from, to, size;
        bool all = loop->to->kind == TERM_DIM && loop->to->axis == k &&
                   loop->to->arg[0]->kind == TERM_REF && loop->to->arg[0]->var == x->var;
        all |= term_is_int(loop->to, &to) && x->type->dims[k] &&
               dim_constant(x->type->dims[k], &size) && to == size;
        if (!all || !term_is_int(loop->from, &from) || from ||
            body->arg[1 + k]->kind != TERM_REF || body->arg[1 + k]->var != loop->var)
            return term;
    }
    return x;
}

static const Term *visit_if(Arena *arena, Graph *graph, const Term *term) {
    Wraps wraps = {0};
    Term *copy = term_again(arena, term);
    copy->arg[0] = name_condition(arena, graph, term, &wraps);
    copy->arg[1] = strip_branch(arena, term, copy->arg[0], true, &wraps);
    copy->arg[2] = strip_branch(arena, term, copy->arg[0], false, &wraps);
    for (int i = 1; i < 3; i++) copy->arg[i] = unwrapped(copy->arg[i]);
    return wrap_again(arena, &wraps, choose_items(arena, copy));
}

static const Term *visit_get(const Term *term) {
    return term->arg[0]->kind == TERM_TUPLE ? term->arg[0]->arg[term->axis] : term;
}

/* After names were replaced: items of tuples, constants. */
static const Term *simplify(Rewriter *rw, const Term *term) {
    bool which;
    int64_t n;
    if (term->kind == TERM_GET) return visit_get(term);
    if (term->kind == TERM_DIM && term->arg[0]->kind != TERM_REF &&
        dim_constant(term->arg[0]->type->dims[term->axis], &n))
        return term_int(rw->arena, PL_I64, n);
    if (term->kind == TERM_IF && term_is_bool(term->arg[0], &which))
        return term->arg[which ? 1 : 2];
    if (term->kind == TERM_OP)
        return term_op(rw->arena, term->op, term->type, term->at, term->arg[0],
                       term->nargs > 1 ? term->arg[1] : NULL,
                       term->nargs > 2 ? term->arg[2] : NULL);
    return term;
}

static bool is_atom(const Term *term) {
    return term->kind == TERM_REF || term->kind == TERM_CONST || term->kind == TERM_DATA;
}

/* The items of a tuple get names, so that the tuple itself is nothing. */
static const Term *name_items(Arena *arena, Graph *graph, const Term *value,
                              Wraps *wraps) {
    Term *copy;
    if (value->kind != TERM_TUPLE) return value;
    copy = term_again(arena, value);
    for (int i = 0; i < value->nargs; i++) {
        Wrap wrap;
        Var *var;
        copy->arg[i] = strip(arena, value->arg[i], wraps);
        if (term_is_trivial(copy->arg[i]) && copy->arg[i]->kind != TERM_DIM) continue;
        var = graph_var(arena, graph, VAR_LET, "item", copy->arg[i]->type, (Loc){0});
        wrap.term = term_let(arena, var, copy->arg[i], term_ref(arena, var));
        list_push(arena, wraps, wrap);
        copy->arg[i] = term_ref(arena, var);
    }
    return copy;
}

/* let v = (let y = Y in A) in B is let y = Y in let v = A in B */
static const Term *visit_let(Arena *arena, Graph *graph, const Term *term) {
    Wraps wraps = {0};
    const Term *value = strip(arena, term->arg[0], &wraps), *body;
    if (!term_reads(term->arg[1], term->var)) return term->arg[1];
    value = name_items(arena, graph, value, &wraps);
    if (is_atom(value) || value->kind == TERM_TUPLE) {
        Rewriter rw = {.arena = arena, .graph = graph, .visit = simplify};
        rewrite_replace(&rw, term->var, value);
        body = rewrite(&rw, term->arg[1]);
        return wrap_again(arena, &wraps, body);
    }
    if (!wraps.n) return term;
    return wrap_again(arena, &wraps, term_let(arena, term->var, value, term->arg[1]));
}

/* Names in what is tested stand around the test; its value may have them too. */
static const Term *visit_check(Arena *arena, const Term *term) {
    Wraps wraps = {0};
    Term *copy = term_again(arena, term);
    for (int i = 1; i < term->nargs; i++)
        if (term->arg[i]) copy->arg[i] = strip(arena, term->arg[i], &wraps);
    if (!wraps.n) return term;
    copy->arg[0] = strip(arena, term->arg[0], &wraps);
    return wrap_again(arena, &wraps, copy);
}

static bool is_length(const Term *to, const Term *tensor, int axis) {
    int64_t n, dim;
    if (to->kind == TERM_DIM)
        return to->arg[0]->kind == TERM_REF && to->arg[0]->var == tensor->var &&
               to->axis == axis;
    return term_is_int(to, &n) && dim_constant(tensor->type->dims[axis], &dim) &&
           n == dim;
}

/* The tensor of which the loop is a copy; or NULL. */
static const Term *copied(const Term *loop) {
    const Term *body = loop->arg[0];
    const Term *tensor = body->kind == TERM_INDEX ? body->arg[0] : NULL;
    int64_t from;
    if (!tensor || loop->arg[1] || body->otherwise || tensor->kind != TERM_REF ||
        tensor->type->rank != loop->nloops || body->nargs != loop->nloops + 1)
        return NULL;
    for (int k = 0; k < loop->nloops; k++) {
        const Loop *own = &loop->loop[k];
        const Term *sub = body->arg[1 + k];
        if (sub->kind != TERM_REF || sub->var != own->var ||
            !term_is_int(own->from, &from) || from || !is_length(own->to, tensor, k))
            return NULL;
    }
    return tensor;
}

static const Term *visit(Rewriter *rw, const Term *term) {
    Arena *arena = rw->arena;
    Wraps wraps = {0};
    Term *copy;
    if (term->kind == TERM_REF) return term;
    if (term->kind == TERM_FOR && copied(term)) return copied(term);
    if (term->kind == TERM_CHECK) return visit_check(arena, term);
    if (term->kind == TERM_LET) return visit_let(arena, rw->graph, term);
    if (term->kind == TERM_IF) return visit_if(arena, rw->graph, term);
    copy = term_again(arena, term);
    outer_parts(arena, copy, &wraps);
    for (int i = 0; i < term->nargs; i++) {
        if (!term->arg[i]) continue;
        copy->arg[i] = is_loop(term) ? strip_body(arena, copy, term->arg[i], &wraps)
                                     : strip(arena, term->arg[i], &wraps);
    }
    if (term->kind == TERM_GET) return wrap_again(arena, &wraps, visit_get(copy));
    return wraps.n ? wrap_again(arena, &wraps, copy) : term;
}

/* ---- fields ---- */

typedef struct Fields {
    Arena *arena;
    Graph *graph;
    Rewriter names;
    LIST(Node) nodes;
} Fields;

/* A binding around a statement becomes a field of that level. */
static void field_of(Fields *f, const Node *node, const Term *let) {
    Var *var = graph_var(f->arena, f->graph, VAR_FIELD, let->var->name, let->var->type,
                         let->var->loc);
    Node field = {.kind = NODE_FIELD, .loc = node->loc, .level = node->level, .nvars = 1};
    var->level = node->level;
    var->table = let->var->table;
    field.vars = arena_new_of(f->arena, const Var *);
    field.vars[0] = var;
    field.term = rewrite(&f->names, let->arg[0]);
    rewrite_replace(&f->names, let->var, term_ref(f->arena, var));
    f->names.memo.n = f->names.memo.room = 0;
    list_push(f->arena, &f->nodes, field);
}

static bool has_tests(const Wraps *wraps) {
    for (int i = 0; i < wraps->n; i++)
        if (wraps->at[i].term->kind == TERM_CHECK) return true;
    return false;
}

/* The number of rows of an `each` must not hang on what only their values need:
 * `given`, the statement as it came, stays if a test came out of it. */
static void open_node(Fields *f, const Node *node, const Node *given) {
    Wraps wraps = {0}, tests = {0};
    Node copy = *node;
    const Term *term = strip(f->arena, node->term, &wraps);
    if (node->kind == NODE_EACH && has_tests(&wraps)) {
        wraps.n = 0;
        term = given->term;
    }
    if (node->kind == NODE_FIELD) term = name_items(f->arena, f->graph, term, &wraps);
    for (int i = 0; i < wraps.n; i++)
        if (wraps.at[i].term->kind == TERM_LET) field_of(f, node, wraps.at[i].term);
        else list_push(f->arena, &tests, wraps.at[i]);
    if (node->kind == NODE_FIELD && term->kind == TERM_TUPLE && !tests.n) {
        rewrite_replace(&f->names, node->vars[0], rewrite(&f->names, term));
        f->names.memo.n = f->names.memo.room = 0;
        return;
    }
    copy.term = rewrite(&f->names, wrap_again(f->arena, &tests, term));
    list_push(f->arena, &f->nodes, copy);
    if (node->kind != NODE_FIELD || !is_atom(copy.term)) return;
    rewrite_replace(&f->names, node->vars[0], copy.term);    /* another name for it */
    f->names.memo.n = f->names.memo.room = 0;
}

static void mark_live(const Term *term, void *data) {
    bool *live = data;
    if (term->kind == TERM_REF) live[term->var->id] = true;
    else term_children(term, mark_live, data);
}

/* Fields that nothing reads, from the last to the first. */
static void drop_dead(Arena *arena, Graph *graph) {
    bool *live = arena_array(arena, bool, graph->nvars + 1);
    int kept = graph->nodes.n;
    for (int i = 0; i < graph->batched.n; i++) live[graph->batched.at[i]->of->id] = true;
    for (int i = graph->nodes.n - 1; i >= 0; i--) {
        const Node *node = &graph->nodes.at[i];
        if (node->kind == NODE_FIELD && !live[node->vars[0]->id]) continue;
        mark_live(node->term, live);
        graph->nodes.at[--kept] = *node;
    }
    graph->nodes.at += kept;
    graph->nodes.n -= kept;
    graph->nodes.room -= kept;
}

Graph *pass_normal(Arena *arena, const Graph *graph) {
    Graph *copy = graph_rewrite(arena, graph, visit, NULL);
    Fields f = {arena, copy, {.arena = arena, .graph = copy, .visit = simplify}, {0}};
    for (int i = 0; i < copy->nodes.n; i++)
        open_node(&f, &copy->nodes.at[i], &graph->nodes.at[i]);
    copy->nodes.at = f.nodes.at;
    copy->nodes.n = f.nodes.n;
    copy->nodes.room = f.nodes.room;
    drop_dead(arena, copy);
    return copy;
}
