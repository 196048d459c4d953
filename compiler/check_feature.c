/* The feature: parameters, statements, and what leaves it. */
#include <stdio.h>
#include <string.h>
#include "check.h"

typedef struct Stage {
    Checker *ck;
    Scope *scope;
    int wheres;
    enum { BEFORE_FROM, PLACES, RECORDS, BELOW, ENDED } at;
    int places_done;            /* 1 shuffle or sample, 2 skip, 3 take */
} Stage;

/* ---- parameters ---- */

static const Define *define_of(Checker *ck, const char *name) {
    for (int i = ck->ndefines - 1; i >= 0; i--)
        if (!strcmp(ck->defines[i].name, name)) return &ck->defines[i];
    return NULL;
}

static bool is_const(const Param *param) {
    for (int i = 0; i < param->attributes.n; i++)
        if (!strcmp(param->attributes.at[i].name.text, "const")) return true;
    return false;
}

/* The text of -D as an expression of the language; strings need no quotes. */
static const Expr *define_expr(Checker *ck, const Define *define, const Type *type) {
    File *file = arena_new_of(ck->arena, File);
    Module *module;
    const char *quote = type->text ? "\"" : "";
    file->path = arena_format(ck->arena, "-D%s", define->name);
    file->text = arena_format(ck->arena, "const value = %s%s%s\n", quote, define->text,
                              quote);
    file->size = strlen(file->text);
    module = parse_file(ck->arena, ck->diags, file);
    if (module->decls.n != 1 || !module->decls.at[0]->body) return NULL;
    return module->decls.at[0]->body;
}

static const Term *param_value(Checker *ck, Scope *scope, const Expr *e, const Type *type,
                               const char *name) {
    Region region;
    const Term *term;
    int before = diags_errors(ck->diags);
    region_open(ck, &region, REGION_FIELD);
    term = check_term(ck, scope, e, (Expect){(int)type->dtype, type, false});
    if (term)
        term = coerce(ck, term, type, e->loc, arena_format(ck->arena, "`%s`", name));
    term = region_close(ck, &region, term);
    if (term && term->kind != TERM_CONST && term->kind != TERM_DATA &&
        diags_errors(ck->diags) == before) {
        check_error(ck, DIAG_E0207_CONSTANT, e->loc,
                    "the value of a parameter must be a constant");
        return NULL;
    }
    return term;
}

/* What is wrong with the text of -D is one message of its own. */
static const Term *define_value(Checker *ck, Scope *scope, const Define *define,
                                const Param *param, const Type *type) {
    Diags *diags = ck->diags;
    const Expr *e;
    const Term *value;
    const char *wants = type_text(ck->arena, type);
    ck->diags = diags_new(ck->arena);
    e = define_expr(ck, define, type);
    value = e ? param_value(ck, scope, e, type, define->name) : NULL;
    if (diags_errors(ck->diags)) value = NULL;
    ck->diags = diags;
    ((Define *)define)->used = true;
    if (!value)
        check_error(ck, DIAG_E0304_PARAMETER, param->name.loc,
                    "-D %s: `%s` is no value of the parameter `%s`, which is %s %s",
                    define->name, define->text, define->name,
                    strchr("aefio", *wants) ? "an" : "a", wants);
    return value;
}

static void fixed_param(Checker *ck, Scope *scope, const Param *param, GraphParam *out,
                        const Define *define, const Type *type) {
    const Expr *e = define ? NULL : param->value;
    Entry *entry;
    out->at_compile = true;
    if (!e && !define) {
        check_help(ck,
                   check_error(ck, DIAG_E0304_PARAMETER, param->name.loc,
                               "`%s` must be known when the feature is compiled",
                               param->name.text),
                   "give it a default, or a value: `-D %s=…`", param->name.text);
    }
    out->value = define ? define_value(ck, scope, define, param, type)
                 : e ? param_value(ck, scope, e, type, param->name.text) : NULL;
    entry = scope_add(ck, scope, param->name, S_VALUE);
    entry->val = val_term(out->value, param->name.loc);
}

static void open_param(Checker *ck, Scope *scope, const Param *param, GraphParam *out,
                       const Type *type, int slot) {
    Var *var = var_new(ck, VAR_PARAM, param->name.text, type, param->name.loc);
    Entry *entry;
    const Term *ref;
    var->level = -1;
    var->slot = slot;
    if (param->value)
        out->value = param_value(ck, scope, param->value, type, param->name.text);
    ref = var_complete(ck, var);
    out->var = var;
    entry = scope_add(ck, scope, param->name, S_VALUE);
    entry->val = val_term(ref, param->name.loc);
}

static void check_params(Checker *ck, Scope *scope) {
    const Decl *feature = ck->feature;
    Body body = {.callee = NULL, .no_draw = "the value of a parameter"};
    ck->body = &body;
    for (int i = 0; i < feature->params.n; i++) {
        const Param *param = &feature->params.at[i];
        GraphParam out = {.name = param->name.text, .loc = param->name.loc};
        const Type *type = resolve_type(ck, scope, param->type);
        const Define *define = define_of(ck, param->name.text);
        check_attributes(ck, &param->attributes);
        if (type && (type->kind != TY_TENSOR)) {
            check_error(
                ck, DIAG_E0201_TYPE, param->type->loc,
                "a parameter of a feature is a number, a tensor, a string or a path");
            type = NULL;
        }
        if (!type) {
            Entry *entry = scope_add(ck, scope, param->name, S_VALUE);
            entry->val = val_error();
            continue;
        }
        out.type = type;
        if (ck->fixed[i] || is_const(param))
            fixed_param(ck, scope, param, &out, define, type);
        else
            open_param(ck, scope, param, &out, type, i);
        list_push(ck->arena, &ck->graph->params, out);
    }
    ck->body = NULL;
}

/* What -D names must be a parameter that is fixed when compiled. */
static void check_defines(Checker *ck) {
    for (int i = 0; i < ck->ndefines; i++) {
        const Define *define = &ck->defines[i];
        const char *names[64];
        int n = 0;
        const GraphParam *found = NULL;
        Diag *diag;
        for (int k = 0; k < ck->graph->params.n && n < 64; k++) {
            names[n++] = ck->graph->params.at[k].name;
            if (!strcmp(names[n - 1], define->name)) found = &ck->graph->params.at[k];
        }
        if (found && found->at_compile) continue;
        diag = check_error(
            ck, DIAG_E0304_PARAMETER, found ? found->loc : ck->feature->name.loc,
            found ? "-D %s: this parameter is bound when the feature is opened"
                  : "-D %s: the feature has no such parameter",
            define->name);
        if (found)
            check_help(ck, diag, "give it to the run: `--set %s=%s`; or mark it `@const`",
                       define->name, define->text);
        else if (nearest_name(define->name, names, n))
            check_help(ck, diag, "did you mean `%s`?",
                       nearest_name(define->name, names, n));
    }
}

/* ---- which parameters a value hangs on ---- */

typedef struct { Checker *ck; bool others; bool mark; Loc why; } Leaves;

static void leaf(const Term *term, void *data) {
    Leaves *leaves = data;
    if (term->kind == TERM_REF) {
        if (term->var->kind == VAR_PARAM && !term->type->text) {
            if (leaves->mark) leaves->ck->fixed[term->var->slot] = true;
        } else {
            leaves->others = true;
        }
        return;
    }
    term_children(term, leaf, data);
}

static bool dim_leaf(const Term *term, void *data) {
    leaf(term, data);
    return false;
}

/* A dimension of parameters alone fixes them. */
static void fix_dim(Checker *ck, const Dim *dim) {
    Leaves leaves = {ck, false, false, {0}};
    if (!dim) return;
    dim_any_symbol(dim, dim_leaf, &leaves);
    leaves.mark = true;
    if (!leaves.others) dim_any_symbol(dim, dim_leaf, &leaves);
}

static void fix_shape(Checker *ck, const Type *type) {
    if (type->kind != TY_TENSOR && type->kind != TY_RAGGED) return;
    for (int k = 0; k < type->rank; k++) fix_dim(ck, type->dims[k]);
}

/* A value that must be known now; parameters in it become fixed. */
static bool constant_int(Checker *ck, const Term *term, const char *what, Loc loc,
                         int64_t *value) {
    Leaves leaves = {ck, false, false, {0}};
    *value = 1;
    if (!term) return false;
    if (term_is_int(term, value)) return true;
    leaf(term, &leaves);
    if (leaves.others) {
        check_error(ck, DIAG_E0207_CONSTANT, loc, "%s must be known when compiled", what);
        return false;
    }
    leaves.mark = true;
    leaf(term, &leaves);
    return true;
}

/* ---- bodies of statements ---- */

static const Term *check_body(Stage *stage, const Expr *e, const char *path,
                              const char *no_draw, Expect want, Region *region,
                              Val *val) {
    Checker *ck = stage->ck;
    Body *body = arena_new_of(ck->arena, Body);
    *body = (Body){.root = e, .path = path, .no_draw = no_draw};
    if (path) e = check_order(ck, stage->scope, path, e);
    ck->body = body;
    ck->nest.n = 0;
    region_open(ck, region, REGION_FIELD);
    *val = check_expr(ck, stage->scope, e, want);
    return val->kind == V_ERROR ? NULL
                                : settle(ck, "value", as_term(ck, *val, want), e->loc);
}

static const Term *close_body(Stage *stage, Region *region, const Term *term) {
    term = region_close(stage->ck, region, term);
    stage->ck->body = NULL;
    return term;
}

static const Term *open_value(Stage *stage, const Expr *e, const char *what,
                              Expect want) {
    Region region;
    Val val;
    return close_body(stage, &region,
                      check_body(stage, e, NULL, what, want, &region, &val));
}

static bool already_defined(Stage *stage, Name name) {
    const Entry *entry = NULL;
    Diag *diag;
    for (int i = 0; i < stage->scope->entries.n; i++)
        if (!strcmp(stage->scope->entries.at[i].name, name.text))
            entry = &stage->scope->entries.at[i];
    if (!entry) return false;
    diag = check_error(stage->ck, DIAG_E0102_TWICE, name.loc,
                       "`%s` is defined already: a field has one definition", name.text);
    check_note(stage->ck, diag, entry->loc, "here");
    return true;
}

static void define(Stage *stage, Name name, const Term *term) {
    Entry *entry = scope_add(stage->ck, stage->scope, name, S_VALUE);
    entry->val = val_term(term, name.loc);
}

/* Gives a closed term a variable of the current time: open, record or batch. */
static const Term *define_var(Stage *stage, const char *name, const Term *term, Loc loc,
                              const AttributeList *attributes) {
    Checker *ck = stage->ck;
    VarKind kind = ck->at_open ? VAR_OPEN : ck->below ? VAR_BELOW : VAR_FIELD;
    Var *var = var_new(ck, kind, name, type_outside(ck, term->type), loc);
    const Term *ref;
    Bind bind = {var, term};
    var->level = ck->at_open ? -1 : ck->below ? -2 : ck->level;
    ref = var_complete(ck, var);
    if (ck->at_open) {
        list_push(ck->arena, &ck->graph->opens, bind);
    } else if (ck->below) {
        list_push(ck->arena, &ck->graph->below, bind);
    } else {
        Node node = {.kind = NODE_FIELD, .loc = loc, .level = ck->level, .nvars = 1,
                     .term = term, .attributes = attributes};
        node.vars = arena_new_of(ck->arena, const Var *);
        node.vars[0] = var;
        list_push(ck->arena, &ck->graph->nodes, node);
    }
    return ref;
}

/* As it is written, for people. */
static void note_expr(Checker *ck, const Term *defined, const Expr *expr) {
    Graph *graph = ck->graph;
    if (defined->kind != TERM_REF) return;
    if (defined->var->kind == VAR_FIELD) graph->nodes.at[graph->nodes.n - 1].expr = expr;
    if (defined->var->kind == VAR_BELOW) graph->below.at[graph->below.n - 1].expr = expr;
}

static bool definable(Checker *ck, const Term *term, Loc loc) {
    if (term->type->kind != TY_RAGGED || term->kind == TERM_REF) return true;
    check_error(ck, DIAG_E0303_RAGGED, loc, "a ragged field has only its own name");
    return false;
}

static void define_error(Stage *stage, const NameList *names) {
    for (int i = 0; i < names->n; i++)
        if (!scope_find(stage->scope, names->at[i].text))
            define(stage, names->at[i], NULL);
}

/* Items that share no work become fields of their own. */
static bool splits(const Region *region, const Term *term) {
    return region->binds.n == 0 && term->kind == TERM_TUPLE;
}

static void define_items(Stage *stage, const Stmt *stmt, Region *region,
                         const Term *term) {
    Checker *ck = stage->ck;
    bool split = splits(region, term);
    const Term *tuple = close_body(stage, region, term);
    const char *all = "";
    for (int i = 0; i < stmt->names.n; i++)
        all = arena_format(ck->arena, "%s%s%s", all, i ? ", " : "",
                           stmt->names.at[i].text);
    if (!split) {
        tuple = define_var(stage, all, tuple, stmt->loc, &stmt->attributes);
        note_expr(stage->ck, tuple, stmt->expr);
    }
    for (int i = 0; i < stmt->names.n; i++) {
        Name name = stmt->names.at[i];
        const Term *item = split ? tuple->arg[i] : NULL;
        if (!split) {
            Term *get = term_new(ck->arena, TERM_GET, tuple->type->items[i], NULL, 1,
                                 tuple);
            get->axis = i;
            item = get;
        }
        define(stage, name, define_var(stage, name.text, item, name.loc,
                                       &stmt->attributes));
    }
}

static void check_field(Stage *stage, const Stmt *stmt) {
    Checker *ck = stage->ck;
    Region region;
    Val val;
    const Term *term;
    bool twice = false;
    const char *path = ck->at_open ? NULL : stmt->names.at[0].text;
    for (int i = 0; i < stmt->names.n; i++)
        twice |= already_defined(stage, stmt->names.at[i]);
    term = check_body(stage, stmt->expr, path, "a definition made at open", ANYTHING,
                      &region, &val);
    if (term && stmt->names.n > 1 &&
        (term->type->kind != TY_TUPLE || term->type->n != stmt->names.n)) {
        check_error(ck, DIAG_E0201_TYPE, stmt->loc, "%d names for %s", stmt->names.n,
                    type_text(ck->arena, term->type));
        term = NULL;
    }
    if (!term || twice || !definable(ck, term, stmt->loc)) {
        close_body(stage, &region, NULL);
        define_error(stage, &stmt->names);
        return;
    }
    if (stmt->names.n > 1) {
        define_items(stage, stmt, &region, term);
        return;
    }
    term = close_body(stage, &region, term);
    if (term->type->kind != TY_RAGGED) {
        term = define_var(stage, stmt->names.at[0].text, term, stmt->names.at[0].loc,
                          &stmt->attributes);
        note_expr(ck, term, stmt->expr);
    }
    define(stage, stmt->names.at[0], term);
}

/* ---- where, each ---- */

static void check_where_stmt(Stage *stage, const Stmt *stmt) {
    Checker *ck = stage->ck;
    Region region;
    Val val;
    const char *path = arena_format(ck->arena, "where#%d", stage->wheres++);
    const Term *term = check_body(stage, stmt->expr, path, NULL, ANYTHING, &region, &val);
    Node node = {.kind = NODE_WHERE, .loc = stmt->loc, .level = ck->level,
                 .expr = stmt->expr, .attributes = &stmt->attributes};
    if (term && (term->type->kind != TY_TENSOR || term->type->rank ||
                 term->type->dtype != PL_BOOL)) {
        check_error(ck, DIAG_E0201_TYPE, stmt->expr->loc,
                    "`where` wants a bool, this is %s", type_text(ck->arena, term->type));
        term = NULL;
    }
    node.term = close_body(stage, &region, term);
    if (term) list_push(ck->arena, &ck->graph->nodes, node);
}

static const Term *each_rows(Checker *ck, const Term *term, const Stmt *stmt) {
    int n = stmt->names.n;
    const Type *first;
    if (n > 1 && (term->type->kind != TY_TUPLE || term->type->n != n)) {
        check_error(ck, DIAG_E0201_TYPE, stmt->loc, "%d names for %s", n,
                    type_text(ck->arena, term->type));
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        const Type *type = n > 1 ? term->type->items[i] : term->type;
        if (type->kind == TY_TENSOR && type->rank > 0) continue;
        check_error(ck, DIAG_E0201_TYPE, stmt->loc,
                    "`each` walks the rows of a tensor, not %s",
                    type_text(ck->arena, type));
        return NULL;
    }
    first = n > 1 ? term->type->items[0] : term->type;
    for (int i = 1; i < n && term; i++)
        term = check_equal_dims(ck, term, first->dims[0], term->type->items[i]->dims[0],
                                stmt->loc, "`each` walks tensors of one length");
    return term;
}

static void check_each(Stage *stage, const Stmt *stmt) {
    Checker *ck = stage->ck;
    Region region;
    Val val;
    Node node = {.kind = NODE_EACH, .loc = stmt->loc, .level = ck->level,
                 .expr = stmt->expr,
                 .nvars = stmt->names.n, .attributes = &stmt->attributes};
    const Term *term = check_body(stage, stmt->expr, stmt->names.at[0].text, NULL,
                                  ANYTHING, &region, &val);
    bool twice = false;
    for (int i = 0; i < stmt->names.n; i++)
        twice |= already_defined(stage, stmt->names.at[i]);
    if (term) term = each_rows(ck, term, stmt);
    node.term = close_body(stage, &region, twice ? NULL : term);
    if (ck->level + 2 > PL_MAX_LEVELS)
        check_error(ck, DIAG_E0104_ORDER, stmt->loc, "too many `each`");
    if (!node.term) {
        define_error(stage, &stmt->names);
        return;
    }
    ck->level++;
    node.vars = arena_array(ck->arena, const Var *, node.nvars);
    for (int i = 0; i < node.nvars; i++) {
        const Type *rows = node.nvars > 1 ? term->type->items[i] : term->type;
        const Type *row = type_tensor(ck->arena, rows->dtype, rows->rank - 1,
                                      rows->dims + 1);
        Var *var = var_new(ck, VAR_FIELD, stmt->names.at[i].text, type_outside(ck, row),
                           stmt->names.at[i].loc);
        define(stage, stmt->names.at[i], var_complete(ck, var));
        node.vars[i] = var;
    }
    list_push(ck->arena, &ck->graph->nodes, node);
    ck->graph->levels = ck->level + 1;
}

/* ---- from ---- */

static const char *const later_sources[] = {
    "tar", "tfrecord", "parquet", "csv", "jsonl", "npy", "http", "s3", "mix", "zip",
    "concat", "python",
};

static void unknown_source(Checker *ck, const Expr *call, const char *name) {
    const char *names[32], *near;
    const Module *module = ck->sources->module;
    Diag *diag;
    int n = 0;
    ck->source_unknown = true;
    for (size_t i = 0; i < sizeof later_sources / sizeof *later_sources; i++)
        if (!strcmp(later_sources[i], name)) {
            check_error(ck, DIAG_E0004_NOT_YET, call->loc,
                        "the source `%s` is not there yet", name);
            return;
        }
    for (int i = 0; i < module->decls.n && n < 32; i++)
        names[n++] = module->decls.at[i]->name.text;
    diag = check_error(ck, DIAG_E0105_SOURCE, call->loc, "there is no source `%s`", name);
    near = nearest_name(name, names, n);
    if (near) check_help(ck, diag, "did you mean `%s`?", near);
    else check_help(ck, diag, "sources are range, files, lines and manifest");
}

/* The source is declared with `region` for the length of that field. */
static bool has_parts(const Decl *source, const char *field) {
    const TypeExpr *te = source ? source->type : NULL;
    for (int i = 0; te && i < source->clauses.n; i++) {
        const Clause *clause = &source->clauses.at[i];
        int result, axis;
        for (int k = 0; clause->kind == CL_REGION && k < clause->names.n; k++)
            if (kernel_dim(source, te->items.n, clause->names.at[k].text, &result, &axis) &&
                !strcmp(te->item_names.at[result].text, field))
                return true;
    }
    return false;
}

static void source_field(Stage *stage, const Decl *source, const char *name,
                         const Type *type, Loc loc) {
    Checker *ck = stage->ck;
    Var *var = var_new(ck, VAR_SOURCE, name, type, loc);
    var->parts = has_parts(source, name);
    Name as = {name, loc};
    var->slot = ck->graph->source_fields.n;
    list_push(ck->arena, &ck->graph->source_fields, (const Var *)var);
    define(stage, as, var_complete(ck, var));
}

static const Type *bytes_type(Checker *ck) {
    const Dim **dims = arena_array(ck->arena, const Dim *, 1);
    return type_tensor(ck->arena, PL_U8, 1, dims);
}

/* manifest(path, columns = Row, read = NAME): fields named by a type */
static bool manifest_columns(Stage *stage, const Expr *call) {
    Checker *ck = stage->ck;
    for (int i = 0; i < call->args.n; i++) {
        const Arg *arg = &call->args.at[i];
        bool columns = arg->name.text && !strcmp(arg->name.text, "columns");
        if (!arg->name.text || (!columns && strcmp(arg->name.text, "read"))) continue;
        if (arg->value->kind != EX_NAME) {
            check_error(ck, DIAG_E0105_SOURCE, arg->value->loc, "`%s` wants a name",
                        arg->name.text);
            return false;
        }
        if (columns) {
            TypeExpr te = {.kind = TE_NAME, .loc = arg->value->loc,
                           .name = arg->value->name};
            ck->graph->columns = resolve_type(ck, stage->scope, &te);
        } else {
            ck->graph->read_column = arg->value->name.text;
        }
    }
    if (!ck->graph->columns || ck->graph->columns->kind != TY_TUPLE ||
        !ck->graph->columns->names) {
        check_help(ck, check_error(ck, DIAG_E0105_SOURCE, call->loc,
                                   "`manifest` needs the types of its columns"),
                   "write `columns = Row` with `type Row = (name: string, x: f32)`");
        return false;
    }
    return true;
}

static void manifest_fields(Stage *stage, const Decl *decl, Loc loc) {
    Graph *graph = stage->ck->graph;
    const char *read = graph->read_column;
    bool found = !read;
    for (int i = 0; i < graph->columns->n; i++) {
        const char *name = graph->columns->names[i];
        if (!name) continue;
        if (read && !strcmp(read, name)) found = true;
        source_field(stage, NULL, name, graph->columns->items[i], loc);
    }
    if (!found)
        check_error(stage->ck, DIAG_E0105_SOURCE, loc, "`read = %s` is no column", read);
    if (read) source_field(stage, decl, "data", bytes_type(stage->ck), loc);
}

static void declared_fields(Stage *stage, const Decl *decl, Loc loc) {
    const TypeExpr *te = decl->type;
    if (te->kind == TE_NAME) return;
    for (int i = 0; i < te->items.n; i++)
        source_field(stage, decl, te->item_names.at[i].text,
                     resolve_type(stage->ck, stage->scope, te->items.at[i]), loc);
}

static bool source_args(Stage *stage, const Decl *decl, const Expr *call, bool manifest) {
    Checker *ck = stage->ck;
    Graph *graph = ck->graph;
    int n = decl->params.n;
    graph->nsource_args = n;
    graph->source_args = arena_array(ck->arena, const Term *, n + 1);
    graph->source_arg_names = arena_array(ck->arena, const char *, n + 1);
    for (int i = 0; i < call->args.n; i++) {
        const Arg *arg = &call->args.at[i];
        const Type *type;
        const Term *term;
        int at = i;
        if (manifest && arg->name.text && (!strcmp(arg->name.text, "columns") ||
                                           !strcmp(arg->name.text, "read")))
            continue;
        for (int k = 0; arg->name.text && k < n; k++)
            if (!strcmp(decl->params.at[k].name.text, arg->name.text)) at = k;
        if (at >= n || (arg->name.text && strcmp(decl->params.at[at].name.text,
                                                 arg->name.text))) {
            check_error(ck, DIAG_E0203_CALL, arg->value->loc,
                        "the source `%s` has no such argument", decl->name.text);
            return false;
        }
        type = resolve_type(ck, stage->scope, decl->params.at[at].type);
        term = open_value(stage, arg->value, "the arguments of a source",
                          (Expect){(int)type->dtype, type, false});
        if (!term) return false;
        if (type->text && term->type->text) type = term->type;
        graph->source_args[at] = coerce(ck, term, type, arg->value->loc,
                                        decl->params.at[at].name.text);
        if (!graph->source_args[at]) return false;
    }
    for (int i = 0; i < n; i++) {
        const Param *param = &decl->params.at[i];
        graph->source_arg_names[i] = param->name.text;
        if (graph->source_args[i]) continue;
        if (!param->value) {
            check_error(ck, DIAG_E0203_CALL, call->loc, "the source `%s` needs `%s`",
                        decl->name.text, param->name.text);
            return false;
        }
        graph->source_args[i] = open_value(stage, param->value, "a default value",
                                           (Expect){.dtype = PL_I64});
    }
    return true;
}

static void check_from(Stage *stage, const Stmt *stmt) {
    Checker *ck = stage->ck;
    const Expr *call = stmt->expr;
    const Decl *decl = NULL;
    const char *name;
    bool manifest;
    stage->at = PLACES;
    if (!call || call->kind != EX_CALL || call->a->kind != EX_NAME) {
        if (call && call->kind != EX_ERROR)
            check_error(ck, DIAG_E0105_SOURCE, stmt->loc,
                        "`from` wants a source: `from files(root, \"**/*.jpg\")`");
        return;
    }
    name = call->a->name.text;
    for (int i = 0; i < ck->sources->module->decls.n; i++)
        if (!strcmp(ck->sources->module->decls.at[i]->name.text, name))
            decl = ck->sources->module->decls.at[i];
    if (!decl) {
        unknown_source(ck, call, name);
        return;
    }
    manifest = !strcmp(decl->name.text, "manifest");
    ck->graph->source = decl->name.text;
    ck->graph->source_loc = stmt->loc;
    ck->at_open = true;
    if (manifest && !manifest_columns(stage, call)) {
        ck->at_open = false;
        return;
    }
    source_args(stage, decl, call, manifest);
    ck->at_open = false;
    if (manifest) manifest_fields(stage, decl, stmt->loc);
    else declared_fields(stage, decl, stmt->loc);
    source_field(stage, NULL, "index", type_scalar(PL_I64), stmt->loc);
}

/* ---- shuffle, sample, skip, take ---- */

static const struct { const char *word; int order; StreamCount count; } places[] = {
    [ST_SHUFFLE] = {"shuffle", 1, COUNTS}, [ST_SAMPLE] = {"sample", 1, COUNT_SAMPLE},
    [ST_SKIP] = {"skip", 2, COUNT_SKIP},   [ST_TAKE] = {"take", 3, COUNT_TAKE},
};

static bool is_place(const Stmt *stmt) {
    return (size_t)stmt->kind < sizeof places / sizeof *places && places[stmt->kind].word;
}

static void place_count(Stage *stage, const Stmt *stmt) {
    Checker *ck = stage->ck;
    const Term *term;
    ck->at_open = true;
    term = open_value(stage, stmt->expr, "a number of places", (Expect){.dtype = PL_I64});
    ck->at_open = false;
    if (!term) return;
    if (term->type->kind != TY_TENSOR || term->type->rank ||
        !dtype_is_integer(term->type->dtype))
        check_error(ck, DIAG_E0201_TYPE, stmt->expr->loc, "`%s` wants an int, this is %s",
                    places[stmt->kind].word, type_text(ck->arena, term->type));
    else
        ck->graph->count[places[stmt->kind].count] =
            term_convert(ck->arena, PL_I64, NULL, term);
}

static void check_place(Stage *stage, const Stmt *stmt) {
    Checker *ck = stage->ck;
    int order = places[stmt->kind].order;
    if (stage->at != PLACES || stage->places_done >= order) {
        check_help(ck, check_error(ck, DIAG_E0104_ORDER, stmt->loc,
                                   "`%s` stands in the wrong place",
                                   places[stmt->kind].word),
                   "directly after `from`, in this order: shuffle or sample, skip, take");
        return;
    }
    stage->places_done = order;
    if (stmt->kind == ST_SHUFFLE) ck->graph->shuffle = true;
    else place_count(stage, stmt);
}

/* ---- batch ---- */

static void batch_policy(Checker *ck, const Expr *e) {
    static const char *const names[] = {"drop", "partial", "pad", "wrap"};
    for (int i = 0; i < 4 && e->kind == EX_NAME; i++)
        if (!strcmp(e->name.text, names[i])) {
            ck->graph->last = (Last)i;
            return;
        }
    check_error(ck, DIAG_E0104_ORDER, e->loc, "`last` is drop, partial, pad or wrap");
}

static Var *batch_var(Checker *ck, const char *name, Loc loc) {
    Var *var = var_new(ck, VAR_BELOW, name, type_scalar(PL_I64), loc);
    var->level = -2;
    return var;
}

static void constant_count(Stage *stage, const Expr *e, const char *what, int64_t *value) {
    Checker *ck = stage->ck;
    const Term *term;
    ck->at_open = true;
    term = open_value(stage, e, what, (Expect){.dtype = PL_I64});
    ck->at_open = false;
    if (!constant_int(ck, term, what, e->loc, value)) return;
    if (*value < 1)
        check_error(ck, DIAG_E0104_ORDER, e->loc, "%s must be at least 1, it is %lld",
                    what, (long long)*value);
}

static void check_batch(Stage *stage, const Stmt *stmt) {
    Checker *ck = stage->ck;
    Graph *graph = ck->graph;
    bool sized = false;
    if (stage->at == BELOW) {
        check_error(ck, DIAG_E0104_ORDER, stmt->loc, "`batch` stands once in a feature");
        return;
    }
    stage->at = BELOW;
    graph->lanes = 1;
    graph->batch = 1;
    for (int i = 0; i < stmt->args.n; i++) {
        const Arg *arg = &stmt->args.at[i];
        const char *name = arg->name.text ? arg->name.text : i == 0 ? "n" : "";
        if (!strcmp(name, "n")) {
            sized = true;
            constant_count(stage, arg->value, "the size of a batch", &graph->batch);
        } else if (!strcmp(name, "last")) {
            batch_policy(ck, arg->value);
        } else if (!strcmp(name, "lanes")) {
            constant_count(stage, arg->value, "the number of lanes", &graph->lanes);
        } else if (!strcmp(name, "steps")) {
            ck->at_open = true;
            graph->count[COUNT_STEPS] = open_value(
                stage, arg->value, "a number of steps", (Expect){.dtype = PL_I64});
            ck->at_open = false;
        } else {
            check_error(ck, DIAG_E0203_CALL, arg->value->loc,
                        "`batch` takes its size, last, lanes and steps");
        }
    }
    if (!sized)
        check_error(ck, DIAG_E0203_CALL, stmt->loc,
                    "`batch` needs its size: `batch(256)`");
    ck->below = true;
    ck->level = -2;
    graph->rows = batch_var(ck, "rows", stmt->loc);
    if (graph->last == LAST_PAD && !scope_find(stage->scope, "valid")) {
        Name valid = {"valid", stmt->loc};
        graph->valid = batch_var(ck, "valid", stmt->loc);
        define(stage, valid, term_ref(ck->arena, graph->valid));
    }
}

/* ---- cache ---- */

static bool cache_kind(Checker *ck, const Expr *e, bool *disk) {
    bool named = e->kind == EX_NAME;
    *disk = named && !strcmp(e->name.text, "disk");
    if (*disk || (named && !strcmp(e->name.text, "ram"))) return true;
    check_error(ck, DIAG_E0203_CALL, e->loc, "a cache is kept in `ram` or on `disk`");
    return false;
}

static void check_cache_stmt(Stage *stage, const Stmt *stmt) {
    Checker *ck = stage->ck;
    bool disk = false, kind = false;
    int64_t limit = 0, reuse = 0;
    for (int i = 0; i < stmt->args.n; i++) {
        const Arg *arg = &stmt->args.at[i];
        const char *name = arg->name.text ? arg->name.text : i == 0 ? "where" : "";
        if (!strcmp(name, "where"))
            kind = cache_kind(ck, arg->value, &disk);
        else if (!strcmp(name, "limit"))
            constant_count(stage, arg->value, "the limit of a cache", &limit);
        else if (!strcmp(name, "reuse_random"))
            constant_count(stage, arg->value, "a number of epochs", &reuse);
        else
            check_error(ck, DIAG_E0203_CALL, arg->value->loc,
                        "`cache` takes ram or disk, limit and reuse_random");
    }
    if (!stmt->args.n)
        check_error(ck, DIAG_E0203_CALL, stmt->loc,
                    "`cache` needs a place: `cache(ram)` or `cache(disk)`");
    if (kind) check_cache(ck, stmt, disk, limit, reuse);
}

static bool constant_shape(const Type *type) {
    int64_t size;
    for (int k = 0; k < type->rank; k++)
        if (!dim_constant(type->dims[k], &size)) return false;
    return true;
}

const Var *batched_of(Checker *ck, const Var *field) {
    Graph *graph = ck->graph;
    Var *var;
    for (int i = 0; i < graph->batched.n; i++)
        if (graph->batched.at[i]->of == field) return graph->batched.at[i];
    fix_shape(ck, field->type);
    var = var_new(ck, VAR_BATCHED, field->name, field->type, field->loc);
    var->level = -2;
    var->of = field;
    if (field->type->kind == TY_TENSOR && constant_shape(field->type)) {
        const Term *rows = graph->last == LAST_PARTIAL
                               ? term_ref(ck->arena, graph->rows)
                               : term_int(ck->arena, PL_I64, graph->batch);
        const Dim *first = dim_of_term(ck, rows);
        if (graph->last == LAST_PARTIAL) dim_set_nonnegative(first, DIM_BITS);
        var->type = type_array(ck, first, field->type);
    } else if (field->type->kind == TY_TENSOR) {
        Type *type = arena_new_of(ck->arena, Type);
        *type = *field->type;
        type->kind = TY_RAGGED;
        var->type = type;
    }
    list_push(ck->arena, &graph->batched, (const Var *)var);
    return var;
}

/* ---- emit ---- */

static const Term *emitted_name(Stage *stage, Name name) {
    Checker *ck = stage->ck;
    const Entry *entry = scope_find(stage->scope, name.text);
    const char *near;
    Diag *diag;
    const Term *term;
    if (!entry) {
        diag = check_error(ck, DIAG_E0101_NAME, name.loc, "`%s` is no field", name.text);
        near = near_name(ck, stage->scope, name.text);
        if (near) check_help(ck, diag, "did you mean `%s`?", near);
        return NULL;
    }
    if (entry->val.kind != V_TERM) return NULL;
    term = entry->val.term;
    if (term->kind == TERM_REF && (term->var->kind == VAR_FIELD ||
                                   term->var->kind == VAR_SOURCE))
        return term_ref(ck->arena, batched_of(ck, term->var));
    if (term->kind == TERM_REF && (term->var->kind == VAR_BELOW ||
                                   term->var->kind == VAR_BATCHED))
        return term;
    check_help(ck, check_error(ck, DIAG_E0101_NAME, name.loc,
                               "`%s` is no field of the records", name.text),
               "define a field of it: `value = %s`", name.text);
    return NULL;
}

static const Term *emitted_value(Stage *stage, const EmitItem *item) {
    Region region;
    Val val;
    const Term *term = check_body(stage, item->value, item->name.text, NULL, ANYTHING,
                                  &region, &val);
    term = close_body(stage, &region, term);
    if (!term) return NULL;
    if (term->kind == TERM_REF && (term->var->kind == VAR_BELOW ||
                                   term->var->kind == VAR_BATCHED))
        return term;
    if (!definable(stage->ck, term, item->name.loc)) return NULL;
    term = define_var(stage, item->name.text, term, item->name.loc, NULL);
    note_expr(stage->ck, term, item->value);
    return term;
}

static void check_emit(Stage *stage, const Stmt *stmt) {
    Checker *ck = stage->ck;
    stage->at = ENDED;
    for (int i = 0; i < stmt->items.n; i++) {
        const EmitItem *item = &stmt->items.at[i];
        Output out = {item->name.text, item->name.loc, NULL};
        for (int k = 0; k < ck->graph->outputs.n; k++)
            if (!strcmp(ck->graph->outputs.at[k].name, out.name))
                check_error(ck, DIAG_E0102_TWICE, item->name.loc, "`%s` is emitted twice",
                            out.name);
        out.term = item->value ? emitted_value(stage, item)
                               : emitted_name(stage, item->name);
        if (!out.term) continue;
        if (out.term->type->kind == TY_TUPLE || out.term->type->kind == TY_OPAQUE) {
            check_error(ck, DIAG_E0201_TYPE, item->name.loc,
                        "`%s` is %s; only numbers and tensors can be emitted", out.name,
                        type_text(ck->arena, out.term->type));
            continue;
        }
        fix_shape(ck, out.term->type);
        list_push(ck->arena, &ck->graph->outputs, out);
    }
}

/* ---- statements ---- */

static bool in_place(Stage *stage, const Stmt *stmt) {
    Checker *ck = stage->ck;
    const char *why = NULL;
    if (stage->at == ENDED) why = "nothing may follow `emit`";
    else if (stage->at == BEFORE_FROM && stmt->kind != ST_FIELD && stmt->kind != ST_FROM)
        why = "a feature begins with `from` (definitions may stand above it)";
    else if (stage->at != BEFORE_FROM && stmt->kind == ST_FROM)
        why = "`from` stands once in a feature";
    else if (stage->at == BELOW && (stmt->kind == ST_WHERE || stmt->kind == ST_EACH ||
                                    stmt->kind == ST_CACHE))
        why = "`where`, `each` and `cache` stand above `batch`";
    else if (stmt->kind == ST_EMIT && stage->at != BELOW)
        why = "`emit` stands below `batch(…)`";
    if (!why) return true;
    check_error(ck, DIAG_E0104_ORDER, stmt->loc, "%s", why);
    return stmt->kind == ST_EMIT;
}

static void check_stmt(Stage *stage, const Stmt *stmt) {
    Checker *ck = stage->ck;
    check_attributes(ck, &stmt->attributes);
    if (!in_place(stage, stmt)) return;
    if (stage->at == PLACES && !is_place(stmt)) stage->at = RECORDS;
    switch (stmt->kind) {
    case ST_FROM: check_from(stage, stmt); break;
    case ST_SHUFFLE: case ST_SAMPLE: case ST_SKIP: case ST_TAKE: check_place(stage, stmt); break;
    case ST_WHERE: check_where_stmt(stage, stmt); break;
    case ST_EACH: check_each(stage, stmt); break;
    case ST_CACHE: check_cache_stmt(stage, stmt); break;
    case ST_BATCH: check_batch(stage, stmt); break;
    case ST_EMIT:
        if (stage->at == RECORDS) return;
        check_emit(stage, stmt);
        break;
    case ST_FIELD:
        ck->at_open = stage->at == BEFORE_FROM;
        check_field(stage, stmt);
        cache_statement(ck, stmt);
        ck->at_open = false;
        break;
    }
}

/* Kernels of the user's files are looked at, called or not. */
static void declare_kernels(Checker *ck) {
    for (int u = 0; u < ck->units.n; u++) {
        const Unit *unit = ck->units.at[u];
        if (unit->file->is_std) continue;
        for (int i = 0; i < unit->module->decls.n; i++)
            if (unit->module->decls.at[i]->kind == DE_KERNEL)
                kernel_of(ck, unit->module->decls.at[i], ck->units.at[u]);
    }
}

void check_feature(Checker *ck) {
    const Decl *feature = ck->feature;
    Stage stage = {.ck = ck};
    int params = feature->params.n, fixed = 0, before = 0;
    for (int i = 0; i < params; i++) before += ck->fixed[i];
    stage.scope = scope_new(ck, NULL, ck->main);
    ck->graph->levels = 1;
    check_attributes(ck, &feature->attributes);
    declare_kernels(ck);
    check_params(ck, stage.scope);
    stage.scope = scope_new(ck, stage.scope, ck->main);    /* fields may hide them */
    for (int i = 0; i < feature->stmts.n; i++)
        ck->reuses |= cache_reuses(feature->stmts.at[i]);
    for (int i = 0; i < feature->stmts.n; i++) check_stmt(&stage, feature->stmts.at[i]);
    if (stage.at != ENDED && !diags_errors(ck->diags)) {
        check_help(ck, check_error(ck, DIAG_E0104_ORDER, feature->name.loc,
                                   "the feature `%s` has no `%s`", feature->name.text,
                                   stage.at == BEFORE_FROM ? "from"
                                   : stage.at == BELOW ? "emit" : "batch"),
                   "a feature reads `from …`, fields, `batch(n)`, `emit a, b`");
    }
    for (int i = 0; i < params; i++) fixed += ck->fixed[i];
    if (fixed == before && !diags_errors(ck->diags)) check_defines(ck);
}
