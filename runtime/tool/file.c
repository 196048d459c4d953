/* Files that pipert writes: whether they can be, before the run, and what went wrong. */
#include "tool.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_fails(const char *path, int error, char *why, size_t n) {
    snprintf(why, n, "%s cannot be written: %s", path, strerror(error));
    return false;
}

bool file_possible(const char *path, char *why, size_t n) {
    const char *slash = strrchr(path, '/');
    char *folder;
    struct stat s;
    int error;
    if (!stat(path, &s))
        error = S_ISDIR(s.st_mode) ? EISDIR : access(path, W_OK) ? errno : 0;
    else if (errno != ENOENT)
        error = errno;
    else {
        folder = slash ? strndup(path, (size_t)(slash + 1 - path)) : strdup(".");
        if (!folder) return file_fails(path, ENOMEM, why, n);
        error = access(folder, W_OK | X_OK) ? errno : 0;
        free(folder);
    }
    return error ? file_fails(path, error, why, n) : true;
}

bool file_replaceable(const char *path, char *why, size_t n) {
    char other[4096];
    struct stat s;
    if (strlen(path) + 5 > sizeof other) return file_fails(path, ENAMETOOLONG, why, n);
    snprintf(other, sizeof other, "%s.new", path);
    if (!file_possible(path, why, n)) return false;
    return (!stat(path, &s) && !S_ISREG(s.st_mode)) || file_possible(other, why, n);
}

bool file_replace(const char *path, const char *text, char *why, size_t n) {
    char other[4096];
    struct stat s;
    bool other_first = stat(path, &s) || S_ISREG(s.st_mode);
    FILE *f;
    snprintf(other, sizeof other, "%s%s", path, other_first ? ".new" : "");
    f = fopen(other, "w");
    if (f) fputs(text, f);
    if (!file_end(f, other, why, n)) return false;
    if (!other_first || !rename(other, path)) return true;
    return file_fails(path, errno, why, n);
}

bool file_end(FILE *f, const char *path, char *why, size_t n) {
    struct stat s;
    bool regular = f && !fstat(fileno(f), &s) && S_ISREG(s.st_mode);
    int error = 0;
    if (!f) return file_fails(path, errno, why, n);
    errno = 0;
    if (fflush(f) || ferror(f)) error = errno ? errno : EIO;
    if (fclose(f) && !error) error = errno;
    if (!error) return true;
    if (regular) remove(path);
    return file_fails(path, error, why, n);
}

bool file_make_folder(const char *path, char *why, size_t n) {
    char part[4096];
    size_t size = strlen(path);
    if (size >= sizeof part) return file_fails(path, ENAMETOOLONG, why, n);
    for (size_t i = 1; i <= size; i++) {
        if (path[i] && path[i] != '/') continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0777) && errno != EEXIST) return file_fails(part, errno, why, n);
    }
    snprintf(part, sizeof part, "%s/", path);
    return access(part, W_OK | X_OK) ? file_fails(path, errno, why, n) : true;
}
