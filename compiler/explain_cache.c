/* Where values are kept from one epoch to the next, and why not elsewhere. */
#include "explain.h"

static int line_at(Loc loc) {
    int line = 0, column;
    if (loc.file) loc_line(loc, &line, &column);
    return line;
}

bool cache_is_chosen(const Graph *graph, const CachePlace *place) {
    const CachePoint *cache = graph->cache;
    return cache && cache->loc.file == place->loc.file &&
           cache->loc.from == place->loc.from;
}

static const char *kind_of(const CachePlace *place) {
    return place->kind == 'd' ? "on disk" : "in memory";
}

static const char *weighed(Arena *arena, const Graph *graph, const CachePlace *p) {
    const char *kept = cache_is_chosen(graph, p) ? "values are kept"
                                                 : "nothing is kept";
    return arena_format(arena, "%s; %.0f bytes a record %s, %.0f ns to make them, %.0f "
                        "ns to read them back: %s %.0f ns a record and epoch", kept,
                        p->bytes, kind_of(p), p->made_ns, p->out_ns,
                        p->gain_ns < 0 ? "loses" : "saves",
                        p->gain_ns < 0 ? -p->gain_ns : p->gain_ns);
}

const char *cache_words(Arena *arena, const Graph *graph, const CachePlace *p) {
    if (p->why_not) return arena_format(arena, "not possible: %s", p->why_not);
    if (graph->profile) return weighed(arena, graph, p);
    return arena_format(arena, "%s, not weighed: there is no profile",
                        cache_is_chosen(graph, p) ? kind_of(p) : "nothing is kept");
}

void explain_cache_said(Story *s) {
    for (int i = 0; i < s->graph->cache_places.n; i++) {
        const CachePlace *p = &s->graph->cache_places.at[i];
        say(s, "cache:", "line %d, after `%s`: %s", line_at(p->loc), p->name,
            cache_words(s->arena, s->graph, p));
    }
}

void explain_cache_json(const Graph *graph, FILE *out) {
    fputs(",\n \"cache\": [", out);
    for (int i = 0; i < graph->cache_places.n; i++) {
        const CachePlace *p = &graph->cache_places.at[i];
        fprintf(out, "%s\n  {\"after\": \"%s\", \"line\": %d, \"chosen\": %s",
                i ? "," : "", p->name, line_at(p->loc),
                cache_is_chosen(graph, p) ? "true" : "false");
        fprintf(out, ", \"kind\": \"%s\", \"possible\": %s, \"bytes\": %.9g",
                p->kind == 'd' ? "disk" : "ram", p->why_not ? "false" : "true", p->bytes);
        fprintf(out, ", \"made_ns\": %.9g, \"read_ns\": %.9g, \"gain_ns\": %.9g}",
                p->made_ns, p->out_ns, p->gain_ns);
    }
    fputs("]", out);
}
