/* x86-64-v4: 512 bits where four blocks, or 64 pixels, come at once. */
#if defined __x86_64__
#include "avx2.h"

/* ---- idct: a block in each quarter of a vector ---- */
static inline __m512i pair_512(int a, int b) {
    return _mm512_set1_epi32((int)((uint32_t)(uint16_t)b << 16 | (uint16_t)a));
}

static inline __m512i madd_512(__m512i x, int a, int b) {
    return _mm512_madd_epi16(x, pair_512(a, b));
}

static inline __m512i scaled_512(__m512i x, __m512i half) {
    return _mm512_add_epi32(_mm512_srai_epi32(x, 3), half);
}

typedef struct Halves512 { __m512i even[4], odd[4]; } Halves512;

#define INTERLEAVE_512(a, b) \
    (upper ? _mm512_unpackhi_epi16(a, b) : _mm512_unpacklo_epi16(a, b))

static inline __attribute__((always_inline)) Halves512 halves_512(const __m512i *x,
                                                                  int upper,
                                                                  __m512i half) {
    const __m512i zero = _mm512_setzero_si512();
    __m512i s04 = _mm512_add_epi16(x[0], x[4]), d04 = _mm512_sub_epi16(x[0], x[4]);
    __m512i s73 = _mm512_add_epi16(x[7], x[3]), s51 = _mm512_add_epi16(x[5], x[1]);
    __m512i x26 = INTERLEAVE_512(x[2], x[6]), x71 = INTERLEAVE_512(x[7], x[1]);
    __m512i x53 = INTERLEAVE_512(x[5], x[3]), s = INTERLEAVE_512(s73, s51);
    __m512i t3 = madd_512(x26, 4433 + 6270, 4433), t2 = madd_512(x26, 4433, 4433 - 15137);
    __m512i t0 = scaled_512(INTERLEAVE_512(zero, s04), half);
    __m512i t1 = scaled_512(INTERLEAVE_512(zero, d04), half);
    __m512i z3 = madd_512(s, 9633 - 16069, 9633), z4 = madd_512(s, 9633, 9633 - 3196);
    return (Halves512){
        {_mm512_add_epi32(t0, t3), _mm512_add_epi32(t1, t2), _mm512_sub_epi32(t1, t2),
         _mm512_sub_epi32(t0, t3)},
        {_mm512_add_epi32(madd_512(x71, -7373, 12299 - 7373), z4),
         _mm512_add_epi32(madd_512(x53, -20995, 25172 - 20995), z3),
         _mm512_add_epi32(madd_512(x53, 16819 - 20995, -20995), z4),
         _mm512_add_epi32(madd_512(x71, 2446 - 7373, -7373), z3)}};
}

static inline __attribute__((always_inline)) void pass_512(__m512i *x, int shift) {
    const __m512i half = _mm512_set1_epi32(1 << (shift - 1));
    Halves512 a = halves_512(x, 0, half), b = halves_512(x, 1, half);
    JPEG_UNROLL for (int i = 0; i < 4; i++) {
        __m512i sum = _mm512_add_epi32(a.even[i], a.odd[i]);
        __m512i sum2 = _mm512_add_epi32(b.even[i], b.odd[i]);
        __m512i difference = _mm512_sub_epi32(a.even[i], a.odd[i]);
        __m512i difference2 = _mm512_sub_epi32(b.even[i], b.odd[i]);
        x[i] = _mm512_packs_epi32(_mm512_srai_epi32(sum, shift),
                                  _mm512_srai_epi32(sum2, shift));
        x[7 - i] = _mm512_packs_epi32(_mm512_srai_epi32(difference, shift),
                                      _mm512_srai_epi32(difference2, shift));
    }
}

static inline __attribute__((always_inline)) void transpose_512(__m512i *x) {
    __m512i a[8], b[8];
    JPEG_UNROLL for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm512_unpacklo_epi16(x[2 * i], x[2 * i + 1]);
        a[2 * i + 1] = _mm512_unpackhi_epi16(x[2 * i], x[2 * i + 1]);
    }
    JPEG_UNROLL for (int i = 0; i < 8; i += 4) {
        b[i] = _mm512_unpacklo_epi32(a[i], a[i + 2]);
        b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 2]);
        b[i + 2] = _mm512_unpacklo_epi32(a[i + 1], a[i + 3]);
        b[i + 3] = _mm512_unpackhi_epi32(a[i + 1], a[i + 3]);
    }
    JPEG_UNROLL for (int i = 0; i < 4; i++) {
        x[2 * i] = _mm512_unpacklo_epi64(b[i], b[i + 4]);
        x[2 * i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 4]);
    }
}

static inline __m512i join(__m256i a, __m256i b) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* Row i of four blocks; those of a square share a table. */
static inline __m512i load_four(const JpegJob *j, int i, bool square) {
    __m512i x = join(load_rows(j[0].block + 8 * i, j[1].block + 8 * i),
                     load_rows(j[2].block + 8 * i, j[3].block + 8 * i));
    __m128i quant = _mm_load_si128((const void *)(j[0].quant + 8 * i));
    if (square) return _mm512_mullo_epi16(x, _mm512_broadcast_i32x4(quant));
    return _mm512_mullo_epi16(x, join(load_rows(j[0].quant + 8 * i, j[1].quant + 8 * i),
                                      load_rows(j[2].quant + 8 * i, j[3].quant + 8 * i)));
}

static inline void store_row(uint8_t *to, __m128i two_blocks) {
    _mm_storeu_si128((void *)to, two_blocks);
}

/* Two rows of four blocks, which stand in two rows of two. */
static inline void store_square(const JpegJob *j, int row, __m512i x) {
    __m512i rows = _mm512_permutex_epi64(x, 0xD8);
    uint8_t *above = j[0].to + row * j->stride, *below = j[2].to + row * j->stride;
    store_row(above, _mm512_castsi512_si128(rows));
    store_row(above + j->stride, _mm512_extracti32x4_epi32(rows, 1));
    store_row(below, _mm512_extracti32x4_epi32(rows, 2));
    store_row(below + j->stride, _mm512_extracti32x4_epi32(rows, 3));
}

static inline void store_apart(const JpegJob *j, int row, __m512i x) {
    store_rows(j + 0, row, _mm512_castsi512_si128(x));
    store_rows(j + 1, row, _mm512_extracti32x4_epi32(x, 1));
    store_rows(j + 2, row, _mm512_extracti32x4_epi32(x, 2));
    store_rows(j + 3, row, _mm512_extracti32x4_epi32(x, 3));
}

static inline __attribute__((always_inline)) void store_all(const JpegJob *j,
                                                            const __m512i *x,
                                                            bool square) {
    const __m512i middle = _mm512_set1_epi8(-128);
    __m512i p[4], a[4], b[4];
    JPEG_UNROLL for (int i = 0; i < 4; i++) p[i] = _mm512_packs_epi16(x[i], x[i + 4]);
    JPEG_UNROLL for (int i = 0; i < 2; i++) {
        a[i] = _mm512_unpacklo_epi8(p[2 * i], p[2 * i + 1]);
        a[i + 2] = _mm512_unpackhi_epi8(p[2 * i], p[2 * i + 1]);
    }
    JPEG_UNROLL for (int i = 0; i < 4; i += 2) {
        b[i] = _mm512_unpacklo_epi16(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi16(a[i], a[i + 1]);
    }
    JPEG_UNROLL for (int i = 0; i < 4; i++) {
        __m512i rows = i & 1 ? _mm512_unpackhi_epi32(b[i / 2], b[i / 2 + 2])
                             : _mm512_unpacklo_epi32(b[i / 2], b[i / 2 + 2]);
        rows = _mm512_add_epi8(rows, middle);
        if (square) store_square(j, 2 * i, rows);
        else store_apart(j, 2 * i, rows);
    }
}

static inline __attribute__((always_inline)) int four_rows(const JpegJob *j, int rows,
                                                           bool square) {
    const __m512i zero = _mm512_setzero_si512();
    __m512i x[8];
    __mmask32 large;
    JPEG_UNROLL for (int i = 0; i < rows; i++) x[i] = load_four(j, i, square);
    JPEG_UNROLL for (int i = rows; i < 8; i++) x[i] = zero;
    JPEG_UNROLL for (int k = 0; k < 4; k++)
        JPEG_UNROLL for (int i = 0; i < rows; i += 4)
            _mm512_store_si512((void *)(j[k].block + 8 * i), zero);
    large = _mm512_cmpgt_epi16_mask(_mm512_abs_epi16(x[0]),
                                    _mm512_set1_epi16(JPEG_LARGEST));
    pass_512(x, 11);
    transpose_512(x);
    JPEG_UNROLL for (int i = rows; i < 8; i++) x[i] = zero;
    pass_512(x, 18);
    store_all(j, x, square);
    return large != 0;
}

static __attribute__((noinline)) int idct_square(const JpegJob *j, int last) {
    return last <= 9 ? four_rows(j, 4, true) : four_rows(j, 8, true);
}

static __attribute__((noinline)) int idct_apart(const JpegJob *j, int last) {
    return last <= 9 ? four_rows(j, 4, false) : four_rows(j, 8, false);
}

static inline __attribute__((always_inline)) int idct_four(const JpegJob *j,
                                                           const int *last, bool square) {
    int a = last[0] > last[1] ? last[0] : last[1];
    int b = last[2] > last[3] ? last[2] : last[3], most = a > b ? a : b;
    if (most == 0) return idct_pairs(j, last, 4);
    return square ? idct_square(j, most) : idct_apart(j, most);
}

static int jpeg_idct_some(const JpegJob *job, const int *last, int n) {
    return idct_pairs(job, last, n);
}

static inline __attribute__((always_inline)) int jpeg_idct(const JpegJob *job,
                                                           const int *last, int n,
                                                           bool square) {
    if (n < 4) return idct_pairs(job, last, n);
    return idct_four(job, last, square) | idct_pairs(job + 4, last + 4, n - 4);
}

/* ---- stored blocks ---- */
static inline __m512i gathered_512(const JpegBlock *b, int i) {
    __m512i x = _mm512_loadu_si512((const void *)(b->first + i));
    __m512i more = _mm512_maskz_set1_epi16((__mmask32)(b->later[0] >> i), 1);
    __mmask32 negative = _mm512_movepi16_mask(x) | (__mmask32)(b->negative >> i);
    more = _mm512_mask_add_epi16(more, (__mmask32)(b->later[1] >> i), more,
                                 _mm512_set1_epi16(2));
    more = _mm512_mask_add_epi16(more, (__mmask32)(b->later[2] >> i), more,
                                 _mm512_set1_epi16(4));
    return _mm512_mask_sub_epi16(_mm512_add_epi16(x, more), negative, x, more);
}

static void jpeg_gather(int16_t *to, const JpegBlock *b) {
    static const _Alignas(64) uint16_t from[64] = {
        63, 62, 58, 57, 49, 48, 36, 35, 61, 59, 56, 50, 47, 37, 34, 21,
        60, 55, 51, 46, 38, 33, 22, 20, 54, 52, 45, 39, 32, 23, 19, 10,
        53, 44, 40, 31, 24, 18, 11, 9,  43, 41, 30, 25, 17, 12, 8,  3,
        42, 29, 26, 16, 13, 7,  4,  2,  28, 27, 15, 14, 6,  5,  1,  0};
    __m512i low = gathered_512(b, 0), high = gathered_512(b, 32);
    JPEG_UNROLL for (int i = 0; i < 64; i += 32) {
        __m512i words = _mm512_load_si512((const void *)(from + i));
        _mm512_store_si512((void *)(to + i), _mm512_permutex2var_epi16(low, words, high));
    }
}

/* ---- 64 pixels ---- */
typedef struct Rgb512 { __m512i r, g, b; } Rgb512;

static inline void spread_512(const int16_t *at, __m512i *even, __m512i *odd) {
    const __m512i sixteenth = _mm512_set1_epi16(2048);
    __m512i x = _mm512_loadu_si512((const void *)(at + 1));
    __m512i before = _mm512_loadu_si512((const void *)at);
    __m512i after = _mm512_loadu_si512((const void *)(at + 2));
    x = _mm512_add_epi16(_mm512_add_epi16(x, x), x);
    *even = _mm512_mulhrs_epi16(_mm512_add_epi16(x, before), sixteenth);
    after = _mm512_add_epi16(after, _mm512_set1_epi16(-1));
    *odd = _mm512_mulhrs_epi16(_mm512_add_epi16(x, after), sixteenth);
}

static inline __m512i load_32(const uint8_t *at) {
    return _mm512_cvtepu8_epi16(_mm256_loadu_si256((const void *)at));
}

static inline void spread_row_512(const uint8_t *at, __m512i *even, __m512i *odd) {
    const __m512i middle = _mm512_set1_epi16(128);
    __m512i x = load_32(at);
    __m512i before = _mm512_add_epi16(load_32(at - 1), _mm512_set1_epi16(1));
    __m512i after = _mm512_add_epi16(load_32(at + 1), _mm512_set1_epi16(2));
    x = _mm512_add_epi16(_mm512_add_epi16(x, x), x);
    *even = _mm512_srli_epi16(_mm512_add_epi16(x, before), 2);
    *odd = _mm512_srli_epi16(_mm512_add_epi16(x, after), 2);
    *even = _mm512_sub_epi16(*even, middle);
    *odd = _mm512_sub_epi16(*odd, middle);
}

static inline Rgb512 to_rgb_512(__m512i y, __m512i cb, __m512i cr) {
    const __m512i half = _mm512_set1_epi32(32768);
    __m512i red = _mm512_mulhrs_epi16(cr, _mm512_set1_epi16(13173));
    __m512i blue = _mm512_mulhrs_epi16(cb, _mm512_set1_epi16(-7471));
    __m512i low = madd_512(_mm512_unpacklo_epi16(cb, cr), -22554, 18734);
    __m512i high = madd_512(_mm512_unpackhi_epi16(cb, cr), -22554, 18734);
    __m512i green =
        _mm512_packs_epi32(_mm512_srai_epi32(_mm512_add_epi32(low, half), 16),
                           _mm512_srai_epi32(_mm512_add_epi32(high, half), 16));
    blue = _mm512_add_epi16(blue, _mm512_add_epi16(cb, cb));
    return (Rgb512){_mm512_add_epi16(_mm512_add_epi16(red, cr), y),
                    _mm512_add_epi16(_mm512_sub_epi16(green, cr), y),
                    _mm512_add_epi16(blue, y)};
}

static inline Rgb512 pack_512(Rgb512 a, Rgb512 b) {
    return (Rgb512){_mm512_packus_epi16(a.r, b.r), _mm512_packus_epi16(a.g, b.g),
                    _mm512_packus_epi16(a.b, b.b)};
}

static inline __m512i mix_512(__m512i a, __m512i b, __m512i c) {
    const __mmask64 second = 0x2492249224922492, third = 0x4924492449244924;
    return _mm512_mask_blend_epi8(third, _mm512_mask_blend_epi8(second, a, b), c);
}

/* Lane by lane the three parts in turn. */
static inline void store_512(uint8_t *to, __m512i a, __m512i b, __m512i c) {
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 0, 0, 2, 3);
    const __m512i first_c = _mm512_setr_epi64(0, 1, 2, 3, 8, 9, 6, 7);
    const __m512i second = _mm512_setr_epi64(2, 3, 10, 11, 0, 0, 4, 5);
    const __m512i second_a = _mm512_setr_epi64(0, 1, 2, 3, 12, 13, 6, 7);
    const __m512i third = _mm512_setr_epi64(4, 5, 14, 15, 0, 0, 6, 7);
    const __m512i third_b = _mm512_setr_epi64(0, 1, 2, 3, 14, 15, 6, 7);
    __m512i x = _mm512_permutex2var_epi64(a, first, b);
    __m512i y = _mm512_permutex2var_epi64(b, second, c);
    __m512i z = _mm512_permutex2var_epi64(c, third, a);
    _mm512_storeu_si512((void *)to, _mm512_permutex2var_epi64(x, first_c, c));
    _mm512_storeu_si512((void *)(to + 64), _mm512_permutex2var_epi64(y, second_a, a));
    _mm512_storeu_si512((void *)(to + 128), _mm512_permutex2var_epi64(z, third_b, b));
}

static inline __m512i in_lanes_512(__m512i x, const uint8_t *places) {
    __m128i lane = _mm_loadu_si128((const void *)places);
    return _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(lane));
}

static inline void store_rgb_512(uint8_t *to, Rgb512 x, const uint8_t places[3][16]) {
    __m512i r = in_lanes_512(x.r, places[0]), g = in_lanes_512(x.g, places[1]);
    __m512i b = in_lanes_512(x.b, places[2]);
    store_512(to, mix_512(r, g, b), mix_512(g, b, r), mix_512(b, r, g));
}

static inline Rgb512 even_and_odd_512(__m512i y, const JpegChroma *c, int at) {
    __m512i even[2], odd[2];
    JPEG_UNROLL for (int k = 0; k < 2; k++)
        if (c->v == 2) spread_512(c->sums[k] + at / 2, &even[k], &odd[k]);
        else spread_row_512(c->row[k] + at / 2, &even[k], &odd[k]);
    return pack_512(
        to_rgb_512(_mm512_and_si512(y, _mm512_set1_epi16(255)), even[0], even[1]),
        to_rgb_512(_mm512_srli_epi16(y, 8), odd[0], odd[1]));
}

static inline Rgb512 one_by_one_512(__m512i y, const JpegChroma *c, int at) {
    const __m512i zero = _mm512_setzero_si512(), middle = _mm512_set1_epi16(128);
    __m512i cb = _mm512_loadu_si512((const void *)(c->row[0] + at));
    __m512i cr = _mm512_loadu_si512((const void *)(c->row[1] + at));
    return pack_512(
        to_rgb_512(_mm512_unpacklo_epi8(y, zero),
                   _mm512_sub_epi16(_mm512_unpacklo_epi8(cb, zero), middle),
                   _mm512_sub_epi16(_mm512_unpacklo_epi8(cr, zero), middle)),
        to_rgb_512(_mm512_unpackhi_epi8(y, zero),
                   _mm512_sub_epi16(_mm512_unpackhi_epi8(cb, zero), middle),
                   _mm512_sub_epi16(_mm512_unpackhi_epi8(cr, zero), middle)));
}

static inline __m512i braid_512(__m512i x) {
    return _mm512_unpacklo_epi8(x, _mm512_unpackhi_epi64(x, x));
}

static inline void store_planes_512(uint8_t *to, ptrdiff_t plane, Rgb512 x,
                                    bool ordered) {
    __m512i part[3] = {x.r, x.g, x.b};
    JPEG_UNROLL for (int i = 0; i < 3; i++) {
        if (!ordered) part[i] = braid_512(part[i]);
        _mm512_storeu_si512((void *)(to + i * plane), part[i]);
    }
}

static inline void pixels_64(uint8_t *to, JpegForm form, const uint8_t *luma,
                             const JpegChroma *c, int at) {
    __m512i y = _mm512_loadu_si512((const void *)luma);
    Rgb512 x = c->h == 1 ? one_by_one_512(y, c, at) : even_and_odd_512(y, c, at);
    if (form.pixel == 1)
        store_planes_512(to, form.channel, x, c->h == 1);
    else
        store_rgb_512(to, x, c->h == 1 ? in_order : apart);
}

static inline int jpeg_pixels(uint8_t *to, JpegForm form, const uint8_t *luma,
                              const JpegChroma *c, int at, int n) {
    if (n >= 2 * JPEG_STEP && form.pixel != 4) {
        pixels_64(to, form, luma, c, at);
        return 2 * JPEG_STEP;
    }
    pixels_32(to, form, luma, c, at);
    return JPEG_STEP;
}

#define JPEG_LEVEL jpegdec_avx512
#include "level.h"
#endif
