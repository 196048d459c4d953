/* Why a term fails: the same words as those of compiled code, for the same
 * cases. docs/failure.md lists them. */
#include <string.h>
#include "eval_room.h"

/* Percent signs of a text are no format. */
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
    case CHECK_SUBSCRIPT: return "the subscript %lld is not below %lld";
    }
    bug("eval: check %d", term->check);
}

static bool needs_some(Reduction reduction) {
    return reduction == RED_MEAN || reduction == RED_MIN || reduction == RED_MAX ||
           reduction == RED_ARGMIN || reduction == RED_ARGMAX;
}

const char *failure_reason(Arena *arena, const Term *term) {
    switch (term->kind) {
    case TERM_OP:
        return (term->op == OP_FLOORDIV || term->op == OP_MOD) &&
                       !dtype_is_float(term->arg[0]->type->dtype)
                   ? "division by zero" : NULL;
    case TERM_INDEX:
        return term->otherwise ? NULL : "the subscript %lld is not below %lld";
    case TERM_REDUCE:
        return needs_some(term->reduction) ? "a reduction of nothing" : NULL;
    case TERM_SCATTER: return "the place %lld is not below %lld";
    case TERM_FAIL: return quoted(arena, term->text);
    case TERM_CHECK: return check_reason(arena, term);
    case TERM_PADDED: return "padded to a multiple of %lld";
    case TERM_PADDED_TO: return "a dimension below 0: %lld";
    default: return NULL;
    }
}
