/* Stages that are a choice of loops, one for the record: which loops there are, and
 * the code of a row. */
#include "lower_sweep.h"

enum { MOST_PARTS = 16 };

/* ---- what has rows ---- */

static bool is_scalar(const Type *type) { return type->kind == TY_TENSOR && !type->rank; }

static bool is_plain_loop(const Term *def) {
    return def->kind == TERM_FOR && !(def->nargs > 1 && def->arg[1]);
}

bool sweep_is_loop(const Term *def) {
    return is_plain_loop(def) && is_scalar(def->arg[0]->type);
}

/* A loop whose body lists scalars. */
static bool is_list_loop(const Term *def) {
    const Term *body;
    if (!is_plain_loop(def)) return false;
    for (body = def->arg[0]; body->kind == TERM_LET; body = body->arg[1])
        if (!is_scalar(body->arg[0]->type)) return false;
    if (body->kind != TERM_ARRAY || body->nargs > MOST_PARTS) return false;
    for (int i = 0; i < body->nargs; i++)
        if (!is_scalar(body->arg[i]->type)) return false;
    return true;
}

static bool starts_at_zero(const Term *loop) {
    int64_t from;
    for (int k = 0; k < loop->nloops; k++)
        if (!term_is_int(loop->loop[k].from, &from) || from) return false;
    return true;
}

static bool is_arm(const Term *def, int depth) {
    if (def->kind == TERM_IF)
        return depth < SWEEP_STEPS / 2 && def->arg[0]->kind == TERM_REF &&
               is_arm(def->arg[1], depth + 1) && is_arm(def->arg[2], depth + 1);
    if (def->kind == TERM_REF) return depth > 0 && !def->var->table;
    return (sweep_is_loop(def) || is_list_loop(def)) && starts_at_zero(def);
}

bool sweep_has_rows(const Term *def) { return sweep_is_loop(def) || is_arm(def, 0); }

/* ---- arms ---- */

static const Term *length_of(Gen *g, const Term *tensor, int axis) {
    int64_t n;
    Term *dim;
    if (dim_constant(tensor->type->dims[axis], &n))
        return term_int(g->all->arena, PL_I64, n);
    dim = term_new(g->all->arena, TERM_DIM, type_scalar(PL_I64), tensor->at, 1, tensor);
    dim->axis = axis;
    return dim;
}

const Term *sweep_loop_over(Gen *g, const Term *tensor) {
    Lowering *all = g->all;
    int rank = tensor->type->rank;
    const Type *count = type_scalar(PL_I64);
    Loop *loop = arena_array(all->arena, Loop, rank);
    Term *index = term_new(all->arena, TERM_INDEX, type_scalar(tensor->type->dtype),
                           tensor->at, 0), *nest;
    index->arg = arena_array(all->arena, const Term *, rank + 1);
    index->arg[0] = tensor;
    index->nargs = rank + 1;
    index->proved = ~0u;
    for (int k = 0; k < rank; k++) {
        const Var *var = var_own(all, VAR_INDEX, "element", count, g->level);
        loop[k] = (Loop){var, term_int(all->arena, PL_I64, 0), length_of(g, tensor, k)};
        index->arg[1 + k] = term_ref(all->arena, var);
    }
    nest = term_new(all->arena, TERM_FOR, tensor->type, tensor->at, 2,
                    (const Term *)index, (const Term *)NULL);
    nest->nloops = rank;
    nest->loop = loop;
    return nest;
}

static const Term *with_loops(Gen *g, const Term *def) {
    Term *copy;
    if (def->kind == TERM_REF) return sweep_loop_over(g, def);
    if (def->kind != TERM_IF) return def;
    copy = arena_new_of(g->all->arena, Term);
    *copy = *def;
    copy->arg = arena_array(g->all->arena, const Term *, 3);
    copy->arg[0] = def->arg[0];
    for (int i = 1; i < 3; i++) copy->arg[i] = with_loops(g, def->arg[i]);
    return copy;
}

static void find_arms(Gen *g, SweepStage *stage, const Term *def, SweepArm arm) {
    if (def->kind != TERM_IF) {
        arm.loop = def;
        if (def->kind == TERM_FOR) list_push(g->all->arena, &stage->arms, arm);
        return;
    }
    for (int i = 1; i < 3; i++) {
        SweepArm next = arm;
        next.step[next.nsteps++] = (SweepStep){.when = def->arg[0], .holds = i == 1};
        find_arms(g, stage, def->arg[i], next);
    }
}

void sweep_set_definition(Gen *g, SweepStage *stage, const Term *def) {
    stage->def = with_loops(g, def);
    stage->dense = def->kind == TERM_IF || (def->kind == TERM_FOR && !sweep_is_loop(def));
    stage->arms.n = 0;
    find_arms(g, stage, stage->def, (SweepArm){0});
}

/* ---- a row ---- */

/* The producer whose elements the loop gives as they are, or NULL. */
static const SweepStage *copied(const SweepStage *stage, const Term *loop) {
    const Term *body = loop->arg[0];
    const Var *var = body->kind == TERM_INDEX ? body->arg[0]->var : NULL;
    if (!var || body->otherwise || body->arg[0]->kind != TERM_REF ||
        body->nargs != loop->nloops + 1)
        return NULL;
    for (int k = 0; k < loop->nloops; k++) {
        const Term *sub = body->arg[1 + k];
        if (sub->kind != TERM_REF || sub->var != loop->loop[k].var) return NULL;
    }
    for (int i = 0; i < stage->producers.n; i++)
        if (stage->producers.at[i]->var == var) return stage->producers.at[i];
    return NULL;
}

/* A row of pixels from one ring to another. */
static bool copy_row(Gen *g, const SweepStage *stage, const Term *loop, const Fill *f,
                     Value base) {
    const SweepStage *from = copied(stage, loop);
    Value subs[PK_MAX_RANK], row, count;
    int64_t size = dtype_size(stage->def->type->dtype);
    if (!from || f->to != stage->ring || stage->ring->rank != 3 || from->blocked ||
        from->ring->pixels != stage->ring->pixels ||
        from->ring->planes != stage->ring->planes ||
        !(stage->ring->pixels || stage->ring->planes) || from->def->kind == TERM_KERNEL)
        return false;
    row = bind_thunk(g, loop->loop[0].var)->value.s.v;
    for (int k = 0; k < 3; k++) subs[k] = k ? gen_long(g, 0) : row;
    count = stage->ring->planes ? stage->ring->step[0]
                                : gen_mul(g, stage->ring->dim[1].v, stage->ring->step[1]);
    build(&g->b, LOOP_COPY, loop_type(LT_VOID), 3,
          build_offset(&g->b, f->to->data, base, size),
          build_offset(&g->b, from->ring->data, gen_position(g, from->ring, subs), size),
          gen_mul(g, count, gen_long(g, size)));
    return true;
}

static void fill_arm(Gen *g, const SweepStage *stage, const Term *def, const Fill *f,
                     Value base) {
    if (def->kind == TERM_IF) {
        gen_if(g, gen_scalar(g, def->arg[0]).v);
        fill_arm(g, stage, def->arg[1], f, base);
        gen_else(g);
        fill_arm(g, stage, def->arg[2], f, base);
        gen_end(g);
    } else if (!copy_row(g, stage, def, f, base)) {
        gen_fill_row(g, f, base, def);
    }
}

void sweep_fill_row(Gen *g, const SweepStage *stage, const Fill *f, Value base) {
    Mark mark = gen_mark(g);
    fill_arm(g, stage, stage->def, f, base);
    gen_release(g, mark);
}
