/* Which tensors that a loop reads can be kept as rings of rows. */
#include "lower_sweep.h"
#include "passes/pass.h"
#include "plan_pins.h"

/* ---- which tensors can be windows ---- */

typedef LIST(const Var *) Vars;
typedef struct { Gen *g; Vars *vars; bool calls; } Names;

/* How often the record program reads the tensor's data. */
static int all_uses(Gen *g, const Var *var) {
    const Graph *graph = g->all->graph;
    int all = 0;
    for (int i = 0; i < graph->nodes.n; i++)
        all += sweep_node_uses(g, &graph->nodes.at[i], var);
    for (int i = 0; i < graph->batched.n; i++) all += graph->batched.at[i]->of == var;
    return all;
}

static bool is_row_kernel(Gen *g, const Term *def) {
    return !pass_is_off(g->all->options->off, "regions") &&
           def->kind == TERM_KERNEL && def->kernel->nresults == 1 &&
           !def->kernel->library && !def->kernel->one_at_a_time &&
           def->type->kind == TY_TENSOR && def->type->rank > 0 &&
           (def->kernel->rows || def->kernel->region[0]) && !dims_need_data(g->all, def);
}

/* A kernel that one branch alone may need is called there. */
static void find_call(const Term *term, void *data) {
    Names *names = data;
    bool tensor = term->kind == TERM_REF && term->var->type->kind == TY_TENSOR &&
                  term->var->type->rank;
    const Term *def = tensor ? bind_thunk(names->g, term->var)->term : NULL;
    names->calls |= def && def->kind == TERM_KERNEL && !is_row_kernel(names->g, def);
    term_children(term, find_call, data);
}

static bool branches_call(Gen *g, const Term *def) {
    Names names = {.g = g};
    if (def->kind == TERM_IF) find_call(def, &names);
    return names.calls;
}

const Term *sweep_definition(Gen *g, const Var *var) {
    Thunk *thunk = bind_thunk(g, var);
    const Term *def = thunk->term;
    if (var->table || var->type->rank < 2) return NULL;
    if (thunk->known || !def || thunk->parent || var->kind == VAR_OPEN) return NULL;
    if (pinned_way(g->all->graph, var, def) == PIN_WHOLE) return NULL;
    if (is_row_kernel(g, def)) return def;
    return sweep_has_rows(def) && !branches_call(g, def) ? def : NULL;
}

/* Names whose elements decide which elements are read: they are needed before
 * the sweep. */
typedef struct { Gen *g; const Var *var; bool found; } Address;

static void find_address(const Term *term, void *data);

static void find_value(const Term *term, void *data) {
    Address *a = data;
    if (term->kind != TERM_REF) {
        if (term->kind != TERM_DIM) term_children(term, find_value, data);
        return;
    }
    a->found |= term->var == a->var;
    if (term->var->kind == VAR_LET && term->var->id < a->g->all->def.n &&
        a->g->all->def.at[term->var->id] && !a->found)
        find_value(a->g->all->def.at[term->var->id], data);
}

static void find_address(const Term *term, void *data) {
    Address *a = data;
    if (term->kind == TERM_INDEX && term->arg[0]->kind == TERM_REF &&
        sweep_definition(a->g, term->arg[0]->var))
        for (int k = 1; k < term->nargs; k++) find_value(term->arg[k], data);
    for (int k = 0; k < term->nloops; k++) {
        find_value(term->loop[k].from, data);
        find_value(term->loop[k].to, data);
    }
    term_children(term, find_address, data);
}

bool sweep_is_address(Gen *g, const SweepStage *reader, const Var *var) {
    Address a = {g, var, false};
    find_address(reader->def, &a);
    return a.found;
}

/* The one loop of the reader on which all rows hang; -1: they hang on none, -2: on
 * several. */
static int row_loop(const SweepReads *reads, int row) {
    for (int i = 0; i < reads->n; i++) {
        const SweepRead *read = &reads->at[i];
        unsigned on = sweep_hangs_on(read, read->index->arg[1]);
        for (int k = 0; k < read->loop->nloops; k++) {
            if (on == 0) break;
            if (on == 1u << k && (row < 0 || row == k)) {
                row = k;
                on = 0;
            }
        }
        if (on) return -2;
    }
    return row;
}

static void find_tensors(const Term *term, void *data) {
    Names *names = data;
    if (term->kind == TERM_INDEX && term->arg[0]->kind == TERM_REF) {
        bool known = false;
        for (int i = 0; i < names->vars->n; i++)
            known |= names->vars->at[i] == term->arg[0]->var;
        if (!known)
            list_push(names->g->all->arena, names->vars, term->arg[0]->var);
    }
    term_children(term, find_tensors, data);
}

SweepStage *sweep_stage(Gen *g, const Var *var, const Term *def, SweepStage *reader) {
    SweepStage *stage = arena_new_of(g->all->arena, SweepStage);
    stage->var = var;
    stage->reader = reader;
    stage->level = var ? bind_thunk(g, var)->level : g->level;
    stage->section = var ? section_of(g, var, def) : g->section;
    sweep_set_definition(g, stage, def);
    return stage;
}

/* The reads of a producer, if all of them go row by row. */
static bool find_rows(Gen *g, SweepStage *stage, SweepStage *reader) {
    int row, reads;
    if (sweep_is_address(g, reader, stage->var)) return false;
    sweep_reads_of(g, reader, stage->var, &stage->reads);
    reads = stage->reads.n;
    if (!reads || reads != sweep_uses(reader->def, stage->var)) return false;
    row = row_loop(&stage->reads, reader->row);
    if (row == -2 || (reader->dense && row > 0)) return false;
    if (!sweep_find_reductions(g, stage, reader, all_uses(g, stage->var) - reads))
        return false;
    if (row >= 0) reader->row = row;
    return true;
}

void sweep_find_producers(Gen *g, SweepStage *reader) {
    Vars vars = {0};
    Names names = {g, &vars, false};
    for (int i = 0; i < reader->arms.n; i++)
        find_tensors(reader->arms.at[i].loop, &names);
    for (int i = 0; i < vars.n; i++) {
        const Term *def = sweep_definition(g, vars.at[i]);
        SweepStage *stage;
        if (!def) continue;
        stage = sweep_stage(g, vars.at[i], def, reader);
        if (find_rows(g, stage, reader))
            list_push(g->all->arena, &reader->producers, stage);
    }
    for (int i = 0; i < reader->producers.n; i++) {
        SweepStage *stage = reader->producers.at[i];
        stage->reads.n = 0;         /* again: what is pending is known now */
        sweep_reads_of(g, reader, stage->var, &stage->reads);
        stage->row = 0;
        sweep_find_producers(g, stage);
    }
}
