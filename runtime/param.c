/* Parameters: text by name, bound to values at open. */
#include "internal.h"
#include "text.h"
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

static int find(const pipert *p, const char *name) {
    for (int i = 0; i < p->feature->nparams; i++)
        if (!strcmp(p->feature->params[i].name, name)) return i;
    return -1;
}

/* Names within two edits first, else all of them. */
static int unknown(pipert *p, const char *name) {
    const pl_feature *f = p->feature;
    char list[512] = "";
    for (int most = 2; most < 100 && !*list; most += 97)
        for (int i = 0; i < f->nparams; i++) {
            size_t n = strlen(list);
            if (text_distance(name, f->params[i].name) > most) continue;
            snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", f->params[i].name);
        }
    return fail_with(p, PIPERT_PARAMETER, "%s has no parameter `%s`%s%s", f->name, name,
                     *list ? "; did you mean: " : " (it has none)", list);
}

const char *param_value(const pipert *p, int i) {
    return p->value && p->value[i] ? p->value[i] : p->feature->params[i].text;
}

/* The constant dimensions of "f32[3, n]" must be the value's. */
static bool dims_agree(const char *type, int rank, const int64_t *dim) {
    const char *at = type ? strchr(type, '[') : NULL;
    for (int i = 0; at && i < rank; i++) {
        char *end;
        long long n = strtoll(at + 1, &end, 10);
        while (*end == ' ') end++;
        if (end != at + 1 && (*end == ',' || *end == ']') && n != dim[i]) return false;
        at = strpbrk(at + 1, ",]");
    }
    return true;
}

static bool bind_text(pipert *p, pl_argument *a, const char *text) {
    size_t n = strlen(text);
    char *copy = arena_take(&p->bound, n + SOURCE_SLACK);
    if (!copy) return false;
    memset(copy + n, 0, SOURCE_SLACK);
    memcpy(copy, text, n);
    a->value = (pl_value){.data = copy, .n = (int64_t)n};
    a->dim[0] = (int64_t)n;
    return true;
}

static bool bind_tensor(pipert *p, pl_argument *a, const pl_param *q, const char *text) {
    int64_t n = text_tensor(text, q->dtype, q->rank, a->dim, NULL);
    void *data;
    if (n < 0 || !dims_agree(q->type, q->rank, a->dim)) return false;
    data = arena_take(&p->bound, (size_t)(n * text_dtype_size(q->dtype)) + SOURCE_SLACK);
    if (!data) return false;
    text_tensor(text, q->dtype, q->rank, a->dim, data);
    a->value = (pl_value){.data = data, .n = n};
    return true;
}

static bool bind_one(pipert *p, pl_argument *a, const pl_param *q, const char *text) {
    memset(a, 0, sizeof *a);
    switch (q->kind) {
    case PL_PARAM_SCALAR: return text_scalar(text, strlen(text), q->dtype, &a->value);
    case PL_PARAM_TENSOR: return bind_tensor(p, a, q, text);
    default: return bind_text(p, a, text);
    }
}

static bool bind(pipert *p, pl_argument *a, const pl_param *q, const char *text) {
    if (bind_one(p, a, q, text)) return true;
    fail_with(p, PIPERT_PARAMETER, "`%s` is no %s, which parameter `%s` is", text,
              q->type, q->name);
    return false;
}

/* The start binds it. */
static bool is_value(pipert *p, const pl_param *q, const char *text) {
    size_t used = p->bound.used;
    pl_argument a;
    bool is = bind(p, &a, q, text);
    arena_reset(&p->bound, used);
    return is;
}

int param_set(pipert *p, const char *name, const char *value) {
    int i = find(p, name);
    char *text;
    if (i < 0) return unknown(p, name);
    if (p->feature->params[i].at_compile)
        return fail_with(p, PIPERT_PARAMETER,
                         "`%s` was fixed when the feature was compiled (it is %s): "
                         "compile it again with -D %s=%s",
                         name, p->feature->params[i].text, name, value);
    if (!is_value(p, &p->feature->params[i], value)) return p->status;
    text = strdup(value);
    if (!text) return fail_with(p, PIPERT_MEMORY, "no memory");
    free(p->value[i]);
    p->value[i] = text;
    return PIPERT_OK;
}

/* A path that was not given fails here; whether it exists is its user's affair. */
int param_bind(pipert *p) {
    const pl_feature *f = p->feature;
    p->argument = calloc((size_t)f->nparams + 1, sizeof *p->argument);
    if (!p->argument) return fail_with(p, PIPERT_MEMORY, "no memory");
    for (int i = 0; i < f->nparams; i++) {
        const pl_param *q = &f->params[i];
        const char *text = param_value(p, i);
        if (q->at_compile) continue;
        if (!text)
            return fail_with(p, PIPERT_PARAMETER,
                             "parameter `%s` (%s) must be set: --set %s=…", q->name,
                             q->type, q->name);
        if (!bind(p, &p->argument[i], q, text)) return p->status;
    }
    arena_close(&p->bound);
    return PIPERT_OK;
}

uint64_t param_hash(const pipert *p, int i) {
    const pl_param *q = &p->feature->params[i];
    const pl_argument *a = &p->argument[i];
    XXH64_hash_t h;
    if (q->kind == PL_PARAM_SCALAR) return XXH3_64bits(&a->value.i, 8);
    if (q->kind != PL_PARAM_TENSOR) return XXH3_64bits(a->value.data, (size_t)a->value.n);
    h = XXH3_64bits(a->dim, sizeof *a->dim * (size_t)q->rank);
    return XXH3_64bits_withSeed(a->value.data,
                                (size_t)(a->value.n * text_dtype_size(q->dtype)), h);
}
