/* Invariants of terms and graphs (term.h), tested after every pass. A broken one
 * is a bug of the stage named last.
 *
 * Names: each is bound by one term, and read only below it. For every term the
 * set of its free names is found once (terms are shared), so that reading out
 * of scope is seen wherever a shared term stands. */
#include <stdlib.h>
#include <string.h>
#include "dim.h"
#include "term.h"
#include "term_build.h"

typedef struct Names { int n; const Var **at; } Names;     /* sorted by id */

typedef struct Entry { const Term *term; Names free; } Entry;

typedef struct Verifier {
    Arena *arena;
    const Graph *graph;
    const char *after;
    Entry *entry; int room, n;  /* by term */
    const Term **binder;        /* by variable */
} Verifier;

_Noreturn static void broken(const Verifier *v, const Term *term, const char *what) {
    const char *op = NULL;
    int line = place_line(term->at, v->graph->file, &op);
    if (getenv("PIPEC_DEBUG")) print_term(stderr, term);
    bug("after %s: line %d%s%s: %s", v->after, line, op ? ", " : "", op ? op : "", what);
}

static void need(const Verifier *v, const Term *term, bool truth, const char *what) {
    if (!truth) broken(v, term, what);
}

/* ---- sets of names ---- */

static Names with(Verifier *v, Names a, Names b) {
    Names all = {0};
    int i = 0, j = 0;
    if (!a.n) return b;
    if (!b.n) return a;
    all.at = arena_array(v->arena, const Var *, a.n + b.n);
    while (i < a.n || j < b.n) {
        int order = i == a.n ? 1 : j == b.n ? -1 : a.at[i]->id - b.at[j]->id;
        all.at[all.n++] = order <= 0 ? a.at[i] : b.at[j];
        i += order <= 0;
        j += order >= 0;
    }
    return all;
}

static Names without(Verifier *v, Names a, const Var *var) {
    Names rest = {0, arena_array(v->arena, const Var *, a.n + 1)};
    for (int i = 0; i < a.n; i++)
        if (a.at[i] != var) rest.at[rest.n++] = a.at[i];
    return rest;
}

static bool has(Names names, const Var *var) {
    for (int i = 0; i < names.n; i++)
        if (names.at[i] == var) return true;
    return false;
}

/* ---- types ---- */

static bool is_scalar(const Type *type) {
    return type->kind == TY_TENSOR && type->rank == 0;
}

static bool is_dtype(const Type *type, pl_dtype d) {
    return is_scalar(type) && type->dtype == d;
}

static bool is_tensor(const Type *type) {
    return type->kind == TY_TENSOR && type->rank > 0;
}

/* The same but for dims. */
static bool alike(const Type *a, const Type *b) {
    if (a->kind != b->kind || a->n != b->n) return false;
    if (a->kind == TY_TENSOR && (a->rank != b->rank || a->dtype != b->dtype))
        return false;
    for (int i = 0; i < a->n; i++)
        if (!alike(a->items[i], b->items[i])) return false;
    return true;
}

static const char *const classes[OP_COUNT] = {
#define OP(name, arity, classes) classes,
#include "ops.def"
#undef OP
};

static bool in_class(Op op, pl_dtype d) {
    char c = d == PL_BOOL ? 'b' : dtype_is_float(d) ? 'f' : 'i';
    return strchr(classes[op], c) != NULL;
}

static pl_dtype result_of(const Term *term, pl_dtype from) {
    Op op = term->op;
    if (op >= OP_EQ && op <= OP_GE) return PL_BOOL;
    if (op == OP_NOT) return PL_BOOL;
    if (op == OP_BITS || op == OP_FROM_BITS || op == OP_WRAP || op == OP_CONVERT)
        return term->type->dtype;
    return from;
}

static void verify_op(const Verifier *v, const Term *term) {
    bool shift = term->op == OP_SHL || term->op == OP_SHR;
    pl_dtype from;
    need(v, term, term->nargs == op_arity[term->op], "a wrong number of operands");
    for (int i = 0; i < term->nargs; i++)
        need(v, term, is_scalar(term->arg[i]->type), "an operand is no scalar");
    from = term->arg[0]->type->dtype;
    need(v, term, in_class(term->op, from), "an operation on a wrong dtype");
    for (int i = 1; i < term->nargs && !shift; i++)
        need(v, term, term->arg[i]->type->dtype == from, "operands of different dtypes");
    if (shift)
        need(v, term, dtype_is_integer(term->arg[1]->type->dtype),
             "a shift by no integer");
    need(v, term, is_dtype(term->type, result_of(term, from)),
         "an operation of a wrong result");
    if (term->op == OP_BITS || term->op == OP_FROM_BITS)
        need(v, term, dtype_size(from) == dtype_size(term->type->dtype),
             "bits of another width");
}

static void verify_index(const Verifier *v, const Term *term) {
    const Type *type = term->arg[0]->type;
    TermKind kind = term->arg[0]->kind;
    need(v, term, is_tensor(type) && type->rank == term->nargs - 1,
         "subscripts of a wrong number");
    need(v, term, kind == TERM_REF || kind == TERM_DATA, "subscripts of no name");
    need(v, term, is_dtype(term->type, type->dtype), "an element of a wrong dtype");
    for (int k = 1; k < term->nargs; k++)
        need(v, term, is_dtype(term->arg[k]->type, PL_I64), "a subscript is no i64");
    if (term->otherwise)
        need(v, term, is_dtype(term->otherwise->type, type->dtype),
             "a value after `else` of a wrong dtype");
}

static void verify_dim(const Verifier *v, const Term *term) {
    const Term *of = term->arg[0];
    while (of->kind == TERM_GET) of = of->arg[0];
    need(v, term, of->kind == TERM_REF, "a dimension of no name");
    need(v, term,
         is_tensor(term->arg[0]->type) && term->axis >= 0 &&
             term->axis < term->arg[0]->type->rank,
         "a dimension that is not there");
    need(v, term, is_dtype(term->type, PL_I64), "a dimension is no i64");
}

/* ---- loops ---- */

static const Term *arg_or_none(const Term *term, int i) {
    return i < term->nargs ? term->arg[i] : NULL;
}

static void verify_bounds(const Verifier *v, const Term *term) {
    need(v, term, term->nloops > 0 && term->nloops <= PK_MAX_RANK, "a number of loops");
    for (int k = 0; k < term->nloops; k++) {
        need(v, term, is_dtype(term->loop[k].from->type, PL_I64) &&
                          is_dtype(term->loop[k].to->type, PL_I64), "a bound is no i64");
        need(v, term, is_dtype(term->loop[k].var->type, PL_I64), "an index is no i64");
    }
    if (arg_or_none(term, 1))
        need(v, term, is_dtype(term->arg[1]->type, PL_BOOL), "a `where` that is no bool");
}

/* type is a tensor of `more` dims above those of body; or tuples of such. */
static bool stacked(const Type *type, const Type *body, int more) {
    if (type->kind != body->kind || type->n != body->n) return false;
    for (int i = 0; i < type->n; i++)
        if (!stacked(type->items[i], body->items[i], more)) return false;
    return type->kind != TY_TENSOR ||
           (type->dtype == body->dtype && type->rank == body->rank + more &&
            type->rank <= PK_MAX_RANK);
}

static void verify_for(const Verifier *v, const Term *term) {
    verify_bounds(v, term);
    need(v, term, stacked(term->type, term->arg[0]->type,
                          arg_or_none(term, 1) ? 1 : term->nloops),
         "a `for` whose type is not that of its body");
}

static void verify_states(const Verifier *v, const Term *term) {
    const Type *body = term->arg[0]->type;
    for (int i = 0; i < term->nstates; i++) {
        const Type *type = term->states[i]->type;
        const Type *new = term->nstates == 1 ? body : i < body->n ? body->items[i] : NULL;
        need(v, term, new && alike(new, type), "a new state of a wrong type");
        need(v, term, alike(term->inits[i]->type, type), "a start of a wrong type");
        if (arg_or_none(term, 2))
            need(v, term, term->news && term->news[i] && alike(term->news[i]->type, type),
                 "an `until` without new states");
    }
    if (arg_or_none(term, 2))
        need(v, term, is_dtype(term->arg[2]->type, PL_BOOL),
             "an `until` that is no bool");
}

static void verify_fold(const Verifier *v, const Term *term) {
    verify_bounds(v, term);
    need(v, term, term->nstates > 0, "a fold without states");
    verify_states(v, term);
    for (int i = 0; i < term->nstates; i++) {
        const Type *type = term->nstates == 1 ? term->type : term->type->items[i];
        bool fits = term->kind == TERM_SCAN ? stacked(type, term->states[i]->type, 1)
                                            : alike(type, term->states[i]->type);
        need(v, term, fits, "a fold whose type is not that of its states");
    }
}

/* ---- the others ---- */

static void verify_reduce(const Verifier *v, const Term *term) {
    pl_dtype d;
    need(v, term, term->nargs == 1 && is_tensor(term->arg[0]->type),
         "a reduction of no tensor");
    d = term->arg[0]->type->dtype;
    switch (term->reduction) {
    case RED_MIN: case RED_MAX:
        need(v, term, is_dtype(term->type, d), "min or max of another dtype");
        return;
    case RED_ANY: case RED_ALL: case RED_COUNT:
        need(v, term, d == PL_BOOL, "any, all or count of no bools");
        return;
    case RED_ARGMIN: case RED_ARGMAX:
        need(v, term, is_dtype(term->type, PL_I64), "a place is no i64");
        return;
    case RED_SUM: case RED_PRODUCT: case RED_MEAN: break;
    }
    need(v, term, !dtype_is_float(d) || is_dtype(term->type, d),
         "a float sum of another dtype");
}

static void verify_scatter(const Verifier *v, const Term *term) {
    need(v, term, term->nargs == 3 && is_tensor(term->arg[0]->type) &&
                      term->arg[0]->type->rank == 1, "a scatter into no vector");
    need(v, term, alike(term->type, term->arg[0]->type), "a scatter of a wrong type");
    need(v, term, is_tensor(term->arg[1]->type) && term->arg[1]->type->dtype == PL_I64,
         "places that are no i64");
    need(v, term, term->arg[2]->type->dtype == term->type->dtype &&
                      (term->arg[2]->type->rank == 0 ||
                       term->arg[2]->type->rank == term->arg[1]->type->rank),
         "scattered values of a wrong type");
}

static void verify_array(const Verifier *v, const Term *term) {
    need(v, term, term->type->kind == TY_TENSOR, "a list that is no tensor");
    for (int i = 0; i < term->nargs; i++)
        need(v, term, stacked(term->type, term->arg[i]->type, 1),
             "an item of a wrong type");
}

static void verify_tuple(const Verifier *v, const Term *term) {
    need(v, term, term->type->kind == TY_TUPLE && term->type->n == term->nargs,
         "a tuple of a wrong length");
    for (int i = 0; i < term->nargs; i++)
        need(v, term, alike(term->type->items[i], term->arg[i]->type),
             "an item of a wrong type");
}

static void verify_get(const Verifier *v, const Term *term) {
    const Type *type = term->arg[0]->type;
    need(v, term, type->kind == TY_TUPLE && term->axis >= 0 && term->axis < type->n,
         "an item that is not there");
    need(v, term, alike(type->items[term->axis], term->type), "an item of a wrong type");
}

static void verify_kernel(const Verifier *v, const Term *term) {
    const Kernel *kernel = term->kernel;
    need(v, term, kernel && kernel->nparams == term->nargs, "a kernel's arguments");
    for (int i = 0; i < term->nargs; i++)
        need(v, term, alike(kernel->params[i], term->arg[i]->type),
             "an argument of a wrong type");
    if (term->type->kind == TY_TUPLE)
        need(v, term, term->type->n == kernel->nresults, "a kernel's results");
    else need(v, term, kernel->nresults == 1, "a kernel's result");
}

static void verify_check(const Verifier *v, const Term *term) {
    static const int operands[] = {[CHECK_EQUAL] = 2, [CHECK_SIZE] = 1, [CHECK_SLICE] = 3,
                                   [CHECK_SUBSCRIPT] = 2};
    need(v, term, alike(term->type, term->arg[0]->type), "a test changes the type");
    for (int i = 1; i <= operands[term->check]; i++)
        need(v, term,
             i < term->nargs && term->arg[i] &&
                 is_dtype(term->arg[i]->type, PL_I64),
             "an operand of a test is no i64");
}

static void verify_if(const Verifier *v, const Term *term) {
    need(v, term, term->nargs == 3 && is_dtype(term->arg[0]->type, PL_BOOL),
         "a condition that is no bool");
    need(v, term,
         alike(term->type, term->arg[1]->type) &&
             alike(term->type, term->arg[2]->type),
         "branches of different types");
}

static void verify_data(const Verifier *v, const Term *term) {
    int64_t n;
    need(v, term, term->data != NULL, "a constant without data");
    for (int k = 0; k < term->type->rank; k++)
        need(v, term, term->type->dims && dim_constant(term->type->dims[k], &n),
             "a constant of unknown shape");
}

static void verify_padded(const Verifier *v, const Term *term) {
    need(v, term, term->arg[0]->type->kind == TY_RAGGED, "padding of what is not ragged");
    if (term->kind == TERM_LENGTHS) return;
    need(v, term, term->nargs == 3 && is_dtype(term->arg[1]->type, term->type->dtype) &&
                      is_dtype(term->arg[2]->type, PL_I64), "padding of a wrong type");
}

static void verify_type(const Verifier *v, const Term *term) {
    if (term->stop)
        need(v, term, is_dtype(term->stop->type, PL_I64) &&
                          (term->kind == TERM_FOR ? arg_or_none(term, 1) != NULL
                                                  : term->kind == TERM_KERNEL),
             "an end where none can be");
    switch (term->kind) {
    case TERM_CONST:
        need(v, term, is_scalar(term->type), "a constant that is no scalar");
        break;
    case TERM_DATA: verify_data(v, term); break;
    case TERM_REF:
        need(v, term, alike(term->type, term->var->type), "a name's type");
        break;
    case TERM_LET:
        need(v, term, alike(term->type, term->arg[1]->type), "a let changes the type");
        need(v, term, alike(term->var->type, term->arg[0]->type),
             "a name of a wrong type");
        break;
    case TERM_OP: verify_op(v, term); break;
    case TERM_IF: verify_if(v, term); break;
    case TERM_FOR: verify_for(v, term); break;
    case TERM_FOLD: case TERM_SCAN: verify_fold(v, term); break;
    case TERM_REDUCE: verify_reduce(v, term); break;
    case TERM_SCATTER: verify_scatter(v, term); break;
    case TERM_INDEX: verify_index(v, term); break;
    case TERM_DIM: verify_dim(v, term); break;
    case TERM_TUPLE: verify_tuple(v, term); break;
    case TERM_GET: verify_get(v, term); break;
    case TERM_ARRAY: verify_array(v, term); break;
    case TERM_KERNEL: verify_kernel(v, term); break;
    case TERM_DRAW:
        need(v, term, is_dtype(term->type, term->width == 64 ? PL_U64 : PL_U32) &&
                          is_dtype(term->arg[0]->type, PL_I64), "a draw of a wrong type");
        break;
    case TERM_PERM:
        need(v, term,
             is_dtype(term->arg[0]->type, PL_I64) &&
                 is_dtype(term->arg[1]->type, PL_I64),
             "a permutation of no i64");
        break;
    case TERM_FAIL: need(v, term, term->text != NULL, "a failure without reason"); break;
    case TERM_CHECK: verify_check(v, term); break;
    case TERM_LENGTHS:
    case TERM_PADDED:
    case TERM_PADDED_TO:
        verify_padded(v, term);
        break;
    }
}

/* ---- names ---- */

static void bind(Verifier *v, const Term *term, const Var *var) {
    need(v, term, var->id >= 0 && var->id < v->graph->nvars, "a name without a number");
    need(v, term, !v->binder[var->id] || v->binder[var->id] == term,
         "a name is bound twice");
    v->binder[var->id] = term;
}

static Names names_of(Verifier *, const Term *);

typedef struct Union { Verifier *v; Names all; } Union;

static void add_names(const Term *term, void *data) {
    Union *u = data;
    u->all = with(u->v, u->all, names_of(u->v, term));
}

static Names of_args(Verifier *v, const Term *term) {
    Union u = {v, {0}};
    for (int i = 0; i < term->nargs; i++)
        if (term->arg[i]) add_names(term->arg[i], &u);
    return u.all;
}

/* Bounds see the indices before them where the loops run in order. */
static Names of_bounds(Verifier *v, const Term *term, Names names) {
    bool ordered = term->kind != TERM_FOR || arg_or_none(term, 1);
    for (int k = term->nloops - 1; k >= 0; k--) {
        if (ordered) names = without(v, names, term->loop[k].var);
        names = with(v, names, names_of(v, term->loop[k].from));
        names = with(v, names, names_of(v, term->loop[k].to));
    }
    return names;
}

static Names of_loops(Verifier *v, const Term *term) {
    Names names = of_args(v, term);
    for (int k = 0; k < term->nloops; k++) {
        bind(v, term, term->loop[k].var);
        names = without(v, names, term->loop[k].var);
    }
    for (int i = 0; i < term->nstates; i++) {
        bind(v, term, term->states[i]);
        names = without(v, names, term->states[i]);
        if (!term->news || !term->news[i]) continue;
        bind(v, term, term->news[i]);
        names = without(v, names, term->news[i]);
    }
    names = of_bounds(v, term, names);
    for (int i = 0; i < term->nstates; i++)
        names = with(v, names, names_of(v, term->inits[i]));
    return term->stop ? with(v, names, names_of(v, term->stop)) : names;
}

static Names find_names(Verifier *v, const Term *term) {
    Union u = {v, {0}};
    switch (term->kind) {
    case TERM_REF:
        u.all = (Names){1, arena_new_of(v->arena, const Var *)};
        u.all.at[0] = term->var;
        return u.all;
    case TERM_LET:
        bind(v, term, term->var);
        u.all = names_of(v, term->arg[1]);
        u.all = without(v, u.all, term->var);
        return with(v, names_of(v, term->arg[0]), u.all);
    case TERM_FOR: case TERM_FOLD: case TERM_SCAN: return of_loops(v, term);
    default:
        term_children(term, add_names, &u);
        return u.all;
    }
}

static Entry *entry_of(Verifier *v, const Term *term) {
    size_t i = ((uintptr_t)term >> 4) * 0x9E3779B97F4A7C15u >> 20;
    for (i &= (size_t)v->room - 1; v->entry[i].term && v->entry[i].term != term;)
        i = (i + 1) & ((size_t)v->room - 1);
    return &v->entry[i];
}

static void grow(Verifier *v) {
    Entry *old = v->entry;
    int n = v->room;
    v->room = n ? 2 * n : 1024;
    v->entry = arena_array(v->arena, Entry, v->room);
    for (int i = 0; i < n; i++)
        if (old[i].term) *entry_of(v, old[i].term) = old[i];
}

static Names names_of(Verifier *v, const Term *term) {
    Entry *entry;
    Names names;
    if (2 * v->n >= v->room) grow(v);
    entry = entry_of(v, term);
    if (entry->term) return entry->free;
    if (!term->type) broken(v, term, "a term without type");
    names = find_names(v, term);
    verify_type(v, term);
    entry = entry_of(v, term);
    *entry = (Entry){term, names};
    v->n++;
    return names;
}

/* ---- the graph ---- */

static void verify_root(Verifier *v, const Term *term, Names scope) {
    Names names;
    if (!term) return;
    names = names_of(v, term);
    for (int i = 0; i < names.n; i++)
        if (!has(scope, names.at[i]))
            bug("after %s: `%s` (%d) is read outside of its scope", v->after,
                names.at[i]->name, names.at[i]->id);
}

static void declare(Verifier *v, Names *scope, const Var *var) {
    Names one = {1, arena_new_of(v->arena, const Var *)};
    if (var->id < 0 || var->id >= v->graph->nvars || has(*scope, var))
        bug("after %s: `%s` is defined twice", v->after, var->name);
    one.at[0] = var;
    *scope = with(v, *scope, one);
}

static Names verify_open(Verifier *v) {
    const Graph *graph = v->graph;
    Names scope = {0};
    for (int i = 0; i < graph->params.n; i++)
        if (graph->params.at[i].var) declare(v, &scope, graph->params.at[i].var);
    for (int i = 0; i < graph->opens.n; i++) {
        verify_root(v, graph->opens.at[i].term, scope);
        declare(v, &scope, graph->opens.at[i].var);
    }
    for (int i = 0; i < graph->nsource_args; i++)
        verify_root(v, graph->source_args[i], scope);
    for (int i = 0; i < COUNTS; i++) verify_root(v, graph->count[i], scope);
    return scope;
}

static void verify_node(Verifier *v, const Node *node, Names *scope) {
    verify_root(v, node->term, *scope);
    switch (node->kind) {
    case NODE_WHERE:
        need(v, node->term, is_dtype(node->term->type, PL_BOOL),
             "a `where` that is no bool");
        break;
    case NODE_FIELD:
        need(v, node->term,
             node->nvars == 1 && alike(node->vars[0]->type, node->term->type),
             "a field of a wrong type");
        break;
    case NODE_EACH:
        for (int i = 0; i < node->nvars; i++) {
            const Type *type = node->term->type;
            if (type->kind == TY_TUPLE) type = type->items[i];
            need(v, node->term, stacked(type, node->vars[i]->type, 1),
                 "rows of `each` of a wrong type");
        }
        break;
    }
    for (int i = 0; i < node->nvars; i++) declare(v, scope, node->vars[i]);
}

static void verify_outputs(const Verifier *v) {
    for (int i = 0; i < v->graph->outputs.n; i++) {
        const Term *term = v->graph->outputs.at[i].term;
        need(v, term, term->kind == TERM_REF && (term->var->kind == VAR_BATCHED ||
                                                 term->var->kind == VAR_BELOW),
             "an output that is no name of the batch");
    }
}

void verify_graph(const Graph *graph, const char *after) {
    Verifier v = {.arena = arena_new(), .graph = graph, .after = after};
    Names open, scope;
    v.binder = arena_array(v.arena, const Term *, graph->nvars + 1);
    open = scope = verify_open(&v);
    for (int i = 0; i < graph->source_fields.n; i++)
        declare(&v, &scope, graph->source_fields.at[i]);
    for (int i = 0; i < graph->nodes.n; i++) verify_node(&v, &graph->nodes.at[i], &scope);
    for (int i = 0; i < graph->batched.n; i++) {
        if (!has(scope, graph->batched.at[i]->of))
            bug("after %s: the batched field `%s` is no field", after,
                graph->batched.at[i]->name);
        declare(&v, &open, graph->batched.at[i]);
    }
    declare(&v, &open, graph->rows);
    if (graph->valid) declare(&v, &open, graph->valid);
    for (int i = 0; i < graph->below.n; i++) {
        verify_root(&v, graph->below.at[i].term, open);
        declare(&v, &open, graph->below.at[i].var);
    }
    for (int i = 0; i < graph->outputs.n; i++)
        verify_root(&v, graph->outputs.at[i].term, open);
    verify_outputs(&v);
    arena_free(v.arena);
}
