/* Branches that are taken by chance: how often is told to whoever listens, as a section
 * (PL_SECTION_BRANCH) that takes no time and makes an element if it is taken.
 *
 * Conditions are those of the graph as it was written: passes make values that hold where
 * they are read alone. They are asked at the end of a record, in names of their own, so they
 * cost nothing where nobody listens. Told is what hangs on a draw, on nothing of the input,
 * on nothing that a loop changes, and on no more than a few operations. */
#include <stdlib.h>
#include <string.h>
#include "lower_room.h"

enum { EXCERPT = 60 };          /* bytes of a condition's text */

typedef struct Branch {
    const Term *choice;
    const char *field;          /* in whose definition it stands */
    int level;                  /* of that */
    const Place *at;            /* of the condition */
    Loc step;
} Branch;

typedef struct Branches {
    Gen *g;
    TermMap *seen;              /* terms that were visited */
    TermMap *drawn;             /* whether they hang on a draw: 1, 2: not */
    const char *field;          /* whose definition is being walked, */
    int level;                  /* and that of the name in it */
    LIST(Branch) of;            /* each condition once */
} Branches;

/* ---- what hangs on a draw ---- */

typedef struct Drawn { Branches *b; bool found; } Drawn;

static bool is_drawn(Branches *b, const Term *term);

static void visit_drawn(const Term *term, void *data) {
    Drawn *d = data;
    d->found = d->found || is_drawn(d->b, term);
}

static bool is_drawn(Branches *b, const Term *term) {
    Drawn d = {b, term->kind == TERM_DRAW || term->kind == TERM_PERM};
    bool fresh;
    uint64_t *known = map_at(b->drawn, term, 0, &fresh);
    if (!fresh) return *known == 1;
    *known = 2;
    if (!d.found) term_children(term, visit_drawn, &d);
    if (!d.found && term->kind == TERM_REF && definition_of(b->g->all, term->var))
        d.found = is_drawn(b, definition_of(b->g->all, term->var));
    *map_at(b->drawn, term, 0, &fresh) = d.found ? 1 : 2;
    return d.found;
}

/* ---- what may be asked for once more ---- */

typedef struct Asked { Branches *b; int left; } Asked;

static void visit_asked(const Term *term, void *data) {
    static const unsigned few = 1u << TERM_CONST | 1u << TERM_OP | 1u << TERM_IF |
                                1u << TERM_LET | 1u << TERM_GET | 1u << TERM_TUPLE |
                                1u << TERM_DRAW | 1u << TERM_PERM;
    Asked *a = data;
    const Thunk *thunk = term->kind == TERM_REF ? bind_thunk(a->b->g, term->var) : NULL;
    if (thunk && thunk->known) return;
    if (thunk && thunk->term && a->left-- > 0) {
        visit_asked(thunk->term, data);
        return;
    }
    if (term->kind == TERM_INDEX) {     /* of a drawn order */
        const Term *of = term->arg[0], *def = of;
        if (of->kind == TERM_REF) def = definition_of(a->b->g->all, of->var);
        if (!def || def->kind != TERM_PERM || term->nargs != 2 ||
            term->arg[1]->kind != TERM_CONST)
            a->left = 0;
    } else if (!(few >> term->kind & 1)) {
        a->left = 0;
    }
    if (a->left-- > 0) term_children(term, visit_asked, data);
    else a->left = -1;
}

static bool may_be_asked(Branches *b, const Term *condition) {
    Asked a = {b, 64};
    visit_asked(condition, &a);
    return a.left > 0;
}

/* ---- which there are ---- */

static bool is_choice(const Term *term) {
    bool logic = term->type->kind == TY_TENSOR && !term->type->rank &&
                 term->type->dtype == PL_BOOL;      /* `and`, `or` */
    return term->kind == TERM_IF && !logic && (term->at || term->arg[0]->at);
}

/* The condition where the function says it that chooses: `chance(p)`, not what is in it. */
static const Place *place_of(const Term *choice) {
    const Place *at = choice->arg[0]->at;
    if (!at) return choice->at;
    for (const Place *p = at; p && choice->at; p = p->caller)
        if (p->callee == choice->at->callee && p->loc.file == choice->at->loc.file) return p;
    return at;
}

static void add(Branches *b, const Term *choice) {
    Branch branch = {choice, b->field, b->level, place_of(choice), {0}};
    for (const Place *p = branch.at; p; p = p->caller) branch.step = p->loc;
    list_push(b->g->all->arena, &b->of, branch);
}

static void find(const Term *term, void *data) {
    Branches *b = data;
    const Term *def;
    bool fresh;
    map_at(b->seen, term, 0, &fresh);
    if (!fresh) return;
    if (is_choice(term)) {
        map_at(b->seen, term->arg[0], 1, &fresh);
        if (fresh && is_drawn(b, term->arg[0]) && may_be_asked(b, term->arg[0]))
            add(b, term);
    }
    def = term->kind == TERM_REF ? definition_of(b->g->all, term->var) : NULL;
    if (def) {
        Branches outer = *b;
        b->level = term->var->level;
        if (is_field(term->var)) b->field = term->var->name;
        find(def, data);
        b->level = outer.level;
        b->field = outer.field;
    }
    term_children(term, find, data);
}

static int by_text(const void *a, const void *b) {
    const Branch *x = a, *y = b;
    int more = (x->step.from > y->step.from) - (x->step.from < y->step.from);
    return more ? more : (x->at->loc.from > y->at->loc.from) - (x->at->loc.from < y->at->loc.from);
}

/* ---- what they are called ---- */

static const char *excerpt(Arena *arena, Loc loc) {
    char text[EXCERPT + 1];
    int n = 0;
    for (int i = loc.from; i < loc.to && n < EXCERPT; i++) {
        char c = loc.file->text[i];
        if (c == '\n') c = ' ';
        if (c != ' ' || (n && text[n - 1] != ' ')) text[n++] = c;
    }
    text[n] = 0;
    return arena_format(arena, "%s%s", text, n == EXCERPT ? "…" : "");
}

/* The arms of a switch differ by what the subscript is compared with. */
static const char *name_of(Gen *g, const Branch *b) {
    const Term *c = b->choice->arg[0];
    const char *text = excerpt(g->all->arena, b->at->loc);
    if (c->kind != TERM_OP || c->op != OP_EQ || c->arg[1]->kind != TERM_CONST || c->at)
        return text;
    return arena_format(g->all->arena, "%s: %lld", text, (long long)c->arg[1]->bits);
}

static void tell(Gen *g, const Branch *b) {
    int section = section_of_branch(g, b->at, name_of(g, b), b->field), level = g->level;
    Value n;
    g->level = b->level;
    n = gen_select(g, gen_scalar(g, b->choice->arg[0]).v, gen_long(g, 1), gen_long(g, 0));
    section_enter(g, section, 1, &n);
    g->level = level;
}

static void tell_all(Gen *g) {
    Branches b = {.g = g, .seen = map_new(), .drawn = map_new()};
    frame_load(g, &g->all->lib, g->lib);
    find(g->root, &b);
    if (b.of.n) qsort(b.of.at, (size_t)b.of.n, sizeof *b.of.at, by_text);
    if (b.of.n) section_if_heard(g);
    for (int i = 0; i < b.of.n; i++) tell(g, &b.of.at[i]);
    if (b.of.n) gen_end(g);
    map_free(b.seen);
    map_free(b.drawn);
}

void branches_tell(Gen *g) {
    Gen fused = *g;
    Lowering before = *g->all;
    if (g->plain || g->section < 0) return;
    lower_begin_graph(g->all, g->all->written);
    memset(&g->env, 0, sizeof g->env);
    g->root = gen_roots(g, g->all->graph->levels);
    tell_all(g);
    lower_end_graph(g->all, &before);
    g->env = fused.env;
    g->root = fused.root;
}
