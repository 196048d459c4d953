#include "internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Times are in ticks of a clock that costs little to read, and made ns at the end. */
typedef struct heard { int64_t ticks, elements, asked; bool here; } heard;

struct recorder {
    profile *profile;
    recorder *next;
    heard *section;             /* of the record that is listened to */
    int running;                /* section; -1: none yet */
    int64_t begun, last;        /* ticks */
    worker *worker;
    int64_t gap;                /* calls up to the next that is timed, it included */
    int64_t untold;             /* calls before these that the profile does not know yet */
    uint64_t chance;
    bool hears;                 /* else the call is timed as a whole */
    int64_t price;              /* ticks of being told, which count for nobody */
    int64_t every, nheard, took;
    double tick;                /* ns */
};

static int64_t ticks(void) {
#if defined __x86_64__
    return (int64_t)__builtin_ia32_rdtsc();
#else
    return plat_now();
#endif
}

/* ---- points ---- */
static void thin(profile_points *p) {
    p->n /= 2;
    for (int64_t i = 0; i < p->n; i++) p->at[i] = p->at[2 * i];
    p->stride *= 2;
}

static bool add_point(profile_points *p, profile_point point) {
    if (!p->stride) p->stride = 1;
    if (p->seen++ % p->stride) return true;
    if (p->n == PROFILE_POINTS) thin(p);
    if (p->n == p->room) {
        int64_t room = p->room ? 2 * p->room : 256;
        profile_point *at = realloc(p->at, (size_t)room * sizeof *at);
        if (!at) return false;
        p->at = at;
        p->room = room;
    }
    p->at[p->n++] = point;
    return true;
}

static void add(profile *p, profile_section *s, double ns, double elements) {
    s->records++;
    s->ns += ns;
    s->elements += elements;
    if (!add_point(&s->points, (profile_point){elements, ns})) p->full = true;
}

profile *profile_new(const pl_feature *f) {
    profile *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->feature = f;
    p->section = calloc((size_t)f->nsections + 1, sizeof *p->section);
    if (p->section && !plat_mutex_init(&p->lock)) return p;
    free(p->section);
    free(p);
    return NULL;
}

profile *profile_of(pipert *p) {
    if (!p->profile) p->profile = profile_new(p->feature);
    return p->profile;
}

void profile_free(profile *p) {
    if (!p) return;
    for (int i = 0; i < p->feature->nsections; i++) free(p->section[i].points.at);
    free(p->read.points.at);
    free(p->plain.at);
    free(p->section);
    plat_mutex_fini(&p->lock);
    free(p);
}

void profile_read(profile *p, int64_t since, int64_t thread_since, int64_t bytes,
                  int64_t records) {
    int64_t ns = plat_now() - since, cpu = plat_thread_now() - thread_since;
    plat_lock(&p->lock);
    p->read_cpu_ns += (double)cpu;
    add(p, &p->read, (double)ns / (double)records, (double)bytes / (double)records);
    p->read.records += records - 1;
    plat_unlock(&p->lock);
}

/* ---- listening ---- */
static void listen(pl_call *call, int32_t section, int64_t elements) {
    recorder *r = ((worker *)(void *)call)->recorder;
    int64_t now = ticks();
    bool branch = r->profile->feature->sections[section].kind == PL_SECTION_BRANCH;
    if (r->running >= 0 && !branch)
        r->section[r->running].ticks += now - r->last - r->price;
    r->section[section].elements += elements;
    r->section[section].here = true;
    if (branch) r->section[section].asked++;
    else r->running = section;
    r->last = ticks();
}

/* The least of several tries: what else happens makes it longer. */
static int64_t price_of(worker *w, recorder *r) {
    int64_t least = INT64_MAX;
    void (*volatile tell)(pl_call *, int32_t, int64_t) = listen;
    w->recorder = r;
    for (int i = 0; i < 200 && r->profile->feature->nsections; i++) {
        int64_t before = ticks(), price;
        tell(&w->call, 0, 0);
        price = r->last - before;
        if (price < least) least = price;
    }
    r->running = -1;
    r->section[0] = (heard){0};
    return least == INT64_MAX ? 0 : least / 2;
}

static double tick_of_clock(void) {
    int64_t ns = plat_now(), from = ticks();
    while (plat_now() - ns < 2000000) continue;
    return (double)(plat_now() - ns) / (double)(ticks() - from);
}

int64_t profile_calls(const profile *p) {
    int64_t n = p->calls;
    for (const recorder *r = p->recorders; r; r = r->next)
        n += r->untold + r->gap - 1 - r->worker->unheard;
    return n;
}

recorder *recorder_new(profile *p, worker *w) {
    recorder *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->profile = p;
    r->section = calloc((size_t)p->feature->nsections + 1, sizeof *r->section);
    if (!r->section) return free(r), NULL;
    r->running = -1;
    r->every = PROFILE_EVERY;
    r->worker = w;
    r->gap = 1;
    w->unheard = 0;
    r->tick = tick_of_clock();
    r->price = price_of(w, r);
    r->next = p->recorders;
    p->recorders = r;
    return r;
}

void recorder_free(recorder *r) {
    if (!r) return;
    free(r->section);
    free(r);
}

/* If calls cost little they are timed seldom, once there are enough; decided for all of
 * them, so that each has the same chance. */
static void choose_period(recorder *r, int64_t took) {
    enum { LITTLE = 4000, LEAST = 500, ENOUGH = 1000 };     /* ns, ns; calls */
    double mean;
    if (r->nheard > ENOUGH) return;
    r->took += took;
    mean = (double)r->took * r->tick / (2. * ENOUGH);
    if (r->nheard == ENOUGH && mean < LITTLE)
        r->every = mean < LEAST ? PROFILE_SELDOM : PROFILE_RARELY;
}

/* Gaps differ by chance, as records may come in turns. */
static void choose_gap(worker *w, recorder *r) {
    r->untold += r->gap;
    r->chance = r->chance * UINT64_C(6364136223846793005) + 1442695040888963407;
    r->gap = 1 + (int64_t)((r->chance >> 32) % (uint64_t)r->every);
    w->unheard = r->gap - 1;
}

bool recorder_hears(const worker *w) {
    return w->recorder &&
           !atomic_load_explicit(&w->recorder->profile->off, memory_order_relaxed);
}

void recorder_skip(worker *w, int64_t calls) {
    if (w->recorder) w->recorder->untold += calls;
}

void recorder_begin(worker *w) {
    recorder *r = w->recorder;
    choose_gap(w, r);
    if (!recorder_hears(w)) return;
    w->heard = true;
    r->hears = !(r->chance >> 63) || !r->nheard;
    w->call.section = r->hears ? listen : NULL;
    r->running = -1;
    r->begun = r->last = ticks();
}

static void end_heard(recorder *r, int64_t now, int verdict) {
    profile *p = r->profile;
    if (r->running >= 0) r->section[r->running].ticks += now - r->last;
    for (int i = 0; i < p->feature->nsections; i++) {
        heard *h = &r->section[i];
        if (!h->here) continue;
        p->section[i].asked += h->asked;
        add(p, &p->section[i], (double)h->ticks * r->tick, (double)h->elements);
        p->section[i].rejected += verdict == PL_REJECTED && i == r->running;
        *h = (heard){0};
    }
    p->heard++;
    r->nheard++;
}

void recorder_end(worker *w, int verdict) {
    recorder *r = w->recorder;
    int64_t now;
    w->heard = false;
    now = ticks();
    w->call.section = NULL;
    plat_lock(&r->profile->lock);
    r->profile->calls += r->untold;
    r->untold = 0;
    if (r->hears) end_heard(r, now, verdict);
    else if (!add_point(&r->profile->plain,
                        (profile_point){0, (double)(now - r->begun) * r->tick}))
        r->profile->full = true;
    plat_unlock(&r->profile->lock);
    choose_period(r, now - r->begun);
}

void recorder_level(worker *w, int level, int verdict) {
    profile *p = w->recorder ? w->recorder->profile : NULL;
    if (!p || p->feature->levels < 2) return;
    plat_lock(&p->lock);
    p->entered[level]++;
    p->kept[level] += verdict == PL_OK;
    plat_unlock(&p->lock);
}

/* ---- fits ---- */
/* Sizes that differ by no more of their mean say nothing of other sizes: then all grows
 * with the elements. */
static const double ALIKE = .01;

static profile_line least_squares(const profile_points *p, const bool *out) {
    double n = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0, far;
    profile_line line = {0};
    for (int64_t i = 0; i < p->n; i++) {
        if (out[i]) continue;
        n++;
        x += p->at[i].elements;
        y += p->at[i].ns;
    }
    if (!n) return line;
    x /= n, y /= n;
    for (int64_t i = 0; i < p->n; i++) {
        double dx = p->at[i].elements - x, dy = p->at[i].ns - y;
        if (out[i]) continue;
        xx += dx * dx, xy += dx * dy, yy += dy * dy;
    }
    line.points = (int64_t)n;
    if (xx <= n * x * x * ALIKE * ALIKE) {
        line.b = x > 0 ? y / x : 0;
        line.a = x > 0 ? 0 : y;
        return line;
    }
    line.b = xy / xx;
    line.a = y - line.b * x;
    far = yy - line.b * xy;
    line.r2 = yy > 0 ? 1 - far / yy : 1;
    return line;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What lies more than five median distances off the line: an interrupt, a page fault. */
static bool drop_far(const profile_points *p, profile_line line, bool *out, double *off) {
    bool dropped = false;
    double most;
    for (int64_t i = 0; i < p->n; i++)
        off[i] = fabs(p->at[i].ns - line.a - line.b * p->at[i].elements);
    qsort(off, (size_t)p->n, sizeof *off, ascending);
    most = 5 * off[p->n / 2];
    for (int64_t i = 0; i < p->n; i++) {
        bool far = fabs(p->at[i].ns - line.a - line.b * p->at[i].elements) > most;
        dropped |= far != out[i];
        out[i] = far;
    }
    return dropped;
}

profile_line profile_fit(const profile_points *p) {
    bool *out = calloc((size_t)p->n + 1, sizeof *out);
    double *off = calloc((size_t)p->n + 1, sizeof *off);
    profile_line line = {0};
    if (out && off && p->n) line = least_squares(p, out);
    for (int round = 0; out && off && p->n > 8 && round < 5; round++) {
        if (!drop_far(p, line, out, off)) break;
        line = least_squares(p, out);
    }
    free(out);
    free(off);
    return line;
}

double profile_mean(const profile_points *p) {
    enum { STRETCHES = 15, EACH = 8 };
    double mean[STRETCHES];
    int64_t n = p->n < STRETCHES * EACH ? 1 : STRETCHES;
    if (!p->n) return 0;
    for (int64_t k = 0; k < n; k++) {
        int64_t from = p->n * k / n, to = p->n * (k + 1) / n;
        mean[k] = 0;
        for (int64_t i = from; i < to; i++) mean[k] += p->at[i].ns / (double)(to - from);
    }
    qsort(mean, (size_t)n, sizeof *mean, ascending);
    return mean[n / 2];
}
