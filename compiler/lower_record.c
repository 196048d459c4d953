/* The functions of a record: enter[k] answers the wheres of level k and keeps
 * what later ones need; emit computes the rest, where the batch wants it. */
#include <string.h>
#include "lower_room.h"

Gen *gen_begin(Lowering *all, bool plain, const char *name, int nparams,
               const LoopType *types, const char *const *names, int *number) {
    LoopFunction *f = loop_function(all->module, name, loop_type(LT_I32), nparams, types,
                                    names);
    Gen *g = arena_new_of(all->arena, Gen);
    *number = all->module->functions.n - 1;
    f->plain = plain;
    g->all = all;
    g->b = loop_builder(all->module, f);
    g->plain = plain;
    g->level = -1;
    g->suspect = NO_VALUE;
    g->section = -1;
    for (int i = 0; i < PL_MAX_LEVELS + 2; i++) g->id[i] = NO_VALUE;
    g->call = 0;
    g->lib = 1;
    return g;
}

/* ---- what later functions read ---- */

typedef struct Later { Gen *g; TermMap *seen; int level; bool force; TermMap *kept;
                       LIST(Thunk *) keep; } Later;

static void keep_later(Later *l, Thunk *thunk) {
    bool fresh;
    map_at(l->kept, (const Term *)thunk->var, 0, &fresh);
    if (fresh) list_push(l->g->all->arena, &l->keep, thunk);
}

static bool of_record(const Var *var) {
    return var->kind == VAR_FIELD || var->kind == VAR_SOURCE;
}

static void later(const Term *term, Use use, void *data) {
    Later *l = data;
    Gen *g = l->g;
    Thunk *thunk;
    bool fresh;
    map_at(l->seen, term, use, &fresh);
    if (!fresh) return;
    if (term->kind != TERM_REF) {
        use_children(term, use, later, data);
        return;
    }
    if (term->var->kind == VAR_BATCHED) {
        later(term_ref(g->all->arena, term->var->of), USE_DATA, data);
        return;
    }
    if (!of_record(term->var) || term->var->level > l->level) {
        if (term->var->id < g->all->def.n && g->all->def.at[term->var->id])
            later(g->all->def.at[term->var->id], use, data);
        return;
    }
    thunk = bind_thunk(g, term->var);
    if (!thunk->known && l->force && use == USE_DATA && thunk->term &&
        thunk->term->type->kind != TY_TUPLE && !way_inline(g, thunk) &&
        !thunk_leaves(g, thunk))
        bind_force(g, thunk);
    if (thunk->known || thunk->dims_known) keep_later(l, thunk);
    if (!thunk->known && g->all->def.at[term->var->id])
        later(g->all->def.at[term->var->id], use, data);
}

/* Everything that is read after enter[level]. */
static Later read_later(Gen *g, int level, bool force) {
    const Graph *graph = g->all->graph;
    Later l = {.g = g,
               .seen = map_new(),
               .kept = map_new(),
               .level = level,
               .force = force};
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        if (node->level <= level) continue;
        if (node->kind == NODE_WHERE) later(node->term, USE_DATA, &l);
        if (node->kind == NODE_EACH)
            later(term_ref(g->all->arena, g->all->each[node->level]), USE_DIMS, &l);
    }
    for (int i = 0; i < g->all->fields.n; i++)
        later(term_ref(g->all->arena, g->all->fields.at[i]), USE_DATA, &l);
    map_free(l.seen);
    map_free(l.kept);
    return l;
}

/* All that may be computed from enter[level] on: names are counted in it. */
const Term *gen_roots(Gen *g, int level) {
    const Lowering *all = g->all;
    const Graph *graph = all->graph;
    int n = 0, most = graph->nodes.n + all->fields.n;
    Term *root = arena_new_of(all->arena, Term);
    root->kind = TERM_TUPLE;
    root->type = type_scalar(PL_BOOL);
    root->arg = arena_array(all->arena, const Term *, most + 1);
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        if (node->level < level || node->kind == NODE_FIELD) continue;
        root->arg[n++] = node->kind == NODE_WHERE
                             ? node->term : term_ref(all->arena, all->each[node->level]);
    }
    for (int i = 0; i < all->fields.n; i++)
        root->arg[n++] = term_ref(all->arena, all->fields.at[i]->of);
    root->nargs = n;
    return root;
}

/* ---- enter ---- */

static Scalar kept_dim(Gen *g, const Type *type, Value data, int axis) {
    int64_t n;
    if (type->dims && type->dims[axis] && dim_constant(type->dims[axis], &n))
        return scalar(gen_long(g, n));
    return scalar(gen_length(g, gen_field(g, LT_I64, data, 8 * axis - PL_KEPT_HEAD, 0)));
}

static Low source_tensor(Gen *g, const Type *type, Value in, int64_t at) {
    Tensor *t = arena_new_of(g->all->arena, Tensor);
    *t = (Tensor){.dtype = type->dtype, .rank = type->rank, .fails = NO_VALUE,
                  .fail = NO_VALUE, .roomy = true, .slack = g->all->kept,
                  .buffer = ++g->buffers};
    t->data = gen_field(g, LT_PTR, in, at, 0);
    if (!g->all->kept)
        t->dim[0] = scalar(gen_length(
            g, gen_field(g, LT_I64, in, at + (int64_t)offsetof(pl_value, n), 0)));
    for (int k = 0; g->all->kept && k < t->rank; k++)
        t->dim[k] = kept_dim(g, type, t->data, k);
    return low_tensor(t, type);
}

/* Nobody reads an element. */
static Low source_dims(Gen *g, const Type *type, Value in, int64_t at) {
    Tensor *t = arena_new_of(g->all->arena, Tensor);
    Value dims = gen_field(g, LT_PTR, in, at, 0);
    *t = (Tensor){.dtype = type->dtype, .rank = type->rank, .fails = NO_VALUE,
                  .fail = NO_VALUE, .data = gen_null(g), .buffer = ++g->buffers};
    for (int k = 0; k < t->rank; k++)
        t->dim[k] = scalar(gen_length(g, gen_field(g, LT_I64, dims, 8 * k, 0)));
    return low_tensor(t, type);
}

static Low source_value(Gen *g, const Type *type, Value in, int number) {
    int64_t at = number * (int64_t)sizeof(pl_value);
    Value v;
    if (g->all->kept && g->all->dims_only[number]) return source_dims(g, type, in, at);
    if (type->rank) return source_tensor(g, type, in, at);
    if (g->all->kept) {
        Value data = build_offset(&g->b, in, gen_long(g, number), sizeof(pl_value));
        v = gen_load_element(g, type->dtype, data, gen_long(g, 0), ++g->buffers);
        return low_scalar(scalar(v), type);
    }
    if (dtype_is_float(type->dtype)) {
        v = gen_field(g, LT_F64, in, at, 0);
        if (type->dtype != PL_F64) v = gen_op(g, LOOP_FPTRUNC, LT_F32, 1, v);
    } else {
        v = gen_cast(g, LOOP_TRUNC, reg_type(type->dtype),
                     gen_field(g, LT_I64, in, at, 0));
    }
    return low_scalar(scalar(v), type);
}

static void bind_sources(Gen *g, Value in) {
    for (int i = 0; i < g->all->inputs.n; i++) {
        const Var *var = g->all->inputs.at[i];
        Low value = source_value(g, var->type, in, i);
        if (value.kind == LOW_TENSOR) seek_bind(g, var, i, value.t);
        bind_value(g, var, value);
    }
}

static void bind_level(Gen *g, const PlanCode *code, int level, Value frame) {
    g->id[level + 2] = gen_field(g, LT_I64, frame, FRAME_ID, 0);
    if (g->all->row[level])
        bind_index(g, g->all->row[level],
                   scalar(gen_field(g, LT_I64, frame, FRAME_ROW, 0)));
    frame_load(g, &code->frame[level], frame);
}

static void begin_record(Gen *g) {
    if (g->plain) return;
    g->section = section_of_record(g);
    section_enter(g, g->section, 0, NULL);
}

static void test_where(Gen *g, const Node *node) {
    int old = g->section;
    Value one = gen_long(g, 1);
    Scalar c;
    g->field = "where";
    if (!g->plain) section_enter(g, g->section = section_of_where(g, node), 1, &one);
    c = gen_scalar(g, node->term);
    gen_verdict(g, c.fail);
    gen_if(g, gen_not(g, c.v));
    gen_return(g, PL_REJECTED);
    gen_end(g);
    g->section = old;
    section_enter(g, old, 0, NULL);
}

static void count_rows(Gen *g, int level, Value frame) {
    Scalar n;
    g->field = "each";
    n = gen_rows(g, term_ref(g->all->arena, g->all->each[level]));
    gen_verdict(g, n.fail);
    gen_put(g, n.v, frame, FRAME_ROWS, 0);
}

static void answer(Gen *g, int level, Value frame) {
    const Graph *graph = g->all->graph;
    g->level = level;
    for (int i = 0; i < graph->nodes.n; i++) {
        const Node *node = &graph->nodes.at[i];
        if (node->level != level) continue;
        if (node->kind == NODE_WHERE) test_where(g, node);
        if (node->kind == NODE_EACH) count_rows(g, level, frame);
    }
}

void gen_enter(Lowering *all, PlanCode *code, int level) {
    static const LoopType types[] = {{LT_PTR, 1}, {LT_PTR, 1}, {LT_PTR, 1}, {LT_I64, 1},
                                     {LT_PTR, 1}, {LT_I64, 1}, {LT_PTR, 1}};
    static const char *const names[] = {"call",   "lib", "in",   "id",
                                        "parent", "row", "frame"};
    enum { IN = 2, ID, PARENT, ROW, FRAME };
    const char *name = arena_format(all->arena, "%senter%d", code->prefix, level);
    Gen *g = gen_begin(all, code->plain, name, 7, types, names, &code->enter[level]);
    Value up = PARENT;
    Later l;
    frame_load(g, &all->lib, g->lib);
    begin_record(g);
    g->id[level + 2] = ID;
    g->root = gen_roots(g, level);
    code->frame[level].size = FRAME_START;
    gen_put(g, ID, FRAME, FRAME_ID, 0);
    if (level) {
        gen_put(g, PARENT, FRAME, FRAME_PARENT, 0);
        gen_put(g, ROW, FRAME, FRAME_ROW, 0);
    }
    for (int k = level - 1; k >= 0; k--) {
        bind_level(g, code, k, up);
        if (k) up = gen_field(g, LT_PTR, up, FRAME_PARENT, 0);
    }
    if (level == 0) bind_sources(g, IN);
    else bind_index(g, all->row[level], scalar(ROW));
    answer(g, level, FRAME);
    l = read_later(g, level, level + 1 < all->graph->levels);
    for (int i = 0; i < l.keep.n; i++)
        if (l.keep.at[i]->var->level == level)
            frame_keep(g, &code->frame[level], FRAME, l.keep.at[i]);
    gen_return(g, PL_OK);
}

/* ---- emit ---- */

void gen_emit(Lowering *all, PlanCode *code) {
    static const LoopType types[] = {{LT_PTR, 1}, {LT_PTR, 1}, {LT_PTR, 1}, {LT_PTR, 1}};
    static const char *const names[] = {"call", "lib", "frames", "out"};
    enum { FRAMES = 2, OUT };
    Gen *g = gen_begin(all, code->plain,
                       arena_format(all->arena, "%semit", code->prefix), 4, types, names,
                       &code->emit);
    frame_load(g, &all->lib, g->lib);
    begin_record(g);
    for (int k = 0; k < all->graph->levels; k++)
        bind_level(g, code, k, gen_field(g, LT_PTR, FRAMES, 8 * k, 0));
    g->root = gen_roots(g, all->graph->levels);
    for (int i = 0; i < all->fields.n; i++)
        out_field(g, all->fields.at[i]->of, OUT, i);
    branches_tell(g);
    gen_return(g, PL_OK);
}

/* ---- below batch ---- */

static Low batched_value(Gen *g, const Var *var, Value in, int number, Value b) {
    int64_t at = number * (int64_t)sizeof(pl_batched), n = 0;
    Low low = {.kind = LOW_RAGGED, .type = var->type, .count = b};
    Tensor *t;
    if (var->type->kind == TY_RAGGED) {
        low.s = scalar(gen_field(g, LT_PTR, in,
                                 at + (int64_t)offsetof(pl_batched, row), 0));
        return low;
    }
    t = arena_new_of(g->all->arena, Tensor);
    *t = (Tensor){.dtype = var->type->dtype, .rank = var->type->rank, .fails = NO_VALUE,
                  .fail = NO_VALUE, .buffer = ++g->buffers,
                  .data = gen_field(g, LT_PTR, in, at, 0)};
    t->dim[0] = scalar(b);
    for (int k = 1; k < t->rank; k++) {
        if (!dim_constant(var->type->dims[k], &n))
            bug("lower: `%s` is ragged", var->name);
        t->dim[k] = scalar(gen_long(g, n));
    }
    return low_tensor(t, var->type);
}

void gen_batch(Lowering *all, PlanCode *code) {
    static const LoopType types[] = {{LT_PTR, 1}, {LT_PTR, 1}, {LT_PTR, 1}, {LT_I64, 1},
                                     {LT_I64, 1}, {LT_I64, 1}, {LT_PTR, 1}};
    static const char *const names[] = {"call", "lib", "in", "b", "valid", "id", "out"};
    enum { IN = 2, B, VALID, ID, OUT };
    const Graph *graph = all->graph;
    Gen *g = gen_begin(all, code->plain,
                       arena_format(all->arena, "%sbatch", code->prefix), 7, types, names,
                       &code->batch);
    Term *root = arena_new_of(all->arena, Term);
    frame_load(g, &all->lib, g->lib);
    g->level = -2;
    g->id[0] = ID;
    gen_length(g, B);
    if (graph->valid)
        bind_value(g, graph->valid,
                   low_scalar(scalar(VALID), graph->valid->type));
    if (graph->rows) bind_value(g, graph->rows, low_scalar(scalar(B), graph->rows->type));
    for (int i = 0; i < all->fields.n; i++)
        bind_value(g, all->fields.at[i], batched_value(g, all->fields.at[i], IN, i, B));
    root->kind = TERM_TUPLE;
    root->type = type_scalar(PL_BOOL);
    root->nargs = all->below.n;
    root->arg = arena_array(all->arena, const Term *, all->below.n + 1);
    for (int i = 0; i < all->below.n; i++)
        root->arg[i] = term_ref(all->arena, all->below.at[i]);
    g->root = root;
    for (int i = 0; i < all->below.n; i++) out_below(g, all->below.at[i], OUT, i);
    gen_return(g, PL_OK);
}
