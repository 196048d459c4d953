/* One line on a terminal, rewritten ten times a second. */
#include "tool.h"
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void progress_start(progress *g, bool quiet, int64_t epochs) {
    memset(g, 0, sizeof *g);
    g->on = !quiet && isatty(STDERR_FILENO);
    g->epochs = epochs;
    g->start = now_ns();
    g->last_time = g->start;
}

/* What kept the others waiting since the last line. */
static const char *limit(progress *g, const pipert_stats *s, int64_t passed) {
    double all = (double)passed * (s->threads ? s->threads : 1);
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

void progress_show(progress *g, pipert *p, int64_t epoch_records, int64_t epoch) {
    enum { WIDTH = 20 };
    pipert_stats s;
    int64_t now = now_ns(), passed = now - g->last_time;
    double rate, share, bytes;
    char bar[WIDTH + 1], eta[32];
    if (!g->on || passed < 100000000) return;
    pipert_stats_get(p, &s);
    rate = (double)(s.records - g->last_records) * 1e9 / (double)passed;
    bytes = (double)(s.bytes_read - g->last_bytes) * 1e9 / (double)passed;
    g->rate = g->rate ? .8 * g->rate + .2 * rate : rate;
    share = s.places ? (double)s.places_done / (double)s.places : 0;
    if (share > 1) share = 1;
    for (int i = 0; i < WIDTH; i++) bar[i] = i < share * WIDTH ? '#' : '.';
    bar[WIDTH] = 0;
    write_time(eta, sizeof eta, share > 0 ? (1 - share) / share * (double)(now - g->start) / 1e9
                                          : 1e9);
    fprintf(stderr, "\r\033[Kepoch %lld [%s] %lld rec  %.0f rec/s  %.1f MB/s  ETA %s  limit: %s",
            (long long)epoch, bar, (long long)epoch_records, g->rate, bytes / 1e6, eta,
            limit(g, &s, passed));
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
