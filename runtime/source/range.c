/* range(a, b, step = 1): the integers from a up to (or down to) b, without b. */
#include "../source.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const fields[] = {"value", "index", NULL};

typedef struct range {
    int64_t from, step;
    int field[];                /* per input: 0 value, 1 index */
} range;

/* How many of from, from + step, … lie before to; the difference of two int64 fits
 * a uint64. */
static uint64_t range_count(int64_t from, int64_t to, int64_t step) {
    uint64_t span, by;
    if (step > 0 ? to <= from : to >= from) return 0;
    span = step > 0 ? (uint64_t)to - (uint64_t)from : (uint64_t)from - (uint64_t)to;
    by = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    return (span - 1) / by + 1;
}

static int range_open(source *s, char *why, size_t n) {
    const source_request *q = &s->request;
    range *r = calloc(1, sizeof *r + (size_t)q->ninputs * sizeof *r->field);
    uint64_t count;
    if (!r) return snprintf(why, n, "no memory"), 1;
    s->state = r;
    if (!source_given(q, 0) || !source_given(q, 1))
        return snprintf(why, n, "range needs two numbers"), 1;
    r->from = q->args[0].value.i;
    r->step = source_given(q, 2) ? q->args[2].value.i : 1;
    if (!r->step) return snprintf(why, n, "the step of range is 0"), 1;
    count = range_count(r->from, q->args[1].value.i, r->step);
    if (count > INT64_MAX) return snprintf(why, n, "range has too many values"), 1;
    s->count = (int64_t)count;
    for (int k = 0; k < q->ninputs; k++) {
        r->field[k] = source_field(fields, q->inputs[k].name);
        if (r->field[k] < 0)
            return snprintf(why, n, "range has no field `%s`", q->inputs[k].name), 1;
    }
    return 0;
}

static int64_t range_read(source *s, source_reader *reader, const int64_t *index,
                          int64_t n, pl_value *values) {
    const range *r = s->state;
    int ninputs = s->request.ninputs;
    (void)reader;
    for (int k = 0; k < ninputs; k++) {
        uint64_t from = r->field[k] ? 0 : (uint64_t)r->from;
        uint64_t step = r->field[k] ? 1 : (uint64_t)r->step;
        for (int64_t i = 0; i < n; i++)
            values[i * ninputs + k].i = (int64_t)(from + step * (uint64_t)index[i]);
    }
    return n;
}

static int range_identify(source *s, int64_t index, source_add *add, void *to) {
    pl_value v[2];
    int ninputs = s->request.ninputs;
    if (ninputs > 2) return 1;
    range_read(s, NULL, &index, 1, v);
    for (int k = 0; k < ninputs; k++) add(to, &v[k].i, sizeof v[k].i);
    return 0;
}

static void range_close(source *s) { free(s->state); }

const source_ops source_range = {"range", range_open, range_read, NULL,
                                 range_identify, range_close};
