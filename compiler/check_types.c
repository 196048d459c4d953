/* Types and dimensions: what widens to what, unification, equality of shapes. */
#include <string.h>
#include "check.h"

/* ---- dtypes ---- */

static int bits_of(pl_dtype d) { return 8 * dtype_size(d); }

static int mantissa(pl_dtype d) {
    return d == PL_F64 ? 53 : d == PL_F32 ? 24 : d == PL_F16 ? 11 : 8;
}

bool dtype_keeps(pl_dtype from, pl_dtype to) {
    if (from == to) return true;
    if (from == PL_BOOL || to == PL_BOOL) return false;
    if (dtype_is_float(from))
        return (to == PL_F32 && bits_of(from) == 16) || (to == PL_F64);
    if (dtype_is_float(to))
        return bits_of(from) - dtype_is_signed(from) <= mantissa(to) &&
               (to != PL_F16 || bits_of(from) <= 8);
    if (dtype_is_signed(from)) return dtype_is_signed(to) && bits_of(from) <= bits_of(to);
    return bits_of(from) + dtype_is_signed(to) <= bits_of(to);
}

bool dtype_meet(pl_dtype a, pl_dtype b, pl_dtype *out) {
    if (dtype_keeps(a, b)) *out = b;
    else if (dtype_keeps(b, a)) *out = a;
    else return false;
    return true;
}

pl_dtype dtype_alone(pl_dtype d) {
    if (d == PL_F16 || d == PL_BF16) return PL_F32;
    return dtype_is_integer(d) && bits_of(d) < 32 ? PL_I32 : d;
}

bool dtype_compute(pl_dtype a, pl_dtype b, pl_dtype *out) {
    pl_dtype wide_a = dtype_alone(a), wide_b = dtype_alone(b);
    if (a == PL_BOOL || b == PL_BOOL) {
        *out = PL_BOOL;
        return a == b;
    }
    if (dtype_is_float(wide_a) || dtype_is_float(wide_b)) {
        *out = wide_a == PL_F64 || wide_b == PL_F64 ? PL_F64 : PL_F32;
        return true;
    }
    if (!dtype_is_signed(a) && (wide_b == PL_U32 || wide_b == PL_U64) &&
        bits_of(a) <= bits_of(wide_b))
        wide_a = wide_b;
    if (!dtype_is_signed(b) && (wide_a == PL_U32 || wide_a == PL_U64) &&
        bits_of(b) <= bits_of(wide_a))
        wide_b = wide_a;
    if (wide_a == wide_b) *out = wide_a;
    else if (wide_a == PL_U64 || wide_b == PL_U64) return false;
    else *out = PL_I64;
    return true;
}

/* ---- dimensions ---- */

static const char *symbol_name(Checker *ck, const Term *term) {
    if (term->kind == TERM_REF) return term->var->name;
    if (term->kind == TERM_DIM && term->arg[0]->kind == TERM_REF)
        return arena_format(ck->arena, "len(%s)", term->arg[0]->var->name);
    if (term->kind == TERM_OP)
        return arena_format(ck->arena, "(%s %s%s)", symbol_name(ck, term->arg[0]),
                            op_name[term->op],
                            term->nargs > 1 ? arena_format(ck->arena, " %s",
                                symbol_name(ck, term->arg[1])) : "");
    if (term->kind == TERM_CONST)
        return arena_format(ck->arena, "%lld", (long long)term->bits);
    return "?";
}

/* Definitions are looked through while they are cheap arithmetic. */
static const Term *expand(Checker *ck, const Term *term, int depth) {
    const Term *def, *a, *b;
    if (depth > 12) return term;
    if (term->kind == TERM_REF) {
        def = term->var->kind == VAR_LET ? var_definition(ck, term->var) : NULL;
        if (!def || def->type->rank || def->type->kind != TY_TENSOR) return term;
        if (def->kind == TERM_OP || def->kind == TERM_DIM || def->kind == TERM_REF)
            return expand(ck, def, depth + 1);
        return term;
    }
    if (term->kind == TERM_OP && term->nargs <= 2) {
        a = expand(ck, term->arg[0], depth + 1);
        b = term->nargs > 1 ? expand(ck, term->arg[1], depth + 1) : NULL;
        if (a == term->arg[0] && (!b || b == term->arg[1])) return term;
        return term_op(ck->arena, term->op, term->type, term->at, a, b, NULL);
    }
    return term;
}

static const Dim *atom(Checker *ck, const Term *term) {
    const Dim *dim = dim_symbol(ck->dims, term_key(ck->arena, term),
                                symbol_name(ck, term), term);
    if (plainly_nonnegative(ck, term)) dim_set_nonnegative(dim, most_bits(ck, term));
    return dim;
}

static const Dim *dim_of_expanded(Checker *ck, const Term *term) {
    int64_t value;
    const Dim *a, *b;
    if (term_is_int(term, &value)) return dim_number(ck->dims, value);
    if (term->kind == TERM_DIM && term->arg[0]->type->dims[term->axis])
        return term->arg[0]->type->dims[term->axis];
    if (term->kind != TERM_OP || term->type->dtype != PL_I64) return atom(ck, term);
    if (term->op == OP_CONVERT && dtype_is_integer(term->arg[0]->type->dtype) &&
        dtype_keeps(term->arg[0]->type->dtype, PL_I64) &&
        term_is_int(term->arg[0], &value))
        return dim_number(ck->dims, value);
    if (term->op == OP_NEG)
        return dim_sub(ck->dims, dim_number(ck->dims, 0),
                       dim_of_expanded(ck, term->arg[0]));
    if (term->op != OP_ADD && term->op != OP_SUB && term->op != OP_MUL)
        return atom(ck, term);
    a = dim_of_expanded(ck, term->arg[0]);
    b = dim_of_expanded(ck, term->arg[1]);
    return term->op == OP_ADD ? dim_add(ck->dims, a, b)
           : term->op == OP_SUB ? dim_sub(ck->dims, a, b) : dim_mul(ck->dims, a, b);
}

const Dim *dim_of_term(Checker *ck, const Term *term) {
    return dim_of_expanded(ck, expand(ck, term, 0));
}

const Term *dim_to_term(Checker *ck, const Dim *dim) { return dim_term(ck->dims, dim); }

int dims_compare(const Dim *a, const Dim *b) {
    int64_t x, y;
    if (!a || !b) return -1;
    if (a == b) return 1;
    if (dim_constant(a, &x) && dim_constant(b, &y)) return 0;
    return -1;
}

const Term *read_dim(Checker *ck, const Term *tensor, int axis) {
    Term *term;
    const Dim *dim = tensor->type->dims[axis];
    int64_t value;
    if (dim_constant(dim, &value)) return term_int(ck->arena, PL_I64, value);
    if (tensor->kind != TERM_REF && tensor->kind != TERM_GET) return dim_to_term(ck, dim);
    term = term_new(ck->arena, TERM_DIM, type_scalar(PL_I64), tensor->at, 1, tensor);
    term->axis = axis;
    return term;
}

const Term *check_equal_dims(Checker *ck, const Term *value, const Dim *a, const Dim *b,
                             Loc loc, const char *about) {
    Term *term;
    int order = dims_compare(a, b);
    if (order == 1) return value;
    if (order == 0) {
        check_error(ck, DIAG_E0202_SHAPE, loc, "%s: %s and %s", about,
                    dim_text(ck->arena, a), dim_text(ck->arena, b));
        return NULL;
    }
    term = term_new(ck->arena, TERM_CHECK, value->type, place_at(ck, loc), 3, value,
                    dim_to_term(ck, a), dim_to_term(ck, b));
    term->check = CHECK_EQUAL;
    term->text = about;
    return term;
}

const Term *check_size(Checker *ck, const Term *value, const Dim *dim, Loc loc) {
    Term *term;
    int64_t size;
    if (dim_constant(dim, &size) && size < 0) {
        check_error(ck, DIAG_E0202_SHAPE, loc, "a dimension of %lld", (long long)size);
        return NULL;
    }
    if (dim_nonnegative(dim)) return value;
    term = term_new(ck->arena, TERM_CHECK, value->type, place_at(ck, loc), 2, value,
                    dim_to_term(ck, dim));
    term->check = CHECK_SIZE;
    term->text = "a dimension below 0";
    return term;
}

const Type *type_array(Checker *ck, const Dim *first, const Type *rest) {
    const Dim **dims = arena_array(ck->arena, const Dim *, rest->rank + 1);
    dims[0] = first;
    for (int k = 0; k < rest->rank; k++) dims[k + 1] = rest->dims[k];
    return type_tensor(ck->arena, rest->dtype, rest->rank + 1, dims);
}

/* ---- type expressions ---- */

static const Type *text_type(Checker *ck, TextKind text) {
    Type *type = arena_new_of(ck->arena, Type);
    const Dim **dims = arena_new_of(ck->arena, const Dim *);
    type->dtype = PL_U8;
    type->rank = 1;
    type->dims = dims;
    type->text = text;
    return type;
}

static const Type *alias_type(Checker *ck, Scope *scope, const TypeExpr *te) {
    Unit *owner;
    const Decl *decl = unit_find(scope->unit, te->name.text, DE_TYPE, DE_TYPE, &owner);
    const Type *type;
    if (!decl) return NULL;
    if (ck->aliases++ > 100) {
        check_error(ck, DIAG_E0103_RECURSION, te->loc, "the type `%s` needs itself",
                    te->name.text);
        ck->aliases--;
        return type_scalar(PL_I64);
    }
    type = resolve_type(ck, scope_new(ck, NULL, owner), decl->type);
    ck->aliases--;
    return type;
}

static const Type *opaque_type(Checker *ck, const TypeExpr *te) {
    Type *type = arena_new_of(ck->arena, Type);
    type->kind = TY_OPAQUE;
    type->opaque = te->name.text;
    return type;
}

static bool dtype_of_name(Checker *ck, Scope *scope, const TypeExpr *te, pl_dtype *out) {
    Entry *entry;
    if (dtype_by_name(te->name.text, out)) return true;
    entry = scope_find(scope, te->name.text);
    if (entry && entry->kind == S_DTYPE) {
        *out = entry->dtype;
        return true;
    }
    (void)ck;
    return false;
}

static const Type *resolve_tensor(Checker *ck, Scope *scope, const TypeExpr *te) {
    pl_dtype dtype;
    const Dim *dims[64];
    int rank = 0;
    const Type *type;
    if (!te->has_dims) {
        if (!strcmp(te->name.text, "bytes")) return text_type(ck, TEXT_NONE);
        if (!strcmp(te->name.text, "string")) return text_type(ck, TEXT_STRING);
        if (!strcmp(te->name.text, "path")) return text_type(ck, TEXT_PATH);
    }
    if (!dtype_of_name(ck, scope, te, &dtype)) {
        if (!te->has_dims && (type = alias_type(ck, scope, te))) return type;
        if (!is_dtype_variable(te->name.text) && !te->has_dims)
            return opaque_type(ck, te);
        check_error(ck, DIAG_E0101_NAME, te->name.loc,
                    is_dtype_variable(te->name.text)
                        ? "nothing says what dtype `%s` is" : "`%s` is no dtype",
                    te->name.text);
        return NULL;
    }
    for (int i = 0; i < te->dims.n; i++) {
        const DimExpr *dim = &te->dims.at[i];
        Entry *entry = dim->kind == DIM_SEQUENCE ? scope_find(scope, dim->name.text)
                                                 : NULL;
        const Term *size;
        if (rank >= 8) break;
        if (dim->kind == DIM_UNKNOWN) {
            dims[rank++] = NULL;
        } else if (dim->kind == DIM_SEQUENCE) {
            for (int k = 0; entry && k < entry->ndims && rank < 8; k++)
                dims[rank++] = entry->dims[k];
        } else {
            size = check_scalar_int(ck, scope, dim->expr, "a dimension");
            if (!size) return NULL;
            dims[rank++] = dim_of_term(ck, size);
        }
    }
    const Dim **kept = arena_array(ck->arena, const Dim *, rank + 1);
    memcpy(kept, dims, sizeof *kept * (size_t)rank);
    return type_tensor(ck->arena, dtype, rank, kept);
}

const Type *resolve_type(Checker *ck, Scope *scope, const TypeExpr *te) {
    Type *type;
    const Type **items;
    const char **names;
    if (te->kind == TE_NAME) return resolve_tensor(ck, scope, te);
    type = arena_new_of(ck->arena, Type);
    type->kind = te->kind == TE_TUPLE ? TY_TUPLE : TY_FUNCTION;
    if (te->kind == TE_FN) return type;
    items = arena_array(ck->arena, const Type *, te->items.n);
    names = arena_array(ck->arena, const char *, te->items.n);
    for (int i = 0; i < te->items.n; i++) {
        items[i] = resolve_type(ck, scope, te->items.at[i]);
        if (!items[i]) return NULL;
        if (i < te->item_names.n) names[i] = te->item_names.at[i].text;
    }
    type->n = te->items.n;
    type->items = items;
    type->names = names;
    return type;
}

/* ---- unification of a parameter's declared type with an argument's ---- */

static bool mismatch(Checker *ck, Loc loc, const char *what, const TypeExpr *te,
                     const Type *actual) {
    File const *file = te->loc.file;
    Diag *diag = check_error(ck, DIAG_E0201_TYPE, loc, "%s wants %.*s, got %s", what,
                             te->loc.to - te->loc.from, file->text + te->loc.from,
                             type_text(ck->arena, actual));
    check_note(ck, diag, te->loc, "declared here");
    return false;
}

static Name name_of(const char *text, Loc loc) { return (Name){text, loc}; }

static bool bind_dim(Checker *ck, Scope *scope, const char *name, Loc loc,
                     const Dim *dim) {
    Entry *entry = scope_add(ck, scope, name_of(name, loc), S_VALUE);
    entry->val = val_term(dim_to_term(ck, dim), loc);
    return true;
}

static const Entry *local_entry(Scope *scope, const char *name) {
    for (int i = scope->entries.n - 1; i >= 0; i--)
        if (!strcmp(scope->entries.at[i].name, name)) return &scope->entries.at[i];
    return NULL;
}

static bool bind_sequence(Checker *ck, Scope *scope, const DimExpr *dim, int n,
                          const Dim *const *dims, Loc loc, const TypeExpr *te,
                          const Type *actual, const char *what) {
    const Entry *old = local_entry(scope, dim->name.text);
    Entry *entry;
    if (old) {
        if (old->ndims != n) return mismatch(ck, loc, what, te, actual);
        return true;
    }
    entry = scope_add(ck, scope, dim->name, S_DIMS);
    entry->ndims = n;
    entry->dims = dims;
    return true;
}

static bool unify_dims(Checker *ck, Scope *scope, const TypeExpr *te, const Type *actual,
                       Loc loc, const char *what) {
    int sequence = -1, plain = te->dims.n, extra, axis = 0;
    for (int i = 0; i < te->dims.n; i++)
        if (te->dims.at[i].kind == DIM_SEQUENCE) sequence = i;
    if (sequence >= 0) plain--;
    extra = actual->rank - plain;
    if (sequence < 0 ? extra != 0 : extra < 0) return mismatch(ck, loc, what, te, actual);
    for (int i = 0; i < te->dims.n; i++) {
        const DimExpr *dim = &te->dims.at[i];
        const char *name = dim->kind == DIM_UNKNOWN ? dim->name.text
                           : dim->kind == DIM_EXPR && dim->expr->kind == EX_NAME
                               ? dim->expr->name.text : NULL;
        if (i == sequence) {
            if (!bind_sequence(ck, scope, dim, extra, actual->dims + axis, loc, te,
                               actual, what))
                return false;
            axis += extra;
            continue;
        }
        if (name && !local_entry(scope, name))
            bind_dim(ck, scope, name, dim->loc, actual->dims[axis]);
        axis++;
    }
    return true;
}

static bool unify_dtype(Checker *ck, Scope *scope, const TypeExpr *te, const Type *actual,
                        Loc loc, const char *what) {
    pl_dtype dtype;
    const Entry *entry;
    Entry *added;
    if (dtype_by_name(te->name.text, &dtype))
        return dtype_keeps(actual->dtype, dtype) || mismatch(ck, loc, what, te, actual);
    entry = local_entry(scope, te->name.text);
    if (!entry) {
        added = scope_add(ck, scope, te->name, S_DTYPE);
        added->dtype = actual->dtype;
        return true;
    }
    if (dtype_keeps(actual->dtype, entry->dtype)) return true;
    if (dtype_keeps(entry->dtype, actual->dtype)) {
        ((Entry *)entry)->dtype = actual->dtype;
        return true;
    }
    return mismatch(ck, loc, what, te, actual);
}

bool unify(Checker *ck, Scope *scope, const TypeExpr *te, const Type *actual, Loc loc,
           const char *what) {
    const Type *type;
    pl_dtype dtype;
    bool text = !strcmp(te->kind == TE_NAME && !te->has_dims ? te->name.text : "",
                        "bytes");
    if (te->kind == TE_TUPLE) {
        if (actual->kind != TY_TUPLE || actual->n != te->items.n)
            return mismatch(ck, loc, what, te, actual);
        for (int i = 0; i < actual->n; i++)
            if (!unify(ck, scope, te->items.at[i], actual->items[i], loc, what))
                return false;
        return true;
    }
    if (te->kind == TE_FN) return true;
    if (!text && !dtype_by_name(te->name.text, &dtype) &&
        !is_dtype_variable(te->name.text)) {
        type = resolve_type(ck, scope, te);
        if (!type) return false;
        if (type->kind == TY_OPAQUE)
            return (actual->kind == TY_OPAQUE && !strcmp(actual->opaque, type->opaque)) ||
                   mismatch(ck, loc, what, te, actual);
        if (type->kind == TY_TENSOR && type->text)
            return (actual->kind == TY_TENSOR && actual->text) ||
                   mismatch(ck, loc, what, te, actual);
        if (type->kind != actual->kind || type->n != actual->n ||
            type->rank != actual->rank)
            return mismatch(ck, loc, what, te, actual);
        return true;
    }
    if (actual->kind != TY_TENSOR) return mismatch(ck, loc, what, te, actual);
    if (text)
        return (actual->dtype == PL_U8 && actual->rank == 1) ||
               mismatch(ck, loc, what, te, actual);
    return unify_dtype(ck, scope, te, actual, loc, what) &&
           unify_dims(ck, scope, te, actual, loc, what);
}

/* ---- making a term fit ---- */

static const Term *coerce_tuple(Checker *ck, const Term *term, const Type *want, Loc loc,
                                const char *what) {
    Term *tuple;
    Type *type;
    const Type **items;
    if (term->type->kind != TY_TUPLE || term->type->n != want->n) {
        check_error(ck, DIAG_E0201_TYPE, loc, "%s must be %s, it is %s", what,
                    type_text(ck->arena, want), type_text(ck->arena, term->type));
        return NULL;
    }
    if (term->kind != TERM_TUPLE) term = bind_term(ck, "tuple", term, loc);
    tuple = term_new(ck->arena, TERM_TUPLE, NULL, term->at, 0);
    tuple->nargs = want->n;
    tuple->arg = arena_array(ck->arena, const Term *, want->n);
    type = arena_new_of(ck->arena, Type);
    items = arena_array(ck->arena, const Type *, want->n);
    for (int i = 0; i < want->n; i++) {
        const Term *item = term->kind == TERM_TUPLE ? term->arg[i] : NULL;
        if (!item) {
            Term *get = term_new(ck->arena, TERM_GET, term->type->items[i], term->at, 1,
                                 term);
            get->axis = i;
            item = get;
        }
        tuple->arg[i] = coerce(ck, item, want->items[i], loc, what);
        if (!tuple->arg[i]) return NULL;
        items[i] = tuple->arg[i]->type;
    }
    *type = *want;
    type->items = items;
    tuple->type = type;
    return tuple;
}

static bool coerce_fails(Checker *ck, const Term *term, const Type *want, Loc loc,
                         const char *what) {
    Diag *diag;
    if (want->kind != term->type->kind ||
        (want->kind == TY_OPAQUE && strcmp(want->opaque, term->type->opaque))) {
        check_error(ck, DIAG_E0201_TYPE, loc, "%s must be %s, it is %s", what,
                    type_text(ck->arena, want), type_text(ck->arena, term->type));
        return true;
    }
    if (want->kind == TY_OPAQUE) return false;
    if (want->rank != term->type->rank || !dtype_keeps(term->type->dtype, want->dtype)) {
        diag = check_error(ck, DIAG_E0201_TYPE, loc, "%s must be %s, it is %s", what,
                           type_text(ck->arena, want), type_text(ck->arena, term->type));
        if (want->rank == term->type->rank)
            check_help(ck, diag, "convert it: `%s(…)`", dtype_name(want->dtype));
        return true;
    }
    return false;
}

/* What has passed the test has the dimension that was wanted: whoever reads the
 * value may build on it. */
static const Term *coerce_dim(Checker *ck, const Term *term, const Type *want, int axis,
                              Loc loc, const char *what) {
    const char *about = arena_format(ck->arena, "%s must be %s, dimension %d differs",
                                     what, type_text(ck->arena, want), axis);
    const Term *tested;
    const Dim **dims;
    Type *type;
    if (!term->type->dims[axis]) term = settle(ck, "value", term, loc);
    tested = check_equal_dims(ck, term, want->dims[axis], term->type->dims[axis], loc,
                              about);
    if (!tested || tested == term) return tested;
    type = arena_new_of(ck->arena, Type);
    dims = arena_array(ck->arena, const Dim *, term->type->rank);
    memcpy(dims, term->type->dims, sizeof *dims * (size_t)term->type->rank);
    dims[axis] = want->dims[axis];
    *type = *term->type;
    type->dims = dims;
    ((Term *)tested)->type = type;
    return tested;
}

const Term *coerce(Checker *ck, const Term *term, const Type *want, Loc loc,
                   const char *what) {
    if (want->kind == TY_TUPLE) return coerce_tuple(ck, term, want, loc, what);
    if (coerce_fails(ck, term, want, loc, what)) return NULL;
    if (want->kind == TY_OPAQUE) return term;
    if (term->type->dtype != want->dtype)
        term = convert_elements(ck, term, want->dtype, loc);
    if (term && want->text && !term->type->text) {
        check_error(ck, DIAG_E0201_TYPE, loc, "%s must be %s, these are bytes", what,
                    type_text(ck->arena, want));
        return NULL;
    }
    for (int k = 0; term && k < want->rank; k++)
        if (want->dims[k]) term = coerce_dim(ck, term, want, k, loc, what);
    return term;
}
