#include "stream_hash.h"
#include <xxhash.h>

stream_hash *stream_hash_new(void) {
    XXH3_state_t *s = XXH3_createState();
    if (s) XXH3_64bits_reset(s);
    return (stream_hash *)s;
}

void stream_hash_free(stream_hash *h) { XXH3_freeState((XXH3_state_t *)h); }

static void add(stream_hash *h, const void *data, int64_t bytes) {
    if (bytes) XXH3_64bits_update((XXH3_state_t *)h, data, (size_t)bytes);
}

void stream_hash_add(stream_hash *h, const pipert_batch *b) {
    for (int i = 0; i < b->noutputs; i++) {
        const pipert_output *o = &b->output[i];
        add(h, o->data, o->count * pipert_dtype_size(o->dtype));
        if (!o->ragged) continue;
        add(h, o->offsets, (o->dim[0] + 1) * 8);
        if (o->shapes) add(h, o->shapes, o->dim[0] * (o->rank - 1) * 4);
    }
}

uint64_t stream_hash_value(const stream_hash *h) {
    return XXH3_64bits_digest((const XXH3_state_t *)h);
}
