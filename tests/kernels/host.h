/* A pk_call for tests of kernels: record memory with a limit, and the failure
 * that the kernel told. One per thread; memory goes with host_reset. */
#ifndef TESTS_KERNELS_HOST_H
#define TESTS_KERNELS_HOST_H
#include "pipec_kernel.h"

typedef struct Host {
    pk_call call;               /* first */
    void *blocks;               /* chain of what was allocated */
    int64_t used;
    int failed;
    int64_t first_row;
    char reason[300];
} Host;

int host_cpu(void);             /* the best of this machine, as pk_call.cpu */
void host_init(Host *, int64_t max_pixels, int64_t max_bytes);
void host_reset(Host *);        /* frees the memory, forgets the failure */
#endif
