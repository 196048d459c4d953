/* What is predicted, and why it was decided so: numbers for a choice and against it. */
#include <math.h>
#include <string.h>
#include "explain.h"
#include "plan_cost.h"

typedef struct Outlook { Workload load; Machine machine; Counts counts; Rate rate; }
    Outlook;

static Outlook outlook(const Story *s) {
    const Plan *plan = s->plan;
    const PlanStage *stage = plan->stage;
    Outlook o = {.load = plan_workload(s->arena, s->graph, s->notes),
                 .machine = plan_machine(s->graph, &plan->wish)};
    o.counts = model_choose(&o.load, &o.machine, plan_model_wish(&plan->wish));
    if (stage[STAGE_READ].count) o.counts.depth = (int)stage[STAGE_READ].count;
    if (stage[STAGE_RECORD].count) o.counts.workers = (int)stage[STAGE_RECORD].count;
    if (stage[STAGE_BATCH].count) o.counts.ahead = (int)stage[STAGE_BATCH].count;
    o.rate = model_rate(&o.load, &o.machine, o.counts);
    return o;
}

static double rate_with(const Outlook *o, int workers, int depth) {
    Counts c = {workers, depth, o->counts.ahead};
    return model_rate(&o->load, &o->machine, c).rows;
}

/* For each record that it drops. */
static double drop_ns(const FilterCost *cost) {
    return cost->kept < 1 ? cost->ns / (1 - cost->kept) : 0;
}

/* ---- for people ---- */

static void say_limits(Story *s, const Outlook *o) {
    const char *text = "";
    for (int r = 0; r < RESOURCES; r++)
        if (!isinf(o->rate.limit[r]))
            text = arena_format(s->arena, "%s%s%s %.0f", text, *text ? ", " : "",
                                resource_name((Resource)r), o->rate.limit[r]);
    say(s, "limits:", "%s records/s", text);
}

static void say_stages(Story *s) {
    const PlanStage *stage = s->plan->stage;
    say(s, "stages:", "read %.0f ns, %.0f bytes; record %.0f ns, %.0f bytes in, %.0f "
        "out; batch %.1f ns", stage[STAGE_READ].ns, fmax(stage[STAGE_READ].bytes_out, 0),
        stage[STAGE_RECORD].ns, fmax(stage[STAGE_RECORD].bytes_in, 0),
        fmax(stage[STAGE_RECORD].bytes_out, 0), stage[STAGE_BATCH].ns);
}

static void say_workers(Story *s, const Outlook *o) {
    const PlanWish *wish = &s->plan->wish;
    Counts c = o->counts;
    const char *less = "", *wanted = "";
    double more = rate_with(o, c.workers + 1, c.depth);
    if (c.workers > 1)
        less = arena_format(s->arena, "; one less: %.0f",
                            rate_with(o, c.workers - 1, c.depth));
    if (wish->target_rate)
        wanted = arena_format(s->arena, "; wanted: %lld", (long long)wish->target_rate);
    say(s, "decided:", "%d worker%s for %.0f records/s%s; one more: %.0f%s", c.workers,
        c.workers > 1 ? "s" : "", o->rate.rows, less, more, wanted);
}

static void say_counts(Story *s, const Outlook *o) {
    Counts c = o->counts;
    say_workers(s, o);
    if (c.depth)
        say(s, "decided:", "%d read%s at once: the source gives %.0f records/s then, one "
            "read at a time %.0f", c.depth, c.depth > 1 ? "s" : "",
            o->rate.limit[RES_SOURCE], o->rate.limit[RES_SOURCE] / c.depth);
    say(s, "decided:", "%d batch%s ahead: %.2f s of them, %.1f MB", c.ahead,
        c.ahead > 1 ? "es" : "", c.ahead * o->load.batch / o->rate.rows,
        c.ahead * o->load.batch_bytes / 1e6);
}

static void say_change(Story *s, const char *what, double ns) {
    if (fabs(ns) >= 1)
        say(s, "decided:", "%s %.0f ns a record %s than what was profiled", what,
            fabs(ns), ns > 0 ? "more" : "less");
}

static void say_wheres(Story *s) {
    const LowerNotes *notes = s->notes;
    for (int i = 0; i < notes->wheres.n && notes->wheres.n > 1; i++) {
        const FilterCost *cost = cost_of_filter(s->graph->profile, notes->wheres.at[i]);
        if (!cost) continue;
        say(s, "decided:", "the where of line %d is asked as number %d: %.0f ns each "
            "time, %.1f %% are kept, so %.0f ns for each that is dropped", cost->line,
            i + 1, cost->ns, 100 * cost->kept, drop_ns(cost));
    }
}

void explain_plan_said(Story *s) {
    Outlook o = outlook(s);
    PlanChange change = plan_change(s->arena, s->graph, s->notes);
    if (!model_has_room(&o.load, &o.machine)) {
        say(s, "predicted:", "it does not start: a batch takes %.1f MB, and --memory is "
            "%.1f MB; give it more, or make the batch smaller", o.load.batch_bytes / 1e6,
            o.machine.budget / 1e6);
        return;
    }
    say(s, "predicted:", "%.0f records/s on %d core%s; what holds it back: %s",
        o.rate.rows, o.machine.cores, o.machine.cores > 1 ? "s" : "",
        resource_name(o.rate.slowest));
    say_limits(s, &o);
    say_stages(s);
    say_counts(s, &o);
    say_change(s, "the order of steps costs", change.orders);
    say_change(s, "the order of wheres costs", change.wheres);
    say_change(s, "ways that are pinned cost", change.ways);
    say_wheres(s);
}

/* ---- for programs ---- */

static void put_number(FILE *out, const char *key, double n) {
    if (isfinite(n)) fprintf(out, ", \"%s\": %.9g", key, n);
}

/* What the numbers would be one step beside what was decided. */
static void put_beside(const Outlook *o, FILE *out) {
    Counts c = o->counts;
    put_number(out, "rate_one_more_worker", rate_with(o, c.workers + 1, c.depth));
    if (c.workers > 1)
        put_number(out, "rate_one_less_worker", rate_with(o, c.workers - 1, c.depth));
    if (c.depth)
        put_number(out, "source_one_read_at_a_time", o->rate.limit[RES_SOURCE] / c.depth);
    put_number(out, "ahead_seconds", c.ahead * o->load.batch / o->rate.rows);
    put_number(out, "ahead_bytes", c.ahead * o->load.batch_bytes);
}

static void put_wheres(const Story *s, FILE *out) {
    bool some = false;
    fputs(", \"wheres\": [", out);
    for (int i = 0; i < s->notes->wheres.n; i++) {
        int line = s->notes->wheres.at[i];
        const FilterCost *cost = cost_of_filter(s->graph->profile, line);
        if (!cost) continue;
        fprintf(out, "%s{\"line\": %d", some ? ", " : "", line);
        put_number(out, "ns", cost->ns);
        put_number(out, "kept", cost->kept);
        put_number(out, "ns_a_drop", drop_ns(cost));
        fputc('}', out);
        some = true;
    }
    fputs("]", out);
}

void explain_plan_json(const Story *s, FILE *out) {
    Outlook o = outlook(s);
    PlanChange change = plan_change(s->arena, s->graph, s->notes);
    fprintf(out, ",\n \"predicted\": {\"records_per_second\": %.9g, \"bottleneck\": "
            "\"%s\", \"cores\": %d, \"workers\": %d, \"depth\": %d, \"ahead\": %d",
            o.rate.rows, resource_name(o.rate.slowest), o.machine.cores, o.counts.workers,
            o.counts.depth, o.counts.ahead);
    put_number(out, "worker_ns", o.load.worker_ns);
    put_number(out, "cpu_ns", o.load.cpu_ns);
    put_number(out, "orders_ns", change.orders);
    put_number(out, "wheres_ns", change.wheres);
    put_number(out, "ways_ns", change.ways);
    put_beside(&o, out);
    put_wheres(s, out);
    fputs(", \"limits\": {", out);
    for (int r = 0, some = 0; r < RESOURCES; r++)
        if (isfinite(o.rate.limit[r]))
            fprintf(out, "%s\"%s\": %.9g", some++ ? ", " : "", resource_name((Resource)r),
                    o.rate.limit[r]);
    fputs("}}", out);
}
