/* The code of terms whose kind lower_lanes.c has found. */
#include "lower_lanes.h"

static LoopType vector_type(const Lanes *l, LoopScalar scalar) {
    return loop_vector(scalar, l->n);
}

static Value splat(Lanes *l, Value v) {
    return build(&l->g->b, LOOP_SPLAT, vector_type(l, gen_type(l->g, v)), 1, v);
}

Value lanes_many(Lanes *l, const Term *term) {
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
    Value v = lanes_many(l, term->arg[0]), zero;
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

/* number: b is not NaN. */
static Value extreme(Lanes *l, bool least, Value a, Value b, bool number) {
    Value first = least ? compare(l, LOOP_FLT, a, b) : compare(l, LOOP_FLT, b, a);
    Value one = lane_select(l, first, a, b);        /* one instruction of most machines */
    return number ? one : lane_select(l, compare(l, LOOP_FNE, b, b), a, one);
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
    for (int i = 0; i < term->nargs; i++) v[i] = lanes_many(l, term->arg[i]);
    if (term->op == OP_MIN || term->op == OP_MAX)
        return extreme(l, term->op == OP_MIN, v[0], v[1],
                       term_is_number(l->g->all, term->arg[1]));
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

static Value shuffle(Gen *g, Value a, Value b, int lanes, int *mask) {
    Value v = build(&g->b, LOOP_SHUFFLE, loop_vector(value_type(&g->b, a).scalar, lanes),
                    2, a, b);
    built(&g->b)->mask = mask;
    return v;
}

Value lane_pick(Gen *g, Value a, Value b, int lanes, int first, int step) {
    int *mask = arena_array(g->all->arena, int, lanes);
    for (int i = 0; i < lanes; i++) mask[i] = first + i * step;
    return shuffle(g, a, b, lanes, mask);
}

/* Lane i of channel c of pixels stored one after the other: element c + i * step
 * of what lies there, which is loaded as `step` vectors. */
static Value one_channel(Lanes *l, const Tensor *t, Value at, int c, int step) {
    Gen *g = l->g;
    LoopType type = vector_type(l, mem_type(t->dtype));
    Value v = NO_VALUE;
    for (int part = 0; part < step; part++) {
        Value from = build_offset(&g->b, at, gen_long(g, part * BLOCK), dtype_size(t->dtype));
        Value load = build_load(&g->b, type, from, t->buffer);
        int *mask = arena_array(g->all->arena, int, BLOCK);
        for (int i = 0; i < BLOCK; i++) {
            int element = c + i * step - part * BLOCK;
            mask[i] = element >= 0 && element < BLOCK ? (part ? BLOCK : 0) + element : i;
        }
        v = shuffle(g, part ? v : load, load, BLOCK, mask);
    }
    return v;
}

Value lanes_channel(Gen *g, const Value *quarter, int c) {
    Value half[2];
    for (int h = 0; h < 2; h++)
        half[h] = lane_pick(g, quarter[2 * h], quarter[2 * h + 1], 8, c, PIXEL);
    return lane_pick(g, half[0], half[1], BLOCK, 0, 1);
}

/* Fours of lanes of (a, b), of each four of lanes: pattern 4 to 7 is of b. Or, by fours,
 * whole ones. */
static Value fours(Gen *g, Value a, Value b, const int *pattern, bool by_fours) {
    int *mask = arena_array(g->all->arena, int, WIDE);
    for (int i = 0; i < WIDE; i++) {
        int from = pattern[by_fours ? i / 4 : i % 4];
        int rest = by_fours ? i % 4 : i / 4 * 4, lane = from % 4;
        mask[i] = (from >= 4 ? WIDE : 0) + (by_fours ? 4 * lane + rest : rest + lane);
    }
    return shuffle(g, a, b, WIDE, mask);
}

/* Row i of v becomes column i of what it gives. */
static void turn(Gen *g, const Value *v, Value *to, bool by_fours) {
    static const int low[] = {0, 4, 1, 5}, high[] = {2, 6, 3, 7};
    static const int first[] = {0, 1, 4, 5}, second[] = {2, 3, 6, 7};
    Value a = fours(g, v[0], v[1], low, by_fours), b = fours(g, v[2], v[3], low, by_fours);
    Value c = fours(g, v[0], v[1], high, by_fours), d = fours(g, v[2], v[3], high, by_fours);
    to[0] = fours(g, a, b, first, by_fours);
    to[1] = fours(g, a, b, second, by_fours);
    to[2] = fours(g, c, d, first, by_fours);
    to[3] = fours(g, c, d, second, by_fours);
}

void lanes_turn(Gen *g, LoopScalar type, Value buffer, int channels, Value out[][4]) {
    int64_t bytes = loop_type_bytes(loop_vector(type, WIDE)), step = bytes * ROWS / 4;
    Value part[4][PIXEL];
    for (int n = 0; n < 4; n++) {
        Value v[4];
        for (int p = 0; p < 4; p++) {
            Value at = gen_long(g, (4 * n + p) * step);
            v[p] = build_load(&g->b, loop_vector(type, WIDE),
                              build_offset(&g->b, buffer, at, 1), 0);
        }
        turn(g, v, part[n], false);
    }
    for (int c = 0; c < channels; c++) {
        Value v[4] = {part[0][c], part[1][c], part[2][c], part[3][c]};
        turn(g, v, out[c], true);
    }
}

void lanes_store(Gen *g, int n, const Value *v, Value at, int buffer) {
    LoopType type = value_type(&g->b, v[0]);
    for (int part = 0; part < n; part++) {
        Value all = v[0];
        for (int c = 1; c < n; c++) {
            int *mask = arena_array(g->all->arena, int, BLOCK);
            for (int i = 0; i < BLOCK; i++) {
                int element = part * BLOCK + i, column = element / n;
                mask[i] = element % n == c ? BLOCK + column
                          : c == 1 && element % n == 0 ? column : i;
            }
            all = shuffle(g, all, v[c], BLOCK, mask);
        }
        build_store(&g->b, all, build_offset(&g->b, at, gen_long(g, part * BLOCK),
                                             loop_type_bytes(type) / BLOCK), buffer);
    }
}

static Value in_columns(Lanes *l, const Term *term, const Tensor *t) {
    Gen *g = l->g;
    int n = term->nargs - 1;
    int64_t channel, channels;
    Value subs[PK_MAX_RANK], at;
    bool packed = !t->planes && lane_kind(l, term->arg[n]) != LANE_COLUMN;
    for (int k = 0; k < n; k++) subs[k] = lane_value(l, term->arg[1 + k]);
    if (packed) subs[n - 1] = gen_long(g, 0);
    at = build_offset(&g->b, t->data, gen_position(g, t, subs), dtype_size(t->dtype));
    if (!packed) return build_load(&g->b, vector_type(l, mem_type(t->dtype)), at, t->buffer);
    channels = lane_packed(l, t);
    if (!lane_fixed(l, term->arg[n], &channel)) bug("lanes: a channel that varies");
    return one_channel(l, t, at, (int)channel, (int)channels);
}

/* Pixels side by side, of so many elements each, get the room of PIXEL channels. `room` 0:
 * all columns get the first. */
static Value spread(Lanes *l, Value v, int room) {
    int *mask = arena_array(l->g->all->arena, int, l->n);
    for (int i = 0; i < l->n; i++) {
        int c = i % PIXEL;
        mask[i] = i / PIXEL * room + (c < l->channels ? c : 0);
    }
    return shuffle(l->g, v, v, l->n, mask);
}

static Value element(Lanes *l, const Term *term) {
    Gen *g = l->g;
    int n = term->nargs - 1;
    const Tensor *t = gen_tensor(g, term->arg[0]);
    Value subs[PK_MAX_RANK], at;
    bool same;                  /* column for all lanes */
    if (!l->channel) return in_columns(l, term, t);
    if (n == 1) return by_channel(l, t);
    for (int k = 0; k < n - 1; k++) subs[k] = lane_value(l, term->arg[1 + k]);
    subs[n - 1] = gen_long(g, 0);
    at = build_offset(&g->b, t->data, gen_position(g, t, subs), dtype_size(t->dtype));
    same = l->columns > 1 && lane_kind(l, term->arg[n - 1]) != LANE_COLUMN;
    at = build_load(&g->b, loop_vector(mem_type(t->dtype), same ? PIXEL : l->n), at,
                    t->buffer);
    if (same) return spread(l, at, 0);
    return t->pixels || l->columns == 1 || l->channels == PIXEL
               ? at : spread(l, at, l->channels);
}

/* That of the first column. */
static Value place(Lanes *l, const Term *term) {
    Gen *g = l->g;
    const Tensor *t = gen_tensor(g, term->arg[0]);
    Value subs[PK_MAX_RANK];
    for (int k = 0; k < term->nargs - 1; k++) subs[k] = lane_value(l, term->arg[1 + k]);
    return gen_load_element(g, t->dtype, t->data, gen_position(g, t, subs), t->buffer);
}

static Value fold(Lanes *l, const Term *term) {
    Gen *g = l->g;
    Value init = lanes_many(l, term->inits[0]), state, index;
    Value from = gen_scalar(g, term->loop[0].from).v, to = gen_scalar(g, term->loop[0].to).v;
    int names = l->names.n, old;
    LoopType type = value_type(&g->b, init);
    state = build(&g->b, LOOP_VAR, type, 1, init);
    index = gen_for(g, from, to);
    build_unroll(&g->b, 1);     /* few rounds, as many as the data says */
    old = context_open(g);
    bind_index(g, term->loop[0].var, scalar(index));
    lane_bind(l, term->states[0], LANE_MANY, build_get(&g->b, state));
    build_set(&g->b, state, lanes_many(l, term->arg[0]));
    l->names.n = names;
    context_close(g, old);
    gen_end(g);
    return build_get(&g->b, state);
}

void lanes_fold(Lanes *l, const Term *term, const Var *channel, int n, Value column,
                Value *v) {
    Gen *g = l->g;
    Value state[PIXEL], from, to, init, index;
    lanes_start(l, column);
    init = lanes_many(l, term->inits[0]);
    from = gen_scalar(g, term->loop[0].from).v;
    to = gen_scalar(g, term->loop[0].to).v;
    for (int k = 0; k < n; k++)
        state[k] = build(&g->b, LOOP_VAR, value_type(&g->b, init), 1, init);
    index = gen_for(g, from, to);
    build_unroll(&g->b, 1);
    for (int k = 0; k < n; k++) {
        int old = context_open(g);          /* names may hang on the channel */
        bind_index(g, term->loop[0].var, scalar(index));
        lanes_fix(l, k);
        lanes_start(l, column);
        bind_index(g, channel, scalar(gen_long(g, k)));
        lane_bind(l, term->states[0], LANE_MANY, build_get(&g->b, state[k]));
        build_set(&g->b, state[k], lanes_many(l, term->arg[0]));
        context_close(g, old);
    }
    gen_end(g);
    for (int k = 0; k < n; k++) v[k] = build_get(&g->b, state[k]);
}

void lanes_let(Lanes *l, const Term *let) {
    int names = l->names.n;
    LaneKind kind = lane_kind(l, let->arg[0]);
    l->names.n = names;
    if (kind == LANE_ONE) {
        bind_let(l->g, let);
        lane_bind(l, let->var, LANE_ONE, NO_VALUE);
    } else {
        lane_bind(l, let->var, kind, lane_value(l, let->arg[0]));
    }
}

/* One condition for all lanes is a branch. */
static Value choice(Lanes *l, const Term *term) {
    Gen *g = l->g;
    int names = l->names.n;
    LaneKind kind = lane_kind(l, term->arg[0]);
    LoopType type = vector_type(l, reg_type(term->type->dtype));
    Value c = NO_VALUE, v[2], var = NO_VALUE;
    bool branch = kind == LANE_ONE && term->type->dtype != PL_BOOL;
    l->names.n = names;
    c = branch ? gen_scalar(g, term->arg[0]).v : lanes_many(l, term->arg[0]);
    if (branch) var = build(&g->b, LOOP_VAR, type, 1, splat(l, gen_zero(g, type.scalar)));
    for (int i = 0; i < 2; i++) {
        if (branch && i == 0) gen_if(g, c);
        if (branch && i == 1) gen_else(g);
        v[i] = lanes_many(l, term->arg[1 + i]);
        if (branch) build_set(&g->b, var, v[i]);
        l->names.n = names;
    }
    if (!branch) return build(&g->b, LOOP_SELECT, type, 3, c, v[0], v[1]);
    gen_end(g);
    return build_get(&g->b, var);
}

/* An integer, of which lane 0 has this value. */
static bool is_place(Lanes *l, const Term *term) {
    int names = l->names.n;
    LaneKind kind = lane_kind(l, term);
    l->names.n = names;
    return kind == LANE_COLUMN || kind == LANE_PLACE || kind == LANE_BACK;
}

static Value sum_of_places(Lanes *l, const Term *term) {
    Value a = lane_value(l, term->arg[0]), b = lane_value(l, term->arg[1]);
    return term->op == OP_ADD ? gen_add(l->g, a, b) : gen_sub(l->g, a, b);
}

static Value choice_of_places(Lanes *l, const Term *term) {
    Value a = lane_value(l, term->arg[1]), b = lane_value(l, term->arg[2]);
    return gen_op(l->g, LOOP_SELECT, LT_I64, 3, gen_scalar(l->g, term->arg[0]).v, a, b);
}

Value lane_value(Lanes *l, const Term *term) {
    const LaneName *name;
    if (term->kind == TERM_REF) {
        name = lane_name(l, term->var);
        if (name && name->kind != LANE_ONE) return name->v;
        if (term->var == l->column) return l->at;
        return gen_scalar(l->g, term).v;
    }
    if (term->kind == TERM_LET) {
        lanes_let(l, term);
        return lane_value(l, term->arg[1]);
    }
    if (!lane_varies(l, term)) return gen_scalar(l->g, term).v;
    switch (term->kind) {
    case TERM_OP:
        return is_place(l, term) ? sum_of_places(l, term) : operation(l, term);
    case TERM_INDEX: return lane_is_run(l, term) ? place(l, term) : element(l, term);
    case TERM_FOLD: return term == l->folded ? l->fold : fold(l, term);
    case TERM_IF: return is_place(l, term) ? choice_of_places(l, term) : choice(l, term);
    default: bug("lanes: a term of kind %d", term->kind);
    }
}

void lanes_start(Lanes *l, Value column) {
    l->names.n = 0;
    l->at = mirror_start(l, column);
}

Value lanes_out(Lanes *l, const Term *term) { return mirror_out(l, lanes_many(l, term)); }

Value lanes_at(Lanes *l, Value column, const Term *element_term) {
    lanes_start(l, column);
    return lanes_out(l, element_term);
}

Value lane_canonical(Gen *g, Value v) {
    LoopType type = value_type(&g->b, v);
    Value nan, is_nan;
    if (type.scalar != LT_F32) return v;
    nan = build(&g->b, LOOP_SPLAT, type, 1, gen_real(g, LT_F32, __builtin_nan("")));
    is_nan = build(&g->b, LOOP_FNE, loop_vector(LT_I1, type.lanes), 2, v, v);
    return build(&g->b, LOOP_SELECT, type, 3, is_nan, nan, v);
}
