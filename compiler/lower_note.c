/* What `pipec explain` shows of each tensor of the fused plan. */
#include <string.h>
#include "lower_room.h"
#include "plan_pins.h"

/* Of all from dimension `from` on. */
static const char *bytes_words(Arena *arena, const Type *type, int from) {
    int64_t bytes = dtype_size(type->dtype), n;
    const char *text = "";
    for (int k = from; k < type->rank; k++) {
        if (type->dims && type->dims[k] && dim_constant(type->dims[k], &n)) bytes *= n;
        else text = arena_format(arena, "%s * %s", text, dim_words(arena, type, k));
    }
    return arena_format(arena, "%lld%s", (long long)bytes, text);
}

static const char *reason(const char *way, const Term *term) {
    if (!strcmp(way, "inline")) return "put where it is read";
    if (!strcmp(way, "table")) return "does not use all indices of its loop";
    if (!strcmp(way, "window")) return "one reader, row by row";
    if (!strcmp(way, "slot")) return "emitted: made in the batch";
    if (term && term->kind == TERM_KERNEL) return "the result of a kernel";
    return "costs more than a few operations";
}

/* After how many elements it ends, as a number or in words; or NULL. */
static const char *stop_words(const Lowering *all, const Term *term) {
    int64_t n;
    while (term && !term->stop) {
        const Term *of = term->nargs ? term->arg[term->kind == TERM_LET] : NULL;
        if (term->kind == TERM_REF)
            of = term->var->id < all->def.n ? all->def.at[term->var->id] : NULL;
        else if (term->kind != TERM_LET && term->kind != TERM_CHECK && term->kind != TERM_GET)
            return NULL;
        term = of;
    }
    if (!term) return NULL;
    if (term_is_int(term->stop, &n)) return arena_format(all->arena, "%lld", (long long)n);
    return term->stop->kind == TERM_REF
               ? arena_format(all->arena, "`%s`", term->stop->var->name) : "enough";
}

static TensorNote *known_note(const Lowering *all, const Var *var) {
    for (int i = 0; i < all->notes->tensors.n; i++)
        if (all->notes->tensors.at[i].var == var) return &all->notes->tensors.at[i];
    return NULL;
}

/* A pass renames what it moves: the copy has the name and the place in the text. */
static bool is_noted(const Lowering *all, const Var *var) {
    for (int i = 0; i < all->notes->tensors.n; i++) {
        const Var *other = all->notes->tensors.at[i].var;
        if (!strcmp(other->name, var->name) && other->loc.file == var->loc.file &&
            other->loc.from == var->loc.from)
            return true;
    }
    return false;
}

static void note(Lowering *all, const Var *var, const Term *term, const char *way) {
    Arena *arena = all->arena;
    TensorNote *old = known_note(all, var),
               new = {.var = var, .name = var->name, .way = way};
    if (old && !strcmp(old->way, "slot")) return;
    new.section = term && term->kind == TERM_KERNEL ? term->kernel->name : var->name;
    new.line = line_of_tensor(all->graph, var, term);
    new.shape = shape_words(arena, var->type);
    new.rank = var->type->rank;
    for (int k = 0; k < new.rank; k++) new.dim[k] = dim_words(arena, var->type, k);
    new.bytes = !strcmp(way, "inline") ? "0"
                : !strcmp(way, "window")
                    ? arena_format(arena, "%s a row", bytes_words(arena, var->type, 1))
                    : bytes_words(arena, var->type, 0);
    new.why = reason(way, term);
    new.stop = strcmp(way, "inline") ? stop_words(all, term) : NULL;
    if (old) {                  /* a window that is whole for its readers */
        new.crop = old->crop;
        new.layout = old->layout;
        *old = new;
        return;
    }
    list_push(arena, &all->notes->tensors, new);
}

void note_way(Gen *g, const Thunk *thunk, const char *way) {
    const Var *var = thunk->var;
    if (!g->all->notes || !var || (g->plain && g->all->options->fuse)) return;
    if (var->type->kind != TY_TENSOR || var->type->rank == 0) return;
    note(g->all, var, thunk->term, var->table && !strcmp(way, "whole") ? "table" : way);
}

void note_crop(Gen *g, const Var *var, int axis) {
    TensorNote *note = g->all->notes ? known_note(g->all, var) : NULL;
    if (note) note->crop |= 1u << axis;
}

void note_layout(Gen *g, const Var *var, const char *layout) {
    TensorNote *note = g->all->notes ? known_note(g->all, var) : NULL;
    if (note) note->layout = layout;
}

void note_test(Gen *g, const Place *at) {
    LowerNotes *notes = g->all->notes;
    if (!notes || g->plain || !g->loops || !at) return;
    for (int i = 0; i < notes->tested.n; i++)
        if (notes->tested.at[i] == at) return;
    list_push(g->all->arena, &notes->tested, at);
}

void note_gone(Lowering *all, const Var *var) {
    const Term *term = var->id < all->def.n ? all->def.at[var->id] : NULL;
    if (var->type->kind != TY_TENSOR || var->type->rank == 0 ||
        is_noted(all, var))
        return;
    note(all, var, term, "inline");
}

/* ---- who reads whom ---- */

typedef struct Reads { Lowering *all; TermMap *seen; int reader; } Reads;

static bool is_shown(const TensorNote *n) {
    return strcmp(n->way, "inline") && strcmp(n->way, "table");
}

/* Data alone, and through what was put into its readers, and tables. */
static void find_reads(const Term *term, Use use, void *data) {
    Reads *r = data;
    LowerNotes *notes = r->all->notes;
    const Term *def;
    bool fresh;
    if (use == USE_DIMS) return;
    map_at(r->seen, term, 0, &fresh);
    if (!fresh) return;
    if (term->kind != TERM_REF) {
        use_children(term, use, find_reads, data);
        return;
    }
    for (int i = 0; i < notes->tensors.n; i++) {
        const TensorNote *n = &notes->tensors.at[i];
        if (n->var != term->var || i == r->reader || !is_shown(n)) continue;
        list_push(r->all->arena, &notes->tensors.at[r->reader].reads, i);
        return;
    }
    def = term->var->id < r->all->def.n ? r->all->def.at[term->var->id] : NULL;
    if (def) find_reads(def, use, data);
}

void note_reads(Lowering *all) {
    for (int i = 0; all->notes && i < all->notes->tensors.n; i++) {
        const Var *var = all->notes->tensors.at[i].var;
        const Term *def = var->id < all->def.n ? all->def.at[var->id] : NULL;
        Reads r = {all, map_new(), i};
        if (def && is_shown(&all->notes->tensors.at[i])) find_reads(def, USE_DATA, &r);
        map_free(r.seen);
    }
}

/* ---- what is fused ---- */

void note_groups(Lowering *all) {
    for (int i = 0; all->notes && i < all->sections.n; i++) {
        const Section *s = &all->sections.at[i];
        GroupNote group = {.name = s->name, .operator_name = s->operator_name,
                           .kind = s->kind, .line = s->line};
        double sum = 0;
        for (int k = 0; k < s->works.n; k++) sum += s->works.at[k].weight;
        for (int k = 0; k < s->works.n; k++) {
            OperatorNote operator = s->works.at[k].of;
            operator.part = s->works.at[k].weight / sum;
            if (operator.name) list_push(all->arena, &group.operators, operator);
        }
        list_push(all->arena, &all->notes->groups, group);
    }
}

void note_wheres(Lowering *all) {
    for (int i = 0; all->notes && i < all->graph->nodes.n; i++) {
        const Node *node = &all->graph->nodes.at[i];
        int line = 0, column;
        if (node->kind != NODE_WHERE) continue;
        if (node->loc.file) loc_line(node->loc, &line, &column);
        list_push(all->arena, &all->notes->wheres, line);
    }
}
