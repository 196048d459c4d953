#include "control.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define STALL .01               /* less is no stall */
#define STALL_AT_ONCE .05       /* more is one, whatever the interval before was */
#define STALL_BADLY .25
#define HICCUP .25              /* seconds that the batches ahead always last */
#define HELPED 1.03
#define RARELY 6.9              /* ln 1000: how often the batches ahead run out */
enum { TRIAL_MORE = 2, TRIAL_LESS = 3, REST = 16, REST_MOST = 4096, SETTLING = 8 };

/* ---- the model ---- */
/* Room for chance: a twentieth, within bounds that keep it at one thread at most. */
static double margin(double threads) { return fmin(fmax(threads / 20, .1), .4); }

static int within(double x, int least, int most) {
    return x < least ? least : x < most ? (int)x : most;
}

static int threads_for(const control *c, double need) {
    return within(ceil(need + margin(need)), c->least.threads, c->most.threads);
}

/* Reads take very different times, and a reader that waits costs nothing. */
static int readers_for(const control *c, double need) {
    return within(ceil(1.5 * need + .5), c->least.readers, c->most.readers);
}

/* What is in work, and what lies ready. A queue that is filled a little faster than it
 * is emptied runs out of n batches with probability exp(-2 (1 - load) n / variation). */
static int ahead_for(const control *c, const control_sample *s, int threads) {
    double load = fmin(s->threads / threads, .95);
    double chance = RARELY * s->variation / (2 * (1 - load));
    double ready = 2 + fmax(chance, HICCUP / s->gap);
    return within(ceil(ready + threads * s->piece), c->least.ahead, c->most.ahead);
}

/* Where nothing was made, it costs what the last one did, or what was spent by now. */
static double per_batch(double all, double made, double last) {
    return made >= 1 ? all / made : fmax(all, last);
}

static control_sample sample_of(const control *c, const control_measure *m) {
    const control_sample *last = &c->last[0];
    double seconds = fmax(m->waited + m->computed, 1e-9);
    control_sample s = {.stall = m->waited / seconds, .made = m->made / seconds,
                        .variation = m->variation, .piece = m->piece,
                        .for_input = m->for_input > m->for_room,
                        .for_room = m->for_room > m->busy / 20};
    s.gap = m->taken > 0 ? m->computed / m->taken : last->gap;
    s.gap = fmax(s.gap, 1e-9);
    s.cost = per_batch(m->busy, m->made, last->cost);
    s.reading = per_batch(m->reading, m->made, last->reading);
    s.threads = fmin(s.cost / s.gap, 2 * c->most.threads);      /* far more is as much */
    s.readers = s.reading / s.gap;
    return s;
}

/* ---- changes ---- */
void control_init(control *c, control_setting least, control_setting most) {
    memset(c, 0, sizeof *c);
    c->least = least;
    c->most = c->now = most;
    for (int i = 0; i < CONTROL_CAUSES; i++) c->refused[i].next = REST;
}

static control_outcome change(control *c, control_setting to, control_cause why) {
    c->before = c->now;
    c->now = to;
    c->cause = why;
    c->then = c->last[0];
    c->trial = why == CONTROL_SPARE ? TRIAL_LESS : TRIAL_MORE;
    c->nlast = c->stalls = c->quiet = 0;
    return CONTROL_CHANGED;
}

/* What has to change before it is tried again: less, if the trainer asks for something
 * else (work that got cheaper may get dearer again); more, if the need is another. */
static double reason(const control_sample *s, control_cause what) {
    return what == CONTROL_SPARE ? 1 / s->gap : s->threads;
}

static void refuse(control *c, control_cause what, const control_sample *s) {
    c->refused[what].rest = c->refused[what].next;
    if (c->refused[what].next < REST_MOST) c->refused[what].next *= 2;
    c->refused[what].reason = reason(s, what);
}

static bool alike(double a, double b) { return a < 1.25 * b && b < 1.25 * a; }

/* Twice, and not while something else is tried: that changes what threads cost. */
static bool has_changed(const control *c, control_cause what) {
    double then = c->refused[what].reason;
    return !c->trial && c->nlast > 1 && !alike(then, reason(&c->last[0], what)) &&
           !alike(then, reason(&c->last[1], what));
}

/* What rests does so for one interval less. */
static void pass(control *c) {
    if (c->quiet < SETTLING) c->quiet++;
    for (int i = 0; i < CONTROL_CAUSES; i++) {
        if (!c->refused[i].rest) continue;
        c->refused[i].rest--;
        if (!has_changed(c, (control_cause)i)) continue;
        c->refused[i].rest = 0;
        c->refused[i].next = REST;
    }
}

/* ---- did it help? ---- */
static control_outcome undo(control *c) {
    control_setting tried = c->now;
    refuse(c, c->cause, &c->then);
    c->now = c->before;
    c->before = tried;
    c->trial = c->nlast = c->quiet = 0;
    return CONTROL_UNDONE;
}

/* The first interval after a change still has what was before it. */
static control_outcome judge_more(control *c) {
    const control_sample *s = &c->last[0];
    if (--c->trial) return CONTROL_NOTHING;
    if (s->stall <= STALL || s->stall < .8 * c->then.stall ||
        s->made > HELPED * c->then.made)
        return CONTROL_HELD;
    return undo(c);
}

/* Where it waited before, for what the threads cannot help, it may. */
static control_outcome judge_less(control *c) {
    c->stalls += c->last[0].stall > fmax(STALL, 1.2 * c->then.stall);
    if (c->last[0].stall > STALL_BADLY + c->then.stall) return undo(c);
    if (c->stalls > 1) return undo(c);
    return --c->trial ? CONTROL_NOTHING : CONTROL_HELD;
}

/* ---- more ---- */
static bool free_to(const control *c, control_cause what) {
    return !c->refused[what].rest;
}

static bool twice(const control *c, double threads) {
    return c->nlast > 1 && c->last[0].threads > threads && c->last[1].threads > threads;
}

/* The threads cannot make what the trainer takes. */
static bool lacks_threads(const control *c, bool again) {
    const control_sample *s = &c->last[0];
    bool few = s->threads + margin(s->threads) > c->now.threads;
    if (c->now.threads == c->most.threads || !free_to(c, CONTROL_THREADS)) return false;
    if (twice(c, 1.05 * c->now.threads)) return true;
    return few && (again || s->stall > STALL_AT_ONCE);
}

static int double_of(int n, int most) { return n < most / 2 ? 2 * n : most; }

static control_outcome more_threads(control *c, int threads) {
    control_setting to = c->now;
    to.threads = threads > to.threads ? threads : to.threads + 1;
    refuse(c, CONTROL_SPARE, &c->last[0]);      /* they stay for a while */
    return change(c, to, CONTROL_THREADS);
}

/* What is waited for, in order of how surely it is the reason. */
static control_outcome more(control *c) {
    const control_sample *s = &c->last[0];
    control_setting to = c->now;
    bool again = c->nlast > 1 && s->stall > STALL && c->last[1].stall > STALL;
    if (lacks_threads(c, again)) return more_threads(c, threads_for(c, s->threads));
    if (!again) return CONTROL_NOTHING;
    if (s->for_input && to.readers < c->most.readers && free_to(c, CONTROL_READERS)) {
        to.readers = double_of(to.readers, c->most.readers);
        return change(c, to, CONTROL_READERS);
    }
    if (s->for_room && to.ahead < c->most.ahead && free_to(c, CONTROL_AHEAD)) {
        int due = ahead_for(c, s, to.threads), two = double_of(to.ahead, c->most.ahead);
        to.ahead = due > two ? due : two;
        return change(c, to, CONTROL_AHEAD);
    }
    if (to.threads == c->most.threads || !free_to(c, CONTROL_THREADS))
        return CONTROL_NOTHING;
    return more_threads(c, to.threads + 1);
}

/* ---- less ---- */
/* The most that any of the last intervals asks for; false: they are too few. */
static bool needs(const control *c, control_sample *most) {
    if (c->nlast < CONTROL_AGREE) return false;
    *most = c->last[0];
    for (int i = 0; i < CONTROL_AGREE; i++) {
        const control_sample *s = &c->last[i];
        most->threads = fmax(most->threads, s->threads);
        most->readers = fmax(most->readers, s->readers);
        most->variation = fmax(most->variation, s->variation);
        most->gap = fmin(most->gap, s->gap);
    }
    return true;
}

/* Twice the margin, so that it is not wanted back at once; and once all has settled, only
 * if the need has fallen. */
static bool spares_threads(const control *c, double need) {
    double room = 2 * margin(need);
    if (c->quiet == SETTLING) room += fmax(need / 20, .1);
    return ceil(need + room) < c->now.threads;
}

static control_outcome less(control *c) {
    control_setting to = c->now;
    control_sample s;
    int readers, ahead;
    if (!free_to(c, CONTROL_SPARE) || !needs(c, &s)) return CONTROL_NOTHING;
    if (spares_threads(c, s.threads)) to.threads = threads_for(c, s.threads);
    readers = readers_for(c, s.readers);
    ahead = ahead_for(c, &s, to.threads);
    if (4 * readers <= 3 * to.readers) to.readers = readers;
    if (2 * ahead <= to.ahead) to.ahead = ahead;
    if (!memcmp(&to, &c->now, sizeof to)) return CONTROL_NOTHING;
    return change(c, to, CONTROL_SPARE);
}

control_outcome control_step(control *c, const control_measure *m) {
    control_sample s = sample_of(c, m);
    control_outcome done;
    memmove(&c->last[1], &c->last[0], sizeof c->last - sizeof c->last[0]);
    c->last[0] = s;
    if (c->nlast < CONTROL_AGREE) c->nlast++;
    pass(c);
    if (c->trial) return c->cause == CONTROL_SPARE ? judge_less(c) : judge_more(c);
    done = more(c);
    return done ? done : less(c);
}

/* ---- in words ---- */
static int step_text(char *to, const char *what, int before, int now) {
    return before == now ? 0 : sprintf(to, " %s %d to %d,", what, before, now);
}

static void changes_text(const control *c, char *to) {
    const control_setting *from = &c->before, *now = &c->now;
    char *at = to;
    at += step_text(at, "threads", from->threads, now->threads);
    at += step_text(at, "readers", from->readers, now->readers);
    at += step_text(at, "ahead", from->ahead, now->ahead);
    if (at > to) at[-1] = 0;    /* the last comma */
}

void control_explain(const control *c, control_outcome what, char *to, size_t n) {
    static const char *const why[] = {"fewer are enough",
                                      "the threads make too little",
                                      "the threads wait for reads",
                                      "the threads wait for room"};
    const control_sample *s = &c->last[0];
    char changes[160] = "";
    if (what == CONTROL_CHANGED || what == CONTROL_UNDONE)
        changes_text(c, changes);
    if (what == CONTROL_CHANGED)
        snprintf(to, n,
                 "control:%s: %s; it waits %.1f %% of its time and computes %.3f ms a "
                 "batch, which costs a thread %.3f ms: %.2f threads are needed, %.2f "
                 "reads at once", changes, why[c->cause], 100 * s->stall, 1e3 * s->gap,
                 1e3 * s->cost, s->threads, s->readers);
    else
        snprintf(to, n,
                 "control: %s%s: the trainer waits %.1f %% of its time (%.1f %% before), "
                 "%.1f batches/s are made (%.1f)",
                 what == CONTROL_HELD ? "that held" : "undone,", changes, 100 * s->stall,
                 100 * c->then.stall, s->made, c->then.made);
}
