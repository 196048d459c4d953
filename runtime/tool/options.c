#include "tool.h"
#include "../text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef bool parse_fn(options *, const char *value);

static bool number(const char *text, int64_t least, int64_t most, int64_t *to) {
    char *end;
    errno = 0;
    *to = strtoll(text, &end, 10);
    return end != text && !*end && !errno && *to >= least && *to <= most;
}

static bool small(const char *text, int64_t least, int *to) {
    int64_t n;
    if (!number(text, least, 1024 * 1024, &n)) return false;
    *to = (int)n;
    return true;
}

static bool choice(const char *text, const char *const *names, int *to) {
    for (*to = 0; names[*to]; ++*to)
        if (!strcmp(names[*to], text)) return true;
    return false;
}

/* name=value */
static bool parse_set(options *o, const char *v) {
    const char *equals = strchr(v, '=');
    setting *more;
    if (!equals || equals == v) return false;
    more = realloc(o->set, (size_t)(o->nset + 1) * sizeof *more);
    if (!more) return false;
    o->set = more;
    o->set[o->nset].name = strndup(v, (size_t)(equals - v));
    o->set[o->nset].value = strdup(equals + 1);
    return o->set[o->nset++].name != NULL;
}

static bool parse_seed(options *o, const char *v) {
    char *end;
    errno = 0;
    o->run.seed = strtoull(v, &end, 10);
    return *v >= '0' && *v <= '9' && !*end && !errno;
}
static bool parse_epoch(options *o, const char *v) {
    return number(v, 0, INT64_MAX, (int64_t *)&o->run.epoch);
}
static bool parse_mode(options *o, const char *v) {
    static const char *const names[] = {"streaming", "batch", "debug", NULL};
    return choice(v, names, &o->run.mode);
}
static bool parse_on_error(options *o, const char *v) {
    static const char *const names[] = {"fail", "skip", NULL};
    return choice(v, names, &o->run.on_error);
}
static bool parse_memory(options *o, const char *v) {
    return text_bytes(v, &o->run.memory) && o->run.memory > 0;
}
static bool parse_max_bytes(options *o, const char *v) {
    return text_bytes(v, &o->run.max_bytes) && o->run.max_bytes > 0;
}

/* 20 records, or 0.1% of the places */
static bool parse_max_errors(options *o, const char *v) {
    size_t n = strlen(v);
    char text[64];
    pl_value rate;
    if (!n || v[n - 1] != '%') return number(v, 0, INT64_MAX, &o->run.max_errors);
    if (n >= sizeof text) return false;
    memcpy(text, v, n - 1);
    if (!text_scalar(text, n - 1, PL_F64, &rate)) return false;
    o->run.max_error_rate = rate.f / 100;
    return rate.f >= 0 && rate.f <= 100;
}
static bool parse_cpu(options *o, const char *v) {
    static const char *const names[] = {"plain", "best", "x86-64", "x86-64-v2",
                                        "x86-64-v3", "x86-64-v4", NULL};
    if (!choice(v, names, &o->run.cpu)) return false;
    o->run.cpu--;
    return true;
}

static bool parse_control_interval(options *o, const char *v) {
    pl_value seconds;
    if (!text_scalar(v, strlen(v), PL_F64, &seconds)) return false;
    o->run.control_interval = seconds.f;
    return seconds.f >= 0 && seconds.f <= 3600;
}

/* An hour of ms, or a thousand of seconds, at most. */
static bool number_above_0(const char *text, double *to) {
    pl_value value;
    if (!text_scalar(text, strlen(text), PL_F64, &value)) return false;
    *to = value.f;
    return *to > 0 && *to <= 3600e3;
}

static const char *const own_process[] = {"/proc/self/exe", "serve", NULL};

#define FIELD(name, expression) \
    static bool name(options *o, const char *v) { return expression; }
FIELD(parse_threads, small(v, 1, &o->run.threads) && o->run.threads <= 1024)
FIELD(parse_readers, small(v, 1, &o->run.readers) && o->run.readers <= 1024)
FIELD(parse_epochs, number(v, 1, INT64_MAX, &o->epochs))
FIELD(parse_batches, number(v, 0, INT64_MAX, &o->batches))
FIELD(parse_rank, small(v, 0, &o->run.rank))
FIELD(parse_world, small(v, 1, &o->run.world))
FIELD(parse_max_pixels, number(v, 1, INT64_MAX, &o->run.max_pixels))
FIELD(parse_records, number(v, 1, INT64_MAX, &o->records))
FIELD(parse_seconds, number_above_0(v, &o->seconds))
FIELD(parse_batch_ms, number_above_0(v, &o->batch_ms))
FIELD(parse_output, (o->output = v) != NULL)
FIELD(parse_dump, (o->dump = v) != NULL)
FIELD(parse_show, (o->show = v) != NULL)
FIELD(parse_state, (o->state = v) != NULL)
FIELD(parse_report, (o->run.report = v) != NULL)
FIELD(parse_cache, (o->run.cache = strcmp(v, "off") ? v : "") != NULL)
FIELD(parse_hash, ((void)v, o->hash = true))
FIELD(parse_quiet, ((void)v, o->quiet = true))
FIELD(parse_explain, ((void)v, o->explain = true))
FIELD(parse_json, ((void)v, o->json = true))
FIELD(parse_process, ((void)v, (o->run.sidecar = own_process) != NULL))
FIELD(parse_allow_changed, ((void)v, (o->run.allow_changed = 1)))

/* Commands that an option goes with: what would do nothing is refused. */
enum { R = 1 << TOOL_RUN, P = 1 << TOOL_PROFILE, D = 1 << TOOL_DOCTOR,
       H = 1 << TOOL_HEADROOM, ALL = R | P | D | H };

/* value NULL: a switch; help NULL: the first lines of the help have it */
static const struct option {
    int with;
    const char *name, *value, *help;
    parse_fn *parse;
    const char *takes;
} table[] = {
    {P, "-o", "FILE", NULL, parse_output, "a path"},
    {P, "--records", "N", NULL, parse_records, "a number from 1"},
    {P | D | H, "--seconds", "N", NULL, parse_seconds, "a number above 0, up to 3600000"},
    {D | H, "--batch-ms", "MS", NULL, parse_batch_ms, "a number above 0, up to 3600000"},
    {ALL, "--set", "NAME=VALUE", "a parameter that is bound at open", parse_set,
     "NAME=VALUE"},
    {ALL, "--threads", "N", "that compute (the cores of this process)", parse_threads,
     "1 to 1024"},
    {ALL, "--readers", "N", "that read ahead (8)", parse_readers,
     "1 to 1024"},
    {R, "--epochs", "N", "run so many (1)", parse_epochs,
     "a number from 1"},
    {ALL, "--epoch", "E", "number of the first (0)", parse_epoch,
     "a number from 0"},
    {R, "--batches", "N", "stop after so many", parse_batches,
     "a number from 0"},
    {ALL, "--seed", "N", "of order and chance (0)", parse_seed,
     "a number from 0"},
    {ALL, "--rank", "R", "this process's part of the batches: R, R + W, … (0)", parse_rank,
     "a number from 0"},
    {ALL, "--world", "W", "(1)", parse_world,
     "a number from 1"},
    {R | H, "--mode", "MODE", "streaming, batch (stage by stage) or debug", parse_mode,
     "streaming, batch or debug"},
    {R | D | H, "--control-interval", "S", "fit threads to the caller so often; 0: never (1)",
     parse_control_interval, "seconds, up to 3600, or 0"},
    {R | D | H, "--process", NULL, "in a process of its own", parse_process},
    {ALL, "--memory", "BYTES", "for batches and input: 64MB, 1.5GiB (512MB or more)",
     parse_memory, "bytes: 64MB, 1.5GiB"},
    {ALL, "--on-error", "HOW", "fail, or skip records that fail (fail)", parse_on_error,
     "fail or skip"},
    {ALL, "--max-errors", "N", "records or N% of all: more end the run (no limit)",
     parse_max_errors, "a number from 0, or a rate such as 0.1%"},
    {ALL, "--cache", "DIR", "for what the feature keeps between epochs, or off", parse_cache,
     "a folder, or off"},
    {ALL, "--max-bytes", "BYTES", "of one record (1GiB)", parse_max_bytes,
     "bytes: 64MB, 1.5GiB"},
    {ALL, "--max-pixels", "N", "of one record (134217728)", parse_max_pixels,
     "a number from 1"},
    {ALL, "--cpu", "LEVEL", "best, x86-64 to x86-64-v4, or plain", parse_cpu,
     "best, x86-64, x86-64-v2, x86-64-v3, x86-64-v4 or plain"},
    {R, "--dump", "DIR", "write FIELD.NNNN.npy for every batch", parse_dump,
     "a path"},
    {R, "--show", "FILE", "write a contact sheet of images, a PNG", parse_show,
     "a path"},
    {R, "--state", "FILE", "go on from there if it exists, save there at the end",
     parse_state, "a path"},
    {R, "--allow-changed", NULL, "take the state of a feature that was changed since",
     parse_allow_changed},
    {ALL, "--report", "FILE", "list the records that failed, one JSON a line", parse_report,
     "a path"},
    {R, "--hash", NULL, "print the hash of the stream", parse_hash},
    {R, "--explain", NULL, "tell what the controller decides, where time went",
     parse_explain},
    {R, "--json", NULL, "print the summary as one JSON object", parse_json},
    {R, "--quiet", NULL, "no progress, no summary", parse_quiet},
};
enum { OPTIONS = sizeof table / sizeof *table };

void print_help(FILE *f) {
    fprintf(f, "usage: pipert run FEATURE.so [option ...]\n"
               "       pipert profile FEATURE.so [-o P.yaml] [--records N | --seconds N]\n"
               "       pipert doctor FEATURE.so [--seconds N] [--batch-ms MS]\n"
               "       pipert headroom FEATURE.so --batch-ms MS [--seconds N]\n"
               "       pipert headroom [--seconds N] -- COMMAND ...\n"
               "       pipert index FOLDER [--every N | row] [--threads N]\n"
               "       pipert cache DIR [--clear]\n"
               "Runs a feature that pipec compiled and hands out its batches; profile\n"
               "measures what its parts cost (10 seconds), for pipec --use-profile; doctor\n"
               "says what holds it back, with a trainer of MS a batch; headroom says what\n"
               "that trainer, or any that uses libpipert, would gain if batches cost nothing;\n"
               "index writes beside files where their parts begin, of what is new or changed;\n"
               "cache lists what features keep in a folder, or removes it (but what is in use).\n"
               "\n");
    for (int i = 0; i < OPTIONS; i++) {
        char left[32];
        if (!table[i].help) continue;
        snprintf(left, sizeof left, "%s %s", table[i].name,
                 table[i].value ? table[i].value : "");
        fprintf(f, "  %-20s %s\n", left, table[i].help);
    }
    fprintf(f, "  %-20s %s\n  %-20s %s\n", "--help", "this text",
            "--version", "of pipert");
    fprintf(f, "\nStatus: 0 done, 1 the run failed, 2 the command line is wrong,\n"
               "130 interrupted.\n");
}

static int usage(const char *format, const char *a, const char *b, const char *c) {
    fprintf(stderr, "pipert: ");
    fprintf(stderr, format, a, b, c);
    fprintf(stderr, "\n");
    return STATUS_USAGE;
}

static const char *const commands[] = {"run", "profile", "doctor", "headroom"};

static int unknown(tool_command command, const char *name) {
    const char *near = NULL;
    int best = 4;
    for (int i = 0; i < OPTIONS; i++) {
        int d = text_distance(name, table[i].name);
        if (!(table[i].with & 1 << command)) continue;
        if (d < best) best = d, near = table[i].name;
    }
    if (near) return usage("there is no option %s; did you mean %s?", name, near, "");
    return usage("there is no option %s (pipert --help lists them)", name, "", "");
}

/* argument = OPTION "=" VALUE | OPTION VALUE | SWITCH | FEATURE */
static int parse_one(options *o, tool_command command, int argc, char **argv, int *at) {
    char name[64];
    const char *arg = argv[*at], *value = strchr(arg, '=');
    if (arg[0] != '-') {
        if (o->feature)
            return usage("one feature at a time: %s and %s", o->feature, arg, "");
        o->feature = arg;
        return STATUS_OK;
    }
    snprintf(name, sizeof name, "%.*s", value ? (int)(value - arg) : 60, arg);
    for (int i = 0; i < OPTIONS; i++) {
        const struct option *p = &table[i];
        if (strcmp(p->name, name)) continue;
        if (!(p->with & 1 << command))
            return usage("%s does not go with `pipert %s`", name, commands[command], "");
        if (!p->value && value) return usage("%s takes no value", name, "", "");
        if (p->value && !value && *at + 1 == argc)
            return usage("%s needs %s", name, p->value, "");
        if (p->value) value = value ? value + 1 : argv[++*at];
        if (p->parse(o, value)) return STATUS_OK;
        return usage("%s: `%s` will not do; it takes %s", name, value, p->takes);
    }
    return unknown(command, name);
}

int options_parse(options *o, tool_command command, int argc, char **argv) {
    memset(o, 0, sizeof *o);
    pipert_defaults(&o->run);
    o->epochs = 1;
    o->batches = -1;
    for (int i = 0; i < argc; i++) {
        int status = parse_one(o, command, argc, argv, &i);
        if (status) return status;
    }
    o->run.epochs = command == TOOL_RUN ? o->epochs : INT64_MAX;
    return STATUS_OK;
}

int options_feature(const options *o, tool_command command) {
    if (o->feature) return STATUS_OK;
    return usage("which feature? pipert %s FEATURE.so", commands[command], "", "");
}

void options_free(options *o) {
    for (int i = 0; i < o->nset; i++) {
        free(o->set[i].name);
        free(o->set[i].value);
    }
    free(o->set);
}
