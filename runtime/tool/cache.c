/* pipert cache: what lies in the folder of a cache, and away with it. */
#include "tool.h"
#include "../plat.h"
#include "../store_list.h"
#include <errno.h>
#include <string.h>
#include <time.h>

static const char *bytes_text(char *to, size_t n, int64_t bytes) {
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    double x = (double)bytes;
    int unit = 0;
    for (; x >= 1000 && unit < 4; unit++) x /= 1000;
    snprintf(to, n, unit ? "%.1f %s" : "%.0f %s", x, units[unit]);
    return to;
}

static const char *time_text(char *to, size_t n, int64_t ns) {
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm local;
    if (!localtime_r(&seconds, &local) || !strftime(to, n, "%Y-%m-%d %H:%M", &local))
        snprintf(to, n, "?");
    return to;
}

static void print_group(const store_group *g) {
    char bytes[32], when[32];
    printf("%12lld %10lld %12s  %s", (long long)g->records, (long long)g->segments,
           bytes_text(bytes, sizeof bytes, g->bytes),
           time_text(when, sizeof when, g->used));
    if (g->in_use) printf("  in use");
    if (!g->readable) printf("  of another version, or damaged");
    printf("\n");
}

static void print_listing(const char *folder, const store_listing *l) {
    char text[32];
    int64_t bytes = 0;
    for (int i = 0; i < l->n; i++) bytes += l->group[i].bytes;
    printf("%s: %s\n", folder, l->n ? bytes_text(text, sizeof text, bytes) : "empty");
    if (l->n) printf("%12s %10s %12s  %s\n", "records", "segments", "bytes", "last used");
    for (int i = 0; i < l->n; i++) print_group(&l->group[i]);
}

static int failed(const char *folder, int error) {
    char why[256];
    const char *what = error == EPERM ? "it is not yours, or anybody may write into it"
                       : error == EWOULDBLOCK
                           ? "a process is at work there; try again"
                           : plat_error(error, why, sizeof why);
    fprintf(stderr, "pipert: the cache %s cannot be looked into: %s\n", folder, what);
    return STATUS_FAILED;
}

static int cleared_in_part(const char *folder, int error) {
    char why[256];
    fprintf(stderr, "pipert: not all of the cache %s can be removed: %s\n", folder,
            plat_error(error, why, sizeof why));
    return STATUS_FAILED;
}

int cache_command(int argc, char **argv) {
    const char *folder = NULL;
    bool clear = false;
    store_listing l;
    int error;
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], "--clear")) clear = true;
        else if (argv[i][0] == '-' || folder) {
            fprintf(stderr, "pipert: `%s` will not do; it is: pipert cache DIR "
                            "[--clear]\n", argv[i]);
            return STATUS_USAGE;
        } else folder = argv[i];
    }
    if (!folder) {
        fprintf(stderr, "pipert: which folder? pipert cache DIR\n");
        return STATUS_USAGE;
    }
    error = clear ? store_clear(folder, &l) : store_list(folder, &l);
    if (error) failed(folder, error);
    else print_listing(folder, &l);
    store_list_free(&l);
    if (!error && l.error) return cleared_in_part(folder, l.error);
    return error ? STATUS_FAILED : STATUS_OK;
}
