/* What tests of calls link with: callees that trust the ABI, and a pl_call. */
#include "runtime/plan.h"

int32_t take_small(int16_t a, uint8_t b, _Bool c) { return a * 1000 + b * 2 + c; }
int64_t take_call(int64_t (*f)(int64_t), int64_t x) { return f(x) + 1; }

static char memory[256] __attribute__((aligned(64)));
static pl_call call;
static int asked;

static void *more(pk_call *c, size_t bytes) {
    (void)c;
    asked += (int)bytes;
    return bytes > 4096 ? NULL : memory + 128;
}
static void *out(pl_call *c, size_t bytes) {
    (void)c;
    return bytes > 4096 ? NULL : memory + 192;
}
void *make_call(void) {
    call.kernel.at = memory;
    call.kernel.end = memory + 128;
    call.kernel.more = more;
    call.alloc_out = out;
    asked = 0;
    return &call;
}
int64_t place(void *p) { return (char *)p - memory; }
int64_t asked_for(void) { return asked; }
