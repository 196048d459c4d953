/* Sections of the fused plan: what a profile tells apart. A section is a tensor that is
 * made (whole, a table, a stage of a sweep, into the batch), a kernel, a `where`, or the
 * rest of the record. Where one begins to run the code says so to whoever listens
 * (pl_call.section), a few times per record and per row, never per element.
 *
 * What was put into a section by fusion has a share of it: operations, counted in its
 * term, by the operator of the feature's text that they came from. */
#include <string.h>
#include "lower_room.h"

enum { ROUNDS = 4 };            /* what a loop in an element is taken for */

/* ---- which there are ---- */

static bool same(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

static int section_new(Lowering *all, Section section) {
    for (int i = 0; i < all->sections.n; i++) {
        const Section *old = &all->sections.at[i];
        if (old->kind == section.kind && old->line == section.line && old->at == section.at &&
            same(old->name, section.name) && same(old->operator_name, section.operator_name))
            return i;
    }
    list_push(all->arena, &all->sections, section);
    return all->sections.n - 1;
}

static Section section_at(Gen *g, const Term *term, const Var *var) {
    Section s = {.term = term};
    if (term && term->at)
        s.line = place_line(term->at, g->all->graph->file, &s.operator_name);
    if (!s.line && var && var->loc.file) {
        int column;
        loc_line(var->loc, &s.line, &column);
    }
    return s;
}

int section_of(Gen *g, const Var *var, const Term *term) {
    Section s = section_at(g, term, var);
    s.name = var->name;
    s.kind = term && term->kind == TERM_KERNEL ? PL_SECTION_KERNEL : PL_SECTION_TENSOR;
    if (!s.operator_name) s.operator_name = g->field ? g->field : var->name;
    if (s.kind == PL_SECTION_KERNEL) s.name = term->kernel->name;
    return section_new(g->all, s);
}

int section_of_where(Gen *g, const Node *node) {
    Section s = {.kind = PL_SECTION_WHERE, .name = "where", .operator_name = "where",
                 .term = node->term};
    int column;
    if (node->loc.file) loc_line(node->loc, &s.line, &column);
    return section_new(g->all, s);
}

int section_of_record(Gen *g) {
    return section_new(g->all, (Section){.kind = PL_SECTION_RECORD, .name = "record",
                                         .operator_name = "record"});
}

/* The call in the feature's own text: the last of those that led to a place. */
static void find_step(const Place *at, OperatorNote *of) {
    int column;
    for (; at->caller; at = at->caller)
        if (at->callee) of->step = at->callee;
    of->at = at->loc;
    if (at->loc.file) loc_line(at->loc, &of->step_line, &column);
}

int section_of_branch(Gen *g, const Place *at, const char *condition, const char *field) {
    OperatorNote of = {.step = field ? field : "record"};
    find_step(at, &of);
    return section_new(g->all, (Section){.kind = PL_SECTION_BRANCH, .name = condition,
                                         .operator_name = of.step, .line = of.step_line,
                                         .at = of.at.from});
}

/* ---- where they begin ---- */

/* What follows, up to gen_end, happens where somebody listens, and counts for nobody. */
void section_if_heard(Gen *g) {
    Value fn = gen_field(g, LT_PTR, g->call, CALL_SECTION, 0);
    gen_if(g, gen_op(g, LOOP_NE, LT_I1, 2, fn, gen_null(g)));
    section_enter(g, g->section, 0, NULL);
}

void section_enter(Gen *g, int section, int n, const Value *factors) {
    Value fn, args[4], count;
    if (g->plain || section < 0) return;
    fn = gen_field(g, LT_PTR, g->call, CALL_SECTION, 0);
    gen_if(g, gen_op(g, LOOP_NE, LT_I1, 2, fn, gen_null(g)));
    count = gen_long(g, n ? 1 : 0);
    for (int i = 0; i < n; i++) count = gen_mul(g, count, factors[i]);
    args[0] = fn;
    args[1] = g->call;
    args[2] = gen_int(g, LT_I32, section);
    args[3] = count;
    build_array(&g->b, LOOP_CALL_AT, loop_type(LT_VOID), 4, args);
    built(&g->b)->imm = g->all->section_type;
    gen_end(g);
}

/* Only what is made once a record: a call each time costs more than what is small. */
int section_begin(Gen *g, const Thunk *thunk) {
    const Type *type = thunk->term->type;
    int old = g->section;
    bool tensor = type->kind == TY_TENSOR ? type->rank > 0 : type->kind != TY_RAGGED;
    if (g->plain || g->loops || !thunk->var || !tensor || thunk->parent) return old;
    g->section = section_of(g, thunk->var, thunk->term);
    section_enter(g, g->section, 0, NULL);
    return old;
}

void section_end(Gen *g, int old, const Low *made) {
    Value factor[PK_MAX_RANK];
    int n = 0;
    if (g->plain || g->section == old) return;
    if (made->kind == LOW_TENSOR)
        for (; n < made->t->rank; n++) factor[n] = made->t->dim[n].v;
    section_enter(g, g->section, n, factor);
    g->section = old;
    section_enter(g, old, 0, NULL);
}

/* ---- whose work it is ---- */

typedef struct Weighing {
    Lowering *all;
    Section *section;
    TermMap *seen;
    OperatorNote of;            /* the operator around */
    double weight;
} Weighing;

static void add_work(Weighing *w, double n) {
    Section *s = w->section;
    for (int i = 0; i < s->works.n; i++) {
        SectionWork *work = &s->works.at[i];
        if (work->of.line != w->of.line || work->of.at.from != w->of.at.from ||
            !same(work->of.name, w->of.name) || !same(work->of.step, w->of.step))
            continue;
        work->weight += n;
        return;
    }
    list_push(w->all->arena, &s->works, ((SectionWork){w->of, n}));
}

static void add_share(Weighing *w, double n) {
    Section *s = w->section;
    add_work(w, n);
    for (int i = 0; i < s->shares.n; i++) {
        SectionShare *share = &s->shares.at[i];
        if (share->line != w->of.step_line || !same(share->name, w->of.step)) continue;
        share->weight += n;
        return;
    }
    list_push(w->all->arena, &s->shares, ((SectionShare){w->of.step, w->of.step_line, n}));
}

static bool has_section(const Lowering *all, const Term *def) {
    for (int i = 0; i < all->sections.n; i++)
        if (all->sections.at[i].term == def) return true;
    return false;
}

static void weigh(const Term *term, void *data) {
    Weighing *outer = data, w = *outer;
    const Term *def;
    bool fresh;
    map_at(w.seen, term, 0, &fresh);
    if (!fresh) return;
    if (term->at) {
        const char *name;
        int line = place_line(term->at, w.all->graph->file, &name);
        if (name) {
            w.of = (OperatorNote){name, name, line, line, term->at->loc};
            find_step(term->at, &w.of);
        }
    }
    if (term->kind == TERM_REF) {
        def = term->var->id < w.all->def.n ? w.all->def.at[term->var->id] : NULL;
        if (def && !has_section(w.all, def)) weigh(def, &w);
        return;
    }
    if (term->kind == TERM_FOLD || term->kind == TERM_SCAN) w.weight *= ROUNDS;
    if (term->kind == TERM_OP || term->kind == TERM_INDEX || term->kind == TERM_DRAW ||
        term->kind == TERM_REDUCE || term->kind == TERM_KERNEL)
        add_share(&w, w.weight);
    term_children(term, weigh, &w);
}

void sections_weigh(Lowering *all) {
    for (int i = 0; i < all->sections.n; i++) {
        Section *s = &all->sections.at[i];
        OperatorNote own = {s->operator_name, s->operator_name, s->line, s->line};
        Weighing w = {all, s, NULL, own, 1};
        if (s->shares.n || s->kind == PL_SECTION_BRANCH) continue;  /* of another graph */
        w.seen = map_new();
        if (s->term && s->term->at) find_step(s->term->at, &w.of);
        if (s->term && s->kind != PL_SECTION_KERNEL) weigh(s->term, &w);
        if (!s->shares.n) add_share(&w, 1);
        map_free(w.seen);
    }
}
