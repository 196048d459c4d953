/* Where the next batch comes from, as text:
 *
 *     pipert state 1
 *     feature NAME HASH
 *     statements NAME:HASH …      as many as there is room for
 *     parameters NAME=HASH …
 *     places N
 *     seed N
 *     epoch N
 *     batches N                   of the stream, over all ranks
 *     bad N                       records that failed in this epoch
 *     lanes PLACE:EVENT:PENDING … with `where` or `each`
 *     end                         nothing is missing
 *
 * A lane's next record is event EVENT of its place PLACE; PENDING, the rows of an
 * unfinished batch, is 0 as states lie between batches. A rank knows its own lanes;
 * the others are `-`, and are gone through from the start by who needs them. The
 * states of several ranks, one after the other, know more. Parameters are those bound
 * at open that are no paths. */
#include "internal.h"
#include "sidecar.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */
typedef struct text { char *at; size_t size, used; } text;

static void put(text *t, const char *format, ...) {
    va_list list;
    int n;
    va_start(list, format);
    n = vsnprintf(t->at + t->used, t->size - t->used, format, list);
    va_end(list);
    t->used += (size_t)n;
    if (t->used >= t->size) t->used = t->size - 1;
}

static bool counts(const pl_param *q) {
    return !q->at_compile && q->kind != PL_PARAM_PATH;
}

/* Each parameter's hash, or one of all if they are many. */
static void parameters_text(const pipert *p, char *to, size_t size) {
    text t = {to, size, 0};
    uint64_t all = 0;
    *to = 0;
    for (int i = 0; i < p->feature->nparams; i++) {
        const pl_param *q = &p->feature->params[i];
        uint64_t h;
        if (!counts(q)) continue;
        h = param_hash(p, i);
        all = order_mix64(all ^ h);
        put(&t, " %s=%08x", q->name, (unsigned)h);
    }
    if (t.used < size - 1) return;
    snprintf(to, size, " all=%016llx", (unsigned long long)all);
}

enum { PARAMETERS = 300, PARTS = 360 };

/* Whole entries of the feature's statements. */
static int parts_length(const char *parts) {
    size_t n = strlen(parts);
    if (n <= PARTS) return (int)n;
    for (n = PARTS; n && parts[n] != ' '; n--) continue;
    return (int)n;
}

int pipert_save(pipert *p, char *to, size_t size) {
    text t = {to, size, 0};
    char parameters[PARAMETERS];
    bool last = p->in_epoch && p->turns >= 0 && p->next_turn > 0 &&
                p->next_turn >= p->turns;
    bool ended = !p->in_epoch || last;      /* the next batch is of the next epoch */
    if (!to || !size) return tell_with(p, PIPERT_STATE, "there is no room for the state");
    if (p->sidecar) return sidecar_save(p, to, size);
    if (!p->started || !p->slots)
        return tell_with(p, PIPERT_STATE, "there is no state before the start");
    parameters_text(p, parameters, sizeof parameters);
    put(&t, "pipert state 1\nfeature %s %016llx\n", p->feature->name,
        (unsigned long long)p->feature->hash);
    if (p->feature->parts)
        put(&t, "statements%.*s\n", parts_length(p->feature->parts), p->feature->parts);
    put(&t, "parameters%s\nplaces %lld\n", parameters, (long long)p->places);
    put(&t, "seed %llu\nepoch %llu\nbatches %lld\nbad %lld\n",
        (unsigned long long)p->options.seed, (unsigned long long)p->epoch + last,
        ended ? 0LL : (long long)(p->start_batch + p->next_turn * p->options.world),
        ended ? 0LL : (long long)p->epoch_bad);
    if (p->nlanes) {
        put(&t, "lanes");
        for (int i = 0; i < p->nlanes; i++) {
            const lane *l = &p->lanes[i];
            if (!ended && !schedule_knows(p, i)) put(&t, " -");
            else put(&t, " %lld:%lld:0", ended ? 0LL : (long long)l->done_place,
                     ended ? 0LL : (long long)l->done_event);
        }
        put(&t, "\n");
    }
    put(&t, "end\n");
    if (t.used + 1 < size) return PIPERT_OK;
    return tell_with(p, PIPERT_STATE, "the state does not fit: 1 KB is enough");
}

/* ---- reading ---- */
/* A run that has begun goes on as it did. */
static int refuse(pipert *p, const char *format, ...) {
    char why[512], text[600];
    va_list list;
    va_start(list, format);
    vsnprintf(why, sizeof why, format, list);
    va_end(list);
    snprintf(text, sizeof text, "the state does not belong to this run: %s", why);
    return p->slots || p->sidecar ? tell_with(p, PIPERT_STATE, text)
                                  : fail_with(p, PIPERT_STATE, "%s", text);
}

/* What a text before this one knew stays known. */
static bool read_lanes(saved *s, const char *at) {
    int n = 0, used;
    for (; n < SAVED_LANES && *at; n++, at += used) {
        long long place = -1, event = 0, pending;
        used = 0;
        if (sscanf(at, " -%n", &used) != 0 || !used) {
            if (sscanf(at, " %lld:%lld:%lld%n", &place, &event, &pending, &used) != 3 ||
                place < 0 || event < 0)
                return false;
        }
        if (n >= s->nlanes || place >= 0) s->lane[n] = (saved_lane){place, event};
    }
    if (s->nlanes && s->nlanes != n) return false;
    s->nlanes = n;
    return !*at;
}

/* sscanf would take a minus sign. */
static bool read_count(const char *line, const char *name, unsigned long long *to) {
    size_t n = strlen(name);
    return !strncmp(line, name, n) && line[n] >= '0' && line[n] <= '9' &&
           sscanf(line + n, "%llu", to) == 1;
}

static bool read_line(saved *s, const char *line) {
    long long n;
    unsigned long long u;
    int at = 0;
    if (sscanf(line, "feature %63s %llx", s->name, &u) == 2) s->hash = u;
    else if (!strncmp(line, "statements", 10))
        snprintf(s->parts, sizeof s->parts, "%s", line + 10);
    else if (!strncmp(line, "parameters", 10))
        snprintf(s->parameters, sizeof s->parameters, "%s", line + 10);
    else if (sscanf(line, "places %lld", &n) == 1) s->places = n;
    else if (read_count(line, "seed ", &u)) s->seed = u;
    else if (read_count(line, "epoch ", &u) && u <= INT64_MAX) s->epoch = u;
    else if (sscanf(line, "batches %lld", &n) == 1 && n >= 0) s->batches = n;
    else if (sscanf(line, "bad %lld", &n) == 1 && n >= 0) s->bad = n;
    else if (!strcmp(line, "end")) s->whole = true;
    else if (sscanf(line, "lanes%n", &at) == 0 && at) return read_lanes(s, line + at);
    else return false;
    return true;
}

#define FIRST_LINE "pipert state 1"

static bool same_step(const saved *a, const saved *b) {
    return a->hash == b->hash && a->seed == b->seed && a->epoch == b->epoch &&
           a->places == b->places && a->batches == b->batches &&
           !strcmp(a->parameters, b->parameters);
}

/* Lines of one text, or of one for each rank. */
static int read_lines(pipert *p, saved *s, char *rest) {
    char *line = strsep(&rest, "\n");
    saved first = {.batches = -1};
    if (strcmp(line, FIRST_LINE)) return refuse(p, "it is no state of pipert");
    while ((line = strsep(&rest, "\n"))) {
        if (!strcmp(line, FIRST_LINE)) {
            if (first.batches >= 0 && !same_step(&first, s))
                return refuse(p, "its texts are not of one step");
            if (!s->whole) return refuse(p, "it is not whole");
            s->whole = false;
            first = *s;
        } else if (*line && !read_line(s, line)) {
            return refuse(p, "its line `%s`", line);
        }
    }
    if (!s->whole) return refuse(p, "it is not whole");
    if (first.batches >= 0 && !same_step(&first, s))
        return refuse(p, "its texts are not of one step");
    return PIPERT_OK;
}

static void state_free(saved *s) {
    if (s) free(s->text);
    free(s);
}

/* "epoch N" alone: its first batch, with the seed as it is. */
static int read_text(pipert *p, saved *s) {
    const char *from = s->text;
    char *copy = strdup(from), *end;
    int status;
    if (!copy) return fail_with(p, PIPERT_MEMORY, "no memory");
    s->places = s->batches = -1;
    if (!strncmp(from, "epoch ", 6) && from[6] >= '0' && from[6] <= '9') {
        s->anywhere = true;
        s->batches = 0;
        s->seed = p->options.seed;
        s->epoch = strtoull(from + 6, &end, 10);
        status = *end ? refuse(p, "its line `%s`", from) : PIPERT_OK;
    } else {
        status = read_lines(p, s, copy);
    }
    free(copy);
    return status;
}

/* s is the handle's from now on. */
static int take_state(pipert *p, saved *s) {
    state_forget(p);
    p->restored = s;
    p->options.seed = s->seed;
    p->epoch = s->epoch;
    return PIPERT_OK;
}

/* What is in the making is dropped. s is taken over, or freed. */
static int restart(pipert *p, saved *s) {
    saved *before = p->restored;
    int status;
    p->restored = s;
    status = state_check(p);
    p->restored = before;
    if (status) return state_free(s), status;
    schedule_cancel(p);
    take_state(p, s);
    schedule_begin(p);
    return PIPERT_OK;
}

int pipert_restore(pipert *p, const char *from) {
    saved *s;
    int status;
    if (p->status) return p->status;
    if (!from) return fail_with(p, PIPERT_ARGUMENT, "pipert_restore needs a text");
    s = calloc(1, sizeof *s);
    if (s) s->text = strdup(from);
    if (!s || !s->text) return state_free(s), fail_with(p, PIPERT_MEMORY, "no memory");
    status = read_text(p, s);
    if (!status && p->slots) return restart(p, s);
    if (!status && !p->sidecar) return take_state(p, s);
    state_free(s);
    return status ? status : sidecar_restore(p, from);
}

/* What an epoch can have come to; kept rows may be more than places with `each`. */
static bool in_range(const pipert *p, const saved *s) {
    int64_t most = p->places / p->batch + (p->places % p->batch != 0);
    if (p->steps >= 0) return s->batches < p->steps + p->options.world;
    for (int i = 0; i < s->nlanes; i++)
        if (s->lane[i].place > p->places) return false;
    return !p->fixed || s->batches < most + p->options.world;
}

/* ---- what has changed ---- */
/* The entry " NAME:" of a list, or NULL. */
static const char *find_part(const char *parts, const char *name, int n) {
    for (const char *at = parts; (at = strchr(at, ' ')); at++)
        if (!strncmp(at + 1, name, (size_t)n) && at[1 + n] == ':') return at + 1;
    return NULL;
}

/* Entries of `parts` that are not, or not the same, in `others`. */
static void put_changes(text *t, const char *parts, const char *others, const char *gone,
                        bool compare) {
    const char *separator = t->used ? ", " : "";
    for (const char *at = parts; (at = strchr(at, ' ')); at++) {
        int n = (int)strcspn(at + 1, ": "), all = (int)strcspn(at + 1, " ");
        const char *other = find_part(others, at + 1, n);
        bool same = other && !strncmp(other, at + 1, (size_t)all);
        if (other ? same || !compare : false) continue;
        put(t, "%s`%.*s` %s", separator, n, at + 1, other ? "has changed" : gone);
        separator = ", ";
    }
}

/* Goes on all the same if the caller wants it so. */
static int changed(pipert *p, const saved *s) {
    const char *now = p->feature->parts ? p->feature->parts : "";
    char what[700] = "";
    text t = {what, sizeof what, 0};
    if (*s->parts && *now) {
        put_changes(&t, s->parts, now, "is gone", true);
        if ((int)strlen(now) <= PARTS) put_changes(&t, now, s->parts, "is new", false);
    }
    if (!*what) put(&t, "%s %016llx then, %s %016llx now", s->name,
                    (unsigned long long)s->hash, p->feature->name,
                    (unsigned long long)p->feature->hash);
    if (!p->options.allow_changed)
        return refuse(
            p,
            "the feature has changed (%s); allow_changed goes on all the same",
            what);
    log_text(p, PIPERT_LOG_WARNING,
             "the state is of a feature that has changed since: %s", what);
    return PIPERT_OK;
}

int state_check(pipert *p) {
    const saved *s = p->restored;
    char parameters[PARAMETERS];
    int status = PIPERT_OK;
    if (!s || s->anywhere) return PIPERT_OK;
    parameters_text(p, parameters, sizeof parameters);
    if (strcmp(s->name, p->feature->name) || s->hash != p->feature->hash)
        status = changed(p, s);
    if (status) return status;
    if (strcmp(s->parameters, parameters) && !p->options.allow_changed)
        return refuse(p, "a parameter has changed (then%s, now%s)", s->parameters,
                      parameters);
    if (s->places != p->places)
        return refuse(p, "the source had %lld places and has %lld", (long long)s->places,
                      (long long)p->places);
    if (!p->fixed && s->nlanes != p->feature->lanes)
        return refuse(p, "it has %d lanes", s->nlanes);
    if (!in_range(p, s))
        return refuse(p, "the epoch of %lld places has no batch %lld",
                      (long long)p->places, (long long)s->batches);
    return PIPERT_OK;
}

void state_forget(pipert *p) {
    state_free(p->restored);
    p->restored = NULL;
}
