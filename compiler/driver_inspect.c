/* pipec inspect: what a compiled feature says of itself. Nothing of it runs but
 * the loader. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include "driver.h"
#include "driver_version.h"
#include "../runtime/plan.h"

static const pl_feature *load(Driver *d) {
    const char *path = d->options->input;
    char *real = realpath(path, NULL);
    if (!real) {
        driver_fail_file(d, "read", path);
        return NULL;
    }
    if (!file_exists(real)) {
        driver_fail(d, DIAG_E0501_FILE, "%s is no file", path);
        free(real);
        return NULL;
    }
    void *library = dlopen(real, RTLD_LAZY | RTLD_LOCAL);
    free(real);
    if (!library) {
        driver_fail(d, DIAG_E0501_FILE, "%s is no library of pipec: %s", path, dlerror());
        return NULL;
    }
    const pl_feature *feature = dlsym(library, PL_SYMBOL);
    if (feature && feature->abi == PL_ABI)
        return feature;
    enum { ABI_OF_VERSION = 4 };        /* older ones have it elsewhere */
    if (feature)
        driver_fail(d, DIAG_E0501_FILE, "%s was made by %s (ABI %d), this is pipec %s (ABI "
                    "%d): compile it again", path,
                    feature->abi >= ABI_OF_VERSION
                        ? arena_format(d->arena, "pipec %s", feature->version)
                        : "an older pipec",
                    feature->abi, PIPEC_VERSION, PL_ABI);
    else
        driver_fail(d, DIAG_E0501_FILE, "%s is no library of pipec", path);
    return NULL;
}

/* ---- for people ---- */

static void put_dims(int rank, const int64_t *dim) {
    for (int i = 0; i < rank; i++) {
        printf("%s", i ? ", " : "[");
        if (dim[i] < 0)
            printf("?");
        else
            printf("%lld", (long long)dim[i]);
    }
    printf("%s", rank ? "]" : "");
}

static const char *cpu_text(const pl_code *code) {
    static const char *const names[] = {"any", "native", "x86-64-v2", "x86-64-v3",
                                        "x86-64-v4"};
    return code->cpu >= 0 && code->cpu <= 4 ? names[code->cpu] : "?";
}

static void put_params(const pl_feature *feature) {
    for (int i = 0; i < feature->nparams; i++) {
        const pl_param *param = &feature->params[i];
        printf("  %-16s %-12s %s", param->name, param->type,
               param->at_compile ? "compile time" : "open time");
        if (param->text)
            printf(param->at_compile ? ", fixed to %s" : ", default %s", param->text);
        printf("%s\n", param->at_compile ? "  (-D)" : "  (--set)");
    }
}

static void put_outputs(const pl_feature *feature) {
    for (int i = 0; i < feature->noutputs; i++) {
        const pl_output *output = &feature->outputs[i];
        printf("  %-16s %s", output->name, dtype_name(output->dtype));
        put_dims(output->rank, output->dim);
        printf("%s\n", output->ragged ? "  ragged" : "");
    }
}

static void print_feature(const pl_feature *feature) {
    printf("feature %s, hash %016llx, made by pipec %s\n", feature->name,
           (unsigned long long)feature->hash, feature->version);
    const char *order = feature->shuffle      ? ", shuffled"
                        : feature->has_sample ? ", sampled"
                                              : "";
    printf("source %s%s, batches of %lld\n", feature->source, order,
           (long long)feature->batch);
    if (feature->nparams)
        printf("parameters\n");
    put_params(feature);
    printf("fields\n");
    put_outputs(feature);
    printf("code\n");
    for (int i = 0; i < feature->ncodes; i++)
        printf("  %-16s %s plan\n", cpu_text(feature->codes[i]),
               feature->codes[i]->plain ? "plain" : "fused");
    if (feature->nimports)
        printf("kernel libraries\n");
    for (int i = 0; i < feature->nimports; i++)
        printf("  %-16s %s\n", feature->imports[i].symbol, feature->imports[i].library);
}

/* ---- for programs ---- */

/* The feature's own description, and what only the library knows. */
static void print_json(const pl_feature *feature) {
    const char *text = feature->describe, *end = strrchr(text, '}');
    int length = end ? (int)(end - text) : (int)strlen(text);
    while (length && strchr(" \n\t", text[length - 1]))
        length--;
    printf("%.*s, \"abi\": %d, \"version\": \"%s\", \"cpus\": [", length, text,
           feature->abi, feature->version);
    bool first = true;
    for (int i = 0; i < feature->ncodes; i++) {
        if (feature->codes[i]->plain)
            continue;
        printf("%s\"%s\"", first ? "" : ", ", cpu_text(feature->codes[i]));
        first = false;
    }
    printf("], \"hash\": \"%016llx\"}\n", (unsigned long long)feature->hash);
}

int driver_inspect(Driver *d) {
    const pl_feature *feature = load(d);
    if (feature && d->options->json)
        print_json(feature);
    else if (feature)
        print_feature(feature);
    return !feature;
}
