/* What the code of a feature's kernels is, as a number: values that a cache keeps hang on
 * it. Libraries that are found at run time are the runtime's to look at. */
#include <string.h>
#include "driver.h"
#include "driver_files.h"
#include "kernel_build.h"
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

static uint64_t add_file(Driver *d, const char *path, uint64_t hash) {
    size_t size = 0;
    const char *code = file_read(d->arena, path, &size);
    return code ? XXH3_64bits_withSeed(code, size, hash) : hash;
}

/* What the source of the user's kernel includes; of several of one source once. */
static uint64_t add_includes(Driver *d, int number, uint64_t hash) {
    const Kernel *const *kernels = d->graph->kernels.at;
    TextList files = {0};
    for (int i = 0; i < number; i++)
        if (kernels[i]->used && kernels[i]->source &&
            !strcmp(kernels[i]->source, kernels[number]->source))
            return hash;
    kernel_includes(d, kernels[number], &files);
    for (int i = 0; i < files.n; i++) hash = add_file(d, files.at[i], hash);
    return hash;
}

uint64_t kernels_hash(Driver *d) {
    uint64_t hash = 0;
    for (int i = 0; i < d->graph->kernels.n; i++) {
        const Kernel *kernel = d->graph->kernels.at[i];
        if (!kernel->used || !kernel->source) continue;
        hash = XXH3_64bits_withSeed(kernel->name, strlen(kernel->name), hash);
        hash = add_file(d, code_of(d, kernel), hash);
        hash = add_includes(d, i, hash);
    }
    return hash;
}
