/* The loop of a trainer that does nothing: takes every batch and gives it back.
 *
 *     loop FEATURE.so THREADS EPOCHS [wait] NAME=VALUE...
 *
 * One epoch more comes first, cold: the source is opened, threads begin, memory is
 * written for the first time. Prints one JSON object: cold_records and cold_seconds
 * of that one; records, batches, seconds of the EPOCHS behind it; first_batch_ms
 * (from the start of the process), next_us (the median time of next and release,
 * warm), rss_bytes at the end of every epoch, the cold one's first. With `wait`
 * every batch is ready before it is asked for: next_us is then the price of handing
 * it over. */
#define _GNU_SOURCE
#include <pipert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_TIMES = 1 << 16, MAX_EPOCHS = 100 };

typedef struct Measured {
    int64_t records, batches, cold_records;
    double seconds, cold_seconds, first;
    double next_us[MAX_TIMES];
    long rss[MAX_EPOCHS];
    int epochs;
} Measured;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static long rss_bytes(void) {
    long total = 0, resident = 0;
    FILE *in = fopen("/proc/self/statm", "r");
    if (!in || fscanf(in, "%ld %ld", &total, &resident) != 2) resident = 0;
    if (in) fclose(in);
    return resident * sysconf(_SC_PAGESIZE);
}

/* One batch taken and given back. */
static int take(pipert *p, int wait, Measured *m) {
    pipert_batch *batch;
    double began;
    int status;
    while (wait && pipert_wait(p, 1000) == PIPERT_AGAIN) continue;
    began = now();
    status = pipert_next(p, &batch);
    if (status) return status;
    m->records += batch->valid;
    if (m->first == 0) m->first = now();
    pipert_release(p, batch);
    m->next_us[m->batches++ % MAX_TIMES] = (now() - began) * 1e6;
    return 0;
}

static int run_epochs(pipert *p, int n, int wait, Measured *m) {
    double began = now();
    int status = PIPERT_END;
    m->records = m->batches = 0;
    while (status == PIPERT_END && n-- > 0 && m->epochs < MAX_EPOCHS) {
        while ((status = take(p, wait, m)) == PIPERT_OK) continue;
        m->rss[m->epochs++] = rss_bytes();
    }
    m->seconds = now() - began;
    return status == PIPERT_END ? 0 : status;
}

static int run(pipert *p, int epochs, int wait, Measured *m) {
    int status = run_epochs(p, 1, wait, m);
    m->cold_records = m->records;
    m->cold_seconds = m->seconds;
    return status ? status : run_epochs(p, epochs, wait, m);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_measured(Measured *m, double process) {
    int64_t n = m->batches < MAX_TIMES ? m->batches : MAX_TIMES;
    qsort(m->next_us, (size_t)n, sizeof *m->next_us, ascending);
    printf("{\"cold_records\": %lld, \"cold_seconds\": %.6f, \"records\": %lld, "
           "\"batches\": %lld, \"seconds\": %.6f, \"first_batch_ms\": %.3f, "
           "\"next_us\": %.3f, \"rss_bytes\": [",
           (long long)m->cold_records, m->cold_seconds, (long long)m->records,
           (long long)m->batches, m->seconds, (m->first - process) * 1e3,
           n ? m->next_us[n / 2] : 0);
    for (int i = 0; i < m->epochs; i++)
        printf("%s%ld", i ? ", " : "", m->rss[i]);
    printf("]}\n");
}

static int set_parameters(pipert *p, char **pairs) {
    int status = 0;
    for (; *pairs && !status; pairs++) {
        char *equals = strchr(*pairs, '=');
        if (!equals) return PIPERT_ARGUMENT;
        *equals = 0;
        status = pipert_set(p, *pairs, equals + 1);
    }
    return status;
}

int main(int argc, char **argv) {
    static Measured m;
    double process = now();
    pipert_options options;
    pipert *p;
    int status, wait, epochs;
    if (argc < 4) return fputs("loop FEATURE.so THREADS EPOCHS [wait] NAME=VALUE...\n",
                               stderr), 2;
    pipert_defaults(&options);
    options.threads = atoi(argv[2]);
    epochs = atoi(argv[3]);
    wait = argc > 4 && !strcmp(argv[4], "wait");
    status = pipert_open(&p, argv[1], &options);
    if (!status) status = set_parameters(p, argv + 4 + wait);
    if (!status) status = run(p, epochs, wait, &m);
    if (status) fprintf(stderr, "loop: %s\n", pipert_error(p));
    else print_measured(&m, process);
    pipert_close(p);
    return status != 0;
}
