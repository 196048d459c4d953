/* Slots, runs and threads: how many, and their beginning and end. */
#include "internal.h"
#include <stdlib.h>
#include <string.h>

/* ---- sizes ---- */
static int64_t limit(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

/* How many batches are made ahead at most. Small ones are more, for a run may hold the
 * rows of many. */
static int count_ahead(const pipert *p) {
#ifdef PIPERT_HOSTILE
    return 1;
#endif
    if (p->feature->plan_ahead) return p->feature->plan_ahead;
    return (int)limit((16 << 20) / p->dense_bytes, 8, 64);
}

/* How many the controller may have made ahead, as the budget allows. */
static int count_limit(const pipert *p) {
    enum { MOST = 64 };
    bool fixed = !p->options.control_interval || p->shares;
#ifdef PIPERT_HOSTILE
    fixed = true;
#endif
    return fixed || p->ahead_most > MOST ? p->ahead_most : MOST;
}

/* A part of a run stages no more than RECORD_SOFT bytes, or one row. */
static int64_t count_part_rows(const pipert *p) {
    int64_t each = 1;
    for (int k = 0; k < p->feature->nfields; k++) each += p->feature->fields[k].bytes;
    each = RECORD_SOFT / each;
#ifdef PIPERT_HOSTILE
    return 3;
#endif
    if (p->options.on_error == PIPERT_ON_ERROR_FAIL || each > PART_ROWS) return PART_ROWS;
    return each < 1 ? 1 : each;
}

/* The budget comes first: if not stated, the larger of 512 MB and three batches, or as
 * many as three quarters of the machine's memory hold, or one. */
static int64_t choose_memory(const pipert *p) {
    int64_t most = plat_memory() / 4 * 3, n = p->dense_bytes;
    if (p->feature->plan_memory) return p->feature->plan_memory;
    n = limit(n, 0, most / 3) * 3;
    return limit(n > p->dense_bytes ? n : p->dense_bytes, 512000000, INT64_MAX);
}

enum { MOST_SLOTS = 2048 };
#define SLOTS_SPACE ((size_t)1 << 40)   /* address space of all */

/* What the run says comes before what the plan does. */
static int first_of(int run, int plan, int other) { return run ? run : plan ? plan : other; }

static void choose_sizes(pipert *p) {
    pipert_options *o = &p->options;
    bool debug = o->mode == PIPERT_DEBUG;
    if (!o->memory) o->memory = choose_memory(p);
    p->nworkers = debug ? 1 : first_of(o->threads, p->feature->plan_workers, plat_cpus());
    p->nreaders = debug || !p->source.reads
                      ? 0 : first_of(o->readers, p->feature->plan_depth, 8);
    p->nruns = debug ? 1 : 2 * p->nworkers + 2 * p->nreaders + 1;
    p->nlanes = p->fixed ? 0 : (int)p->feature->lanes;
    if (p->nruns < p->nlanes) p->nruns = p->nlanes;
    p->keep_bytes = (size_t)limit((128 << 20) / (2 * p->nworkers + 2), 1 << 20, 32 << 20);
    p->run_bytes = limit(p->options.memory / 8 / p->nruns, 256 << 10, 4 << 20);
    p->ns_per_record = 20000;
    p->part_rows = count_part_rows(p);
}

/* ---- start ---- */
static bool has_ragged(const pipert *p) {
    for (int k = 0; k < p->feature->nfields; k++)
        if (p->feature->fields[k].ragged) return true;
    return false;
}

/* Address space for what is not dense: no batch passes the budget. */
static size_t count_out(const pipert *p) {
    int64_t rest = p->options.memory - p->dense_bytes;
    if (!p->shares && !p->feature->nbelow && !has_ragged(p)) return 0;
    return (size_t)(rest > 1 << 20 ? rest : 1 << 20);
}

/* ---- address space ---- */
static double slots_space(const pipert *p) {
    return (double)p->nslots * (double)slot_reach(p, p->batch, count_out(p));
}

/* A part of a run may fill up at every level of `each`. */
static double scratch_size(const pipert *p, double record) {
    return (1. + p->feature->levels) * RECORD_SOFT + 3 * record;
}

static double scratch_space(const pipert *p, double record) {
    return scratch_size(p, record) * 9 / 8;
}

/* What the run reserves, about, if a record takes so much at most. */
static double space(const pipert *p, int64_t most) {
    enum { THREAD = 80 << 20 };         /* its stack, what malloc keeps for it */
    double record = (double)most, run = 2. * (double)p->run_bytes + record;
    if (!p->fixed) run += scratch_space(p, record);
    if (!p->fixed && p->options.on_error == PIPERT_ON_ERROR_SKIP) run += record;
    return slots_space(p) + p->nruns * run + p->nreaders * (double)THREAD +
           p->nworkers * (scratch_space(p, record) + THREAD);
}

static int too_little_space(pipert *p, int64_t least, double left) {
    return fail_with(p, PIPERT_MEMORY,
                     "the run needs %.1f GB of address space, and %.1f GB for records of "
                     "any size; the limit of this process (ulimit -v) leaves %.1f GB: "
                     "raise it, or give the run less memory, fewer threads and readers",
                     space(p, least) / 1e9, space(p, p->options.max_bytes) / 1e9,
                     left / 1e9);
}

/* Under a limit (ulimit -v) there are fewer slots, and records are limited, before
 * anything fails. */
static int fit_space(pipert *p) {
    enum { LEAST = 16 << 20 };
    int64_t *most = &p->options.max_bytes, record = *most, left = plat_space();
    if (left == INT64_MAX) return PIPERT_OK;
    while (p->nslots > 2 && slots_space(p) > (double)left / 2) p->nslots /= 2;
    while (record > LEAST && space(p, record) > (double)left) record /= 2;
    if (space(p, record) > (double)left) return too_little_space(p, record, (double)left);
    if (record < *most)
        log_text(p, PIPERT_LOG_WARNING,
                 "%.1f GB of address space are left (ulimit -v), %.1f GB are wanted: a "
                 "record may take %lld bytes at most, not %lld", (double)left / 1e9,
                 space(p, *most) / 1e9, (long long)record, (long long)*most);
    *most = p->source.request.max_bytes = record;
    return PIPERT_OK;
}

/* ---- slots, runs, threads ---- */
/* How many slots the budget holds; 0: not one. Only a budget that was stated is for more
 * than are made ahead: for batches that the caller holds. */
static int count_slots(const pipert *p, bool stated) {
    int64_t n = p->options.memory / p->dense_bytes, most = p->ahead_limit;
    size_t out = count_out(p);
#ifndef PIPERT_HOSTILE
    if (stated) most = limit((int64_t)(SLOTS_SPACE / (out + 1)), most, MOST_SLOTS);
#endif
    return (int)limit(n, 0, most);
}

static bool start_shared(pipert *p, size_t out) {
    size_t bytes = (size_t)p->nslots * slot_reach(p, p->batch, out);
    void *base;
    if (!p->shares) return true;
    if (plat_resize(p->shared_fd, bytes) || plat_map(p->shared_fd, bytes, &base))
        return false;
    arena_over(&p->shared, base, bytes);
    return true;
}

static bool start_slots(pipert *p) {
    size_t out = count_out(p);
    if (!start_shared(p, out)) return false;
    p->slots = calloc((size_t)p->nslots, sizeof *p->slots);
    p->by_turn = calloc((size_t)p->nslots, sizeof(slot *));
    p->free_slots = calloc((size_t)p->nslots, sizeof(slot *));
    if (!p->slots || !p->by_turn || !p->free_slots) return false;
    for (int i = 0; i < p->nslots; i++) {
        if (!slot_init(p, &p->slots[i], p->batch, out, p->shares ? &p->shared : NULL))
            return false;
        p->free_slots[p->nfree++] = &p->slots[i];
    }
    return true;
}

static scratch *new_scratch(const pipert *p) {
    return record_scratch_new((size_t)scratch_size(p, (double)p->options.max_bytes));
}

static bool start_kept(pipert *p, run *r) {
    size_t out = has_ragged(p) ? 2 * RECORD_SOFT + (size_t)p->options.max_bytes : 0;
    scratch *s = new_scratch(p);
    if (!s) return false;
    s->next = p->free_scratch;
    p->free_scratch = s;
    r->row_place = malloc(PART_ROWS * sizeof *r->row_place);
    r->row_event = malloc(PART_ROWS * sizeof *r->row_event);
    if (!r->row_place || !r->row_event) return false;
    return p->options.on_error == PIPERT_ON_ERROR_FAIL ||
           slot_init(p, &r->stage, p->part_rows, out, NULL);
}

static bool start_runs(pipert *p) {
    size_t n = (size_t)p->feature->ninputs + 1;
    p->runs = calloc((size_t)p->nruns, sizeof *p->runs);
    p->lanes = calloc((size_t)p->nlanes + 1, sizeof *p->lanes);
    if (!p->runs || !p->lanes) return false;
    for (int i = 0; i < p->nlanes; i++) bad_list_init(&p->lanes[i].bads);
    for (int i = 0; i < p->nruns; i++) {
        run *r = &p->runs[i];
        bad_list_init(&r->bads);
        r->index = malloc(RUN_MOST * sizeof *r->index);
        r->values = malloc(RUN_MOST * n * sizeof *r->values);
        if (!r->index || !r->values || !cache_run(p, r) || (!p->fixed && !start_kept(p, r)) ||
            !source_reader_init(&r->reader, p->options.max_bytes, (size_t)p->run_bytes))
            return false;
        if (p->parts) source_reader_parts(&r->reader, p->options.max_bytes);
    }
    return true;
}

static bool start_worker(pipert *p, worker *w, bool reader) {
    record_worker_init(w, p, 0);
    w->reader = reader;
    w->out = calloc((size_t)p->feature->nfields + 1, sizeof *w->out);
    if (!w->out) return false;
    if (!reader && p->profile && !(w->recorder = recorder_new(p->profile, w))) return false;
    if (!reader) {
        w->own = new_scratch(p);
        if (!w->own) return false;
        record_attach(w, w->own);
    }
    if (p->options.mode == PIPERT_DEBUG) return true;
    if (plat_thread_start(&w->thread, schedule_thread, w)) return false;
    w->started = true;
    p->nthreads++;
    return true;
}

static bool start_workers(pipert *p) {
    p->workers = calloc((size_t)p->nworkers, sizeof *p->workers);
    p->readers = calloc((size_t)p->nreaders + 1, sizeof *p->readers);
    if (!p->workers || !p->readers) return false;
    for (int i = 0; i < p->nworkers; i++)
        if (!start_worker(p, &p->workers[i], false)) return false;
    for (int i = 0; i < p->nreaders; i++)
        if (!start_worker(p, &p->readers[i], true)) return false;
    return true;
}

/* A batch that no budget lets fit ends here, not by the system's hand in mid-epoch. */
static int check_machine(pipert *p) {
    const char *largest = "";
    double bytes = slot_size(p, p->batch, &largest), memory = (double)plat_memory();
    if (bytes <= memory) return PIPERT_OK;
    return fail_with(p, PIPERT_MEMORY,
                     "one batch of %lld records needs %.0f MB of memory and this "
                     "machine has %.0f MB: make the batch smaller, or the dimensions "
                     "of `%s`, which takes most",
                     (long long)p->batch, bytes / 1e6, memory / 1e6, largest);
}

/* The plain code does not ask for what it reads. */
static bool reads_parts(const pipert *p) {
    int k = p->source.indexed;
    return p->plain && p->code != p->plain && k >= 0 && p->feature->inputs[k].parts;
}

int schedule_start(pipert *p) {
    bool stated = p->options.memory || p->feature->plan_memory;
    if (check_machine(p)) return p->status;
    p->dense_bytes = (int64_t)slot_bytes(p, p->batch);
    choose_sizes(p);
    p->ahead_most = count_ahead(p);
    p->ahead_limit = count_limit(p);
    p->nslots = count_slots(p, stated);
    p->run_most = limit(limit(p->nslots, 1, p->ahead_most) * p->batch / 4, 1, RUN_MOST);
    if (p->fixed) p->run_most = RUN_MOST;
    if (!p->nslots)
        return fail_with(p, PIPERT_MEMORY,
                         "one batch needs %lld bytes of memory and the budget is %lld: "
                         "raise --memory, or make the batch smaller",
                         (long long)p->dense_bytes, (long long)p->options.memory);
    if (fit_space(p)) return p->status;
    adjust_start(p);
    p->parts = reads_parts(p);
    if (!start_slots(p) || !start_runs(p) || !start_workers(p))
        return fail_with(p, PIPERT_MEMORY,
                         "no memory, threads (ulimit -u), or %.1f GB of address space "
                         "(ulimit -v) for %d workers and %d readers",
                         space(p, p->options.max_bytes) / 1e9, p->nworkers, p->nreaders);
    schedule_begin(p);
    return PIPERT_OK;
}

/* ---- stop ---- */
static void join_all(worker *w, int n) {
    for (int i = 0; w && i < n; i++)
        if (w[i].started) plat_thread_join(&w[i].thread), w[i].started = false;
}

static void free_workers(worker *w, int n) {
    for (int i = 0; w && i < n; i++) {
        record_scratch_free(w[i].own);
        free(w[i].out);
        recorder_free(w[i].recorder);
    }
    free(w);
}

static void stop_run(pipert *p, run *r) {
    bad_drop(p, &r->bads);
    source_reader_fini(&r->reader);
    slot_fini(&r->stage);
    record_scratch_free(r->memory);
    free(r->index);
    free(r->values);
    cache_run_fini(p, r);
    free(r->row_place);
    free(r->row_event);
}

void schedule_stop(pipert *p) {
    plat_lock(&p->lock);
    atomic_store(&p->stop, true);
    plat_wake_all(&p->work);
    plat_wake_all(&p->read);
    plat_wake_all(&p->parked);
    plat_unlock(&p->lock);
    join_all(p->workers, p->nworkers);
    join_all(p->readers, p->nreaders);
}

void schedule_free(pipert *p) {
    free_workers(p->workers, p->nworkers);
    free_workers(p->readers, p->nreaders);
    for (int i = 0; p->runs && i < p->nruns; i++)
        if (p->runs[i].bads.last) stop_run(p, &p->runs[i]);
    for (int i = 0; p->slots && i < p->nslots; i++) {
        if (p->slots[i].bads.last) bad_drop(p, &p->slots[i].bads);
        slot_fini(&p->slots[i]);
    }
    for (int i = 0; p->lanes && i < p->nlanes; i++) bad_drop(p, &p->lanes[i].bads);
    if (p->shared.base) plat_unreserve(p->shared.base, p->shared.size);
    while (p->free_scratch) {
        scratch *s = p->free_scratch;
        p->free_scratch = s->next;
        record_scratch_free(s);
    }
    free(p->runs);
    free(p->slots);
    free(p->by_turn);
    free(p->free_slots);
    free(p->lanes);
}
