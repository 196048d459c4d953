/* NumPy's file format, version 1.0. */
#include "tool.h"
#include <stdlib.h>
#include <string.h>

typedef struct array {
    int dtype, rank;
    const int64_t *dim;
    const void *data;
} array;

static const char *const descr[] = {"|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4",
                                    "<u8", "<i8", "<f2", "<f4", "<f4", "<f8"};

static int64_t count(const array *a) {
    int64_t n = 1;
    for (int i = 0; i < a->rank; i++) n *= a->dim[i];
    return n;
}

/* The header's length is a multiple of 64. */
static void write_header(FILE *f, const array *a) {
    char text[512];
    int n = snprintf(text, sizeof text,
                     "{'descr': '%s', 'fortran_order': False, 'shape': (",
                     descr[a->dtype]);
    for (int i = 0; i < a->rank; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%lld,%s", (long long)a->dim[i],
                      i + 1 < a->rank ? " " : "");
    n += snprintf(text + n, sizeof text - (size_t)n, "), }");
    while ((n + 1 + 10) % 64) text[n++] = ' ';
    text[n++] = '\n';
    fwrite("\x93NUMPY\x01\x00", 1, 8, f);
    putc(n & 255, f);
    putc(n >> 8, f);
    fwrite(text, 1, (size_t)n, f);
}

/* bf16 is the upper half of f32. */
static void write_bf16(FILE *f, const array *a) {
    int64_t n = count(a);
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        uint16_t half;
        memcpy(&half, (const char *)a->data + 2 * i, 2);
        bits = (uint32_t)half << 16;
        fwrite(&bits, 4, 1, f);
    }
}

/* Where a batch's files go, and what went wrong. */
typedef struct dump {
    const char *folder;
    int64_t number;
    char *why;
    size_t room;
} dump;

static bool write_array(const dump *d, const char *name, const char *part,
                        const array *a) {
    char path[4400];
    FILE *f;
    snprintf(path, sizeof path, "%s/%s%s.%04lld.npy", d->folder, name, part,
             (long long)d->number);
    f = fopen(path, "wb");
    if (!f) return file_end(f, path, d->why, d->room);
    write_header(f, a);
    if (a->dtype == PIPERT_BF16) write_bf16(f, a);
    else fwrite(a->data, (size_t)pipert_dtype_size(a->dtype), (size_t)count(a), f);
    return file_end(f, path, d->why, d->room);
}

static bool dump_one(const dump *d, const pipert_output *o) {
    int64_t rows = o->dim[0], one = rows + 1, shapes[2] = {rows, o->rank - 1};
    array values = {o->dtype, o->rank, o->dim, o->data};
    array offsets = {PIPERT_I64, 1, &one, o->offsets};
    array shape = {PIPERT_I32, 2, shapes, o->shapes};
    if (!o->ragged) return write_array(d, o->name, "", &values);
    values.rank = 1;
    values.dim = &o->count;
    return write_array(d, o->name, "", &values) &&
           write_array(d, o->name, ".offsets", &offsets) &&
           (!o->shapes || write_array(d, o->name, ".shapes", &shape));
}

bool npy_dump(const char *folder, int64_t number, const pipert_batch *b, char *why,
              size_t n) {
    dump d = {folder, number, why, n};
    for (int i = 0; i < b->noutputs; i++)
        if (!dump_one(&d, &b->output[i])) return false;
    return true;
}
