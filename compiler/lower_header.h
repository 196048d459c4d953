/* Between lower_header.c and lower_header_params.c: a C header of a feature. */
#ifndef PIPEC_LOWER_HEADER_H
#define PIPEC_LOWER_HEADER_H
#include "lower_room.h"

typedef struct Header {
    Arena *arena;
    FILE *out;
    const Graph *graph;
    const char *name, *macro;           /* begin every name: imagenet, IMAGENET */
    const char **fields, **params;      /* names of the members */
} Header;

/* The type in C, and the X of PIPERT_X. */
extern const struct HeaderType { const char *c, *name; } header_types[PL_DTYPES];

const char *header_upper(Arena *, const char *name);
/* A dimension of a type; -1: not constant. */
int64_t header_dim(const Type *, int k);
/* Whether C can have an array of the dimensions from k on. */
bool header_is_array(const Type *, int from);
void header_put_dims(FILE *, const Type *, int from);
const char *header_type_text(Arena *, const Type *);

/* ---- lower_header_params.c ---- */
/* The text of --set as C: numbers, and lists in braces. */
void header_put_value(FILE *, const Type *, const char *text);
/* The struct of parameters, their defaults, and the functions that open. */
void header_put_params(Header *);
#endif
