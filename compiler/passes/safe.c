/* Safe: what can be left out, or done in another order, as nothing of it can fail. */
#include "facts.h"
#include <string.h>

enum { LOOKS = 50000 };         /* a name may stand for more than its term shows */

static bool is_safe(Facts *, const Term *);

static bool op_is_safe(const Term *term) {
    int64_t n;
    if (term->op != OP_FLOORDIV && term->op != OP_MOD) return true;
    return dtype_is_float(term->type->dtype) || (term_is_int(term->arg[1], &n) && n != 0);
}

static bool has_elements(const Type *type) {
    for (int k = 0; k < type->rank; k++) {
        int64_t n;
        if (!type->dims || !type->dims[k] || !dim_constant(type->dims[k], &n) || n < 1)
            return false;
    }
    return true;
}

/* The others are of something, or fail. */
static bool reduction_is_safe(const Term *term) {
    Reduction r = term->reduction;
    return r == RED_SUM || r == RED_PRODUCT || r == RED_ANY || r == RED_ALL || r == RED_COUNT ||
           has_elements(term->arg[0]->type);
}

static const Term *size_of(Facts *f, const Term *tensor, int axis) {
    Term *dim;
    int64_t n;
    if (tensor->type->dims && dim_constant(tensor->type->dims[axis], &n))
        return term_int(f->arena, PL_I64, n);
    dim = term_new(f->arena, TERM_DIM, type_scalar(PL_I64), tensor->at, 1, tensor);
    dim->axis = axis;
    return dim;
}

static bool index_is_safe(Facts *f, const Term *term) {
    for (int k = 1; k < term->nargs && !term->otherwise; k++)
        if (!(term->proved >> (k - 1) & 1) &&
            !facts_in_range(f, term->arg[k], size_of(f, term->arg[0], k - 1)))
            return false;
    return true;
}

/* A test that came out of a branch has the branch's condition in its parts. */
static bool is_in_range(Facts *f, const Term *sub, const Term *size) {
    const Term *condition = sub->kind == TERM_IF ? sub->arg[0] : NULL;
    int held = f->holds.n;
    bool safe = true;
    if (!condition || size->kind != TERM_IF ||
        strcmp(term_key(f->arena, condition), term_key(f->arena, size->arg[0])))
        return facts_in_range(f, sub, size);
    for (int branch = 1; branch < 3 && safe; branch++) {
        facts_hold(f, condition, branch == 1);
        safe = is_in_range(f, sub->arg[branch], size->arg[branch]);
        f->holds.n = held;
    }
    return safe;
}

typedef struct Safe { Facts *f; bool safe; } Safe;

static void children(const Term *term, void *data) {
    Safe *s = data;
    s->safe = s->safe && is_safe(s->f, term);
}

static bool children_are_safe(Facts *f, const Term *term) {
    Safe s = {f, true};
    term_children(term, children, &s);
    return s.safe;
}

static bool if_is_safe(Facts *f, const Term *term) {
    int held = f->holds.n;
    bool safe = is_safe(f, term->arg[0]);
    for (int branch = 1; branch < 3 && safe; branch++) {
        facts_hold(f, term->arg[0], branch == 1);
        safe = is_safe(f, term->arg[branch]);
        f->holds.n = held;
    }
    return safe;
}

static bool loops_are_safe(Facts *f, const Term *term) {
    int loops = f->loops.n, states = f->states.n, held = f->holds.n;
    bool safe = true;
    for (int i = 0; i < term->nstates; i++) safe = safe && is_safe(f, term->inits[i]);
    for (int i = 0; i < term->nloops && safe; i++) {
        safe = is_safe(f, term->loop[i].from) && is_safe(f, term->loop[i].to);
        facts_loop(f, &term->loop[i], NULL);
    }
    for (int i = 0; i < term->nstates; i++) {
        list_push(f->arena, &f->states, term->states[i]);
        if (term->news) list_push(f->arena, &f->states, term->news[i]);
    }
    for (int i = term->nargs - 1; i >= 0 && safe; i--) {
        if (!term->arg[i]) continue;
        if (i == 0 && term->nargs > 1 && term->arg[1]) facts_hold(f, term->arg[1], true);
        safe = is_safe(f, term->arg[i]);
    }
    f->loops.n = loops;
    f->states.n = states;
    f->holds.n = held;
    return safe;
}

/* Of what was defined elsewhere, without what is known here. */
static bool definition_is_safe(const Facts *f, const Var *var) {
    Facts alone = {.arena = f->arena, .def = f->def, .safe = f->safe, .looks = f->looks};
    if (!f->safe[var->id])
        f->safe[var->id] = is_safe(&alone, f->def[var->id]) ? 1 : 2;
    return f->safe[var->id] == 1;
}

static bool name_is_safe(Facts *f, const Var *var) {
    const Term *def = f->def[var->id];
    if (var->kind == VAR_STATE) {
        for (int i = 0; i < f->states.n; i++)
            if (f->states.at[i] == var) return true;
        return false;
    }
    if (var->kind != VAR_LET && var->kind != VAR_FIELD) return true;
    if (!def) return false;             /* a row of an `each` */
    if (var->kind == VAR_LET && var->type->kind == TY_TENSOR && !var->type->rank)
        return is_safe(f, def);
    return definition_is_safe(f, var);
}

static bool is_safe(Facts *f, const Term *term) {
    if (f->looks-- <= 0) return false;
    switch (term->kind) {
    case TERM_REF: return name_is_safe(f, term->var);
    case TERM_LET: return is_safe(f, term->arg[1]);
    case TERM_IF: return if_is_safe(f, term);
    case TERM_FOR: case TERM_FOLD: case TERM_SCAN: return loops_are_safe(f, term);
    case TERM_KERNEL: case TERM_FAIL: case TERM_SCATTER: case TERM_PERM: return false;
    case TERM_CHECK:
        return term->check == CHECK_SUBSCRIPT && children_are_safe(f, term) &&
               is_in_range(f, term->arg[1], term->arg[2]);
    case TERM_OP: return op_is_safe(term) && children_are_safe(f, term);
    case TERM_INDEX: return children_are_safe(f, term) && index_is_safe(f, term);
    case TERM_REDUCE: return reduction_is_safe(term) && children_are_safe(f, term);
    default: return children_are_safe(f, term);
    }
}

bool facts_safe(Facts *f, const Term *term) {
    f->looks = LOOKS;
    return is_safe(f, term);
}
