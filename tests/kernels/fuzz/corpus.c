/* corpus FILE...: files whose names begin with what is to become of them (make_jpegs.py),
 * whole, in windows, gray, scaled, on every kind of processor: libjpeg's pixels or its
 * failure. Counts them by what became of them. */
#include "fuzz.h"

enum { OWN, LEFT, BAD, CLASSES, WINDOWS = 8, LARGEST = 1 << 20 };
static const char *const classes[] = {"own", "left", "bad"};

Host host;
static const char *name;
static uint32_t state;

/* Numbers that are the same on every machine. */
static int draw(void) {
    state = state * 1664525 + 1013904223;
    return (int)(state >> 24);
}

static pk_tensor read_file(const char *path) {
    static uint8_t bytes[LARGEST];
    FILE *in = fopen(path, "rb");
    size_t n = in ? fread(bytes, 1, sizeof bytes, in) : 0;
    if (!in || n == sizeof bytes) exit(2);
    fclose(in);
    return copy_file(bytes, n);
}

/* Whether our decoder gives all rows, alone. */
static bool is_own(const pk_tensor *file) {
    static JpegDecoder d;
    bool good;
    uint8_t *memory, *out;
    if (jpegdec_header(&d.header, file->data, (size_t)file->dim[0]) ||
        (int64_t)d.header.width * d.header.height > MOST_PIXELS)
        return false;
    d.top = d.left = 0;
    d.bottom = d.header.height, d.right = d.header.width;
    d.pixel = 3;
    d.gray = false;
    host_reset(&host);
    memory = pk_alloc(&host.call, jpegdec_memory(&d.header));
    out = malloc(3 * (size_t)(d.right * d.bottom));
    good = !jpegdec_begin(&d, jpegdec_level(host_cpu()), memory) &&
           !jpegdec_rows(&d, d.bottom, out, 3 * d.right);
    jpegdec_end(&d);
    free(out);
    return good;
}

static Way draw_way(const Whole *whole, Form form) {
    uint8_t choices[5];
    for (int i = 0; i < 5; i++) choices[i] = (uint8_t)draw();
    return choose_way(&(Input){choices, choices + 5}, whole, form);
}

static void check_windows(const pk_tensor *file, Form form, int level) {
    Whole whole = judge(file, form);
    if (whole.is_refused) compare_refusal(name, file, form);
    for (int i = 0; i <= WINDOWS && whole.is_read; i++) {
        Way way = draw_way(&whole, form);
        Result got;
        way.level = level;
        if (!i) way.window = (pk_region){{0}, {whole.height, whole.width}};
        got = decode(file, &way);
        compare(name, &whole, &way, &got);
        free(got.pixels);
    }
    whole_free(&whole);
}

static void check_index(const pk_tensor *file, int every) {
    Form form = {3, 1};
    Whole whole = judge(file, form);
    Index index = make_index(file, every);
    for (int i = 0; i < 2 * WINDOWS && index.bytes; i++) {
        Way way = draw_way(&whole, form);
        check_right_index(file, &whole, &way, index);
    }
    free(index.bytes);
    whole_free(&whole);
}

static int class_of(const pk_tensor *file) {
    Whole whole = judge(file, (Form){3, 1});
    int what = is_own(file) ? OWN : LEFT;
    if (!whole.is_read || whole.bad_row != INT64_MAX) what = BAD;
    if (what == BAD && is_own(file)) differ(name);
    whole_free(&whole);
    return what;
}

static bool is_due(int what) {
    if (!strncmp(name, "any-", 4)) return true;
    if (!strncmp(name, "other-", 6)) return what != OWN;
    return !strncmp(name, classes[what], strlen(classes[what]));
}

static int check_file(const pk_tensor *file) {
    static const int levels[] = {0, 3, 4}, pixels[] = {3, 4, 1};
    int what = class_of(file);
    for (int i = 0; i < 3 && levels[i] <= host_cpu(); i++)
        for (int k = 0; k < 3; k++) check_windows(file, (Form){pixels[k], 1}, levels[i]);
    for (int scale = 2; scale <= 8; scale *= 2) check_windows(file, (Form){3, scale}, 0);
    for (int every = 1; what != BAD && every < 4; every++) check_index(file, every);
    if (!is_due(what)) printf("FAIL jpeg_corpus -- %s is %s\n", name, classes[what]);
    return what;
}

int main(int argc, char **argv) {
    int count[CLASSES] = {0};
    for (int i = 1; i < argc; i++) {
        pk_tensor file = read_file(argv[i]);
        name = strrchr(argv[i], '/') ? strrchr(argv[i], '/') + 1 : argv[i];
        state = (uint32_t)i;
        host_init(&host, 1 << 20, (int64_t)1 << 26);
        count[check_file(&file)]++;
        host_reset(&host);
        free(file.data);
    }
    printf("# %d files:", argc - 1);
    for (int i = 0; i < CLASSES; i++) printf(" %s %d", classes[i], count[i]);
    printf("\n");
    return 0;
}
