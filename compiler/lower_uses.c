/* Who reads what: definitions by name, what is demanded of each name (its data,
 * or its dims alone), how often. What nobody demands is not made. Exact: values are made
 * without effects, and a field that fails a record does so where it is read. */
#include <stdlib.h>
#include "lower_room.h"

/* ---- maps from (term, key) to a number ---- */

typedef struct Slot { const Term *term; int64_t key; uint64_t number; } Slot;
struct TermMap { Slot *at; size_t room, n; };

TermMap *map_new(void) {
    TermMap *m = calloc(1, sizeof *m);
    if (!m) bug("out of memory");
    return m;
}

void map_free(TermMap *m) {
    if (!m) return;
    free(m->at);
    free(m);
}

static Slot *map_slot(TermMap *m, const Term *term, int64_t key) {
    uint64_t h = ((uint64_t)(uintptr_t)term >> 4) * 0x9E3779B97F4A7C15u + (uint64_t)key;
    size_t i = (h ^ h >> 31) & (m->room - 1);
    while (m->at[i].term && (m->at[i].term != term || m->at[i].key != key))
        i = (i + 1) & (m->room - 1);
    return &m->at[i];
}

static void map_grow(TermMap *m) {
    TermMap old = *m;
    m->room = old.room ? 2 * old.room : 64;
    m->at = calloc(m->room, sizeof *m->at);
    if (!m->at) bug("out of memory");
    for (size_t i = 0; i < old.room; i++)
        if (old.at[i].term) *map_slot(m, old.at[i].term, old.at[i].key) = old.at[i];
    free(old.at);
}

uint64_t *map_at(TermMap *m, const Term *term, int64_t key, bool *fresh) {
    Slot *slot;
    if (2 * m->n >= m->room) map_grow(m);
    slot = map_slot(m, term, key);
    *fresh = !slot->term;
    if (*fresh) {
        slot->term = term;
        slot->key = key;
        m->n++;
    }
    return &slot->number;
}

/* ---- children, by what is wanted of the term ---- */

static bool has_dims(const Type *type) {
    if (type->kind == TY_TUPLE) {
        for (int i = 0; i < type->n; i++)
            if (has_dims(type->items[i])) return true;
        return false;
    }
    return type->kind == TY_RAGGED || (type->kind == TY_TENSOR && type->rank > 0);
}

static void args(const Term *term, int from, Use use, UseFn *visit, void *data) {
    for (int i = from; i < term->nargs; i++)
        if (term->arg[i]) visit(term->arg[i], use, data);
}

static void bounds(const Term *term, UseFn *visit, void *data) {
    for (int i = 0; i < term->nloops; i++) {
        visit(term->loop[i].from, USE_DATA, data);
        visit(term->loop[i].to, USE_DATA, data);
    }
}

static int given_count(const Kernel *kernel) {
    int n = 0;
    for (int r = 0; r < kernel->nresults; r++)
        if (kernel->results[r]->kind == TY_TENSOR) n += kernel->results[r]->rank;
    return n;
}

static void given(const Term *term, UseFn *visit, void *data) {
    if (!term->given) return;
    for (int i = given_count(term->kernel) - 1; i >= 0; i--)
        if (term->given[i]) visit(term->given[i], USE_DATA, data);
}

static bool all_given(const Term *term) {
    for (int i = given_count(term->kernel) - 1; i >= 0; i--)
        if (!term->given || !term->given[i]) return false;
    return true;
}

typedef struct Visitor { UseFn *visit; void *data; } Visitor;

static bool visit_symbol(const Term *term, void *data) {
    const Visitor *v = data;
    v->visit(term, USE_DATA, v->data);
    return false;
}

/* Dims of a loop's body as seen from outside: what its type tells is computed
 * from the type (gen_body_dim), the rest by looking into the body. */
static void body_dims(const Term *term, const Type *type, int from, UseFn *visit,
                      void *data) {
    Visitor v = {visit, data};
    if (type->kind == TY_TUPLE) {
        for (int i = 0; i < type->n; i++)
            body_dims(term, type->items[i], from, visit, data);
        return;
    }
    for (int k = from; k < type->rank; k++) {
        if (type->dims && type->dims[k]) dim_any_symbol(type->dims[k], visit_symbol, &v);
        else visit(term->arg[0], USE_DIMS, data);
    }
}

static int body_axis(const Term *term) {
    return term->kind == TERM_SCAN || (term->nargs > 1 && term->arg[1]) ? 1 : term->nloops;
}

static void data_children(const Term *term, UseFn *visit, void *data) {
    int from = 0;
    if (term->kind == TERM_DIM) {
        visit(term->arg[0], USE_DIMS, data);
        return;
    }
    if (term->kind == TERM_LET) from = 1;       /* the value is reached by its name */
    args(term, from, USE_DATA, visit, data);
    bounds(term, visit, data);
    for (int i = 0; i < term->nstates; i++) visit(term->inits[i], USE_DATA, data);
    if (term->kind == TERM_FOR || term->kind == TERM_SCAN)
        body_dims(term, term->type, body_axis(term), visit, data);
    if (term->otherwise) visit(term->otherwise, USE_DATA, data);
    if (term->stop) visit(term->stop, USE_DATA, data);
    if (term->kind == TERM_KERNEL) given(term, visit, data);
}

static void dims_children(const Term *term, UseFn *visit, void *data) {
    switch (term->kind) {
    case TERM_LET: visit(term->arg[1], USE_DIMS, data); return;
    case TERM_IF:
        visit(term->arg[0], USE_DATA, data);
        args(term, 1, USE_DIMS, visit, data);
        return;
    case TERM_CHECK:
        visit(term->arg[0], USE_DIMS, data);
        if (!term->proved) args(term, 1, USE_DATA, visit, data);
        return;
    case TERM_FOR:
        if (term->nargs > 1 && term->arg[1]) break;
        bounds(term, visit, data);
        body_dims(term, term->type, term->nloops, visit, data);
        return;
    case TERM_FOLD:
        for (int i = 0; i < term->nstates; i++) visit(term->inits[i], USE_DIMS, data);
        return;
    case TERM_KERNEL:
        given(term, visit, data);
        if (!all_given(term)) args(term, 0, USE_DATA, visit, data);
        if (term->stop) visit(term->stop, USE_DATA, data);
        return;
    case TERM_SCATTER: case TERM_ARRAY:
        if (term->nargs) visit(term->arg[0], USE_DIMS, data);
        return;
    case TERM_TUPLE: case TERM_GET: args(term, 0, USE_DIMS, visit, data); return;
    case TERM_PERM: visit(term->arg[0], USE_DATA, data); return;
    default: break;
    }
    data_children(term, visit, data);
}

void use_children(const Term *term, Use use, UseFn *visit, void *data) {
    if (use == USE_DATA) data_children(term, visit, data);
    else if (has_dims(term->type)) dims_children(term, visit, data);
}

static bool kernel_tells(const Term *term, int result) {
    const Kernel *kernel = term->kernel;
    int at = 0;
    for (int r = 0; r < kernel->nresults; r++) {
        if (kernel->results[r]->kind != TY_TENSOR) continue;
        for (int a = 0; a < kernel->results[r]->rank; a++, at++) {
            bool told = term->given && term->given[at];
            for (int p = 0; p < kernel->npeek; p++)
                told |= kernel->peek[p].result == r && kernel->peek[p].axis == a;
            if (!told && (result < 0 || result == r)) return false;
        }
    }
    return true;
}

bool dims_need_data(Lowering *all, const Term *term) {
    const Term *of;
    switch (term->kind) {
    case TERM_LET: return dims_need_data(all, term->arg[1]);
    case TERM_CHECK: return dims_need_data(all, term->arg[0]);
    case TERM_IF:
        return dims_need_data(all, term->arg[1]) || dims_need_data(all, term->arg[2]);
    case TERM_FOR: return term->nargs > 1 && term->arg[1];
    case TERM_SCAN: return true;
    case TERM_KERNEL: return !kernel_tells(term, -1);
    case TERM_GET:
        of = term->arg[0];
        if (of->kind == TERM_REF && of->var->id < all->def.n && all->def.at[of->var->id])
            of = all->def.at[of->var->id];
        if (of->kind == TERM_KERNEL) return !kernel_tells(of, term->axis);
        return of->kind != TERM_REF && dims_need_data(all, of);
    case TERM_PADDED: return true;
    default: return false;
    }
}

/* ---- paths ---- */

typedef struct Paths { Lowering *all; const Var *var; uint64_t sum; } Paths;

static void add_paths(const Term *term, Use use, void *data) {
    Paths *p = data;
    p->sum += use_paths(p->all, term, use, p->var);
}

const Term *definition_of(const Lowering *all, const Var *var) {
    return var->id < all->def.n ? all->def.at[var->id] : NULL;
}

uint64_t use_paths(Lowering *all, const Term *term, Use use, const Var *var) {
    Paths p = {all, var, 0};
    bool fresh;
    uint64_t *known;
    if (term->kind == TERM_REF) {
        if (term->var == var) return use == USE_DATA;
        return definition_of(all, term->var)
                   ? use_paths(all, definition_of(all, term->var), use, var) : 0;
    }
    known = map_at(all->paths, term, (int64_t)var->id * 2 + use, &fresh);
    if (!fresh) return *known;
    use_children(term, use, add_paths, &p);
    *map_at(all->paths, term, (int64_t)var->id * 2 + use, &fresh) = p.sum;
    return p.sum;
}

/* ---- definitions ---- */

typedef struct Finder { Lowering *all; TermMap *seen; } Finder;

static void define(Lowering *all, const Var *var, const Term *term) {
    while (all->def.n <= var->id) list_push(all->arena, &all->def, NULL);
    all->def.at[var->id] = term;
}

static void find_lets(const Term *term, void *data) {
    Finder *f = data;
    bool fresh;
    map_at(f->seen, term, 0, &fresh);
    if (!fresh) return;
    if (term->kind == TERM_LET) define(f->all, term->var, term->arg[0]);
    term_children(term, find_lets, data);
}

const Var *var_own(Lowering *all, VarKind kind, const char *name, const Type *type,
                   int level) {
    Var *var = arena_new_of(all->arena, Var);
    *var = (Var){.kind = kind, .name = name, .id = all->nvars++, .type = type,
                 .level = level};
    return var;
}

/* x[row], or the tensor of what lies below it. */
static const Term *row_of(Lowering *all, const Term *tensor, const Var *row,
                          const Type *type) {
    Arena *arena = all->arena;
    Term *index = term_new(arena, TERM_INDEX, type_scalar(type->dtype), NULL,
                           type->rank + 2, tensor, NULL, NULL, NULL, NULL, NULL, NULL,
                           NULL, NULL, NULL), *loop;
    index->proved = ~0u;
    index->arg[1] = term_ref(arena, row);
    if (!type->rank) return index;
    loop = term_new(arena, TERM_FOR, type, NULL, 1, (const Term *)index);
    Loop *loops = arena_array(arena, Loop, type->rank);
    for (int k = 0; k < type->rank; k++) {
        const Var *var = var_own(all, VAR_INDEX, "i", type_scalar(PL_I64), row->level);
        Term *dim = term_new(arena, TERM_DIM, type_scalar(PL_I64), NULL, 1, tensor);
        dim->axis = k + 1;
        index->arg[k + 2] = term_ref(arena, var);
        loops[k] = (Loop){var, term_int(arena, PL_I64, 0), dim};
    }
    loop->nloops = type->rank;
    loop->loop = loops;
    return loop;
}

static void define_each(Lowering *all, const Node *node) {
    int level = node->level;
    const Type *type = node->term->type;
    const Var *each = var_own(all, VAR_FIELD, "each", type, level);
    const Var *row = var_own(all, VAR_INDEX, "row", type_scalar(PL_I64), level + 1);
    const Term *ref = term_ref(all->arena, each);
    all->each[level] = each;
    all->row[level + 1] = row;
    define(all, each, node->term);
    for (int i = 0; i < node->nvars; i++) {
        Term *item = (Term *)ref;
        if (type->kind == TY_TUPLE) {
            item = term_new(all->arena, TERM_GET, type->items[i], NULL, 1, ref);
            item->axis = i;
        }
        define(all, node->vars[i], row_of(all, item, row, node->vars[i]->type));
    }
}

void find_definitions(Lowering *all) {
    const Graph *graph = all->graph;
    Finder f = {all, map_new()};
    all->nvars = graph->nvars;
    for (int i = 0; i < graph->opens.n; i++) {
        define(all, graph->opens.at[i].var, graph->opens.at[i].term);
        find_lets(graph->opens.at[i].term, &f);
    }
    for (int i = 0; i < graph->nsource_args; i++)
        if (graph->source_args[i]) find_lets(graph->source_args[i], &f);
    for (int i = 0; i < COUNTS; i++)
        if (graph->count[i]) find_lets(graph->count[i], &f);
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        find_lets(node->term, &f);
        if (node->kind == NODE_FIELD) define(all, node->vars[0], node->term);
        if (node->kind == NODE_EACH) define_each(all, node);
    }
    for (int i = 0; i < graph->below.n; i++) {
        define(all, graph->below.at[i].var, graph->below.at[i].term);
        find_lets(graph->below.at[i].term, &f);
    }
    map_free(f.seen);
}

/* ---- demand ---- */

static void demand(const Term *term, Use use, void *data) {
    Finder *f = data;
    Lowering *all = f->all;
    bool fresh;
    map_at(f->seen, term, use, &fresh);
    if (!fresh) return;
    if (term->kind != TERM_REF) {
        use_children(term, use, demand, data);
        return;
    }
    const Var *var = term->var;
    while (all->live.n <= var->id) list_push(all->arena, &all->live, 0);
    all->live.at[var->id] |= 1u << use;
    if (var->kind == VAR_BATCHED) demand(term_ref(all->arena, var->of), USE_DATA, data);
    else if (definition_of(all, var)) demand(definition_of(all, var), use, data);
}

/* From outputs, wheres, each and batch backwards. */
void find_live(Lowering *all) {
    const Graph *graph = all->graph;
    Finder f = {all, map_new()};
    for (int i = 0; i < graph->outputs.n; i++)
        demand(graph->outputs.at[i].term, USE_DATA, &f);
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        if (node->kind == NODE_WHERE) demand(node->term, USE_DATA, &f);
        if (node->kind == NODE_EACH)
            demand(term_ref(all->arena, all->each[node->level]), USE_DIMS, &f);
    }
    for (int i = 0; i < graph->nsource_args; i++)
        if (graph->source_args[i]) demand(graph->source_args[i], USE_DATA, &f);
    for (int i = 0; i < COUNTS; i++)
        if (graph->count[i]) demand(graph->count[i], USE_DATA, &f);
    map_free(f.seen);
    while (all->live.n < all->nvars) list_push(all->arena, &all->live, 0);
    while (all->def.n < all->nvars) list_push(all->arena, &all->def, NULL);
}

/* ---- items of tuples ---- */

static bool can_project(const Term *term) {
    switch (term->kind) {
    case TERM_TUPLE: case TERM_FAIL: return true;
    case TERM_LET: return can_project(term->arg[1]);
    case TERM_CHECK: return can_project(term->arg[0]);
    case TERM_IF:
        return term_is_trivial(term->arg[0]) && can_project(term->arg[1]) &&
               can_project(term->arg[2]);
    default: return false;
    }
}

static const Term *project(Lowering *all, const Term *term, int item) {
    Term *copy;
    bool fresh;
    uint64_t *known;
    if (term->kind == TERM_TUPLE) return term->arg[item];
    known = map_at(all->projected, term, item, &fresh);
    if (!fresh) return (const Term *)(uintptr_t)*known;
    copy = arena_new_of(all->arena, Term);
    *copy = *term;
    copy->type = term->type->items[item];
    copy->arg = arena_array(all->arena, const Term *, term->nargs + 1);
    for (int i = 0; i < term->nargs; i++) {
        bool follow = term->kind == TERM_LET ? i == 1 : term->kind == TERM_IF ? i > 0
                      : i == 0;
        copy->arg[i] = follow && term->kind != TERM_FAIL
                           ? project(all, term->arg[i], item) : term->arg[i];
    }
    *map_at(all->projected, term, item, &fresh) = (uint64_t)(uintptr_t)copy;
    return copy;
}

const Term *term_project(Lowering *all, const Term *term, int item) {
    Term *get;
    if (can_project(term)) return project(all, term, item);
    get = term_new(all->arena, TERM_GET, term->type->items[item], term->at, 1, term);
    get->axis = item;
    return get;
}
