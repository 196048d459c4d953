/* Expressions: one function per form of the grammar. */
#include <string.h>
#include "check.h"

const Term *as_term(Checker *ck, Val val, Expect want) {
    switch (val.kind) {
    case V_TERM: return val.term;
    case V_LITERAL:
        return literal_term(ck, val.lit, want.dtype >= 0 && want.dtype != PL_BOOL
                                ? (pl_dtype)want.dtype : literal_dtype(val.lit));
    case V_FAIL:
        if (want.type || want.dtype >= 0) {
            Term *fail = term_new(ck->arena, TERM_FAIL,
                                  want.type ? want.type
                                            : type_scalar((pl_dtype)want.dtype),
                                  place_at(ck, val.loc), 0);
            fail->text = val.reason;
            return fail;
        }
        check_help(ck, check_error(ck, DIAG_E0201_TYPE, val.loc,
                                   "nothing here says what type `fail` stands for"),
                   "put it into a branch of an `if` whose other branch has a value");
        return NULL;
    case V_FUNCTION:
        check_error(ck, DIAG_E0201_TYPE, val.loc,
                    "a function stands here without arguments: call it, or pass it to a "
                    "parameter of function type");
        return NULL;
    case V_ERROR: break;
    }
    return NULL;
}

const Term *check_term(Checker *ck, Scope *scope, const Expr *e, Expect want) {
    return settle(ck, "value", as_term(ck, check_expr(ck, scope, e, want), want), e->loc);
}

static bool is_scalar(const Term *term) {
    return term->type->kind == TY_TENSOR && term->type->rank == 0;
}

const Term *check_scalar_int(Checker *ck, Scope *scope, const Expr *e, const char *what) {
    const Term *term = check_term(ck, scope, e, (Expect){.dtype = PL_I64});
    Diag *diag;
    if (!term) return NULL;
    if (!is_scalar(term) || !dtype_is_integer(term->type->dtype)) {
        diag = check_error(ck, DIAG_E0201_TYPE, e->loc, "%s must be an int, this is %s",
                           what, type_text(ck->arena, term->type));
        if (is_scalar(term) && dtype_is_float(term->type->dtype))
            check_help(ck, diag, "round it: `int(…)`");
        return NULL;
    }
    return term_convert(ck->arena, PL_I64, place_at(ck, e->loc), term);
}

/* ---- names ---- */

static const Term *constant_term(Checker *ck, const Decl *decl, Unit *unit, Val val) {
    Expect want = ANYTHING;
    const Type *type = NULL;
    const Term *term;
    if (decl->type) {
        type = resolve_type(ck, scope_new(ck, NULL, unit), decl->type);
        if (!type) return NULL;
        want = (Expect){type->kind == TY_TENSOR ? (int)type->dtype : -1, type, true};
    }
    term = settle(ck, decl->name.text, as_term(ck, val, want), decl->body->loc);
    return term && type ? coerce(ck, term, type, decl->body->loc, decl->name.text) : term;
}

/* A constant that takes work is a definition made once, at open. */
static const Term *constant_at_open(Checker *ck, const Decl *decl, const Term *term) {
    Bind bind;
    Var *var;
    if (term->kind == TERM_CONST || term->kind == TERM_DATA || term->kind == TERM_REF)
        return term;
    var = var_new(ck, VAR_OPEN, decl->name.text, term->type, decl->loc);
    var->level = -1;
    bind = (Bind){var, term};
    list_push(ck->arena, &ck->graph->opens, bind);
    list_push(ck->arena, &ck->consts, bind);
    list_push(ck->arena, &ck->const_decls, decl);
    return term_ref(ck->arena, var);
}

static Val check_constant(Checker *ck, const Decl *decl, Unit *unit, Loc loc) {
    Region *region = ck->region, own;
    const Body *body = ck->body;
    Body here = {.root = decl->body, .callee = decl->name.text, .no_draw = "a constant"};
    int nests = ck->nest.n;
    bool below = ck->below;
    Val val;
    const Term *term;
    for (int i = 0; i < ck->const_decls.n; i++)
        if (ck->const_decls.at[i] == decl)
            return val_term(term_ref(ck->arena, ck->consts.at[i].var), loc);
    ck->body = &here;
    ck->below = false;
    ck->nest.n = 0;
    ck->region = NULL;
    region_open(ck, &own, REGION_FIELD);
    val = check_expr(ck, scope_new(ck, NULL, unit), decl->body,
                     (Expect){-1, decl->type ? resolve_type(ck, scope_new(ck, NULL, unit),
                                                            decl->type) : NULL, true});
    if (val.kind != V_LITERAL || decl->type) {
        term = region_close(ck, &own, constant_term(ck, decl, unit, val));
        if (term && term->kind == TERM_LET && term->type->kind == TY_TENSOR)
            ((Term *)term)->type = type_outside(ck, term->type);
        val = term ? val_term(constant_at_open(ck, decl, term), loc) : val_error();
    } else {
        region_close(ck, &own, NULL);
    }
    ck->region = region;
    ck->body = body;
    ck->below = below;
    ck->nest.n = nests;
    val.loc = loc;
    return val;
}

static Val closure_of(Checker *ck, const Decl *decl, Unit *unit, const char *builtin,
                      Loc loc) {
    Closure *closure = arena_new_of(ck->arena, Closure);
    *closure = (Closure){.decl = decl, .unit = unit, .builtin = builtin};
    return (Val){.kind = V_FUNCTION, .loc = loc, .closure = closure};
}

static Val check_global(Checker *ck, Unit *unit, const char *name, Loc loc) {
    Unit *owner;
    pl_dtype dtype;
    const Decl *decl = unit_find(unit, name, DE_CONST, DE_CONST, &owner);
    if (decl) return check_constant(ck, decl, owner, loc);
    decl = unit_find(unit, name, DE_FN, DE_KERNEL, &owner);
    if (decl) return closure_of(ck, decl, owner, NULL, loc);
    if (builtin_find(name) || dtype_by_name(name, &dtype))
        return closure_of(ck, NULL, NULL, name, loc);
    return (Val){.kind = V_ERROR};
}

static Val read_entry(Checker *ck, const Entry *entry, Loc loc) {
    Val val = entry->val;
    val.loc = loc;
    if (entry->kind == S_DTYPE) {
        check_error(ck, DIAG_E0201_TYPE, loc, "`%s` is a dtype, not a value",
                    entry->name);
        return val_error();
    }
    if (entry->kind == S_DIMS) {
        check_error(ck, DIAG_E0201_TYPE, loc,
                    "`%s` is a sequence of dimensions, not a value", entry->name);
        return val_error();
    }
    if (val.kind == V_TERM && val.term->kind == TERM_REF && ck->below &&
        (val.term->var->kind == VAR_FIELD || val.term->var->kind == VAR_SOURCE))
        val.term = term_ref(ck->arena, batched_of(ck, val.term->var));
    return val;
}

static void unknown_name(Checker *ck, Scope *scope, Name name) {
    if (ck->source_unknown && scope->unit == ck->main) return; /* one of its fields? */
    suggest_name(
        ck, scope,
        check_error(ck, DIAG_E0101_NAME, name.loc, "`%s` is not defined here", name.text),
        name.text);
}

static Val check_name(Checker *ck, Scope *scope, const Expr *e) {
    const Entry *entry = scope_find(scope, e->name.text);
    Val val;
    if (entry) return read_entry(ck, entry, e->loc);
    val = check_global(ck, scope->unit, e->name.text, e->loc);
    if (val.kind == V_ERROR && !val.loc.file) {
        Unit *owner;
        if (!unit_find(scope->unit, e->name.text, DE_CONST, DE_CONST, &owner))
            unknown_name(ck, scope, e->name);
    }
    return val;
}

static Unit *alias_unit(Scope *scope, const Expr *e) {
    if (e->kind != EX_NAME || scope_find(scope, e->name.text)) return NULL;
    for (int i = 0; i < scope->unit->imports.n; i++) {
        const Import *import = &scope->unit->imports.at[i];
        if (import->alias && !strcmp(import->alias, e->name.text)) return import->unit;
    }
    return NULL;
}

/* postfix "." NAME: an item of a tuple, or a name of an imported module */
static Val check_member(Checker *ck, Scope *scope, const Expr *e) {
    Unit *unit = alias_unit(scope, e->a);
    const Term *tuple;
    const char *names = "";
    Term *get;
    if (unit) {
        Val val = check_global(ck, unit, e->name.text, e->loc);
        if (val.kind == V_ERROR && !val.loc.file)
            check_error(ck, DIAG_E0101_NAME, e->name.loc, "`%s` has no `%s`",
                        e->a->name.text, e->name.text);
        return val;
    }
    tuple = check_term(ck, scope, e->a, ANYTHING);
    if (!tuple) return val_error();
    for (int i = 0; tuple->type->kind == TY_TUPLE && i < tuple->type->n; i++) {
        const char *name = tuple->type->names ? tuple->type->names[i] : NULL;
        if (!name) continue;
        names = arena_format(ck->arena, "%s%s%s", names, *names ? ", " : "", name);
        if (strcmp(name, e->name.text)) continue;
        if (tuple->kind == TERM_TUPLE) return val_term(tuple->arg[i], e->loc);
        tuple = bind_term(ck, "tuple", tuple, e->loc);
        get = term_new(ck->arena, TERM_GET, tuple->type->items[i], place_at(ck, e->loc),
                       1, tuple);
        get->axis = i;
        return val_term(get, e->loc);
    }
    Diag *diag = check_error(ck, DIAG_E0101_NAME, e->name.loc, "%s has no item `%s`",
                             type_text(ck->arena, tuple->type), e->name.text);
    if (*names) check_help(ck, diag, "its items are %s", names);
    return val_error();
}

/* ---- operators ---- */

static bool is_comparison(Operator op) { return op >= OPR_EQ && op <= OPR_GE; }

static Op op_of(Operator op) {
    switch (op) {
    case OPR_EQ: return OP_EQ;
    case OPR_NE: return OP_NE;
    case OPR_LT: return OP_LT;
    case OPR_LE: return OP_LE;
    case OPR_GT: return OP_GT;
    case OPR_GE: return OP_GE;
    case OPR_ADD: return OP_ADD;
    case OPR_SUB: return OP_SUB;
    case OPR_MUL: return OP_MUL;
    case OPR_DIV: return OP_DIV;
    case OPR_FLOORDIV: return OP_FLOORDIV;
    case OPR_MOD: return OP_MOD;
    default: bug("no scalar operation for operator %d", op);
    }
}

static bool binary_fails(Checker *ck, Operator op, pl_dtype a, pl_dtype b, pl_dtype *to,
                         Loc loc) {
    Diag *diag;
    if (!dtype_compute(a, b, to) || (*to == PL_BOOL && !is_comparison(op))) {
        diag = check_error(ck, DIAG_E0201_TYPE, loc, "`%s` does not work on %s and %s",
                           operator_text(op), dtype_name(a), dtype_name(b));
        check_help(ck, diag, a == PL_BOOL || b == PL_BOOL
                                 ? "make the bool a number: `int(…)`"
                                 : "convert one side: no type holds both ranges");
        return true;
    }
    if (op == OPR_DIV && !dtype_is_float(*to)) {
        check_help(ck, check_error(ck, DIAG_E0205_DIVISION, loc,
                                   "`/` needs a float on one side, these are %s and %s",
                                   dtype_name(a), dtype_name(b)),
                   "write `a // b` to floor, or `f32(a) / b`");
        return true;
    }
    return false;
}

const Term *scalar_binary(Checker *ck, Operator op, const Term *a, const Term *b,
                          Loc loc) {
    const Place *at = place_at(ck, loc);
    pl_dtype to;
    if (binary_fails(ck, op, a->type->dtype, b->type->dtype, &to, loc)) return NULL;
    return term_op(ck->arena, op_of(op), type_scalar(is_comparison(op) ? PL_BOOL : to),
                   at, term_convert(ck->arena, to, at, a),
                   term_convert(ck->arena, to, at, b), NULL);
}

typedef struct { Operator op; Loc loc; } BinaryLift;

static const Term *lift_binary(Checker *ck, int n, const Term **arg, void *data) {
    const BinaryLift *lift = data;
    (void)n;
    return scalar_binary(ck, lift->op, arg[0], arg[1], lift->loc);
}

/* The dtype a literal takes beside a value; -1: its own. */
static int literal_beside(const Lit *lit, const Term *other) {
    pl_dtype d;
    if (other->type->kind != TY_TENSOR || other->type->dtype == PL_BOOL) return -1;
    d = dtype_alone(other->type->dtype);
    return lit->is_float && !dtype_is_float(d) ? -1 : (int)d;
}

static bool meet_literals(Checker *ck, Val *a, Val *b, const Term **x, const Term **y,
                          Expect want) {
    *x = a->kind == V_LITERAL ? NULL : as_term(ck, *a, want);
    *y = b->kind == V_LITERAL ? NULL : as_term(ck, *b, want);
    if ((a->kind != V_LITERAL && !*x) || (b->kind != V_LITERAL && !*y)) return false;
    if (!*x && !*y) {
        pl_dtype d = a->lit->is_float || b->lit->is_float ? PL_F32 : PL_I64;
        if (want.dtype >= 0 && want.dtype != PL_BOOL) d = (pl_dtype)want.dtype;
        *x = literal_term(ck, a->lit, d);
        *y = literal_term(ck, b->lit, d);
    }
    if (!*x) *x = as_term(ck, *a, (Expect){.dtype = literal_beside(a->lit, *y)});
    if (!*y) *y = as_term(ck, *b, (Expect){.dtype = literal_beside(b->lit, *x)});
    return *x && *y;
}

static bool is_plain_number(Val val) {
    return val.kind == V_LITERAL && val.lit->kind != LIT_LIST;
}

static Val check_arithmetic(Checker *ck, Scope *scope, const Expr *e) {
    Val a = check_expr(ck, scope, e->a, ANYTHING),
        b = check_expr(ck, scope, e->b, ANYTHING);
    const Term *args[2];
    BinaryLift data = {e->op, e->loc};
    if (a.kind == V_ERROR || b.kind == V_ERROR) return val_error();
    if (is_plain_number(a) && is_plain_number(b) && !is_comparison(e->op))
        return literal_binary(ck, e->op, a, b, e->loc);
    if (!meet_literals(ck, &a, &b, &args[0], &args[1], ANYTHING)) return val_error();
    args[0] = settle(ck, "left", args[0], e->a->loc);
    args[1] = settle(ck, "right", args[1], e->b->loc);
    return val_term(lift(ck, 2, args, lift_binary, &data, e->loc), e->loc);
}

static const Term *want_bool(Checker *ck, const Term *term, Loc loc, const char *what) {
    if (!term) return NULL;
    if (term->type->kind == TY_TENSOR && term->type->dtype == PL_BOOL) return term;
    check_error(ck, DIAG_E0201_TYPE, loc, "%s must be a bool, this is %s", what,
                type_text(ck->arena, term->type));
    return NULL;
}

static const Term *lift_and(Checker *ck, int n, const Term **arg, void *data) {
    bool is_and = *(bool *)data;
    const Term *constant = term_bool(ck->arena, !is_and);
    (void)n;
    return term_new(ck->arena, TERM_IF, type_scalar(PL_BOOL), NULL, 3, arg[0],
                    is_and ? arg[1] : constant, is_and ? constant : arg[1]);
}

/* a and b: if a then b else false; a or b: if a then true else b */
static Val check_logic(Checker *ck, Scope *scope, const Expr *e) {
    const char *what = e->op == OPR_AND ? "a side of `and`" : "a side of `or`";
    bool is_and = e->op == OPR_AND, known;
    const Term *args[2];
    Region region;
    args[0] = want_bool(ck, check_term(ck, scope, e->a, ANYTHING), e->a->loc, what);
    if (args[0] && term_is_bool(args[0], &known) && known != is_and)
        return val_term(args[0], e->loc);
    region_open(ck, &region, REGION_BRANCH);
    args[1] = want_bool(ck, check_term(ck, scope, e->b, ANYTHING), e->b->loc, what);
    if (args[0] && args[1] && is_scalar(args[0]) && is_scalar(args[1])) {
        args[1] = region_close(ck, &region, args[1]);
        if (term_is_bool(args[0], &known)) return val_term(args[1], e->loc);
        return val_term(lift_and(ck, 2, args, &is_and), e->loc);
    }
    ck->region = region.outer;          /* a tensor: its bindings are needed outside */
    region.mark->region = NULL;
    for (int i = 0; i < region.binds.n && ck->region; i++) {
        region_own(ck, region.binds.at[i].var);
        list_push(ck->arena, &ck->region->binds, region.binds.at[i]);
    }
    if (!args[0] || !args[1]) return val_error();
    return val_term(lift(ck, 2, args, lift_and, &is_and, e->loc), e->loc);
}

static const Term *lift_unary(Checker *ck, int n, const Term **arg, void *data) {
    const Expr *e = data;
    const Place *at = place_at(ck, e->loc);
    pl_dtype to = e->op == OPR_NOT ? PL_BOOL : dtype_alone(arg[0]->type->dtype);
    (void)n;
    return term_op(ck->arena, e->op == OPR_NOT ? OP_NOT : OP_NEG, type_scalar(to), at,
                   term_convert(ck->arena, to, at, arg[0]), NULL, NULL);
}

static Val check_unary(Checker *ck, Scope *scope, const Expr *e) {
    Val a = check_expr(ck, scope, e->a, ANYTHING);
    const Term *arg;
    if (e->op == OPR_NEG && is_plain_number(a)) return literal_negate(ck, a, e->loc);
    arg = settle(ck, "value", as_term(ck, a, ANYTHING), e->loc);
    if (!arg) return val_error();
    if (e->op == OPR_NOT && !want_bool(ck, arg, e->a->loc, "what follows `not`"))
        return val_error();
    if (e->op == OPR_NEG &&
        (arg->type->kind != TY_TENSOR || arg->type->dtype == PL_BOOL)) {
        check_error(ck, DIAG_E0201_TYPE, e->loc, "`-` does not work on %s",
                    type_text(ck->arena, arg->type));
        return val_error();
    }
    return val_term(lift(ck, 1, &arg, lift_unary, (void *)e, e->loc), e->loc);
}

/* a is NAME: a test of a dtype variable, known when compiled */
static Val check_is(Checker *ck, Scope *scope, const Expr *e) {
    const Entry *entry = e->a->kind == EX_NAME ? scope_find(scope, e->a->name.text)
                                               : NULL;
    pl_dtype dtype;
    bool known, yes;
    if (entry && entry->kind == S_DTYPE) {
        dtype = entry->dtype;
    } else if (e->a->kind != EX_NAME || entry ||
               !dtype_by_name(e->a->name.text, &dtype)) {
        const Term *term = check_term(ck, scope, e->a, ANYTHING);
        if (!term) return val_error();
        dtype = term->type->dtype;
    }
    yes = class_has(e->name.text, dtype, &known);
    if (!known) {
        check_help(ck, check_error(ck, DIAG_E0101_NAME, e->name.loc,
                                   "`%s` is neither a dtype nor a class of them",
                                   e->name.text),
                   "classes are integer, signed, unsigned, float, number");
        return val_error();
    }
    return val_term(term_bool(ck->arena, yes), e->loc);
}

/* ---- if ---- */

typedef struct Branch { Region region; Val val; const Term *term; Loc loc; } Branch;

static void branch_check(Checker *ck, Branch *branch, Scope *scope, const Expr *e,
                         Expect want) {
    region_open(ck, &branch->region, REGION_BRANCH);
    branch->loc = e->loc;
    branch->val = check_expr(ck, scope, e, want);
    ck->region = branch->region.outer;
}

static void branch_enter(Checker *ck, Branch *branch) { ck->region = &branch->region; }

static void branch_leave(Checker *ck, Branch *branch) {
    ck->region = branch->region.outer;
}

static const Type *meet_types(Checker *ck, const Type *a, const Type *b) {
    Type *type = arena_new_of(ck->arena, Type);
    const Dim **dims;
    *type = *a;
    if (a->kind != b->kind || a->n != b->n || a->rank != b->rank) return NULL;
    if (a->kind == TY_OPAQUE) return strcmp(a->opaque, b->opaque) ? NULL : a;
    if (a->kind == TY_TUPLE) {
        const Type **items = arena_array(ck->arena, const Type *, a->n);
        for (int i = 0; i < a->n; i++)
            if (!(items[i] = meet_types(ck, a->items[i], b->items[i]))) return NULL;
        type->items = items;
        return type;
    }
    if (!dtype_meet(a->dtype, b->dtype, &type->dtype)) return NULL;
    if (a->text != b->text) type->text = a->text && b->text ? TEXT_STRING : TEXT_NONE;
    dims = arena_array(ck->arena, const Dim *, a->rank + 1);
    for (int k = 0; k < a->rank; k++)
        dims[k] = dims_compare(a->dims[k], b->dims[k]) == 1 ? a->dims[k] : NULL;
    type->dims = dims;
    return type;
}

/* Dims are compared after; here only dtypes change. */
static const Type *without_dims(Checker *ck, const Type *type) {
    Type *copy = arena_new_of(ck->arena, Type);
    *copy = *type;
    copy->dims = arena_array(ck->arena, const Dim *, type->rank + 1);
    if (type->kind == TY_TUPLE) {
        const Type **items = arena_array(ck->arena, const Type *, type->n);
        for (int i = 0; i < type->n; i++) items[i] = without_dims(ck, type->items[i]);
        copy->items = items;
    }
    copy->text = TEXT_NONE;
    return copy;
}

/* Who takes its type from whom: terms first, `fail` last. */
static int decided(Val val) {
    return val.kind == V_FAIL ? 2 : val.kind == V_LITERAL;
}

static bool branch_terms(Checker *ck, Branch *a, Branch *b, Expect want) {
    bool swap = decided(a->val) > decided(b->val);
    Branch *first = swap ? b : a, *second = swap ? a : b;
    Expect beside = want;
    if (a->val.kind == V_ERROR || b->val.kind == V_ERROR) return false;
    if (a->val.kind == V_LITERAL && b->val.kind == V_LITERAL && want.dtype < 0)
        beside.dtype = a->val.lit->is_float || b->val.lit->is_float ? PL_F32 : PL_I64;
    branch_enter(ck, first);
    first->term = as_term(ck, first->val, beside);
    branch_leave(ck, first);
    if (!first->term) return false;
    beside = (Expect){first->term->type->kind == TY_TENSOR ? (int)first->term->type->dtype
                                                           : -1,
                      second->val.kind == V_FAIL ? first->term->type : NULL, false};
    branch_enter(ck, second);
    second->term = as_term(ck, second->val, beside);
    branch_leave(ck, second);
    return second->term != NULL;
}

static const Term *branch_close(Checker *ck, Branch *branch, const Type *want) {
    const Term *term;
    branch_enter(ck, branch);
    term = coerce(ck, branch->term, without_dims(ck, want), branch->loc, "this branch");
    term = region_close(ck, &branch->region, term);
    return term;
}

static Val make_if(Checker *ck, const Term *condition, Branch *a, Branch *b, Loc loc) {
    const Type *type = meet_types(ck, a->term->type, b->term->type);
    const Term *yes, *no, *term;
    Type *outside;
    if (!type) {
        check_error(
            ck, DIAG_E0201_TYPE, b->loc, "the branches of this `if` differ: %s and %s",
            type_text(ck->arena, a->term->type), type_text(ck->arena, b->term->type));
        region_close(ck, &a->region, NULL);
        branch_enter(ck, b);
        region_close(ck, &b->region, NULL);
        return val_error();
    }
    yes = branch_close(ck, a, type);
    no = branch_close(ck, b, type);
    if (!yes || !no) return val_error();
    outside = (Type *)type_outside(ck, type);
    term = term_new(ck->arena, TERM_IF, outside, place_at(ck, loc), 3, condition, yes,
                    no);
    return val_term(settle(ck, "if", term, loc), loc);
}

static Val check_if(Checker *ck, Scope *scope, const Expr *e, Expect want) {
    const Term *condition = check_term(ck, scope, e->a, ANYTHING);
    Branch a, b;
    bool known;
    condition = want_bool(ck, condition, e->a->loc, "a condition");
    if (condition && !is_scalar(condition)) {
        check_error(ck, DIAG_E0201_TYPE, e->a->loc,
                    "a condition must be one bool, this is %s",
                    type_text(ck->arena, condition->type));
        condition = NULL;
    }
    if (condition && term_is_bool(condition, &known))
        return check_expr(ck, scope, known ? e->b : e->c, want);
    branch_check(ck, &a, scope, e->b, want);
    branch_check(ck, &b, scope, e->c, want);
    if (condition && a.val.kind == V_FAIL && b.val.kind == V_FAIL && !want.type &&
        want.dtype < 0)
        return a.val;
    if (!condition || !branch_terms(ck, &a, &b, want)) {
        a.region.mark->region = b.region.mark->region = NULL;
        return val_error();
    }
    return make_if(ck, condition, &a, &b, e->loc);
}

static Val switch_from(Checker *ck, Scope *scope, const Expr *list, int i, const Term *k,
                       Expect want) {
    Branch a, b;
    const Term *chosen;
    bool known;
    if (i == list->items.n - 1) return check_expr(ck, scope, list->items.at[i], want);
    chosen = term_op(ck->arena, OP_EQ, type_scalar(PL_BOOL), NULL, k,
                     term_int(ck->arena, PL_I64, i), NULL);
    if (term_is_bool(chosen, &known))
        return known ? check_expr(ck, scope, list->items.at[i], want)
                     : switch_from(ck, scope, list, i + 1, k, want);
    branch_check(ck, &a, scope, list->items.at[i], want);
    region_open(ck, &b.region, REGION_BRANCH);
    b.loc = list->items.at[i + 1]->loc;
    b.val = switch_from(ck, scope, list, i + 1, k, want);
    ck->region = b.region.outer;
    if (!branch_terms(ck, &a, &b, want)) {
        a.region.mark->region = b.region.mark->region = NULL;
        return val_error();
    }
    return make_if(ck, chosen, &a, &b, a.loc);
}

Val check_switch(Checker *ck, Scope *scope, const Expr *list, const Term *k,
                 Expect want) {
    return switch_from(ck, scope, list, 0, k, want);
}

/* ---- tuples, lists, blocks ---- */

const Term *make_tuple(Checker *ck, int n, const Term **items, Loc loc) {
    Term *term = term_new(ck->arena, TERM_TUPLE, NULL, place_at(ck, loc), 0);
    Type *type = arena_new_of(ck->arena, Type);
    const Type **types = arena_array(ck->arena, const Type *, n);
    for (int i = 0; i < n; i++) types[i] = items[i]->type;
    *type = (Type){.kind = TY_TUPLE, .n = n, .items = types};
    term->type = type;
    term->nargs = n;
    term->arg = items;
    return term;
}

static Val check_tuple(Checker *ck, Scope *scope, const Expr *e, Expect want) {
    int n = e->items.n;
    const Term **items = arena_array(ck->arena, const Term *, n);
    for (int i = 0; i < n; i++) {
        Expect item = {.dtype = -1, .result = want.result};
        if (want.type && want.type->kind == TY_TUPLE && i < want.type->n) {
            item.type = want.type->items[i];
            if (item.type->kind == TY_TENSOR) item.dtype = (int)item.type->dtype;
        }
        items[i] = check_term(ck, scope, e->items.at[i], item);
        if (!items[i]) return val_error();
    }
    return val_term(make_tuple(ck, n, items, e->loc), e->loc);
}

static bool list_terms(Checker *ck, int n, const Val *vals, const Term **items,
                       Expect want) {
    int dtype = -1;
    for (int i = 0; i < n; i++) {
        pl_dtype met;
        if (vals[i].kind == V_LITERAL || vals[i].kind == V_FAIL) continue;
        if (!(items[i] = as_term(ck, vals[i], ANYTHING))) return false;
        items[i] = settle(ck, "item", items[i], vals[i].loc);
        if (items[i]->type->kind != TY_TENSOR) {
            check_error(ck, DIAG_E0201_TYPE, vals[i].loc,
                        "a list holds numbers or tensors, not %s",
                        type_text(ck->arena, items[i]->type));
            return false;
        }
        if (dtype < 0) dtype = (int)items[i]->type->dtype;
        if (!dtype_meet((pl_dtype)dtype, items[i]->type->dtype, &met)) {
            check_error(ck, DIAG_E0201_TYPE, vals[i].loc, "%s beside %s in one list",
                        dtype_name(items[i]->type->dtype), dtype_name((pl_dtype)dtype));
            return false;
        }
        dtype = (int)met;
    }
    if (dtype < 0) dtype = want.dtype >= 0 ? want.dtype : PL_I64;
    for (int i = 0; i < n; i++) {
        if (!items[i]) items[i] = as_term(ck, vals[i], (Expect){.dtype = dtype});
        if (items[i])
            items[i] = convert_elements(ck, items[i], (pl_dtype)dtype, vals[i].loc);
        if (!items[i]) return false;
    }
    return true;
}

static const Term *list_check(Checker *ck, const Term *array, int n, const Val *vals) {
    const Term *result = array;
    const Term **items = ((Term *)array)->arg;
    for (int i = 1; i < n; i++) {
        if (items[i]->type->rank != items[0]->type->rank) {
            check_error(ck, DIAG_E0202_SHAPE, vals[i].loc,
                        "the items of a list differ: %s and %s",
                        type_text(ck->arena, items[0]->type),
                        type_text(ck->arena, items[i]->type));
            return NULL;
        }
        for (int k = 0; k < items[0]->type->rank; k++) {
            result = check_equal_dims(ck, result, items[0]->type->dims[k],
                                      items[i]->type->dims[k], vals[i].loc,
                                      "the rows of a list must have one length");
            if (!result) return NULL;
        }
    }
    return result;
}

static Val check_list(Checker *ck, Scope *scope, const Expr *e, Expect want) {
    int n = e->items.n, literals = 0;
    Val *vals = arena_array(ck->arena, Val, n);
    const Term **items = arena_array(ck->arena, const Term *, n);
    Term *array;
    for (int i = 0; i < n; i++) {
        vals[i] = check_expr(ck, scope, e->items.at[i], (Expect){.dtype = want.dtype});
        if (vals[i].kind == V_ERROR) return val_error();
        literals += vals[i].kind == V_LITERAL;
    }
    if (literals == n) return literal_list(ck, n, vals, e->loc);
    if (!list_terms(ck, n, vals, items, want)) return val_error();
    array = term_new(ck->arena, TERM_ARRAY,
                     type_array(ck, dim_number(ck->dims, n), items[0]->type),
                     place_at(ck, e->loc), 0);
    array->nargs = n;
    array->arg = items;
    return val_term(list_check(ck, array, n, vals), e->loc);
}

static void bind_name(Checker *ck, Scope *scope, Name name, const Term *term) {
    Entry *entry;
    if (term) term = bind_term(ck, name.text, term, name.loc);
    entry = scope_add(ck, scope, name, S_VALUE);
    entry->val = val_term(term, name.loc);
}

bool bind_names(Checker *ck, Scope *scope, const NameList *names, Val val, Loc loc) {
    const Term *term = val.kind == V_ERROR ? NULL : as_term(ck, val, ANYTHING);
    if (names->n > 1 && term &&
        (term->type->kind != TY_TUPLE || term->type->n != names->n)) {
        check_error(ck, DIAG_E0201_TYPE, loc, "%d names for %s", names->n,
                    type_text(ck->arena, term->type));
        term = NULL;
    }
    if (names->n == 1) {
        bind_name(ck, scope, names->at[0], term);
        return term != NULL;
    }
    if (term && term->kind != TERM_TUPLE) term = bind_term(ck, "tuple", term, loc);
    for (int i = 0; i < names->n; i++) {
        const Term *item = NULL;
        if (term && term->kind == TERM_TUPLE) {
            item = term->arg[i];
        } else if (term) {
            Term *get = term_new(ck->arena, TERM_GET, term->type->items[i], term->at, 1,
                                 term);
            get->axis = i;
            item = get;
        }
        bind_name(ck, scope, names->at[i], item);
    }
    return term != NULL;
}

/* block = "{" { names "=" expr } expr "}" */
Val check_block(Checker *ck, Scope *outer, const Expr *e, Expect want) {
    Scope *scope = scope_new(ck, outer, outer->unit);
    for (int i = 0; i < e->bindings.n; i++) {
        const Binding *binding = &e->bindings.at[i];
        Val val = check_expr(ck, scope, binding->value, ANYTHING);
        bind_names(ck, scope, &binding->names, val, binding->loc);
    }
    return e->a ? check_expr(ck, scope, e->a, want) : val_error();
}

static Val check_string(Checker *ck, const Expr *e) {
    Term *term;
    Type *type = arena_new_of(ck->arena, Type);
    const Dim **dims = arena_new_of(ck->arena, const Dim *);
    dims[0] = dim_number(ck->dims, (int64_t)e->length);
    *type = (Type){.dtype = PL_U8, .rank = 1, .dims = dims, .text = TEXT_STRING};
    term = term_new(ck->arena, TERM_DATA, type, place_at(ck, e->loc), 0);
    term->data = e->text;
    return val_term(term, e->loc);
}

static Val check_kind(Checker *ck, Scope *scope, const Expr *e, Expect want) {
    switch (e->kind) {
    case EX_NAME: return check_name(ck, scope, e);
    case EX_INT: case EX_FLOAT: return literal_number(ck, e);
    case EX_STRING: return check_string(ck, e);
    case EX_BOOL: return val_term(term_bool(ck->arena, e->integer), e->loc);
    case EX_TUPLE: return check_tuple(ck, scope, e, want);
    case EX_LIST: return check_list(ck, scope, e, want);
    case EX_UNARY: return check_unary(ck, scope, e);
    case EX_BINARY:
        return e->op == OPR_AND || e->op == OPR_OR ? check_logic(ck, scope, e)
                                                   : check_arithmetic(ck, scope, e);
    case EX_IS: return check_is(ck, scope, e);
    case EX_CALL: return check_call(ck, scope, e, want);
    case EX_INDEX: return check_index(ck, scope, e, want);
    case EX_MEMBER: return check_member(ck, scope, e);
    case EX_IF: return check_if(ck, scope, e, want);
    case EX_FOR: return check_for(ck, scope, e, want);
    case EX_FOLD: case EX_SCAN: return check_fold(ck, scope, e, want);
    case EX_BLOCK: return check_block(ck, scope, e, want);
    case EX_LAMBDA: {
        Closure *closure = arena_new_of(ck->arena, Closure);
        *closure = (Closure){.lambda = e, .scope = scope, .body = ck->body};
        return (Val){.kind = V_FUNCTION, .loc = e->loc, .closure = closure};
    }
    case EX_ERROR: break;
    }
    return val_error();
}

/* All that walks the graph later goes as deep. */
Val check_expr(Checker *ck, Scope *scope, const Expr *e, Expect want) {
    enum { DEEPEST = 4000 };
    Val val = val_error();
    if (ck->depth >= DEEPEST) {
        Diag *diag = check_error(ck, DIAG_E0106_SIZE, e->loc, "nested too deep, with all "
                                 "the calls that it stands in");
        check_help(ck, diag, "give a part of it a name of its own");
        return val;
    }
    ck->depth++;
    val = check_kind(ck, scope, e, want);
    ck->depth--;
    return val;
}
