/* ends: a subscript that only rises or only falls with each index of its loops is tested
 * where it is least and where it is greatest, before the loops.
 *
 *   for i in a..b: f(x[c + i?])
 *
 *   test(test(for i in a..b: f(x[c + i]), 0 <= c + a < len(x)), 0 <= c + b - 1 < len(x))
 *
 * It lies in range everywhere if it does at both ends. Proof: it is a sum of terms of
 * which each goes one way, and no index stands in two of them, so its ends are reached;
 * it does not come around 2^64 between them, as factors are small and loops are short,
 * which is tested too. An empty loop reads nothing: there 0 is tested against 1. Only
 * what every element reads, whatever conditions say: else a good record would be
 * suspected. And only the loops that make an output: a tensor between them that is made
 * row by row has its subscripts tested by the row. */
#include "pass.h"
#include <string.h>

enum { MOST_LOOPS = 24, MOST_FACTOR = 256, DEEP = 12 };
static const int64_t MOST_ROUNDS = INT64_C(1) << 40;
#define NOT_SIMPLE (1u << 31)

typedef struct Named {
    const Var *var;
    const Term *term, *full;    /* full: without names of the nest that hang on no loop */
    unsigned loops;             /* it hangs on */
    bool seen;                  /* what it reads was looked at */
} Named;
typedef struct Proved { const Term *term; unsigned bits; } Proved;
typedef struct End { const Term *sub, *size; const char *key; } End;

typedef struct Nest {
    Arena *arena;
    const Loop *loop[MOST_LOOPS];
    int nloops;
    LIST(Named) names;          /* bound inside of the nest */
    LIST(const Var *) states;
    LIST(Proved) proved;        /* reads and tests that need no test any more */
    LIST(End) ends;             /* what is tested outside in their place */
} Nest;

/* ---- which loops a term hangs on ---- */
typedef struct Hang { const Nest *nest; unsigned loops; } Hang;

static void hang(const Term *term, void *data) {
    Hang *h = data;
    const Nest *n = h->nest;
    if (term->kind != TERM_REF) {
        if (term->nloops || term->kind == TERM_LET) h->loops |= NOT_SIMPLE;
        term_children(term, hang, data);
        return;
    }
    for (int i = 0; i < n->nloops; i++)
        if (n->loop[i]->var == term->var) h->loops |= 1u << i;
    for (int i = 0; i < n->names.n; i++)
        if (n->names.at[i].var == term->var) h->loops |= n->names.at[i].loops;
    for (int i = 0; i < n->states.n; i++)
        if (n->states.at[i] == term->var) h->loops |= NOT_SIMPLE;
}

static unsigned hangs_on(const Nest *n, const Term *term) {
    Hang h = {n, 0};
    hang(term, &h);
    return h.loops;
}

/* ---- the ends of a subscript ---- */
static const Term *whole(Nest *n, Op op, const Term *a, const Term *b) {
    return term_op(n->arena, op, type_scalar(PL_I64), NULL, a, b, NULL);
}

static const Term *end_of(Nest *n, const Term *term, bool most, int depth);

static const Term *end_of_name(Nest *n, const Var *var, bool most, int depth) {
    for (int i = 0; i < n->nloops; i++) {
        const Loop *loop = n->loop[i];
        if (loop->var != var) continue;
        if (!most) return loop->from;
        return whole(n, OP_SUB, loop->to, term_int(n->arena, PL_I64, 1));
    }
    for (int i = 0; i < n->names.n; i++)
        if (n->names.at[i].var == var) return end_of(n, n->names.at[i].term, most, depth);
    return NULL;
}

static const Term *end_of_product(Nest *n, const Term *term, bool most, int depth) {
    int64_t by;
    int k = term_is_int(term->arg[1], &by) ? 0 : 1;
    const Term *end;
    if (!term_is_int(term->arg[1 - k], &by) || by > MOST_FACTOR || by < -MOST_FACTOR)
        return NULL;
    end = end_of(n, term->arg[k], most == (by >= 0), depth);
    return end ? whole(n, OP_MUL, end, term->arg[1 - k]) : NULL;
}

static const Term *end_of_op(Nest *n, const Term *term, bool most, int depth) {
    const Term *a, *b;
    if (term->op == OP_MUL)     /* but one, and none below: factors stay small */
        return depth < DEEP - 2 ? end_of_product(n, term, most, DEEP - 2) : NULL;
    if (term->op != OP_ADD && term->op != OP_SUB && term->op != OP_MIN &&
        term->op != OP_MAX)
        return NULL;
    if (hangs_on(n, term->arg[0]) & hangs_on(n, term->arg[1])) return NULL;
    a = end_of(n, term->arg[0], most, depth);
    b = end_of(n, term->arg[1], most == (term->op != OP_SUB), depth);
    return a && b ? whole(n, term->op, a, b) : NULL;
}

static const Term *end_of_choice(Nest *n, const Term *term, bool most, int depth) {
    const Term *a, *b;
    if (hangs_on(n, term->arg[0])) return NULL;
    a = end_of(n, term->arg[1], most, depth);
    b = end_of(n, term->arg[2], most, depth);
    if (!a || !b) return NULL;
    if (!strcmp(term_key(n->arena, a), term_key(n->arena, b))) return a;    /* a flip */
    return term_new(n->arena, TERM_IF, term->type, term->at, 3, term->arg[0], a, b);
}

/* The least or the most that an integer is in the nest; NULL: it is not that simple. */
static const Term *end_of(Nest *n, const Term *term, bool most, int depth) {
    unsigned loops = hangs_on(n, term);
    if (!loops) return term;
    if (loops & NOT_SIMPLE || depth >= DEEP || term->type->dtype != PL_I64) return NULL;
    switch (term->kind) {
    case TERM_REF: return end_of_name(n, term->var, most, depth + 1);
    case TERM_OP: return end_of_op(n, term, most, depth + 1);
    case TERM_IF: return end_of_choice(n, term, most, depth + 1);
    default: return NULL;
    }
}

/* `term` if these loops have rounds, else the number. */
static const Term *if_rounds(Nest *n, const Term *term, unsigned loops,
                             int64_t otherwise) {
    for (int i = n->nloops - 1; i >= 0; i--) {
        const Loop *loop = n->loop[i];
        int64_t from, to;
        if (!(loops >> i & 1)) continue;
        if (term_is_int(loop->from, &from) && term_is_int(loop->to, &to) && from < to)
            continue;
        term = term_new(n->arena, TERM_IF, type_scalar(PL_I64), NULL, 3,
                        term_op(n->arena, OP_LT, type_scalar(PL_BOOL), NULL, loop->from,
                                loop->to, NULL),
                        term, term_int(n->arena, PL_I64, otherwise));
    }
    return term;
}

/* Names bound inside of the nest are written out. */
static const Term *expanded(Nest *n, const Term *term) {
    Rewriter rw = {.arena = n->arena};
    for (int i = 0; i < n->names.n; i++)
        if (!n->names.at[i].loops)
            rewrite_replace(&rw, n->names.at[i].var, n->names.at[i].full);
    return rw.replaced.n ? rewrite(&rw, term) : term;
}

/* Wherever the read stands, it stands inside of the loops that it hangs on. */
static void add_end(Nest *n, const Term *sub, const Term *size, unsigned loops) {
    End end = {expanded(n, if_rounds(n, sub, loops, 0)),
               expanded(n, if_rounds(n, size, loops, 1)), NULL};
    int64_t number, most;
    if (term_is_int(end.sub, &number) && term_is_int(end.size, &most) && number >= 0 &&
        number < most)
        return;
    end.key = term_key(n->arena, whole(n, OP_SUB, end.sub, end.size));
    for (int i = 0; i < n->ends.n; i++)
        if (!strcmp(n->ends.at[i].key, end.key)) return;
    list_push(n->arena, &n->ends, end);
}

/* What is not known to be short is tested to be. */
static bool test_rounds(Nest *n, unsigned loops) {
    for (int i = 0; i < n->nloops; i++) {
        const Loop *loop = n->loop[i];
        int64_t from, to;
        bool known = term_is_int(loop->from, &from);
        bool all = known && from >= 0 && loop->to->kind == TERM_DIM;
        if (!(loops >> i & 1) || all) continue;
        if (!known || !term_is_int(loop->to, &to))
            add_end(n, whole(n, OP_SUB, loop->to, loop->from),
                    term_int(n->arena, PL_I64, MOST_ROUNDS), 1u << i);
        else if (from < -MOST_ROUNDS || to > MOST_ROUNDS)
            return false;
    }
    return true;
}

/* Whether tests outside take the place of one inside. */
static bool test_ends(Nest *n, const Term *sub, const Term *size) {
    const Term *least, *most;
    unsigned loops = hangs_on(n, sub);
    if (!loops || hangs_on(n, size)) return false;
    least = end_of(n, sub, false, 0);
    most = end_of(n, sub, true, 0);
    if (!least || !most || !test_rounds(n, loops)) return false;
    add_end(n, least, size, loops);
    add_end(n, most, size, loops);
    return true;
}

/* ---- what every element reads ---- */
static void note_proved(Nest *n, const Term *term, unsigned bits) {
    Proved proved = {term, bits};
    if (bits) list_push(n->arena, &n->proved, proved);
}

static const Term *size_of(Nest *n, const Term *tensor, int axis) {
    int64_t size;
    Term *dim;
    if (tensor->type->dims && tensor->type->dims[axis] &&
        dim_constant(tensor->type->dims[axis], &size))
        return term_int(n->arena, PL_I64, size);
    dim = term_new(n->arena, TERM_DIM, type_scalar(PL_I64), tensor->at, 1, tensor);
    dim->axis = axis;
    return dim;
}

static void look_index(Nest *n, const Term *index) {
    unsigned bits = 0;
    if (index->otherwise || hangs_on(n, index->arg[0])) return;
    for (int k = 0; k < index->nargs - 1; k++)
        if (!(index->proved >> k & 1) &&
            test_ends(n, index->arg[1 + k], size_of(n, index->arg[0], k)))
            bits |= 1u << k;
    note_proved(n, index, bits);
}

static void look(const Term *term, void *data);

static bool add_loops(Nest *n, const Term *loop) {
    if (n->nloops + loop->nloops >= MOST_LOOPS) return false;
    for (int i = 0; i < loop->nloops; i++) {
        if (hangs_on(n, loop->loop[i].from) | hangs_on(n, loop->loop[i].to)) return false;
        n->loop[n->nloops++] = &loop->loop[i];
    }
    return true;
}

/* What does all its rounds has more loops around what it reads. */
static void look_loop(Nest *n, const Term *loop) {
    int outer = n->nloops;
    for (int i = 0; i < loop->nstates; i++) {
        list_push(n->arena, &n->states, loop->states[i]);
        look(loop->inits[i], n);
    }
    for (int i = 1; i < loop->nargs; i++)
        if (loop->arg[i]) return;
    if (add_loops(n, loop)) look(loop->arg[0], n);
    n->nloops = outer;
}

static bool is_scalar(const Term *term) {
    return term->type->kind == TY_TENSOR && !term->type->rank;
}

static void add_name(Nest *n, const Term *let) {
    Named name = {let->var, let->arg[0], expanded(n, let->arg[0]),
                  hangs_on(n, let->arg[0]), false};
    if (!is_scalar(name.term)) name.loops |= NOT_SIMPLE;
    list_push(n->arena, &n->names, name);
}

/* Names are made where they are read. */
static void look_name(Nest *n, const Var *var) {
    for (int i = 0; i < n->names.n; i++) {
        const Named name = n->names.at[i];
        if (name.var != var || name.seen) continue;
        n->names.at[i].seen = true;
        if (is_scalar(name.term)) look(name.term, n);
    }
}

static void look(const Term *term, void *data) {
    Nest *n = data;
    switch (term->kind) {
    case TERM_REF: look_name(n, term->var); return;
    case TERM_LET:
        add_name(n, term);
        look(term->arg[1], n);
        return;
    case TERM_IF: look(term->arg[0], n); return;
    case TERM_FOLD: look_loop(n, term); return;
    case TERM_REDUCE:
        if (term->arg[0]->kind == TERM_FOR) look_loop(n, term->arg[0]);
        return;
    case TERM_INDEX: look_index(n, term); break;
    case TERM_CHECK:
        if (term->check == CHECK_SUBSCRIPT && test_ends(n, term->arg[1], term->arg[2]))
            note_proved(n, term, 1);
        break;
    case TERM_OP: case TERM_CONST: case TERM_TUPLE: break;
    default: return;
    }
    term_children(term, look, data);
}

/* ---- the nest again ---- */
static const Term *before(Rewriter *rw, const Term *term) {
    const Nest *n = rw->data;
    unsigned bits = 0;
    Term *copy;
    for (int i = 0; i < n->proved.n; i++)
        if (n->proved.at[i].term == term) bits |= n->proved.at[i].bits;
    if (!bits) return term;
    if (term->kind == TERM_CHECK) return before(rw, term->arg[0]);
    copy = term_again(rw->arena, term);
    copy->proved |= bits;
    return copy;
}

static const Term *tested(Nest *n, const Term *term) {
    for (int i = 0; i < n->ends.n; i++) {
        const End *end = &n->ends.at[i];
        Term *test = term_new(n->arena, TERM_CHECK, term->type, term->at, 3, term,
                              end->sub, end->size);
        test->check = CHECK_SUBSCRIPT;
        test->text = "subscript";
        test->proved = 1;
        term = test;
    }
    return term;
}

static const Term *at_ends(Arena *arena, const Term *term) {
    Nest n = {.arena = arena};
    Rewriter rw = {.arena = arena, .before = before, .data = &n};
    Term *copy;
    if (term->kind == TERM_LET || term->kind == TERM_CHECK) {
        int inside = term->kind == TERM_LET;
        copy = term_again(arena, term);
        copy->arg[inside] = at_ends(arena, term->arg[inside]);
        return copy;
    }
    if (term->kind != TERM_FOR || term->arg[1] || !add_loops(&n, term)) return term;
    look(term->arg[0], &n);
    return n.proved.n ? tested(&n, rewrite(&rw, term)) : term;
}

static bool is_output(const Graph *graph, const Var *var) {
    for (int i = 0; i < graph->batched.n; i++)
        if (graph->batched.at[i]->of == var) return true;
    return false;
}

Graph *pass_ends(Arena *arena, const Graph *graph) {
    Graph *copy = graph_rewrite(arena, graph, NULL, NULL);
    for (int i = 0; i < copy->nodes.n; i++) {
        Node *node = &copy->nodes.at[i];
        if (node->kind == NODE_FIELD && is_output(graph, node->vars[0]))
            node->term = at_ends(arena, node->term);
    }
    return copy;
}
