#include "host.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every block of its own, so that a sanitizer sees what runs over its end. */
static void *host_more(pk_call *call, size_t bytes) {
    Host *host = (Host *)call;
    char *block;
    if (host->used + (int64_t)bytes > call->max_bytes) return NULL;
    block = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (!block) return NULL;
    host->used += (int64_t)bytes;
    *(void **)block = host->blocks;
    host->blocks = block;
    return block + 64;
}

static int host_at_close(pk_call *call, void (*destroy)(void *), void *what) {
    (void)call, (void)destroy, (void)what;
    return 0;
}

static int host_vfail(pk_call *call, int64_t row, const char *format, va_list list) {
    Host *host = (Host *)call;
    host->failed = 1;
    host->first_row = row;
    vsnprintf(host->reason, sizeof host->reason, format, list);
    return 3;
}

int host_cpu(void) {
#if defined __x86_64__
    if (__builtin_cpu_supports("x86-64-v4")) return 4;
    if (__builtin_cpu_supports("x86-64-v3")) return 3;
#endif
    return 0;
}

void host_init(Host *host, int64_t max_pixels, int64_t max_bytes) {
    memset(host, 0, sizeof *host);
    host->call.more = host_more;
    host->call.scratch = host_more;
    host->call.at_close = host_at_close;
    host->call.vfail = host_vfail;
    host->call.max_pixels = max_pixels;
    host->call.max_bytes = max_bytes;
    host->call.cpu = host_cpu();
}

void host_reset(Host *host) {
    while (host->blocks) {
        void *block = host->blocks;
        host->blocks = *(void **)block;
        free(block);
    }
    host->used = 0;
    host->failed = 0;
    host->first_row = 0;
    host->reason[0] = 0;
}
