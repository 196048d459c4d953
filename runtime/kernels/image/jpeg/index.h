/* Where in a scan its MCUs begin, so that a window is reached without what lies before.
 *
 * In a file: a JpegIndex and its points, little-endian, for the MCUs 0, every, 2 every, …
 * of every row. An index is made of a file that decodes without a doubt and has no
 * restarts; whoever gives it vouches that the file is still the same. A wrong one gives
 * wrong pixels, or libjpeg-turbo's, but reads and writes nothing it must not. */
#ifndef JPEG_INDEX_H
#define JPEG_INDEX_H
#include <stddef.h>
#include <stdint.h>

typedef struct JpegPoint {
    uint32_t byte;              /* from the scan's begin, stuffing included */
    uint8_t bit, zero;          /* of that byte, the highest is 0 */
    int16_t predictor[3];       /* DC of the blocks before */
} JpegPoint;

typedef struct JpegIndex {
    uint32_t every, wide, high;         /* MCUs */
    uint32_t scan_bytes;                /* up to the file's end */
    JpegPoint point[];
} JpegIndex;

static inline size_t jpegdec_index_points(uint32_t every, uint32_t wide, uint32_t high) {
    return ((size_t)wide + every - 1) / every * high;
}
#endif
