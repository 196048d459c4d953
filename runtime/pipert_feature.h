/* What the headers of `pipec F.dsl --emit=header` call: parameters as values of C
 * instead of text, and batches that are checked against what the header says. */
#ifndef PIPERT_FEATURE_H
#define PIPERT_FEATURE_H
#include "pipert.h"
#ifdef __cplusplus
extern "C" {
#endif

/* A field as a header has it. */
typedef struct pipert_field {
    const char *name;
    int dtype, ragged, rank;    /* as in pipert_output */
    int64_t dim[9];             /* -1: any */
    const char *type;           /* for messages: "f32[3, 224, 224]" */
} pipert_field;

/* pipert_set of a scalar (rank 0, dim NULL) or a dense, row-major tensor, whose
 * elements are of `dtype`: any but f16 and bf16, which are given as f32. */
PIPERT_API int pipert_set_value(pipert *, const char *name, int dtype, int rank,
                                const int64_t *dim, const void *data);
/* PIPERT_LOAD, with pipert_error, if the feature has another name. */
PIPERT_API int pipert_expect_name(pipert *, const char *name);
/* The same if the fields of the batch are others than these n. */
PIPERT_API int pipert_expect_fields(pipert *, const pipert_batch *, const pipert_field *,
                                    int n);

#ifdef __cplusplus
}
#endif
#endif
