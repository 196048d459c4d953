/* Kernels for kernels.dsl: every way to give a result, and to fail. */
#include "pipec_kernel.h"
#include <stdbool.h>
#include <string.h>

/* Every dtype by value. */
int mix(pk_call *call, bool a, uint8_t b, int8_t c, uint16_t d, int16_t e, uint32_t f,
        int32_t g, uint64_t h, int64_t i, uint16_t half, float j, double k,
        const pk_region *region, pk_tensor *out) {
    double *to = out->data;
    (void)call, (void)region;
    double all[] = {a, b, c, d, e, f, g, (double)h, (double)i, half, j, k};
    memcpy(to, all, sizeof all);
    return 0;
}

/* Not dense: every other column of what it made. */
int strided(pk_call *call, int64_t n, const pk_region *region, pk_tensor *out) {
    int32_t *data = pk_alloc(call, (size_t)(n * n) * 8 + 8);
    (void)region;
    for (int64_t i = 0; i < 2 * n * n; i++) data[i] = (int32_t)i;
    out->data = data;
    out->dim[0] = n, out->dim[1] = n;
    out->stride[0] = 8 * n, out->stride[1] = 8;
    return 0;
}

/* Its last rows fail. */
int rows(pk_call *call, int64_t n, int64_t good, const pk_region *region, pk_tensor *out) {
    (void)region;
    for (int64_t i = 0; i < 2 * good; i++) ((int64_t *)out->data)[i] = i;
    return good < n ? pk_fail_rows(call, good, "row %d of %d", (int)good, (int)n) : 0;
}

int sizes_peek(pk_call *call, const pk_tensor *x, int64_t *n) {
    if (x->dim[0] == 3) return pk_fail(call, "three");
    *n = x->dim[0] + ((uint8_t *)x->data)[0];
    return 0;
}
int sizes(pk_call *call, const pk_tensor *x, const pk_region *region, pk_tensor *out) {
    (void)x, (void)region, (void)out;
    return pk_fail(call, "not to be called");
}

int two(pk_call *call, int64_t n, const pk_region *region, pk_tensor *a, pk_tensor *b) {
    (void)region;
    *(float *)a->data = (float)n / 2;
    b->data = pk_alloc(call, 0);
    if (n) b->data = pk_alloc(call, (size_t)n * 2);
    b->dim[0] = n, b->stride[0] = 2;
    for (int64_t i = 0; i < n; i++) ((uint16_t *)b->data)[i] = (uint16_t)(i * i);
    return b->data && pk_scratch(call, 100) ? 0 : pk_fail(call, "no memory");
}

/* An opaque value with a destructor. */
typedef struct Box { int64_t inside, live; } Box;
static void drop(void *box) { ((Box *)box)->live = 0; }
int box(pk_call *call, int64_t n, const pk_region *region, void **out) {
    Box *made = pk_alloc(call, sizeof *made);
    (void)region;
    if (n < 0) return pk_fail(call, "%lld is below zero", (long long)n);
    *made = (Box){n, 1};
    *out = made;
    return pk_at_close(call, drop, made);
}
int unbox(pk_call *call, const void *box, int64_t more, const pk_region *region,
          pk_tensor *out) {
    (void)call, (void)region;
    *(int64_t *)out->data = ((const Box *)box)->inside * ((const Box *)box)->live + more;
    return 0;
}
