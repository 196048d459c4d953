/* An index that nobody vouches for, and a picture. The one that is made of the picture
 * gives its pixels; any other gives some pixels, the same on every kind of processor, or
 * a failure, and touches nothing that it must not. */
#include "fuzz.h"

enum { REAL, DAMAGED, FITTED, RAW, MOST_INDEX = 255 };

extern const pk_indexer *const pk_indexers[];

/* What the source would give; the call that asks is the host's. */
static Index given;

static const void *find_index(pk_call *call, const char *format, const void *data,
                              int64_t n, size_t *bytes) {
    (void)call, (void)data, (void)n;
    *bytes = given.n;
    return strcmp(format, "jpeg") ? NULL : given.bytes;
}

static Index copy_index(const void *bytes, size_t n) {
    Index index = {malloc(n ? n : 1), n};
    if (n) memcpy(index.bytes, bytes, n);
    return index;
}

Index make_index(const pk_tensor *file, int every) {
    size_t n;
    const void *made;
    host_reset(&host);
    made = pk_indexers[0]->make(&host.call, file->data, file->dim[0], every, &n);
    return made ? copy_index(made, n) : (Index){NULL, 0};
}

/* A few places and what is done to them, off the input. */
void damage(Index *index, Input *in) {
    for (int n = 1 + take(in) % 4; n && index->n; n--) {
        size_t at = (size_t)take(in) << 8 | (size_t)take(in);
        ((uint8_t *)index->bytes)[at % index->n] ^= (uint8_t)take(in);
    }
}

/* Points off the input, behind a head that is right, or but for how many they are. */
static Index fit_index(const pk_tensor *file, int every, Input *in) {
    static JpegHeader h;
    Index index = {NULL, 0};
    JpegIndex *x;
    int claimed = take(in) % 17;
    if (jpegdec_header(&h, file->data, (size_t)file->dim[0]) ||
        (int64_t)h.width * h.height > MOST_PIXELS)
        return index;
    index.n = jpegdec_index_bytes(&h, every);
    x = index.bytes = calloc(1, index.n);
    *x = (JpegIndex){(uint32_t)(claimed ? claimed : every), (uint32_t)h.wide,
                     (uint32_t)h.high, (uint32_t)(h.end - h.scan)};
    for (size_t i = sizeof *x; i < index.n; i++)
        ((uint8_t *)index.bytes)[i] = (uint8_t)take(in);
    return index;
}

static Index choose_index(int what, const pk_tensor *file, int every, Input *in) {
    Index index;
    if (what == RAW) return copy_index(in->at, (size_t)(in->end - in->at));
    if (what == FITTED) return fit_index(file, every, in);
    index = make_index(file, every);
    if (what == DAMAGED) damage(&index, in);
    return index;
}

/* libjpeg's pixels where the index is right, those of the plainest code where not. */
static void check_window(int what, const pk_tensor *file, const Whole *whole,
                         const Way *way) {
    Result got = decode(file, way);
    if (what == REAL) {
        compare("a window by its index", whole, way, &got);
    } else {
        Way plain = *way;
        Result due;
        plain.level = plain.step = 0;
        due = decode(file, &plain);
        compare_results("an index on two processors", way, &due, &got);
        free(due.pixels);
    }
    free(got.pixels);
}

void check_right_index(const pk_tensor *file, const Whole *whole, const Way *way,
                       Index index) {
    given = index;
    host.call.index = find_index;
    check_window(REAL, file, whole, way);
    host.call.index = NULL;
    given = (Index){NULL, 0};
}

void fuzz_index(Input *in) {
    static const int pixels[] = {3, 4, 3, 1};
    int how = take(in), n = take(in), what = how & 3, every = 1 + (how >> 4);
    Form form = {pixels[how >> 2 & 3], 1};
    Input choices = {in->at, in->at + 5}, index;
    pk_tensor file;
    Whole whole;
    if (in->end - in->at < 5 + n) return;
    index = (Input){choices.end, choices.end + n};
    file = copy_file(index.end, (size_t)(in->end - index.end));
    whole = judge(&file, form);
    if (whole.is_read) given = choose_index(what, &file, every, &index);
    if (given.bytes) {
        Way way = choose_way(&choices, &whole, form);
        if (what == REAL && whole.bad_row != INT64_MAX)
            differ("an index of a file that libjpeg complains of");
        host.call.index = find_index;
        check_window(what, &file, &whole, &way);
        host.call.index = NULL;
    }
    free(given.bytes);
    given = (Index){NULL, 0};
    whole_free(&whole);
    free(file.data);
}
