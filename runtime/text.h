/* Values from text: parameters, options, columns. */
#ifndef PIPERT_TEXT_H
#define PIPERT_TEXT_H
#include "plan.h"
#include <stdbool.h>

int text_dtype_size(int dtype);
const char *text_dtype_name(int dtype);
bool text_dtype_is_float(int dtype);

/* One scalar of a dtype, blanks around it allowed. false: it is none, or does
 * not fit. Integers and bool go to i, floats to f (rounded to f32 where the
 * dtype is narrower than f64). */
bool text_scalar(const char *text, size_t n, pl_dtype, pl_value *);
/* Writes a value as an element of its dtype. */
void text_store(void *to, pl_dtype, const pl_value *);
/* "12", "64MB", "1.5GiB": bytes. */
bool text_bytes(const char *text, int64_t *);
/* A tensor of `rank` from nested brackets: its dims, and its elements to `to`
 * (room for as many as there are; NULL: only counts). -1: malformed. */
int64_t text_tensor(const char *text, pl_dtype, int rank, int64_t *dim, void *to);
/* How many edits turn a into b. */
int text_distance(const char *a, const char *b);
/* printf with up to two %lld, and %%; anything else stays as it is. */
void text_reason(char *to, size_t n, const char *format, int64_t a, int64_t b);
#endif
