/* libjpeg alone: row by row, on through every warning. */
#include "fuzz.h"
#include <setjmp.h>
#include <string.h>

enum { MOST_SCANS = 500 };      /* of decode_jpeg, whose limit is none of libjpeg's */

typedef struct Judge {
    struct jpeg_error_mgr errors;
    jmp_buf give_up;
    int64_t bad_row;
    struct jpeg_progress_mgr progress;
    bool beyond;                /* our limits */
} Judge;

pk_tensor copy_file(const uint8_t *bytes, size_t n) {
    pk_tensor file = {malloc(n ? n : 1), {(int64_t)n}, {1}};
    if (n) memcpy(file.data, bytes, n);
    return file;
}

static void on_message(j_common_ptr info, int level) {
    Judge *judge = (Judge *)info->err;
    if (level < 0 && judge->bad_row == INT64_MAX)
        judge->bad_row = ((j_decompress_ptr)info)->output_scanline;
}

static void on_error(j_common_ptr info) {
    on_message(info, -1);
    longjmp(((Judge *)info->err)->give_up, 1);
}

static void on_progress(j_common_ptr info) {
    Judge *judge = (Judge *)info->err;
    if (((j_decompress_ptr)info)->input_scan_number <= MOST_SCANS) return;
    judge->beyond = true;
    longjmp(judge->give_up, 1);
}

static bool is_ours(const struct jpeg_decompress_struct *info) {
    Judge *judge = (Judge *)info->err;
    judge->beyond = (int64_t)info->image_width * info->image_height > MOST_PIXELS;
    return !judge->beyond && info->jpeg_color_space != JCS_CMYK &&
           info->jpeg_color_space != JCS_YCCK;
}

static void read_whole(struct jpeg_decompress_struct *info, const pk_tensor *file,
                       Whole *whole, Form form) {
    int pixel = form.pixel;
    jpeg_mem_src(info, file->data, (unsigned long)file->dim[0]);
    jpeg_read_header(info, TRUE);
    if (!is_ours(info)) return;
    info->out_color_space =
        pixel == 4 ? JCS_EXT_RGBX : pixel == 1 ? JCS_GRAYSCALE : JCS_RGB;
    info->scale_num = 8 / (unsigned)form.scale;
    info->scale_denom = 8;
    jpeg_calc_output_dimensions(info);
    whole->is_read = true;
    whole->height = (int)info->output_height;
    whole->width = (int)info->output_width;
    jpeg_start_decompress(info);
    whole->pixels = malloc((size_t)whole->height * (size_t)whole->width * (size_t)pixel);
    while (info->output_scanline < info->output_height) {
        JSAMPROW row = whole->pixels +
                       (size_t)info->output_scanline * (size_t)(whole->width * pixel);
        jpeg_read_scanlines(info, &row, 1);
    }
}

Whole judge(const pk_tensor *file, Form form) {
    struct jpeg_decompress_struct info;
    Judge judge = {.bad_row = INT64_MAX};
    Whole whole = {0};
    info.err = jpeg_std_error(&judge.errors);
    judge.errors.error_exit = on_error;
    judge.errors.emit_message = on_message;
    judge.progress.progress_monitor = on_progress;
    jpeg_create_decompress(&info);
    info.progress = &judge.progress;
    if (setjmp(judge.give_up) == 0) read_whole(&info, file, &whole, form);
    whole.bad_row = judge.bad_row;
    whole.is_read = whole.is_read && !judge.beyond;
    whole.is_refused = !whole.is_read && !judge.beyond;
    jpeg_destroy_decompress(&info);
    return whole;
}

void whole_free(Whole *whole) {
    free(whole->pixels);
    whole->pixels = NULL;
}
