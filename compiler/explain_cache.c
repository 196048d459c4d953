/* Where values are kept from one epoch to the next, and why not elsewhere. */
#include "explain.h"

static int line_at(Loc loc) {
    int line = 0, column;
    if (loc.file) loc_line(loc, &line, &column);
    return line;
}

static bool is_chosen(const Graph *graph, const CachePlace *place) {
    const CachePoint *cache = graph->cache;
    return cache && cache->loc.file == place->loc.file && cache->loc.from == place->loc.from;
}

static const char *kind_of(const CachePlace *place) {
    return place->kind == 'd' ? "on disk" : "in memory";
}

static void say_weighed(Story *s, const CachePlace *p, const char *where) {
    const char *kept = is_chosen(s->graph, p) ? "values are kept" : "nothing is kept";
    say(s, "cache:", "%s: %s; %.0f bytes a record %s, %.0f ns to make them, %.0f ns to "
        "read them back: %s %.0f ns a record and epoch", where, kept, p->bytes,
        kind_of(p), p->made_ns, p->out_ns, p->gain_ns < 0 ? "loses" : "saves",
        p->gain_ns < 0 ? -p->gain_ns : p->gain_ns);
}

void explain_cache_said(Story *s) {
    for (int i = 0; i < s->graph->cache_places.n; i++) {
        const CachePlace *p = &s->graph->cache_places.at[i];
        const char *where = arena_format(s->arena, "line %d, after `%s`", line_at(p->loc),
                                         p->name);
        if (p->why_not)
            say(s, "cache:", "%s: not possible: %s", where, p->why_not);
        else if (s->graph->profile)
            say_weighed(s, p, where);
        else
            say(s, "cache:", "%s: %s, not weighed: there is no profile", where,
                is_chosen(s->graph, p) ? kind_of(p) : "nothing is kept");
    }
}

void explain_cache_json(const Graph *graph, FILE *out) {
    fputs(",\n \"cache\": [", out);
    for (int i = 0; i < graph->cache_places.n; i++) {
        const CachePlace *p = &graph->cache_places.at[i];
        fprintf(out, "%s\n  {\"after\": \"%s\", \"line\": %d, \"chosen\": %s, \"kind\": \"%s\", "
                "\"possible\": %s, \"bytes\": %.9g, \"made_ns\": %.9g, \"read_ns\": %.9g, "
                "\"gain_ns\": %.9g}", i ? "," : "", p->name, line_at(p->loc),
                is_chosen(graph, p) ? "true" : "false", p->kind == 'd' ? "disk" : "ram",
                p->why_not ? "false" : "true", p->bytes, p->made_ns, p->out_ns, p->gain_ns);
    }
    fputs("]", out);
}
