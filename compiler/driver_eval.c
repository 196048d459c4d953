/* pipec eval: the reference executor. */
#include "driver.h"
#include "eval.h"
#include "kernel_build.h"

static const char *library(void *context, const Kernel *kernel) {
    return kernel_library(context, kernel);
}

int driver_eval(Driver *d) {
    const Options *o = d->options;
    EvalOptions options = {
        .sample = o->sample, .place = o->place, .seed = o->seed, .epoch = (uint64_t)o->epoch,
        .hash = o->hash, .json = o->json, .folder = o->output,
        .sets = o->sets.at, .nsets = o->sets.n,
        .skip_errors = o->on_error, .report = o->report,
        .kernel_library = library, .context = d,
    };
    return eval_command(d->graph, &options, stdout);
}
