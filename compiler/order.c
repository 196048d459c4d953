#include "order.h"
#include <string.h>

static bool may_come(const OrderProblem *p, uint32_t placed, int step) {
    return !(placed >> step & 1) && !(p->before[step] & ~placed);
}

/* ---- all ---- */

typedef struct Each {
    const OrderProblem *p;
    int order[ORDER_MOST];
    bool (*visit)(void *, const int *);
    void *data;
    int64_t left;               /* prefixes that may still be looked at */
} Each;

static bool each_from(Each *e, int at, uint32_t placed, int state) {
    const OrderProblem *p = e->p;
    if (!e->left--) return false;
    if (at == p->n) return state == p->end ? e->visit(e->data, e->order) : true;
    for (int i = 0; i < p->n; i++) {
        double cost = 0;
        int next = may_come(p, placed, i) ? p->apply(p->data, i, state, &cost) : -1;
        e->order[at] = i;
        if (next >= 0 && !each_from(e, at + 1, placed | 1u << i, next)) return false;
    }
    return true;
}

bool order_each(const OrderProblem *p, bool (*visit)(void *, const int *), void *data) {
    Each e = {.p = p, .visit = visit, .data = data, .left = 1000000};
    return each_from(&e, 0, 0, p->start);
}

/* ---- the cheapest ---- */

/* The cheapest way to have placed a set of steps and to be in a state. */
typedef struct Prefix {
    uint32_t placed;
    int state, step;
    const struct Prefix *from;
    double cost;
} Prefix;

/* Prefixes of one length; a table by set and state finds equal ones. */
enum { BEAM = 2048, SLOTS = 1 << 17 };       /* SLOTS: twice BEAM * ORDER_MOST */
typedef struct Level {
    Prefix *at;
    int n;
    int slot[SLOTS];            /* 1 + number in `at`; 0: free */
} Level;

static int *slot_of(Level *level, uint32_t placed, int state) {
    uint64_t h = (placed * UINT64_C(0x9E3779B97F4A7C15)) ^ ((uint64_t)state << 20);
    uint32_t i = (uint32_t)(h ^ h >> 29);
    for (;; i++) {
        int *slot = &level->slot[i & (SLOTS - 1)];
        const Prefix *p = *slot ? &level->at[*slot - 1] : NULL;
        if (!p || (p->placed == placed && p->state == state)) return slot;
    }
}

static void reach(Level *level, Prefix next) {
    int *slot = slot_of(level, next.placed, next.state);
    if (!*slot) {
        *slot = ++level->n;
        level->at[level->n - 1] = next;
    } else if (next.cost < level->at[*slot - 1].cost * (1 - 1e-9)) {
        level->at[*slot - 1] = next;
    }
}

/* The BEAM cheapest, in the order in which they were found. */
static void narrow(Level *level) {
    double low = 0, high = 0, at;
    int n, kept = 0;
    for (int i = 0; i < level->n; i++)
        if (level->at[i].cost > high) high = level->at[i].cost;
    for (int round = 0; level->n > BEAM && round < 60; round++) {
        at = (low + high) / 2;
        n = 0;
        for (int i = 0; i < level->n; i++) n += level->at[i].cost <= at;
        if (n > BEAM) high = at;
        else low = at;
    }
    if (level->n <= BEAM) return;
    for (int i = 0; i < level->n && kept < BEAM; i++)
        if (level->at[i].cost <= high) level->at[kept++] = level->at[i];
    level->n = kept;
}

static void grow(const OrderProblem *p, const Level *from, Level *to) {
    for (int k = 0; k < from->n; k++) {
        const Prefix *now = &from->at[k];
        for (int i = 0; i < p->n; i++) {
            Prefix next = {now->placed | 1u << i, -1, i, now, now->cost};
            if (may_come(p, now->placed, i))
                next.state = p->apply(p->data, i, now->state, &next.cost);
            if (next.state >= 0) reach(to, next);
        }
    }
    narrow(to);
}

bool order_best(Arena *arena, const OrderProblem *p, int *order, double *cost) {
    Level *level = arena_array(arena, Level, 2);
    const Prefix *best = NULL;
    level[0].at = arena_array(arena, Prefix, 1);
    level[0].at[level[0].n++] = (Prefix){0, p->start, -1, NULL, 0};
    for (int length = 0; length < p->n; length++) {
        Level *from = &level[length % 2], *to = &level[1 - length % 2];
        memset(to->slot, 0, sizeof to->slot);
        to->at = arena_array(arena, Prefix, (from->n > BEAM ? BEAM : from->n) * p->n + 1);
        to->n = 0;
        grow(p, from, to);
    }
    for (int i = 0; i < level[p->n % 2].n; i++) {
        const Prefix *q = &level[p->n % 2].at[i];
        if (q->state == p->end && (!best || q->cost < best->cost)) best = q;
    }
    if (!best) return false;
    *cost = best->cost;
    for (int at = p->n; at-- > 0; best = best->from) order[at] = best->step;
    return true;
}

bool order_cost(const OrderProblem *p, const int *order, double *cost) {
    uint32_t placed = 0;
    int state = p->start;
    *cost = 0;
    for (int i = 0; i < p->n; i++) {
        if (!may_come(p, placed, order[i])) return false;
        state = p->apply(p->data, order[i], state, cost);
        if (state < 0) return false;
        placed |= 1u << order[i];
    }
    return state == p->end;
}
