/* range(0, n), y = i32(value + 1): the smallest feature there is. */
#include "plan.h"
#include <string.h>

#ifndef BATCH
#define BATCH 4096
#endif
#ifndef SHUFFLE
#define SHUFFLE 0
#endif
#ifndef LAST
#define LAST PL_LAST_DROP
#endif

static int open_it(pl_call *c, const pl_argument *params, void *lib, pl_argument *args) {
    (void)c, (void)lib;
    args[0].value.i = 0;
    args[1].value.i = params[0].value.i;
    args[2].value.n = -1;
    args[2].dim[0] = -1;
    return PL_OK;
}

static int enter(pl_call *c, void *lib, const pl_value *in, uint64_t id, void *parent,
                 int64_t row, void *frame) {
    (void)c, (void)lib, (void)id, (void)parent, (void)row;
    memcpy(frame, &in[0].i, 8);
    return PL_OK;
}

static int emit(pl_call *c, void *lib, void *const *frames, pl_out *out) {
    (void)c, (void)lib;
    *(int32_t *)out[0].data = (int32_t)(*(int64_t *)frames[0] + 1);
    return PL_OK;
}

static const pl_code plain = {.plain = 1, .lib_size = 8, .frame_size = {8},
                              .open = open_it, .enter = {enter}, .emit = emit};
static const pl_code fused = {.cpu = 0, .lib_size = 8, .frame_size = {8},
                              .open = open_it, .enter = {enter}, .emit = emit};
static const pl_code *const codes[] = {&fused, &plain};
static const pl_param params[] = {
    {"n", PL_PARAM_SCALAR, PL_I64, 0, 0, "20", "int"},
    {"size", PL_PARAM_SCALAR, PL_I64, 0, 1, "8", "int"},
};
static const pl_input inputs[] = {{"value", PL_I64, 0}};
static const pl_field fields[] = {{.name = "y", .dtype = PL_I32, .bytes = 4}};
static const pl_output outputs[] = {
    {.name = "y", .dtype = PL_I32, .rank = 1, .dim = {BATCH}}};
static const pl_site sites[] = {{"+", 3, "range.dsl", "%lld is odd"}};

const pl_feature pipec_feature = {
    .abi = PL_ABI, .name = "range", .hash = 0x1234, .version = "test",
    .nparams = 2, .params = params, .source = "range", .nsource_args = 3,
    .ninputs = 1, .inputs = inputs, .shuffle = SHUFFLE, .levels = 1,
    .batch = BATCH, .lanes = 1, .last = LAST, .nfields = 1, .fields = fields,
    .noutputs = 1, .outputs = outputs, .nsites = 1, .sites = sites,
    .ncodes = 2, .codes = codes, .describe = "{}", .source_line = 2};
