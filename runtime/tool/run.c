/* pipert run: opens, takes batches until it is enough, tells what there was. */
#include "tool.h"
#include "../stream_hash.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

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
    explain explain;
    int64_t started, first_batch, ended;        /* ns */
    int64_t begun;                              /* of the process */
    counts done;
    char error[4800];
} outcome;

/* The first one is told. */
static int failed(outcome *r, const char *text) {
    if (!*r->error) snprintf(r->error, sizeof r->error, "%s", text);
    return STATUS_FAILED;
}

static int pipert_failed(outcome *r, int status) {
    failed(r, pipert_error(r->p));
    return status == PIPERT_PARAMETER || status == PIPERT_ARGUMENT ? STATUS_USAGE
                                                                   : STATUS_FAILED;
}

/* ---- state ---- */
static int state_failed(outcome *r, const char *path, const char *why) {
    char text[4800];
    snprintf(text, sizeof text, "%s: %s", path, why);
    return failed(r, text);
}

static int read_state(outcome *r, const char *path) {
    char text[4096];
    size_t n;
    FILE *f = fopen(path, "r");
    if (!f && errno == ENOENT) return STATUS_OK;
    if (!f) return state_failed(r, path, strerror(errno));
    n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    if (pipert_restore(r->p, text)) return state_failed(r, path, pipert_error(r->p));
    return STATUS_OK;
}

static int write_state(outcome *r, const char *path) {
    char text[1024], why[4800];
    if (pipert_save(r->p, text, sizeof text))
        return state_failed(r, path, pipert_error(r->p));
    return file_replace(path, text, why, sizeof why) ? STATUS_OK : failed(r, why);
}

static bool state_possible(const char *path, char *why, size_t n) {
    struct stat s;
    if (!stat(path, &s) && !S_ISREG(s.st_mode)) {
        snprintf(why, n, "%s is no regular file", path);
        return false;
    }
    return file_replaceable(path, why, n);
}

/* Found out before the run, not after it. */
static int check_files(const options *o, outcome *r) {
    char why[4800];
    bool good = (!o->state || state_possible(o->state, why, sizeof why)) &&
                (!o->show || file_possible(o->show, why, sizeof why)) &&
                (!o->run.report || file_possible(o->run.report, why, sizeof why)) &&
                (!o->dump || file_make_folder(o->dump, why, sizeof why));
    return good ? STATUS_OK : failed(r, why);
}

/* ---- the loop ---- */
static int take(const options *o, outcome *r, const pipert_batch *b) {
    char why[4800];
    if (!r->done.batches) r->first_batch = now_ns();
    if (r->hash) stream_hash_add(r->hash, b);
    if (r->sheet) sheet_add(r->sheet, b);
    if (o->dump && !npy_dump(o->dump, r->done.batches, b, why, sizeof why))
        return failed(r, why);
    r->done.batches++;
    r->done.epoch_records += b->valid;
    r->done.epoch = b->epoch;
    return STATUS_OK;
}

/* Waits in slices, so that an interrupt is seen and the bar moves. */
static int next(outcome *r, pipert_batch **b) {
    int status = PIPERT_AGAIN;
    while (!interrupted && status == PIPERT_AGAIN) {
        status = pipert_wait(r->p, 100);
        progress_show(&r->bar, r->p, &r->done);
        explain_look(&r->explain, r->p);
    }
    if (interrupted) return PIPERT_AGAIN;
    return status == PIPERT_OK ? pipert_next(r->p, b) : status;
}

static int loop(const options *o, outcome *r) {
    while (r->done.epochs < o->epochs &&
           (o->batches < 0 || r->done.batches < o->batches)) {
        pipert_batch *b;
        int status = next(r, &b);
        if (interrupted) return STATUS_INTERRUPTED;
        if (status < 0) return pipert_failed(r, status);
        if (status == PIPERT_END) {
            r->done.epochs++;
            r->done.epoch_records = 0;
            continue;
        }
        status = take(o, r, b);
        pipert_release(r->p, b);
        if (status) return status;
    }
    return STATUS_OK;
}

/* ---- what there was ---- */

/* Bytes. getrusage alone would count the process that started this one. */
static long long peak_rss(void) {
    FILE *in = fopen("/proc/self/status", "r");
    struct rusage usage;
    long long kib = -1;
    char line[256];
    while (in && fgets(line, sizeof line, in) && sscanf(line, "VmHWM: %lld", &kib) != 1)
        continue;
    if (in) fclose(in);
    if (kib < 0 && getrusage(RUSAGE_SELF, &usage) == 0) kib = usage.ru_maxrss;
    return kib * 1024;
}

static void print_json(const outcome *r, const pipert_stats *s, double seconds) {
    printf("{\"records\": %lld, \"batches\": %lld, \"seconds\": %.6f, "
           "\"records_per_second\": %.1f, \"first_batch_ms\": %.3f, "
           "\"rss_peak_bytes\": %lld, \"hash\": \"%016llx\", \"bad_records\": %lld, "
           "\"bytes_read\": %lld, \"bytes_out\": %lld, \"from_cache\": %lld, \"threads\": %d, "
           "\"cpu\": \"%s\"}\n",
           (long long)s->records, (long long)s->batches, seconds,
           seconds > 0 ? (double)s->records / seconds : 0,
           r->first_batch ? (double)(r->first_batch - r->begun) / 1e6 : 0, peak_rss(),
           (unsigned long long)stream_hash_value(r->hash), (long long)s->bad_records,
           (long long)s->bytes_read, (long long)s->bytes_out, (long long)s->from_cache,
           s->threads, s->cpu);
}

static void print_count(int64_t n, const char *what, const char *ending) {
    printf("%lld %s%s", (long long)n, what, n == 1 ? "" : ending);
}

/* What took less than 10 ms has no rate worth reading. */
static void print_summary(const pipert_stats *s, double seconds) {
    print_count(s->records, "record", "s");
    printf(" in ");
    print_count(s->batches, "batch", "es");
    printf(", %.3f s", seconds);
    if (seconds >= .01)
        printf(", %.0f records/s, %.1f MB/s read", (double)s->records / seconds,
               (double)s->bytes_read / seconds / 1e6);
    if (s->from_cache) printf(", %lld from the cache", (long long)s->from_cache);
    if (s->bad_records) printf(", ");
    if (s->bad_records) print_count(s->bad_records, "bad record", "s");
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

static void print_log(void *context, int level, const char *text) {
    const options *o = context;
    if (level == PIPERT_LOG_WARNING || o->explain) fprintf(stderr, "pipert: %s\n", text);
}

static int open_feature(const options *o, outcome *r) {
    pipert_options run = o->run;
    int status;
    run.log = print_log;
    run.log_context = (void *)o;
    status = pipert_open(&r->p, o->feature, &run);
    for (int i = 0; i < o->nset && !status; i++)
        status = pipert_set(r->p, o->set[i].name, o->set[i].value);
    if (status) return pipert_failed(r, status);
    if ((status = check_files(o, r))) return status;
    if (o->state && (status = read_state(r, o->state))) return status;
    status = pipert_start(r->p);
    return status ? pipert_failed(r, status) : STATUS_OK;
}

static int run_opened(const options *o, outcome *r) {
    char why[4800];
    int status;
    r->started = now_ns();
    progress_start(&r->bar, r->p, o);
    explain_start(&r->explain, o->explain);
    status = loop(o, r);
    r->ended = now_ns();
    if (o->state && write_state(r, o->state) && !status) status = STATUS_FAILED;
    if (r->sheet && !sheet_write(r->sheet, o->show, why, sizeof why) && !status)
        status = failed(r, why);
    tell(o, r, status);
    explain_end(&r->explain, r->p);
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
    if (pipert_close(r.p) && !status) status = STATUS_FAILED;
    sheet_free(r.sheet);
    if (r.hash) stream_hash_free(r.hash);
    return status;
}
