/* The sidecar's side: one run, for a process that started this one. Two threads: the
 * first listens, the other asks the run for batches and tells them. `lock` guards what
 * both touch; the run is the second's, but for pipert_release; `out_lock` orders what is
 * said, as workers log too. */
#include "internal.h"
#include "message.h"
#include "sidecar.h"
#include <stdlib.h>
#include <string.h>

/* How long a look for a batch lasts before the caller is heard, in milliseconds. */
enum { SLICE = 20 };

typedef struct server {
    pipert *p;
    int stream;
    message in, out;
    plat_mutex lock, out_lock;
    plat_cond change;
    plat_thread teller;
    bool telling;               /* the teller runs */
    int64_t told, taken;        /* batches and events */
    int ahead;                  /* how many may be told and not taken */
    bool waited;                /* the caller waits, for news it was not sent */
    bool paused;                /* an epoch ended, or the run: until it is waited for */
    bool full;                  /* all are held: until one is released, or waited for */
    int64_t released;           /* news that brought some back */
    bool closing;
    char *restore;              /* a state to go on from, until the teller has */
    pipert_stats restored_stats;        /* with it: what was taken before */
} server;

static void say(server *s) {
    if (message_send(s->stream, &s->out)) plat_exit();      /* nobody is there */
}

static void log_line(void *context, int level, const char *text) {
    server *s = context;
    plat_lock(&s->out_lock);
    message_begin(&s->out, SIDECAR_LOG);
    message_put_number(&s->out, level);
    message_put_text(&s->out, text);
    say(s);
    plat_unlock(&s->out_lock);
}

/* ---- start ---- */
/* Values are set as they were there, where they were found to be good. */
static void set_parameters(server *s) {
    for (;;) {
        const char *name = message_get_text(&s->in), *value;
        if (!*name) return;
        value = message_get_text(&s->in);
        if (pipert_set(s->p, name, value)) return;
    }
}

static int share(server *s) {
    s->p->shares = true;
    s->p->shared_fd = SIDECAR_MEMORY;
    if (s->p->report_path && !report_lend(s->p))
        return fail_with(s->p, PIPERT_MEMORY, "no memory");
    return pipert_start(s->p);
}

static void other_version(server *s, const char *version) {
    char why[256];
    snprintf(why, sizeof why, "the process for the feature is pipert %s, the program has "
             "%s: install both from one release", PIPERT_VERSION, version);
    message_begin(&s->out, SIDECAR_STARTED);
    message_put_number(&s->out, PIPERT_PROCESS);
    message_put_text(&s->out, why);
    say(s);
    plat_exit();
}

/* The file may be another one by now. */
static int check_feature(pipert *p, int64_t due) {
    if (p->status || (int64_t)load_fingerprint(p->feature) == due) return p->status;
    return fail_with(p, PIPERT_LOAD,
                     "%s was replaced since it was opened: load it again", p->path);
}

static int open_run(server *s) {
    pipert_options o;
    const char *version = message_get_text(&s->in), *path, *report, *cache, *state;
    int64_t caches;
    const void *options;
    int64_t due;
    if (strcmp(version, PIPERT_VERSION)) other_version(s, version);
    options = message_get(&s->in, sizeof o);
    path = message_get_text(&s->in);
    due = message_get_number(&s->in);
    report = message_get_text(&s->in);
    caches = message_get_number(&s->in);
    cache = message_get_text(&s->in);
    state = message_get_text(&s->in);
    if (s->in.bad) plat_exit();
    memcpy(&o, options, sizeof o);
    o.log = log_line, o.log_context = s;
    o.report = *report ? report : NULL;
    o.cache = caches ? cache : NULL;
    pipert_open(&s->p, path, &o);
    if (!s->p) return PIPERT_MEMORY;
    if (!check_feature(s->p, due)) set_parameters(s);
    if (!s->p->status && *state) pipert_restore(s->p, state);
    return s->p->status ? s->p->status : share(s);
}

static void put_state(server *s) {
    char state[SIDECAR_STATE] = "";
    pipert_stats stats;
    pipert_stats_get(s->p, &stats);
    pipert_save(s->p, state, sizeof state);
    message_put(&s->out, &stats, sizeof stats);
    message_put_text(&s->out, state);
}

static void put_report(server *s) {
    size_t n;
    const char *lines = report_take(s->p, &n);
    message_put_number(&s->out, (int64_t)n);
    message_put(&s->out, lines, n);
}

static void put_classes(server *s) {
    int n;
    const char *const *names = pipert_classes(s->p, &n);
    message_put_number(&s->out, n);
    for (int i = 0; i < n; i++) message_put_text(&s->out, names[i]);
}

static void say_started(server *s, int status) {
    pipert *p = s->p;
    plat_lock(&s->out_lock);
    message_begin(&s->out, SIDECAR_STARTED);
    message_put_number(&s->out, status);
    message_put_text(&s->out, pipert_error(p));
    if (!status) {
        message_put_text(&s->out, p->cpu);
        put_state(s);
        message_put_number(&s->out, (int64_t)p->shared.size);
        message_put_number(&s->out, p->nslots);
        put_classes(s);
    }
    say(s);
    plat_unlock(&s->out_lock);
}

/* ---- telling ---- */
static int64_t offset_of(const server *s, const void *at) {
    return at ? (const char *)at - s->p->shared.base : -1;
}

static void put_batch(server *s, const pipert_batch *b) {
    message_begin(&s->out, SIDECAR_BATCH);
    message_put_number(&s->out, (const slot *)(const void *)b - s->p->slots);
    message_put(&s->out, b, sizeof *b);
    for (int i = 0; i < b->noutputs; i++) {
        const pipert_output *o = &b->output[i];
        message_put(&s->out, o, sizeof *o);
        message_put_number(&s->out, offset_of(s, o->data));
        message_put_number(&s->out, offset_of(s, o->offsets));
        message_put_number(&s->out, offset_of(s, o->shapes));
    }
}

/* NULL: an event. */
static void tell(server *s, const pipert_batch *b, int status) {
    plat_lock(&s->out_lock);
    if (b) put_batch(s, b);
    else {
        message_begin(&s->out, SIDECAR_EVENT);
        message_put_number(&s->out, status);
        message_put_text(&s->out, pipert_error(s->p));
    }
    put_state(s);
    put_report(s);
    say(s);
    plat_unlock(&s->out_lock);
}

static bool may_tell(const server *s) {
    if (s->waited) return true;
    return !s->paused && !s->full && s->told - s->taken < s->ahead;
}

/* After the end of an epoch the caller learns how long the next one is before there is
 * a batch of it. */
static void begin_epoch(server *s) {
    schedule_begin(s->p);
    plat_lock(&s->out_lock);
    message_begin(&s->out, SIDECAR_BEGUN);
    put_state(s);
    say(s);
    plat_unlock(&s->out_lock);
}

/* Lock held, given up meanwhile. */
static void step(server *s) {
    bool begins = s->paused && !s->p->status;
    pipert_batch *b = NULL;
    int64_t released = s->released;
    int status;
    plat_unlock(&s->lock);
    if (begins) begin_epoch(s);
    status = pipert_wait(s->p, SLICE);
    if (status == PIPERT_OK) status = pipert_next(s->p, &b);
    plat_lock(&s->lock);
    s->paused = false;
    if (status == PIPERT_AGAIN) return;
    if (status == PIPERT_HELD && s->released != released) return;   /* not any more */
    s->full = status == PIPERT_HELD;
    if (s->full && !s->waited) return;
    s->paused = status == PIPERT_END || s->p->status;
    s->told++;
    s->waited = false;
    plat_unlock(&s->lock);
    tell(s, b, status);
    plat_lock(&s->lock);
}

/* What was told and not taken counts no longer. */
static void forget_told(server *s) {
    size_t n;
    pipert_stats *now = &s->p->stats;
    const pipert_stats *taken = &s->restored_stats;
    now->records = taken->records;
    now->batches = taken->batches;
    now->bad_records = taken->bad_records;
    now->bytes_out = taken->bytes_out;
    report_take(s->p, &n);
}

/* If it is refused, all stays as it is. Lock held, given up meanwhile. */
static void restore(server *s) {
    char *state = s->restore;
    int status;
    s->restore = NULL;
    plat_unlock(&s->lock);
    status = pipert_restore(s->p, state);
    free(state);
    if (!status) forget_told(s);
    plat_lock(&s->out_lock);
    message_begin(&s->out, SIDECAR_RESTORED);
    message_put_number(&s->out, status);
    message_put_text(&s->out, pipert_error(s->p));
    put_state(s);
    say(s);
    plat_unlock(&s->out_lock);
    plat_lock(&s->lock);
    if (!status) s->paused = s->full = s->waited = false;
}

static void teller(void *context) {
    server *s = context;
    plat_lock(&s->lock);
    while (!s->closing)
        if (s->restore) restore(s);
        else if (may_tell(s)) step(s);
        else plat_wait(&s->change, &s->lock);
    plat_unlock(&s->lock);
}

/* ---- listening ---- */
static void release(server *s, int64_t n) {
    const int32_t *slots = message_get(&s->in, (size_t)n * sizeof *slots);
    for (int64_t i = 0; slots && i < n; i++)
        if (slots[i] >= 0 && slots[i] < s->p->nslots)
            pipert_release(s->p, &s->p->slots[slots[i]].public);
}

/* The controller of this side goes by it. */
static void hear_demand(server *s) {
    const void *from = message_get(&s->in, sizeof s->p->demand);
    if (!from) return;
    plat_lock(&s->p->lock);
    memcpy(&s->p->demand, from, sizeof s->p->demand);
    plat_unlock(&s->p->lock);
}

static void hear_news(server *s) {
    int64_t taken = message_get_number(&s->in);
    bool waits = message_get_number(&s->in);
    int64_t n = message_get_number(&s->in);
    release(s, n);
    hear_demand(s);
    plat_lock(&s->lock);
    s->taken = taken;
    s->waited = waits && taken == s->told;
    if (n) s->full = false, s->released++;
    plat_wake_all(&s->change);
    plat_unlock(&s->lock);
}

static void hear_restore(server *s) {
    const void *stats = message_get(&s->in, sizeof s->restored_stats);
    char *state = strdup(message_get_text(&s->in));
    if (!state || !stats) plat_exit();
    plat_lock(&s->lock);
    memcpy(&s->restored_stats, stats, sizeof s->restored_stats);
    s->restore = state;
    plat_wake_all(&s->change);
    plat_unlock(&s->lock);
}

static void hear_close(server *s) {
    plat_lock(&s->lock);
    s->closing = true;
    plat_wake_all(&s->change);
    plat_unlock(&s->lock);
}

/* The next message; whatever ends the other process ends this one at once. */
static void listen_once(server *s, int parent) {
    if (plat_poll(s->stream, parent, -1) & 2) plat_exit();
    if (message_receive(s->stream, &s->in)) plat_exit();
}

static void say_closed(server *s) {
    char why[400] = "";
    int status;
    if (s->telling) plat_thread_join(&s->teller);
    status = pipert_close(s->p);
    if (status) snprintf(why, sizeof why, "%s", pipert_status_text(status));
    message_begin(&s->out, SIDECAR_CLOSED);
    message_put_number(&s->out, status);
    message_put_text(&s->out, why);
    say(s);
}

static bool init(server *s) {
    *s = (server){.stream = SIDECAR_STREAM};
    return !plat_mutex_init(&s->lock) && !plat_mutex_init(&s->out_lock) &&
           !plat_cond_init(&s->change);
}

/* Who started this is still there, and will be seen to end. */
static int watch(int64_t process) {
    int parent = plat_process_watch(process);
    if (plat_parent_id() != process) plat_exit();
    return parent;
}

/* The teller waits for the lock until the caller knows that all has begun. */
static void start(server *s) {
    int status = open_run(s);
    s->ahead = s->p ? sidecar_ahead(s->p->nslots) : 0;
    plat_lock(&s->lock);
    s->telling = !status && !plat_thread_start(&s->teller, teller, s);
    if (!status && !s->telling)
        status = fail_with(s->p, PIPERT_MEMORY, "no thread for the batches");
    say_started(s, status);
    plat_unlock(&s->lock);
}

void pipert_serve(void) {
    server s;
    int parent;
    plat_ignore_interrupts();
    if (!init(&s)) plat_exit();
    listen_once(&s, -1);
    if (s.in.type != SIDECAR_START) plat_exit();
    parent = watch(message_get_number(&s.in));
    start(&s);
    while (!s.closing) {
        listen_once(&s, parent);
        if (s.in.type == SIDECAR_NEWS) hear_news(&s);
        else if (s.in.type == SIDECAR_RESTORE) hear_restore(&s);
        else hear_close(&s);
    }
    say_closed(&s);
    plat_exit();
}
