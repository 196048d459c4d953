/* ramp(size, seed, mark, fails): u8[size[0], size[1], 3], row by row and in windows. Where `fails` is above 0 and mark is 3, rows from `fails`
 * on fail; where it is below 0, the whole. */
#include "pipec_kernel.h"

typedef struct { int64_t row, to, left, right, seed, good; } cursor;

static int64_t good_rows(int64_t rows, int64_t mark, int64_t fails) {
    return mark == 3 && fails > 0 && fails < rows ? fails : rows;
}

static void fill_row(char *at, int64_t pixel, int64_t channel, int64_t seed, int64_t i, int64_t from, int64_t to) {
    for (int64_t j = from; j < to; j++)
        for (int64_t k = 0; k < 3; k++)
            *(uint8_t *)(at + (j - from) * pixel + k * channel) = (uint8_t)(seed + i * (17 + k) + j * (5 + 3 * k) + (i * j) % 7);
}

int ramp_peek(pk_call *call, const pk_tensor *size, int64_t seed, int64_t mark, int64_t fails, int64_t *h, int64_t *w) {
    const int64_t *s = size->data;
    (void)seed, (void)mark, (void)fails;
    if (s[0] < 0 || s[1] < 0) return pk_fail(call, "a size below 0");
    *h = s[0];
    *w = s[1];
    return 0;
}

int ramp(pk_call *call, const pk_tensor *size, int64_t seed, int64_t mark, int64_t fails, const pk_region *r, pk_tensor *out) {
    const int64_t *s = size->data;
    int64_t top = r ? r->from[0] : 0, bottom = r ? r->to[0] : s[0], left = r ? r->from[1] : 0, right = r ? r->to[1] : s[1];
    int64_t good = good_rows(s[0], mark, fails);
    for (int64_t i = top; i < bottom && i < good; i++)
        fill_row((char *)out->data + (i - top) * out->stride[0], out->stride[1], out->stride[2], seed, i, left, right);
    return good < s[0] ? pk_fail_rows(call, good, "no row %d", (int)good) : 0;
}

int ramp_begin(pk_call *call, const pk_tensor *size, int64_t seed, int64_t mark, int64_t fails, const pk_region *r, void **state) {
    const int64_t *s = size->data;
    cursor *k = pk_alloc(call, sizeof *k);
    if (!k) return pk_fail(call, "no memory");
    *k = (cursor){r ? r->from[0] : 0, r ? r->to[0] : s[0], r ? r->from[1] : 0, r ? r->to[1] : s[1], seed, good_rows(s[0], mark, fails)};
    *state = k;
    return 0;
}

int ramp_rows(pk_call *call, void *state, int64_t n, pk_tensor *out) {
    cursor *k = state;
    for (int64_t i = 0; i < n; i++, k->row++) {
        if (k->row >= k->good) return pk_fail_rows(call, k->good, "no row %d", (int)k->good);
        fill_row((char *)out->data + i * out->stride[0], out->stride[1], out->stride[2], k->seed, k->row, k->left, k->right);
    }
    return 0;
}

void ramp_end(pk_call *call, void *state) { (void)call, (void)state; }
