/* A sound header, made of a few bytes, before a scan of any bytes, or before the scans of
 * a progressive file: all of the input goes to the entropy decoder. */
#include "fuzz.h"

enum { MOST = 1 << 16, SIDE = 48, STANDARD = 1, STUFFED = 2, ENDED = 4, WHOLE = 8,
       PROGRESSIVE = 64, WITHOUT_BITS = 128 };

typedef struct File { size_t n; uint8_t bytes[MOST]; } File;

static void put(File *f, int byte) {
    if (f->n < MOST) f->bytes[f->n++] = (uint8_t)byte;
}

static void put_all(File *f, const uint8_t *bytes, int n) {
    for (int i = 0; i < n; i++) put(f, bytes[i]);
}

static void put_segment(File *f, int marker, int bytes) {
    put(f, 0xFF), put(f, marker), put(f, (bytes + 2) >> 8), put(f, (bytes + 2) & 255);
}

/* Small, middle and large steps. */
static void put_quants(File *f, int how) {
    static const uint8_t step[] = {1, 16, 255, 3};
    put_segment(f, 0xDB, 65);
    put(f, 0);
    for (int k = 0; k < 64; k++) put(f, k ? step[how & 3] : step[how >> 2 & 3]);
}

static void put_frame(File *f, int marker, int height, int width, int shape) {
    static const uint8_t luma[] = {0x11, 0x11, 0x21, 0x22};
    int n = shape ? 3 : 1;
    put_segment(f, marker, 6 + 3 * n);
    put(f, 8), put(f, 0), put(f, height), put(f, 0), put(f, width), put(f, n);
    for (int i = 0; i < n; i++) put(f, i + 1), put(f, i ? 0x11 : luma[shape]), put(f, 0);
}

/* Codes from the input: as many of a length as it says and there are. */
static void put_codes(File *f, Input *in, int which) {
    uint8_t count[16];
    int room = 1, all = 0;
    for (int i = 0; i < 16; i++) {
        int n = take(in) % 20;
        room *= 2;
        if (n > room - 1) n = room - 1;         /* all ones is no code */
        if (n > 256 - all) n = 256 - all;
        if (i == 15 && !all && !n) n = 1;
        count[i] = (uint8_t)n;
        room -= n;
        all += n;
    }
    put_segment(f, 0xC4, 17 + all);
    put(f, which);
    put_all(f, count, 16);
    for (int i = 0; i < all; i++) put(f, which ? take(in) : take(in) % 12);
}

/* Short codes for what is common, and one for each symbol that is not. */
static void put_standard_codes(File *f, int how) {
    static const uint8_t dc[] = {0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0,
                                 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const uint8_t ac[] = {0, 2, 1, 3, 1, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 12,
                                 1, 2, 3, 0, 4, 17, 5, 0x21, 0x31, 6, 0xF0, 7, 8, 9, 10,
                                 0x12, 0x22, 0x33, 0x41, 0xE1, 0xF1, 0xFA, 0xA2};
    static const uint8_t band[] = {0, 2, 1, 3, 1, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 12,
                                   1, 0, 0x11, 2, 0x10, 0x21, 3, 0x31, 0x20, 0xF0, 0x41,
                                   0x30, 0x12, 0x40, 0x51, 0x50, 4, 0xE0, 0x61, 0xF1, 5,
                                   0x81};
    put_segment(f, 0xC4, 1 + sizeof dc);
    put(f, 0);
    put_all(f, dc, sizeof dc);
    put_segment(f, 0xC4, 1 + (how & PROGRESSIVE ? sizeof band : sizeof ac));
    put(f, 0x10);
    if (how & PROGRESSIVE) put_all(f, band, sizeof band);
    else put_all(f, ac, sizeof ac);
}

/* n components from `from` on. */
static void put_scan(File *f, int from, int n, int first, int last, int bits) {
    put_segment(f, 0xDA, 4 + 2 * n);
    put(f, n);
    for (int i = from; i < from + n; i++) put(f, i + 1), put(f, 0);
    put(f, first), put(f, last), put(f, bits);
}

/* At most n bytes. */
static void put_data(File *f, Input *in, int how, ptrdiff_t n) {
    for (; n && in->at < in->end; n--) {
        int byte = take(in);
        put(f, byte);
        if (byte == 0xFF && how & STUFFED) put(f, 0);
    }
}

/* All bits of all coefficients, in an order that the file is allowed to have; how many
 * bytes a scan has stands before them. */
static void put_scans(File *f, Input *in, int how, int shape) {
    int n = shape ? 3 : 1, low = how & WITHOUT_BITS ? 0 : 1;
    put_scan(f, 0, n, 0, 0, low);
    put_data(f, in, how, take(in));
    for (int high = 0; high <= low; high++)
        for (int i = 0; i < n; i++)
            for (int k = 0; k < 2; k++) {
                if (i && k) continue;
                put_scan(f, i, 1, k ? 6 : 1, i || k ? 63 : 5, high ? 0x10 : low);
                put_data(f, in, how, take(in));
            }
    if (low) put_scan(f, 0, n, 0, 0, 0x10), put_data(f, in, how, PTRDIFF_MAX);
}

static void make_file(File *f, Input *in, int how) {
    int sides = take(in), more = take(in), shape = more & 3, restart = more >> 2 & 7;
    f->n = 0;
    put(f, 0xFF), put(f, 0xD8);
    put_quants(f, more >> 4);
    put_frame(f, how & PROGRESSIVE ? 0xC2 : 0xC0, 1 + (sides & 15) * SIDE / 16,
              5 + (sides >> 4) * SIDE / 16, shape);
    if (how & STANDARD) put_standard_codes(f, how);
    else put_codes(f, in, 0), put_codes(f, in, 0x10);
    if (restart) put_segment(f, 0xDD, 2), put(f, 0), put(f, restart);
    if (how & PROGRESSIVE) {
        put_scans(f, in, how, shape);
    } else {
        put_scan(f, 0, shape ? 3 : 1, 0, 63, 0);
        put_data(f, in, how, PTRDIFF_MAX);
    }
    if (how & ENDED) put(f, 0xFF), put(f, 0xD9);
}

void fuzz_scan(Input *in) {
    static const int pixels[] = {3, 4, 3, 1};
    static File f;
    int how = take(in);
    Form form = {pixels[how >> 4 & 3], 1};
    Input choices = {in->at, in->at + 5 < in->end ? in->at + 5 : in->end};
    pk_tensor file;
    Whole whole;
    in->at = choices.end;
    make_file(&f, in, how);
    file = copy_file(f.bytes, f.n);
    whole = judge(&file, form);
    if (whole.is_read) {
        Way way = choose_way(&choices, &whole, form);
        Result got;
        if (how & WHOLE) way.window = (pk_region){{0}, {whole.height, whole.width}};
        got = decode(&file, &way);
        compare("a scan and libjpeg's", &whole, &way, &got);
        free(got.pixels);
    }
    whole_free(&whole);
    free(file.data);
}
