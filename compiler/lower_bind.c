/* Names: thunks, forcing, and what is forced before loops and branches.
 *
 * A thunk forced inside a block is unforced again when the block ends (the undo
 * list of lower_code.c). So that nothing is computed twice at run time, what a
 * loop reads is forced before it, and what a branch reads before the branches,
 * unless one branch alone reads it. */
#include "lower_room.h"

void thunk_set(Gen *g, Thunk *thunk, const Thunk *now) {
    Undo undo = {thunk, *thunk};
    if (g->scope.n) list_push(g->all->arena, &g->undo, undo);
    *thunk = *now;
}

Thunk *bind_thunk(Gen *g, const Var *var) {
    while (g->env.n <= var->id) list_push(g->all->arena, &g->env, NULL);
    if (!g->env.at[var->id]) {
        Thunk *thunk = arena_new_of(g->all->arena, Thunk);
        *thunk = (Thunk){.var = var, .term = definition_of(g->all, var), .level = var->level};
        g->env.at[var->id] = thunk;
    }
    return g->env.at[var->id];
}

/* A LET met again under other indices starts afresh. */
void bind_let(Gen *g, const Term *let) {
    Thunk *thunk = bind_thunk(g, let->var);
    Thunk now = {.var = let->var, .term = let->arg[0], .scope = let->arg[1],
                 .level = g->level, .context = g->context};
    if (thunk->scope == let->arg[1] && thunk->context == g->context) return;
    thunk_set(g, thunk, &now);
}

void bind_value(Gen *g, const Var *var, Low value) {
    Thunk now = {.var = var, .known = true, .value = value, .level = g->level};
    thunk_set(g, bind_thunk(g, var), &now);
}

void bind_index(Gen *g, const Var *var, Scalar s) {
    bind_value(g, var, low_scalar(s, type_scalar(PL_I64)));
}

const Term *bind_anonymous(Gen *g, Low value) {
    const Var *var = var_own(g->all, VAR_LET, "value", value.type, g->level);
    bind_value(g, var, value);
    return term_ref(g->all->arena, var);
}

/* ---- items of tuples ---- */

static Thunk *item_thunk(Gen *g, Thunk *parent, const Term *get) {
    Lowering *all = g->all;
    const Type *type = get->type;
    Thunk *item, now = *parent;
    if (!parent->items) {
        now.items = arena_array(all->arena, Thunk *, parent->var->type->n);
        thunk_set(g, parent, &now);
    }
    if (parent->items[get->axis]) return parent->items[get->axis];
    item = arena_new_of(all->arena, Thunk);
    *item = (Thunk){.level = parent->level, .scope = parent->scope, .item = get->axis};
    item->term = term_project(all, parent->term, get->axis);
    if (item->term->kind == TERM_GET && item->term->arg[0] == parent->term)
        item->parent = parent;
    item->var = var_own(all, parent->var->kind, parent->var->name, type, parent->level);
    parent->items[get->axis] = item;
    return item;
}

Thunk *bind_find(Gen *g, const Term *term) {
    Thunk *parent, *item;
    if (term->kind == TERM_REF) return bind_thunk(g, term->var);
    if (term->kind != TERM_GET) return NULL;
    parent = bind_find(g, term->arg[0]);
    if (!parent) return NULL;
    if (!parent->known) return item_thunk(g, parent, term);
    item = arena_new_of(g->all->arena, Thunk);
    *item = (Thunk){.known = true, .value = parent->value.items[term->axis],
                    .level = parent->level};
    return item;
}

/* ---- forcing ---- */

bool is_field(const Var *var) {
    return var && (var->kind == VAR_FIELD || var->kind == VAR_BELOW || var->kind == VAR_OPEN);
}

Low bind_force(Gen *g, Thunk *thunk) {
    Thunk *forcing = g->forcing, now;
    int level = g->level;
    const char *field = g->field;
    Low value;
    int section;
    if (thunk->known) return thunk->value;
    if (!thunk->term) bug("lower: `%s` is not bound", thunk->var ? thunk->var->name : "?");
    g->forcing = thunk;
    thunk->making = true;
    g->level = thunk->level;
    if (is_field(thunk->var)) g->field = thunk->var->name;
    section = section_begin(g, thunk);
    if (thunk->parent) value = bind_force(g, thunk->parent).items[thunk->item];
    else value = gen_low(g, thunk->term);
    section_end(g, section, &value);
    g->forcing = forcing;
    g->level = level;
    g->field = field;
    note_way(g, thunk, "whole");
    thunk->making = false;
    now = *thunk;
    now.known = true;
    now.value = value;
    thunk_set(g, thunk, &now);
    return value;
}

/* Tests at its head that its dims do not need. */
static bool tests_elements(const Term *term) {
    for (; term->kind == TERM_LET || term->kind == TERM_CHECK;
         term = term->arg[term->kind == TERM_LET])
        if (term->kind == TERM_CHECK && term->proved) return true;
    return false;
}

Scalar bind_dim(Gen *g, Thunk *thunk, int axis) {
    Thunk now, *forcing = g->forcing;
    int level = g->level;
    const char *field = g->field;
    Scalar dim;
    if (!thunk->known && !(thunk->dims_known >> axis & 1) &&
        dims_need_data(g->all, thunk->term))
        bind_force(g, thunk);
    if (thunk->known) return thunk->value.t->dim[axis];
    if (thunk->dims_known >> axis & 1) return thunk->dim[axis];
    if (way_inline(g, thunk) && !tests_elements(thunk->term)) bind_prepare(g, thunk);
    g->forcing = thunk;
    g->level = thunk->level;
    if (is_field(thunk->var)) g->field = thunk->var->name;
    dim = gen_dim(g, thunk->term, axis);
    g->forcing = forcing;
    g->level = level;
    g->field = field;
    now = *thunk;
    now.dims_known |= 1u << axis;
    now.dim[axis] = dim;
    thunk_set(g, thunk, &now);
    return dim;
}

static const Term *strip(Gen *g, const Term *term) {
    Term *copy;
    switch (term->kind) {
    case TERM_LET:
        bind_let(g, term);
        return strip(g, term->arg[1]);
    case TERM_CHECK:
        gen_check(g, term);
        return strip(g, term->arg[0]);
    case TERM_IF:
        copy = arena_new_of(g->all->arena, Term);
        *copy = *term;
        copy->arg = arena_array(g->all->arena, const Term *, 3);
        copy->arg[0] = bind_anonymous(g, low_scalar(gen_scalar(g, term->arg[0]),
                                                    term->arg[0]->type));
        copy->arg[1] = term->arg[1];
        copy->arg[2] = term->arg[2];
        return copy;
    default: return term;
    }
}

void bind_prepare(Gen *g, Thunk *thunk) {
    Thunk now = *thunk;
    int level = g->level;
    if (thunk->prepared || thunk->parent) return;
    g->level = thunk->level;
    now.term = strip(g, thunk->term);
    g->level = level;
    now.prepared = true;
    thunk_set(g, thunk, &now);
    note_way(g, thunk, "inline");
}

/* ---- before loops and branches ---- */

bool thunk_leaves(const Gen *g, const Thunk *thunk) {
    return !g->plain && thunk->term && thunk->term->kind == TERM_FAIL;
}

typedef struct Walk {
    Gen *g;
    TermMap *seen;
    int nbranches;
    const Term *const *branches;    /* NULL: a loop */
    Use use;                        /* of the branches */
} Walk;

/* One branch alone reads it: it is computed there. */
static bool sinks(const Walk *w, const Thunk *thunk) {
    const Term *scope = thunk->scope ? thunk->scope : w->g->root;
    uint64_t total;
    if (!w->branches || !scope || !thunk->var || thunk->parent) return false;
    if (definition_of(w->g->all, thunk->var) == NULL) return false;
    total = use_paths(w->g->all, scope, USE_DATA, thunk->var);
    for (int i = 0; i < w->nbranches; i++)
        if (use_paths(w->g->all, w->branches[i], w->use, thunk->var) == total)
            return true;
    return false;
}

static void walk(const Term *, Use, void *);
static void walk_into(Walk *, const Term *, Use);

static void walk_thunk(Walk *w, Thunk *thunk, Use use) {
    Gen *g = w->g;
    const Type *type;
    bool fresh;
    if (thunk->known || !thunk->term || thunk_leaves(g, thunk)) return;
    type = thunk->term->type;
    if (use == USE_DIMS) {
        if (type->kind != TY_TENSOR) {
            walk(thunk->term, use, w);
            return;
        }
        if (sinks(w, thunk)) return;
        for (int k = 0; k < type->rank; k++) bind_dim(g, thunk, k);
    } else if (way_inline(g, thunk)) {
        if (!w->branches) bind_prepare(g, thunk);
        map_at(w->seen, thunk->term, use, &fresh);
        if (fresh) walk_into(w, thunk->term, use);
    } else if (!sinks(w, thunk)) {
        bind_force(g, thunk);
    } else {
        walk(thunk->term, use, w);
    }
}

/* Whether the name was met as a LET on this walk: then its value is looked into,
 * not forced. */
static uint64_t *inner(Walk *w, const Var *var) {
    bool fresh;
    return map_at(w->seen, (const Term *)var, 2, &fresh);
}

static Thunk *outer_thunk(Walk *w, const Term *term) {
    const Term *base = term;
    while (base->kind == TERM_GET) base = base->arg[0];
    if (base->kind != TERM_REF || *inner(w, base->var)) return NULL;
    return bind_find(w->g, term);
}

static void walk_into(Walk *w, const Term *term, Use use) {
    if (term->kind == TERM_LET) *inner(w, term->var) = 1;
    use_children(term, use, walk, w);
}

static void walk(const Term *term, Use use, void *data) {
    Walk *w = data;
    Thunk *thunk;
    bool fresh;
    map_at(w->seen, term, use, &fresh);
    if (!fresh) return;
    thunk = term->kind == TERM_REF || term->kind == TERM_GET ? outer_thunk(w, term) : NULL;
    if (thunk) walk_thunk(w, thunk, use);
    else if (term->kind != TERM_REF) walk_into(w, term, use);
    else if (*inner(w, term->var)) walk(definition_of(w->g->all, term->var), use, w);
}

static void force(Gen *g, int n, const Term *const *terms, const Term *const *branches,
                  Use use) {
    Walk w = {g, map_new(), n, branches, use};
    for (int i = 0; i < n; i++)
        if (terms[i]) walk(terms[i], use, &w);
    map_free(w.seen);
}

void force_before(Gen *g, int n, const Term *const *terms) {
    force(g, n, terms, NULL, USE_DATA);
}

void force_before_branches(Gen *g, int n, const Term *const *branches) {
    force(g, n, branches, branches, USE_DATA);
}

void force_dims_before_branches(Gen *g, int n, const Term *const *branches) {
    force(g, n, branches, branches, USE_DIMS);
}
