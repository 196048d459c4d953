/* Blocks of coefficients from bits. One look-up is done ahead: its entry is there
 * before the refill, and valid, for 56 bits less two look-ups of at most 22 bits leave
 * more than a look-up needs. */
#ifndef JPEG_ENTROPY_H
#define JPEG_ENTROPY_H
#include "bits.h"
#include "huffman.h"

#define JPEG_LIKELY(x) __builtin_expect(!!(x), 1)
#define JPEG_RARE(x) __builtin_expect(!!(x), 0)
#define JPEG_INLINE static inline __attribute__((always_inline))

/* Where coefficient k lies in a block by rows; what is stored behind the last goes to
 * place 64, which nobody reads. */
static const uint8_t jpeg_place[64 + 272] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    [64 ... 64 + 271] = 64};

/* A code of any length: its value << 8 | its bits; 0: there is none. */
static __attribute__((noinline)) unsigned jpeg_find_code(uint64_t bits,
                                                         const JpegCodes *c) {
    for (int length = 1; length <= 16; length++) {
        int32_t code = (int32_t)(bits >> (64 - length));
        if (code <= c->last[length])
            return (unsigned)c->dht[16 + code + c->offset[length]] << 8 |
                   (unsigned)length;
    }
    return 0;
}

/* ---- DC ---- */
/* The difference to the block before. *bad: 1 if there was no code. */
JPEG_INLINE int jpeg_read_dc(JpegBits *b, const JpegDcTable *t, int *bad) {
    uint32_t e = t->entry[b->bits >> (64 - JPEG_DC_BITS)], size;
    int raw, bias, negative;
    jpeg_refill(b);
    if (JPEG_RARE(!e)) {
        unsigned code = jpeg_find_code(b->bits, &t->codes);
        if (!code) {
            *bad = 1;
            return 0;
        }
        e = (code >> 8) << 16 | ((code & 255) + (code >> 8));
    }
    size = e >> 16;
    raw = (int)((b->bits >> (-e & 63)) & ((1u << size) - 1));
    bias = 1 - (1 << size);
    negative = (2 * raw + bias) >> 31;          /* below half: all ones */
    jpeg_take(b, e);
    return raw + (bias & negative);
}

/* ---- AC, one symbol at a time ---- */
/* On from coefficient k, to the block's end or by `one` symbol. The last k, + JPEG_END
 * where the file says that the block ends; below 0: no code, or more than 64 in it. */
static __attribute__((noinline)) int jpeg_read_slowly(JpegBits *from,
                                                      const JpegAcTable *t, int k,
                                                      int16_t *block, bool one) {
    JpegBits b = *from;
    do {
        unsigned code, size;
        jpeg_refill(&b);
        code = jpeg_find_code(b.bits, &t->codes);
        if (!code) return -1;
        jpeg_take(&b, code & 255);
        size = code >> 8 & 15;
        if (!size && code >> 8 != 0xF0) {
            *from = b;
            return code >> 8 ? -1 : k + JPEG_END;
        }
        k += (int)(code >> 12) + 1;
        if (k > 63 || (!size && k == 63)) return -1;
        if (size) {
            int raw = (int)(b.bits >> (64 - size));
            jpeg_take(&b, size);
            if (block)
                block[jpeg_place[k]] =
                    (int16_t)(raw < 1 << (size - 1) ? raw - (1 << size) + 1 : raw);
        }
    } while (!one && k < 63);
    *from = b;
    return k;
}

/* Where a look-up of `taken` bits left the block, at k: behind it (it began the next
 * one's symbols: those are given back and done one by one), or at a code that is longer
 * than a look-up. (By a copy, or the caller's bits would lie in memory.) */
JPEG_INLINE int jpeg_mend(JpegBits *bits, const JpegAcTable *t, int k, unsigned taken,
                          int16_t *block) {
    JpegBits b = *bits;
    if (taken) jpeg_give_back(&b, taken);
    k = jpeg_read_slowly(&b, t, k, block, !taken);
    jpeg_refill(&b);
    *bits = b;
    return k;
}

JPEG_INLINE bool jpeg_is_end(int k) { return k == 63 || (unsigned)(k - JPEG_END) < 63; }

/* ---- AC of a block that is read ---- */
JPEG_INLINE int jpeg_grow(uint32_t e) { return (int)(e >> 15 & 255); }

/* Returns by how much k grows. */
JPEG_INLINE int jpeg_store(int16_t *block, const uint8_t *place, uint32_t e,
                           uint64_t bits) {
    int grow = jpeg_grow(e), mask = (int)((1u << (e >> 6 & 15)) - 1);
    int raw = (int)(bits >> (-e & 63)) & mask;
    int negative = (2 * raw - mask) >> 31;      /* below half: all ones */
    block[place[grow]] = (int16_t)(raw - (mask & negative));
    block[place[e >> 10 & 31]] = (int16_t)((int32_t)e >> 23);
    return grow;
}

/* Coefficients 1 … 63, stored where they are not 0. Returns the last k that was
 * reached; below 0: the data make no sense. */
JPEG_INLINE int jpeg_read_ac(JpegBits *from, const JpegAcTable *t, int16_t *block) {
    const uint8_t *place = jpeg_place, *const last = jpeg_place + 63;
    JpegBits b = *from;
    uint32_t e = t->entry[b.bits >> (64 - JPEG_AC_BITS)], next;
    uint64_t bits;
    int k;
    for (;;) {
        for (;;) {
            jpeg_refill(&b);
            bits = b.bits;
            jpeg_take(&b, e);
            next = t->entry[b.bits >> (64 - JPEG_AC_BITS)];
            place += jpeg_store(block, place, e, bits);
            if (JPEG_RARE(place >= last)) break;
            bits = b.bits;
            jpeg_take(&b, next);
            e = t->entry[b.bits >> (64 - JPEG_AC_BITS)];
            place += jpeg_store(block, place, next, bits);
            if (JPEG_RARE(place >= last)) {
                e = next;
                break;
            }
        }
        k = (int)(place - jpeg_place);
        if (JPEG_LIKELY(jpeg_is_end(k))) break;
        k = jpeg_mend(&b, t, k - jpeg_grow(e), e & 63, block);
        if (k < 0) return k;
        if (k >= 63) break;
        e = t->entry[b.bits >> (64 - JPEG_AC_BITS)];
        place = jpeg_place + k;
    }
    *from = b;
    return k & 127;
}

/* ---- AC of a block that is skipped ---- */
/* 0; below 0: the data make no sense. */
JPEG_INLINE int jpeg_skip_ac(JpegBits *from, const JpegAcTable *t) {
    JpegBits b = *from;
    unsigned e = t->skip[b.bits >> (64 - JPEG_SKIP_BITS)], next;
    int k = 0;
    for (;;) {
        for (;;) {
            jpeg_refill(&b);
            jpeg_take(&b, e);
            k += (int)(e >> 8);
            next = t->skip[b.bits >> (64 - JPEG_SKIP_BITS)];
            if (JPEG_RARE(k >= 63)) break;
            jpeg_take(&b, next);
            k += (int)(next >> 8);
            e = t->skip[b.bits >> (64 - JPEG_SKIP_BITS)];
            if (JPEG_RARE(k >= 63)) {
                e = next;
                break;
            }
        }
        if (JPEG_LIKELY(jpeg_is_end(k))) break;
        k = jpeg_mend(&b, t, k - (int)(e >> 8), e & 255, NULL);
        if (k < 0) return k;
        if (k >= 63) break;
        e = t->skip[b.bits >> (64 - JPEG_SKIP_BITS)];
    }
    *from = b;
    return 0;
}
#endif
