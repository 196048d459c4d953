/* Open handles and the batches they have handed out, counted without Python. */
#include "pipec_python.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

run *run_new(void) {
    run *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    atomic_init(&r->holders, 1);
    atomic_init(&r->users, 1);
    r->pid = getpid();
    r->epoch = -1;
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->log_lock, NULL);
    return r;
}

bool run_is_foreign(const run *r) { return r->pid != getpid(); }

/* After a fork the threads that may hold locks are gone: nothing is closed then. */
void run_unuse(run *r) {
    if (atomic_fetch_sub(&r->users, 1) == 1 && !run_is_foreign(r)) pipert_close(r->p);
}

bool run_use(run *r) {
    bool closed;
    pthread_mutex_lock(&r->lock);
    closed = r->closed;
    if (!closed) atomic_fetch_add(&r->users, 1);
    pthread_mutex_unlock(&r->lock);
    return !closed;
}

void run_close(run *r) {
    bool closed;
    if (run_is_foreign(r)) return;
    pthread_mutex_lock(&r->lock);
    closed = r->closed;
    r->closed = true;
    if (!closed) pipert_stop(r->p);
    pthread_mutex_unlock(&r->lock);
    if (!closed) run_unuse(r);
}

void run_drop(run *r) {
    if (atomic_fetch_sub(&r->holders, 1) != 1 || run_is_foreign(r)) return;
    pthread_mutex_destroy(&r->lock);
    pthread_mutex_destroy(&r->log_lock);
    free(r);
}

/* Lines beyond the room are counted, not kept: they repeat. */
void run_log(void *context, int level, const char *message) {
    run *r = context;
    bool warns = level == PIPERT_LOG_WARNING;
    pthread_mutex_lock(&r->log_lock);
    if (r->nlog < LOG_LINES)
        snprintf(r->log[r->nlog], sizeof r->log[0], "%c%s", warns ? '!' : ' ', message);
    r->nlog++;
    pthread_mutex_unlock(&r->log_lock);
}

lease *lease_new(run *r, pipert_batch *b) {
    size_t n = (size_t)b->noutputs;
    lease *l = calloc(1, sizeof *l + n * sizeof l->copies[0]);
    if (!l) return pipert_release(r->p, b), NULL;
    atomic_init(&l->holders, 1);
    l->run = r;
    l->batch = b;
    atomic_fetch_add(&r->holders, 1);
    atomic_fetch_add(&r->users, 1);
    return l;
}

lease *lease_hold(lease *l) {
    atomic_fetch_add(&l->holders, 1);
    return l;
}

/* ---- copies ---- */
const void *lease_copied(const lease *copy) {
    uintptr_t behind = (uintptr_t)(copy + 1);
    return (const void *)((behind + ALIGNED - 1) / ALIGNED * ALIGNED);
}

static lease *copy_new(const void *data, size_t bytes) {
    lease *copy = malloc(sizeof *copy + ALIGNED + bytes);
    if (!copy) return NULL;
    atomic_init(&copy->holders, 1);
    copy->run = NULL;
    copy->batch = NULL;
    if (bytes) memcpy((void *)(uintptr_t)lease_copied(copy), data, bytes);
    return copy;
}

/* Who comes second, of threads that share a batch, takes what the first one made. */
lease *lease_copy(lease *l, int field, size_t bytes) {
    lease *copy = atomic_load(&l->copies[field]), *first = NULL;
    if (copy) return copy;
    copy = copy_new(l->batch->output[field].data, bytes);
    if (!copy || atomic_compare_exchange_strong(&l->copies[field], &first, copy))
        return copy;
    free(copy);
    return first;
}

static void give_back(lease *l) {
    run *r = l->run;
    for (int i = 0; i < l->batch->noutputs; i++) lease_drop(atomic_load(&l->copies[i]));
    if (!run_is_foreign(r)) pipert_release(r->p, l->batch);
    run_unuse(r);
    run_drop(r);
}

void lease_drop(lease *l) {
    if (!l || atomic_fetch_sub(&l->holders, 1) != 1) return;
    if (l->run) give_back(l);
    free(l);
}
