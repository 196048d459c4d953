/* Tables are filled in the order of their codes. What may follow a symbol is the same
 * whatever its value is, so it is made once and copied for every value. */
#include "huffman.h"
#include <string.h>

enum { MAX_DC = 11, MAX_AC = 10 };          /* bits of a value of 8-bit samples */

typedef struct Symbols {
    int n;
    struct { uint8_t length, run, size; } at[256];
} Symbols;

static int count_values(const uint8_t *dht) {
    int n = 0;
    for (int i = 0; i < 16; i++) n += dht[i];
    return n;
}

/* False: too many codes of a length; all ones is none. (libjpeg refuses both.) */
static bool number_codes(JpegCodes *c) {
    int code = 0, n = 0;
    for (int length = 1; length <= 16; length++, code <<= 1) {
        int count = c->dht[length - 1];
        c->offset[length] = n - code;
        code += count;
        n += count;
        c->last[length] = count ? code - 1 : -1;
        if (count && code >= 1 << length) return false;
    }
    return true;
}

/* Takes the table over, if it is new. */
static bool begin_codes(JpegCodes *c, const uint8_t *dht, int n) {
    c->n = 0;
    memcpy(c->dht, dht, 16 + (size_t)n);
    return number_codes(c);
}

static bool is_built(const JpegCodes *c, const uint8_t *dht, int n) {
    return n && c->n == n && !memcmp(c->dht, dht, 16 + (size_t)n);
}

static void list_symbols(const JpegCodes *c, Symbols *to) {
    to->n = 0;
    for (int length = 1; length <= 16; length++)
        for (int i = 0; i < c->dht[length - 1]; i++, to->n++) {
            uint8_t value = c->dht[16 + to->n];
            to->at[to->n].length = (uint8_t)length;
            to->at[to->n].run = value >> 4;
            to->at[to->n].size = value & 15;
        }
}

/* None above `most`. */
static bool has_sizes(const Symbols *s, int most) {
    for (int i = 0; i < s->n; i++)
        if (s->at[i].size > most) return false;
    return true;
}

/* ---- DC ---- */
static void fill_dc(JpegDcTable *t, const Symbols *s) {
    uint32_t *to = t->entry, *end = t->entry + (1 << JPEG_DC_BITS);
    for (int i = 0; i < s->n && s->at[i].length <= JPEG_DC_BITS; i++) {
        int length = s->at[i].length, size = s->at[i].size;
        for (int k = 0; k < 1 << (JPEG_DC_BITS - length); k++)
            *to++ = (uint32_t)(size << 16 | (length + size));
    }
    while (to < end) *to++ = 0;
}

const JpegDcTable *jpegdec_dc_table(JpegTables *tables, int i, const uint8_t *dht) {
    JpegDcTable *t = &tables->dc[i];
    int n = count_values(dht);
    Symbols s;
    if (is_built(&t->codes, dht, n)) return t;
    if (n > 256 || !begin_codes(&t->codes, dht, n)) return NULL;
    list_symbols(&t->codes, &s);
    for (int k = 0; k < n; k++)
        if (s.at[k].run || s.at[k].size > MAX_DC) return NULL;
    fill_dc(t, &s);
    t->codes.n = n;
    return t;
}

/* ---- AC: blocks that are read ---- */
enum {
    MOST_WITHIN = 7,            /* bits of a first value: it has eight with its sign */
    MOST_RUN = 14               /* before a single value: what is behind it is in reach */
};

/* A second value of `size` bits, at what k grows by. */
static JpegAcEntry pack(int first, int size, int grow, int bits) {
    return (JpegAcEntry){.taken = (uint8_t)bits, .grow = (uint8_t)grow,
                         .kind = (uint8_t)(size << 4 | (first - 1))};
}

static JpegAcEntry *repeat(JpegAcEntry *to, JpegAcEntry entry, int n) {
    while (n--) *to++ = entry;
    return to;
}

/* Behind a first symbol that took `bits` and moved k on by `k`: entries for the
 * next `rest` bits. */
static void fill_second(const Symbols *s, JpegAcEntry *to, int rest, int k, int bits) {
    JpegAcEntry *end = to + (1 << rest);
    for (int i = 0; i < s->n && s->at[i].length <= rest; i++) {
        int length = s->at[i].length, run = s->at[i].run, size = s->at[i].size;
        int n = 1 << (rest - length), all = bits + length + size;
        JpegAcEntry entry = pack(k, 0, k, bits);        /* it comes next */
        if (size) entry = pack(k, size, k + run + 1, all);
        else if (run == 15) entry = pack(k, 0, k + 16, all);
        else if (run == 0) entry = pack(k, 0, k + JPEG_END, all);
        to = repeat(to, entry, n);
    }
    repeat(to, pack(k, 0, k, bits), (int)(end - to));
}

static int value_of(int raw, int size) {
    return raw < 1 << (size - 1) ? raw - (1 << size) + 1 : raw;
}

/* A symbol whose value is within the look-up: its second symbols for every value. */
static void fill_values(const Symbols *s, JpegAcEntry *to, int rest, int k, int bits,
                        int size) {
    int n = 1 << rest;
    fill_second(s, to, rest, k, bits);
    for (int raw = (1 << size) - 1; raw >= 0; raw--) {
        memcpy(to + raw * n, to, (size_t)n * sizeof *to);
        for (int i = 0; i < n; i++) to[raw * n + i].first = (int8_t)value_of(raw, size);
    }
}

static void fill_ac(JpegAcTable *t, const Symbols *s) {
    const JpegAcEntry slow = pack(1, 0, JPEG_SLOW, 0);
    JpegAcEntry *to = t->entry, *end = t->entry + (1 << JPEG_AC_BITS);
    for (int i = 0; i < s->n && s->at[i].length <= JPEG_AC_BITS; i++) {
        int length = s->at[i].length, run = s->at[i].run, size = s->at[i].size;
        int rest = JPEG_AC_BITS - length, n = 1 << rest;
        if (size && size <= rest && size <= MOST_WITHIN)
            fill_values(s, to, rest - size, run + 1, length + size, size);
        else if (size && run <= MOST_RUN)
            repeat(to, pack(run + 2, size, run + 1, length + size), n);
        else if (!size && run == 15) fill_second(s, to, rest, 16, length);
        else if (!size && run == 0) repeat(to, pack(1, 0, JPEG_END, length), n);
        else repeat(to, slow, n);
        to += n;
    }
    repeat(to, slow, (int)(end - to));
}

/* ---- AC: blocks that are skipped ---- */
static uint16_t *fill_skips(uint16_t *to, int entry, int n) {
    while (n--) *to++ = (uint16_t)entry;
    return to;
}

/* Entries for the next `rest` bits, behind symbols that took `bits` and moved on by k.
 * That is added to a k of up to 62: a sum from JPEG_END on would pass for a block that
 * ended, where it is one of too many coefficients. */
static void fill_skip(const Symbols *s, uint16_t *to, int rest, int k, int bits) {
    enum { MOST = 63 };         /* a block has no more */
    int own = bits ? k << 8 | bits : JPEG_SLOW << 8;
    uint16_t *end = to + (1 << rest);
    for (int i = 0; i < s->n && s->at[i].length <= rest; i++) {
        int length = s->at[i].length, run = s->at[i].run, size = s->at[i].size;
        int n = 1 << (rest - length), next = k + run + 1, all = bits + length + size;
        if (!size && !run) fill_skips(to, (k + JPEG_END) << 8 | all, n);
        else if ((!size && run != 15) || next > MOST) fill_skips(to, own, n);
        else if (length + size >= rest) fill_skips(to, next << 8 | all, n);
        else {
            fill_skip(s, to, rest - length - size, next, all);
            for (int v = 1, m = n >> size; v < 1 << size; v++)
                memcpy(to + v * m, to, (size_t)m * sizeof *to);
        }
        to += n;
    }
    fill_skips(to, own, (int)(end - to));
}

const JpegAcTable *jpegdec_ac_table(JpegTables *tables, int i, const uint8_t *dht) {
    JpegAcTable *t = &tables->ac[i];
    int n = count_values(dht);
    Symbols s;
    if (is_built(&t->codes, dht, n)) return t;
    if (n > 256 || !begin_codes(&t->codes, dht, n)) return NULL;
    list_symbols(&t->codes, &s);
    if (!has_sizes(&s, MAX_AC)) return NULL;
    fill_ac(t, &s);
    fill_skip(&s, t->skip, JPEG_SKIP_BITS, 0, 0);
    t->codes.n = n;
    return t;
}

/* ---- AC of a progressive file ---- */
static uint32_t *fill(uint32_t *to, uint32_t entry, int n) {
    while (n--) *to++ = entry;
    return to;
}

static void fill_band(JpegBandTable *t, const Symbols *s) {
    uint32_t *to = t->entry, *end = t->entry + (1 << JPEG_BAND_BITS);
    for (int i = 0; i < s->n && s->at[i].length <= JPEG_BAND_BITS; i++) {
        unsigned symbol = (unsigned)(s->at[i].run << 4 | s->at[i].size);
        to = fill(to, jpeg_band_entry(symbol, s->at[i].length),
                  1 << (JPEG_BAND_BITS - s->at[i].length));
    }
    fill(to, 0, (int)(end - to));
}

const JpegBandTable *jpegdec_band_table(JpegTables *tables, int i, const uint8_t *dht) {
    JpegBandTable *t = &tables->band[i];
    int n = count_values(dht);
    Symbols s;
    if (is_built(&t->codes, dht, n)) return t;
    if (n > 256 || !begin_codes(&t->codes, dht, n)) return NULL;
    list_symbols(&t->codes, &s);
    if (!has_sizes(&s, MAX_AC)) return NULL;
    fill_band(t, &s);
    t->codes.n = n;
    return t;
}
