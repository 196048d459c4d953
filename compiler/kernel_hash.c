/* What the code of a feature's kernels is, as a number: values that a cache keeps hang on
 * it. Libraries that are found at run time are the runtime's to look at. */
#include <string.h>
#include "driver.h"
#include "driver_files.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

/* The library's own come as bitcode or as archives. */
static const char *code_of(Driver *d, const Kernel *kernel) {
    int n = (int)strlen(kernel->source);
    if (!kernel->is_std) return kernel->source;
    return file_ends_with(kernel->source, ".c")
        ? arena_format(d->arena, "%s/kernels/%.*s.bc", d->places.share, n - 2,
                       kernel->source)
        : arena_format(d->arena, "%s/kernels/%s", d->places.share, kernel->source);
}

uint64_t kernels_hash(Driver *d) {
    uint64_t hash = 0;
    for (int i = 0; i < d->graph->kernels.n; i++) {
        const Kernel *kernel = d->graph->kernels.at[i];
        size_t size = 0;
        const char *code;
        if (!kernel->used || !kernel->source) continue;
        code = file_read(d->arena, code_of(d, kernel), &size);
        hash = XXH3_64bits_withSeed(kernel->name, strlen(kernel->name), hash);
        if (code) hash = XXH3_64bits_withSeed(code, size, hash);
    }
    return hash;
}
