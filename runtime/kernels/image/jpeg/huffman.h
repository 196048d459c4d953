/* Huffman tables that give several symbols a look-up. */
#ifndef JPEG_HUFFMAN_H
#define JPEG_HUFFMAN_H
#include <stdbool.h>
#include <stdint.h>

enum {
    JPEG_DC_BITS = 9,           /* of a look-up */
    JPEG_AC_BITS = 11,
    JPEG_SKIP_BITS = 12,
    JPEG_BAND_BITS = 10,
    JPEG_DHT_MOST = 16 + 256,   /* bytes of a table in a file */
    JPEG_END = 128,             /* k + JPEG_END: the block ended before coefficient 63 */
    JPEG_SLOW = 192             /* k + JPEG_SLOW: the code is longer than the look-up */
};

/* The table as the file has it, for one symbol at a time. */
typedef struct JpegCodes {
    uint8_t dht[JPEG_DHT_MOST];
    int n;                      /* values in use; 0: the table was not built */
    int32_t last[17];           /* [length] the largest code, -1: none */
    int32_t offset[17];         /* from a code to its value */
} JpegCodes;

/* A look-up's entry: bits 0 … 7 the bits of code and value, 16 … the bits of the value
 * alone; 0: a longer code. */
typedef struct JpegDcTable {
    JpegCodes codes;
    uint32_t entry[1 << JPEG_DC_BITS];
} JpegDcTable;

/* Up to two coefficients, in few bytes, for the tables should stay in the nearest cache;
 * and in bytes of their own, for a load takes less than a shift. The second is stored
 * before the first: where there is none a 0, that the first or what comes later
 * overwrites. A single value too long for the look-up is a second, whose first is a 0
 * behind it. */
typedef struct JpegAcEntry {
    uint8_t taken;              /* bits, both values included; 0: a longer code */
    int8_t first;               /* its value */
    uint8_t grow;               /* of k, to the second, or JPEG_END, JPEG_SLOW */
    uint8_t kind;               /* the bits of the second's value, which are the last ones
                                   taken, << 4 | where the first lies, from k + 1 */
} JpegAcEntry;

/* An entry of `skip`, for blocks nobody reads: bits 0 … 7 taken, 8 … 15 by how much k
 * grows, of as many symbols as fit. */
typedef struct JpegAcTable {
    JpegCodes codes;
    JpegAcEntry entry[1 << JPEG_AC_BITS];
    uint16_t skip[1 << JPEG_SKIP_BITS];
} JpegAcTable;

/* AC of a progressive file, whose tables mostly serve one scan: a symbol a look-up, so
 * that they are soon made. An entry: bits 0 … 7 are taken, 8 … 15 the bits of the value,
 * or of an end's number; 16 … by how much k grows, or JPEG_END; 0: a longer code. */
typedef struct JpegBandTable {
    JpegCodes codes;
    uint32_t entry[1 << JPEG_BAND_BITS];
} JpegBandTable;

static inline uint32_t jpeg_band_entry(unsigned symbol, unsigned length) {
    unsigned run = symbol >> 4, size = symbol & 15;
    if (size) return (run + 1) << 16 | size << 8 | (length + size);
    if (run == 15) return 16u << 16 | length;
    return (unsigned)JPEG_END << 16 | run << 8 | (length + run);
}

/* Kept between pictures, whose tables are mostly the same. */
typedef struct JpegTables {
    bool busy;                  /* a decoder reads them */
    JpegDcTable dc[4];
    JpegAcTable ac[4];
    JpegBandTable band[4];
} JpegTables;

/* dht: 16 lengths, then the values, checked to be there. NULL: no table of 8-bit
 * samples. */
const JpegDcTable *jpegdec_dc_table(JpegTables *, int i, const uint8_t *dht);
const JpegAcTable *jpegdec_ac_table(JpegTables *, int i, const uint8_t *dht);
const JpegBandTable *jpegdec_band_table(JpegTables *, int i, const uint8_t *dht);
#endif
