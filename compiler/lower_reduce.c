/* Reductions. Floats go through 16 lanes (element e to lane e mod 16), then a
 * fixed tree (l with l + 8, l + 4, l + 2, l + 1): the order is their meaning. */
#include <math.h>
#include "lower_room.h"

enum { LANES = 16 };

struct Reducing {
    const Term *term;
    Fill walk;
    pl_dtype from;              /* of the elements */
    LoopScalar type;            /* of the accumulator */
    Value count;                /* elements in all */
    Value lanes;                /* ptr to 16 accumulators, or NO_VALUE */
    Value acc, place;           /* vars */
    Value fail;                 /* plain: var */
};

static bool wants_lanes(const Reducing *r) {
    Reduction red = r->term->reduction;
    return dtype_is_float(r->from) &&
           (red == RED_SUM || red == RED_MEAN || red == RED_PRODUCT || red == RED_MIN ||
            red == RED_MAX);
}

static bool is_extreme(Reduction r) { return r == RED_MIN || r == RED_MAX; }
static bool is_place(Reduction r) { return r == RED_ARGMIN || r == RED_ARGMAX; }

/* Whatever the order of the elements, the result is the same. */
static bool commutes(const Reducing *r) {
    Reduction red = r->term->reduction;
    return !dtype_is_float(r->from) && !is_extreme(red) && !is_place(red);
}

static Value combine(Gen *g, const Reducing *r, Value a, Value b) {
    bool real = r->type == LT_F32 || r->type == LT_F64;
    switch (r->term->reduction) {
    case RED_SUM: case RED_MEAN: case RED_COUNT:
        return gen_op(g, real ? LOOP_FADD : LOOP_ADD, r->type, 2, a, b);
    case RED_PRODUCT:
        return gen_op(g, real ? LOOP_FMUL : LOOP_MUL, r->type, 2, a, b);
    case RED_MIN: return gen_extreme(g, OP_MIN, r->from, a, b, false);
    case RED_MAX: return gen_extreme(g, OP_MAX, r->from, a, b, false);
    case RED_ANY: return gen_op(g, LOOP_OR, LT_I1, 2, a, b);
    default: return gen_op(g, LOOP_AND, LT_I1, 2, a, b);
    }
}

/* The element as the accumulator has it. */
static Value widened(Gen *g, const Reducing *r, Value v) {
    if (gen_type(g, v) == r->type) return v;
    if (r->from == PL_BOOL) return gen_cast(g, LOOP_ZEXT, r->type, v);
    return gen_cast(g, dtype_is_signed(r->from) ? LOOP_SEXT : LOOP_ZEXT, r->type, v);
}

/* ---- one element ---- */

static Value lane_at(Gen *g, const Reducing *r, Value lane) {
    return build_offset(&g->b, r->lanes, lane, loop_scalar_bytes(r->type));
}

static void into_lane(Gen *g, const Reducing *r, Value e, Value v) {
    Value lane = gen_op(g, LOOP_AND, LT_I64, 2, e, gen_long(g, LANES - 1));
    Value at = lane_at(g, r, lane), old = build_load(&g->b, loop_type(r->type), at, 0);
    Value new = combine(g, r, old, v);
    if (is_extreme(r->term->reduction))
        new = gen_select(g, gen_op(g, LOOP_SLT, LT_I1, 2, e, gen_long(g, LANES)), v, new);
    build_store(&g->b, new, at, 0);
}

/* The first place of the least: x < best, or best is NaN and x is not. */
static Value better(Gen *g, const Reducing *r, Value best, Value x) {
    Op op = r->term->reduction == RED_ARGMIN ? OP_MIN : OP_MAX;
    Value less, a = op == OP_MIN ? x : best, b = op == OP_MIN ? best : x;
    if (!dtype_is_float(r->from)) {
        if (r->from == PL_BOOL) {
            a = gen_cast(g, LOOP_ZEXT, LT_I8, a);
            b = gen_cast(g, LOOP_ZEXT, LT_I8, b);
        }
        return gen_op(g, dtype_is_signed(r->from) ? LOOP_SLT : LOOP_ULT, LT_I1, 2, a, b);
    }
    less = gen_op(g, LOOP_FLT, LT_I1, 2, a, b);
    return gen_or(g, less,
                  gen_op(g, LOOP_AND, LT_I1, 2, gen_op(g, LOOP_FNE, LT_I1, 2, best, best),
                         gen_op(g, LOOP_FEQ, LT_I1, 2, x, x)));
}

static void into_place(Gen *g, const Reducing *r, Value e, Value v) {
    Value best = build_get(&g->b, r->acc), place = build_get(&g->b, r->place);
    Value first = gen_op(g, LOOP_EQ, LT_I1, 2, e, gen_long(g, 0));
    Value take = gen_or(g, first, better(g, r, best, v));
    build_set(&g->b, r->acc, gen_select(g, take, v, best));
    build_set(&g->b, r->place, gen_select(g, take, e, place));
}

static void into_one(Gen *g, const Reducing *r, Value e, Value v) {
    Value old = build_get(&g->b, r->acc), new = combine(g, r, old, widened(g, r, v));
    if (is_extreme(r->term->reduction))
        new = gen_select(g, gen_op(g, LOOP_EQ, LT_I1, 2, e, gen_long(g, 0)), v, new);
    build_set(&g->b, r->acc, new);
}

/* Elements e to e + 15, one for each lane. */
static void take_block(Gen *g, Value e, Value v, void *data) {
    const Reducing *r = data;
    LoopType type = loop_vector(r->type, LANES);
    Value old = build_load(&g->b, type, r->lanes, 0), new;
    (void)e;
    new = build(&g->b, r->term->reduction == RED_PRODUCT ? LOOP_FMUL : LOOP_FADD, type, 2,
                old, v);
    build_store(&g->b, new, r->lanes, 0);
}

static void take(Gen *g, Value e, Scalar s, void *data) {
    const Reducing *r = data;
    if (s.fail != NO_VALUE)
        build_set(&g->b, r->fail, gen_first(g, build_get(&g->b, r->fail), s.fail));
    if (r->lanes != NO_VALUE) into_lane(g, r, e, s.v);
    else if (is_place(r->term->reduction)) into_place(g, r, e, s.v);
    else into_one(g, r, e, s.v);
}

/* ---- beginning and end ---- */

static Value identity(Gen *g, const Reducing *r) {
    Reduction red = r->term->reduction;
    bool real = r->type == LT_F32 || r->type == LT_F64, one = red == RED_PRODUCT;
    if (real) return gen_real(g, r->type, one ? 1 : 0);
    return gen_int(g, r->type, one || red == RED_ALL);
}

static void begin(Gen *g, Reducing *r) {
    Value start = identity(g, r), lane;
    r->acc = r->lanes = r->place = NO_VALUE;
    if (!wants_lanes(r)) {
        r->acc = build_var(&g->b, r->type, start);
        if (is_place(r->term->reduction))
            r->place = build_var(&g->b, LT_I64, gen_long(g, 0));
        return;
    }
    r->lanes = build(&g->b, LOOP_STACK, loop_type(LT_PTR), 0);
    built(&g->b)->imm = LANES * loop_scalar_bytes(r->type);
    lane = gen_for(g, gen_long(g, 0), gen_long(g, LANES));
    build_store(&g->b, start, lane_at(g, r, lane), 0);
    gen_end(g);
}

static Value tree(Gen *g, const Reducing *r) {
    Value acc[LANES];
    for (int l = 0; l < LANES; l++)
        acc[l] = build_load(&g->b, loop_type(r->type), lane_at(g, r, gen_long(g, l)), 0);
    for (int step = LANES / 2; step; step /= 2)
        for (int l = 0; l < step; l++) {
            Value both = combine(g, r, acc[l], acc[l + step]);
            if (is_extreme(r->term->reduction))     /* a lane may be empty */
                both = gen_select(g, gen_op(g, LOOP_SLT, LT_I1, 2, gen_long(g, l + step),
                                            r->count), both, acc[l]);
            acc[l] = both;
        }
    return acc[0];
}

static Value mean(Gen *g, const Reducing *r, Value sum) {
    Value n;
    if (r->type == LT_I64) {
        pl_dtype wide = dtype_is_signed(r->from) || r->from == PL_BOOL ? PL_I64 : PL_U64;
        n = gen_convert(g, PL_I64, PL_F64, r->count);
        sum = gen_op(g, LOOP_FDIV, LT_F64, 2, gen_convert(g, wide, PL_F64, sum), n);
        return gen_convert(g, PL_F64, r->term->type->dtype, sum);
    }
    n = gen_convert(g, PL_I64, r->type == LT_F64 ? PL_F64 : PL_F32, r->count);
    return gen_op(g, LOOP_FDIV, r->type, 2, sum, n);
}

static Scalar finish(Gen *g, const Reducing *r) {
    Reduction red = r->term->reduction;
    bool needs_some = is_extreme(red) || is_place(red) || red == RED_MEAN;
    Scalar s = {NO_VALUE, NO_VALUE};
    if (g->plain) s.fail = build_get(&g->b, r->fail);
    if (needs_some) {
        Value none = gen_op(g, LOOP_EQ, LT_I1, 2, r->count, gen_long(g, 0));
        int site = gen_site(g, r->term->at, "a reduction of nothing");
        s.fail = gen_fail_when(g, none, site, gen_long(g, 0), gen_long(g, 0), s.fail,
                               false);
    }
    s.v = is_place(red) ? build_get(&g->b, r->place)
          : r->lanes != NO_VALUE ? tree(g, r) : build_get(&g->b, r->acc);
    if (red == RED_MEAN) s.v = mean(g, r, s.v);
    return s;
}

static LoopScalar accumulator(const Reducing *r) {
    Reduction red = r->term->reduction;
    if (red == RED_COUNT) return LT_I64;
    if (red == RED_ANY || red == RED_ALL) return LT_I1;
    if (is_extreme(red) || is_place(red) || dtype_is_float(r->from))
        return reg_type(r->from);
    return LT_I64;
}

/* Fused: reads a comprehension without making it. */
static const Term *source(Gen *g, const Term *term) {
    Thunk *thunk;
    for (;;) {
        if (term->kind == TERM_LET) {
            bind_let(g, term);
            term = term->arg[1];
        } else if (term->kind == TERM_CHECK && !g->plain) {
            gen_check(g, term);
            term = term->arg[0];
        } else {
            break;
        }
    }
    if (!g->plain && term->kind == TERM_FOR && !(term->nargs > 1 && term->arg[1]))
        return term;
    thunk = bind_find(g, term);
    if (!g->plain && thunk && !thunk->known && way_inline(g, thunk)) {
        bind_prepare(g, thunk);
        return term;
    }
    return bind_anonymous(g, gen_low(g, term));
}

/* What is walked over, and its dims; the first failure among these. */
static Value begin_walk(Gen *g, Reducing *r, const Term *from) {
    Scalar dims[PK_MAX_RANK];
    Value fail = NO_VALUE;
    int rank = from->type->rank;
    for (int k = 0; k < rank; k++) {
        dims[k] = gen_dim(g, from, k);
        fail = gen_first(g, fail, dims[k].fail);
    }
    r->walk = (Fill){.sink = take, .data = r, .any_order = commutes(r),
                     .zero = reg_type(r->from)};
    fill_begin(g, &r->walk, rank, dims);
    r->count = r->walk.below[0];
    return fail;
}

static void begin_sum(Gen *g, Reducing *r) {
    begin(g, r);
    if (r->lanes != NO_VALUE && r->type == LT_F32 && !is_extreme(r->term->reduction))
        r->walk.sink_block = take_block;
}

static Reducing reducing(const Term *term) {
    Reducing r = {.term = term, .from = term->arg[0]->type->dtype, .fail = NO_VALUE};
    r.type = accumulator(&r);
    return r;
}

Scalar gen_reduce(Gen *g, const Term *term) {
    Reducing r = reducing(term);
    const Term *from = source(g, term->arg[0]);
    Value fail = begin_walk(g, &r, from);
    if (g->plain) {
        fail = gen_first(g, fail, bind_force(g, bind_find(g, from)).t->fail);
        r.fail = build_var(&g->b, LT_I32, fail == NO_VALUE ? gen_int(g, LT_I32, 0) : fail);
    }
    begin_sum(g, &r);
    gen_fill(g, &r.walk, 0, gen_long(g, 0), from);
    return finish(g, &r);
}

/* ---- row by row ---- */

Reducing *reduce_begin(Gen *g, const Term *term, const Term *loop) {
    Reducing *r = arena_new_of(g->all->arena, Reducing);
    *r = reducing(term);
    begin_walk(g, r, loop);
    begin_sum(g, r);
    return r;
}

Value reduce_rows(const Reducing *r) { return r->walk.dim[0]; }

void reduce_row(Gen *g, Reducing *r, const Term *loop, Value row) {
    gen_fill_row(g, &r->walk, gen_mul(g, row, r->walk.below[1]), loop);
}

Scalar reduce_end(Gen *g, Reducing *r) { return finish(g, r); }
