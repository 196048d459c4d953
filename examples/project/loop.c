/* The loop of a trainer in C or C++: an epoch of ramp.dsl, from its library
 * (loop ramp.so), or linked in (compiled with -DLINKED). */
#include "ramp.h"
#include <stdio.h>

static int fail(pipert *p) {
    fprintf(stderr, "loop: %s\n", pipert_error(p));
    pipert_close(p);
    return 1;
}

static int open_feature(pipert **p, const ramp_params *params, const char *path) {
#ifdef LINKED
    (void)path;
    return ramp_open_linked(p, params, NULL);
#else
    return ramp_open(p, path, params, NULL);
#endif
}

int main(int argc, char **argv) {
    ramp_params params = ramp_defaults();
    ramp_batch batch;
    pipert *p;
    double sum = 0;
    int status, records = 0, odd = 0;
    params.start = 1;
    if (open_feature(&p, &params, argc > 1 ? argv[1] : "ramp.so")) return fail(p);
    while ((status = ramp_next(p, &batch)) == PIPERT_OK) {
        for (int i = 0; i < batch.batch->valid; i++) {
            for (int k = 0; k < RAMP_X_DIM1; k++) sum += batch.x[i][k];
            odd += (int)batch.odd[i];
        }
        records += (int)batch.batch->valid;
        ramp_release(p, &batch);
    }
    if (status != PIPERT_END) return fail(p);
    pipert_close(p);
    printf("%d records, %d odd, sum %g\n", records, odd, sum);
    return 0;
}
