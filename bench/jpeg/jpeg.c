/* Our decoder and libjpeg-turbo, in turn on every file, one thread.
 *
 *     jpeg ROUNDS FILE...
 *
 * Prints one JSON object a round and level: {"level": 3, "turbo": s, "whole": s, …},
 * seconds over all files, of what `measures` lists. Windows are boxes of
 * RandomResizedCrop, the same in every round; of few files each has several, and the
 * seconds are the mean of them. Pixels go to memory that is reused. Progressive files,
 * all or none, have no index. */
#include "decoder.h"
#include "turbo.h"
#include "host.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BOXES = 8, ENOUGH = 32 };         /* boxes of a file, of fewer than ENOUGH */

typedef struct Box { int top, bottom, left, right; } Box;

typedef struct File {
    pk_tensor data;
    JpegHeader header;
    Box box[BOXES];
    JpegIndex *index[2];                /* of rows, of every 8 MCUs */
    size_t bytes[2];
} File;

/* index: -1: without one; shift: a picture of 1 / 2 ** shift. */
typedef struct Measure {
    const char *name;
    bool turbo, window;
    int index, shift;
    bool planes;
} Measure;

static const Measure measures[] = {
    {"turbo", true, false, -1, 0, false},
    {"whole", false, false, -1, 0, false},
    {"planes", false, false, -1, 0, true},
    {"window", false, true, -1, 0, false},
    {"row", false, true, 0, 0, false},
    {"eight", false, true, 1, 0, false},
    {"turbo_half", true, false, -1, 1, false},
    {"half", false, false, -1, 1, false},
    {"half_window", false, true, -1, 1, false},
};
enum { MEASURES = sizeof measures / sizeof *measures };

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
static Box choose_box(const JpegHeader *h) {
    for (int i = 0; i < 10; i++) {
        double area = h->height * (double)h->width * uniform(.08, 1);
        double ratio = exp(uniform(log(3. / 4), log(4. / 3)));
        int width = (int)round(sqrt(area * ratio));
        int height = (int)round(sqrt(area / ratio));
        Box box;
        if (width < 1 || width > h->width || height < 1 || height > h->height) continue;
        box.top = (int)uniform(0, h->height - height + 1);
        box.left = (int)uniform(0, h->width - width + 1);
        box.bottom = box.top + height;
        box.right = box.left + width;
        return box;
    }
    return (Box){0, h->height, 0, h->width};
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
    for (int i = 0; i < BOXES; i++) f->box[i] = choose_box(&f->header);
    if (f->header.progressive) return;
    make_index(f, 0, f->header.wide);
    make_index(f, 1, 8);
}

static void by_turbo(const File *f, const Measure *m) {
    pk_tensor out = {pixels, {0}, {3 * f->header.width, 3, 1}};
    TurboDecoder d;
    host_reset(&host);
    if (turbo_begin(&d, &host.call, &f->data, (TurboWish){1 << m->shift, 0}, NULL) ||
        turbo_rows(&d, INT32_MAX, &out))
        exit(3);
    turbo_end(&d);
}

static int smaller(int side, int shift) { return (side + (1 << shift) - 1) >> shift; }

static void by_own(const File *f, const JpegLevel *level, const Measure *m, Box box) {
    JpegDecoder *d = &decoder;
    int width;
    if (jpegdec_header(&d->header, f->data.data, (size_t)f->data.dim[0])) exit(3);
    d->shift = m->shift;
    d->top = box.top >> m->shift;
    d->bottom = smaller(box.bottom, m->shift);
    d->left = box.left >> m->shift;
    d->right = smaller(box.right, m->shift);
    width = d->right - d->left;
    d->pixel = m->planes ? 1 : 3;
    d->plane = (ptrdiff_t)width * (d->bottom - d->top);
    if (jpegdec_begin(d, level, memory)) exit(3);
    if (m->index >= 0) jpegdec_use_index(d, f->index[m->index], f->bytes[m->index]);
    if (jpegdec_rows(d, d->bottom - d->top, pixels, width * d->pixel)) exit(3);
    jpegdec_end(d);
}

static double seconds(const File *f, const JpegLevel *level, const Measure *m,
                      int boxes) {
    int n = m->window ? boxes : 1;
    double began = now();
    for (int i = 0; i < n; i++) {
        Box whole = {0, f->header.height, 0, f->header.width};
        if (m->turbo) by_turbo(f, m);
        else by_own(f, level, m, m->window ? f->box[i] : whole);
    }
    return (now() - began) / n;
}

static bool is_possible(const File *f, const Measure *m) {
    return m->index < 0 || f->index[m->index];
}

static void measure(const File *files, int n, int cpu) {
    const JpegLevel *level = jpegdec_level(cpu);
    double spent[MEASURES] = {0};
    for (int i = 0; i < n; i++)
        for (int k = 0; k < MEASURES; k++)
            if (is_possible(&files[i], &measures[k]))
                spent[k] +=
                    seconds(&files[i], level, &measures[k], n < ENOUGH ? BOXES : 1);
    printf("{\"level\": %d", cpu);
    for (int k = 0; k < MEASURES; k++)
        if (is_possible(files, &measures[k]))
            printf(", \"%s\": %.6f", measures[k].name, spent[k]);
    printf("}\n");
}

int main(int argc, char **argv) {
    int rounds = argc > 2 ? atoi(argv[1]) : 0, n = argc - 2;
    size_t bytes = (size_t)(n > 0 ? n : 1) * sizeof(File);
    File *files = aligned_alloc(64, bytes);
    if (rounds < 1) return fputs("usage: jpeg ROUNDS FILE...\n", stderr), 2;
    memset(files, 0, bytes);
    pixels = aligned_alloc(64, 64 << 20);
    memory = aligned_alloc(64, 16 << 20);
    host_init(&host, INT32_MAX, INT32_MAX);
    srand(1);
    for (int i = 0; i < n; i++) read_file(&files[i], argv[i + 2]);
    for (int k = 0; k < n; k++)
        seconds(&files[k], jpegdec_level(host_cpu()), &measures[1], 1);
    for (int i = 0; i < rounds; i++)
        for (int cpu = 3; cpu <= host_cpu(); cpu++) measure(files, n, cpu);
    return 0;
}
