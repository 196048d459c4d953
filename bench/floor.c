/* What no loader can beat: the bare work on the same files, one thread.
 *
 *     floor decode DIR     every file below DIR fully decoded by libjpeg-turbo
 *     floor entropy DIR    entropy decoding alone (all rows skipped)
 *     floor copy           memory copied, 64 MB at a time, beyond the caches
 *
 * Prints one JSON object: records, seconds, bytes. Files are read beforehand. */
#define _GNU_SOURCE
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <jpeglib.h>

typedef struct File {
    uint8_t *bytes;
    size_t n;
} File;

static File *files;
static size_t nfiles;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void print_result(size_t records, double seconds, double bytes) {
    printf("{\"records\": %zu, \"seconds\": %.6f, \"bytes\": %.0f}\n", records, seconds,
           bytes);
}

static int read_one(const char *path, const struct stat *info, int kind,
                    struct FTW *where) {
    size_t length = strlen(path);
    File file = {malloc((size_t)info->st_size), (size_t)info->st_size};
    FILE *in;
    (void)where;
    if (kind != FTW_F || length < 4 || strcmp(path + length - 4, ".jpg")) {
        free(file.bytes);
        return 0;
    }
    in = fopen(path, "rb");
    if (!in || fread(file.bytes, 1, file.n, in) != file.n) return 1;
    fclose(in);
    files = realloc(files, (nfiles + 1) * sizeof *files);
    files[nfiles++] = file;
    return 0;
}

static void decode(struct jpeg_decompress_struct *info, uint8_t *picture) {
    jpeg_start_decompress(info);
    while (info->output_scanline < info->output_height) {
        JSAMPROW row = picture + (size_t)info->output_scanline * info->output_width * 3;
        jpeg_read_scanlines(info, &row, 1);
    }
    jpeg_finish_decompress(info);
}

static void skip(struct jpeg_decompress_struct *info, uint8_t *picture) {
    (void)picture;
    jpeg_start_decompress(info);
    jpeg_skip_scanlines(info, info->output_height - 1);
    jpeg_abort_decompress(info);
}

static void each_file(void (*work)(struct jpeg_decompress_struct *, uint8_t *),
                      size_t n, uint8_t *picture) {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    info.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&info);
    for (size_t i = 0; i < n; i++) {
        jpeg_mem_src(&info, files[i].bytes, files[i].n);
        jpeg_read_header(&info, TRUE);
        info.out_color_space = JCS_RGB;
        work(&info, picture);
    }
    jpeg_destroy_decompress(&info);
}

static int measure_files(void (*work)(struct jpeg_decompress_struct *, uint8_t *),
                         const char *folder) {
    uint8_t *picture = aligned_alloc(64, 64 << 20);
    double bytes = 0, began;
    memset(picture, 0, 64 << 20);
    if (nftw(folder, read_one, 16, 0) || !nfiles) return 1;
    for (size_t i = 0; i < nfiles; i++) bytes += (double)files[i].n;
    each_file(work, nfiles < 50 ? nfiles : 50, picture);
    began = now();
    each_file(work, nfiles, picture);
    print_result(nfiles, now() - began, bytes);
    return 0;
}

static int measure_copy(void) {
    enum { MB = 64, TIMES = 40 };
    uint8_t *from = malloc(MB << 20), *to = malloc(MB << 20);
    double began;
    memset(from, 1, MB << 20);
    memset(to, 2, MB << 20);
    began = now();
    for (int i = 0; i < TIMES; i++) {
        from[i] = (uint8_t)i;
        memcpy(to, from, MB << 20);
        __asm__ volatile("" : : "r"(to) : "memory");
    }
    print_result(TIMES, now() - began, (double)TIMES * (MB << 20));
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "decode")) return measure_files(decode, argv[2]);
    if (argc == 3 && !strcmp(argv[1], "entropy")) return measure_files(skip, argv[2]);
    if (argc == 2 && !strcmp(argv[1], "copy")) return measure_copy();
    fputs("floor decode DIR | entropy DIR | copy\n", stderr);
    return 2;
}
