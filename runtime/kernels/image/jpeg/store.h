/* The coefficients of a progressive file, whose scans each have some of their bits. Which
 * are not 0 is known of all blocks; the bits are kept of the window's alone.
 *
 * The coefficient k has bit 63 - k of a word, and place 63 - k of `first`: so the bits of
 * a scan that belong to coefficients come in the order of their places. */
#ifndef JPEG_STORE_H
#define JPEG_STORE_H
#include <stddef.h>
#include <stdint.h>

enum { JPEG_MOST_LOW = 3 };     /* bits that are left to later scans: more is odd */

typedef struct JpegBlock {
    int16_t first[64];          /* as the first scan of each has it; DC whole */
    uint64_t later[JPEG_MOST_LOW];          /* AC: where bit 0, 1, 2 came later, and is 1 */
    uint64_t negative;          /* of those that are 0 in `first` */
} JpegBlock;

typedef struct JpegPlane {      /* of a component; all in blocks */
    int wide, high;             /* of whole MCUs */
    int own_wide, own_high;     /* of a scan of its own */
    int left, right, top, bottom;           /* what the window needs */
    uint64_t *used;             /* by rows: which AC coefficients are not 0 */
    JpegBlock *block;           /* what the window needs, by rows */
} JpegPlane;

/* Of the row y what the window needs; or NULL. */
static inline JpegBlock *jpeg_row_of_blocks(const JpegPlane *p, int y) {
    if (y < p->top || y >= p->bottom) return NULL;
    return p->block + (ptrdiff_t)(y - p->top) * (p->right - p->left);
}
#endif
