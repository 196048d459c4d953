/* Any JPEG, by libjpeg-turbo: the window of a region, row by row. */
#ifndef JPEG_TURBO_H
#define JPEG_TURBO_H
#include "pipec_kernel.h"
#include <setjmp.h>
#include <stdio.h>
#include <jpeglib.h>

enum { TURBO_MAX_ROWS = 4 };    /* of libjpeg's largest group of rows */

/* What is asked for: every scale-th pixel of 1, 2, 4, 8 (averaged, by a smaller idct);
 * luminance alone. */
typedef struct TurboWish { int64_t scale; int gray; } TurboWish;

typedef struct TurboDecoder {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf give_up;
    pk_call *call;
    TurboWish wish;
    int64_t from[2], to[2];     /* the window: rows, columns */
    int64_t row;                /* the next one, in the whole result */
    int64_t bad_row;            /* from here on rows fail; height: none */
    int64_t left, width;        /* the columns that libjpeg gives */
    size_t pixel;               /* bytes: 1, 3 or 4; 0 before the first row */
    int64_t plane;              /* of planes: bytes from one to the next; or 0 */
    int peeking;                /* warnings do not matter */
    int one_pass;               /* rows come out as the scan is read */
    int needs_next;             /* the last rows of an MCU row need the next one */
    uint8_t *strip[TURBO_MAX_ROWS];     /* rows of `width` columns, to copy the
                                           window from; NULL: they are the window */
    char reason[JMSG_LENGTH_MAX];
} TurboDecoder;

/* All return 0 or what pk_fail returned. turbo_end is called after turbo_begin in any
 * case. */
int turbo_peek(pk_call *, const pk_tensor *data, TurboWish, int64_t *h, int64_t *w);
int turbo_begin(TurboDecoder *, pk_call *, const pk_tensor *data, TurboWish,
                const pk_region *);
/* The next n rows of the window, or as many as it has. */
int turbo_rows(TurboDecoder *, int64_t n, const pk_tensor *out);
void turbo_end(TurboDecoder *);
#endif
