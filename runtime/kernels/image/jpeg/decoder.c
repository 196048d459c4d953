/* A window of a picture: what it needs, its memory, its rows. */
#include "decoder.h"
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */
static size_t round_up(size_t n) { return (n + 63) & ~(size_t)63; }

static size_t stride_of(const JpegHeader *h, int c) {
    return round_up((size_t)h->wide * 8 * (c ? 1 : (size_t)h->h) + 2 * JPEG_MARGIN);
}

static size_t plane_bytes(const JpegHeader *h, int c) {
    return stride_of(h, c) * 8 * (c ? 1 : (size_t)h->v);
}

static size_t sums_bytes(const JpegHeader *h) {
    return round_up(sizeof(int16_t) * ((size_t)h->wide * 8 + 2 * JPEG_STEP));
}

size_t jpegdec_memory(const JpegHeader *h) {
    size_t n = 2 * sums_bytes(h);
    for (int c = 0; c < h->ncomponents; c++) n += 2 * plane_bytes(h, c);
    return n;
}

static void lay_out(JpegDecoder *d, uint8_t *memory) {
    const JpegHeader *h = &d->header;
    for (int i = 0; i < 2; i++, memory += sums_bytes(h))
        d->sums[i] = (int16_t *)(void *)memory;
    for (int c = 0; c < h->ncomponents; c++) {
        d->stride[c] = (ptrdiff_t)stride_of(h, c);
        for (int i = 0; i < 2; i++, memory += plane_bytes(h, c))
            d->strip[i].plane[c] = memory + JPEG_MARGIN;
    }
}

/* ---- the MCUs of a window ---- */
static int most(int a, int b) { return a > b ? a : b; }
static int least(int a, int b) { return a < b ? a : b; }

/* The samples of chroma that pixels from … to - 1 need, as MCUs; where it is
 * interpolated, with one sample more on each side. */
static void need(int factor, int mcu, bool beside, int size, int from, int to,
                 int *first, int *end) {
    int samples = (size + factor - 1) / factor;
    int low = most(from / factor - beside, 0);
    int high = least((to - 1) / factor + beside, samples - 1);
    *first = low * factor / mcu;
    *end = high * factor / mcu + 1;
}

static void choose_mcus(JpegDecoder *d) {
    const JpegHeader *h = &d->header;
    need(d->up_h, d->size[0] * h->h, d->smooth && !d->gray, d->width, d->left, d->right,
         &d->from_mcu, &d->to_mcu);
    need(d->up_v, d->size[0] * h->v, d->up_v == 2 && !d->gray, d->height, d->top,
         d->bottom, &d->from_row, &d->to_row);
}

/* Of a smaller picture libjpeg makes chroma as large as it comes to luma. (jdmaster.c) */
static void choose_sizes(JpegDecoder *d) {
    const JpegHeader *h = &d->header;
    int size = 8 >> d->shift, round = (1 << d->shift) - 1;
    bool colour = h->ncomponents == 3, grows = colour && d->shift && h->v == 2;
    d->width = (h->width + round) >> d->shift;
    d->height = (h->height + round) >> d->shift;
    d->size[0] = size;
    d->size[1] = d->size[2] = grows ? 2 * size : size;
    d->up_h = grows ? 1 : h->h;
    d->up_v = grows ? 1 : h->v;
    d->smooth = d->up_h == 2 && size > 1 && (d->width + 1) / 2 > 2;
}

/* ---- tables ---- */
/* A thread's tables serve the next picture too, unless another decoder of the same
 * thread has them. */
static JpegTables *borrow_tables(JpegDecoder *d) {
    static _Thread_local JpegTables kept;
    if (!kept.busy) {
        kept.busy = true;
        return &kept;
    }
    return d->own_tables = calloc(1, sizeof *d->own_tables);
}

static int choose_tables(JpegDecoder *d) {
    const JpegHeader *h = &d->header;
    for (int c = 0; c < h->ncomponents; c++) {
        const JpegComponent *of = &h->component[c];
        d->dc[c] = jpegdec_dc_table(d->tables, of->dc, h->dht[0][of->dc]);
        d->ac[c] = jpegdec_ac_table(d->tables, of->ac, h->dht[1][of->ac]);
        if (!d->dc[c] || !d->ac[c]) return JPEG_OTHER;
    }
    return JPEG_OK;
}

int jpegdec_scan_tables(JpegDecoder *d) {
    const JpegHeader *h = &d->header;
    const JpegScan *s = &h->at;
    for (int i = 0; i < s->n; i++) {
        int c = s->component[i], dc = h->component[c].dc, ac = h->component[c].ac;
        if (s->first) {
            d->band = jpegdec_band_table(d->tables, ac, h->dht[1][ac]);
            if (!d->band) return JPEG_OTHER;
        } else if (!s->high) {
            d->dc[c] = jpegdec_dc_table(d->tables, dc, h->dht[0][dc]);
            if (!d->dc[c]) return JPEG_OTHER;
        }
    }
    return JPEG_OK;
}

/* ---- levels ---- */
const JpegLevel *jpegdec_level(int64_t cpu) {
#if defined __x86_64__
    if (cpu >= 4) return &jpegdec_avx512;
    if (cpu >= 3) return &jpegdec_avx2;
#endif
    (void)cpu;
    return &jpegdec_scalar;
}

/* ---- rows ---- */
int jpegdec_begin(JpegDecoder *d, const JpegLevel *level, uint8_t *memory) {
    const JpegHeader *h = &d->header;
    d->level = level;
    d->tables = d->own_tables = NULL;
    d->store = NULL;
    d->stream.from = h->scan;
    d->stream.end = h->end;
    d->restart_left = h->restart;
    d->restart_next = d->mcu_row = 0;
    d->row = d->top;
    d->mcu = -1;
    d->index = NULL;
    memset(d->predictor, 0, sizeof d->predictor);
    memset(d->block, 0, sizeof d->block);
    lay_out(d, memory);
    choose_sizes(d);
    choose_mcus(d);
    d->tables = borrow_tables(d);
    if (!d->tables) return JPEG_OTHER;
    return h->progressive ? jpegdec_begin_store(d) : choose_tables(d);
}

/* ---- indexes ---- */
void jpegdec_use_index(JpegDecoder *d, const void *index, size_t n) {
    const JpegIndex *x = index;
    const JpegHeader *h = &d->header;
    d->index = NULL;
    if (n < sizeof *x || (uintptr_t)index % _Alignof(JpegIndex) || h->restart ||
        h->progressive)
        return;
    if (!x->every || x->every > 65536 || (int)x->wide != h->wide ||
        (int)x->high != h->high || x->scan_bytes != (uint64_t)(h->end - h->scan) ||
        n != jpegdec_index_bytes(h, (int)x->every))
        return;
    d->index = x;
}

size_t jpegdec_index_bytes(const JpegHeader *h, int every) {
    return sizeof(JpegIndex) + sizeof(JpegPoint) * jpegdec_index_points(
        (uint32_t)every, (uint32_t)h->wide, (uint32_t)h->high);
}

int jpegdec_make_index(JpegDecoder *d, int every, JpegIndex *to) {
    const JpegHeader *h = &d->header;
    size_t each = jpegdec_index_points((uint32_t)every, (uint32_t)h->wide, 1);
    memset(to, 0, jpegdec_index_bytes(h, every));
    *to = (JpegIndex){.every = (uint32_t)every, .wide = (uint32_t)h->wide,
                      .high = (uint32_t)h->high,
                      .scan_bytes = (uint32_t)(h->end - h->scan)};
    if (h->restart || h->progressive || h->end - h->scan > UINT32_MAX) return JPEG_OTHER;
    for (int i = 0; i < h->high; i++)
        if (d->level->index_row(d, every, to->point + each * (size_t)i))
            return JPEG_OTHER;
    return JPEG_OK;
}

/* Rows that can be made of the rows of MCUs that were read; the last one of 4:2:0 is
 * interpolated with the next row of MCUs. libjpeg gives two at once, so two fail if that
 * is damaged. */
static int rows_ready(const JpegDecoder *d) {
    const JpegHeader *h = &d->header;
    if (d->mcu_row >= h->high) return d->height;
    return d->mcu_row * d->size[0] * h->v - (d->up_v == 2 && !d->gray ? 2 : 0);
}

int jpegdec_rows(JpegDecoder *d, int n, uint8_t *to, ptrdiff_t stride) {
    for (; n; n--, d->row++, to += stride) {
        while (d->row >= rows_ready(d))
            if (d->level->mcu_row(d)) return JPEG_OTHER;
        d->level->pixel_row(d, to);
    }
    return JPEG_OK;
}

void jpegdec_end(JpegDecoder *d) {
    if (d->own_tables) free(d->own_tables);
    else if (d->tables) d->tables->busy = false;
    d->tables = d->own_tables = NULL;
    free(d->store);
    d->store = NULL;
}
