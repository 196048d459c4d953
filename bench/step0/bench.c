/* step0 DIR [ROUNDS]: rates of the record functions against a bare decode, on
 * the same files, interleaved file by file; medians over rounds for each file
 * (and the least time, which other work on the machine disturbs less). */
#include "step0.h"
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHAPE(name) record_fn name##__v3, name##__v4;
#include "shapes.def"
#undef SHAPE

static struct Shape { const char *name; record_fn *fn; } shapes[] = {
    {"bare decode", NULL},
#define SHAPE(name) {#name " v3", name##__v3}, {#name " v4", name##__v4},
#include "shapes.def"
#undef SHAPE
};
enum { SHAPES = sizeof shapes / sizeof *shapes, FILES = 1000, SIZE = 224, SLOTS = 256,
       WIDTH = 500, HEIGHT = 375, MAX_ROUNDS = 101 };

typedef struct File { uint8_t *data; int64_t size; int64_t box[4]; int64_t flip; } File;
static File files[FILES];
static int nfiles;
static double times[SHAPES][FILES][MAX_ROUNDS];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static double uniform(double a, double b) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return a + (b - a) * ((double)(state >> 11) * 0x1p-53);
}

/* As torchvision's RandomResizedCrop draws it. */
static void draw_box(int64_t *box) {
    for (int i = 0; i < 10; i++) {
        double area = WIDTH * HEIGHT * uniform(.08, 1);
        double ratio = exp(uniform(log(.75), log(1 / .75)));
        int64_t w = (int64_t)rint(sqrt(area * ratio)), h = (int64_t)rint(sqrt(area / ratio));
        if (w > WIDTH || h > HEIGHT || w < 1 || h < 1) continue;
        box[0] = (int64_t)uniform(0, HEIGHT - h + 1);
        box[1] = (int64_t)uniform(0, WIDTH - w + 1);
        box[2] = h;
        box[3] = w;
        return;
    }
    memcpy(box, (int64_t[]){0, 0, HEIGHT, WIDTH}, 32);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void read_files(const char *folder) {
    char *names[FILES], path[4096];
    struct dirent *e;
    DIR *dir = opendir(folder);
    while ((e = readdir(dir)) && nfiles < FILES)
        if (strstr(e->d_name, ".jpg")) names[nfiles++] = strdup(e->d_name);
    qsort(names, (size_t)nfiles, sizeof *names, by_name);
    for (int i = 0; i < nfiles; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        FILE *in = fopen(path, "rb");
        fseek(in, 0, SEEK_END);
        files[i].size = ftell(in);
        rewind(in);
        files[i].data = malloc((size_t)files[i].size + 64);
        if (fread(files[i].data, 1, (size_t)files[i].size, in) != (size_t)files[i].size) exit(1);
        fclose(in);
        draw_box(files[i].box);
        files[i].flip = uniform(0, 1) < .5;
    }
}

static float *slots;
static uint8_t *image, *scratch;

static void run(const struct Shape *s, const File *f, float *out) {
    if (s->fn)
        s->fn(f->data, f->size, f->box[0], f->box[1], f->box[2], f->box[3], f->flip,
              scratch, out);
    else decode_whole(f->data, f->size, image);
}

/* The definition, from the whole picture, in plain C (dsl/std/image.dsl). */
static float tap(int64_t i, float scale, float reach, int64_t n, int64_t *a, float *w) {
    float centre = ((float)i + .5f) * scale, total = 0;
    float from = floorf(centre - reach + .5f), to = floorf(centre + reach + .5f);
    *a = from < 0 ? 0 : (int64_t)from;
    int64_t b = to > (float)n ? n : (int64_t)to;
    for (int64_t t = *a; t < b; t++) {
        float v = 1 - fabsf(((float)t + .5f - centre) / reach);
        w[t - *a] = v > 0 ? v : 0;
        total += w[t - *a];
    }
    for (int64_t t = 0; t < b - *a; t++) w[t] /= total;
    return (float)(b - *a);
}

static void reference(const File *f, float *out) {
    static const float mean[] = {.485f, .456f, .406f}, std[] = {.229f, .224f, .225f};
    static float rows[SIZE * WIDTH * 3];
    int64_t h = f->box[2], w = f->box[3], a;
    float sy = (float)h / SIZE, sx = (float)w / SIZE, weight[64];
    decode_whole(f->data, f->size, image);
    const uint8_t *at = image + (f->box[0] * WIDTH + f->box[1]) * 3;
    for (int64_t i = 0; i < SIZE; i++) {
        int n = (int)tap(i, sy, sy > 1 ? sy : 1, h, &a, weight);
        for (int64_t x = 0; x < w * 3; x++) {
            float s = 0;
            for (int t = 0; t < n; t++) s += weight[t] * at[(a + t) * WIDTH * 3 + x];
            rows[i * WIDTH * 3 + x] = s;
        }
    }
    for (int64_t j = 0; j < SIZE; j++) {
        int n = (int)tap(j, sx, sx > 1 ? sx : 1, w, &a, weight);
        int64_t to = f->flip ? SIZE - 1 - j : j;
        for (int64_t i = 0; i < SIZE; i++)
            for (int c = 0; c < 3; c++) {
                float s = 0, scale = 1 / (255 * std[c]), shift = mean[c] / std[c];
                for (int t = 0; t < n; t++)
                    s += weight[t] * rows[i * WIDTH * 3 + (a + t) * 3 + c];
                s = rintf(s);
                out[(c * SIZE + i) * SIZE + to] = s * scale - shift;
            }
    }
}

static void check(void) {
    float *due = malloc(SIZE * SIZE * 12);
    for (int i = 0; i < nfiles; i++) {
        reference(&files[i], due);
        for (int k = 1; k < SHAPES; k++) {
            if (!strncmp(shapes[k].name, "window", 6)) continue;
            run(&shapes[k], &files[i], slots);
            for (int n = 0; n < SIZE * SIZE * 3; n++)
                if (slots[n] != due[n]) {
                    printf("%s: file %d, value %d: %.9g, due %.9g\n", shapes[k].name, i, n,
                           slots[n], due[n]);
                    exit(1);
                }
        }
    }
    free(due);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *list, int n) {
    qsort(list, (size_t)n, sizeof *list, by_value);
    return list[n / 2];
}

int main(int argc, char **argv) {
    int rounds = argc > 2 ? atoi(argv[2]) : 7, slot = 0;
    double bare_middle = 0, bare_least = 0;
    read_files(argv[1]);
    slots = aligned_alloc(4096, (size_t)SLOTS * SIZE * SIZE * 12);
    image = malloc(WIDTH * HEIGHT * 3 + 64);
    scratch = aligned_alloc(4096, 4 << 20);
    memset(slots, 0, (size_t)SLOTS * SIZE * SIZE * 12);
    memset(scratch, 0, 4 << 20);
    check();
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < nfiles; i++)
            for (int k = 0; k < SHAPES; k++) {
                float *out = slots + (size_t)(slot++ % SLOTS) * SIZE * SIZE * 3;
                double start = now();
                run(&shapes[k], &files[i], out);
                times[k][i][r] = now() - start;
            }
    for (int k = 0; k < SHAPES; k++) {
        double middle = 0, least = 0;
        for (int i = 0; i < nfiles; i++) {
            middle += median(times[k][i], rounds);
            least += times[k][i][0];
        }
        if (k == 0) bare_middle = middle, bare_least = least;
        printf("%-16s %6.0f img/s  %.3f   (least times: %.3f)\n", shapes[k].name,
               nfiles / middle, bare_middle / middle, bare_least / least);
    }
}
