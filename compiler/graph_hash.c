/* The hash of a feature: of its typed record program, parameters that were
 * fixed and names that leave it. Names of fields, places in the text and the
 * numbers of variables do not matter; nothing of a plan does. */
#include <string.h>
#include "dim.h"
#include "term.h"
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "term_build.h"

typedef struct Hasher {
    XXH3_state_t *state;
    int *number;                /* of variables and shared terms, by first use */
    int vars;
    bool by_name;               /* fields count by their names */
    LIST(const Term *) seen;
    Arena *arena;
} Hasher;

static void put_int(Hasher *h, int64_t value) {
    XXH3_64bits_update(h->state, &value, sizeof value);
}

static void put_text(Hasher *h, const char *text) {
    put_int(h, text ? (int64_t)strlen(text) : -1);
    if (text) XXH3_64bits_update(h->state, text, strlen(text));
}

static bool is_statement(const Var *var) {
    return var->kind == VAR_FIELD || var->kind == VAR_OPEN || var->kind == VAR_BELOW ||
           var->kind == VAR_BATCHED;
}

static void put_var(Hasher *h, const Var *var) {
    if (h->by_name && is_statement(var)) {
        put_text(h, var->name);
        return;
    }
    if (!h->number[var->id]) h->number[var->id] = ++h->vars;
    put_int(h, h->number[var->id]);
    put_int(h, var->kind);
    if (var->kind == VAR_SOURCE || var->kind == VAR_PARAM) put_text(h, var->name);
}

static void put_type(Hasher *h, const Type *type) {
    int64_t size;
    put_int(h, type->kind);
    put_int(h, type->dtype);
    put_int(h, type->rank);
    for (int k = 0; k < type->rank; k++)
        put_int(h, type->dims[k] && dim_constant(type->dims[k], &size) ? size : -1);
    put_int(h, type->n);
    for (int i = 0; i < type->n; i++) put_type(h, type->items[i]);
    put_text(h, type->opaque);
}

static void put_term(const Term *term, void *data);

static void put_head(Hasher *h, const Term *term) {
    double real = term->real;
    put_int(h, term->kind);
    put_type(h, term->type);
    put_int(h, term->kind == TERM_OP ? (int)term->op : -1);
    put_int(h, term->reduction);
    put_int(h, term->scatter);
    put_int(h, term->check);
    put_int(h, term->axis);
    put_int(h, term->site);
    if (term->reused) put_int(h, -4);
    put_int(h, (int64_t)term->bits);
    XXH3_64bits_update(h->state, &real, sizeof real);
    put_text(h, term->kernel ? term->kernel->name : NULL);
    put_text(h, term->kind == TERM_FAIL ? term->text : NULL);
}

static void put_data(Hasher *h, const Term *term) {
    size_t count = (size_t)dtype_size(term->type->dtype);
    for (int k = 0; k < term->type->rank; k++) {
        int64_t size = 0;
        dim_constant(term->type->dims[k], &size);
        count *= (size_t)size;
    }
    XXH3_64bits_update(h->state, term->data, count);
}

/* A term that was met is known by its number. */
static bool met(Hasher *h, const Term *term) {
    for (int i = 0; i < h->seen.n; i++)
        if (h->seen.at[i] == term) {
            put_int(h, -1000 - i);
            return true;
        }
    if (term->nargs) list_push(h->arena, &h->seen, term);
    return false;
}

static void put_term(const Term *term, void *data) {
    Hasher *h = data;
    if (met(h, term)) return;
    put_head(h, term);
    if (term->kind == TERM_DATA) put_data(h, term);
    for (int i = 0; i < term->nloops; i++) put_var(h, term->loop[i].var);
    for (int i = 0; i < term->nstates; i++) {
        put_var(h, term->states[i]);
        if (term->news) put_var(h, term->news[i]);
    }
    if (term->var) put_var(h, term->var);
    term_children(term, put_term, h);
}

static void put_source(Hasher *h, const Graph *graph) {
    put_text(h, graph->source);
    for (int i = 0; i < graph->nsource_args; i++)
        if (graph->source_args[i]) put_term(graph->source_args[i], h);
    put_text(h, graph->read_column);
    if (graph->columns) put_type(h, graph->columns);
    put_int(h, graph->shuffle);
    if (graph->count[COUNT_SKIP]) put_term(graph->count[COUNT_SKIP], h);
    put_int(h, -2);
    if (graph->count[COUNT_TAKE]) put_term(graph->count[COUNT_TAKE], h);
    if (!graph->count[COUNT_SAMPLE]) return;
    put_int(h, -3);
    put_term(graph->count[COUNT_SAMPLE], h);
}

static void put_nodes(Hasher *h, const Graph *graph) {
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        put_int(h, node->kind);
        put_int(h, node->level);
        for (int k = 0; k < node->nvars; k++) put_var(h, node->vars[k]);
        put_term(node->term, h);
    }
}

static void put_record(Hasher *h, const Graph *graph) {
    for (int i = 0; i < graph->opens.n; i++) {
        put_var(h, graph->opens.at[i].var);
        put_term(graph->opens.at[i].term, h);
    }
    put_nodes(h, graph);
    if (graph->reuse_random) put_int(h, graph->reuse_random);
}

static void put_batched(Hasher *h, const Graph *graph) {
    for (int i = 0; i < graph->batched.n; i++) {
        put_var(h, graph->batched.at[i]);
        put_var(h, graph->batched.at[i]->of);
    }
}

static void put_batch(Hasher *h, const Graph *graph) {
    put_int(h, graph->batch);
    put_int(h, graph->last);
    put_int(h, graph->lanes);
    put_batched(h, graph);
    for (int i = 0; i < graph->below.n; i++) {
        put_var(h, graph->below.at[i].var);
        put_term(graph->below.at[i].term, h);
    }
    for (int i = 0; i < graph->outputs.n; i++) {
        put_text(h, graph->outputs.at[i].name);
        put_term(graph->outputs.at[i].term, h);
    }
}

static Hasher begin(Arena *arena, const Graph *graph, bool by_name) {
    Hasher h = {.state = XXH3_createState(), .arena = arena, .by_name = by_name,
                .number = arena_array(arena, int, graph->nvars + 1)};
    XXH3_64bits_reset(h.state);
    return h;
}

static uint64_t end(Hasher *h) {
    uint64_t hash = XXH3_64bits_digest(h->state);
    XXH3_freeState(h->state);
    return hash;
}

uint64_t graph_hash(const Graph *graph) {
    Arena *arena = arena_new();
    Hasher h = begin(arena, graph, false);
    uint64_t hash;
    put_source(&h, graph);
    put_record(&h, graph);
    put_batch(&h, graph);
    hash = end(&h);
    arena_free(arena);
    return hash;
}

uint64_t graph_record_hash(const Graph *graph) {
    Arena *arena = arena_new();
    Hasher h = begin(arena, graph, false);
    uint64_t hash;
    put_record(&h, graph);
    put_batched(&h, graph);
    hash = end(&h);
    arena_free(arena);
    return hash;
}

/* ---- statement by statement ---- */

typedef struct Parts { Arena *arena; const Graph *graph; const char *text; } Parts;

static Hasher begin_part(const Parts *p) { return begin(p->arena, p->graph, true); }

static void end_part(Parts *p, Hasher *h, const char *name) {
    unsigned hash = (unsigned)end(h) & 0xffffff;
    p->text = arena_format(p->arena, "%s %s:%06x", p->text, name, hash);
}

static void add_part(Parts *p, const char *name, const Term *term) {
    Hasher h = begin_part(p);
    put_term(term, &h);
    end_part(p, &h, name);
}

static void add_nodes(Parts *p) {
    int wheres = 0;
    for (int i = 0; i < p->graph->nodes.n; i++) {
        const Node *node = &p->graph->nodes.at[i];
        const char *name = node->nvars ? node->vars[0]->name : "";
        if (node->kind == NODE_WHERE) name = arena_format(p->arena, "where%d", ++wheres);
        if (node->kind == NODE_EACH) name = arena_format(p->arena, "each-%s", name);
        add_part(p, name, node->term);
    }
}

const char *graph_parts(Arena *arena, const Graph *graph) {
    Parts p = {arena, graph, ""};
    Hasher h = begin_part(&p);
    put_source(&h, graph);
    end_part(&p, &h, "from");
    for (int i = 0; i < graph->opens.n; i++)
        add_part(&p, graph->opens.at[i].var->name, graph->opens.at[i].term);
    add_nodes(&p);
    h = begin_part(&p);
    put_int(&h, graph->batch);
    put_int(&h, graph->last);
    put_int(&h, graph->lanes);
    end_part(&p, &h, "batch");
    for (int i = 0; i < graph->below.n; i++)
        add_part(&p, graph->below.at[i].var->name, graph->below.at[i].term);
    h = begin_part(&p);
    for (int i = 0; i < graph->outputs.n; i++) put_text(&h, graph->outputs.at[i].name);
    end_part(&p, &h, "emit");
    return p.text;
}
