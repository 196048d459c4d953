/* Failures: sites, handles (plain), leaving as suspect (fused), verdicts; and
 * memory, whose want is a verdict too. */
#include <string.h>
#include "lower_room.h"

/* More bytes or elements than this are absurd, whatever the limit. */
static const int64_t LIMIT = (int64_t)1 << 46;

int gen_site(Gen *g, const Place *at, const char *reason) {
    Lowering *all = g->all;
    Site site = {.at = at ? at : g->at, .reason = reason};
    site.line = place_line(site.at, all->graph->file, &site.operator_name);
    if (!site.operator_name) site.operator_name = g->field;
    for (int i = 0; i < all->sites.n; i++) {
        const Site *old = &all->sites.at[i];
        bool same_reason = old->reason == reason ||
                           (reason && old->reason && !strcmp(old->reason, reason));
        bool same_name = old->operator_name == site.operator_name ||
                         (old->operator_name && site.operator_name &&
                          !strcmp(old->operator_name, site.operator_name));
        if (old->line == site.line && same_reason && same_name) return i;
    }
    list_push(all->arena, &all->sites, site);
    return all->sites.n - 1;
}

void gen_place_back(Gen *g, const Place *at) {
    const char *name;
    uint64_t *line;
    bool fresh;
    if (at == g->at) return;
    g->at = at;
    if (!at || !g->all->options->lines) return;
    line = map_at(g->all->projected, (const Term *)at, -3, &fresh);
    if (fresh) *line = (uint64_t)place_line(at, g->all->graph->file, &name);
    g->b.line = (int)*line;
}

const Place *gen_place(Gen *g, const Place *at) {
    const Place *old = g->at;
    if (at) gen_place_back(g, at);
    return old;
}

static Value good_handle(Gen *g, Value fail) {
    return gen_op(g, LOOP_EQ, LT_I1, 2, fail, gen_int(g, LT_I32, 0));
}

Value gen_good(Gen *g, Value fail) {
    return fail == NO_VALUE ? NO_VALUE : good_handle(g, fail);
}

Value gen_first(Gen *g, Value a, Value b) {
    int64_t n;
    if (a == NO_VALUE || a == b) return b;
    if (b == NO_VALUE) return a;
    if (gen_is_int(g, a, &n)) return n ? a : b;
    return gen_select(g, good_handle(g, a), b, a);
}

static Value call_fail(Gen *g, int site, Value a, Value b) {
    Lowering *all = g->all;
    Value fn = gen_field(g, LT_PTR, g->call, CALL_FAIL, 0);
    Value args[] = {fn, g->call, gen_int(g, LT_I32, site), a, b};
    Value handle = build_array(&g->b, LOOP_CALL_AT, loop_type(LT_I32), 5, args);
    built(&g->b)->imm = all->fail_type;
    return handle;
}

static Value fail_plain(Gen *g, Value bad, int site, Value a, Value b, Value earlier) {
    Value none = gen_int(g, LT_I32, 0), start = earlier == NO_VALUE ? none : earlier;
    Value var = build_var(&g->b, LT_I32, start);
    if (earlier != NO_VALUE)
        bad = gen_op(g, LOOP_AND, LT_I1, 2, bad, good_handle(g, earlier));
    gen_if(g, bad);
    build_set(&g->b, var, call_fail(g, site, a, b));
    gen_end(g);
    return build_get(&g->b, var);
}

Value gen_fail_when(Gen *g, Value bad, int site, Value a, Value b, Value earlier,
                    bool soft) {
    int64_t n;
    if (bad == NO_VALUE || (gen_is_int(g, bad, &n) && !n)) return earlier;
    if (g->plain) return fail_plain(g, bad, site, a, b, earlier);
    if (g->loops && soft) {
        Value now = gen_or(g, build_get(&g->b, g->suspect), bad);
        build_set(&g->b, g->suspect, now);
        g->suspected = true;
        return NO_VALUE;
    }
    gen_if(g, bad);
    gen_return(g, PL_SUSPECT);
    gen_end(g);
    return NO_VALUE;
}

void gen_verdict(Gen *g, Value fail) {
    if (fail == NO_VALUE) return;
    gen_if(g, gen_op(g, LOOP_NE, LT_I1, 2, fail, gen_int(g, LT_I32, 0)));
    gen_put(g, fail, g->call, CALL_VERDICT, 0);
    gen_return(g, PL_FAILED);
    gen_end(g);
}

/* ---- memory ---- */

static Value times(Gen *g, Value a, Value b, Value *bad) {
    int64_t n, m;
    Value product = gen_mul(g, a, b), high;
    if (gen_is_int(g, a, &n) && gen_is_int(g, b, &m)) {
        bool over = n < 0 || m < 0 || __builtin_mul_overflow(n, m, &n) || n > LIMIT;
        *bad = gen_or(g, *bad, gen_int(g, LT_I1, over));
        return product;
    }
    if ((gen_is_int(g, a, &n) && n == 1) || (gen_is_int(g, b, &n) && n == 1))
        high = gen_int(g, LT_I1, 0);
    else
        high = gen_op(g, LOOP_NE, LT_I1, 2, gen_op(g, LOOP_MULHI, LT_I64, 2, a, b),
                      gen_long(g, 0));
    *bad = gen_or(g, *bad, gen_or(g, high, gen_op(g, LOOP_ULT, LT_I1, 2,
                                                  gen_long(g, LIMIT), product)));
    return product;
}

Value gen_count(Gen *g, int rank, const Scalar *dims) {
    Value count = gen_long(g, 1), bad = NO_VALUE;
    int64_t n;
    for (int k = 0; k < rank; k++) {
        Value dim = dims[k].v;
        if (dims[k].fail != NO_VALUE)
            dim = gen_select(g, good_handle(g, dims[k].fail), dim, gen_long(g, 0));
        count = times(g, count, dim, &bad);
    }
    if (bad == NO_VALUE || (gen_is_int(g, bad, &n) && !n)) return count;
    gen_if(g, bad);
    gen_return(g, PL_NO_MEMORY);
    gen_end(g);
    return count;
}

/* ALLOC leaves the function by itself; kernels that were begun are ended first. */
static void leave_without_room(Gen *g, Value bytes) {
    Value at = gen_field(g, LT_I64, g->call, CALL_AT, 0);
    Value room = gen_sub(g, gen_field(g, LT_I64, g->call, CALL_END, 0), at);
    Value size = gen_add(g, bytes, gen_long(g, 63));
    size = gen_op(g, LOOP_AND, LT_I64, 2, size, gen_long(g, -64));
    gen_if(g, gen_op(g, LOOP_ULT, LT_I1, 2, room, size));
    gen_return(g, PL_NO_MEMORY);
    gen_end(g);
}

Value gen_alloc(Gen *g, Value count, int64_t size, int *buffer) {
    int64_t n;
    Value bytes;
    if (gen_is_int(g, count, &n)) bytes = gen_long(g, n * size + 64);
    else bytes = gen_add(g, gen_mul(g, count, gen_long(g, size)), gen_long(g, 64));
    if (g->rowing.n) leave_without_room(g, bytes);
    g->allocs++;
    *buffer = ++g->buffers;
    return build(&g->b, LOOP_ALLOC, loop_type(LT_PTR), 1, bytes);
}

/* Memory taken in one round of a loop is given back at its end, if no kernel
 * may have kept a part of it and no new block was begun. */
Mark gen_mark(Gen *g) {
    Mark mark = {.allocs = g->allocs, .kernels = g->kernels};
    mark.at = gen_field(g, LT_PTR, g->call, CALL_AT, 0);
    mark.block = g->b.into;
    mark.first = built(&g->b);
    mark.end = gen_field(g, LT_PTR, g->call, CALL_END, 0);
    mark.second = built(&g->b);
    return mark;
}

void gen_release(Gen *g, Mark mark) {
    Value end;
    if (g->allocs == mark.allocs || g->kernels != mark.kernels) {
        gen_remove(g, mark.block, mark.first);
        gen_remove(g, mark.block, mark.second);
        return;
    }
    end = gen_field(g, LT_PTR, g->call, CALL_END, 0);
    gen_if(g, gen_op(g, LOOP_EQ, LT_I1, 2, end, mark.end));
    gen_put(g, mark.at, g->call, CALL_AT, 0);
    gen_end(g);
}
