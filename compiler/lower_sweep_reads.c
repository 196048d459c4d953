/* Who reads a tensor, where, on the way through which loops and names; evaluating
 * the subscripts of such a read for themselves. */
#include "lower_sweep.h"

/* ---- who reads a tensor ---- */

typedef struct { const Var *var; int n; } Uses;

static void count_data(const Term *term, void *data) {
    Uses *u = data;
    if (term->kind == TERM_REF) u->n += term->var == u->var;
    else if (term->kind != TERM_DIM) term_children(term, count_data, data);
}

int sweep_uses(const Term *term, const Var *var) {
    Uses u = {var, 0};
    count_data(term, &u);
    return u.n;
}

/* What a term needs of the tensor to give its dims alone. */
static void count_for_dims(const Term *term, Use use, void *data) {
    Uses *u = data;
    if (term->kind == TERM_REF) u->n += term->var == u->var && use == USE_DATA;
    else use_children(term, use, count_for_dims, data);
}

int sweep_node_uses(Gen *g, const Node *node, const Var *var) {
    Uses u = {var, 0};
    unsigned live = node->kind == NODE_FIELD ? g->all->live.at[node->vars[0]->id]
                                             : 1u << USE_DATA;
    if (live & 1u << USE_DATA) return sweep_uses(node->term, var);
    if (live) count_for_dims(node->term, USE_DIMS, &u);
    return u.n;
}

typedef struct { Gen *g; const Var *var; TermMap *seen; bool found; int depth; } Through;

/* Whether the name was not seen with that use. */
static bool is_fresh(Through *t, const Var *var, Use use) {
    bool fresh;
    map_at(t->seen, (const Term *)var, use, &fresh);
    return fresh;
}

static void find_through(const Term *term, Use use, void *data) {
    Through *t = data;
    const Term *def;
    if (t->found) return;
    if (term->kind == TERM_LET) {   /* looked into where it stands */
        is_fresh(t, term->var, USE_DATA);
        is_fresh(t, term->var, USE_DIMS);
        find_through(term->arg[0], USE_DATA, data);
    }
    if (term->kind != TERM_REF) {
        use_children(term, use, find_through, data);
        return;
    }
    if (term->var == t->var) {
        t->found |= t->depth > 0 && use == USE_DATA;
        return;
    }
    def = term->var->id < t->g->all->def.n ? t->g->all->def.at[term->var->id] : NULL;
    if (!def || !is_fresh(t, term->var, use)) return;
    t->depth++;
    find_through(def, use, data);
    t->depth--;
}

bool sweep_reads_made_of(Gen *g, const Term *term, const Var *var) {
    Through t = {g, var, map_new(), false, 0};
    find_through(term, USE_DATA, &t);
    map_free(t.seen);
    return t.found;
}

/* ---- reads of a tensor in a loop, with the loops around them ---- */

typedef struct Walk {
    Gen *g;
    const SweepStage *reader;   /* or NULL */
    const Var *var;             /* what is read */
    SweepRead now;              /* the way to where we are */
    SweepReads *reads;
} Walk;

static void find_reads(Walk *w, const Term *term);

static void find_maybe(Walk *w, const Term *term) {
    bool maybe = w->now.maybe;
    if (!term) return;
    w->now.maybe = true;
    find_reads(w, term);
    w->now.maybe = maybe;
}

static void push_step(Walk *w, SweepStep step) {
    if (w->now.nsteps < SWEEP_STEPS) w->now.step[w->now.nsteps++] = step;
    else w->now.lost++;
}

/* Back to so many steps, of which those that were lost come last. */
static void pop_steps(Walk *w, int steps) {
    w->now.lost = steps > SWEEP_STEPS ? steps - SWEEP_STEPS : 0;
    w->now.nsteps = steps - w->now.lost;
}

static int steps_of(const Walk *w) { return w->now.nsteps + w->now.lost; }

static void find_branch(Walk *w, const Term *choice, bool holds) {
    int steps = steps_of(w);
    const Term *branch = choice->arg[holds ? 1 : 2];
    if (!sweep_is_fixed(w->reader, choice->arg[0])) {
        find_maybe(w, branch);
        return;
    }
    push_step(w, (SweepStep){.when = choice->arg[0], .holds = holds});
    find_reads(w, branch);
    pop_steps(w, steps);
}

static void find_child(const Term *term, void *data) { find_reads(data, term); }

static void find_in_fold(Walk *w, const Term *term) {
    int steps = steps_of(w);
    for (int i = 0; i < term->nstates; i++) find_reads(w, term->inits[i]);
    for (int i = 0; i < term->nloops; i++) {
        find_reads(w, term->loop[i].from);
        find_reads(w, term->loop[i].to);
        push_step(w, (SweepStep){.loop = &term->loop[i]});
    }
    for (int i = 0; i < term->nargs; i++) {
        if (!term->arg[i]) continue;
        if (term->nargs > 1 && (term->arg[1] || (term->nargs > 2 && term->arg[2])))
            find_maybe(w, term->arg[i]);
        else find_reads(w, term->arg[i]);
    }
    pop_steps(w, steps);
}

/* ---- what is read for sure ---- */

typedef struct { const Var *var; bool found; } Sure;

static void find_sure(const Term *term, void *data);

static bool is_sure(const Term *term, const Var *var) {
    Sure s = {var, false};
    if (term) find_sure(term, &s);
    return s.found;
}

static bool has_rounds(const Loop *loop) {
    int64_t from, to;
    return term_is_int(loop->from, &from) && term_is_int(loop->to, &to) && from < to;
}

static bool is_sure_in_loops(const Term *term, const Var *var) {
    bool rounds = true;
    for (int i = 0; i < term->nstates; i++)
        if (is_sure(term->inits[i], var)) return true;
    for (int i = 0; i < term->nloops && rounds; i++) {
        const Loop *loop = &term->loop[i];
        if (is_sure(loop->from, var) || is_sure(loop->to, var)) return true;
        rounds = has_rounds(loop);
    }
    for (int i = 1; i < term->nargs; i++) rounds &= !term->arg[i];
    return rounds && is_sure(term->arg[0], var);
}

/* The names are read if the body reads them, or one that is read is made of them. */
static bool is_sure_in_names(const Term *term, const Var *var) {
    const Term *body = term;
    int n = 0;
    for (; body->kind == TERM_LET; body = body->arg[1]) n++;
    const Term *let[n];
    bool read[n], found = is_sure(body, var);
    for (int i = 0; i < n; i++, term = term->arg[1]) let[i] = term;
    for (int i = n - 1; i >= 0; i--) {
        read[i] = is_sure(body, let[i]->var);
        for (int k = i + 1; k < n && !read[i]; k++)
            read[i] = read[k] && is_sure(let[k]->arg[0], let[i]->var);
        found |= read[i] && is_sure(let[i]->arg[0], var);
    }
    return found;
}

/* Whether the value of the term cannot be had without that of the name. */
static void find_sure(const Term *term, void *data) {
    Sure *s = data;
    const Var *var = s->var;
    if (s->found) return;
    switch (term->kind) {
    case TERM_REF: s->found = term->var == var; break;
    case TERM_DIM: break;
    case TERM_LET: s->found = is_sure_in_names(term, var); break;
    case TERM_IF:
        s->found = is_sure(term->arg[0], var) ||
                   (is_sure(term->arg[1], var) && is_sure(term->arg[2], var));
        break;
    case TERM_FOR: case TERM_FOLD: case TERM_SCAN:
        s->found = is_sure_in_loops(term, var);
        break;
    case TERM_INDEX:
        for (int k = 1; k < term->nargs; k++) find_sure(term->arg[k], data);
        break;
    default: term_children(term, find_sure, data); break;
    }
}

/* ---- the walk ---- */

static void find_reads(Walk *w, const Term *term) {
    int steps = steps_of(w);
    if (term->kind == TERM_INDEX && term->arg[0]->kind == TERM_REF &&
        term->arg[0]->var == w->var) {
        w->now.index = term;
        if (!w->now.lost) list_push(w->g->all->arena, w->reads, w->now);
    }
    switch (term->kind) {
    case TERM_LET:
        if (is_sure(term->arg[1], term->var)) find_reads(w, term->arg[0]);
        else find_maybe(w, term->arg[0]);
        push_step(w, (SweepStep){.let = term});
        find_reads(w, term->arg[1]);
        pop_steps(w, steps);
        break;
    case TERM_FOR: case TERM_FOLD: case TERM_SCAN: find_in_fold(w, term); break;
    case TERM_IF:
        find_reads(w, term->arg[0]);
        find_branch(w, term, true);
        find_branch(w, term, false);
        break;
    case TERM_INDEX:
        for (int k = 1; k < term->nargs; k++) find_reads(w, term->arg[k]);
        find_maybe(w, term->otherwise);
        break;
    default: term_children(term, find_child, w); break;
    }
}

void sweep_reads(Gen *g, const Var *var, const Term *term, SweepReads *reads) {
    Walk w = {.g = g, .var = var, .reads = reads};
    find_reads(&w, term);
}

void sweep_reads_of(Gen *g, const SweepStage *reader, const Var *var, SweepReads *reads) {
    for (int i = 0; i < reader->arms.n; i++) {
        const SweepArm *arm = &reader->arms.at[i];
        Walk w = {.g = g, .reader = reader, .var = var, .reads = reads};
        w.now.loop = arm->loop;
        for (int k = 0; k < arm->nsteps; k++) push_step(&w, arm->step[k]);
        find_reads(&w, arm->loop->arg[0]);
    }
}

/* ---- conditions ---- */

typedef struct { const SweepStage *reader; bool fixed; } Fixed;

static void find_loose(const Term *term, void *data) {
    Fixed *f = data;
    VarKind kind;
    switch (term->kind) {
    case TERM_CONST: case TERM_DIM: return;
    case TERM_OP: case TERM_IF: term_children(term, find_loose, data); return;
    case TERM_REF: break;
    default: f->fixed = false; return;
    }
    kind = term->var->kind;
    f->fixed &= kind == VAR_FIELD || kind == VAR_PARAM || kind == VAR_OPEN ||
                kind == VAR_SOURCE;
    for (int i = 0; f->reader && i < f->reader->pending.n; i++)
        f->fixed &= f->reader->pending.at[i] != term->var;
}

bool sweep_is_fixed(const SweepStage *reader, const Term *condition) {
    Fixed f = {reader, true};
    find_loose(condition, &f);
    return f.fixed;
}

/* ---- which loops of the reader a subscript hangs on ---- */

typedef struct { const Term *loop; const SweepRead *read; unsigned on; } Hangs;

static void hangs(const Term *term, void *data) {
    Hangs *h = data;
    if (term->kind != TERM_REF) {
        term_children(term, hangs, data);
        return;
    }
    for (int k = 0; k < h->loop->nloops; k++)
        if (h->loop->loop[k].var == term->var) h->on |= 1u << k;
    for (int i = 0; i < h->read->nsteps; i++) {
        const SweepStep *step = &h->read->step[i];
        if (step->let && step->let->var == term->var) hangs(step->let->arg[0], data);
        if (step->loop && step->loop->var == term->var) {
            hangs(step->loop->from, data);
            hangs(step->loop->to, data);
        }
    }
}

unsigned sweep_hangs_on(const SweepRead *read, const Term *term) {
    Hangs h = {read->loop, read, 0};
    hangs(term, &h);
    return h.on;
}

/* ---- evaluating subscripts ---- */

void sweep_bind(Gen *g, const SweepStage *stage, int loop, Value element) {
    for (int i = 0; i < stage->arms.n; i++) {
        const Term *nest = stage->arms.at[i].loop;
        if (loop < nest->nloops)
            bind_index(g, nest->loop[loop].var,
                       scalar(gen_add(g, stage->start[loop], element)));
    }
}

/* The steps on the way to a read that one of its subscripts hangs on. */
typedef struct { const SweepRead *read; unsigned steps; } Needed;

static void find_needed(const Term *term, void *data) {
    Needed *n = data;
    if (term->kind != TERM_REF) {
        term_children(term, find_needed, data);
        return;
    }
    for (int i = 0; i < n->read->nsteps; i++) {
        const SweepStep *step = &n->read->step[i];
        if (n->steps >> i & 1) continue;
        if (step->let && step->let->var == term->var) {
            n->steps |= 1u << i;
            find_needed(step->let->arg[0], data);
        } else if (step->loop && step->loop->var == term->var) {
            n->steps |= 1u << i;
            find_needed(step->loop->from, data);
            find_needed(step->loop->to, data);
        }
    }
}

SweepRead sweep_needed(const SweepRead *read, int axis) {
    Needed n = {read, 0};
    SweepRead copy = {.index = read->index, .loop = read->loop, .maybe = read->maybe};
    find_needed(read->index->arg[1 + axis], &n);
    for (int i = 0; i < read->nsteps; i++)
        if (n.steps >> i & 1 || read->step[i].when)
            copy.step[copy.nsteps++] = read->step[i];
    return copy;
}

static void leave_if_more(Gen *g, Value most, Value n) {
    gen_fail_when(g, gen_op(g, LOOP_ULT, LT_I1, 2, most, n), 0, n, most, NO_VALUE, false);
}

/* A fold that stops early, or is not reached, may have any number of rounds: those of more
 * than can be gone through are left to the plain plan. rounds: of the folds around it. */
static Value count_rounds(Gen *g, Value from, Value to, Value rounds) {
    Value most = gen_long(g, 1 << 24), some = gen_op(g, LOOP_SLT, LT_I1, 2, from, to);
    Value here = gen_select(g, some, gen_sub(g, to, from), gen_long(g, 1));
    leave_if_more(g, most, here);
    rounds = gen_mul(g, rounds, here);
    leave_if_more(g, most, rounds);
    return rounds;
}

/* Runs the folds around a read, under its conditions, then `at`. */
static void replay(Gen *g, const SweepRead *read, int step, Value rounds, AtRead *at,
                   void *data) {
    const SweepStep *s = &read->step[step];
    if (step == read->nsteps) {
        at(g, read, data);
        return;
    }
    if (s->let) {
        bind_let(g, s->let);
        replay(g, read, step + 1, rounds, at, data);
        return;
    }
    if (s->when) {
        Value c = gen_scalar(g, s->when).v;
        gen_if(g, s->holds ? c : gen_not(g, c));
        replay(g, read, step + 1, rounds, at, data);
        gen_end(g);
        return;
    }
    Value from = gen_scalar(g, s->loop->from).v, to = gen_scalar(g, s->loop->to).v;
    rounds = count_rounds(g, from, to, rounds);
    Value index = gen_for(g, from, to);
    int old = context_open(g);
    bind_index(g, s->loop->var, scalar(index));
    replay(g, read, step + 1, rounds, at, data);
    context_close(g, old);
    gen_end(g);
}

void sweep_replay(Gen *g, const SweepRead *read, int axis, AtRead *at, void *data) {
    SweepRead needed = sweep_needed(read, axis);
    replay(g, &needed, 0, gen_long(g, 1), at, data);
}
