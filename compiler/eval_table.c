/* The tables of runtime/plan.h around the interpreter. */
#include <string.h>
#include "eval_room.h"

/* ---- parameters: values written as for --set ---- */

static const char *real_text(Arena *arena, pl_dtype d, double x) {
    return arena_format(arena, d == PL_F64 ? "%.17g" : "%.9g", x);
}

static const char *number_text(Arena *arena, pl_dtype d, Number n) {
    if (d == PL_BOOL) return n.i ? "true" : "false";
    if (d == PL_U64) return arena_format(arena, "%llu", (unsigned long long)n.i);
    if (!dtype_is_float(d)) return arena_format(arena, "%lld", (long long)n.i);
    return real_text(arena, d, d == PL_F64 ? n.d : n.f);
}

static const char *list_text(Arena *arena, const Type *type, int axis, const char **at) {
    const char *text = "";
    int64_t n = 0;
    if (axis == type->rank) {
        text = number_text(arena, type->dtype, scalar_load(type->dtype, *at));
        *at += dtype_size(type->dtype);
        return text;
    }
    type_dim(type, axis, &n);
    for (int64_t i = 0; i < n; i++)
        text = arena_format(arena, "%s%s%s", text, i ? ", " : "",
                            list_text(arena, type, axis + 1, at));
    return arena_format(arena, "[%s]", text);
}

static const char *value_text(Arena *arena, const Term *term) {
    const Type *type;
    const char *at;
    int64_t n = 0;
    Number number = {0};
    if (!term) return NULL;
    type = term->type;
    if (term->kind == TERM_DATA) {
        at = term->data;
        if (!type->text) return list_text(arena, type, 0, &at);
        type_dim(type, 0, &n);
        return arena_strndup(arena, at, (size_t)n);
    }
    if (dtype_is_float(type->dtype)) return real_text(arena, type->dtype, term->real);
    number.i = (int64_t)term->bits;
    return number_text(arena, type->dtype, number);
}

static const pl_param *param_table(Arena *arena, const Graph *graph) {
    pl_param *table = arena_array(arena, pl_param, graph->params.n + 1);
    for (int i = 0; i < graph->params.n; i++) {
        const GraphParam *p = &graph->params.at[i];
        int kind = p->type->text == TEXT_PATH ? PL_PARAM_PATH
                   : p->type->text ? PL_PARAM_STRING
                   : p->type->rank ? PL_PARAM_TENSOR : PL_PARAM_SCALAR;
        table[i] = (pl_param){p->name, kind, p->type->dtype, p->type->rank, p->at_compile,
                              value_text(arena, p->value), type_text(arena, p->type)};
    }
    return table;
}

/* ---- source ---- */

static const pl_input *input_table(Eval *ev) {
    pl_input *table = arena_array(ev->arena, pl_input, ev->live.inputs.n + 1);
    for (int i = 0; i < ev->live.inputs.n; i++) {
        const Var *var = ev->live.inputs.at[i];
        table[i] = (pl_input){var->name, var->type->dtype, var->type->rank > 0};
    }
    return table;
}

static const pl_column *column_table(Arena *arena, const Type *columns) {
    pl_column *table = arena_array(arena, pl_column, columns->n + 1);
    for (int i = 0; i < columns->n; i++)
        table[i] = (pl_column){columns->names[i], columns->items[i]->dtype,
                               columns->items[i]->rank > 0};
    return table;
}

/* ---- fields and outputs ---- */

static void dims_of(const Type *type, int64_t *dim) {
    for (int k = 0; k < type->rank; k++)
        if (!type->dims || !dim_constant(type->dims[k], &dim[k])) dim[k] = -1;
}

static bool is_emitted(const Graph *graph, const Var *var) {
    for (int i = 0; i < graph->outputs.n; i++)
        if (graph->outputs.at[i].term->var == var) return true;
    return false;
}

static const pl_field *field_table(Eval *ev) {
    pl_field *table = arena_array(ev->arena, pl_field, ev->live.fields.n + 1);
    for (int i = 0; i < ev->live.fields.n; i++) {
        const Var *var = ev->live.fields.at[i];
        const Type *type = var->of->type;
        table[i] = (pl_field){.name = var->name, .dtype = type->dtype, .rank = type->rank,
                              .ragged = var->type->kind == TY_RAGGED,
                              .needed_below = !is_emitted(ev->graph, var) ||
                                              ev->live.below.n > 0};
        dims_of(type, table[i].dim);
        if (table[i].ragged) continue;
        table[i].bytes = dtype_size(type->dtype);
        for (int k = 0; k < type->rank; k++)
            if (__builtin_mul_overflow(table[i].bytes, table[i].dim[k], &table[i].bytes))
                table[i].bytes = INT64_MAX;
    }
    return table;
}

static const pl_field *below_table(Eval *ev) {
    pl_field *table = arena_array(ev->arena, pl_field, ev->live.below.n + 1);
    for (int i = 0; i < ev->live.below.n; i++) {
        const Var *var = ev->live.below.at[i];
        table[i] = (pl_field){.name = var->name, .dtype = var->type->dtype,
                              .rank = var->type->rank};
        dims_of(var->type, table[i].dim);
    }
    return table;
}

static int index_of(const Var *const *at, int n, const Var *var) {
    for (int i = 0; i < n; i++)
        if (at[i] == var) return i;
    bug("eval: output `%s` has no field", var->name);
}

static const pl_output *output_table(Eval *ev) {
    const Graph *graph = ev->graph;
    pl_output *table = arena_array(ev->arena, pl_output, graph->outputs.n + 1);
    for (int i = 0; i < graph->outputs.n; i++) {
        const Var *var = graph->outputs.at[i].term->var;
        pl_output *out = &table[i];
        bool ragged = var->type->kind == TY_RAGGED;
        *out = (pl_output){.name = graph->outputs.at[i].name, .dtype = var->type->dtype,
                           .below = var->kind != VAR_BATCHED, .ragged = ragged,
                           .rank = var->type->rank + ragged};
        out->index = out->below ? index_of(ev->live.below.at, ev->live.below.n, var)
                                : index_of(ev->live.fields.at, ev->live.fields.n, var);
        dims_of(var->type, out->dim + ragged);
        if (ragged) out->dim[0] = graph->batch;
    }
    return table;
}

/* ---- sites ---- */

static const char *base_name(const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

static int line_of(Loc loc) {
    int line = 0, column;
    if (loc.file) loc_line(loc, &line, &column);
    return line;
}

/* One more than the places that can fail: the source, whose records may be unreadable.
 * Thus the file is always known. */
static const pl_site *site_table(Eval *ev) {
    int n = ev->sites.n;
    pl_site *table = arena_array(ev->arena, pl_site, n + 1);
    const File *file = ev->graph->file;
    table[n] = (pl_site){.operator_name = ev->graph->source,
                         .line = line_of(ev->graph->source_loc),
                         .file = base_name(file ? file->path : NULL)};
    for (int i = 0; i < n; i++) {
        const Code *code = ev->sites.at[i];
        pl_site *site = &table[i];
        site->line = place_line(code->at, file, &site->operator_name);
        if (!site->operator_name) site->operator_name = code->field;
        site->file = base_name(file ? file->path : NULL);
        site->reason = code->reason;
    }
    return table;
}

/* ---- the feature ---- */

static bool has_where(const Graph *graph) {
    for (int i = 0; i < graph->nodes.n; i++)
        if (graph->nodes.at[i].kind == NODE_WHERE) return true;
    return false;
}

static void fill_stream(Eval *ev, pl_feature *f) {
    const Graph *graph = ev->graph;
    f->shuffle = graph->shuffle;
    f->has_sample = graph->count[COUNT_SAMPLE] != NULL;
    f->has_skip = graph->count[COUNT_SKIP] != NULL;
    f->has_take = graph->count[COUNT_TAKE] != NULL;
    f->has_steps = graph->count[COUNT_STEPS] != NULL;
    f->levels = graph->levels;
    f->reuse_random = graph->reuse_random;
    f->has_where = has_where(graph);
    f->batch = graph->batch;
    f->lanes = graph->lanes;
    f->last = (int32_t)graph->last;
    f->nfields = ev->live.fields.n;
    f->fields = field_table(ev);
    f->nbelow = ev->live.below.n;
    f->below = below_table(ev);
    f->noutputs = graph->outputs.n;
    f->outputs = output_table(ev);
}

/* One record, chosen by its index or its place, that leaves nothing. */
static void fill_sample(const Eval *ev, pl_feature *f) {
    if (ev->options->place >= 0) {
        f->shuffle = ev->graph->shuffle;
        f->has_sample = ev->graph->count[COUNT_SAMPLE] != NULL;
    }
    f->has_skip = f->has_take = 1;
    f->levels = 1;
    f->batch = f->lanes = 1;
    f->last = LAST_PARTIAL;
}

const pl_feature *eval_table(Eval *ev) {
    const Graph *graph = ev->graph;
    pl_feature *f = arena_new_of(ev->arena, pl_feature);
    pl_code *code = arena_new_of(ev->arena, pl_code);
    const pl_code **codes = arena_new_of(ev->arena, const pl_code *);
    eval_code(ev, code);
    codes[0] = code;
    *f = (pl_feature){
        .abi = PL_ABI, .name = graph->name, .hash = graph->hash, .version = "eval",
        .nparams = graph->params.n, .params = param_table(ev->arena, graph),
        .source = graph->source, .nsource_args = graph->nsource_args,
        .ninputs = ev->live.inputs.n, .inputs = input_table(ev),
        .read_column = graph->read_column,
        .nsites = ev->sites.n + 1, .sites = site_table(ev), .ncodes = 1, .codes = codes,
        .describe = "{}", .parts = graph_parts(ev->arena, graph), .source_line = line_of(graph->source_loc), .user = ev};
    if (graph->columns) {
        f->ncolumns = graph->columns->n;
        f->columns = column_table(ev->arena, graph->columns);
    }
    if (ev->sample) fill_sample(ev, f);
    else fill_stream(ev, f);
    return f;
}
