/* Rows of MCUs to samples, samples to pixels: compiled once for every kind of processor.
 * A level_*.c defines JPEG_LEVEL, the name of what it makes, and
 *   jpeg_copy(to, from, n)             copies up to an 0xFF, at most n bytes; returns how
 *                                      many; may write 32 bytes more
 *   jpeg_idct_some(job, last, n)       n blocks to samples, the coefficients read to 0;
 *                                      last[i]: the last one that may not be 0. Returns
 *                                      whether one is above JPEG_LARGEST
 *   jpeg_idct(job, last, n, square)    the same for a constant n; square: the first four
 *                                      lie two by two, and share a table
 *   jpeg_gather(to, block)             the coefficients of a stored block, by rows
 *   jpeg_weigh(to, near, far, n)       3 near + far - 512 of n samples, and up to 15 more
 *   jpeg_pixels(to, form, luma, chroma, i, n)
 *                                      JPEG_STEP pixels, the i-th of the row on, or more
 *                                      where n allows it; returns how many
 *   jpeg_gray(to, form, luma, n)       n pixels without chroma
 * before it includes this file. */
#include "entropy.h"
#include "progressive.h"
#include "scaled.h"
#include "stream.h"

/* ---- MCUs ---- */
/* Luma h x v, and chroma: constants where it is called. */
typedef struct JpegShape { int h, v, ncomponents; } JpegShape;

JPEG_INLINE int jpeg_nblocks(JpegShape s) {
    return s.h * s.v + (s.ncomponents == 3 ? 2 : 0);
}

JPEG_INLINE int jpeg_component_of(JpegShape s, int i) {
    return i < s.h * s.v ? 0 : i - s.h * s.v + 1;
}

JPEG_INLINE int jpeg_skip_mcu(JpegDecoder *d, JpegBits *from, JpegShape s) {
    int bad = jpeg_begin_mcu(d, from);
    JpegBits b = *from;
    if (bad) return bad;
    for (int i = 0; i < jpeg_nblocks(s); i++) {
        int c = jpeg_component_of(s, i);
        d->predictor[c] += jpeg_read_dc(&b, d->dc[c], &bad);
        bad |= jpeg_skip_ac(&b, d->ac[c]);
    }
    *from = b;
    return bad;
}

JPEG_INLINE JpegJob jpeg_job(JpegDecoder *d, const JpegStrip *strip, JpegShape s, int mcu,
                             int i, int16_t *block) {
    int c = jpeg_component_of(s, i);
    int column = c ? mcu : mcu * s.h + i % s.h, row = c ? 0 : i / s.h;
    return (JpegJob){block, d->header.quant[d->header.component[c].quant],
                     strip->plane[c] + d->stride[c] * 8 * row + 8 * column, d->stride[c]};
}

/* Idct takes pairs, and as long for both as for the one with more coefficients: of two
 * MCUs of 4:4:4 those of luma are the last pair. */
JPEG_INLINE int jpeg_slot(JpegShape s, int i) {
    int c = jpeg_component_of(s, i % jpeg_nblocks(s)), mcu = i / jpeg_nblocks(s);
    if (s.h > 1 || s.ncomponents == 1) return i;
    return c ? 2 * mcu + c - 1 : 4 + mcu;
}

/* n MCUs, between which nothing stands. */
JPEG_INLINE int jpeg_read_run(JpegDecoder *d, JpegBits *from, const JpegStrip *strip,
                              JpegShape s, int mcu, int n) {
    const int each = jpeg_nblocks(s), all = n * each;
    int last[JPEG_BLOCKS], bad = jpeg_begin_mcu(d, from), worst = 0;
    JpegJob job[JPEG_BLOCKS];
    JpegBits b = *from;
    if (bad) return bad;
    JPEG_UNROLL for (int i = 0; i < all; i++) {
        int c = jpeg_component_of(s, i % each), slot = jpeg_slot(s, i);
        int dc = d->predictor[c] += jpeg_read_dc(&b, d->dc[c], &bad);
        worst |= last[slot] = jpeg_read_ac(&b, d->ac[c], d->block[i]);
        d->block[i][0] = (int16_t)dc;
        job[slot] = jpeg_job(d, strip, s, mcu + i / each, i % each, d->block[i]);
    }
    *from = b;
    if (JPEG_RARE(worst < 0 || bad)) return JPEG_OTHER;
    return jpeg_idct(job, last, all, s.h * s.v == 4);
}

/* The blocks of an MCU that the window needs, a bit each: all of chroma's, for it is
 * interpolated, or none. */
JPEG_INLINE unsigned jpeg_needed(const JpegDecoder *d, JpegShape s, int mcu) {
    unsigned needed = (1u << (d->gray ? s.h * s.v : jpeg_nblocks(s))) - 1;
    for (int i = 0; i < s.h * s.v; i++) {
        int size = d->size[0], row = size * (d->mcu_row * s.v + i / s.h);
        int column = size * (mcu * s.h + i % s.h);
        if (row >= d->bottom || row + size <= d->top || column >= d->right ||
            column + size <= d->left)
            needed &= ~(1u << i);
    }
    return needed;
}

/* An MCU at the window's edge. */
static int jpeg_read_some(JpegDecoder *d, JpegBits *from, const JpegStrip *strip,
                          JpegShape s, int mcu) {
    unsigned needed = jpeg_needed(d, s, mcu);
    int last[JPEG_BLOCKS], bad = jpeg_begin_mcu(d, from), worst = 0, n = 0;
    JpegJob job[JPEG_BLOCKS];
    JpegBits b = *from;
    if (bad) return bad;
    for (int i = 0; i < jpeg_nblocks(s); i++) {
        int c = jpeg_component_of(s, i);
        int dc = d->predictor[c] += jpeg_read_dc(&b, d->dc[c], &bad);
        if (needed >> i & 1) {
            worst |= last[n] = jpeg_read_ac(&b, d->ac[c], d->block[i]);
            d->block[i][0] = (int16_t)dc;
            job[n++] = jpeg_job(d, strip, s, mcu, i, d->block[i]);
        } else {
            worst |= jpeg_skip_ac(&b, d->ac[c]);
        }
    }
    *from = b;
    if (worst < 0 || bad) return JPEG_OTHER;
    return jpeg_idct_some(job, last, n);
}

/* ---- an MCU of a smaller picture ---- */
static JpegJob jpeg_scaled_job(JpegDecoder *d, const JpegStrip *strip, JpegShape s,
                               int mcu, int i) {
    JpegJob job = jpeg_job(d, strip, s, 0, i, d->block[i]);
    int c = jpeg_component_of(s, i), size = d->size[c];
    int column = c ? mcu : mcu * s.h + i % s.h, row = c ? 0 : i / s.h;
    job.to = strip->plane[c] + d->stride[c] * size * row + size * column;
    return job;
}

/* nluma of the n are luma's. */
static int jpeg_idct_sizes(const JpegDecoder *d, const JpegJob *job, const int *last,
                           int n, int nluma) {
    int large = 0;
    for (int i = 0; i < nluma; i++)
        large |= jpeg_idct_scaled(job[i], last[i], d->size[0]);
    if (n > nluma && d->size[1] == 8)
        return large | jpeg_idct_some(job + nluma, last + nluma, n - nluma);
    for (int i = nluma; i < n; i++)
        large |= jpeg_idct_scaled(job[i], last[i], d->size[1]);
    return large;
}

static int jpeg_read_scaled(JpegDecoder *d, JpegBits *from, const JpegStrip *strip,
                            JpegShape s, int mcu) {
    unsigned needed = jpeg_needed(d, s, mcu);
    int last[JPEG_BLOCKS], bad = jpeg_begin_mcu(d, from), worst = 0, n = 0, nluma = 0;
    JpegJob job[JPEG_BLOCKS];
    JpegBits b = *from;
    if (bad) return bad;
    for (int i = 0; i < jpeg_nblocks(s); i++) {
        int c = jpeg_component_of(s, i);
        int dc = d->predictor[c] += jpeg_read_dc(&b, d->dc[c], &bad), got;
        if (needed >> i & 1 && d->size[c] > 1)
            got = jpeg_read_ac(&b, d->ac[c], d->block[i]);
        else
            got = jpeg_skip_ac(&b, d->ac[c]);
        worst |= got;
        if (!(needed >> i & 1)) continue;
        d->block[i][0] = (int16_t)dc;
        last[n] = got;
        job[n++] = jpeg_scaled_job(d, strip, s, mcu, i);
        nluma += !c;
    }
    *from = b;
    if (worst < 0 || bad) return JPEG_OTHER;
    return jpeg_idct_sizes(d, job, last, n, nluma);
}

/* ---- a row of MCUs ---- */
/* What interpolation sees aside of a picture is its edge. */
static void jpeg_repeat_edges(JpegDecoder *d, const JpegStrip *strip) {
    int width = (d->width + d->up_h - 1) / d->up_h;
    for (int c = 1; c < d->header.ncomponents; c++)
        for (int i = 0; i < d->size[c]; i++) {
            uint8_t *row = strip->plane[c] + i * d->stride[c];
            row[-1] = row[0];
            row[width] = row[width - 1];
        }
}

/* An odd number of blocks is read with the next MCU's, for idct takes pairs. */
JPEG_INLINE int jpeg_read_mcus(JpegDecoder *d, JpegBits *b, const JpegStrip *strip,
                               JpegShape s, int from, int to) {
    const int many = jpeg_nblocks(s) % 2 ? 2 : 1;
    int top = 8 * s.v * d->mcu_row, bad = 0;
    bool whole = top >= d->top && top + 8 * s.v <= d->bottom;
    bool runs = whole && (many == 1 || !d->header.restart) &&
                (s.ncomponents == 1 || !d->gray) && !d->shift;
    int first = from + (8 * s.h * from < d->left), end = to - (8 * s.h * to > d->right);
    for (int i = from; i < to && !bad;)
        if (runs && i >= first && i + many <= end) {
            bad = jpeg_read_run(d, b, strip, s, i, many);
            i += many;
        } else if (d->shift) {
            bad = jpeg_read_scaled(d, b, strip, s, i++);
        } else {
            bad = jpeg_read_some(d, b, strip, s, i++);
        }
    return bad;
}

JPEG_INLINE int jpeg_skip_mcus(JpegDecoder *d, JpegBits *b, JpegShape s, int n) {
    int bad = 0;
    for (int i = 0; i < n && !bad; i++) bad = jpeg_skip_mcu(d, b, s);
    return bad;
}

/* All of it is read, wherever the window lies: damage is found in any case. */
JPEG_INLINE int jpeg_read_row(JpegDecoder *d, JpegShape s) {
    const JpegStrip *strip = &d->strip[d->mcu_row & 1];
    const JpegHeader *h = &d->header;
    bool used = d->mcu_row >= d->from_row && d->mcu_row < d->to_row;
    int from = used ? d->from_mcu : h->wide, to = used ? d->to_mcu : h->wide;
    JpegBits b = d->bits;
    int bad = jpeg_skip_mcus(d, &b, s, from);
    if (!bad) bad = jpeg_read_mcus(d, &b, strip, s, from, to);
    if (!bad) bad = jpeg_skip_mcus(d, &b, s, h->wide - to);
    d->bits = b;
    if (!bad && d->stream.marker) bad = jpeg_runs_out(&d->stream, &b);
    if (!bad && d->mcu_row == h->high - 1)
        bad = !jpeg_ends_with(&d->stream, &d->bits, 0xD9);
    if (used && d->smooth && !d->gray) jpeg_repeat_edges(d, strip);
    d->mcu_row++;
    return bad ? JPEG_OTHER : JPEG_OK;
}

/* ---- of a progressive file ---- */
/* The needed blocks of an MCU, luma's first; behind n of MCUs before it. */
static int jpeg_stored_blocks(JpegDecoder *d, const JpegStrip *strip, JpegShape s, int mcu,
                              JpegJob *job, int *last, int n) {
    unsigned needed = jpeg_needed(d, s, mcu);
    for (int i = 0; i < jpeg_nblocks(s); i++) {
        int c = jpeg_component_of(s, i), across = c ? 1 : s.h, down = c ? 1 : s.v;
        int x = mcu * across + i % across, y = d->mcu_row * down + (c ? 0 : i / across);
        const JpegPlane *p = &d->stored[c];
        uint64_t used = p->used[(ptrdiff_t)p->wide * y + x];
        const JpegBlock *block;
        if (!(needed >> i & 1)) continue;
        block = jpeg_row_of_blocks(p, y) + (x - p->left);
        job[n] = jpeg_scaled_job(d, strip, s, mcu, i);
        job[n].block = d->block[n];
        if (used) jpeg_gather(d->block[n], block);
        else d->block[n][0] = block->first[63];
        last[n++] = used ? 63 - __builtin_ctzll(used) : 0;
    }
    return n;
}

/* As many MCUs at once as idct takes blocks. */
static int jpeg_stored_mcus(JpegDecoder *d, const JpegStrip *strip, JpegShape s) {
    int many = d->shift ? 1 : JPEG_BLOCKS / jpeg_nblocks(s), bad = 0;
    for (int i = d->from_mcu; i < d->to_mcu && !bad;) {
        JpegJob job[JPEG_BLOCKS];
        int last[JPEG_BLOCKS], n = 0, nluma;
        for (int k = 0; k < many && i < d->to_mcu; k++, i++)
            n = jpeg_stored_blocks(d, strip, s, i, job, last, n);
        nluma = n - (s.ncomponents == 3 && !d->gray ? 2 : 0);
        if (d->shift) bad = jpeg_idct_sizes(d, job, last, n, nluma);
        else if (n == JPEG_BLOCKS) bad = jpeg_idct(job, last, JPEG_BLOCKS, s.v == 2);
        else bad = jpeg_idct_some(job, last, n);
    }
    return bad;
}

static int jpeg_stored_row(JpegDecoder *d, JpegShape s) {
    const JpegStrip *strip = &d->strip[d->mcu_row & 1];
    int bad = d->mcu_row == 0 && jpeg_read_scans(d);
    if (!bad && d->mcu_row >= d->from_row && d->mcu_row < d->to_row) {
        bad = jpeg_stored_mcus(d, strip, s);
        if (d->smooth && !d->gray) jpeg_repeat_edges(d, strip);
    }
    d->mcu_row++;
    return bad ? JPEG_OTHER : JPEG_OK;
}

/* ---- with an index ---- */
/* Bytes of the scan from a point to the next one behind the window's last MCU, and what
 * that MCU may be thought to need. */
static ptrdiff_t jpeg_ahead(const JpegDecoder *d, const JpegPoint *from) {
    const JpegIndex *x = d->index;
    uint32_t every = x->every, each = (x->wide + every - 1) / every;
    size_t next = (size_t)d->mcu_row * each + ((uint32_t)d->to_mcu + every - 1) / every;
    uint32_t end = next < (size_t)x->high * each ? x->point[next].byte : x->scan_bytes;
    bool near = end >= from->byte && end - from->byte < JPEG_PIECE;
    return JPEG_MCU_BYTES + (near ? (ptrdiff_t)(end - from->byte) : JPEG_PIECE);
}

/* The scan goes on at the last point up to an MCU of this row. */
static int jpeg_jump(JpegDecoder *d, JpegBits *b, int mcu) {
    const JpegIndex *x = d->index;
    uint32_t nth = (uint32_t)mcu / x->every, each = (x->wide + x->every - 1) / x->every;
    const JpegPoint *p = &x->point[(size_t)d->mcu_row * each + nth];
    if (p->byte >= x->scan_bytes || p->bit > 7) return JPEG_OTHER;
    d->stream.from = d->header.scan + p->byte;
    jpeg_begin_segment(&d->stream, b, jpeg_ahead(d, p));
    jpeg_take(b, p->bit);
    jpeg_refill(b);
    for (int c = 0; c < JPEG_COMPONENTS; c++) d->predictor[c] = p->predictor[c];
    d->mcu = (int64_t)d->mcu_row * x->wide + nth * x->every;
    return JPEG_OK;
}

/* What the window needs of a row, and no more. */
JPEG_INLINE int jpeg_reach_row(JpegDecoder *d, JpegShape s) {
    const JpegStrip *strip = &d->strip[d->mcu_row & 1];
    const JpegHeader *h = &d->header;
    int64_t row = (int64_t)d->mcu_row * h->wide;
    JpegBits b = d->bits;
    int bad = 0;
    if (d->mcu_row >= d->from_row && d->mcu_row < d->to_row) {
        int point = d->from_mcu / (int)d->index->every * (int)d->index->every;
        if (row + point != d->mcu && row + d->from_mcu != d->mcu)
            bad = jpeg_jump(d, &b, d->from_mcu);
        if (!bad) bad = jpeg_skip_mcus(d, &b, s, (int)(row + d->from_mcu - d->mcu));
        if (!bad) bad = jpeg_read_mcus(d, &b, strip, s, d->from_mcu, d->to_mcu);
        d->mcu = row + d->to_mcu;
        d->bits = b;
        if (!bad && d->stream.marker) bad = jpeg_runs_out(&d->stream, &b);
        if (d->smooth && !d->gray) jpeg_repeat_edges(d, strip);
    }
    d->mcu_row++;
    return bad ? JPEG_OTHER : JPEG_OK;
}

/* The byte of the scan that holds the next bit, and the bit. */
static void jpeg_tell(const JpegDecoder *d, const JpegBits *b, JpegPoint *to) {
    const JpegStream *s = &d->stream;
    int64_t left = jpeg_bits_left(s, b);
    const uint8_t *at = s->filled - (left + 7) / 8;
    ptrdiff_t stuffing = 0;
    for (const uint8_t *x = at; x < s->filled; x++) stuffing += *x == 0xFF;
    to->byte = (uint32_t)(s->from - d->header.scan - (s->filled - at) - stuffing);
    to->bit = (uint8_t)((8 - left % 8) % 8);
    for (int c = 0; c < JPEG_COMPONENTS; c++)
        to->predictor[c] = (int16_t)d->predictor[c];
}

JPEG_INLINE int jpeg_index_mcus(JpegDecoder *d, JpegShape s, int every, JpegPoint *to) {
    JpegBits b = d->bits;
    int bad = 0;
    for (int i = 0; i < d->header.wide && !bad; i++) {
        bad = jpeg_begin_mcu(d, &b);
        if (!bad && i % every == 0) jpeg_tell(d, &b, to++);
        if (!bad) bad = jpeg_skip_mcu(d, &b, s);
    }
    d->bits = b;
    d->mcu_row++;
    if (!bad && d->stream.marker) bad = jpeg_runs_out(&d->stream, &b);
    if (!bad && d->mcu_row == d->header.high)
        bad = !jpeg_ends_with(&d->stream, &d->bits, 0xD9);
    return bad ? JPEG_OTHER : JPEG_OK;
}

static int jpeg_index_row(JpegDecoder *d, int every, JpegPoint *to) {
    const JpegHeader *h = &d->header;
    JpegShape s = {h->h, h->v, h->ncomponents};
    if (d->mcu_row == 0) jpeg_begin_segment(&d->stream, &d->bits, JPEG_PIECE);
    return jpeg_index_mcus(d, s, every, to);
}

/* ---- rows ---- */
JPEG_INLINE int jpeg_next_row(JpegDecoder *d, JpegShape s) {
    return d->index ? jpeg_reach_row(d, s) : jpeg_read_row(d, s);
}

static int jpeg_mcu_row(JpegDecoder *d) {
    const JpegHeader *h = &d->header;
    JpegShape s = {h->h, h->v, h->ncomponents};
    if (h->progressive) return jpeg_stored_row(d, s);
    if (d->mcu_row == 0) jpeg_begin_segment(&d->stream, &d->bits, JPEG_PIECE);
    if (h->ncomponents == 1) return jpeg_next_row(d, (JpegShape){1, 1, 1});
    if (h->v == 2) return jpeg_next_row(d, (JpegShape){2, 2, 3});
    if (h->h == 2) return jpeg_next_row(d, (JpegShape){2, 1, 3});
    return jpeg_next_row(d, (JpegShape){1, 1, 3});
}

/* ---- a row of pixels ---- */
/* A row of samples of a component, in its strip. */
static const uint8_t *jpeg_row_of(const JpegDecoder *d, int c, int row) {
    int high = d->size[c] * (c ? 1 : d->header.v);
    return d->strip[row / high & 1].plane[c] + row % high * d->stride[c];
}

/* The row of chroma that counts a quarter. */
static int jpeg_far_row(const JpegDecoder *d) {
    int high = (d->height + 1) / 2, row = d->row / 2 + (d->row & 1 ? 1 : -1);
    return row < 0 ? 0 : row < high ? row : high - 1;
}

static JpegChroma jpeg_repeated_chroma(JpegDecoder *d, int column, int n) {
    JpegChroma to = {.v = 1, .h = 1};
    for (int k = 0; k < 2; k++) {
        const uint8_t *from = jpeg_row_of(d, k + 1, d->row) + column / 2;
        uint8_t *row = (uint8_t *)d->sums[k];
        for (int i = 0; i < n; i++) row[i] = from[i / 2];
        to.row[k] = row;
    }
    return to;
}

/* Chroma at the pixel `column`; of 4:2:0 the sums, from the column before it on. */
static JpegChroma jpeg_chroma(JpegDecoder *d, int column, int n) {
    JpegChroma to = {.v = d->up_v, .h = d->up_h};
    int at = column / to.h;
    for (int i = 0; i < 2; i++) {
        const uint8_t *near = jpeg_row_of(d, i + 1, d->row / to.v);
        to.row[i] = near + at;
        to.sums[i] = d->sums[i];
        if (to.v == 2)
            jpeg_weigh(d->sums[i], near + at - 1,
                       jpeg_row_of(d, i + 1, jpeg_far_row(d)) + at - 1, n / 2 + 3);
    }
    return to;
}

static JpegForm jpeg_form(const JpegDecoder *d) {
    return (JpegForm){d->pixel, d->pixel > 1 ? 1 : d->plane};
}

/* In steps from an even column on; what is beyond the window, at both ends, goes to a
 * step of its own. */
static void jpeg_colour_row(JpegDecoder *d, uint8_t *to) {
    int from = d->left & -d->up_h, before = d->left - from, n = d->right - from;
    const uint8_t *luma = jpeg_row_of(d, 0, d->row) + from;
    bool repeat = d->up_h == 2 && !d->smooth;
    JpegChroma chroma = (repeat ? jpeg_repeated_chroma : jpeg_chroma)(d, from, n);
    JpegForm form = jpeg_form(d);
    for (int i = 0; i < n;) {
        int skip = i ? 0 : before, end = n - i < JPEG_STEP ? n - i : JPEG_STEP;
        uint8_t *at = to + (i + skip - before) * form.pixel;
        if (!skip && end == JPEG_STEP) {
            i += jpeg_pixels(at, form, luma + i, &chroma, i, n - i);
        } else {
            uint8_t step[4 * JPEG_STEP];
            i += jpeg_pixels(step, jpeg_step_form(form), luma + i, &chroma, i, JPEG_STEP);
            jpeg_copy_step(at, form, step, skip, end);
        }
    }
}

static void jpeg_pixel_row(JpegDecoder *d, uint8_t *to) {
    const uint8_t *luma = jpeg_row_of(d, 0, d->row) + d->left;
    if (d->gray) memcpy(to, luma, (size_t)(d->right - d->left));
    else if (d->header.ncomponents == 1)
        jpeg_gray(to, jpeg_form(d), luma, d->right - d->left);
    else jpeg_colour_row(d, to);
}

const JpegLevel JPEG_LEVEL = {jpeg_mcu_row, jpeg_pixel_row, jpeg_index_row};
