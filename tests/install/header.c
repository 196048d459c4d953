/* header.dsl in C and C++: its header's defaults, parameters, fields and checks.
 * header FEATURE.so OTHER.so: the other has the name, but n = 2. */
#include "header.h"
#include <stdio.h>

static int failed;

#define DUE(condition)                                                               \
    ((condition) ? (void)0 : (printf("line %d: %s\n", __LINE__, #condition), (void)failed++))

static void check_defaults(const class_params *p) {
    DUE(!strcmp(p->root, "a\"b?\?/c") && !strcmp(p->word, "w\xc3\xb6rd"));
    DUE(p->long_ == 5 && p->scale == 0.1f && p->big == UINT64_MAX);
    DUE(p->low == -INT64_MAX && p->mean[0] == 0.485f && p->mean[2] == 1e-3f);
    DUE(p->table[1][0] == 3 && p->on && p->half == 0.5f && p->must[1] == 0.25);
    DUE(p->params_ == 7 && CLASS_N_VALUE == 3 && CLASS_BATCH == 4);
    DUE(CLASS_STRUCT_DIM1 == 3 && CLASS_STRUCT_DIM2 == 2);
}

/* Record `value` in row i of the batch. */
static void check_record(const class_batch *b, int i, int value, int *linux_at) {
    static const float mean[3] = {0.485f, 1, 1e-3f};
    DUE(value != 5 || b->new_[i] == 0x3800);
    DUE(b->delete_[i] == 5.5f);
    DUE(b->namespace_[i] == (value > 7) && b->texts[i] == 5 + 100 * 7);
    DUE(b->bounds[i] == UINT64_MAX && b->least[i] == -INT64_MAX);
    DUE(b->batch__[i] == value && b->batch_[i] == value + 1);
    DUE(sizeof *b->struct_ == 6 * sizeof(float));
    for (int k = 0; k < 3; k++) DUE(b->struct_[i][k][1] == mean[k] + 0.25f);
    DUE(b->linux_.shapes[i][0] == value % 4 && b->linux_.shapes[i][1] == 2);
    DUE(b->linux_.offsets[i] == *linux_at);
    *linux_at += value % 4 * 2;
    DUE(b->linux_.offsets[i + 1] == *linux_at && *linux_at <= b->linux_.count);
    for (int k = 0; k < value % 3; k++) {
        DUE(b->ragged.data[b->ragged.offsets[i] + k] == 3 + k);
        DUE(b->padded.data[i * b->padded.dim[1] + k] == 3 + k);
    }
}

static int check_batches(pipert *p) {
    class_batch b;
    int status, value = 0;
    while ((status = class_next(p, &b)) == PIPERT_OK) {
        int linux_at = 0;
        for (int i = 0; i < b.batch->rows; i++) check_record(&b, i, value++, &linux_at);
        DUE(b.mean[0] == 1.5f && b.mean[1] == 2.5f && b.padded.dim[0] == b.batch->rows);
        DUE(class_release(p, &b) == PIPERT_OK);
    }
    DUE(status == PIPERT_END && value == 10);
    return status;
}

/* The header is not the other feature's; that is told. */
static void check_other(const char *path, const class_params *params) {
    pipert *p;
    class_batch b;
    DUE(pipert_open(&p, path, NULL) == PIPERT_OK);
    DUE(pipert_expect_name(p, "struct") == PIPERT_LOAD);
    DUE(strstr(pipert_error(p), "the feature is `class`, the header is of `struct`") != NULL);
    pipert_close(p);
    DUE(class_open(&p, path, params, NULL) == PIPERT_OK);
    DUE(class_next(p, &b) == PIPERT_LOAD);
    DUE(strstr(pipert_error(p), "`struct`, f32[3, 2], as its header says") != NULL);
    pipert_close(p);
}

int main(int argc, char **argv) {
    const double must[2] = {1e-300, 0.25};
    class_params params = class_defaults(5, must);
    pipert *p;
    if (argc != 3) return 2;
    check_defaults(&params);
    if (class_open(&p, argv[1], &params, NULL)) puts(pipert_error(p)), failed++;
    else if (check_batches(p) != PIPERT_END) puts(pipert_error(p));
    pipert_close(p);
    check_other(argv[2], &params);
    return failed != 0;
}
