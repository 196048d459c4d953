/* The file has, for each operator, by its number or its name, ns of CPU and bytes in and
 * out for one sample, and the samples a second of one core. Numbers go from the last
 * operator, 0, up to the source. What counts is the share of each in the time of a sample;
 * there is no fixed part. Offloads are of back ends that are not here. */
#include "cost_cedar.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool cedar_is(const yml_node *root) {
    const yml_node *baseline = yml_at(root, "baseline");
    return baseline && yml_at(baseline, "latencies") && yml_at(baseline, "throughput");
}

typedef struct Step { const char *name; int line; bool taken; } Step;
typedef LIST(Step) Steps;

typedef struct Reading {
    Arena *arena;
    Diags *diags;
    const char *path;
    const Decl *feature;
    CostProfile *profile;
    Steps steps;
    double scale;               /* ns of a sample for a unit of latency */
    bool good;
} Reading;

static void refuse(Reading *r, int line, const char *what, const char *name) {
    if (r->good)
        diag_at(r->diags, DIAG_E0502_PROFILE, (Loc){0}, "%s:%d: `%s` %s", r->path, line, name,
                what);
    r->good = false;
}

static void note(Reading *r, int line, const char *what, const char *name) {
    diag_at(r->diags, DIAG_N0003_PROFILE, (Loc){0}, "%s:%d: `%s` %s", r->path, line, name, what);
}

/* ---- the feature's operators ---- */

static void add_steps(Reading *r, const Expr *e, Steps *to) {
    Step step = {0};
    int column;
    if (e->kind != EX_CALL || (e->a->kind != EX_NAME && e->a->kind != EX_MEMBER)) return;
    if (e->piped && e->args.n) add_steps(r, e->args.at[0].value, to);
    step.name = e->a->name.text;
    loc_line(e->a->loc, &step.line, &column);
    list_push(r->arena, to, step);
}

/* Of the longest chain, the first of the longest: cedar has one. */
static void find_steps(Reading *r) {
    for (int i = 0; i < r->feature->stmts.n; i++) {
        const Stmt *stmt = r->feature->stmts.at[i];
        Steps steps = {0};
        if (stmt->kind == ST_FIELD && stmt->expr) add_steps(r, stmt->expr, &steps);
        if (steps.n > r->steps.n) r->steps = steps;
    }
}

/* MapperPipe_decode(…) is `decode`. */
static const char *own_name(const Reading *r, const char *name) {
    static const char mapper[] = "MapperPipe_";
    if (!strncmp(name, mapper, sizeof mapper - 1)) name += sizeof mapper - 1;
    return arena_strndup(r->arena, name, strcspn(name, "( "));
}

static bool is_number(const char *key, long *n) {
    char *end;
    *n = strtol(key, &end, 10);
    return end != key && !*end;
}

/* ---- the numbers ---- */

static double number_at(Reading *r, const yml_node *map, const char *key) {
    double n = 0;
    if (!yml_number_at(map, key, &n) || !(n >= 0 && n < 1e18)) {
        const yml_node *at = yml_at(map, key);
        refuse(r, at ? at->line : map->line, "is a number from 0 to 1e18", key);
    }
    return n;
}

static const yml_node *map_at(Reading *r, const yml_node *from, const char *key) {
    static const yml_node none;
    const yml_node *map = yml_at(from, key);
    if (map && map->kind == YML_MAP) return map;
    refuse(r, map ? map->line : from->line, "is a map by operator", key);
    return &none;
}

static long last_number(const yml_node *latencies) {
    long n, last = -1;
    for (int i = 0; i < latencies->n; i++)
        if (is_number(latencies->key[i], &n) && n > last) last = n;
    return last;
}

/* The step that the key means; NULL: none. */
static Step *step_of(Reading *r, const char *key, long last) {
    long n;
    if (is_number(key, &n)) {
        long at = last - 1 - n;
        return at >= 0 && at < r->steps.n ? &r->steps.at[at] : NULL;
    }
    key = own_name(r, key);
    for (int i = 0; i < r->steps.n; i++)
        if (!r->steps.at[i].taken && !strcmp(r->steps.at[i].name, key)) return &r->steps.at[i];
    return NULL;
}

static bool is_source(const char *key, long last, const yml_node *inputs, Reading *r) {
    long n;
    double bytes;
    if (is_number(key, &n)) return n == last;
    return !step_of(r, key, last) && yml_number_at(inputs, key, &bytes) && bytes == 0;
}

static void read_operator(Reading *r, const yml_node *baseline, const yml_node *latencies,
                          int i, long last) {
    const char *key = latencies->key[i];
    double ns = number_at(r, latencies, key) * r->scale;
    const yml_node *inputs = map_at(r, baseline, "input_sizes");
    Step *step = step_of(r, key, last);
    if (is_source(key, last, inputs, r)) {
        r->profile->read_ns += ns;
        r->profile->read_bytes = number_at(r, map_at(r, baseline, "output_sizes"), key);
        return;
    }
    r->profile->record_ns += ns;
    if (!step) {
        note(r, latencies->item[i].line, "is no operator of this feature: not used", key);
        return;
    }
    step->taken = true;
    list_push(r->arena, &r->profile->operators, ((OperatorCost){step->name, step->line, ns, 0}));
}

static double sum_of(Reading *r, const yml_node *latencies) {
    double sum = 0;
    for (int i = 0; i < latencies->n; i++) sum += number_at(r, latencies, latencies->key[i]);
    if (r->good && sum <= 0) refuse(r, latencies->line, "are all 0", "latencies");
    return sum;
}

bool cedar_read(Arena *arena, Diags *diags, const char *path, const yml_node *root,
                const Decl *feature, CostProfile *p) {
    Reading r = {.arena = arena, .diags = diags, .path = path, .feature = feature,
                 .profile = p, .good = true};
    const yml_node *baseline = yml_at(root, "baseline"),
                   *latencies = map_at(&r, baseline, "latencies");
    double rate = number_at(&r, baseline, "throughput"), sum = sum_of(&r, latencies);
    if (r.good && rate <= 0) refuse(&r, baseline->line, "is 0", "throughput");
    if (!r.good) return false;
    r.scale = 1e9 / rate / sum;
    if (!(r.scale * sum < 1e18)) refuse(&r, baseline->line, "is too small", "throughput");
    find_steps(&r);
    for (int i = 0; i < latencies->n && r.good; i++)
        read_operator(&r, baseline, latencies, i, last_number(latencies));
    for (int i = 0; i < r.steps.n && r.good; i++)
        if (!r.steps.at[i].taken)
            note(&r, 1, "has no statistics here", r.steps.at[i].name);
    p->feature = feature->name.text;
    p->hash = "";
    p->rows = 1;
    p->worker_ns = p->record_ns;
    p->cpu_ns = p->record_ns + p->read_ns;
    return r.good;
}
