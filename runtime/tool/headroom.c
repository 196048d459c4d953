/* pipert headroom: the most that a trainer could gain if batches cost nothing. The trainer
 * runs twice for a while: as it is, and with its first batches handed out again and again. */
#define _GNU_SOURCE
#include "tool.h"
#include "../meter.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 20, TICK_MS = 20 };

/* records/s; the share of its time that the trainer waits; of these batches; and all. */
typedef struct pace { double rate, waits; int64_t batches, taken; } pace;

typedef struct visit {
    options o;
    char **command;             /* NULL: the feature, and a trainer of batch_ms */
    meter_file *file;
    char path[4096];
} visit;

/* What was started, and the file, are not left behind; the second one kills. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    interrupted = 1;
    signal(signal_number, SIG_DFL);
}

static int failed(const char *why) {
    fprintf(stderr, "pipert: %s\n", why);
    return STATUS_FAILED;
}

/* ---- the words ---- */

/* The first word that is for a feature; NULL: there is none. */
static const char *for_feature(int n, char **argv) {
    for (int i = 0; i < n; i++)
        if (!strcmp(argv[i], "--seconds")) i++;
        else if (strncmp(argv[i], "--seconds=", 10)) return argv[i];
    return NULL;
}

static int check(const visit *v, int n, char **argv) {
    const char *word = v->command ? for_feature(n, argv) : NULL;
    if (word && v->o.batch_ms > 0)
        fprintf(stderr, "pipert: --batch-ms is for a feature; a command has its own time\n");
    else if (word)
        fprintf(stderr, "pipert: `%s` does not go with a command\n", word);
    else if (v->command && !*v->command)
        fprintf(stderr, "pipert: which command? pipert headroom -- python3 train.py\n");
    else if (!v->command && v->o.batch_ms <= 0)
        fprintf(stderr, "pipert: how long does the trainer take for a batch? --batch-ms MS\n");
    else
        return v->command ? STATUS_OK : options_feature(&v->o, TOOL_HEADROOM);
    return STATUS_USAGE;
}

/* What stands before `--`, and the command behind it. */
static int parse(visit *v, int argc, char **argv) {
    int n = 0, status;
    while (n < argc && strcmp(argv[n], "--")) n++;
    if (n < argc) v->command = argv + n + 1;
    status = options_parse(&v->o, TOOL_HEADROOM, n, argv);
    if (!v->o.seconds) v->o.seconds = SECONDS;
    return status ? status : check(v, n, argv);
}

/* ---- the file that both map ---- */

static int failed_file(const visit *v, int error) {
    fprintf(stderr, "pipert: no file for the counts, %s: %s\n", v->path, strerror(error));
    return STATUS_FAILED;
}

static int make_file(visit *v) {
    const char *folder = getenv("TMPDIR");
    void *at;
    int fd, error;
    snprintf(v->path, sizeof v->path, "%s/pipert-XXXXXX", folder && *folder ? folder : "/tmp");
    fd = mkostemp(v->path, O_CLOEXEC);
    if (fd < 0) return failed_file(v, errno);
    error = posix_fallocate(fd, 0, sizeof *v->file);    /* a write that finds none is fatal */
    at = mmap(NULL, sizeof *v->file, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (!error && at != MAP_FAILED) v->file = at;
    else unlink(v->path);
    if (!v->file) return failed_file(v, error ? error : ENOMEM);
    return setenv(METER_VARIABLE, v->path, 1) ? failed("no memory") : STATUS_OK;
}

static void clear(visit *v, int replay) {
    memset(v->file, 0, sizeof *v->file);
    v->file->magic = METER_MAGIC;
    v->file->replay = replay;
}

static void drop_file(visit *v) {
    if (!v->file) return;
    munmap(v->file, sizeof *v->file);
    unlink(v->path);
}

typedef struct counts_now { int64_t rows, batches, wait, at; int handles; } counts_now;

/* at: the last batch of all; a handle that has given none is none. */
static counts_now look(const visit *v) {
    counts_now c = {0};
    int n = v->file->n < METER_HANDLES ? v->file->n : METER_HANDLES;
    for (int i = 0; i < n; i++) {
        const meter_row *r = &v->file->row[i];
        int64_t last = r->last;
        if (!last) continue;
        c.handles++;
        c.rows += r->rows;
        c.batches += r->batches;
        c.wait += r->wait;
        if (last > c.at) c.at = last;
    }
    return c;
}

static pace between(counts_now a, counts_now b) {
    double seconds = (double)(b.at - a.at) / 1e9;
    pace p = {.batches = b.batches - a.batches};
    if (seconds <= 0 || b.batches <= a.batches) return p;
    p.rate = (double)(b.rows - a.rows) / seconds;
    p.waits = (double)(b.wait - a.wait) / 1e9 / seconds / (b.handles ? b.handles : 1);
    return p;
}

/* ---- a command ---- */

static void rest(int ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

static pid_t start(char **command) {
    pid_t pid = fork();
    if (pid) return pid;
    setpgid(0, 0);
    execvp(command[0], command);
    fprintf(stderr, "pipert: %s: %s\n", command[0], strerror(errno));
    _exit(127);
}

/* With all that it has started. */
static void end(pid_t pid, bool ended) {
    enum { PATIENCE = 100 };
    kill(-pid, SIGTERM);
    for (int i = 0; i < PATIENCE && !ended; i++) {
        ended = waitpid(pid, NULL, WNOHANG) == pid;
        if (!ended) rest(TICK_MS);
    }
    kill(-pid, SIGKILL);
    if (!ended) waitpid(pid, NULL, 0);
}

/* Of one that fails nothing is known, whatever it took before. */
static int ended_badly(int how, int64_t batches) {
    fprintf(stderr, "pipert: the command ");
    if (WIFSIGNALED(how)) fprintf(stderr, "was ended by signal %d", WTERMSIG(how));
    else fprintf(stderr, "failed with status %d", WEXITSTATUS(how));
    fprintf(stderr, " after %lld batch%s\n", (long long)batches, batches == 1 ? "" : "es");
    return STATUS_FAILED;
}

/* Begins to count a quarter of the time after the first batch: then it is in its stride. */
static int run_command(visit *v, pace *to) {
    counts_now from = {0}, now = {0};
    int64_t first = 0, warm = (int64_t)(v->o.seconds * .25e9);
    bool ended = false, counts = false;
    int how = 0;
    pid_t pid = start(v->command);
    if (pid < 0) return failed("the command cannot be started");
    setpgid(pid, pid);
    while (!ended && !interrupted) {
        ended = waitpid(pid, &how, WNOHANG) == pid;
        now = look(v);
        if (now.batches && !first) first = now_ns(), from = now;
        if (first && !counts && now_ns() - first > warm) counts = true, from = now;
        if (counts && now_ns() - first > warm + (int64_t)(v->o.seconds * 1e9)) break;
        if (!ended) rest(TICK_MS);
    }
    end(pid, ended);
    *to = between(from, now);
    if (interrupted) return STATUS_INTERRUPTED;
    if (ended && (!WIFEXITED(how) || WEXITSTATUS(how)))
        return ended_badly(how, now.batches);
    to->taken = now.batches;
    return STATUS_OK;
}

/* ---- a feature ---- */

static int train(visit *v, pipert *p, pace *to) {
    int64_t began = now_ns(), most = (int64_t)(v->o.seconds * 1e9), warm = most / 4;
    counts_now from = {0};
    int empty = 0;
    while (now_ns() - began < most + warm && empty < 2 && !interrupted) {
        pipert_batch *b;
        int status = feature_next(p, began + most + warm, &interrupted, &b);
        if (status < 0) return failed(pipert_error(p));
        empty = status == PIPERT_END ? empty + 1 : 0;
        if (status != PIPERT_OK) continue;
        if (now_ns() - began < warm || !from.at) from = look(v);
        feature_work(v->o.batch_ms, &interrupted);
        pipert_release(p, b);
    }
    *to = between(from, look(v));
    to->taken = look(v).batches;
    return interrupted ? STATUS_INTERRUPTED : STATUS_OK;
}

static int run_feature(visit *v, pace *to) {
    pipert *p = NULL;
    int status = feature_start(&v->o, &v->o.run, &p, NULL);
    if (!status) status = train(v, p, to);
    if (p) pipert_close(p);
    return status;
}

/* ---- what is said ---- */

static void say(const visit *v, pace real, pace free) {
    double gain = 100 * (free.rate / real.rate - 1);
    const char *feature = v->command ? "F.so --set …" : v->o.feature;
    if (gain > 1000)
        printf("The trainer takes %.0f records/s and has next to no work of its own: the pipeline "
               "alone sets its pace (it waits %.1f %% of its time).\n"
               "Next: pipert doctor %s says what holds the pipeline back.\n", real.rate,
               100 * real.waits, feature);
    else if (gain < 3)
        printf("The trainer takes %.0f records/s, and %.0f if batches cost nothing: it gains "
               "nothing from a faster pipeline (it waits %.1f %% of its time).\n"
               "Next: make the trainer's own work faster.\n", real.rate, free.rate,
               100 * real.waits);
    else
        printf("The trainer takes %.0f records/s, and would take %.0f if batches cost nothing: "
               "%.0f %% more at most (it waits %.1f %% of its time).\n"
               "Next: pipert doctor %s says what holds the pipeline back.\n", real.rate,
               free.rate, gain, 100 * real.waits, feature);
}

static int too_few(const visit *v, pace p) {
    fprintf(stderr, "pipert: %lld of %lld batches were counted in %.3g s, which is too "
            "few: %s\n", (long long)p.batches, (long long)p.taken, v->o.seconds,
            p.taken || !v->command
                ? "give it more --seconds, or more records"
                : "does the command run a feature, by libpipert or the package pipec?");
    return STATUS_FAILED;
}

static int measure(visit *v, pace *real, pace *free) {
    int (*run)(visit *, pace *) = v->command ? run_command : run_feature;
    int status;
    clear(v, 0);
    status = run(v, real);
    if (!status && real->batches < 2) status = too_few(v, *real);
    if (status) return status;
    clear(v, 1);
    status = run(v, free);
    if (!status && free->batches < 2) status = too_few(v, *free);
    return status;
}

int headroom_command(int argc, char **argv) {
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    visit v = {.command = NULL};
    pace real = {0}, free = {0};
    int status = parse(&v, argc, argv);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (signal(ends[i], on_interrupt) == SIG_IGN) signal(ends[i], SIG_IGN);
    if (!status) status = make_file(&v);
    if (!status) status = measure(&v, &real, &free);
    if (!status) say(&v, real, free);
    drop_file(&v);
    options_free(&v.o);
    return status;
}
