/* Who does what next. The epoch's places are cut into runs, in order; a run is
 * read, computed, and its rows land in slots. All decisions are made under one
 * lock, a few times per run, never per record. No worker waits inside a task: what
 * cannot go on is put back, and the worker looks for something else. */
#include "internal.h"
#include <stdlib.h>
#include <string.h>

/* Long enough that a lock costs nothing, short enough to share a batch out. */
#define RUN_NS 200000
/* A batch that took so long is worth a wake-up, which costs about a twentieth. */
#define WAKE_NS 100000

/* ---- waking ---- */
void schedule_wake(pipert *p, int who) {
    if (!p->sleeping) who &= ~(WAKE_WORKER | WAKE_WORKERS);
    if (!p->sleeping_readers) who &= ~(WAKE_READER | WAKE_READERS);
    p->to_wake |= who;
}

static void wake(pipert *p, int who) {
    if (who & WAKE_CALLER) plat_wake_all(&p->done);
    if (who & WAKE_WORKERS) plat_wake_all(&p->work);
    else if (who & WAKE_WORKER) plat_wake_one(&p->work);
    if (who & WAKE_READERS) plat_wake_all(&p->read);
    else if (who & WAKE_READER) plat_wake_one(&p->read);
}

void schedule_unlock(pipert *p) {
    int who = p->to_wake;
    p->to_wake = 0;
    plat_unlock(&p->lock);
    if (who) wake(p, who);              /* else they would wait for the lock */
}

bool schedule_sleep(pipert *p, plat_cond *on, int64_t until) {
    int who = p->to_wake;
    p->to_wake = 0;
    if (who) wake(p, who);
    if (until < 0) return plat_wait(on, &p->lock), true;
    return plat_wait_until(on, &p->lock, until);
}

/* ---- slots ---- */
/* Bytes of batches in the making or held. */
static int64_t batches_memory(const pipert *p) {
    return (p->nslots - p->nfree) * p->dense_bytes +
           atomic_load_explicit(&p->out_bytes, memory_order_relaxed);
}

/* And of what is read ahead. */
int64_t schedule_memory(const pipert *p) { return p->input_bytes + batches_memory(p); }

bool schedule_full(const pipert *p) {
    if (p->by_turn[p->next_turn % p->nslots]) return false;
    if (p->held < p->ahead_most) return p->held == p->nslots;
    return p->held == p->nslots ||
           batches_memory(p) + p->dense_bytes + p->largest_out > p->options.memory;
}

/* Whether one batch more may be begun. The next one to hand out may, for a slot is left
 * to every turn before this one, as long as few are held. */
static bool room_for(const pipert *p, int64_t turn) {
    int left = p->nslots - p->held, most = left < p->ahead_now ? left : p->ahead_now;
    if (turn >= p->next_turn + most) return false;
    if (p->by_turn[turn % p->nslots]) return false;
    if (turn == p->next_turn) return !schedule_full(p);
    if (p->slots[0].out.base && !p->largest_out && p->nslots - p->nfree >= 2)
        return false;
    return schedule_memory(p) + p->dense_bytes + p->largest_out <= p->options.memory;
}

slot *schedule_opened(pipert *p, int64_t turn) {
    slot *s = p->by_turn[turn % p->nslots];
    return s && s->state == SLOT_OPEN && s->turn == turn ? s : NULL;
}

slot *schedule_ready(const pipert *p) {
    slot *s = p->by_turn[p->next_turn % p->nslots];
    return s && s->state == SLOT_READY && s->turn == p->next_turn ? s : NULL;
}

lane *schedule_lane(pipert *p, int64_t turn) {
    return &p->lanes[(p->first_batch + turn * p->options.world) % p->nlanes];
}

int64_t schedule_turn(const pipert *p, const lane *l, int64_t position) {
    int64_t number = position / p->batch * p->nlanes + l->number;
    return (number - p->first_batch) / p->options.world;
}

static void size_of_batch(pipert *p, int64_t turn, int64_t number, int64_t *rows,
                          int64_t *real) {
    int last = p->feature->last;
    *rows = *real = p->batch;
    if (p->fixed && p->steps >= 0) {            /* the places go on from the start */
        if (number >= p->steps && last == PL_LAST_PAD) *real = 0;
    } else if (p->fixed && last != PL_LAST_WRAP) {
        *real = p->places - number * p->batch;
        if (*real > *rows) *real = *rows;
        if (*real < 0) *real = 0;
    } else if (!p->fixed && schedule_lane(p, turn)->last_turn == turn) {
        *real = schedule_lane(p, turn)->last_rows;
    }
    if (last == PL_LAST_PARTIAL) *rows = *real;
}

slot *schedule_slot(pipert *p, int64_t turn) {
    slot *s = schedule_opened(p, turn);
    bool ahead = p->fixed && turn >= p->turns;
    int64_t number = p->first_batch + turn * p->options.world, rows, real;
    if (s) return s;
    if (!room_for(p, turn)) return NULL;
    if (ahead) number = p->options.rank + (turn - p->turns) * p->options.world;
    s = p->by_turn[turn % p->nslots] = p->free_slots[--p->nfree];
    if (p->nslots - p->nfree > p->used_most) p->used_most = p->nslots - p->nfree;
    size_of_batch(p, turn, number, &rows, &real);
    slot_open(p, s, turn, number, rows, real);
    s->order = schedule_order(p, p->epoch + ahead);
    if (!p->fixed) {
        s->lane_place = schedule_lane(p, turn)->places;
        s->lane_event = 0;
    }
    return s;
}

/* Wakes the caller, if its batch is there and it was not woken for so long: a wake-up
 * costs as much as a quick batch, so several of those are told together. Who told
 * nothing does so before it sleeps, or after its next step. */
static void tell(pipert *p, int64_t patience) {
    int64_t now;
    if (!p->waiting || !schedule_ready(p)) return;
    now = plat_now();
    if (now - p->told < patience) return;
    p->told = now;
    p->waiting = false;
    schedule_wake(p, WAKE_CALLER);
}

static void finish_slot(worker *w, slot *s) {
    pipert *p = w->p;
    int64_t now;
    s->state = SLOT_FINISHING;
    schedule_unlock(p);
    slot_finish(w, s);
    plat_lock(&p->lock);
    s->taken = (int64_t)s->out.used;
    if (s->taken > p->largest_out) p->largest_out = s->taken;
    if (s->taken > s->touched) {
        p->touched += s->taken - s->touched;
        s->touched = s->taken;
    }
    s->state = SLOT_READY;
    now = plat_now();
    tell(p, now - w->began > WAKE_NS ? 0 : RUN_NS);
    w->began = now;
}

void schedule_rows_done(worker *w, slot *s, int64_t n) {
    s->done += n;
    w->p->rows_made += n;
    if (s->done == s->real) finish_slot(w, s);
}

void schedule_last_rows(worker *w, slot *s, const lane *l) {
    s->real = l->last_rows;
    if (w->p->feature->last == PL_LAST_PARTIAL) s->rows = s->real;
    schedule_rows_done(w, s, 0);
}

/* ---- planning ---- */
static int64_t run_size(const pipert *p) {
    int64_t n = RUN_NS / (p->ns_per_record > 0 ? p->ns_per_record : 1);
    int64_t bytes = p->source.reads ? p->typical : 0;
#ifdef PIPERT_HOSTILE
    return 1 + p->serial % 7;
#endif
    if (bytes && n > p->run_bytes / bytes) n = p->run_bytes / bytes;
    return n < 1 ? 1 : n > p->run_most ? p->run_most : n;
}

static run *free_run(pipert *p) {
    for (int i = 0; i < p->nruns; i++)
        if (p->runs[i].state == RUN_FREE) return &p->runs[i];
    return NULL;
}

static void new_run(pipert *p, run *r, const epoch_order *order, int64_t first,
                    int64_t most) {
    r->order = order;
    r->first = first;
    r->count = run_size(p);
    if (r->count > most) r->count = most;
    r->at = r->read = r->nfailed = 0;
    r->serial = p->serial++;
    r->state = p->source.reads && r->count ? RUN_PLANNED : RUN_READY;
}

static bool plan_fixed(pipert *p) {
    run *r = free_run(p);
    slot *s;
    if (!r || p->plan_turn >= p->turns + p->ahead ||
        !(s = schedule_slot(p, p->plan_turn)))
        return false;
    new_run(p, r, s->order, s->number * p->batch + p->plan_row, s->real - p->plan_row);
    r->slot = s;
    r->row = p->plan_row;
    p->plan_row += r->count;
    if (p->plan_row == s->real) p->plan_row = 0, p->plan_turn++;
    return true;
}

/* Whether the lane has places left to plan, and may. */
static bool lane_wants(const pipert *p, const lane *l) {
    int quota = p->nruns / p->nlanes;
    if (l->sealed || l->runs >= (quota > 1 ? quota : 1)) return false;
    if (l->bads.n > BADS_WAITING) return false;
    if (l->planned < l->places || l->last_row >= 0) return true;
    return l->wrapping && l->ticket == l->sequence;
}

static bool plan_kept(pipert *p) {
    run *r = free_run(p);
    lane *best = NULL;
    for (int i = 0; r && i < p->nlanes; i++) {
        lane *l = &p->lanes[i];
        if (!lane_wants(p, l)) continue;
        if (!best || l->position / p->batch < best->position / p->batch) best = l;
    }
    if (!best) return false;
    new_run(p, r, schedule_order(p, p->epoch), best->planned,
            best->places - best->planned % best->places);
    r->lane = best;
    r->sequence = best->sequence++;
    r->begun = r->entered = false;
    r->enter = 0;
    r->memory = p->free_scratch;
    p->free_scratch = r->memory->next;
    best->planned += r->count;
    best->runs++;
    return true;
}

/* In batch mode, a wave of runs is read, then computed, then the next begins,
 * though lanes that are ahead may still wait for slots. */
static void plan(pipert *p) {
    if (p->options.mode == PIPERT_BATCH_MODE)
        for (int i = 0; i < p->nruns; i++)
            if (p->runs[i].state != RUN_FREE && p->runs[i].state < RUN_ENTERED) return;
    while (p->fixed ? plan_fixed(p) : plan_kept(p)) continue;
}

/* ---- choosing ---- */
static bool placeable(pipert *p, const run *r) {
    int64_t position = r->start + r->placed, turn = schedule_turn(p, r->lane, position);
    return r->placed == r->nrows || position < r->lane->first_row ||
           schedule_opened(p, turn) || room_for(p, turn);
}

static run *first_in(pipert *p, run_state state) {
    run *best = NULL;
    for (int i = 0; i < p->nruns; i++) {
        run *r = &p->runs[i];
        if (r->state != state || (best && best->serial < r->serial)) continue;
        if (state != RUN_TICKETED || placeable(p, r)) best = r;
    }
    return best;
}

static run *pick(pipert *p, bool reader) {
    bool by_stage = p->options.mode == PIPERT_BATCH_MODE;
    run *r = NULL;
    if (!p->running) return NULL;
    plan(p);
    if (reader && schedule_memory(p) > p->options.memory && first_in(p, RUN_READY))
        return NULL;
    if (reader || by_stage) r = first_in(p, RUN_PLANNED);
    if (reader || r) return r;
    if (by_stage && first_in(p, RUN_READING)) return NULL;
    if (!p->fixed) r = first_in(p, RUN_TICKETED);
    if (!r) r = first_in(p, RUN_READY);
    return r ? r : first_in(p, RUN_PLANNED);
}

/* ---- reading ---- */
/* place: of the epoch, before `skip` */
static int64_t index_at(const pipert *p, const epoch_order *order, int64_t place) {
    uint64_t at = (uint64_t)place;
    if (p->feature->has_sample)
        return (int64_t)order_sample_at((uint64_t)p->source.count, order->key, at);
    return p->feature->shuffle ? (int64_t)order_shuffle_at(&order->shuffle, at) : place;
}

/* last = wrap goes on from the start. */
int64_t schedule_place(const pipert *p, const run *r, int64_t place) {
    if (p->fixed) return place % p->places + p->skip;
    return place % r->lane->places * p->nlanes + r->lane->number + p->skip;
}

int64_t schedule_index(const pipert *p, const run *r, int64_t place) {
    return index_at(p, r->order, schedule_place(p, r, place));
}

static void number_records(pipert *p, run *r, int64_t from, int64_t n) {
    int64_t places = p->fixed ? p->places : r->lane->places;
    int64_t step = p->fixed ? 1 : p->nlanes, offset = p->fixed ? 0 : r->lane->number;
    int64_t place = places ? (r->first + from) % places : 0;
    for (int64_t i = 0; i < n; i++) {
        r->index[i] = index_at(p, r->order, place * step + offset + p->skip);
        if (++place == places) place = 0;       /* last = wrap */
    }
}

/* Of what a run has read, ahead and where its records needed it, as it is now. */
static void count_input(pipert *p, run *r) {
    int64_t now = (int64_t)source_reader_bytes(&r->reader) + r->kept_bytes;
    p->input_bytes += now - r->input_bytes;
    r->input_bytes = now;
    p->bytes_read += r->reader.bytes;
    r->reader.bytes = 0;
}

/* What the records of a run needed that was not read ahead. */
static void count_needed(pipert *p, run *r) {
    int64_t n = r->read - r->at;
    if (!p->parts || !n) return;
    p->typical += r->reader.bytes / n / 4;
    count_input(p, r);
}

/* Lock not held. */
static void read_run(pipert *p, run *r) {
    int64_t n = r->count - r->at, began = p->profile ? plat_now() : 0;
    int64_t thread = p->profile ? plat_thread_now() : 0;
    if (p->fixed && !p->source.reads && n > CHUNK) n = CHUNK;
    source_reader_reset(&r->reader);
    number_records(p, r, r->at, n);
    if (p->cache) n = cache_look(p, r, n);
    if (n && !r->nkept)
        n = source_read(&p->source, &r->reader, r->index, n, r->values);
    r->read = r->at + n;
    if (p->profile && r->read > r->at)
        profile_read(p->profile, began, thread, r->reader.bytes, r->read - r->at);
}

static void do_read(worker *w, run *r) {
    pipert *p = w->p;
    int64_t n, start;
    r->state = RUN_READING;
    schedule_unlock(p);
    start = plat_now();
    read_run(p, r);
    start = plat_now() - start;
    plat_lock(&p->lock);
    n = r->read - r->at;
    p->reading_ns += start;
    r->state = RUN_READY;
    p->typical = (p->typical * 3 + (r->reader.bytes + r->kept_bytes) / n) / 4;
    count_input(p, r);
}

/* ---- computing ---- */
static void measure(pipert *p, int64_t ns, int64_t records) {
    if (!records) return;
    p->tally.runs++;
    p->tally.records += (double)records;
    p->tally.ns += (double)ns;
    p->tally.squares += (double)ns * (double)ns / (double)records;
    ns /= records;
    p->ns_per_record = p->ns_per_record ? (p->ns_per_record * 3 + ns) / 4 : ns;
}

/* The records that were read are through. */
static void forget_input(pipert *p, run *r) {
    if (r->nkept) cache_forget(p, r);
    p->input_bytes -= r->input_bytes;
    r->input_bytes = 0;
    r->at = r->read;
}

static void compute_fixed(worker *w, run *r) {
    pipert *p = w->p;
    if (r->read == r->at) read_run(p, r);
    for (;;) {
        fixed_compute(w, r);
        if (r->read == r->count || p->source.reads || schedule_pauses(w)) return;
        r->at = r->read;
        read_run(p, r);
    }
}

static void do_fixed(worker *w, run *r) {
    pipert *p = w->p;
    int64_t start, at = r->at;
    r->state = RUN_WORKING;
    schedule_unlock(p);
    start = plat_now();
    compute_fixed(w, r);
    start = plat_now() - start;
    plat_lock(&p->lock);
    count_needed(p, r);
    forget_input(p, r);
    measure(p, start, r->at - at);
    if (r->at < r->count) {
        r->state = p->source.reads ? RUN_PLANNED : RUN_READY;
        return;
    }
    r->slot->nfailed += r->nfailed;
    bad_move(&r->slot->bads, &r->bads);
    r->state = RUN_FREE;
    schedule_rows_done(w, r->slot, r->count);
}

static void do_enter(worker *w, run *r) {
    pipert *p = w->p;
    int64_t start, at = r->enter;
    r->state = RUN_WORKING;
    schedule_unlock(p);
    start = plat_now();
    if (r->read == r->at) read_run(p, r);
    kept_enter(w, r);
    start = plat_now() - start;
    plat_lock(&p->lock);
    count_needed(p, r);
    measure(p, start, r->enter - at);
    r->state = RUN_ENTERED;
    kept_tickets(w, r->lane);
}

static void end_run(worker *w, run *r) {
    pipert *p = w->p;
    schedule_unlock(p);
    kept_end(w, r);
    plat_lock(&p->lock);
    r->memory->next = p->free_scratch;
    p->free_scratch = r->memory;
    r->memory = NULL;
    r->state = RUN_FREE;
    if (!--r->lane->runs && r->lane->sealed) schedule_wake(p, WAKE_CALLER);
}

static void do_place(worker *w, run *r) {
    pipert *p = w->p;
    r->state = RUN_WORKING;
    if (!kept_place(w, r)) {
        r->state = RUN_TICKETED;        /* until there is a slot */
        return;
    }
    r->state = RUN_WORKING;
    if (!r->entered) {
        r->state = RUN_READY;
        return;
    }
    count_needed(p, r);
    forget_input(p, r);
    if (r->at == r->count) end_run(w, r);
    else r->state = p->source.reads ? RUN_PLANNED : RUN_READY;
}

/* ---- threads ---- */
static void compute(worker *w, run *r) {
    w->call.key = r->order->key;
    w->call.reused_key = r->order->reused_key;
    if (w->p->fixed) do_fixed(w, r);
    else if (r->state == RUN_TICKETED) do_place(w, r);
    else do_enter(w, r);
}

/* Wakes who could help now; each that wakes wakes the next. A reader is worth its
 * wake-up only for several runs, or when the workers would soon have to read. */
static void wake_helpers(pipert *p, const run *mine) {
    int planned = 0, ready = 0;
    if (!p->sleeping && !p->sleeping_readers) return;
    for (int i = 0; i < p->nruns; i++) {
        const run *r = &p->runs[i];
        if (r == mine) continue;
        planned += r->state == RUN_PLANNED;
        ready += r->state == RUN_READY || (r->state == RUN_TICKETED && placeable(p, r));
    }
    if (ready || (planned && p->options.mode != PIPERT_BATCH_MODE))
        schedule_wake(p, WAKE_WORKER);
    if (planned && (ready < p->active || 2 * planned >= p->nruns))
        schedule_wake(p, WAKE_READER);
}

/* One piece of work; false if there is none. Lock held. */
bool schedule_step(worker *w) {
    pipert *p = w->p;
    run *r = pick(p, w->reader);
    if (!r) return false;
    w->began = plat_now();
    wake_helpers(p, r);
    if (r->state == RUN_PLANNED) {
        do_read(w, r);
        if (w->reader || p->options.mode == PIPERT_BATCH_MODE) wake_helpers(p, NULL);
        else if (p->running) compute(w, r);
    } else {
        compute(w, r);
    }
    tell(p, RUN_NS);
    if (!p->running) schedule_wake(p, WAKE_CALLER);
    return true;
}

static void sleep_on(worker *w, plat_cond *on, int64_t *counter) {
    pipert *p = w->p;
    w->idle = counter;
    w->asleep = plat_now();
    tell(p, 0);
    schedule_sleep(p, on, -1);
    *counter += plat_now() - w->asleep;
    w->asleep = 0;
}

static void sleep_worker(worker *w) {
    pipert *p = w->p;
    int *sleeping = w->reader ? &p->sleeping_readers : &p->sleeping;
    bool reading = first_in(p, RUN_READING) != NULL;
    ++*sleeping;
    if (w->reader) sleep_on(w, &p->read, &p->idle_readers_ns);
    else sleep_on(w, &p->work, reading ? &p->idle_read_ns : &p->idle_full_ns);
    --*sleeping;
}

static bool is_spare(const worker *w) {
    const pipert *p = w->p;
    if (w->reader) return w - p->readers >= p->active_readers;
    return w - p->workers >= p->active;
}

/* Who was woken for work, and is spare by now, wakes another. */
static void park(worker *w) {
    pipert *p = w->p;
    schedule_wake(p, w->reader ? WAKE_READER : WAKE_WORKER);
    sleep_on(w, &p->parked, w->reader ? &p->idle_readers_ns : &p->parked_ns);
}

void schedule_thread(void *argument) {
    worker *w = argument;
    plat_lock(&w->p->lock);
    while (!atomic_load(&w->p->stop))
        if (is_spare(w)) park(w);
        else if (!schedule_step(w)) sleep_worker(w);
    schedule_unlock(w->p);
}
