/* The tables of runtime/plan.h as data of the module. */
#include <string.h>
#include "lower_room.h"

bool type_is_ragged(const Type *type) {
    int64_t n;
    for (int k = 0; k < type->rank; k++)
        if (!type->dims || !type->dims[k] || !dim_constant(type->dims[k], &n))
            return true;
    return false;
}

/* ---- data with addresses in them ---- */

static int datum(Lowering *all, const void *bytes, size_t size) {
    return loop_datum(all->module, NULL, bytes, (int64_t)size, 8);
}

static void point(Lowering *all, int from, size_t at, int to) {
    if (to >= 0)
        loop_reloc(all->module, from,
                   (LoopReloc){.at = (int64_t)at, .kind = 0, .target = to});
}

static void point_code(Lowering *all, int from, size_t at, int function, int cpu) {
    if (function >= 0)
        loop_reloc(
            all->module, from,
            (LoopReloc){
                .at = (int64_t)at, .kind = 1, .target = function, .cpu = cpu});
}

static int text(Lowering *all, const char *s) {
    return s ? datum(all, s, strlen(s) + 1) : -1;
}

#define POINT(table, i, T, member, to) \
    point(all, (table), (size_t)(i) * sizeof(T) + offsetof(T, member), (to))

/* ---- parameters ---- */

static const char *number_text(Arena *arena, pl_dtype d, const char *at) {
    int64_t n = 0;
    float f;
    double x;
    switch (d) {
    case PL_F32: memcpy(&f, at, 4); return arena_format(arena, "%.9g", (double)f);
    case PL_F64: memcpy(&x, at, 8); return arena_format(arena, "%.17g", x);
    case PL_BOOL: return *at ? "true" : "false";
    default: break;
    }
    memcpy(&n, at, (size_t)dtype_size(d));
    if (d == PL_U64) return arena_format(arena, "%llu", (unsigned long long)n);
    if (dtype_is_signed(d)) {
        int unused = 64 - 8 * dtype_size(d);
        n = (int64_t)((uint64_t)n << unused) >> unused;
    }
    return arena_format(arena, "%lld", (long long)n);
}

static const char *list_text(Arena *arena, const Type *type, int axis, const char **at) {
    const char *list = "[";
    int64_t n = 0;
    if (axis == type->rank) {
        const char *element = *at;
        *at += dtype_size(type->dtype);
        return number_text(arena, type->dtype, element);
    }
    dim_constant(type->dims[axis], &n);
    for (int64_t i = 0; i < n; i++)
        list = arena_format(arena, "%s%s%s", list, i ? ", " : "",
                            list_text(arena, type, axis + 1, at));
    return arena_format(arena, "%s]", list);
}

const char *value_text(Arena *arena, const Term *term) {
    const Type *type;
    const char *at;
    int64_t n = 0;
    if (!term) return NULL;
    type = term->type;
    if (term->kind == TERM_DATA && type->text) {
        dim_constant(type->dims[0], &n);
        return arena_strndup(arena, term->data, (size_t)n);
    }
    if (term->kind == TERM_DATA) {
        at = term->data;
        return list_text(arena, type, 0, &at);
    }
    if (term->kind != TERM_CONST) return NULL;
    if (type->dtype == PL_F32) return arena_format(arena, "%.9g", term->real);
    if (dtype_is_float(type->dtype)) return arena_format(arena, "%.17g", term->real);
    return number_text(arena, type->dtype, (const char *)&term->bits);
}

static int param_kind(const Type *type) {
    if (type->text == TEXT_PATH) return PL_PARAM_PATH;
    if (type->text == TEXT_STRING) return PL_PARAM_STRING;
    return type->rank ? PL_PARAM_TENSOR : PL_PARAM_SCALAR;
}

static int params_table(Lowering *all) {
    const Graph *graph = all->graph;
    int n = graph->params.n, table;
    pl_param *rows = arena_array(all->arena, pl_param, n + 1);
    for (int i = 0; i < n; i++) {
        const GraphParam *p = &graph->params.at[i];
        rows[i].kind = param_kind(p->type);
        rows[i].dtype = p->type->dtype;
        rows[i].rank = p->type->rank;
        rows[i].at_compile = p->at_compile;
    }
    table = datum(all, rows, sizeof *rows * (size_t)n);
    for (int i = 0; i < n; i++) {
        const GraphParam *p = &graph->params.at[i];
        POINT(table, i, pl_param, name, text(all, p->name));
        POINT(table, i, pl_param, text, text(all, value_text(all->arena, p->value)));
        POINT(table, i, pl_param, type, text(all, type_text(all->arena, p->type)));
    }
    return table;
}

/* ---- what goes in and out ---- */

static int inputs_table(Lowering *all) {
    int n = all->inputs.n, table;
    pl_input *rows = arena_array(all->arena, pl_input, n + 1);
    for (int i = 0; i < n; i++) {
        rows[i].dtype = all->inputs.at[i]->type->dtype;
        rows[i].bytes = all->inputs.at[i]->type->rank > 0;
        rows[i].parts = seek_input(all, i);
    }
    table = datum(all, rows, sizeof *rows * (size_t)n);
    for (int i = 0; i < n; i++)
        POINT(table, i, pl_input, name, text(all, all->inputs.at[i]->name));
    return table;
}

static int columns_table(Lowering *all, int *n) {
    const Type *row = all->graph->columns;
    pl_column *rows;
    int table;
    *n = row ? row->n : 0;
    if (!row) return -1;
    rows = arena_array(all->arena, pl_column, row->n + 1);
    for (int i = 0; i < row->n; i++) {
        rows[i].dtype = row->items[i]->dtype;
        rows[i].bytes = row->items[i]->rank > 0;
    }
    table = datum(all, rows, sizeof *rows * (size_t)row->n);
    for (int i = 0; i < row->n; i++)
        POINT(table, i, pl_column, name, text(all, row->names[i]));
    return table;
}

/* Dims where known, -1 elsewhere; returns the bytes of all, 0 if unknown, the most there
 * are if that is too many. */
static int64_t put_dims(const Type *type, int64_t *dim) {
    int64_t bytes = dtype_size(type->dtype), n;
    for (int k = 0; k < type->rank; k++) {
        bool known = type->dims && type->dims[k] && dim_constant(type->dims[k], &n);
        dim[k] = known ? n : -1;
        if (!known) bytes = 0;
        else if (__builtin_mul_overflow(bytes, n, &bytes)) bytes = INT64_MAX;
    }
    return bytes;
}

/* The code below reads it, not only the emitter. */
static bool read_below(const Lowering *all, const Var *var) {
    for (int i = 0; i < all->below.n; i++) {
        const Var *below = all->below.at[i];
        const Term *def = all->def.at[below->id];
        bool known = var->id < all->live.n;     /* those of a cut are not */
        if (known && def && (use_paths((Lowering *)all, def, USE_DATA, var) ||
                             all->live.at[var->id] & 1u << USE_DIMS))
            return true;
    }
    return false;
}

static int fields_table(Lowering *all, const VarList *fields) {
    int n = fields->n, table;
    pl_field *rows = arena_array(all->arena, pl_field, n + 1);
    for (int i = 0; i < n; i++) {
        const Type *type = fields->at[i]->of->type;
        rows[i].dtype = type->dtype;
        rows[i].rank = type->rank;
        rows[i].ragged = type_is_ragged(type);
        rows[i].bytes = put_dims(type, rows[i].dim);
        if (rows[i].ragged) rows[i].bytes = 0;
        rows[i].needed_below = read_below(all, fields->at[i]);
    }
    table = datum(all, rows, sizeof *rows * (size_t)n);
    for (int i = 0; i < n; i++)
        POINT(table, i, pl_field, name, text(all, fields->at[i]->name));
    return table;
}

static int below_table(Lowering *all) {
    int n = all->below.n, table;
    pl_field *rows = arena_array(all->arena, pl_field, n + 1);
    for (int i = 0; i < n; i++) {
        const Type *type = all->below.at[i]->type;
        rows[i].dtype = type->dtype;
        rows[i].rank = type->rank;
        rows[i].bytes = put_dims(type, rows[i].dim);
    }
    table = datum(all, rows, sizeof *rows * (size_t)n);
    for (int i = 0; i < n; i++)
        POINT(table, i, pl_field, name, text(all, all->below.at[i]->name));
    return table;
}

static int position(const Var *const *at, int n, const Var *var) {
    for (int i = 0; i < n; i++)
        if (at[i] == var) return i;
    bug("lower: output `%s` is in no table", var->name);
}

static void put_output(const Lowering *all, const Var *var, pl_output *row) {
    const Type *type = var->kind == VAR_BELOW ? var->type : var->of->type;
    bool below = var->kind == VAR_BELOW;
    row->below = below;
    row->dtype = type->dtype;
    row->index = below ? position(all->below.at, all->below.n, var)
                       : position(all->fields.at, all->fields.n, var);
    row->rank = type->rank + !below;
    row->ragged = !below && type_is_ragged(type);
    put_dims(type, row->dim + !below);
    if (!below) row->dim[0] = all->graph->batch;
}

static int outputs_table(Lowering *all) {
    const Graph *graph = all->graph;
    int n = graph->outputs.n, table;
    pl_output *rows = arena_array(all->arena, pl_output, n + 1);
    for (int i = 0; i < n; i++)
        put_output(all, graph->outputs.at[i].term->var, &rows[i]);
    table = datum(all, rows, sizeof *rows * (size_t)n);
    for (int i = 0; i < n; i++)
        POINT(table, i, pl_output, name, text(all, graph->outputs.at[i].name));
    return table;
}

/* ---- failures and libraries ---- */

static const char *base_name(const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

/* Where a record fails that cannot be read. Thus the file is always known. */
static void add_source_site(Lowering *all, int line) {
    Site site = {.operator_name = all->graph->source, .line = line};
    list_push(all->arena, &all->sites, site);
}

static int sites_table(Lowering *all) {
    int n = all->sites.n, table, file = text(all, base_name(all->graph->file->path));
    pl_site *rows = arena_array(all->arena, pl_site, n + 1);
    for (int i = 0; i < n; i++) rows[i].line = all->sites.at[i].line;
    table = datum(all, rows, sizeof *rows * (size_t)n);
    for (int i = 0; i < n; i++) {
        const Site *site = &all->sites.at[i];
        const char *name = site->operator_name ? site->operator_name : all->graph->name;
        POINT(table, i, pl_site, operator_name, text(all, name));
        POINT(table, i, pl_site, file, file);
        POINT(table, i, pl_site, reason, text(all, site->reason));
    }
    return table;
}

static int imports_table(Lowering *all, int *n) {
    LIST(const LoopExtern *) imports = {0};
    pl_import *rows;
    int table;
    for (int i = 0; i < all->module->externs.n; i++)
        if (all->module->externs.at[i]->import_library)
            list_push(all->arena, &imports, all->module->externs.at[i]);
    *n = imports.n;
    rows = arena_array(all->arena, pl_import, imports.n + 1);
    table = datum(all, rows, sizeof *rows * (size_t)imports.n);
    for (int i = 0; i < imports.n; i++) {
        POINT(table, i, pl_import, library, text(all, imports.at[i]->import_library));
        POINT(table, i, pl_import, symbol, text(all, imports.at[i]->name));
        POINT(table, i, pl_import, where, imports.at[i]->slot);
    }
    return table;
}

/* ---- code ---- */

static int32_t cpu_number(Cpu cpu) {
    switch (cpu) {
    case CPU_NATIVE: return 1;
    case CPU_V2: return 2;
    case CPU_V3: return 3;
    case CPU_V4: return 4;
    default: return 0;
    }
}

static int code_table(Lowering *all, int open, const PlanCode *code, int clone) {
    const LowerOptions *options = all->options;
    Cpu cpu = code->plain ? CPU_ANY : options->cpu[clone];
    pl_code row = {.cpu = cpu_number(cpu),
                   .plain = code->plain,
                   .lib_size = all->lib.size};
    int table, levels = all->graph->levels;
    for (int k = 0; k < levels; k++) row.frame_size[k] = code->frame[k].size;
    table = datum(all, &row, sizeof row);
    if (cpu == CPU_NATIVE) POINT(table, 0, pl_code, needs, text(all, options->needs));
    point_code(all, table, offsetof(pl_code, open), open, 0);
    for (int k = 0; k < levels; k++)
        point_code(all, table, offsetof(pl_code, enter) + 8 * (size_t)k, code->enter[k],
                   clone);
    point_code(all, table, offsetof(pl_code, emit), code->emit, clone);
    point_code(all, table, offsetof(pl_code, batch), code->batch, clone);
    return table;
}

/* One code for each CPU, and the plain one last, if it is given. */
static int codes_table(Lowering *all, int open, const PlanCode *plain,
                       const PlanCode *fused, int *n) {
    int clones = fused ? all->options->ncpus : 0, table;
    void **rows = arena_array(all->arena, void *, clones + 1);
    *n = clones + (plain != NULL);
    table = datum(all, rows, sizeof *rows * (size_t)*n);
    for (int i = 0; i < clones; i++)
        point(all, table, 8 * (size_t)i, code_table(all, open, fused, i));
    if (plain)
        point(all, table, 8 * (size_t)clones, code_table(all, open, plain, 0));
    return table;
}

static int files_table(Lowering *all, const Cut *cut) {
    int n = cut->files.n, table;
    if (!n) return -1;
    table = datum(all, arena_array(all->arena, void *, n), sizeof(void *) * (size_t)n);
    for (int i = 0; i < n; i++)
        point(all, table, sizeof(void *) * (size_t)i, text(all, cut->files.at[i]));
    return table;
}

static int cut_table(Lowering *all, int open, const CutCode *code) {
    const Cut *cut = code->cut;
    const CachePoint *cache = all->graph->cache;
    VarList fields = {0};
    int table, line = 0, column, n;
    if (!cut) return -1;
    for (int i = 0; i < cut->above->batched.n; i++)
        list_push(all->arena, &fields, cut->above->batched.at[i]);
    if (cache->loc.file) loc_line(cache->loc, &line, &column);
    pl_cut row = {.disk = cache->disk, .line = line, .limit = cache->limit,
                  .hash = cut->hash ^ all->options->kernels, .draws = cut->draws,
                  .nfields = fields.n, .nfiles = cut->files.n};
    table = datum(all, &row, sizeof row);
    POINT(table, 0, pl_cut, reads, text(all, cut->reads));
    POINT(table, 0, pl_cut, fields, fields_table(all, &fields));
    POINT(table, 0, pl_cut, above, codes_table(all, open, NULL, code->above, &n));
    POINT(table, 0, pl_cut, below, codes_table(all, open, NULL, code->below, &n));
    POINT(table, 0, pl_cut, files, files_table(all, cut));
    return table;
}

/* ---- sections ---- */

static int shares_table(Lowering *all, const Section *s) {
    pl_share *rows = arena_array(all->arena, pl_share, s->shares.n + 1);
    double sum = 0;
    int table;
    for (int i = 0; i < s->shares.n; i++) sum += s->shares.at[i].weight;
    for (int i = 0; i < s->shares.n; i++) {
        rows[i].line = s->shares.at[i].line;
        rows[i].part = s->shares.at[i].weight / sum;
    }
    table = datum(all, rows, sizeof *rows * (size_t)s->shares.n);
    for (int i = 0; i < s->shares.n; i++)
        POINT(table, i, pl_share, operator_name, text(all, s->shares.at[i].name));
    return table;
}

static int sections_table(Lowering *all) {
    int n = all->sections.n, table;
    pl_section *rows = arena_array(all->arena, pl_section, n + 1);
    for (int i = 0; i < n; i++) {
        const Section *s = &all->sections.at[i];
        rows[i].kind = s->kind;
        rows[i].line = s->line;
        rows[i].dtype = s->term && s->term->type->kind == TY_TENSOR
                            ? (int32_t)s->term->type->dtype : -1;
        rows[i].nshares = s->shares.n;
    }
    table = datum(all, rows, sizeof *rows * (size_t)n);
    for (int i = 0; i < n; i++) {
        const Section *s = &all->sections.at[i];
        POINT(table, i, pl_section, name, text(all, s->name));
        POINT(table, i, pl_section, operator_name, text(all, s->operator_name));
        POINT(table, i, pl_section, shares, shares_table(all, s));
    }
    return table;
}

/* ---- the feature ---- */

static bool has_where(const Graph *graph) {
    for (int i = 0; i < graph->nodes.n; i++)
        if (graph->nodes.at[i].kind == NODE_WHERE) return true;
    return false;
}

void feature_tables(Lowering *all, int open, const PlanCode *plain,
                    const PlanCode *fused, const CutCode *cut) {
    static const int32_t lasts[] = {[LAST_DROP] = 0, [LAST_PARTIAL] = 1, [LAST_PAD] = 2,
                                    [LAST_WRAP] = 3};
    const Graph *graph = all->graph;
    int ncolumns, nimports, ncodes, line = 0, column, table;
    int columns = columns_table(all, &ncolumns), imports = imports_table(all, &nimports);
    int codes = codes_table(all, open, plain, fused, &ncodes);
    if (graph->source_loc.file) loc_line(graph->source_loc, &line, &column);
    add_source_site(all, line);
    pl_feature row = {
        .abi = PL_ABI, .hash = graph->hash, .nparams = graph->params.n,
        .nsource_args = graph->nsource_args, .ninputs = all->inputs.n,
        .ncolumns = ncolumns, .shuffle = graph->shuffle,
        .has_sample = graph->count[COUNT_SAMPLE] != NULL,
        .has_skip = graph->count[COUNT_SKIP] != NULL,
        .has_take = graph->count[COUNT_TAKE] != NULL,
        .has_steps = graph->count[COUNT_STEPS] != NULL, .levels = graph->levels,
        .has_where = has_where(graph), .batch = graph->batch, .lanes = graph->lanes,
        .last = lasts[graph->last], .nfields = all->fields.n, .nbelow = all->below.n,
        .noutputs = graph->outputs.n, .nsites = all->sites.n, .nimports = nimports,
        .ncodes = ncodes, .source_line = line, .nsections = all->sections.n,
        .plan_workers = all->options->workers, .plan_depth = all->options->depth,
        .plan_ahead = all->options->ahead, .plan_memory = all->options->memory,
        .reuse_random = graph->reuse_random,
    };
    table = datum(all, &row, sizeof row);
    all->module->data.at[table]->name =
        arena_format(all->arena, PL_SYMBOL "_%s", graph->name);
    all->module->data.at[table]->weak = PL_SYMBOL;
    all->module->data.at[table]->exported = true;
    POINT(table, 0, pl_feature, name, text(all, graph->name));
    POINT(table, 0, pl_feature, version, text(all, all->options->version));
    POINT(table, 0, pl_feature, params, params_table(all));
    POINT(table, 0, pl_feature, source, text(all, graph->source));
    POINT(table, 0, pl_feature, inputs, inputs_table(all));
    POINT(table, 0, pl_feature, columns, columns);
    POINT(table, 0, pl_feature, read_column, text(all, graph->read_column));
    POINT(table, 0, pl_feature, fields, fields_table(all, &all->fields));
    POINT(table, 0, pl_feature, below, below_table(all));
    POINT(table, 0, pl_feature, outputs, outputs_table(all));
    POINT(table, 0, pl_feature, sites, sites_table(all));
    POINT(table, 0, pl_feature, imports, imports);
    POINT(table, 0, pl_feature, codes, codes);
    POINT(table, 0, pl_feature, sections, sections_table(all));
    POINT(table, 0, pl_feature, cut, cut_table(all, open, cut));
    POINT(table, 0, pl_feature, parts, text(all, graph_parts(all->arena, graph)));
    POINT(table, 0, pl_feature, describe, text(all, describe_feature(all->arena, graph)));
}
