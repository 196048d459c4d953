/* A feature that is run for a while: profile, doctor, headroom. */
#include "tool.h"
#include "../profile.h"
#include <errno.h>
#include <time.h>

int feature_start(const options *o, const pipert_options *run, pipert **p,
                  profile **listener) {
    int status = pipert_open(p, o->feature, run);
    for (int i = 0; i < o->nset && !status; i++)
        status = pipert_set(*p, o->set[i].name, o->set[i].value);
    if (!status && listener && !(*listener = profile_of(*p)))
        return fprintf(stderr, "pipert: no memory\n"), STATUS_FAILED;
    if (!status) status = pipert_start(*p);
    if (!status) return STATUS_OK;
    fprintf(stderr, "pipert: %s\n", pipert_error(*p));
    return status == PIPERT_PARAMETER || status == PIPERT_ARGUMENT ? STATUS_USAGE
                                                                   : STATUS_FAILED;
}

int feature_next(pipert *p, int64_t until, const volatile sig_atomic_t *stop,
                 pipert_batch **b) {
    enum { SLICE = 100 };       /* ms */
    int status = PIPERT_AGAIN;
    while (status == PIPERT_AGAIN && !(stop && *stop)) {
        int64_t left = (until - now_ns()) / 1000000;
        if (left < 0) return status;
        status = pipert_wait(p, left < SLICE ? left + 1 : SLICE);
    }
    return status == PIPERT_OK ? pipert_next(p, b) : status;
}

void feature_work(double ms, const volatile sig_atomic_t *stop) {
    struct timespec t = {(time_t)(ms / 1e3), (long)(ms * 1e6) % 1000000000};
    while (ms > 0 && nanosleep(&t, &t) && errno == EINTR && !(stop && *stop)) continue;
}
