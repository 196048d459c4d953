/* A run in a process of its own, the sidecar. The caller's handle knows the feature;
 * once it is started, the sidecar does the work, in slots that lie in a file of memory
 * without a name (memfd), which the caller's process maps; a stream between the two
 * carries messages, never batches:
 *
 *     START, then NEWS, RESTORE, CLOSE        to the sidecar (serve.c)
 *     STARTED, then BATCH, EVENT, BEGUN, RESTORED, LOG, CLOSED from it (to sidecar.c)
 *
 * NEWS: what was taken, what is given back, whether the caller waits. It is told in
 * portions, so that a small batch wakes nobody.
 *
 * Batches are told a few ahead, each with the state behind it, the numbers, and the lines
 * of the report, which count when it is taken: so a saved state is that of the batches
 * which were taken, and outlives the sidecar. An END, an error, and
 * that all batches are held are told when the caller waits; then the sidecar goes on
 * only if it is asked to. Either side sees the other's end; nothing is left behind. */
#ifndef PIPERT_SIDECAR_H
#define PIPERT_SIDECAR_H
#include "pipert.h"
#include <stdbool.h>

enum { SIDECAR_STREAM = 3, SIDECAR_MEMORY = 4 };    /* its descriptors */
enum { SIDECAR_START = 1, SIDECAR_NEWS, SIDECAR_RESTORE, SIDECAR_CLOSE, SIDECAR_STARTED,
       SIDECAR_BATCH, SIDECAR_EVENT, SIDECAR_BEGUN, SIDECAR_RESTORED, SIDECAR_LOG, SIDECAR_CLOSED };
enum { SIDECAR_STATE = 4096 };                      /* room for a state's text */

/* How many batches of so many slots are told ahead. */
enum { SIDECAR_AHEAD = 16 };
static inline int sidecar_ahead(int nslots) {
    int n = nslots / 4;
    return n < 1 ? 1 : n > SIDECAR_AHEAD ? SIDECAR_AHEAD : n;
}

/* What pipert.h says of the same names, for a handle with a sidecar. */
int sidecar_start(pipert *);
int sidecar_next(pipert *, pipert_batch **);
int sidecar_wait(pipert *, int64_t milliseconds);
/* false: it is not held. */
bool sidecar_release(pipert *, pipert_batch *);
int sidecar_restore(pipert *, const char *text);
int sidecar_save(pipert *, char *text, size_t size);
void sidecar_stats(pipert *, pipert_stats *);
const char *const *sidecar_classes(const pipert *, int *n);
/* Ends it, if there is one; may be called again. What pipert_stop gives. */
int sidecar_stop(pipert *);
void sidecar_free(pipert *);

/* A copy of the command, ended by NULL; NULL: no memory. sidecar_forget frees it. */
char **sidecar_command(const char *const *argv);
void sidecar_forget(char **argv);
#endif
