/* What `pipec explain` shows of each tensor of the fused plan. */
#include <string.h>
#include "lower_room.h"

/* A dimension in words, if they are short. */
static const char *dim_words(Arena *arena, const Type *type, int k) {
    const char *text = type->dims && type->dims[k] ? dim_text(arena, type->dims[k]) : "?";
    return strchr(text, '?') || strlen(text) > 24 ? "?" : text;
}

static const char *shape_words(Arena *arena, const Type *type) {
    const char *text = "";
    for (int k = 0; k < type->rank; k++)
        text = arena_format(arena, "%s%s%s", text, k ? ", " : "",
                            dim_words(arena, type, k));
    return arena_format(arena, "%s[%s]", dtype_name(type->dtype), text);
}

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

/* The line of the feature's own file that led here. */
static int line_of(const Lowering *all, const Var *var, const Term *term) {
    const char *operator_name;
    int line = 0, column;
    if (term && term->at) line = place_line(term->at, all->graph->file, &operator_name);
    if (!line && var->loc.file) loc_line(var->loc, &line, &column);
    return line;
}

static const char *reason(const char *way, const Term *term) {
    if (!strcmp(way, "inline")) return "put where it is read";
    if (!strcmp(way, "table")) return "does not use all indices of its loop";
    if (!strcmp(way, "window")) return "one reader, row by row";
    if (!strcmp(way, "slot")) return "emitted: made in the batch";
    if (term && term->kind == TERM_KERNEL) return "the result of a kernel";
    return "costs more than a few operations";
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
    new.line = line_of(all, var, term);
    new.shape = shape_words(arena, var->type);
    new.rank = var->type->rank;
    for (int k = 0; k < new.rank; k++) new.dim[k] = dim_words(arena, var->type, k);
    new.bytes = !strcmp(way, "inline") ? "0"
                : !strcmp(way, "window")
                    ? arena_format(arena, "%s a row", bytes_words(arena, var->type, 1))
                    : bytes_words(arena, var->type, 0);
    new.why = reason(way, term);
    if (old) *old = new;
    else list_push(arena, &all->notes->tensors, new);
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
