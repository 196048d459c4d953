/* decode_jpeg and decode_jpeg_gray (dsl/std/image.dsl): our own decoder, and
 * libjpeg-turbo for what it leaves and from the row on in which it has doubts.
 *
 * The layout asked for is read off the result: stride[2] = 1 and stride[1] = 3
 * or 4 bytes a pixel (the fourth byte is 255); 1 of gray. stride[1] = 1 of
 * colours is planes, stride[2] bytes from one to the next. */
#include "decoder.h"
#include "turbo.h"

typedef struct Cursor {
    pk_call *call;
    pk_tensor data;
    TurboWish wish;
    pk_region window;           /* rows, columns */
    bool by_turbo;
    JpegDecoder own;
    TurboDecoder turbo;
} Cursor;

static bool has_own_decoder(JpegHeader *h, const pk_tensor *data, TurboWish wish) {
    int64_t s = wish.scale;
    return (s == 1 || s == 2 || s == 4 || s == 8) &&
           jpegdec_header(h, data->data, (size_t)data->dim[0]) == JPEG_OK;
}

/* What is beyond the limits is for libjpeg to refuse. */
static bool is_within_limits(const pk_call *call, const JpegHeader *h) {
    int64_t pixels = (int64_t)h->width * h->height;
    return pixels <= call->max_pixels &&
           3 * pixels + jpegdec_store_bytes(h) <= call->max_bytes;
}

static int64_t smaller(int side, TurboWish wish) {
    return (side + wish.scale - 1) / wish.scale;
}

static void set_window(Cursor *c, const pk_region *region) {
    JpegDecoder *d = &c->own;
    c->window = (pk_region){.to = {smaller(d->header.height, c->wish),
                                   smaller(d->header.width, c->wish)}};
    if (region) c->window = *region;
    d->top = (int)c->window.from[0];
    d->bottom = (int)c->window.to[0];
    d->left = (int)c->window.from[1];
    d->right = (int)c->window.to[1];
}

/* It pays where the window leaves something out. */
static void use_index(Cursor *c) {
    JpegDecoder *d = &c->own;
    bool all = d->top == 0 && d->bottom == d->height && d->left == 0 &&
               d->right == d->width;
    size_t n;
    const void *index;
    if (!c->call->index || all) return;
    index = c->call->index(c->call, "jpeg", c->data.data, c->data.dim[0], &n);
    if (index) jpegdec_use_index(d, index, n);
}

static bool begin_own(Cursor *c, const pk_region *region) {
    JpegDecoder *d = &c->own;
    uint8_t *memory;
    if (!has_own_decoder(&d->header, &c->data, c->wish) ||
        !is_within_limits(c->call, &d->header))
        return false;
    set_window(c, region);
    d->gray = c->wish.gray;
    d->shift = __builtin_ctz((unsigned)c->wish.scale);
    memory = pk_alloc(c->call, jpegdec_memory(&d->header));
    if (!memory) return false;
    if (jpegdec_begin(d, jpegdec_level(c->call->cpu), memory)) {
        jpegdec_end(d);
        return false;
    }
    use_index(c);
    return true;
}

static int begin(Cursor *c, pk_call *call, const pk_tensor *data, TurboWish wish,
                 const pk_region *region) {
    c->call = call;
    c->data = *data;
    c->wish = wish;
    c->by_turbo = !begin_own(c, region);
    return c->by_turbo ? turbo_begin(&c->turbo, call, &c->data, wish, region) : 0;
}

static void end(Cursor *c) {
    if (c->by_turbo) turbo_end(&c->turbo);
    else jpegdec_end(&c->own);
}

/* From the row on that our own did not give. */
static int go_on_by_turbo(Cursor *c) {
    c->window.from[0] = c->own.row;
    jpegdec_end(&c->own);
    c->by_turbo = true;
    return turbo_begin(&c->turbo, c->call, &c->data, c->wish, &c->window);
}

static int rows(Cursor *c, int64_t n, const pk_tensor *out) {
    JpegDecoder *d = &c->own;
    int64_t row = d->row;
    pk_tensor rest = *out;
    int code;
    if (c->by_turbo) return turbo_rows(&c->turbo, n, out);
    if (n > d->bottom - d->row) n = d->bottom - d->row;
    if (n <= 0 || d->left >= d->right) return 0;
    d->pixel = (int)out->stride[1];
    d->plane = (ptrdiff_t)out->stride[2];
    if (jpegdec_rows(d, (int)n, out->data, out->stride[0]) == JPEG_OK) return 0;
    row = d->row - row;
    rest.data = (uint8_t *)out->data + row * out->stride[0];
    code = go_on_by_turbo(c);
    return code ? code : turbo_rows(&c->turbo, n - row, &rest);
}

static int peek(pk_call *call, const pk_tensor *data, TurboWish wish, int64_t *h,
                int64_t *w) {
    JpegHeader header;
    if (!has_own_decoder(&header, data, wish)) return turbo_peek(call, data, wish, h, w);
    *h = smaller(header.height, wish);
    *w = smaller(header.width, wish);
    return 0;
}

static int decode(pk_call *call, const pk_tensor *data, TurboWish wish,
                  const pk_region *region, pk_tensor *out) {
    Cursor c;
    int code = begin(&c, call, data, wish, region);
    if (!code) code = rows(&c, INT32_MAX, out);
    end(&c);
    return code;
}

static int decode_begin(pk_call *call, const pk_tensor *data, TurboWish wish,
                        const pk_region *region, void **cursor) {
    Cursor *c = pk_alloc(call, sizeof *c);
    int code;
    if (!c) return pk_fail(call, "no memory for the decoder");
    code = begin(c, call, data, wish, region);
    if (code) end(c);
    *cursor = c;
    return code;
}

static int decode_rows(pk_call *call, void *cursor, int64_t n, pk_tensor *out) {
    Cursor *c = cursor;
    c->call = c->turbo.call = call;
    return rows(c, n, out);
}

/* ---- the kernels ---- */
/* `end` comes after a begin that succeeded, whatever became of the rows. */

#define DECODER(name, gray)                                                              \
    int name##_peek(pk_call *call, const pk_tensor *data, int64_t scale, int64_t *h,     \
                    int64_t *w) {                                                        \
        return peek(call, data, (TurboWish){scale, gray}, h, w);                         \
    }                                                                                    \
    int name(pk_call *call, const pk_tensor *data, int64_t scale,                        \
             const pk_region *region, pk_tensor *out) {                                  \
        return decode(call, data, (TurboWish){scale, gray}, region, out);                \
    }                                                                                    \
    int name##_begin(pk_call *call, const pk_tensor *data, int64_t scale,                \
                     const pk_region *region, void **cursor) {                           \
        return decode_begin(call, data, (TurboWish){scale, gray}, region, cursor);       \
    }                                                                                    \
    int name##_rows(pk_call *call, void *cursor, int64_t n, pk_tensor *out) {            \
        return decode_rows(call, cursor, n, out);                                        \
    }                                                                                    \
    void name##_end(pk_call *call, void *cursor) {                                       \
        (void)call;                                                                      \
        end(cursor);                                                                     \
    }

DECODER(decode_jpeg, 0)
DECODER(decode_jpeg_gray, 1)
