/* What the controller did, for people: its lines as they come, and where the time went. */
#include "tool.h"
#include <string.h>

void explain_start(explain *e, bool on) {
    memset(e, 0, sizeof *e);
    e->on = on;
    e->start = e->since = now_ns();
}

static void end_part(explain *e, int64_t now) {
    if (e->n < EXPLAIN_PARTS)
        e->part[e->n] = (explain_part){e->threads, (double)(now - e->since) / 1e9};
    e->n++;
    e->since = now;
}

void explain_look(explain *e, pipert *p) {
    enum { OFTEN = 10000000 };
    int64_t now = e->on ? now_ns() : 0;
    pipert_stats s;
    if (!e->on || now - e->looked < OFTEN) return;
    e->looked = now;
    pipert_stats_get(p, &s);
    if (s.active == e->threads) return;
    if (e->threads) end_part(e, now);
    e->threads = s.active;
}

static void print_threads(const explain *e) {
    int most = e->n < EXPLAIN_PARTS ? e->n : EXPLAIN_PARTS;
    fprintf(stderr, "pipert: threads over time:");
    for (int i = 0; i < most; i++)
        fprintf(stderr, "%s %d for %.1f s", i ? "," : "", e->part[i].threads,
                e->part[i].seconds);
    if (e->n > most) fprintf(stderr, ", and %d changes more", e->n - most);
    fprintf(stderr, "\n");
}

static double percent(double part, double all) { return all > 0 ? 100 * part / all : 0; }

static void print_time(const pipert_stats *s, double seconds) {
    double all = s->threads * seconds, read = (double)s->idle_read_ns / 1e9;
    double full = (double)s->idle_full_ns / 1e9, spare = (double)s->parked_ns / 1e9;
    double waited = (double)s->wait_ns / 1e9, busy = all - read - full - spare;
    fprintf(stderr, "pipert: the caller waited %.1f %% of %.1f s; %d thread%s of %d and "
            "%d readers work, %d batches are made ahead\n", percent(waited, seconds),
            seconds, s->active, s->active == 1 ? "" : "s", s->threads, s->readers,
            s->ahead);
    fprintf(stderr, "pipert: time of the threads: %.1f %% worked, %.1f %% waited for "
            "reading, %.1f %% for the caller, %.1f %% not needed\n",
            percent(busy > 0 ? busy : 0, all), percent(read, all), percent(full, all),
            percent(spare, all));
}

void explain_end(explain *e, pipert *p) {
    int64_t now = now_ns();
    pipert_stats s;
    if (!e->on) return;
    explain_look(e, p);
    end_part(e, now);
    pipert_stats_get(p, &s);
    print_threads(e);
    print_time(&s, (double)(now - e->start) / 1e9);
}
