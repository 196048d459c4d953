/* Draws: the element of a draw from the loops around it, and the formulas of
 * docs/language.md section 9 over raw words. */
#include <string.h>
#include "check.h"

typedef struct { Checker *ck; bool found; } IndexSearch;

static void find_index(const Term *term, void *data) {
    IndexSearch *search = data;
    for (int i = 0; term->kind == TERM_REF && i < search->ck->nest.n; i++)
        search->found |= search->ck->nest.at[i].var == term->var;
    if (term->kind != TERM_REF) term_children(term, find_index, data);
    if (term->kind == TERM_REF && term->var->kind == VAR_LET) {
        const Term *def = var_definition(search->ck, term->var);
        if (def && !search->found) find_index(def, data);
    }
}

static const Term *i64_op(Checker *ck, Op op, const Term *a, const Term *b) {
    return term_op(ck->arena, op, type_scalar(PL_I64), NULL, a, b, NULL);
}

/* 0; then for each loop, outermost first: e * length + (index - start). */
static const Term *element_of(Checker *ck, const char *name, Loc loc) {
    const Term *element = NULL;
    for (int i = 0; i < ck->nest.n; i++) {
        const Nest *nest = &ck->nest.at[i];
        const Term *place = i64_op(ck, OP_SUB, term_ref(ck->arena, nest->var),
                                   nest->from);
        IndexSearch search = {ck, false};
        find_index(nest->length, &search);
        if (search.found) {
            check_help(ck, check_error(ck, DIAG_E0301_RANDOM, loc,
                           "`%s` stands in a loop whose length depends on another index",
                           name),
                       "draw a tensor first, outside of the loop, and subscript it");
            return NULL;
        }
        element = element ? i64_op(ck, OP_ADD, i64_op(ck, OP_MUL, element, nest->length),
                                   place)
                          : place;
    }
    return element ? element : term_int(ck->arena, PL_I64, 0);
}

static uint32_t site_of(const char *path);

/* Two paths with one hash are an error. */
static void add_site(Checker *ck, const Term *term, Loc loc) {
    if (ck->silent) return;
    for (int i = 0; i < ck->sites.n; i++) {
        const Term *other = ck->sites.at[i];
        if (!strcmp(other->site_path, term->site_path)) return;
        if (other->site != term->site) continue;
        check_help(ck, check_error(ck, DIAG_E0301_RANDOM, loc,
                                   "the draws `%s` and `%s` have one site",
                                   term->site_path, other->site_path),
                   "rename one of the fields or functions");
        return;
    }
    list_push(ck->arena, &ck->sites, term);
}

static Term *draw_new(Checker *ck, TermKind kind, const Type *type, const char *path,
                      Loc loc, int nargs, const Term *a, const Term *b) {
    Term *term = term_new(ck->arena, kind, type, place_at(ck, loc), nargs, a, b);
    term->site = site_of(path);
    term->site_path = path;
    term->reused = ck->reuses;
    add_site(ck, term, loc);
    return term;
}

typedef struct { const char *name, *path; Loc loc; Expect want; } Draw;

static const Term *raw(Checker *ck, const Draw *draw, int width) {
    const Term *element = element_of(ck, draw->name, draw->loc);
    Term *term;
    if (!element) return NULL;
    term = draw_new(ck, TERM_DRAW, type_scalar(width == 32 ? PL_U32 : PL_U64), draw->path,
                    draw->loc, 1, element, NULL);
    term->width = width;
    return term;
}

/* a + (b - a) * ((x >> 8) * 2^-24), in f64 (x >> 11) * 2^-53 */
static const Term *uniform(Checker *ck, int n, const Term **arg, void *data) {
    const Draw *draw = data;
    pl_dtype d = PL_F32, word;
    const Term *x, *a, *b, *unit, *width;
    const Type *type;
    for (int i = 0; i < n; i++)
        if (arg[i]->type->dtype == PL_F64) d = PL_F64;
    type = type_scalar(d);
    word = d == PL_F64 ? PL_U64 : PL_U32;
    x = raw(ck, draw, d == PL_F64 ? 64 : 32);
    if (!x) return NULL;
    a = term_convert(ck->arena, d, NULL, arg[0]);
    b = term_convert(ck->arena, d, NULL, arg[1]);
    unit = term_op(ck->arena, OP_SHR, type_scalar(word), NULL, x,
                   term_int(ck->arena, PL_I64, d == PL_F64 ? 11 : 8), NULL);
    unit = term_op(ck->arena, OP_MUL, type, NULL, term_convert(ck->arena, d, NULL, unit),
                   term_real(ck->arena, d, d == PL_F64 ? 0x1p-53 : 0x1p-24), NULL);
    width = term_op(ck->arena, OP_SUB, type, NULL, b, a, NULL);
    return term_op(ck->arena, OP_ADD, type, NULL, a,
                   term_op(ck->arena, OP_MUL, type, NULL, width, unit, NULL), NULL);
}

/* a + mulhi64(x, b - a) */
static const Term *randint(Checker *ck, int n, const Term **arg, void *data) {
    const Draw *draw = data;
    const Term *a, *width, *x, *high, *value;
    Term *test;
    (void)n;
    for (int i = 0; i < 2; i++)
        if (!dtype_is_integer(arg[i]->type->dtype)) {
            check_error(ck, DIAG_E0201_TYPE, draw->loc,
                        "`randint` draws between ints, not %s",
                        dtype_name(arg[i]->type->dtype));
            return NULL;
        }
    a = term_convert(ck->arena, PL_I64, NULL, arg[0]);
    width = i64_op(ck, OP_SUB, term_convert(ck->arena, PL_I64, NULL, arg[1]), a);
    x = raw(ck, draw, 64);
    if (!x) return NULL;
    high = term_op(ck->arena, OP_WRAP, type_scalar(PL_U64), NULL, width, NULL, NULL);
    high = term_op(ck->arena, OP_MULHI, type_scalar(PL_U64), NULL, x, high, NULL);
    high = term_op(ck->arena, OP_WRAP, type_scalar(PL_I64), NULL, high, NULL, NULL);
    value = i64_op(ck, OP_ADD, high, a);
    int64_t known;
    if (term_is_int(width, &known) && known > 0) return value;
    test = term_new(ck->arena, TERM_CHECK, value->type, place_at(ck, draw->loc), 3, value,
                    term_int(ck->arena, PL_I64, 0), width);
    test->check = CHECK_SUBSCRIPT;
    test->text = "randint of an empty range";
    return test;
}

static Val permutation(Checker *ck, const Draw *draw, Actuals *actuals) {
    const Term *args[33], *n, *element, *term;
    const Dim **dims = arena_array(ck->arena, const Dim *, 1);
    if (!actual_terms(ck, actuals, args, PL_I64)) return val_error();
    if (args[0]->type->kind != TY_TENSOR || args[0]->type->rank ||
        !dtype_is_integer(args[0]->type->dtype)) {
        check_error(ck, DIAG_E0201_TYPE, draw->loc, "`permutation` wants an int, not %s",
                    type_text(ck->arena, args[0]->type));
        return val_error();
    }
    n = bind_term(ck, "n", term_convert(ck->arena, PL_I64, NULL, args[0]), draw->loc);
    element = element_of(ck, draw->name, draw->loc);
    if (!element) return val_error();
    dims[0] = dim_of_term(ck, n);
    term = draw_new(ck, TERM_PERM, type_tensor(ck->arena, PL_I64, 1, dims), draw->path,
                    draw->loc, 2, n, element);
    return val_term(check_size(ck, term, dims[0], draw->loc), draw->loc);
}

static bool drawable(Checker *ck, const Draw *draw) {
    if (draw->path) return true;
    check_error(ck, DIAG_E0301_RANDOM, draw->loc, "`%s` may not stand in %s", draw->name,
                ck->body && ck->body->no_draw ? ck->body->no_draw : "this place");
    return false;
}

Val check_draw(Checker *ck, const char *name, Actuals *actuals, Expect want) {
    Draw draw = {name, actuals->path, actuals->loc, want};
    int due = !strcmp(name, "normal") ? 0 : !strcmp(name, "permutation") ? 1 : 2;
    const Term *args[33], *word;
    pl_dtype literal = PL_I64;
    if (!drawable(ck, &draw)) return val_error();
    if (actuals->n != due) {
        check_error(ck, DIAG_E0203_CALL, actuals->loc,
                    "`%s` takes %d arguments, it is given %d", name, due, actuals->n);
        return val_error();
    }
    if (due == 1) return permutation(ck, &draw, actuals);
    if (due == 0) {
        word = raw(ck, &draw, 64);
        if (!word) return val_error();
        return val_term(apply_core(ck, "normal_from_bits", word, actuals->loc),
                        actuals->loc);
    }
    if (!strcmp(name, "uniform"))
        literal = want.dtype == PL_F64 ? PL_F64 : PL_F32;
    if (!actual_terms(ck, actuals, args, literal)) return val_error();
    return val_term(lift(ck, 2, args, !strcmp(name, "uniform") ? uniform : randint, &draw,
                         actuals->loc), actuals->loc);
}

#define XXH_INLINE_ALL
#include <xxhash.h>

/* The low half of XXH3-64 of the path. */
static uint32_t site_of(const char *path) {
    return (uint32_t)XXH3_64bits(path, strlen(path));
}
