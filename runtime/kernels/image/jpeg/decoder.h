/* A decoder of baseline and progressive JPEG (Huffman, 8 bits) that decodes a window
 * alone. It has the bits of libjpeg-turbo's whole decode (islow, fancy upsampling), of
 * smaller pictures too (scaled.h). What is of another kind, and whatever looks damaged or
 * odd, it leaves to libjpeg-turbo: JPEG_OTHER.
 *
 * Below it lie, from the bottom: bits.h (the scan as bits), huffman.c (tables),
 * entropy.h (blocks of coefficients), stream.h (a scan's segments), and level.h, which
 * makes rows of pixels of them and is compiled once for every kind of processor
 * (level_*.c). Of a progressive file all scans are read before the first row, band by
 * band (band.h, progressive.h), into store.c's memory, from which level.h then takes the
 * blocks. */
#ifndef JPEG_DECODER_H
#define JPEG_DECODER_H
#include "bits.h"
#include "huffman.h"
#include "index.h"
#include "store.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Arrays of vectors lie in registers only where the loops over them are unrolled, and
 * gcc -O2 unrolls none that would grow. */
#define JPEG_UNROLL _Pragma("GCC unroll 8")

enum {
    JPEG_OK = 0,
    JPEG_OTHER = 1,         /* a file for libjpeg-turbo */
    JPEG_COMPONENTS = 3,
    JPEG_BLOCKS = 6,        /* of an MCU, at most */
    JPEG_BLOCK = 96,        /* coefficients; those behind 63 are never read */
    JPEG_STEP = 32,         /* pixels that are made at once */
    JPEG_LARGEST = 8191,    /* of the first row of a block, or libjpeg's idct wraps */
    JPEG_MARGIN = 64        /* bytes around a row of samples that vectors touch */
};

typedef struct JpegComponent {
    int id, h, v;               /* sampling factors */
    int quant, dc, ac;          /* numbers of tables */
} JpegComponent;

/* Of a progressive file a scan has some bits of some coefficients; a scan of AC has one
 * component. */
typedef struct JpegScan {
    int n, component[JPEG_COMPONENTS];
    int first, last;            /* coefficients */
    int high, low;              /* 0: their first bits, down to `low`; else the bit below
                                   `high`, which is `low` */
} JpegScan;

typedef struct JpegHeader {
    int width, height, ncomponents;
    JpegComponent component[JPEG_COMPONENTS];
    int h, v;                   /* luma samples to a sample of chroma: 1 or 2 */
    int wide, high;             /* MCUs */
    int restart;                /* MCUs between restart markers; 0: there are none */
    _Alignas(64) uint16_t quant[4][64];     /* by rows */
    const uint8_t *dht[2][4];   /* DC, AC: the lengths and values of a table */
    const uint8_t *scan, *end;
    JpegScan at;                /* what the scan holds */
    bool progressive;
    int8_t low[JPEG_COMPONENTS][64];        /* progressive: down to which bit scans up to
                                               this one give a coefficient; -1: none has */
} JpegHeader;

/* Reads all up to the scan. */
int jpegdec_header(JpegHeader *, const uint8_t *data, size_t n);

/* Progressive: on from the marker behind a scan, up to the next one. */
int jpegdec_next_scan(JpegHeader *, const uint8_t *marker);

/* Progressive: whether the scans gave all bits; of others libjpeg guesses some. */
bool jpegdec_is_complete(const JpegHeader *);

/* Samples of one row of MCUs; rows of a component lie `stride` bytes apart. */
typedef struct JpegStrip { uint8_t *plane[JPEG_COMPONENTS]; } JpegStrip;

typedef struct JpegDecoder {
    const struct JpegLevel *level;
    JpegHeader header;
    JpegStream stream;
    JpegBits bits;
    JpegTables *tables;         /* of this thread, or own_tables */
    JpegTables *own_tables;
    const JpegDcTable *dc[JPEG_COMPONENTS];
    const JpegAcTable *ac[JPEG_COMPONENTS];
    int predictor[JPEG_COMPONENTS];
    int restart_left, restart_next;         /* MCUs; the number of the next marker */
    int shift;                  /* the picture at 1 / 2 ** shift of its size; 0 … 3 */
    int width, height;          /* of it so */
    int size[JPEG_COMPONENTS];  /* samples of a block's side */
    int up_h, up_v;             /* pixels to a sample of chroma */
    bool smooth;                /* which is interpolated, not repeated, along a row */
    int left, right, top, bottom;           /* the window, in pixels */
    int from_mcu, to_mcu, from_row, to_row; /* the MCUs that it needs */
    int mcu_row;                            /* the next one */
    const JpegIndex *index;                 /* or NULL */
    int64_t mcu;                            /* of the scan: the next one, with an index */
    int row;                                /* the next one that comes out */
    int pixel;                  /* bytes: 3, or 4 with 255; 1 of gray or of planes */
    ptrdiff_t plane;            /* of planes: bytes from one to the next */
    bool gray;                              /* luma alone */
    JpegStrip strip[2];                     /* of even and odd rows of MCUs */
    ptrdiff_t stride[JPEG_COMPONENTS];
    int16_t *sums[2];           /* chroma of two rows, weighted; or of one, repeated */
    const JpegBandTable *band;              /* progressive: of the scan, if it is of AC */
    JpegPlane stored[JPEG_COMPONENTS];
    void *store;                            /* their memory, or NULL */
    JpegBlock unread;
    _Alignas(64) int16_t block[JPEG_BLOCKS][JPEG_BLOCK];
} JpegDecoder;

/* Where a block's samples go. */
typedef struct JpegJob {
    int16_t *block;
    const uint16_t *quant;
    uint8_t *to;
    ptrdiff_t stride;
} JpegJob;

/* A block without AC: its samples are all alike. Returns whether it is too large. */
static inline bool jpeg_idct_flat(JpegJob j) {
    int16_t dc = (int16_t)(j.block[0] * j.quant[0]);
    int sample = ((dc + 4) >> 3) + 128;
    uint64_t eight;
    sample = sample < 0 ? 0 : sample > 255 ? 255 : sample;
    eight = UINT64_C(0x0101010101010101) * (unsigned)sample;
    for (int i = 0; i < 8; i++) memcpy(j.to + i * j.stride, &eight, 8);
    return dc > JPEG_LARGEST || dc < -JPEG_LARGEST;
}

/* Bytes from a pixel to the next one, and from a pixel's red to its green and blue. */
typedef struct JpegForm { ptrdiff_t pixel, channel; } JpegForm;

/* Pixels in memory of their own, whose planes are JPEG_STEP bytes apart. */
static inline JpegForm jpeg_step_form(JpegForm form) {
    return (JpegForm){form.pixel, form.pixel > 1 ? 1 : JPEG_STEP};
}

/* Of such a step the pixels from … to - 1. */
static inline void jpeg_copy_step(uint8_t *to, JpegForm form, const uint8_t *step,
                                  int from, int end) {
    int planes = form.pixel > 1 ? 1 : 3;
    for (int i = 0; i < planes; i++)
        memcpy(to + i * form.channel, step + i * JPEG_STEP + from * form.pixel,
               (size_t)((end - from) * form.pixel));
}

/* The samples of chroma that a row of pixels is made of. */
typedef struct JpegChroma {
    int h, v;
    const uint8_t *row[2];      /* at the first pixel */
    const int16_t *sums[2];     /* of 4:2:0: from the sample before it on */
} JpegChroma;

/* A kind of processor. */
typedef struct JpegLevel {
    /* The next row of MCUs: its samples to a strip if the window needs them. */
    int (*mcu_row)(JpegDecoder *);
    /* Row d->row of the window, right - left pixels. */
    void (*pixel_row)(JpegDecoder *, uint8_t *to);
    /* The points of the next row of MCUs, which is passed over. */
    int (*index_row)(JpegDecoder *, int every, JpegPoint *to);
} JpegLevel;

extern const JpegLevel jpegdec_scalar, jpegdec_avx2, jpegdec_avx512;

/* For pk_call.cpu. */
const JpegLevel *jpegdec_level(int64_t cpu);

/* Bytes of memory that jpegdec_begin takes. */
size_t jpegdec_memory(const JpegHeader *);

/* d->header has been read; shift, top, bottom, left, right, gray are set and the window
 * is not empty; pixel and plane are before the first row. The memory is aligned to 64
 * bytes, and lives until jpegdec_end, which is called in any case. */
int jpegdec_begin(JpegDecoder *d, const JpegLevel *level, uint8_t *memory);

/* Takes the n bytes of an index, if they fit the header; before the first row. */
void jpegdec_use_index(JpegDecoder *d, const void *index, size_t n);

/* Bytes of an index of the picture; its points are made by jpegdec_make_index, which
 * needs a decoder that has begun with the whole picture. every: MCUs, at least 1. */
size_t jpegdec_index_bytes(const JpegHeader *, int every);
int jpegdec_make_index(JpegDecoder *, int every, JpegIndex *to);

/* Takes the memory of the planes; progressive files alone. */
int jpegdec_begin_store(JpegDecoder *);

/* What that may be for any window, as libjpeg counts it or more. */
int64_t jpegdec_store_bytes(const JpegHeader *);

/* The tables of the scan that a progressive file is at. */
int jpegdec_scan_tables(JpegDecoder *);

/* The next n rows of the window. JPEG_OTHER: d->row is the first that did not come. */
int jpegdec_rows(JpegDecoder *d, int n, uint8_t *to, ptrdiff_t stride);
void jpegdec_end(JpegDecoder *d);
#endif
