/* Who does what next. The epoch's places are cut into runs, in order; a run is
 * read, computed, and its rows land in slots. All decisions are made under one
 * lock, a few times per run, never per record. */
#include "internal.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Long enough that a lock costs nothing, short enough to share a batch out. */
#define RUN_NS 200000
/* Read so far ahead, per run. */
#define RUN_BYTES (4 << 20)

void schedule_fatal(pipert *p, int status, const char *format, ...) {
    va_list list;
    if (p->fatal) return;
    p->fatal = status;
    va_start(list, format);
    vsnprintf(p->fatal_text, sizeof p->fatal_text, format, list);
    va_end(list);
    plat_wake_all(&p->done);
}

/* ---- planning: lock held ---- */
static int64_t run_size(const pipert *p) {
    int64_t n = RUN_NS / (p->ns_per_record > 0 ? p->ns_per_record : 1);
    int64_t bytes = p->source.reads ? p->source.typical : 0;
#ifdef PIPERT_HOSTILE
    return 1 + p->serial % 7;
#endif
    if (bytes && n > RUN_BYTES / bytes) n = RUN_BYTES / bytes;
    return n < 1 ? 1 : n > RUN_MOST ? RUN_MOST : n;
}

static run *free_run(pipert *p) {
    for (int i = 0; i < p->nruns; i++)
        if (p->runs[i].state == RUN_FREE) return &p->runs[i];
    return NULL;
}

/* Bytes of batches and input in the making or held. */
static int64_t memory_used(const pipert *p) {
    int64_t total = p->input_bytes;
    for (int i = 0; i < p->nslots; i++)
        if (p->slots[i].state != SLOT_FREE)
            total += p->dense_bytes + (int64_t)p->slots[i].out.used;
    return total;
}

/* Whether one batch more may be begun. The next one to hand out always may. */
static bool room_for(const pipert *p, int64_t turn) {
    int open = 0;
    if (turn >= p->next_turn + p->nslots) return false;
    if (p->slots[turn % p->nslots].state != SLOT_FREE) return false;
    if (turn == p->next_turn) return true;
    for (int i = 0; i < p->nslots; i++) open += p->slots[i].state != SLOT_FREE;
    if (p->slots[0].out.base && !p->largest_out && open >= 2) return false;
    return memory_used(p) + p->dense_bytes + p->largest_out <= p->options.memory;
}

slot *schedule_slot(pipert *p, int64_t turn) {
    slot *s = &p->slots[turn % p->nslots];
    int64_t number = p->first_batch + turn * p->options.world, rows = p->batch, real;
    if (s->state != SLOT_FREE && s->turn == turn) return s;
    if (!room_for(p, turn)) return NULL;
    real = p->places - number * p->batch;
    if (!p->fixed || real > rows || p->feature->last == PL_LAST_WRAP) real = rows;
    if (real < 0) real = 0;
    if (p->feature->last == PL_LAST_PARTIAL) rows = real;
    slot_open(p, s, turn, number, rows, real);
    return s;
}

static bool plan_fixed(pipert *p) {
    run *r = free_run(p);
    slot *s;
    if (!r || p->plan_turn >= p->turns || !(s = schedule_slot(p, p->plan_turn)))
        return false;
    r->slot = s;
    r->row = p->plan_row;
    r->first = s->number * p->batch + p->plan_row;
    r->count = run_size(p);
    if (r->count > s->real - p->plan_row) r->count = s->real - p->plan_row;
    r->at = r->read = r->nfailed = 0;
    r->serial = p->serial++;
    r->state = p->source.reads && r->count ? RUN_PLANNED : RUN_READY;
    p->plan_row += r->count;
    if (p->plan_row == s->real) p->plan_row = 0, p->plan_turn++;
    return true;
}

/* In batch mode, a wave of runs is read, then computed, then the next begins. */
static void plan(pipert *p) {
    if (p->stop || p->fatal) return;
    if (p->options.mode == PIPERT_BATCH_MODE)
        for (int i = 0; i < p->nruns; i++)
            if (p->runs[i].state != RUN_FREE) return;
    while (plan_fixed(p)) continue;
}

static run *first_in(pipert *p, run_state state) {
    run *best = NULL;
    for (int i = 0; i < p->nruns; i++)
        if (p->runs[i].state == state && (!best || p->runs[i].serial < best->serial))
            best = &p->runs[i];
    return best;
}

static run *pick(pipert *p, bool reader) {
    bool stages = p->options.mode == PIPERT_BATCH_MODE;
    run *r = NULL;
    plan(p);
    if (p->fatal) return NULL;
    if (stages || reader) r = first_in(p, RUN_PLANNED);
    if (stages && !r && first_in(p, RUN_READING)) return NULL;
    if (!r && !reader) r = first_in(p, RUN_READY);
    if (!r && !reader) r = first_in(p, RUN_PLANNED);
    return r;
}

/* ---- reading: lock not held ---- */
static void number_records(pipert *p, run *r, int64_t from, int64_t n) {
    int64_t place = r->first + from;
    if (place >= p->places && p->places) place %= p->places;
    for (int64_t i = 0; i < n; i++) {
        r->index[i] = p->feature->shuffle
                          ? (int64_t)order_shuffle_at(&p->shuffle, (uint64_t)(place + p->skip))
                          : place + p->skip;
        if (++place == p->places) place = 0;
    }
}

static void read_run(pipert *p, run *r) {
    int64_t n = r->count - r->at;
    if (!p->source.reads && n > CHUNK) n = CHUNK;
    source_reader_reset(&r->reader);
    number_records(p, r, r->at, n);
    r->read = r->at + source_read(&p->source, &r->reader, r->index, n, r->values);
}

/* ---- computing: lock not held ---- */
static void compute_run(worker *w, run *r) {
    pipert *p = w->p;
    if (r->read == r->at && r->count) read_run(p, r);
    for (;;) {
        fixed_compute(w, r);
        r->at = r->read;
        if (r->at == r->count || p->source.reads || p->stop) return;
        read_run(p, r);
    }
}

/* ---- after the work: lock held ---- */
static void wake_workers(pipert *p) {
    if (p->sleeping) plat_wake_all(&p->work);
}

static void after_read(pipert *p, run *r) {
    int64_t n = r->read - r->at;
    r->state = RUN_READY;
    p->input_bytes += (int64_t)r->reader.memory.used;
    p->bytes_read += r->reader.bytes;
    if (n) p->source.typical = (p->source.typical * 3 + r->reader.bytes / n) / 4;
    r->reader.bytes = 0;
    if (p->sleeping) plat_wake_one(&p->work);
}

static void finish_slot(worker *w, slot *s) {
    pipert *p = w->p;
    s->state = SLOT_FINISHING;
    plat_unlock(&p->lock);
    slot_finish(w, s);
    plat_lock(&p->lock);
    if ((int64_t)s->out.used > p->largest_out) p->largest_out = (int64_t)s->out.used;
    s->state = SLOT_READY;
    if (s->turn == p->next_turn) plat_wake_all(&p->done);
}

static void measure(pipert *p, int64_t ns, int64_t records) {
    if (!records) return;
    ns /= records;
    p->ns_per_record = p->ns_per_record ? (p->ns_per_record * 3 + ns) / 4 : ns;
}

static void after_compute(worker *w, run *r) {
    pipert *p = w->p;
    slot *s = r->slot;
    p->input_bytes -= p->source.reads ? (int64_t)r->reader.memory.used : 0;
    if (r->at < r->count) {             /* the soft limit: read the rest */
        r->state = RUN_PLANNED;
        return;
    }
    s->done += r->count;
    s->nfailed += r->nfailed;
    bad_move(&s->bads, &r->bads);
    r->state = RUN_FREE;
    if (s->done == s->real) finish_slot(w, s);
}

static void do_read(worker *w, run *r) {
    pipert *p = w->p;
    r->state = RUN_READING;
    plat_unlock(&p->lock);
    read_run(p, r);
    plat_lock(&p->lock);
    after_read(p, r);
}

static void do_compute(worker *w, run *r) {
    pipert *p = w->p;
    int64_t start, at = r->at;
    r->state = RUN_WORKING;
    plat_unlock(&p->lock);
    start = plat_now();
    compute_run(w, r);
    start = plat_now() - start;
    plat_lock(&p->lock);
    measure(p, start, r->at - at);
    after_compute(w, r);
}

/* One piece of work; false if there is none. Lock held. */
static bool step(worker *w) {
    pipert *p = w->p;
    run *r = pick(p, w->reader);
    if (!r) return false;
    if (r->state == RUN_PLANNED) {
        do_read(w, r);
        if (w->reader || p->options.mode == PIPERT_BATCH_MODE || r->state != RUN_READY)
            return true;
    }
    if (p->sleeping && first_in(p, RUN_READY) != r) plat_wake_one(&p->work);
    if (p->sleeping_readers) plat_wake_one(&p->read);
    do_compute(w, r);
    return true;
}

static void worker_main(void *argument) {
    worker *w = argument;
    pipert *p = w->p;
    plat_lock(&p->lock);
    while (!p->stop) {
        int *sleeping = w->reader ? &p->sleeping_readers : &p->sleeping;
        if (step(w)) continue;
        ++*sleeping;
        plat_wait(w->reader ? &p->read : &p->work, &p->lock);
        --*sleeping;
    }
    plat_unlock(&p->lock);
}

/* ---- the caller's side ---- */
/* Batches of this rank in an epoch; all ranks have as many. */
static int64_t count_turns(const pipert *p) {
    int64_t n = p->batch, world = p->options.world;
    bool whole = p->feature->last == PL_LAST_DROP;
    bool fill = p->feature->last == PL_LAST_PAD || p->feature->last == PL_LAST_WRAP;
    int64_t stream = p->places / n + (!whole && p->places % n > 0);
    return (stream + (fill ? world - 1 : 0)) / world;
}

static void begin_epoch(pipert *p) {
    p->first_batch = p->options.rank;
    p->turns = count_turns(p);
    p->key = order_key(p->options.seed, p->epoch);
    order_shuffle_init(&p->shuffle, (uint64_t)p->source.count, p->key);
    p->next_turn = p->plan_turn = p->plan_row = 0;
    p->epoch_bad = 0;
    for (int i = 0; i < p->nworkers; i++) p->workers[i].call.key = p->key;
    p->running = true;
    wake_workers(p);
    if (p->sleeping_readers) plat_wake_all(&p->read);
}

/* What pipert_next would find now; PIPERT_AGAIN: nothing yet. Lock held. */
static int look(pipert *p) {
    slot *s = &p->slots[p->next_turn % p->nslots];
    if (p->fatal) return fail_with(p, p->fatal, "%s", p->fatal_text);
    if (!p->running) begin_epoch(p);
    if (p->turns >= 0 && p->next_turn >= p->turns) return PIPERT_END;
    if (s->state == SLOT_READY && s->turn == p->next_turn) return PIPERT_OK;
    return s->state == SLOT_HELD ? PIPERT_HELD : PIPERT_AGAIN;
}

static int wait_for(pipert *p, int64_t until) {
    int status;
    while ((status = look(p)) == PIPERT_AGAIN) {
        if (!p->nthreads) {
            if (!step(&p->workers[0])) return PIPERT_BUG;
        } else if (until < 0) {
            plat_wait(&p->done, &p->lock);
        } else if (!plat_wait_until(&p->done, &p->lock, until)) {
            return look(p);
        }
    }
    return status;
}

bool schedule_wait(pipert *p, int64_t milliseconds) {
    int64_t start = plat_now();
    int status;
    plat_lock(&p->lock);
    status = wait_for(p, start + milliseconds * 1000000);
    plat_unlock(&p->lock);
    p->stats.wait_ns += plat_now() - start;
    return status != PIPERT_AGAIN;
}

int schedule_next(pipert *p, slot **out) {
    int64_t start = 0;
    int status;
    plat_lock(&p->lock);
    status = look(p);
    if (status == PIPERT_AGAIN) {
        start = plat_now();
        status = wait_for(p, -1);
        p->stats.wait_ns += plat_now() - start;
    }
    if (status == PIPERT_OK) {
        *out = &p->slots[p->next_turn % p->nslots];
        (*out)->state = SLOT_HELD;
    }
    plat_unlock(&p->lock);
    return status;
}

void schedule_taken(pipert *p) {
    plat_lock(&p->lock);
    p->next_turn++;
    wake_workers(p);
    if (p->sleeping_readers) plat_wake_all(&p->read);
    plat_unlock(&p->lock);
}

/* Pages that large batches left behind go back once all together pass the budget. */
static void trim_slot(pipert *p, slot *s) {
    int64_t total = 0;
    for (int i = 0; i < p->nslots; i++)
        total += p->dense_bytes + (int64_t)p->slots[i].out.top;
    if (total > p->options.memory && s->out.base) arena_trim(&s->out, 0);
}

void schedule_release(pipert *p, slot *s) {
    arena_reset(&s->out, 0);
    plat_lock(&p->lock);
    trim_slot(p, s);
    s->state = SLOT_FREE;
    wake_workers(p);
    if (p->sleeping_readers) plat_wake_all(&p->read);
    plat_unlock(&p->lock);
}

void schedule_end_epoch(pipert *p) {
    plat_lock(&p->lock);
    p->running = false;
    p->epoch++;
    plat_unlock(&p->lock);
}

void schedule_stats(pipert *p) {
    plat_lock(&p->lock);
    p->stats.places = p->places;
    p->stats.epoch_batches = p->turns;
    p->stats.bytes_read = p->bytes_read;
    p->stats.memory = p->options.memory;
    p->stats.memory_used = memory_used(p);
    p->stats.threads = p->nworkers;
    p->stats.cpu = p->cpu;
    plat_unlock(&p->lock);
}

/* ---- start and stop ---- */
/* How many slots the budget holds; 0: not one. Without a stated budget it is the
 * larger of 512 MB and three batches. */
static int count_slots(pipert *p) {
    enum { MOST = 8 };
    int64_t each = p->dense_bytes, n;
#ifdef PIPERT_HOSTILE
    if (each <= p->options.memory) return 1;
#endif
    if (!p->options.memory) {
        p->options.memory = 512000000;
        if (p->options.memory / 3 < each) p->options.memory = 3 * each;
    }
    n = p->options.memory / (each ? each : 1);
    return n > MOST ? MOST : (int)n;
}

static bool start_slots(pipert *p) {
    int64_t rest = p->options.memory - p->dense_bytes;
    bool out = p->feature->nbelow > 0;
    for (int k = 0; k < p->feature->nfields; k++) out |= p->feature->fields[k].ragged != 0;
    p->slots = calloc((size_t)p->nslots, sizeof *p->slots);
    for (int i = 0; p->slots && i < p->nslots; i++)
        if (!slot_init(p, &p->slots[i], !out ? 0 : (size_t)(rest > 1 << 20 ? rest : 1 << 20)))
            return false;
    return p->slots != NULL;
}

static bool start_runs(pipert *p) {
    size_t n = (size_t)p->feature->ninputs + 1;
    p->runs = calloc((size_t)p->nruns, sizeof *p->runs);
    for (int i = 0; p->runs && i < p->nruns; i++) {
        run *r = &p->runs[i];
        bad_list_init(&r->bads);
        r->index = malloc(RUN_MOST * sizeof *r->index);
        r->values = malloc(RUN_MOST * n * sizeof *r->values);
        if (!r->index || !r->values ||
            !source_reader_init(&r->reader, p->options.max_bytes, RUN_BYTES))
            return false;
    }
    return p->runs != NULL;
}

static scratch *new_scratch(pipert *p) {
    return record_scratch_new(2 * RECORD_SOFT + 3 * (size_t)p->options.max_bytes);
}

static bool start_worker(pipert *p, worker *w, bool reader) {
    record_worker_init(w, p, p->key);
    w->reader = reader;
    w->out = calloc((size_t)p->feature->nfields + 1, sizeof *w->out);
    if (!w->out) return false;
    if (!reader) {
        scratch *s = new_scratch(p);
        if (!s) return false;
        record_attach(w, s);
    }
    if (p->options.mode == PIPERT_DEBUG) return true;
    if (plat_thread_start(&w->thread, worker_main, w)) return false;
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

static void choose_sizes(pipert *p) {
    pipert_options *o = &p->options;
    bool debug = o->mode == PIPERT_DEBUG;
    p->nworkers = debug ? 1 : o->threads ? o->threads : plat_cpus();
    p->nreaders = debug || !p->source.reads ? 0 : o->readers ? o->readers : 4;
    p->nruns = debug ? 1 : 2 * p->nworkers + 2 * p->nreaders + 1;
    p->keep_bytes = (size_t)((128 << 20) / p->nworkers);
    if (p->keep_bytes > 32 << 20) p->keep_bytes = 32 << 20;
    p->ns_per_record = 20000;
}

int schedule_start(pipert *p) {
    p->dense_bytes = (int64_t)slot_dense_bytes(p);
    choose_sizes(p);
    p->nslots = count_slots(p);
    if (!p->nslots)
        return fail_with(p, PIPERT_MEMORY,
                         "one batch needs %lld bytes of memory and the budget is %lld: "
                         "raise --memory, or make the batch smaller",
                         (long long)p->dense_bytes, (long long)p->options.memory);
    if (!start_slots(p) || !start_runs(p) || !start_workers(p))
        return fail_with(p, PIPERT_MEMORY, "no memory or threads for %d workers",
                         p->nworkers);
    return PIPERT_OK;
}

static void join_all(worker *w, int n) {
    for (int i = 0; w && i < n; i++) {
        if (w[i].started) plat_thread_join(&w[i].thread);
        record_scratch_free(w[i].memory);
        free(w[i].out);
    }
    free(w);
}

void schedule_stop(pipert *p) {
    plat_lock(&p->lock);
    p->stop = true;
    plat_wake_all(&p->work);
    plat_wake_all(&p->read);
    plat_unlock(&p->lock);
    join_all(p->workers, p->nworkers);
    join_all(p->readers, p->nreaders);
    for (int i = 0; p->runs && i < p->nruns; i++) {
        source_reader_fini(&p->runs[i].reader);
        free(p->runs[i].index);
        free(p->runs[i].values);
        bad_move(&p->lost, &p->runs[i].bads);
    }
    for (int i = 0; p->slots && i < p->nslots; i++) {
        bad_move(&p->lost, &p->slots[i].bads);
        slot_fini(p, &p->slots[i]);
    }
    free(p->runs);
    free(p->slots);
}
