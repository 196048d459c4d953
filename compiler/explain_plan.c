/* What is predicted, and why it was decided so: the numbers for a choice and against it. */
#include <math.h>
#include <string.h>
#include "explain.h"
#include "plan_cost.h"

typedef struct Outlook { Workload load; Machine machine; Counts counts; Rate rate; } Outlook;

static Outlook outlook(Arena *arena, const Graph *graph, const LowerNotes *notes,
                       const Plan *plan) {
    Outlook o = {.load = plan_workload(arena, graph, notes),
                 .machine = plan_machine(graph, &plan->wish)};
    o.counts = model_choose(&o.load, &o.machine, plan_model_wish(&plan->wish));
    if (plan->stage[STAGE_READ].count) o.counts.depth = (int)plan->stage[STAGE_READ].count;
    if (plan->stage[STAGE_RECORD].count)
        o.counts.workers = (int)plan->stage[STAGE_RECORD].count;
    if (plan->stage[STAGE_BATCH].count) o.counts.ahead = (int)plan->stage[STAGE_BATCH].count;
    o.rate = model_rate(&o.load, &o.machine, o.counts);
    return o;
}

static double rate_with(const Outlook *o, int workers, int depth) {
    Counts c = {workers, depth, o->counts.ahead};
    return model_rate(&o->load, &o->machine, c).rows;
}

/* ---- for people ---- */

static void put_limits(const Outlook *o, FILE *out) {
    const char *comma = "";
    fputs("limits: ", out);
    for (int r = 0; r < RESOURCES; r++) {
        if (isinf(o->rate.limit[r])) continue;
        fprintf(out, "%s%s %.0f", comma, resource_name((Resource)r), o->rate.limit[r]);
        comma = ", ";
    }
    fputs(" records/s\n", out);
}

static void put_counts(const Outlook *o, const PlanWish *wish, FILE *out) {
    Counts c = o->counts;
    fprintf(out, "decided: %d worker%s for %.0f records/s", c.workers, c.workers > 1 ? "s" : "",
            o->rate.rows);
    if (c.workers > 1) fprintf(out, "; one less: %.0f", rate_with(o, c.workers - 1, c.depth));
    fprintf(out, "; one more: %.0f", rate_with(o, c.workers + 1, c.depth));
    if (wish->target_rate) fprintf(out, "; wanted: %lld", (long long)wish->target_rate);
    if (c.depth)
        fprintf(out, "\ndecided: %d reads at once: the source gives %.0f records/s then, one "
                "read at a time %.0f", c.depth, o->rate.limit[RES_SOURCE],
                o->rate.limit[RES_SOURCE] / c.depth);
    fprintf(out, "\ndecided: %d batch%s ahead: %.2f s of them, %.1f MB\n", c.ahead,
            c.ahead > 1 ? "es" : "", c.ahead * o->load.batch / o->rate.rows,
            c.ahead * o->load.batch_bytes / 1e6);
}

static void put_change(const char *what, double ns, FILE *out) {
    if (fabs(ns) >= 1)
        fprintf(out, "decided: %s cost%s %.0f ns a record %s than what was profiled\n", what,
                strcmp(what, "ways that are pinned") ? "s" : "", fabs(ns),
                ns > 0 ? "more" : "less");
}

static void put_wheres(const CostProfile *p, const LowerNotes *notes, FILE *out) {
    for (int i = 0; i < notes->wheres.n && notes->wheres.n > 1; i++) {
        const FilterCost *cost = cost_of_filter(p, notes->wheres.at[i]);
        if (!cost) continue;
        fprintf(out, "decided: the where of line %d is asked as number %d: %.0f ns each time, "
                "%.1f %% are kept, so %.0f ns for each that is dropped\n", cost->line, i + 1,
                cost->ns, 100 * cost->kept, cost->kept < 1 ? cost->ns / (1 - cost->kept) : 0);
    }
}

void explain_plan_text(Arena *arena, const Graph *graph, const LowerNotes *notes,
                       const Plan *plan, FILE *out) {
    Outlook o = outlook(arena, graph, notes, plan);
    PlanChange change = plan_change(arena, graph, notes);
    const PlanStage *s = plan->stage;
    fprintf(out, "predicted: %.0f records/s on %d core%s; what holds it back: %s\n", o.rate.rows,
            o.machine.cores, o.machine.cores > 1 ? "s" : "", resource_name(o.rate.slowest));
    put_limits(&o, out);
    fprintf(out, "stages: read %.0f ns, %.0f bytes; record %.0f ns, %.0f bytes in, %.0f out; "
            "batch %.1f ns\n", s[STAGE_READ].ns, fmax(s[STAGE_READ].bytes_out, 0),
            s[STAGE_RECORD].ns, fmax(s[STAGE_RECORD].bytes_in, 0),
            fmax(s[STAGE_RECORD].bytes_out, 0), s[STAGE_BATCH].ns);
    for (int i = 0; i < plan->tensors.n; i++) {
        const PlanTensor *t = &plan->tensors.at[i];
        if (!t->fused.n) continue;
        fprintf(out, "fused: `%s` of line %d is", t->name, t->line);
        for (int k = 0; k < t->fused.n; k++) fprintf(out, "%s %s", k ? "," : "", t->fused.at[k]);
        if (t->ns >= 0) fprintf(out, "; %.0f ns a record", t->ns);
        fputc('\n', out);
    }
    put_counts(&o, &plan->wish, out);
    put_change("the order of steps", change.orders, out);
    put_change("the order of wheres", change.wheres, out);
    put_change("ways that are pinned", change.ways, out);
    put_wheres(graph->profile, notes, out);
}

/* ---- for programs ---- */

static void put_number(FILE *out, const char *key, double n) {
    if (isfinite(n)) fprintf(out, ", \"%s\": %.9g", key, n);
}

void explain_plan_json(Arena *arena, const Graph *graph, const LowerNotes *notes,
                       const Plan *plan, FILE *out) {
    Outlook o = outlook(arena, graph, notes, plan);
    PlanChange change = plan_change(arena, graph, notes);
    fprintf(out, ",\n \"predicted\": {\"records_per_second\": %.9g, \"bottleneck\": \"%s\", "
            "\"cores\": %d, \"workers\": %d, \"depth\": %d, \"ahead\": %d", o.rate.rows,
            resource_name(o.rate.slowest), o.machine.cores, o.counts.workers, o.counts.depth,
            o.counts.ahead);
    put_number(out, "worker_ns", o.load.worker_ns);
    put_number(out, "cpu_ns", o.load.cpu_ns);
    put_number(out, "orders_ns", change.orders);
    put_number(out, "wheres_ns", change.wheres);
    put_number(out, "ways_ns", change.ways);
    fputs(", \"limits\": {", out);
    for (int r = 0, some = 0; r < RESOURCES; r++)
        if (isfinite(o.rate.limit[r]))
            fprintf(out, "%s\"%s\": %.9g", some++ ? ", " : "", resource_name((Resource)r),
                    o.rate.limit[r]);
    fputs("}}", out);
}
