/* Bands of AC coefficients of a progressive file: a block's, from bits. */
#ifndef JPEG_BAND_H
#define JPEG_BAND_H
#include "entropy.h"
#include "store.h"
#if defined __BMI2__
#include <immintrin.h>
#endif

typedef struct JpegBand {
    const JpegBandTable *table;
    int first, last, low;       /* coefficients; the bit that the scan goes down to */
    uint64_t places;            /* first … last */
} JpegBand;

/* (Where there is no instruction for it gcc calls a library that a feature has not.) */
static inline int jpeg_count_bits(uint64_t places) {
#if defined __POPCNT__
    return __builtin_popcountll(places);
#else
    int n = 0;
    for (; places; places &= places - 1) n++;
    return n;
#endif
}

/* The lowest bits of `value`, one for each bit of `places`. */
static inline uint64_t jpeg_deposit(uint64_t value, uint64_t places) {
#if defined __BMI2__
    return _pdep_u64(value, places);
#else
    uint64_t to = 0;
    for (; places; value >>= 1, places &= places - 1) to |= places & -places & -(value & 1);
    return to;
#endif
}

/* The n-th of `places`, from 1 on; 0: there are not so many. */
static inline uint64_t jpeg_nth_place(unsigned n, uint64_t places) {
#if defined __BMI2__
    return _pdep_u64((UINT64_C(1) << jpeg_count_bits(places)) >> n, places);
#else
    const uint64_t highest = UINT64_C(1) << 63;
    while (places && --n) places &= ~(highest >> __builtin_clzll(places));
    return places ? highest >> __builtin_clzll(places) : 0;
#endif
}

/* The next symbol's entry; its bits are the next ones. 0: there is no such code. */
JPEG_INLINE uint32_t jpeg_next_symbol(JpegBits *b, const JpegBandTable *t) {
    uint32_t e = t->entry[b->bits >> (64 - JPEG_BAND_BITS)];
    jpeg_refill(b);
    if (JPEG_RARE(!e)) {
        unsigned code = jpeg_find_code(b->bits, &t->codes);
        if (code) e = jpeg_band_entry(code >> 8, code & 255);
    }
    return e;
}

/* The number of an end: of how many blocks the band ends, this one included. */
JPEG_INLINE int jpeg_ended(uint64_t bits, uint32_t e) {
    unsigned size = e >> 8 & 255;
    return (int)((1u << size) + (bits >> (-e & 63) & ((1u << size) - 1)));
}

/* ---- the first bits of coefficients ---- */
/* Returns of how many blocks the band ends here, 0: of none, it is full; below 0: the
 * data make no sense. */
JPEG_INLINE int jpeg_first_bits(JpegBits *from, const JpegBand *s, JpegBlock *block,
                                uint64_t *used) {
    JpegBits b = *from;
    uint64_t found = 0;
    int k = s->first - 1, ended = 0;
    while (k < s->last) {
        uint32_t e = jpeg_next_symbol(&b, s->table), size = e >> 8 & 255;
        int mask = (int)((1u << size) - 1), raw, negative;
        uint64_t bits = b.bits;
        if (JPEG_RARE(!e)) return -1;
        jpeg_take(&b, e);
        k += (int)(e >> 16);
        if (k > s->last) {
            if (e >> 16 != JPEG_END) return -1;
            ended = jpeg_ended(bits, e);
            break;
        }
        raw = (int)(bits >> (-e & 63)) & mask;
        negative = (2 * raw - mask) >> 31;          /* below half: all ones */
        block->first[63 - k] = (int16_t)((raw - (mask & negative)) * (1 << s->low));
        found |= (uint64_t)(size > 0) << (63 - k);
    }
    if (k == s->last && !(found >> (63 - k) & 1)) return -1;
    *used |= found;
    *from = b;
    return ended;
}

/* ---- one bit more ---- */
/* A bit for each of the places. */
JPEG_INLINE uint64_t jpeg_some_bits(JpegBits *b, uint64_t places) {
    int n = jpeg_count_bits(places);
    uint64_t bits = b->bits >> (-n & 63);
    jpeg_take(b, (uint64_t)n);
    return jpeg_deposit(bits, places);
}

/* Behind a symbol 39 bits are there at least. */
JPEG_INLINE uint64_t jpeg_place_bits(JpegBits *b, uint64_t places) {
    enum { LOW = 0x7FFFFFFF };
    uint64_t high;
    if (JPEG_LIKELY(jpeg_count_bits(places) < 32)) return jpeg_some_bits(b, places);
    jpeg_refill(b);
    high = jpeg_some_bits(b, places & ~(uint64_t)LOW);
    jpeg_refill(b);
    return high | jpeg_some_bits(b, places & LOW);
}

/* ended: of how many blocks the band has ended before, this one included, or 0. Returns it
 * as it is then; below 0: the data make no sense. */
JPEG_INLINE int jpeg_next_bits(JpegBits *from, const JpegBand *s, JpegBlock *block,
                               uint64_t *used, int ended) {
    JpegBits b = *from;
    uint64_t ones = 0, negative = 0;
    uint64_t zeros = s->places & ~*used, others = s->places & *used;
    while (!ended && (zeros | others)) {
        uint32_t e = jpeg_next_symbol(&b, s->table);
        uint64_t bits = b.bits;
        if (JPEG_RARE(!e)) return -1;
        jpeg_take(&b, e);
        if (e >> 16 == JPEG_END) {
            ended = jpeg_ended(bits, e);
        } else {
            uint64_t place = jpeg_nth_place(e >> 16, zeros), size = e >> 8 & 255;
            uint64_t below = ~(bits >> (-e & 63)) & 1;
            if (JPEG_RARE(!place || size > 1)) return -1;
            ones |= jpeg_place_bits(&b, others & -place) | (place & -size);
            negative |= place & -(below & size);
            zeros &= place - 1;
            others &= place - 1;
        }
    }
    if (ended) {
        jpeg_refill(&b);
        ones |= jpeg_place_bits(&b, others);
    }
    *from = b;
    *used |= ones;
    block->later[s->low] |= ones;
    block->negative |= negative;
    return ended;
}
#endif
