/* The controller's hands: measures an interval, lets control.c decide, and applies that.
 * All of it in the caller's thread, when it asks for a batch and while it waits for one,
 * a few times a second at most; a caller that does neither asks for nothing. */
#include "internal.h"
#include <string.h>

/* ---- what the caller asks for ---- */
/* So much longer than usual, and than an interval: it does something else. */
enum { PAUSE = 8 };

void demand_asks(demand *d, int64_t now, int64_t interval) {
    int64_t gap = now - d->left, most = PAUSE * d->typical;
    if (!d->waits) d->waits = now;
    if (!d->left) return;
    d->left = 0;
    if (gap <= interval || gap <= most) {
        d->gaps++;
        d->gap_ns += gap;
        d->gap_squares += (double)gap * (double)gap;
    }
    d->typical = d->typical ? (3 * d->typical + (gap < most ? gap : most)) / 4 : gap;
}

void demand_gets(demand *d, int64_t now, int status) {
    if (status == PIPERT_AGAIN) return;         /* it still wants one */
    d->wait_ns += now - d->waits;
    d->waits = 0;
    if (status != PIPERT_OK) return;
    d->batches++;
    d->left = now;
}

static int64_t waited(const demand *d, int64_t now) {
    return d->wait_ns + (d->waits ? now - d->waits : 0);
}

/* ---- applying ---- */
/* Who works no longer finds out when it is through, or woken. */
static void apply(pipert *p) {
    control_setting to = p->control.now;
    p->active = p->all ? p->nworkers : to.threads;
    p->active_readers = p->all ? p->nreaders : to.readers;
    p->ahead_now = to.ahead;
    plat_wake_all(&p->parked);
    schedule_wake(p, WAKE_WORKERS | WAKE_READERS);
}

static int least(int a, int b) { return a < b ? a : b; }

void adjust_start(pipert *p) {
    enum { AHEAD = 8, READERS = 2 };
    int ahead = least(p->ahead_limit, p->nslots), few = AHEAD;
    control_setting most = {p->nworkers, p->nreaders, ahead}, little;
    if (few < 2 * p->nlanes) few = 2 * p->nlanes;
    little = (control_setting){1, least(READERS, p->nreaders), least(few, ahead)};
    control_init(&p->control, little, most);
    p->control.now.ahead = least(p->ahead_most, p->nslots);
    p->due = INT64_MAX;
    p->all = true;
    if (p->options.mode == PIPERT_STREAMING)
        p->control_ns = (int64_t)(p->options.control_interval * 1e9);
    apply(p);
}

/* ---- measuring ---- */
/* Sleeps count up to now, though they go on. */
void adjust_settle_idle(pipert *p, int64_t now) {
    for (int i = 0; i < p->nworkers; i++) {
        worker *w = &p->workers[i];
        if (!w->asleep) continue;
        *w->idle += now - w->asleep;
        w->asleep = now;
    }
}

static marks mark_now(pipert *p, int64_t now) {
    adjust_settle_idle(p, now);
    return (marks){now, waited(&p->demand, now), p->idle_read_ns, p->idle_full_ns,
                   p->parked_ns, p->reading_ns, p->rows_made, p->demand, p->tally};
}

static void begin_interval(pipert *p, int64_t now) {
    p->marks = mark_now(p, now);
    p->due = now + p->control_ns;
}

static double between(int64_t from, int64_t to) { return (double)(to - from) / 1e9; }

/* Squared: variance by the square of the mean, of n values with this sum. */
static double variation(double n, double sum, double squares) {
    if (n < 2 || sum <= 0) return 0;
    squares = n * squares / (sum * sum) - 1;
    return squares > 0 ? squares : 0;
}

/* Of a batch's work, from that of runs: records are taken to vary by themselves. */
static double work_variation(const pipert *p, const tally *from, const tally *to) {
    double runs = to->runs - from->runs, n = to->records - from->records;
    double ns = to->ns - from->ns, each = to->squares - from->squares, v;
    if (runs < 2 || ns <= 0) return 0;
    v = (each - ns * ns / n) / (runs - 1) / (ns / n * ns / n) / (double)p->batch;
    return v > 0 ? v : 0;
}

static control_measure measure(const pipert *p, const marks *a, const marks *b) {
    double batch = (double)p->batch, runs = b->tally.runs - a->tally.runs;
    const demand *d = &a->demand, *e = &b->demand;
    control_measure m = {
        .taken = (double)(e->gaps - d->gaps),
        .waited = between(a->waited, b->waited),
        .computed = between(d->gap_ns, e->gap_ns),
        .made = (double)(b->rows - a->rows) / batch,
        .for_input = between(a->idle_read, b->idle_read),
        .for_room = between(a->idle_full, b->idle_full),
        .reading = between(a->reading, b->reading)};
    m.busy = p->nworkers * between(a->at, b->at) - m.for_input - m.for_room -
             between(a->parked, b->parked);
    m.variation = work_variation(p, &a->tally, &b->tally) +
                  variation(m.taken, m.computed * 1e9, e->gap_squares - d->gap_squares);
    if (runs > 0) m.piece = (b->tally.records - a->tally.records) / runs / batch;
    return m;
}

/* A few batches, or that there are none though they are wanted. */
static bool enough(const control_measure *m) {
    return m->taken >= 4 || m->waited > m->computed;
}

/* ---- the interval is over ---- */
#ifdef PIPERT_RANDOM_CONTROL
/* For tests: at any time anything may be decided. */
static int any(int64_t chance, int least, int most) {
    return least + (int)((uint64_t)chance % (uint64_t)(most - least + 1));
}

static bool decide_at_random(pipert *p, int64_t now) {
    const control *c = &p->control;
    int64_t n = (int64_t)(order_mix64((uint64_t)now) >> 1);
    if (!p->control_ns) return false;
    p->all = false;
    p->control.now = (control_setting){
        any(n, c->least.threads, c->most.threads),
        any(n >> 8, c->least.readers, c->most.readers),
        any(n >> 16, c->least.ahead, c->most.ahead)};
    apply(p);
    return true;
}
#else
static bool decide_at_random(pipert *p, int64_t now) { return (void)p, (void)now, false; }
#endif

/* Lock held, given up while the log is told. */
static void decide(pipert *p, const control_measure *m) {
    char text[400];
    control_outcome done = control_step(&p->control, m);
    if (!done) return;
    control_explain(&p->control, done, text, sizeof text);
    if (done != CONTROL_HELD) apply(p);
    if (!p->options.log) return;
    schedule_unlock(p);
    log_text(p, PIPERT_LOG_INFO, "%s", text);
    plat_lock(&p->lock);
}

void adjust_look(pipert *p, int64_t now) {
    marks end;
    control_measure m;
    if (decide_at_random(p, now) || now < p->due) return;
    if (p->all) {
        p->all = false;
        apply(p);
        begin_interval(p, now);
        return;
    }
    end = mark_now(p, now);
    m = measure(p, &p->marks, &end);
    p->due = now + p->control_ns;
    if (!enough(&m)) return;
    p->marks = end;
    decide(p, &m);
}

void adjust_epoch(pipert *p) {
    p->all = true;
    p->due = INT64_MAX;
    apply(p);
}

void adjust_taken(pipert *p, int64_t now) {
    if (p->all && p->due == INT64_MAX && p->control_ns) begin_interval(p, now);
}
