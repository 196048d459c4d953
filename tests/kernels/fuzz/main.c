#include "fuzz.h"

Host host;

static const struct { const char *name; target *run; } targets[] = {
    {"header", fuzz_header},
    {"scan", fuzz_scan},
    {"window", fuzz_window},
    {"index", fuzz_index},
    {"folder", fuzz_folder},
};
enum { TARGETS = sizeof targets / sizeof *targets };
static long long ran[TARGETS];

static void tell(void) {
    fprintf(stderr, "# executions:");
    for (int i = 0; i < TARGETS; i++)
        fprintf(stderr, " %s %lld", targets[i].name, ran[i]);
    fprintf(stderr, "\n");
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
#if !defined __x86_64__
    pixels_are_judged = false;
#endif
    return atexit(tell);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    Input in = {data, data + n};
    int i = take(&in) % TARGETS;
    host_init(&host, 1 << 20, (int64_t)1 << 22);
    ran[i]++;
    targets[i].run(&in);
    host_reset(&host);
    return 0;
}
