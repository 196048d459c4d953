/* The first half of a discrete Fourier transform, in double. */
#include <math.h>
#include "pipec_kernel.h"

typedef struct { int64_t n; double turn[4096][2]; } plan;

int dft_plan(pk_call *call, int64_t n, const pk_region *region, void **out) {
    plan *p = pk_alloc(call, sizeof *p);
    (void)region;
    if (!p || n < 1 || n > 4096) return pk_fail(call, "no plan for %d samples", (int)n);
    p->n = n;
    for (int64_t i = 0; i < n; i++) {
        p->turn[i][0] = cos(2 * 3.14159265358979323846 * (double)i / (double)n);
        p->turn[i][1] = -sin(2 * 3.14159265358979323846 * (double)i / (double)n);
    }
    *out = p;
    return 0;
}

int dft(pk_call *call, const void *made, const pk_tensor *x, const pk_region *region, pk_tensor *out) {
    const plan *p = made;
    const float *v = x->data;
    (void)region;
    if (x->dim[0] != p->n) return pk_fail(call, "%d samples, a plan for %d", (int)x->dim[0], (int)p->n);
    for (int64_t k = 0; k <= p->n / 2; k++)
        for (int part = 0; part < 2; part++) {
            double sum = 0;
            for (int64_t t = 0; t < p->n; t++) sum += v[t] * p->turn[k * t % p->n][part];
            *(float *)((char *)out->data + k * out->stride[0] + part * out->stride[1]) = (float)sum;
        }
    return 0;
}
