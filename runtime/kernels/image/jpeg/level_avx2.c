/* x86-64-v3. */
#if defined __x86_64__
#include "avx2.h"

static int jpeg_idct_some(const JpegJob *job, const int *last, int n) {
    return idct_pairs(job, last, n);
}

static inline __attribute__((always_inline)) int jpeg_idct(const JpegJob *job,
                                                           const int *last, int n,
                                                           bool square) {
    (void)square;
    return idct_pairs(job, last, n);
}

static void jpeg_gather(int16_t *to, const JpegBlock *b) { gather_256(to, b); }

static inline int jpeg_pixels(uint8_t *to, JpegForm form, const uint8_t *luma,
                              const JpegChroma *c, int at, int n) {
    (void)n;
    pixels_32(to, form, luma, c, at);
    return JPEG_STEP;
}

#define JPEG_LEVEL jpegdec_avx2
#include "level.h"
#endif
