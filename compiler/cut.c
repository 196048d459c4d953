#include "cut.h"
#include <string.h>
#include "dim.h"
#include "passes/pass.h"
#include "term_build.h"

/* ---- a node in two ---- */

static const Var *add_field(Rewriter *rw, Graph *graph, const Node *of, const Var *let,
                            const Term *term) {
    Node node = *of;
    Var *var = graph_var(rw->arena, graph, VAR_FIELD, let->name,
                         type_plain(rw->arena, let->type), let->loc);
    var->level = of->level;
    node.kind = NODE_FIELD;
    node.nvars = 1;
    node.vars = arena_new_of(rw->arena, const Var *);
    node.vars[0] = var;
    node.term = term;
    node.expr = NULL;
    list_push(rw->arena, &graph->nodes, node);
    return var;
}

Graph *graph_split(Arena *arena, const Graph *graph, int number, const Var *within,
                   int *above) {
    Graph *g = arena_new_of(arena, Graph);
    Rewriter rw = {.arena = arena, .graph = g};
    *g = *graph;
    memset(&g->nodes, 0, sizeof g->nodes);
    for (int i = 0; i < graph->nodes.n; i++) {
        Node node = graph->nodes.at[i];
        const Term *term = node.term;
        bool found = i != number;
        while (!found && term->kind == TERM_LET) {
            const Term *value = rewrite(&rw, term->arg[0]);
            const Var *var = add_field(&rw, g, &node, term->var, value);
            rewrite_replace(&rw, term->var, term_ref(arena, var));
            found = term->var == within;
            term = term->arg[1];
            if (found) *above = g->nodes.n;
        }
        if (!found) return NULL;
        if (i == number) node.term = rewrite(&rw, term);
        list_push(arena, &g->nodes, node);
    }
    return g;
}

/* ---- what a part hangs on ---- */

typedef struct Walk {
    Arena *arena;
    const Graph *graph;
    int from;                   /* nodes before it are not looked into */
    bool *seen;                 /* by var */
    bool *data;                 /* the same: more than its dims */
    VarList reached;            /* that are made before, in the order they are met */
    char *reads;                /* by parameter */
    LIST(const char *) files;
    bool draws, at_open;        /* at_open: in what is made there */
} Walk;

static Walk walk_new(Arena *arena, const Graph *graph, int from) {
    int n = graph->params.n;
    Walk w = {.arena = arena, .graph = graph, .from = from,
              .seen = arena_array(arena, bool, graph->nvars + 1),
              .data = arena_array(arena, bool, graph->nvars + 1),
              .reads = arena_alloc(arena, (size_t)n + 1)};
    memset(w.reads, '0', (size_t)n);
    return w;
}

static void walk_term(const Term *, void *);

static const Node *node_of(const Graph *graph, const Var *var, int *number) {
    for (int i = 0; i < graph->nodes.n; i++)
        for (int k = 0; k < graph->nodes.at[i].nvars; k++)
            if (graph->nodes.at[i].vars[k] == var) {
                *number = i;
                return &graph->nodes.at[i];
            }
    return NULL;
}

static void walk_open(Walk *w, const Var *var) {
    bool before = w->at_open;
    w->at_open = true;
    for (int i = 0; i < w->graph->opens.n; i++)
        if (w->graph->opens.at[i].var == var) walk_term(w->graph->opens.at[i].term, w);
    w->at_open = before;
}

static void walk_param(Walk *w, const Var *var) {
    char how = w->at_open ? '2' : '1';
    for (int i = 0; i < w->graph->params.n; i++)
        if (w->graph->params.at[i].var == var && w->reads[i] < how) w->reads[i] = how;
}

/* A kernel may take it for a path. */
static void walk_text(Walk *w, const Term *term) {
    const char *path;
    int64_t n = 0;
    if (!w->at_open || !term->type->text) return;
    dim_constant(term->type->dims[0], &n);
    path = arena_strndup(w->arena, term->data, (size_t)n);
    list_push(w->arena, &w->files, path);
}

static void walk_var(Walk *w, const Var *var) {
    const Node *node;
    int number;
    if (var->kind == VAR_PARAM) walk_param(w, var);     /* at open, perhaps, this time */
    if (w->seen[var->id]) return;
    w->seen[var->id] = true;
    if (var->kind == VAR_OPEN) walk_open(w, var);
    if (var->kind == VAR_BATCHED) w->data[var->of->id] = true;
    if (var->kind == VAR_BATCHED) walk_var(w, var->of);
    if (var->kind != VAR_FIELD && var->kind != VAR_SOURCE) return;
    node = node_of(w->graph, var, &number);
    if (node && number >= w->from) walk_term(node->term, w);
    else list_push(w->arena, &w->reached, var);
}

static void walk_term(const Term *term, void *data) {
    Walk *w = data;
    w->draws |= term->kind == TERM_DRAW || term->kind == TERM_PERM;
    if (term->kind == TERM_DATA) walk_text(w, term);
    if (term->kind == TERM_REF) w->data[term->var->id] = true;
    if (term->kind == TERM_REF) walk_var(w, term->var);
    else if (term->kind == TERM_DIM && term->arg[0]->kind == TERM_REF)
        walk_var(w, term->arg[0]->var);
    else term_children(term, walk_term, data);
}

/* ---- the two graphs ---- */

static bool can_be_kept(const Var *var) { return var->type->kind == TY_TENSOR; }

/* A dead field may read what is not there. */
static bool is_needed(const Walk *w, const Node *node) {
    for (int k = 0; k < node->nvars; k++)
        if (w->seen[node->vars[k]->id]) return true;
    return node->kind != NODE_FIELD;
}

static void take_nodes(const Walk *w, Graph *to, int first, int end) {
    memset(&to->nodes, 0, sizeof to->nodes);
    for (int i = first; i < end; i++)
        if (is_needed(w, &w->graph->nodes.at[i]))
            list_push(w->arena, &to->nodes, w->graph->nodes.at[i]);
}

static const Var *batched(Arena *arena, Graph *graph, const Var *of) {
    Var *var = arena_new_of(arena, Var);
    *var = *of;
    var->kind = VAR_BATCHED;
    var->id = graph->nvars++;
    var->level = -2;
    var->of = of;
    return var;
}

static const Term *dims_of(Arena *arena, const Var *var) {
    Type *type = arena_new_of(arena, Type);
    Term *array = arena_new_of(arena, Term);
    *type = (Type){.kind = TY_TENSOR, .dtype = PL_I64, .rank = 1,
                   .dims = arena_array(arena, const Dim *, 1)};
    *array = (Term){.kind = TERM_ARRAY, .type = type, .nargs = var->type->rank,
                    .arg = arena_array(arena, const Term *, var->type->rank)};
    for (int k = 0; k < var->type->rank; k++) {
        Term *dim = term_new(arena, TERM_DIM, type_scalar(PL_I64), NULL, 1,
                             term_ref(arena, var));
        dim->axis = k;
        array->arg[k] = dim;
    }
    return array;
}

/* A field behind all others that has the dims of `of`. */
static const Var *add_dims(Arena *arena, Graph *graph, const Var *of) {
    Rewriter rw = {.arena = arena};
    const Term *dims = dims_of(arena, of);
    Node node = {.level = of->level};
    Var like = *of;
    like.type = dims->type;
    return add_field(&rw, graph, &node, &like, dims);
}

static const Graph *above(const Walk *w, int number, const VarList *kept,
                          const bool *dims_only) {
    Arena *arena = w->arena;
    Graph *g = arena_new_of(arena, Graph);
    *g = *w->graph;
    take_nodes(w, g, 0, number);
    g->levels = 1;
    memset(&g->below, 0, sizeof g->below);
    memset(&g->batched, 0, sizeof g->batched);
    memset(&g->outputs, 0, sizeof g->outputs);
    for (int i = 0; i < kept->n; i++) {
        const Var *of = dims_only[i] ? add_dims(arena, g, kept->at[i]) : kept->at[i];
        const Var *var = batched(arena, g, of);
        Output out = {var->name, var->loc, term_ref(arena, var)};
        list_push(arena, &g->batched, var);
        list_push(arena, &g->outputs, out);
    }
    return g;
}

static const Graph *below(const Walk *w, int number) {
    Graph *g = arena_new_of(w->arena, Graph);
    *g = *w->graph;
    take_nodes(w, g, number, w->graph->nodes.n);
    memset(&g->source_fields, 0, sizeof g->source_fields);
    for (int i = 0; i < w->reached.n; i++)
        list_push(w->arena, &g->source_fields, w->reached.at[i]);
    return g;
}

/* ---- both ---- */

/* From what decides about records and what leaves them, up to what is made before. */
static Walk walk_below(Arena *arena, const Graph *graph, int number, int nfields,
                       const Var *const *fields) {
    Walk w = walk_new(arena, graph, number);
    for (int i = w.from; i < graph->nodes.n; i++)
        if (graph->nodes.at[i].kind != NODE_FIELD)
            walk_term(graph->nodes.at[i].term, &w);
    for (int i = 0; i < nfields; i++) walk_var(&w, fields[i]);
    return w;
}

static Walk walk_above(Arena *arena, const Graph *graph, int number,
                       const VarList *kept) {
    Walk w = walk_new(arena, graph, 0);
    for (int i = 0; i < number; i++)
        if (graph->nodes.at[i].kind != NODE_FIELD)
            walk_term(graph->nodes.at[i].term, &w);
    for (int i = 0; i < kept->n; i++) walk_var(&w, kept->at[i]);
    return w;
}

static void add_work(Arena *arena, CutSides *sides, const Term *term, const Graph *graph,
                     const char *field) {
    CutWork work = {.name = field};
    const char *callee = NULL;
    if (!term->at) return;
    work.line = place_line(term->at, graph->file, &callee);
    if (callee) work.name = callee;
    for (int i = 0; i < sides->above.n; i++)
        if (sides->above.at[i].line == work.line &&
            !strcmp(sides->above.at[i].name, work.name))
            return;
    list_push(arena, &sides->above, work);
}

typedef struct Works {
    Arena *arena;
    const Graph *graph;
    CutSides *sides;
    const char *field;
} Works;

static void find_work(const Term *term, void *data) {
    Works *w = data;
    add_work(w->arena, w->sides, term, w->graph, w->field);
    if (term->kind != TERM_REF) term_children(term, find_work, data);
}

/* It is a tensor of which nobody below reads an element. */
static bool only_dims(const Walk *lower, const Var *var) {
    return !lower->data[var->id] && var->type->kind == TY_TENSOR && var->type->rank > 0;
}

CutSides cut_sides(Arena *arena, const Graph *graph, int number) {
    VarList fields = {0};
    CutSides sides = {0};
    Walk lower, upper;
    for (int i = 0; i < graph->batched.n; i++)
        list_push(arena, &fields, graph->batched.at[i]);
    lower = walk_below(arena, graph, number, fields.n, fields.at);
    upper = walk_above(arena, graph, number, &lower.reached);
    for (int i = 0; i < lower.reached.n; i++)
        if (!only_dims(&lower, lower.reached.at[i]))
            list_push(arena, &sides.kept, lower.reached.at[i]);
    sides.draws = upper.draws;
    for (int i = 0; i < number; i++) {
        const Node *node = &graph->nodes.at[i];
        Works w = {arena, graph, &sides,
                   node->kind == NODE_FIELD ? node->vars[0]->name : "where"};
        if (is_needed(&upper, node)) find_work(node->term, &w);
    }
    return sides;
}

static VarList live_ones(Arena *arena, const VarList *reached, const CutNeeds *needs) {
    VarList kept = {0};
    for (int i = 0; i < reached->n; i++) {
        int id = reached->at[i]->id;
        if (id < needs->nlive && needs->live[id])
            list_push(arena, &kept, reached->at[i]);
    }
    return kept;
}

Cut *cut_graph(Arena *arena, const CachePoint *cache, const CutNeeds *needs,
               const char **odd) {
    Cut *cut = arena_new_of(arena, Cut);
    const Graph *graph = cache->graph;
    int number = cache->above;
    Walk lower = walk_below(arena, graph, number, needs->nfields, needs->fields), upper;
    cut->kept = live_ones(arena, &lower.reached, needs);
    for (int i = 0; i < cut->kept.n; i++)
        if (!can_be_kept(cut->kept.at[i])) {
            *odd = cut->kept.at[i]->name;
            return NULL;
        }
    cut->dims_only = arena_array(arena, bool, cut->kept.n + 1);
    for (int i = 0; i < cut->kept.n; i++)
        cut->dims_only[i] = only_dims(&lower, cut->kept.at[i]);
    upper = walk_above(arena, graph, number, &cut->kept);
    cut->above = above(&upper, number, &cut->kept, cut->dims_only);
    cut->below = below(&lower, number);
    cut->draws = upper.draws;
    cut->reads = upper.reads;
    for (int i = 0; i < upper.files.n; i++)
        list_push(arena, &cut->files, upper.files.at[i]);
    cut->hash = graph_record_hash(cut->above);
    return cut;
}
