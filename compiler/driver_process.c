#define _GNU_SOURCE
#include "driver_files.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The environment with messages in English and no clock in what is made. */
static char **plain_environment(Arena *arena) {
    int n = 0;
    while (environ[n])
        n++;
    char **list = arena_array(arena, char *, n + 3);
    int kept = 0;
    for (int i = 0; i < n; i++)
        if (strncmp(environ[i], "LC_ALL=", 7) &&
            strncmp(environ[i], "SOURCE_DATE_EPOCH=", 18))
            list[kept++] = environ[i];
    list[kept++] = "LC_ALL=C";
    list[kept++] = "SOURCE_DATE_EPOCH=0";
    return list;
}

static const char *drain(Arena *arena, int pipe_end) {
    size_t n = 0, room = 1 << 12;
    char *text = malloc(room);
    for (ssize_t got = 1; text && got > 0;) {
        if (n + 1 == room) {
            char *wider = realloc(text, room *= 2);
            if (!wider)
                break;
            text = wider;
        }
        got = read(pipe_end, text + n, room - n - 1);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            n += (size_t)got;
    }
    const char *copy = arena_strndup(arena, text ? text : "", text ? n : 0);
    free(text);
    return copy;
}

static int wait_for(pid_t child) {
    int state;
    while (waitpid(child, &state, 0) < 0)
        if (errno != EINTR)
            return 127;
    return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

Process process_run(Arena *arena, const char *const *argv, const char *folder) {
    Process process = {127, ""};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return process;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    if (folder)
        posix_spawn_file_actions_addchdir_np(&actions, folder);
    pid_t child;
    int error = posix_spawnp(&child, argv[0], &actions, NULL, (char *const *)argv,
                             plain_environment(arena));
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (!error) {
        process.output = drain(arena, ends[0]);
        process.status = wait_for(child);
    }
    close(ends[0]);
    return process;
}

bool program_exists(Arena *arena, const char *name) {
    const char *path = getenv("PATH");
    if (strchr(name, '/'))
        return access(name, X_OK) == 0;
    for (; path && *path; path += *path == ':') {
        int length = (int)strcspn(path, ":");
        if (access(arena_format(arena, "%.*s/%s", length, path, name), X_OK) == 0)
            return true;
        path += length;
    }
    return false;
}

static struct rlimit found;             /* what the stack might grow to; 0: unchanged */

void stack_raise(void) {
    struct rlimit limit;
    rlim_t enough = 120 << 20;
    if (getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur >= enough)
        return;
    found = limit;
    limit.rlim_cur = limit.rlim_max < enough ? limit.rlim_max : enough;
    setrlimit(RLIMIT_STACK, &limit);
}

void stack_restore(void) {
    if (found.rlim_cur)
        setrlimit(RLIMIT_STACK, &found);
}
