/* Plans as YAML. */
#include "plan_file.h"
#include <float.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include "../runtime/tool/yaml_file.h"

enum { VERSION = 1, DIGITS = 4 };

static const char *const stage_names[] = {"read", "record", "batch"};
static const char *const counts[] = {"depth", "workers", "ahead"};

const char *plan_stage_name(int stage) { return stage_names[stage]; }

/* ---- writing ---- */

static void put_known(yml_writer *w, const char *key, double n) {
    if (n >= 0) yml_number(w, key, n, DIGITS);
}

static void put_wish(yml_writer *w, const PlanWish *wish) {
    static const char *const on[] = {"true", "false"};
    yml_begin_map(w, "options", true);
    yml_number(w, "target_rate", (double)wish->target_rate, 15);
    yml_number(w, "cores", (double)wish->cores, 9);
    yml_number(w, "memory", (double)wish->memory, 15);
    yml_text(w, "prefetch", on[wish->no_prefetch]);
    yml_text(w, "fusion", on[wish->no_fusion]);
    yml_text(w, "parallel", on[wish->no_parallel]);
    yml_text(w, "cache", on[wish->no_cache]);
    yml_number(w, "epochs", (double)wish->epochs, 9);
    yml_end(w);
}

/* Steps are words with blanks between. */
static void put_steps(yml_writer *w, const char *steps) {
    Arena *arena = arena_new();
    yml_begin_list(w, "steps");
    while (*steps) {
        size_t n = strcspn(steps, " ");
        yml_text(w, NULL, arena_strndup(arena, steps, n));
        steps += n + (steps[n] == ' ');
    }
    arena_free(arena);
    yml_end(w);
}

static void put_orders(yml_writer *w, const Plan *plan) {
    yml_begin_list(w, "orders");
    for (int i = 0; i < plan->orders.n; i++) {
        yml_begin_map(w, NULL, true);
        yml_text(w, "field", plan->orders.at[i].field);
        yml_number(w, "line", plan->orders.at[i].line, 9);
        put_steps(w, plan->orders.at[i].steps);
        yml_end(w);
    }
    yml_end(w);
    yml_begin_list(w, "wheres");
    for (int i = 0; i < plan->wheres.n; i++) {
        yml_begin_map(w, NULL, true);
        yml_number(w, "line", plan->wheres.at[i].line, 9);
        yml_end(w);
    }
    yml_end(w);
}

static void put_stage(yml_writer *w, const PlanStage *stage, int kind) {
    yml_begin_map(w, NULL, false);
    yml_text(w, "name", stage_names[kind]);
    yml_text(w, "where", "local");
    yml_number(w, counts[kind], (double)stage->count, 9);
    put_known(w, "ns", stage->ns);
    put_known(w, "bytes_in", stage->bytes_in);
    put_known(w, "bytes_out", stage->bytes_out);
    yml_begin_list(w, "members");
    for (int i = 0; i < stage->members.n; i++) {
        const PlanMember *m = &stage->members.at[i];
        yml_begin_map(w, NULL, true);
        yml_text(w, "kind", m->kind);
        if (m->name) yml_text(w, "name", m->name);
        yml_number(w, "line", m->line, 9);
        yml_end(w);
    }
    yml_end(w);
    yml_end(w);
}

static void put_tensor(yml_writer *w, const PlanTensor *t) {
    yml_begin_map(w, NULL, true);
    yml_text(w, "name", t->name);
    yml_number(w, "line", t->line, 9);
    yml_text(w, "shape", t->shape);
    yml_text(w, "way", t->way);
    yml_text(w, "bytes", t->bytes);
    put_known(w, "ns", t->ns);
    if (t->fused.n) {
        yml_begin_list(w, "fused");
        for (int i = 0; i < t->fused.n; i++) yml_text(w, NULL, t->fused.at[i]);
        yml_end(w);
    }
    yml_end(w);
}

static void put_cache(yml_writer *w, const PlanCache *cache) {
    yml_comment(w, "What is kept from one epoch to the next: none, or what stands above this.");
    if (!cache->after) {
        yml_text(w, "cache", "none");
        return;
    }
    yml_begin_map(w, "cache", true);
    yml_text(w, "after", cache->after);
    yml_number(w, "line", cache->line, 9);
    yml_text(w, "kind", cache->kind == 'd' ? "disk" : "ram");
    yml_number(w, "limit", (double)cache->limit, 15);
    yml_end(w);
}

bool plan_write(const Plan *plan, FILE *out) {
    yml_writer *w = yml_write(out);
    if (!w) return false;
    yml_comment(w, "The plan of a feature: edit it, and pin it with pipec F.dsl --plan F.yaml.");
    yml_number(w, "plan", VERSION, 9);
    yml_text(w, "feature", plan->feature);
    yml_text(w, "hash", plan->hash);
    yml_comment(w, "What it was made for; 0: nothing was said.");
    put_wish(w, &plan->wish);
    yml_comment(w, "Orders of the steps of chains, and in which order wheres are asked.");
    put_orders(w, plan);
    yml_comment(w, "Stages; depth: reads at once, ahead: batches made ahead, 0: chosen where it "
                   "runs.\nns and bytes: predicted, for one record of the source.");
    yml_begin_list(w, "stages");
    for (int i = 0; i < PLAN_STAGES; i++) put_stage(w, &plan->stage[i], i);
    yml_end(w);
    yml_comment(w, "Tensors. way: inline (put where it is read), window (a ring of rows), "
                   "whole,\nslot (made in the batch); inline, window, whole can be pinned.");
    yml_begin_list(w, "tensors");
    for (int i = 0; i < plan->tensors.n; i++) put_tensor(w, &plan->tensors.at[i]);
    yml_end(w);
    put_cache(w, &plan->cache);
    if (plan->rate > 0) {
        yml_begin_map(w, "predicted", true);
        yml_number(w, "records_per_second", plan->rate, DIGITS);
        yml_text(w, "bottleneck", plan->bottleneck);
        yml_end(w);
    }
    return yml_written(w);
}

/* ---- reading ---- */

static const double LARGEST = 1e15;       /* exact in a double */

typedef struct Reading { Arena *arena; Diags *diags; const char *path; bool good; } Reading;

__attribute__((format(printf, 3, 4)))
static void refuse(Reading *r, int line, const char *format, ...) {
    va_list arguments;
    const char *text;
    va_start(arguments, format);
    text = arena_vformat(r->arena, format, arguments);
    va_end(arguments);
    if (r->good) diag_at(r->diags, DIAG_E0503_PLAN, (Loc){0}, "%s:%d: %s", r->path, line, text);
    r->good = false;
}

/* keys: "a|b|c" */
static bool listed(const char *keys, const char *word) {
    size_t n = strlen(word);
    for (const char *at = keys; at; at = strchr(at, '|'), at = at ? at + 1 : NULL)
        if (strcspn(at, "|") == n && !memcmp(at, word, n)) return true;
    return false;
}

static void only(Reading *r, const yml_node *map, const char *keys) {
    if (map->kind != YML_MAP) {
        refuse(r, map->line, "here stands a map of %s", keys);
        return;
    }
    for (int i = 0; i < map->n && r->good; i++) {
        if (!listed(keys, map->key[i]))
            refuse(r, map->item[i].line, "there is no key `%s` here; there are %s",
                   map->key[i], keys);
        if (yml_at(map, map->key[i]) != &map->item[i])
            refuse(r, map->item[i].line, "`%s` stands here twice", map->key[i]);
    }
}

static const char *text_at(Reading *r, const yml_node *map, const char *key) {
    const char *text = yml_text_at(map, key);
    const yml_node *node = yml_at(map, key);
    if (text) return arena_strndup(r->arena, text, strlen(text));
    if (node) refuse(r, node->line, "`%s` is a word", key);
    else refuse(r, map->line, "there is no `%s`", key);
    return "";
}

static const char *choice_at(Reading *r, const yml_node *map, const char *key,
                             const char *words) {
    const char *text = text_at(r, map, key);
    const yml_node *node = yml_at(map, key);
    if (node && !listed(words, text))
        refuse(r, node->line, "`%s` is one of %s", key, words);
    return text;
}

static double number_to(Reading *r, const yml_node *map, const char *key, double most) {
    const yml_node *node = yml_at(map, key);
    double n = 0;
    if (!node) refuse(r, map->line, "there is no `%s`", key);
    else if (!yml_number_at(map, key, &n) || !(n >= 0 && n <= most))
        refuse(r, node->line, "`%s` is a number from 0 to %g", key, most);
    return r->good ? n : 0;
}

static double number_at(Reading *r, const yml_node *map, const char *key) {
    return number_to(r, map, key, LARGEST);
}

/* What is predicted of odd costs may be any number. */
static double predicted_at(Reading *r, const yml_node *map, const char *key) {
    return number_to(r, map, key, DBL_MAX);
}

static double known_at(Reading *r, const yml_node *map, const char *key) {
    return yml_at(map, key) ? predicted_at(r, map, key) : -1;
}

static int64_t whole_at(Reading *r, const yml_node *map, const char *key, double most) {
    double n = number_at(r, map, key);
    if (n > most || n != (double)(int64_t)n)
        refuse(r, yml_at(map, key)->line, "`%s` is a whole number up to %.0f", key, most);
    return r->good ? (int64_t)n : 0;
}

static int count_at(Reading *r, const yml_node *map, const char *key, int most) {
    return (int)whole_at(r, map, key, most);
}

static const yml_node *list_at(Reading *r, const yml_node *map, const char *key) {
    static const yml_node none;
    const yml_node *list = yml_at(map, key);
    if (list && list->kind == YML_LIST) return list;
    refuse(r, list ? list->line : map->line, "`%s` is a list", key);
    return &none;
}

static const char *word_of(Reading *r, const yml_node *item) {
    if (item->kind == YML_TEXT) return arena_strndup(r->arena, item->text, strlen(item->text));
    refuse(r, item->line, "here stands a name");
    return "";
}

static void read_wish(Reading *r, const yml_node *root, PlanWish *to) {
    static const yml_node none;
    const yml_node *map = yml_at(root, "options");
    if (!map) refuse(r, root->line, "there is no `options`"), map = &none;
    if (r->good) only(r, map, "target_rate|cores|memory|prefetch|fusion|parallel|cache|epochs");
    if (!r->good) return;
    to->target_rate = whole_at(r, map, "target_rate", LARGEST);
    to->cores = count_at(r, map, "cores", 1024);
    to->memory = whole_at(r, map, "memory", LARGEST);
    to->no_prefetch = !strcmp(choice_at(r, map, "prefetch", "true|false"), "false");
    to->no_fusion = !strcmp(choice_at(r, map, "fusion", "true|false"), "false");
    to->no_parallel = !strcmp(choice_at(r, map, "parallel", "true|false"), "false");
    to->epochs = count_at(r, map, "epochs", INT_MAX);
    to->no_cache = !strcmp(choice_at(r, map, "cache", "true|false"), "false");
}

static void read_orders(Reading *r, const yml_node *root, Plan *plan) {
    const yml_node *list = list_at(r, root, "orders"), *steps;
    for (int i = 0; i < list->n && r->good; i++) {
        const yml_node *at = &list->item[i];
        PlanOrder order = {.at = at->line, .steps = ""};
        only(r, at, "field|line|steps");
        order.field = text_at(r, at, "field");
        order.line = count_at(r, at, "line", INT_MAX);
        steps = list_at(r, at, "steps");
        for (int k = 0; k < steps->n; k++)
            order.steps = arena_format(r->arena, "%s%s%s", order.steps, k ? " " : "",
                                       word_of(r, &steps->item[k]));
        list_push(r->arena, &plan->orders, order);
    }
    list = list_at(r, root, "wheres");
    for (int i = 0; i < list->n && r->good; i++) {
        const yml_node *at = &list->item[i];
        only(r, at, "line");
        list_push(r->arena, &plan->wheres,
                  ((PlanWhere){count_at(r, at, "line", INT_MAX), at->line}));
    }
}

static void read_members(Reading *r, const yml_node *map, PlanStage *stage) {
    const yml_node *list = list_at(r, map, "members");
    for (int i = 0; i < list->n && r->good; i++) {
        const yml_node *at = &list->item[i];
        PlanMember member = {.at = at->line};
        only(r, at, "kind|name|line");
        member.kind = choice_at(r, at, "kind", "source|field|where|each|batch");
        if (yml_at(at, "name")) member.name = text_at(r, at, "name");
        member.line = count_at(r, at, "line", INT_MAX);
        list_push(r->arena, &stage->members, member);
    }
}

static void read_stage(Reading *r, const yml_node *at, int kind, PlanStage *stage) {
    enum { MOST = 1024 };
    only(r, at, arena_format(r->arena, "name|where|%s|ns|bytes_in|bytes_out|members",
                             counts[kind]));
    if (strcmp(text_at(r, at, "name"), stage_names[kind]))
        refuse(r, at->line, "here stands the stage `%s`: stages are read, record, batch",
               stage_names[kind]);
    choice_at(r, at, "where", "local");
    stage->count = count_at(r, at, counts[kind], MOST);
    stage->ns = known_at(r, at, "ns");
    stage->bytes_in = known_at(r, at, "bytes_in");
    stage->bytes_out = known_at(r, at, "bytes_out");
    read_members(r, at, stage);
}

static void read_stages(Reading *r, const yml_node *root, Plan *plan) {
    const yml_node *list = list_at(r, root, "stages");
    if (list->n != PLAN_STAGES)
        refuse(r, list->line, "there are the stages read, record and batch");
    for (int i = 0; i < PLAN_STAGES && r->good; i++)
        read_stage(r, &list->item[i], i, &plan->stage[i]);
}

static void read_tensors(Reading *r, const yml_node *root, Plan *plan) {
    const yml_node *list = list_at(r, root, "tensors");
    for (int i = 0; i < list->n && r->good; i++) {
        const yml_node *at = &list->item[i], *fused = yml_at(at, "fused");
        PlanTensor t = {.at = at->line};
        only(r, at, "name|line|shape|way|bytes|ns|fused");
        t.name = text_at(r, at, "name");
        t.line = count_at(r, at, "line", INT_MAX);
        t.shape = text_at(r, at, "shape");
        t.way = choice_at(r, at, "way", "inline|window|whole|slot");
        t.bytes = text_at(r, at, "bytes");
        t.ns = known_at(r, at, "ns");
        if (fused) fused = list_at(r, at, "fused");
        for (int k = 0; fused && k < fused->n; k++)
            list_push(r->arena, &t.fused, word_of(r, &fused->item[k]));
        list_push(r->arena, &plan->tensors, t);
    }
}

static void read_cache(Reading *r, const yml_node *root, PlanCache *to) {
    const yml_node *map = yml_at(root, "cache");
    if (!map || map->kind != YML_MAP) {
        choice_at(r, root, "cache", "none");
        return;
    }
    only(r, map, "after|line|kind|limit");
    to->at = map->line;
    to->after = text_at(r, map, "after");
    to->line = count_at(r, map, "line", INT_MAX);
    to->kind = *choice_at(r, map, "kind", "ram|disk");
    to->limit = whole_at(r, map, "limit", LARGEST);
}

static void read_all(Reading *r, const yml_node *root, Plan *plan) {
    const yml_node *predicted = yml_at(root, "predicted");
    only(r, root, "plan|feature|hash|options|orders|wheres|stages|tensors|cache|predicted");
    if (r->good && number_at(r, root, "plan") != VERSION)
        refuse(r, root->line, "it is of another version of pipec: `plan` is %d", VERSION);
    plan->feature = text_at(r, root, "feature");
    plan->hash = text_at(r, root, "hash");
    if (r->good) plan->at_hash = yml_at(root, "hash")->line;
    if (r->good) read_wish(r, root, &plan->wish);
    if (r->good) read_orders(r, root, plan);
    if (r->good) read_stages(r, root, plan);
    if (r->good) read_tensors(r, root, plan);
    if (r->good) read_cache(r, root, &plan->cache);
    if (!r->good || !predicted) return;
    only(r, predicted, "records_per_second|bottleneck");
    plan->rate = predicted_at(r, predicted, "records_per_second");
    plan->bottleneck = text_at(r, predicted, "bottleneck");
}

const Plan *plan_read(Arena *arena, Diags *diags, const char *path) {
    Reading r = {arena, diags, path, true};
    Plan *plan = arena_new_of(arena, Plan);
    char why[4800] = "no memory";
    yml_node *root = yml_read(path, why, sizeof why);
    if (!root) {
        diag_at(diags, DIAG_E0503_PLAN, (Loc){0}, "%s", why);
        return NULL;
    }
    plan->path = path;
    read_all(&r, root, plan);
    yml_free(root);
    return r.good ? plan : NULL;
}
