/* How a tensor is kept. Inline: its expression costs a few operations and has no
 * reduction, so it is put into its readers; index maps always are. Whole:
 * everything else. */
#include <string.h>
#include "lower_room.h"
#include "passes/pass.h"
#include "plan_pins.h"

enum { CHEAP = 6, DEAR = 1000 };

static int cost(Gen *, const Term *);
static bool can_inline(Gen *, const Term *);
static bool can_inline_inside(Gen *, const Term *);

static int cost_of_name(Gen *g, const Var *var) {
    const Term *term = definition_of(g->all, var);
    if (var->kind != VAR_LET || !term) return 0;
    if (term->type->kind == TY_TENSOR && term->type->rank == 0) return cost(g, term);
    return 0;
}

static int cost_of_tensor(Gen *g, const Term *term) {
    const Term *def = term->kind == TERM_REF ? definition_of(g->all, term->var) : NULL;
    while (def && (def->kind == TERM_LET || def->kind == TERM_CHECK))
        def = def->arg[def->kind == TERM_LET];
    if (!def || !can_inline(g, def)) return 1;
    if (def->kind == TERM_FOR) return cost(g, def->arg[0]);
    if (def->kind == TERM_IF)
        return 1 + cost_of_tensor(g, def->arg[1]) + cost_of_tensor(g, def->arg[2]);
    return def->kind == TERM_REF ? cost_of_tensor(g, def) : 4;
}

static int cost_of_op(Gen *g, const Term *term) {
    bool integer = dtype_is_integer(term->arg[0]->type->dtype);
    int sum = 1;
    if (term->op == OP_FLOORDIV || term->op == OP_MOD) sum = integer ? 6 : 4;
    if (term->op == OP_DIV || term->op == OP_SQRT) sum = 6;
    for (int i = 0; i < term->nargs; i++) sum += cost(g, term->arg[i]);
    return sum;
}

static int cost_sum(Gen *g, const Term *term, int from) {
    int sum = 0;
    for (int i = from; i < term->nargs && sum < DEAR; i++) sum += cost(g, term->arg[i]);
    return sum;
}

/* Operations for one element, what it reads inline included. */
static int cost(Gen *g, const Term *term) {
    bool fresh;
    uint64_t *known = map_at(g->all->projected, term, -2, &fresh);
    int sum;
    if (!fresh) return (int)*known;
    switch (term->kind) {
    case TERM_CONST: case TERM_DIM: sum = 0; break;
    case TERM_REF: sum = cost_of_name(g, term->var); break;
    case TERM_OP: sum = cost_of_op(g, term); break;
    case TERM_IF: sum = 1 + cost_sum(g, term, 0); break;
    case TERM_CHECK: sum = 1 + cost_sum(g, term, 0); break;
    case TERM_INDEX:
        sum = cost_of_tensor(g, term->arg[0]) + cost_sum(g, term, 1) / 2;
        if (term->otherwise) sum += 1 + cost(g, term->otherwise);
        break;
    case TERM_LET:
        sum = cost(g, term->arg[1]);
        if (term->arg[0]->type->rank || term->arg[0]->type->kind != TY_TENSOR)
            sum = can_inline(g, term->arg[0]) ? sum : DEAR;
        break;
    default: sum = DEAR;
    }
    if (sum > DEAR) sum = DEAR;
    *map_at(g->all->projected, term, -2, &fresh) = (uint64_t)sum;
    return sum;
}

static bool is_choice(const Term *term) { return term->nargs > 1 && term->arg[1]; }

static bool inline_loop(Gen *g, const Term *term) {
    const Term *body = term->arg[0];
    if (is_choice(term) || body->type->kind != TY_TENSOR) return false;
    if (body->type->rank) return can_inline_inside(g, body);
    return cost(g, body) <= CHEAP;
}

static bool can_inline(Gen *g, const Term *term) {
    const Term *def;
    if (term->type->kind != TY_TENSOR || term->type->rank == 0) return false;
    switch (term->kind) {
    case TERM_LET: return can_inline(g, term->arg[1]);
    case TERM_CHECK: return can_inline(g, term->arg[0]);
    case TERM_FOR: return inline_loop(g, term);
    case TERM_IF:
        return can_inline_inside(g, term->arg[1]) && can_inline_inside(g, term->arg[2]);
    case TERM_REF:
        def = definition_of(g->all, term->var);
        return !def || term->var->kind == VAR_OPEN || can_inline(g, def) ||
               def->kind == TERM_DATA;
    default: return false;
    }
}

/* Inside a branch or a loop nothing can be made beforehand. */
static bool can_inline_inside(Gen *g, const Term *term) {
    for (; term->kind == TERM_LET; term = term->arg[1]) {
        const Type *type = term->arg[0]->type;
        bool tensor = type->kind != TY_TENSOR || type->rank;
        if (tensor ? !can_inline_inside(g, term->arg[0]) : cost(g, term->arg[0]) > CHEAP)
            return false;
    }
    return can_inline(g, term);
}

bool way_inline(Gen *g, const Thunk *thunk) {
    const Term *term = thunk->term;
    if (g->plain || thunk->known || !term || thunk->parent) return false;
    if (thunk->var && thunk->var->table) return false;
    if (thunk->prepared) return true;
    if (thunk->var && pinned_way(g->all->graph, thunk->var, term) > PIN_INLINE) return false;
    if (term->kind == TERM_REF) {
        Thunk *alias = bind_thunk(g, term->var);
        return !alias->known && way_inline(g, alias);
    }
    return !pass_is_off(g->all->options->off, "ways") && can_inline(g, term);
}

/* A few operations that cannot fail and read no memory: both branches may be
 * computed. */
bool term_cheap(Gen *g, const Term *term) {
    Thunk *thunk;
    switch (term->kind) {
    case TERM_CONST: return true;
    case TERM_REF:
        thunk = bind_thunk(g, term->var);
        if (thunk->known) return thunk->value.kind == LOW_SCALAR;
        return thunk->term && term_cheap(g, thunk->term);
    case TERM_OP:
        if (term->op == OP_FLOORDIV || term->op == OP_MOD) return false;
        for (int i = 0; i < term->nargs; i++)
            if (!term_cheap(g, term->arg[i])) return false;
        return cost(g, term) <= 6;
    default: return false;
    }
}
