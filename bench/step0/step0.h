/* The seams of step0: what the loops call, and what the benchmark calls. */
#include <stdint.h>

void decode_whole(const uint8_t *data, int64_t size, uint8_t *out);
int64_t window_begin(const uint8_t *data, int64_t size, int64_t top, int64_t left,
                     int64_t right, int64_t channels);
int64_t window_rows(uint8_t *to, int64_t stride, int64_t n);
void window_end(void);

/* One record: the crop (top, left, h, w) resized to 224 x 224, flipped or not,
 * normalised, channels first, into out. scratch: 4 MB, 64-byte aligned. */
typedef void record_fn(const uint8_t *data, int64_t size, int64_t top, int64_t left,
                       int64_t h, int64_t w, int64_t flip, void *scratch, float *out);
