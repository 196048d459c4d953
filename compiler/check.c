/* Scopes, regions and variables of the checker, and its entry. */
#include "check.h"
#include "cost_profile.h"
#include "plan_file.h"
#include <stdarg.h>
#include <string.h>

/* ---- diagnostics ---- */


Diag *check_error(Checker *ck, DiagCode code, Loc loc, const char *format, ...) {
    va_list list;
    const char *text;
    Diag *diag;
    ck->failed = true;
    if (ck->silent) return NULL;
    va_start(list, format);
    text = arena_vformat(ck->arena, format, list);
    va_end(list);
    diag = diag_at(ck->diags, code, loc, "%s", text);
    if (ck->body) {
        const Place *p = ck->body->caller;
        for (int n = 0; p && n < 6; p = p->caller, n++)
            diag_note(ck->diags, diag, p->loc, "in this call");
    }
    return diag;
}

void check_note(Checker *ck, Diag *diag, Loc loc, const char *format, ...) {
    va_list list;
    if (!diag) return;
    va_start(list, format);
    diag_note(ck->diags, diag, loc, "%s", arena_vformat(ck->arena, format, list));
    va_end(list);
}

void check_help(Checker *ck, Diag *diag, const char *format, ...) {
    va_list list;
    if (!diag) return;
    va_start(list, format);
    diag_help(ck->diags, diag, "%s", arena_vformat(ck->arena, format, list));
    va_end(list);
}

const Place *place_at(Checker *ck, Loc loc) {
    Place *place = arena_new_of(ck->arena, Place);
    place->loc = loc;
    if (ck->body) {
        place->callee = ck->body->callee;
        place->caller = ck->body->caller;
    }
    return place;
}

Val val_term(const Term *term, Loc loc) {
    return term ? (Val){.kind = V_TERM, .term = term, .loc = loc} : val_error();
}

Val val_error(void) { return (Val){.kind = V_ERROR}; }

/* ---- scopes ---- */

Scope *scope_new(Checker *ck, Scope *outer, Unit *unit) {
    Scope *scope = arena_new_of(ck->arena, Scope);
    scope->outer = outer;
    scope->unit = unit;
    return scope;
}

Entry *scope_find(Scope *scope, const char *name) {
    for (; scope; scope = scope->outer)
        for (int i = scope->entries.n - 1; i >= 0; i--)
            if (!strcmp(scope->entries.at[i].name, name)) return &scope->entries.at[i];
    return NULL;
}

Entry *scope_add(Checker *ck, Scope *scope, Name name, EntryKind kind) {
    Entry entry = {.name = name.text, .loc = name.loc, .kind = kind};
    list_push(ck->arena, &scope->entries, entry);
    return &scope->entries.at[scope->entries.n - 1];
}

/* ---- variables ---- */

Var *var_new(Checker *ck, VarKind kind, const char *name, const Type *type, Loc loc) {
    Var *var = arena_new_of(ck->arena, Var);
    VarInfo info = {var, NULL, NULL};
    *var = (Var){.kind = kind, .name = name, .id = ck->vars.n, .type = type, .loc = loc,
                 .level = ck->level};
    list_push(ck->arena, &ck->vars, info);
    return var;
}

const Term *var_definition(Checker *ck, const Var *var) {
    return ck->vars.at[var->id].def;
}

/* ---- regions ---- */

void region_open(Checker *ck, Region *region, RegionKind kind) {
    *region = (Region){.kind = kind, .outer = ck->region};
    region->mark = arena_new_of(ck->arena, RegionMark);
    region->mark->region = region;
    ck->region = region;
}

const Term *region_close(Checker *ck, Region *region, const Term *value) {
    ck->region = region->outer;
    region->mark->region = NULL;
    if (!value) return NULL;
    for (int i = region->binds.n - 1; i >= 0; i--) {
        const Bind *bind = &region->binds.at[i];
        Term *let = term_new(ck->arena, TERM_LET, value->type, value->at, 2, bind->term,
                             value);
        let->var = bind->var;
        value = let;
    }
    return value;
}

Region *region_of(Checker *ck, const Var *var) {
    const RegionMark *mark = ck->vars.at[var->id].mark;
    return mark ? mark->region : NULL;
}

void region_own(Checker *ck, const Var *var) {
    ck->vars.at[var->id].mark = ck->region->mark;
}

typedef struct { Checker *ck; Region *found; } RegionSearch;

static bool inside(const Region *region, const Region *of) {
    for (; region; region = region->outer)
        if (region == of) return true;
    return false;
}

static void find_region(const Term *term, void *data) {
    RegionSearch *search = data;
    Region *region;
    if (term->kind != TERM_REF) {
        term_children(term, find_region, search);
        return;
    }
    region = region_of(search->ck, term->var);
    if (region && (!search->found || inside(region, search->found)))
        search->found = region;
}

Region *term_region(Checker *ck, const Term *term) {
    RegionSearch search = {ck, NULL};
    find_region(term, &search);
    return search.found;
}

static const Type *complete(Checker *ck, const Term *read, const char *name);

static const Type *complete_tensor(Checker *ck, const Term *read, const char *name) {
    const Type *type = read->type;
    Type *copy;
    const Dim **dims;
    bool missing = false;
    for (int k = 0; k < type->rank; k++) missing |= !type->dims[k];
    if (!missing) return type;
    copy = arena_new_of(ck->arena, Type);
    dims = arena_array(ck->arena, const Dim *, type->rank);
    for (int k = 0; k < type->rank; k++) {
        Term *size;
        dims[k] = type->dims[k];
        if (dims[k]) continue;
        size = term_new(ck->arena, TERM_DIM, type_scalar(PL_I64), read->at, 1, read);
        size->axis = k;
        dims[k] = dim_symbol(ck->dims, term_key(ck->arena, size),
                             arena_format(ck->arena, "len(%s%s)", name,
                                          k ? arena_format(ck->arena, ", %d", k) : ""),
                             size);
        dim_set_nonnegative(dims[k], DIM_BITS);
    }
    *copy = *type;
    copy->dims = dims;
    return copy;
}

/* The type of what `read` reads, with a symbol for each unknown dim. */
static const Type *complete(Checker *ck, const Term *read, const char *name) {
    const Type *type = read->type;
    Type *copy;
    const Type **items;
    if (type->kind == TY_TENSOR) return complete_tensor(ck, read, name);
    if (type->kind != TY_TUPLE) return type;
    copy = arena_new_of(ck->arena, Type);
    items = arena_array(ck->arena, const Type *, type->n);
    for (int i = 0; i < type->n; i++) {
        Term *get = term_new(ck->arena, TERM_GET, type->items[i], read->at, 1, read);
        get->axis = i;
        items[i] = complete(ck, get, arena_format(ck->arena, "%s.%d", name, i));
    }
    *copy = *type;
    copy->items = items;
    return copy;
}

const Term *var_complete(Checker *ck, Var *var) {
    Term *ref = (Term *)term_ref(ck->arena, var);
    var->type = ref->type = complete(ck, ref, var->name);
    return ref;
}

static bool type_settled(const Type *type) {
    if (type->kind == TY_TENSOR)
        for (int k = 0; k < type->rank; k++)
            if (!type->dims[k]) return false;
    for (int i = 0; i < type->n; i++)
        if (!type_settled(type->items[i])) return false;
    return true;
}

/* The region a binding of the term goes to: out of loops it does not use. */
static Region *home(Checker *ck, const Term *term) {
    Region *region = ck->region, *needed;
    if (!region || region->kind != REGION_LOOP) return region;
    needed = term_region(ck, term);
    while (region->kind == REGION_LOOP && region != needed && region->outer)
        region = region->outer;
    return region;
}

const Term *bind_term(Checker *ck, const char *name, const Term *term, Loc loc) {
    Var *var;
    Bind bind;
    Region *region;
    Term *ref;
    if (term_is_trivial(term) && type_settled(term->type)) return term;
    if (!ck->region) bug("a binding outside of any region: %s", name);
    var = var_new(ck, VAR_LET, name, term->type, loc);
    ref = (Term *)term_ref(ck->arena, var);
    var->type = ref->type = complete(ck, ref, name);
    region = home(ck, term);
    ck->vars.at[var->id].mark = region->mark;
    ck->vars.at[var->id].def = term;
    bind = (Bind){var, term};
    list_push(ck->arena, &region->binds, bind);
    return ref;
}

const Term *settle(Checker *ck, const char *name, const Term *term, Loc loc) {
    return !term || type_settled(term->type) ? term : bind_term(ck, name, term, loc);
}

static bool is_gone(const Term *term, void *data) {
    Checker *ck = data;
    if (term->kind == TERM_REF) {
        return ck->vars.at[term->var->id].mark && !region_of(ck, term->var);
    }
    for (int i = 0; i < term->nargs; i++)
        if (is_gone(term->arg[i], data)) return true;
    return false;
}

const Type *type_outside(Checker *ck, const Type *type) {
    Type *copy = arena_new_of(ck->arena, Type);
    *copy = *type;
    if (type->kind == TY_TUPLE) {
        const Type **items = arena_array(ck->arena, const Type *, type->n);
        for (int i = 0; i < type->n; i++) items[i] = type_outside(ck, type->items[i]);
        copy->items = items;
    } else if (type->kind == TY_TENSOR && type->rank) {
        const Dim **dims = arena_array(ck->arena, const Dim *, type->rank);
        for (int k = 0; k < type->rank; k++)
            dims[k] = type->dims[k] && !dim_any_symbol(type->dims[k], is_gone, ck)
                          ? type->dims[k] : NULL;
        copy->dims = dims;
    } else {
        return type;
    }
    return copy;
}

/* ---- entry ---- */

static Checker *checker_new(Arena *arena, Diags *diags, const CheckOptions *options) {
    Checker *ck = arena_new_of(arena, Checker);
    ck->arena = arena;
    ck->diags = diags;
    ck->defines = options->defines;
    ck->ndefines = options->ndefines;
    ck->reorder = options->reorder;
    ck->list_orders = options->list_orders;
    ck->plan = options->plan;
    return ck;
}

static const Decl *feature_of(const Module *module) {
    for (int i = 0; i < module->decls.n; i++)
        if (module->decls.at[i]->kind == DE_FEATURE) return module->decls.at[i];
    return NULL;
}

static void graph_new(Checker *ck) {
    ck->graph = arena_new_of(ck->arena, Graph);
    ck->graph->arena = ck->arena;
    ck->graph->name = ck->feature->name.text;
    ck->graph->profile = ck->profile;
    ck->graph->file = ck->main->file;
    for (int i = 0; i < ck->units.n; i++)
        list_push(ck->arena, &ck->graph->files, ck->units.at[i]->file);
    ck->dims = dim_table(ck->arena);        /* symbols go by the numbers of vars */
    ck->vars.n = ck->consts.n = ck->const_decls.n = 0;
    ck->region = NULL;
    ck->body = NULL;
    ck->nest.n = 0;
    ck->sites.n = 0;
    ck->calls = 0;
    ck->at_open = ck->below = false;
    ck->level = 0;
}

/* Which parameters are fixed at compile time is found by checking: what an
 * emitted shape needs is fixed, and the feature is checked again with it. */
static void check_until_fixed(Checker *ck) {
    int n = ck->feature->params.n, before, after;
    ck->fixed = arena_array(ck->arena, bool, n + 1);
    ck->fixed_why = arena_array(ck->arena, Loc, n + 1);
    do {
        before = after = 0;
        for (int i = 0; i < n; i++) before += ck->fixed[i];
        graph_new(ck);
        check_feature(ck);
        for (int i = 0; i < n; i++) after += ck->fixed[i];
    } while (after != before && !diags_errors(ck->diags));
}

static bool read_profile(Checker *ck, const char *path) {
    ck->profile = cost_profile_read(ck->arena, ck->diags, path, ck->feature);
    return ck->profile && cost_profile_fits(ck->profile, ck->diags, path, ck->feature);
}

Graph *check_module(Arena *arena, Diags *diags, Module *module,
                    const CheckOptions *options, bool *library) {
    Checker *ck = checker_new(arena, diags, options);
    *library = false;
    ck->feature = feature_of(module);
    ck->main = unit_add(ck, module);
    check_all_names(ck);
    if (!ck->feature) {
        *library = true;
        return NULL;
    }
    if (ck->recursive) return NULL;         /* calls are inlined: there is no end */
    if (options->profile && !read_profile(ck, options->profile)) return NULL;
    if (ck->plan && !plan_fits(ck->plan, diags, ck->feature)) return NULL;
    check_until_fixed(ck);
    if (diags_errors(diags)) return NULL;
    check_marks(ck);
    ck->graph->nvars = ck->vars.n;
    ck->graph->hash = graph_hash(ck->graph);
    return ck->graph;
}
