/* What is told in lines, whatever the form: "about: text", the colon with the first. */
#include <stdio.h>
#include <string.h>
#include "cost_profile.h"
#include "explain.h"

void say(Story *s, const char *about, const char *format, ...) {
    va_list arguments;
    Saying saying = {.about = about};
    va_start(arguments, format);
    saying.text = arena_vformat(s->arena, format, arguments);
    va_end(arguments);
    list_push(s->arena, &s->said, saying);
}

void add_word(Arena *arena, Words *to, const char *word) {
    for (int i = 0; i < to->n; i++)
        if (!strcmp(to->at[i], word)) return;
    list_push(arena, to, word);
}

const char *words_text(Arena *arena, const Words *words) {
    const char *text = "";
    for (int i = 0; i < words->n; i++)
        text = arena_format(arena, "%s%s%s", text, i ? ", " : "", words->at[i]);
    return text;
}

/* ---- what lowering decided ---- */

static void say_crop(Story *s, const TensorNote *n) {
    const char *text = arena_format(s->arena, "`%s` makes only what is read of dimension",
                                    n->name);
    for (int k = 0, some = 0; k < n->rank; k++)
        if (n->crop >> k & 1)
            text = arena_format(s->arena, "%s%s %d", text, some++ ? " and" : "", k);
    say(s, "crop:", "%s", text);
}

static bool is_said(const Story *s, const char *text) {
    for (int i = 0; i < s->said.n; i++)
        if (!strcmp(s->said.at[i].text, text)) return true;
    return false;
}

static void say_fused(Story *s, const Made *m) {
    const char *text = arena_format(s->arena, "`%s` of line %d is %s", m->note->name,
                                    m->note->line, words_text(s->arena, &m->operators));
    if (m->operators.n > 1 && !is_said(s, text)) say(s, "fused:", "%s", text);
}

static void say_order(Story *s, const ChainOrders *c) {
    if (strcmp(c->written, c->chosen))
        say(s, "order:", "`%s` is made by %s; it costs %.2f of the order that is written",
            c->field, c->chosen, c->cost_chosen / c->cost_written);
    else
        say(s, "order:", "`%s` stays as it is written: no order saves a twentieth",
            c->field);
}

/* ---- what a profile has measured ---- */

static void say_measured(Story *s) {
    const CostProfile *p = s->graph->profile;
    say(s, "measured:", "a record takes %.0f ns, of which %.0f in compiled code, so a "
        "thread makes %.0f records/s; reading one takes %.0f ns", p->worker_ns,
        p->record_ns, p->worker_ns > 0 ? 1e9 * p->rows / p->worker_ns : 0, p->read_ns);
    for (int i = 0; i < p->branches.n; i++) {
        const BranchCost *b = &p->branches.at[i];
        say(s, "branch:", "`%s` of %s, line %d, holds in %.3g %% of records", b->condition,
            b->operator_name, b->line, 100 * b->taken);
    }
}

void explain_said(Story *s) {
    const LowerNotes *notes = s->notes;
    for (int i = 0; i < s->made.n; i++) say_fused(s, &s->made.at[i]);
    for (int i = 0; i < notes->tensors.n; i++)
        if (notes->tensors.at[i].crop) say_crop(s, &notes->tensors.at[i]);
    for (int i = 0; i < notes->tensors.n; i++)
        if (notes->tensors.at[i].stop)
            say(s, "stops:", "`%s` of line %d after %s elements", notes->tensors.at[i].name,
                notes->tensors.at[i].line, notes->tensors.at[i].stop);
    for (int i = 0; i < notes->tensors.n; i++)
        if (notes->tensors.at[i].layout)
            say(s, "layout:", "`%s` is asked for %s", notes->tensors.at[i].name,
                notes->tensors.at[i].layout);
    for (int i = 0; i < notes->seeks.n; i++)
        say(s, "seek:", "of `%s` only what is used is read", notes->seeks.at[i]);
    for (int i = 0; i < notes->dead.n; i++)
        say(s, "dead:", "`%s` is needed by no output, where, each or batch",
            notes->dead.at[i]);
    for (int i = 0; i < s->graph->orders.n; i++) say_order(s, s->graph->orders.at[i]);
    explain_cache_said(s);
    if (!s->graph->profile) return;
    say_measured(s);
    explain_plan_said(s);
}
