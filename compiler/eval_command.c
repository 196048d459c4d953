/* pipec eval: the interpreter under pipert, for one record or for the stream. */
#include <stdlib.h>
#include <string.h>
#include "../runtime/pipert.h"
#include "../runtime/stream_hash.h"
#include "eval_room.h"

static int complain(const char *format, const char *text) {
    fputs("pipec eval: ", stderr);
    fprintf(stderr, format, text);
    fputc('\n', stderr);
    return 1;
}

/* As pipert run: a wrong --set is a wrong command line. */
static int refuse(const pipert *p, int status) {
    complain("%s", p ? pipert_error(p) : "no memory");
    return status == PIPERT_PARAMETER || status == PIPERT_ARGUMENT ? 2 : 1;
}

static int start(const Eval *ev, const pl_feature *feature, pipert **p) {
    pipert_options options;
    int status;
    pipert_defaults(&options);
    options.mode = PIPERT_DEBUG;
    options.seed = ev->options->seed;
    options.epoch = ev->options->epoch;
    options.report = ev->options->report;
    options.on_error = ev->options->skip_errors ? PIPERT_ON_ERROR_SKIP
                                                : PIPERT_ON_ERROR_FAIL;
    status = pipert_open_feature(p, feature, &options);
    for (int i = 0; i < ev->options->nsets && !status; i++)
        status = pipert_set(*p, ev->options->sets[i].name, ev->options->sets[i].text);
    return status ? status : pipert_start(*p);
}

/* ---- the stream ---- */

static int hash_stream(const Eval *ev, pipert *p) {
    stream_hash *hash = stream_hash_new();
    pipert_batch *batch;
    int status = PIPERT_OK;
    const char *format = ev->options->json ? "{\"hash\": \"%016llx\"}\n"
                                           : "hash %016llx\n";
    if (!hash) return complain("%s", "no memory");
    while ((status = pipert_next(p, &batch)) == PIPERT_OK) {
        stream_hash_add(hash, batch);
        pipert_release(p, batch);
    }
    if (status == PIPERT_END)
        fprintf(ev->out, format, (unsigned long long)stream_hash_value(hash));
    stream_hash_free(hash);
    return status == PIPERT_END ? 0 : complain("%s", pipert_error(p));
}

/* ---- one record ---- */

static int show_record(Eval *ev, pipert *p) {
    pipert_batch *batch;
    int status = pipert_next(p, &batch);
    pipert_stats stats;
    if (status == PIPERT_OK) {
        pipert_release(p, batch);
        return ev->status;
    }
    pipert_stats_get(p, &stats);
    if (status == PIPERT_END && stats.places == 0)
        return complain("%s", arena_format(
            ev->arena, ev->options->place < 0 ? "the source has no record %lld"
                                              : "the epoch has no place %lld",
            (long long)(ev->options->place < 0 ? ev->options->sample
                                               : ev->options->place)));
    return complain("%s", pipert_error(p));
}

/* ---- entry ---- */

static int run(Eval *ev, bool sample) {
    const char *why = NULL;
    pipert *p = NULL;
    int status, started;
    ev->sample = sample;
    ev->live = (Live){0};
    eval_find_live(ev, &ev->live);
    if (!ev->symbols && !kernels_load(ev, &why)) return why ? complain("%s", why) : 1;
    started = start(ev, eval_table(ev), &p);
    if (started) status = refuse(p, started);
    else status = sample ? show_record(ev, p) : hash_stream(ev, p);
    if (pipert_close(p) && !status)
        status = complain("the report %s cannot be written", ev->options->report);
    return status;
}

int eval_command(const Graph *graph, const EvalOptions *options, FILE *out) {
    Arena *arena = arena_new();
    Eval *ev = arena_new_of(arena, Eval);
    int status = 0;
    if (!graph) {
        arena_free(arena);
        return complain("%s", "the file has no feature");
    }
    ev->arena = arena;
    ev->graph = graph;
    ev->options = options;
    ev->out = out;
    ev->constants.pool = &ev->pool;
    eval_resolve(ev);
    if (options->sample >= 0 && graph->count[COUNT_SAMPLE])
        status = complain("%s", "`sample` may draw a record several times, with other "
                                "chance: name its place, --place P");
    else if (options->sample >= 0 || options->place >= 0) status = run(ev, true);
    if (options->hash && !status) status = run(ev, false);
    region_empty(&ev->constants);
    pool_free(&ev->pool);
    arena_free(arena);
    return status;
}
