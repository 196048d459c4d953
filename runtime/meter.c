#include "meter.h"
#include "internal.h"
#include <stdlib.h>

struct meter {
    meter_file *file;
    meter_row *row;
    pipert_batch *kept[METER_KEPT];
    atomic_int nkept;
    int most;                   /* to keep; what follows is them again */
    int64_t turn;
    int64_t waited;             /* by pipert_wait, for the batch that comes next */
};

/* ---- the file ---- */

meter *meter_open(void) {
    const char *path = getenv(METER_VARIABLE);
    meter *m = path ? calloc(1, sizeof *m) : NULL;
    void *at = NULL;
    int n;
    if (!m || plat_map_file(path, sizeof *m->file, &at)) return free(m), NULL;
    m->file = at;
    n = m->file->magic == METER_MAGIC ? atomic_fetch_add(&m->file->n, 1) : METER_HANDLES;
    if (n < METER_HANDLES) {
        m->row = &m->file->row[n];
        m->most = METER_KEPT;
        return m;
    }
    meter_close(m);
    return NULL;
}

void meter_close(meter *m) {
    if (!m) return;
    plat_unreserve(m->file, sizeof *m->file);
    free(m);
}

/* ---- batches ---- */

int meter_keeps(const meter *m, const pipert_batch *b) {
    for (int i = 0, n = atomic_load(&m->nkept); i < n; i++)
        if (m->kept[i] == b) return 1;
    return 0;
}

static int replays(const meter *m) {
    return m->file->replay && atomic_load(&m->nkept) == m->most;
}

/* An epoch of few batches, or a budget for few, keeps few. */
static int next(meter *m, pipert *p, pipert_batch **out) {
    int n = atomic_load(&m->nkept), status;
    if (replays(m)) return *out = m->kept[m->turn++ % m->most], PIPERT_OK;
    status = pipert_take(p, out);
    if (!m->file->replay) return status;
    if (status == PIPERT_OK) {
        m->kept[n] = *out;
        atomic_store(&m->nkept, n + 1);
        if (p->nslots && 2 * (n + 1) >= p->nslots) m->most = n + 1;
    } else if (n && (status == PIPERT_END || status == PIPERT_HELD)) {
        m->most = n;
        return *out = m->kept[m->turn++ % n], PIPERT_OK;
    }
    return status;
}

static void add(atomic_llong *to, int64_t n) {
    atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

int meter_next(meter *m, pipert *p, pipert_batch **out) {
    int64_t began = plat_now(), now;
    int status = next(m, p, out);
    now = plat_now();
    if (status != PIPERT_OK) return status;
    if (!atomic_load(&m->row->first)) atomic_store(&m->row->first, now);
    else add(&m->row->wait, now - began + m->waited);
    m->waited = 0;
    add(&m->row->rows, (*out)->valid);
    add(&m->row->batches, 1);
    atomic_store(&m->row->last, now);
    return status;
}

int meter_wait(meter *m, pipert *p, int64_t milliseconds) {
    int64_t began = plat_now();
    int status = replays(m) ? PIPERT_OK : pipert_await(p, milliseconds);
    m->waited += plat_now() - began;
    return status;
}
