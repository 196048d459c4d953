/* A C header of a feature: its fields as typed pointers with constant shapes,
 * its parameters with their defaults. Valid C and C++. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "lower_room.h"

static const char *const c_types[PL_DTYPES] = {
    [PL_BOOL] = "bool", [PL_U8] = "uint8_t", [PL_I8] = "int8_t", [PL_U16] = "uint16_t",
    [PL_I16] = "int16_t", [PL_U32] = "uint32_t", [PL_I32] = "int32_t",
    [PL_U64] = "uint64_t", [PL_I64] = "int64_t", [PL_F16] = "uint16_t",
    [PL_BF16] = "uint16_t", [PL_F32] = "float", [PL_F64] = "double",
};

static void put_upper(FILE *out, const char *s) {
    for (; *s; s++) fputc(isalnum((unsigned char)*s) ? toupper((unsigned char)*s) : '_', out);
}

static void put_macro(FILE *out, const Graph *graph, const char *name, const char *what) {
    fputs("#define ", out);
    put_upper(out, graph->name);
    fputc('_', out);
    put_upper(out, name);
    fprintf(out, "_%s ", what);
}

static void put_string(FILE *out, const char *s) {
    fputc('"', out);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') fprintf(out, "\\%c", *s);
        else if ((unsigned char)*s < 0x20) fprintf(out, "\\%03o", (unsigned char)*s);
        else fputc(*s, out);
    }
    fputc('"', out);
}

static void put_params(FILE *out, const Graph *graph) {
    Arena *arena = arena_new();
    for (int i = 0; i < graph->params.n; i++) {
        const GraphParam *p = &graph->params.at[i];
        const char *value = value_text(arena, p->value);
        fprintf(out, "\n/* %s: %s, %s%s */\n", p->name, type_text(arena, p->type),
                p->at_compile ? "fixed when compiled" : "set when opened",
                value ? "" : ", must be set");
        if (!value) continue;
        put_macro(out, graph, p->name, p->at_compile ? "VALUE" : "DEFAULT");
        put_string(out, value);
        fputc('\n', out);
    }
    arena_free(arena);
}

static bool fixed_shape(const Type *type) {
    int64_t n;
    for (int k = 0; k < type->rank; k++)
        if (!type->dims || !type->dims[k] || !dim_constant(type->dims[k], &n)) return false;
    return true;
}

static void put_field(FILE *out, const Graph *graph, const Output *output) {
    Arena *arena = arena_new();
    const Var *var = output->term->var;
    bool below = var->kind == VAR_BELOW;
    const Type *type = below ? var->type : var->of->type;
    int64_t n = 0;
    fprintf(out, "    const %s *%s_;  /* %s%s%s */\n", c_types[type->dtype], output->name,
            below ? "" : "each record: ", type_text(arena, type),
            fixed_shape(type) ? "" : below ? "" : "; ragged: values of all");
    if (!below && !fixed_shape(type)) {
        fprintf(out, "    const int64_t *%s_offsets;   /* batch + 1, in elements */\n",
                output->name);
        if (type->rank > 1)
            fprintf(out, "    const int32_t *%s_shapes;    /* batch x %d */\n", output->name,
                    type->rank);
    }
    (void)graph;
    (void)n;
    arena_free(arena);
}

static void put_shapes(FILE *out, const Graph *graph) {
    for (int i = 0; i < graph->outputs.n; i++) {
        const Output *output = &graph->outputs.at[i];
        const Var *var = output->term->var;
        bool below = var->kind == VAR_BELOW;
        const Type *type = below ? var->type : var->of->type;
        int64_t n = 0;
        for (int k = 0; k < type->rank; k++) {
            char what[16];
            if (!type->dims || !type->dims[k] || !dim_constant(type->dims[k], &n)) continue;
            snprintf(what, sizeof what, "DIM%d", k + !below);
            put_macro(out, graph, output->name, what);
            fprintf(out, "%lld\n", (long long)n);
        }
    }
}

void print_header(const Graph *graph, FILE *out) {
    fprintf(out, "/* Feature %s: its batches and parameters. Made by pipec. */\n#ifndef PIPEC_",
            graph->name);
    put_upper(out, graph->name);
    fputs("_H\n#define PIPEC_", out);
    put_upper(out, graph->name);
    fputs("_H\n#include <stdbool.h>\n#include <stdint.h>\n\n", out);
    fputs("#define ", out);
    put_upper(out, graph->name);
    fprintf(out, "_BATCH %lld\n", (long long)graph->batch);
    put_shapes(out, graph);
    put_params(out, graph);
    fprintf(out, "\n/* Fields in the order of `emit`: the data of a batch, row-major. */\n"
                 "typedef struct %s_batch {\n", graph->name);
    for (int i = 0; i < graph->outputs.n; i++) put_field(out, graph, &graph->outputs.at[i]);
    fprintf(out, "} %s_batch;\n#endif\n", graph->name);
}
