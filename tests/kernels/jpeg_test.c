/* decode_jpeg against libjpeg itself: every window of every kind of file has
 * the bits, and the verdict, of the full decode. `jpeg_test [ROUNDS [SEED]]`: more rounds,
 * other files. */
#include "decoder.h"
#include "host.h"
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>

#define DECODER(name)                                                                    \
    int name##_peek(pk_call *, const pk_tensor *, int64_t, int64_t *, int64_t *);        \
    int name(pk_call *, const pk_tensor *, int64_t, const pk_region *, pk_tensor *);     \
    int name##_begin(pk_call *, const pk_tensor *, int64_t, const pk_region *, void **); \
    int name##_rows(pk_call *, void *, int64_t, pk_tensor *);                            \
    void name##_end(pk_call *, void *);
DECODER(decode_jpeg)
DECODER(decode_jpeg_gray)

enum { MEGA = 1 << 20, GUARD = 77 };

typedef struct File {
    uint8_t *bytes;
    unsigned long n;
    char what[120];
} File;

/* What libjpeg says of a file when it is asked for all of it. */
typedef struct Whole {
    int height, width;
    int64_t bad_row;        /* the row that was due when it first complained, or
                               INT64_MAX */
    uint8_t *pixels;
} Whole;

/* Bytes of a pixel (1: gray), the scale, and whether three bytes lie in planes. */
typedef struct Form { int pixel, scale, planes; } Form;

static int passed, failed;
static Host host;

static void check(int good, const char *what, const char *why) {
    if (good) { passed++; return; }
    if (failed++ < 20) printf("FAIL %s -- %s\n", what, why);
}

/* Numbers that are the same on every machine. */
static uint64_t state = 1;
static uint32_t draw(uint32_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(((state >> 33) * n) >> 31);
}

/* ---- files ---- */

typedef struct Kind {
    const char *name;
    int components;
    J_COLOR_SPACE space;        /* in the file */
    int h[3], v[3];
} Kind;

static const Kind kinds[] = {
    {"gray", 1, JCS_GRAYSCALE, {1}, {1}},
    {"gray 2x2", 1, JCS_GRAYSCALE, {2}, {2}},
    {"gray 1x4", 1, JCS_GRAYSCALE, {1}, {4}},
    {"444", 3, JCS_YCbCr, {1, 1, 1}, {1, 1, 1}},
    {"422", 3, JCS_YCbCr, {2, 1, 1}, {1, 1, 1}},
    {"420", 3, JCS_YCbCr, {2, 1, 1}, {2, 1, 1}},
    {"440", 3, JCS_YCbCr, {1, 1, 1}, {2, 1, 1}},
    {"411", 3, JCS_YCbCr, {4, 1, 1}, {1, 1, 1}},
    {"410", 3, JCS_YCbCr, {4, 1, 1}, {2, 1, 1}},
    {"441", 3, JCS_YCbCr, {1, 1, 1}, {4, 1, 1}},
    {"3x1", 3, JCS_YCbCr, {3, 1, 1}, {1, 1, 1}},
    {"1x3", 3, JCS_YCbCr, {1, 1, 1}, {3, 1, 1}},
    {"3x3", 3, JCS_YCbCr, {3, 1, 1}, {3, 1, 1}},
    {"all 2x2", 3, JCS_YCbCr, {2, 2, 2}, {2, 2, 2}},
    {"all 2x1", 3, JCS_YCbCr, {2, 2, 2}, {1, 1, 1}},
    {"unlike chroma", 3, JCS_YCbCr, {2, 1, 2}, {2, 2, 1}},
    {"luma below chroma", 3, JCS_YCbCr, {1, 2, 2}, {1, 2, 2}},
    {"2x2 2x1 1x2", 3, JCS_YCbCr, {2, 2, 1}, {2, 1, 2}},
    {"4x2 2x2 2x1", 3, JCS_YCbCr, {4, 2, 2}, {2, 2, 1}},
    {"4x2 1x1 2x1", 3, JCS_YCbCr, {4, 1, 2}, {2, 1, 1}},
    {"2x4 1x2 1x1", 3, JCS_YCbCr, {2, 1, 1}, {4, 2, 1}},
    {"rgb", 3, JCS_RGB, {1, 1, 1}, {1, 1, 1}},
    {"rgb 2x2", 3, JCS_RGB, {2, 1, 1}, {2, 1, 1}},
    {"two", 2, JCS_UNKNOWN, {1, 1}, {1, 1}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

enum { OPTIMIZED = 1, PROGRESSIVE = 2, RESTARTS = 4, ARITHMETIC = 8, APART = 16,
       UNFINISHED = 32, MODES = 64 };

/* Soft; or bars of which every block is one coefficient, 8 times as large. */
static void paint_row(uint8_t *row, int y, int width, int components, int bars) {
    for (int x = 0; x < width; x++)
        for (int k = 0; k < components; k++) {
            int wave = (x * (k + 3) + y * (5 - k)) % 97 * 2 + (x / 7 + y / 5) % 2 * 40;
            int high = ((x + 1) / 2 + x / 8 + y / 8) % 2;
            wave += (int)draw(24);
            row[x * components + k] = (uint8_t)(!bars ? wave : 128 + (high ? bars : -bars));
        }
}

enum { SCANS = 400, ENOUGH = 60 };
static jpeg_scan_info scans[SCANS];

/* A progression that is drawn: bands of any width, bits in one to five scans, in any order
 * that is allowed. low: down to which bit each coefficient is there, 1 more; 0: not at
 * all. */
typedef struct Progression { int n, components, low[4][64]; } Progression;

static void add_dc(Progression *p, int from, int to, int low) {
    jpeg_scan_info *s = &scans[p->n++];
    *s = (jpeg_scan_info){to - from, {0}, 0, 0, p->low[from][0] ? low + 1 : 0, low};
    for (int i = from; i < to; i++) s->component_index[i - from] = i, p->low[i][0] = low + 1;
}

/* On from the coefficient k of a component, as far as the same bit is due. */
static void add_ac(Progression *p, int c, int k) {
    int *low = p->low[c], was = low[k], last = k;
    int next = was ? was - 2 : p->n > ENOUGH ? 0 : (int)draw(draw(9) ? 4 : 6);
    bool all = p->n > ENOUGH || draw(4);
    for (; last < 64 && low[last] == was && (all || last == k || draw(8)); last++)
        low[last] = next + 1;
    scans[p->n++] = (jpeg_scan_info){1, {c}, k, last - 1, was ? was - 1 : 0, next};
}

static void add_any(Progression *p, int c, int k) {
    if (k) add_ac(p, c, k);
    else add_dc(p, c, c + 1, p->low[c][0] - 2);
}

/* The next coefficient that is not finished, from a drawn one on. */
static bool go_on(Progression *p) {
    int all = 64 * p->components, from = (int)draw((uint32_t)all);
    for (int i = 0; i < all; i++) {
        int c = (from + i) % all / 64, k = (from + i) % 64;
        if (p->low[c][k] == 1) continue;
        add_any(p, c, k);
        return true;
    }
    return false;
}

static void draw_progression(struct jpeg_compress_struct *info, int blocks) {
    Progression p = {0, info->num_components, {{0}}};
    int low = (int)draw(4), first = blocks > 10 || draw(2) ? 1 : p.components;
    add_dc(&p, 0, first, low);
    if (first < p.components && blocks <= 10 && draw(2)) add_dc(&p, first, p.components, low);
    else for (int c = first; c < p.components; c++) add_dc(&p, c, c + 1, low);
    while (go_on(&p)) continue;
    info->scan_info = scans;
    info->num_scans = p.n;
}

/* Scans of their own for every component; or, of a progressive file, only the
 * upper bits of some coefficients. */
static void set_scans(struct jpeg_compress_struct *info, int mode, int blocks) {
    int n = 0;
    if (mode & PROGRESSIVE && !(mode & UNFINISHED) && draw(2)) {
        draw_progression(info, blocks);
        return;
    }
    if (!(mode & (APART | UNFINISHED))) return;
    for (int i = 0; i < info->num_components; i++) {
        jpeg_scan_info one = {1, {i}, 0, 63, 0, 0};
        if (mode & (PROGRESSIVE | UNFINISHED)) {
            one = (jpeg_scan_info){1, {i}, 0, 0, 0, 0};
            scans[n++] = one;
            one = (jpeg_scan_info){1, {i}, 1, mode & UNFINISHED ? 3 : 63, 0,
                                   mode & UNFINISHED ? 1 : 0};
            if (mode & UNFINISHED && i == 1) continue;
        }
        scans[n++] = one;
    }
    info->scan_info = scans;
    info->num_scans = n;
}

/* An interleaved scan holds at most ten blocks. */
static int blocks_of(const Kind *kind) {
    int blocks = 0;
    for (int i = 0; i < kind->components && i < 3; i++)
        blocks += kind->h[i] * kind->v[i];
    return blocks;
}

static void set_kind(struct jpeg_compress_struct *info, const Kind *kind, int mode) {
    if (blocks_of(kind) > 10) mode = (mode & ~PROGRESSIVE) | APART;
    jpeg_set_colorspace(info, kind->space);
    for (int i = 0; i < kind->components && i < 3; i++) {
        info->comp_info[i].h_samp_factor = kind->h[i];
        info->comp_info[i].v_samp_factor = kind->v[i];
    }
    info->optimize_coding = (mode & (OPTIMIZED | ARITHMETIC)) == OPTIMIZED;
    if (mode & RESTARTS) info->restart_interval = 1 + draw(5);
    if (mode & ARITHMETIC) info->arith_code = TRUE;
    if (mode & PROGRESSIVE) jpeg_simple_progression(info);
    if (draw(5) == 0) info->write_JFIF_header = !info->write_JFIF_header;
    if (draw(5) == 0) info->write_Adobe_marker = !info->write_Adobe_marker;
    set_scans(info, mode, blocks_of(kind));
}

static File make(const Kind *kind, int mode, int height, int width) {
    File file = {NULL, 0, ""};
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    static const J_COLOR_SPACE spaces[] = {0, JCS_GRAYSCALE, JCS_UNKNOWN, JCS_RGB,
                                           JCS_CMYK};
    uint8_t *row = malloc((size_t)width * 4);
    int bars = draw(5) == 0 ? 1 + (int)draw(127) : 0;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &file.bytes, &file.n);
    info.image_width = (JDIMENSION)width;
    info.image_height = (JDIMENSION)height;
    info.input_components = kind->components;
    info.in_color_space = spaces[kind->components];
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, bars ? 100 : 40 + (int)draw(60), TRUE);
    set_kind(&info, kind, mode);
    jpeg_start_compress(&info, TRUE);
    for (int y = 0; y < height; y++) {
        paint_row(row, y, width, kind->components, bars);
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    free(row);
    snprintf(file.what, sizeof file.what, "%s, mode %d, %d x %d", kind->name, mode,
             height, width);
    return file;
}

/* The kernel gets a copy without a byte to spare: reading on is seen. */
static pk_tensor tensor_of(const File *file) {
    pk_tensor data = {malloc(file->n ? file->n : 1), {(int64_t)file->n}, {1}};
    memcpy(data.data, file->bytes, file->n);
    return data;
}

/* ---- libjpeg alone ---- */

typedef struct Judge {
    struct jpeg_error_mgr errors;
    jmp_buf give_up;
    int64_t bad_row;
} Judge;

static void judge_message(j_common_ptr info, int level) {
    Judge *judge = (Judge *)info->err;
    if (level < 0 && judge->bad_row == INT64_MAX)
        judge->bad_row = ((j_decompress_ptr)info)->output_scanline;
}

static void judge_error(j_common_ptr info) {
    judge_message(info, -1);
    longjmp(((Judge *)info->err)->give_up, 1);
}

/* Row by row, on through every warning. */
static void read_whole(struct jpeg_decompress_struct *info, const File *file,
                       Whole *whole, Form form) {
    int pixel = form.pixel;
    jpeg_mem_src(info, file->bytes, file->n);
    jpeg_read_header(info, TRUE);
    whole->height = (int)info->image_height;
    whole->width = (int)info->image_width;
    if ((int64_t)whole->height * whole->width > MEGA) return;
    info->out_color_space = pixel == 4 ? JCS_EXT_RGBX : pixel == 1 ? JCS_GRAYSCALE : JCS_RGB;
    info->scale_num = 1;
    info->scale_denom = (unsigned)form.scale;
    jpeg_start_decompress(info);
    whole->height = (int)info->output_height;
    whole->width = (int)info->output_width;
    whole->pixels = malloc((size_t)whole->height * whole->width * pixel);
    while (info->output_scanline < info->output_height) {
        JSAMPROW row = whole->pixels +
                       (size_t)info->output_scanline * whole->width * pixel;
        jpeg_read_scanlines(info, &row, 1);
    }
}

static Whole decode_whole(const File *file, Form form) {
    struct jpeg_decompress_struct info;
    Judge judge;
    Whole whole = {0};
    judge.bad_row = INT64_MAX;
    info.err = jpeg_std_error(&judge.errors);
    judge.errors.error_exit = judge_error;
    judge.errors.emit_message = judge_message;
    jpeg_create_decompress(&info);
    if (setjmp(judge.give_up) == 0) read_whole(&info, file, &whole, form);
    whole.bad_row = judge.bad_row;
    jpeg_destroy_decompress(&info);
    return whole;
}

/* ---- the kernel ---- */

/* A window decoded into a buffer with room around every row. */
typedef struct Window {
    pk_region region;
    int pixel, scale;
    int64_t stride, plane, room;        /* plane: 0: there are none; room: of a row */
    uint8_t *memory, *first;
    size_t bytes;
    int code;
    int64_t bad_row;            /* in the whole; INT64_MAX: none */
    char reason[300];
} Window;

static void use_planes(Window *w, pk_tensor *out) {
    w->room = out->dim[1] + 8 + draw(70);
    w->stride = draw(2) ? w->room : 3 * w->room;
    w->plane = w->stride == w->room ? w->room * out->dim[0] : w->room;
    out->stride[1] = 1;
    out->stride[2] = w->plane;
}

static pk_tensor window_out(Window *w, int planes) {
    int64_t rows = w->region.to[0] - w->region.from[0];
    int64_t columns = w->region.to[1] - w->region.from[1];
    pk_tensor out = {NULL, {rows, columns, 3}, {0, w->pixel, 1}};
    w->stride = w->room = columns * w->pixel + 8 + draw(70);
    if (planes) use_planes(w, &out);
    w->bytes = (size_t)(w->room * rows * (planes ? 3 : 1)) + 64;
    w->memory = malloc(w->bytes);
    memset(w->memory, GUARD, w->bytes);
    w->first = w->memory + 16 + draw(40);
    out.stride[0] = w->stride;
    out.data = w->first;
    return out;
}

static int begin_any(const Window *w, const pk_tensor *data, void **cursor) {
    return w->pixel == 1
               ? decode_jpeg_gray_begin(&host.call, data, w->scale, &w->region, cursor)
               : decode_jpeg_begin(&host.call, data, w->scale, &w->region, cursor);
}

static int decode_any(const Window *w, const pk_tensor *data, pk_tensor *out) {
    return w->pixel == 1 ? decode_jpeg_gray(&host.call, data, w->scale, &w->region, out)
                         : decode_jpeg(&host.call, data, w->scale, &w->region, out);
}

static void decode_in_rows(Window *w, const pk_tensor *data, pk_tensor *out) {
    int64_t row = 0, rows = out->dim[0];
    void *cursor;
    w->code = begin_any(w, data, &cursor);
    if (w->code) return;
    while (row < rows && !w->code) {
        pk_tensor some = *out;
        int64_t n = 1 + draw(9);
        if (n > rows - row) n = rows - row;
        some.data = (char *)out->data + row * w->stride;
        some.dim[0] = n;
        w->code = w->pixel == 1 ? decode_jpeg_gray_rows(&host.call, cursor, n, &some)
                                : decode_jpeg_rows(&host.call, cursor, n, &some);
        row += n;
    }
    if (w->pixel == 1) decode_jpeg_gray_end(&host.call, cursor);
    else decode_jpeg_end(&host.call, cursor);
}

/* Any kind of processor that this machine is. */
static void any_cpu(void) { host.call.cpu = draw((uint32_t)host_cpu() + 1); }

static Window decode_window(const pk_tensor *data, pk_region region, Form form,
                            int in_rows) {
    Window w = {.region = region, .pixel = form.pixel, .scale = form.scale,
                .bad_row = INT64_MAX};
    pk_tensor out = window_out(&w, form.planes);
    host_reset(&host);
    any_cpu();
    if (in_rows) decode_in_rows(&w, data, &out);
    else w.code = decode_any(&w, data, &out);
    if (w.code) w.bad_row = host.first_row;
    memcpy(w.reason, host.reason, sizeof w.reason);
    return w;
}

static int planes_are_right(const Window *w, const uint8_t *got, const uint8_t *due) {
    int64_t columns = w->region.to[1] - w->region.from[1];
    for (int k = 0; k < 3; k++, got += w->plane) {
        for (int64_t i = 0; i < columns; i++)
            if (got[i] != due[3 * i + k]) return 0;
        for (int64_t i = columns; i < columns + 8; i++)
            if (got[i] != GUARD) return 0;
    }
    return 1;
}

static int row_is_right(const Window *w, const Whole *whole, int64_t y) {
    const uint8_t *got = w->first + (y - w->region.from[0]) * w->stride;
    const uint8_t *due = whole->pixels +
                         (y * whole->width + w->region.from[1]) * w->pixel;
    size_t n = (size_t)((w->region.to[1] - w->region.from[1]) * w->pixel);
    if (w->plane) return planes_are_right(w, got, due);
    for (int64_t i = (int64_t)n; i < w->stride - 56; i++)
        if (got[i] != GUARD) return 0;
    return memcmp(got, due, n) == 0 && got[n] == GUARD && got[n + 7] == GUARD;
}

/* Rows above the first bad one have the whole's bits; the others do not matter. */
static int rows_are_right(const Window *w, const Whole *whole) {
    for (int64_t y = w->region.from[0]; y < w->region.to[0] && y < w->bad_row; y++)
        if (!row_is_right(w, whole, y)) return 0;
    return 1;
}

static void draw_side(int64_t n, int64_t *from, int64_t *to) {
    uint32_t how = draw(4);
    int64_t length = how == 0 ? 1 + draw(5) : how == 1 ? n : 1 + draw((uint32_t)n);
    if (length > n) length = n;
    *from = draw(6) == 0 ? n - length : draw((uint32_t)(n - length + 1));
    *to = *from + length;
}

static pk_region draw_region(const Whole *whole) {
    pk_region region = {{0, 0, 0}, {0, 0, 3}};
    draw_side(whole->height, &region.from[0], &region.to[0]);
    draw_side(whole->width, &region.from[1], &region.to[1]);
    return region;
}

static pk_region all_of(const Whole *whole) {
    return (pk_region){{0, 0, 0}, {whole->height, whole->width, 3}};
}

/* ---- tests ---- */
/* Coefficients that no encoder makes: libjpeg's vectors wrap as the machine does, and ours
 * as x86-64's do. */
static int is_wild;

/* The verdict on a window follows from that on the whole. */
static void check_window(const File *file, const Whole *whole, const Window *all,
                         const Window *w) {
    char why[900];
    int bad = all->bad_row < w->region.to[0];
    snprintf(why, sizeof why, "window %d %d %d %d of %d bytes a pixel, planes %d, scale %d: %s (bad row "
             "%lld, %s; of the whole %lld, %s)",
             (int)w->region.from[0], (int)w->region.to[0], (int)w->region.from[1],
             (int)w->region.to[1], w->pixel, w->plane != 0, w->scale,
             (w->code != 0) != bad ? "verdict" : "pixels", (long long)w->bad_row,
             w->reason, (long long)all->bad_row, all->reason);
    check((w->code != 0) == bad && (!bad || (w->bad_row == all->bad_row &&
                                             !strcmp(w->reason, all->reason))) &&
          (!whole->pixels || is_wild || rows_are_right(w, whole)), file->what, why);
}

static Form any_form(void) {
    static const int pixels[] = {3, 3, 4, 4, 1}, scales[] = {1, 1, 1, 1, 1, 2, 4, 8};
    Form form = {pixels[draw(5)], scales[draw(8)], 0};
    form.planes = form.pixel == 3 && draw(2);
    return form;
}

static void check_windows(const File *file, int n) {
    Form form = any_form();
    Whole whole = decode_whole(file, form);
    pk_tensor data = tensor_of(file);
    Window all = {0};
    char why[400];
    if (whole.height == 0) goto done;
    if ((int64_t)whole.height * whole.width > MEGA) goto done;
    all = decode_window(&data, all_of(&whole), form, 0);
    check_window(file, &whole, &all, &all);
    snprintf(why, sizeof why, "bad from row %lld, libjpeg says %lld: %s",
             (long long)all.bad_row, (long long)whole.bad_row, all.reason);
    check(all.bad_row == whole.bad_row, file->what, why);
    for (int i = 0; i < n; i++) {
        Window w = decode_window(&data, draw_region(&whole), form, i % 3 > 0);
        check_window(file, &whole, &all, &w);
        free(w.memory);
    }
done:
    free(all.memory);
    free(whole.pixels);
    free(data.data);
}

static void test_windows(int rounds) {
    static const int sides[] = {1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 23, 33, 40, 64, 97};
    for (int round = 0; round < rounds; round++)
        for (int k = 0; k < KINDS; k++)
            for (int i = 0; i < 16; i++) {
                int mode = (int)draw(MODES);
                File file = make(&kinds[k], mode, sides[draw(15)], sides[draw(15)]);
                check_windows(&file, 24);
                free(file.bytes);
            }
}

/* ---- indexes ---- */
/* A decoder of our own that has begun with a window; false: the file is not for it. */
static int begin_own(JpegDecoder *d, const pk_tensor *data, pk_region region, Form form) {
    if (jpegdec_header(&d->header, data->data, (size_t)data->dim[0])) return 0;
    d->top = (int)region.from[0], d->bottom = (int)region.to[0];
    d->left = (int)region.from[1], d->right = (int)region.to[1];
    d->pixel = form.planes ? 1 : form.pixel;
    d->gray = form.pixel == 1;
    d->shift = __builtin_ctz((unsigned)form.scale);
    host_reset(&host);
    any_cpu();
    return !jpegdec_begin(d, jpegdec_level(host.call.cpu),
                          pk_alloc(&host.call, jpegdec_memory(&d->header)));
}

static JpegIndex *make_index(const pk_tensor *data, int every, size_t *bytes) {
    static JpegDecoder d;
    JpegIndex *index = NULL;
    pk_region any = {{0}, {1, 1}};
    if (begin_own(&d, data, any, (Form){3, 1, 0})) {
        *bytes = jpegdec_index_bytes(&d.header, every);
        index = malloc(*bytes);
        if (jpegdec_make_index(&d, every, index)) free(index), index = NULL;
        jpegdec_end(&d);
    }
    return index;
}

static int indexed_window(const pk_tensor *data, const Whole *whole, Form form,
                          const JpegIndex *index, size_t bytes, int pixels_matter) {
    static JpegDecoder d;
    Window w = {.region = draw_region(whole), .pixel = form.pixel, .bad_row = INT64_MAX};
    pk_tensor out = window_out(&w, form.planes);
    int good = 1;
    if (begin_own(&d, data, w.region, form)) {
        d.plane = w.plane;
        jpegdec_use_index(&d, index, bytes);
        w.code = jpegdec_rows(&d, (int)out.dim[0], out.data, w.stride);
        if (pixels_matter) good = d.index && !w.code && rows_are_right(&w, whole);
        jpegdec_end(&d);
    }
    free(w.memory);
    return good;
}

/* Windows reached by an index are those of the whole; an index that is wrong does no
 * harm to memory. */
static void test_indexes(int rounds) {
    for (int i = 0; i < KINDS * rounds; i++) {
        Form form = any_form();
        int every = 1 + (int)draw(12), mode = draw(3) ? 0 : OPTIMIZED;
        File file = make(&kinds[i % KINDS], mode, 1 + (int)draw(150), 1 + (int)draw(300));
        Whole whole = decode_whole(&file, form);
        pk_tensor data = tensor_of(&file);
        size_t bytes;
        JpegIndex *index = make_index(&data, every, &bytes);
        for (int k = 0; index && k < 12; k++)
            check(indexed_window(&data, &whole, form, index, bytes, 1), file.what, "index");
        for (int k = 0; index && k < 12; k++) {
            ((uint8_t *)index)[sizeof *index + draw((uint32_t)(bytes - sizeof *index))] ^=
                (uint8_t)(1 << draw(8));
            indexed_window(&data, &whole, form, index, bytes, 0);
        }
        free(index);
        free(whole.pixels);
        free(data.data);
        free(file.bytes);
    }
}

/* All pairs of borders, of the columns and of the rows. */
static void check_all_windows(const File *file) {
    Form form = any_form();
    Whole whole = decode_whole(file, form);
    pk_tensor data = tensor_of(file);
    Window all = decode_window(&data, all_of(&whole), form, 0);
    for (int side = 0; side < 2; side++) {
        int n = side ? whole.width : whole.height;
        for (int from = 0; from < n; from++)
            for (int to = from + 1; to <= n; to++) {
                pk_region region = draw_region(&whole);
                Window w;
                region.from[side] = from, region.to[side] = to;
                w = decode_window(&data, region, form, 1);
                check_window(file, &whole, &all, &w);
                free(w.memory);
            }
    }
    free(all.memory);
    free(whole.pixels);
    free(data.data);
}

static void test_alignments(int rounds) {
    static const int modes[] = {0, PROGRESSIVE, RESTARTS, APART};
    for (int i = 0; i < KINDS * rounds; i++) {
        File file = make(&kinds[i % KINDS], modes[draw(4)], 20 + (int)draw(30),
                         20 + (int)draw(50));
        check_all_windows(&file);
        free(file.bytes);
    }
}

static void damage(File *file) {
    uint32_t header = 2;
    if (draw(3)) while (header + 1 < file->n && !(file->bytes[header] == 0xFF &&
                        file->bytes[header + 1] == 0xDA)) header++;
    if (draw(3) == 0) file->n = draw((uint32_t)file->n + 1);
    for (uint32_t i = draw(4); i > 0 && file->n > header; i--) {
        uint32_t at = header + draw((uint32_t)file->n - header);
        if (draw(4)) file->bytes[at] ^= (uint8_t)(1 << draw(8));
        else file->bytes[at] = (uint8_t)draw(256);
    }
}

static void test_damaged(int rounds) {
#if !defined __x86_64__
    is_wild = 1;
#endif
    for (int i = 0; i < rounds; i++) {
        int mode = draw(3) ? (int)(draw(2) * RESTARTS + (draw(2) * PROGRESSIVE))
                           : (int)draw(MODES);
        File file = make(&kinds[draw(KINDS)], mode, 1 + (int)draw(90),
                         1 + (int)draw(90));
        damage(&file);
        check_windows(&file, 6);
        free(file.bytes);
    }
}

static void fails_with(const char *name, File *file, const char *reason) {
    pk_tensor data = tensor_of(file), out = {0};
    char why[400];
    int code;
    host_reset(&host);
    out.stride[1] = 3, out.stride[2] = 1;
    code = decode_jpeg(&host.call, &data, 1, NULL, &out);
    snprintf(why, sizeof why, "code %d: %s", code, host.reason);
    check(code && strstr(host.reason, reason), name, why);
    free(data.data);
}

static void test_refused(void) {
    static const Kind cmyk = {"cmyk", 4, JCS_CMYK, {1, 1, 1}, {1, 1, 1}};
    static const Kind ycck = {"ycck", 4, JCS_YCCK, {2, 1, 1}, {2, 1, 1}};
    File file = make(&cmyk, 0, 20, 20), none = {file.bytes, 0, "empty"};
    fails_with("cmyk", &file, "CMYK");
    fails_with("empty", &none, "Empty input");
    memset(file.bytes, 0, file.n);
    fails_with("zeros", &file, "Not a JPEG file");
    free(file.bytes);
    file = make(&ycck, PROGRESSIVE, 20, 20);
    fails_with("ycck", &file, "CMYK");
    free(file.bytes);
}

static void set_size(File *file, int height, int width) {
    unsigned long at = 2;
    while (!(file->bytes[at] == 0xFF && (file->bytes[at + 1] & 0xFC) == 0xC0)) at++;
    file->bytes[at + 5] = (uint8_t)(height >> 8);
    file->bytes[at + 6] = (uint8_t)height;
    file->bytes[at + 7] = (uint8_t)(width >> 8);
    file->bytes[at + 8] = (uint8_t)width;
}

static void test_limits(void) {
    File file = make(&kinds[5], 0, 64, 72);
    set_size(&file, 65535, 65535);
    fails_with("65535 x 65535", &file, "65500");
    set_size(&file, 65500, 65500);
    fails_with("65500 x 65500", &file, "65500 pixels wide");
    set_size(&file, 64, 0);
    fails_with("no width", &file, "Empty JPEG image");
    host.call.max_bytes = 1024;
    set_size(&file, 64, 72);
    fails_with("bytes", &file, "bytes");
    free(file.bytes);
    file = make(&kinds[5], PROGRESSIVE, 64, 72);
    host.call.max_bytes = 64 * 72 * 3 + 100;
    fails_with("bytes of a progressive file", &file, "bytes");
    host.call.max_bytes = MEGA * 64;
    free(file.bytes);
}

static void check_limit(File *file, int64_t bytes) {
    pk_tensor data = tensor_of(file), out = {0};
    int code;
    out.data = malloc(64 * 72 * 3);
    out.stride[0] = 72 * 3, out.stride[1] = 3, out.stride[2] = 1;
    for (int less = 0; less < 2; less++) {
        host_reset(&host);
        host.call.max_bytes = bytes - less;
        code = decode_jpeg(&host.call, &data, 1, NULL, &out);
        check(!code == !less, "limit of a progressive file", host.reason);
    }
    host.call.max_bytes = MEGA * 64;
    free(out.data);
    free(data.data);
}

/* libjpeg's pixels and coefficients, whoever decodes; it has blocks of luma 9 x 8, of
 * chroma 5 x 4, and counts one MCU more each way. */
static void test_limit_of_progressive(void) {
    File file = make(&kinds[5], PROGRESSIVE, 64, 72);
    check_limit(&file, 64 * 72 * 3 + (11 * 10 + 2 * 6 * 5) * 128);
    free(file.bytes);
}

static void test_long_sides(void) {
    for (int i = 0; i < 2; i++) {
        File wide = make(&kinds[5], i * PROGRESSIVE, 5, 65500);
        File high = make(&kinds[5], i * PROGRESSIVE, 65500, 5);
        check_windows(&wide, 5);
        check_windows(&high, 5);
        free(wide.bytes);
        free(high.bytes);
    }
}

static unsigned long find_scan(const File *file, unsigned long from) {
    while (!(file->bytes[from] == 0xFF && file->bytes[from + 1] == 0xDA)) from++;
    return from;
}

/* The first scan again and again: minutes of work in a few hundred KB. */
static void test_scans_without_end(void) {
    File file = make(&kinds[3], APART, 8, 8), bomb = {0};
    unsigned long first = find_scan(&file, 2), second = find_scan(&file, first + 2);
    bomb.bytes = malloc(600 * file.n);
    memcpy(bomb.bytes, file.bytes, bomb.n = first);
    for (int i = 0; i < 600; i++, bomb.n += second - first)
        memcpy(bomb.bytes + bomb.n, file.bytes + first, second - first);
    memcpy(bomb.bytes + bomb.n, file.bytes + second, file.n - second);
    bomb.n += file.n - second;
    fails_with("600 scans", &bomb, "500 scans");
    free(bomb.bytes);
    free(file.bytes);
}

static void test_peek(void) {
    for (int i = 0; i < 60; i++) {
        int height = 1 + (int)draw(200), width = 1 + (int)draw(200);
        File file = make(&kinds[draw(KINDS)], (int)draw(MODES), height, width);
        pk_tensor data = tensor_of(&file);
        int64_t h = 0, w = 0;
        host_reset(&host);
        int64_t scale = 1 << draw(4);
        check(!decode_jpeg_peek(&host.call, &data, scale, &h, &w) &&
                  h == (height + scale - 1) / scale && w == (width + scale - 1) / scale,
              file.what, "peek");
        data.dim[0] = 20;
        check(decode_jpeg_peek(&host.call, &data, scale, &h, &w) && host.reason[0], file.what,
              "peek at 20 bytes");
        free(data.data);
        free(file.bytes);
    }
}

static void run(const char *name, void (*test)(int), int rounds) {
    int before = failed;
    test(rounds);
    if (failed == before) printf("ok %s\n", name);
}

static void test_small(int rounds) {
    (void)rounds;
    test_refused();
    test_limits();
    test_limit_of_progressive();
    test_long_sides();
    test_scans_without_end();
    test_peek();
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 1;
    if (argc > 2) state = strtoull(argv[2], NULL, 10);
    host_init(&host, MEGA, MEGA * 64);
    run("jpeg_refusals_limits_peek", test_small, 1);
    run("jpeg_windows_have_the_bits_of_the_whole", test_windows, rounds);
    run("jpeg_windows_at_every_alignment", test_alignments, rounds);
    run("jpeg_indexes_reach_the_same_pixels", test_indexes, 8 * rounds);
    run("jpeg_damage_gives_one_verdict", test_damaged, 1500 * rounds);
    host_reset(&host);
    printf("# %d checks, %d failed\n", passed + failed, failed);
    return failed != 0;
}
