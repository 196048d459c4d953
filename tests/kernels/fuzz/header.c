/* What stands before the scan: our reader agrees with libjpeg's in all that it takes, and
 * what a header costs is told by its bytes, not by what it claims. */
#include "fuzz.h"

int decode_jpeg_peek(pk_call *, const pk_tensor *, int64_t, int64_t *, int64_t *);
int decode_jpeg(pk_call *, const pk_tensor *, int64_t, const pk_region *, pk_tensor *);

typedef struct Quiet {
    struct jpeg_error_mgr errors;
    jmp_buf give_up;
    bool complained;
} Quiet;

static void on_message(j_common_ptr info, int level) {
    if (level < 0) ((Quiet *)info->err)->complained = true;
}

static void on_error(j_common_ptr info) { longjmp(((Quiet *)info->err)->give_up, 1); }

static void due(bool good, const char *what) {
    if (!good) differ(what);
}

/* ---- our header and libjpeg's ---- */
static void compare_codes(const uint8_t *dht, const JHUFF_TBL *theirs) {
    int n = 0;
    due(theirs && !memcmp(dht, theirs->bits + 1, 16), "lengths of codes");
    for (int i = 0; i < 16; i++) n += dht[i];
    due(n <= 256 && !memcmp(dht + 16, theirs->huffval, (size_t)n), "values of codes");
}

static void compare_component(const JpegHeader *h, int i,
                              const struct jpeg_decompress_struct *info) {
    const JpegComponent *own = &h->component[i];
    const jpeg_component_info *c = &info->comp_info[i];
    const JQUANT_TBL *quant = info->quant_tbl_ptrs[c->quant_tbl_no];
    due(own->id == c->component_id && (h->ncomponents == 1 || own->h == c->h_samp_factor),
        "a component");
    due(own->v == c->v_samp_factor && own->quant == c->quant_tbl_no, "a component's v");
    due(quant != NULL, "no quantisation");
    for (int k = 0; k < 64; k++)
        due(quant->quantval[k] == h->quant[own->quant][k], "quantisation");
}

static void compare_scan(const JpegHeader *h, const struct jpeg_decompress_struct *info) {
    const JpegScan *s = &h->at;
    due(s->n == info->comps_in_scan && s->first == info->Ss && s->last == info->Se &&
            s->high == info->Ah && s->low == info->Al,
        "what a scan holds");
    for (int i = 0; i < s->n; i++) {
        const JpegComponent *own = &h->component[s->component[i]];
        const jpeg_component_info *c = info->cur_comp_info[i];
        due(s->component[i] == c->component_index, "a component of a scan");
        due(own->dc == c->dc_tbl_no && own->ac == c->ac_tbl_no, "a component's tables");
        if (!s->first && !s->high)
            compare_codes(h->dht[0][own->dc], info->dc_huff_tbl_ptrs[own->dc]);
        if (s->last) compare_codes(h->dht[1][own->ac], info->ac_huff_tbl_ptrs[own->ac]);
    }
}

static void compare_header(const JpegHeader *h,
                           const struct jpeg_decompress_struct *info) {
    due(h->width == (int)info->image_width && h->height == (int)info->image_height,
        "size");
    due(h->ncomponents == info->num_components && info->data_precision == 8, "precision");
    due(h->progressive == info->progressive_mode && !info->arith_code, "the process");
    due(h->progressive || info->comps_in_scan == h->ncomponents,
        "a scan without a component");
    due(h->restart == (int)info->restart_interval, "restarts");
    due(info->jpeg_color_space == (h->ncomponents == 1 ? JCS_GRAYSCALE : JCS_YCbCr),
        "colours");
    due(h->scan == info->src->next_input_byte, "where the scan begins");
    for (int i = 0; i < h->ncomponents; i++) compare_component(h, i, info);
    compare_scan(h, info);
}

static void compare_with_libjpeg(const JpegHeader *h, const pk_tensor *file) {
    struct jpeg_decompress_struct info;
    Quiet quiet = {.complained = false};
    info.err = jpeg_std_error(&quiet.errors);
    quiet.errors.error_exit = on_error;
    quiet.errors.emit_message = on_message;
    jpeg_create_decompress(&info);
    if (setjmp(quiet.give_up)) differ("libjpeg refuses the header");
    jpeg_mem_src(&info, file->data, (unsigned long)file->dim[0]);
    jpeg_read_header(&info, TRUE);
    due(!quiet.complained, "libjpeg warns of the header");
    compare_header(h, &info);
    jpeg_destroy_decompress(&info);
}

/* ---- what it costs ---- */
/* A few rows of MCUs, whatever the height is. */
static void check_memory(const JpegHeader *h) {
    size_t row = (size_t)h->width + 64, all = jpegdec_memory(h);
    due(all <= 2 * 3 * 16 * (row + 256) + 4 * row + 4096, "memory of a decoder");
}

static void compare_sizes(const pk_tensor *file, int scale) {
    int64_t own[2] = {0}, theirs[2] = {0};
    int code = decode_jpeg_peek(&host.call, file, scale, &own[0], &own[1]);
    host_reset(&host);
    due(!code == !turbo_peek(&host.call, file, (TurboWish){scale, 0}, &theirs[0],
                             &theirs[1]), "who can read the header");
    due(code || (own[0] == theirs[0] && own[1] == theirs[1]), "size by peek");
    host_reset(&host);
}

/* The first pixel of however many, within limits. */
static void decode_a_pixel(const pk_tensor *file) {
    uint8_t pixel[2][4];
    const pk_region window = {{0, 0}, {1, 1}};
    pk_tensor out = {pixel[0], {1, 1, 3}, {3, 3, 1}};
    TurboDecoder d;
    int code = decode_jpeg(&host.call, file, 1, &window, &out), theirs;
    host_reset(&host);
    out.data = pixel[1];
    theirs = turbo_begin(&d, &host.call, file, (TurboWish){1, 0}, &window);
    if (!theirs) theirs = turbo_rows(&d, 1, &out);
    turbo_end(&d);
    due(!code == !theirs, "the first pixel's verdict");
    due(code || !pixels_are_judged || !memcmp(pixel[0], pixel[1], 3), "the first pixel");
}

void fuzz_header(Input *in) {
    int scale = 1 << (take(in) & 3);
    pk_tensor file = copy_file(in->at, (size_t)(in->end - in->at));
    JpegHeader h;
    host_reset(&host);
    if (!jpegdec_header(&h, file.data, (size_t)file.dim[0])) {
        compare_with_libjpeg(&h, &file);
        check_memory(&h);
    }
    compare_sizes(&file, 1);
    compare_sizes(&file, scale);
    decode_a_pixel(&file);
    free(file.data);
}
