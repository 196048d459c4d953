/* From terms to codes: every name gets a place in a frame. A value is computed
 * in the outermost scope that knows all it needs (eval_place.c), once: terms are
 * pure, so this changes no value; demand decides when. */
#include <string.h>
#include "eval_room.h"

static const Code *resolve(Eval *, const Term *);

static bool has_where(const Term *term) { return term->nargs > 1 && term->arg[1]; }

/* ---- scopes ---- */

static Scope *scope_push(Eval *ev) {
    Scope *scope = arena_new_of(ev->arena, Scope);
    if (++ev->depth >= (int)(sizeof ev->stack / sizeof *ev->stack))
        bug("eval: loops nested deeper than %d", ev->depth);
    scope->depth = ev->depth;
    ev->stack[ev->depth] = scope;
    return scope;
}

static int slot_set(Eval *ev, Scope *scope, const Var *var) {
    int slot = scope->nset++;
    scope->nslots = scope->nset;
    eval_home_set(ev, var, (VarHome){.depth = scope->depth, .slot = slot, .bound = true});
    return slot;
}

/* ---- codes ---- */

static Code *code_new(Eval *ev, CodeKind kind, const Term *term) {
    Code *code = arena_new_of(ev->arena, Code);
    code->kind = kind;
    code->term = term;
    code->type = term->type;
    code->at = ev->at;
    code->site = code->item = -1;
    return code;
}

static const Code *const *args_of(Eval *ev, Code *code, const Term *term) {
    code->nargs = term->nargs;
    code->arg = arena_array(ev->arena, const Code *, term->nargs + 1);
    return code->arg;
}

static void resolve_args(Eval *ev, Code *code, const Term *term) {
    args_of(ev, code, term);
    for (int i = 0; i < term->nargs; i++)
        if (term->arg[i]) code->arg[i] = resolve(ev, term->arg[i]);
}

/* The same value, read from a scope that stands `hops` deeper. */
static const Code *lifted(Eval *ev, const Code *code, int hops) {
    Code *copy;
    if (hops == 0 || code->kind == CODE_CONST || code->kind == CODE_TENSOR) return code;
    copy = arena_new_of(ev->arena, Code);
    *copy = *code;
    copy->hops += hops;
    return copy;
}

static bool needs_no_memo(const Code *code) {
    return code->kind == CODE_CONST || code->kind == CODE_SLOT ||
           code->kind == CODE_MEMO || code->kind == CODE_TENSOR;
}

static const Code *memo(Eval *ev, const Code *inner, Scope *scope) {
    Code *code;
    if (needs_no_memo(inner)) return inner;
    code = arena_new_of(ev->arena, Code);
    *code = *inner;
    code->kind = CODE_MEMO;
    code->inner = inner;
    code->hops = 0;
    code->slot = scope->nslots++;
    return code;
}

/* An outer scope in which something is resolved. What was placed under deeper
 * loops is placed anew; the scopes in between are put back. */
typedef struct Visit { int depth; Map placed; Scope **between; } Visit;

static Visit visit_begin(Eval *ev, const Term *term, int depth) {
    Visit visit = {ev->depth, ev->placed, NULL};
    size_t n = (size_t)(ev->depth - depth);
    if (n) {
        visit.between = arena_array(ev->arena, Scope *, n);
        memcpy(visit.between, ev->stack + depth + 1, sizeof *visit.between * n);
        ev->placed = (Map){.arena = ev->arena};
    }
    ev->depth = depth;
    eval_place(ev, term, depth);
    return visit;
}

static void visit_end(Eval *ev, Visit visit) {
    size_t n = (size_t)(visit.depth - ev->depth);
    if (!n) return;
    memcpy(ev->stack + ev->depth + 1, visit.between, sizeof *visit.between * n);
    ev->placed = visit.placed;
    ev->depth = visit.depth;
}

static const Code *resolve_at(Eval *ev, const Term *term, int depth) {
    Visit visit = visit_begin(ev, term, depth);
    const Code *code = resolve(ev, term);
    visit_end(ev, visit);
    return code;
}

static const Code *resolve_ref(Eval *ev, const Term *term) {
    const VarHome *home = &ev->home[term->var->id];
    Code *code;
    if (!home->bound || home->depth > ev->depth)
        bug("eval: `%s` is read outside of its scope", term->var->name);
    if (home->inner) return lifted(ev, home->inner, ev->depth - home->depth);
    code = code_new(ev, CODE_SLOT, term);
    code->type = term->var->type;
    code->hops = ev->depth - home->depth;
    code->slot = home->slot;
    return code;
}

static const Code *resolve_let(Eval *ev, const Term *term) {
    int depth = eval_deepest(eval_place(ev, term->arg[0], ev->depth), ev->depth);
    const Code *value = resolve_at(ev, term->arg[0], depth);
    value = memo(ev, value, ev->stack[depth]);
    eval_home_set(ev, term->var, (VarHome){depth, 0, value, true, true});
    return resolve(ev, term->arg[1]);
}

static void bounds_of(Eval *ev, Code *code, const Term *term) {
    code->from = arena_array(ev->arena, const Code *, term->nloops + 1);
    code->to = arena_array(ev->arena, const Code *, term->nloops + 1);
}

/* Dims below the loops, as the type tells them outside of the loops. */
static const Code **resolve_dims(Eval *ev, const Type *type, int from) {
    const Code **dims = arena_array(ev->arena, const Code *, type->rank + 1);
    for (int k = from; type->kind == TY_TENSOR && k < type->rank; k++)
        if (eval_dim_known(ev, type, k, ev->depth, true))
            dims[k] = resolve_at(ev, dim_term(ev->dims, type->dims[k]), ev->depth);
    return dims;
}

static void resolve_for(Eval *ev, Code *code, const Term *term) {
    int depth = ev->depth, n = term->nloops, own = has_where(term) ? 1 : n;
    const Type *type = term->type;
    bounds_of(ev, code, term);
    code->dim = arena_array(ev->arena, const Code **, type->n + 1);
    if (type->kind != TY_TUPLE) code->dim[0] = resolve_dims(ev, type, own);
    for (int i = 0; i < type->n; i++)
        code->dim[i] = resolve_dims(ev, type->items[i], own);
    code->scope = arena_array(ev->arena, Scope *, n);
    for (int k = 0; k < n; k++) {
        int at = has_where(term) ? depth + k : depth;
        code->from[k] = resolve_at(ev, term->loop[k].from, at);
        code->to[k] = resolve_at(ev, term->loop[k].to, at);
        code->scope[k] = scope_push(ev);
        slot_set(ev, code->scope[k], term->loop[k].var);
    }
    resolve_args(ev, code, term);
    ev->depth = depth;
}

static void resolve_fold(Eval *ev, Code *code, const Term *term) {
    int depth = ev->depth;
    Scope *scope;
    code->inits = arena_array(ev->arena, const Code *, term->nstates);
    for (int i = 0; i < term->nstates; i++) code->inits[i] = resolve(ev, term->inits[i]);
    bounds_of(ev, code, term);
    scope = scope_push(ev);
    code->scope = arena_new_of(ev->arena, Scope *);
    code->scope[0] = scope;
    for (int k = 0; k < term->nloops; k++) slot_set(ev, scope, term->loop[k].var);
    for (int i = 0; i < term->nstates; i++) slot_set(ev, scope, term->states[i]);
    for (int i = 0; term->news && i < term->nstates; i++)
        slot_set(ev, scope, term->news[i]);
    for (int k = 0; k < term->nloops; k++) {
        code->from[k] = resolve(ev, term->loop[k].from);
        code->to[k] = resolve(ev, term->loop[k].to);
    }
    resolve_args(ev, code, term);
    ev->depth = depth;
}

static void resolve_kernel(Eval *ev, Code *code, const Term *term) {
    int n = eval_given_count(term->kernel);
    resolve_args(ev, code, term);
    code->given = arena_array(ev->arena, const Code *, n + 1);
    for (int i = 0; term->given && i < n; i++)
        if (term->given[i]) code->given[i] = resolve(ev, term->given[i]);
}

static Tensor *constant_tensor(Eval *ev, const Term *term) {
    int64_t dims[PK_MAX_RANK] = {0};
    for (int k = 0; k < term->type->rank; k++)
        if (!type_dim(term->type, k, &dims[k])) bug("eval: a constant of unknown shape");
    return tensor_dense(&ev->constants, term->type, dims, term->data);
}

static void note_site(Eval *ev, Code *code) {
    code->reason = failure_reason(ev->arena, code->term);
    if (!code->reason && code->term->kind != TERM_KERNEL) return;
    code->site = ev->sites.n;
    code->field = ev->field;
    list_push(ev->arena, &ev->sites, (const Code *)code);
}

static const Code *resolve_term(Eval *ev, const Term *term) {
    Code *code = code_new(ev, CODE_TERM, term);
    switch (term->kind) {
    case TERM_CONST:
        code->kind = CODE_CONST;
        if (term->type->dtype == PL_F64) code->number.d = term->real;
        else if (dtype_is_float(term->type->dtype)) code->number.f = (float)term->real;
        else code->number.i = (int64_t)term->bits;
        return code;
    case TERM_DATA:
        code->kind = CODE_TENSOR;
        code->tensor = constant_tensor(ev, term);
        return code;
    case TERM_FOR: resolve_for(ev, code, term); break;
    case TERM_FOLD: case TERM_SCAN: resolve_fold(ev, code, term); break;
    case TERM_KERNEL: resolve_kernel(ev, code, term); break;
    default: resolve_args(ev, code, term); break;
    }
    if (term->otherwise) code->otherwise = resolve(ev, term->otherwise);
    note_site(ev, code);
    return code;
}

/* What is worth keeping once it has been computed. */
static bool is_heavy(const Term *term) {
    switch (term->kind) {
    case TERM_FOR: case TERM_FOLD: case TERM_SCAN: case TERM_REDUCE: case TERM_SCATTER:
    case TERM_TUPLE: case TERM_ARRAY: case TERM_KERNEL: case TERM_PERM: case TERM_LENGTHS:
    case TERM_PADDED: case TERM_PADDED_TO:
        return true;
    default:
        return term->type->kind == TY_TENSOR && term->type->rank > 0;
    }
}

static const Code *resolve_kept(Eval *ev, const Term *term) {
    bool fresh;
    int depth = ev->depth, home = eval_deepest(eval_place(ev, term, depth), depth);
    uint64_t *known = map_find(&ev->codes, term, home, &fresh);
    const Code *code = (const Code *)(uintptr_t)*known;
    Visit visit;
    if (code) return lifted(ev, code, depth - home);
    visit = visit_begin(ev, term, home);
    code = memo(ev, resolve_term(ev, term), ev->stack[home]);
    visit_end(ev, visit);
    *map_find(&ev->codes, term, home, &fresh) = (uint64_t)(uintptr_t)code;
    return lifted(ev, code, depth - home);
}

static const Code *resolve(Eval *ev, const Term *term) {
    const Place *at = ev->at;
    const Code *code;
    if (term->kind == TERM_REF) return resolve_ref(ev, term);
    if (term->at) ev->at = term->at;
    code = term->kind == TERM_LET ? resolve_let(ev, term)
           : is_heavy(term) ? resolve_kept(ev, term) : resolve_term(ev, term);
    ev->at = at;
    return code;
}

/* ---- the graph ---- */

static const Code *resolve_root(Eval *ev, const Term *term) {
    if (!term) return NULL;
    ev->at = term->at;
    eval_place(ev, term, ev->depth);
    return resolve(ev, term);
}

static Scope *root_scope(Eval *ev, int depth) {
    ev->depth = depth - 1;
    ev->root_depth = depth;
    return scope_push(ev);
}

/* A name whose value is computed in its own scope when it is read. */
static void define(Eval *ev, const Var *var, const Term *term) {
    const Code *code;
    ev->field = var->name;
    code = memo(ev, resolve_root(ev, term), ev->stack[ev->depth]);
    eval_home_set(ev, var, (VarHome){ev->depth, 0, code, true, true});
}

static void resolve_open(Eval *ev) {
    const Graph *graph = ev->graph;
    ev->open_scope = root_scope(ev, 0);
    for (int i = 0; i < graph->params.n; i++)
        if (graph->params.at[i].var)
            slot_set(ev, ev->open_scope, graph->params.at[i].var);
    for (int i = 0; i < graph->opens.n; i++) {
        define(ev, graph->opens.at[i].var, graph->opens.at[i].term);
        list_push(ev->arena, &ev->opens, eval_code_of(ev, graph->opens.at[i].var));
    }
    for (int i = 0; i < graph->nsource_args; i++)
        list_push(ev->arena, &ev->source_args, resolve_root(ev, graph->source_args[i]));
    for (int i = 0; i < COUNTS; i++)
        ev->count[i] = resolve_root(ev, graph->count[i]);
}

/* The fields of a row: made when they are read, from what `each` walks. */
static void resolve_rows(Eval *ev, const Node *node, const Code *walked) {
    for (int i = 0; i < node->nvars; i++) {
        const Code *inner;
        Code *code = arena_new_of(ev->arena, Code);
        *code = (Code){.kind = CODE_ROW, .type = node->vars[i]->type, .term = node->term,
                       .nargs = 1, .site = -1, .item = -1};
        code->arg = arena_new_of(ev->arena, const Code *);
        code->arg[0] = lifted(ev, walked, 1);
        if (walked->type->kind == TY_TUPLE) code->item = i;
        inner = memo(ev, code, ev->stack[ev->depth]);
        eval_home_set(ev, node->vars[i], (VarHome){ev->depth, 0, inner, true, true});
    }
}

static void resolve_node(Eval *ev, const Node *node) {
    EvalNode out = {node, NULL};
    if (node->kind == NODE_FIELD) {
        define(ev, node->vars[0], node->term);
        out.code = eval_code_of(ev, node->vars[0]);
    } else {
        ev->field = node->kind == NODE_WHERE ? "where" : "each";
        out.code = memo(ev, resolve_root(ev, node->term), ev->stack[ev->depth]);
    }
    list_push(ev->arena, &ev->nodes, out);
    if (node->kind != NODE_EACH) return;
    ev->record_scope[node->level + 1] = root_scope(ev, node->level + 2);
    resolve_rows(ev, node, out.code);
}

static void resolve_records(Eval *ev) {
    const Graph *graph = ev->graph;
    ev->record_scope[0] = root_scope(ev, 1);
    for (int i = 0; i < graph->source_fields.n; i++)
        slot_set(ev, ev->record_scope[0], graph->source_fields.at[i]);
    for (int i = 0; i < graph->nodes.n; i++) resolve_node(ev, &graph->nodes.at[i]);
}

static void resolve_below(Eval *ev) {
    const Graph *graph = ev->graph;
    ev->below_scope = root_scope(ev, 1);
    for (int i = 0; i < graph->batched.n; i++)
        slot_set(ev, ev->below_scope, graph->batched.at[i]);
    slot_set(ev, ev->below_scope, graph->rows);
    if (graph->valid) slot_set(ev, ev->below_scope, graph->valid);
    for (int i = 0; i < graph->below.n; i++)
        define(ev, graph->below.at[i].var, graph->below.at[i].term);
}

const Code *eval_code_of(const Eval *ev, const Var *var) {
    const VarHome *home = &ev->home[var->id];
    if (!home->bound) bug("eval: `%s` is not bound", var->name);
    return home->inner;
}

bool type_dim(const Type *type, int axis, int64_t *value) {
    return type->kind == TY_TENSOR && type->dims && type->dims[axis] &&
           dim_constant(type->dims[axis], value);
}

void eval_resolve(Eval *ev) {
    ev->nhome = ev->graph->nvars;
    ev->home = arena_array(ev->arena, VarHome, ev->nhome + 1);
    ev->placed.arena = ev->codes.arena = ev->arena;
    ev->dims = dim_table(ev->arena);
    resolve_open(ev);
    resolve_records(ev);
    resolve_below(ev);
}
