/* Features without `where` and `each`: every place has its row in a batch, so
 * records are computed straight into their slots, in any order. A record that
 * fails leaves a hole, which slot_finish repairs. */
#include "internal.h"
#include <string.h>

static void record_failed(worker *w, run *r, int64_t i, int verdict) {
    slot *s = r->slot;
    int64_t place = s->number * w->p->batch + r->row + i;
    int64_t index = r->index[i - r->at];
    const source_failure *f = r->reader.failed ? &r->reader.failed[i - r->at] : NULL;
    bad *b;
    s->failed[r->row + i] = 1;
    r->nfailed++;
    if (place >= w->p->places) return;          /* wrapped: reported before */
    b = f && f->why ? record_bad_read(w, f, place, index)
                    : record_bad(w, verdict, place, index);
    if (b) b->at = place + w->p->skip;
    bad_add(&r->bads, b);
}

/* One record, with all the care there is. */
static void compute_one(worker *w, run *r, int64_t i) {
    pipert *p = w->p;
    const pl_feature *f = p->feature;
    mark m = record_mark(w);
    node *n;
    int verdict = cache_enter(w, r, i, schedule_id(p, r, i), &n);
    if (verdict == PL_OK) {
        slot_aim(f->fields, f->nfields, r->slot, r->row + i, w->out);
        verdict = record_emit(w, n, w->out);
    }
    if (verdict == PL_OK) slot_keep(p, r->slot, r->row + i, w->out);
    else record_failed(w, r, i, verdict);
    record_reset(w, m);
}

/* The same for records that go well: no node, nothing to undo. Returns where it
 * met one that did not, or paused. */
static int64_t compute_fast(worker *w, run *r, int64_t i, bool ragged) {
    pipert *p = w->p;
    const pl_feature *f = p->feature;
    pl_enter_fn *enter = p->code->enter[0];
    pl_emit_fn *emit = p->code->emit;
    void *lib = p->lib, *frame;
    bool heard = recorder_hears(w);
    int64_t from = i;
    char *start, *end;
    mark m = record_mark(w);
    frame = pk_alloc(&w->call.kernel, (size_t)p->code->frame_size[0]);
    if (!frame) return i;
    start = w->call.kernel.at;
    end = w->call.kernel.end;
    for (; i < r->read; i++) {
        const pl_value *in = r->values + (i - r->at) * f->ninputs;
        uint64_t id = schedule_id(p, r, i);
        int verdict;
        w->in = in;
        if (heard) call_begins(w);
        verdict = enter(&w->call, lib, in, id, NULL, 0, frame);
        if (verdict == PL_OK) {
            slot_aim(f->fields, f->nfields, r->slot, r->row + i, w->out);
            verdict = emit(&w->call, lib, &frame, w->out);
        }
        verdict = record_said(w, verdict);
        call_ends(w, verdict);
        if (verdict != PL_OK) break;
        if (ragged) slot_keep(p, r->slot, r->row + i, w->out);
        if (w->call.kernel.at != start) record_reset(w, (mark){start, 0, NULL});
        w->call.kernel.end = end;
        if (schedule_pauses(w)) {
            i++;
            break;
        }
    }
    if (!heard) recorder_skip(w, i - from);
    record_reset(w, m);
    return i;
}

static bool is_unread(const run *r, int64_t i) {
    return r->reader.failed && r->reader.failed[i - r->at].why;
}

/* At least one record is done before a pause. */
static bool through(const worker *w, const run *r, int64_t i) {
    return i >= r->read || (i > r->at && schedule_pauses(w));
}

/* After a pause, r->read is where it was made. */
void fixed_compute(worker *w, run *r) {
    bool ragged = false;
    int64_t i = r->at;
    for (int k = 0; k < w->p->feature->nfields; k++)
        ragged |= w->p->feature->fields[k].ragged != 0;
    slot_use(w, r->slot);
    while (!through(w, r, i)) {
        if (!r->reader.failed && !w->p->cache) i = compute_fast(w, r, i, ragged);
        if (through(w, r, i)) break;
        if (is_unread(r, i)) record_failed(w, r, i, 0);
        else compute_one(w, r, i);
        i++;
    }
    r->read = i;
}
