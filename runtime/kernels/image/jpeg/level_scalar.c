/* The definition of what all levels compute, in plain C. */
#include "decoder.h"
#include "entropy.h"

static ptrdiff_t jpeg_copy(uint8_t *to, const uint8_t *from, ptrdiff_t n) {
    const uint64_t EACH = UINT64_C(0x0101010101010101);
    ptrdiff_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t x;
        memcpy(&x, from + i, 8);
        memcpy(to + i, &x, 8);
        if ((~x - EACH) & x & (EACH << 7)) break;          /* one is 0xFF */
    }
    for (; i < n && from[i] != 0xFF; i++) to[i] = from[i];
    return i;
}

/* ---- idct ---- */
static int saturate(int x, int low, int high) {
    return x < low ? low : x > high ? high : x;
}

/* The even and the odd half of libjpeg's islow, of 8 numbers `step` apart. Sums of two
 * inputs wrap at 16 bits, results saturate, as in libjpeg's SIMD code. */
static void idct_pass(int16_t *x, int step, int shift) {
    int16_t s04 = (int16_t)(x[0] + x[4 * step]), d04 = (int16_t)(x[0] - x[4 * step]);
    int16_t s73 = (int16_t)(x[7 * step] + x[3 * step]);
    int16_t s51 = (int16_t)(x[5 * step] + x[step]);
    int x1 = x[step], x2 = x[2 * step], x3 = x[3 * step], x5 = x[5 * step];
    int x6 = x[6 * step], x7 = x[7 * step], half = 1 << (shift - 1);
    int t3 = x2 * (4433 + 6270) + x6 * 4433, t2 = x2 * 4433 + x6 * (4433 - 15137);
    int t0 = s04 * 8192 + half, t1 = d04 * 8192 + half;
    int z3 = s73 * (9633 - 16069) + s51 * 9633, z4 = s73 * 9633 + s51 * (9633 - 3196);
    int even[4] = {t0 + t3, t1 + t2, t1 - t2, t0 - t3};
    int odd[4] = {x7 * -7373 + x1 * (12299 - 7373) + z4,
                  x5 * -20995 + x3 * (25172 - 20995) + z3,
                  x5 * (16819 - 20995) + x3 * -20995 + z4,
                  x7 * (2446 - 7373) + x1 * -7373 + z3};
    for (int i = 0; i < 4; i++) {
        x[i * step] = (int16_t)saturate((even[i] + odd[i]) >> shift, -32768, 32767);
        x[(7 - i) * step] = (int16_t)saturate((even[i] - odd[i]) >> shift, -32768, 32767);
    }
}

static int idct(JpegJob j) {
    int16_t x[64];
    int large = 0;
    for (int i = 0; i < 64; i++) x[i] = (int16_t)(j.block[i] * j.quant[i]);
    for (int i = 0; i < 8; i++) large |= x[i] > JPEG_LARGEST || x[i] < -JPEG_LARGEST;
    for (int i = 0; i < 8; i++) idct_pass(x + i, 8, 11);
    for (int i = 0; i < 8; i++) idct_pass(x + 8 * i, 1, 18);
    for (int i = 0; i < 64; i++)
        j.to[i / 8 * j.stride + i % 8] = (uint8_t)(saturate(x[i], -128, 127) + 128);
    return large;
}

static int jpeg_idct_some(const JpegJob *job, const int *last, int n) {
    int large = 0;
    for (int i = 0; i < n; i++) {
        large |= last[i] ? idct(job[i]) : jpeg_idct_flat(job[i]);
        memset(job[i].block, 0, sizeof(int16_t[64]));
    }
    return large;
}

static int jpeg_idct(const JpegJob *job, const int *last, int n, bool square) {
    (void)square;
    return jpeg_idct_some(job, last, n);
}

static void jpeg_gather(int16_t *to, const JpegBlock *b) {
    for (int i = 0; i < 64; i++) {
        int more = 0, first = b->first[i];
        for (int k = 0; k < JPEG_MOST_LOW; k++) more |= (int)(b->later[k] >> i & 1) << k;
        if (first < 0 || b->negative >> i & 1) more = -more;
        to[jpeg_fixed.place[63 - i]] = (int16_t)(first + more);
    }
}

/* ---- pixels ---- */
static void jpeg_weigh(int16_t *to, const uint8_t *near, const uint8_t *far, int n) {
    for (int i = 0; i < n; i++) to[i] = (int16_t)(3 * near[i] + far[i] - 512);
}

/* Chroma of the i-th pixel, less 128: the sample's three quarters and a quarter of its
 * neighbour, along both axes. */
static int chroma_at(const JpegChroma *c, int k, int i) {
    int odd = i & 1;
    if (c->v == 2) {
        const int16_t *sum = c->sums[k] + i / 2 + 1;
        return (3 * sum[0] + sum[odd ? 1 : -1] + 8 - odd) >> 4;
    } else {
        const uint8_t *x = c->row[k] + i / c->h;
        if (c->h == 1) return x[0] - 128;
        return ((3 * x[0] + x[odd ? 1 : -1] + 1 + odd) >> 2) - 128;
    }
}

/* libjpeg's constants: round(x * 65536). */
static void to_rgb(uint8_t *to, ptrdiff_t channel, int y, int cb, int cr) {
    int green = (-22554 * cb - 46802 * cr + 32768) >> 16;
    to[0] = (uint8_t)saturate(y + ((91881 * cr + 32768) >> 16), 0, 255);
    to[channel] = (uint8_t)saturate(y + green, 0, 255);
    to[2 * channel] = (uint8_t)saturate(y + ((116130 * cb + 32768) >> 16), 0, 255);
}

static int jpeg_pixels(uint8_t *to, JpegForm form, const uint8_t *luma,
                       const JpegChroma *c, int at, int n) {
    (void)n;
    for (int i = 0; i < JPEG_STEP; i++, to += form.pixel) {
        to_rgb(to, form.channel, luma[i], chroma_at(c, 0, at + i),
               chroma_at(c, 1, at + i));
        if (form.pixel == 4) to[3] = 255;
    }
    return JPEG_STEP;
}

static void jpeg_gray(uint8_t *to, JpegForm form, const uint8_t *luma, int n) {
    for (int i = 0; i < n; i++, to += form.pixel) {
        to[0] = to[form.channel] = to[2 * form.channel] = luma[i];
        if (form.pixel == 4) to[3] = 255;
    }
}

#define JPEG_LEVEL jpegdec_scalar
#include "level.h"
