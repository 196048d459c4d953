/* pipert run: opens, takes batches until it is enough, tells what there was. */
#include "tool.h"
#include "../stream_hash.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    interrupted = 1;
    signal(signal_number, SIG_DFL);             /* the second one kills */
}

typedef struct outcome {
    pipert *p;
    stream_hash *hash;
    sheet *sheet;
    progress bar;
    int64_t started, first_batch, ended;        /* ns */
    int64_t begun;                              /* of the process */
    int64_t batches, epoch_records, epoch;
    char error[1200];
} outcome;

static int failed(outcome *r, const char *text) {
    snprintf(r->error, sizeof r->error, "%s", text);
    return STATUS_FAILED;
}

static int pipert_failed(outcome *r, int status) {
    failed(r, pipert_error(r->p));
    return status == PIPERT_PARAMETER || status == PIPERT_ARGUMENT ? STATUS_USAGE
                                                                   : STATUS_FAILED;
}

/* ---- state ---- */
static int read_state(outcome *r, const char *path) {
    char text[4096];
    size_t n;
    FILE *f = fopen(path, "r");
    if (!f && errno == ENOENT) return STATUS_OK;
    if (!f) return failed(r, strerror(errno));
    n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    if (pipert_restore(r->p, text)) return pipert_failed(r, PIPERT_STATE);
    return STATUS_OK;
}

/* Whole or not at all. */
static int write_state(outcome *r, const char *path) {
    char text[1024], other[4096];
    FILE *f;
    bool good;
    if (pipert_save(r->p, text, sizeof text)) return pipert_failed(r, PIPERT_STATE);
    snprintf(other, sizeof other, "%s.new", path);
    f = fopen(other, "w");
    good = f && fputs(text, f) >= 0;
    good = f && fclose(f) == 0 && good && !rename(other, path);
    return good ? STATUS_OK : failed(r, strerror(errno));
}

/* ---- the loop ---- */
static int take(const options *o, outcome *r, const pipert_batch *b) {
    if (!r->batches) r->first_batch = now_ns();
    if (r->hash) stream_hash_add(r->hash, b);
    if (r->sheet) sheet_add(r->sheet, b);
    if (o->dump && !npy_dump(o->dump, r->batches, b)) {
        snprintf(r->error, sizeof r->error, "%s: %s", o->dump, strerror(errno));
        return STATUS_FAILED;
    }
    r->batches++;
    r->epoch_records += b->valid;
    r->epoch = b->epoch;
    return STATUS_OK;
}

/* Waits in slices, so that an interrupt is seen and the bar moves. */
static int next(outcome *r, pipert_batch **b) {
    int status = PIPERT_AGAIN;
    while (!interrupted && status == PIPERT_AGAIN) {
        status = pipert_wait(r->p, 100);
        progress_show(&r->bar, r->p, r->epoch_records, r->epoch);
    }
    if (interrupted) return PIPERT_AGAIN;
    return status == PIPERT_OK ? pipert_next(r->p, b) : status;
}

static int loop(const options *o, outcome *r) {
    int64_t epochs = 0;
    while (epochs < o->epochs && (o->batches < 0 || r->batches < o->batches)) {
        pipert_batch *b;
        int status = next(r, &b);
        if (interrupted) return STATUS_INTERRUPTED;
        if (status < 0) return pipert_failed(r, status);
        if (status == PIPERT_END) {
            epochs++;
            r->epoch_records = 0;
            continue;
        }
        status = take(o, r, b);
        pipert_release(r->p, b);
        if (status) return status;
    }
    return STATUS_OK;
}

/* ---- what there was ---- */
static void print_json(const outcome *r, const pipert_stats *s, double seconds) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"records\": %lld, \"batches\": %lld, \"seconds\": %.6f, "
           "\"records_per_second\": %.1f, \"first_batch_ms\": %.3f, "
           "\"rss_peak_bytes\": %lld, \"hash\": \"%016llx\", \"bad_records\": %lld, "
           "\"bytes_read\": %lld, \"bytes_out\": %lld, \"threads\": %d, \"cpu\": \"%s\"}\n",
           (long long)s->records, (long long)s->batches, seconds,
           seconds > 0 ? (double)s->records / seconds : 0,
           r->first_batch ? (double)(r->first_batch - r->begun) / 1e6 : 0,
           (long long)usage.ru_maxrss * 1024,
           (unsigned long long)stream_hash_value(r->hash), (long long)s->bad_records,
           (long long)s->bytes_read, (long long)s->bytes_out, s->threads, s->cpu);
}

static void print_summary(const pipert_stats *s, double seconds) {
    printf("%lld records in %lld batches, %.3f s, %.0f records/s, %.1f MB/s read",
           (long long)s->records, (long long)s->batches, seconds,
           seconds > 0 ? (double)s->records / seconds : 0,
           seconds > 0 ? (double)s->bytes_read / seconds / 1e6 : 0);
    if (s->bad_records) printf(", %lld bad records", (long long)s->bad_records);
    printf("\n");
}

static void tell(const options *o, outcome *r, int status) {
    pipert_stats s;
    double seconds = (double)(r->ended - r->started) / 1e9;
    pipert_stats_get(r->p, &s);
    progress_clear(&r->bar);
    if (o->hash && (status == STATUS_OK || status == STATUS_INTERRUPTED))
        printf("hash %016llx\n", (unsigned long long)stream_hash_value(r->hash));
    if (o->json) print_json(r, &s, seconds);
    else if (!o->quiet) print_summary(&s, seconds);
}

static int open_feature(const options *o, outcome *r) {
    int status = pipert_open(&r->p, o->feature, &o->run);
    for (int i = 0; i < o->nset && !status; i++)
        status = pipert_set(r->p, o->set[i].name, o->set[i].value);
    if (status) return pipert_failed(r, status);
    if (o->state && (status = read_state(r, o->state))) return status;
    status = pipert_start(r->p);
    return status ? pipert_failed(r, status) : STATUS_OK;
}

static int run_opened(const options *o, outcome *r) {
    int status;
    r->started = now_ns();
    progress_start(&r->bar, o->quiet, o->epochs);
    status = loop(o, r);
    r->ended = now_ns();
    if (o->state && write_state(r, o->state) && !status) status = STATUS_FAILED;
    if (r->sheet) {
        const char *why = sheet_write(r->sheet, o->show);
        if (why && !status) status = failed(r, why);
    }
    tell(o, r, status);
    return status;
}

int run(const options *o) {
    outcome r = {.begun = now_ns()};
    int status;
    signal(SIGINT, on_interrupt);
    if (o->hash || o->json) r.hash = stream_hash_new();
    r.sheet = o->show ? sheet_new() : NULL;
    status = open_feature(o, &r);
    if (!status) status = run_opened(o, &r);
    if (*r.error) fprintf(stderr, "pipert: %s\n", r.error);
    pipert_close(r.p);
    if (r.hash) stream_hash_free(r.hash);
    return status;
}
