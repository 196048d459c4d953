/* Indexes of JPEG files, for `pipert index`. */
#include "decoder.h"
#include "pipec_kernel.h"

static bool index_whole(JpegDecoder *d, pk_call *call, int every, JpegIndex *to) {
    uint8_t *memory = pk_alloc(call, jpegdec_memory(&d->header));
    bool good = memory && !jpegdec_begin(d, jpegdec_level(call->cpu), memory) &&
                !jpegdec_make_index(d, every, to);
    if (memory) jpegdec_end(d);
    return good;
}

/* every: MCUs, the squares of 8 or 16 pixels that are coded together. */
static const void *make(pk_call *call, const void *data, int64_t n, int every,
                        size_t *bytes) {
    JpegDecoder *d = pk_alloc(call, sizeof *d);
    JpegIndex *to;
    if (!d || jpegdec_header(&d->header, data, (size_t)n) || d->header.progressive)
        return NULL;
    d->top = d->left = 0;
    d->bottom = d->header.height;
    d->right = d->header.width;
    d->gray = false;
    d->shift = 0;
    *bytes = jpegdec_index_bytes(&d->header, every);
    to = pk_alloc(call, *bytes);
    return to && index_whole(d, call, every, to) ? to : NULL;
}

static const pk_indexer jpeg = {"jpeg", make};
const pk_indexer *const pk_indexers[] = {&jpeg, NULL};
