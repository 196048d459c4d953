/* What each row costs and in which sections it runs. An operator of a profile or of a
 * section is a step if one has its name and line, or an argument of one that names it;
 * else it belongs to the statement that its line is in, or to the rest of the record. So
 * nothing is lost and nothing counts twice. */
#include <string.h>
#include "cost_profile.h"
#include "explain.h"
#include "plan_cost.h"

static bool is_statement(const Row *row) {
    return row->kind == ROW_FIELD || row->kind == ROW_WHERE || row->kind == ROW_EACH;
}

/* The one step of that name, if the profile is of another version of the text. */
static int step_named(const Rows *rows, const char *name) {
    int found = -1;
    for (int i = 0; i < rows->n; i++) {
        if (rows->at[i].kind != ROW_STEP || strcmp(rows->at[i].name, name)) continue;
        if (found >= 0) return -1;
        found = i;
    }
    return found;
}

static int statement_at(const Rows *rows, int line) {
    int found = -1;
    for (int i = 0; i < rows->n; i++)
        if (is_statement(&rows->at[i]) && rows->at[i].line <= line) found = i;
    return found;
}

static bool is_letter(char c) {
    return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* Whether the name stands in the step's own text, from its callee on. */
static bool names(const Row *step, const char *name, int line) {
    Loc from = step->call->a->loc, to = step->call->loc;
    const char *text = from.file ? from.file->text : NULL;
    size_t length = strlen(name);
    int last, column;
    if (!text || line < step->line) return false;
    to.from = to.to;
    loc_line(to, &last, &column);
    for (int i = from.from; line <= last && i + (int)length <= to.to; i++)
        if (!strncmp(text + i, name, length) && !is_letter(text[i - 1]) &&
            !is_letter(text[i + (int)length]))
            return true;
    return false;
}

static int step_that_names(const Rows *rows, const char *name, int line) {
    for (int i = 0; i < rows->n; i++)
        if (rows->at[i].kind == ROW_STEP && names(&rows->at[i], name, line)) return i;
    return -1;
}

/* -1: no row's. */
static int owner_of(const Rows *rows, const char *name, int line) {
    int named;
    for (int i = 0; i < rows->n; i++)
        if (rows->at[i].kind == ROW_STEP && rows->at[i].line == line &&
            !strcmp(rows->at[i].name, name))
            return i;
    named = step_that_names(rows, name, line);
    if (named < 0) named = step_named(rows, name);
    return named >= 0 ? named : statement_at(rows, line);
}

/* By the call itself, else by names. */
static int owner_of_note(const Rows *rows, const OperatorNote *note) {
    for (int i = 0; i < rows->n; i++) {
        const Expr *call = rows->at[i].call;
        if (call && call->loc.file == note->at.file && call->loc.from == note->at.from)
            return i;
    }
    return owner_of(rows, note->step, note->step_line);
}

/* ---- ns ---- */

static Row *rest_of_record(Story *s) {
    Row rest = {.kind = ROW_RECORD, .name = "record", .written = "(rest of a record)",
                .type = "", .ns = -1, .in = amount_none(), .out = amount_none()};
    Rows *rows = &s->rows;
    if (rows->at[rows->n - 1].kind != ROW_RECORD) list_push(s->arena, rows, rest);
    return &rows->at[rows->n - 1];
}

static void add_ns(Row *row, double ns) { row->ns = row->ns < 0 ? ns : row->ns + ns; }

static double ns_of_section(const CostProfile *p, const GroupNote *group) {
    for (int i = 0; i < p->sections.n; i++)
        if (p->sections.at[i].line == group->line &&
            !strcmp(p->sections.at[i].name, group->name))
            return p->sections.at[i].ns;
    return -1;
}

static const OperatorNote *operator_in(const GroupNote *group, int *from,
                                       const OperatorCost *cost) {
    while (*from < group->operators.n) {
        const OperatorNote *o = &group->operators.at[(*from)++];
        if (o->step_line == cost->line && !strcmp(o->step, cost->name)) return o;
    }
    return NULL;
}

/* Whether all sections that it is in were measured. */
static bool is_measured(const Story *s, const OperatorCost *cost) {
    for (int i = 0; i < s->notes->groups.n; i++) {
        const GroupNote *group = &s->notes->groups.at[i];
        int from = 0;
        double ns = ns_of_section(s->graph->profile, group);
        if (ns < 0 && operator_in(group, &from, cost)) return false;
    }
    return true;
}

/* Of all that the operator does, what it does for each row; the sum of all. */
static double weigh(const Story *s, const OperatorCost *cost, double *weight) {
    bool measured = is_measured(s, cost);
    double sum = 0;
    for (int i = 0; i < s->notes->groups.n; i++) {
        const GroupNote *group = &s->notes->groups.at[i];
        double ns = measured ? ns_of_section(s->graph->profile, group) : 1;
        const OperatorNote *o;
        for (int from = 0; (o = operator_in(group, &from, cost));) {
            int owner = owner_of_note(&s->rows, o);
            if (owner < 0) continue;
            weight[owner] += ns * o->part;
            sum += ns * o->part;
        }
    }
    return sum;
}

/* Several calls in one line are one operator of a profile: its time goes to
 * the calls as their work goes into sections. */
static void add_cost(Story *s, const OperatorCost *cost) {
    double *weight = arena_array(s->arena, double, s->rows.n + 1);
    double sum = weigh(s, cost, weight);
    int owner = owner_of(&s->rows, cost->name, cost->line);
    if (sum <= 0) {
        add_ns(owner < 0 ? rest_of_record(s) : &s->rows.at[owner], cost->ns);
        return;
    }
    for (int i = 0, n = s->rows.n; i < n; i++)
        if (weight[i] > 0) add_ns(&s->rows.at[i], cost->ns * weight[i] / sum);
}

/* ---- steps that were moved ---- */

static const StepNote *note_of(const StepNotes *notes, const Expr *call) {
    for (int i = 0; i < notes->n; i++)
        if (notes->at[i].call == call) return &notes->at[i];
    return NULL;
}

/* Of what an operator costs a call has a part. */
static double ns_there(const CostProfile *p, const OperatorCost *cost, double ns,
                       StepSize measured, StepSize there) {
    double fixed = cost->ns > 0 ? ns * cost->fixed / cost->ns : 0;
    return cost_elsewhere(p, ns, fixed, measured, there);
}

static Row *row_of_call(Rows *rows, const Expr *call) {
    for (int i = 0; i < rows->n; i++)
        if (rows->at[i].call == call) return &rows->at[i];
    return NULL;
}

/* A profile is of the order as written, or of the one that is made now. */
static void fill_moved(Story *s, Row *row, const ChainSteps *chain,
                       const StepNote *after) {
    const StepNote *before = note_of(&chain->before, after->call);
    const CostProfile *p = s->graph->profile;
    const OperatorCost *cost = cost_of_operator(p, row->name, row->line);
    Row *written = row_of_call(&s->rows, after->call);
    if (!written) return;
    row->runs_in = written->runs_in;
    row->dead = written->dead;
    row->ns = written->ns;
    if (!cost || !before || row->ns < 0) return;
    if (plan_is_profiled(s->graph))
        written->ns = ns_there(p, cost, row->ns, after->size, before->size);
    else
        row->ns = ns_there(p, cost, row->ns, before->size, after->size);
}

/* ---- where it runs ---- */

static const TensorNote *tensor_of(const LowerNotes *notes, const GroupNote *group) {
    for (int i = 0; i < notes->tensors.n; i++)
        if (notes->tensors.at[i].line == group->line && notes->tensors.at[i].section &&
            !strcmp(notes->tensors.at[i].section, group->name))
            return &notes->tensors.at[i];
    return NULL;
}

/* Tables and what holds several values are the compiler's own. */
static bool is_shown(const LowerNotes *notes, const GroupNote *group) {
    const TensorNote *n = tensor_of(notes, group);
    if (group->kind != PL_SECTION_TENSOR) return true;
    return n && strcmp(n->way, "table");
}

static void add_section(Story *s, const GroupNote *group, int owner) {
    Row *row = &s->rows.at[owner];
    add_word(s->arena, &row->runs_in, group->name);
    for (int i = 0; i < group->operators.n; i++) {
        const OperatorNote *other = &group->operators.at[i];
        if (owner_of_note(&s->rows, other) != owner)
            add_word(s->arena, &row->with, other->step);
    }
}

static void add_sections(Story *s, bool shown) {
    bool *has = arena_array(s->arena, bool, s->rows.n + 1);
    for (int i = 0; i < s->rows.n; i++) has[i] = s->rows.at[i].runs_in.n > 0;
    for (int i = 0; i < s->notes->groups.n; i++) {
        const GroupNote *group = &s->notes->groups.at[i];
        if (is_shown(s->notes, group) != shown) continue;
        for (int k = 0; k < group->operators.n; k++) {
            const OperatorNote *operator = &group->operators.at[k];
            int owner = owner_of_note(&s->rows, operator);
            if (owner >= 0 && !has[owner]) add_section(s, group, owner);
        }
    }
}

static bool is_made(const LowerNotes *notes, const Row *row) {
    for (int i = 0; i < notes->tensors.n; i++) {
        const TensorNote *n = &notes->tensors.at[i];
        if (n->line == row->line && !strcmp(n->name, row->name) &&
            strcmp(n->way, "inline"))
            return true;
    }
    return false;
}

/* A field that is a tensor of its own may have no section. */
static void add_own(Story *s) {
    for (int i = 0; i < s->rows.n; i++) {
        Row *row = &s->rows.at[i];
        bool chain = i + 1 < s->rows.n && row[1].kind == ROW_STEP;
        if (is_statement(row) && !chain && !row->runs_in.n && is_made(s->notes, row))
            add_word(s->arena, &row->runs_in, row->name);
    }
}

static void mark_dead(Story *s) {
    for (int i = 0; i < s->rows.n; i++) {
        Row *row = &s->rows.at[i];
        const char *field = row->kind == ROW_FIELD ? row->name : row->of;
        for (int k = 0; field && row->kind != ROW_SOURCE && k < s->notes->dead.n; k++)
            row->dead |= !strcmp(s->notes->dead.at[k], field);
    }
}

void explain_work(Story *s) {
    const CostProfile *p = s->graph->profile;
    for (int i = 0; p && i < p->operators.n; i++) add_cost(s, &p->operators.at[i]);
    add_sections(s, true);
    add_sections(s, false);
    add_own(s);
    mark_dead(s);
    for (int i = 0; i < s->moved.n; i++)
        for (int k = 0; k < s->moved.at[i].rows.n; k++)
            fill_moved(s, &s->moved.at[i].rows.at[k], s->moved.at[i].chain,
                       &s->moved.at[i].chain->after.at[k]);
}
