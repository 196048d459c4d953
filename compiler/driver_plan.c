/* Plans: read before the check, pinned after it, written on request. */
#include "driver.h"
#include "explain.h"
#include "plan_file.h"

static LowerNotes decide(Driver *d) {
    const Options *o = d->options;
    LowerOptions options = {.fuse = true, .off = o->off,
                            .reorder = o->reorder != REORDER_OFF, .ncpus = 1,
                            .cpu = {CPU_ANY}, .version = "", .level = o->level};
    LowerNotes notes = {0};
    lower_graph(d->arena, d->graph, &options, &notes);
    return notes;
}

bool driver_read_plan(Driver *d) {
    if (!d->options->plan) return true;
    d->plan = plan_read(d->arena, d->diags, d->options->plan);
    return d->plan != NULL;
}

/* The plan says how all tensors are made; pinned is what would come otherwise. */
bool driver_pin(Driver *d) {
    const Plan *plan = d->plan;
    bool whole = d->options->wish.no_fusion || (plan && plan->wish.no_fusion);
    LowerNotes notes;
    if (whole) plan_pin_whole(d->arena, d->graph);
    if (plan) {
        plan_pin(d->arena, d->graph, plan, NULL);
        notes = decide(d);
        plan_pin(d->arena, d->graph, plan, &notes);
        plan_fits_graph(d->arena, plan, d->diags, d->graph);
        if (plan_pins_tensors(d->graph)) notes = decide(d);
        plan_check(d->arena, plan, d->diags, d->graph, &notes);
    }
    return !diags_errors(d->diags);
}

static const Plan *make_plan(Driver *d, LowerNotes *notes) {
    *notes = decide(d);
    return plan_make(d->arena, d->graph, notes, d->options, d->plan);
}

void driver_plan_counts(Driver *d, LowerOptions *to) {
    LowerNotes notes;
    const Plan *plan = d->plan || plan_wishes(&d->options->wish) ? make_plan(d, &notes) : NULL;
    if (!plan) return;
    to->depth = (int)plan->stage[STAGE_READ].count;
    to->workers = (int)plan->stage[STAGE_RECORD].count;
    to->ahead = (int)plan->stage[STAGE_BATCH].count;
    to->memory = plan->wish.memory;
}

void driver_print_plan(Driver *d, FILE *out) {
    LowerNotes notes;
    plan_write(make_plan(d, &notes), out);
}

int driver_explain(Driver *d) {
    ExplainFormat format = d->options->json ? EXPLAIN_JSON
                                            : (ExplainFormat)d->options->format;
    LowerNotes notes;
    const Plan *plan;
    if (d->options->orders) return explain_orders(d->graph, stdout, format);
    plan = make_plan(d, &notes);
    return explain(d->graph, &notes, plan, stdout, format);
}
