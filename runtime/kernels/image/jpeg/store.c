/* Memory for the coefficients of a progressive file. */
#include "decoder.h"
#include <stdlib.h>

static int blocks_of(int samples) { return (samples + 7) / 8; }

/* gray: chroma's values are not kept. */
static void measure(JpegDecoder *d, int c) {
    const JpegHeader *h = &d->header;
    JpegPlane *p = &d->stored[c];
    int across = c ? 1 : h->h, down = c ? 1 : h->v;
    bool kept = (!c || !d->gray) && d->from_mcu < d->to_mcu && d->from_row < d->to_row;
    p->wide = h->wide * across;
    p->high = h->high * down;
    p->own_wide = blocks_of((h->width * across + h->h - 1) / h->h);
    p->own_high = blocks_of((h->height * down + h->v - 1) / h->v);
    p->left = d->from_mcu * across;
    p->right = kept ? d->to_mcu * across : p->left;
    p->top = d->from_row * down;
    p->bottom = kept ? d->to_row * down : p->top;
}

static size_t count_blocks(const JpegPlane *p) {
    return (size_t)p->wide * (size_t)p->high;
}

static size_t count_kept(const JpegPlane *p) {
    return (size_t)(p->right - p->left) * (size_t)(p->bottom - p->top);
}

/* Every block takes a bit of a scan at least, so the memory is bounded by the file. */
static bool is_plausible(const JpegHeader *h, size_t blocks) {
    return (size_t)(h->end - h->scan) >= blocks / 8;
}

/* Zeroed, and at an address that vectors need. */
static void *take_zeros(JpegDecoder *d, size_t bytes) {
    d->store = calloc(1, bytes + 63);
    return d->store ? (char *)d->store + (-(uintptr_t)d->store & 63) : NULL;
}

int jpegdec_begin_store(JpegDecoder *d) {
    size_t all = 0, kept = 0;
    JpegBlock *block;
    uint64_t *used;
    for (int c = 0; c < d->header.ncomponents; c++) {
        measure(d, c);
        all += count_blocks(&d->stored[c]);
        kept += count_kept(&d->stored[c]);
    }
    if (!is_plausible(&d->header, all)) return JPEG_OTHER;
    block = take_zeros(d, sizeof *block * kept + sizeof *used * all);
    if (!block) return JPEG_OTHER;
    used = (uint64_t *)(void *)(block + kept);
    for (int c = 0; c < d->header.ncomponents; c++) {
        JpegPlane *p = &d->stored[c];
        p->block = block;
        p->used = used;
        block += count_kept(p);
        used += count_blocks(p);
    }
    return JPEG_OK;
}

int64_t jpegdec_store_bytes(const JpegHeader *h) {
    enum { MORE = 4 };          /* libjpeg counts blocks that are not there */
    int64_t wide = (int64_t)h->wide * h->h + MORE, high = (int64_t)h->high * h->v + MORE;
    return h->progressive ? h->ncomponents * wide * high * 128 : 0;
}
