/* Our decoder and libjpeg-turbo, in turn on every file, one thread.
 *
 *     jpeg ROUNDS FILE...
 *
 * Prints one JSON object a round and level: {"level": 3, "turbo": s, "whole": s,
 * "window": s, "row": s, "eight": s}, seconds over all files; windows are boxes of
 * RandomResizedCrop, the same in every round; `row` and `eight` reach them by an index of
 * every row of MCUs, and of every 8 of them. Pixels go to memory that is reused. */
#include "decoder.h"
#include "turbo.h"
#include "host.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct File {
    pk_tensor data;
    JpegHeader header;
    int top, bottom, left, right;       /* its box */
    JpegIndex *index[2];                /* of rows, of every 8 MCUs */
    size_t bytes[2];
} File;

static Host host;
static JpegDecoder decoder;
static uint8_t *pixels, *memory;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double uniform(double low, double high) {
    return low + (high - low) * rand() / ((double)RAND_MAX + 1);
}

/* torchvision's: ten tries, then the whole. */
static void choose_box(File *f) {
    int height = f->header.height, width = f->header.width;
    *f = (File){.data = f->data, .header = f->header, .bottom = height, .right = width};
    for (int i = 0; i < 10; i++) {
        double area = height * (double)width * uniform(.08, 1);
        double ratio = exp(uniform(log(3. / 4), log(4. / 3)));
        int w = (int)round(sqrt(area * ratio)), h = (int)round(sqrt(area / ratio));
        if (w < 1 || w > width || h < 1 || h > height) continue;
        f->top = (int)uniform(0, height - h + 1);
        f->left = (int)uniform(0, width - w + 1);
        f->bottom = f->top + h;
        f->right = f->left + w;
        return;
    }
}

static void make_index(File *f, int i, int every) {
    decoder.header = f->header;
    decoder.top = decoder.left = 0;
    decoder.bottom = f->header.height;
    decoder.right = f->header.width;
    f->bytes[i] = jpegdec_index_bytes(&f->header, every);
    f->index[i] = malloc(f->bytes[i]);
    if (jpegdec_begin(&decoder, jpegdec_level(0), memory) ||
        jpegdec_make_index(&decoder, every, f->index[i]))
        exit(3);
    jpegdec_end(&decoder);
}

static void read_file(File *f, const char *path) {
    FILE *in = fopen(path, "rb");
    long n;
    if (!in || fseek(in, 0, SEEK_END)) exit(2);
    n = ftell(in);
    rewind(in);
    f->data = (pk_tensor){calloc(1, (size_t)n + 64), {n}, {1}};
    if (fread(f->data.data, 1, (size_t)n, in) != (size_t)n) exit(2);
    fclose(in);
    if (jpegdec_header(&f->header, f->data.data, (size_t)n)) {
        fprintf(stderr, "%s is left to libjpeg-turbo\n", path);
        exit(2);
    }
    choose_box(f);
    make_index(f, 0, f->header.wide);
    make_index(f, 1, 8);
}

static void by_turbo(const File *f) {
    pk_tensor out = {pixels, {0}, {3 * f->header.width, 3, 1}};
    TurboDecoder d;
    host_reset(&host);
    if (turbo_begin(&d, &host.call, &f->data, (TurboWish){1, 0}, NULL) ||
        turbo_rows(&d, INT32_MAX, &out))
        exit(3);
    turbo_end(&d);
}

/* index: -1: without one. */
static void by_own(const File *f, const JpegLevel *level, bool whole, int index) {
    JpegDecoder *d = &decoder;
    if (jpegdec_header(&d->header, f->data.data, (size_t)f->data.dim[0])) exit(3);
    d->top = whole ? 0 : f->top;
    d->bottom = whole ? f->header.height : f->bottom;
    d->left = whole ? 0 : f->left;
    d->right = whole ? f->header.width : f->right;
    d->pixel = 3;
    if (jpegdec_begin(d, level, memory)) exit(3);
    if (index >= 0) jpegdec_use_index(d, f->index[index], f->bytes[index]);
    if (jpegdec_rows(d, d->bottom - d->top, pixels, 3 * (d->right - d->left))) exit(3);
    jpegdec_end(d);
}

static void measure(const File *files, int n, int cpu) {
    static const char *const names[] = {"turbo", "whole", "window", "row", "eight"};
    const JpegLevel *level = jpegdec_level(cpu);
    double spent[5] = {0};
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 5; k++) {
            double began = now();
            if (k == 0) by_turbo(&files[i]);
            else by_own(&files[i], level, k == 1, k - 3);
            spent[k] += now() - began;
        }
    printf("{\"level\": %d", cpu);
    for (int k = 0; k < 5; k++) printf(", \"%s\": %.6f", names[k], spent[k]);
    printf("}\n");
}

int main(int argc, char **argv) {
    int rounds = argc > 2 ? atoi(argv[1]) : 0, n = argc - 2;
    File *files = aligned_alloc(64, (size_t)(n > 0 ? n : 1) * sizeof *files);
    if (rounds < 1) return fputs("usage: jpeg ROUNDS FILE...\n", stderr), 2;
    pixels = aligned_alloc(64, 64 << 20);
    memory = aligned_alloc(64, 16 << 20);
    host_init(&host, INT32_MAX, INT32_MAX);
    srand(1);
    for (int i = 0; i < n; i++) read_file(&files[i], argv[i + 2]);
    for (int k = 0; k < n; k++) by_own(&files[k], jpegdec_level(host_cpu()), true, -1);
    for (int i = 0; i < rounds; i++)
        for (int cpu = 3; cpu <= host_cpu(); cpu++) measure(files, n, cpu);
    return 0;
}
