#include "internal.h"
#include "text.h"
#include <stdlib.h>
#include <string.h>

static size_t pages(size_t n) {
    return (n + PLAT_PAGE - 1) & ~(size_t)(PLAT_PAGE - 1);
}

static size_t field_bytes(const pl_field *field, int64_t rows) {
    size_t each = field->ragged ? sizeof(pk_tensor) : (size_t)field->bytes;
    return pages(each * (size_t)rows);
}

double slot_size(const pipert *p, int64_t rows, const char **largest) {
    const pl_feature *f = p->feature;
    double total = (double)rows, most = -1;
    for (int k = 0; k < f->nfields; k++) {
        const pl_field *field = &f->fields[k];
        double n = (double)rows *
                   (field->ragged ? sizeof(pk_tensor) : (double)field->bytes);
        if (n > most) most = n, *largest = field->name;
        total += n;
    }
    return total;
}

size_t slot_bytes(const pipert *p, int64_t rows) {
    const pl_feature *f = p->feature;
    size_t total = pages((size_t)rows);
    for (int k = 0; k < f->nfields; k++) total += field_bytes(&f->fields[k], rows);
    return total;
}

/* Lays the fields out over s->memory. */
static void lay_out(pipert *p, slot *s, int64_t rows) {
    const pl_feature *f = p->feature;
    char *at = s->memory;
    for (int k = 0; k < f->nfields; k++) {
        if (f->fields[k].ragged) s->row[k] = (pk_tensor *)(void *)at;
        else s->dense[k] = at;
        s->batched[k] = (pl_batched){s->dense[k], s->row[k]};
        at += field_bytes(&f->fields[k], rows);
    }
    s->failed = (uint8_t *)at;
}

static bool slot_arrays(pipert *p, slot *s) {
    const pl_feature *f = p->feature;
    size_t n = (size_t)f->nfields + 1;
    s->dense = calloc(n, sizeof *s->dense);
    s->row = calloc(n, sizeof *s->row);
    s->batched = calloc(n, sizeof *s->batched);
    s->below = calloc((size_t)f->nbelow + 1, sizeof *s->below);
    s->output = calloc((size_t)f->noutputs + 1, sizeof *s->output);
    return s->dense && s->row && s->batched && s->below && s->output;
}

size_t slot_reach(const pipert *p, int64_t rows, size_t out_bytes) {
    return slot_bytes(p, rows) + pages(out_bytes);
}

static bool slot_memory(slot *s, size_t out_bytes, arena *from) {
    if (!from) {
        s->memory = plat_reserve_large(s->bytes);
        return s->memory && (!out_bytes || arena_init(&s->out, out_bytes));
    }
    s->lent = true;
    s->memory = arena_take(from, s->bytes);
    if (s->memory)
        arena_over(&s->out, arena_take(from, pages(out_bytes)), pages(out_bytes));
    return s->out.base;
}

bool slot_init(pipert *p, slot *s, int64_t rows, size_t out_bytes, arena *from) {
    memset(s, 0, sizeof *s);
    atomic_init(&s->full, false);
    if (plat_mutex_init(&s->out_lock) || !slot_arrays(p, s)) return false;
    bad_list_init(&s->bads);
    s->bytes = slot_bytes(p, rows);
    if (!slot_memory(s, out_bytes, from)) return false;
    lay_out(p, s, rows);
    return true;
}

void slot_fini(slot *s) {
    if (!s->bads.last) return;                  /* it never was */
    if (!s->lent) plat_unreserve(s->memory, s->bytes);
    arena_fini(&s->out);
    free(s->dense);
    free(s->row);
    free(s->batched);
    free(s->below);
    free(s->output);
    plat_mutex_fini(&s->out_lock);
}

void slot_open(pipert *p, slot *s, int64_t turn, int64_t number, int64_t rows,
               int64_t real) {
    if (s->nfailed) memset(s->failed, 0, (size_t)p->batch);
    s->nfailed = 0;
    s->turn = turn;
    s->number = number;
    s->rows = rows;
    s->real = real;
    s->done = 0;
    s->status = PIPERT_OK;
    s->state = SLOT_OPEN;
    s->generation++;
    atomic_store(&s->full, false);
    slot_clear(p, s);
}

void slot_clear(pipert *p, slot *s) {
    atomic_fetch_sub_explicit(&p->out_bytes, (long long)s->out.used,
                              memory_order_relaxed);
    arena_reset(&s->out, 0);
}

/* ---- memory of ragged values ---- */
void slot_use(worker *w, slot *s) {
    if (w->slot == s && w->slot_generation == s->generation) return;
    w->slot = s;
    w->slot_generation = s->generation;
    w->out_at = w->out_end = NULL;
}

static char *take_shared(worker *w, slot *s, size_t size) {
    char *at;
    plat_lock(&s->out_lock);
    at = arena_take(&s->out, size);
    plat_unlock(&s->out_lock);
    if (at)
        atomic_fetch_add_explicit(&w->p->out_bytes, (long long)size,
                                  memory_order_relaxed);
    else atomic_store(&s->full, true);
    return at;
}

void *slot_take(worker *w, size_t bytes) {
    enum { PIECE = 16 << 10 };
    size_t size = bytes ? (bytes + 63) & ~(size_t)63 : 64;
    if (size < bytes || !w->slot) return NULL;
    if ((size_t)(w->out_end - w->out_at) < size) {
        char *at = take_shared(w, w->slot, size > PIECE / 4 ? size : PIECE);
        if (!at || size > PIECE / 4) return at;
        w->out_at = at;
        w->out_end = at + PIECE;
    }
    w->out_at += size;
    return w->out_at - size;
}

void slot_keep(const pipert *p, slot *s, int64_t row, const pl_out *out) {
    const pl_feature *f = p->feature;
    for (int k = 0; k < f->nfields; k++) {
        pk_tensor *to;
        if (!f->fields[k].ragged) continue;
        to = &s->row[k][row];
        to->data = out[k].data;
        for (int d = 0; d < f->fields[k].rank; d++) to->dim[d] = out[k].dim[d];
    }
}

void slot_copy_row(const pipert *p, slot *to, int64_t row, const slot *from,
                   int64_t from_row) {
    const pl_feature *f = p->feature;
    for (int k = 0; k < f->nfields; k++) {
        size_t each = (size_t)f->fields[k].bytes;
        if (f->fields[k].ragged) to->row[k][row] = from->row[k][from_row];
        else memcpy(to->dense[k] + (size_t)row * each,
                    from->dense[k] + (size_t)from_row * each, each);
    }
}

static int64_t elements(const pk_tensor *t, int rank) {
    int64_t n = 1;
    for (int d = 0; d < rank; d++) n *= t->dim[d];
    return n;
}

bool slot_bring_row(worker *w, slot *to, int64_t row, const slot *from,
                    int64_t from_row) {
    const pl_feature *f = w->p->feature;
    slot_copy_row(w->p, to, row, from, from_row);
    for (int k = 0; k < f->nfields; k++) {
        pk_tensor *t = f->fields[k].ragged ? &to->row[k][row] : NULL;
        size_t bytes;
        void *data;
        if (!t) continue;
        bytes = (size_t)(elements(t, f->fields[k].rank) *
                         text_dtype_size(f->fields[k].dtype));
        data = slot_take(w, bytes);
        if (!data) return false;
        if (bytes) memcpy(data, t->data, bytes);
        t->data = data;
    }
    return true;
}

/* ---- finishing ---- */
static void slot_fails(slot *s, int status, const char *why) {
    s->status = status;
    snprintf(s->why, sizeof s->why, "%s", why);
}

/* A failed place takes the next good record of its batch, cyclically. */
static void repair(pipert *p, slot *s) {
    for (int64_t i = 0; i < s->real; i++) {
        int64_t k = i;
        if (!s->failed[i]) continue;
        do k = k + 1 == s->real ? 0 : k + 1;
        while (s->failed[k]);
        slot_copy_row(p, s, i, s, k);
    }
}

static void pad_ragged(const pl_field *field, slot *s, int k) {
    static const char empty[64];
    for (int64_t i = s->real; i < s->rows; i++) {
        s->row[k][i].data = (void *)(uintptr_t)empty;
        for (int d = 0; d < field->rank; d++)
            s->row[k][i].dim[d] = field->dim[d] < 0 ? 0 : field->dim[d];
    }
}

static void pad(pipert *p, slot *s) {
    const pl_feature *f = p->feature;
    for (int k = 0; k < f->nfields; k++) {
        size_t each = (size_t)f->fields[k].bytes;
        if (f->fields[k].ragged) pad_ragged(&f->fields[k], s, k);
        else memset(s->dense[k] + (size_t)s->real * each, 0,
                    (size_t)(s->rows - s->real) * each);
    }
}

/* Runs a code below the batch; a fused one in doubt is judged by the plain one. */
static int run_below(worker *w, slot *s) {
    pipert *p = w->p;
    const pl_code *code = p->code;
    void *lib = p->lib;
    for (;;) {
        int verdict;
        w->call.verdict = 0;
        verdict = code->batch(&w->call, lib, s->batched, s->rows, s->real,
                              (uint64_t)s->number, s->below);
        if (verdict == PL_OK || code == p->plain || !p->plain) return verdict;
        code = p->plain;
        lib = load_plain_lib(p);
        if (!lib) return PL_FAILED;
    }
}

static void below(worker *w, slot *s) {
    pipert *p = w->p;
    mark m = record_mark(w);
    int verdict = run_below(w, s);
    if (verdict != PL_OK && !atomic_load(&s->full)) {
        bad *b = record_bad(w, verdict, 0, 0);
        snprintf(s->why, sizeof s->why, "batch %lld failed: %s:%d: %s: %s",
                 (long long)s->number, p->file, b ? b->line : 0,
                 b ? b->operator_name : "", b ? b->reason : "");
        s->status = PIPERT_BATCH;
        if (b) bad_free(p, b);
    }
    record_reset(w, m);
}

static void output_dense(slot *s, const pl_output *o, pipert_output *to) {
    to->rank = o->rank;
    to->data = s->dense[o->index];
    to->dim[0] = s->rows;
    for (int d = 1; d < o->rank; d++) to->dim[d] = o->dim[d];
}

static void output_below(slot *s, const pl_output *o, pipert_output *to) {
    to->rank = o->rank;
    to->data = s->below[o->index].data;
    for (int d = 0; d < o->rank; d++) to->dim[d] = s->below[o->index].dim[d];
}

/* Joins the rows of a ragged field. */
static bool output_ragged(worker *w, slot *s, const pl_output *o, pipert_output *to) {
    const pk_tensor *row = s->row[o->index];
    int rank = o->rank - 1, size = text_dtype_size(o->dtype);
    int64_t *offsets = slot_take(w, (size_t)(s->rows + 1) * sizeof *offsets);
    int32_t *shapes = rank < 2 ? NULL
                               : slot_take(w, (size_t)(s->rows * rank) * sizeof *shapes);
    char *data;
    if (!offsets || (rank > 1 && !shapes)) return false;
    offsets[0] = 0;
    for (int64_t i = 0; i < s->rows; i++) {
        offsets[i + 1] = offsets[i] + elements(&row[i], rank);
        for (int d = 0; d < rank && shapes; d++)
            shapes[i * rank + d] = (int32_t)row[i].dim[d];
    }
    data = slot_take(w, (size_t)(offsets[s->rows] * size));
    if (!data) return false;
    for (int64_t i = 0; i < s->rows; i++) {
        size_t bytes = (size_t)((offsets[i + 1] - offsets[i]) * size);
        if (bytes) memcpy(data + offsets[i] * size, row[i].data, bytes);
    }
    to->rank = o->rank;
    to->ragged = 1;
    to->dim[0] = s->rows;
    for (int d = 1; d < o->rank; d++) to->dim[d] = -1;
    to->data = data;
    to->count = offsets[s->rows];
    to->offsets = offsets;
    to->shapes = shapes;
    return true;
}

/* What lies elsewhere (a constant of the library) is copied for who sees this memory
 * alone. */
static bool in_shared(worker *w, pipert_output *o) {
    const arena *shared = &w->p->shared;
    size_t at = (size_t)((const char *)o->data - shared->base);
    size_t bytes = (size_t)o->count * (size_t)text_dtype_size(o->dtype);
    void *copy;
    if (!shared->base || at < shared->size) return true;
    copy = slot_take(w, bytes);
    if (copy && bytes) memcpy(copy, o->data, bytes);
    o->data = copy;
    return copy != NULL;
}

static void outputs(worker *w, slot *s) {
    const pl_feature *f = w->p->feature;
    for (int k = 0; k < f->noutputs; k++) {
        const pl_output *o = &f->outputs[k];
        pipert_output *to = &s->output[k];
        *to = (pipert_output){.name = o->name, .dtype = (pipert_dtype)o->dtype,
                              .count = 1};
        if (o->below) output_below(s, o, to);
        else if (!o->ragged) output_dense(s, o, to);
        else if (!output_ragged(w, s, o, to)) return;
        for (int d = 0; d < to->rank && !to->ragged; d++) to->count *= to->dim[d];
        if (!in_shared(w, to)) return;
    }
}

static void finish_good(worker *w, slot *s) {
    pipert *p = w->p;
    if (s->nfailed) repair(p, s);
    if (s->real < s->rows) pad(p, s);
    if (p->code->batch) below(w, s);
    if (s->status == PIPERT_OK) outputs(w, s);
}

void slot_finish(worker *w, slot *s) {
    pipert *p = w->p;
    slot_use(w, s);
    if (s->nfailed && p->options.on_error == PIPERT_ON_ERROR_FAIL)
        ;                               /* its failures end the run anyway */
    else if (s->real && s->nfailed == s->real)
        slot_fails(s, PIPERT_BATCH, "");
    else finish_good(w, s);
    if (atomic_load(&s->full)) slot_fails(s, PIPERT_MEMORY, "");
    s->public = (pipert_batch){(int64_t)s->order->epoch, s->number, s->rows, s->real,
                               p->feature->noutputs, s->output};
}
