/* The caller's side of a sidecar. `lock` guards what pipert_release touches: the stream
 * outwards, what is said over it, and `held`; all else is the caller's alone. */
#include "sidecar.h"
#include "internal.h"
#include "message.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A slot of the sidecar, as the caller sees it. */
typedef struct window { pipert_batch public; pipert_output *output; bool held; } window;

/* What is known once the sidecar told something. */
typedef struct known { pipert_stats stats; char state[SIDECAR_STATE]; } known;

/* A batch or an event that was told, until it is taken. */
typedef struct told {
    window *batch;              /* NULL: an event */
    int status;                 /* of that */
    known behind;
    char *lines; size_t nlines; /* of the report */
} told;

struct sidecar {
    int stream;                 /* -1: it is gone */
    int64_t process;
    char *memory;
    size_t bytes;
    window *window;             /* [slot] */
    int nwindows, portion;
    message in, out;
    plat_mutex lock;
    int64_t taken, said;        /* batches and events; as many as NEWS said */
    int32_t *back; int nback;   /* slots that are given back, and nobody was told */
    bool asked;                 /* it knows that the caller waits */
    bool ended;                 /* an epoch ended: the next is begun when asked */
    told told[SIDECAR_AHEAD + 1];       /* a ring */
    int64_t first, ntold;
    char why[5200], cpu[32];    /* why: of the last event */
    known now;                  /* behind what was taken last */
    int64_t wait_ns;
    demand demand;              /* under lock, for the sidecar's controller */
    char **classes;
    int nclasses;
};

/* ---- the command ---- */
void sidecar_forget(char **argv) {
    for (int i = 0; argv && argv[i]; i++) free(argv[i]);
    free(argv);
}

char **sidecar_command(const char *const *argv) {
    int n = 0;
    char **copy;
    while (argv[n]) n++;
    copy = calloc((size_t)n + 1, sizeof *copy);
    for (int i = 0; copy && i < n; i++) {
        copy[i] = strdup(argv[i]);
        if (!copy[i]) return sidecar_forget(copy), NULL;
    }
    return copy;
}

/* ---- its end ---- */
static void hang_up(sidecar *c, char *how, size_t n) {
    plat_lock(&c->lock);
    plat_close(c->stream);
    c->stream = -1;
    plat_unlock(&c->lock);
    plat_process_end(c->process, how, n);
}

static int lost(pipert *p) {
    sidecar *c = p->sidecar;
    char how[120] = "is gone";
    if (c->stream >= 0) hang_up(c, how, sizeof how);
    return fail_with(p, PIPERT_PROCESS,
                     "the process that runs the feature (%lld) %s; the state of the last "
                     "batch is kept: save it, and go on from there in a new run",
                     (long long)c->process, how);
}

/* Lock held. */
static bool send_news(sidecar *c, bool waits) {
    message_begin(&c->out, SIDECAR_NEWS);
    message_put_number(&c->out, c->taken);
    message_put_number(&c->out, waits);
    message_put_number(&c->out, c->nback);
    message_put(&c->out, c->back, (size_t)c->nback * sizeof *c->back);
    message_put(&c->out, &c->demand, sizeof c->demand);
    c->said = c->taken;
    c->nback = 0;
    return c->stream >= 0 && !message_send(c->stream, &c->out);
}

/* The caller waits. */
static bool ask(sidecar *c) {
    bool sent;
    plat_lock(&c->lock);
    sent = send_news(c, true);
    plat_unlock(&c->lock);
    return c->asked = sent;
}

static void log_line(pipert *p, sidecar *c) {
    int level = (int)message_get_number(&c->in);
    log_text(p, level, "%s", message_get_text(&c->in));
}

/* ---- start ---- */
static void put_options(pipert *p, message *m) {
    pipert_options o = p->options;
    o.log = NULL, o.log_context = NULL, o.report = NULL, o.sidecar = NULL;
    o.stops = NULL, o.cache = NULL;
    message_put_number(m, plat_process_id());
    message_put_text(m, PIPERT_VERSION);
    message_put(m, &o, sizeof o);
    message_put_text(m, p->path);
    message_put_number(m, (int64_t)load_fingerprint(p->feature));
    message_put_text(m, p->report_path);
    message_put_number(m, p->cache_path != NULL);
    message_put_text(m, p->cache_path);
    message_put_text(m, p->restored ? p->restored->text : NULL);
    for (int i = 0; i < p->feature->nparams; i++) {
        if (!p->value[i]) continue;
        message_put_text(m, p->feature->params[i].name);
        message_put_text(m, p->value[i]);
    }
    message_put_text(m, NULL);
}

/* A file of memory for the batches, and the other end of the stream, go along. */
static int spawn(pipert *p, sidecar *c, int *memory) {
    char why[256];
    int ends[2] = {-1, -1}, given[2], error = plat_memory_file(memory);
    if (!error) error = plat_socket_pair(ends);
    given[SIDECAR_STREAM - 3] = ends[1], given[SIDECAR_MEMORY - 3] = *memory;
    if (!error)
        error = plat_spawn((const char *const *)p->command, given, 2, &c->process);
    if (ends[1] >= 0) plat_close(ends[1]);
    if (!error) return c->stream = ends[0], PIPERT_OK;
    if (ends[0] >= 0) plat_close(ends[0]);
    return fail_with(p, PIPERT_PROCESS, "the process for the feature, `%s`, cannot be "
                     "started: %s", p->command[0], plat_error(error, why, sizeof why));
}

static bool get_classes(sidecar *c) {
    c->nclasses = (int)message_get_number(&c->in);
    c->classes = calloc((size_t)c->nclasses + 1, sizeof *c->classes);
    for (int i = 0; c->classes && i < c->nclasses; i++)
        c->classes[i] = strdup(message_get_text(&c->in));
    return c->classes != NULL;
}

static void get_known(sidecar *c, known *to) {
    const void *from = message_get(&c->in, sizeof to->stats);
    if (from) memcpy(&to->stats, from, sizeof to->stats);
    snprintf(to->state, sizeof to->state, "%s", message_get_text(&c->in));
}

static bool make_windows(pipert *p, sidecar *c) {
    int n = p->feature->noutputs + 1;
    c->nwindows = (int)message_get_number(&c->in);
    c->portion = (sidecar_ahead(c->nwindows) + 1) / 2;
    c->window = calloc((size_t)c->nwindows + 1, sizeof *c->window);
    c->back = calloc((size_t)c->nwindows + 1, sizeof *c->back);
    for (int i = 0; c->window && i < c->nwindows; i++) {
        c->window[i].output = calloc((size_t)n, sizeof(pipert_output));
        if (!c->window[i].output) return false;
    }
    return c->window && c->back;
}

static int started(pipert *p, sidecar *c, int memory) {
    void *at;
    int status = (int)message_get_number(&c->in);
    const char *why = message_get_text(&c->in);
    if (status) return fail_with(p, status, "%s", why);
    snprintf(c->cpu, sizeof c->cpu, "%s", message_get_text(&c->in));
    get_known(c, &c->now);
    c->bytes = (size_t)message_get_number(&c->in);
    if (!make_windows(p, c) || !get_classes(c) || c->in.bad ||
        plat_map(memory, c->bytes, &at))
        return fail_with(p, PIPERT_MEMORY, "no memory, or %.1f GB of address space for "
                         "the batches (ulimit -v): give it less memory",
                         (double)c->bytes / 1e9);
    c->memory = at;
    return report_open(p);
}

static int stopped(pipert *p, sidecar *c) {
    char how[120];
    plat_process_kill(c->process);
    hang_up(c, how, sizeof how);
    return fail_with(p, PIPERT_SOURCE, "the opening was stopped");
}

/* Until the feature is open there. */
static int talk(pipert *p, sidecar *c, int memory) {
    enum { SLICE = 50000000 };          /* ns */
    int error;
    message_begin(&c->out, SIDECAR_START);
    put_options(p, &c->out);
    if (message_send(c->stream, &c->out)) return lost(p);
    do {
        while (!plat_poll(c->stream, -1, plat_now() + SLICE))
            if (pipert_stops(p)) return stopped(p, c);
        error = message_receive(c->stream, &c->in);
        if (!error && c->in.type == SIDECAR_LOG) log_line(p, c);
    } while (!error && c->in.type == SIDECAR_LOG);
    if (error || c->in.type != SIDECAR_STARTED) return lost(p);
    return started(p, c, memory);
}

int sidecar_start(pipert *p) {
    sidecar *c = calloc(1, sizeof *c);
    int memory = -1, status;
    if (!c || plat_mutex_init(&c->lock))
        return free(c), fail_with(p, PIPERT_MEMORY, "no memory");
    c->stream = -1;
    p->sidecar = c;
    status = spawn(p, c, &memory);
    if (!status) status = talk(p, c, memory);
    if (memory >= 0) plat_close(memory);
    return status;
}

/* ---- batches ---- */
static const void *at_offset(sidecar *c, int64_t offset) {
    return offset < 0 ? NULL : c->memory + offset;
}

static window *get_batch(const pipert *p, sidecar *c) {
    int64_t slot = message_get_number(&c->in);
    window *to = slot >= 0 && slot < c->nwindows ? &c->window[slot] : NULL;
    const void *from = message_get(&c->in, sizeof to->public);
    if (!to || !from) return NULL;
    memcpy(&to->public, from, sizeof to->public);
    to->public.output = to->output;
    for (int i = 0; i < to->public.noutputs; i++) {
        pipert_output *o = &to->output[i];
        from = message_get(&c->in, sizeof *o);
        if (!from) return NULL;
        memcpy(o, from, sizeof *o);
        o->name = p->feature->outputs[i].name;
        o->data = at_offset(c, message_get_number(&c->in));
        o->offsets = at_offset(c, message_get_number(&c->in));
        o->shapes = at_offset(c, message_get_number(&c->in));
    }
    return to;
}

static void get_event(sidecar *c, told *t) {
    t->status = (int)message_get_number(&c->in);
    snprintf(c->why, sizeof c->why, "%s", message_get_text(&c->in));
}

/* What comes with a batch, or an event, joins the ring. */
static void get_told(pipert *p, sidecar *c) {
    told *t = &c->told[(c->first + c->ntold) % (SIDECAR_AHEAD + 1)];
    const void *lines;
    *t = (told){0};
    if (c->in.type == SIDECAR_EVENT) get_event(c, t);
    else t->batch = get_batch(p, c);
    get_known(c, &t->behind);
    t->nlines = (size_t)message_get_number(&c->in);
    lines = message_get(&c->in, t->nlines);
    t->lines = malloc(t->nlines + 1);
    if (c->in.bad || !t->lines || c->ntold > SIDECAR_AHEAD) c->in.bad = true;
    else memcpy(t->lines, lines, t->nlines), c->ntold++;
}

static int handle(pipert *p, sidecar *c) {
    if (message_receive(c->stream, &c->in)) return lost(p);
    switch (c->in.type) {
    case SIDECAR_LOG: log_line(p, c); break;
    case SIDECAR_BATCH:
    case SIDECAR_EVENT: get_told(p, c); break;
    case SIDECAR_BEGUN:
        get_known(c, &c->now);
        c->ended = false;
        break;
    case SIDECAR_RESTORED: break;
    default: c->in.bad = true;
    }
    return c->in.bad ? fail_with(p, PIPERT_BUG, "a message of the sidecar makes no sense")
                     : PIPERT_OK;
}

/* Until there is something to take, or the time has passed. */
static int look(pipert *p, int64_t until) {
    sidecar *c = p->sidecar;
    while (!p->status && !c->ntold) {
        if (c->stream < 0) return lost(p);
        if (!plat_poll(c->stream, -1, 0)) {
            if (!c->asked && !ask(c)) return lost(p);
            if (!plat_poll(c->stream, -1, c->ended ? -1 : until)) return PIPERT_AGAIN;
        }
        if (handle(p, c)) return p->status;
    }
    return p->status;
}

static void begin_wait(const pipert *p, sidecar *c, int64_t now) {
    plat_lock(&c->lock);
    demand_asks(&c->demand, now, (int64_t)(p->options.control_interval * 1e9));
    plat_unlock(&c->lock);
}

static int look_and_count(pipert *p, int64_t until) {
    int64_t start = plat_now();
    int status;
    begin_wait(p, p->sidecar, start);
    status = look(p, until);
    p->sidecar->wait_ns += plat_now() - start;
    return status;
}

int sidecar_wait(pipert *p, int64_t milliseconds) {
    return look_and_count(p, plat_now() + milliseconds * 1000000);
}

/* What was told first is taken: the sidecar may tell more. After an event it does when it
 * is asked to. */
static int take(pipert *p, sidecar *c) {
    told *t = &c->told[c->first];
    int status;
    c->first = (c->first + 1) % (SIDECAR_AHEAD + 1);
    c->ntold--;
    c->now = t->behind;
    plat_lock(&c->lock);
    c->taken++;
    demand_gets(&c->demand, plat_now(), t->batch ? PIPERT_OK : t->status);
    if (t->batch) t->batch->held = true;
    if (t->batch && c->taken - c->said >= c->portion) send_news(c, false);
    plat_unlock(&c->lock);
    c->asked = false;
    status = t->nlines ? report_put(p, t->lines, t->nlines) : PIPERT_OK;
    free(t->lines);
    return status;
}

int sidecar_next(pipert *p, pipert_batch **out) {
    sidecar *c = p->sidecar;
    const told *t = &c->told[c->first];
    int status = look_and_count(p, -1);
    if (status || (status = take(p, c))) return status;
    if (t->batch) return *out = &t->batch->public, PIPERT_OK;
    status = t->status;
    c->ended = status == PIPERT_END;
    if (status < 0 && status != PIPERT_HELD) return fail_with(p, status, "%s", c->why);
    return status;
}

bool sidecar_release(pipert *p, pipert_batch *b) {
    sidecar *c = p->sidecar;
    window *at = (window *)(void *)b;
    bool held;
    plat_lock(&c->lock);
    held = at->held;
    at->held = false;
    if (held) c->back[c->nback++] = (int32_t)(at - c->window);
    if (c->nback >= c->portion) send_news(c, false);
    plat_unlock(&c->lock);
    return held;
}

/* ---- going on elsewhere ---- */
/* What was told of the stream as it was goes back. */
static void drop_told(sidecar *c) {
    plat_lock(&c->lock);
    for (; c->ntold; c->ntold--) {
        told *t = &c->told[c->first];
        c->first = (c->first + 1) % (SIDECAR_AHEAD + 1);
        if (t->batch) c->back[c->nback++] = (int32_t)(t->batch - c->window);
        free(t->lines);
        c->taken++;
    }
    send_news(c, false);
    plat_unlock(&c->lock);
    c->asked = c->ended = false;
}

static bool ask_to_restore(sidecar *c, const char *text) {
    bool sent;
    plat_lock(&c->lock);
    message_begin(&c->out, SIDECAR_RESTORE);
    message_put(&c->out, &c->now.stats, sizeof c->now.stats);
    message_put_text(&c->out, text);
    sent = c->stream >= 0 && !message_send(c->stream, &c->out);
    plat_unlock(&c->lock);
    return sent;
}

/* If it is refused, all goes on as it was. */
int sidecar_restore(pipert *p, const char *text) {
    sidecar *c = p->sidecar;
    int status;
    if (!ask_to_restore(c, text)) return lost(p);
    do
        if (handle(p, c)) return p->status;
    while (c->in.type != SIDECAR_RESTORED);
    status = (int)message_get_number(&c->in);
    if (status) return tell_with(p, status, message_get_text(&c->in));
    message_get_text(&c->in);
    get_known(c, &c->now);
    drop_told(c);
    return PIPERT_OK;
}

/* ---- what is known ---- */
int sidecar_save(pipert *p, char *text, size_t size) {
    size_t n = strlen(p->sidecar->now.state);
    if (!n) return tell_with(p, PIPERT_STATE, "there is no state before the start");
    if (n >= size)
        return tell_with(p, PIPERT_STATE, "the state does not fit: 1 KB is enough");
    memcpy(text, p->sidecar->now.state, n + 1);
    return PIPERT_OK;
}

void sidecar_stats(pipert *p, pipert_stats *to) {
    *to = p->sidecar->now.stats;
    to->wait_ns = p->sidecar->wait_ns;
    to->cpu = p->sidecar->cpu;
}

const char *const *sidecar_classes(const pipert *p, int *n) {
    *n = p->sidecar->nclasses;
    return (const char *const *)p->sidecar->classes;
}

/* ---- close ---- */
/* What it still tells is dropped; the last word is how its report ended. */
int sidecar_stop(pipert *p) {
    sidecar *c = p->sidecar;
    char how[120];
    int status = PIPERT_OK;
    if (!c || c->stream < 0) return status;
    message_begin(&c->out, SIDECAR_CLOSE);
    message_send(c->stream, &c->out);
    while (!message_receive(c->stream, &c->in))
        if (c->in.type == SIDECAR_CLOSED) {
            status = (int)message_get_number(&c->in);
            if (status) tell_with(p, status, message_get_text(&c->in));
            break;
        }
    hang_up(c, how, sizeof how);
    return status;
}

void sidecar_free(pipert *p) {
    sidecar *c = p->sidecar;
    if (!c) return;
    plat_unreserve(c->memory, c->bytes);
    for (; c->ntold; c->ntold--, c->first++)
        free(c->told[c->first % (SIDECAR_AHEAD + 1)].lines);
    for (int i = 0; c->window && i < c->nwindows; i++) free(c->window[i].output);
    for (int i = 0; i < c->nclasses; i++) free(c->classes[i]);
    free(c->window);
    free(c->classes);
    free(c->back);
    message_free(&c->in);
    message_free(&c->out);
    plat_mutex_fini(&c->lock);
    free(c);
}
