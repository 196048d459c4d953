/* The ABI of kernels: what C code under a `kernel` declaration is given.
 *
 * Scalars come by value, tensors as `const pk_tensor *` (whole, dense,
 * rank <= 8), opaque values as `const void *`; after the arguments one
 * `const pk_region *` (NULL: the whole) and one `pk_tensor *` per result
 * (`void **` if opaque). A function returns 0, or what pk_fail returned.
 *
 * Results whose dimensions are known before the call (by the signature or by
 * `peek`) come with data, dim and stride set, to be filled; a window has the
 * window's dims. Otherwise the kernel sets data (from pk_alloc), dim, stride; of such
 * a result a region, if it has one, asks for the first to[0] rows: no more are made,
 * and dim[0] is their number.
 * Which `layout` of a picture h, w, 3 is asked for its strides say: of columns
 * 3 (rgb), 4 (rgbx: the fourth byte is any) or 1 (planar: stride[2] bytes from
 * one channel to the next, of the picture or of the row).
 * Kernels are pure: the same arguments give the same bits. */
#ifndef PIPEC_KERNEL_H
#define PIPEC_KERNEL_H
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define PK_MAX_RANK 8

typedef struct pk_tensor {
    void *data;
    int64_t dim[PK_MAX_RANK], stride[PK_MAX_RANK];   /* strides in bytes */
} pk_tensor;

/* Half-open per dimension. */
typedef struct pk_region {
    int64_t from[PK_MAX_RANK], to[PK_MAX_RANK];
} pk_region;

typedef struct pk_call pk_call;
struct pk_call {
    /* Bump memory; `more` makes room and returns `bytes` of it, NULL if the
     * limit of memory per record is reached. Zero bytes give a valid pointer. */
    char *at, *end;
    void *(*more)(pk_call *, size_t bytes);
    void *(*scratch)(pk_call *, size_t bytes);
    int (*at_close)(pk_call *, void (*)(void *), void *);
    int (*vfail)(pk_call *, int64_t first_row, const char *format, va_list);
    int64_t max_bytes, max_pixels;                   /* limits per record */
    int64_t cpu;        /* code that may run: 2, 3, 4: x86-64-v2, v3, v4; 0: the baseline */
    /* What an index knows of the n bytes at data, which came from a source, in a format
     * (pk_indexer); aligned to 8, lives as they do. NULL: nothing, or there is no such
     * function. It may be wrong: nothing may be done with memory that it says. */
    const void *(*index)(pk_call *, const char *format, const void *data, int64_t n,
                         size_t *bytes);
    void *runtime;                                   /* not for kernels */
};

/* 64-byte aligned memory that lives as long as the record (at open: as the
 * library); not zeroed. NULL if there is none: return pk_fail. */
static inline void *pk_alloc(pk_call *call, size_t bytes) {
    size_t size = (bytes + 63) & ~(size_t)63;
    if (size < bytes) return NULL;
    if ((size_t)(call->end - call->at) < size) return call->more(call, size);
    call->at += size;
    return call->at - size;
}

/* Memory until the kernel returns. */
static inline void *pk_scratch(pk_call *call, size_t bytes) {
    return call->scratch(call, bytes);
}

/* Runs destroy(what) when the record (at open: the library) goes. */
static inline int pk_at_close(pk_call *call, void (*destroy)(void *), void *what) {
    return call->at_close(call, destroy, what);
}

/* What a library with kernels offers `pipert index`: pk_indexers, up to a NULL. */
typedef struct pk_indexer {
    const char *format;         /* at most 7 characters */
    /* The index of the n bytes of a file, *bytes of pk_alloc's memory; every: as fine as
     * --every says, in the format's units. NULL: the file is of another format, or none
     * can be made. */
    const void *(*make)(pk_call *, const void *data, int64_t n, int every, size_t *bytes);
} pk_indexer;

/* Fails the whole result; returns the code to return. */
#if defined __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
static inline int pk_fail(pk_call *call, const char *format, ...) {
    va_list list;
    int code;
    va_start(list, format);
    code = call->vfail(call, 0, format, list);
    va_end(list);
    return code;
}

/* Fails the rows from first_row (counted in the whole result) to the last. */
#if defined __GNUC__
__attribute__((format(printf, 3, 4)))
#endif
static inline int pk_fail_rows(pk_call *call, int64_t first_row, const char *format,
                               ...) {
    va_list list;
    int code;
    va_start(list, format);
    code = call->vfail(call, first_row, format, list);
    va_end(list);
    return code;
}
#endif
