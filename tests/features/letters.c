/* The letters of a text, each with its place. A digit is no text: the letters from there
 * on fail, whatever part is asked for. */
#include "pipec_kernel.h"

static int is_letter(int c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }

int letters(pk_call *call, const pk_tensor *text, const pk_region *region, pk_tensor *out) {
    const unsigned char *s = text->data;
    int64_t most = region ? region->to[0] : text->dim[0], n = 0, digit = -1;
    int32_t *to = pk_alloc(call, 8 * (size_t)text->dim[0]);
    if (!to) return pk_fail(call, "no memory");
    for (int64_t i = 0; i < text->dim[0] && n < most; i++) {
        if (s[i] >= '0' && s[i] <= '9' && digit < 0) digit = n;
        if (!is_letter(s[i])) continue;
        to[2 * n] = s[i] | 32;
        to[2 * n++ + 1] = (int32_t)i;
    }
    out->data = to;
    out->dim[0] = n;
    out->dim[1] = 2;
    out->stride[0] = 8;
    out->stride[1] = 4;
    if (digit < 0 || digit == n) return 0;
    return digit ? pk_fail_rows(call, digit, "a digit") : pk_fail(call, "a digit");
}
