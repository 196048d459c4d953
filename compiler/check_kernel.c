/* Kernels: what their declarations say, and calls of them. */
#include <string.h>
#include "check.h"

static const Expr *clause_text(const Decl *decl, ClauseKind kind) {
    for (int i = 0; i < decl->clauses.n; i++)
        if (decl->clauses.at[i].kind == kind) return decl->clauses.at[i].expr;
    return NULL;
}

static bool has_clause(const Decl *decl, ClauseKind kind) {
    for (int i = 0; i < decl->clauses.n; i++)
        if (decl->clauses.at[i].kind == kind) return true;
    return false;
}

static const TypeExpr *result_type(const Decl *decl, int i) {
    return decl->type->kind == TE_TUPLE ? decl->type->items.at[i] : decl->type;
}

bool kernel_dim(const Decl *decl, int nresults, const char *name, int *result, int *axis) {
    for (int r = 0; r < nresults; r++) {
        const TypeExpr *te = result_type(decl, r);
        for (int k = 0; te->kind == TE_NAME && k < te->dims.n; k++) {
            const DimExpr *dim = &te->dims.at[k];
            const char *own = dim->kind == DIM_UNKNOWN ? dim->name.text
                              : dim->kind == DIM_EXPR && dim->expr->kind == EX_NAME
                                  ? dim->expr->name.text : NULL;
            if (!own || strcmp(own, name)) continue;
            *result = r;
            *axis = k;
            return true;
        }
    }
    return false;
}

static bool clause_names(Checker *ck, Kernel *kernel, const Clause *clause) {
    for (int i = 0; i < clause->names.n; i++) {
        int result, axis;
        if (clause->kind == CL_LAYOUT) {
            kernel->layout = kernel->layout
                                 ? arena_format(ck->arena, "%s,%s", kernel->layout,
                                                clause->names.at[i].text)
                                 : clause->names.at[i].text;
            continue;
        }
        if (!kernel_dim(kernel->decl, kernel->nresults, clause->names.at[i].text, &result,
                        &axis)) {
            check_error(ck, DIAG_E0401_KERNEL, clause->names.at[i].loc,
                        "`%s` is no dimension of the result of `%s`",
                        clause->names.at[i].text, kernel->name);
            return false;
        }
        if (clause->kind == CL_REGION) {
            if (result == 0) kernel->region[axis] = true;
        } else if (kernel->npeek < 8) {
            kernel->peek[kernel->npeek].result = result;
            kernel->peek[kernel->npeek++].axis = axis;
        }
    }
    return true;
}

/* The dimension of result 0 is known before the call. */
static bool is_told(const Kernel *kernel, int axis) {
    const TypeExpr *te = result_type(kernel->decl, 0);
    for (int i = 0; i < kernel->npeek; i++)
        if (kernel->peek[i].result == 0 && kernel->peek[i].axis == axis) return true;
    return te->has_dims && te->dims.at[axis].kind == DIM_EXPR;
}

/* A window is asked for in dimensions that are known before; of the first one that is not,
 * the first rows. */
static bool check_region(Checker *ck, Kernel *kernel) {
    int rank = kernel->results[0]->kind == TY_TENSOR ? kernel->results[0]->rank : 0;
    bool others = kernel->nresults == 1 && !kernel->rows;
    for (int k = 1; k < rank; k++) others &= is_told(kernel, k) && !kernel->region[k];
    kernel->stops = rank > 0 && kernel->region[0] && !is_told(kernel, 0);
    for (int k = kernel->stops && others; k < rank; k++) {
        if (!kernel->region[k] || is_told(kernel, k)) continue;
        check_help(ck,
                   check_error(ck, DIAG_E0401_KERNEL, kernel->decl->name.loc,
                               "`%s` makes parts of a dimension that nobody knows before",
                               kernel->name),
                   "let it tell the size (`peek`), or declare one result without `rows` "
                   "of which the first dimension alone is not known");
        return false;
    }
    return true;
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* Beside the file of the declaration; the library's own as they are named. */
static const char *beside(Checker *ck, const File *file, const char *name) {
    const char *slash = strrchr(file->path, '/');
    if (file->is_std || name[0] == '/' || !slash) return name;
    return arena_format(ck->arena, "%.*s/%s", (int)(slash - file->path), file->path,
                        name);
}

static bool read_origin(Checker *ck, Kernel *kernel, Unit *unit) {
    const Expr *from = clause_text(kernel->decl, CL_FROM);
    const char *slash;
    if (!from) {
        check_help(ck, check_error(ck, DIAG_E0401_KERNEL, kernel->decl->name.loc,
                       "the kernel `%s` has no body", kernel->name),
                   "say where it is: `from \"%s.c\"`", kernel->name);
        return false;
    }
    kernel->is_std = unit->file->is_std;
    if (ends_with(from->text, ".so")) {
        slash = strrchr(from->text, '/');
        kernel->library = slash ? slash + 1 : from->text;
        kernel->library_path = beside(ck, unit->file, from->text);
    } else {
        kernel->source = beside(ck, unit->file, from->text);
    }
    return true;
}

static const Type *signature_type(Checker *ck, const Decl *decl, const TypeExpr *te,
                                  Scope *scope) {
    pl_dtype dtype;
    if (te->kind == TE_NAME && is_dtype_variable(te->name.text) &&
        !dtype_by_name(te->name.text, &dtype)) {
        check_error(ck, DIAG_E0401_KERNEL, te->name.loc,
                    "a kernel's dtypes are fixed: `%s` of `%s` is a variable",
                    te->name.text, decl->name.text);
        return NULL;
    }
    if (te->kind == TE_NAME && te->has_dims) {
        if (!dtype_by_name(te->name.text, &dtype)) return resolve_type(ck, scope, te);
        return type_tensor(ck->arena, dtype, te->dims.n,
                           arena_array(ck->arena, const Dim *, te->dims.n));
    }
    return resolve_type(ck, scope, te);
}

/* What C takes and gives; several results stand in a tuple, not in one of these. */
static bool passes_to_c(Checker *ck, const Decl *decl, const Type *type,
                        const TypeExpr *te, const char *what) {
    if (type->kind == TY_TENSOR || type->kind == TY_OPAQUE) return true;
    check_help(ck,
               check_error(ck, DIAG_E0401_KERNEL, te->loc,
                           "%s of the kernel `%s` is %s, which C cannot be given", what,
                           decl->name.text,
                           type->kind == TY_TUPLE ? "a tuple" : "a function"),
               type->kind == TY_TUPLE ? "declare its items one by one"
                                      : "call it before, and hand over its value");
    return false;
}

static bool read_signature(Checker *ck, Kernel *kernel, Unit *unit) {
    const Decl *decl = kernel->decl;
    Scope *scope = scope_new(ck, NULL, unit);
    kernel->nparams = decl->params.n;
    kernel->params = arena_array(ck->arena, const Type *, kernel->nparams + 1);
    for (int i = 0; i < kernel->nparams; i++) {
        const TypeExpr *te = decl->params.at[i].type;
        if (!(kernel->params[i] = signature_type(ck, decl, te, scope)) ||
            !passes_to_c(ck, decl, kernel->params[i], te, "a parameter"))
            return false;
    }
    kernel->nresults = decl->type->kind == TE_TUPLE ? decl->type->items.n : 1;
    kernel->results = arena_array(ck->arena, const Type *, kernel->nresults);
    for (int i = 0; i < kernel->nresults; i++) {
        const TypeExpr *te = result_type(decl, i);
        if (!(kernel->results[i] = signature_type(ck, decl, te, scope)) ||
            !passes_to_c(ck, decl, kernel->results[i], te, "a result"))
            return false;
    }
    return true;
}

/* ---- cost ---- */

static void stand_in(Checker *ck, Scope *scope, Name name, const Type *type) {
    Var *var = var_new(ck, VAR_LET, name.text, type, name.loc);
    Entry *entry = scope_add(ck, scope, name, S_VALUE);
    region_own(ck, var);
    entry->val = val_term(var_complete(ck, var), name.loc);
}

static void stand_in_dims(Checker *ck, Scope *scope, const TypeExpr *te) {
    for (int k = 0; te->kind == TE_NAME && k < te->dims.n; k++) {
        const DimExpr *dim = &te->dims.at[k];
        Name name = dim->kind == DIM_EXPR && dim->expr->kind == EX_NAME ? dim->expr->name
                                                                       : dim->name;
        if (name.text && dim->kind != DIM_SEQUENCE && !scope_find(scope, name.text))
            stand_in(ck, scope, name, type_scalar(PL_I64));
    }
}

/* A number of the arguments and of the sizes of the results. Nothing plans by it
 * yet, but what stands there has to be right. */
static bool check_cost(Checker *ck, const Kernel *kernel, Unit *unit) {
    const Decl *decl = kernel->decl;
    const Expr *cost = clause_text(decl, CL_COST);
    const Body *saved = ck->body;
    Body body = {.root = cost, .callee = kernel->name, .no_draw = "a cost",
                 .outer = saved};
    Scope *scope = scope_new(ck, NULL, unit);
    Region region;
    const Term *term;
    bool good;
    if (!cost) return true;
    region_open(ck, &region, REGION_BRANCH);
    for (int i = 0; i < kernel->nparams; i++) {
        stand_in(ck, scope, decl->params.at[i].name, kernel->params[i]);
        stand_in_dims(ck, scope, decl->params.at[i].type);
    }
    for (int r = 0; r < kernel->nresults; r++)
        stand_in_dims(ck, scope, result_type(decl, r));
    ck->body = &body;
    term = check_term(ck, scope, cost, ANYTHING);
    ck->body = saved;
    good = term && term->type->kind == TY_TENSOR && !term->type->rank &&
           term->type->dtype != PL_BOOL;
    if (term && !good)
        check_error(ck, DIAG_E0401_KERNEL, cost->loc,
                    "a cost is one number (ns), this is %s",
                    type_text(ck->arena, term->type));
    region_close(ck, &region, NULL);
    return good;
}

const Kernel *kernel_of(Checker *ck, const Decl *decl, Unit *unit) {
    Kernel *kernel;
    const Expr *needs = clause_text(decl, CL_NEEDS);
    for (int i = 0; i < ck->graph->kernels.n; i++)
        if (ck->graph->kernels.at[i]->decl == decl) return ck->graph->kernels.at[i];
    kernel = arena_new_of(ck->arena, Kernel);
    kernel->name = decl->name.text;
    kernel->decl = decl;
    kernel->needs = needs ? needs->text : NULL;
    kernel->rows = has_clause(decl, CL_ROWS);
    kernel->at_open = has_clause(decl, CL_AT_OPEN);
    kernel->one_at_a_time = has_clause(decl, CL_ONE_AT_A_TIME);
    if (!read_origin(ck, kernel, unit) || !read_signature(ck, kernel, unit)) return NULL;
    if (!check_cost(ck, kernel, unit)) return NULL;
    for (int i = 0; i < decl->clauses.n; i++)
        if (!clause_names(ck, kernel, &decl->clauses.at[i])) return NULL;
    if (!check_region(ck, kernel)) return NULL;
    list_push(ck->arena, &ck->graph->kernels, (const Kernel *)kernel);
    return kernel;
}

/* ---- calls ---- */

/* The type of a result in this call, its known dims as terms in `given`. */
static const Type *result_here(Checker *ck, Scope *scope, const TypeExpr *te,
                               const Type *declared, const Term ***given) {
    const Dim **dims;
    Type *type;
    if (declared->kind != TY_TENSOR || declared->rank == 0) return declared;
    dims = arena_array(ck->arena, const Dim *, declared->rank);
    for (int k = 0; k < declared->rank; k++) {
        const Term *size = NULL;
        if (te->has_dims && te->dims.at[k].kind == DIM_EXPR) {
            size = check_scalar_int(ck, scope, te->dims.at[k].expr, "a dimension");
            if (!size) return NULL;
            dims[k] = dim_of_term(ck, size);
            size = dim_to_term(ck, dims[k]);
        }
        *(*given)++ = size;
    }
    type = arena_new_of(ck->arena, Type);
    *type = *declared;
    type->dims = dims;
    return type;
}

static const Term *test_sizes(Checker *ck, const Term *value, const Type *type, Loc loc) {
    for (int k = 0; type->kind == TY_TENSOR && k < type->rank && value; k++)
        if (type->dims[k]) value = check_size(ck, value, type->dims[k], loc);
    return value;
}

Val call_kernel(Checker *ck, const Kernel *kernel, Scope *scope, const Term **args,
                Loc loc) {
    const Decl *decl = kernel->decl;
    const Type **types = arena_array(ck->arena, const Type *, kernel->nresults);
    const Term **given = arena_array(ck->arena, const Term *, 8 * kernel->nresults + 1);
    const Term **next = given, *value;
    Term *term;
    Type *tuple;
    if (kernel->at_open && !ck->at_open) {
        check_help(ck,
                   check_error(ck, DIAG_E0302_TIME, loc,
                               "`%s` works at open, not for each record", kernel->name),
                   "move this definition above `from`");
        return val_error();
    }
    ((Kernel *)kernel)->used = true;
    for (int r = 0; r < kernel->nresults; r++)
        if (!(types[r] = result_here(ck, scope, result_type(decl, r), kernel->results[r],
                                     &next)))
            return val_error();
    for (int i = 0; i < kernel->nparams; i++)
        if (args[i]->type->kind == TY_TENSOR && args[i]->type->rank)
            args[i] = tensor_name(ck, args[i], loc);
    tuple = arena_new_of(ck->arena, Type);
    *tuple = (Type){.kind = TY_TUPLE, .n = kernel->nresults, .items = types};
    term = term_new(ck->arena, TERM_KERNEL,
                    decl->type->kind == TE_TUPLE ? tuple : types[0], place_at(ck, loc),
                    0);
    ((Place *)term->at)->callee = kernel->name;
    term->nargs = kernel->nparams;
    term->arg = args;
    term->kernel = kernel;
    term->given = given;
    value = bind_term(ck, kernel->name, term, loc);
    for (int r = 0; r < kernel->nresults; r++)
        value = test_sizes(ck, value, types[r], loc);
    return val_term(value, loc);
}
