/* The hash of a stream of batches: XXH3-64 over each output's values, then for
 * ragged ones offsets and shapes, in the order of `emit`, batch after batch. */
#ifndef PIPERT_STREAM_HASH_H
#define PIPERT_STREAM_HASH_H
#include "pipert.h"

typedef struct stream_hash stream_hash;
stream_hash *stream_hash_new(void);
void stream_hash_free(stream_hash *);
void stream_hash_add(stream_hash *, const pipert_batch *);
uint64_t stream_hash_value(const stream_hash *);
#endif
