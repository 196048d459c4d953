/* A contact sheet: images of a batch side by side. */
#include "tool.h"
#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64, GAP = 2 };

/* An output of images: rows x (h, w) with channels last, first or none. */
typedef struct layout { int64_t h, w, c, step_h, step_w, step_c; } layout;

struct sheet {
    unsigned char *tile[MOST];  /* RGB */
    int n, h, w;
    char name[128];             /* of the output; "": none found yet */
};

sheet *sheet_new(void) { return calloc(1, sizeof(sheet)); }

static bool has_channels(int64_t c) { return c == 1 || c == 3 || c == 4; }

static bool find_layout(const pipert_output *o, layout *l) {
    const int64_t *d = o->dim + 1;
    if (o->ragged || (o->dtype != PIPERT_U8 && o->dtype != PIPERT_F32)) return false;
    if (o->rank == 4 && has_channels(d[2]))
        *l = (layout){d[0], d[1], d[2], d[1] * d[2], d[2], 1};
    else if (o->rank == 4 && has_channels(d[0]))
        *l = (layout){d[1], d[2], d[0], d[2], 1, d[1] * d[2]};
    else if (o->rank == 3)
        *l = (layout){d[0], d[1], 1, d[1], 1, 0};
    else return false;
    return l->h > 1 && l->w > 1 && l->h <= 4096 && l->w <= 4096;
}

static double value(const pipert_output *o, int64_t at) {
    if (o->dtype == PIPERT_U8) return ((const unsigned char *)o->data)[at];
    return ((const float *)o->data)[at];
}

/* To 0 … 255, per channel: v * mul + add. */
typedef struct scale { double mul[4], add[4]; } scale;

static void find_range(const pipert_output *o, const layout *l, int64_t base, double *low,
                       double *high) {
    *low = INFINITY, *high = -INFINITY;
    for (int64_t i = 0; i < l->h * l->w * l->c; i++) {
        double v = value(o, base + i);
        if (v < *low) *low = v;
        if (v > *high) *high = v;
    }
}

/* Floats that fit a known range are shown as in it: bytes, 0 to 1, -1 to 1, RGB less
 * ImageNet's mean and over its deviation; others from the least to the most. */
static scale find_scale(const pipert_output *o, const layout *l, int64_t base) {
    static const double mean[4] = {.485, .456, .406, .5}, deviation[4] = {.229, .224, .225, .25};
    double low, high, mul, add;
    scale s;
    find_range(o, l, base, &low, &high);
    mul = 255 / (high > low ? high - low : 1);
    add = -low * mul;
    if (o->dtype == PIPERT_U8 || (low >= 0 && high > 2 && high <= 255)) mul = 1, add = 0;
    else if (low >= 0 && high <= 1) mul = 255, add = 0;
    else if (low >= -1 && high <= 1) mul = add = 127.5;
    for (int c = 0; c < 4; c++) s.mul[c] = mul, s.add[c] = add;
    if (l->c != 3 || o->dtype == PIPERT_U8 || low >= 0 || low < -2.12 || high > 2.65 ||
        (low >= -1 && high <= 1))
        return s;
    for (int c = 0; c < 3; c++) s.mul[c] = 255 * deviation[c], s.add[c] = 255 * mean[c];
    return s;
}

static void draw(unsigned char *to, const pipert_output *o, const layout *l, int64_t base) {
    scale s = find_scale(o, l, base);
    for (int64_t y = 0; y < l->h; y++)
        for (int64_t x = 0; x < l->w; x++)
            for (int64_t k = 0; k < 3; k++) {
                int64_t c = l->c >= 3 ? k : 0;
                double v = value(o, base + y * l->step_h + x * l->step_w + c * l->step_c);
                v = v * s.mul[c] + s.add[c] + .5;
                *to++ = (unsigned char)(v > 255 ? 255 : v > 0 ? v : 0);
            }
}

void sheet_add(sheet *s, const pipert_batch *b) {
    layout l;
    for (int i = 0; i < b->noutputs && s->n < MOST; i++) {
        const pipert_output *o = &b->output[i];
        if ((*s->name && strcmp(s->name, o->name)) || !find_layout(o, &l)) continue;
        if (!*s->name) {
            snprintf(s->name, sizeof s->name, "%s", o->name);
            s->h = (int)l.h, s->w = (int)l.w;
        }
        if (l.h != s->h || l.w != s->w) return;
        for (int64_t k = 0; k < b->valid && s->n < MOST; k++) {
            s->tile[s->n] = malloc((size_t)(3 * s->h * s->w));
            if (!s->tile[s->n]) return;
            draw(s->tile[s->n++], o, &l, k * l.h * l.w * l.c);
        }
        return;
    }
}

static const char *write_png(sheet *s, const char *path) {
    int across = (int)ceil(sqrt((double)s->n * s->h / s->w)), down;
    png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB};
    unsigned char *all;
    bool good;
    if (across < 1) across = 1;
    if (across > s->n) across = s->n;
    down = (s->n + across - 1) / across;
    image.width = (unsigned)(across * (s->w + GAP) - GAP);
    image.height = (unsigned)(down * (s->h + GAP) - GAP);
    all = calloc((size_t)image.width * image.height, 3);
    if (!all) return "no memory for the sheet";
    for (int i = 0; i < s->n; i++)
        for (int y = 0; y < s->h; y++) {
            size_t row = (size_t)(i / across * (s->h + GAP) + y);
            size_t column = (size_t)(i % across * (s->w + GAP));
            memcpy(all + 3 * (row * image.width + column), s->tile[i] + 3 * y * s->w,
                   (size_t)(3 * s->w));
        }
    good = png_image_write_to_file(&image, path, 0, all, 0, NULL);
    free(all);
    return good ? NULL : "the contact sheet cannot be written";
}

const char *sheet_write(sheet *s, const char *path) {
    const char *why = s->n ? write_png(s, path) : "no output holds u8 or f32 images to show";
    for (int i = 0; i < s->n; i++) free(s->tile[i]);
    free(s);
    return why;
}
