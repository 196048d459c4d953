/* Calls: matching arguments, unifying signatures, inlining bodies. */
#include <string.h>
#include "check.h"

/* A parameter of any callee. */
typedef struct Formal { Name name; const TypeExpr *type; const Expr *value; } Formal;
typedef struct Formals { int n; Formal at[32]; } Formals;

/* ---- matching ---- */

static void names_of_builtin(Checker *ck, const char *params, Formals *formals) {
    while (*params) {
        size_t length = strcspn(params, ", ");
        Formal formal = {.name.text = arena_strndup(ck->arena, params, length)};
        formals->at[formals->n++] = formal;
        params += length;
        params += strspn(params, ", ");
    }
}

static bool formals_of(Checker *ck, const Closure *closure, Formals *formals) {
    formals->n = 0;
    if (closure->builtin) {
        const Builtin *builtin = builtin_find(closure->builtin);
        names_of_builtin(ck, builtin ? builtin_params(builtin) : "x", formals);
        return true;
    }
    if (closure->lambda) {
        for (int i = 0; i < closure->lambda->names.n && i < 32; i++)
            formals->at[formals->n++] = (Formal){.name = closure->lambda->names.at[i]};
        return true;
    }
    for (int i = 0; i < closure->decl->params.n && i < 32; i++) {
        const Param *param = &closure->decl->params.at[i];
        formals->at[formals->n++] = (Formal){param->name, param->type, param->value};
    }
    return true;
}

static const char *name_of_closure(const Closure *closure) {
    return closure->builtin ? closure->builtin : closure->decl ? closure->decl->name.text
                                                               : "this function";
}

static int formal_by_name(const Formals *formals, const char *name) {
    for (int i = 0; i < formals->n; i++)
        if (!strcmp(formals->at[i].name.text, name)) return i;
    return -1;
}

static int named_argument(Checker *ck, const Closure *closure, const Formals *formals,
                          const Arg *arg) {
    const char *names[33], *near;
    Diag *diag;
    int i = formal_by_name(formals, arg->name.text);
    if (i >= 0) return i;
    for (int k = 0; k < formals->n; k++) names[k] = formals->at[k].name.text;
    diag = check_error(ck, DIAG_E0203_CALL, arg->name.loc, "`%s` has no parameter `%s`",
                       name_of_closure(closure), arg->name.text);
    near = nearest_name(arg->name.text, names, formals->n);
    if (near) check_help(ck, diag, "did you mean `%s`?", near);
    return -1;
}

/* The expression for each parameter, in `given`; extra positional ones (of
 * functions with any number) follow. */
static bool match(Checker *ck, const Closure *closure, const Formals *formals,
                  const Expr *call, const Expr **given, int *n) {
    bool many = closure->builtin && formals->n &&
                !strcmp(formals->at[formals->n - 1].name.text, "...");
    int fixed = formals->n - many;
    *n = fixed;
    for (int i = 0; i < call->args.n; i++) {
        const Arg *arg = &call->args.at[i];
        int at = arg->name.text ? named_argument(ck, closure, formals, arg) : i;
        if (at < 0) return false;
        if (at >= fixed && (!many || at >= 32)) {
            Diag *diag = check_error(ck, DIAG_E0203_CALL, arg->value->loc,
                                     "too many arguments: `%s` takes %d",
                                     name_of_closure(closure), fixed);
            if (closure->decl) check_note(ck, diag, closure->decl->loc, "declared here");
            return false;
        }
        if (given[at]) {
            check_error(ck, DIAG_E0203_CALL, arg->value->loc,
                        "the argument `%s` of `%s` is given twice",
                        formals->at[at].name.text, name_of_closure(closure));
            return false;
        }
        given[at] = arg->value;
        if (at >= *n) *n = at + 1;
    }
    return true;
}

static bool missing(Checker *ck, const Closure *closure, const Formal *formal, Loc loc) {
    Diag *diag = check_error(ck, DIAG_E0203_CALL, loc, "`%s` needs the argument `%s`",
                             name_of_closure(closure), formal->name.text);
    if (closure->decl) check_note(ck, diag, closure->decl->loc, "declared here");
    return false;
}

/* ---- values of arguments ---- */

static Val dtype_value(Checker *ck, Scope *scope, const Expr *e) {
    const Entry *entry = e->kind == EX_NAME ? scope_find(scope, e->name.text) : NULL;
    Closure *closure;
    if (!entry || entry->kind != S_DTYPE) return val_error();
    closure = arena_new_of(ck->arena, Closure);
    closure->builtin = dtype_name(entry->dtype);
    return (Val){.kind = V_FUNCTION, .loc = e->loc, .closure = closure};
}

static Expect hint(Checker *ck, const Formal *formal) {
    Expect want = ANYTHING;
    pl_dtype dtype;
    bool silent = ck->silent, failed = ck->failed;
    if (!formal->type) return want;
    if (formal->type->kind == TE_NAME && dtype_by_name(formal->type->name.text, &dtype))
        want.dtype = (int)dtype;
    if (formal->type->kind == TE_TUPLE) {
        ck->silent = true;
        want.type = resolve_type(ck, scope_new(ck, NULL, ck->main), formal->type);
        ck->silent = silent;
        ck->failed = failed;
    }
    return want;
}

static Val argument(Checker *ck, Scope *scope, const Expr *e, const Formal *formal) {
    Val val = dtype_value(ck, scope, e);
    if (val.kind == V_FUNCTION) return val;
    val = check_expr(ck, scope, e, hint(ck, formal));
    if (val.kind == V_TERM) val.term = settle(ck, formal->name.text, val.term, e->loc);
    val.loc = e->loc;
    return val;
}

/* ---- signatures ---- */

static const char *argument_text(Checker *ck, const char *callee, const char *name) {
    return arena_format(ck->arena, "the argument `%s` of `%s`", name, callee);
}

static bool is_scalar_type(Scope *scope, const TypeExpr *te) {
    pl_dtype dtype;
    Unit *owner;
    (void)scope;
    (void)owner;
    return te->kind == TE_NAME && !te->has_dims &&
           (dtype_by_name(te->name.text, &dtype) || is_dtype_variable(te->name.text));
}

static bool is_scalar_function(const Decl *decl) {
    if (!is_scalar_type(NULL, decl->type)) return false;
    for (int i = 0; i < decl->params.n; i++)
        if (!is_scalar_type(NULL, decl->params.at[i].type)) return false;
    return decl->params.n > 0;
}

static bool any_shaped(const Actuals *actuals) {
    for (int i = 0; i < actuals->n; i++)
        if (actuals->val[i].kind == V_TERM &&
            actuals->val[i].term->type->kind == TY_TENSOR &&
            actuals->val[i].term->type->rank)
            return true;
    return false;
}

/* The dtype that a literal takes for a parameter. */
static pl_dtype literal_for(Checker *ck, Scope *scope, const TypeExpr *te,
                            const Lit *lit) {
    pl_dtype dtype;
    const Entry *entry;
    (void)ck;
    if (te->kind != TE_NAME) return literal_dtype(lit);
    if (dtype_by_name(te->name.text, &dtype)) return dtype;
    entry = scope_find(scope, te->name.text);
    if (entry && entry->kind == S_DTYPE &&
        (!lit->is_float || dtype_is_float(entry->dtype)))
        return entry->dtype;
    return literal_dtype(lit);
}

static bool unify_actual(Checker *ck, Scope *scope, const Formal *formal, Val *val,
                         const char *callee) {
    const char *what = argument_text(ck, callee, formal->name.text);
    if (val->kind == V_LITERAL)
        *val = val_term(literal_term(ck, val->lit,
                                     literal_for(ck, scope, formal->type, val->lit)),
                        val->loc);
    if (val->kind == V_FAIL) {
        const Type *type = resolve_type(ck, scope, formal->type);
        *val = type ? val_term(as_term(ck, *val, (Expect){-1, type, false}), val->loc)
                    : val_error();
    }
    if (val->kind == V_FUNCTION) {
        check_error(ck, DIAG_E0201_TYPE, val->loc, "%s is a value, not a function", what);
        return false;
    }
    return val->kind == V_TERM &&
           unify(ck, scope, formal->type, val->term->type, val->loc, what);
}

static Val default_value(Checker *ck, Scope *scope, const Formal *formal,
                         const char *callee) {
    const Body *saved = ck->body;
    Body body = {.root = formal->value, .callee = callee, .no_draw = "a default value",
                 .caller = saved ? saved->caller : NULL, .outer = saved};
    Val val;
    ck->body = &body;
    val = argument(ck, scope, formal->value, formal);
    ck->body = saved;
    return val;
}

/* Terms first, then literals (they take the dtypes found), then defaults. */
static bool unify_all(Checker *ck, Scope *scope, const Closure *closure,
                      const Formals *formals, Actuals *actuals, bool *given) {
    const char *callee = name_of_closure(closure);
    for (int pass = 0; pass < 3; pass++)
        for (int i = 0; i < formals->n; i++) {
            const Formal *formal = &formals->at[i];
            Val *val = &actuals->val[i];
            int turn = !given[i] ? 2 : val->kind == V_LITERAL || val->kind == V_FAIL;
            if (turn != pass || formal->type->kind == TE_FN) continue;
            if (pass == 2) {
                if (!formal->value) return missing(ck, closure, formal, actuals->loc);
                *val = default_value(ck, scope, formal, callee);
            }
            if (val->kind == V_ERROR || !unify_actual(ck, scope, formal, val, callee))
                return false;
        }
    return true;
}

static bool bind_formal(Checker *ck, Scope *scope, const Formal *formal, Val *val,
                        const char *callee) {
    const Type *type = resolve_type(ck, scope, formal->type);
    const Term *term;
    Entry *entry;
    if (!type) return false;
    term = coerce(ck, val->term, type, val->loc,
                  argument_text(ck, callee, formal->name.text));
    if (!term) return false;
    if (type->names && term->type->kind == TY_TUPLE && !term->type->names) {
        Type *named = arena_new_of(ck->arena, Type);
        *named = *term->type;
        named->names = type->names;
        if (term->kind == TERM_TUPLE) ((Term *)term)->type = named;
    }
    term = bind_term(ck, formal->name.text, term, val->loc);
    entry = scope_add(ck, scope, formal->name, S_VALUE);
    entry->val = val_term(term, val->loc);
    return true;
}

static bool check_classes(Checker *ck, Scope *scope, const Decl *decl, Loc loc) {
    for (int i = 0; i < decl->wheres.n; i++) {
        const Where *where = &decl->wheres.at[i];
        const Entry *entry = scope_find(scope, where->variable.text);
        bool known;
        if (!entry || entry->kind != S_DTYPE) continue;
        if (class_has(where->class_name.text, entry->dtype, &known) || !known) continue;
        Diag *diag = check_error(
            ck, DIAG_E0201_TYPE, loc, "`%s` wants %s to be %s, it is %s", decl->name.text,
            where->variable.text, where->class_name.text, dtype_name(entry->dtype));
        check_note(ck, diag, where->class_name.loc, "declared here");
        return false;
    }
    return true;
}

/* ---- function-typed parameters ---- */

static const Term *stand_in(Checker *ck, const Type *type, Loc loc) {
    Var *var = var_new(ck, VAR_LET, "x", type, loc);
    Term *ref = (Term *)term_ref(ck->arena, var);
    region_own(ck, var);
    return ref;
}

static bool resolves(Checker *ck, Scope *scope, const TypeExpr *te) {
    bool silent = ck->silent, failed = ck->failed, good;
    ck->silent = true;
    good = resolve_type(ck, scope, te) != NULL;
    ck->silent = silent;
    ck->failed = failed;
    return good;
}

/* What a function gives is learnt by calling it on stand-ins, silently. */
static bool infer_result(Checker *ck, Scope *scope, const Formal *formal,
                         const Val *val) {
    const TypeExpr *te = formal->type;
    Actuals actuals = {.n = te->items.n, .loc = val->loc, .path = "?"};
    Region region;
    Val result;
    const Term *term;
    bool silent = ck->silent, failed = ck->failed;
    int nests = ck->nest.n;
    if (resolves(ck, scope, te->result)) return true;
    actuals.val = arena_array(ck->arena, Val, actuals.n);
    region_open(ck, &region, REGION_BRANCH);
    for (int i = 0; i < actuals.n; i++) {
        const Type *type = resolve_type(ck, scope, te->items.at[i]);
        if (!type) {
            region_close(ck, &region, NULL);
            return false;
        }
        actuals.val[i] = val_term(stand_in(ck, type, val->loc), val->loc);
    }
    ck->silent = true;
    result = apply_closure(ck, val->closure, &actuals, ANYTHING);
    term = result.kind == V_ERROR ? NULL : as_term(ck, result, ANYTHING);
    ck->silent = silent;
    ck->failed = failed;
    region_close(ck, &region, NULL);
    ck->nest.n = nests;
    if (!term) return true;             /* the real call will tell */
    return unify(ck, scope, te->result, type_outside(ck, term->type), val->loc,
                 argument_text(ck, "a function", formal->name.text));
}

static bool bind_functions(Checker *ck, Scope *scope, const Closure *closure,
                           const Formals *formals, Actuals *actuals, const bool *given) {
    for (int i = 0; i < formals->n; i++) {
        const Formal *formal = &formals->at[i];
        Val *val = &actuals->val[i];
        Entry *entry;
        if (formal->type->kind != TE_FN) continue;
        if (!given[i]) {
            if (!formal->value) return missing(ck, closure, formal, actuals->loc);
            *val = default_value(ck, scope, formal, name_of_closure(closure));
        }
        if (val->kind == V_ERROR) return false;
        if (val->kind != V_FUNCTION) {
            check_error(ck, DIAG_E0201_TYPE, val->loc, "%s must be a function",
                        argument_text(ck, name_of_closure(closure), formal->name.text));
            return false;
        }
        if (!infer_result(ck, scope, formal, val)) return false;
        entry = scope_add(ck, scope, formal->name, S_VALUE);
        entry->val = *val;
    }
    return true;
}

/* ---- applying ---- */

/* Functions that call each other twice grow without bound. Told once. */
static bool may_inline(Checker *ck, Loc loc) {
    enum { MOST = 50000 };
    Diag *diag;
    if (ck->calls < MOST) return ck->calls++, true;
    if (ck->calls > MOST) return ck->failed = true, false;
    diag = check_error(ck, DIAG_E0106_SIZE, loc, "more than %d calls, with those inside "
                       "of the functions", MOST);
    check_help(ck, diag, "a function is compiled once for each call of it");
    if (diag) ck->calls++;
    return false;
}

static const Term *result_of(Checker *ck, Scope *scope, const Decl *decl, Loc loc,
                             Expect want) {
    const Type *type = resolve_type(ck, scope, decl->type);
    Expect inside;
    Val val;
    const Term *term;
    (void)want;
    if (!type) return NULL;
    inside = (Expect){type->kind == TY_TENSOR ? (int)type->dtype : -1, type, true};
    val = check_expr(ck, scope, decl->body, inside);
    if (val.kind == V_ERROR) return NULL;
    term = settle(ck, decl->name.text, as_term(ck, val, inside), decl->body->loc);
    (void)loc;
    if (!term) return NULL;
    term = coerce(ck, term, type, decl->body->loc,
                  arena_format(ck->arena, "the result of `%s`", decl->name.text));
    if (term && type->names && term->kind == TERM_TUPLE) {
        Type *named = arena_new_of(ck->arena, Type);
        *named = *term->type;
        named->names = type->names;
        ((Term *)term)->type = named;
    }
    return term;
}

typedef struct { Checker *ck; const Closure *closure; Actuals *actuals; bool *given;
                 Expect want; } LiftCall;

static Val apply_decl(Checker *ck, const Closure *closure, Actuals *actuals, bool *given,
                      Expect want);

static const Term *lift_call(Checker *ck, int n, const Term **args, void *data) {
    LiftCall *call = data;
    Actuals scalars = *call->actuals;
    int at = 0;
    Val val;
    (void)n;
    scalars.val = arena_array(ck->arena, Val, scalars.n);
    for (int i = 0; i < scalars.n; i++) {
        scalars.val[i] = call->actuals->val[i];
        if (scalars.val[i].kind == V_TERM)
            scalars.val[i] = val_term(args[at++], call->actuals->val[i].loc);
    }
    val = apply_decl(ck, call->closure, &scalars, call->given, call->want);
    return val.kind == V_ERROR ? NULL : as_term(ck, val, ANYTHING);
}

static Val apply_lifted(Checker *ck, const Closure *closure, Actuals *actuals,
                        bool *given, Expect want) {
    const Term *args[32];
    int n = 0;
    LiftCall call = {ck, closure, actuals, given, want};
    for (int i = 0; i < actuals->n && n < 8; i++)
        if (actuals->val[i].kind == V_TERM) args[n++] = actuals->val[i].term;
    return val_term(lift(ck, n, args, lift_call, &call, actuals->loc), actuals->loc);
}

static Val finish_kernel(Checker *ck, Scope *scope, const Closure *closure,
                         const Formals *formals, const Actuals *actuals) {
    const Term **args = arena_array(ck->arena, const Term *, formals->n + 1);
    const Kernel *kernel = kernel_of(ck, closure->decl, closure->unit);
    if (!kernel) return val_error();
    for (int i = 0; i < formals->n; i++)
        args[i] = scope_find(scope, formals->at[i].name.text)->val.term;
    return call_kernel(ck, kernel, scope, args, actuals->loc);
}

static Val apply_decl(Checker *ck, const Closure *closure, Actuals *actuals, bool *given,
                      Expect want) {
    const Decl *decl = closure->decl;
    const Body *saved = ck->body;
    Scope *scope = scope_new(ck, NULL, closure->unit);
    Formals formals;
    Body body;
    Val result = val_error();
    bool good;
    if (is_scalar_function(decl) && any_shaped(actuals))
        return apply_lifted(ck, closure, actuals, given, want);
    formals_of(ck, closure, &formals);
    good = unify_all(ck, scope, closure, &formals, actuals, given) &&
           bind_functions(ck, scope, closure, &formals, actuals, given) &&
           check_classes(ck, scope, decl, actuals->loc);
    for (int i = 0; good && i < formals.n; i++)
        if (formals.at[i].type->kind != TE_FN)
            good = bind_formal(ck, scope, &formals.at[i], &actuals->val[i],
                               decl->name.text);
    if (!good) return result;
    if (decl->kind == DE_KERNEL)
        return finish_kernel(ck, scope, closure, &formals, actuals);
    body = (Body){.root = decl->body, .callee = decl->name.text,
                  .caller = place_at(ck, actuals->loc), .path = actuals->path,
                  .no_draw = saved ? saved->no_draw : NULL, .outer = saved};
    ck->body = &body;
    result = val_term(result_of(ck, scope, decl, actuals->loc, want), actuals->loc);
    ck->body = saved;
    return result;
}

static Val apply_lambda(Checker *ck, const Closure *closure, Actuals *actuals,
                        Expect want) {
    const Expr *lambda = closure->lambda;
    const Body *saved = ck->body, *home = closure->body;
    Scope *scope = scope_new(ck, closure->scope, closure->scope->unit);
    Body body = {.root = lambda->a, .callee = home ? home->callee : NULL,
                 .caller = home ? home->caller : NULL, .path = actuals->path,
                 .no_draw = saved ? saved->no_draw : NULL, .outer = saved};
    Val val;
    if (actuals->n != lambda->names.n) {
        check_error(ck, DIAG_E0203_CALL, lambda->loc,
                    "this function takes %d, it is given %d", lambda->names.n,
                    actuals->n);
        return val_error();
    }
    for (int i = 0; i < actuals->n; i++) {
        Entry *entry;
        const Term *term = actuals->val[i].kind == V_FUNCTION ? NULL
                               : as_term(ck, actuals->val[i], ANYTHING);
        Val bound = actuals->val[i];
        if (!term && bound.kind != V_FUNCTION) return val_error();
        if (term) bound = val_term(bind_term(ck, lambda->names.at[i].text, term,
                                             lambda->names.at[i].loc), lambda->loc);
        entry = scope_add(ck, scope, lambda->names.at[i], S_VALUE);
        entry->val = bound;
    }
    ck->body = &body;
    val = check_expr(ck, scope, lambda->a, want);
    if (val.kind == V_TERM) val.term = settle(ck, "result", val.term, lambda->loc);
    ck->body = saved;
    return val;
}

Val apply_closure(Checker *ck, const Closure *closure, Actuals *actuals, Expect want) {
    bool given[32];
    if (closure->builtin) return call_builtin(ck, closure->builtin, actuals, want);
    if (closure->lambda) return apply_lambda(ck, closure, actuals, want);
    if (!may_inline(ck, actuals->loc)) return val_error();
    if (actuals->n < closure->decl->params.n) {
        Val *all = arena_array(ck->arena, Val, closure->decl->params.n);
        memcpy(all, actuals->val, sizeof *all * (size_t)actuals->n);
        actuals->val = all;
    }
    for (int i = 0; i < 32; i++)
        given[i] = i < actuals->n && (actuals->val[i].kind != V_ERROR);
    actuals->n = closure->decl->params.n;
    return apply_decl(ck, closure, actuals, given, want);
}

const Term *apply_core(Checker *ck, const char *name, const Term *arg, Loc loc) {
    Unit *owner;
    const Decl *decl = unit_find(ck->core, name, DE_FN, DE_FN, &owner);
    Closure closure = {.decl = decl, .unit = owner};
    Val val = val_term(arg, loc);
    Actuals actuals = {1, &val, loc, NULL};
    if (!decl) bug("the library has no `%s`", name);
    val = apply_closure(ck, &closure, &actuals, ANYTHING);
    return val.kind == V_TERM ? val.term : NULL;
}

/* ---- entry ---- */

static const Closure *callee_of(Checker *ck, Scope *scope, const Expr *call) {
    Val val = dtype_value(ck, scope, call->a);
    if (val.kind == V_FUNCTION) return val.closure;
    if (call->a->kind != EX_NAME && call->a->kind != EX_MEMBER) {
        check_error(ck, DIAG_E0203_CALL, call->a->loc, "only a function can be called");
        return NULL;
    }
    val = check_expr(ck, scope, call->a, ANYTHING);
    if (val.kind == V_FUNCTION) return val.closure;
    if (val.kind != V_ERROR)
        check_error(ck, DIAG_E0203_CALL, call->a->loc, "`%s` is a value, not a function",
                    callee_text(ck, call));
    return NULL;
}

static const char *path_of(Checker *ck, const Expr *call) {
    if (!ck->body || !ck->body->path) return NULL;
    return arena_format(ck->arena, "%s/%s#%d", ck->body->path, callee_text(ck, call),
                        ordinal_of(ck, call->written ? call->written : call,
                                   ck->body->root));
}

/* Of the text of the feature, not of functions that it calls. */
static void note_step(Checker *ck, const Expr *call, const Actuals *actuals, Val result) {
    StepNote note = {.call = call->written ? call->written : call};
    if (!call->piped || ck->silent || !ck->body || ck->body->callee) return;
    if (actuals->val[0].kind == V_TERM) note.in = actuals->val[0].term->type;
    if (result.kind == V_TERM && result.term) note.out = result.term->type;
    list_push(ck->arena, &ck->graph->steps, note);
}

/* postfix "(" args ")" */
Val check_call(Checker *ck, Scope *scope, const Expr *e, Expect want) {
    const Closure *closure = callee_of(ck, scope, e);
    const Expr *given[33] = {NULL};
    Formals formals;
    Actuals actuals = {.loc = e->loc};
    Val result;
    bool good = true;
    if (!closure) return val_error();
    formals_of(ck, closure, &formals);
    if (!match(ck, closure, &formals, e, given, &actuals.n)) return val_error();
    actuals.val = arena_array(ck->arena, Val, actuals.n + 1);
    actuals.path = path_of(ck, e);
    for (int i = 0; i < actuals.n; i++) {
        static const Formal extra = {.name = {.text = "x"}};
        if (!given[i]) {
            if (i < formals.n && !formals.at[i].value && !closure->builtin) {
                missing(ck, closure, &formals.at[i], e->loc);
                good = false;
            }
            continue;
        }
        actuals.val[i] = argument(ck, scope, given[i], i < formals.n ? &formals.at[i]
                                                                     : &extra);
        if (i == 0 && e->piped) actuals.val[i] = cache_step(ck, given[i], actuals.val[i]);
        good &= actuals.val[i].kind != V_ERROR;
    }
    if (!good) return val_error();
    result = apply_closure(ck, closure, &actuals, want);
    note_step(ck, e, &actuals, result);
    return result;
}
