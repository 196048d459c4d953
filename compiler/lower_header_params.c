/* A C header of a feature: parameters, and the functions that open it with them. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "lower_header.h"

/* ---- values ---- */

static void put_string(FILE *out, const char *s) {
    fputc('"', out);
    for (; *s; s++) {
        if (strchr("\"\\?", *s)) fprintf(out, "\\%c", *s);
        else if ((unsigned char)*s < 0x20) fprintf(out, "\\%03o", (unsigned char)*s);
        else fputc(*s, out);
    }
    fputc('"', out);
}

static void put_number(FILE *out, pl_dtype dtype, const char *s, int n) {
    bool minus = *s == '-', narrow = dtype_is_float(dtype) && dtype != PL_F64;
    bool point = memchr(s, '.', (size_t)n) || memchr(s, 'e', (size_t)n);
    if (dtype_is_float(dtype) && !isdigit((unsigned char)s[minus]))
        fprintf(out, "%s(%s)%s", minus ? "-" : "",
                dtype == PL_F64 ? "double" : "float", s[minus] == 'i' ? "INFINITY" : "NAN");
    else if (dtype == PL_I64 && !strncmp(s, "-9223372036854775808", 20))
        fputs("(-9223372036854775807 - 1)", out);
    else
        fprintf(out, "%.*s%s", n, s,
                dtype == PL_U64 ? "u" : point && narrow ? "f" : "");
}

void header_put_value(FILE *out, const Type *type, const char *s) {
    if (type->text) {
        put_string(out, s);
        return;
    }
    while (*s) {
        int n = (int)strcspn(s, "[], ");
        if (n) put_number(out, type->dtype, s, n);
        else fputc(*s == '[' ? '{' : *s == ']' ? '}' : *s, out);
        s += n ? n : 1;
    }
}

/* ---- parameters ---- */

/* f16 and bf16 are given as float, and come as their bits. */
static pl_dtype param_dtype(const Type *type) {
    return type->dtype == PL_F16 || type->dtype == PL_BF16 ? PL_F32 : type->dtype;
}

/* Text, and tensors that may have any shape, are given as pipert_set takes them. */
static bool is_text(const Type *type) { return type->text || !header_is_array(type, 0); }

static bool is_tensor(const Type *type) { return type->rank && !is_text(type); }

static void put_param(Header *h, int i) {
    const Type *type = h->graph->params.at[i].type;
    fprintf(h->out, "%s%s", is_text(type) ? "const char *" : header_types[param_dtype(type)].c,
            is_text(type) ? "" : " ");
    fputs(h->params[i], h->out);
    if (is_tensor(type)) header_put_dims(h->out, type, 0);
}

static bool is_open(const GraphParam *p) { return !p->at_compile; }

static void put_struct(Header *h) {
    int n = 0;
    fprintf(h->out, "\n/* What is bound when the feature is opened. Text is the caller's, and "
                    "read by\n * %s_open alone. */\ntypedef struct %s_params {\n",
            h->name, h->name);
    for (int i = 0; i < h->graph->params.n; i++) {
        const GraphParam *p = &h->graph->params.at[i];
        if (!is_open(p)) continue;
        fputs("    ", h->out);
        put_param(h, i);
        fprintf(h->out, ";    /* %s%s%s */\n", header_type_text(h->arena, p->type),
                p->type->text || !is_text(p->type) ? "" : " as text: \"[1, 2]\"",
                p->value ? "" : ", must be set");
        n++;
    }
    fprintf(h->out, "%s} %s_params;\n", n ? "" : "    int none;\n", h->name);
}

static void put_tensor_default(Header *h, int i, const char *value) {
    const Type *type = h->graph->params.at[i].type;
    fprintf(h->out, "    {\n        static const %s values",
            header_types[param_dtype(type)].c);
    header_put_dims(h->out, type, 0);
    fputs(" = ", h->out);
    header_put_value(h->out, type, value);
    fprintf(h->out, ";\n        memcpy(params.%s, values, sizeof values);\n    }\n",
            h->params[i]);
}

static void put_default(Header *h, int i) {
    const GraphParam *p = &h->graph->params.at[i];
    const char *name = h->params[i], *value = value_text(h->arena, p->value);
    if (is_tensor(p->type) && value) {
        put_tensor_default(h, i, value);
    } else if (is_tensor(p->type)) {
        fprintf(h->out, "    memcpy(params.%s, %s, sizeof params.%s);\n", name, name, name);
    } else {
        fprintf(h->out, "    params.%s = ", name);
        if (!value) fputs(name, h->out);
        else if (is_text(p->type)) put_string(h->out, value);
        else header_put_value(h->out, p->type, value);
        fputs(";\n", h->out);
    }
}

static void put_defaults(Header *h) {
    int n = 0;
    fprintf(h->out, "\n/* The defaults; what has none is an argument. */\n"
                    "static inline %s_params %s_defaults(", h->name, h->name);
    for (int i = 0; i < h->graph->params.n; i++) {
        const GraphParam *p = &h->graph->params.at[i];
        if (!is_open(p) || p->value) continue;
        fprintf(h->out, "%s%s", n++ ? ", " : "", is_tensor(p->type) ? "const " : "");
        put_param(h, i);
    }
    fprintf(h->out, "%s) {\n    %s_params params;\n    memset(&params, 0, sizeof params);\n",
            n ? "" : "void", h->name);
    for (int i = 0; i < h->graph->params.n; i++)
        if (is_open(&h->graph->params.at[i])) put_default(h, i);
    fputs("    return params;\n}\n", h->out);
}

/* ---- opening ---- */

static void put_set(Header *h, int i) {
    const GraphParam *p = &h->graph->params.at[i];
    const char *name = h->params[i], *type = header_types[param_dtype(p->type)].name;
    if (is_text(p->type)) {
        fprintf(h->out, "    if (!status && params->%s)\n"
                        "        status = pipert_set(p, \"%s\", params->%s);\n",
                name, p->name, name);
        return;
    }
    if (!is_tensor(p->type)) {
        fprintf(h->out, "    if (!status)\n        status = pipert_set_value(p, \"%s\", "
                        "PIPERT_%s, 0, NULL, &params->%s);\n",
                p->name, type, name);
        return;
    }
    fputs("    if (!status) {\n        static const int64_t dim[] = {", h->out);
    for (int k = 0; k < p->type->rank; k++)
        fprintf(h->out, "%s%lld", k ? ", " : "", (long long)header_dim(p->type, k));
    fprintf(h->out, "};\n        status = pipert_set_value(p, \"%s\", PIPERT_%s, %d, dim, "
                    "&params->%s);\n    }\n",
            p->name, type, p->type->rank, name);
}

static void put_open(Header *h) {
    const char *name = h->name;
    fprintf(h->out, "\n/* Sets all of them; a text that is NULL is left as it is. */\n"
                    "static inline int %s_set(pipert *p, const %s_params *params) {\n"
                    "    int status = pipert_expect_name(p, \"%s\");\n    (void)params;\n",
            name, name, h->graph->name);
    for (int i = 0; i < h->graph->params.n; i++)
        if (is_open(&h->graph->params.at[i])) put_set(h, i);
    fputs("    return status;\n}\n", h->out);
    fprintf(h->out,
            "\n/* pipert_open and the parameters: a status of pipert.h, the reason in\n"
            " * pipert_error(*out). *out is closed by pipert_close, after an error too. */\n"
            "static inline int %s_open(pipert **out, const char *path,\n"
            "        const %s_params *params, const pipert_options *options) {\n"
            "    int status = pipert_open(out, path, options);\n"
            "    return status ? status : %s_set(*out, params);\n}\n", name, name, name);
    fprintf(h->out,
            "\n/* The same for the feature as an object in the program (--emit=obj). */\n"
            "extern const struct pl_feature pipec_feature_%s;\n"
            "static inline int %s_open_linked(pipert **out, const %s_params *params,\n"
            "        const pipert_options *options) {\n"
            "    int status = pipert_open_feature(out, &pipec_feature_%s, options);\n"
            "    return status ? status : %s_set(*out, params);\n}\n",
            h->graph->name, name, name, h->graph->name, name);
}

void header_put_params(Header *h) {
    put_struct(h);
    put_defaults(h);
    put_open(h);
}
