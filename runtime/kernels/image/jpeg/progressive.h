/* The scans of a progressive file, all of them before the first row; then rows of MCUs
 * from the store. Compiled with level.h. */
#ifndef JPEG_PROGRESSIVE_H
#define JPEG_PROGRESSIVE_H
#include "band.h"
#include "stream.h"

enum { JPEG_MOST_SCANS = 100 };     /* each may cost little to write, and much to read */

/* Before an MCU of a scan. `ended`: the band of it has, without a bit. */
JPEG_INLINE int jpeg_begin_unit(JpegDecoder *d, JpegBits *b, int ended) {
    if (d->header.restart && !d->restart_left && ended) return JPEG_OTHER;
    return jpeg_begin_mcu(d, b);
}

/* ---- AC: scans of one component ---- */
/* Blocks from x on of which the band has ended: how many can be passed over. */
JPEG_INLINE int jpeg_passed(const JpegDecoder *d, int ended, int rest) {
    if (d->header.restart) return ended > 0;
    return ended < rest ? ended : rest;
}

/* Block x of a row; what the window does not need goes to one that nobody reads. */
JPEG_INLINE JpegBlock *jpeg_block_of(JpegDecoder *d, const JpegPlane *p, JpegBlock *row,
                                     int x) {
    return row && x >= p->left && x < p->right ? row + (x - p->left) : &d->unread;
}

JPEG_INLINE int jpeg_band_row(JpegDecoder *d, JpegBits *from, const JpegBand *s, int y,
                              int ended, bool next) {
    const JpegPlane *p = &d->stored[d->header.at.component[0]];
    JpegBlock *row = jpeg_row_of_blocks(p, y);
    uint64_t *used = p->used + (ptrdiff_t)p->wide * y;
    JpegBits b = *from;
    for (int x = 0; x < p->own_wide && ended >= 0; x++) {
        if (jpeg_begin_unit(d, &b, ended)) return -1;
        if (ended && !next) {
            int passed = jpeg_passed(d, ended, p->own_wide - x);
            ended -= passed;
            x += passed - 1;
        } else {
            JpegBlock *block = jpeg_block_of(d, p, row, x);
            ended = next ? jpeg_next_bits(&b, s, block, used + x, ended)
                         : jpeg_first_bits(&b, s, block, used + x);
            ended -= ended > 0;
        }
    }
    *from = b;
    return ended;
}

/* Apart, or there are not registers enough. */
static __attribute__((noinline)) int jpeg_first_row(JpegDecoder *d, JpegBits *b,
                                                    const JpegBand *s, int y, int ended) {
    return jpeg_band_row(d, b, s, y, ended, false);
}

static __attribute__((noinline)) int jpeg_later_row(JpegDecoder *d, JpegBits *b,
                                                    const JpegBand *s, int y, int ended) {
    return jpeg_band_row(d, b, s, y, ended, true);
}

static int jpeg_read_band(JpegDecoder *d) {
    const JpegScan *at = &d->header.at;
    const JpegPlane *p = &d->stored[at->component[0]];
    JpegBand s = {d->band, at->first, at->last, at->low,
                  ~UINT64_C(0) >> at->first & ~UINT64_C(0) << (63 - at->last)};
    JpegBits b = d->bits;
    int ended = 0;
    for (int y = 0; y < p->own_high && ended >= 0; y++)
        ended = (at->high ? jpeg_later_row : jpeg_first_row)(d, &b, &s, y, ended);
    d->bits = b;
    return ended ? JPEG_OTHER : JPEG_OK;
}

/* ---- DC ---- */
/* 0, or 1 if it makes no sense. */
JPEG_INLINE int jpeg_read_dc_of(JpegDecoder *d, JpegBits *b, int c, JpegBlock *block) {
    const JpegScan *s = &d->header.at;
    int16_t *value = &block->first[63];
    int bad = 0;
    if (s->high) {
        jpeg_refill(b);
        *value |= (int16_t)((b->bits >> 63) << s->low);
        jpeg_take(b, 1);
    } else {
        int dc = d->predictor[c] += jpeg_read_dc(b, d->dc[c], &bad);
        *value = (int16_t)(dc * (1 << s->low));
        bad |= dc != (int16_t)dc;
    }
    return bad;
}

/* The block x, y of a component. */
JPEG_INLINE JpegBlock *jpeg_block_at(JpegDecoder *d, int c, int x, int y) {
    const JpegPlane *p = &d->stored[c];
    return jpeg_block_of(d, p, jpeg_row_of_blocks(p, y), x);
}

static int jpeg_read_dc_alone(JpegDecoder *d, int c) {
    const JpegPlane *p = &d->stored[c];
    JpegBits b = d->bits;
    int bad = 0;
    for (int y = 0; y < p->own_high && !bad; y++)
        for (int x = 0; x < p->own_wide && !bad; x++) {
            bad = jpeg_begin_mcu(d, &b);
            if (!bad) bad = jpeg_read_dc_of(d, &b, c, jpeg_block_at(d, c, x, y));
        }
    d->bits = b;
    return bad;
}

JPEG_INLINE int jpeg_read_dc_mcu(JpegDecoder *d, JpegBits *b, int x, int y) {
    const JpegScan *s = &d->header.at;
    int bad = jpeg_begin_mcu(d, b);
    for (int i = 0; i < s->n && !bad; i++) {
        int c = s->component[i], h = c ? 1 : d->header.h, v = c ? 1 : d->header.v;
        for (int j = 0; j < v; j++)
            for (int k = 0; k < h; k++)
                bad |= jpeg_read_dc_of(d, b, c, jpeg_block_at(d, c, x * h + k, y * v + j));
    }
    return bad;
}

static int jpeg_read_dcs(JpegDecoder *d) {
    JpegBits b = d->bits;
    int bad = 0;
    for (int y = 0; y < d->header.high && !bad; y++)
        for (int x = 0; x < d->header.wide && !bad; x++)
            bad = jpeg_read_dc_mcu(d, &b, x, y);
    d->bits = b;
    return bad;
}

/* ---- all scans ---- */
static int jpeg_read_scan(JpegDecoder *d) {
    const JpegScan *s = &d->header.at;
    if (jpegdec_scan_tables(d)) return JPEG_OTHER;
    memset(d->predictor, 0, sizeof d->predictor);
    d->restart_left = d->header.restart;
    d->restart_next = 0;
    d->stream.from = d->header.scan;
    jpeg_begin_segment(&d->stream, &d->bits, JPEG_PIECE);
    if (s->first) return jpeg_read_band(d);
    return s->n == 1 ? jpeg_read_dc_alone(d, s->component[0]) : jpeg_read_dcs(d);
}

static int jpeg_read_scans(JpegDecoder *d) {
    const JpegStream *s = &d->stream;
    for (int i = 0; i < JPEG_MOST_SCANS; i++) {
        if (jpeg_read_scan(d) || !jpeg_ends(&d->stream, &d->bits)) return JPEG_OTHER;
        if (s->marker == 0xD9)
            return jpegdec_is_complete(&d->header) ? JPEG_OK : JPEG_OTHER;
        if (jpegdec_next_scan(&d->header, s->behind - 2)) return JPEG_OTHER;
    }
    return JPEG_OTHER;
}
#endif
