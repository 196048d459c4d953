/* Emits every field of a source as it comes: bytes as ragged u8, the rest as i64 or
 * f64. -D SOURCE, INPUTS, COLUMNS, READ, NARGS (paths), SHUFFLE, BATCH; INDEX: the
 * format of an index that is emitted in place of the bytes. */
#include "plan.h"
#include <string.h>

#ifndef BATCH
#define BATCH 5
#endif
#ifndef SHUFFLE
#define SHUFFLE 0
#endif
#ifndef NARGS
#define NARGS 1
#endif
#ifndef READ
#define READ NULL
#endif
enum { MOST = 16 };

static const pl_input inputs[] = {INPUTS};
enum { N = sizeof inputs / sizeof *inputs };
typedef struct frame { pl_value in[N]; } frame;
static int is_float(int k) { return inputs[k].dtype >= PL_F16; }

static int open_it(pl_call *c, const pl_argument *params, void *lib, pl_argument *args) {
    (void)c, (void)lib;
    for (int i = 0; i < NARGS; i++) args[i] = params[i];
    return PL_OK;
}

static int enter(pl_call *c, void *lib, const pl_value *in, uint64_t id, void *parent,
                 int64_t row, void *f) {
    (void)c, (void)lib, (void)id, (void)parent, (void)row;
    memcpy(f, in, sizeof(frame));
    return PL_OK;
}

static int emit(pl_call *c, void *lib, void *const *frames, pl_out *out) {
    const frame *f = frames[0];
    (void)lib;
    for (int k = 0; k < N; k++) {
        if (!inputs[k].bytes) {
            if (is_float(k)) *(double *)out[k].data = f->in[k].f;
            else *(int64_t *)out[k].data = f->in[k].i;
            continue;
        }
        volatile char slack = ((const char *)f->in[k].data)[f->in[k].n + 63];
        (void)slack;
        size_t bytes = (size_t)f->in[k].n;
        const void *from = f->in[k].data;
#ifdef INDEX
        from = c->kernel.index(&c->kernel, INDEX, from, f->in[k].n, &bytes);
        if (!from) bytes = 0;
#endif
        out[k].data = c->alloc_out(c, bytes);
        if (!out[k].data) return PL_NO_MEMORY;
        if (bytes) memcpy(out[k].data, from, bytes);
        out[k].dim[0] = (int64_t)bytes;
    }
    return PL_OK;
}

static const pl_code plain = {.plain = 1, .lib_size = 8, .frame_size = {sizeof(frame)},
                              .open = open_it, .enter = {enter}, .emit = emit};
static const pl_code *const codes[] = {&plain};
static const pl_param params[] = {
    {"root", PL_PARAM_PATH, PL_U8, 1, 0, NULL, "path"},
    {"pattern", PL_PARAM_STRING, PL_U8, 1, 0, "**", "string"},
};
static pl_field fields[N];
static pl_output outputs[N];
static const pl_column columns[] = {
#ifdef COLUMNS
    COLUMNS
#else
    {"", PL_U8, 1}
#endif
};

pl_feature pipec_feature = {
    .abi = PL_ABI, .name = "source", .hash = 0x77, .version = "test", .nparams = 2,
    .params = params, .source = SOURCE, .nsource_args = NARGS, .ninputs = N,
    .inputs = inputs, .columns = columns, .read_column = READ, .shuffle = SHUFFLE,
    .ncolumns = sizeof columns / sizeof *columns, .levels = 1, .batch = BATCH, .lanes = 1,
    .last = PL_LAST_PARTIAL, .nfields = N, .fields = fields, .noutputs = N,
    .outputs = outputs, .ncodes = 1, .codes = codes, .describe = "{}", .source_line = 2};

__attribute__((constructor)) static void fill(void) {
    for (int k = 0; k < N; k++) {
        pl_dtype t = inputs[k].bytes ? PL_U8 : is_float(k) ? PL_F64 : PL_I64;
        int bytes = inputs[k].bytes;
        fields[k] = (pl_field){.name = inputs[k].name, .dtype = t, .rank = bytes,
                               .ragged = bytes, .dim = {-1}, .bytes = bytes ? 0 : 8};
        outputs[k] = (pl_output){.name = inputs[k].name, .index = k, .dtype = t,
                                 .rank = 1 + bytes, .ragged = bytes, .dim = {BATCH, -1}};
    }
}
