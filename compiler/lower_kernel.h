/* What the callers of kernels share. */
#ifndef PIPEC_LOWER_KERNEL_H
#define PIPEC_LOWER_KERNEL_H
#include "lower_room.h"

enum { TENSOR_DIM = offsetof(pk_tensor, dim), TENSOR_STRIDE = offsetof(pk_tensor, stride) };

typedef struct Result {
    const Type *type;           /* of this call */
    bool known;                 /* all dims, before the call */
    Scalar dim[PK_MAX_RANK];
    Value memory;               /* the pk_tensor, or the place of an opaque value */
    Value data;                 /* ours; or a var, set after the call */
    int buffer;
    Value size[PK_MAX_RANK];    /* vars of unknown dims, set after the call */
} Result;

typedef struct Calling {
    const Term *term;
    const Kernel *kernel;
    int nargs;
    Value arg[64];
    Value fail;                 /* of arguments and known dims */
    int nresults;
    Result result[16];
    Value verdict;              /* plain: var, the failure of the results */
    Value fails;                /* plain: var, ptr to handles of rows, or NO_VALUE */
    int fails_buffer;
} Calling;

/* Number of the extern `name`: the kernel's parameters, then `extra` pointers. */
int kernel_declare(Gen *, const Kernel *, const char *name, int extra);
/* Fills c->arg with the call and the arguments. */
void kernel_arguments(Gen *, Calling *);
/* Calls; whether it failed (i1). */
Value kernel_call(Gen *, const Calling *, int number);
/* Fused: leaves as suspect if `bad`. */
void kernel_leave_if(Gen *, Value bad);
/* Bytes of the function's frame. */
Value kernel_stack(Gen *, int64_t bytes);
/* Writes a dense pk_tensor. */
void kernel_describe(Gen *, Value at, Value data, pl_dtype, int rank, const Value *dim);
#endif
