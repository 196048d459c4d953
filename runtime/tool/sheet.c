/* A contact sheet: images of a batch side by side. */
#include "tool.h"
#include <errno.h>
#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64, GAP = 2 };

/* An output of images: rows x (h, w) with channels last, first or none. */
typedef struct layout { int64_t h, w, c, step_h, step_w, step_c; } layout;

/* To 0 … 255, per channel: v * mul + add. */
typedef struct scale { double mul[4], add[4]; } scale;

struct sheet {
    unsigned char *tile[MOST];  /* RGB */
    int n, h, w;
    int64_t batches;            /* seen */
    scale scale;                /* of all tiles: that of the first batch */
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

/* What the images of a batch hold, by channel; NaN and infinities are no pixels. */
typedef struct range { double low[4], high[4], least, most; } range;

static void widen(range *r, int64_t c, double v) {
    if (v < r->low[c]) r->low[c] = v;
    if (v > r->high[c]) r->high[c] = v;
    if (v < r->least) r->least = v;
    if (v > r->most) r->most = v;
}

static range find_range(const pipert_output *o, const layout *l, int64_t images) {
    range r = {.least = INFINITY, .most = -INFINITY};
    for (int c = 0; c < 4; c++) r.low[c] = INFINITY, r.high[c] = -INFINITY;
    for (int64_t k = 0; k < images; k++)
        for (int64_t y = 0; y < l->h; y++)
            for (int64_t x = 0; x < l->w; x++)
                for (int64_t c = 0; c < l->c; c++) {
                    double v = value(o, k * l->h * l->w * l->c + y * l->step_h +
                                            x * l->step_w + c * l->step_c);
                    if (isfinite(v)) widen(&r, c, v);
                }
    return r;
}

static const double mean[3] = {.485, .456, .406}, deviation[3] = {.229, .224, .225};

/* RGB of 0 to 1, less ImageNet's mean and over its deviation. */
static bool is_normalised(const range *r, const layout *l) {
    const double slack = .01;           /* an interpolation may overshoot */
    if (l->c != 3) return false;
    for (int c = 0; c < 3; c++)
        if (r->low[c] * deviation[c] + mean[c] < -slack ||
            r->high[c] * deviation[c] + mean[c] > 1 + slack)
            return false;
    return true;
}

/* Floats that fit a known range are shown as in it: 0 to 1, -1 to 1, normalised, bytes;
 * others from the least to the most. Bytes are not all nearly black. */
static scale find_scale(const pipert_output *o, const layout *l, int64_t images) {
    range r;
    double mul = 1, add = 0;
    scale s;
    if (o->dtype != PIPERT_U8) {
        r = find_range(o, l, images);
        if (r.least >= 0 && r.most <= 1) mul = 255;
        else if (r.least >= -1 && r.most <= 1) mul = add = 127.5;
        else if (is_normalised(&r, l)) mul = 0;
        else if (r.least < 0 || r.most < 16 || r.most > 255) {
            mul = 255 / (r.most > r.least ? r.most - r.least : 1);
            add = -r.least * mul;
        }
    }
    for (int c = 0; c < 4; c++) {
        bool normalised = mul == 0 && c < 3;
        s.mul[c] = normalised ? 255 * deviation[c] : mul;
        s.add[c] = normalised ? 255 * mean[c] : add;
    }
    return s;
}

static void draw(unsigned char *to, const pipert_output *o, const layout *l, int64_t base,
                 const scale *s) {
    for (int64_t y = 0; y < l->h; y++)
        for (int64_t x = 0; x < l->w; x++)
            for (int64_t k = 0; k < 3; k++) {
                int64_t c = l->c >= 3 ? k : 0;
                double v = value(o, base + y * l->step_h + x * l->step_w + c * l->step_c);
                v = v * s->mul[c] + s->add[c] + .5;
                *to++ = (unsigned char)(v > 255 ? 255 : v > 0 ? v : 0);
            }
}

void sheet_add(sheet *s, const pipert_batch *b) {
    layout l;
    s->batches++;
    for (int i = 0; i < b->noutputs && s->n < MOST; i++) {
        const pipert_output *o = &b->output[i];
        if ((*s->name && strcmp(s->name, o->name)) || !find_layout(o, &l)) continue;
        if (!*s->name) {
            snprintf(s->name, sizeof s->name, "%s", o->name);
            s->h = (int)l.h, s->w = (int)l.w;
            s->scale = find_scale(o, &l, b->valid);
        }
        if (l.h != s->h || l.w != s->w) return;
        for (int64_t k = 0; k < b->valid && s->n < MOST; k++) {
            s->tile[s->n] = malloc((size_t)(3 * s->h * s->w));
            if (!s->tile[s->n]) return;
            draw(s->tile[s->n++], o, &l, k * l.h * l.w * l.c, &s->scale);
        }
        return;
    }
}

static bool write_png(sheet *s, const char *path, char *why, size_t n) {
    int across = (int)ceil(sqrt((double)s->n * s->h / s->w)), down;
    png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB};
    unsigned char *all;
    FILE *f;
    bool good = true;
    if (across < 1) across = 1;
    if (across > s->n) across = s->n;
    down = (s->n + across - 1) / across;
    image.width = (unsigned)(across * (s->w + GAP) - GAP);
    image.height = (unsigned)(down * (s->h + GAP) - GAP);
    all = calloc((size_t)image.width * image.height, 3);
    if (!all) return file_fails(path, ENOMEM, why, n);
    f = fopen(path, "wb");
    for (int i = 0; i < s->n; i++)
        for (int y = 0; y < s->h; y++) {
            size_t row = (size_t)(i / across * (s->h + GAP) + y);
            size_t column = (size_t)(i % across * (s->w + GAP));
            memcpy(all + 3 * (row * image.width + column), s->tile[i] + 3 * y * s->w,
                   (size_t)(3 * s->w));
        }
    if (f && !png_image_write_to_stdio(&image, f, 0, all, 0, NULL) && !ferror(f)) {
        snprintf(why, n, "%s cannot be written: %s", path, image.message);
        good = false;
    }
    free(all);
    if (good) return file_end(f, path, why, n);
    fclose(f);
    return false;
}

bool sheet_write(sheet *s, const char *path, char *why, size_t n) {
    if (s->n) return write_png(s, path, why, n);
    snprintf(why, n, s->batches ? "%s: no output holds u8 or f32 images to show"
                                : "%s: there was no batch to show", path);
    return false;
}

void sheet_free(sheet *s) {
    for (int i = 0; s && i < s->n; i++) free(s->tile[i]);
    free(s);
}
