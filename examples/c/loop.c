/* The skeleton of a training loop:
 *
 *     L=$PWD/../../build/lib
 *     cc loop.c -o loop -I../../runtime -L$L -lpipert -Wl,-rpath,$L
 *     ./loop feature.so root=DIR
 */
#include "pipert.h"
#include <stdio.h>
#include <string.h>

/* A step of the model: here it only looks at what it was given. */
static void train(const pipert_batch *b) {
    printf("epoch %lld batch %lld:", (long long)b->epoch, (long long)b->number);
    for (int i = 0; i < b->noutputs; i++) {
        const pipert_output *o = &b->output[i];
        printf(" %s %s[", o->name, pipert_dtype_name(o->dtype));
        for (int d = 0; d < o->rank; d++)
            printf(d ? ", %lld" : "%lld", (long long)o->dim[d]);
        printf("]");
    }
    printf("\n");
}

static int fail(pipert *p) {
    fprintf(stderr, "%s\n", pipert_error(p));
    pipert_close(p);
    return 1;
}

enum { EPOCHS = 2 };

int main(int argc, char **argv) {
    pipert_options options;
    pipert_batch *batch;
    pipert *p;
    int status;
    if (argc < 2) return fprintf(stderr, "usage: loop FEATURE.so [NAME=VALUE ...]\n"), 2;

    pipert_defaults(&options);
    options.seed = 1;
    options.epochs = EPOCHS;            /* no wait where one follows the other */
    options.on_error = PIPERT_ON_ERROR_SKIP;
    if (pipert_open(&p, argv[1], &options)) return fail(p);
    for (int i = 2; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals) *equals = 0;
        if (pipert_set(p, argv[i], equals ? equals + 1 : "true")) return fail(p);
    }
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        while ((status = pipert_next(p, &batch)) == PIPERT_OK) {
            train(batch);
            pipert_release(p, batch);
        }
        if (status != PIPERT_END) return fail(p);
    }
    pipert_close(p);
    return 0;
}
