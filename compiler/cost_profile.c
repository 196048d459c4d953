#include "cost_cedar.h"
#include <limits.h>
#include <math.h>
#include <string.h>
#include "../runtime/tool/yaml_file.h"

/* ---- the file ---- */

enum { MOST_THREADS = 1024 };

typedef struct Reading { Arena *arena; Diags *diags; const char *path; bool good; } Reading;

static void refuse(Reading *r, int line, const char *what) {
    if (r->good && line)
        diag_at(r->diags, DIAG_E0502_PROFILE, (Loc){0}, "%s:%d: %s", r->path, line, what);
    else if (r->good)
        diag_at(r->diags, DIAG_E0502_PROFILE, (Loc){0}, "%s: %s", r->path, what);
    r->good = false;
}

static const char *text_at(Reading *r, const yml_node *map, const char *key) {
    const char *text = yml_text_at(map, key);
    if (text) return arena_strndup(r->arena, text, strlen(text));
    refuse(r, map->line, arena_format(r->arena, "there is no `%s`; it is written by "
                                      "`pipert profile F.so -o P.yaml`", key));
    return "";
}

static double number_at(Reading *r, const yml_node *map, const char *key) {
    double n = 0;
    if (!yml_number_at(map, key, &n))
        refuse(r, map->line, arena_format(r->arena, "there is no number `%s`", key));
    else if (!(n >= 0 && n < 1e18))
        refuse(r, map->line, arena_format(r->arena, "`%s` is a number from 0 to 1e18", key));
    return n;
}

static double number_or(Reading *r, const yml_node *map, const char *key, double other) {
    return map && yml_at(map, key) ? number_at(r, map, key) : other;
}

/* NULL: it is not there. */
static const yml_node *map_or(Reading *r, const yml_node *root, const char *key) {
    const yml_node *map = yml_at(root, key);
    if (map && map->kind != YML_MAP)
        refuse(r, map->line, arena_format(r->arena, "`%s` is a map", key));
    return map;
}

/* So many can be planned for. */
static double threads_or(Reading *r, const yml_node *map, const char *key) {
    double n = number_or(r, map, key, 0);
    if (n > MOST_THREADS || n != floor(n))
        refuse(r, yml_at(map, key)->line,
               arena_format(r->arena, "`%s` is a whole number up to %d", key, MOST_THREADS));
    return n;
}

static double rows_or(Reading *r, const yml_node *run) {
    double n = number_or(r, run, "rows", 1);
    if (n <= 0) refuse(r, run->line, "`rows`: what gives none cannot be planned for");
    return n;
}

static int line_at(Reading *r, const yml_node *map) {
    double n = number_at(r, map, "line");
    if (n > INT_MAX) refuse(r, map->line, "`line` is too large");
    return n > INT_MAX || !r->good ? 0 : (int)n;
}

static double kept_at(Reading *r, const yml_node *map) {
    double n = number_at(r, map, "kept");
    if (n > 1) refuse(r, map->line, "`kept` is a part: from 0 to 1");
    return n;
}

static const yml_node *list_at(Reading *r, const yml_node *root, const char *key) {
    static const yml_node none;
    const yml_node *list = yml_at(root, key);
    if (list && list->kind == YML_LIST) return list;
    refuse(r, root->line, arena_format(r->arena, "there is no list `%s`", key));
    return &none;
}

static double number_inside(Reading *r, const yml_node *root, const char *map,
                            const char *key) {
    const yml_node *inside = map_or(r, root, map);
    if (inside) return number_at(r, inside, key);
    refuse(r, root->line, arena_format(r->arena, "there is no `%s`", map));
    return 0;
}

static void read_operators(Reading *r, const yml_node *root, CostProfile *p) {
    const yml_node *list = list_at(r, root, "operators");
    for (int i = 0; i < list->n; i++) {
        const yml_node *at = &list->item[i];
        OperatorCost cost = {text_at(r, at, "name"), line_at(r, at),
                             number_at(r, at, "ns"), number_at(r, at, "fixed")};
        list_push(r->arena, &p->operators, cost);
    }
}

static void read_sections(Reading *r, const yml_node *root, CostProfile *p) {
    const yml_node *list = list_at(r, root, "sections");
    for (int i = 0; i < list->n; i++) {
        const yml_node *at = &list->item[i];
        SectionCost cost = {text_at(r, at, "name"), text_at(r, at, "operator"),
                            text_at(r, at, "kind"), line_at(r, at),
                            number_at(r, at, "ns"), number_at(r, at, "elements"),
                            number_or(r, at, "reached", 1)};
        list_push(r->arena, &p->sections, cost);
        if (strcmp(cost.kind, "where")) continue;
        list_push(r->arena, &p->filters,
                  ((FilterCost){cost.line, cost.ns / fmax(cost.reached, 1e-9),
                                 kept_at(r, at)}));
    }
}

static void read_branches(Reading *r, const yml_node *root, CostProfile *p) {
    const yml_node *list = yml_at(root, "branches") ? list_at(r, root, "branches") : NULL;
    for (int i = 0; list && i < list->n; i++) {
        const yml_node *at = &list->item[i];
        BranchCost branch = {text_at(r, at, "operator"), text_at(r, at, "condition"),
                             line_at(r, at), number_at(r, at, "taken")};
        list_push(r->arena, &p->branches, branch);
    }
}

/* An older profile has none of these: then the code and the reads are all there is. */
static void read_run(Reading *r, const yml_node *root, CostProfile *p) {
    const yml_node *run = map_or(r, root, "run"), *read = map_or(r, root, "read"),
                   *machine = map_or(r, root, "machine"), *crowd = map_or(r, root, "crowd"),
                   *storage = map_or(r, root, "storage");
    p->worker_ns = number_or(r, run, "worker_ns", 0);
    p->cpu_ns = number_or(r, run, "cpu_ns", 0);
    p->caller_ns = number_or(r, run, "caller_ns", 0);
    p->rows = rows_or(r, run);
    p->wall_ns = number_or(r, run, "wall_ns", 0);
    p->read_bytes = number_or(r, read, "bytes", 0);
    p->cores = threads_or(r, machine, "cores");
    p->copy = number_or(r, machine, "copy_gb_per_s", 0);
    p->copy_near = number_or(r, machine, "copy_near_gb_per_s", 0);
    p->crowd = threads_or(r, crowd, "threads");
    p->crowd_rows = number_or(r, crowd, "rows_per_second", 0);
    p->disk_write = number_or(r, storage, "write_gb_per_s", 0);
    p->disk_read = number_or(r, storage, "read_gb_per_s", 0);
    p->places = number_or(r, root, "places", 0);
    if (p->worker_ns <= 0) p->worker_ns = p->record_ns;
    if (p->worker_ns <= 0)
        refuse(r, root->line, "a record takes 0 ns in it: measure more of them, with "
               "`pipert profile F.so -o P.yaml`");
    if (p->cpu_ns <= 0) p->cpu_ns = p->worker_ns + number_or(r, read, "cpu_ns", p->read_ns);
}

static void read_own(Reading *r, const yml_node *root, CostProfile *p) {
    p->feature = text_at(r, root, "feature");
    if (!r->good) return;
    p->hash = text_at(r, root, "hash");
    p->record_ns = number_inside(r, root, "record", "ns");
    p->read_ns = number_inside(r, root, "read", "ns");
    p->handover_ns = number_at(r, root, "handover_ns");
    read_operators(r, root, p);
    read_sections(r, root, p);
    read_branches(r, root, p);
    read_run(r, root, p);
}

const CostProfile *cost_profile_read(Arena *arena, Diags *diags, const char *path,
                                     const Decl *feature) {
    Reading r = {arena, diags, path, true};
    CostProfile *p = arena_new_of(arena, CostProfile);
    char why[4800] = "no memory";
    yml_node *root = yml_read(path, why, sizeof why);
    if (!root) {
        diag_at(diags, DIAG_E0502_PROFILE, (Loc){0}, "%s", why);
        return NULL;
    }
    if (cedar_is(root)) r.good = cedar_read(arena, diags, path, root, feature, p);
    else read_own(&r, root, p);
    yml_free(root);
    return r.good ? p : NULL;
}

/* ---- whether it fits ---- */

typedef LIST(const char *) Names;

static bool has(const Names *names, const char *name) {
    for (int i = 0; i < names->n; i++)
        if (!strcmp(names->at[i], name)) return true;
    return false;
}

static void collect(Arena *arena, Names *names, const Expr *e);

static void collect_list(Arena *arena, Names *names, const ExprList *list) {
    for (int i = 0; i < list->n; i++) collect(arena, names, list->at[i]);
}

static void collect(Arena *arena, Names *names, const Expr *e) {
    if (!e) return;
    if (e->kind == EX_CALL && (e->a->kind == EX_NAME || e->a->kind == EX_MEMBER))
        list_push(arena, names, e->a->name.text);
    collect(arena, names, e->a);
    collect(arena, names, e->b);
    collect(arena, names, e->c);
    collect(arena, names, e->init);
    collect_list(arena, names, &e->items);
    for (int i = 0; i < e->args.n; i++) collect(arena, names, e->args.at[i].value);
    for (int i = 0; i < e->bindings.n; i++) collect(arena, names, e->bindings.at[i].value);
    for (int i = 0; i < e->indices.n; i++) {
        collect(arena, names, e->indices.at[i].from);
        collect(arena, names, e->indices.at[i].to);
    }
}

/* What an operator of the profile can be called here: calls, fields, ours. */
static Names names_of(Arena *arena, const Decl *feature) {
    /* Sections of the record, and values that the checker named (`settle`). */
    static const char *const ours[] = {"record", "where", "kept", "argument", "values",
                                       "value", "item", "states", "result", "start",
                                       "places", "left", "right", "if", "x"};
    Names names = {0};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        list_push(arena, &names, ours[i]);
    for (int i = 0; i < feature->stmts.n; i++) {
        const Stmt *stmt = feature->stmts.at[i];
        collect(arena, &names, stmt->expr);
        for (int k = 0; k < stmt->names.n; k++)
            list_push(arena, &names, stmt->names.at[k].text);
        for (int k = 0; k < stmt->items.n; k++) {
            list_push(arena, &names, stmt->items.at[k].name.text);
            collect(arena, &names, stmt->items.at[k].value);
        }
    }
    return names;
}

static const char *unknown_operators(Arena *arena, const CostProfile *p,
                                     const Names *names) {
    const char *text = NULL;
    for (int i = 0; i < p->operators.n; i++) {
        const char *name = p->operators.at[i].name;
        if (has(names, name)) continue;
        text = text ? arena_format(arena, "%s, `%s`", text, name)
                    : arena_format(arena, "`%s`", name);
    }
    return text;
}

bool cost_profile_fits(const CostProfile *p, Diags *diags, const char *path,
                       const Decl *feature) {
    Arena *arena = arena_new();
    Names names = names_of(arena, feature);
    const char *gone = unknown_operators(arena, p, &names);
    bool same = !strcmp(p->feature, feature->name.text);
    Diag *diag;
    if (!same) {
        diag = diag_at(diags, DIAG_E0502_PROFILE, feature->name.loc,
                       "%s is a profile of the feature `%s`, not of `%s`%s%s", path,
                       p->feature, feature->name.text,
                       gone ? "; this one has no " : "", gone ? gone : "");
        diag_help(diags, diag, "measure this one: pipert profile %s.so -o P.yaml",
                  feature->name.text);
    } else if (gone) {
        diag_at(diags, DIAG_N0003_PROFILE, feature->name.loc,
                "%s is of another version of the feature: it measured %s, which are not "
                "there now; the rest of it is used", path, gone);
    }
    arena_free(arena);
    return same;
}

/* ---- costs ---- */

const OperatorCost *cost_of_operator(const CostProfile *p, const char *name, int line) {
    const OperatorCost *found = NULL;
    for (int i = 0; p && i < p->operators.n; i++) {
        const OperatorCost *cost = &p->operators.at[i];
        if (strcmp(cost->name, name)) continue;
        if (!found || cost->line == line) found = cost;
    }
    return found;
}

const FilterCost *cost_of_filter(const CostProfile *p, int line) {
    for (int i = 0; p && i < p->filters.n; i++)
        if (p->filters.at[i].line == line) return &p->filters.at[i];
    return NULL;
}

double cost_of_byte(const CostProfile *p) { return p->copy_near > 0 ? .5 / p->copy_near : .01; }

double cost_elsewhere(const CostProfile *p, double ns, double fixed, StepSize measured,
                      StepSize there) {
    double more = measured.elements > 0 ? there.elements / measured.elements : 1;
    double all = fixed + (ns - fixed) * more +
                 (there.bytes - measured.bytes * more) * cost_of_byte(p);
    return all > fixed ? all : fixed;
}
