/* The kernel, in all the ways in which it is called. */
#include "fuzz.h"

#define DECODER(name)                                                                    \
    int name(pk_call *, const pk_tensor *, int64_t, const pk_region *, pk_tensor *);     \
    int name##_begin(pk_call *, const pk_tensor *, int64_t, const pk_region *, void **); \
    int name##_rows(pk_call *, void *, int64_t, pk_tensor *);                            \
    void name##_end(pk_call *, void *);
DECODER(decode_jpeg)
DECODER(decode_jpeg_gray)

/* From … to of n: two bytes say where. */
static void choose_side(Input *in, pk_region *window, int axis, int64_t n) {
    int64_t from = take(in) * n / 256, to = from + 1 + take(in) * (n - from) / 256;
    window->from[axis] = from;
    window->to[axis] = to > n ? n : to;
}

Way choose_way(Input *in, const Whole *whole, Form form) {
    static const int levels[] = {0, 3, 4, 4};
    int how = take(in), best = host_cpu();
    Way way = {.form = form, .level = levels[how & 3], .step = how & 4 ? 1 + how / 8 : 0};
    if (way.level > best) way.level = best;
    choose_side(in, &way.window, 0, whole->height);
    choose_side(in, &way.window, 1, whole->width);
    return way;
}

static int64_t height_of(const Way *w) { return w->window.to[0] - w->window.from[0]; }
static int64_t width_of(const Way *w) { return w->window.to[1] - w->window.from[1]; }

static pk_tensor rows_of(const Way *w, const Result *r, int64_t from) {
    int64_t pixel = w->form.pixel, stride = width_of(w) * pixel;
    return (pk_tensor){.data = r->pixels + from * stride,
                       .dim = {height_of(w) - from, width_of(w), 3},
                       .stride = {stride, pixel, 1}};
}

static int at_once(const pk_tensor *file, const Way *w, const Result *r) {
    pk_tensor out = rows_of(w, r, 0);
    return (w->form.pixel == 1 ? decode_jpeg_gray : decode_jpeg)(
        &host.call, file, w->form.scale, &w->window, &out);
}

static int in_steps(const pk_tensor *file, const Way *w, const Result *r) {
    bool gray = w->form.pixel == 1;
    int64_t height = height_of(w);
    void *cursor;
    int code = (gray ? decode_jpeg_gray_begin : decode_jpeg_begin)(
        &host.call, file, w->form.scale, &w->window, &cursor);
    if (code) return code;
    for (int64_t row = 0; row < height && !code; row += w->step) {
        pk_tensor out = rows_of(w, r, row);
        int64_t n = w->step < height - row ? w->step : height - row;
        code = (gray ? decode_jpeg_gray_rows : decode_jpeg_rows)(&host.call, cursor, n,
                                                                 &out);
    }
    (gray ? decode_jpeg_gray_end : decode_jpeg_end)(&host.call, cursor);
    return code;
}

Result decode(const pk_tensor *file, const Way *w) {
    size_t bytes = (size_t)(height_of(w) * width_of(w) * w->form.pixel);
    Result r = {.bad_row = INT64_MAX, .pixels = malloc(bytes)};
    host_reset(&host);
    host.call.cpu = w->level;
    r.code = w->step ? in_steps(file, w, &r) : at_once(file, w, &r);
    if (r.code) r.bad_row = host.first_row;
    memcpy(r.reason, host.reason, sizeof r.reason);
    return r;
}

/* ---- comparing ---- */
bool pixels_are_judged = true;

void differ(const char *what) {
    fprintf(stderr, "DIFFERENT: %s\n", what);
    abort();
}

static void tell(const Way *w, const Result *got, int64_t due) {
    fprintf(stderr,
            "rows %d - %d, columns %d - %d, %d bytes a pixel, scale %d, level %d, step %d\n"
            "code %d, bad row %lld (due: %lld), %s\n", (int)w->window.from[0],
            (int)w->window.to[0], (int)w->window.from[1], (int)w->window.to[1],
            w->form.pixel, w->form.scale, w->level, w->step, got->code,
            (long long)got->bad_row, (long long)due, got->reason);
}

static int64_t good_rows(const Way *w, int64_t bad_row) {
    int64_t height = height_of(w), good = bad_row - w->window.from[0];
    return good < height ? good : height;
}

void compare(const char *what, const Whole *whole, const Way *w, const Result *got) {
    int64_t due = whole->bad_row < w->window.to[0] ? whole->bad_row : INT64_MAX;
    int64_t good = pixels_are_judged ? good_rows(w, due) : 0;
    size_t bytes = (size_t)(width_of(w) * w->form.pixel);
    if (got->bad_row != due) {
        tell(w, got, due);
        differ(what);
    }
    for (int64_t i = 0; whole->pixels && i < good; i++) {
        size_t at = (size_t)((w->window.from[0] + i) * whole->width + w->window.from[1]);
        if (!memcmp(got->pixels + (size_t)i * bytes,
                    whole->pixels + at * (size_t)w->form.pixel, bytes))
            continue;
        tell(w, got, due);
        fprintf(stderr, "row %d of the window\n", (int)i);
        differ(what);
    }
}

void compare_results(const char *what, const Way *w, const Result *due,
                     const Result *got) {
    int64_t bytes = width_of(w) * w->form.pixel, good = good_rows(w, due->bad_row);
    if (due->bad_row == got->bad_row &&
        (good <= 0 || !memcmp(due->pixels, got->pixels, (size_t)(good * bytes))))
        return;
    tell(w, got, due->bad_row);
    differ(what);
}

void compare_refusal(const char *what, const pk_tensor *file, Form form) {
    Way way = {.form = form, .level = host_cpu(), .window = {{0}, {1, 1}}};
    Result got = decode(file, &way);
    if (!got.code || got.bad_row > 0) {
        tell(&way, &got, 0);
        differ(what);
    }
    free(got.pixels);
}
