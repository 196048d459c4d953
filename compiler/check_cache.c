/* `cache(ram | disk, limit = BYTES, reuse_random = EPOCHS)`: where it may stand. What is
 * above it is the same in every epoch, or in so many of them as it says. */
#include <string.h>
#include "check.h"

bool cache_reuses(const Stmt *stmt) {
    for (int i = 0; stmt->kind == ST_CACHE && i < stmt->args.n; i++) {
        const char *name = stmt->args.at[i].name.text;
        if (name && !strcmp(name, "reuse_random")) return true;
    }
    return false;
}

/* ---- @cache ---- */

static const Attribute *mark_of(const AttributeList *list) {
    for (int i = 0; i < list->n; i++)
        if (!strcmp(list->at[i].name.text, "cache")) return &list->at[i];
    return NULL;
}

static bool read_mark(Checker *ck, const Attribute *mark, CachePlace *place) {
    const Expr *e = mark->args.n ? mark->args.at[0].value : NULL;
    if (!e) return true;
    if (e->kind == EX_NAME && !strcmp(e->name.text, "ram")) place->kind = 'r';
    if (e->kind == EX_NAME && !strcmp(e->name.text, "disk")) place->kind = 'd';
    if (place->kind && mark->args.n == 1) return true;
    check_error(ck, DIAG_E0005_ATTRIBUTE, mark->loc,
                "`@cache` takes nothing, `ram` or `disk`");
    return false;
}

static void add_place(Checker *ck, const Attribute *mark, CachePlace place) {
    place.loc = mark->loc;
    if (!read_mark(ck, mark, &place)) return;
    if (ck->level) place.why_not = "it stands below `each`";
    list_push(ck->arena, &ck->graph->cache_places, place);
}

/* A value that is made inside of a loop or a branch has no place of its own. */
static bool is_of_record(Checker *ck, const Term *term) {
    const Region *region = term->kind == TERM_REF ? region_of(ck, term->var) : NULL;
    return region && region->kind == REGION_FIELD && !region->outer;
}

Val cache_step(Checker *ck, const Expr *step, Val val) {
    const Attribute *mark = step->kind == EX_CALL ? mark_of(&step->attributes) : NULL;
    CachePlace place = {.above = ck->graph->nodes.n};
    if (!mark || ck->silent || ck->at_open || ck->below || val.kind != V_TERM) return val;
    place.name = callee_text(ck, step);
    val.term = bind_term(ck, place.name, val.term, step->loc);
    if (is_of_record(ck, val.term)) place.within = val.term->var;
    else place.why_not = "it stands inside of a loop or a branch";
    add_place(ck, mark, place);
    return val;
}

void cache_statement(Checker *ck, const Stmt *stmt) {
    const Attribute *mark = mark_of(&stmt->attributes);
    CachePlace place = {.above = ck->graph->nodes.n, .name = stmt->names.at[0].text};
    if (!mark && stmt->expr && stmt->expr->kind == EX_CALL)
        mark = mark_of(&stmt->expr->attributes);
    if (mark && !ck->silent && !ck->at_open && !ck->below) add_place(ck, mark, place);
}

/* ---- cache(…) ---- */

static void find_draw(const Term *term, void *data) {
    const Term **found = data;
    if (*found) return;
    if (term->kind == TERM_DRAW || term->kind == TERM_PERM) *found = term;
    else term_children(term, find_draw, data);
}

static const Term *draw_above(const Graph *graph) {
    const Term *found = NULL;
    for (int i = 0; i < graph->nodes.n && !found; i++)
        find_draw(graph->nodes.at[i].term, &found);
    return found;
}

static bool in_place(Checker *ck, const Stmt *stmt) {
    Diag *diag;
    if (ck->graph->cache) {
        diag = check_error(ck, DIAG_E0104_ORDER, stmt->loc, "a feature has one cache");
        check_note(ck, diag, ck->graph->cache->loc, "here");
        return false;
    }
    if (ck->level == 0) return true;
    check_help(ck, check_error(ck, DIAG_E0104_ORDER, stmt->loc,
                               "a cache keeps values of the source's records, so it "
                               "stands above `each`"),
               "move the cache up");
    return false;
}

void check_cache(Checker *ck, const Stmt *stmt, bool disk, int64_t limit, int64_t reuse) {
    Graph *graph = ck->graph;
    CachePoint *cache = arena_new_of(ck->arena, CachePoint);
    const Term *draw = draw_above(graph);
    bool said = cache_reuses(stmt);
    ck->reuses = false;
    if (!in_place(ck, stmt)) return;
    if (draw && !said) {
        Diag *diag = check_error(ck, DIAG_E0301_RANDOM, stmt->loc,
                                 "`%s` draws at random above the cache, so every epoch "
                                 "would have the chance of the first", draw->site_path);
        if (draw->at) check_note(ck, diag, draw->at->loc, "here");
        check_help(ck, diag, "move the cache above the draw, or say for how many epochs a "
                             "chance may serve: `reuse_random = 5`");
        return;
    }
    *cache = (CachePoint){.loc = stmt->loc, .graph = graph, .above = graph->nodes.n, .disk = disk,
                          .limit = limit, .name = "cache"};
    graph->cache = cache;
    graph->reuse_random = draw ? reuse : 0;
}
