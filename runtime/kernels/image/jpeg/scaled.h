/* The smaller idcts of libjpeg (jidctred.c), which make 4 x 4, 2 x 2 or one sample of a
 * block. A large coefficient is left to libjpeg: where none is, no sum leaves the 16 bits
 * that its SIMD code has for them, and all its versions agree. */
#ifndef JPEG_SCALED_H
#define JPEG_SCALED_H
#include "decoder.h"

enum { JPEG_LARGEST_SCALED = 1700 };

/* False: one is too large. */
static bool jpeg_dequantise(JpegJob j, int *x) {
    int most = 0;
    for (int i = 0; i < 64; i++) {
        x[i] = j.block[i] * j.quant[i];
        most |= x[i] > JPEG_LARGEST_SCALED || x[i] < -JPEG_LARGEST_SCALED;
    }
    return !most;
}

static uint8_t jpeg_sample(int x) {
    return (uint8_t)((x < -128 ? -128 : x > 127 ? 127 : x) + 128);
}

static void jpeg_fill(JpegJob j, int size) {
    uint8_t sample = jpeg_sample((j.block[0] * j.quant[0] + 4) >> 3);
    for (int i = 0; i < size; i++) memset(j.to + i * j.stride, sample, (size_t)size);
}

/* Four of eight numbers `step` apart, whose fifth does not count. */
static inline void jpeg_four(const int *x, int step, int shift, int *to, int to_step) {
    int half = 1 << (shift - 1), x0 = x[0] * 16384 + half, x1 = x[step], x3 = x[3 * step];
    int x5 = x[5 * step], x7 = x[7 * step];
    int even = x[2 * step] * 15137 - x[6 * step] * 6270;
    int inner = x7 * -1730 + x5 * 11893 - x3 * 17799 + x1 * 8697;
    int outer = x7 * -4176 - x5 * 4926 + x3 * 7373 + x1 * 20995;
    to[0] = (x0 + even + outer) >> shift;
    to[to_step] = (x0 - even + inner) >> shift;
    to[2 * to_step] = (x0 - even - inner) >> shift;
    to[3 * to_step] = (x0 + even - outer) >> shift;
}

static void jpeg_idct_4(const int *x, uint8_t *to, ptrdiff_t stride) {
    int column[4 * 8], out[4 * 4];
    for (int i = 0; i < 8; i++) jpeg_four(x + i, 8, 12, column + i, 8);
    for (int i = 0; i < 4; i++) jpeg_four(column + 8 * i, 1, 19, out + 4 * i, 1);
    for (int i = 0; i < 16; i++) to[i / 4 * stride + i % 4] = jpeg_sample(out[i]);
}

/* Two of eight, of which the first and the odd ones count. */
static inline void jpeg_two(const int *x, int step, int shift, int *to, int to_step) {
    int x0 = x[0] * 32768 + (1 << (shift - 1));
    int odd = x[7 * step] * -5906 + x[5 * step] * 6967 - x[3 * step] * 10426 +
              x[step] * 29692;
    to[0] = (x0 + odd) >> shift;
    to[to_step] = (x0 - odd) >> shift;
}

static void jpeg_idct_2(const int *x, uint8_t *to, ptrdiff_t stride) {
    int column[2 * 8], out[2 * 2];
    for (int i = 0; i < 8; i++) jpeg_two(x + i, 8, 13, column + i, 8);
    for (int i = 0; i < 2; i++) jpeg_two(column + 8 * i, 1, 20, out + 2 * i, 1);
    for (int i = 0; i < 4; i++) to[i / 2 * stride + i % 2] = jpeg_sample(out[i]);
}

/* size: 1, 2 or 4. Returns whether a coefficient is too large. */
static bool jpeg_idct_scaled(JpegJob j, int last, int size) {
    int x[64], dc = j.block[0] * j.quant[0];
    if (dc > JPEG_LARGEST_SCALED || dc < -JPEG_LARGEST_SCALED) return true;
    if (last == 0 || size == 1) {
        jpeg_fill(j, size);
        return false;
    }
    if (!jpeg_dequantise(j, x)) return true;
    if (size == 4) jpeg_idct_4(x, j.to, j.stride);
    else jpeg_idct_2(x, j.to, j.stride);
    memset(j.block, 0, sizeof(int16_t[64]));
    return false;
}
#endif
