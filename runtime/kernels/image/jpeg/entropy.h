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

/* What never changes; together, for then it takes one register. */
typedef struct JpegFixed {
    uint8_t place[64 + 272];    /* where coefficient k lies in a block by rows; what is
                                   stored behind the last goes to place 64, which nobody
                                   reads */
    uint16_t mask[256];         /* JpegAcEntry.kind: of the bits of its second value */
    int16_t value[2047];        /* of as many bits, at bits + mask */
} JpegFixed;

#define ALIKE_16(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
#define FROM_4(x) x, x + 1, x + 2, x + 3
#define FROM_16(x) FROM_4(x), FROM_4(x + 4), FROM_4(x + 8), FROM_4(x + 12)
#define FROM_64(x) FROM_16(x), FROM_16(x + 16), FROM_16(x + 32), FROM_16(x + 48)
#define FROM_256(x) FROM_64(x), FROM_64(x + 64), FROM_64(x + 128), FROM_64(x + 192)

static const _Alignas(64) JpegFixed jpeg_fixed = {
    {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
     12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
     35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
     58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
     [64 ... 64 + 271] = 64},
    {ALIKE_16(0), ALIKE_16(1), ALIKE_16(3), ALIKE_16(7), ALIKE_16(15), ALIKE_16(31),
     ALIKE_16(63), ALIKE_16(127), ALIKE_16(255), ALIKE_16(511), ALIKE_16(1023)},
    {0, -1, 1, -3, -2, 2, 3, FROM_4(-7), FROM_4(4), FROM_4(-15), FROM_4(-11), FROM_4(8),
     FROM_4(12), FROM_16(-31), FROM_16(16), FROM_16(-63), FROM_16(-47), FROM_16(32),
     FROM_16(48), FROM_64(-127), FROM_64(64), FROM_64(-255), FROM_64(-191), FROM_64(128),
     FROM_64(192), FROM_256(-511), FROM_256(256), FROM_256(-1023), FROM_256(-767),
     FROM_256(512), FROM_256(768)}};

#undef ALIKE_16
#undef FROM_4
#undef FROM_16
#undef FROM_64
#undef FROM_256

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
                block[jpeg_fixed.place[k]] =
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
/* Returns where k is then. */
JPEG_INLINE const uint8_t *jpeg_store(int16_t *block, const uint8_t *place,
                                      const JpegFixed *f, const JpegAcEntry *e,
                                      uint64_t taken, uint64_t bits) {
    unsigned mask = f->mask[e->kind];
    unsigned raw = (unsigned)(bits >> (-taken & 63)) & mask;
    block[place[e->grow]] = f->value[raw + mask];
    block[place[1 + (e->kind & 15)]] = e->first;
    return place + e->grow;
}

/* Coefficients 1 … 63, stored where they are not 0. Returns the last k that was
 * reached; below 0: the data make no sense. A step waits for the one before it, so what
 * is not on that way costs nothing as long as it is little. */
JPEG_INLINE int jpeg_read_ac(JpegBits *from, const JpegAcTable *t, int16_t *block) {
    const JpegFixed *f = &jpeg_fixed;
    const uint8_t *place, *last;
    JpegBits b = *from;
    uint64_t at = b.bits >> (64 - JPEG_AC_BITS), next;
    int k;
    __asm__("" : "+r"(f));      /* or it is computed anew for every field */
    place = f->place;
    last = place + 63;
    for (;;) {
        uint64_t taken = t->entry[at].taken;
        for (;;) {
            uint64_t bits;
            jpeg_refill(&b);
            bits = b.bits;
            jpeg_take(&b, taken);
            next = b.bits >> (64 - JPEG_AC_BITS);
            place = jpeg_store(block, place, f, &t->entry[at], taken, bits);
            if (JPEG_RARE(place >= last)) break;
            taken = t->entry[next].taken;
            at = next;
        }
        k = (int)(place - f->place);
        if (JPEG_LIKELY(jpeg_is_end(k))) break;
        __asm__("" : "+r"(at)); /* or the entry's bytes are kept for this in the loop */
        k = jpeg_mend(&b, t, k - t->entry[at].grow, t->entry[at].taken, block);
        if (k < 0) return k;
        if (k >= 63) break;
        at = b.bits >> (64 - JPEG_AC_BITS);
        place = f->place + k;
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
