/* The part of plat.h about processes: memory that two share, streams between them. */
#define _GNU_SOURCE
#include "plat.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- memory ---- */
int plat_memory_file(int *fd) {
    *fd = memfd_create("pipert", MFD_CLOEXEC);
    return *fd < 0 ? errno : 0;
}

int plat_resize(int fd, size_t bytes) {
    return ftruncate(fd, (off_t)bytes) ? errno : 0;
}

int plat_map(int fd, size_t bytes, void **at) {
    *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    return *at == MAP_FAILED ? errno : 0;
}

int plat_map_file(const char *path, size_t bytes, void **at) {
    int fd = open(path, O_RDWR | O_CLOEXEC), error;
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (fd < 0) return errno;
    error = size < (off_t)bytes ? EINVAL : plat_map(fd, bytes, at);
    close(fd);
    return error;
}

/* ---- programs ---- */
int plat_socket_pair(int fd[2]) {
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) ? errno : 0;
}

/* Descriptors are moved out of each other's way before they get their numbers. */
static int give(posix_spawn_file_actions_t *actions, const int *given, int *high, int n) {
    int error = 0;
    for (int i = 0; i < n; i++) {
        high[i] = fcntl(given[i], F_DUPFD_CLOEXEC, 3 + n);
        if (high[i] < 0) return errno;
        error = error ? error : posix_spawn_file_actions_adddup2(actions, high[i], 3 + i);
    }
    return error ? error : posix_spawn_file_actions_addclosefrom_np(actions, 3 + n);
}

int plat_spawn(const char *const *argv, const int *given, int n, int64_t *process) {
    enum { MOST = 4 };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int high[MOST] = {-1, -1, -1, -1}, error;
    sigset_t blocked;
    pid_t pid;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    if ((error = posix_spawn_file_actions_init(&actions))) return error;
    if ((error = posix_spawnattr_init(&attributes))) goto out;
    posix_spawnattr_setsigmask(&attributes, &blocked);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    error = n > MOST ? E2BIG : give(&actions, given, high, n);
    if (!error)
        error = posix_spawnp(&pid, argv[0], &actions, &attributes,
                             (char *const *)(uintptr_t)argv, environ);
    if (!error) *process = pid;
    for (int i = 0; i < MOST; i++)
        if (high[i] >= 0) close(high[i]);
    posix_spawnattr_destroy(&attributes);
out:
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

void plat_process_end(int64_t process, char *how, size_t n) {
    pid_t got;
    int status;
    do got = waitpid((pid_t)process, &status, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0) snprintf(how, n, "ended");         /* somebody else asked for it */
    else if (!WIFSIGNALED(status))
        snprintf(how, n, "exited with status %d", WEXITSTATUS(status));
    else
        snprintf(how, n, "was killed by signal %d (%s)", WTERMSIG(status),
                 sigdescr_np(WTERMSIG(status)));
}

void plat_process_kill(int64_t process) { kill((pid_t)process, SIGKILL); }

int plat_process_watch(int64_t process) {
    return (int)syscall(SYS_pidfd_open, (pid_t)process, 0);
}

int64_t plat_process_id(void) { return getpid(); }
int64_t plat_parent_id(void) { return getppid(); }
void plat_ignore_interrupts(void) { signal(SIGINT, SIG_IGN); }
void plat_exit(void) { _exit(0); }

/* ---- streams ---- */
int plat_send(int fd, const void *from, size_t n) {
    for (const char *at = from; n;) {
        ssize_t k = send(fd, at, n, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return errno;
        at += k;
        n -= (size_t)k;
    }
    return 0;
}

int plat_receive(int fd, void *to, size_t n) {
    for (char *at = to; n;) {
        ssize_t k = recv(fd, at, n, 0);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return k ? errno : EPIPE;
        at += k;
        n -= (size_t)k;
    }
    return 0;
}

int plat_poll(int first, int second, int64_t until) {
    struct pollfd fds[2] = {{.fd = first, .events = POLLIN},
                            {.fd = second, .events = POLLIN}};
    for (;;) {
        int64_t left = until < 0 ? -1 : until - plat_now();
        struct timespec t = {left / 1000000000, left % 1000000000};
        if (until >= 0 && left < 0) t = (struct timespec){0, 0};
        int n = ppoll(fds, 2, until < 0 ? NULL : &t, NULL);
        if (n > 0) return (fds[0].revents ? 1 : 0) | (fds[1].revents ? 2 : 0);
        if (n < 0 && errno != EINTR) return 3;
        if (!n && plat_now() >= until) return 0;
    }
}
