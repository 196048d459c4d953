/* Dimensions without the data, trip counts of loops, tests of shapes. */
#include <string.h>
#include "lower_room.h"

int context_open(Gen *g) {
    int old = g->context;
    g->context = ++g->contexts;
    return old;
}

void context_close(Gen *g, int old) { g->context = old; }

/* ---- trip counts ---- */

static Value length(Gen *g, Value from, Value to) {
    int64_t n;
    Value zero = gen_long(g, 0);
    if (gen_is_int(g, from, &n) && n == 0) {
        if (is_nonnegative(g, to)) return to;
        return gen_nonnegative(g, gen_op(g, LOOP_SMAX, LT_I64, 2, to, zero));
    }
    return gen_select(g, gen_op(g, LOOP_SLT, LT_I1, 2, from, to), gen_sub(g, to, from),
                      zero);
}

/* How often the loop runs; 0 if a bound has failed. */
Scalar gen_trip(Gen *g, const Loop *loop, Scalar *from) {
    Scalar to, trip;
    *from = gen_scalar(g, loop->from);
    to = gen_scalar(g, loop->to);
    trip.v = length(g, from->v, to.v);
    trip.fail = gen_first(g, from->fail, to.fail);
    if (trip.fail != NO_VALUE)
        trip.v = gen_nonnegative(g, gen_select(g, gen_good(g, trip.fail), trip.v,
                                               gen_long(g, 0)));
    return trip;
}

/* ---- dims ---- */

static const Type *item_type(const Type *type, int item) {
    return item < 0 ? type : type->items[item];
}

static bool type_dim(Gen *g, const Type *type, int axis, Scalar *dim) {
    if (!type->dims || !type->dims[axis]) return false;
    *dim = gen_scalar(g, dim_term(g->all->dims, type->dims[axis]));
    return true;
}

/* A dim of the loop's result below its own: that of the body, which depends on
 * no index. */
Scalar gen_body_dim(Gen *g, const Term *loop, int item, int axis) {
    int own = loop->kind == TERM_SCAN || (loop->nargs > 1 && loop->arg[1]) ? 1
              : loop->nloops;
    int old;
    Scalar dim, from;
    if (type_dim(g, item_type(loop->type, item), axis, &dim)) return dim;
    old = context_open(g);
    for (int i = 0; i < loop->nloops; i++) {
        gen_trip(g, &loop->loop[i], &from);
        bind_index(g, loop->loop[i].var, from);
    }
    dim = gen_item_dim(g, loop->arg[0], item, axis - own);
    context_close(g, old);
    return dim;
}

static Scalar for_dim(Gen *g, const Term *term, int item, int axis) {
    Scalar from;
    return axis < term->nloops ? gen_trip(g, &term->loop[axis], &from)
                               : gen_body_dim(g, term, item, axis);
}

/* A dimension of the value, or of the item of a tuple. `whole`: with the failure of
 * the value itself, which a dimension that the type tells does not have. */
typedef struct Part { int item, axis; bool whole; } Part;

static Scalar part_dim(Gen *g, const Term *term, Part);

static Scalar if_dim(Gen *g, const Term *term, Part part) {
    const Type *type = type_scalar(PL_I64);
    Scalar c = gen_scalar(g, term->arg[0]);
    Cell *cell = cell_new(g, type, false);
    force_dims_before_branches(g, 2, term->arg + 1);
    if (c.fail != NO_VALUE) {
        gen_if(g, gen_good(g, c.fail));
        gen_if(g, c.v);
    } else {
        gen_if(g, c.v);
    }
    cell_set(g, cell, low_scalar(part_dim(g, term->arg[1], part), type));
    gen_else(g);
    cell_set(g, cell, low_scalar(part_dim(g, term->arg[2], part), type));
    gen_end(g);
    if (c.fail != NO_VALUE) {
        gen_else(g);
        cell_set(g, cell, low_failed(g, type, c.fail));
        gen_end(g);
    }
    return cell_get(g, cell).s;
}

static Scalar array_dim(Gen *g, const Term *term, int axis) {
    if (axis == 0) return scalar(gen_long(g, term->nargs));
    return gen_dim(g, term->arg[0], axis - 1);
}

static Scalar checked_dim(Gen *g, const Term *term, Part part) {
    Value fail = gen_check(g, term);
    Scalar dim = part_dim(g, term->arg[0], part);
    dim.fail = gen_first(g, fail, dim.fail);
    return dim;
}

static Scalar tensor_dim(Gen *g, const Tensor *t, Part part) {
    Scalar dim = t->dim[part.axis];
    if (part.whole) dim.fail = gen_first(g, t->fail, dim.fail);
    return dim;
}

static Scalar value_dim(Gen *g, const Term *term, Part part) {
    Low low = gen_low(g, term);
    return tensor_dim(g, (part.item < 0 ? low : low.items[part.item]).t, part);
}

static bool told(const Type *type, Part part, int64_t *n) {
    type = item_type(type, part.item);
    return type->kind != TY_RAGGED && type->dims && type->dims[part.axis] &&
           dim_constant(type->dims[part.axis], n);
}

static Scalar named_dim(Gen *g, Thunk *thunk, Part part) {
    int64_t n;
    int level = g->level;
    const char *field = g->field;
    Scalar dim;
    if (thunk->known) {
        const Low *low = part.item < 0 ? &thunk->value : &thunk->value.items[part.item];
        return tensor_dim(g, low->t, part);
    }
    if (part.item < 0 && !(told(thunk->var->type, part, &n) && thunk->term))
        return bind_dim(g, thunk, part.axis);
    g->level = thunk->level;
    if (is_field(thunk->var)) g->field = thunk->var->name;
    dim = part_dim(g, thunk->term, part);
    g->level = level;
    g->field = field;
    return dim;
}

/* A form that may have a failure of its own, or names what has. */
static bool may_fail_whole(const Term *term) {
    switch (term->kind) {
    case TERM_REF: case TERM_GET: case TERM_LET: case TERM_TUPLE: case TERM_CHECK:
    case TERM_IF: case TERM_FAIL:
        return true;
    default: return false;
    }
}

static Scalar part_dim(Gen *g, const Term *term, Part part) {
    Thunk *thunk;
    int64_t n;
    int axis = part.axis;
    if (told(term->type, part, &n) && !(part.whole && may_fail_whole(term)))
        return scalar(gen_long(g, n));
    switch (term->kind) {
    case TERM_REF: return named_dim(g, bind_thunk(g, term->var), part);
    case TERM_GET:
        if ((thunk = bind_find(g, term))) return named_dim(g, thunk, part);
        return part_dim(g, term->arg[0], (Part){term->axis, axis, part.whole});
    case TERM_LET:
        bind_let(g, term);
        return part_dim(g, term->arg[1], part);
    case TERM_TUPLE:
        return part_dim(g, term->arg[part.item], (Part){-1, axis, part.whole});
    case TERM_CHECK:
        return term->proved ? part_dim(g, term->arg[0], part) : checked_dim(g, term, part);
    case TERM_IF: return if_dim(g, term, part);
    case TERM_FOR:
        if (term->nargs > 1 && term->arg[1]) break;
        return for_dim(g, term, part.item, axis);
    case TERM_FOLD: return gen_dim(g, term->inits[part.item < 0 ? 0 : part.item], axis);
    case TERM_SCATTER: return gen_dim(g, term->arg[0], axis);
    case TERM_ARRAY: return array_dim(g, term, axis);
    case TERM_KERNEL: return gen_kernel_dim(g, term, part.item < 0 ? 0 : part.item, axis);
    case TERM_PERM: return gen_scalar(g, term->arg[0]);
    case TERM_LENGTHS: case TERM_PADDED: case TERM_PADDED_TO:
        return gen_below_dim(g, term, axis);
    default: break;
    }
    return value_dim(g, term, part);
}

Scalar gen_item_dim(Gen *g, const Term *term, int item, int axis) {
    return part_dim(g, term, (Part){item, axis, false});
}

Scalar gen_rows(Gen *g, const Term *term) {
    bool tuple = term->type->kind == TY_TUPLE;
    return part_dim(g, term, (Part){tuple ? 0 : -1, 0, true});
}

Scalar gen_dim(Gen *g, const Term *term, int axis) {
    return gen_item_dim(g, term, -1, axis);
}

/* ---- tests ---- */

static Value less(Gen *g, LoopOp op, Value a, Value b) {
    return gen_op(g, op, LT_I1, 2, a, b);
}

/* Percent signs of the text are no format. */
static const char *quoted(Arena *arena, const char *text) {
    char *copy = arena_alloc(arena, 2 * strlen(text) + 1), *to = copy;
    for (; *text; text++) {
        if (*text == '%') *to++ = '%';
        *to++ = *text;
    }
    return copy;
}

static const char *check_reason(Arena *arena, const Term *term) {
    const char *about = term->text ? quoted(arena, term->text) : NULL;
    switch (term->check) {
    case CHECK_EQUAL:
        return arena_format(arena, "%s: %%lld and %%lld are not equal",
                            about ? about : "dimensions");
    case CHECK_SIZE:
        return arena_format(arena, "%s: %%lld", about ? about : "a dimension below 0");
    case CHECK_SLICE: return "the slice %lld..%lld is outside of its dimension";
    default: return "the subscript %lld is not below %lld";
    }
}

static Value check_fails(Gen *g, const Term *term, const Scalar *s) {
    Value zero = gen_long(g, 0), outside, size;
    switch (term->check) {
    case CHECK_EQUAL: return less(g, LOOP_NE, s[0].v, s[1].v);
    case CHECK_SIZE: return less(g, LOOP_SLT, s[0].v, zero);
    case CHECK_SLICE:
        outside = gen_or(g, less(g, LOOP_SLT, s[0].v, zero),
                         less(g, LOOP_SLT, s[2].v, s[1].v));
        return gen_op(g, LOOP_AND, LT_I1, 2, outside,
                      less(g, LOOP_SLT, s[0].v, s[1].v));
    default:                        /* a width that was computed may be below 0 */
        size = s[1].v;
        if (!is_nonnegative(g, size)) size = gen_op(g, LOOP_SMAX, LT_I64, 2, size, zero);
        return gen_not(g, less(g, LOOP_ULT, s[0].v, size));
    }
}

Value gen_check(Gen *g, const Term *term) {
    Scalar s[3] = {{0}};
    Value fail = NO_VALUE, second;
    for (int i = 0; i < 3 && i + 1 < term->nargs; i++) {
        if (!term->arg[i + 1]) continue;
        s[i] = gen_scalar(g, term->arg[i + 1]);
        fail = gen_first(g, fail, s[i].fail);
    }
    if (term->check == CHECK_SUBSCRIPT && gen_proves_below(g, s[0].v, s[1].v)) return fail;
    if (term->check == CHECK_SUBSCRIPT) note_test(g, term->at);
    second = term->check == CHECK_SIZE ? gen_long(g, 0) : s[1].v;
    return gen_fail_when(g, check_fails(g, term, s),
                         gen_site(g, term->at, check_reason(g->all->arena, term)),
                         s[0].v, second, fail, false);
}
