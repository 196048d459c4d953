/* The file of `pipert profile`. */
#include "profiling.h"
#include "../cache.h"
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 3, COPY_BYTES = 64 << 20, NEAR_BYTES = 256 << 10 };

/* Of so many bytes, over and over: the best of a few tries. */
static double copy_rate(size_t bytes) {
    char *from = malloc(bytes), *to = malloc(bytes);
    size_t times = COPY_BYTES / bytes;
    double best = 0;
    if (from && to) memset(from, 1, bytes), memset(to, 2, bytes);
    for (int i = 0; i < 3 && from && to; i++) {
        int64_t began = now_ns();
        double rate;
        for (size_t k = 0; k < times; k++) {
            memcpy(to, from, bytes);
            from[k % bytes] = to[bytes - 1];
        }
        rate = (double)(times * bytes) / (double)(now_ns() - began);
        if (rate > best) best = rate;
    }
    free(from);
    free(to);
    return best;
}

static void cpu_name(char *to, size_t n) {
    FILE *in = fopen("/proc/cpuinfo", "r");
    char line[256];
    snprintf(to, n, "unknown");
    while (in && fgets(line, sizeof line, in)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !colon) continue;
        snprintf(to, n, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (in) fclose(in);
}

static void put_line(yml_writer *w, profile_line line) {
    yml_number(w, "a", line.a, DIGITS);
    yml_number(w, "b", line.b, DIGITS);
    yml_number(w, "r2", line.r2, 2);
}

static double records_of(const profile *p) {
    return (double)(p->read.records ? p->read.records : 1);
}

static double read_cpu_of(const profile *p) { return p->read_cpu_ns / records_of(p); }

/* Of all that a section took, for one record of the source. */
static double per_record(const profile *p, double sum) {
    if (sum < 0) return 0;      /* shorter than the listener was taken for */
    return sum * (double)profile_calls(p) / (double)(p->heard ? p->heard : 1) / records_of(p);
}

static double sum_of(const profile_section *s) {
    return profile_mean(&s->points) * (double)s->records;
}

/* Where `cache(disk)` keeps values. */
static void put_storage(yml_writer *w, const profiling *x) {
    char own[4096];
    const char *folder = x->o.run.cache && *x->o.run.cache
                             ? x->o.run.cache : cache_user_folder(own, sizeof own);
    double write, read;
    if (!folder || !storage_rates(folder, &write, &read)) return;
    yml_begin_map(w, "storage", true);
    yml_number(w, "write_gb_per_s", write, 2);
    yml_number(w, "read_gb_per_s", read, 2);
    yml_end(w);
}

static void put_machine(yml_writer *w, const profiling *x) {
    pipert_stats s;
    char name[256];
    pipert_stats_get(x->p, &s);
    cpu_name(name, sizeof name);
    yml_begin_map(w, "machine", true);
    yml_text(w, "cpu", name);
    yml_number(w, "cores", plat_cpus(), 6);
    yml_text(w, "code", s.cpu);
    yml_number(w, "copy_gb_per_s", copy_rate(COPY_BYTES), 2);
    yml_number(w, "copy_near_gb_per_s", copy_rate(NEAR_BYTES), 2);
    yml_end(w);
    put_storage(w, x);
    yml_number(w, "places", (double)s.places, 12);
    yml_number(w, "records", (double)s.records, 12);
    yml_number(w, "threads", s.threads, 6);
    yml_number(w, "records_per_second", (double)s.records / (double)x->took * 1e9, DIGITS);
}

static double busy_of(const slice *s) { return s->busy / s->rows; }
static double caller_of(const slice *s) { return s->caller / s->rows; }
static double wall_of(const slice *s) { return s->wall / s->rows; }

/* Rows that come out of a record. What was read and not yet handed out tells nothing of that
 * where each record is one, or fails. */
static double rows_of(const profiling *x) {
    const pl_feature *f = x->profile->feature;
    pipert_stats s;
    pipert_stats_get(x->p, &s);
    if (f->has_where || f->levels > 1) return (double)x->rows / records_of(x->profile);
    return (double)x->rows / (double)(x->rows + s.bad_records);
}

static void put_record(yml_writer *w, const profiling *x) {
    const profile *p = x->profile;
    double parts = 0, rows = rows_of(x);
    double cpu = profiling_median(x, slice_cpu) * rows;
    double caller = profiling_median(x, caller_of) * rows;
    double worker = cpu - caller - (x->reads ? read_cpu_of(p) : 0);
    for (int i = 0; i < p->feature->nsections; i++)
        parts += per_record(p, sum_of(&p->section[i]));
    yml_begin_map(w, "record", true);
    yml_number(w, "ns", p->plain.n ? profile_mean(&p->plain) * (double)profile_calls(p) /
                                         records_of(p) : parts, DIGITS);
    yml_number(w, "sections_ns", parts, DIGITS);
    yml_end(w);
    if (!x->nslices) {          /* too short to turn timing off and on */
        yml_begin_map(w, "run", true);
        yml_number(w, "rows", rows, DIGITS);
        yml_end(w);
        return;
    }
    yml_comment(w, "The run as a whole, while nothing was timed: what a worker computes, the\n"
                    "caller, all cores; busy: the worker, and what kept it from its core; wall: "
                    "until\nthe next one is there; rows: that came out; timing: what it "
                    "costs, of the time without.");
    yml_begin_map(w, "run", true);
    yml_number(w, "worker_ns", worker > 0 ? worker : 0, DIGITS);
    yml_number(w, "caller_ns", caller, DIGITS);
    yml_number(w, "cpu_ns", cpu, DIGITS);
    yml_number(w, "busy_ns", profiling_median(x, busy_of) * rows, DIGITS);
    if (x->o.run.threads <= 1)
        yml_number(w, "wall_ns", profiling_median(x, wall_of) * rows, DIGITS);
    yml_number(w, "rows", rows, DIGITS);
    yml_number(w, "timing", profiling_timing(x), DIGITS);
    yml_end(w);
}

static void put_crowd(yml_writer *w, const profiling *x) {
    if (x->crowd_rows <= 0) return;
    yml_comment(w, "Another run, with all threads, not timed.");
    yml_begin_map(w, "crowd", true);
    yml_number(w, "threads", x->crowd, 6);
    yml_number(w, "rows_per_second", x->crowd_rows, DIGITS);
    yml_end(w);
}

static void put_read(yml_writer *w, const profiling *x) {
    const profile_section *read = &x->profile->read;
    double n = (double)(read->points.seen ? read->points.seen : 1);
    yml_begin_map(w, "read", true);
    yml_number(w, "ns", profile_mean(&read->points), DIGITS);
    yml_number(w, "cpu_ns", read_cpu_of(x->profile), DIGITS);
    yml_number(w, "bytes", read->elements / n, DIGITS);
    put_line(w, profile_fit(&read->points));
    yml_end(w);
    yml_number(w, "handover_ns", x->handover, DIGITS);
}

static void put_section(yml_writer *w, const profile *p, int i) {
    static const char *const kinds[] = {"record", "tensor", "kernel", "where"};
    const pl_section *what = &p->feature->sections[i];
    const profile_section *s = &p->section[i];
    if (!s->records || what->kind == PL_SECTION_BRANCH) return;
    yml_begin_map(w, NULL, true);
    yml_text(w, "name", what->name);
    yml_text(w, "operator", what->operator_name);
    yml_number(w, "line", what->line, 9);
    yml_text(w, "kind", kinds[what->kind & 3]);
    yml_number(w, "ns", per_record(p, sum_of(s)), DIGITS);
    if (s->records < p->heard)
        yml_number(w, "reached", (double)s->records / (double)p->heard * (double)profile_calls(p) /
                                     records_of(p), DIGITS);
    yml_number(w, "elements", s->elements / (double)s->records, DIGITS);
    if (what->dtype >= 0) yml_text(w, "dtype", pipert_dtype_name(what->dtype));
    put_line(w, profile_fit(&s->points));
    if (what->kind == PL_SECTION_WHERE)
        yml_number(w, "kept", 1 - (double)s->rejected / (double)s->records, DIGITS);
    yml_end(w);
}

/* ---- operators ---- */
/* elements, r2: of the section that has most of its work. */
typedef struct operator_cost {
    const char *name;
    int line;
    double ns, fixed, most, elements, r2;
} operator_cost;

static operator_cost *cost_of(operator_cost *all, int *n, const pl_share *share) {
    for (int i = 0; i < *n; i++)
        if (all[i].line == share->line && !strcmp(all[i].name, share->operator_name))
            return &all[i];
    all[*n] = (operator_cost){.name = share->operator_name, .line = share->line};
    return &all[(*n)++];
}

/* What a section costs without elements, over all records. */
static double fixed_of(const profile_section *s) {
    double fixed = profile_fit(&s->points).a * (double)s->records, all = sum_of(s);
    return fixed < 0 ? 0 : fixed > all ? all : fixed;
}

static void add_cost(const profile *p, int section, const pl_share *share,
                     operator_cost *to) {
    const profile_section *s = &p->section[section];
    double ns = per_record(p, sum_of(s)) * share->part;
    to->ns += ns;
    to->fixed += per_record(p, fixed_of(s)) * share->part;
    if (ns < to->most) return;
    to->most = ns;
    to->elements = per_record(p, s->elements);
    to->r2 = profile_fit(&s->points).r2;
}

static int by_line(const void *a, const void *b) {
    const operator_cost *x = a, *y = b;
    return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
                              : strcmp(x->name, y->name);
}

static void put_operators(yml_writer *w, const profile *p) {
    operator_cost *all;
    int n = 0, most = 1;
    for (int i = 0; i < p->feature->nsections; i++) most += p->feature->sections[i].nshares;
    all = calloc((size_t)most, sizeof *all);
    for (int i = 0; all && i < p->feature->nsections; i++) {
        const pl_section *s = &p->feature->sections[i];
        for (int k = 0; k < s->nshares && p->section[i].records; k++)
            add_cost(p, i, &s->shares[k], cost_of(all, &n, &s->shares[k]));
    }
    if (all) qsort(all, (size_t)n, sizeof *all, by_line);
    yml_begin_list(w, "operators");
    for (int i = 0; i < n; i++) {
        yml_begin_map(w, NULL, true);
        yml_text(w, "name", all[i].name);
        yml_number(w, "line", all[i].line, 9);
        yml_number(w, "ns", all[i].ns, DIGITS);
        yml_number(w, "fixed", all[i].fixed, DIGITS);
        if (all[i].elements > 0)
            yml_number(w, "b", (all[i].ns - all[i].fixed) / all[i].elements, DIGITS);
        yml_number(w, "r2", all[i].r2, 2);
        yml_end(w);
    }
    yml_end(w);
    free(all);
}

static void put_branches(yml_writer *w, const profile *p) {
    const pl_feature *f = p->feature;
    int n = 0;
    for (int i = 0; i < f->nsections; i++) n += p->section[i].asked > 0;
    if (!n) return;
    yml_comment(w, "Branches that are taken by chance: how often, of so many times.");
    yml_begin_list(w, "branches");
    for (int i = 0; i < f->nsections; i++) {
        const profile_section *s = &p->section[i];
        if (!s->asked) continue;
        yml_begin_map(w, NULL, true);
        yml_text(w, "operator", f->sections[i].operator_name);
        yml_number(w, "line", f->sections[i].line, 9);
        yml_text(w, "condition", f->sections[i].name);
        yml_number(w, "taken", s->elements / (double)s->asked, DIGITS);
        yml_number(w, "of", (double)s->asked, 12);
        yml_end(w);
    }
    yml_end(w);
}

/* How many rows an `each` gives, of the records and rows above it that were kept. */
static void put_fan_outs(yml_writer *w, const profile *p) {
    if (p->feature->levels < 2) return;
    yml_comment(w, "Rows that each `each` gives, in their order.");
    yml_begin_list(w, "each");
    for (int k = 1; k < p->feature->levels; k++) {
        yml_begin_map(w, NULL, true);
        yml_number(w, "rows", (double)p->entered[k] / (double)(p->kept[k - 1] ? p->kept[k - 1] : 1),
                   DIGITS);
        yml_end(w);
    }
    yml_end(w);
}

void profile_put(yml_writer *w, const profiling *x) {
    const pl_feature *f = x->profile->feature;
    char hash[32];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)f->hash);
    yml_comment(w, "What a feature costs, measured by `pipert profile`; for pipec "
                    "--use-profile.\nTimes are ns for one record of the source.");
    yml_text(w, "feature", f->name);
    yml_text(w, "hash", hash);
    yml_text(w, "pipec", f->version);
    put_machine(w, x);
    yml_comment(w, "The compiled code: timed as a whole, and the sum of the sections.");
    put_record(w, x);
    put_crowd(w, x);
    yml_comment(w, "Reading: a + b * bytes; a batch's way to the caller.");
    put_read(w, x);
    yml_comment(w, "Sections, as fused: a + b * elements where they run. ns: in the mean.");
    yml_begin_list(w, "sections");
    for (int i = 0; i < f->nsections; i++) put_section(w, x->profile, i);
    yml_end(w);
    yml_comment(w, "Operators of the text: their shares of the sections, by operations.\n"
                    "fixed: what does not grow; b: for each element of the section that has "
                    "most of it.");
    put_operators(w, x->profile);
    put_branches(w, x->profile);
    put_fan_outs(w, x->profile);
}
