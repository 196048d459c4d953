/* The markers before a scan. Whatever is odd is left to libjpeg-turbo. */
#include "decoder.h"
#include <string.h>

/* Where coefficient k of the file lies in a block by rows. */
static const uint8_t zigzag[64] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

enum { JPEG_MOST = 65500 };     /* rows, columns: libjpeg's limit */

/* What has been seen so far. */
typedef struct Reader {
    JpegHeader *h;
    bool frame, jfif;
    int adobe;                  /* its transform; -1: no such marker */
    unsigned quants;            /* bits: which tables there are */
    bool later;                 /* a scan has been */
} Reader;

/* A segment, without its length. */
typedef struct Segment { const uint8_t *at, *end; } Segment;

static int left(const Segment *s) { return (int)(s->end - s->at); }
static int take(Segment *s) { return *s->at++; }

static int take_two(Segment *s) {
    s->at += 2;
    return s->at[-2] << 8 | s->at[-1];
}

static int read_quants(Reader *r, Segment *s) {
    if (r->later) return JPEG_OTHER;
    while (left(s)) {
        int what = take(s);
        if (what > 3 || left(s) < 64) return JPEG_OTHER;    /* of 16 bits, say */
        for (int k = 0; k < 64; k++) r->h->quant[what][zigzag[k]] = (uint16_t)take(s);
        r->quants |= 1u << what;
    }
    return JPEG_OK;
}

static int read_codes(Reader *r, Segment *s) {
    while (left(s)) {
        int what = take(s), n = 0;
        if (what & ~0x13 || left(s) < 16) return JPEG_OTHER;
        for (int i = 0; i < 16; i++) n += s->at[i];
        if (!n || n > 256 || left(s) < 16 + n) return JPEG_OTHER;
        r->h->dht[what >> 4][what & 3] = s->at;
        s->at += 16 + n;
    }
    return JPEG_OK;
}

static int read_frame(Reader *r, Segment *s) {
    JpegHeader *h = r->h;
    if (r->frame || left(s) < 6 || take(s) != 8) return JPEG_OTHER;
    h->height = take_two(s);
    h->width = take_two(s);
    h->ncomponents = take(s);
    if (!h->height || !h->width || h->height > JPEG_MOST || h->width > JPEG_MOST ||
        (h->ncomponents != 1 && h->ncomponents != 3) || left(s) != 3 * h->ncomponents)
        return JPEG_OTHER;
    for (int i = 0; i < h->ncomponents; i++) {
        JpegComponent *c = &h->component[i];
        int factors;
        c->id = take(s);
        factors = take(s);
        c->h = factors >> 4;
        c->v = factors & 15;
        c->quant = take(s);
    }
    r->frame = true;
    return JPEG_OK;
}

static int read_scan_component(JpegHeader *h, Segment *s, int i) {
    JpegComponent *c = &h->component[i];
    int tables = take(s);
    c->dc = tables >> 4;
    c->ac = tables & 15;
    return c->dc > 3 || c->ac > 3 ? JPEG_OTHER : JPEG_OK;
}

/* Some components, in their order. */
static int read_scan_components(JpegHeader *h, Segment *s) {
    int n = left(s) ? take(s) : 0, i = 0;
    if (n < 1 || left(s) != 3 + 2 * n) return JPEG_OTHER;
    h->at.n = n;
    for (int k = 0; k < n; k++) {
        int id = take(s);
        while (i < h->ncomponents && h->component[i].id != id) i++;
        if (i == h->ncomponents || read_scan_component(h, s, i)) return JPEG_OTHER;
        h->at.component[k] = i++;
    }
    return JPEG_OK;
}

/* What a scan of a progressive file adds to a component: the first bits of coefficients
 * of which there are none, or the next one. (jdphuff.c) */
static int add_to_component(JpegHeader *h, int i) {
    const JpegScan *s = &h->at;
    int8_t *low = h->low[i];
    int table = s->first ? h->component[i].ac : h->component[i].dc;
    if (s->first && low[0] < 0) return JPEG_OTHER;
    if (!h->dht[s->first > 0][table] && (s->first || !s->high)) return JPEG_OTHER;
    for (int k = s->first; k <= s->last; k++) {
        if (low[k] != (s->high ? s->high : -1)) return JPEG_OTHER;
        low[k] = (int8_t)s->low;
    }
    return JPEG_OK;
}

static int add_scan(JpegHeader *h) {
    const JpegScan *s = &h->at;
    if (s->first ? s->n > 1 || s->first > s->last || s->last > 63 : s->last)
        return JPEG_OTHER;
    if (s->high ? s->low != s->high - 1 : s->low > JPEG_MOST_LOW) return JPEG_OTHER;
    for (int i = 0; i < s->n; i++)
        if (add_to_component(h, s->component[i])) return JPEG_OTHER;
    return JPEG_OK;
}

/* All components at once, whole. */
static int check_only_scan(const JpegHeader *h) {
    const JpegScan *s = &h->at;
    for (int i = 0; i < h->ncomponents; i++)
        if (!h->dht[0][h->component[i].dc] || !h->dht[1][h->component[i].ac])
            return JPEG_OTHER;
    return s->n == h->ncomponents && s->first == 0 && s->last == 63 && !s->high && !s->low
               ? JPEG_OK
               : JPEG_OTHER;
}

static int read_scan(Reader *r, Segment *s) {
    JpegHeader *h = r->h;
    if (!r->frame || read_scan_components(h, s)) return JPEG_OTHER;
    h->at.first = take(s);
    h->at.last = take(s);
    h->at.low = take(s);
    h->at.high = h->at.low >> 4;
    h->at.low &= 15;
    for (int i = 0; i < h->ncomponents && !r->later; i++)
        if (h->component[i].quant > 3 || !(r->quants >> h->component[i].quant & 1))
            return JPEG_OTHER;
    return h->progressive ? add_scan(h) : check_only_scan(h);
}

/* Of other versions of JFIF libjpeg warns. */
static int read_application(Reader *r, int marker, const Segment *s) {
    if (marker == 0xE0 && left(s) >= 14 && !memcmp(s->at, "JFIF", 5)) {
        if (s->at[5] != 1) return JPEG_OTHER;
        r->jfif = true;
    }
    if (marker == 0xEE && left(s) >= 12 && !memcmp(s->at, "Adobe", 5))
        r->adobe = s->at[11];
    return JPEG_OK;
}

static int read_segment(Reader *r, int marker, Segment *s) {
    switch (marker) {
    case 0xC0: return read_frame(r, s);
    case 0xC2:
        r->h->progressive = true;
        return read_frame(r, s);
    case 0xC4: return read_codes(r, s);
    case 0xDA: return read_scan(r, s);
    case 0xDB: return read_quants(r, s);
    case 0xDD:
        if (left(s) != 2) return JPEG_OTHER;
        r->h->restart = take_two(s);
        return JPEG_OK;
    case 0xFE: return JPEG_OK;
    }
    return marker >> 4 == 0xE ? read_application(r, marker, s) : JPEG_OTHER;
}

/* As libjpeg guesses it; what it guesses otherwise is left to it. */
static bool is_ycc(const Reader *r) {
    const JpegComponent *c = r->h->component;
    if (r->jfif) return true;
    if (r->adobe >= 0) return r->adobe == 1;
    return c[0].id == 1 && c[1].id == 2 && c[2].id == 3;
}

/* 4:4:4, 4:2:2, 4:2:0 and gray. Chroma of two columns is not interpolated by libjpeg,
 * and it reads the rows of a gray picture in groups of v. */
static int set_sampling(const Reader *r) {
    JpegHeader *h = r->h;
    JpegComponent *c = h->component;
    if (h->ncomponents == 1) {
        if (c->h < 1 || c->h > 4 || c->v != 1) return JPEG_OTHER;
        c->h = 1;
    } else if (c[1].h != 1 || c[1].v != 1 || c[2].h != 1 || c[2].v != 1 ||
               c[0].id == c[1].id || c[0].id == c[2].id || c[1].id == c[2].id ||
               !is_ycc(r)) {
        return JPEG_OTHER;
    }
    h->h = c->h;
    h->v = c->v;
    if (h->h < 1 || h->h > 2 || h->v < 1 || h->v > h->h ||
        (h->h == 2 && (h->width + 1) / 2 <= 2))
        return JPEG_OTHER;
    h->wide = (h->width + 8 * h->h - 1) / (8 * h->h);
    h->high = (h->height + 8 * h->v - 1) / (8 * h->v);
    return JPEG_OK;
}

/* Up to the next scan. */
static int read_segments(Reader *r, const uint8_t *data) {
    const uint8_t *end = r->h->end;
    for (int marker = 0; marker != 0xDA;) {
        Segment s;
        size_t bytes;
        if (end - data < 4 || data[0] != 0xFF) return JPEG_OTHER;
        marker = data[1];
        bytes = (size_t)data[2] << 8 | data[3];
        if (bytes < 2 || (size_t)(end - data) - 2 < bytes) return JPEG_OTHER;
        s = (Segment){data + 4, data + 2 + bytes};
        data += 2 + bytes;
        if (read_segment(r, marker, &s)) return JPEG_OTHER;
    }
    r->h->scan = data;
    return JPEG_OK;
}

int jpegdec_header(JpegHeader *h, const uint8_t *data, size_t n) {
    Reader r = {.h = h, .adobe = -1};
    memset(h, 0, sizeof *h);
    memset(h->low, -1, sizeof h->low);
    if (n < 4 || data[0] != 0xFF || data[1] != 0xD8) return JPEG_OTHER;
    h->end = data + n;
    return read_segments(&r, data + 2) || set_sampling(&r) ? JPEG_OTHER : JPEG_OK;
}

int jpegdec_next_scan(JpegHeader *h, const uint8_t *marker) {
    Reader r = {.h = h, .frame = true, .adobe = -1, .later = true};
    return read_segments(&r, marker);
}

bool jpegdec_is_complete(const JpegHeader *h) {
    int bits = 0;
    for (int i = 0; i < h->ncomponents; i++)
        for (int k = 0; k < 64; k++) bits |= h->low[i][k];
    return !bits;
}
