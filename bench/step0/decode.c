/* Windows of JPEG files for step0: rows into a ring, two a call. A window is two
 * columns wider on each side than asked, where libjpeg's upsampling differs
 * from that of the full decode. No error handling: the files are ours. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#include "step0.h"

static struct jpeg_decompress_struct info;
static struct jpeg_error_mgr errors;

static void start(const uint8_t *data, int64_t size, J_COLOR_SPACE space) {
    info.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, data, (unsigned long)size);
    jpeg_read_header(&info, TRUE);
    info.out_color_space = space;
    jpeg_start_decompress(&info);
}

/* The whole picture; the floor to compare with. */
void decode_whole(const uint8_t *data, int64_t size, uint8_t *out) {
    start(data, size, JCS_RGB);
    while (info.output_scanline < info.output_height) {
        JSAMPROW row = out + (size_t)info.output_scanline * info.output_width * 3;
        jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
}

/* Returns the first column that the rows will hold, at or before `left`. */
int64_t window_begin(const uint8_t *data, int64_t size, int64_t top, int64_t left,
                     int64_t right, int64_t channels) {
    start(data, size, channels == 4 ? JCS_EXT_RGBX : JCS_RGB);
    JDIMENSION from = left > 2 ? (JDIMENSION)left - 2 : 0;
    JDIMENSION to = right + 2 < info.output_width ? (JDIMENSION)right + 2
                                                  : info.output_width;
    JDIMENSION width = to - from;
    if (width < info.output_width) jpeg_crop_scanline(&info, &from, &width);
    if (top) jpeg_skip_scanlines(&info, (JDIMENSION)top);
    return from;
}

/* The next n rows, `stride` bytes apart; returns how many came. */
int64_t window_rows(uint8_t *to, int64_t stride, int64_t n) {
    int64_t got = 0;
    while (got < n && info.output_scanline < info.output_height) {
        JSAMPROW rows[2] = {to + got * stride, to + (got + 1) * stride};
        got += jpeg_read_scanlines(&info, rows, (JDIMENSION)(n - got < 2 ? 1 : 2));
    }
    return got;
}

void window_end(void) {
    jpeg_destroy_decompress(&info);
}
