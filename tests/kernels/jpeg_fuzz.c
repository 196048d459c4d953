/* decode_jpeg against libjpeg-turbo alone, for libFuzzer: of any bytes the same window,
 * or the same failure from the same row on. Input: six bytes for the window and the way,
 * then the file. */
#include "host.h"
#include "turbo.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int decode_jpeg_peek(pk_call *, const pk_tensor *, int64_t, int64_t *, int64_t *);
int decode_jpeg(pk_call *, const pk_tensor *, int64_t, const pk_region *, pk_tensor *);
int decode_jpeg_begin(pk_call *, const pk_tensor *, int64_t, const pk_region *, void **);
int decode_jpeg_rows(pk_call *, void *, int64_t, pk_tensor *);
void decode_jpeg_end(pk_call *, void *);
int decode_jpeg_gray(pk_call *, const pk_tensor *, int64_t, const pk_region *,
                     pk_tensor *);

enum { CHOICES = 6, MOST_PIXELS = 1 << 16 };

typedef struct Result {
    int code;
    int64_t bad_row;            /* INT64_MAX: none */
    char reason[300];
    uint8_t *pixels;
} Result;

static const TurboWish whole_size = {1, 0};
static Host host;
static const uint8_t *choices;
static pk_tensor file;
static pk_region window;
static int64_t height, width, pixel;    /* of the window; bytes */

static pk_tensor rows_of(const Result *r, int64_t from) {
    return (pk_tensor){.data = r->pixels + from * width * pixel,
                       .dim = {height - from, width, 3},
                       .stride = {width * pixel, pixel, 1}};
}

static Result begin(int level) {
    host_reset(&host);
    host.call.cpu = level;
    return (Result){.bad_row = INT64_MAX,
                    .pixels = malloc((size_t)(height * width * pixel))};
}

static void end(Result *r) {
    if (r->code) r->bad_row = host.first_row;
    memcpy(r->reason, host.reason, sizeof r->reason);
}

static Result by_turbo(void) {
    Result r = begin(0);
    pk_tensor out = rows_of(&r, 0);
    TurboDecoder d;
    r.code = turbo_begin(&d, &host.call, &file, (TurboWish){1, pixel == 1}, &window);
    if (!r.code) r.code = turbo_rows(&d, height, &out);
    turbo_end(&d);
    end(&r);
    return r;
}

static Result whole(int level) {
    Result r = begin(level);
    pk_tensor out = rows_of(&r, 0);
    r.code = pixel == 1 ? decode_jpeg_gray(&host.call, &file, 1, &window, &out)
                        : decode_jpeg(&host.call, &file, 1, &window, &out);
    end(&r);
    return r;
}

static Result in_rows(int level, int step) {
    Result r = begin(level);
    void *cursor;
    r.code = decode_jpeg_begin(&host.call, &file, 1, &window, &cursor);
    if (!r.code) {
        for (int64_t row = 0; row < height && !r.code; row += step) {
            pk_tensor out = rows_of(&r, row);
            r.code = decode_jpeg_rows(&host.call, cursor,
                                      step < height - row ? step : height - row, &out);
        }
        decode_jpeg_end(&host.call, cursor);
    }
    end(&r);
    return r;
}

static void differ(const char *what, const Result *due, const Result *got) {
    fprintf(stderr, "%s: window %d %d %d %d, %d bytes a pixel, level %d\n"
            "due: %d, bad row %lld, %s\ngot: %d, bad row %lld, %s\n", what,
            (int)window.from[0], (int)window.to[0], (int)window.from[1],
            (int)window.to[1], (int)pixel, (int)host.call.cpu, due->code,
            (long long)due->bad_row, due->reason, got->code, (long long)got->bad_row,
            got->reason);
    abort();
}

static void compare(const Result *due, const Result *got) {
    int64_t good = due->bad_row == INT64_MAX ? height : due->bad_row - window.from[0];
    if (!due->code != !got->code || due->bad_row != got->bad_row)
        differ("verdict", due, got);
    if (good > height) good = height;
    for (int64_t i = 0; i < good * width; i++)
        if (memcmp(due->pixels + i * pixel, got->pixels + i * pixel, (size_t)pixel))
            differ("pixels", due, got);
}

/* From … to of n: two bytes say where. */
static void choose_side(int axis, int64_t n, int a, int b) {
    int64_t from = a * n / 256, to = from + 1 + b * (n - from) / 256;
    window.from[axis] = from;
    window.to[axis] = to > n ? n : to;
}

static void compare_windows(void) {
    Result due, got;
    int level;
    choose_side(0, height, choices[0], choices[1]);
    choose_side(1, width, choices[2], choices[3]);
    height = window.to[0] - window.from[0];
    width = window.to[1] - window.from[1];
    pixel = choices[4] >> 5 == 7 ? 1 : choices[4] & 1 ? 4 : 3;
    due = by_turbo();
    level = choices[4] >> 2 & 1 ? host_cpu() : 0;
    got = choices[4] & 2 && pixel > 1 ? in_rows(level, 1 + choices[5] % 40) : whole(level);
    compare(&due, &got);
    free(due.pixels);
    free(got.pixels);
}

/* The file lies at the end of its memory, so that reading on is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    int64_t own[2] = {0};
    int code;
    if (n <= CHOICES) return 0;
    host_init(&host, MOST_PIXELS, (int64_t)1 << 26);
    choices = data;
    file = (pk_tensor){malloc(n - CHOICES), {(int64_t)n - CHOICES}, {1}};
    memcpy(file.data, data + CHOICES, n - CHOICES);
    code = turbo_peek(&host.call, &file, whole_size, &height, &width);
    if (!code != !decode_jpeg_peek(&host.call, &file, 1, &own[0], &own[1]) ||
        (!code && (own[0] != height || own[1] != width)))
        abort();
    if (!code && height * width <= MOST_PIXELS) compare_windows();
    host_reset(&host);
    free(file.data);
    return 0;
}
