/* Relaxed reordering: the order of the steps of a chain `x |> a |> b`, where the text
 * allows another one (--reorder=relaxed, @relaxed) although values change.
 *
 * Two steps change places unless one is pinned (@pin), one comes @after the other, or
 * one gives a dimension another meaning (chw). The chain must check with the same type
 * at its end. A step's chance stays its own: draws are keyed by the call as written.
 *
 * What an order costs is told by a profile, or by the bytes that go into and come out of
 * each step: so what makes data smaller rises, what makes it larger sinks. */
#include <string.h>
#include "check.h"
#include "cost_profile.h"
#include "order.h"
#include "plan_file.h"

enum { NOMINAL = 512 };         /* what a dimension is taken for that nobody knows */
static const double WORTH_IT = 0.95;    /* of the cost as written */

/* What runs through: known dims are constants in the type, the others have guessed sizes. */
typedef struct State { const Type *type; const char *text; double size[PK_MAX_RANK]; } State;

typedef struct Step {
    const Expr *call;
    const char *name;
    bool pinned, relaxed, turns;
    int line;
    const OperatorCost *cost;   /* NULL: not measured */
    StepSize size;              /* as it is written */
} Step;

typedef struct Chain {
    Checker *ck;
    Scope *scope;
    const Expr *base;
    Step step[ORDER_MOST];
    LIST(State) states;
    struct { int state; bool known; } *next;                /* by state and step */
    int room;                                               /* of `next`: states */
    bool full;                  /* there are more states: not all orders were seen */
    OrderProblem problem;
} Chain;

/* ---- the chain as it is written ---- */

static const Attribute *attribute_of(const Expr *call, const char *name) {
    for (int i = 0; i < call->attributes.n; i++)
        if (!strcmp(call->attributes.at[i].name.text, name)) return &call->attributes.at[i];
    return NULL;
}

static bool is_step(const Expr *e) {
    return e->kind == EX_CALL && e->piped && e->args.n > 0;
}

/* Told wherever an order was asked for, by an option or by a step. */
static void say_too_long(const Chain *c, const Expr *chain) {
    bool asked = c->ck->reorder == REORDER_RELAXED || c->ck->list_orders;
    for (const Expr *e = chain; is_step(e); e = e->args.at[0].value)
        asked |= attribute_of(e, "relaxed") || attribute_of(e, "after");
    if (asked && !c->ck->silent)
        diag_at(c->ck->diags, DIAG_N0002_RELAXED, chain->a->loc,
                "this chain of %d steps stays as it is written, its `@after` unread: at "
                "most %d are ordered; make two fields of it", c->problem.n, ORDER_MOST);
}

static bool take_apart(Chain *c, const Expr *e) {
    OrderProblem *p = &c->problem;
    for (c->base = e; is_step(c->base); c->base = c->base->args.at[0].value) p->n++;
    if (p->n > ORDER_MOST) say_too_long(c, e);
    if (p->n < 1 || p->n > ORDER_MOST) return false;
    for (int i = p->n; i-- > 0; e = e->args.at[0].value) {
        int column;
        c->step[i] = (Step){.call = e, .name = callee_text(c->ck, e),
                            .pinned = attribute_of(e, "pin"),
                            .relaxed = attribute_of(e, "relaxed")};
        loc_line(e->a->loc, &c->step[i].line, &column);
        c->step[i].cost = cost_of_operator(c->ck->profile, c->step[i].name, c->step[i].line);
    }
    return true;
}

/* ---- @after ---- */

/* All of that name that stand before the step, else the first behind; 0: there is none. */
static uint32_t steps_named(const Chain *c, const char *name, int step) {
    uint32_t before = 0;
    for (int i = 0; i < c->problem.n; i++) {
        if (i >= step && before) break;
        if (strcmp(c->step[i].name, name)) continue;
        before |= 1u << i;
    }
    return before;
}

/* `name` or `module.name`, as `callee_text` has it. */
static const char *after_name(Chain *c, const Attribute *a) {
    const Expr *e = a->args.n == 1 && !a->args.at[0].name.text ? a->args.at[0].value : NULL;
    if (e && e->kind == EX_NAME) return e->name.text;
    if (e && e->kind == EX_MEMBER && e->a->kind == EX_NAME)
        return arena_format(c->ck->arena, "%s.%s", e->a->name.text, e->name.text);
    return NULL;
}

static void no_such_step(Chain *c, const Attribute *a, const char *name) {
    const char *names[ORDER_MOST], *near;
    Diag *diag = check_error(c->ck, DIAG_E0005_ATTRIBUTE, a->loc,
                             name ? "this chain has no step `%s`"
                                  : "`@after` takes the name of a step of this chain%s",
                             name ? name : "");
    for (int i = 0; i < c->problem.n; i++) names[i] = c->step[i].name;
    near = name ? nearest_name(name, names, c->problem.n) : NULL;
    if (near) check_help(c->ck, diag, "did you mean `%s`?", near);
}

static bool read_after(Chain *c, uint32_t *after) {
    bool good = true;
    for (int i = 0; i < c->problem.n; i++) {
        const AttributeList *list = &c->step[i].call->attributes;
        for (int k = 0; k < list->n; k++) {
            const char *name;
            uint32_t others;
            if (strcmp(list->at[k].name.text, "after")) continue;
            name = after_name(c, &list->at[k]);
            others = name ? steps_named(c, name, i) : 0;
            if (!others) no_such_step(c, &list->at[k], name);
            after[i] |= others;
            good &= others != 0;
        }
    }
    return good;
}

/* The steps of a cycle from `i` on, each after the next; 0: there is none. */
static int cycle_from(const Chain *c, const uint32_t *after, int i, uint32_t seen,
                      int *cycle, int n) {
    cycle[n] = i;
    for (int k = 0; k < c->problem.n; k++) {
        int found;
        if (!(after[i] >> k & 1)) continue;
        if (k == cycle[0]) return n + 1;
        if (seen >> k & 1) continue;
        found = cycle_from(c, after, k, seen | 1u << k, cycle, n + 1);
        if (found) return found;
    }
    return 0;
}

static bool report_cycle(Chain *c, const uint32_t *after) {
    int cycle[ORDER_MOST];
    for (int i = 0; i < c->problem.n; i++) {
        int n = cycle_from(c, after, i, 1u << i, cycle, 0);
        const char *text;
        if (!n) continue;
        text = arena_format(c->ck->arena, "`%s`", c->step[cycle[0]].name);
        for (int k = 1; k <= n; k++)
            text = arena_format(c->ck->arena, "%s after `%s`", text,
                                c->step[cycle[k % n]].name);
        check_help(c->ck, check_error(c->ck, DIAG_E0005_ATTRIBUTE, c->step[i].call->loc,
                                      "`@after` goes in a circle: %s", text),
                   "take one of them away");
        return true;
    }
    return false;
}

static bool check_after(Chain *c, const uint32_t *after) {
    if (report_cycle(c, after)) return false;
    for (int i = 0; i < c->problem.n; i++)
        for (int k = i; k < c->problem.n; k++) {
            if (!(after[i] >> k & 1)) continue;
            check_help(c->ck, check_error(c->ck, DIAG_E0005_ATTRIBUTE, c->step[i].call->loc,
                                          "`%s` stands before `%s`, which it must come "
                                          "after", c->step[i].name, c->step[k].name),
                       "write it behind `%s`", c->step[k].name);
            return false;
        }
    return true;
}

/* ---- states ---- */

static double dim_size(const Type *type, int axis) {
    int64_t n;
    bool known = type->dims && type->dims[axis] && dim_constant(type->dims[axis], &n);
    return known ? (double)n : NOMINAL;
}

/* Of a tuple what its parts have; size: of a tensor that runs through, or NULL. */
static double elements_in(const Type *type, const double *size, bool bytes) {
    double n = bytes ? dtype_size(type->dtype) : 1;
    if (type->kind == TY_TUPLE) n = 0;
    else if (type->kind != TY_TENSOR) return !bytes;
    for (int i = 0; type->kind == TY_TUPLE && i < type->n; i++)
        n += elements_in(type->items[i], NULL, bytes);
    for (int k = 0; type->kind == TY_TENSOR && k < type->rank; k++)
        n *= size ? size[k] : dim_size(type, k);
    return n;
}

static double bytes_of(const State *s) { return elements_in(s->type, s->size, true); }
static double elements_of(const State *s) { return elements_in(s->type, s->size, false); }

static StepSize size_of(const State *in, const State *out) {
    return (StepSize){elements_of(in), bytes_of(in) + bytes_of(out)};
}

/* What is not measured was put into its neighbours: bytes alone. */
static double cost_of(const Chain *c, const Step *step, const State *in, const State *out) {
    const CostProfile *p = c->ck->profile;
    StepSize size = size_of(in, out);
    if (!p) return size.bytes;
    if (!step->cost || !step->size.elements) return size.bytes * cost_of_byte(p);
    return cost_elsewhere(p, step->cost->ns, step->cost->fixed, step->size, size);
}

static int state_number(Chain *c, State s) {
    s.text = type_text(c->ck->arena, s.type);
    for (int k = 0; s.type->kind == TY_TENSOR && k < s.type->rank; k++)
        s.text = arena_format(c->ck->arena, "%s %.9g", s.text, s.size[k]);
    for (int i = 0; i < c->states.n; i++)
        if (!strcmp(c->states.at[i].text, s.text)) return i;
    list_push(c->ck->arena, &c->states, s);
    return c->states.n - 1;
}

/* A value of the type: dims that are not known get symbols. */
static const Term *stand_in(Checker *ck, const Type *type, Loc loc) {
    Var *var = var_new(ck, VAR_LET, "x", type, loc);
    region_own(ck, var);
    return var_complete(ck, var);
}

/* Dims that are no constants are forgotten; their sizes are those of the input's equal
 * dims, or guessed. */
static State state_of(Chain *c, const Type *type, const Type *in, const double *size) {
    Type *known = arena_new_of(c->ck->arena, Type);
    const Dim **dims = arena_array(c->ck->arena, const Dim *, type->rank + 1);
    State s = {.type = known};
    *known = *type;
    if (type->kind != TY_TENSOR) return s;
    for (int k = 0; k < type->rank; k++) {
        int64_t n;
        s.size[k] = in && in->rank == type->rank ? size[k] : NOMINAL;
        if (type->dims && type->dims[k] && dim_constant(type->dims[k], &n)) {
            dims[k] = type->dims[k];
            s.size[k] = (double)n;
            continue;
        }
        for (int j = 0; in && type->dims && j < in->rank; j++)
            if (type->dims[k] && in->dims && type->dims[k] == in->dims[j]) s.size[k] = size[j];
    }
    known->dims = dims;
    return s;
}

/* ---- trials: what a step makes of a type ---- */

typedef struct Trial {
    Region region;
    const Body *body;
    bool silent, failed;
    int nests, calls;
} Trial;

static void trial_begin(Checker *ck, Trial *t, const Expr *root) {
    Body *body = arena_new_of(ck->arena, Body);
    *t = (Trial){.body = ck->body, .silent = ck->silent, .failed = ck->failed,
                 .nests = ck->nest.n, .calls = ck->calls};
    *body = (Body){.root = root, .path = "?"};
    ck->body = body;
    ck->silent = true;
    region_open(ck, &t->region, REGION_FIELD);
}

static void trial_end(Checker *ck, Trial *t) {
    region_close(ck, &t->region, NULL);
    ck->body = t->body;
    ck->silent = t->silent;
    ck->failed = t->failed;
    ck->nest.n = t->nests;
    ck->calls = t->calls;
}

static const Type *type_of_value(Checker *ck, Scope *scope, const Expr *e) {
    Val val = check_expr(ck, scope, e, ANYTHING);
    const Term *term = val.kind == V_ERROR || val.kind == V_FUNCTION
                           ? NULL : as_term(ck, val, ANYTHING);
    term = term ? settle(ck, "value", term, e->loc) : NULL;
    return term ? term->type : NULL;
}

/* The call with another value piped into it. */
static Expr *call_on(Checker *ck, const Expr *call, Expr *value) {
    Expr *copy = arena_new_of(ck->arena, Expr);
    *copy = *call;
    copy->args.at = arena_array(ck->arena, Arg, call->args.n);
    memcpy(copy->args.at, call->args.at, sizeof(Arg) * (size_t)call->args.n);
    copy->args.at[0].value = value;
    copy->written = call->written ? call->written : call;
    return copy;
}

static const Type *try_step(Chain *c, const Expr *call, const Type *type, const Type **in) {
    static const char stands[] = "what is piped";
    Checker *ck = c->ck;
    Scope *scope = scope_new(ck, c->scope, c->scope->unit);
    Expr *value = arena_new_of(ck->arena, Expr);
    const Term *x;
    *value = (Expr){.kind = EX_NAME, .loc = call->loc, .height = 1,
                    .name = {stands, call->loc}};
    x = stand_in(ck, type, call->loc);
    *in = x->type;
    scope_add(ck, scope, value->name, S_VALUE)->val = val_term(x, call->loc);
    return type_of_value(ck, scope, call_on(ck, call, value));
}

static int step_on(Chain *c, int step, int state) {
    State s = c->states.at[state];
    const Type *out, *in;
    Trial trial;
    trial_begin(c->ck, &trial, c->step[step].call);
    out = try_step(c, c->step[step].call, s.type, &in);
    if (out) s = state_of(c, out, in, s.size);
    trial_end(c->ck, &trial);
    return out ? state_number(c, s) : -1;
}

static int apply(void *data, int step, int state, double *cost) {
    Chain *c = data;
    int at = state * ORDER_MOST + step, to;
    if (state >= c->room) bug("order: state %d of %d", state, c->room);
    if (!c->next[at].known) {
        int next = -1;
        if (c->states.n < c->room - 1) next = step_on(c, step, state);
        else c->full = true;
        c->next[at].known = true;
        c->next[at].state = next;
    }
    to = c->next[at].state;
    if (to >= 0)
        *cost += cost_of(c, &c->step[step], &c->states.at[state], &c->states.at[to]);
    return to;
}

/* Whether the step gives dims another place, whatever they are: then the steps behind it
 * mean other ones. */
static bool turns(Chain *c, int step, const Type *type) {
    Type open = *type;
    const Type *out, *in;
    Trial trial;
    bool turned = false;
    if (type->kind != TY_TENSOR || type->rank < 2) return false;
    open.dims = arena_array(c->ck->arena, const Dim *, type->rank);
    trial_begin(c->ck, &trial, c->step[step].call);
    out = try_step(c, c->step[step].call, &open, &in);
    for (int k = 0; out && out->dims && out->kind == TY_TENSOR && k < out->rank; k++)
        for (int j = 0; j < in->rank; j++)
            turned |= j != k && out->dims[k] && out->dims[k] == in->dims[j];
    trial_end(c->ck, &trial);
    return turned;
}

/* ---- which orders ---- */

static bool find_states(Chain *c) {
    OrderProblem *p = &c->problem;
    const Type *type;
    Trial trial;
    int state;
    double cost = 0;
    trial_begin(c->ck, &trial, c->base);
    type = type_of_value(c->ck, c->scope, c->base);
    state = type ? state_number(c, state_of(c, type, NULL, NULL)) : -1;
    trial_end(c->ck, &trial);
    p->start = state;
    for (int i = 0; i < p->n && state >= 0; i++) {
        int next;
        c->step[i].turns = turns(c, i, c->states.at[state].type);
        next = apply(c, i, state, &cost);
        if (next >= 0)
            c->step[i].size = size_of(&c->states.at[state], &c->states.at[next]);
        state = next;
    }
    p->end = state;
    return state >= 0;
}

static bool stays(const Step *s) { return s->pinned || s->turns; }

static void tie(Chain *c, const uint32_t *after, bool all) {
    for (int i = 0; i < c->problem.n; i++)
        for (int k = 0; k < i; k++) {
            const Step *a = &c->step[k], *b = &c->step[i];
            bool free = (all || a->relaxed || b->relaxed) && !stays(a) && !stays(b);
            if (!free || after[i] >> k & 1) c->problem.before[i] |= 1u << k;
        }
}

/* ---- what comes of it ---- */

static const char *order_text(Chain *c, const int *order) {
    const char *text = "";
    for (int i = 0; i < c->problem.n; i++)
        text = arena_format(c->ck->arena, "%s%s%s", text, i ? " " : "",
                            c->step[order[i]].name);
    return text;
}

typedef struct Listing { Chain *c; ChainOrders *to; } Listing;

static bool list_one(void *data, const int *order) {
    Listing *l = data;
    if (l->to->orders.n >= ORDERS_LISTED) return l->to->more = true, false;
    list_push(l->c->ck->arena, &l->to->orders, order_text(l->c, order));
    return true;
}

static void note_moves(Chain *c, const int *order) {
    for (int i = 0; i < c->problem.n; i++)
        for (int k = i + 1; k < c->problem.n; k++) {
            const Step *first = &c->step[order[i]], *then = &c->step[order[k]];
            if (order[i] < order[k] || c->ck->silent) continue;
            diag_at(c->ck->diags, DIAG_N0002_RELAXED, first->call->loc,
                    "relaxed: `%s` before `%s` changes values", first->name, then->name);
        }
}

static const Expr *put_together(Chain *c, const int *order) {
    Expr *e = (Expr *)c->base;
    for (int i = 0; i < c->problem.n; i++) e = call_on(c->ck, c->step[order[i]].call, e);
    return e;
}

/* The order to have, in `order`, and what is said of it. */
static ChainOrders *choose(Chain *c, int *order) {
    ChainOrders *to = arena_new_of(c->ck->arena, ChainOrders);
    int written[ORDER_MOST];
    for (int i = 0; i < c->problem.n; i++) order[i] = written[i] = i;
    *to = (ChainOrders){.steps = c->problem.n, .written = order_text(c, written)};
    if (!order_cost(&c->problem, written, &to->cost_written) ||
        !order_best(c->ck->arena, &c->problem, order, &to->cost_chosen) ||
        c->full || to->cost_chosen >= WORTH_IT * to->cost_written) {
        to->cost_chosen = to->cost_written;
        memcpy(order, written, sizeof written);
    }
    to->chosen = order_text(c, order);
    if (c->full && !c->ck->silent)
        diag_at(c->ck->diags, DIAG_N0002_RELAXED, c->step[0].call->loc,
                "relaxed: the orders of this chain give more than %d shapes: it stays as it "
                "is written", c->room);
    return to;
}

static bool any_relaxed(const Chain *c) {
    for (int i = 0; i < c->problem.n; i++)
        if (c->step[i].relaxed) return true;
    return false;
}

/* ---- an order that a plan pins ---- */

static void refuse_order(Chain *c, const PlanOrder *pinned, const char *why) {
    diag_at(c->ck->diags, DIAG_E0503_PLAN, (Loc){0}, "%s:%d: `%s` cannot be made by `%s`: %s",
            c->ck->plan->path, pinned->at, pinned->field, pinned->steps, why);
}

/* Of several steps of one name the first that is left. */
static bool read_steps(Chain *c, const PlanOrder *pinned, int *order) {
    uint32_t taken = 0;
    int n = 0;
    for (const char *at = pinned->steps; *at; n++) {
        int length = (int)strcspn(at, " "), step = 0;
        for (; step < c->problem.n; step++)
            if (!(taken >> step & 1) && (int)strlen(c->step[step].name) == length &&
                !memcmp(c->step[step].name, at, (size_t)length))
                break;
        if (step == c->problem.n) return false;
        taken |= 1u << step;
        order[n] = step;
        at += length + (at[length] == ' ');
    }
    return n == c->problem.n;
}

static bool is_as_written(const Chain *c, const int *order) {
    for (int i = 0; i < c->problem.n; i++)
        if (order[i] != i) return false;
    return true;
}

static bool follow(Chain *c, const PlanOrder *pinned, const uint32_t *after, int *order) {
    double cost;
    if (!read_steps(c, pinned, order)) {
        int written[ORDER_MOST];
        for (int i = 0; i < c->problem.n; i++) written[i] = i;
        refuse_order(c, pinned, arena_format(c->ck->arena, "its steps are `%s`",
                                             order_text(c, written)));
        return false;
    }
    if (is_as_written(c, order)) return true;
    if (!find_states(c)) return false;          /* checking it will tell */
    tie(c, after, true);
    if (order_cost(&c->problem, order, &cost)) return true;
    refuse_order(c, pinned, "the order is not legal; pipec explain --orders lists those "
                            "that are");
    return false;
}

/* What goes into each step and comes out of it, in an order that is legal. */
static void note_steps(Chain *c, const int *order, StepNotes *to) {
    int from = c->problem.start, next;
    double cost = 0;
    for (int i = 0; i < c->problem.n; i++, from = next) {
        StepNote note = {c->step[order[i]].call, c->states.at[from].type};
        next = apply(c, order[i], from, &cost);
        if (next < 0) return;
        note.out = c->states.at[next].type;
        note.size = size_of(&c->states.at[from], &c->states.at[next]);
        list_push(c->ck->arena, to, note);
    }
}

/* The chain with the steps in this order, which is told. */
static const Expr *have_order(Chain *c, const char *field, const Expr *e, const int *order) {
    bool moved = !is_as_written(c, order);
    ChainSteps steps = {field, order_text(c, order), c->step[0].line, moved, 0};
    int written[ORDER_MOST];
    double before = 0, after = 0;
    for (int i = 0; i < c->problem.n; i++) written[i] = i;
    if (moved) note_steps(c, written, &steps.before);
    if (moved) note_steps(c, order, &steps.after);
    if (moved && c->ck->profile && order_cost(&c->problem, written, &before) &&
        order_cost(&c->problem, order, &after))
        steps.ns_more = after - before;
    if (c->problem.n > 1) list_push(c->ck->arena, &c->ck->graph->chains, steps);
    if (!moved) return e;
    note_moves(c, order);
    return put_together(c, order);
}

const Expr *check_order(Checker *ck, Scope *scope, const char *field, const Expr *e) {
    enum { STATES = 512 };      /* each is tried with each step: half a second */
    Chain *c = arena_new_of(ck->arena, Chain);
    uint32_t after[ORDER_MOST] = {0};
    bool all = ck->reorder == REORDER_RELAXED || ck->list_orders, free;
    const PlanOrder *pinned = plan_order(ck->plan, field, chains_named(ck->graph, field));
    int order[ORDER_MOST];
    ChainOrders *to;
    *c = (Chain){.ck = ck, .scope = scope, .room = STATES};
    c->problem.apply = apply;
    c->problem.data = c;
    if (!take_apart(c, e) || !read_after(c, after) || !check_after(c, after)) return e;
    for (int i = 0; i < c->problem.n; i++) order[i] = i;
    free = ck->reorder != REORDER_OFF && (all || any_relaxed(c));
    if ((!free && !pinned) || c->problem.n < 2) return have_order(c, field, e, order);
    c->next = arena_alloc(ck->arena, sizeof *c->next * STATES * ORDER_MOST);
    if (pinned) return follow(c, pinned, after, order) ? have_order(c, field, e, order) : e;
    if (!find_states(c)) return e;              /* checking it will tell */
    tie(c, after, all);
    to = choose(c, order);
    to->field = field;
    list_push(ck->arena, &ck->graph->orders, to);
    if (ck->list_orders) {
        Listing l = {c, to};
        to->more |= !order_each(&c->problem, list_one, &l) || c->full;
        return e;
    }
    return have_order(c, field, e, order);
}
