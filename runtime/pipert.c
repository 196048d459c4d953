/* The handle: options, opening in order, batches out, and what is known. */
#include "internal.h"
#include "sidecar.h"
#include "text.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)PIPERT_BOOL == (int)PL_BOOL && (int)PIPERT_F64 == (int)PL_F64 &&
               (int)PIPERT_BF16 == (int)PL_BF16, "dtypes of pipert.h and plan.h");

int fail_with(pipert *p, int status, const char *format, ...) {
    va_list list;
    if (p->status) return p->status;            /* the first one stays */
    va_start(list, format);
    vsnprintf(p->error, sizeof p->error, format, list);
    va_end(list);
    return p->status = status;
}

int tell_with(pipert *p, int status, const char *text) {
    if (!p->status) snprintf(p->error, sizeof p->error, "%s", text);
    return status;
}

void log_text(pipert *p, int level, const char *format, ...) {
    char text[512];
    va_list list;
    if (!p->options.log) return;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    p->options.log(p->options.log_context, level, text);
}

/* ---- options ---- */
void pipert_defaults(pipert_options *o) {
    memset(o, 0, sizeof *o);
    o->world = 1;
    o->control_interval = 1;
    o->max_errors = -1;
    o->max_error_rate = -1;
    o->max_bytes = INT64_C(1) << 30;
    o->max_pixels = INT64_C(1) << 27;
}

static int check_options(pipert *p) {
    const pipert_options *o = &p->options;
    if (o->world < 1 || o->rank < 0 || o->rank >= o->world)
        return fail_with(p, PIPERT_ARGUMENT,
                         "there is no rank %d of %d: ranks are 0 to %d", o->rank,
                         o->world, o->world - 1);
    if (o->threads < 0 || o->threads > 1024)
        return fail_with(p, PIPERT_ARGUMENT,
                         "%d threads: it takes 1 to 1024, or 0: chosen", o->threads);
    if (o->readers < 0 || o->readers > 1024)
        return fail_with(p, PIPERT_ARGUMENT,
                         "%d readers: it takes 1 to 1024, or 0: chosen", o->readers);
    if (o->epochs < 0)
        return fail_with(p, PIPERT_ARGUMENT,
                         "%lld epochs: it takes 1 or more, or 0: not known",
                         (long long)o->epochs);
    if (!(o->control_interval >= 0 && o->control_interval <= 3600))
        return fail_with(p, PIPERT_ARGUMENT,
                         "a control interval of %g s: it takes up to 3600, or 0: none",
                         o->control_interval);
    if (o->mode < PIPERT_STREAMING || o->mode > PIPERT_DEBUG)
        return fail_with(p, PIPERT_ARGUMENT, "there is no mode %d", o->mode);
    if (o->memory < 0 || o->max_bytes <= 0 || o->max_pixels <= 0)
        return fail_with(p, PIPERT_ARGUMENT, "a limit must be more than 0");
    return PIPERT_OK;
}

/* ---- opening ---- */
static bool init_locks(pipert *p) {
    return !plat_mutex_init(&p->lock) && !plat_mutex_init(&p->bad_lock) &&
           !plat_mutex_init(&p->plain_lock) && !plat_mutex_init(&p->kernel_lock) &&
           !plat_cond_init(&p->work) && !plat_cond_init(&p->read) &&
           !plat_cond_init(&p->done) && !plat_cond_init(&p->parked);
}

static pipert *new_handle(const pipert_options *options) {
    pipert *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    if (options) p->options = *options;
    else pipert_defaults(&p->options);
    p->epoch = p->options.epoch;
    p->report_path = p->options.report ? strdup(p->options.report) : NULL;
    p->cache_path = p->options.cache ? strdup(p->options.cache) : NULL;
    p->command = p->options.sidecar ? sidecar_command(p->options.sidecar) : NULL;
    if (init_locks(p) && arena_init(&p->bound, (size_t)1 << 30)) return p;
    free(p);
    return NULL;
}

int pipert_open(pipert **out, const char *path, const pipert_options *options) {
    pipert *p = *out = new_handle(options);
    if (!p) return PIPERT_MEMORY;
    if (!path || !*path)
        return fail_with(p, PIPERT_ARGUMENT, "pipert_open needs the path of a feature");
    if (check_options(p) || load_file(p, path)) return p->status;
    return load_feature(p);
}

int pipert_open_feature(pipert **out, const struct pl_feature *feature,
                        const pipert_options *options) {
    pipert *p = *out = new_handle(options);
    if (!p) return PIPERT_MEMORY;
    if (!feature)
        return fail_with(p, PIPERT_ARGUMENT, "pipert_open_feature needs a feature");
    if (check_options(p)) return p->status;
    p->feature = feature;
    return load_feature(p);
}

int pipert_set(pipert *p, const char *name, const char *value) {
    if (p->status) return p->status;
    if (p->started)
        return fail_with(p, PIPERT_ARGUMENT, "parameters are set before the start");
    if (!name || !value)
        return fail_with(p, PIPERT_ARGUMENT,
                         "pipert_set needs a name and a value (%s is NULL)",
                         name ? name : "the name");
    return param_set(p, name, value);
}

bool pipert_stops(void *handle) {
    enum { EVERY = 50000000 };          /* ns */
    pipert *p = handle;
    int64_t now = plat_now();
    if (!p->options.stops || now - p->asked < EVERY) return false;
    p->asked = now;
    return p->options.stops(p->options.log_context) != 0;
}

static int open_source(pipert *p) {
    const pl_feature *f = p->feature;
    const stopper stop = {pipert_stops, p};
    char why[512];
    source_request q = {p->source_args, f->nsource_args, f->inputs, f->ninputs,
                        f->columns, f->ncolumns, f->read_column, p->options.max_bytes,
                        &stop};
    if (!source_open(&p->source, f->source, &q, why, sizeof why)) return PIPERT_OK;
    return fail_with(p, PIPERT_SOURCE, "%s", why);
}

/* One of the numbers behind the source's arguments; -1: not given. */
static int take_number(pipert *p, const pl_argument **a, int given, const char *name,
                       int64_t *to) {
    *to = given ? (*a)++->value.i : -1;
    if (!given || *to >= 0) return PIPERT_OK;
    return fail_with(p, PIPERT_PARAMETER, "%s %lld is below 0", name, (long long)*to);
}

/* Places are the source's records, or as many as are drawn of them, after skip and
 * take. */
static int count_places(pipert *p) {
    const pl_feature *f = p->feature;
    const pl_argument *a = p->source_args + f->nsource_args;
    int64_t sample, skip, take;
    if (take_number(p, &a, f->has_sample, "sample", &sample) ||
        take_number(p, &a, f->has_skip, "skip", &skip) ||
        take_number(p, &a, f->has_take, "take", &take) ||
        take_number(p, &a, f->has_steps, "steps", &p->steps))
        return p->status;
    p->typical = p->source.typical;
    p->places = sample >= 0 && p->source.count ? sample : p->source.count;
    p->skip = skip < 0 ? 0 : skip > p->places ? p->places : skip;
    p->places -= p->skip;
    if (take >= 0 && take < p->places) p->places = take;
    return PIPERT_OK;
}

/* Ranks that must not wait for each other need a number of batches that is known, and
 * lanes of their own. */
static int check_world(pipert *p) {
    int world = p->options.world;
    if (world == 1) return PIPERT_OK;
    if (!p->fixed && p->feature->lanes % world)
        return fail_with(
            p, PIPERT_ARGUMENT,
            "a world of %d ranks does not divide the %lld lanes of this "
            "feature, "
            "which has `where` or `each`: write `batch(…, lanes = %d)` or a "
            "multiple",
            world, (long long)p->feature->lanes, world);
    if (!p->fixed && p->steps < 0)
        return fail_with(p, PIPERT_ARGUMENT,
                         "with `where` or `each` a world of %d ranks needs the number of "
                         "batches: write `batch(…, steps = N)`", world);
    return PIPERT_OK;
}

static int start_sidecar(pipert *p) {
    if (p->path) return sidecar_start(p);
    return fail_with(p, PIPERT_ARGUMENT,
                     "a feature that is linked into the program cannot run in a process "
                     "of its own: open its library by path");
}

int pipert_start(pipert *p) {
    if (p->status || p->started) return p->status;
    p->started = true;
    p->fixed = !p->feature->has_where && p->feature->levels == 1;
    p->batch = p->feature->batch;
    if (!p->shares) p->meter = meter_open();    /* a sidecar's batches count outside of it */
    if (p->command) return start_sidecar(p);
    if (param_bind(p) || load_open(p) || open_source(p) || count_places(p) ||
        check_world(p) || state_check(p) || report_open(p))
        return p->status;
    cache_open(p);
    return schedule_start(p);
}

int pipert_stop(pipert *p) {
    int status = sidecar_stop(p);
    schedule_stop(p);
    if (!status) status = report_close(p);
    fail_with(p, PIPERT_ARGUMENT, "the run was stopped");
    return status;
}

int pipert_close(pipert *p) {
    int status;
    if (!p) return PIPERT_OK;
    status = pipert_stop(p);
    sidecar_free(p);
    schedule_free(p);
    report_free(p);
    cache_close(p);
    source_close(&p->source);
    for (int i = 0; p->value && i < p->feature->nparams; i++) free(p->value[i]);
    free(p->value);
    free(p->argument);
    load_close(p);
    arena_fini(&p->bound);
    state_forget(p);
    meter_close(p->meter);
    free(p->path);
    free(p->report_path);
    free(p->cache_path);
    sidecar_forget(p->command);
    plat_mutex_fini(&p->lock);
    plat_mutex_fini(&p->bad_lock);
    plat_mutex_fini(&p->plain_lock);
    plat_mutex_fini(&p->kernel_lock);
    plat_cond_fini(&p->work);
    plat_cond_fini(&p->read);
    plat_cond_fini(&p->done);
    plat_cond_fini(&p->parked);
    free(p);
    return status;
}

const char *pipert_error(const pipert *p) { return p ? p->error : "no memory"; }
const char *pipert_version(void) { return PIPERT_VERSION; }

const char *pipert_status_text(int status) {
    switch (status) {
#define X(name, code, text) case code: return text;
    PIPERT_STATUS(X)
#undef X
    }
    return "an unknown status";
}

/* ---- batches ---- */
static int batch_failed(pipert *p, const slot *s) {
    switch (s->status) {
    case PIPERT_MEMORY:
        return fail_with(p, PIPERT_MEMORY,
                         "batch %lld does not fit the memory budget of %lld bytes: "
                         "raise --memory, or make the batch smaller",
                         (long long)s->number, (long long)p->options.memory);
    default: return fail_with(p, s->status, "%s", s->why);
    }
}

/* Its failures are described before they are reported and freed. */
static void none_good(pipert *p, slot *s) {
    char first[400];
    report_first(p, &s->bads, first, sizeof first);
    snprintf(s->why, sizeof s->why, "no record of batch %lld is good%s%s",
             (long long)s->number, *first ? "; the first: " : "", first);
}

static void tell_note(pipert *p) {
    const char *note = __atomic_load_n(&p->source.note, __ATOMIC_ACQUIRE);
    if (note && !p->told_note) log_text(p, PIPERT_LOG_WARNING, "%s", note);
    p->told_note = note != NULL;
    cache_tell(p);
}

static int hand_out(pipert *p, slot *s, pipert_batch **out) {
    int64_t last = -1;
    if (s->status == PIPERT_MEMORY) return batch_failed(p, s);
    if (s->status == PIPERT_BATCH && !*s->why) none_good(p, s);
    if (report_bads(p, &s->bads, &last)) return p->status;
    if (s->status) return batch_failed(p, s);
    for (int k = 0; k < s->public.noutputs; k++)
        p->stats.bytes_out += s->output[k].count * pipert_dtype_size(s->output[k].dtype);
    p->stats.batches++;
    p->stats.records += s->real;
    *out = &s->public;
    tell_note(p);
    schedule_taken(p, s);
    return PIPERT_OK;
}

/* The parameter, fixed at compile time, that gives the batch's size: "" if no one alone
 * does. */
static const char *batch_parameter(const pipert *p) {
    char size[32];
    const char *name = "";
    snprintf(size, sizeof size, "%lld", (long long)p->batch);
    for (int i = 0; i < p->feature->nparams; i++) {
        const pl_param *q = &p->feature->params[i];
        if (!q->at_compile || !q->text || strcmp(q->text, size)) continue;
        if (*name) return "";
        name = q->name;
    }
    return name;
}

/* An epoch without a batch is no error, but seldom what was meant. */
static void tell_of_nothing(pipert *p) {
    int64_t rows = schedule_rows(p), least = p->batch * p->options.world;
    bool drops = p->feature->last == PL_LAST_DROP;
    const char *name = drops ? batch_parameter(p) : "";
    if (p->told_of_nothing) return;
    p->told_of_nothing = true;
    if (!rows) {
        log_text(p, PIPERT_LOG_WARNING,
                 "epoch %llu is empty: none of %lld records is left",
                 (unsigned long long)p->epoch, (long long)p->places);
        return;
    }
    log_text(p, PIPERT_LOG_WARNING,
             "epoch %llu has no batch: its %lld record%s %s fewer than "
             "the %lld of one%s%s%s%s%s",
             (unsigned long long)p->epoch, (long long)rows, rows == 1 ? "" : "s",
             rows == 1 ? "is" : "are", (long long)least,
             p->options.world > 1 ? " for every rank" : "",
             drops ? ", and `last = drop` drops them; compile with `last = partial` or a "
                     "smaller batch" : "",
             *name ? ": -D" : "", name, *name ? "=…" : "");
}

/* Lanes that the end of another left unfinished are told of. */
static void end_epoch(pipert *p) {
    int64_t left = schedule_left(p);
    bad b = {.index = -1, .line = p->feature->source_line, .operator_name = "lanes"};
    snprintf(b.reason, sizeof b.reason,
             "%lld places were not reached when a lane ran out", (long long)left);
    if (left) report_line(p, &b, "");
    report_flush(p);
    if (!p->next_turn && !p->start_batch) tell_of_nothing(p);
    p->ended++;
    schedule_end_epoch(p);
}

int pipert_take(pipert *p, pipert_batch **out) {
    slot *s;
    int status;
    if (p->sidecar) return sidecar_next(p, out);
    status = schedule_next(p, &s);
    if (status == PIPERT_OK) return hand_out(p, s, out);
    if (status == PIPERT_END) end_epoch(p);
    return p->status ? p->status : status;
}

int pipert_next(pipert *p, pipert_batch **out) {
    int status;
    if (!out)
        return fail_with(p, PIPERT_ARGUMENT, "pipert_next needs a place for the batch");
    *out = NULL;
    if ((status = pipert_start(p))) return status;
    return p->meter ? meter_next(p->meter, p, out) : pipert_take(p, out);
}

int pipert_await(pipert *p, int64_t milliseconds) {
    int status;
    if (p->sidecar) return sidecar_wait(p, milliseconds);
    status = schedule_wait(p, milliseconds);
    return status == PIPERT_AGAIN ? status : PIPERT_OK;
}

int pipert_wait(pipert *p, int64_t milliseconds) {
    int status = pipert_start(p);
    if (status) return status;
    return p->meter ? meter_wait(p->meter, p, milliseconds) : pipert_await(p, milliseconds);
}

static bool release(pipert *p, pipert_batch *b) {
    if (p->meter && meter_keeps(p->meter, b)) return true;
    return p->sidecar ? sidecar_release(p, b) : schedule_release(p, (slot *)(void *)b);
}

int pipert_release(pipert *p, pipert_batch *b) {
    if (b && release(p, b)) return PIPERT_OK;
    return tell_with(p, PIPERT_ARGUMENT,
                     b ? "the batch is not held: it was released before"
                       : "there is no batch to release");
}

/* ---- what is known ---- */
int pipert_dtype_size(int dtype) { return text_dtype_size(dtype); }
const char *pipert_dtype_name(int dtype) { return text_dtype_name(dtype); }
const char *pipert_name(const pipert *p) { return p->feature ? p->feature->name : ""; }
int pipert_parameters(const pipert *p) { return p->feature ? p->feature->nparams : 0; }

int pipert_parameter_at(const pipert *p, int i, pipert_parameter *to) {
    const pl_param *q;
    if (i < 0 || i >= pipert_parameters(p)) return PIPERT_ARGUMENT;
    q = &p->feature->params[i];
    *to = (pipert_parameter){q->name, q->type, param_value(p, i), q->at_compile};
    return PIPERT_OK;
}

const char *const *pipert_classes(const pipert *p, int *n) {
    if (p->sidecar) return sidecar_classes(p, n);
    *n = p->source.nclasses;
    return p->source.classes;
}

void pipert_stats_get(pipert *p, pipert_stats *to) {
    if (p->sidecar) {
        sidecar_stats(p, to);
        return;
    }
    schedule_stats(p);
    *to = p->stats;
}
