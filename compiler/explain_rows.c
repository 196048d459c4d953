/* The feature as it is written: source, fields with the steps of their chains, wheres,
 * the cache, the batch, fields below it. What each gives is known from `check`. */
#include <string.h>
#include "cost_profile.h"
#include "dim.h"
#include "explain.h"
#include "term_build.h"

/* of: which row has the value of a variable. */
typedef struct Owner { const Var *var; int row; } Owner;
typedef struct Writing { Story *story; Arena *arena; const Graph *graph; LIST(Owner) of; }
    Writing;

static int line_at(Loc loc) {
    int line = 0, column;
    if (loc.file) loc_line(loc, &line, &column);
    return line;
}

static Row *row_at(const Writing *w, int i) { return &w->story->rows.at[i]; }
static int last_row(const Writing *w) { return w->story->rows.n - 1; }

static Row *add_row(Writing *w, RowKind kind, const char *name, Loc loc) {
    Row row = {.kind = kind, .name = name, .written = name, .type = "", .ns = -1,
               .line = line_at(loc), .in = amount_none(), .out = amount_none()};
    list_push(w->arena, &w->story->rows, row);
    return row_at(w, last_row(w));
}

static int row_of(const Writing *w, const Var *var) {
    for (int i = 0; i < w->of.n; i++)
        if (w->of.at[i].var == var) return w->of.at[i].row;
    return -1;
}

static void owns(Writing *w, const Var *var) {
    list_push(w->arena, &w->of, ((Owner){var, last_row(w)}));
}

static void add_read(Arena *arena, Row *row, int from) {
    for (int i = 0; i < row->reads.n; i++)
        if (row->reads.at[i] == from) return;
    list_push(arena, &row->reads, from);
}

/* ---- the source: its fields that somebody reads ---- */

typedef struct Search { const Var *var; bool found; } Search;

static void find_var(const Term *term, void *data) {
    Search *s = data;
    if (term->kind == TERM_REF) s->found |= term->var == s->var;
    else if (!s->found) term_children(term, find_var, data);
}

static bool is_read(const Graph *graph, const Var *var) {
    Search s = {var, false};
    for (int i = 0; i < graph->nodes.n; i++) find_var(graph->nodes.at[i].term, &s);
    for (int i = 0; i < graph->batched.n; i++) s.found |= graph->batched.at[i]->of == var;
    return s.found;
}

/* What a source reads for a record, and no name or number that comes with it. */
static bool is_bytes(const Type *type) {
    int64_t n;
    if (type->kind != TY_TENSOR || type->rank != 1 || type->dtype != PL_U8 || type->text)
        return false;
    return !type->dims || !type->dims[0] || !dim_constant(type->dims[0], &n);
}

static void add_source_field(Writing *w, const Var *var) {
    Row *row = add_row(w, ROW_SOURCE, var->name, w->graph->source_loc);
    row->of = w->graph->source;
    row->written = arena_format(w->arena, "%s of %s", var->name, row->of);
    row->type = type_words(w->arena, var->type);
    row->out = amount_of(w->arena, var->type);
    owns(w, var);
}

static void add_source(Writing *w) {
    const Graph *g = w->graph;
    const CostProfile *p = g->profile;
    int read = 0;
    for (int i = 0; i < g->source_fields.n; i++) {
        const Var *var = g->source_fields.at[i];
        if (!is_read(g, var)) continue;
        if (is_bytes(var->type)) read = w->story->rows.n;
        add_source_field(w, var);
    }
    if (!w->story->rows.n) add_row(w, ROW_SOURCE, g->source, g->source_loc);
    if (!p) return;
    row_at(w, read)->ns = p->read_ns;
    if (w->of.n && is_bytes(w->of.at[read].var->type) && p->read_bytes > 0)
        row_at(w, read)->out = amount_mean(w->arena, p->read_bytes);
}

/* ---- steps ---- */

enum { STEPS = 64 };            /* of a chain; it begins with what stands before them */

/* The last one first. */
static int steps_of(const Expr *e, const Expr **steps) {
    int n = 0;
    for (; e && e->kind == EX_CALL && e->piped && e->args.n && n < STEPS;
         e = e->args.at[0].value) {
        if (e->a->kind != EX_NAME && e->a->kind != EX_MEMBER) break;
        steps[n++] = e;
    }
    return n;
}

static const StepNote *note_in(const StepNotes *notes, const Expr *call) {
    for (int i = 0; i < notes->n; i++)
        if (notes->at[i].call == call) return &notes->at[i];
    return NULL;
}

/* As it is written, though it may be made otherwise. */
static StepNote note_of(const Graph *graph, const Expr *call) {
    const StepNote *note = NULL;
    for (int i = 0; i < graph->chains.n && !note; i++)
        note = note_in(&graph->chains.at[i].before, call);
    if (!note) note = note_in(&graph->steps, call);
    return note ? *note : (StepNote){call};
}

/* A kernel told how many elements it made. */
static Amount step_bytes(Writing *w, const Row *row, const Type *type) {
    const CostProfile *p = w->graph->profile;
    Amount a = amount_of(w->arena, type);
    if (!p || a.n >= 0 || !type || type->kind != TY_TENSOR) return a;
    for (int i = 0; i < p->sections.n; i++) {
        const SectionCost *s = &p->sections.at[i];
        if (!strcmp(s->kind, "kernel") && s->line == row->line &&
            !strcmp(s->name, row->name) && s->elements > 0)
            return amount_mean(w->arena, s->elements * dtype_size(type->dtype));
    }
    return a;
}

/* What goes in is what the row before gives, which may be measured. */
static void fill_step(Writing *w, Row *row, StepNote note, Amount before) {
    row->written = arena_format(w->arena, "  |> %s", row->name);
    row->type = type_words(w->arena, note.out);
    row->in = amount_of(w->arena, note.in);
    if (row->in.n < 0 && before.n >= 0) row->in = before;
    row->out = step_bytes(w, row, note.out);
}

static void add_step(Writing *w, const Expr *call, const char *field) {
    int before = last_row(w);
    Row *row = add_row(w, ROW_STEP, call->a->name.text, call->a->loc);
    row->of = field;
    row->call = call;
    fill_step(w, row, note_of(w->graph, call), row_at(w, before)->out);
    add_read(w->arena, row, before);
}

/* ---- what a statement reads ---- */

typedef struct Reading {
    Writing *writing;
    Row *row;
    bool of_dims;               /* a size alone is asked for */
    LIST(int) bytes;            /* rows that are read as a whole, or in part */
} Reading;

static void add_bytes(Reading *r, int from) {
    for (int i = 0; i < r->bytes.n; i++)
        if (r->bytes.at[i] == from) return;
    list_push(r->writing->arena, &r->bytes, from);
}

static void find_reads(const Term *term, void *data) {
    Reading *r = data;
    bool of_dims = r->of_dims;
    if (term->kind == TERM_REF) {
        const Var *var = term->var->kind == VAR_BATCHED ? term->var->of : term->var;
        int from = row_of(r->writing, var);
        if (from >= 0) add_read(r->writing->arena, r->row, from);
        if (from >= 0 && !of_dims) add_bytes(r, from);
        return;
    }
    r->of_dims |= term->kind == TERM_DIM;
    term_children(term, find_reads, data);
    r->of_dims = of_dims;
}

static void add_reads(Writing *w, int at, const Term *term) {
    Row *row = row_at(w, at);
    Reading r = {.writing = w, .row = row};
    Amount sum = {0, false, "0"};
    find_reads(term, &r);
    for (int i = 0; i < r.bytes.n; i++)
        sum = amount_sum(w->arena, sum, row_at(w, r.bytes.at[i])->out);
    if (!row->alias && r.bytes.n) row->in = sum;
    if (row->alias && row->out.n < 0 && row->reads.n == 1)
        row->out = row_at(w, row->reads.at[0])->out;
}

/* ---- statements ---- */

typedef struct Statement {
    RowKind kind;
    const char *name, *head;    /* "image", "image = " */
    const Expr *expr;
    const Term *term;
    const Type *const *types; int n;    /* of what it gives */
    Loc loc;
} Statement;

/* The text itself, if it is short. */
static const char *text_of(Arena *arena, const Expr *e) {
    enum { LONGEST = 22 };
    const char *from = e && e->loc.file ? e->loc.file->text + e->loc.from : NULL;
    int length = from ? e->loc.to - e->loc.from : 0;
    if (length <= 0 || length > LONGEST || memchr(from, '\n', (size_t)length))
        return "...";
    return arena_strndup(arena, from, (size_t)length);
}

static const char *types_text(Arena *arena, const Statement *s) {
    const char *text = "";
    for (int i = 0; i < s->n; i++)
        text = arena_format(arena, "%s%s%s", text, i ? ", " : "",
                            type_words(arena, s->types[i]));
    return text;
}

static Amount bytes_of(Arena *arena, const Statement *s) {
    Amount sum = amount_of(arena, s->types[0]);
    for (int i = 1; i < s->n; i++)
        sum = amount_sum(arena, sum, amount_of(arena, s->types[i]));
    return sum;
}

/* What a chain begins with, or all of a statement that has none. */
static void add_base(Writing *w, const Statement *s, int n, const Expr *const *steps) {
    const Expr *base = n ? steps[n - 1]->args.at[0].value : s->expr;
    StepNote note = n ? note_of(w->graph, steps[n - 1]) : (StepNote){0};
    Row *row = add_row(w, s->kind, s->name, s->loc);
    row->written = arena_format(w->arena, "%s%s", s->head, text_of(w->arena, base));
    row->alias = n && base->kind == EX_NAME;
    row->type = n ? type_words(w->arena, note.in) : types_text(w->arena, s);
    row->out = n ? amount_of(w->arena, note.in) : bytes_of(w->arena, s);
    add_reads(w, last_row(w), s->term);
}

static void add_statement(Writing *w, const Statement *s) {
    const Expr *steps[STEPS];
    int n = steps_of(s->expr, steps);
    add_base(w, s, n, steps);
    for (int i = n; i-- > 0;) add_step(w, steps[i], s->name);
}

static void add_where(Writing *w, const Node *node) {
    Statement s = {ROW_WHERE, "where", "where ", node->expr, node->term,
                   &node->term->type, 1, node->loc};
    add_statement(w, &s);
}

static void add_node(Writing *w, const Node *node) {
    const Type **types = arena_array(w->arena, const Type *, node->nvars + 1);
    const char *names = "";
    for (int i = 0; i < node->nvars; i++) {
        const Var *var = node->vars[i];
        types[i] = var->type;
        names = arena_format(w->arena, "%s%s%s", names, i ? ", " : "", var->name);
    }
    Statement s = {ROW_FIELD, names, arena_format(w->arena, "%s = ", names), node->expr,
                   node->term, types, node->nvars, node->loc};
    if (node->kind == NODE_EACH) {
        s.kind = ROW_EACH;
        s.head = arena_format(w->arena, "each %s in ", names);
    }
    add_statement(w, &s);
    for (int i = 0; i < node->nvars; i++) owns(w, node->vars[i]);
}

/* ---- cache, batch, and what is below ---- */

/* A statement `cache(…)`, which stands before this node. */
static void add_cache(Writing *w, int node) {
    for (int i = 0; i < w->graph->cache_places.n; i++) {
        const CachePlace *place = &w->graph->cache_places.at[i];
        if (!place->statement || place->above != node) continue;
        Row *row = add_row(w, ROW_CACHE, place->name, place->loc);
        row->type = place->kind == 'd' ? "on disk" : "in memory";
        if (place->bytes > 0) row->out = amount_mean(w->arena, place->bytes);
    }
}

static void add_batch(Writing *w) {
    const Graph *g = w->graph;
    Amount sum = {0, false, "0"};
    Row *row = add_row(w, ROW_BATCH, "batch", g->rows->loc);
    row->written = arena_format(w->arena, "batch(%lld)", (long long)g->batch);
    for (int i = 0; i < g->batched.n; i++) {
        int from = row_of(w, g->batched.at[i]->of);
        if (from < 0) continue;
        add_read(w->arena, row, from);
        sum = amount_sum(w->arena, sum, row_at(w, from)->out);
    }
    row->in = sum;
    if (w->story->plan->stage[STAGE_BATCH].ns >= 0)
        row->ns = w->story->plan->stage[STAGE_BATCH].ns;
}

static void add_below(Writing *w, const Bind *bind) {
    const Var *var = bind->var;
    Statement s = {ROW_FIELD, var->name, arena_format(w->arena, "%s = ", var->name),
                   bind->expr, bind->term, &var->type, 1, var->loc};
    add_statement(w, &s);
    owns(w, var);
}

/* ---- steps that were moved ---- */

static void add_moved(Writing *w, const ChainSteps *chain) {
    Moved moved = {.chain = chain};
    Amount before = amount_none();
    for (int i = 0; i < chain->after.n; i++) {
        const StepNote *note = &chain->after.at[i];
        Row row = {.kind = ROW_STEP, .name = note->call->a->name.text, .of = chain->field,
                   .line = line_at(note->call->a->loc), .ns = -1};
        fill_step(w, &row, *note, before);
        before = row.out;
        list_push(w->arena, &moved.rows, row);
    }
    list_push(w->arena, &w->story->moved, moved);
}

void explain_rows(Story *story) {
    const Graph *g = story->graph;
    Writing w = {.story = story, .arena = story->arena, .graph = g};
    add_source(&w);
    for (int i = 0; i < g->nodes.n; i++) {
        add_cache(&w, i);
        if (g->nodes.at[i].kind == NODE_WHERE) add_where(&w, &g->nodes.at[i]);
        else add_node(&w, &g->nodes.at[i]);
    }
    add_cache(&w, g->nodes.n);
    add_batch(&w);
    for (int i = 0; i < g->below.n; i++) add_below(&w, &g->below.at[i]);
    for (int i = 0; i < g->chains.n; i++)
        if (g->chains.at[i].moved) add_moved(&w, &g->chains.at[i]);
}
