/* range(0, n): sleeps `ns` nanoseconds a record; emits `big`, BYTES a record, not
 * touched, and i. Every BAD-th record fails. */
#include "plan.h"
#include <string.h>
#include <time.h>

#ifndef BATCH
#define BATCH 1000
#endif
#ifndef BYTES
#define BYTES 8
#endif
#ifndef BAD
#define BAD 0
#endif

static int open_it(pl_call *c, const pl_argument *params, void *lib, pl_argument *args) {
    (void)c;
    args[0].value.i = 0;
    args[1].value.i = params[0].value.i;
    args[2].value.n = args[2].dim[0] = -1;
    memcpy(lib, &params[1].value.i, 8);
    return PL_OK;
}

static int enter(pl_call *c, void *lib, const pl_value *in, uint64_t id, void *parent,
                 int64_t row, void *frame) {
    struct timespec t;
    int64_t ns;
    (void)id, (void)parent, (void)row;
    memcpy(&ns, lib, 8);
    t = (struct timespec){ns / 1000000000, ns % 1000000000};
    if (ns) nanosleep(&t, NULL);
    memcpy(frame, &in[0].i, 8);
    if (!BAD || in[0].i % (BAD + !BAD)) return PL_OK;
    c->verdict = c->fail(c, 0, in[0].i, 0);
    return PL_FAILED;
}

static int emit(pl_call *c, void *lib, void *const *frames, pl_out *out) {
    (void)c, (void)lib;
    memcpy(out[1].data, frames[0], 8);
    return PL_OK;
}

static const pl_code plain = {.plain = 1, .lib_size = 8, .frame_size = {8},
                              .open = open_it, .enter = {enter}, .emit = emit};
static const pl_code *const codes[] = {&plain};
static const pl_param params[] = {
    {"n", PL_PARAM_SCALAR, PL_I64, 0, 0, "100000", "int"},
    {"ns", PL_PARAM_SCALAR, PL_I64, 0, 0, "0", "int"},
};
static const pl_input inputs[] = {{"value", PL_I64, 0}};
static const pl_field fields[] = {
    {.name = "big", .dtype = PL_U8, .rank = 1, .dim = {BYTES}, .bytes = BYTES},
    {.name = "i", .dtype = PL_I64, .bytes = 8}};
static const pl_output outputs[] = {
    {.name = "big", .dtype = PL_U8, .rank = 2, .dim = {BATCH, BYTES}},
    {.name = "i", .index = 1, .dtype = PL_I64, .rank = 1, .dim = {BATCH}}};
static const pl_site sites[] = {{"sleep", 3, "slow.dsl", "%lld is bad"}};

const pl_feature pipec_feature = {
    .abi = PL_ABI, .name = "slow", .hash = 0x99, .version = "test", .nparams = 2,
    .params = params, .source = "range", .nsource_args = 3, .ninputs = 1,
    .inputs = inputs, .levels = 1, .has_where = KEPT, .batch = BATCH, .lanes = 1,
    .last = PL_LAST_DROP, .nfields = 2, .fields = fields, .noutputs = 2,
    .outputs = outputs, .nsites = 1, .sites = sites, .ncodes = 1, .codes = codes,
    .describe = "{}", .source_line = 2};
