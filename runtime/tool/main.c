/* pipert: runs compiled features. */
#include "tool.h"
#include <errno.h>
#include <string.h>

static int usage(void) {
    print_help(stderr);
    return STATUS_USAGE;
}

static int run_command(int argc, char **argv) {
    options o;
    int status = options_parse(&o, TOOL_RUN, argc, argv);
    if (!status) status = options_feature(&o, TOOL_RUN);
    if (!status) status = run(&o);
    options_free(&o);
    return status;
}

static const struct { const char *name; int (*run)(int argc, char **argv); } commands[] = {
    {"run", run_command}, {"profile", profile_command}, {"doctor", doctor_command},
    {"headroom", headroom_command}, {"index", index_command}, {"cache", cache_command},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int command(int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return print_help(stdout), STATUS_OK;
        if (!strcmp(argv[i], "--version"))
            return printf("pipert %s\n", pipert_version()), STATUS_OK;
    }
    if (argc < 2) return usage();
    for (int i = 0; i < COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 2, argv + 2);
    if (!strcmp(argv[1], "serve")) pipert_serve();
    fprintf(stderr, "pipert: there is no command `%s`; it is: pipert run FEATURE.so, or "
                    "profile, doctor, headroom, index, cache (pipert --help)\n", argv[1]);
    return STATUS_USAGE;
}

/* What could not be printed is no success. */
int main(int argc, char **argv) {
    int status = command(argc, argv);
    errno = 0;
    if (!fflush(stdout) && !ferror(stdout)) return status;
    fprintf(stderr, "pipert: the output cannot be written: %s\n",
            strerror(errno ? errno : EIO));
    return status == STATUS_OK ? STATUS_FAILED : status;
}
