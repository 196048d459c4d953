/* Lanes: the elements of a row computed several at a time.
 *
 * A row of pixels has a column loop and, innermost, a small constant loop over
 * channels, padded to PIXEL. A vector is one pixel, or WIDE / PIXEL columns of
 * them. Every lane performs the operations of its element in the same order, so
 * no bit changes. A term is
 *
 *   ONE      the same in all lanes: made by the walker of scalars
 *   COLUMN   an integer, one value plus the lane's column
 *   CHANNEL  the lane's channel
 *   MANY     a vector
 *   NONE     not to be had in lanes: the row stays scalar */
#include "lower_lanes.h"

typedef struct LaneName { const Var *var; LaneKind kind; Value v; } LaneName;

struct Lanes {
    Gen *g;
    int n;                      /* lanes: PIXEL or WIDE */
    const Var *column, *channel;
    Value at;                   /* the column of lane 0 */
    int channels;
    LIST(LaneName) names;       /* bound inside of the element */
};

Lanes *lanes_new(Gen *g, int n, const Var *column, const Var *channel, int channels) {
    Lanes *l = arena_new_of(g->all->arena, Lanes);
    *l = (Lanes){.g = g, .n = n, .column = column, .channel = channel,
                 .channels = channels, .at = NO_VALUE};
    return l;
}

static LaneName *lane_name(Lanes *l, const Var *var) {
    for (int i = l->names.n - 1; i >= 0; i--)
        if (l->names.at[i].var == var) return &l->names.at[i];
    return NULL;
}

static void bind_lane(Lanes *l, const Var *var, LaneKind kind, Value v) {
    LaneName name = {var, kind, v};
    list_push(l->g->all->arena, &l->names, name);
}

/* ---- kinds ---- */

typedef struct { Lanes *l; bool varies; } Varies;

static void find_varying(const Term *term, void *data) {
    Varies *v = data;
    const LaneName *name;
    if (term->kind != TERM_REF) {
        term_children(term, find_varying, data);
        return;
    }
    name = lane_name(v->l, term->var);
    v->varies |= term->var == v->l->channel || (name && name->kind != LANE_ONE) ||
                 (term->var == v->l->column && v->l->n > PIXEL);
}

static bool varies(Lanes *l, const Term *term) {
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
    if (a == LANE_COLUMN || b == LANE_COLUMN || a == LANE_CHANNEL || b == LANE_CHANNEL)
        return LANE_NONE;
    if (term->nargs > 2 && lane_kind(l, term->arg[2]) > LANE_ONE &&
        lane_kind(l, term->arg[2]) != LANE_MANY)
        return LANE_NONE;
    return lane_op(term) ? LANE_MANY : LANE_NONE;
}

/* A row of pixels kept with room for PIXEL channels. */
static bool is_pixels(Lanes *l, const Term *tensor) {
    const Thunk *thunk = tensor->kind == TERM_REF ? bind_thunk(l->g, tensor->var) : NULL;
    return thunk && thunk->known && thunk->value.kind == LOW_TENSOR &&
           thunk->value.t->pixels;
}

/* A vector is read without tests: they must have been made, or not be needed. */
static bool needs_no_test(Lanes *l, const Term *term, int axis) {
    const Term *tensor = term->arg[0];
    return index_proved(l->g, term, axis) ||
           (is_pixels(l, tensor) &&
            bind_thunk(l->g, tensor->var)->value.t->tested >> axis & 1);
}

static LaneKind kind_of_index(Lanes *l, const Term *term) {
    int n = term->nargs - 1;
    if (term->otherwise || lane_kind(l, term->arg[n]) != LANE_CHANNEL) return LANE_NONE;
    for (int k = 0; k < n; k++)
        if (!needs_no_test(l, term, k)) return LANE_NONE;
    for (int k = 1; k < n; k++) {
        LaneKind kind = lane_kind(l, term->arg[k]);
        bool column = kind == LANE_COLUMN && k == n - 1 && n >= 2;
        if (kind != LANE_ONE && !column) return LANE_NONE;
    }
    if (n == 1) return LANE_MANY;
    return is_pixels(l, term->arg[0]) ? LANE_MANY : LANE_NONE;
}

static LaneKind kind_of_fold(Lanes *l, const Term *term) {
    int names = l->names.n;
    LaneKind body;
    if (term->nstates != 1 || term->nloops != 1 || term->arg[1] || term->arg[2] ||
        lane_kind(l, term->loop[0].from) != LANE_ONE ||
        lane_kind(l, term->loop[0].to) != LANE_ONE || lane_kind(l, term->inits[0]) != LANE_ONE)
        return LANE_NONE;
    bind_lane(l, term->states[0], LANE_MANY, NO_VALUE);
    body = lane_kind(l, term->arg[0]);
    l->names.n = names;
    return body == LANE_MANY ? LANE_MANY : LANE_NONE;
}

static LaneKind kind_of_let(Lanes *l, const Term *term) {
    LaneKind value;
    if (term->arg[0]->type->kind != TY_TENSOR || term->arg[0]->type->rank) return LANE_NONE;
    value = lane_kind(l, term->arg[0]);
    if (value == LANE_NONE) return LANE_NONE;
    bind_lane(l, term->var, value, NO_VALUE);
    return lane_kind(l, term->arg[1]);
}

LaneKind lane_kind(Lanes *l, const Term *term) {
    const LaneName *name;
    if (term->kind == TERM_REF) {
        if (term->var == l->channel) return LANE_CHANNEL;
        if (term->var == l->column && l->n > PIXEL) return LANE_COLUMN;
        name = lane_name(l, term->var);
        return name ? name->kind : LANE_ONE;
    }
    if (term->kind == TERM_LET) return kind_of_let(l, term);
    if (!varies(l, term)) return LANE_ONE;
    switch (term->kind) {
    case TERM_OP: return kind_of_op(l, term);
    case TERM_INDEX: return kind_of_index(l, term);
    case TERM_FOLD: return kind_of_fold(l, term);
    default: return LANE_NONE;
    }
}

/* ---- values ---- */

static LoopType vector_type(const Lanes *l, LoopScalar scalar) {
    return loop_vector(scalar, l->n);
}

static Value splat(Lanes *l, Value v) {
    return build(&l->g->b, LOOP_SPLAT, vector_type(l, gen_type(l->g, v)), 1, v);
}

static Value many(Lanes *l, const Term *term) {
    Value v = lane_value(l, term);
    return value_type(&l->g->b, v).lanes == 1 ? splat(l, v) : v;
}

static Value real_constant(Lanes *l, LoopScalar type, double value) {
    return splat(l, gen_real(l->g, type, value));
}

static Value lane_select(Lanes *l, Value c, Value a, Value b) {
    return build(&l->g->b, LOOP_SELECT, value_type(&l->g->b, a), 3, c, a, b);
}

static Value compare(Lanes *l, LoopOp op, Value a, Value b) {
    return build(&l->g->b, op, vector_type(l, LT_I1), 2, a, b);
}

/* As gen_convert, lane by lane. */
static Value convert(Lanes *l, const Term *term) {
    LoopBuilder *b = &l->g->b;
    pl_dtype from = term->arg[0]->type->dtype, to = term->type->dtype;
    Value v = many(l, term->arg[0]), zero;
    if (from == PL_U8) {
        v = build(b, LOOP_ZEXT, vector_type(l, LT_I32), 1, v);
        return to == PL_I32 ? v : build(b, LOOP_SITOFP, vector_type(l, LT_F32), 1, v);
    }
    if (from == PL_I32) return build(b, LOOP_SITOFP, vector_type(l, LT_F32), 1, v);
    zero = real_constant(l, LT_F32, 0);
    v = build(b, LOOP_RINT, vector_type(l, LT_F32), 1, v);
    v = lane_select(l, compare(l, LOOP_FLT, zero, v), v, zero);
    zero = real_constant(l, LT_F32, 255);
    v = lane_select(l, compare(l, LOOP_FLT, v, zero), v, zero);
    v = build(b, LOOP_FPTOSI, vector_type(l, LT_I32), 1, v);
    return build(b, LOOP_TRUNC, vector_type(l, LT_I8), 1, v);
}

static Value extreme(Lanes *l, bool least, Value a, Value b) {
    Value first = least ? compare(l, LOOP_FLT, a, b) : compare(l, LOOP_FLT, b, a);
    Value nan = compare(l, LOOP_FNE, b, b);
    first = build(&l->g->b, LOOP_OR, vector_type(l, LT_I1), 2, first, nan);
    return lane_select(l, first, a, b);
}

static LoopOp real_op(Op op) {
    switch (op) {
    case OP_ADD: return LOOP_FADD;
    case OP_SUB: return LOOP_FSUB;
    case OP_MUL: return LOOP_FMUL;
    case OP_DIV: return LOOP_FDIV;
    case OP_NEG: return LOOP_FNEG;
    case OP_ABS: return LOOP_FABS;
    case OP_SQRT: return LOOP_SQRT;
    case OP_FLOOR: return LOOP_FLOOR;
    case OP_CEIL: return LOOP_CEIL;
    case OP_TRUNC: return LOOP_TRUNCF;
    case OP_ROUND: return LOOP_RINT;
    case OP_FMA: return LOOP_FMA;
    case OP_EQ: return LOOP_FEQ;
    case OP_NE: return LOOP_FNE;
    case OP_LT: case OP_GT: return LOOP_FLT;
    case OP_LE: case OP_GE: return LOOP_FLE;
    default: bug("lanes: %s", op_name[op]);
    }
}

static Value operation(Lanes *l, const Term *term) {
    LoopBuilder *b = &l->g->b;
    bool real = dtype_is_float(term->arg[0]->type->dtype);
    bool swap = term->op == OP_GT || term->op == OP_GE;
    LoopType type = vector_type(l, reg_type(term->type->dtype));
    Value v[3] = {NO_VALUE, NO_VALUE, NO_VALUE};
    if (term->op == OP_CONVERT) return convert(l, term);
    for (int i = 0; i < term->nargs; i++) v[i] = many(l, term->arg[i]);
    if (term->op == OP_MIN || term->op == OP_MAX)
        return extreme(l, term->op == OP_MIN, v[0], v[1]);
    if (!real)
        return build(b, term->op == OP_ADD ? LOOP_ADD : term->op == OP_SUB ? LOOP_SUB
                                                                           : LOOP_MUL,
                     type, 2, v[0], v[1]);
    if (swap) return build(b, real_op(term->op), type, 2, v[1], v[0]);
    return build_array(b, real_op(term->op), type, term->nargs, v);
}

/* A constant for each channel, the same in every pixel. */
static Value by_channel(Lanes *l, const Tensor *t) {
    LoopScalar scalar = mem_type(t->dtype);
    Value v = NO_VALUE;
    for (int c = 0; c < l->channels; c++) {
        Value one = gen_load_element(l->g, t->dtype, t->data,
                                     gen_position(l->g, t, (Value[]){gen_long(l->g, c)}),
                                     t->buffer);
        int *mask = arena_array(l->g->all->arena, int, l->n);
        one = splat(l, one);
        if (v == NO_VALUE) {
            v = one;
            continue;
        }
        for (int i = 0; i < l->n; i++) mask[i] = i % PIXEL == c ? l->n + i : i;
        v = build(&l->g->b, LOOP_SHUFFLE, vector_type(l, scalar), 2, v, one);
        built(&l->g->b)->mask = mask;
    }
    return v;
}

static Value element(Lanes *l, const Term *term) {
    Gen *g = l->g;
    int n = term->nargs - 1;
    const Tensor *t = gen_tensor(g, term->arg[0]);
    Value subs[PK_MAX_RANK], at;
    if (n == 1) return by_channel(l, t);
    for (int k = 0; k < n - 1; k++) subs[k] = lane_value(l, term->arg[1 + k]);
    subs[n - 1] = gen_long(g, 0);
    at = build_offset(&g->b, t->data, gen_position(g, t, subs), dtype_size(t->dtype));
    at = build_load(&g->b, vector_type(l, mem_type(t->dtype)), at, t->buffer);
    return at;
}

static Value fold(Lanes *l, const Term *term) {
    Gen *g = l->g;
    Value init = many(l, term->inits[0]), state, index;
    Value from = gen_scalar(g, term->loop[0].from).v, to = gen_scalar(g, term->loop[0].to).v;
    int names = l->names.n, old;
    LoopType type = value_type(&g->b, init);
    state = build(&g->b, LOOP_VAR, type, 1, init);
    index = gen_for(g, from, to);
    old = context_open(g);
    bind_index(g, term->loop[0].var, scalar(index));
    bind_lane(l, term->states[0], LANE_MANY, build_get(&g->b, state));
    build_set(&g->b, state, many(l, term->arg[0]));
    l->names.n = names;
    context_close(g, old);
    gen_end(g);
    return build_get(&g->b, state);
}

static Value let(Lanes *l, const Term *term) {
    int names = l->names.n;
    LaneKind kind = lane_kind(l, term->arg[0]);
    Value v;
    l->names.n = names;
    if (kind == LANE_ONE) {
        bind_let(l->g, term);
        bind_lane(l, term->var, LANE_ONE, NO_VALUE);
    } else {
        v = lane_value(l, term->arg[0]);
        bind_lane(l, term->var, kind, v);
    }
    v = lane_value(l, term->arg[1]);
    return v;
}

Value lane_value(Lanes *l, const Term *term) {
    const LaneName *name;
    if (term->kind == TERM_REF) {
        name = lane_name(l, term->var);
        if (name && name->kind != LANE_ONE) return name->v;
        if (term->var == l->column) return l->at;
        return gen_scalar(l->g, term).v;
    }
    if (term->kind == TERM_LET) return let(l, term);
    if (!varies(l, term)) return gen_scalar(l->g, term).v;
    switch (term->kind) {
    case TERM_OP:
        if (lane_kind(l, term) == LANE_COLUMN) {
            Value a = lane_value(l, term->arg[0]), b = lane_value(l, term->arg[1]);
            return term->op == OP_ADD ? gen_add(l->g, a, b) : gen_sub(l->g, a, b);
        }
        return operation(l, term);
    case TERM_INDEX: return element(l, term);
    case TERM_FOLD: return fold(l, term);
    default: bug("lanes: a term of kind %d", term->kind);
    }
}

Value lanes_at(Lanes *l, Value column, const Term *element_term) {
    l->names.n = 0;
    l->at = column;
    return many(l, element_term);
}
