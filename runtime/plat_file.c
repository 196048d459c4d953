/* The part of plat.h about files that several processes of one user write. */
#define _GNU_SOURCE
#include "plat.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- folders ---- */
static int make_folders(const char *path) {
    char *part = strdup(path);
    int error = part ? 0 : ENOMEM;
    for (char *c = part; !error && c && *c; c++) {
        if (*c != '/' || c == part) continue;
        *c = 0;
        if (mkdir(part, 0700) && errno != EEXIST) error = errno;
        *c = '/';
    }
    if (!error && mkdir(path, 0700) && errno != EEXIST) error = errno;
    free(part);
    return error;
}

static int open_folder(const char *path, int *folder) {
    *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *folder < 0 ? errno : 0;
}

int plat_folder_open(const char *path, int *folder) {
    struct stat s;
    int error = open_folder(path, folder);
    if (error == ENOENT) {
        error = make_folders(path);
        if (!error) error = open_folder(path, folder);
    }
    if (error) return error;
    error = fstat(*folder, &s) ? errno : 0;
    if (!error && (s.st_uid != geteuid() || s.st_mode & S_IWOTH)) error = EPERM;
    if (error) close(*folder);
    return error;
}

int plat_folder_list(int folder, int (*each)(void *, const char *), void *context) {
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), stop = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;
    if (!d) {
        stop = errno;
        if (fd >= 0) close(fd);
        return stop;
    }
    while (!stop && (errno = 0, e = readdir(d)))
        if (e->d_name[0] != '.') stop = each(context, e->d_name);
    if (!stop && errno) stop = errno;
    closedir(d);
    return stop;
}

/* ---- files ---- */
int plat_file_open(int folder, const char *name, int *fd) {
    const int how = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    struct stat s;
    int error = 0;
    *fd = openat(folder, name, O_RDWR | how);
    if (*fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM))
        *fd = openat(folder, name, O_RDONLY | how);
    if (*fd < 0) return errno;
    if (fstat(*fd, &s)) error = errno;
    else if (!S_ISREG(s.st_mode) || s.st_uid != geteuid()) error = EPERM;
    if (error) close(*fd);
    return error;
}

int plat_file_make(int folder, const char *name, int *fd) {
    *fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd < 0 ? errno : 0;
}

int plat_file_rename(int folder, const char *from, const char *to) {
    return renameat(folder, from, folder, to) ? errno : 0;
}

int plat_file_remove(int folder, const char *name) {
    return unlinkat(folder, name, 0) ? errno : 0;
}

int plat_file_hold(int fd, plat_file_lock lock) {
    static const int of[] = {LOCK_UN, LOCK_SH, LOCK_EX};
    int failed;
    do failed = flock(fd, of[lock] | LOCK_NB);
    while (failed && errno == EINTR);
    return failed ? errno : 0;
}

bool plat_file_has_name(int fd) {
    struct stat s;
    return !fstat(fd, &s) && s.st_nlink > 0;
}

int plat_file_touch(int fd) { return futimens(fd, NULL) ? errno : 0; }

/* Leaves what has not been written of them; returns how many are left. */
static int skip(struct iovec *v, int n, size_t written) {
    int done = 0;
    while (done < n && written >= v[done].iov_len) written -= v[done++].iov_len;
    memmove(v, v + done, (size_t)(n - done) * sizeof *v);
    if (done < n) {
        v->iov_base = (char *)v->iov_base + written;
        v->iov_len -= written;
    }
    return n - done;
}

/* A file that grows beyond the limit of the process (ulimit -f) is an error here, not a
 * signal that ends it: the signal is taken back, but if somebody else holds it off. */
static ssize_t write_some(int fd, const struct iovec *v, int n, int64_t offset) {
    static const struct timespec now;
    sigset_t limit, before;
    ssize_t k;
    int error;
    sigemptyset(&limit);
    sigaddset(&limit, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &limit, &before);
    k = pwritev(fd, v, n, offset);
    error = errno;
    if (k < 0 && error == EFBIG && !sigismember(&before, SIGXFSZ))
        sigtimedwait(&limit, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return k;
}

int plat_write_at(int fd, const plat_piece *piece, int n, int64_t offset) {
    struct iovec v[PLAT_PIECES];
    for (int i = 0; i < n; i++)
        v[i] = (struct iovec){(void *)(uintptr_t)piece[i].data, piece[i].bytes};
    n = skip(v, n, 0);
    while (n) {
        ssize_t k = write_some(fd, v, n, offset);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return errno;
        if (!k) return ENOSPC;
        offset += k;
        n = skip(v, n, (size_t)k);
    }
    return 0;
}
