/* One line on a terminal, rewritten ten times a second. */
#include "tool.h"
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Of all that the run will do: by places of its epochs, or by its batches. */
static double share_done(const progress *g, const pipert_stats *s, const counts *c) {
    double epoch = s->places ? (double)s->places_done / (double)s->places : 0;
    double share = ((double)c->epochs + epoch) / (double)g->epochs;
    double batches = g->batches > 0 ? (double)c->batches / (double)g->batches : 0;
    if (batches > share) share = batches;
    return share > 1 ? 1 : share;
}

void progress_start(progress *g, pipert *p, const options *o) {
    pipert_stats s;
    memset(g, 0, sizeof *g);
    g->on = !o->quiet && isatty(STDERR_FILENO);
    g->epochs = o->epochs;
    g->batches = o->batches;
    pipert_stats_get(p, &s);
    g->first = share_done(g, &s, &(counts){0});
    g->start = now_ns();
    g->last_time = g->start;
}

/* What kept the others waiting since the last line. */
static const char *limit(progress *g, const pipert_stats *s, int64_t passed) {
    double all = (double)passed * (s->active ? s->active : 1);
    double read = (double)(s->idle_read_ns - g->last_read) / all;
    double full = (double)(s->idle_full_ns - g->last_full) / all;
    double wait = (double)(s->wait_ns - g->last_wait) / (double)passed;
    if (wait < .1 || full > .5) return "consumer";
    return read > .3 ? "reading" : "compute";
}

static void write_time(char *to, size_t n, double seconds) {
    long t = (long)(seconds + .5);
    if (seconds > 359999) snprintf(to, n, "?");
    else if (t >= 3600) snprintf(to, n, "%ld:%02ld:%02ld", t / 3600, t / 60 % 60, t % 60);
    else snprintf(to, n, "%ld:%02ld", t / 60, t % 60);
}

static int columns(void) {
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || !w.ws_col ? 80 : w.ws_col;
}

void progress_show(progress *g, pipert *p, const counts *c) {
    enum { WIDTH = 20 };
    pipert_stats s;
    int64_t now = now_ns(), passed = now - g->last_time;
    double rate, share, bytes, done;
    char bar[WIDTH + 1], eta[32], line[256];
    if (!g->on || passed < 100000000) return;
    pipert_stats_get(p, &s);
    rate = (double)(s.records - g->last_records) * 1e9 / (double)passed;
    bytes = (double)(s.bytes_read - g->last_bytes) * 1e9 / (double)passed;
    g->rate = g->rate ? .8 * g->rate + .2 * rate : rate;
    share = share_done(g, &s, c);
    done = share - g->first;
    for (int i = 0; i < WIDTH; i++) bar[i] = i < share * WIDTH ? '#' : '.';
    bar[WIDTH] = 0;
    write_time(eta, sizeof eta,
               done > 0 ? (1 - share) / done * (double)(now - g->start) / 1e9 : 1e9);
    snprintf(line, sizeof line,
             "epoch %lld [%s] %lld rec  %.0f rec/s  %.1f MB/s  ETA %s  limit: %s",
             (long long)c->epoch, bar, (long long)c->epoch_records, g->rate, bytes / 1e6,
             eta, limit(g, &s, passed));
    fprintf(stderr, "\r\033[K%.*s", columns() - 1, line);
    fflush(stderr);
    g->last_time = now;
    g->last_records = s.records;
    g->last_bytes = s.bytes_read;
    g->last_wait = s.wait_ns;
    g->last_read = s.idle_read_ns;
    g->last_full = s.idle_full_ns;
}

void progress_clear(progress *g) {
    if (g->on) fprintf(stderr, "\r\033[K");
}
