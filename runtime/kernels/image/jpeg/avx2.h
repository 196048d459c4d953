/* What x86-64-v3 and v4 have in common: level_scalar.c in vectors of 256 bits. */
#ifndef JPEG_AVX2_H
#define JPEG_AVX2_H
#include "decoder.h"
#include <immintrin.h>

static inline ptrdiff_t jpeg_copy(uint8_t *to, const uint8_t *from, ptrdiff_t n) {
    const __m256i ff = _mm256_set1_epi8(-1);
    ptrdiff_t i = 0;
    for (; n - i >= 32; i += 32) {
        __m256i x = _mm256_loadu_si256((const void *)(from + i));
        unsigned found = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, ff));
        _mm256_storeu_si256((void *)(to + i), x);
        if (found) return i + __builtin_ctz(found);
    }
    for (; i < n && from[i] != 0xFF; i++) to[i] = from[i];
    return i;
}

/* ---- idct: a block in each half of a vector, a row in each vector ---- */
/* a, b: what two neighbours of 16 bits are multiplied with. */
static inline __m256i pair(int a, int b) {
    return _mm256_set1_epi32((int)((uint32_t)(uint16_t)b << 16 | (uint16_t)a));
}

static inline __m256i madd(__m256i x, int a, int b) {
    return _mm256_madd_epi16(x, pair(a, b));
}

/* x * 8192 + half, of the 16-bit numbers that stand above zeros. */
static inline __m256i scaled(__m256i x, __m256i half) {
    return _mm256_add_epi32(_mm256_srai_epi32(x, 3), half);
}

/* The sums of the even and the odd half, of the lower or the upper four columns:
 * `low` interleaves two rows. */
typedef struct Halves { __m256i even[4], odd[4]; } Halves;

#define INTERLEAVE(a, b) \
    (upper ? _mm256_unpackhi_epi16(a, b) : _mm256_unpacklo_epi16(a, b))

static inline __attribute__((always_inline)) Halves halves(const __m256i *x, int upper,
                                                           __m256i half) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i s04 = _mm256_add_epi16(x[0], x[4]), d04 = _mm256_sub_epi16(x[0], x[4]);
    __m256i s73 = _mm256_add_epi16(x[7], x[3]), s51 = _mm256_add_epi16(x[5], x[1]);
    __m256i x26 = INTERLEAVE(x[2], x[6]), x71 = INTERLEAVE(x[7], x[1]);
    __m256i x53 = INTERLEAVE(x[5], x[3]), s = INTERLEAVE(s73, s51);
    __m256i t3 = madd(x26, 4433 + 6270, 4433), t2 = madd(x26, 4433, 4433 - 15137);
    __m256i t0 = scaled(INTERLEAVE(zero, s04), half);
    __m256i t1 = scaled(INTERLEAVE(zero, d04), half);
    __m256i z3 = madd(s, 9633 - 16069, 9633), z4 = madd(s, 9633, 9633 - 3196);
    return (Halves){
        {_mm256_add_epi32(t0, t3), _mm256_add_epi32(t1, t2), _mm256_sub_epi32(t1, t2),
         _mm256_sub_epi32(t0, t3)},
        {_mm256_add_epi32(madd(x71, -7373, 12299 - 7373), z4),
         _mm256_add_epi32(madd(x53, -20995, 25172 - 20995), z3),
         _mm256_add_epi32(madd(x53, 16819 - 20995, -20995), z4),
         _mm256_add_epi32(madd(x71, 2446 - 7373, -7373), z3)}};
}

static inline __attribute__((always_inline)) void idct_pass(__m256i *x, int shift) {
    const __m256i half = _mm256_set1_epi32(1 << (shift - 1));
    Halves a = halves(x, 0, half), b = halves(x, 1, half);
    JPEG_UNROLL for (int i = 0; i < 4; i++) {
        __m256i sum = _mm256_add_epi32(a.even[i], a.odd[i]);
        __m256i sum2 = _mm256_add_epi32(b.even[i], b.odd[i]);
        __m256i difference = _mm256_sub_epi32(a.even[i], a.odd[i]);
        __m256i difference2 = _mm256_sub_epi32(b.even[i], b.odd[i]);
        x[i] = _mm256_packs_epi32(_mm256_srai_epi32(sum, shift),
                                  _mm256_srai_epi32(sum2, shift));
        x[7 - i] = _mm256_packs_epi32(_mm256_srai_epi32(difference, shift),
                                      _mm256_srai_epi32(difference2, shift));
    }
}

static inline __attribute__((always_inline)) void transpose(__m256i *x) {
    __m256i a[8], b[8];
    JPEG_UNROLL for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm256_unpacklo_epi16(x[2 * i], x[2 * i + 1]);
        a[2 * i + 1] = _mm256_unpackhi_epi16(x[2 * i], x[2 * i + 1]);
    }
    JPEG_UNROLL for (int i = 0; i < 8; i += 4) {
        b[i] = _mm256_unpacklo_epi32(a[i], a[i + 2]);
        b[i + 1] = _mm256_unpackhi_epi32(a[i], a[i + 2]);
        b[i + 2] = _mm256_unpacklo_epi32(a[i + 1], a[i + 3]);
        b[i + 3] = _mm256_unpackhi_epi32(a[i + 1], a[i + 3]);
    }
    JPEG_UNROLL for (int i = 0; i < 4; i++) {
        x[2 * i] = _mm256_unpacklo_epi64(b[i], b[i + 4]);
        x[2 * i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 4]);
    }
}

static inline __m256i load_rows(const void *a, const void *b) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_load_si128(a)),
                                   _mm_load_si128(b), 1);
}

/* Two rows of eight samples each. */
static inline void store_rows(const JpegJob *j, int row, __m128i two) {
    uint8_t *to = j->to + row * j->stride;
    _mm_storel_epi64((void *)to, two);
    _mm_storeh_pd((double *)(void *)(to + j->stride), _mm_castsi128_pd(two));
}

/* x: columns. Bytes from -128, turned back into rows. */
static inline __attribute__((always_inline)) void store_blocks(const JpegJob *first,
                                                               const JpegJob *second,
                                                               const __m256i *x) {
    const __m256i middle = _mm256_set1_epi8(-128);
    __m256i p[4], a[4], b[4];
    JPEG_UNROLL for (int i = 0; i < 4; i++) p[i] = _mm256_packs_epi16(x[i], x[i + 4]);
    JPEG_UNROLL for (int i = 0; i < 2; i++) {
        a[i] = _mm256_unpacklo_epi8(p[2 * i], p[2 * i + 1]);        /* columns 0 … 3 */
        a[i + 2] = _mm256_unpackhi_epi8(p[2 * i], p[2 * i + 1]);    /* 4 … 7 */
    }
    JPEG_UNROLL for (int i = 0; i < 4; i += 2) {
        b[i] = _mm256_unpacklo_epi16(a[i], a[i + 1]);               /* rows 0 … 3 */
        b[i + 1] = _mm256_unpackhi_epi16(a[i], a[i + 1]);           /* 4 … 7 */
    }
    JPEG_UNROLL for (int i = 0; i < 4; i++) {
        __m256i rows = i & 1 ? _mm256_unpackhi_epi32(b[i / 2], b[i / 2 + 2])
                             : _mm256_unpacklo_epi32(b[i / 2], b[i / 2 + 2]);
        rows = _mm256_add_epi8(rows, middle);
        store_rows(first, 2 * i, _mm256_castsi256_si128(rows));
        store_rows(second, 2 * i, _mm256_extracti128_si256(rows, 1));
    }
}

static inline __m256i load_pair(const JpegJob *a, const JpegJob *b, int i) {
    return _mm256_mullo_epi16(load_rows(a->block + 8 * i, b->block + 8 * i),
                              load_rows(a->quant + 8 * i, b->quant + 8 * i));
}

static inline void clear_pair(const JpegJob *a, const JpegJob *b, int rows) {
    JPEG_UNROLL for (int i = 0; i < rows; i += 2) {
        _mm256_store_si256((void *)(a->block + 8 * i), _mm256_setzero_si256());
        _mm256_store_si256((void *)(b->block + 8 * i), _mm256_setzero_si256());
    }
}

static inline int is_large(__m256i first_row) {
    const __m256i most = _mm256_set1_epi16(JPEG_LARGEST);
    return _mm256_movemask_epi8(
        _mm256_cmpgt_epi16(_mm256_abs_epi16(first_row), most));
}

static inline __attribute__((always_inline)) int idct_all(const JpegJob *a,
                                                          const JpegJob *b) {
    __m256i x[8];
    int large;
    JPEG_UNROLL for (int i = 0; i < 8; i++) x[i] = load_pair(a, b, i);
    clear_pair(a, b, 8);
    large = is_large(x[0]);
    idct_pass(x, 11);
    transpose(x);
    idct_pass(x, 18);
    store_blocks(a, b, x);
    return large;
}

/* The sums of `halves` where the last four of the eight are 0. */
static inline __attribute__((always_inline)) Halves fewer_halves(const __m256i *x,
                                                                 int upper,
                                                                 __m256i half) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i x13 = INTERLEAVE(x[1], x[3]), x2 = INTERLEAVE(x[2], zero);
    __m256i t0 = scaled(INTERLEAVE(zero, x[0]), half);
    __m256i t3 = madd(x2, 4433 + 6270, 0), t2 = madd(x2, 4433, 0);
    return (Halves){{_mm256_add_epi32(t0, t3), _mm256_add_epi32(t0, t2),
                     _mm256_sub_epi32(t0, t2), _mm256_sub_epi32(t0, t3)},
                    {madd(x13, 12299 - 7373 + 9633 - 3196, 9633),
                     madd(x13, 9633, 25172 - 20995 + 9633 - 16069),
                     madd(x13, 9633 - 3196, 9633 - 20995),
                     madd(x13, 9633 - 7373, 9633 - 16069)}};
}

static inline __m256i narrow(__m256i a, __m256i b, int shift) {
    return _mm256_packs_epi32(_mm256_srai_epi32(a, shift), _mm256_srai_epi32(b, shift));
}

/* Rows 0 … 3 of columns 0 … 3 to columns of eight rows. */
static inline __attribute__((always_inline)) void pass_fewer(__m256i *x) {
    Halves h = fewer_halves(x, 0, _mm256_set1_epi32(1 << 10));
    __m256i row[8], p[4], a[4], b[4];
    JPEG_UNROLL for (int i = 0; i < 4; i++) {
        row[i] = _mm256_add_epi32(h.even[i], h.odd[i]);
        row[7 - i] = _mm256_sub_epi32(h.even[i], h.odd[i]);
    }
    JPEG_UNROLL for (int i = 0; i < 4; i++) p[i] = narrow(row[2 * i], row[2 * i + 1], 11);
    JPEG_UNROLL for (int i = 0; i < 4; i += 2) {
        a[i] = _mm256_unpacklo_epi16(p[i], p[i + 1]);
        a[i + 1] = _mm256_unpackhi_epi16(p[i], p[i + 1]);
        b[i] = _mm256_unpacklo_epi16(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_epi16(a[i], a[i + 1]);
    }
    JPEG_UNROLL for (int i = 0; i < 2; i++) {
        x[2 * i] = _mm256_unpacklo_epi64(b[i], b[i + 2]);
        x[2 * i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 2]);
    }
}

/* Coefficients up to the tenth lie in the first four rows and columns. */
static inline __attribute__((always_inline)) int idct_fewer(const JpegJob *a,
                                                            const JpegJob *b) {
    const __m256i half = _mm256_set1_epi32(1 << 17);
    __m256i x[8];
    Halves low, high;
    int large;
    JPEG_UNROLL for (int i = 0; i < 4; i++) x[i] = load_pair(a, b, i);
    clear_pair(a, b, 4);
    large = is_large(x[0]);
    pass_fewer(x);
    low = fewer_halves(x, 0, half);
    high = fewer_halves(x, 1, half);
    JPEG_UNROLL for (int i = 0; i < 4; i++) {
        x[i] = narrow(_mm256_add_epi32(low.even[i], low.odd[i]),
                      _mm256_add_epi32(high.even[i], high.odd[i]), 18);
        x[7 - i] = narrow(_mm256_sub_epi32(low.even[i], low.odd[i]),
                          _mm256_sub_epi32(high.even[i], high.odd[i]), 18);
    }
    store_blocks(a, b, x);
    return large;
}

static __attribute__((noinline)) int idct_pair(const JpegJob *a, const JpegJob *b,
                                               int last) {
    return last <= 9 ? idct_fewer(a, b) : idct_all(a, b);
}

/* Blocks in pairs, the last one with itself if it is alone. */
static inline __attribute__((always_inline)) int idct_pairs(const JpegJob *job,
                                                            const int *last, int n) {
    int large = 0;
    JPEG_UNROLL for (int i = 0; i < n; i += 2) {
        int k = i + 1 < n ? i + 1 : i, most = last[i] > last[k] ? last[i] : last[k];
        if (most == 0) large |= jpeg_idct_flat(job[i]) | jpeg_idct_flat(job[k]);
        else large |= idct_pair(job + i, job + k, most);
    }
    return large;
}

/* ---- stored blocks ---- */
/* All ones in the words whose bits are 1. */
static inline __m256i words_of(uint64_t bits) {
    const __m256i each = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024,
                                           2048, 4096, 8192, 16384, -32768);
    __m256i x = _mm256_set1_epi16((int16_t)(uint16_t)bits);
    return _mm256_cmpeq_epi16(_mm256_and_si256(x, each), each);
}

/* Words i … i + 15 of a block, as it stores them. */
static inline __m256i gathered(const JpegBlock *b, int i) {
    __m256i x = _mm256_load_si256((const void *)(b->first + i));
    __m256i sign = _mm256_or_si256(x, words_of(b->negative >> i)), more;
    more = _mm256_srli_epi16(words_of(b->later[0] >> i), 15);
    more = _mm256_sub_epi16(more, _mm256_slli_epi16(words_of(b->later[1] >> i), 1));
    more = _mm256_sub_epi16(more, _mm256_slli_epi16(words_of(b->later[2] >> i), 2));
    sign = _mm256_or_si256(sign, _mm256_set1_epi16(1));
    return _mm256_add_epi16(x, _mm256_sign_epi16(more, sign));
}

/* Where the eight words of a row by rows take their bytes from, of each eight words of a
 * stored block: for pshufb, which makes a 0 elsewhere. The stored block's last word is the
 * first coefficient. */
#define FROM(word, eight) \
    (uint8_t)((word) / 8 == (eight) ? (word) % 8 * 2 : 0x80), \
        (uint8_t)((word) / 8 == (eight) ? (word) % 8 * 2 + 1 : 0x80)
#define EIGHT(n, a, b, c, d, e, f, g, h) \
    {FROM(63 - (a), n), FROM(63 - (b), n), FROM(63 - (c), n), FROM(63 - (d), n), \
     FROM(63 - (e), n), FROM(63 - (f), n), FROM(63 - (g), n), FROM(63 - (h), n)}
#define ROW(...) \
    {EIGHT(0, __VA_ARGS__), EIGHT(1, __VA_ARGS__), EIGHT(2, __VA_ARGS__), \
     EIGHT(3, __VA_ARGS__), EIGHT(4, __VA_ARGS__), EIGHT(5, __VA_ARGS__), \
     EIGHT(6, __VA_ARGS__), EIGHT(7, __VA_ARGS__)}
static const _Alignas(32) uint8_t row_words[8][8][16] = {
    ROW(0, 1, 5, 6, 14, 15, 27, 28), ROW(2, 4, 7, 13, 16, 26, 29, 42),
    ROW(3, 8, 12, 17, 25, 30, 41, 43), ROW(9, 11, 18, 24, 31, 40, 44, 53),
    ROW(10, 19, 23, 32, 39, 45, 52, 54), ROW(20, 22, 33, 38, 46, 51, 55, 60),
    ROW(21, 34, 37, 47, 50, 56, 59, 61), ROW(35, 36, 48, 49, 57, 58, 62, 63)};

/* What each half of the vectors has for a row. */
static inline __m256i row_halves(const __m256i *x, int row) {
    __m256i sum = _mm256_setzero_si256();
    JPEG_UNROLL for (int i = 0; i < 4; i++) {
        __m256i from = _mm256_load_si256((const void *)row_words[row][2 * i]);
        sum = _mm256_or_si256(sum, _mm256_shuffle_epi8(x[i], from));
    }
    return sum;
}

static inline void gather_256(int16_t *to, const JpegBlock *b) {
    __m256i x[4];
    JPEG_UNROLL for (int i = 0; i < 4; i++) x[i] = gathered(b, 16 * i);
    JPEG_UNROLL for (int i = 0; i < 8; i += 2) {
        __m256i even = row_halves(x, i), odd = row_halves(x, i + 1);
        __m256i rows = _mm256_or_si256(_mm256_permute2x128_si256(even, odd, 0x20),
                                       _mm256_permute2x128_si256(even, odd, 0x31));
        _mm256_store_si256((void *)(to + 8 * i), rows);
    }
}

/* ---- chroma, less 128: of even and of odd pixels ---- */
static inline __m256i load_16(const uint8_t *at) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)at));
}

static inline __m256i three(__m256i x) {
    return _mm256_add_epi16(_mm256_add_epi16(x, x), x);
}

static void jpeg_weigh(int16_t *to, const uint8_t *near, const uint8_t *far, int n) {
    for (int i = 0; i < n; i += 16) {
        __m256i sum = _mm256_add_epi16(three(load_16(near + i)), load_16(far + i));
        sum = _mm256_sub_epi16(sum, _mm256_set1_epi16(512));
        _mm256_store_si256((void *)(to + i), sum);
    }
}

/* x * 2048 with rounding is (x + 8) >> 4. */
static inline void spread_sums(const int16_t *at, __m256i *even, __m256i *odd) {
    const __m256i sixteenth = _mm256_set1_epi16(2048);
    __m256i x = three(_mm256_loadu_si256((const void *)(at + 1)));
    __m256i before = _mm256_loadu_si256((const void *)at);
    __m256i after = _mm256_loadu_si256((const void *)(at + 2));
    *even = _mm256_mulhrs_epi16(_mm256_add_epi16(x, before), sixteenth);
    after = _mm256_add_epi16(after, _mm256_set1_epi16(-1));
    *odd = _mm256_mulhrs_epi16(_mm256_add_epi16(x, after), sixteenth);
}

static inline void spread_row(const uint8_t *at, __m256i *even, __m256i *odd) {
    const __m256i middle = _mm256_set1_epi16(128);
    __m256i x = three(load_16(at));
    __m256i before = _mm256_add_epi16(load_16(at - 1), _mm256_set1_epi16(1));
    __m256i after = _mm256_add_epi16(load_16(at + 1), _mm256_set1_epi16(2));
    *even = _mm256_srli_epi16(_mm256_add_epi16(x, before), 2);
    *odd = _mm256_srli_epi16(_mm256_add_epi16(x, after), 2);
    *even = _mm256_sub_epi16(*even, middle);
    *odd = _mm256_sub_epi16(*odd, middle);
}

/* ---- colour ---- */
typedef struct Rgb { __m256i r, g, b; } Rgb;

/* 1.402 and 1.772 as an integer and what mulhrs rounds as libjpeg does; the green one
 * takes 32 bits. */
static inline Rgb to_rgb(__m256i y, __m256i cb, __m256i cr) {
    const __m256i half = _mm256_set1_epi32(32768);
    __m256i red = _mm256_mulhrs_epi16(cr, _mm256_set1_epi16(13173));
    __m256i blue = _mm256_mulhrs_epi16(cb, _mm256_set1_epi16(-7471));
    __m256i low = madd(_mm256_unpacklo_epi16(cb, cr), -22554, 18734);
    __m256i high = madd(_mm256_unpackhi_epi16(cb, cr), -22554, 18734);
    __m256i green =
        _mm256_packs_epi32(_mm256_srai_epi32(_mm256_add_epi32(low, half), 16),
                           _mm256_srai_epi32(_mm256_add_epi32(high, half), 16));
    blue = _mm256_add_epi16(blue, _mm256_add_epi16(cb, cb));
    return (Rgb){_mm256_add_epi16(_mm256_add_epi16(red, cr), y),
                 _mm256_add_epi16(_mm256_sub_epi16(green, cr), y),
                 _mm256_add_epi16(blue, y)};
}

/* Where a lane's bytes of a channel stand in 48 bytes of pixels: no two at the same of
 * 16, so one shuffle does for all three vectors. A lane holds 16 pixels, in order or
 * (`apart`) the even ones before the odd. */
static const uint8_t in_order[3][16] = {
    {0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10, 5},
    {5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10},
    {10, 5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15}};
static const uint8_t apart[3][16] = {
    {0, 13, 3, 8, 6, 11, 1, 14, 4, 9, 7, 12, 2, 15, 5, 10},
    {10, 0, 13, 3, 8, 6, 11, 1, 14, 4, 9, 7, 12, 2, 15, 5},
    {5, 10, 0, 13, 3, 8, 6, 11, 1, 14, 4, 9, 7, 12, 2, 15}};

static inline __m256i in_lanes(const uint8_t *at) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)at));
}

/* Bytes 0, 3, 6 … of a, 1, 4 … of b, 2, 5 … of c. */
static inline __m256i mix(__m256i a, __m256i b, __m256i c) {
    static const uint8_t second[16] = {0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 255,
                                       0, 0};
    static const uint8_t third[16] = {0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0,
                                      255, 0};
    return _mm256_blendv_epi8(_mm256_blendv_epi8(a, b, in_lanes(second)), c,
                              in_lanes(third));
}

/* Bytes: 32 pixels of a channel each. */
static inline void store_rgb(uint8_t *to, Rgb x, const uint8_t places[3][16]) {
    __m256i r = _mm256_shuffle_epi8(x.r, in_lanes(places[0]));
    __m256i g = _mm256_shuffle_epi8(x.g, in_lanes(places[1]));
    __m256i b = _mm256_shuffle_epi8(x.b, in_lanes(places[2]));
    __m256i part[3] = {mix(r, g, b), mix(g, b, r), mix(b, r, g)};
    JPEG_UNROLL for (int k = 0; k < 3; k++) {
        uint8_t *at = to + 16 * k;
        _mm_storeu_si128((void *)at, _mm256_castsi256_si128(part[k]));
        _mm_storeu_si128((void *)(at + 48), _mm256_extracti128_si256(part[k], 1));
    }
}

static inline void store_rgbx(uint8_t *to, Rgb x) {
    const __m256i full = _mm256_set1_epi8(-1);
    __m256i rg[2] = {_mm256_unpacklo_epi8(x.r, x.g), _mm256_unpackhi_epi8(x.r, x.g)};
    __m256i bx[2] = {_mm256_unpacklo_epi8(x.b, full), _mm256_unpackhi_epi8(x.b, full)};
    JPEG_UNROLL for (int i = 0; i < 4; i++) {
        __m256i four = i & 1 ? _mm256_unpackhi_epi16(rg[i / 2], bx[i / 2])
                             : _mm256_unpacklo_epi16(rg[i / 2], bx[i / 2]);
        _mm_storeu_si128((void *)(to + 16 * i), _mm256_castsi256_si128(four));
        _mm_storeu_si128((void *)(to + 64 + 16 * i), _mm256_extracti128_si256(four, 1));
    }
}

static inline void store_planes(uint8_t *to, ptrdiff_t plane, Rgb x) {
    _mm256_storeu_si256((void *)to, x.r);
    _mm256_storeu_si256((void *)(to + plane), x.g);
    _mm256_storeu_si256((void *)(to + 2 * plane), x.b);
}

static inline void store_pixels(uint8_t *to, JpegForm form, Rgb x) {
    if (form.pixel == 4) store_rgbx(to, x);
    else if (form.pixel == 1) store_planes(to, form.channel, x);
    else store_rgb(to, x, in_order);
}

/* The even pixels of a lane and its odd ones to one after the other. */
static inline __m256i braid(__m256i x) {
    return _mm256_unpacklo_epi8(x, _mm256_unpackhi_epi64(x, x));
}

static inline void store_pixels_apart(uint8_t *to, JpegForm form, Rgb x) {
    if (form.pixel == 3) store_rgb(to, x, apart);
    else store_pixels(to, form, (Rgb){braid(x.r), braid(x.g), braid(x.b)});
}

static inline Rgb even_and_odd(__m256i y, const __m256i *even, const __m256i *odd) {
    Rgb a = to_rgb(_mm256_and_si256(y, _mm256_set1_epi16(255)), even[0], even[1]);
    Rgb b = to_rgb(_mm256_srli_epi16(y, 8), odd[0], odd[1]);
    return (Rgb){_mm256_packus_epi16(a.r, b.r), _mm256_packus_epi16(a.g, b.g),
                 _mm256_packus_epi16(a.b, b.b)};
}

/* The lower and the upper eight of each lane. */
static inline Rgb one_by_one(__m256i y, __m256i cb, __m256i cr) {
    const __m256i zero = _mm256_setzero_si256(), middle = _mm256_set1_epi16(128);
    Rgb a = to_rgb(_mm256_unpacklo_epi8(y, zero),
                   _mm256_sub_epi16(_mm256_unpacklo_epi8(cb, zero), middle),
                   _mm256_sub_epi16(_mm256_unpacklo_epi8(cr, zero), middle));
    Rgb b = to_rgb(_mm256_unpackhi_epi8(y, zero),
                   _mm256_sub_epi16(_mm256_unpackhi_epi8(cb, zero), middle),
                   _mm256_sub_epi16(_mm256_unpackhi_epi8(cr, zero), middle));
    return (Rgb){_mm256_packus_epi16(a.r, b.r), _mm256_packus_epi16(a.g, b.g),
                 _mm256_packus_epi16(a.b, b.b)};
}

static inline void pixels_32(uint8_t *to, JpegForm form, const uint8_t *luma,
                             const JpegChroma *c, int at) {
    __m256i y = _mm256_loadu_si256((const void *)luma), even[2], odd[2];
    if (c->h == 1) {
        __m256i cb = _mm256_loadu_si256((const void *)(c->row[0] + at));
        __m256i cr = _mm256_loadu_si256((const void *)(c->row[1] + at));
        store_pixels(to, form, one_by_one(y, cb, cr));
        return;
    }
    JPEG_UNROLL for (int k = 0; k < 2; k++)
        if (c->v == 2) spread_sums(c->sums[k] + at / 2, &even[k], &odd[k]);
        else spread_row(c->row[k] + at / 2, &even[k], &odd[k]);
    store_pixels_apart(to, form, even_and_odd(y, even, odd));
}

static void jpeg_gray(uint8_t *to, JpegForm form, const uint8_t *luma, int n) {
    for (int i = 0; i < n; i += JPEG_STEP) {
        int end = n - i < JPEG_STEP ? n - i : JPEG_STEP;
        __m256i y = _mm256_loadu_si256((const void *)(luma + i));
        uint8_t step[4 * JPEG_STEP], *at = to + i * form.pixel;
        if (end == JPEG_STEP) {
            store_pixels(at, form, (Rgb){y, y, y});
        } else {
            store_pixels(step, jpeg_step_form(form), (Rgb){y, y, y});
            jpeg_copy_step(at, form, step, 0, end);
        }
    }
}
#endif
