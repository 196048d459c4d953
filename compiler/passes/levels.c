/* levels: a float that is rounded to a small unsigned integer and made a float again
 * stays one.
 *
 *   f32(u8(x))     min(max(round(x), 0), 255)
 *
 * Exact: whole numbers up to 65535 are floats, so rounding and saturation can be done on
 * floats; max gives its second argument where the first is NaN or -0, as the conversion
 * does. */
#include "pass.h"

/* The float of dtype d that the integer is rounded from; NULL: none. */
static const Term *rounded_from(Arena *arena, const Term *term, pl_dtype d) {
    const Term *yes, *no;
    if (term->kind == TERM_OP && term->op == OP_CONVERT)
        return term->arg[0]->type->dtype == d ? term->arg[0] : NULL;
    if (term->kind != TERM_IF) return NULL;
    yes = rounded_from(arena, term->arg[1], d);
    no = rounded_from(arena, term->arg[2], d);
    if (!yes || !no) return NULL;
    Term *copy = term_again(arena, term);
    copy->arg[1] = yes;
    copy->arg[2] = no;
    copy->type = yes->type;
    return copy;
}

static const Term *visit(Rewriter *rw, const Term *term) {
    const Type *type = term->type;
    const Place *at = term->at;
    const Term *x, *most, *zero;
    pl_dtype level;
    if (term->kind != TERM_OP || term->op != OP_CONVERT ||
        (type->dtype != PL_F32 && type->dtype != PL_F64))
        return term;
    level = term->arg[0]->type->dtype;
    if (level != PL_U8 && level != PL_U16) return term;
    x = rounded_from(rw->arena, term->arg[0], type->dtype);
    if (!x) return term;
    most = term_real(rw->arena, type->dtype, level == PL_U8 ? 255 : 65535);
    x = term_op(rw->arena, OP_ROUND, type, at, x, NULL, NULL);
    zero = term_real(rw->arena, type->dtype, 0);
    x = term_op(rw->arena, OP_MAX, type, at, x, zero, NULL);
    return term_op(rw->arena, OP_MIN, type, at, x, most, NULL);
}

Graph *pass_levels(Arena *arena, const Graph *graph) {
    return graph_rewrite(arena, graph, visit, NULL);
}
