/* The tensors that are really made, in the order in which they need each other, and where
 * the time of a record goes. Tables and what was put into others are not there. */
#include <stdlib.h>
#include <string.h>
#include "cost_profile.h"
#include "explain.h"
#include "plan_cost.h"

static bool is_made(const TensorNote *n) {
    return strcmp(n->way, "inline") && strcmp(n->way, "table");
}

/* ---- shares of the time ---- */

static int by_ns(const void *a, const void *b) {
    double x = ((const Share *)a)->ns, y = ((const Share *)b)->ns;
    return (x < y) - (x > y);
}

/* The sections; of statistics without any, the operators. */
static void find_shares(Story *s) {
    const CostProfile *p = s->graph->profile;
    double all = 0;
    for (int i = 0; p && i < p->sections.n; i++) {
        const SectionCost *from = &p->sections.at[i];
        list_push(s->arena, &s->shares, ((Share){from->name, from->line, from->ns, 0}));
    }
    for (int i = 0; p && !p->sections.n && i < p->operators.n; i++) {
        const OperatorCost *from = &p->operators.at[i];
        list_push(s->arena, &s->shares, ((Share){from->name, from->line, from->ns, 0}));
    }
    for (int i = 0; i < s->shares.n; i++) all += s->shares.at[i].ns;
    for (int i = 0; i < s->shares.n; i++)
        s->shares.at[i].part = all > 0 ? s->shares.at[i].ns / all : 0;
    if (s->shares.n) qsort(s->shares.at, (size_t)s->shares.n, sizeof(Share), by_ns);
}

static double time_of_all(const Story *s) {
    double all = 0;
    for (int i = 0; i < s->shares.n; i++) all += s->shares.at[i].ns;
    return all;
}

/* ---- tensors ---- */

/* Tensors of one name and line share a section: its time is told of the first. */
static bool is_told(const Story *s, const TensorNote *n) {
    for (int i = 0; i < s->made.n; i++)
        if (s->made.at[i].note->line == n->line &&
            !strcmp(s->made.at[i].note->section, n->section))
            return true;
    return false;
}

static void add_operators(Story *s, Made *to) {
    for (int i = 0; i < s->notes->groups.n; i++) {
        const GroupNote *group = &s->notes->groups.at[i];
        if (group->line != to->note->line || strcmp(group->name, to->note->section))
            continue;
        for (int k = 0; k < group->operators.n; k++)
            add_word(s->arena, &to->operators, group->operators.at[k].name);
    }
}

typedef struct Ordering { Story *story; int *number; } Ordering;

static void place(Ordering *o, int i) {
    Story *s = o->story;
    const TensorNote *n = &s->notes->tensors.at[i];
    Made made = {.note = n, .ns = -1, .part = -1};
    double all = time_of_all(s);
    if (o->number[i] || !is_made(n)) return;
    o->number[i] = -1;                  /* on the way: no circle goes on */
    for (int k = 0; k < n->reads.n; k++) place(o, n->reads.at[k]);
    made.bytes = amount_made(s->arena, n);
    if (!is_told(s, n)) made.ns = plan_tensor_ns(s->graph->profile, n);
    if (made.ns >= 0 && all > 0) made.part = made.ns / all;
    add_operators(s, &made);
    for (int k = 0; k < n->reads.n; k++)
        if (o->number[n->reads.at[k]] > 0)
            list_push(s->arena, &made.reads, o->number[n->reads.at[k]] - 1);
    list_push(s->arena, &s->made, made);
    o->number[i] = s->made.n;
}

void explain_made(Story *s) {
    Ordering o = {s, arena_array(s->arena, int, s->notes->tensors.n + 1)};
    find_shares(s);
    for (int i = 0; i < s->notes->tensors.n; i++) place(&o, i);
}
