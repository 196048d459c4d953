/* Rewriting of terms: bottom up, sharing what does not change. */
#include "pass.h"
#include <string.h>

Var *graph_var(Arena *arena, Graph *graph, VarKind kind, const char *name,
               const Type *type, Loc loc) {
    Var *var = arena_new_of(arena, Var);
    *var = (Var){.kind = kind, .name = name, .id = graph->nvars++, .type = type,
                 .loc = loc};
    return var;
}

const Term *term_let(Arena *arena, const Var *var, const Term *value, const Term *body) {
    Term *let = term_new(arena, TERM_LET, body->type, body->at, 2, value, body);
    let->var = var;
    return let;
}

void rewrite_replace(Rewriter *rw, const Var *var, const Term *by) {
    Bind bind = {var, by};
    list_push(rw->arena, &rw->replaced, bind);
}

static const Term *replacement(const Rewriter *rw, const Var *var) {
    for (int i = rw->replaced.n - 1; i >= 0; i--)
        if (rw->replaced.at[i].var == var) return rw->replaced.at[i].term;
    return NULL;
}

/* ---- memory of what was rewritten ---- */

static size_t slot_of(const Rewriter *rw, const Term *term) {
    size_t mask = (size_t)rw->memo.room - 1;
    size_t at = ((size_t)(uintptr_t)term >> 4) * 0x9E3779B97F4A7C15u >> 20 & mask;
    while (rw->memo.from[at] && rw->memo.from[at] != term) at = (at + 1) & mask;
    return at;
}

void rewrite_remember(Rewriter *rw, const Term *from, const Term *to) {
    size_t at;
    if (2 * (rw->memo.n + 1) > rw->memo.room) {
        const Term **old_from = rw->memo.from, **old_to = rw->memo.to;
        int old = rw->memo.room;
        rw->memo.room = old ? 2 * old : 64;
        rw->memo.from = arena_array(rw->arena, const Term *, rw->memo.room);
        rw->memo.to = arena_array(rw->arena, const Term *, rw->memo.room);
        for (int i = 0; i < old; i++)
            if (old_from[i]) {
                at = slot_of(rw, old_from[i]);
                rw->memo.from[at] = old_from[i];
                rw->memo.to[at] = old_to[i];
            }
    }
    at = slot_of(rw, from);
    rw->memo.from[at] = from;
    rw->memo.to[at] = to;
    rw->memo.n++;
}

const Term *rewrite_done(const Rewriter *rw, const Term *term) {
    return rw->memo.room ? rw->memo.to[slot_of(rw, term)] : NULL;
}

/* ---- types of copies ---- */

const Type *type_plain(Arena *arena, const Type *type) {
    Type *copy = arena_new_of(arena, Type);
    int64_t size;
    *copy = *type;
    if (type->kind == TY_TUPLE) {
        const Type **items = arena_array(arena, const Type *, type->n);
        for (int i = 0; i < type->n; i++) items[i] = type_plain(arena, type->items[i]);
        copy->items = items;
    } else if (type->rank) {
        const Dim **dims = arena_array(arena, const Dim *, type->rank);
        for (int k = 0; k < type->rank; k++)
            if (type->dims[k] && dim_constant(type->dims[k], &size))
                dims[k] = type->dims[k];
        copy->dims = dims;
    } else {
        return type;
    }
    return copy;
}

/* ---- binders ---- */

static const Var *binder(Rewriter *rw, const Var *var) {
    Var *copy;
    if (!rw->fresh) return var;
    copy = graph_var(rw->arena, rw->graph, var->kind, var->name,
                     type_plain(rw->arena, var->type), var->loc);
    copy->level = var->level;
    copy->table = var->table;
    rewrite_replace(rw, var, term_ref(rw->arena, copy));
    return copy;
}

static const Var **binders(Rewriter *rw, int n, const Var **vars) {
    const Var **copy;
    if (!rw->fresh || !n) return vars;
    copy = arena_array(rw->arena, const Var *, n);
    for (int i = 0; i < n; i++) copy[i] = binder(rw, vars[i]);
    return copy;
}

/* ---- one term ---- */

static const Term **list(Rewriter *rw, int n, const Term **terms, bool *changed) {
    const Term **copy;
    if (!terms) return NULL;
    copy = arena_array(rw->arena, const Term *, n + 1);
    for (int i = 0; i < n; i++) {
        copy[i] = terms[i] ? rewrite(rw, terms[i]) : NULL;
        *changed |= copy[i] != terms[i];
    }
    return copy;
}

/* Bounds stand before the indices of the same term. */
static void loops(Rewriter *rw, const Term *term, Term *copy, bool *changed) {
    Loop *loop;
    if (!term->nloops) return;
    loop = arena_array(rw->arena, Loop, term->nloops);
    for (int i = 0; i < term->nloops; i++) {
        loop[i].from = rewrite(rw, term->loop[i].from);
        loop[i].to = rewrite(rw, term->loop[i].to);
        loop[i].var = binder(rw, term->loop[i].var);
        *changed |= loop[i].from != term->loop[i].from ||
                    loop[i].to != term->loop[i].to ||
                    loop[i].var != term->loop[i].var;
    }
    copy->loop = loop;
}

static int given_count(const Term *term) {
    int n = 0;
    for (int r = 0; term->given && r < term->kernel->nresults; r++)
        if (term->kernel->results[r]->kind == TY_TENSOR)
            n += term->kernel->results[r]->rank;
    return n;
}

static const Term *rebuild(Rewriter *rw, const Term *term) {
    Term *copy = arena_new_of(rw->arena, Term);
    bool changed = false;
    *copy = *term;
    copy->inits = list(rw, term->nstates, term->inits, &changed);
    if (term->kind == TERM_LET) {
        const Term *value = rewrite(rw, term->arg[0]);
        copy->var = binder(rw, term->var);
        copy->arg = arena_array(rw->arena, const Term *, 2);
        copy->arg[0] = value;
        copy->arg[1] = rewrite(rw, term->arg[1]);
        changed |= copy->var != term->var || copy->arg[0] != term->arg[0] ||
                   copy->arg[1] != term->arg[1];
        copy->type = copy->arg[1]->type;
    } else {
        loops(rw, term, copy, &changed);
        if (term->states) copy->states = binders(rw, term->nstates, term->states);
        if (term->news) copy->news = binders(rw, term->nstates, term->news);
        copy->arg = list(rw, term->nargs, term->arg, &changed);
        changed |= copy->states != term->states;
    }
    if (term->otherwise) {
        copy->otherwise = rewrite(rw, term->otherwise);
        changed |= copy->otherwise != term->otherwise;
    }
    if (term->stop) {
        copy->stop = rewrite(rw, term->stop);
        changed |= copy->stop != term->stop;
    }
    copy->given = list(rw, given_count(term), term->given, &changed);
    if (changed && (rw->fresh || rw->replaced.n))
        copy->type = type_plain(rw->arena, copy->type);
    return changed ? copy : term;
}

const Term *rewrite(Rewriter *rw, const Term *term) {
    const Term *done, *next;
    if (term->kind == TERM_REF) {
        next = replacement(rw, term->var);
        if (next) return next;
        return rw->visit ? rw->visit(rw, term) : term;
    }
    if (term->kind == TERM_CONST || term->kind == TERM_DATA) return term;
    done = rewrite_done(rw, term);
    if (done) return done;
    next = rw->before ? rw->before(rw, term) : term;
    next = next == term ? rebuild(rw, term) : rewrite(rw, next);
    if (rw->visit && next->kind != TERM_REF) next = rw->visit(rw, next);
    rewrite_remember(rw, term, next);
    return next;
}

const Term *term_instance(Arena *arena, Graph *graph, const Term *term, int n,
                          const Var *const *vars, const Term *const *values) {
    Rewriter rw = {.arena = arena, .graph = graph, .fresh = true};
    for (int i = 0; i < n; i++) rewrite_replace(&rw, vars[i], values[i]);
    return rewrite(&rw, term);
}

/* ---- graphs ---- */

Graph *graph_rewrite(Arena *arena, const Graph *graph, VisitTerm *visit, void *data) {
    Graph *copy = arena_new_of(arena, Graph);
    Rewriter rw = {.arena = arena, .graph = copy, .visit = visit, .data = data};
    *copy = *graph;
    copy->nodes.at = arena_array(arena, Node, graph->nodes.n + 1);
    copy->nodes.room = graph->nodes.n + 1;
    for (int i = 0; i < graph->nodes.n; i++) {
        copy->nodes.at[i] = graph->nodes.at[i];
        copy->nodes.at[i].term = rewrite(&rw, graph->nodes.at[i].term);
    }
    copy->below.at = arena_array(arena, Bind, graph->below.n + 1);
    copy->below.room = graph->below.n + 1;
    for (int i = 0; i < graph->below.n; i++) {
        copy->below.at[i] = graph->below.at[i];
        copy->below.at[i].term = rewrite(&rw, graph->below.at[i].term);
    }
    return copy;
}

Term *term_again(Arena *arena, const Term *term) {
    Term *copy = arena_new_of(arena, Term);
    *copy = *term;
    copy->arg = arena_array(arena, const Term *, term->nargs + 1);
    if (term->nargs)
        memcpy(copy->arg, term->arg, sizeof *copy->arg * (size_t)term->nargs);
    return copy;
}
