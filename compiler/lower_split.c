/* A loop in two or three, where its body chooses by comparing the index with something that
 * no iteration changes: `if i == 0 then 256 else x[i - 1]`, `if i < n then x[i] else fill`.
 * Each part has no choice left, so it is copied or made in vectors.
 *
 * Exact: an iteration is in the part whose answer its own comparison would give (but for the
 * one of `==`, which asks itself), in the same order. What is compared with is made once
 * more before the loop, even if there is no iteration: a test that fails there makes a fused
 * plan suspect, no more. */
#include "lower_room.h"
#include "passes/pass.h"

typedef struct Split {
    Gen *g;
    const Var *index;
    const Term *choice, *with;  /* index OP with */
    Op op;
    bool simple;
} Split;

/* ---- what may be split ---- */

/* Of a LET: what is in a field is the same in all rounds. */
static const Term *let_of(const Gen *g, const Term *ref) {
    bool let = ref->kind == TERM_REF && ref->var->kind == VAR_LET;
    return let ? definition_of(g->all, ref->var) : NULL;
}

/* Loops in a body cost more than a choice does, and would be there several times. */
static void find_loops(const Term *term, void *data) {
    Split *s = data;
    const Term *def = let_of(s->g, term);
    if (term->kind == TERM_FOR || term->kind == TERM_FOLD || term->kind == TERM_SCAN ||
        term->kind == TERM_REDUCE || term->kind == TERM_KERNEL || term->kind == TERM_SCATTER)
        s->simple = false;
    if (s->simple && def) find_loops(def, data);
    if (s->simple) term_children(term, find_loops, data);
}

typedef struct Mention { const Gen *g; const Var *index; bool found; } Mention;

static void find_mention(const Term *term, void *data) {
    Mention *m = data;
    const Term *def = let_of(m->g, term);
    m->found |= term->kind == TERM_REF && term->var == m->index;
    if (!m->found && def) find_mention(def, data);
    if (!m->found) term_children(term, find_mention, data);
}

static bool mentions(const Split *s, const Term *term) {
    Mention m = {s->g, s->index, false};
    find_mention(term, &m);
    return m.found;
}

/* index OP with; with OP index is the other way round. */
static bool read_comparison(Split *s, const Term *c) {
    static const Op turned[] = {[OP_EQ] = OP_EQ, [OP_LT] = OP_GT, [OP_LE] = OP_GE,
                                [OP_GT] = OP_LT, [OP_GE] = OP_LE};
    const Term *a, *b;
    if (c->kind != TERM_OP || (c->op != OP_EQ && c->op != OP_LT && c->op != OP_LE &&
                               c->op != OP_GT && c->op != OP_GE))
        return false;
    a = c->arg[0];
    b = c->arg[1];
    s->op = c->op;
    if (b->kind == TERM_REF && b->var == s->index) {
        a = c->arg[1];
        b = c->arg[0];
        s->op = turned[c->op];
    }
    s->with = b;
    return a->kind == TERM_REF && a->var == s->index && b->type->dtype == PL_I64 &&
           !mentions(s, b);
}

static void find_choice(const Term *term, void *data) {
    Split *s = data;
    if (s->choice) return;
    if (term->kind == TERM_IF && read_comparison(s, term->arg[0])) {
        s->choice = term;
        return;
    }
    if (term->kind == TERM_OP || term->kind == TERM_IF || term->kind == TERM_LET ||
        term->kind == TERM_TUPLE)
        term_children(term, find_choice, data);
}

/* ---- the parts ---- */

static const Term *take_arm(Rewriter *rw, const Term *term) {
    const Term **choice = rw->data;
    return term == choice[0] ? choice[1] : term;
}

static LoopPart part_of(const Split *s, const Term *body, Value from, Value to, bool holds) {
    const Term *choice[] = {s->choice, s->choice->arg[holds ? 1 : 2]};
    Rewriter rw = {.arena = s->g->all->arena, .before = take_arm, .data = choice};
    return (LoopPart){from, to, rewrite(&rw, body), s->choice->arg[0], holds};
}

/* How many iterations have an index below it. */
static Value below(Gen *g, Value with, Value from, Value trip) {
    Value n;
    if (with == from) return gen_long(g, 0);
    n = gen_op(g, LOOP_SMIN, LT_I64, 2,
                     gen_op(g, LOOP_SMAX, LT_I64, 2, with, from), gen_add(g, from, trip));
    return gen_nonnegative(g, gen_sub(g, n, from));
}

int split_loop(Gen *g, const Term *term, Value from, Value trip, LoopPart *part) {
    const Term *body = term->arg[0];
    Split s = {.g = g, .index = term->loop[term->nloops - 1].var, .simple = true};
    Scalar with;
    Value n, zero = gen_long(g, 0), after;
    bool then_first;
    part[0] = (LoopPart){.from = zero, .to = trip, .body = body};
    if (g->plain || pass_is_off(g->all->options->off, "splits")) return 1;
    find_choice(body, &s);
    if (s.choice) find_loops(body, &s);
    if (!s.choice || !s.simple) return 1;
    with = gen_scalar(g, s.with);
    if (with.fail != NO_VALUE) return 1;
    n = below(g, with.v, from, trip);
    after = gen_add(g, n, gen_long(g, 1));      /* at most one more than there are */
    if (s.op == OP_EQ) {
        int parts = 0;
        if (with.v != from) part[parts++] = part_of(&s, body, zero, n, false);
        part[parts++] = (LoopPart){.from = n, .to = trip, .body = body, .once = true};
        part[parts++] = part_of(&s, body, after, trip, false);
        return parts;
    }
    then_first = s.op == OP_LT || s.op == OP_LE;
    if (s.op == OP_LE || s.op == OP_GT)         /* it is the last one of the first part */
        n = gen_op(g, LOOP_SMIN, LT_I64, 2, trip, gen_select(
                g, gen_op(g, LOOP_SLT, LT_I1, 2, with.v, from), n, after));
    part[0] = part_of(&s, body, zero, n, then_first);
    part[1] = part_of(&s, body, n, trip, !then_first);
    return 2;
}
