/* The stream of a scan: pieces of it, its segments between restarts. Compiled with
 * level.h, which says what jpeg_copy is. */
#ifndef JPEG_STREAM_H
#define JPEG_STREAM_H
#include "decoder.h"
#include "entropy.h"

static void jpeg_note_marker(JpegStream *s) {
    const uint8_t *at = s->from;
    while (s->end - at >= 2 && at[1] == 0xFF) at++;
    s->marker = s->end - at < 2 || !at[1] ? JPEG_CUT : at[1];
    if (s->marker != JPEG_CUT) s->behind = at + 2;
}

/* Unstuffs n bytes more, or up to a marker. */
static void jpeg_unstuff(JpegStream *s, ptrdiff_t n) {
    uint8_t *to = s->filled, *const stop = to + n;
    while (to < stop && !s->marker) {
        ptrdiff_t rest = s->end - s->from, most = stop - to < rest ? stop - to : rest;
        ptrdiff_t copied = jpeg_copy(to, s->from, most);
        to += copied;
        s->from += copied;
        if (copied == most) {
            if (most == rest) s->marker = JPEG_CUT;
        } else if (rest - copied >= 2 && !s->from[1]) {
            *to++ = 0xFF;
            s->from += 2;
        } else {
            jpeg_note_marker(s);
        }
    }
    if (s->marker) memset(to, 0, 64);
    s->filled = to;
    s->safe = s->marker ? to + 16 : to - JPEG_MCU_BYTES;
}

/* A segment between markers begins, or its rest; n bytes of it are unstuffed at once. */
static void jpeg_begin_segment(JpegStream *s, JpegBits *b, ptrdiff_t n) {
    s->marker = 0;
    s->filled = s->buffer + JPEG_BEHIND;
    *b = (JpegBits){0, 0, s->filled};
    jpeg_unstuff(s, n);
    jpeg_refill(b);
}

/* More of the segment; what is not read yet moves to the front. */
static int jpeg_more(JpegStream *s, JpegBits *b) {
    const uint8_t *keep = b->at - JPEG_BEHIND;
    size_t n = (size_t)(s->filled - keep);
    if (s->marker) return JPEG_OTHER;
    memmove(s->buffer, keep, n);
    b->at = s->buffer + JPEG_BEHIND;
    s->filled = s->buffer + n;
    jpeg_unstuff(s, JPEG_PIECE);
    return JPEG_OK;
}

/* The segment ends here; s->marker says with what. */
static bool jpeg_ends(JpegStream *s, JpegBits *b) {
    int64_t left;
    while (!s->marker)
        if (s->filled - b->at > JPEG_MCU_BYTES || jpeg_more(s, b)) return false;
    left = jpeg_bits_left(s, b);
    return left >= 0 && left <= 7 && s->marker != JPEG_CUT;
}

static bool jpeg_ends_with(JpegStream *s, JpegBits *b, int marker) {
    return jpeg_ends(s, b) && s->marker == marker;
}

/* libjpeg complains of missing data when it reads ahead, up to eight bytes. */
static bool jpeg_runs_out(const JpegStream *s, const JpegBits *b) {
    enum { AHEAD = 16 };        /* bytes, and some */
    return jpeg_bits_left(s, b) < (s->marker == JPEG_CUT ? 8 * AHEAD : 0);
}

static int jpeg_restart(JpegDecoder *d, JpegBits *b) {
    if (!jpeg_ends_with(&d->stream, b, 0xD0 + d->restart_next)) return JPEG_OTHER;
    d->restart_next = (d->restart_next + 1) & 7;
    d->restart_left = d->header.restart;
    d->stream.from = d->stream.behind;
    memset(d->predictor, 0, sizeof d->predictor);
    jpeg_begin_segment(&d->stream, b, JPEG_PIECE);
    return JPEG_OK;
}

JPEG_INLINE int jpeg_begin_mcu(JpegDecoder *d, JpegBits *b) {
    if (d->header.restart && d->restart_left-- == 0) {
        if (jpeg_restart(d, b)) return JPEG_OTHER;
        d->restart_left--;
    }
    while (JPEG_RARE(b->at > d->stream.safe))
        if (jpeg_more(&d->stream, b)) return JPEG_OTHER;
    return JPEG_OK;
}
#endif
