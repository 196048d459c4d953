/* For the headers that pipec makes: typed parameters, and batches that are checked. */
#include "pipert_feature.h"
#include "internal.h"
#include "text.h"
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- parameters ---- */

/* The longest element is a double of 24 characters. */
enum { ELEMENT_ROOM = 32 };

/* The text is parsed with a point, whatever the program's locale prints. */
static int print_real(char *to, int digits, double x) {
    const char *radix = localeconv()->decimal_point;
    int n = snprintf(to, ELEMENT_ROOM, "%.*g", digits, x);
    char *at = strstr(to, radix);
    size_t wide = strlen(radix);
    if (!at || !wide) return n;
    *at = '.';
    memmove(at + 1, at + wide, strlen(at + wide) + 1);
    return n - (int)wide + 1;
}

static int print_element(char *to, int dtype, const char *at) {
    switch (dtype) {
#define INTEGER(name, type, format, as)                                              \
    case PIPERT_##name: return sprintf(to, format, (as)*(const type *)(const void *)at);
    INTEGER(U8, uint8_t, "%d", int)
    INTEGER(I8, int8_t, "%d", int)
    INTEGER(U16, uint16_t, "%d", int)
    INTEGER(I16, int16_t, "%d", int)
    INTEGER(U32, uint32_t, "%lld", long long)
    INTEGER(I32, int32_t, "%lld", long long)
    INTEGER(U64, uint64_t, "%llu", unsigned long long)
    INTEGER(I64, int64_t, "%lld", long long)
#undef INTEGER
    case PIPERT_BOOL: return sprintf(to, "%s", *at ? "true" : "false");
    case PIPERT_F32: return print_real(to, 9, (double)*(const float *)(const void *)at);
    default: return print_real(to, 17, *(const double *)(const void *)at);
    }
}

static char *print_tensor(char *to, int dtype, int rank, const int64_t *dim,
                          const char **at) {
    if (!rank) {
        to += print_element(to, dtype, *at);
        *at += text_dtype_size(dtype);
        return to;
    }
    *to++ = '[';
    for (int64_t i = 0; i < dim[0]; i++) {
        if (i) *to++ = ',';
        to = print_tensor(to, dtype, rank - 1, dim + 1, at);
    }
    *to++ = ']';
    *to = 0;
    return to;
}

/* The bytes of the text: of every element, and two brackets of every list. */
static size_t text_room(int rank, const int64_t *dim) {
    size_t room = ELEMENT_ROOM;
    for (int k = rank; k-- > 0;) room = 3 + (size_t)dim[k] * (room + 1);
    return room + 1;
}

int pipert_set_value(pipert *p, const char *name, int dtype, int rank,
                     const int64_t *dim, const void *data) {
    const char *at = data;
    char *text;
    int status;
    if (!p || !name || !data || !text_dtype_size(dtype) || dtype == PIPERT_F16 ||
        dtype == PIPERT_BF16 || rank < 0 || rank > PK_MAX_RANK || (rank && !dim))
        return p ? fail_with(p, PIPERT_ARGUMENT, "pipert_set_value: a wrong argument")
                 : PIPERT_ARGUMENT;
    text = malloc(text_room(rank, dim));
    if (!text) return fail_with(p, PIPERT_MEMORY, "no memory");
    print_tensor(text, dtype, rank, dim, &at);
    status = pipert_set(p, name, text);
    free(text);
    return status;
}

/* ---- what a header expects ---- */

int pipert_expect_name(pipert *p, const char *name) {
    if (!p || !name) return PIPERT_ARGUMENT;
    if (!strcmp(pipert_name(p), name)) return PIPERT_OK;
    return fail_with(p, PIPERT_LOAD, "the feature is `%s`, the header is of `%s`",
                     pipert_name(p), name);
}

static bool same_field(const pipert_field *want, const pipert_output *got) {
    bool same = !strcmp(want->name, got->name) && want->dtype == (int)got->dtype &&
                want->ragged == got->ragged && want->rank == got->rank;
    for (int k = 0; same && k < want->rank; k++)
        same = want->dim[k] < 0 || want->dim[k] == got->dim[k];
    return same;
}

int pipert_expect_fields(pipert *p, const pipert_batch *b, const pipert_field *fields,
                         int n) {
    if (!p || !b || !fields) return PIPERT_ARGUMENT;
    if (b->noutputs != n)
        return fail_with(p, PIPERT_LOAD,
                         "`%s` has %d fields, its header %d: make the header again",
                         pipert_name(p), b->noutputs, n);
    for (int i = 0; i < n; i++)
        if (!same_field(&fields[i], &b->output[i]))
            return fail_with(p, PIPERT_LOAD,
                             "field %d of `%s` is not `%s`, %s, as its header says: "
                             "make the header again with the same -D",
                             i, pipert_name(p), fields[i].name, fields[i].type);
    return PIPERT_OK;
}
