/* A feature in words for programs: the JSON of `pipec inspect --json`. */
#include <string.h>
#include "lower_room.h"

static const char *json_text(Arena *arena, const char *s) {
    char *out, *to;
    if (!s) return "null";
    out = to = arena_alloc(arena, 6 * strlen(s) + 3);
    *to++ = '"';
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') *to++ = '\\';
        if ((unsigned char)*s < 0x20) to += sprintf(to, "\\u%04x", *s);
        else *to++ = *s;
    }
    *to++ = '"';
    return out;
}

static const char *param_json(Arena *arena, const GraphParam *p) {
    return arena_format(
        arena,
        "{\"name\": %s, \"type\": %s, \"time\": \"%s\", \"default\": %s}",
        json_text(arena, p->name), json_text(arena, type_text(arena, p->type)),
        p->at_compile ? "compile" : "open",
        json_text(arena, value_text(arena, p->value)));
}

static const char *shape_json(Arena *arena, const Graph *graph, const Var *var) {
    bool below = var->kind == VAR_BELOW;
    const Type *type = below ? var->type : var->of->type;
    const char *shape = below ? "" : arena_format(arena, "%lld", (long long)graph->batch);
    int64_t n;
    for (int k = 0; k < type->rank; k++) {
        bool known = type->dims && type->dims[k] && dim_constant(type->dims[k], &n);
        shape = arena_format(arena, "%s%s%s", shape, *shape ? ", " : "",
                             known ? arena_format(arena, "%lld", (long long)n) : "null");
    }
    return shape;
}

static const char *field_json(Arena *arena, const Graph *graph, const Output *output) {
    const Var *var = output->term->var;
    bool ragged = var->kind != VAR_BELOW && type_is_ragged(var->of->type);
    return arena_format(
        arena,
        "{\"name\": %s, \"dtype\": \"%s\", \"shape\": [%s], \"ragged\": %s}",
        json_text(arena, output->name), dtype_name(var->type->dtype),
        shape_json(arena, graph, var), ragged ? "true" : "false");
}

/* The packages that a program needs when the feature is linked into it. */
static const char *needs_json(Arena *arena, const Graph *graph) {
    const char *list = "";
    for (int i = 0; i < graph->kernels.n; i++) {
        const Kernel *kernel = graph->kernels.at[i];
        const char *name = kernel->used ? kernel->needs : NULL;
        if (name && !strstr(list, json_text(arena, name)))
            list = arena_format(arena, "%s%s%s", list, *list ? ", " : "",
                                json_text(arena, name));
    }
    return list;
}

const char *describe_libraries(Arena *arena, const Graph *graph) {
    const char *list = "";
    for (int i = 0; i < graph->kernels.n; i++) {
        const Kernel *kernel = graph->kernels.at[i];
        const char *path = kernel->used ? kernel->library_path : NULL;
        if (path && !strstr(list, json_text(arena, path)))
            list = arena_format(arena, "%s%s%s", list, *list ? ", " : "",
                                json_text(arena, path));
    }
    return list;
}

const char *describe_feature(Arena *arena, const Graph *graph) {
    static const char *const lasts[] = {[LAST_DROP] = "drop", [LAST_PARTIAL] = "partial",
                                        [LAST_PAD] = "pad", [LAST_WRAP] = "wrap"};
    const char *params = "", *fields = "";
    for (int i = 0; i < graph->params.n; i++)
        params = arena_format(arena, "%s%s%s", params, i ? ", " : "",
                              param_json(arena, &graph->params.at[i]));
    for (int i = 0; i < graph->outputs.n; i++)
        fields = arena_format(arena, "%s%s%s", fields, i ? ", " : "",
                              field_json(arena, graph, &graph->outputs.at[i]));
    return arena_format(arena,
                        "{\"name\": %s, \"source\": \"%s\", \"shuffle\": %s, \"sample\": %s, "
                        "\"batch\": %lld, \"last\": \"%s\", \"params\": [%s], "
                        "\"fields\": [%s], \"needs\": [%s]}",
                        json_text(arena, graph->name), graph->source,
                        graph->shuffle ? "true" : "false",
                        graph->count[COUNT_SAMPLE] ? "true" : "false",
                        (long long)graph->batch,
                        lasts[graph->last], params, fields, needs_json(arena, graph));
}
