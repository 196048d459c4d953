/* Targets of the fuzzer of decode_jpeg, all in one program: the first byte of an input
 * chooses. Each judges by libjpeg alone: the same pixels, or the same failure. What they
 * find, they abort with.
 *
 * An input: a byte for the target, then what the target takes off it as choices, and the
 * rest, mostly a file. Bytes that are not there are 0. */
#ifndef TESTS_KERNELS_FUZZ_H
#define TESTS_KERNELS_FUZZ_H
#include "decoder.h"
#include "host.h"
#include "turbo.h"
#include <stdio.h>
#include <stdlib.h>

enum { MOST_PIXELS = 1 << 15 };     /* that are decoded as a whole */

typedef struct Input { const uint8_t *at, *end; } Input;

static inline int take(Input *in) { return in->at < in->end ? *in->at++ : 0; }

typedef void target(Input *);
target fuzz_header, fuzz_scan, fuzz_window, fuzz_index, fuzz_folder;

extern Host host;

/* Bytes of a pixel (1: gray), and the scale. */
typedef struct Form { int pixel, scale; } Form;

/* What libjpeg says of a file when it is asked for all of it. */
typedef struct Whole {
    bool is_read;               /* a header, and not too many pixels of a kind we take */
    bool is_refused;            /* no header, or of a kind that we do not take */
    int height, width;
    int64_t bad_row;            /* that was due when it first complained; INT64_MAX */
    uint8_t *pixels;            /* NULL: not so far */
} Whole;

/* A file that lies at the end of its memory, so that reading on is seen. */
pk_tensor copy_file(const uint8_t *bytes, size_t n);
Whole judge(const pk_tensor *file, Form);
void whole_free(Whole *);

/* How a window is decoded. */
typedef struct Way {
    Form form;
    int level;                  /* pk_call.cpu */
    int step;                   /* rows at a time; 0: all at once */
    pk_region window;
} Way;

/* Takes a window and a way off the input. */
Way choose_way(Input *, const Whole *, Form);

typedef struct Result {
    int code;
    int64_t bad_row;            /* in the whole; INT64_MAX: none */
    uint8_t *pixels;            /* rows without gaps */
    char reason[300];
} Result;

Result decode(const pk_tensor *file, const Way *);
/* An index of a file, from malloc. */
typedef struct Index { void *bytes; size_t n; } Index;
Index make_index(const pk_tensor *file, int every);
void damage(Index *, Input *);
/* Decodes with it, and compares with the whole. */
void check_right_index(const pk_tensor *, const Whole *, const Way *, Index);

/* Of coefficients that no encoder makes, libjpeg's vectors wrap as the machine does, and
 * ours as x86-64's do. */
extern bool pixels_are_judged;

/* Aborts if the result is not what libjpeg said of the whole. */
void compare(const char *what, const Whole *, const Way *, const Result *);
/* The same for two ways to the same window. */
void compare_results(const char *what, const Way *, const Result *due,
                     const Result *got);
/* Aborts if what libjpeg refuses is decoded. */
void compare_refusal(const char *what, const pk_tensor *file, Form);
_Noreturn void differ(const char *what);
#endif
