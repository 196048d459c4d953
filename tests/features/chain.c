/* ripple(size, phase): u8[size[0], size[1], 3], in windows and row by row. */
#include "pipec_kernel.h"

typedef struct { int64_t row, left, right, phase; } cursor;

static void ripple_row(char *at, const pk_tensor *out, int64_t phase, int64_t i, int64_t from, int64_t to) {
    for (int64_t j = from; j < to; j++)
        for (int64_t k = 0; k < 3; k++)
            *(uint8_t *)(at + (j - from) * out->stride[1] + k * out->stride[2]) = (uint8_t)(i * (k + 3) + j * (7 - k) + phase * 50);
}

int ripple_peek(pk_call *call, const pk_tensor *size, int64_t phase, int64_t *h, int64_t *w) {
    const int64_t *s = size->data;
    (void)call, (void)phase;
    *h = s[0];
    *w = s[1];
    return 0;
}

int ripple(pk_call *call, const pk_tensor *size, int64_t phase, const pk_region *r, pk_tensor *out) {
    const int64_t *s = size->data;
    int64_t top = r ? r->from[0] : 0, bottom = r ? r->to[0] : s[0], left = r ? r->from[1] : 0, right = r ? r->to[1] : s[1];
    (void)call;
    for (int64_t i = top; i < bottom; i++)
        ripple_row((char *)out->data + (i - top) * out->stride[0], out, phase, i, left, right);
    return 0;
}

int ripple_begin(pk_call *call, const pk_tensor *size, int64_t phase, const pk_region *r, void **state) {
    const int64_t *s = size->data;
    cursor *k = pk_alloc(call, sizeof *k);
    if (!k) return pk_fail(call, "no memory");
    *k = (cursor){r ? r->from[0] : 0, r ? r->from[1] : 0, r ? r->to[1] : s[1], phase};
    *state = k;
    return 0;
}

int ripple_rows(pk_call *call, void *state, int64_t n, pk_tensor *out) {
    cursor *k = state;
    (void)call;
    for (int64_t i = 0; i < n; i++, k->row++)
        ripple_row((char *)out->data + i * out->stride[0], out, k->phase, k->row, k->left, k->right);
    return 0;
}

void ripple_end(pk_call *call, void *state) { (void)call, (void)state; }
