/* The whole of JPEG, by libjpeg-turbo.
 *
 * A window has the bits of the full decode. libjpeg starts a cropped row at a
 * boundary of MCUs and treats both its ends as the picture's, which chroma
 * upsampling can see two columns away: so the crop is two columns wider on
 * each side, and the window is copied out of it.
 *
 * A warning of libjpeg is a failure. Where all scans are read before the first
 * row comes out (progressive files), it fails the whole picture. Otherwise the
 * entropy decoder works from the top to the bottom, whatever the window, and
 * the rows fail that need the row of MCUs in which it warned, and all below. */
#include "turbo.h"
#include <string.h>

enum {
    TURBO_MARGIN = 2,           /* columns that chroma upsampling sees aside */
    TURBO_MAX_SCANS = 500       /* a small file may hold scans for hours of work */
};

/* The first row that needs the MCUs that are being read. */
static int64_t turbo_row_in_doubt(const TurboDecoder *d) {
    int64_t group = d->info.max_v_samp_factor;
    int64_t first = d->info.input_iMCU_row * group * d->info.min_DCT_scaled_size;
    if (!d->one_pass) return 0;
    return first > 0 && d->needs_next ? first - group : first;
}

static void turbo_note_failure(TurboDecoder *d, int64_t row) {
    if (d->bad_row <= row) return;
    d->errors.format_message((j_common_ptr)&d->info, d->reason);
    d->bad_row = row;
}

static void turbo_on_error(j_common_ptr info) {
    TurboDecoder *d = info->client_data;
    int64_t row = turbo_row_in_doubt(d);
    turbo_note_failure(d, row < d->row ? row : d->row);
    longjmp(d->give_up, 1);
}

static void turbo_on_message(j_common_ptr info, int level) {
    TurboDecoder *d = info->client_data;
    if (level >= 0 || d->peeking) return;
    turbo_note_failure(d, turbo_row_in_doubt(d));
    if (!d->one_pass) longjmp(d->give_up, 1);
}

static void turbo_on_output(j_common_ptr info) { (void)info; }

static void turbo_on_progress(j_common_ptr info) {
    TurboDecoder *d = info->client_data;
    if (d->info.input_scan_number <= TURBO_MAX_SCANS) return;
    snprintf(d->reason, sizeof d->reason, "more than %d scans", TURBO_MAX_SCANS);
    d->bad_row = 0;
    longjmp(d->give_up, 1);
}

/* Reads the header. 0, or d->reason says why not; the decoder is to be closed
 * in any case. */
static int turbo_open(TurboDecoder *d, pk_call *call, const pk_tensor *data,
                        int peeking) {
    memset(d, 0, sizeof *d);
    d->call = call;
    d->peeking = peeking;
    d->bad_row = INT64_MAX;
    d->info.err = jpeg_std_error(&d->errors);
    d->info.client_data = d;
    d->errors.error_exit = turbo_on_error;
    d->errors.emit_message = turbo_on_message;
    d->errors.output_message = turbo_on_output;
    d->progress.progress_monitor = turbo_on_progress;
    if (setjmp(d->give_up)) return -1;
    jpeg_create_decompress(&d->info);
    d->info.progress = &d->progress;
    if (data->dim[0] == 1) {            /* libjpeg would name two bytes of it */
        d->bad_row = 0;
        snprintf(d->reason, sizeof d->reason, "too short for a JPEG file: 1 byte");
        return -1;
    }
    jpeg_mem_src(&d->info, data->data, (unsigned long)data->dim[0]);
    jpeg_read_header(&d->info, TRUE);
    return 0;
}

static int64_t turbo_coefficient_bytes(const struct jpeg_decompress_struct *info) {
    int64_t blocks = 0;
    for (int i = 0; i < info->num_components; i++) {
        const jpeg_component_info *c = info->comp_info + i;
        blocks += ((int64_t)c->width_in_blocks + c->h_samp_factor) *
                  ((int64_t)c->height_in_blocks + c->v_samp_factor);
    }
    return blocks * (int64_t)sizeof(JBLOCK);
}

static int turbo_is_colour(const struct jpeg_decompress_struct *info) {
    return info->jpeg_color_space != JCS_CMYK && info->jpeg_color_space != JCS_YCCK;
}

/* What a record may cost is told by the header alone, not by the window. */
static int turbo_check_header(TurboDecoder *d) {
    struct jpeg_decompress_struct *info = &d->info;
    int64_t pixels = (int64_t)info->image_width * info->image_height;
    int64_t bytes = 3 * pixels;
    if (!turbo_is_colour(info))
        return pk_fail(d->call, "CMYK pictures are not supported");
    if (pixels > d->call->max_pixels)
        return pk_fail(d->call, "%u pixels wide and %u high, more than %lld in all",
                       info->image_width, info->image_height,
                       (long long)d->call->max_pixels);
    if (jpeg_has_multiple_scans(info)) bytes += turbo_coefficient_bytes(info);
    if (bytes > d->call->max_bytes)
        return pk_fail(d->call, "takes %lld bytes to decode, the limit is %lld",
                       (long long)bytes, (long long)d->call->max_bytes);
    return 0;
}

static void turbo_set_window(TurboDecoder *d, const pk_region *region) {
    d->to[0] = d->info.output_height;
    d->to[1] = d->info.output_width;
    for (int i = 0; region && i < 2; i++) {
        d->from[i] = region->from[i];
        d->to[i] = region->to[i];
    }
    d->row = d->from[0];
}

static int turbo_fail(TurboDecoder *d) {
    return pk_fail_rows(d->call, d->bad_row, "%s", d->reason);
}

/* What the output is, and how large. */
static int turbo_set_output(TurboDecoder *d, TurboWish wish) {
    struct jpeg_decompress_struct *info = &d->info;
    d->wish = wish;
    if (wish.scale != 1 && wish.scale != 2 && wish.scale != 4 && wish.scale != 8)
        return pk_fail(d->call, "scale %lld: it takes 1, 2, 4 or 8",
                       (long long)wish.scale);
    if (setjmp(d->give_up)) return turbo_fail(d);
    info->scale_num = 8 / (unsigned)wish.scale;
    info->scale_denom = 8;
    if (wish.gray) info->out_color_space = JCS_GRAYSCALE;
    jpeg_calc_output_dimensions(info);
    return 0;
}

int turbo_begin(TurboDecoder *d, pk_call *call, const pk_tensor *data, TurboWish wish,
                const pk_region *region) {
    int code;
    if (turbo_open(d, call, data, 0)) return turbo_fail(d);
    code = turbo_check_header(d);
    if (!code) code = turbo_set_output(d, wish);
    if (!code) turbo_set_window(d, region);
    return code;
}

/* Whether libjpeg interpolates chroma between rows: then it holds back a group
 * of rows until it has the next row of MCUs. (jdsample.c: jinit_upsampler) */
static int turbo_chroma_needs_next(const struct jpeg_decompress_struct *info) {
    int size = info->min_DCT_scaled_size;
    for (int i = 0; i < info->num_components && size > 1; i++) {
        const jpeg_component_info *c = info->comp_info + i;
        int h = c->h_samp_factor * c->DCT_scaled_size / size;
        int v = c->v_samp_factor * c->DCT_scaled_size / size;
        if (!c->component_needed || v * 2 != info->max_v_samp_factor) continue;
        if (h == info->max_h_samp_factor) return 1;
        if (h * 2 == info->max_h_samp_factor && c->downsampled_width > 2) return 1;
    }
    return 0;
}

/* A progressive file that ends before all bits of the low frequencies: libjpeg
 * guesses them from the blocks around, two on each side. */
static int turbo_guesses_coefficients(const struct jpeg_decompress_struct *info) {
    if (!info->progressive_mode) return 0;
    for (int i = 0; i < info->num_components; i++)
        for (int k = 0; k < 10; k++)
            if (info->coef_bits[i][k] != 0) return 1;
    return 0;
}

/* Not of smaller pictures, whose chroma is not always interpolated.
 * A crop in which a component is less than three samples wide would change how
 * libjpeg upsamples it. */
static void turbo_crop_columns(TurboDecoder *d) {
    JDIMENSION left = 0, width = d->info.output_width;
    int64_t from = d->from[1] - TURBO_MARGIN, to = d->to[1] + TURBO_MARGIN;
    int64_t least = 2 * d->info.max_h_samp_factor + 1;
    if (from > (int64_t)width - least) from = (int64_t)width - least;
    if (from < 0) from = 0;
    if (to < from + least) to = from + least;
    if (to > width) to = width;
    if (to - from < width && d->wish.scale == 1 &&
        !turbo_guesses_coefficients(&d->info)) {
        left = (JDIMENSION)from;
        width = (JDIMENSION)(to - from);
        jpeg_crop_scanline(&d->info, &left, &width);
    }
    d->left = left;
    d->width = width;
}

/* Strips lie at 16 mod 32: on rows at 0 mod 32 libjpeg's AVX2 conversion stores
 * past the cache, and the rows are about to be read. */
static int turbo_alloc_strips(TurboDecoder *d) {
    size_t bytes = ((size_t)d->width * d->pixel + 31) / 32 * 32;
    uint8_t *memory;
    if (d->left == d->from[1] && d->left + d->width == d->to[1] &&
        (d->wish.scale == 1 || !d->row) && !d->plane)
        return 0;
    memory = pk_alloc(d->call, TURBO_MAX_ROWS * bytes + 16);
    if (!memory) return pk_fail(d->call, "no memory for a row");
    for (int i = 0; i < TURBO_MAX_ROWS; i++) d->strip[i] = memory + i * bytes + 16;
    return 0;
}

/* To the first row of the window. Of smaller pictures rows are read and dropped: skipping
 * gives others. */
static int turbo_skip_rows(TurboDecoder *d) {
    if (d->wish.scale == 1 && d->row > 0)
        jpeg_skip_scanlines(&d->info, (JDIMENSION)d->row);
    while (d->info.output_scanline < (JDIMENSION)d->row)
        jpeg_read_scanlines(&d->info, d->strip, 1);
    return 0;
}

/* The layout of the first rows that are asked for is that of all. */
static int turbo_start(TurboDecoder *d, const pk_tensor *out) {
    struct jpeg_decompress_struct *info = &d->info;
    int code;
    d->pixel = (size_t)out->stride[1];
    if (d->pixel == 1 && !d->wish.gray) {
        d->pixel = 3;
        d->plane = out->stride[2];
    }
    if (setjmp(d->give_up)) return turbo_fail(d);
    if (!d->wish.gray) info->out_color_space = d->pixel == 4 ? JCS_EXT_RGBX : JCS_RGB;
    info->dct_method = JDCT_ISLOW;
    info->do_fancy_upsampling = TRUE;
    jpeg_start_decompress(info);
    d->needs_next = turbo_chroma_needs_next(info);
    d->one_pass = !jpeg_has_multiple_scans(info);
    turbo_crop_columns(d);
    code = turbo_alloc_strips(d);
    return code ? code : turbo_skip_rows(d);
}

/* The window's columns of a row. */
static void turbo_copy_row(const TurboDecoder *d, uint8_t *to, const uint8_t *row) {
    int64_t n = d->to[1] - d->from[1];
    row += (size_t)(d->from[1] - d->left) * d->pixel;
    if (!d->plane) memcpy(to, row, (size_t)n * d->pixel);
    for (int64_t i = 0; i < n && d->plane; i++)
        for (int k = 0; k < 3; k++) to[k * d->plane + i] = row[3 * i + k];
}

/* Up to n of the next rows to `to`; returns how many. */
static int64_t turbo_read_some(TurboDecoder *d, uint8_t *to, int64_t stride, int64_t n) {
    JSAMPROW rows[TURBO_MAX_ROWS];
    if (n > TURBO_MAX_ROWS) n = TURBO_MAX_ROWS;
    for (int i = 0; i < n; i++)
        rows[i] = d->strip[i] ? d->strip[i] : to + i * stride;
    n = jpeg_read_scanlines(&d->info, rows, (JDIMENSION)n);
    for (int i = 0; i < n && d->strip[i]; i++)
        turbo_copy_row(d, to + i * stride, d->strip[i]);
    return n;
}

/* Rows up to `end`, or to the first bad one. */
static void turbo_read_rows(TurboDecoder *d, const pk_tensor *out, int64_t end) {
    uint8_t *to = out->data;
    while (d->row < end && d->row < d->bad_row) {
        int64_t got = turbo_read_some(d, to, out->stride[0], end - d->row);
        to += got * out->stride[0];
        d->row += got;
    }
}

int turbo_rows(TurboDecoder *d, int64_t n, const pk_tensor *out) {
    int64_t end = d->row + n < d->to[0] ? d->row + n : d->to[0];
    if (d->row >= end || d->from[1] >= d->to[1]) return 0;
    if (!d->pixel) {
        int code = turbo_start(d, out);
        if (code) return code;
    }
    if (setjmp(d->give_up) == 0) turbo_read_rows(d, out, end);
    return d->bad_row < end ? turbo_fail(d) : 0;
}

int turbo_peek(pk_call *call, const pk_tensor *data, TurboWish wish, int64_t *h,
               int64_t *w) {
    TurboDecoder d;
    int code = 0;
    if (turbo_open(&d, call, data, 1)) code = turbo_fail(&d);
    else code = turbo_set_output(&d, wish);
    *h = d.info.output_height;
    *w = d.info.output_width;
    turbo_end(&d);
    return code;
}

void turbo_end(TurboDecoder *d) { jpeg_destroy_decompress(&d->info); }
