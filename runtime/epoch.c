/* The caller's side of the schedule: epochs begin and end, batches are waited for,
 * taken and given back. */
#include "internal.h"
#include <stdlib.h>
#include <string.h>

/* ---- begin ---- */
/* Batches of this rank from batch `from` of the stream; all ranks have as many. */
static int64_t count_turns(const pipert *p, int64_t from) {
    int64_t n = p->batch, world = p->options.world, stream = p->places / n;
    int last = p->feature->last;
    bool fill = last == PL_LAST_PAD || last == PL_LAST_WRAP;
    if (last != PL_LAST_DROP && p->places % n) stream++;
    if (p->steps >= 0) stream = p->places ? p->steps : 0;
    fill = fill && (p->fixed || last == PL_LAST_WRAP);
    stream = stream > from ? stream - from : 0;
    return (stream + (fill ? world - 1 : 0)) / world;
}

/* Batches of a lane among the first `batches` of the stream. */
static int64_t lane_batches(const pipert *p, int number, int64_t batches) {
    return batches / p->nlanes + (batches % p->nlanes > number);
}

/* Lanes of other ranks stay empty: the world divides their number. */
bool schedule_knows(const pipert *p, int number) {
    return number % p->options.world == p->first_batch % p->options.world;
}

static void begin_lane(pipert *p, lane *l, int number, const saved_lane *saved) {
    int64_t before = lane_batches(p, number, p->start_batch);
    int64_t places = p->places > number ? (p->places - number - 1) / p->nlanes + 1 : 0;
    *l = (lane){.number = number, .places = places, .last_turn = -1, .skip_place = -1,
                .last_bad = -1, .last_row = -1, .batches = before};
    bad_list_init(&l->bads);
    l->sealed = true;                   /* unless something is left of it */
    if (!schedule_knows(p, number)) return;
    if (p->turns >= 0)
        l->last_row =
            lane_batches(p, number,
                         p->start_batch + p->turns * p->options.world) *
            p->batch;
    if (saved && saved->place >= 0) {
        l->position = before * p->batch;
        l->planned = l->skip_place = l->done_place = saved->place;
        l->skip_events = l->done_event = saved->event;
    } else {
        l->first_row = before * p->batch;
    }
    if (l->last_row >= 0) l->sealed = !l->places || l->position >= l->last_row;
    else l->sealed = l->planned >= l->places;
    l->empty = !l->places && l->last_row > l->position;
}

epoch_order *schedule_order(pipert *p, uint64_t epoch) { return &p->order[epoch % 2]; }

static void set_order(pipert *p, uint64_t epoch) {
    epoch_order *o = schedule_order(p, epoch);
    uint64_t reuse = (uint64_t)p->feature->reuse_random;
    o->epoch = epoch;
    o->key = order_key(p->options.seed, epoch);
    o->reused_key = order_key(p->options.seed, reuse > 0 ? epoch - epoch % reuse : epoch);
    order_shuffle_init(&o->shuffle, (uint64_t)p->source.count, o->key);
}

static void begin_making(pipert *p, const saved *from) {
    set_order(p, p->epoch);
    p->start_batch = from ? from->batches : 0;
    p->first_batch = p->start_batch + p->options.rank;
    p->next_turn = p->plan_turn = p->plan_row = 0;
    p->turns = p->fixed || p->steps >= 0 ? count_turns(p, p->start_batch) : -1;
    for (int i = 0; i < p->nlanes; i++)
        begin_lane(p, &p->lanes[i], i, from && from->nlanes ? &from->lane[i] : NULL);
    p->running = true;
    adjust_epoch(p);
}

/* The next epoch's batches follow this one's in the ring, if it is known to come.
 * Where there are lanes, the turn of the first is known too late for that. */
static void look_ahead(pipert *p) {
    if (!p->fixed || p->ended + 1 >= p->options.epochs) return;
    set_order(p, p->epoch + 1);
    p->ahead = count_turns(p, 0);
}

/* A saved state counts for the first epoch. */
static void begin_epoch(pipert *p) {
    const saved *from = p->restored;
    if (!p->running) begin_making(p, from);
    p->in_epoch = true;
    p->epoch_bad = from ? from->bad : 0;
    p->resumed = from && from->batches > 0;
    look_ahead(p);
    cache_epoch(p);
    state_forget(p);
    schedule_wake(p, WAKE_WORKERS | WAKE_READERS);
}

void schedule_begin(pipert *p) {
    plat_lock(&p->lock);
    if (!p->in_epoch) begin_epoch(p);
    schedule_unlock(p);
}

/* ---- end ---- */
static bool busy(const pipert *p) {
    for (int i = 0; i < p->nruns; i++)
        if (p->runs[i].state == RUN_READING || p->runs[i].state == RUN_WORKING)
            return true;
    for (int i = 0; i < p->nslots; i++)
        if (p->slots[i].state == SLOT_FINISHING) return true;
    return false;
}

static void free_slot(pipert *p, slot *s) {
    if (s->state == SLOT_FREE) return;
    if (s->state == SLOT_HELD) p->held--;
    slot_clear(p, s);
    s->state = SLOT_FREE;
    p->free_slots[p->nfree++] = s;
}

/* Lanes that had more than the one that ended leave runs and slots behind. */
static void clear(pipert *p) {
    for (int i = 0; i < p->nruns; i++) {
        run *r = &p->runs[i];
        bad_drop(p, &r->bads);
        p->input_bytes -= r->input_bytes;
        r->input_bytes = 0;
        if (r->nkept) cache_forget(p, r);
        if (r->state != RUN_FREE && r->memory) {
            if (r->begun) kept_end(&p->workers[0], r);
            r->memory->next = p->free_scratch;
            p->free_scratch = r->memory;
            r->memory = NULL;
        }
        r->state = RUN_FREE;
    }
    for (int i = 0; i < p->nslots; i++) {
        bad_drop(p, &p->slots[i].bads);
        if (p->slots[i].state != SLOT_HELD) free_slot(p, &p->slots[i]);
        p->by_turn[i] = NULL;
    }
    for (int i = 0; i < p->nlanes; i++) bad_drop(p, &p->lanes[i].bads);
}

/* Nothing is left of the epoch but held batches; turns are those of the next one now,
 * whose first batches are in the making. */
static void move_on(pipert *p) {
    for (int i = 0; i < p->nslots; i++) p->by_turn[i] = NULL;
    for (int i = 0; i < p->nslots; i++) {
        slot *s = &p->slots[i];
        if (s->state == SLOT_FREE || s->state == SLOT_HELD) continue;
        s->turn -= p->turns;
        p->by_turn[s->turn % p->nslots] = s;
    }
    p->plan_turn -= p->turns;
    p->turns = p->ahead;
    p->ahead = p->start_batch = 0;
    p->first_batch = p->options.rank;
}

static void stop_making(pipert *p) {
    p->running = false;
    while (busy(p)) schedule_sleep(p, &p->done, -1);
    clear(p);
}

void schedule_end_epoch(pipert *p) {
    plat_lock(&p->lock);
    if (p->ahead) move_on(p);
    else stop_making(p);
    p->in_epoch = false;
    p->epoch++;
    p->next_turn = 0;
    schedule_unlock(p);
}

void schedule_cancel(pipert *p) {
    plat_lock(&p->lock);
    stop_making(p);
    p->in_epoch = false;
    p->ahead = 0;
    p->next_turn = 0;
    schedule_unlock(p);
}

/* ---- the next batch ---- */
static lane *next_lane(pipert *p) { return schedule_lane(p, p->next_turn); }

/* Takes failures that are known to come before the next batch. With on_error =
 * fail they are complete, and sorted, only once the batch is. */
static int drain(pipert *p, lane *l, bool all) {
    bad_list bads;
    int status;
    if (!all && (p->options.on_error == PIPERT_ON_ERROR_FAIL ||
                 l->bads.n <= BADS_WAITING / 2))
        return PIPERT_OK;
    if (!l->bads.n) return PIPERT_OK;
    bad_list_init(&bads);
    bad_take(&bads, &l->bads, p->next_turn);
    schedule_unlock(p);
    status = report_bads(p, &bads, &l->last_bad);
    plat_lock(&p->lock);
    schedule_wake(p, WAKE_WORKER);
    return status;
}

static bool at_end(pipert *p) {
    const lane *l;
    if (p->turns >= 0) return p->next_turn >= p->turns;
    l = next_lane(p);
    return l->sealed && !l->runs &&
           (p->first_batch + p->next_turn) / p->nlanes >= l->batches;
}

/* A lane without rows would be gone through for ever. */
static int fail_if_empty(pipert *p) {
    for (int i = 0; i < p->nlanes; i++)
        if (p->lanes[i].empty)
            return fail_with(
                p, PIPERT_SOURCE,
                "no record of lane %d is kept, so it cannot give its part of "
                "%lld steps: use fewer lanes, or keep more records",
                i, (long long)p->steps);
    return PIPERT_OK;
}

/* What pipert_next would find now. Lock held, given up while a report is written. */
static int look(pipert *p) {
    int status = fail_if_empty(p);
    if (status) return status;
    bool end = at_end(p), ready = !end && schedule_ready(p);
    if (!p->fixed && drain(p, next_lane(p), ready || end)) return p->status;
    if (ready) return PIPERT_OK;
    if (end && p->resumed && !p->next_turn) {   /* the state was that of an end */
        schedule_unlock(p);
        schedule_end_epoch(p);
        plat_lock(&p->lock);
        begin_epoch(p);
        return look(p);
    }
    if (end) return PIPERT_END;
    return schedule_full(p) ? PIPERT_HELD : PIPERT_AGAIN;
}

/* Until there is something to see, the time has passed, or the controller is due; false:
 * the time has. */
static bool sleep_until(pipert *p, int64_t until) {
    bool first = p->due < INT64_MAX && (until < 0 || p->due < until), told;
    schedule_wake(p, WAKE_WORKER);
    p->waiting = true;
    told = schedule_sleep(p, &p->done, first ? p->due : until);
    adjust_look(p, plat_now());
    return told || first;
}

static int wait_for(pipert *p, int64_t until) {
    int status;
    if (!p->in_epoch) begin_epoch(p);
    while ((status = look(p)) == PIPERT_AGAIN) {
        if (!p->nthreads) {
            p->workers[0].until = until < 0 ? 0 : until;
            if (!schedule_step(&p->workers[0]))
                return fail_with(p, PIPERT_BUG, "the schedule has nothing to do");
            if (until >= 0 && plat_now() >= until) return look(p);
            continue;
        }
        if (!sleep_until(p, until)) return look(p);
    }
    return status;
}

/* Of a sidecar, the demand is that of its other side. */
static void begin_wait(pipert *p, int64_t now) {
    if (!p->shares) demand_asks(&p->demand, now, p->control_ns);
    adjust_look(p, now);
}

int schedule_wait(pipert *p, int64_t milliseconds) {
    int64_t start = plat_now();
    int status;
    plat_lock(&p->lock);
    begin_wait(p, start);
    status = wait_for(p, start + milliseconds * 1000000);
    schedule_unlock(p);
    p->stats.wait_ns += plat_now() - start;
    return status;
}

int schedule_next(pipert *p, slot **out) {
    int64_t start = plat_now(), now;
    int status;
    plat_lock(&p->lock);
    begin_wait(p, start);
    status = wait_for(p, -1);
    now = plat_now();
    if (!p->shares) demand_gets(&p->demand, now, status);
    if (status == PIPERT_OK) {
        adjust_taken(p, now);
        *out = schedule_ready(p);
        (*out)->state = SLOT_HELD;
        p->held++;
    }
    schedule_unlock(p);
    p->stats.wait_ns += now - start;
    return status;
}

/* Workers are woken for a good part of what they may make ahead, not for every batch; who
 * waits for one wakes them in any case. */
static void wake_for_room(pipert *p) {
    int left = p->nslots - p->held, made = left - p->nfree;
    int most = left < p->ahead_now ? left : p->ahead_now;
    if (4 * (most - made) >= most) schedule_wake(p, WAKE_WORKER);
}

void schedule_taken(pipert *p, slot *s) {
    plat_lock(&p->lock);
    if (!p->fixed) {
        next_lane(p)->done_place = s->lane_place;
        next_lane(p)->done_event = s->lane_event;
    }
    p->by_turn[p->next_turn++ % p->nslots] = NULL;
    if (!p->by_turn[p->next_turn % p->nslots])
        schedule_wake(p, WAKE_WORKER);
    if (p->nslots > p->ahead_now) wake_for_room(p);
    schedule_unlock(p);
}

/* Pages that large batches left behind go back once all together pass the budget;
 * first those that were not used for longest. */
static void trim_slots(pipert *p) {
    int64_t most = p->options.memory - p->used_most * p->dense_bytes;
    for (int i = 0; i < p->nfree && p->touched > most; i++) {
        slot *s = p->free_slots[i];
        if (!s->touched) continue;
        p->touched -= s->touched;
        arena_trim(&s->out, 0);
        s->touched = 0;
    }
}

bool schedule_release(pipert *p, slot *s) {
    bool held;
    plat_lock(&p->lock);
    held = s->state == SLOT_HELD;
    if (held) free_slot(p, s);
    trim_slots(p);
    wake_for_room(p);
    schedule_unlock(p);
    return held;
}

/* ---- what there is to know ---- */
static int64_t places_done(const pipert *p) {
    int64_t n = 0;
    if (p->fixed) n = (p->first_batch + p->next_turn * p->options.world) * p->batch;
    for (int i = 0; i < p->nlanes; i++) n += p->lanes[i].done_place * p->options.world;
    return n < p->places ? n : p->places;
}

/* Places of the other lanes that the end of one left. */
int64_t schedule_left(const pipert *p) {
    int64_t n = 0;
    const lane *ended = p->nlanes ? schedule_lane((pipert *)p, p->next_turn) : NULL;
    for (int i = 0; i < p->nlanes; i++) {
        const lane *l = &p->lanes[i];
        bool left = p->steps >= 0 ? schedule_knows(p, i) : p->nlanes > 1 && l != ended;
        if (left && l->done_place < l->places) n += l->places - l->done_place;
    }
    return n;
}

int64_t schedule_rows(const pipert *p) {
    int64_t n = p->fixed ? p->places : 0;
    for (int i = 0; i < p->nlanes; i++) n += p->lanes[i].position;
    return n;
}

void schedule_stats(pipert *p) {
    plat_lock(&p->lock);
    adjust_settle_idle(p, plat_now());
    p->stats.places = p->places;
    p->stats.places_done = p->in_epoch ? places_done(p) : 0;
    p->stats.epoch_batches = p->in_epoch ? p->turns : -1;
    p->stats.bytes_read = p->bytes_read;
    p->stats.from_cache = cache_hits(p);
    p->stats.idle_read_ns = p->idle_read_ns;
    p->stats.idle_full_ns = p->idle_full_ns;
    p->stats.memory = p->options.memory;
    p->stats.memory_used = schedule_memory(p);
    p->stats.parked_ns = p->parked_ns;
    p->stats.threads = p->nworkers;
    p->stats.active = p->active;
    p->stats.readers = p->active_readers;
    p->stats.ahead = p->ahead_now;
    p->stats.cpu = p->cpu;
    schedule_unlock(p);
}
