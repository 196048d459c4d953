#define _GNU_SOURCE
#include "driver_files.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- places ---- */

void places_find(Places *places, Arena *arena) {
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        n = snprintf(path, sizeof path, "./pipec");
    path[n] = 0;
    places->bin = file_folder(arena, path);
    places->lib = arena_format(arena, "%s/../lib/pipec", places->bin);
    places->share = arena_format(arena, "%s/../share/pipec", places->bin);
}

const char *places_temporary(void) {
    const char *tmp = getenv("TMPDIR");
    return tmp && *tmp ? tmp : "/tmp";
}

/* What the handler of signals removes. */
static const char *volatile scratch_now;

/* The folder holds files alone. Runs in a handler too: system calls, no library. */
static void remove_folder(const char *path) {
    _Alignas(struct dirent64) char entries[4096];
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long n;
    while (folder >= 0 &&
           (n = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0)
        for (long at = 0; at < n;) {
            const struct dirent64 *entry = (const void *)(entries + at);
            unlinkat(folder, entry->d_name, 0);
            at += entry->d_reclen;
        }
    close(folder);
    rmdir(path);
}

/* The signal itself comes again when this returns, and ends the process. */
static void clean_up(int signal) {
    if (scratch_now)
        remove_folder(scratch_now);
    raise(signal);
}

static void catch_signals(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction own = {.sa_handler = clean_up, .sa_flags = (int)SA_RESETHAND},
                     before;
    for (int i = 0; i < 3; i++)
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &own, NULL);
}

const char *places_scratch(Places *places, Arena *arena) {
    if (places->scratch)
        return places->scratch;
    char *name = arena_format(arena, "%s/pipec-XXXXXX", places_temporary());
    scratch_now = name;                 /* mkdtemp writes its name there, then makes it */
    catch_signals();
    places->scratch = mkdtemp(name);
    return places->scratch;
}

void places_drop(Places *places) {
    if (places->scratch)
        remove_folder(places->scratch);
    places->scratch = scratch_now = NULL;
}

/* ---- names ---- */

const char *file_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *file_folder(Arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ".";
    return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

bool file_ends_with(const char *path, const char *end) {
    size_t n = strlen(path), m = strlen(end);
    return n >= m && !strcmp(path + n - m, end);
}

const char *file_stem(Arena *arena, const char *path) {
    const char *base = file_base(path), *dot = strrchr(base, '.');
    return dot && dot != base ? arena_strndup(arena, base, (size_t)(dot - base)) : base;
}

const char *file_join(Arena *arena, const char *folder, const char *name) {
    return name[0] == '/' || !strcmp(folder, ".")
               ? name
               : arena_format(arena, "%s/%s", folder, name);
}

/* ---- contents ---- */

static char *read_open(Arena *arena, int file, size_t *size) {
    struct stat info;
    if (fstat(file, &info))
        return NULL;
    if (!S_ISREG(info.st_mode)) {
        errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
        return NULL;
    }
    char *text = arena_alloc(arena, (size_t)info.st_size + 1);
    size_t n = 0;
    while (n < (size_t)info.st_size) {
        ssize_t got = read(file, text + n, (size_t)info.st_size - n);
        if (got < 0)
            return NULL;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    text[n] = 0;
    *size = n;
    return text;
}

char *file_read(Arena *arena, const char *path, size_t *size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return NULL;
    char *text = read_open(arena, file, size);
    int error = errno;
    close(file);
    errno = error;
    return text;
}

bool file_exists(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

bool file_same(const char *a, const char *b) {
    struct stat left, right;
    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

bool file_make_folders(Arena *arena, const char *path) {
    char *copy = arena_strndup(arena, path, strlen(path));
    for (char *s = copy + 1;; s++) {
        if (*s && *s != '/')
            continue;
        char end = *s;
        *s = 0;
        if (mkdir(copy, 0777) && errno != EEXIST)
            return false;
        *s = end;
        if (!end)
            return true;
    }
}

static bool write_whole(const char *path, const char *text, size_t size, mode_t mode) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0)
        return false;
    bool good = true;
    for (size_t n = 0; n < size && good;) {
        ssize_t put = write(file, text + n, size - n);
        good = put > 0;
        n += good ? (size_t)put : 0;
    }
    mode_t mask = umask(0);
    umask(mask);
    good &= fchmod(file, mode & ~mask & 0777) == 0;
    return close(file) == 0 && good;
}

/* What is no regular file (/dev/stdout, a pipe) is written into. */
static bool write_into(const char *path, const char *text, size_t size) {
    FILE *out = fopen(path, "wb");
    bool good = out && fwrite(text, 1, size, out) == size;
    return out && fclose(out) == 0 && good;
}

bool file_move(Arena *arena, const char *from, const char *to) {
    struct stat source, target;
    size_t size;
    char *text = file_read(arena, from, &size);
    if (!text || stat(from, &source))
        return false;
    if (stat(to, &target) == 0 && !S_ISREG(target.st_mode))
        return write_into(to, text, size);
    mode_t mode = source.st_mode & S_IXUSR ? 0777 : 0666;
    char *beside = arena_format(arena, "%s.%ld.tmp", to, (long)getpid());
    if (write_whole(beside, text, size, mode) && rename(beside, to) == 0)
        return true;
    int error = errno;
    unlink(beside);
    errno = error;
    return false;
}
