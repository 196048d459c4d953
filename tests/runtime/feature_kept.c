/* A feature with everything that makes order hard, by hand: `where` above and below
 * `each`, ragged fields, records that fail in `enter` or in `emit`, and fused code
 * that is often in doubt. test_kept.py holds the same in Python.
 *
 *     from range(0, n)           v = value
 *     where v % 3 != 1                                 (KEPT)
 *     each k in 0..v % 5                               (LEVELS 2, 3)
 *     where k != 2
 *     each m in 0..(v + k) % 3                         (LEVELS 3)
 *     s = 100 * v + 10 * k + m
 *     x = for i in 0..s % 4, j in 0..s % 3: f32(s + i + 10 * j)
 *     emit s, x, total = sum(s)                        (BELOW)
 *
 * CUT: v, index and a tensor of v % 4 times v are kept by a cache behind the first where.
 *
 * enter fails where v % bad_enter == 3, a child where s % bad_child == 2, emit
 * where s % bad_emit == 1; each 0: never. */
#include "plan.h"
#include <string.h>

#ifndef BATCH
#define BATCH 7
#endif
#ifndef SHUFFLE
#define SHUFFLE 1
#endif
#ifndef LAST
#define LAST PL_LAST_PARTIAL
#endif
#ifndef LEVELS
#define LEVELS 3
#endif
#ifndef LANES
#define LANES 1
#endif
#ifndef KEPT
#define KEPT 1
#endif
#ifndef STEPS
#define STEPS -1
#endif

#ifndef WASTE                   /* bytes that entering a record takes, a child less */
#define WASTE 0
#endif
#ifndef CUT
#define CUT 0
#endif

/* Which code it is. */
enum { FUSED, PLAIN, ABOVE, BELOW };

typedef struct made { int64_t n, bad_enter, bad_child, bad_emit, doubt; } made;
typedef struct frame { int64_t rows, s, index, failed; } frame;

static int open_it(pl_call *c, const pl_argument *params, void *lib, pl_argument *args) {
    made *m = lib;
    (void)c;
    m->n = params[0].value.i;
    m->bad_enter = params[1].value.i;
    m->bad_child = params[2].value.i;
    m->bad_emit = params[3].value.i;
    m->doubt = params[4].value.i;
    args[0].value.i = 0;
    args[1].value.i = m->n;
    args[2].value.n = args[2].dim[0] = -1;
    args[3].value.i = STEPS;
    return PL_OK;
}

/* x % by == is, never for by = 0 */
static int hits(int64_t x, int64_t by, int64_t is) { return by && x % by == is; }

static int fails(pl_call *c, int code, int site, int64_t a) {
    if (code != PLAIN) return PL_SUSPECT;
    c->verdict = c->fail(c, site, a, 7);
    return PL_FAILED;
}

/* The first kept value, or another one if what follows is not what was kept. */
static int64_t kept_value(const pl_value *in) {
    const int32_t *x = in[2].data;
    int64_t dim, n = in[0].i % 4, wrong = 0;
    memcpy(&dim, (const char *)in[2].data - PL_KEPT_HEAD, sizeof dim);
    wrong |= dim != n || in[2].n != 4 * n || (size_t)x % 64;
    for (int64_t i = 0; i < n && !wrong; i++) wrong |= x[i] != in[0].i;
    return in[0].i + 1000000 * wrong;
}

static int enter(pl_call *c, void *lib, const pl_value *in, uint64_t id, void *parent,
                 int64_t row, void *to, int level, int code) {
    int plain = code == PLAIN;
    const made *m = lib;
    const frame *above = parent;
    frame *f = to;
    int64_t v;
    char *waste = pk_alloc(&c->kernel, 100 + (WASTE >> 4 * level));
    (void)id;
    if (!waste) return PL_NO_MEMORY;
    memset(waste, 0x5A, 100);
    memset(f, 0, sizeof *f);
    if (level == 0) {
        v = code == BELOW ? kept_value(in) : in[0].i;
        f->index = in[1].i;
        f->s = 100 * v;
        f->rows = v % 5;
        if (!plain && hits(v, m->doubt, 1)) return PL_SUSPECT;
        if (hits(v, m->bad_enter, 3)) return fails(c, code, 0, v);
        return KEPT && v % 3 == 1 ? PL_REJECTED : PL_OK;
    }
    f->index = above->index;
    f->s = above->s + (level == 1 ? 10 * row : row);
    f->rows = (above->s / 100 + row) % 3;
    if (!plain && hits(f->s, m->doubt, 2)) return PL_SUSPECT;
    if (hits(f->s, m->bad_child, 2)) return fails(c, code, 1, f->s);
    return KEPT && level == 1 && row == 2 ? PL_REJECTED : PL_OK;
}

static int emit(pl_call *c, void *lib, void *const *frames, pl_out *out, int code) {
    const made *m = lib;
    const frame *f = frames[LEVELS - 1];
    int64_t h = f->s % 4, w = f->s % 3;
    float *x;
    if (code != PLAIN && hits(f->s, m->doubt, 0)) return PL_SUSPECT;
    if (hits(f->s, m->bad_emit, 1)) return fails(c, code, 2, f->s);
    *(int64_t *)out[0].data = f->s;
    x = c->alloc_out(c, (size_t)(h * w) * sizeof *x);
    if (!x) return PL_NO_MEMORY;
    for (int64_t i = 0; i < h; i++)
        for (int64_t j = 0; j < w; j++) x[i * w + j] = (float)(f->s + i + 10 * j);
    out[1].data = x;
    out[1].dim[0] = h;
    out[1].dim[1] = w;
    *(int64_t *)out[2].data = f->index;
    return PL_OK;
}

static int emit_above(pl_call *c, void *lib, void *const *frames, pl_out *out) {
    const frame *f = frames[0];
    int64_t v = f->s / 100, n = v % 4;
    int32_t *x = c->alloc_out(c, (size_t)n * sizeof *x);
    (void)lib;
    if (!x) return PL_NO_MEMORY;
    *(int64_t *)out[0].data = v;
    *(int64_t *)out[1].data = f->index;
    for (int64_t i = 0; i < n; i++) x[i] = (int32_t)v;
    out[2].data = x;
    out[2].dim[0] = n;
    return PL_OK;
}

static int below(pl_call *c, void *lib, const pl_batched *in, int64_t b, int64_t valid,
                 uint64_t id, pl_out *out) {
    int64_t *total = c->alloc_out(c, 24);
    (void)lib;
    if (!total) return PL_NO_MEMORY;
    total[0] = 0;
    total[1] = valid;
    total[2] = (int64_t)id;
    for (int64_t i = 0; i < b; i++) total[0] += ((const int64_t *)in[0].data)[i];
    out[0].data = total;
    out[0].dim[0] = 3;
    return PL_OK;
}

#define LEVEL(k, code)                                                              \
    static int enter_##k##_##code(pl_call *c, void *lib, const pl_value *in,        \
                                  uint64_t id, void *parent, int64_t row, void *f) { \
        return enter(c, lib, in, id, parent, row, f, k, code);                      \
    }
LEVEL(0, FUSED) LEVEL(1, FUSED) LEVEL(2, FUSED)
LEVEL(0, PLAIN) LEVEL(1, PLAIN) LEVEL(2, PLAIN)
LEVEL(0, BELOW) LEVEL(1, BELOW) LEVEL(2, BELOW)
LEVEL(0, ABOVE)

static int emit_FUSED(pl_call *c, void *lib, void *const *frames, pl_out *out) {
    return emit(c, lib, frames, out, FUSED);
}
static int emit_PLAIN(pl_call *c, void *lib, void *const *frames, pl_out *out) {
    return emit(c, lib, frames, out, PLAIN);
}

#define SIZES .lib_size = sizeof(made), .frame_size = {sizeof(frame), sizeof(frame), sizeof(frame)}
static const pl_code plain = {.plain = 1, SIZES, .open = open_it, .emit = emit_PLAIN,
                              .enter = {enter_0_PLAIN, enter_1_PLAIN, enter_2_PLAIN}, .batch = below};
static const pl_code fused = {.cpu = 0, SIZES, .open = open_it, .emit = emit_FUSED,
                              .enter = {enter_0_FUSED, enter_1_FUSED, enter_2_FUSED},
                              .batch = below};
static const pl_code upper = {SIZES, .open = open_it, .emit = emit_above,
                              .enter = {enter_0_ABOVE}};
static const pl_code lower = {SIZES, .open = open_it, .emit = emit_FUSED,
                              .enter = {enter_0_BELOW, enter_1_BELOW, enter_2_BELOW}};
static const pl_code *const uppers[] = {&upper}, *const lowers[] = {&lower};
static const pl_code *const codes[] = {&fused, &plain};
static const pl_param params[] = {
    {"n", PL_PARAM_SCALAR, PL_I64, 0, 0, "20", "int"},
    {"bad_enter", PL_PARAM_SCALAR, PL_I64, 0, 0, "0", "int"},
    {"bad_child", PL_PARAM_SCALAR, PL_I64, 0, 0, "0", "int"},
    {"bad_emit", PL_PARAM_SCALAR, PL_I64, 0, 0, "0", "int"},
    {"doubt", PL_PARAM_SCALAR, PL_I64, 0, 0, "3", "int"},
};
static const pl_input inputs[] = {{"value", PL_I64, 0}, {"index", PL_I64, 0}};
static const pl_field fields[] = {
    {.name = "s", .dtype = PL_I64, .bytes = 8, .needed_below = 1},
    {.name = "x", .dtype = PL_F32, .rank = 2, .ragged = 1, .dim = {-1, -1}},
    {.name = "i", .dtype = PL_I64, .bytes = 8},
};
static const pl_field results[] = {{.name = "total", .dtype = PL_I64, .rank = 1, .dim = {3}}};
static const pl_output outputs[] = {
    {.name = "s", .dtype = PL_I64, .rank = 1, .dim = {BATCH}},
    {.name = "x", .index = 1, .dtype = PL_F32, .rank = 3, .ragged = 1, .dim = {BATCH, -1, -1}},
    {.name = "i", .index = 2, .dtype = PL_I64, .rank = 1, .dim = {BATCH}},
    {.name = "total", .below = 1, .dtype = PL_I64, .rank = 1, .dim = {3}},
};
static const pl_site sites[] = {
    {"//", 3, "kept.dsl", "%lld by nothing (%lld)"},
    {"fail", 5, "kept.dsl", "100% of child %lld"},
    {"x", 8, "kept.dsl", "subscript %lld outside 0..%lld"},
};

static const pl_field kept[] = {
    {.name = "v", .dtype = PL_I64, .bytes = 8},
    {.name = "i", .dtype = PL_I64, .bytes = 8},
    {.name = "t", .dtype = PL_I32, .rank = 1, .ragged = 1, .dim = {-1}},
};
static const pl_cut cut = {.line = 3, .limit = 1 << 20, .hash = 100 + KEPT, .reads = "01000",
                           .nfields = 3, .fields = kept, .above = uppers,
                           .below = lowers};

const pl_feature pipec_feature = {
    .abi = PL_ABI, .name = "kept", .hash = 0x4242, .version = "test",
    .nparams = 5, .params = params, .source = "range", .nsource_args = 3,
    .ninputs = 2, .inputs = inputs, .shuffle = SHUFFLE, .levels = LEVELS,
    .has_where = KEPT, .has_steps = STEPS >= 0, .batch = BATCH, .lanes = LANES, .last = LAST,
    .nfields = 3, .fields = fields, .nbelow = 1, .below = results,
    .noutputs = 4, .outputs = outputs, .nsites = 3, .sites = sites,
    .ncodes = 2, .codes = codes, .describe = "{}", .source_line = 2,
    .cut = CUT ? &cut : NULL};
