/* Lanes: the elements of a row computed several at a time.
 *
 * A row of pixels has a column loop and, innermost, a small constant loop over
 * channels, padded to PIXEL. A vector is one pixel, or WIDE / PIXEL columns of
 * them, or one of ROWS rows, or BLOCK columns of one channel. Every lane performs
 * the operations of its element in the same order, so no bit changes. A term is
 *
 *   ONE      the same in all lanes: made by the walker of scalars
 *   ROW      the row: it may only choose a row of the ring that is read
 *   COLUMN   an integer, one value plus the lane's column
 *   PLACE, BACK  where columns are read in another order than they are made
 *            (lower_mirror.c): of what is made, one value plus or minus the column
 *   CHANNEL  the lane's channel
 *   MANY     a vector
 *   NONE     not to be had in lanes: the row stays scalar */
#include "lower_lanes.h"
#include "passes/pass.h"

Lanes *lanes_new(Gen *g, int n, const Var *column, const Var *channel, int channels) {
    Lanes *l = arena_new_of(g->all->arena, Lanes);
    *l = (Lanes){.g = g, .n = n, .columns = n / PIXEL, .column = column,
                 .channel = channel, .channels = channels, .at = NO_VALUE};
    return l;
}

Lanes *lanes_of_columns(Gen *g, int n, const Var *column, const Var *channel) {
    Lanes *l = arena_new_of(g->all->arena, Lanes);
    *l = (Lanes){.g = g, .n = n, .columns = n, .column = column,
                 .fixed = channel, .at = NO_VALUE};
    return l;
}

Lanes *lanes_broader(const Lanes *l, int n) {
    Lanes *broad = lanes_of_columns(l->g, n, l->column, l->fixed);
    broad->direction = l->direction;
    broad->turned = l->turned;
    broad->forth = l->forth;
    return broad;
}

void lanes_may_run(Lanes *l) { l->may_run = true; }

int lanes_runs(const Lanes *l, const Term *const **reads) {
    *reads = l->runs.at;
    return l->ran ? l->runs.n : 0;
}

void lanes_fix(Lanes *l, int64_t channel) {
    l->fixed_at = channel;
    l->names.n = 0;
}

Lanes *lanes_of_rows(Gen *g, const Var *row, const Var *column, const Var *channel,
                     int channels, const Var *source) {
    Lanes *l = lanes_new(g, ROWS * PIXEL, column, channel, channels);
    l->columns = 1;
    l->row = row;
    l->source = source;
    return l;
}

static void find_fold(const Term *term, void *data) {
    bool *found = data;
    *found |= term->kind == TERM_FOLD;
    if (!*found) term_children(term, find_fold, data);
}

bool term_has_fold(const Term *body) {
    bool found = false;
    find_fold(body, &found);
    return found;
}

bool lane_dtype(pl_dtype d) { return d == PL_F32 || d == PL_U8 || d == PL_I32; }

LaneName *lane_name(Lanes *l, const Var *var) {
    for (int i = l->names.n - 1; i >= 0; i--)
        if (l->names.at[i].var == var) return &l->names.at[i];
    return NULL;
}

void lane_bind(Lanes *l, const Var *var, LaneKind kind, Value v) {
    LaneName name = {var, kind, v};
    list_push(l->g->all->arena, &l->names, name);
}

typedef struct { Lanes *l; bool varies; } Varies;

static void find_varying(const Term *term, void *data) {
    Varies *v = data;
    const LaneName *name;
    if (term->kind != TERM_REF) {
        term_children(term, find_varying, data);
        return;
    }
    name = lane_name(v->l, term->var);
    v->varies |= (v->l->channel && term->var == v->l->channel) ||
                 (v->l->row && term->var == v->l->row) || (name && name->kind != LANE_ONE) ||
                 (term->var == v->l->column && v->l->columns > 1);
}

bool lane_varies(Lanes *l, const Term *term) {
    Varies v = {l, false};
    find_varying(term, &v);
    return v.varies;
}

static bool lane_op(const Term *term) {
    bool real = dtype_is_float(term->arg[0]->type->dtype);
    pl_dtype d = term->arg[0]->type->dtype;
    if (d == PL_F16 || d == PL_BF16 || term->type->dtype == PL_F16 ||
        term->type->dtype == PL_BF16)
        return false;
    switch (term->op) {
    case OP_ADD: case OP_SUB: case OP_MUL: return true;
    case OP_DIV: case OP_SQRT: case OP_FLOOR: case OP_CEIL: case OP_TRUNC: case OP_ROUND:
    case OP_FMA: case OP_NEG: case OP_ABS: return real;
    case OP_MIN: case OP_MAX: return real;
    case OP_LT: case OP_LE: case OP_GT: case OP_GE: case OP_EQ: case OP_NE: return real;
    case OP_CONVERT:
        return (d == PL_U8 && (term->type->dtype == PL_F32 || term->type->dtype == PL_I32)) ||
               (d == PL_F32 && term->type->dtype == PL_U8) ||
               (d == PL_I32 && term->type->dtype == PL_F32);
    default: return false;
    }
}

static LaneKind kind_of_op(Lanes *l, const Term *term) {
    LaneKind a = lane_kind(l, term->arg[0]), b;
    b = term->nargs > 1 ? lane_kind(l, term->arg[1]) : LANE_ONE;
    if (a == LANE_NONE || b == LANE_NONE) return LANE_NONE;
    if (a == LANE_COLUMN && b == LANE_ONE && (term->op == OP_ADD || term->op == OP_SUB))
        return LANE_COLUMN;
    if (a == LANE_ONE && b == LANE_COLUMN && term->op == OP_ADD) return LANE_COLUMN;
    if (l->direction != LANES_FORTH && mirror_sum(l, term->op, a, b) != LANE_NONE)
        return mirror_sum(l, term->op, a, b);
    if ((a != LANE_ONE && a != LANE_MANY) || (b != LANE_ONE && b != LANE_MANY))
        return LANE_NONE;
    if (term->nargs > 2 && lane_kind(l, term->arg[2]) > LANE_ONE &&
        lane_kind(l, term->arg[2]) != LANE_MANY)
        return LANE_NONE;
    return lane_op(term) ? LANE_MANY : LANE_NONE;
}

static const Tensor *known_tensor(Lanes *l, const Term *tensor) {
    const Thunk *thunk = tensor->kind == TERM_REF ? bind_thunk(l->g, tensor->var) : NULL;
    return thunk && thunk->known && thunk->value.kind == LOW_TENSOR ? thunk->value.t : NULL;
}

/* A row of pixels kept with room for PIXEL channels. */
static bool is_pixels(Lanes *l, const Term *tensor) {
    const Tensor *t = known_tensor(l, tensor);
    return t && t->pixels;
}

/* Neighbours in a row are neighbours in memory. */
static bool in_memory(const Tensor *t) {
    return t && (!t->placed || t->dense) && t->fails == NO_VALUE && t->fail == NO_VALUE &&
           lane_dtype(t->dtype);
}

/* A tensor in memory whose last dimension is a small constant; a ring of pixels. */
int64_t lane_packed(Lanes *l, const Tensor *t) {
    int64_t n;
    if (t && t->pixels && lane_dtype(t->dtype)) return PIXEL;
    if (!in_memory(t) || t->rank < 2 || !gen_is_int(l->g, t->dim[t->rank - 1].v, &n))
        return 0;
    return n >= 2 && n <= PIXEL ? n : 0;
}

/* As many channels as ours, and memory behind it: vectors read beyond a pixel. */
static bool is_packed(Lanes *l, const Term *tensor) {
    const Tensor *t = known_tensor(l, tensor);
    return t && t->slack && lane_packed(l, t) == l->channels;
}

/* A vector is read without tests: they must have been made, or not be needed. */
static bool needs_no_test(Lanes *l, const Term *term, int axis) {
    const Tensor *t = known_tensor(l, term->arg[0]);
    return index_proved(l->g, term, axis) || (t && t->placed && t->tested >> axis & 1);
}

bool lane_fixed(const Lanes *l, const Term *term, int64_t *n) {
    if (term->kind != TERM_REF || term->var != l->fixed) return term_is_int(term, n);
    *n = l->fixed_at;
    return l->fixed != NULL;
}

static void note_run(Lanes *l, const Term *term) {
    for (int i = 0; i < l->runs.n; i++)
        if (l->runs.at[i] == term) return;
    list_push(l->g->all->arena, &l->runs, term);
}

/* BLOCK columns: neighbours in memory, or a channel of neighbouring pixels. */
static LaneKind kind_in_columns(Lanes *l, const Term *term) {
    int n = term->nargs - 1, column = n;
    const Tensor *t = known_tensor(l, term->arg[0]);
    int64_t channel;
    if (t && t->planes) {
        column = n - 1;
        if (lane_kind(l, term->arg[column]) != LANE_COLUMN) return LANE_NONE;
    } else if (!in_memory(t) && !(t && t->pixels && lane_packed(l, t))) {
        return LANE_NONE;
    } else if (lane_kind(l, term->arg[n]) != LANE_COLUMN) {
        column = n - 1;
        if (!lane_packed(l, t) || !lane_fixed(l, term->arg[n], &channel) ||
            lane_kind(l, term->arg[column]) != LANE_COLUMN)
            return LANE_NONE;
        l->picks = true;
    }
    for (int k = 1; k <= n; k++)
        if (k != column && lane_kind(l, term->arg[k]) != LANE_ONE) return LANE_NONE;
    for (int k = 0; k < n; k++)
        if (!needs_no_test(l, term, k)) return LANE_NONE;
    if (l->may_run) note_run(l, term);
    return LANE_MANY;
}

/* A table of places at the column. */
bool lane_is_run(Lanes *l, const Term *term) {
    const Tensor *t = known_tensor(l, term->arg[0]);
    int columns = 0;
    if (!l->may_run || l->columns == 1 || !t || t->placed || t->dtype != PL_I64) return false;
    for (int k = 0; k < term->nargs - 1; k++) {
        LaneKind kind = lane_kind(l, term->arg[1 + k]);
        columns += kind == LANE_COLUMN;
        if ((kind != LANE_COLUMN && kind != LANE_ONE) || !needs_no_test(l, term, k))
            return false;
    }
    return columns == 1;
}

static LaneKind kind_of_index(Lanes *l, const Term *term) {
    int n = term->nargs - 1, rows = 0;
    if (term->otherwise) return LANE_NONE;
    if (lane_is_run(l, term)) {
        l->ran = true;
        return LANE_COLUMN;
    }
    if (!l->channel) return kind_in_columns(l, term);
    if (lane_kind(l, term->arg[n]) != LANE_CHANNEL) return LANE_NONE;
    for (int k = 0; k < n; k++)
        if (!needs_no_test(l, term, k)) return LANE_NONE;
    for (int k = 1; k < n; k++) {
        LaneKind kind = lane_kind(l, term->arg[k]);
        bool column = kind == LANE_COLUMN && k == n - 1 && n >= 2;
        bool row = kind == LANE_ROW && k == 1 && term->arg[0]->var == l->source;
        if (kind != LANE_ONE && !column && !row) return LANE_NONE;
        if (column && l->may_run) note_run(l, term);
        rows += row;
    }
    if (l->row && n > 1 && !rows) return LANE_NONE;
    if (n == 1) return LANE_MANY;
    return is_pixels(l, term->arg[0]) || is_packed(l, term->arg[0]) ? LANE_MANY
                                                                    : LANE_NONE;
}

static void find_read(const Term *term, void *data) {
    bool *found = data;
    *found |= term->kind == TERM_INDEX;
    if (!*found) term_children(term, find_read, data);
}

/* Unless the condition is one for all columns both branches are computed: then
 * nothing may be read that the condition guards. */
static LaneKind kind_of_if(Lanes *l, const Term *term) {
    LaneKind kind[3];
    bool reads = false;
    if (term->type->kind != TY_TENSOR || term->type->rank) return LANE_NONE;
    for (int i = 0; i < 3; i++) {
        int names = l->names.n;
        kind[i] = lane_kind(l, term->arg[i]);
        l->names.n = names;
    }
    if (mirror_choice(l, term, kind[0], kind[1], kind[2])) return LANE_COLUMN;
    for (int i = 0; i < 3; i++)
        if (kind[i] != LANE_ONE && kind[i] != LANE_MANY) return LANE_NONE;
    if (term->proved) find_read(term->arg[1], &reads);
    if (reads && (kind[0] != LANE_ONE || term->type->dtype == PL_BOOL)) return LANE_NONE;
    return LANE_MANY;
}

static LaneKind kind_of_fold(Lanes *l, const Term *term) {
    int names = l->names.n;
    LaneKind body;
    if (term->nstates != 1 || term->nloops != 1 || term->arg[1] || term->arg[2] ||
        lane_kind(l, term->loop[0].from) != LANE_ONE ||
        lane_kind(l, term->loop[0].to) != LANE_ONE || lane_kind(l, term->inits[0]) != LANE_ONE)
        return LANE_NONE;
    lane_bind(l, term->states[0], LANE_MANY, NO_VALUE);
    body = lane_kind(l, term->arg[0]);
    l->names.n = names;
    return body == LANE_MANY ? LANE_MANY : LANE_NONE;
}

LaneKind lanes_let_kind(Lanes *l, const Term *let) {
    LaneKind value;
    if (let->arg[0]->type->kind != TY_TENSOR || let->arg[0]->type->rank) return LANE_NONE;
    value = lane_kind(l, let->arg[0]);
    if (value != LANE_NONE) lane_bind(l, let->var, value, NO_VALUE);
    return value;
}

static LaneKind kind_of_let(Lanes *l, const Term *term) {
    return lanes_let_kind(l, term) == LANE_NONE ? LANE_NONE : lane_kind(l, term->arg[1]);
}

LaneKind lane_kind(Lanes *l, const Term *term) {
    const LaneName *name;
    if (pass_is_off(l->g->all->options->off, "lanes")) return LANE_NONE;
    if (term->kind == TERM_REF) {
        if (l->channel && term->var == l->channel) return LANE_CHANNEL;
        if (l->row && term->var == l->row) return LANE_ROW;
        if (term->var == l->column && l->columns > 1)
            return l->direction == LANES_FORTH ? LANE_COLUMN : LANE_PLACE;
        name = lane_name(l, term->var);
        return name ? name->kind : LANE_ONE;
    }
    if (term->kind == TERM_LET) return kind_of_let(l, term);
    if (!lane_varies(l, term)) return LANE_ONE;
    switch (term->kind) {
    case TERM_OP: return kind_of_op(l, term);
    case TERM_INDEX: return kind_of_index(l, term);
    case TERM_FOLD: return kind_of_fold(l, term);
    case TERM_IF: return kind_of_if(l, term);
    default: return LANE_NONE;
    }
}
