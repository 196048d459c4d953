/* Elements: subscripts are tested where `check` did not prove them, then the
 * element is read from memory or, for an inline tensor, computed. */
#include "lower_room.h"

typedef struct Access {
    const Term *term;           /* TERM_INDEX */
    int n;
    Value sub[PK_MAX_RANK];
    Value fail;                 /* of subscripts, tests, the whole tensor */
    Value inside;               /* with `otherwise`: i1, NO_VALUE: surely */
    Value soft;                 /* i1: in range; if not, 0 is read and thrown away */
    bool roomy;                 /* an empty tensor can be read at 0 */
} Access;

bool index_proved(Gen *g, const Term *term, int axis) {
    if (term->proved >> axis & 1) return true;
    for (int i = 0; i < g->tested.n; i++)
        if (g->tested.at[i].index == term && g->tested.at[i].axis == axis) return true;
    return false;
}

static Value below(Gen *g, Value sub, Value dim) {
    return gen_op(g, LOOP_ULT, LT_I1, 2, sub, dim);
}

static Access begin_access(Gen *g, const Term *term) {
    Access a = {.term = term, .n = term->nargs - 1, .fail = NO_VALUE,
                .inside = NO_VALUE, .soft = NO_VALUE};
    for (int k = 0; k < a.n; k++) {
        Scalar s = gen_scalar(g, term->arg[k + 1]);
        a.sub[k] = s.v;
        a.fail = gen_first(g, a.fail, s.fail);
    }
    return a;
}

static void test_inside(Gen *g, Access *a, int k, Value dim) {
    Value inside = below(g, a->sub[k], dim);
    a->inside = a->inside == NO_VALUE ? inside
                                      : gen_op(g, LOOP_AND, LT_I1, 2, a->inside, inside);
}

static void test_outside(Gen *g, Access *a, int k, Value dim) {
    Value inside = below(g, a->sub[k], dim);
    int site = gen_site(g, a->term->at, "the subscript %lld is not below %lld");
    bool soft = a->roomy && g->loops > 0 && !g->plain;
    note_test(g, a->term->at);
    a->fail = gen_fail_when(g, gen_not(g, inside), site, a->sub[k], dim, a->fail, soft);
    if (soft)
        a->soft = a->soft == NO_VALUE ? inside
                                      : gen_op(g, LOOP_AND, LT_I1, 2, a->soft, inside);
}

static void test_subscript(Gen *g, Access *a, int k, Scalar dim) {
    if (index_proved(g, a->term, k)) return;
    a->fail = gen_first(g, a->fail, dim.fail);
    if (gen_proves_below(g, a->sub[k], dim.v)) return;
    if (a->term->otherwise) test_inside(g, a, k, dim.v);
    else test_outside(g, a, k, dim.v);
}

/* ---- reading ---- */

typedef struct Source { const Tensor *t; Thunk *inlined; } Source;

static Scalar read_source(Gen *g, const Access *a, Source from) {
    Scalar s;
    int level = g->level;
    if (from.t) {
        Value at = gen_position(g, from.t, a->sub);
        if (a->soft != NO_VALUE) at = gen_select(g, a->soft, at, gen_long(g, 0));
        return gen_element_at(g, from.t, at);
    }
    g->level = from.inlined->level;
    s = gen_element(g, from.inlined->term, a->n, a->sub);
    g->level = level;
    return s;
}

/* The value outside costs nothing: read somewhere inside and choose. */
static Scalar choose(Gen *g, Access a, Source from) {
    Scalar s, outside;
    Value good = gen_int(g, LT_I32, 0);
    a.soft = a.inside;
    s = read_source(g, &a, from);
    outside = gen_scalar(g, a.term->otherwise);     /* a state may have failed */
    if (s.fail != NO_VALUE || outside.fail != NO_VALUE)
        s.fail = gen_select(g, a.inside, s.fail == NO_VALUE ? good : s.fail,
                            outside.fail == NO_VALUE ? good : outside.fail);
    s.v = gen_select(g, a.inside, s.v, outside.v);
    return s;
}

static void read_or_otherwise(Gen *g, const Access *a, Source from, Cell *cell) {
    const Type *type = a->term->type;
    if (a->inside == NO_VALUE) {
        cell_set(g, cell, low_scalar(read_source(g, a, from), type));
        return;
    }
    gen_if(g, a->inside);
    cell_set(g, cell, low_scalar(read_source(g, a, from), type));
    gen_else(g);
    cell_set(g, cell, low_scalar(gen_scalar(g, a->term->otherwise), type));
    gen_end(g);
}

static Scalar end_access(Gen *g, const Access *a, Source from) {
    Cell *cell;
    if (a->fail == NO_VALUE && a->inside == NO_VALUE) return read_source(g, a, from);
    if (a->fail == NO_VALUE && a->roomy && term_cheap(g, a->term->otherwise))
        return choose(g, *a, from);
    if (a->inside != NO_VALUE) {
        const Term *branch[] = {a->term->otherwise};
        force_before_branches(g, 1, branch);
    }
    cell = cell_new(g, a->term->type, false);
    if (a->fail == NO_VALUE) {
        read_or_otherwise(g, a, from, cell);
        return cell_get(g, cell).s;
    }
    gen_if(g, gen_good(g, a->fail));
    read_or_otherwise(g, a, from, cell);
    gen_else(g);
    cell_set(g, cell, low_failed(g, a->term->type, a->fail));
    gen_end(g);
    return cell_get(g, cell).s;
}

static Scalar index_memory(Gen *g, Access *a, const Tensor *t) {
    a->roomy = t->roomy;
    a->fail = gen_first(g, a->fail, t->fail);
    for (int k = 0; k < a->n; k++) test_subscript(g, a, k, t->dim[k]);
    return end_access(g, a, (Source){t, NULL});
}

static Scalar index_inline(Gen *g, Access *a, Thunk *thunk) {
    bind_prepare(g, thunk);
    for (int k = 0; k < a->n; k++)
        if (!index_proved(g, a->term, k)) test_subscript(g, a, k, bind_dim(g, thunk, k));
    return end_access(g, a, (Source){NULL, thunk});
}

Scalar gen_index(Gen *g, const Term *term) {
    Access a = begin_access(g, term);
    Thunk *thunk = bind_find(g, term->arg[0]);
    if (!thunk) return index_memory(g, &a, gen_tensor(g, term->arg[0]));
    if (!thunk->known && way_inline(g, thunk)) return index_inline(g, &a, thunk);
    return index_memory(g, &a, bind_force(g, thunk).t);
}

/* ---- elements of inline tensors ---- */

static Scalar element_of_loop(Gen *g, const Term *term, int n, const Value *subs) {
    int old = context_open(g);
    Scalar s;
    for (int k = 0; k < term->nloops; k++) {
        Scalar from = gen_scalar(g, term->loop[k].from);
        bind_index(g, term->loop[k].var, scalar(gen_add(g, from.v, subs[k])));
    }
    s = n == term->nloops ? gen_scalar(g, term->arg[0])
                          : gen_element(g, term->arg[0], n - term->nloops,
                                        subs + term->nloops);
    context_close(g, old);
    return s;
}

static Scalar element_or_scalar(Gen *g, const Term *term, int n, const Value *subs) {
    return n ? gen_element(g, term, n, subs) : gen_scalar(g, term);
}

static Scalar element_of_branch(Gen *g, const Term *term, int n, const Value *subs) {
    const Type *type = type_scalar(term->type->dtype);
    Value c = gen_scalar(g, term->arg[0]).v;
    Cell *cell;
    int64_t known;
    if (gen_is_int(g, c, &known))
        return gen_element(g, term->arg[known ? 1 : 2], n, subs);
    force_before_branches(g, 2, term->arg + 1);
    cell = cell_new(g, type, false);
    gen_if(g, c);
    cell_set(g, cell, low_scalar(gen_element(g, term->arg[1], n, subs), type));
    gen_else(g);
    cell_set(g, cell, low_scalar(gen_element(g, term->arg[2], n, subs), type));
    gen_end(g);
    return cell_get(g, cell).s;
}

/* A switch: the chosen one alone is computed. */
static void switch_of(Gen *g, const Term *term, int from, int to, int n,
                      const Value *subs, Cell *cell) {
    int middle = (from + to) / 2;
    if (to - from == 1) {
        Scalar s = element_or_scalar(g, term->arg[from], n - 1, subs + 1);
        cell_set(g, cell, low_scalar(s, type_scalar(term->type->dtype)));
        return;
    }
    gen_if(g, gen_op(g, LOOP_SLT, LT_I1, 2, subs[0], gen_long(g, middle)));
    switch_of(g, term, from, middle, n, subs, cell);
    gen_else(g);
    switch_of(g, term, middle, to, n, subs, cell);
    gen_end(g);
}

static Scalar element_of_array(Gen *g, const Term *term, int n, const Value *subs) {
    int64_t k;
    Cell *cell;
    if (gen_is_int(g, subs[0], &k) && k >= 0 && k < term->nargs)
        return element_or_scalar(g, term->arg[k], n - 1, subs + 1);
    if (!term->nargs) return scalar(gen_zero(g, reg_type(term->type->dtype)));
    force_before_branches(g, term->nargs, term->arg);
    cell = cell_new(g, type_scalar(term->type->dtype), false);
    switch_of(g, term, 0, term->nargs, n, subs, cell);
    return cell_get(g, cell).s;
}

Scalar gen_element(Gen *g, const Term *term, int n, const Value *subs) {
    Thunk *thunk;
    const Tensor *t;
    Scalar s;
    int level = g->level;
    switch (term->kind) {
    case TERM_FOR: return element_of_loop(g, term, n, subs);
    case TERM_IF: return element_of_branch(g, term, n, subs);
    case TERM_ARRAY: return element_of_array(g, term, n, subs);
    case TERM_LET:
        bind_let(g, term);
        return gen_element(g, term->arg[1], n, subs);
    case TERM_CHECK:
        gen_check(g, term);
        return gen_element(g, term->arg[0], n, subs);
    case TERM_REF: case TERM_GET:
        thunk = bind_find(g, term);
        if (!thunk || thunk->known || !way_inline(g, thunk)) break;
        bind_prepare(g, thunk);
        g->level = thunk->level;
        s = gen_element(g, thunk->term, n, subs);
        g->level = level;
        return s;
    default: break;
    }
    t = gen_tensor(g, term);
    return gen_element_at(g, t, gen_position(g, t, subs));
}
