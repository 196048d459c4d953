/* Segments: room in them, and which of them goes. */
#include "store_inside.h"

static const int64_t GONE = INT64_MIN / 2;
enum { MANY = 512 };            /* segments; on disk each is an open file */

int64_t round_up(int64_t bytes) { return (bytes + ALIGN - 1) & -(int64_t)ALIGN; }

bool segment_pin(segment *g, uint32_t age) {
    if (atomic_fetch_add(&g->pins, 1) >= 0 && atomic_load(&g->age) == age) return true;
    segment_unpin(g);
    return false;
}

void segment_unpin(segment *g) { atomic_fetch_sub(&g->pins, 1); }

void segment_use(store *s, segment *g) {
    int64_t epoch = atomic_load_explicit(&s->epoch, memory_order_relaxed);
    if (atomic_load_explicit(&g->last, memory_order_relaxed) == epoch) return;
    if (atomic_exchange(&g->last, epoch) != epoch && s->kind->use) s->kind->use(s, g);
}

static void add_bytes(store *s, int64_t bytes) {
    plat_lock(&s->space);
    s->bytes += bytes;
    plat_unlock(&s->space);
}

/* ---- places: growth held ---- */
bool segment_is_there(segment *g) { return atomic_load(&g->pins) >= 0; }

segment *segment_place(store *s) {
    for (uint32_t i = 0; i < s->nsegments; i++)
        if (!segment_is_there(&s->segment[i])) return &s->segment[i];
    if (s->nsegments == MOST_SEGMENTS) return NULL;
    atomic_store(&s->segment[s->nsegments].pins, GONE);
    return &s->segment[s->nsegments++];
}

/* Somebody may be about to find that nothing is there: pins are added, not set. */
void segment_appears(store *s, segment *g) {
    g->made = s->made++;
    add_bytes(s, g->size);
    atomic_fetch_sub(&g->pins, GONE);
}

void segment_resize(store *s, segment *g, int64_t size) {
    add_bytes(s, size - g->size);
    g->size = size;
}

/* Whoever comes from now on finds no segment. */
static bool take_away(segment *g) {
    int64_t none = 0;
    return atomic_compare_exchange_strong(&g->pins, &none, GONE);
}

static void forget(store *s, segment *g) {
    atomic_fetch_add(&g->age, 1);
    s->kind->drop(s, g);
    add_bytes(s, -g->size);
}

bool segment_leave(store *s, segment *g) {
    bool good = g != s->writing && take_away(g);
    if (good) forget(s, g);
    return good;
}

/* ---- which goes: growth held ---- */
static bool may_go(store *s, segment *g) {
    return g != s->writing && g->asked != s->asked && atomic_load(&g->pins) == 0 &&
           atomic_load(&g->last) < atomic_load(&s->epoch) - 1;
}

static bool goes_before(segment *a, segment *b) {
    int64_t x = atomic_load(&a->last), y = atomic_load(&b->last);
    if (a->used != b->used) return a->used < b->used;
    return x != y ? x < y : a->made < b->made;
}

static segment *oldest(store *s) {
    segment *best = NULL;
    for (uint32_t i = 0; i < s->nsegments; i++) {
        segment *g = &s->segment[i];
        if (may_go(s, g) && (!best || goes_before(g, best))) best = g;
    }
    return best;
}

static bool evict(store *s) {
    segment *g;
    while ((g = oldest(s))) {
        g->asked = s->asked;
        if (!take_away(g)) continue;
        if (!s->kind->seize || s->kind->seize(s, g)) break;
        atomic_fetch_sub(&g->pins, GONE);
    }
    if (!g) return false;
    forget(s, g);
    atomic_fetch_add(&s->evicted, 1);
    return true;
}

/* ---- making: growth held ---- */
static int64_t room_left(store *s) {
    int64_t left;
    plat_lock(&s->space);
    left = (s->options.limit - s->bytes) & -(int64_t)ALIGN;
    plat_unlock(&s->space);
    return left;
}

static bool are_many(store *s) {
    int n = 0;
    for (uint32_t i = 0; i < s->nsegments; i++) n += segment_is_there(&s->segment[i]);
    return n >= MANY;
}

/* Bytes for values, where so many are left. Several processes may come for room: what
 * becomes scarce is cut smaller, so that each of them gets some. */
static int64_t size_for(const store *s, int64_t left, int64_t least, int64_t most) {
    enum { SHARE = 4, PARTS = 64 };
    int64_t part = left / SHARE;
    if (!s->kind->enter) part = left;
    if (part < s->options.limit / PARTS) part = s->options.limit / PARTS;
    if (part < least) part = least;
    if (part > most) part = most;
    return (part < left ? part : left) & -(int64_t)ALIGN;
}

/* Of `least` to `most` bytes for values, as there is room; pinned. */
static segment *make(store *s, int64_t least, int64_t most) {
    int64_t fixed = s->kind->first + s->kind->beside, left;
    segment *g;
    s->asked++;
    while ((left = room_left(s) - fixed) < least || are_many(s))
        if (!evict(s)) return NULL;
    g = segment_place(s);
    if (!g) return NULL;
    g->room = size_for(s, left, least, most);
    g->size = g->room + fixed;
    g->top = s->kind->first;
    g->used = 0;
    atomic_store(&g->last, atomic_load(&s->epoch));
    atomic_store(&g->writers, 1);
    if (!s->kind->make(s, g)) return NULL;
    atomic_fetch_add(&g->pins, 1);
    segment_appears(s, g);
    return g;
}

/* As much, or more, found no room in this epoch: nothing that is in the way will go. */
static bool was_refused(store *s, int64_t bytes) {
    return atomic_load(&s->refused_in) == atomic_load(&s->epoch) &&
           bytes >= atomic_load(&s->least_refused);
}

static void refuse(store *s, int64_t bytes, int64_t epoch) {
    atomic_store(&s->least_refused, bytes);
    atomic_store(&s->refused_in, epoch);
}

static segment *try(store *s, int64_t bytes, int64_t most) {
    int64_t epoch = atomic_load(&s->epoch);
    segment *g = NULL;
    if (was_refused(s, bytes)) return NULL;
    if (!s->kind->enter || s->kind->enter(s)) {
        g = make(s, bytes, most);
        if (s->kind->leave) s->kind->leave(s);
    }
    if (!g) refuse(s, bytes, epoch);
    return g;
}

static void writer_leaves(store *s, segment *g) {
    if (atomic_fetch_sub(&g->writers, 1) == 1) s->kind->seal(s, g);
}

static void write_into(store *s, segment *g) {
    segment *old = s->writing;
    plat_lock(&s->space);
    s->writing = g;
    plat_unlock(&s->space);
    if (!old) return;
    segment_resize(s, old, old->size - old->room);
    old->room = 0;
    writer_leaves(s, old);
}

void segment_seal_writing(store *s, segment *g) {
    if (g == s->writing) write_into(s, NULL);
}

/* ---- room ---- */
static bool fits(const store *s, int64_t bytes) {
    return s->writing && s->writing->room >= bytes;
}

static int64_t put_into(segment *g, int64_t bytes, int64_t beside) {
    int64_t offset = g->top;
    g->top += bytes;
    g->room -= bytes + beside;
    return offset;
}

static segment *take(store *s, int64_t bytes, int64_t *offset) {
    segment *g = NULL;
    plat_lock(&s->space);
    if (fits(s, bytes + s->kind->beside)) {
        g = s->writing;
        *offset = put_into(g, bytes, s->kind->beside);
        atomic_fetch_add(&g->pins, 1);
        atomic_fetch_add(&g->writers, 1);
    }
    plat_unlock(&s->space);
    return g;
}

/* Another thread may have made one meanwhile. */
static bool grow(store *s, int64_t all) {
    segment *g;
    bool good;
    plat_lock(&s->space);
    good = fits(s, all);
    plat_unlock(&s->space);
    if (good) return true;
    g = try(s, all, s->options.segment);
    if (!g) return false;
    write_into(s, g);
    segment_unpin(g);
    return true;
}

/* What is large has a segment of its own: no ends of others stay empty for it. */
static segment *take_alone(store *s, int64_t bytes, int64_t *offset) {
    int64_t all = bytes + s->kind->beside;
    segment *g = try(s, all, all);
    if (g) *offset = put_into(g, bytes, s->kind->beside);
    return g;
}

segment *segment_take(store *s, int64_t bytes, int64_t *offset) {
    bool alone = bytes > s->options.segment / 4, more = true;
    int64_t all = bytes + s->kind->beside;
    segment *g = NULL;
    while (!g && more) {
        if (!alone && (g = take(s, bytes, offset))) return g;
        if (was_refused(s, all)) return NULL;
        plat_lock(&s->growth);
        if (alone) g = take_alone(s, bytes, offset);
        more = !alone && grow(s, all);
        plat_unlock(&s->growth);
    }
    return g;
}

void segment_done(store *s, segment *g) {
    writer_leaves(s, g);
    segment_unpin(g);
}

void segment_stop(store *s) {
    plat_lock(&s->growth);
    write_into(s, NULL);
    refuse(s, 0, atomic_load(&s->epoch));
    plat_unlock(&s->growth);
}

/* ---- all ---- */
bool segments_init(store *s) {
    s->segment = plat_reserve(MOST_SEGMENTS * sizeof *s->segment);
    return s->segment;
}

void segments_fini(store *s) {
    write_into(s, NULL);
    for (uint32_t i = 0; i < s->nsegments; i++)
        if (segment_is_there(&s->segment[i])) s->kind->drop(s, &s->segment[i]);
    plat_unreserve(s->segment, MOST_SEGMENTS * sizeof *s->segment);
}
