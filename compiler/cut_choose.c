#include "cut_choose.h"
#include <string.h>
#include "cost_profile.h"
#include "cut.h"
#include "dim.h"

/* If f of the records are kept, E epochs cost a record
 *     U + W + (E - 1) (f R + (1 - f) U)   in place of   E U
 * U: to make what is kept, reading included; W, R: to write and read its bytes; f: what of
 * all bytes finds room. */

enum { NOMINAL = 512, EPOCHS = 10 };    /* a dimension, and epochs, that nobody knows */
static const double RAM_MOST = 4e9;     /* bytes; more is kept on disk */
static const double DISK = 1;           /* bytes/ns, if it was not measured */

static int line_of(Loc loc) {
    int line = 0, column;
    if (loc.file) loc_line(loc, &line, &column);
    return line;
}

/* ---- what is kept ---- */

static const SectionCost *section_of(const CostProfile *p, const Var *var) {
    for (int i = 0; i < p->sections.n; i++)
        if (!strcmp(p->sections.at[i].name, var->name) && p->sections.at[i].elements > 0)
            return &p->sections.at[i];
    return NULL;
}

static double bytes_of(const CostProfile *p, const Var *var) {
    const Type *type = var->type;
    const SectionCost *section;
    double n = 1;
    bool known = true;
    for (int k = 0; k < type->rank; k++) {
        int64_t size = NOMINAL;
        known &= type->dims && type->dims[k] && dim_constant(type->dims[k], &size);
        n *= (double)size;
    }
    section = known ? NULL : section_of(p, var);
    if (section) n = section->elements;
    else if (!known && var->kind == VAR_SOURCE) n = p->read_bytes;
    return n * dtype_size(type->dtype);
}

static double ns_of(const CostProfile *p, const CutWork *work) {
    const OperatorCost *cost = cost_of_operator(p, work->name, work->line);
    return cost && cost->line == work->line ? cost->ns : 0;
}

/* ---- prices ---- */

static const char *odd_one(Arena *arena, const VarList *kept) {
    for (int i = 0; i < kept->n; i++)
        if (kept->at[i]->type->kind != TY_TENSOR)
            return arena_format(arena, "`%s` is no tensor", kept->at[i]->name);
    return NULL;
}

static void set_gain(CachePlace *place, const CostProfile *p, double epochs) {
    bool disk;
    double all = place->bytes * p->places, part = 1;
    double in = p->copy > 0 ? p->copy : DISK;
    if (!place->kind) place->kind = all > RAM_MOST ? 'd' : 'r';
    disk = place->kind == 'd';
    place->out_ns = 0;
    if (disk) in = p->disk_write > 0 ? p->disk_write : DISK;
    if (disk) place->out_ns = place->bytes / (p->disk_read > 0 ? p->disk_read : DISK);
    if (place->limit && all > (double)place->limit) part = (double)place->limit / all;
    place->gain_ns = (epochs - 1) / epochs * part *
                         (place->made_ns + p->read_ns - place->out_ns) -
                     place->bytes / in / epochs;
}

/* above: nodes of the graph, which is split there. */
static void price(Arena *arena, const Graph *graph, int above, CachePlace *place,
                  double epochs) {
    const CostProfile *p = graph->profile;
    CutSides sides = cut_sides(arena, graph, above);
    place->why_not = odd_one(arena, &sides.kept);
    if (sides.draws && !graph->reuse_random) place->why_not = "a draw stands above it";
    if (place->why_not || !p) return;
    for (int i = 0; i < sides.above.n; i++)
        place->made_ns += ns_of(p, &sides.above.at[i]);
    for (int i = 0; i < sides.kept.n; i++) place->bytes += bytes_of(p, sides.kept.at[i]);
    set_gain(place, p, epochs);
}

/* ---- a place becomes the cache ---- */

static const Graph *split_at(Arena *arena, const Graph *graph, const CachePlace *place, int *above) {
    *above = place->above;
    return place->within ? graph_split(arena, graph, place->above, place->within, above)
                         : graph;
}

static void keep_at(Arena *arena, Graph *graph, CachePlace *place) {
    int above;
    const Graph *g = split_at(arena, graph, place, &above);
    CachePoint *cache = arena_new_of(arena, CachePoint);
    *cache = (CachePoint){place->loc, g, above, place->kind == 'd', place->limit,
                          place->name, place->made_ns, place->out_ns,
                          place->bytes};
    graph->cache = cache;
}

static double epochs_of(const PlanWish *wish) {
    return wish->epochs > 0 ? (double)wish->epochs : EPOCHS;
}

static void price_all(Arena *arena, Graph *graph, const PlanWish *wish) {
    for (int i = 0; i < graph->cache_places.n; i++) {
        CachePlace *place = &graph->cache_places.at[i];
        int above;
        const Graph *g = place->why_not ? NULL : split_at(arena, graph, place, &above);
        if (g) price(arena, g, above, place, epochs_of(wish));
        else if (!place->why_not) place->why_not = "its value is not made by itself";
    }
}

/* Of what the text says. */
static void price_written(Arena *arena, Diags *diags, Graph *graph,
                          const PlanWish *wish) {
    CachePoint *cache = arena_new_of(arena, CachePoint);
    CachePlace place = {.name = "cache", .loc = graph->cache->loc, .statement = true,
                        .above = graph->cache->above, .limit = graph->cache->limit,
                        .kind = graph->cache->disk ? 'd' : 'r'};
    *cache = *graph->cache;
    price(arena, graph, cache->above, &place, epochs_of(wish));
    if (place.why_not)
        diag_at(diags, DIAG_E0201_TYPE, place.loc, "what stands above cannot be kept: %s",
                place.why_not);
    cache->name = place.name;
    cache->made_ns = place.made_ns;
    cache->out_ns = place.out_ns;
    cache->bytes = place.bytes;
    graph->cache = cache;
    graph->cache_places.n = 0;
    list_push(arena, &graph->cache_places, place);
}

/* ---- choosing ---- */

static CachePlace *best_place(const Graph *graph) {
    CachePlace *best = NULL;
    for (int i = 0; i < graph->cache_places.n; i++) {
        CachePlace *place = &graph->cache_places.at[i];
        if (place->why_not || place->gain_ns <= 0) continue;
        if (!best || place->gain_ns > best->gain_ns) best = place;
    }
    return best;
}

static CachePlace *place_named(const Graph *graph, const PlanCache *pin) {
    for (int i = 0; i < graph->cache_places.n; i++) {
        CachePlace *place = &graph->cache_places.at[i];
        if (line_of(place->loc) == pin->line && !strcmp(place->name, pin->after))
            return place;
    }
    return NULL;
}

static void refuse_pin(Diags *diags, const Plan *plan, const char *why) {
    diag_at(diags, DIAG_N0004_PLAN, (Loc){0}, "%s:%d: there is no place for a cache after "
            "`%s` on line %d%s%s: nothing is kept", plan->path, plan->cache.at,
            plan->cache.after, plan->cache.line, why ? ": " : "", why ? why : "");
}

static void keep_pinned(Arena *arena, Diags *diags, Graph *graph, const Plan *plan) {
    CachePlace *place = plan->cache.after ? place_named(graph, &plan->cache) : NULL;
    bool written = graph->cache != NULL;
    graph->cache = NULL;
    if (!plan->cache.after) return;
    if (!place || place->why_not) {
        refuse_pin(diags, plan, place ? place->why_not : NULL);
        return;
    }
    place->kind = plan->cache.kind;
    place->limit = plan->cache.limit;
    if (graph->profile) set_gain(place, graph->profile, epochs_of(&plan->wish));
    if (written) place->within = NULL;
    keep_at(arena, graph, place);
}

void cut_choose(Arena *arena, Diags *diags, Graph *graph, const PlanWish *wish,
                const Plan *plan) {
    CachePlace *best;
    bool off = wish->no_cache || (plan && plan->wish.no_cache);
    if (graph->cache) price_written(arena, diags, graph, wish);
    else price_all(arena, graph, wish);
    if (plan) keep_pinned(arena, diags, graph, plan);
    if (off) graph->cache = NULL;
    if (plan || graph->cache || off || !graph->cache_places.n) return;
    if (!graph->profile)
        diag_at(diags, DIAG_N0005_CACHE, graph->cache_places.at[0].loc,
                "`@cache` is weighed with a profile (--use-profile P.yaml): nothing is kept");
    best = best_place(graph);
    if (best) keep_at(arena, graph, best);
}
