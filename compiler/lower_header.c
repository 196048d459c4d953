/* A C header of a feature: its parameters as a struct with defaults, its fields as
 * typed pointers with constant shapes, and the calls that fill and check them
 * (runtime/pipert_feature.h). C11 and C++17. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "lower_header.h"

const struct HeaderType header_types[PL_DTYPES] = {
    [PL_BOOL] = {"bool", "BOOL"},    [PL_U8] = {"uint8_t", "U8"},
    [PL_I8] = {"int8_t", "I8"},      [PL_U16] = {"uint16_t", "U16"},
    [PL_I16] = {"int16_t", "I16"},   [PL_U32] = {"uint32_t", "U32"},
    [PL_I32] = {"int32_t", "I32"},   [PL_U64] = {"uint64_t", "U64"},
    [PL_I64] = {"int64_t", "I64"},   [PL_F16] = {"uint16_t", "F16"},
    [PL_BF16] = {"uint16_t", "BF16"}, [PL_F32] = {"float", "F32"},
    [PL_F64] = {"double", "F64"},
};

/* ---- names ---- */

/* Words of C11 and C++20, and macros of the headers and of gnu modes. */
static const char *const reserved[] = {
    "NAN", "NULL", "INFINITY", "alignas", "alignof", "and", "and_eq", "asm", "auto",
    "bitand", "bitor", "bool", "break", "case", "catch", "char", "char16_t", "char32_t",
    "char8_t", "class", "co_await", "co_return", "co_yield", "compl", "concept", "const",
    "const_cast", "consteval", "constexpr", "constinit", "continue", "decltype",
    "default", "delete", "do", "double", "dynamic_cast", "else", "enum", "explicit",
    "export", "extern", "false", "float", "for", "friend", "goto", "i386", "if",
    "inline", "int", "linux", "long", "memcpy", "memset", "mutable", "namespace", "new",
    "noexcept", "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private",
    "protected", "public", "register", "reinterpret_cast", "requires", "restrict",
    "return", "short", "signed", "sizeof", "static", "static_assert", "static_cast",
    "struct", "switch", "template", "this", "thread_local", "throw", "true", "try",
    "typedef", "typeid", "typename", "typeof", "union", "unix", "unsigned", "using",
    "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
};

static bool is_reserved(const char *name) {
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (!strcmp(name, reserved[i])) return true;
    return false;
}

static bool among(const char *name, const char **names, int n) {
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], name)) return true;
    return false;
}

/* A name that is a word of C gets a _, or several: none has another's name then. */
static void rename_words(Arena *arena, const char **names, int n, const char *own) {
    for (int i = 0; i < n; i++)
        if (is_reserved(names[i]) || !strcmp(names[i], own)) {
            const char *name = names[i];
            do name = arena_format(arena, "%s_", name);
            while (among(name, names, n));
            names[i] = name;
        }
}

const char *header_upper(Arena *arena, const char *name) {
    char *copy = arena_strndup(arena, name, strlen(name));
    for (char *s = copy; *s; s++) *s = (char)toupper((unsigned char)*s);
    return copy;
}

static Header header_of(Arena *arena, const Graph *graph, FILE *out) {
    Header h = {arena, out, graph, graph->name, header_upper(arena, graph->name), NULL, NULL};
    h.fields = arena_array(arena, const char *, graph->outputs.n + 1);
    h.params = arena_array(arena, const char *, graph->params.n + 1);
    if (!strcmp(h.name, "pipert")) h.name = "pipert_";  /* has a pipert_batch already */
    for (int i = 0; i < graph->outputs.n; i++) h.fields[i] = graph->outputs.at[i].name;
    for (int i = 0; i < graph->params.n; i++) h.params[i] = graph->params.at[i].name;
    rename_words(arena, h.fields, graph->outputs.n, "batch");
    rename_words(arena, h.params, graph->params.n, "params");
    return h;
}

/* ---- shapes ---- */

int64_t header_dim(const Type *type, int k) {
    int64_t n;
    return type->dims && type->dims[k] && dim_constant(type->dims[k], &n) ? n : -1;
}

bool header_is_array(const Type *type, int from) {
    for (int k = from; k < type->rank; k++)
        if (header_dim(type, k) <= 0) return false;
    return true;
}

void header_put_dims(FILE *out, const Type *type, int from) {
    for (int k = from; k < type->rank; k++)
        fprintf(out, "[%lld]", (long long)header_dim(type, k));
}

/* "f32[3, ?]": a dimension that is not constant has no name in C. */
const char *header_type_text(Arena *arena, const Type *type) {
    const char *text = dtype_name(type->dtype);
    if (type->text) return type_text(arena, type);
    for (int k = 0; k < type->rank; k++) {
        int64_t n = header_dim(type, k);
        text = arena_format(arena, n < 0 ? "%s%s?" : "%s%s%lld", text, k ? ", " : "[",
                            (long long)n);
    }
    return type->rank ? arena_format(arena, "%s]", text) : text;
}

/* A field of the record; its dimensions stand behind the batch's. */
static bool of_record(const Output *output) {
    return output->term->var->kind != VAR_BELOW;
}

static const Type *field_type(const Output *output) {
    const Var *var = output->term->var;
    return of_record(output) ? var->of->type : var->type;
}

static bool is_ragged(const Output *output) {
    return of_record(output) && type_is_ragged(field_type(output));
}

/* ---- constants ---- */

/* Of names that differ in case alone the first has them. */
static bool has_macros(const Graph *graph, int field) {
    for (int i = 0; i < field; i++)
        if (!strcasecmp(graph->outputs.at[i].name, graph->outputs.at[field].name))
            return false;
    return true;
}

static void put_constants(Header *h) {
    fprintf(h->out, "#define %s_BATCH %lld     /* records of a full batch */\n", h->macro,
            (long long)h->graph->batch);
    for (int i = 0; i < h->graph->outputs.n; i++) {
        const Output *output = &h->graph->outputs.at[i];
        const Type *type = field_type(output);
        for (int k = 0; k < type->rank && has_macros(h->graph, i); k++)
            if (header_dim(type, k) >= 0)
                fprintf(h->out, "#define %s_%s_DIM%d %lld\n", h->macro,
                        header_upper(h->arena, output->name), k + of_record(output),
                        (long long)header_dim(type, k));
    }
    for (int i = 0; i < h->graph->params.n; i++) {
        const GraphParam *p = &h->graph->params.at[i];
        if (!p->at_compile) continue;
        fprintf(h->out, "/* %s: %s, fixed when compiled */\n#define %s_%s_VALUE ", p->name,
                header_type_text(h->arena, p->type), h->macro,
                header_upper(h->arena, p->name));
        header_put_value(h->out, p->type, value_text(h->arena, p->value));
        fputc('\n', h->out);
    }
}

/* ---- batches ---- */

static void put_ragged(Header *h, int i) {
    const Output *output = &h->graph->outputs.at[i];
    const Type *type = field_type(output);
    fprintf(h->out, "    struct {\n"
                    "        const %s *data;    /* all records, one after the other */\n"
                    "        int64_t count;    /* elements of data */\n"
                    "        const int64_t *offsets;    /* rows + 1, in elements */\n",
            header_types[type->dtype].c);
    if (type->rank > 1)
        fprintf(h->out, "        const int32_t (*shapes)[%d];    /* of each record */\n",
                type->rank);
    fprintf(h->out, "    } %s;    /* each record: %s */\n", h->fields[i],
            header_type_text(h->arena, type));
}

static void put_field(Header *h, int i) {
    const Output *output = &h->graph->outputs.at[i];
    const Type *type = field_type(output);
    const char *c = header_types[type->dtype].c;
    const char *each = of_record(output) ? "each record: " : "";
    int from = !of_record(output);
    if (is_ragged(output)) {
        put_ragged(h, i);
    } else if (!header_is_array(type, from)) {
        fprintf(h->out, "    struct {\n        const %s *data;\n        int64_t dim[%d];\n"
                        "    } %s;    /* %s%s */\n",
                c, type->rank + !from, h->fields[i], each, header_type_text(h->arena, type));
    } else {
        bool array = type->rank > from;
        fprintf(h->out, "    const %s %s%s%s", c, array ? "(*" : "*", h->fields[i],
                array ? ")" : "");
        header_put_dims(h->out, type, from);
        fprintf(h->out, ";    /* %s%s */\n", each, header_type_text(h->arena, type));
    }
}

static void put_batch(Header *h) {
    fprintf(h->out,
            "\n/* A batch: its fields in the order of `emit`, row-major. They belong to the\n"
            " * handle until the batch is given back. The first batch->valid of its\n"
            " * batch->rows records are no padding. */\ntypedef struct %s_batch {\n"
            "    pipert_batch *batch;\n", h->name);
    for (int i = 0; i < h->graph->outputs.n; i++) put_field(h, i);
    fprintf(h->out, "} %s_batch;\n", h->name);
}

/* The first dimension is the number of records, which the last batch may have fewer of. */
static void put_expected(Header *h, int i) {
    const Output *output = &h->graph->outputs.at[i];
    const Type *type = field_type(output);
    int records = of_record(output);
    fprintf(h->out, "        {\"%s\", PIPERT_%s, %d, %d, {%s", output->name,
            header_types[type->dtype].name, is_ragged(output), type->rank + records,
            records ? "-1" : "");
    for (int k = 0; k < type->rank; k++) {
        bool any = is_ragged(output) ||
                   (!records && !k && header_dim(type, k) == h->graph->batch);
        fprintf(h->out, "%s%lld", k || records ? ", " : "",
                any ? -1 : (long long)header_dim(type, k));
    }
    fprintf(h->out, "%s}, \"%s\"},\n", type->rank + records ? "" : "0",
            header_type_text(h->arena, type));
}

static void put_filled(Header *h, int i) {
    const Output *output = &h->graph->outputs.at[i];
    const Type *type = field_type(output);
    const char *name = h->fields[i], *c = header_types[type->dtype].c;
    int from = !of_record(output);
    bool flat = is_ragged(output) || !header_is_array(type, from);
    fprintf(h->out, "    out->%s%s = (const %s %s", name, flat ? ".data" : "", c,
            !flat && type->rank > from ? "(*)" : "*");
    if (!flat) header_put_dims(h->out, type, from);
    fprintf(h->out, ")b->output[%d].data;\n", i);
    if (is_ragged(output))
        fprintf(h->out, "    out->%s.count = b->output[%d].count;\n"
                        "    out->%s.offsets = b->output[%d].offsets;\n", name, i, name, i);
    else if (flat)
        fprintf(h->out, "    memcpy(out->%s.dim, b->output[%d].dim, sizeof out->%s.dim);\n",
                name, i, name);
    if (is_ragged(output) && type->rank > 1)
        fprintf(h->out, "    out->%s.shapes = (const int32_t (*)[%d])b->output[%d].shapes;\n",
                name, type->rank, i);
}

static void put_fill(Header *h) {
    fprintf(h->out,
            "\n/* The typed fields of a batch. PIPERT_LOAD, with the reason in pipert_error: the\n"
            " * feature is not the one that this header was made of. */\n"
            "static inline int %s_fill(pipert *p, pipert_batch *b, %s_batch *out) {\n"
            "    static const pipert_field fields[] = {\n", h->name, h->name);
    for (int i = 0; i < h->graph->outputs.n; i++) put_expected(h, i);
    fprintf(h->out, "    };\n    int status = pipert_expect_fields(p, b, fields, %d);\n"
                    "    if (status) return status;\n    out->batch = b;\n",
            h->graph->outputs.n);
    for (int i = 0; i < h->graph->outputs.n; i++) put_filled(h, i);
    fputs("    return PIPERT_OK;\n}\n", h->out);
}

static void put_next(Header *h) {
    const char *name = h->name;
    fprintf(h->out,
            "\n/* pipert_next: PIPERT_OK and a batch to release, PIPERT_END, or an error. */\n"
            "static inline int %s_next(pipert *p, %s_batch *out) {\n"
            "    pipert_batch *b;\n    int status = pipert_next(p, &b);\n"
            "    if (status) return status;\n    status = %s_fill(p, b, out);\n"
            "    if (status) pipert_release(p, b);\n    return status;\n}\n", name, name, name);
    fprintf(h->out,
            "\nstatic inline int %s_release(pipert *p, %s_batch *batch) {\n"
            "    return pipert_release(p, batch->batch);\n}\n", name, name);
}

void print_header(const Graph *graph, FILE *out) {
    Arena *arena = arena_new();
    Header h = header_of(arena, graph, out);
    fprintf(out, "/* Feature %s: its parameters and batches. Made by pipec, for C11 and C++17.\n"
                 " * The values of f16 and bf16 fields are their bits. */\n"
                 "#ifndef PIPEC_%s_H\n#define PIPEC_%s_H\n#include <math.h>\n"
                 "#include <stdbool.h>\n#include <string.h>\n#include <pipert_feature.h>\n"
                 "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n",
            graph->name, h.macro, h.macro);
    put_constants(&h);
    header_put_params(&h);
    put_batch(&h);
    put_fill(&h);
    put_next(&h);
    fputs("\n#ifdef __cplusplus\n}\n#endif\n#endif\n", out);
    arena_free(arena);
}
