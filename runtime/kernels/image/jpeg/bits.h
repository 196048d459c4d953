/* The scan of a JPEG as bits: bytes without their stuffing, a piece at a time. */
#ifndef JPEG_BITS_H
#define JPEG_BITS_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    JPEG_PIECE = 8192,          /* bytes that are unstuffed at once */
    JPEG_MCU_BYTES = 1400,      /* more than an MCU of six blocks can take */
    JPEG_BEHIND = 32,           /* bytes that are kept behind the reader */
    JPEG_CUT = -1               /* in place of a marker: the data end, or are odd */
};

typedef struct JpegStream {
    const uint8_t *from, *end;  /* not unstuffed yet */
    uint8_t *filled;            /* the end of what is, in buffer */
    const uint8_t *safe;        /* an MCU that begins up to here is all there */
    int marker;                 /* ends the segment: nothing comes behind `filled`; 0: not
                                   reached */
    const uint8_t *behind;      /* the marker, before which there may be fill bytes */
    /* Behind a marker come zeros; one MCU may run over them, and over what is left of an
     * earlier piece, before it is found out. */
    uint8_t buffer[JPEG_BEHIND + 2 * JPEG_MCU_BYTES + JPEG_PIECE + 128];
} JpegStream;

/* Bits, the next one first. The low six bits of `count` say how many are valid: at
 * least 56 after a refill. */
typedef struct JpegBits {
    uint64_t bits, count;
    const uint8_t *at;          /* the next byte to take in */
} JpegBits;

static inline uint64_t jpeg_load(const uint8_t *at) {
    uint64_t x;
    memcpy(&x, at, 8);
    return __builtin_bswap64(x);
}

static inline void jpeg_refill(JpegBits *b) {
    b->bits |= jpeg_load(b->at) >> (b->count & 63);
    b->at += (~b->count >> 3) & 7;
    b->count |= 56;
}

/* Takes as many bits as the low six bits of n say. */
static inline void jpeg_take(JpegBits *b, uint64_t n) {
    b->bits <<= n & 63;
    b->count -= n;
}

/* Gives the n bits back that were taken last. */
static inline void jpeg_give_back(JpegBits *b, unsigned n) {
    uint64_t count = (b->count & 63) + n;
    const uint8_t *at = b->at - (count + 7) / 8;
    unsigned skip = (unsigned)((count + 7) / 8 * 8 - count);
    b->bits = jpeg_load(at) << skip;
    b->count = 56 - skip;
    b->at = at + 7;
    b->bits &= ~UINT64_C(0) << (64 - b->count);
}

/* Bits of the segment that are left; only once its end is in the buffer. Below 0: more
 * were taken than there are. */
static inline int64_t jpeg_bits_left(const JpegStream *s, const JpegBits *b) {
    return (s->filled - b->at) * 8 + (int64_t)(b->count & 63);
}
#endif
