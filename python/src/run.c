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
    (void)level;
    pthread_mutex_lock(&r->log_lock);
    if (r->nlog < LOG_LINES)
        snprintf(r->log[r->nlog], sizeof r->log[0], "%s", message);
    r->nlog++;
    pthread_mutex_unlock(&r->log_lock);
}

lease *lease_new(run *r, pipert_batch *b) {
    lease *l = malloc(sizeof *l);
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

void lease_drop(lease *l) {
    run *r = l ? l->run : NULL;
    if (!l || atomic_fetch_sub(&l->holders, 1) != 1) return;
    if (!run_is_foreign(r)) pipert_release(r->p, l->batch);
    free(l);
    run_unuse(r);
    run_drop(r);
}
