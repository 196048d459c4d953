/* Which scopes a term needs: a mask with a bit for the depth of each scope whose
 * names it reads. A term can stand in several places; all is kept by (term,
 * depth). */
#include <string.h>
#include "eval_room.h"

static uint64_t bit(int depth) { return (uint64_t)1 << (depth < 63 ? depth : 63); }

/* The deepest scope of the mask that is not below `depth`. */
int eval_deepest(uint64_t mask, int depth) {
    if (depth >= 63 && mask >> 63) return depth;
    for (int d = depth < 62 ? depth : 62; d > 0; d--)
        if (mask >> d & 1) return d;
    return 0;
}

void eval_home_set(Eval *ev, const Var *var, VarHome home) {
    if (var->id < 0 || var->id >= ev->nhome) bug("eval: variable %d", var->id);
    home.placed = true;
    ev->home[var->id] = home;
}

typedef struct Placer {
    Eval *ev;
    int depth;
    uint64_t mask;
    bool resolving, unknown;
} Placer;

static void find_unknown(const Term *term, void *data) {
    Placer *p = data;
    const VarHome *home = term->kind == TERM_REF ? &p->ev->home[term->var->id] : NULL;
    if (home)
        p->unknown |= !(p->resolving ? home->bound : home->placed) ||
                      home->depth > p->depth;
    else term_children(term, find_unknown, data);
}

static bool symbol_unknown(const Term *term, void *data) {
    Placer *p = data;
    find_unknown(term, p);
    return p->unknown;
}

/* Whether the type tells the dimension in names that stand at this depth. */
bool eval_dim_known(Eval *ev, const Type *type, int axis, int depth, bool resolving) {
    Placer p = {.ev = ev, .depth = depth, .resolving = resolving};
    return type->dims && type->dims[axis] &&
           !dim_any_symbol(type->dims[axis], symbol_unknown, &p);
}

static bool place_symbol(const Term *term, void *data) {
    Placer *p = data;
    p->mask |= eval_place(p->ev, term, p->depth);
    return false;
}

/* What the type tells of dims below the loops is read there too. */
static uint64_t place_dims(Eval *ev, const Type *type, int depth) {
    Placer p = {.ev = ev, .depth = depth};
    for (int i = 0; i < type->n; i++) p.mask |= place_dims(ev, type->items[i], depth);
    for (int k = 0; type->kind == TY_TENSOR && k < type->rank; k++)
        if (eval_dim_known(ev, type, k, depth, false))
            dim_any_symbol(type->dims[k], place_symbol, &p);
    return p.mask;
}

static uint64_t place_args(Eval *ev, const Term *term, int from, int depth) {
    uint64_t mask = 0;
    for (int i = from; i < term->nargs; i++)
        if (term->arg[i]) mask |= eval_place(ev, term->arg[i], depth);
    return mask;
}

static bool has_where(const Term *term) { return term->nargs > 1 && term->arg[1]; }

static uint64_t place_for(Eval *ev, const Term *term, int depth) {
    uint64_t mask = place_dims(ev, term->type, depth);
    for (int k = 0; k < term->nloops; k++) {
        int at = has_where(term) ? depth + k : depth;
        mask |= eval_place(ev, term->loop[k].from, at) |
                eval_place(ev, term->loop[k].to, at);
        eval_home_set(ev, term->loop[k].var, (VarHome){.depth = depth + 1 + k});
    }
    return mask | place_args(ev, term, 0, depth + term->nloops);
}

static uint64_t place_fold(Eval *ev, const Term *term, int depth) {
    uint64_t mask = 0;
    VarHome home = {.depth = depth + 1};
    for (int i = 0; i < term->nstates; i++) {
        mask |= eval_place(ev, term->inits[i], depth);
        eval_home_set(ev, term->states[i], home);
        if (term->news && term->news[i]) eval_home_set(ev, term->news[i], home);
    }
    for (int k = 0; k < term->nloops; k++) {
        mask |= eval_place(ev, term->loop[k].from, depth + 1);
        mask |= eval_place(ev, term->loop[k].to, depth + 1);
        eval_home_set(ev, term->loop[k].var, home);
    }
    return mask | place_args(ev, term, 0, depth + 1);
}

static uint64_t place_let(Eval *ev, const Term *term, int depth) {
    uint64_t value = eval_place(ev, term->arg[0], depth);
    eval_home_set(ev, term->var, (VarHome){.depth = eval_deepest(value, depth)});
    return value | eval_place(ev, term->arg[1], depth);
}

int eval_given_count(const Kernel *kernel) {
    int n = 0;
    for (int r = 0; r < kernel->nresults; r++)
        if (kernel->results[r]->kind == TY_TENSOR) n += kernel->results[r]->rank;
    return n;
}

static uint64_t place_kernel(Eval *ev, const Term *term, int depth) {
    uint64_t mask = place_args(ev, term, 0, depth);
    for (int i = 0; term->given && i < eval_given_count(term->kernel); i++)
        if (term->given[i]) mask |= eval_place(ev, term->given[i], depth);
    return mask;
}

static uint64_t place_new(Eval *ev, const Term *term, int depth) {
    uint64_t mask = 0;
    switch (term->kind) {
    case TERM_REF:
        if (!ev->home[term->var->id].placed)
            bug("eval: `%s` is not bound", term->var->name);
        return bit(ev->home[term->var->id].depth);
    case TERM_LET: return place_let(ev, term, depth);
    case TERM_FOR: return place_for(ev, term, depth);
    case TERM_FOLD: case TERM_SCAN: return place_fold(ev, term, depth);
    case TERM_KERNEL: return place_kernel(ev, term, depth);
    case TERM_DRAW: case TERM_PERM: mask = bit(ev->root_depth); break;
    default: break;
    }
    if (term->otherwise) mask |= eval_place(ev, term->otherwise, depth);
    return mask | place_args(ev, term, 0, depth);
}

uint64_t eval_place(Eval *ev, const Term *term, int depth) {
    bool fresh;
    uint64_t mask, *known = map_find(&ev->placed, term, depth, &fresh);
    if (!fresh) return *known;
    mask = place_new(ev, term, depth);
    *map_find(&ev->placed, term, depth, &fresh) = mask;
    return mask;
}
