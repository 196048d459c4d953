/* Which tensors that a loop reads can be kept as rings of rows. */
#include "lower_sweep.h"

/* ---- which tensors can be windows ---- */

static bool only_reader(Gen *g, const Var *var, const Term *loop) {
    const Graph *graph = g->all->graph;
    int mine = sweep_uses(loop, var), all = 0;
    for (int i = 0; i < graph->nodes.n; i++)
        all += sweep_node_uses(g, &graph->nodes.at[i], var);
    for (int i = 0; i < graph->batched.n; i++) all += graph->batched.at[i]->of == var;
    return mine > 0 && mine == all;
}

static bool is_row_kernel(const Term *def) {
    return def->kind == TERM_KERNEL && def->kernel->nresults == 1 &&
           !def->kernel->library && !def->kernel->one_at_a_time &&
           def->type->kind == TY_TENSOR && def->type->rank > 0 &&
           (def->kernel->rows || def->kernel->region[0]);
}

bool sweep_is_loop(const Term *def) {
    return def->kind == TERM_FOR && !(def->nargs > 1 && def->arg[1]) &&
           def->arg[0]->type->kind == TY_TENSOR && def->arg[0]->type->rank == 0;
}

static const Term *definition_of(Gen *g, const Var *var) {
    Thunk *thunk = bind_thunk(g, var);
    if (var->table || var->type->rank < 2) return NULL;
    if (thunk->known || !thunk->term || thunk->parent || var->kind == VAR_OPEN) return NULL;
    return sweep_is_loop(thunk->term) || is_row_kernel(thunk->term) ? thunk->term : NULL;
}

/* Names whose elements decide which elements are read: they are needed before
 * the sweep. */
typedef struct { Gen *g; const Term *loop; const Var *var; bool found; } Address;

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
        definition_of(a->g, term->arg[0]->var))
        for (int k = 1; k < term->nargs; k++) find_value(term->arg[k], data);
    for (int k = 0; k < term->nloops; k++) {
        find_value(term->loop[k].from, data);
        find_value(term->loop[k].to, data);
    }
    term_children(term, find_address, data);
}

static bool is_address(Gen *g, const Term *loop, const Var *var) {
    Address a = {g, loop, var, false};
    find_address(loop, &a);
    return a.found;
}

/* The one loop of the reader on which all rows hang; -1: there is none. */
static int row_loop(const SweepStage *reader, const SweepReads *reads, int row) {
    for (int i = 0; i < reads->n; i++) {
        unsigned on = sweep_hangs_on(reader->def, &reads->at[i], reads->at[i].index->arg[1]);
        for (int k = 0; k < reader->def->nloops; k++) {
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

typedef LIST(const Var *) Vars;
typedef struct { Gen *g; Vars *vars; } Names;

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
    stage->def = def;
    stage->reader = reader;
    stage->level = var ? bind_thunk(g, var)->level : g->level;
    return stage;
}

void sweep_find_producers(Gen *g, SweepStage *reader) {
    Vars vars = {0};
    Names names = {g, &vars};
    if (reader->def->kind != TERM_FOR) return;
    find_tensors(reader->def->arg[0], &names);
    for (int i = 0; i < vars.n; i++) {
        const Var *var = vars.at[i];
        const Term *def = definition_of(g, var);
        SweepStage *stage;
        int row;
        if (!def || !only_reader(g, var, reader->def) || is_address(g, reader->def, var))
            continue;
        stage = sweep_stage(g, var, def, reader);
        sweep_reads(g, var, reader->def->arg[0], &stage->reads);
        if (stage->reads.n != sweep_uses(reader->def, var)) continue;
        row = row_loop(reader, &stage->reads, reader->row);
        if (row == -2) continue;
        if (row >= 0) reader->row = row;
        list_push(g->all->arena, &reader->producers, stage);
    }
    for (int i = 0; i < reader->producers.n; i++) {
        reader->producers.at[i]->row = 0;
        sweep_find_producers(g, reader->producers.at[i]);
    }
}
