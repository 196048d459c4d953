/* Features with `where` or `each`: how many rows a place gives is known only once
 * it was entered, so positions in batches are dealt out in order, by ticket.
 *
 * A run enters a part of its records, waits for its turn, is given the positions
 * of its rows, and places them, in parallel with other runs. What fails without a
 * position is no trouble. What fails in `emit` would leave a hole:
 *
 *   on_error = fail   the failure ends the run anyway: rows get their positions
 *                     before they are emitted, straight into the slots
 *   on_error = skip   rows are emitted into a stage of the run first, so that only
 *                     good ones are given positions, and copied to their slots
 *
 * Events of a place are its leaves and its failures, counted in order: with the
 * place they say where a batch ends (state.c). */
#include "internal.h"
#include <string.h>

/* ---- entering: lock not held ---- */
static bool stages(const pipert *p) {
    return p->options.on_error == PIPERT_ON_ERROR_SKIP;
}

/* What counts is the memory that the part's end would give back: records that are open
 * stay, with all that lies below them, however much that is. */
static bool part_is_full(worker *w, const run *r) {
    if (r->nrows >= w->p->part_rows) return true;
    if (r->nbads >= PART_ROWS) return true;
    return (size_t)(w->call.kernel.at - r->path_mark[r->depth].at) + r->stage.out.used >
           RECORD_SOFT;
}

/* A child: the row of `each` it is made for, and those of the nodes above it. */
static void set_rows(bad *b, const node *parent, int64_t row) {
    if (!b || !parent) return;
    b->level = parent->level + 1;
    b->row[parent->level] = row;
    for (; parent->parent; parent = parent->parent)
        b->row[parent->level - 1] = parent->row;
}

static void note_bad(const pipert *p, run *r, bad *b, int64_t place, int64_t event) {
    if (!b) return;
    b->at = schedule_place(p, r, place);
    b->place = place;
    b->event = event;
    b->rows_before = r->nrows;
    bad_add(&r->bads, b);
    r->nbads++;
}

static int64_t index_of(const run *r) { return r->index[r->enter - r->at]; }

static void note_leaf(worker *w, run *r, const node *n, int verdict, bool told) {
    bad *b = record_bad(w, verdict, 0, index_of(r));
    if (b) b->told = told;
    set_rows(b, n->parent, n->row);
    note_bad(w->p, r, b, n->place, n->event);
}

/* Emits a leaf into the stage; its memory is not needed any more. Restored: the row was
 * handed out before, but that it failed is to be known. */
static void stage_leaf(worker *w, run *r, node *n, bool restored) {
    pipert *p = w->p;
    const pl_feature *f = p->feature;
    int verdict;
    slot_aim(f->fields, f->nfields, &r->stage, r->nrows, w->out);
    verdict = record_emit(w, n, w->out);
    if (verdict == PL_OK) {
        if (restored) return;
        slot_keep(p, &r->stage, r->nrows, w->out);
        r->row_place[r->nrows] = n->place;
        r->row_event[r->nrows++] = n->event;
    } else if (verdict != PL_REJECTED) {
        note_leaf(w, r, n, verdict, restored);
    }
}

static void keep_leaf(run *r, node *n) {
    n->next = NULL;
    if (r->last_leaf) r->last_leaf->next = n;
    else r->next_leaf = n;
    r->last_leaf = n;
    r->row_place[r->nrows] = n->place;
    r->row_event[r->nrows++] = n->event;
}

static void open_node(worker *w, run *r, node *n) {
    r->path[r->depth] = n;
    r->path_row[r->depth++] = 0;
    r->path_mark[r->depth] = record_mark(w);
}

static void note_entered(worker *w, run *r, const node *parent, int verdict, bool told) {
    bad *b = record_bad(w, verdict, 0, index_of(r));
    if (b) b->told = told;
    if (parent) set_rows(b, parent, r->path_row[r->depth - 1] - 1);
    note_bad(w->p, r, b, r->first + r->enter, r->event);
}

/* What became of a record or a child. Its memory stays only if somebody needs it:
 * its children, its emit, or siblings for the plain twin of their parent. */
static void entered(worker *w, run *r, node *n, int verdict, mark before,
                    const node *parent, const node *twin) {
    int64_t place = r->first + r->enter;
    bool leaf = verdict == PL_OK && n->level + 1 == w->p->feature->levels;
    bool restored = place == r->lane->skip_place && r->event < r->lane->skip_events;
    if (n) n->place = place, n->event = r->event;
    if (verdict == PL_OK && !leaf) {
        open_node(w, r, n);
        return;
    }
    if (!leaf && verdict != PL_REJECTED) note_entered(w, r, parent, verdict, restored);
    else if (leaf && stages(w->p)) stage_leaf(w, r, n, restored);
    else if (leaf && !restored) keep_leaf(r, n);
    r->event += verdict != PL_REJECTED;
    if (leaf && !restored && !stages(w->p)) return;
    if (!parent || parent->plain == twin) record_reset(w, before);
}

static void enter_place(worker *w, run *r) {
    int64_t i = r->enter - r->at, index = r->index[i];
    const source_failure *f = r->reader.failed ? &r->reader.failed[i] : NULL;
    mark before = record_mark(w);
    node *n = NULL;
    int verdict;
    r->event = 0;
    if (!f || !f->why) {
        verdict = cache_enter(w, r, r->enter, schedule_id(w->p, r, r->enter), &n);
        entered(w, r, n, verdict, before, NULL, NULL);
    } else if (r->first + r->enter != r->lane->skip_place || !r->lane->skip_events) {
        note_bad(w->p, r, record_bad_read(w, f, 0, index), r->first + r->enter, 0);
    }
}

static void enter_child(worker *w, run *r, node *parent, int64_t row) {
    mark before = record_mark(w);
    const node *twin = parent->plain;
    node *n = NULL;
    int verdict = record_enter(w, parent, row, NULL, order_child(parent->id, row), &n);
    entered(w, r, n, verdict, before, parent, twin);
}

/* Records without children that go well, on their way to the slot: the same as
 * enter_place, without its care. Stops at the first that is anything else. true: it
 * paused. */
static bool enter_fast(worker *w, run *r) {
    pipert *p = w->p;
    const pl_code *code = p->code;
    const pl_value *in = r->values + (r->enter - r->at) * p->feature->ninputs;
    if (p->feature->levels > 1 || stages(p) || r->reader.failed || p->cache)
        return false;
    if (r->lane->skip_place >= r->first + r->enter) return false;
    while (r->enter < r->read && !part_is_full(w, r)) {
        mark before = record_mark(w);
        node *n = record_node(w, code, NULL, 0, in, schedule_id(p, r, r->enter));
        int verdict;
        if (!n) return false;
        w->in = in;
        call_begins(w);
        verdict = code->enter[0](&w->call, p->lib, in, n->id, NULL, 0, n->frame);
        verdict = record_said(w, verdict);
        call_ends(w, verdict);
        if (verdict == PL_OK) {
            n->place = r->first + r->enter;
            keep_leaf(r, n);
        } else {
            record_reset(w, before);
            if (verdict != PL_REJECTED) return false;
        }
        r->enter++;
        in += p->feature->ninputs;
        if (schedule_pauses(w)) return true;
    }
    return false;
}

/* Goes on where the last part ended. true: all that was read is entered. */
static bool enter_part(worker *w, run *r) {
    do {
        if (!r->depth && enter_fast(w, r)) return false;
        if (part_is_full(w, r)) return false;
        if (!r->depth) {
            if (r->enter == r->read) return true;
            enter_place(w, r);
            if (!r->depth) r->enter++;
            continue;
        }
        node *parent = r->path[r->depth - 1];
        int64_t row = r->path_row[r->depth - 1]++;
        if (row < record_rows(parent)) enter_child(w, r, parent, row);
        else if (!--r->depth) r->enter++;
    } while (!schedule_pauses(w));
    return false;
}

/* Forgets what was placed; nodes that are still open stay. */
static void begin_part(worker *w, run *r) {
    mark m = r->path_mark[r->depth];
    record_reset(w, m);
    for (int i = 0; i < r->depth; i++)
        if ((char *)r->path[i]->plain >= m.at) r->path[i]->plain = NULL;
    r->next_leaf = r->last_leaf = NULL;
    r->nrows = r->placed = r->nbads = 0;
    if (stages(w->p)) {
        slot_open(w->p, &r->stage, 0, 0, 0, 0);
        slot_use(w, &r->stage);
    }
}

void kept_enter(worker *w, run *r) {
    record_attach(w, r->memory);
    if (!r->begun) {
        r->begun = true;
        r->depth = 0;
        r->path_mark[0] = record_mark(w);
    }
    begin_part(w, r);
    r->entered = enter_part(w, r);
    record_attach(w, w->own);
}

/* Gives back all memory of the run's records. */
void kept_end(worker *w, run *r) {
    record_attach(w, r->memory);
    record_reset(w, r->path_mark[0]);
    record_attach(w, w->own);
    if (stages(w->p)) slot_clear(w->p, &r->stage);
}

/* ---- tickets: lock held ---- */
/* The lane has all the rows that are asked of it. */
static bool is_through(const lane *l, int64_t position) {
    return l->last_row >= 0 && position >= l->last_row;
}

/* The failures found so far, with the batch that was in the making; not those that
 * were reported before, and those that no batch comes to. */
static void hand_over_bads(pipert *p, run *r) {
    lane *l = r->lane;
    bool again = l->wrapping || r->first >= l->places;
    bad *b = r->bads.first, *next;
    bad_list_init(&r->bads);
    for (; b; b = next) {
        int64_t position = r->start + b->rows_before;
        next = b->next;
        b->turn = schedule_turn(p, l, position);
        if (again || position < l->first_row || is_through(l, position)) bad_free(p, b);
        else bad_add(&l->bads, b);
    }
    if (l->bads.n > BADS_WAITING / 2) schedule_wake(p, WAKE_CALLER);
}

static run *run_of(pipert *p, const lane *l, int64_t sequence) {
    for (int i = 0; i < p->nruns; i++)
        if (p->runs[i].state != RUN_FREE && p->runs[i].lane == l &&
            p->runs[i].sequence == sequence)
            return &p->runs[i];
    return NULL;
}

/* Once all rows of a lane have their positions, its last batch is known. */
static void seal(worker *w, lane *l) {
    pipert *p = w->p;
    int64_t rest = l->position % p->batch;
    slot *s;
    if (l->last_row >= 0) {
        l->sealed |= is_through(l, l->position);
        return;
    }
    if (l->sealed || l->planned < l->places || l->ticket != l->sequence) return;
    if (rest && p->feature->last == PL_LAST_WRAP) {
        l->wrapping = true;
        return;
    }
    l->sealed = true;
    l->batches = l->position / p->batch;
    if (rest && p->feature->last != PL_LAST_DROP) {
        l->last_rows = rest;
        l->last_turn = schedule_turn(p, l, l->position);
        l->batches++;
        s = schedule_opened(p, l->last_turn);
        if (s) schedule_last_rows(w, s, l);
    }
    schedule_wake(p, WAKE_CALLER);
}

void kept_tickets(worker *w, lane *l) {
    pipert *p = w->p;
    run *r;
    while ((r = run_of(p, l, l->ticket)) && r->state == RUN_ENTERED) {
        r->start = l->position;
        if (l->wrapping) {                      /* no further than this batch */
            int64_t room = p->batch - 1 - (l->position + p->batch - 1) % p->batch;
            if (r->nrows > room) r->nrows = room;
        }
        if (is_through(l, l->position + r->nrows)) r->nrows = l->last_row - l->position;
        l->position += r->nrows;
        hand_over_bads(p, r);
        r->state = RUN_TICKETED;
        if (!r->entered || r->read < r->count) break;
        l->ticket++;
        l->empty |= l->last_row > 0 && !l->position && r->first + r->count >= l->places;
    }
    seal(w, l);
}

/* ---- placing: lock held, given up while rows are written ---- */
static void emit_failed(worker *w, run *r, node *leaf, int verdict) {
    bad *b = record_bad(w, verdict, 0, schedule_index(w->p, r, leaf->place));
    set_rows(b, leaf->parent, leaf->row);
    note_bad(w->p, r, b, leaf->place, leaf->event);
}

/* With all the care there is. */
static void emit_leaf(worker *w, run *r, node *leaf, slot *s, int64_t row) {
    mark before = record_mark(w);
    const node *twin = leaf->parent ? leaf->parent->plain : NULL;
    int verdict = record_emit(w, leaf, w->out);
    if (verdict == PL_OK) slot_keep(w->p, s, row, w->out);
    else emit_failed(w, r, leaf, verdict);
    if (!leaf->parent || leaf->parent->plain == twin) record_reset(w, before);
}

static int emit_fast(worker *w, node *leaf) {
    int verdict;
    w->in = leaf->in;
    call_begins(w);
    verdict = record_said(w, leaf->code->emit(&w->call, w->p->lib, &leaf->frame, w->out));
    call_ends(w, verdict);
    return verdict;
}

/* Up to n rows; less, and at least one, if it pauses. Returns how many. */
static int64_t emit_rows(worker *w, run *r, slot *s, int64_t row, int64_t n) {
    pipert *p = w->p;
    int64_t i;
    const pl_feature *f = p->feature;
    mark before;
    record_attach(w, r->memory);
    slot_use(w, s);
    before = record_mark(w);
    for (i = row; i < row + n; i++, r->next_leaf = r->next_leaf->next) {
        node *leaf = r->next_leaf;
        if (i > row && schedule_pauses(w)) break;
        slot_aim(f->fields, f->nfields, s, i, w->out);
        if (leaf->parent || leaf->code != p->code || emit_fast(w, leaf) != PL_OK) {
            if (!leaf->parent) record_reset(w, before);
            emit_leaf(w, r, leaf, s, i);
            if (leaf->parent) before = record_mark(w);
            continue;
        }
        slot_keep(p, s, i, w->out);
        if (w->call.kernel.at != before.at) record_reset(w, before);
    }
    record_attach(w, w->own);
    return i - row;
}

static void copy_rows(worker *w, run *r, slot *s, int64_t row, int64_t n) {
    slot_use(w, s);
    for (int64_t i = 0; i < n; i++)
        if (!slot_bring_row(w, s, row + i, &r->stage, r->placed + i)) return;
}

/* Rows that were handed out before. */
static void pass_rows(run *r, int64_t most) {
    for (; most-- && r->placed < r->nrows; r->placed++)
        if (r->next_leaf) r->next_leaf = r->next_leaf->next;
}

/* Places rows as far as there are slots, and until a pause. true: the part is placed. */
bool kept_place(worker *w, run *r) {
    pipert *p = w->p;
    while (r->placed < r->nrows) {
        int64_t position = r->start + r->placed, row = position % p->batch;
        int64_t n = r->nrows - r->placed, last;
        slot *s;
        if (position < r->lane->first_row) {
            pass_rows(r, r->lane->first_row - position);
            continue;
        }
        s = schedule_slot(p, schedule_turn(p, r->lane, position));
        if (!s) return false;
        if (n > p->batch - row) n = p->batch - row;
        schedule_unlock(p);
        if (stages(p)) copy_rows(w, r, s, row, n);
        else n = emit_rows(w, r, s, row, n);
        plat_lock(&p->lock);
        last = r->placed + n - 1;
        if (row + n == p->batch && (r->first < r->lane->places || p->steps >= 0)) {
            s->lane_place = r->row_place[last];
            s->lane_event = r->row_event[last] + 1;
        }
        r->placed += n;
        for (bad *b = r->bads.first; b; b = b->next) b->turn = s->turn;
        s->nfailed += r->bads.n;
        bad_move(&r->lane->bads, &r->bads);
        schedule_rows_done(w, s, n);
        if (schedule_pauses(w)) return r->placed == r->nrows;
    }
    return true;
}
